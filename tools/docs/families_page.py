"""Writes docs/families.md: what each model family departs in, with the source that stands beside each fact.

It also writes the tables of docs/thinking.md and docs/multimodal.md that are about families.

python -m tools.docs.families_page
"""

import ast
import importlib
import inspect
import io
import json
import pkgutil
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from anyfast_transport.families import embedding_models as embedding_rows
from anyfast_transport.families import rows as modules
from anyfast_transport.families.embedding_models import ARK_PATH, EMBEDDING_MODELS, EmbeddingModel
from anyfast_transport.families.family import Family, TemplateTokens
from anyfast_transport.families.table import FAMILIES, PLAIN

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "families.md"
BEGIN, END = "<!-- families: begin -->", "<!-- families: end -->"

CONTRACT = "2026-09"
"""When the contract was written that the sources without a date are of."""

NAMES = frozenset({"name", "ids", "prefixes"})
"""Facts that are the row's own name, and need no source."""

HEAD = """# Model families

What each family departs in from OpenAI's dialect, and where that is written.

This page is made from `anyfast_transport/families/rows/` by `make pages`; the sources are the comments beside the
facts.
*Page* is the family's page in Anyfast's API reference, *upstream* the vendor's own document, *recorded* an exchange
that somebody recorded, *new-api* the open-source gateway that Anyfast appears to run. A *guess* is ours. None of this
was tried on the live gateway. *As of* is the month of the source; what has no date of its own is of the contract that
the project was built from, or of the installed package that is named. Where no source stands, the fact follows from
those around it, or takes back one of the row that it departs from.

A family is found by the most specific pattern that fits the model id: the beginning of an id, with `*` for what stands
between two pieces. Case, and a vendor in front (`vendor/`, `zai-org:`, `coding-`), do not count. Of a vendor that is
known, an id that no other row knows gets the newest dialect; any other id gets OpenAI's, and works.

What each fact means is [at the end](#what-the-facts-mean). What the thinking switch does is explained in
[Thinking](thinking.md); how to add a family in [Contributing](contributing.md#add-a-family).
"""


EMBEDDINGS_HEAD = """## Embedding models

What [`AnyfastEmbeddings` and `AnyfastEmbedding`](embeddings.md) know of each model. This part is made from
`anyfast_transport/families/embedding_models.py`. A row is found by the longest beginning that fits; another id is asked
in requests of 10 texts at `/v1/embeddings`, and nothing of it is refused before sending. The path of Ark is a page's
word; that of OpenAI is where new-api has embeddings, and no page of the gateway documents it.

"""


class Fact(NamedTuple):
    """One keyword of a row."""

    name: str
    value: Any
    source: str

    @property
    def date(self) -> str:
        """When it was so: what its source says last, else when the contract was written."""
        dates = re.findall(r"\b20\d\d-\d\d(?!\d)", self.source)
        packages = "2026-11" if "langchain-" in self.source else ""
        return (dates[-1] if dates else packages or CONTRACT) if self.source else ""

    @property
    def guess(self) -> str:
        """A mark, if it is a guess."""
        return "guess" if "guess" in self.source.lower() else ""


class Row(NamedTuple):
    """One family as it is written down."""

    family: Any
    base: str | None
    facts: list[Fact]
    succeeds: bool


