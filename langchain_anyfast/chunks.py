"""The pieces of a stream as LangChain's chunks, built past their constructors.

Of what a streamed piece costs, most was the two constructors: they validate what was just decoded, and try to parse the
JSON of each fragment of a tool call. `chunk_of` is the only place that goes past them; a test compares what it builds
with what they do, field by field.
"""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from anyfast_transport.types import Completion, Delta, Fragment
from anyfast_transport.unvalidated import unvalidated
from langchain_anyfast.messages import REASONING, decode_delta, generation_info, last_chunk

_MESSAGE = decode_delta(Delta())
_GENERATION = ChatGenerationChunk(message=_MESSAGE)
_MESSAGE_FIELDS, _GENERATION_FIELDS = dict(_MESSAGE.__dict__), dict(_GENERATION.__dict__)
_SET_OF_MESSAGE, _SET_OF_GENERATION = _MESSAGE.model_fields_set, _GENERATION.model_fields_set


def chunk_of(delta: Delta | Completion) -> ChatGenerationChunk:
    """One piece of a stream as LangChain's chunk.

    Args:
        delta: The piece, or last of all the completion.

    Returns:
        What the constructors make of `messages.decode_delta`, or of `messages.last_chunk`.
    """
    if isinstance(delta, Completion):
        return ChatGenerationChunk(message=last_chunk(delta), generation_info=generation_info(delta.choice))
    if delta.images or delta.images_before:
        return ChatGenerationChunk(message=decode_delta(delta))
    calls = _calls(delta.fragments) if delta.fragments else {}
    if calls is None:
        return ChatGenerationChunk(message=decode_delta(delta))
    message = unvalidated(AIMessageChunk, _MESSAGE_FIELDS, {*_SET_OF_MESSAGE, *calls}, {})
    said = message.__dict__
    said["content"] = delta.text
    said["additional_kwargs"] = {REASONING: delta.reasoning} if delta.reasoning else {}
    said["response_metadata"] = {"model_provider": "anyfast"}
    said["tool_calls"] = []
    said["invalid_tool_calls"] = []
    said["tool_call_chunks"] = []
    said |= calls
    chunk = unvalidated(ChatGenerationChunk, _GENERATION_FIELDS, {*_SET_OF_GENERATION})
    chunk.__dict__["text"] = delta.text
    chunk.__dict__["message"] = message
    return chunk


def _calls(fragments: Sequence[Fragment]) -> dict[str, list[Any]] | None:
    """What the constructor takes fragments for; None if it would have to parse one of them.

    Only what begins with a brace can be an object. Anything else is an invalid call to it, and nothing at all a call
    without arguments.
    """
    chunks: list[Any] = []
    calls: list[Any] = []
    invalid: list[Any] = []
    for one in fragments:
        call = {"name": one.name, "args": one.arguments, "id": one.id}
        if not one.arguments:
            calls.append({**call, "name": one.name or "", "args": {}, "type": "tool_call"})
        elif one.arguments.lstrip().startswith("{"):
            return None
        else:
            invalid.append({**call, "error": None, "type": "invalid_tool_call"})
        chunks.append({**call, "index": one.position, "type": "tool_call_chunk"})
    return {"tool_call_chunks": chunks, "tool_calls": calls, "invalid_tool_calls": invalid}
