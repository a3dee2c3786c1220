# ruff: noqa: T201  # it prints what it has to say
"""Puts the probes to OpenAILike and the DeepSeek integration, and writes the table of docs/peers-llama-index.md.

`make compare-llama-index`. Each class is told all that its documentation offers for such a gateway.
"""

import datetime
import importlib.metadata
import os
import re
import sys
from pathlib import Path

from llama_index_anyfast import AnyfastLLM
from tools.compare_llama_index import probes_of_calls  # noqa: F401  # adds its probes
from tools.compare_llama_index.probes import PROBES, Bench, cell

PAGE = Path(__file__).parents[2] / "docs" / "peers-llama-index.md"
BEGIN, END = "<!-- the table of make compare-llama-index -->\n", "<!-- its end -->"
PACKAGES = ("llama-index-core", "llama-index-llms-openai-like", "llama-index-llms-deepseek", "openai")


def anyfast(model, **fields):
    return AnyfastLLM(model, **fields)


def openai_like_bare(model, *, base_url, **fields):
    from llama_index.llms.openai_like import OpenAILike

    return OpenAILike(model=model, api_base=base_url, **fields)


def openai_like(model, **fields):
    told = {"is_chat_model": True, "is_function_calling_model": True, "context_window": 1_000_000}
    return openai_like_bare(model, **told, **fields)


def deepseek(model, *, base_url, **fields):
    from llama_index.llms.deepseek import DeepSeek

    return DeepSeek(model=model, api_base=base_url, **fields)


def _by_additional_kwargs(body):
    return {"additional_kwargs": {"extra_body": body}}


OURS = Bench(anyfast, anyfast, lambda body: {"extra_body": body})
"""The class of this project."""

BENCHES = {
    "AnyfastLLM": OURS,
    "OpenAILike": Bench(openai_like, openai_like_bare, _by_additional_kwargs),
    "DeepSeek": Bench(deepseek, deepseek, _by_additional_kwargs),
}


def table(columns):
    """The table, a row for each probe."""
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(cells[name] for cells in columns.values())} |" for name in PROBES]
    return "\n".join(lines)


def rows():
    """What the page says of our own class: probe → cell."""
    found = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    return dict(re.findall(r"^\| (.+?) \| (.+?) \|", found, re.MULTILINE))


def main():
    os.environ.pop("OPENAI_API_KEY", None)
    columns = {}
    for name, bench in BENCHES.items():
        with bench.emulator:
            columns[name] = {asked: cell(function, bench) for asked, function in PROBES.items()}
        refused = sum(one.startswith("no") for one in columns[name].values())
        print(f"{name}: {refused} of {len(PROBES)} are no", file=sys.stderr)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    text = f"{BEGIN}\n{table(columns)}\n\nMade on {datetime.datetime.now(tz=datetime.UTC).date()} with {versions}.\n\n"
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page.partition(BEGIN)[0] + text + END + page.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()
