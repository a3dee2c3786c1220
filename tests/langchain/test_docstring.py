"""The docstring of ChatAnyfast: every section of LangChain's template is there, and every example runs."""

import inspect
import re

import pytest

from langchain_anyfast import ChatAnyfast

DOC = inspect.cleandoc(ChatAnyfast.__doc__)
SECTIONS = [
    "Setup",
    "Key init args — completion params",
    "Key init args — client params",
    "Instantiate",
    "Invoke",
    "Stream",
    "Async",
    "Tool calling",
    "Structured output",
    "JSON mode",
    "Image input",
    "Video input",
    "Token usage",
    "Logprobs",
    "Response metadata",
]


def test_every_section_is_there_in_langchains_order():
    assert [line.rstrip(":") for line in DOC.splitlines() if re.fullmatch(r"\S.*:", line)] == SECTIONS


def test_every_example_runs(anyfast_emulator, monkeypatch):
    monkeypatch.setenv("ANYFAST_API_KEY", anyfast_emulator.api_key)
    monkeypatch.setenv("ANYFAST_BASE_URL", anyfast_emulator.base_url)
    namespace = {}
    examples = re.findall(r"^    ```python\n(.*?)^    ```$", DOC, re.MULTILINE | re.DOTALL)
    for example in examples:
        exec(inspect.cleandoc("\n" + example), namespace)  # noqa: S102  # that is what this test is for
    assert len(examples) == 13
    assert len(anyfast_emulator.requests) >= 11


@pytest.mark.parametrize("name", ["streaming", "stream_usage", "thinking", "timeout", "max_tokens"])
def test_every_field_says_what_it_is(name):
    fields = {key: cls for cls in reversed(ChatAnyfast.__mro__) for key in getattr(cls, "__annotations__", {})}
    assert re.search(
        rf"\n    {name}: [^\n]*(?:\n(?!    \"\"\")[^\n]*){{0,4}}\n    \"\"\"", inspect.getsource(fields[name])
    )
