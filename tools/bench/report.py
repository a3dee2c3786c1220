"""The results as a table and a plot, in docs/performance.md."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from goals import GOALS, Goal

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "images" / "performance.svg"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"

Run = dict[str, Any]

_PLOTTED = {
    "stream": "a streamed chunk",
    "astream": "a streamed chunk, async",
    "stream-tools": "a fragment of a tool call",
    "invoke": "a whole call",
    "history": "a message of a history",
    "tools": "a tool schema",
    "abatch": "a call of 500 at once",
    "conc200": "a chunk of 200 streams",
}
_PAIRS = (("ChatAnyfast", "ChatOpenAI", "#1f6feb"), ("AnyfastLLM", "OpenAILike", "#8250df"))


def short(value: float) -> str:
    """A ratio in as many digits as mean something."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def ratios(goal: Goal, runs: Sequence[Run], target: str | None = None) -> list[float]:
    """The ratio in each run in which it was measured."""
    return [ratio for run in runs if (ratio := goal.ratio(run["scenarios"], target)) is not None]


def verdict(goal: Goal, found: Sequence[float]) -> str:
    """Whether the goal is met, or by how much it is missed in the worst run."""
    if not found:
        return "not measured"
    met = sum(ratio <= goal.limit for ratio in found)
    if met == len(found):
        return f"met, {met} of {len(found)}"
    return f"missed by {max(found) / goal.limit - 1:.0%}, met {met} of {len(found)}"


def rows(runs: Sequence[Run]) -> Iterator[str]:
    """The table of goals."""
    yield "| what | class | against | goal | measured | bare prototype | |"
    yield "|---|---|---|---|---|---|---|"
    for goal in GOALS:
        found = ratios(goal, runs)
        bare = ratios(goal, runs, goal.prototype) if goal.prototype else []
        cells = (
            goal.what,
            goal.ours,
            goal.base or "–",
            f"≤ {short(goal.limit)}",
            " · ".join(map(short, found)) or "–",
            " · ".join(map(short, bare)) or "–",
            verdict(goal, found),
        )
        yield f"| {' | '.join(cells)} |"


def told(runs: Sequence[Run]) -> str:
    """When, where and with what was measured."""
    meta = runs[-1]["meta"]
    versions: dict[str, str] = {}
    for found in meta["versions"].values():
        versions |= found
    said = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    when = " and ".join(run["meta"]["time"][:16] for run in runs)
    waited = max(one.get("cpu_pressure", 0) for run in runs for one in run["scenarios"].values())
    return (
        f"Measured {when} on {meta['cores']} cores ({meta['cpu']}), {meta['seconds']} s a run. In the busiest scenario "
        f"a task waited for a core {waited:.0%} of the time. {said}."
    )


def bars(runs: Sequence[Run]) -> Iterator[tuple[str, str, str, float]]:
    """Name, class, colour and CPU time as a share of the peer's, for each bar."""
    for scenario, name in _PLOTTED.items():
        for ours, peer, colour in _PAIRS:
            found = ratios(Goal(name, scenario, ours, 1, peer), runs)
            if found:
                yield name, ours, colour, sorted(found)[len(found) // 2]


def plot(runs: Sequence[Run]) -> str:
    """The bars as SVG; a full bar is what the peer spends."""
    left, full, step = 330, 360, 20
    lines, at, last = [], 58, ""
    for name, ours, colour, share in bars(runs):
        at += 10 if name != last else 0
        width = full * min(share, 1)
        lines.append(f'<text x="{left - 100}" y="{at + 11}" text-anchor="end">{name if name != last else ""}</text>')
        lines.append(f'<text x="{left - 8}" y="{at + 11}" text-anchor="end" fill="{colour}">{ours}</text>')
        lines.append(f'<rect x="{left}" y="{at}" width="{full}" height="14" fill="#d0d7de"/>')
        lines.append(f'<rect x="{left}" y="{at}" width="{width:.0f}" height="14" fill="{colour}"/>')
        lines.append(f'<text x="{left + full + 8}" y="{at + 11}">{share:.0%}</text>')
        at, last = at + step, name
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + full + 60} {at + 12}" '
        'font-family="sans-serif" font-size="12" role="img" aria-label="CPU time as a share of the peer’s">'
        '<rect width="100%" height="100%" fill="#ffffff"/>'
        '<text x="16" y="24" font-size="15" font-weight="bold">CPU time as a share of the peer’s</text>'
        '<text x="16" y="44" fill="#57606a">the whole bar is ChatOpenAI for ChatAnyfast, '
        "and OpenAILike for AnyfastLLM</text>"
    )
    return "\n".join([head, *lines, "</svg>", ""])


def write(runs: Sequence[Run]) -> None:
    """Puts the table and the plot into the page, whose words stay as they are."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    picture = "![CPU time of both classes as a share of their peers'](images/performance.svg)"
    block = "\n".join([BEGIN, "", picture, "", told(runs), "", *rows(runs), "", END])
    PLOT.parent.mkdir(exist_ok=True)
    PLOT.write_text(plot(runs))
    PAGE.write_text(before + block + after)


def write_table(name: str, table: str) -> None:
    """Puts the table of a program of its own, such as `embeddings.py`, into the page."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, _, rest = PAGE.read_text().partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text("\n".join([before + begin, "", table.rstrip(), "", end + after]))


def summary(runs: Sequence[Run]) -> str:
    """How many goals are met in every run, and which are not."""
    missed = [
        f"  {goal.what}, {goal.ours} against {goal.base or 'its own growth'}: {verdict(goal, found)}"
        for goal in GOALS
        if not (found := ratios(goal, runs)) or max(found) > goal.limit
    ]
    return "\n".join([f"{len(GOALS) - len(missed)} of {len(GOALS)} goals met in {len(runs)} run(s); not met:", *missed])
