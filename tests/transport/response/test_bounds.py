"""Readers of text are linear, whatever is written to keep them busy: counted in characters and bytes, not in time."""

import re
import sys
import tracemalloc

import pytest

from anyfast_transport.reading import Reading
from anyfast_transport.response.content import ContentReader

TOOLS = {"f": {"properties": {"a": {"type": "string"}}}}
EVERY = frozenset({"dsml", "tool_call", "function"})
MADE_FOR_IT = {
    "DSML that is never closed": '<｜DSML｜invoke name="f">',
    "sections of DSML": "<｜DSML｜tool_calls>",
    "values of DSML": '\n<｜DSML｜invoke name="f"><｜DSML｜parameter name="a">',
    "bars": "<｜",
    "a bar and spaces": "<｜DSML｜" + " " * 20,
    "functions": "<function=f>",
    "values of functions": "\n<function=f><parameter=a>",
    "values that end, and functions that do not": "\n<function=f><parameter=a></parameter>x",
    "tags of calls": "<tool_call>",
    "tags of calls on lines": "\n<tool_call>\n",
    "JSON that is never closed": '\n<tool_call>{"name": "f',
    "strings in JSON": '\n<tool_call>{"a": "\n',
    "brackets": "<tool_call>[[{",
    "calls": '\n<tool_call>{"name": "f", "arguments": {"a": "b"}}</tool_call>',
    "calls and a word": '\n<tool_call>{"name": "f"}</tool_call>a',
    "calls of another tool": '\n<tool_call>{"name": "g"}</tool_call>',
    "thoughts": "<think>a</think>",
    "ends of thoughts": "\n</think>, ",
    "images": "![](data:image/a)",
    "openings of images": "![",
    "fences": "```\n",
    "quotes": "> ",
    "comments": "<!-- \n",
    "angles": "<",
    "angles on lines": "<\n",
    "backslashes": "\\",
}


def read(pieces, reading):
    reader = ContentReader(reading)
    for piece in pieces:
        if not reader.plain(piece):
            reader.take(piece, "")
    return reader.flush("stop", [])


def looked_at(work):
    """Characters that strings and patterns look at, as far as Python tells of it: those of the whole text each time."""
    found = 0

    def note(frame, what, function):
        nonlocal found
        if what != "c_call":
            found += 1
            return
        of = getattr(function, "__self__", None)
        if isinstance(of, str):
            found += len(of)
        elif isinstance(of, re.Pattern):
            found += max((len(value) for value in frame.f_locals.values() if isinstance(value, str)), default=0)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return found


def grows(read_words, words, size=5_000):
    """How much more twice the words cost."""
    few = words * (size // len(words))
    return looked_at(lambda: read_words(few * 2)) / looked_at(lambda: read_words(few))


@pytest.mark.parametrize("words", MADE_FOR_IT.values(), ids=MADE_FOR_IT)
def test_an_answer_costs_as_much_as_it_is_long(words):
    reading = Reading(tools=TOOLS, dialects=EVERY)
    assert grows(lambda text: read([text], reading), words) < 2.5
    assert grows(lambda text: read([text[at : at + 7] for at in range(0, len(text), 7)], reading), words) < 2.5


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("words", ["\n</think>, ", "\n", "<thi", "```\n", "<think>", "<think></think>\n"])
def test_so_does_one_that_is_held_back_for_the_end_of_a_thought(words, waits):
    """Up to a limit, so both answers are longer than that."""
    reading = Reading(waits=waits)
    assert grows(lambda text: read([text[at : at + 7] for at in range(0, len(text), 7)], reading), words, 20_000) < 2.5


@pytest.mark.parametrize("words", MADE_FOR_IT.values(), ids=MADE_FOR_IT)
def test_it_takes_as_much_memory_as_it_is_long(words):
    reading = Reading(tools=TOOLS, dialects=EVERY)
    text = words * (40_000 // len(words))
    tracemalloc.start()
    try:
        read([text], reading)
        assert tracemalloc.get_traced_memory()[1] < 50 * len(text)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("words", MADE_FOR_IT.values(), ids=MADE_FOR_IT)
def test_so_do_the_messages_of_the_request(words):
    call = '<tool_call>{"name": "f", "arguments": {"a": "c"}}</tool_call>'

    def ask(text):
        read([call], Reading(tools=TOOLS, dialects=EVERY, messages=[{"role": "tool", "content": text}]))

    assert grows(ask, words) < 2.5
