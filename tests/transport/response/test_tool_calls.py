"""Tool calls put together from every shape in which servers are known to send them."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyfast_transport.lenient_json import parsed_arguments
from anyfast_transport.response import tool_arguments
from anyfast_transport.response.tool_calls import ToolCallAssembler, whole_calls
from anyfast_transport.types import new_call_id, wire_call


def entry(call_id: Any = ..., name: Any = ..., arguments: Any = ..., index: Any = ..., **more: Any) -> dict[str, Any]:
    """One entry of a `tool_calls` list; what is not given is left out."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not ...}
    outer = {key: value for key, value in (("id", call_id), ("index", index)) if value is not ...}
    return {**outer, "function": function, **more}


def assembled(entries: list[dict[str, Any]], finish_reason: str | None = "tool_calls", tools: Any = ()) -> list[Any]:
    """The calls; also checks that the fragments, joined as a framework joins them, add up to the same."""
    assembler = ToolCallAssembler(tools)
    fragments = [fragment for each in entries for fragment in assembler.push(each)] + assembler.flush()
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
    ("length", "{}", None),
    ("length", '{"city": "Pa', "cut off"),
    ("length", PARIS_TEXT, None),
    ("tool_calls", '{"city": "Pa', "not a JSON object"),
    ("stop", "{'city': 'Paris'}", "not a JSON object"),
    ("stop", "[1]", "not a JSON object"),
    ("stop", '"Paris"', "not a JSON object"),
    ("stop", PARIS_TEXT + "}", "not a JSON object"),
    ("stop", PARIS_TEXT + ROME_TEXT, "not a JSON object"),
    ("stop", '{"number": NaN}', "not a JSON object"),
    ("stop", '{"number": 1e999}', "not a JSON object"),
    ("stop", "```json\n[1]\n```", "not a JSON object"),
    ("stop", '"null"', "not a JSON object"),
    ("stop", "nul", "not a JSON object"),
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


# --- pieces whose id or index is another one ----------------------------------------------------------------------

SAID_OF_PIECES = list(itertools.product((..., None, "", "a", "new", "drifting"), (..., None, 0, 5), (..., None, "")))


@pytest.mark.parametrize("first", ["", None, "{}", " ", "null", "{} "])
def test_arguments_reach_the_one_call_whatever_id_and_index_they_come_under(first):
    pieces = ['{"city"', ": ", '"Paris"', "}", ""]
    for call_id, index, name in SAID_OF_PIECES:
        ids = [f"drifting{at}" if call_id == "drifting" else call_id for at in range(len(pieces))]
        entries = [entry("a", "f", first, 0)]
        entries += [entry(given, name, piece, index) for given, piece in zip(ids, pieces, strict=True)]
        for said in (entries, [entries[0], entry(call_id, name, PARIS_TEXT, index)]):
            for calls in (assembled(said), whole_calls(said, "stop")):
                found = [(call.name, call.parsed(), call.error) for call in calls]
                assert found == [("f", PARIS, None)], (call_id, index, name)


