"""What may be executed is the same in both frameworks, whole and streamed, however the arguments came."""

import json

import pytest

from tests.parity.through import STREAMED, STREAMED_ASYNC, WHOLE, WHOLE_ASYNC, Playback, chunk, document, events

# The arguments of one call → what it may be executed with, or None if it must not be.
ARGUMENTS = {
    "none": ("", {}),
    "blank": (" \n", {}),
    "null": ("null", {}),
    "half a null": ("nul", None),
    "an empty object": ("{}", {}),
    "empty in two lines": ("{\n}", {}),
    "a placeholder": ('{}{"x": 1}', {"x": 1}),
    "two placeholders": ('{} {} {"x": 1}', {"x": 1}),
    "a null before the object": ('null{"x": 1}', {"x": 1}),
    "two objects": ('{"x": 1}{"x": 2}', None),
    "an object and a brace": ('{"x": 1}}', None),
    "cut": ('{"x": "a', None),
    "a list": ("[1]", None),
    "a word": ('"a"', None),
    "NaN": ('{"x": NaN}', None),
    "too large a number": ('{"x": 1e999}', None),
    "of Python": ("{'x': 1}", None),
    "raw line ends": ('{"x": "a\n\tb\r\n"}', {"x": "a\n\tb\r\n"}),
    "a fence": ('```json\n{"x": "a\nb"}\n```', {"x": "a\nb"}),
    "JSON in a string": (json.dumps('{"x": 1}'), {"x": 1}),
    "half an emoji": ('{"x": "\\ud83d"}', {"x": "\ufffd"}),
    "an emoji": ('{"x": "\\ud83d\\ude00"}', {"x": "\U0001f600"}),
}


def entry(arguments, **more):
    return {"tool_calls": [{"index": 0, **more, "function": {"name": "f", "arguments": arguments}}]}


def later(arguments):
    return {"tool_calls": [{"index": 0, "id": None, "function": {"name": None, "arguments": arguments}}]}


def bodies(text):
    """The call whole, in one delta, and in many."""
    end = chunk({}, "tool_calls")
    yield WHOLE | WHOLE_ASYNC, document(entry(text, id="a"), "tool_calls")
    yield STREAMED, events(chunk(entry(text, id="a")), end)
    yield STREAMED, events(chunk(entry("", id="a")), chunk(later(text)), end)
    yield STREAMED | STREAMED_ASYNC, events(chunk(entry("", id="a")), *(chunk(later(one)) for one in text), end)


@pytest.mark.parametrize(("text", "meant"), ARGUMENTS.values(), ids=ARGUMENTS)
async def test_a_call_runs_with_what_it_was_given_or_not_at_all(text, meant):
    for ways, body in bodies(text):
        for ask in ways.values():
            got = ask(Playback([body]))
            got = got if hasattr(got, "calls") else await got
            assert [call[:3] for call in got.calls] == [("a", "f", meant)]