def comments_of(source: str) -> dict[int, str]:
    """Line → the comment on it."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def source_of(keyword: ast.keyword, comments: Mapping[int, str], lines: list[str]) -> str:
    """The comment above a fact, and the one behind it."""
    above: list[str] = []
    line = keyword.lineno - 1
    while line in comments and lines[line - 1].lstrip().startswith("#"):
        above.insert(0, comments[line])
        line -= 1
    behind = [comments[n] for n in range(keyword.lineno, (keyword.end_lineno or keyword.lineno) + 1) if n in comments]
    return " ".join([*above, *behind])


def rows() -> Iterator[Row]:
    """The families in the order of the table, each with what its own row says."""
    names = [module.name for module in pkgutil.iter_modules(modules.__path__)]
    found = [row for name in names for row in rows_of(importlib.import_module(f"{modules.__name__}.{name}"))]
    order = (*FAMILIES, PLAIN)
    yield from sorted(found, key=lambda row: order.index(row.family))


def rows_of(module: ModuleType, known: Sequence[Any] = (*FAMILIES, PLAIN)) -> Iterator[Row]:
    """The rows of one module, of those that are known."""
    source = inspect.getsource(module)
    comments, lines = comments_of(source), source.splitlines()
    for node in ast.parse(source).body:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
            continue
        family = getattr(module, node.targets[0].id) if isinstance(node.targets[0], ast.Name) else None
        if family not in known:
            continue
        over = node.value.args[0] if node.value.args else None
        base = getattr(module, over.id).name if isinstance(over, ast.Name) else None
        facts = [
            Fact(keyword.arg, getattr(family, keyword.arg), source_of(keyword, comments, lines))
            for keyword in node.value.keywords
            if keyword.arg and keyword.arg not in NAMES
        ]
        yield Row(family, base, facts, isinstance(node.value.func, ast.Name) and node.value.func.id == "successors")


def meanings(kind: type[Any] = Family) -> dict[str, str]:
    """Fact → what it means, from the docstring of a kind of row."""
    told = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:")[2]
    found = re.findall(r"^    (\w+): (.+(?:\n        .+)*)", told, re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}


def plain(value: Any) -> Any:
    """A fact's value as JSON has it; sets in order, and the three ways of thinking by their names."""
    if isinstance(value, Mapping):
        return {{True: "on", False: "off", None: "not said"}.get(key, key): plain(one) for key, one in value.items()}
    if isinstance(value, TemplateTokens):
        return asdict(value)
    if isinstance(value, frozenset):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value


