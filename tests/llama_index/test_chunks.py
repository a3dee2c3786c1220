"""Responses that are built past their constructors are what the constructors build, field by field."""

import copy

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from anyfast_transport.types import Delta, Fragment
from llama_index_anyfast.chunks import call_block, response_of, text_block, thinking_block
from llama_index_anyfast.responses import Reader, StreamReader

RAW = {"id": "c1", "choices": [{"delta": {"content": "Hi"}}]}
CALL = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": "{"}}


def built_and_constructed():
    kept, known = {"tool_calls": [CALL]}, {"thinking_delta": "Hm."}
    blocks = [thinking_block("Hm."), text_block("Hi"), call_block("call_1", "find", "{")]
    wanted = [
        ThinkingBlock(content="Hm.", num_tokens=None),
        TextBlock(text="Hi"),
        ToolCallBlock(tool_call_id="call_1", tool_name="find", tool_kwargs="{"),
    ]
    message = ChatMessage(role=MessageRole.ASSISTANT, blocks=wanted, additional_kwargs=kept)
    built = response_of(blocks, dict(kept), delta="Hi", raw=RAW, known=dict(known))
    constructed = ChatResponse(message=message, delta="Hi", raw=RAW, additional_kwargs=known)
    yield from zip(blocks, wanted, strict=True)
    yield built.message, message
    yield built, constructed
    empty = ChatMessage(role=MessageRole.ASSISTANT, blocks=[], additional_kwargs={})
    yield (
        response_of([], {}, delta="", raw=None, known={}),
        ChatResponse(message=empty, delta="", raw=None, additional_kwargs={}),
    )


@pytest.mark.parametrize(("built", "wanted"), [*built_and_constructed()], ids=lambda one: type(one).__name__)
def test_what_is_built_is_what_is_constructed(built, wanted):
    assert type(built) is type(wanted)
    assert built == wanted
    assert list(built.__dict__) == list(wanted.__dict__)
    assert built.__dict__ == wanted.__dict__
    assert [type(value) for value in built.__dict__.values()] == [type(value) for value in wanted.__dict__.values()]
    assert built.model_fields_set == wanted.model_fields_set
    assert built.__pydantic_extra__ == wanted.__pydantic_extra__
    assert built.__pydantic_private__ == wanted.__pydantic_private__
    assert built.model_dump() == wanted.model_dump()
    assert built.model_dump_json() == wanted.model_dump_json()
    assert built.model_dump(exclude_unset=True) == wanted.model_dump(exclude_unset=True)
    assert repr(built) == repr(wanted)
    assert copy.deepcopy(built) == built.model_copy() == wanted


def test_no_two_objects_share_what_can_be_changed():
    assert thinking_block("a").additional_information is not thinking_block("a").additional_information
    one, other = text_block("a"), text_block("a")
    one.text = "b"
    assert other.text == "a"
    assert one.model_fields_set is not other.model_fields_set


def test_each_response_holds_everything_so_far_and_keeps_it():
    reader = StreamReader(Reader())
    deltas = [Delta("", "Hm"), Delta("", "."), Delta("H"), Delta("i"), Delta("", "", [Fragment(0, "{", "c", "f")])]
    responses = [reader.take(delta) for delta in deltas]
    said = [[getattr(b, "content", None) or getattr(b, "text", "") for b in r.message.blocks] for r in responses]
    assert said == [["Hm", ""], ["Hm.", ""], ["Hm.", "H"], ["Hm.", "Hi"], ["Hm.", "Hi", ""]]
    assert [response.delta for response in responses] == ["", "", "H", "i", ""]
    assert len({id(response.message) for response in responses}) == len(responses)
