"""Answers that quote, explain, translate or mention markup are text: those of the table in docs/security.md."""

import re
from pathlib import Path

import pytest

from tests.parity.through import STREAMED, WHOLE, Playback, chunk, document, events

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
ROW = re.compile(r"^\| (\d+) \| (\w+) \| `{5} (.*) `{5} \|$", re.MULTILINE)
ANSWERS = {
    f"{number} {language}": text.replace("⏎", "\n").replace("⇥", "\t").replace("\\|", "|")
    for number, language, text in ROW.findall(PAGE.read_text(encoding="utf-8"))
}
MODELS = ["deepseek-v4-pro", "qwen3.6-plus", "doubao-seed-2-0-pro", "gemini-3-pro-preview", "an-unknown-model"]
PATH = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
OFFERED = {"tools": [{"type": "function", "function": {"name": "delete_file", "parameters": PATH}}]}


def test_there_are_forty_in_three_languages():
    assert len(ANSWERS) == 40
    assert len({name.split()[1] for name in ANSWERS}) == 3


@pytest.mark.parametrize("text", ANSWERS.values(), ids=ANSWERS)
def test_it_is_text(text):
    whole = document({"content": text})
    streamed = events(*(chunk({"content": text[at : at + 5]}) for at in range(0, len(text), 5)), chunk({}, "stop"))
    for model in MODELS:
        for ways, body in ((WHOLE, whole), (STREAMED, streamed)):
            for ask in ways.values():
                got = ask(Playback([body]), OFFERED, model=model)
                assert (got.text, got.reasoning, got.calls) == (text, "", [])
