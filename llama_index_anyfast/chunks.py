"""The pieces of a stream as LlamaIndex's responses, built past their constructors.

Each response of a stream holds everything so far, so LlamaIndex's constructors validate the same blocks again at each
piece, which was most of what a piece cost. A test compares what is built here with what they build, field by field.
"""

from typing import Any

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

from anyfast_transport.unvalidated import unvalidated


def _fields_of(made: BaseModel) -> dict[str, Any]:
    return dict(made.__dict__)


_TEXT = _fields_of(TextBlock(text=""))
_THINKING = _fields_of(ThinkingBlock(content=""))
_CALL = _fields_of(ToolCallBlock(tool_call_id="", tool_name="", tool_kwargs=""))
_MESSAGE = _fields_of(ChatMessage(role=MessageRole.ASSISTANT))
_RESPONSE = _fields_of(ChatResponse(message=ChatMessage()))


def text_block(text: str) -> TextBlock:
    """A block of text."""
    block = unvalidated(TextBlock, _TEXT, {"text"})
    block.__dict__["text"] = text
    return block


def thinking_block(reasoning: str) -> ThinkingBlock:
    """A block of reasoning, whose tokens nobody has counted yet."""
    block = unvalidated(ThinkingBlock, _THINKING, {"content", "num_tokens"})
    block.__dict__["content"] = reasoning
    block.__dict__["additional_information"] = {}
    return block


def call_block(call_id: str, name: str, arguments: str) -> ToolCallBlock:
    """A call under way; its arguments are the text so far."""
    block = unvalidated(ToolCallBlock, _CALL, {"tool_call_id", "tool_name", "tool_kwargs"})
    said = block.__dict__
    said["tool_call_id"] = call_id
    said["tool_name"] = name
    said["tool_kwargs"] = arguments
    return block


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
    message = unvalidated(ChatMessage, _MESSAGE, {"role", "blocks", "additional_kwargs"})
    message.__dict__["blocks"] = blocks
    message.__dict__["additional_kwargs"] = kept
    response = unvalidated(ChatResponse, _RESPONSE, {"message", "delta", "raw", "additional_kwargs"})
    said = response.__dict__
    said["message"] = message
    said["delta"] = delta
    said["raw"] = raw
    said["additional_kwargs"] = known
    return response
