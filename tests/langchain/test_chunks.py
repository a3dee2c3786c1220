"""Chunks that are built past their constructors are what the constructors build, field by field."""

import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from anyfast_transport.types import Delta, Fragment
from langchain_anyfast.chunks import chunk_of
from langchain_anyfast.messages import decode_delta

RAW = {"id": "c1", "model": "m"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}

DELTAS = {
    "nothing": Delta(),
    "text": Delta("Hi", raw=RAW),
    "reasoning": Delta("", "Hm.", raw=RAW),
    "both": Delta("Hi", "Hm.", raw=RAW),
    "no id": Delta("Hi", raw={}),
    "an empty id": Delta("Hi", raw={"id": ""}),
    "an id that is a number": Delta("Hi", raw={"id": 7}),
    "an image": Delta("Hi", images=[IMAGE], raw=RAW),
    "a call that begins": Delta("", "", [Fragment(0, "", "call_1", "find")], raw=RAW),
    "a call without a name": Delta("", "", [Fragment(0, "", "call_1", None)], raw=RAW),
    "a brace": Delta("", "", [Fragment(0, "{", None, None)], raw=RAW),
    "an object": Delta("", "", [Fragment(0, '{"a": 1}', "call_1", "find")], raw=RAW),
    "half of an object": Delta("", "", [Fragment(0, ' {"a": "b', None, None)], raw=RAW),
    "the middle": Delta("", "", [Fragment(0, ' the "', None, None)], raw=RAW),
    "the end": Delta("", "", [Fragment(0, '"}', None, None)], raw=RAW),
    "a list": Delta("", "", [Fragment(0, "[1]", None, None)], raw=RAW),
    "null": Delta("", "", [Fragment(0, "null", None, None)], raw=RAW),
    "a number": Delta("", "", [Fragment(0, "12", None, None)], raw=RAW),
    "a string": Delta("", "", [Fragment(0, '"a"', None, None)], raw=RAW),
    "blank": Delta("", "", [Fragment(0, " \n", None, None)], raw=RAW),
    "two calls": Delta("Hi", "Hm.", [Fragment(0, "a", None, None), Fragment(1, "", "call_2", "find")], raw=RAW),
    "two, one to be parsed": Delta("", "", [Fragment(0, "a", None, None), Fragment(1, "{", "c", "f")], raw=RAW),
}


def constructed(delta):
    return ChatGenerationChunk(message=decode_delta(delta))


def same(built, wanted):
    assert type(built) is type(wanted)
    assert built == wanted
    assert list(built.__dict__) == list(wanted.__dict__)
    assert built.__dict__ == wanted.__dict__
    assert built.model_fields_set == wanted.model_fields_set
    assert built.__pydantic_extra__ == wanted.__pydantic_extra__
    assert built.__pydantic_private__ == wanted.__pydantic_private__
    assert built.model_dump() == wanted.model_dump()
    assert built.model_dump_json() == wanted.model_dump_json()
    assert built.model_dump(exclude_unset=True) == wanted.model_dump(exclude_unset=True)
    assert repr(built) == repr(wanted)


@pytest.mark.parametrize("name", DELTAS)
def test_a_built_chunk_is_the_constructed_one(name):
    built, wanted = chunk_of(DELTAS[name]), constructed(DELTAS[name])
    same(built, wanted)
    same(built.message, wanted.message)
    for field, value in wanted.message.__dict__.items():
        assert type(built.message.__dict__[field]) is type(value), field


@pytest.mark.parametrize("name", DELTAS)
def test_no_two_chunks_share_what_can_be_changed(name):
    one, other = chunk_of(DELTAS[name]).message, chunk_of(DELTAS[name]).message
    for field, value in one.__dict__.items():
        assert not isinstance(value, (list, dict, set)) or value is not other.__dict__[field], field
    assert one.model_fields_set is not other.model_fields_set
    one.name = "x"
    assert "name" not in chunk_of(DELTAS[name]).message.model_fields_set


def test_built_chunks_add_up_as_constructed_ones():
    pieces = [Delta("", "", [Fragment(0, text, None, None)], raw=RAW) for text in ('{"a": ', "1", "}")]
    deltas = [DELTAS["reasoning"], DELTAS["text"], DELTAS["a call that begins"], *pieces]
    built, wanted = ([make(delta).message for delta in deltas] for make in (chunk_of, constructed))
    for chunks in (built, wanted):
        chunks.append(AIMessageChunk("", chunk_position="last"))
    assert built[0] + built[1:] == wanted[0] + wanted[1:]
    added = built[0]
    for chunk in built[1:]:
        added += chunk
    assert added == wanted[0] + wanted[1:]
    assert added.tool_calls == [{"name": "find", "args": {"a": 1}, "id": "call_1", "type": "tool_call"}]
