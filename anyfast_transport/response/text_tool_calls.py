"""Tool calls that arrive as text become calls. Pure: it is pushed, and holds back what calls may begin.

A server whose parser misses a call lets through what the model wrote, under `finish_reason: stop`, and an agent ends as
if it were done. But models also quote calls: from pages, in lessons, in answers on their own format. Text is a call
only if all of this holds; else it stays text, byte for byte:

- it is in a dialect of the model's family, and begins a line that is in no fence, quote, comment or indented block;
- behind it comes nothing but white space, further calls and closing tags;
- its tool was offered;
- the same call stands in markup in no message of the request.

What is not closed, or cannot be read, never becomes a call that can be executed.
"""

from collections import deque
from collections.abc import Mapping

from anyfast_transport.reading import Reading
from anyfast_transport.response.call_runs import CallRun, Unit
from anyfast_transport.response.markdown import Place
from anyfast_transport.response.quoted_calls import QuotedCalls
from anyfast_transport.response.tool_call_markup import OPENING, Rescued, dialects_of, may_begin_a_tag

_LONGEST_OPENING = 48
_SLICE = 1024
"""Characters that are looked at together: each opening tag among them copies what is behind it."""

_ATTEMPTS = 8
"""How often what is within a broken call is looked at again, for a call that begins there; keeps this linear."""


class CallsInText:
    """Takes the calls out of a text.

    Args:
        reading: What the request knows: tools, dialects, messages.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._place = _behind(reading)
        self._passed: list[str] = []
        self._tail = ""
        self._run: CallRun | None = None
        self._pieces: list[str] = []
        self._attempts = 0
        self.calls: list[Rescued] = []

    @property
    def busy(self) -> bool:
        """Whether something is held back."""
        return bool(self._tail) or self._run is not None

    @property
    def held(self) -> str:
        """What is held back."""
        return "".join(self._pieces) + self._tail

    def passed(self, text: str) -> None:
        """Told of a piece that holds no tag, and went another way."""
        self._passed.append(text)

    def feed(self, text: str) -> str:
        """Takes the next piece of the text.

        Args:
            text: The piece.

        Returns:
            What of it is text.
        """
        if self._passed:
            self._place.feed("".join(self._passed))
            self._passed.clear()
        shown: list[str] = []
        todo = deque(_sliced(text))
        while todo:
            piece = todo.popleft()
            todo.extendleft(reversed(self._hold(piece, shown) if self._run else self._pass(piece, shown)))
        return "".join(shown)

    def flush(self, *, cut: bool) -> str:
        """Ends the text.

        Args:
            cut: Whether the token limit ended it.

        Returns:
            What had been held back and is no call.
        """
        run, rest = self._run, self.give_up()
        if run is None:
            return rest
        start, calls = self._last_that_count(rest, run.finish(rest))
        limit = "the arguments were cut off by the token limit"
        self.calls = [Rescued(call.name, call.arguments, limit) if cut and call.error else call for call in calls]
        return rest[:start]

    def give_up(self) -> str:
        """Ends a text that was interrupted; returns what had been held back, which is no call."""
        rest = self.held
        self._tail, self._pieces, self._run = "", [], None
        return rest

    def _pass(self, text: str, shown: list[str]) -> list[str]:
        """Lets text through, up to an opening tag; returns what is still to be looked at."""
        text, self._tail = self._tail + text, ""
        for found in OPENING.finditer(text):
            if dialects_of(found) & self._reading.dialects:
                self._show(text[: found.start()], shown)
                self._run = CallRun(self._reading.tools, self._reading.dialects)
                return [text[found.start() :]]
        keep = _may_open(text)
        self._show(text[: len(text) - keep], shown)
        self._tail = text[len(text) - keep :]
        return []

    def _show(self, text: str, shown: list[str]) -> None:
        self._place.feed(text)
        shown.append(text)

    def _hold(self, text: str, shown: list[str]) -> list[str]:
        """Holds back what may be a run of calls; returns what is still to be looked at, if it is none."""
        run = self._run
        self._pieces.append(text)
        if run is None:
            return []
        run.feed(text)
        if run.alive:
            return []
        end = max(run.reached, 1)
        if run.open_from is not None and self._attempts < _ATTEMPTS:
            self._attempts += end - run.open_from > _LONGEST_OPENING
            end = run.open_from + 1
        whole = self.held
        self._run, self._pieces = None, []
        self._show(whole[:end], shown)
        return _sliced(whole[end:])

    def _last_that_count(self, text: str, units: list[Unit]) -> tuple[int, list[Rescued]]:
        """The last units that count, up to the end: where they begin, and their calls."""
        tools = self._reading.tools
        quoted = QuotedCalls(self._reading.messages, tools)
        counted: list[tuple[Unit, list[Rescued]]] = []
        for unit in reversed(units):
            calls = unit.read(text, tools)
            known = calls and all(call.name in tools for call in calls)
            if not known or quoted.holds(calls, text[unit.start : unit.end]):
                break
            counted.append((unit, calls))
        counted.reverse()
        at = 0
        for number, (unit, _) in enumerate(counted):
            self._place.feed(text[at : unit.start])
            at = unit.start
            if self._place.begins_a_line and not self._place.is_shown:
                return at, [call for _, calls in counted[number:] for call in calls]
        return len(text), []


def _behind(reading: Reading) -> Place:
    """Where an answer begins: behind the words that it was told to go on from, if there are any."""
    place = Place()
    last = reading.messages[-1] if isinstance(reading.messages, list) and reading.messages else None
    if isinstance(last, Mapping) and last.get("role") == "assistant" and isinstance(last.get("content"), str):
        place.feed(last["content"])
    return place


def _sliced(text: str) -> list[str]:
    return [text[at : at + _SLICE] for at in range(0, len(text), _SLICE)]


def _may_open(text: str) -> int:
    """How many characters at the end of a text may be the beginning of a call."""
    at = text.rfind("<", max(0, len(text) - _LONGEST_OPENING))
    return len(text) - at if at >= 0 and may_begin_a_tag(text[at:]) else 0