ASTRAY = {
    "the index goes back to that of a whole call": (
        [entry("a", "f", PARIS_TEXT, 0), entry("b", "g", "", 1), entry(arguments=ROME_TEXT, index=0)],
        [("f", PARIS), ("g", ROME)],
    ),
    "arguments behind whole calls that no call misses": (
        [entry("a", "f", PARIS_TEXT, 0), entry("b", "g", ROME_TEXT, 1), entry("c", None, PARIS_TEXT, 2)],
        [],
    ),
    "the same, before another call": (
        [entry("a", "f", PARIS_TEXT, 0), entry("c", "", ROME_TEXT, 2), entry("b", "g", ROME_TEXT, 1)],
        [],
    ),
    "arguments before any call": ([entry(None, None, PARIS_TEXT, 1), entry("a", "f", PARIS_TEXT, 0)], []),
    "arguments of nobody": ([entry("a", "", PARIS_TEXT, 0)], []),
    "an entry without a name and arguments": (
        [entry("a", "f", PARIS_TEXT, 0), entry("b", "", "", 1), entry("c", None, None), {"index": 7}],
        [("f", PARIS)],
    ),
    "an empty object that another call follows is whole": (
        [entry("a", "f", "{}", 0), entry("b", "g", ROME_TEXT, 1), entry("c", None, PARIS_TEXT, 2)],
        [],
    ),
    "the name again, behind the arguments": (
        [entry(None, "f", PARIS_TEXT, 0), entry(None, "f", "", 0)],
        [("f", PARIS)],
    ),
    "the name again, before the next arguments": (
        [entry(None, "f", PARIS_TEXT, 0), entry(None, "f", "", 0), entry(None, None, ROME_TEXT, 0)],
        [("f", PARIS), ("f", ROME)],
    ),
    "a second object under a new id": (
        [entry("a", "f", PARIS_TEXT, 0), entry("b", None, ROME_TEXT[:4], 0), entry("b", None, ROME_TEXT[4:], 0)],
        [("f", PARIS), ("f", ROME)],
    ),
    "the same object under a new id": (
        [entry("a", "f", PARIS_TEXT, 0), entry("b", None, PARIS_TEXT[:4], 0), entry("b", None, PARIS_TEXT[4:], 0)],
        [("f", PARIS)],
    ),
    "the whole call again": ([entry("a", "f", PARIS_TEXT, 0), entry("a", "f", PARIS_TEXT, 0)], [("f", PARIS)]),
    "a second object under another name": (
        [entry("a", "f", PARIS_TEXT, 0), entry(None, "g", ROME_TEXT, 0)],
        [("f", PARIS), ("g", ROME)],
    ),
    "a second object under the same name": (
        [entry("a", "f", PARIS_TEXT, 0), entry(None, "f", ROME_TEXT, 0)],
        [("f", PARIS), ("f", ROME)],
    ),
    "a second object with neither": ([entry("a", "f", PARIS_TEXT, 0), entry(None, None, ROME_TEXT, 0)], []),
    "a second object under the same id": ([entry("a", "f", PARIS_TEXT, 0), entry("a", None, ROME_TEXT, 0)], []),
    "a second object in the same piece": ([entry("a", "f", PARIS_TEXT + ROME_TEXT, 0)], []),
    "a second object without index": ([entry("a", "f", PARIS_TEXT), entry(arguments=ROME_TEXT)], []),
    "a call that its successor overtook": (
        [entry("a", "f", "", 0), entry("b", "f", PARIS_TEXT, 0)],
        [("f", PARIS)],
    ),
    "the id with the name, late": ([entry(None, "f", "", 0), entry("b", "f", PARIS_TEXT, 0)], [("f", PARIS)]),
    "tools without arguments, by the names that are offered": (
        [entry(None, "now", "", 0), entry(None, "f", PARIS_TEXT, 0)],
        [("now", {}), ("f", PARIS)],
    ),
    "empty objects without ids": (
        [entry(None, "now", "{}", 0), entry(None, "f", PARIS_TEXT, 0), entry(None, "now", "{}", 0)],
        [("now", {}), ("f", PARIS), ("now", {})],
    ),
    "a placeholder and its call again, where calls have ids": (
        [entry("a", "f", "{}", 0), entry(None, "f", PARIS_TEXT, 0)],
        [("f", PARIS)],
    ),
    "a placeholder and the object in one piece": ([entry("a", "f", "{ }\n" + PARIS_TEXT, 0)], [("f", PARIS)]),
    "several placeholders": ([entry("a", "f", "{}{}", 0), entry(arguments="{}", index=0)], [("f", {})]),
    "a placeholder, and what begins as its object": ([entry("a", "f", "{}", 0), entry(arguments='{"ci')], []),
}


@pytest.mark.parametrize(("entries", "runs"), ASTRAY.values(), ids=ASTRAY)
def test_what_cannot_be_told_apart_is_not_executed(entries, runs):
    for calls in (assembled(entries, tools=("now", "f", "g")), whole_calls(entries, "stop", ("now", "f", "g"))):
        assert [(call.name, call.parsed()) for call in calls if not call.error] == runs
        assert len(calls) >= 1


LENIENT = {
    "a raw line end": ('{"text": "two\nlines"}', {"text": "two\nlines"}),
    "a raw tab and CRLF": ('{"text": "\ta\r\n"}', {"text": "\ta\r\n"}),
    "line ends outside of strings": ('{\n\t"text": "a"\r\n}\n', {"text": "a"}),
    "a form feed": ('{"text": "\f\x01"}', {"text": "\f\x01"}),
    "a code fence": ('```json\n{"text": "a"}\n```', {"text": "a"}),
    "a code fence with a raw line end": ('\n```\n{"text": "a\nb"}```\n', {"text": "a\nb"}),
    "a fence inside": ('{"text": "```\nx\n```"}', {"text": "```\nx\n```"}),
    "a JSON string": (json.dumps('{"text": "a"}'), {"text": "a"}),
    "half an emoji": ('{"text": "\\ud83d!"}', {"text": "\ufffd!"}),
    "the other half": ('{"text": "\\ude00"}', {"text": "\ufffd"}),
    "two first halves": ('{"text": "\\ud83d\\ud83d\\ude00"}', {"text": "\ufffd\U0001f600"}),
    "an escaped backslash before a u": ('{"text": "\\\\ud83d"}', {"text": "\\ud83d"}),
    "null in two pieces": ("null", {}),
    "blank": (" \n", {}),
}


