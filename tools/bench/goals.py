"""The goals, as ratios within one run, and what of a run's results they look at."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

Results = Mapping[str, Mapping[str, Any]]
"""Target → what the benchmark measured of it in one scenario."""


def cpu(result: Mapping[str, Any]) -> list[float]:
    """CPU time for each unit, round by round, in microseconds."""
    return list(result["cpu"])


def latency(result: Mapping[str, Any]) -> list[float]:
    """Median wall time to the first content, round by round, in microseconds."""
    return [one["p50"] for one in result["series"]]


def memory(result: Mapping[str, Any]) -> list[float]:
    """Peak memory above that of the start, round by round, in KB."""
    return [peak - base for peak, base in zip(result["rss_peak"], result["rss_base"], strict=True)]


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table of goals.

    Attributes:
        what: In words.
        scenario: The benchmark's name of what is run.
        ours: Our class.
        limit: The largest ratio, or the largest exponent where there is no `base`.
        base: What we are compared with.
        prototype: The benchmark's bare prototype of the same, or its floor; what it reaches nobody beats over httpx.
        figure: What of a result is compared.
    """

    what: str
    scenario: str
    ours: str
    limit: float
    base: str | None = None
    prototype: str | None = None
    figure: Callable[[Mapping[str, Any]], list[float]] = cpu

    def ratio(self, scenarios: Mapping[str, Any], target: str | None = None) -> float | None:
        """The ratio in one run; that of another target if one is given.

        Args:
            scenarios: The results of the run.
            target: Ours unless given.

        Returns:
            The median of the rounds' ratios; None if it was not measured.
        """
        results: Results = scenarios.get(self.scenario, {}).get("results", {})
        mine = results.get(target or self.ours)
        if mine is None or (self.base is not None and self.base not in results):
            return None
        if self.base is None:
            exponent = float(mine.get("exponent", math.nan))
            return None if math.isnan(exponent) else exponent
        rounds = zip(self.figure(mine), self.figure(results[self.base]), strict=False)
        ratios = [one / other for one, other in rounds if other]
        return median(ratios) if ratios else None


_LC, _LI = "ChatAnyfast", "AnyfastLLM"
_OPENAI, _LIKE, _RAW = "ChatOpenAI", "OpenAILike", "httpx-bytes-orjson"
_LC_CORE, _LI_CORE = "lc-core-parse", "li-core-parse"
_LC_BARE, _LI_BARE = "lc-proto-httpx", "li-proto-httpx"


def _streams(what: str, scenario: str, lc_core: float, lc_peer: float, li_core: float, li_peer: float) -> list[Goal]:
    return [
        Goal(what, scenario, _LC, lc_core, _LC_CORE, _LC_BARE),
        Goal(what, scenario, _LC, lc_peer, _OPENAI, _LC_BARE),
        Goal(what, scenario, _LI, li_core, _LI_CORE, _LI_BARE),
        Goal(what, scenario, _LI, li_peer, _LIKE, _LI_BARE),
    ]


def _calls(what: str, scenario: str, raw: float | None, peer: float) -> list[Goal]:
    bare = {_LC: _LC_BARE, _LI: _LI_BARE}
    over_raw = [Goal(what, scenario, ours, raw, _RAW, bare[ours]) for ours in bare] if raw else []
    over_peer = [Goal(what, scenario, ours, peer, other, bare[ours]) for ours, other in ((_LC, _OPENAI), (_LI, _LIKE))]
    return [*over_raw, *over_peer]


GOALS = [
    *_streams("a streamed chunk", "stream", 1.4, 1 / 6, 1.8, 1 / 5),
    *_streams("a streamed chunk, async", "astream", 1.4, 1 / 6, 1.8, 1 / 5),
    *_streams("a fragment of a tool call", "stream-tools", 2, 1 / 5, 2, 1 / 5),
    *_streams("a fragment, async", "astream-tools", 2, 1 / 5, 2, 1 / 5),
    Goal("a chunk after 500 messages", "stream-hist500", _LI, 1.5, _LI_CORE, _LI_BARE),
    *_calls("a whole call", "invoke", 1.5, 0.45),
    *_calls("a whole call, async", "ainvoke", 1.5, 0.55),
    *_calls("a message of a history of 500", "history", None, 1 / 20),
    Goal("a tool of 30", "tools", _LC, 1 / 4, _OPENAI, _LC_BARE),
    Goal("a tool of 30", "tools", _LI, 1 / 15, _LIKE, _LI_BARE),
    *_calls("a call of 500 at once", "batch", None, 0.5)[:1],
    *_calls("a call of 500 at once, async", "abatch", None, 0.7),
    *[
        goal
        for scenario, streams in (("conc200", "200 streams at once"), ("conc1000", "1000 streams at once"))
        for ours, peer in ((_LC, _OPENAI), (_LI, _LIKE))
        for goal in (
            Goal(f"{streams}: CPU of a chunk", scenario, ours, 1 / 4, peer),
            Goal(f"{streams}: peak memory", scenario, ours, 1 / 2, peer, figure=memory),
        )
    ],
    *[
        Goal(what, scenario, ours, limit, prototype=floor)
        for ours, limit, floor in ((_LC, 1.05, _LC_CORE), (_LI, 1.2, _LI_CORE))
        for what, scenario in (
            ("growth with the chunks (exponent)", "growth-stream"),
            ("growth with a call's arguments (exponent)", "growth-tools"),
        )
    ],
    Goal("cold import", "import", _LC, 1.15, "langchain-core"),
    Goal("cold import", "import", _LI, 1.15, "llama-index-core"),
    Goal("constructing another", "construct", _LC, 1 / 2, _OPENAI),
    Goal("constructing another", "construct", _LI, 1 / 2, _OPENAI),
    Goal("the first token, latency", "first", _LC, 1.3, _RAW, _LC_BARE, latency),
    Goal("the first token, latency", "first", _LI, 1.3, _RAW, _LI_BARE, latency),
]
