"""The standard content blocks of our messages, registered with LangChain for `model_provider="anyfast"`.

Indexes are strings that begin with `lc_`: LangChain merges only those by name, so that the first reasoning block and
the first tool call, both number 0 to their server, do not run into each other.
"""

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages import content as types
from langchain_core.messages.block_translators import register_translator

from anyfast_transport.response.citations import citations_in
from anyfast_transport.response.sound import format_of
from langchain_anyfast.messages import REASONING


def translate_content(message: AIMessage) -> list[types.ContentBlock]:
    """The blocks of a whole message.

    Args:
        message: A message of this provider.

    Returns:
        Reasoning first, then text, with its sources as annotations, and images, sound, a refusal, then tool calls; no
        empty blocks.
    """
    content = _cited([block for block, _ in _content(message)], message)
    sound = sound_blocks(message.additional_kwargs.get("audio"))
    blocks = [*_reasoning(message), *content, *sound, *_refusal(message)]
    blocks += [{"type": "tool_call", "name": c["name"], "args": c["args"], "id": c["id"]} for c in message.tool_calls]
    blocks += [
        {"type": "invalid_tool_call", "name": c["name"], "args": c["args"], "id": c["id"], "error": c["error"]}
        for c in message.invalid_tool_calls
    ]
    return cast("list[types.ContentBlock]", blocks)


def translate_content_chunk(message: AIMessageChunk) -> list[types.ContentBlock]:
    """The blocks of a piece of a stream, or of the sum of all pieces.

    Args:
        message: A chunk of this provider.

    Returns:
        Blocks that add up by their indexes; whole ones, if the chunk holds the end of its stream.
    """
    if message.chunk_position == "last" and all(chunk["id"] for chunk in message.tool_call_chunks):
        return translate_content(message)
    # The last piece itself may hold the rest of a call, without its id: that is nothing whole.
    blocks: list[dict[str, Any]] = [{**block, "index": "lc_rs_0"} for block in _reasoning(message)]
    blocks += [{**block, "index": index or f"lc_{_SHORT[block['type']]}_0"} for block, index in _content(message)]
    blocks += [{**block, "index": "lc_rf_0"} for block in _refusal(message)]
    blocks += [
        {
            "type": "tool_call_chunk",
            "id": chunk["id"],
            "name": chunk["name"],
            "args": chunk["args"],
            "index": f"lc_tc_{chunk['index'] or 0}",
        }
        for chunk in message.tool_call_chunks
    ]
    return cast("list[types.ContentBlock]", blocks)


def _cited(blocks: list[dict[str, Any]], message: AIMessage) -> list[dict[str, Any]]:
    """The content, its first text annotated with the sources of the answer."""
    sources = citations_in(message.response_metadata)
    if not sources:
        return blocks
    at = next((at for at, block in enumerate(blocks) if block["type"] == "text"), None)
    if at is None:
        # The last piece of a stream has the sources, and no text of its own: it adds up with those before it.
        return [{"type": "text", "text": "", "annotations": sources, "index": "lc_txt_0"}, *blocks]
    return [*blocks[:at], {**blocks[at], "annotations": sources}, *blocks[at + 1 :]]


def sound_blocks(audio: Any) -> list[dict[str, Any]]:
    """The standard block of a sound that the model made.

    Args:
        audio: The answer's `audio`, or None.

    Returns:
        The block, with what else the object holds in its `extras`; none where there is no sound.
    """
    if not isinstance(audio, Mapping) or not audio.get("data"):
        return []
    extras = {key: value for key, value in audio.items() if key not in ("data", "format") and value is not None}
    kind = f"audio/{audio.get('format') or format_of(audio['data'])}"
    return [{"type": "audio", "base64": audio["data"], "mime_type": kind, "extras": extras}]


_SHORT = {"text": "txt", "image": "img"}


def _reasoning(message: AIMessage) -> list[dict[str, Any]]:
    reasoning = message.additional_kwargs.get(REASONING)
    return [{"type": "reasoning", "reasoning": reasoning}] if reasoning else []


def _refusal(message: AIMessage) -> list[dict[str, Any]]:
    words = message.additional_kwargs.get("refusal")
    return [refusal_block(words)] if words else []


def refusal_block(words: str) -> dict[str, Any]:
    """The standard block of a refusal; langchain-core's own parsers raise their ModelRefusalError for it.

    Args:
        words: What the model said.

    Returns:
        A block; a non-standard one before langchain-core 1.7.5, which knows no other.
    """
    block = {"type": "refusal", "refusal": words}
    return block if "refusal" in types.KNOWN_BLOCK_TYPES else {"type": "non_standard", "value": block}


def _content(message: AIMessage) -> list[tuple[dict[str, Any], str | None]]:
    """Text and images, each with the index that it has in a stream of more than text."""
    parts = [message.content] if isinstance(message.content, str) else message.content
    return [(block, part.get("index") if isinstance(part, dict) else None) for part in parts if (block := _block(part))]


def _block(part: str | dict[str, Any]) -> dict[str, Any] | None:
    if isinstance(part, str):
        return {"type": "text", "text": part} if part else None
    if part.get("type") == "image_url":
        return image_block(part)
    return {"type": "text", "text": part["text"]} if part.get("type") == "text" and part.get("text") else None


def image_block(part: Mapping[str, Any]) -> dict[str, Any]:
    """The standard block of an image that the model made.

    Args:
        part: The wire's `image_url` part.

    Returns:
        A block with the image's url, or with its bytes.
    """
    url = part["image_url"]["url"]
    head, found, data = url.partition(";base64,")
    if not found:
        return {"type": "image", "url": url}
    return {"type": "image", "base64": data, "mime_type": head.removeprefix("data:")}


register_translator("anyfast", translate_content, translate_content_chunk)
