"""Tool calls put together from every shape in which servers are known to send them."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyfast_transport.lenient_json import parsed_arguments
from anyfast_transport.response import tool_calls
from anyfast_transport.response.tool_calls import ToolCallAssembler, whole_calls
from anyfast_transport.types import new_call_id, wire_call


def entry(call_id: Any = ..., name: Any = ..., arguments: Any = ..., index: Any = ..., **more: Any) -> dict[str, Any]:
    """One entry of a `tool_calls` list; what is not given is left out."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not ...}
    outer = {key: value for key, value in (("id", call_id), ("index", index)) if value is not ...}
    return {**outer, "function": function, **more}


def assembled(entries: list[dict[str, Any]], finish_reason: str | None = "tool_calls") -> list[Any]:
    """The calls; also checks that the fragments, joined as a framework joins them, add up to the same."""
    assembler = ToolCallAssembler()
    fragments = [fragment for each in entries for fragment in assembler.push(each)]
    calls = assembler.calls(finish_reason)
    assert len(assembler) == len(calls)
    for position, call in enumerate(calls):
        own = [fragment for fragment in fragments if fragment.position == position]
        assert [fragment.id for fragment in own if fragment.id] == [call.id]
        assert "".join(fragment.name or "" for fragment in own) == call.name
        assert "".join(fragment.arguments for fragment in own) == call.arguments
    assert len({call.id for call in calls}) == len(calls)
    assert all(call.id for call in calls)
    return calls


MADE = "an id made here"
PARIS, ROME = {"city": "Paris"}, {"city": "Rome"}
PARIS_TEXT, ROME_TEXT = json.dumps(PARIS), json.dumps(ROME)