@pytest.mark.parametrize(("text", "meant"), LENIENT.values(), ids=LENIENT)
def test_what_is_almost_json_is_read_and_becomes_json(text, meant):
    assert parsed_arguments(text) == meant
    cuts = [[text], list(text), *([text[:at], text[at:]] for at in range(len(text)))]
    ways = [assembled([entry("a", "f", "", 0), *(entry(arguments=piece, index=0) for piece in cut)]) for cut in cuts]
    for (call,) in [*ways, whole_calls([entry("a", "f", text)], "stop")]:
        assert (call.parsed(), call.error) == (meant, None)
        assert json.loads(call.arguments or "{}") == meant
        assert parsed_arguments(wire_call("a", "f", call.arguments)["function"]["arguments"]) == meant


@pytest.mark.parametrize("arguments", ["", " ", "{}", "null", '{"city": "Par'])
def test_a_call_of_a_stream_that_broke_off_is_not_to_be_executed(arguments):
    assembler = ToolCallAssembler()
    assembler.push(entry("a", "f", arguments, 0))
    assert "broke off" in str(assembler.calls(None, ended=False)[0].error)
    assert (assembler.calls(None)[0].error is None) == (arguments != '{"city": "Par')


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


json_texts = st.text(st.sampled_from('ab{}[]",:\\ü\U0001f600 \n'), max_size=8)
objects = st.dictionaries(
    json_texts, json_texts | st.integers() | st.none() | st.lists(json_texts, max_size=2), max_size=3
)
called = st.lists(st.tuples(st.sampled_from(["f", "g", "now"]), objects), min_size=1, max_size=4)


@st.composite
def streamed_calls(draw):
    """Calls, and the entries in which a server may stream them: in turn, or woven together by their indexes."""
    calls = draw(called)
    has_ids, has_indexes, drifts = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    repeats_name, placeholder, woven = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    has_ids = has_ids or not has_indexes
    placeholder = placeholder and (has_ids or not repeats_name)  # else it may be a call of its own
    runs = []
    for at, (name, value) in enumerate(calls):
        text = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
        bounds = [0, *sorted(draw(st.lists(st.integers(0, len(text)), max_size=5))), len(text)]
        later = {"index": at} if has_indexes else {}
        first = draw(st.sampled_from(["", None, "{}"])) if placeholder and value else draw(st.sampled_from(["", None]))
        run = [entry(f"id{at}" if has_ids else "", name, first, later.get("index", ...))]
        for number, (a, b) in enumerate(itertools.pairwise(bounds)):
            new_id = f"id{at}-{number}" if drifts and has_indexes else draw(st.sampled_from(["", None, ...]))
            run.append(entry(new_id, name if repeats_name and has_indexes and not drifts else "", text[a:b], **later))
        runs.append(run)
    if woven and has_indexes:
        queues = [list(run) for run in runs]
        entries = [queue.pop(0) for queue in queues]
        while any(queues):
            entries.append(draw(st.sampled_from([queue for queue in queues if queue])).pop(0))
    else:
        entries = [one for run in runs for one in run]
    return calls, entries


@given(streamed_calls())
def test_whole_and_in_pieces_the_calls_are_the_same(case):
    meant, entries = case
    whole = [entry("", name, json.dumps(value)) for name, value in meant]
    for calls in (assembled(entries), whole_calls(entries, "stop"), whole_calls(whole, "stop"), assembled(whole)):
        assert [(call.name, call.parsed(), call.error) for call in calls] == [(*one, None) for one in meant]


@given(st.text())
def test_arguments_are_an_object_or_nothing(text):
    assert parsed_arguments(text) is None or isinstance(parsed_arguments(text), dict)


# --- the work is in proportion to the input -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "pieces", [['{"a":'] * 100 + ["{}"] + ["}"] * 100, [" "] * 500 + ["{", " ", "}"], ["{}"] * 999]
)
def test_each_character_is_looked_at_once(monkeypatch, pieces):
    looked_at = 0
    pattern = tool_arguments._TOKEN

    class Counting:
        def sub(self, step: Any, text: str) -> str:
            nonlocal looked_at
            looked_at += len(text)
            return pattern.sub(step, text)

    monkeypatch.setattr(tool_arguments, "_TOKEN", Counting())
    (call,) = assembled([entry("a", "f", "", 0), *[entry(arguments=piece, index=0) for piece in pieces]])
    assert call.error is None
    assert looked_at <= len("".join(pieces))
