"""Writes docs/peers.md and the README's table: a summary of what the comparison commands found, with their dates.

python -m tools.docs.peers_page

It counts and copies cells of the pages that `make compare-langchain`, `compare-llama-index`, `compare-captures` and
`compare-faults` write. Nothing in it is typed by hand.
"""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = DOCS / "peers.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"

LANGCHAIN = ("ChatAnyfast", "ChatOpenAI", "ChatDeepSeek", "ChatQwen", "ChatOpenRouter")
LLAMA_INDEX = ("AnyfastLLM", "OpenAILike", "DeepSeek")

LANGCHAIN_ROWS = (
    "reasoning, stream",
    "reasoning goes back in a tool loop (invoke, v1, stream, v3)",
    "create_agent on DeepSeek that thinks (tool loop, response_format)",
    "structured output: an answer that is not valid",
    "a stream that is cut off",
    "usage of a stream by default",
    "a mistyped argument",
    "event loops: a second asyncio.run, threads",
)
LLAMA_INDEX_ROWS = (
    "reasoning, async stream",
    "reasoning passed back in a DeepSeek V4 tool loop",
    "structured_predict while DeepSeek V4 thinks",
    "Gemini thought_signature round trip",
    "streamed calls: several in one chunk",
    "a stream without an end, or empty, is an error",
    "10 calls in 10 event loops: requests sent",
    "key kept out of repr, to_dict, to_json and pickles",
)
"""Rows that decide whether an agent on a reasoning model works; the whole tables are linked."""

HEAD = """# Peers

What other integrations do with the same bytes. This page is made by `make pages` from the pages that it links; each of
those was written by a command that you can run again, and says how it asked.

All of it was run on loopback: on the bundled emulator, on recorded answers, and on a gateway that misbehaves on
purpose. None of it says what the live gateway does. The probes are ours, and ask for what this project sets out to do;
other classes set out to do other things, are made for other gateways, and may have moved on since.
"""


class Table(NamedTuple):
    """A table of a page."""

    columns: list[str]
    rows: dict[str, dict[str, str]]


def table_in(page: str, *, having: str) -> Table:
    """Reads the table that has a column.

    Args:
        page: The page's name in docs/.
        having: A column of the table.

    Returns:
        Its columns, and the name of each row → column → cell.

    Raises:
        ValueError: No table of the page has that column.
    """
    text = (DOCS / page).read_text(encoding="utf-8")
    for block in re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.strip().splitlines()]
        if having in lines[0]:
            rows = {line[0].strip("*"): dict(zip(lines[0], line, strict=True)) for line in lines[2:]}
            return Table(lines[0][1:], rows)
    raise ValueError(f"docs/{page} has no table with a column {having!r}")


def said_in(page: str, pattern: str) -> str:
    """What a page says of itself: its date, or its versions."""
    found = re.search(pattern, (DOCS / page).read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"docs/{page} does not say {pattern!r}")
    return found.group(1).strip().rstrip(".")


def passed(cell: str) -> bool:
    """Whether a cell of either framework's table says that all went well."""
    return not (cell.startswith("no") or "✘" in cell or "~" in cell)


def counted(table: Table, column: str) -> str:
    """How many rows of a column went well; a dash is a row that does not concern it."""
    cells = [row[column] for row in table.rows.values() if row[column] != "–"]
    return f"{sum(map(passed, cells))} of {len(cells)}"


def share(page: str, row: str, column: str) -> str:
    """One cell of the pages about captures and faults, whose classes are fewer."""
    cells = table_in(page, having="ChatAnyfast").rows[row]
    if column not in cells:
        return "–"
    return f"{cells[column]} of {cells['of']}" if "of" in cells else cells[column]


def delivered(peer: str) -> str:
    """How many recorded answers a class delivered whole."""
    return share("captures.md", "anything", peer)


def ended_well(peer: str) -> str:
    """How many calls of a class ended as they should, of those that met a fault."""
    return share("faults.md", "the call ends as it should", peer)


def summary(page: str, peers: tuple[str, ...], rows: tuple[str, ...]) -> list[str]:
    """The counts of one framework's classes, and some of the rows behind them."""
    table = table_in(page, having=peers[0])
    lines = [f"| | {' | '.join(peers)} |", "|---" * (len(peers) + 1) + "|"]
    counts = {
        f"[probes]({page}) that went well": [counted(table, peer) for peer in peers],
        "[recorded answers](captures.md) delivered whole": [delivered(peer) for peer in peers],
        "[faults](faults.md) that ended as they should": [ended_well(peer) for peer in peers],
    }
    lines += [f"| **{name}** | {' | '.join(cells)} |" for name, cells in counts.items()]
    lines += [f"| {name} | {' | '.join(table.rows[name][peer] for peer in peers)} |" for name in rows]
    return lines


def runs() -> list[str]:
    """When each comparison was run, and with which versions."""
    day = r"(\d{4}-\d\d-\d\d)"
    return [
        "| Page | Run on | With |",
        "|---|---|---|",
        *(
            f"| [{page}]({page}) | {said_in(page, date + day)} | {said_in(page, versions)} |"
            for page, date, versions in (
                ("peers-langchain.md", "Run on ", r"on loopback: (.+)"),
                ("peers-llama-index.md", "Made on ", r"Made on \S+ with (.+)"),
                ("captures.md", "Date: ", r"Versions: (.+)"),
                ("faults.md", "compare-faults` on ", r"(?m)^(anyfast-integrations .+)$"),
            )
        ),
    ]


def page() -> str:
    """The whole page."""
    parts = [
        [HEAD],
        ["## LangChain", "", *summary("peers-langchain.md", LANGCHAIN, LANGCHAIN_ROWS), ""],
        ["## LlamaIndex", "", *summary("peers-llama-index.md", LLAMA_INDEX, LLAMA_INDEX_ROWS), ""],
        ["## When, and with what", "", *runs(), ""],
    ]
    return "\n".join(line for part in parts for line in part)


def short_table() -> str:
    """The README's table: the counts alone, both frameworks."""
    lines = ["| | probes that went well | recorded answers delivered whole | faults that ended as they should |"]
    lines += ["|---|---|---|---|"]
    for page, peers in (("peers-langchain.md", LANGCHAIN), ("peers-llama-index.md", LLAMA_INDEX)):
        table = table_in(page, having=peers[0])
        for peer in peers:
            name = f"**`{peer}`**" if peer == peers[0] else f"`{peer}`"
            lines.append(f"| {name} | {counted(table, peer)} | {delivered(peer)} | {ended_well(peer)} |")
    days = sorted(row.split(" | ")[1] for row in runs()[2:])
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    return "\n".join([*lines, "", f"Run on {when}, on loopback. A dash: not asked."])


def readme() -> str:
    """The README with its table made anew."""
    text = README.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md has no place for the table: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{short_table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    README.write_text(readme(), encoding="utf-8")
