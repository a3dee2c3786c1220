"""Tokens and cost of a run, added up by model. Fed by LangChain's callbacks and by LlamaIndex's events alike."""

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import Any

from anyfast_transport.usage import Usage, usage_of

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens of one model cost, in a currency of your choice.

    Args:
        input: Prompt tokens that are not read from the cache.
        output: Tokens of the answer, its reasoning included.
        cached_input: Prompt tokens that are read from the cache; None = as `input`.
    """

    input: float
    output: float
    cached_input: float | None = None

    def of(self, usage: Usage) -> float:
        """The cost of one call.

        Args:
            usage: Its tokens.

        Returns:
            The cost, in the currency of the price.
        """
        cached = usage.cached or 0
        cached_input = self.input if self.cached_input is None else self.cached_input
        # Gemini's unseen thoughts are in the total alone, and are paid as output ("including thinking tokens",
        # ai.google.dev/gemini-api/docs/pricing).
        output = max(usage.output, usage.total - usage.input)
        return ((usage.input - cached) * self.input + cached * cached_input + output * self.output) / _MILLION


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What the calls of one model used, or those of all; None is "never told", which is not 0.

    Attributes:
        calls: Calls that were answered.
        failed: Calls that ended in an error, or were left before they ended. What they used is not known.
        unmetered: Answered calls that came without usage: their tokens are missing here.
        unpriced: Answered calls that no price was given for: their cost is missing here.
        input: Tokens of the prompts, cached ones included.
        cached: Of these, tokens read from the cache.
        output: Tokens of the answers, reasoning included where the upstream counts it there.
        reasoning: Tokens spent thinking.
        total: As the gateway told it; larger than input and output together where thoughts are hidden.
        priced: Cost of the calls that have a price, in the currency of the prices; None where none has.
    """

    calls: int = 0
    failed: int = 0
    unmetered: int = 0
    unpriced: int = 0
    input: int = 0
    cached: int | None = None
    output: int = 0
    reasoning: int | None = None
    total: int = 0
    priced: float | None = None

    @property
    def cost(self) -> float | None:
        """The cost of the answered calls; None if that of any is not known: it is never 0 for want of a price."""
        return None if self.unpriced or self.unmetered else self.priced or 0.0

    def __add__(self, other: "ModelUsage") -> "ModelUsage":
        return ModelUsage(**{one.name: _sum(getattr(self, one.name), getattr(other, one.name)) for one in fields(self)})


def _sum(one: Any, other: Any) -> Any:
    return one if other is None else other if one is None else one + other