# What is sent → (id, name, arguments) of each call.
SHAPES = {
    "id and name first, then arguments by index": (
        [entry("a", "f", "", 0), entry(arguments='{"city":', index=0), entry(arguments=' "Paris"}', index=0)],
        [("a", "f", PARIS)],
    ),
    "an empty id and name later": (
        [entry("a", "f", "", 0), entry("", "", '{"city": "Pa', 0), entry("", "", 'ris"}', 0)],
        [("a", "f", PARIS)],
    ),
    "null for everything later": (
        [
            entry("a", "f", None, 0),
            entry(None, None, PARIS_TEXT, 0, type=None),
            entry(None, None, None, 0, type=None),
        ],
        [("a", "f", PARIS)],
    ),
    "a function of null": (
        [entry("a", "f", PARIS_TEXT, 0), {"index": 0, "id": None, "function": None}, {"index": 0}],
        [("a", "f", PARIS)],
    ),
    "no index at all": (
        [
            entry("a", "f", '{"city":'),
            entry(arguments='"Paris"}'),
            entry("b", "g", '{"city":'),
            entry("", "", '"Rome"}'),
        ],
        [("a", "f", PARIS), ("b", "g", ROME)],
    ),
    "an index of null": (
        [entry("a", "f", PARIS_TEXT, None), entry("b", "f", ROME_TEXT, None)],
        [("a", "f", PARIS), ("b", "f", ROME)],
    ),
    "neither id nor index: a name opens a call": (
        [entry(name="f", arguments='{"city":'), entry(arguments='"Paris"}'), entry(name="f", arguments=ROME_TEXT)],
        [(MADE, "f", PARIS), (MADE, "f", ROME)],
    ),
    "different ids, every index 0": (
        [entry("a", "f", PARIS_TEXT, 0), entry("b", "f", ROME_TEXT, 0)],
        [("a", "f", PARIS), ("b", "f", ROME)],
    ),
    "different ids, every index 0, in pieces": (
        [
            entry("a", "f", "", 0),
            entry("a", None, PARIS_TEXT, 0),
            entry("b", "f", "", 0),
            entry("b", None, ROME_TEXT[:5], 0),
            entry("", None, ROME_TEXT[5:], 0),
        ],
        [("a", "f", PARIS), ("b", "f", ROME)],
    ),
    "empty ids, every index 0": (
        [entry("", "f", PARIS_TEXT, 0), entry("", "f", ROME_TEXT, 0)],
        [(MADE, "f", PARIS), (MADE, "f", ROME)],
    ),
    "empty ids, every index 0, the second in pieces": (
        [entry("", "f", PARIS_TEXT, 0), entry("", "f", ROME_TEXT[:4], 0), entry("", "", ROME_TEXT[4:], 0)],
        [(MADE, "f", PARIS), (MADE, "f", ROME)],
    ),
    "an index that changes under one id": (
        [entry("a", "f", '{"city":', 0), entry("a", None, '"Paris"}', 1), entry("b", "g", ROME_TEXT, 2)],
        [("a", "f", PARIS), ("b", "g", ROME)],
    ),
    "calls that take turns by index": (
        [
            entry("a", "f", "", 0),
            entry("b", "g", "", 1),
            entry(arguments=PARIS_TEXT[:6], index=0),
            entry(arguments=ROME_TEXT[:7], index=1),
            entry(arguments=PARIS_TEXT[6:], index=0),
            entry(arguments=ROME_TEXT[7:], index=1),
        ],
        [("a", "f", PARIS), ("b", "g", ROME)],
    ),
    "the id repeated on every piece": (
        [entry("a", "f", '{"city":', 0), entry("a", "f", '"Par', 0), entry("a", "f", 'is"}', 0)],
        [("a", "f", PARIS)],
    ),
    "the name repeated on every piece": (
        [entry("a", "f", "", 0), entry(None, "f", PARIS_TEXT[:3], 0), entry(None, "f", PARIS_TEXT[3:], 0)],
        [("a", "f", PARIS)],
    ),
    "the name in parts": (
        [entry("a", "get_", None, 0), entry(None, "weather", None, 0), entry(None, None, PARIS_TEXT, 0)],
        [("a", "get_weather", PARIS)],
    ),
    "the name growing": (
        [entry("a", "get_", None, 0), entry(None, "get_weather", PARIS_TEXT, 0)],
        [("a", "get_weather", PARIS)],
    ),
    "the name after the id": (
        [entry("a", None, None, 0), entry(None, "f", PARIS_TEXT, 0)],
        [("a", "f", PARIS)],
    ),
    "the id after the name": (
        [entry(None, "f", None, 0), entry("late", None, PARIS_TEXT[:6], 0), entry("late", None, PARIS_TEXT[6:], 0)],
        [(MADE, "f", PARIS)],
    ),
    "an indented object begins a call under a used index only when the last one is whole": (
        [entry("a", "f", '{"city":', 0), entry(None, None, '{"of": "love"}', 0), entry(None, None, "}", 0)],
        [("a", "f", {"city": {"of": "love"}})],
    ),
    "a bracket inside of a string closes nothing": (
        [entry("a", "f", '{"city": "}', 0), entry(None, None, '{"', 0), entry(None, None, "}", 0)],
        [("a", "f", {"city": "}{"})],
    ),
    "an escaped quote ends no string": (
        [entry("a", "f", '{"city": "\\"}', 0), entry(None, None, '{"}', 0)],
        [("a", "f", {"city": '"}{'})],
    ),
    "objects glued in the first piece": (
        [entry("a", "f", PARIS_TEXT + ROME_TEXT, 0)],
        [("a", "f", PARIS), (MADE, "f", ROME)],
    ),
    "objects glued with white space": (
        [entry("a", "f", f" {PARIS_TEXT} \n {ROME_TEXT} ", 0)],
        [("a", "f", PARIS), (MADE, "f", ROME)],
    ),
    "a piece of a string that looks like glued objects": (
        [entry("a", "f", '{"code": "', 0), entry(None, None, "{}{}", 0), entry(None, None, '"}', 0)],
        [("a", "f", {"code": "{}{}"})],
    ),
    "arguments as an object": ([entry("a", "f", PARIS, 0)], [("a", "f", PARIS)]),
    "arguments of null, and then none": ([entry("a", "f", None, 0)], [("a", "f", {})]),
    "no arguments": ([entry("a", "f", "", 0)], [("a", "f", {})]),
    "arguments null as text": ([entry("a", "f", "null", 0)], [("a", "f", {})]),
    "a numeric id": ([entry(7, "f", PARIS_TEXT, 0), entry(7, None, "", 0)], [("7", "f", PARIS)]),
}