def shown(value: Any) -> str:
    """A fact's value in a cell of a table."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    return f"`{text}`" if text.strip() else f"`{json.dumps(text)}`"


def cell(text: str) -> str:
    """Text that does not break a table."""
    return text.replace("|", "\\|").replace("<think>", "`<think>`")


def overview(found: list[Row]) -> Iterator[str]:
    """What most people look for, a line for each family."""
    yield "| Family | Model ids begin with | Thinks unasked | Levels of effort | Reasoning goes back | Tokens |"
    yield "|---|---|---|---|---|---|"
    back = {"always": "on every turn", "tool_loop": "within a tool loop", "never": "no"}
    for family in (row.family for row in found):
        begins = ", ".join(f"`{pattern}`" for pattern in family.ids) or "anything else"
        any_level = "any" if family.effort_path else "has none"
        levels = " ".join(f"`{level}`" for level in family.effort_levels) or any_level
        window = f"{family.context_window:,}" if family.context_window else "unknown"
        link = f"[{family.name}](#{anchor(family.name)})"
        thinks = "yes" if family.thinks_by_default else "no"
        yield f"| {link} | {begins} | {thinks} | {levels} | {back[family.reasoning_replay]} | {window} |"


def anchor(title: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-")


def section(row: Row, level: str = "##") -> Iterator[str]:
    """The facts of one family."""
    yield f"{level} {row.family.name}"
    yield ""
    if row.base:
        limits = "without the limits of its models: for ids that no other row knows"
        more = limits if row.succeeds else "but for what follows"
        yield f"As [{row.base}](#{anchor(row.base)}), {more}."
        yield ""
    if row.facts:
        yield "| Fact | Value | Source | As of | |"
        yield "|---|---|---|---|---|"
    for fact in row.facts:
        yield f"| `{fact.name}` | {cell(shown(fact.value))} | {cell(fact.source)} | {fact.date} | {fact.guess} |"
    yield ""


def page() -> str:
    """The whole page."""
    found, means = list(rows()), meanings()
    lines = [HEAD, *overview(found), ""]
    for row in found:
        lines += section(row)
    lines += embedding_models()
    lines += ["## What the facts mean", ""]
    lines += ["A fact that a row does not name has the value of the last column.", ""]
    lines += meaning_table(Family(name=""), means)
    return "\n".join(lines) + "\n"


def meaning_table(defaults: Any, means: Mapping[str, str]) -> Iterator[str]:
    """What each fact of a kind of row means, and its value in a row that does not name it."""
    yield "| Fact | Meaning | Else |"
    yield "|---|---|---|"
    for one in fields(defaults):
        if one.name != "name":
            yield f"| `{one.name}` | {cell(means.get(one.name, ''))} | {cell(shown(getattr(defaults, one.name)))} |"


def embedding_models() -> Iterator[str]:
    """The rows of embedding models."""
    yield EMBEDDINGS_HEAD.removesuffix("\n")
    yield "| Row | Model ids begin with | Path | Texts a request | Tokens a text | Dimensions | Takes `dimensions` |"
    yield "|---|---|---|---|---|---|---|"
    says = {True: "yes", False: "no", None: "nobody says; sent"}
    for row in EMBEDDING_MODELS:
        begins = ", ".join(f"`{prefix}`" for prefix in row.prefixes)
        numbers = (f"{number:,}" if number else "unknown" for number in (row.max_texts, row.max_tokens, row.dimensions))
        told = "page" if row.path == ARK_PATH else "new-api"
        cells = (
            f"[{row.name}](#{anchor(row.name)})",
            begins,
            f"`{row.path}` ({told})",
            *numbers,
            says[row.takes_dimensions],
        )
        yield f"| {' | '.join(cells)} |"
    yield ""
    for row in rows_of(embedding_rows, EMBEDDING_MODELS):
        yield from section(row, "###")
    yield "### What the facts of embedding models mean"
    yield ""
    yield from meaning_table(EmbeddingModel(name=""), meanings(EmbeddingModel))
    yield ""


def told(family: Family, wanted: bool | None) -> str:
    """What a position of the thinking switch sends."""
    fragment = family.thinking.get(wanted)
    if wanted is None and not fragment:
        return "nothing; it thinks" if family.thinks_by_default else "nothing"
    if fragment is None:
        return "`UnsupportedParameterError`"
    weaker = ", with a warning: it cannot stop" if wanted is False and family.thinking_off_is_weaker else ""
    return (f"`{json.dumps(plain(fragment))[1:-1]}`" if fragment else "nothing") + weaker


def effort(family: Family) -> str:
    """Which levels of effort a family takes, and where they go."""
    if family.effort_path is None:
        return "has none"
    where = "" if family.effort_path == "reasoning_effort" else f", as `{family.effort_path}`"
    where += f" and as `{family.second_effort_path}`" if family.second_effort_path else ""
    return (" ".join(f"`{level}`" for level in family.effort_levels) or "as given") + where


def chatting() -> Iterator[Family]:
    """The families that are served on chat completions."""
    yield from (family for family in (*FAMILIES, PLAIN) if not family.responses_only)


def grouped(said: Iterable[tuple[Family, tuple[str, ...]]]) -> Iterator[str]:
    """A line for each different saying, with all the families that say it."""
    names: dict[tuple[str, ...], list[str]] = {}
    for family, cells in said:
        names.setdefault(cells, []).append("an unknown model" if family is PLAIN else family.name)
    for cells, those in names.items():
        yield f"| {', '.join(those)} | {' | '.join(cells)} |"


def thinking_table() -> str:
    """What the switch and the effort send."""
    lines = ["| Family | `True` sends | `False` sends | `None` sends | `reasoning_effort` |", "|---|---|---|---|---|"]
    said = [
        (family, (*(told(family, wanted) for wanted in (True, False, None)), effort(family))) for family in chatting()
    ]
    return "\n".join([*lines, *grouped(said)])


def content_table() -> str:
    """Which parts of content are taken."""
    lines = ["| Family | Takes |", "|---|---|"]
    takes = [(family, ", ".join(f"`{part}`" for part in sorted(family.parts or ()))) for family in chatting()]
    return "\n".join([*lines, *grouped([(family, (one or "whatever the gateway takes",)) for family, one in takes])])


def filled(page: str, table: str) -> str:
    """A page with its table made anew.

    Args:
        page: Its name in docs/.
        table: The table.

    Returns:
        The whole text.

    Raises:
        ValueError: The page has no place for it.
    """
    before, begin, rest = (DOCS / page).read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"docs/{page} has no place for the table: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def pages() -> dict[Path, str]:
    """Each file that is made from the rows, and its text."""
    return {
        PAGE: page(),
        DOCS / "thinking.md": filled("thinking.md", thinking_table()),
        DOCS / "multimodal.md": filled("multimodal.md", content_table()),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