class UsageTracker:
    """Adds up what a run uses, by model. Safe from many threads and tasks.

    `track_usage` feeds one; `print(tracker)` shows a table.

    Args:
        prices: Your own prices, by the model's id as you ask for it or as it answers. No price is built in: the
            gateway's are yours to look up. A model without one has an unknown cost.
    """

    def __init__(self, prices: Mapping[str, Price] | None = None) -> None:
        self.prices: Mapping[str, Price] = dict(prices or {})
        self._lock = threading.Lock()
        self._models: dict[str, ModelUsage] = {}
        self._open: dict[Hashable, str] = {}

    @property
    def models(self) -> dict[str, ModelUsage]:
        """What each model used, by the name that answered; in the order of their first calls."""
        with self._lock:
            return dict(self._models)

    @property
    def total(self) -> ModelUsage:
        """What all models used together."""
        return sum(self.models.values(), ModelUsage())

    @property
    def cost(self) -> float | None:
        """The cost of all calls, in the currency of the prices; None if that of any is not known."""
        return self.total.cost

    def add(self, model: str, usage: Usage | None, *, asked: str = "") -> None:
        """Counts a call that was answered.

        Args:
            model: The model that answered.
            usage: What it used; None if that was not told.
            asked: The model that was asked for, where it may have another name.
        """
        price = self.prices.get(model) or self.prices.get(asked)
        self._count(model or asked, _used(usage, price))

    def begin(self, call: Hashable, asked: str) -> None:
        """Takes note of a call that begins, so that it is counted once however often its end is reported.

        Args:
            call: What identifies the call.
            asked: The model that was asked for.
        """
        with self._lock:
            self._open[call] = asked

    def end(
        self, call: Hashable, model: str, usage: Usage | None, *, earlier: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """Counts a call that was answered, if it has begun and not ended yet; see `add`.

        Args:
            call: What it was begun with.
            model: The model that answered.
            usage: What the answer used; None if that was not told.
            earlier: The answers of the same call that were asked about once more, which were billed, too:
                `asked_again` of the metadata.
        """
        asked = self._close(call)
        if asked is not None:
            for used in (*(usage_of(one.get("usage")) for one in earlier), usage):
                self.add(model or asked, used, asked=asked)

    def fail(self, call: Hashable) -> None:
        """Counts a call that failed or was left, if it has begun and not ended yet.

        Args:
            call: What it was begun with.
        """
        asked = self._close(call)
        if asked is not None:
            self._count(asked, ModelUsage(failed=1))

    def drop(self, call: Hashable) -> None:
        """Forgets a call that turned out to be none, such as one that a cache has answered.

        Args:
            call: What it was begun with.
        """
        self._close(call)

    def reset(self) -> None:
        """Begins again from nothing; calls that go on will be counted at their end."""
        with self._lock:
            self._models.clear()

    def _close(self, call: Hashable) -> str | None:
        with self._lock:
            return self._open.pop(call, None)

    def _count(self, model: str, used: ModelUsage) -> None:
        with self._lock:
            self._models[model] = self._models.get(model, ModelUsage()) + used

    def __repr__(self) -> str:
        return f"UsageTracker({', '.join(f'{name}: {used}' for name, used in self.models.items())})"

    def __str__(self) -> str:
        return _table(self.models, self.total, priced=bool(self.prices))


Observer = Callable[[Sequence[UsageTracker]], AbstractContextManager[None]]
"""Feeds trackers with what a framework calls, within a block; the last one is the block's own."""

_OBSERVERS: dict[str, Observer] = {}
_ACTIVE: ContextVar[tuple[UsageTracker, ...]] = ContextVar("anyfast_usage_trackers", default=())


def observe(framework: str, observer: Observer) -> None:
    """Makes the blocks of `track_usage` count what a framework calls; its integration does this when it is imported.

    Args:
        framework: Its name; a second observer of the same name takes the place of the first.
        observer: Feeds the trackers.
    """
    _OBSERVERS[framework] = observer


@contextmanager
def track_usage(
    prices: Mapping[str, Price] | None = None, *, tracker: UsageTracker | None = None
) -> Iterator[UsageTracker]:
    """Counts what every model uses that is called inside the block, in either framework.

    Whole answers, streams, async calls, batches, engines, agents and what they call in turn; each call once. A call
    that did not begin inside the block, such as that of another task, is not counted. An outer block counts what an
    inner one does. Import the frameworks' integrations before the block, and read LlamaIndex's streams inside of it.

    Args:
        prices: Your own prices, by model; without them there is no cost.
        tracker: Counts into this one, with its prices, instead of a new one.

    Yields:
        The tracker, which goes on to hold the figures behind the block.
    """
    tracker = UsageTracker(prices) if tracker is None else tracker
    trackers = (*_ACTIVE.get(), tracker)
    with ExitStack() as stack:
        stack.callback(_ACTIVE.reset, _ACTIVE.set(trackers))
        for observer in tuple(_OBSERVERS.values()):
            stack.enter_context(observer(trackers))
        yield tracker


def count_answered(asked: str, model: str, usage: Usage | None) -> None:
    """Counts a request that no framework reports, such as one for embeddings, in the blocks of `track_usage` around it.

    Args:
        asked: The model that was asked for.
        model: The model that answered, or "".
        usage: What it used; None if that was not told.
    """
    for tracker in _ACTIVE.get():
        tracker.add(model or asked, usage, asked=asked)


def count_failed(asked: str) -> None:
    """Counts such a request that failed.

    Args:
        asked: The model that was asked for.
    """
    for tracker in _ACTIVE.get():
        tracker.begin(key := object(), asked)
        tracker.fail(key)


def _used(usage: Usage | None, price: Price | None) -> ModelUsage:
    if usage is None:
        return ModelUsage(calls=1, unmetered=1)
    return ModelUsage(
        calls=1,
        unpriced=0 if price else 1,
        input=usage.input,
        cached=usage.cached,
        output=usage.output,
        reasoning=usage.reasoning,
        total=usage.total,
        priced=price.of(usage) if price else None,
    )


def _table(models: Mapping[str, ModelUsage], total: ModelUsage, *, priced: bool) -> str:
    header = ["", "calls", "in", "of it cached", "out", "of it reasoning", *(["cost"] if priced else [])]
    rows = [header, *([name, *_cells(used, priced=priced)] for name, used in [*models.items(), ("together", total)])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    return "\n".join([*lines, *_remarks(models, priced=priced)])


def _cells(used: ModelUsage, *, priced: bool) -> list[str]:
    counts = (used.calls, used.input, used.cached, used.output, used.reasoning)
    cost = "unknown" if used.cost is None else f"{used.cost:.6f}"
    return [*("–" if count is None else str(count) for count in counts), *([cost] if priced else [])]


def _remarks(models: Mapping[str, ModelUsage], *, priced: bool) -> list[str]:
    """What the figures leave out."""
    remarks = []
    if priced and (names := [name for name, used in models.items() if used.unpriced]):
        remarks.append(f"No price for {', '.join(names)}: the cost is not known.")
    if names := [f"{used.unmetered} of {name}" for name, used in models.items() if used.unmetered]:
        remarks.append(f"Calls that came without usage, and are not in these tokens: {', '.join(names)}.")
    if names := [f"{used.failed} of {name}" for name, used in models.items() if used.failed]:
        remarks.append(f"Calls that failed or were left, whose tokens are not known: {', '.join(names)}.")
    return remarks