@pytest.mark.parametrize(("entries", "expected"), SHAPES.values(), ids=SHAPES)
def test_fragments_of_every_known_shape_are_put_together(entries, expected):
    found = [
        (MADE if call.id.startswith("call_") and wanted == MADE else call.id, call.name, call.parsed())
        for call, (wanted, _, _) in itertools.zip_longest(assembled(entries), expected, fillvalue=(None,) * 3)
    ]
    assert found == expected


@pytest.mark.parametrize(("entries", "expected"), SHAPES.values(), ids=SHAPES)
def test_none_of_them_is_marked_as_not_to_be_executed(entries, expected):
    assert [call.error for call in assembled(entries)] == [None] * len(expected)


NOT_TO_BE_EXECUTED = [
    ("length", "", "cut off"),
    ("length", "  ", "cut off"),
    ("length", '{"city": "Pa', "cut off"),
    ("length", PARIS_TEXT, None),
    ("tool_calls", '{"city": "Pa', "not a JSON object"),
    ("stop", "{'city': 'Paris'}", "not a JSON object"),
    ("stop", "[1]", "not a JSON object"),
    ("stop", '"Paris"', "not a JSON object"),
    ("stop", "{} {", "not a JSON object"),
    ("stop", "[" * 100_000, "not a JSON object"),
    ("stop", "", None),
    ("tool_calls", "{}", None),
]


@pytest.mark.parametrize(("finish_reason", "arguments", "said"), NOT_TO_BE_EXECUTED)
@pytest.mark.parametrize("whole", [True, False])
def test_a_call_that_was_cut_or_is_no_object_is_marked_and_keeps_its_text(finish_reason, arguments, said, whole):
    entries = [entry("a", "f", arguments, 0)]
    (call,) = whole_calls(entries, finish_reason) if whole else assembled(entries, finish_reason)
    assert call.arguments == arguments
    if said is None:
        assert call.error is None
    else:
        assert said in call.error
        assert call.parsed() == {}


@pytest.mark.parametrize("name", ["", None, ..., 7])
def test_a_call_of_no_tool_is_marked(name):
    for (call,) in (whole_calls([entry("a", name, "{}", 0)], "stop"), assembled([entry("a", name, "{}", 0)], "stop")):
        assert "names no tool" in call.error


# --- answers that were not streamed -------------------------------------------------------------------------------

WHOLE = {
    "as documented": ([entry("a", "f", PARIS_TEXT, type="function")], [("a", "f", PARIS)]),
    "every index 0": (
        [entry("a", "f", PARIS_TEXT, 0), entry("b", "f", ROME_TEXT, 0)],
        [("a", "f", PARIS), ("b", "f", ROME)],
    ),
    "no ids": ([entry("", "f", PARIS_TEXT), entry(None, "f", ROME_TEXT)], [(MADE, "f", PARIS), (MADE, "f", ROME)]),
    "one id for two": (
        [entry("a", "f", PARIS_TEXT), entry("a", "g", ROME_TEXT)],
        [("a", "f", PARIS), (MADE, "g", ROME)],
    ),
    "arguments as an object": ([entry("a", "f", PARIS)], [("a", "f", PARIS)]),
    "arguments of null": ([entry("a", "f", None)], [("a", "f", {})]),
    "glued": ([entry("a", "f", PARIS_TEXT + ROME_TEXT)], [("a", "f", PARIS), (MADE, "f", ROME)]),
    "null": (None, []),
    "empty": ([], []),
    "not a list": ("calls", []),
    "a list of other things": ([None, 3, "x", entry("a", "f", "{}")], [("a", "f", {})]),
}


@pytest.mark.parametrize(("entries", "expected"), WHOLE.values(), ids=WHOLE)
def test_every_entry_of_a_whole_message_is_a_call_of_its_own(entries, expected):
    calls = whole_calls(entries, "tool_calls")
    assert len({call.id for call in calls}) == len(calls) == len(expected)
    for call, (wanted, name, arguments) in zip(calls, expected, strict=True):
        assert call.id == wanted or (wanted == MADE and call.id.startswith("call_"))
        assert (call.name, call.parsed(), call.error) == (name, arguments, None)


