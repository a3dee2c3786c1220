"""The pieces of a stream as LlamaIndex's responses, built past their constructors.

Each response of a stream holds everything so far, so LlamaIndex's constructors validate the same blocks again at each
piece, which was most of what a piece cost. `_built` is the only place that goes past them; a test compares what it
builds with what they do, field by field.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ContentBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from pydantic import BaseModel

Built = TypeVar("Built", bound=BaseModel)

_new, _set = object.__new__, object.__setattr__


def _fields_of(made: BaseModel) -> dict[str, Any]:
    return dict(made.__dict__)


_TEXT = _fields_of(TextBlock(text=""))
_THINKING = _fields_of(ThinkingBlock(content=""))
_CALL = _fields_of(ToolCallBlock(tool_call_id="", tool_name="", tool_kwargs=""))
_MESSAGE = _fields_of(ChatMessage(role=MessageRole.ASSISTANT))
_RESPONSE = _fields_of(ChatResponse(message=ChatMessage()))


def _built(cls: type[Built], defaults: Mapping[str, Any], said: dict[str, Any]) -> Built:
    """An object of a class, of values that are known to be right; what is mutable must be among `said`."""
    made = _new(cls)
    _set(made, "__dict__", {**defaults, **said})
    _set(made, "__pydantic_fields_set__", {*said})
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


def text_block(text: str) -> TextBlock:
    """A block of text."""
    return _built(TextBlock, _TEXT, {"text": text})


def thinking_block(reasoning: str) -> ThinkingBlock:
    """A block of reasoning, whose tokens nobody has counted yet."""
    block = _built(ThinkingBlock, _THINKING, {"content": reasoning, "num_tokens": None})
    block.__dict__["additional_information"] = {}
    return block


def call_block(call_id: str, name: str, arguments: str) -> ToolCallBlock:
    """A call under way; its arguments are the text so far."""
    return _built(ToolCallBlock, _CALL, {"tool_call_id": call_id, "tool_name": name, "tool_kwargs": arguments})


def response_of(
    blocks: list[ContentBlock], kept: dict[str, Any], *, delta: str, raw: Any, known: dict[str, Any]
) -> ChatResponse:
    """A streamed response.

    Args:
        blocks: What the message holds so far; the list becomes the message's.
        kept: The `additional_kwargs` of the message.
        delta: The new text.
        raw: The event as it came.
        known: The `additional_kwargs` of the response.

    Returns:
        The response, as LlamaIndex's constructors would make it.
    """
    said = {"role": MessageRole.ASSISTANT, "blocks": blocks, "additional_kwargs": kept}
    message = _built(ChatMessage, _MESSAGE, said)
    return _built(ChatResponse, _RESPONSE, {"message": message, "delta": delta, "raw": raw, "additional_kwargs": known})