def test_what_else_is_on_a_call_stays_on_it():
    signature = {"google": {"thought_signature": "s=="}}
    entries = [entry("a", "f", "", 0, type="function", extra_content=signature, extra_null=None)]
    for (call,) in (assembled([*entries, entry(arguments="{}", index=0)]), whole_calls(entries, "stop")):
        assert call.extra == {"extra_content": signature}


# --- the way back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "text"),
    [({}, "{}"), ("", "{}"), ({"stadt": "Köln"}, '{"stadt": "Köln"}'), ('{"cut', '{"cut'), (" {} ", " {} ")],
)
def test_a_call_goes_back_as_it_was_written(arguments, text):
    expected = {"id": "a", "type": "function", "function": {"name": "f", "arguments": text}, "extra_content": {"x": 1}}
    assert wire_call("a", "f", arguments, {"extra_content": {"x": 1}}) == expected


@pytest.mark.parametrize("none", [None, ""])
def test_a_call_without_an_id_has_none_until_its_conversation_is_paired(none):
    assert wire_call(none, "f", {})["id"] == ""


def test_made_ids_are_unique():
    assert len({new_call_id() for _ in range(1000)}) == 1000


# --- for any input ------------------------------------------------------------------------------------------------

wire_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.floats()
    | st.sampled_from(["", "a", "b", "f", "{", "}", "{}{}"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "index", "function", "name", "arguments", "x"]), inner, max_size=4)
    ),
    max_leaves=6,
)
entries_of_any_kind = st.dictionaries(
    st.sampled_from(["id", "index", "function", "type", "x"]), wire_values, max_size=5
) | st.builds(entry, wire_values, wire_values, wire_values, wire_values)


@given(st.lists(entries_of_any_kind, max_size=6))
def test_any_entries_make_calls_whose_fragments_add_up(entries):
    assembled(entries)
    assert len({call.id for call in whole_calls(entries, None)}) == len(whole_calls(entries, None))


@given(
    arguments=st.lists(st.dictionaries(st.text(max_size=4), st.text(max_size=6), max_size=2), min_size=1, max_size=3),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    with_ids=st.booleans(),
)
def test_any_split_of_the_arguments_gives_the_same_calls(arguments, cuts, with_ids):
    entries = []
    for index, value in enumerate(arguments):
        text = json.dumps(value)
        bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
        pieces = [text[a:b] for a, b in itertools.pairwise(bounds)]
        entries.append(entry(f"id{index}" if with_ids else ..., "f", "", index))
        entries.extend(entry(arguments=piece, index=index) for piece in pieces)
    assert [call.parsed() for call in assembled(entries)] == arguments


@given(st.text())
def test_arguments_are_an_object_or_nothing(text):
    assert parsed_arguments(text) is None or isinstance(parsed_arguments(text), dict)


# --- the work is in proportion to the input -----------------------------------------------------------------------


def test_each_character_is_looked_at_once(monkeypatch):
    looked_at = 0
    step = tool_calls._Open._step

    def counting(self: Any, char: str) -> None:
        nonlocal looked_at
        looked_at += 1
        step(self, char)

    monkeypatch.setattr(tool_calls._Open, "_step", counting)
    # Each piece begins with a bracket, so each makes the assembler ask whether the call before it is whole.
    pieces = ['{"a":'] * 2000 + ["{}"] + ["}"] * 2000
    (call,) = assembled([entry(name="f", arguments="", index=0), *[entry(arguments=p, index=0) for p in pieces]])
    assert call.arguments == "".join(pieces)
    assert 0 < looked_at <= len(call.arguments)


def test_blank_pieces_are_looked_at_once_too(monkeypatch):
    looked_at = 0
    step = tool_calls._Open._step

    def counting(self: Any, char: str) -> None:
        nonlocal looked_at
        looked_at += 1
        step(self, char)

    monkeypatch.setattr(tool_calls._Open, "_step", counting)
    (call,) = assembled([entry(..., "f", " ", 0) for _ in range(500)] + [entry(..., "f", "{}", 0)])
    assert call.parsed() == {}
    assert 0 < looked_at <= len(call.arguments)
