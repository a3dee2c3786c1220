"""LangChain's content blocks, and those of other vendors' classes, → parts of the wire."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from anyfast_transport.errors import UnsupportedParameterError

JSON = dict[str, Any]

_NOT_FOR_THE_WIRE = frozenset(
    {
        "reasoning",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "tool_result",
        "tool_call",
        "tool_call_chunk",
        "invalid_tool_call",
        "function_call",
        "input_json_delta",
        "non_standard",
    }
)
"""Content blocks that stand elsewhere on the wire, or are another vendor's own."""

_ON_THE_WIRE = frozenset({"text", "image_url", "video_url", "input_audio", "file"})
"""Types of content part that the gateway's pages know."""


def wire_content(content: str | list[Any], *, of_tool: bool = False) -> Any:
    """Content as the wire has it: a string, or parts; "" for none.

    Args:
        content: A string, or LangChain's content blocks, those of OpenAI, Anthropic and Google among them.
        of_tool: Whether it is a tool's result, of which no block is refused.

    Returns:
        A string, or a list of parts.

    Raises:
        UnsupportedParameterError: A block lacks what it should hold.
    """
    if isinstance(content, str):
        return content
    encode = _tool_part if of_tool else wire_part
    parts = [part for block in content if (part := encode(block))]
    return parts or ""


def wire_part(block: Any) -> JSON | None:
    """A content block as a part of the wire; None for one that has no place in content."""
    if isinstance(block, str):
        return {"type": "text", "text": block}
    kind = block.get("type")
    if kind in _NOT_FOR_THE_WIRE:
        return None
    if kind == "refusal":
        return {"type": "text", "text": block.get("refusal") or ""}
    encode = _ENCODERS.get(str(kind))
    return encode(block) if encode else {key: value for key, value in block.items() if key != "cache_control"}


def _source(block: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where a block says what it holds: in itself, or in Anthropic's `source`."""
    source = block.get("source")
    return source if isinstance(source, Mapping) else block


def _location(block: Mapping[str, Any]) -> str:
    """The url of a medium, or its bytes as a data URI: LangChain's v1 and v0 blocks, and Anthropic's sources."""
    source = _source(block)
    if url := source.get("url") or source.get("file_uri"):
        return str(url)
    if data := source.get("base64") or source.get("data"):
        text = _as_base64(data) if isinstance(data, (bytes, bytearray)) else str(data)
        mime = source.get("mime_type") or source.get("media_type") or block.get("mime_type")
        return text if text.startswith("data:") else f"data:{mime or _DEFAULT_MIME[str(block['type'])]};base64,{text}"
    raise _without_its_field(block, "a url, or base64 with a mime_type; file ids are not known here")


def _without_its_field(block: Mapping[str, Any], needed: str) -> UnsupportedParameterError:
    kind = str(block.get("type"))
    return UnsupportedParameterError(f"A {kind} block needs {needed}.", parameter=kind)


def _as_base64(data: bytes | bytearray) -> str:
    """Bytes in a field for base64: as they are, if they are base64, else encoded."""
    try:
        base64.b64decode(data, validate=True)
    except ValueError:
        return base64.b64encode(data).decode()
    return data.decode()


_DEFAULT_MIME = {
    "image": "image/png",
    "video": "video/mp4",
    "audio": "audio/wav",
    "file": "application/pdf",
    "document": "application/pdf",
}


def _extras(block: Mapping[str, Any], *names: str) -> JSON:
    """What else a part can say, from the block's `extras` (LangChain's place for it) or from the block itself."""
    extras = block.get("extras")
    found = {**block, **(extras if isinstance(extras, Mapping) else {})}
    return {name: found[name] for name in names if found.get(name) is not None}


def _image(block: Mapping[str, Any]) -> JSON:
    return {"type": "image_url", "image_url": {"url": _location(block), **_extras(block, "detail")}}


def _video(block: Mapping[str, Any]) -> JSON:
    return {"type": "video_url", "video_url": {"url": _location(block), **_extras(block, "fps")}}


def _audio(block: Mapping[str, Any]) -> JSON:
    head, found, data = _location(block).partition(";base64,")
    if not found:
        raise UnsupportedParameterError("An audio block needs base64 with a mime_type, not a url.", parameter="audio")
    kind = head.rpartition("/")[2]
    return {"type": "input_audio", "input_audio": {"data": data, "format": _AUDIO_FORMATS.get(kind, kind)}}


_AUDIO_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav"}
"""Subtypes of audio's MIME types → the wire's names for them, where those differ."""


def _file(block: Mapping[str, Any]) -> JSON:
    if block.get("source_type") == "text" or _source(block).get("type") == "text":
        return _plain_text(block)
    name = _extras(block, "filename", "name")
    return {
        "type": "file",
        "file": {
            "filename": name.get("filename") or name.get("name") or "document.pdf",
            "file_data": _location(block),
        },
    }


def _raw_file(block: Mapping[str, Any]) -> JSON:
    """A file block is LangChain's, unless it is OpenAI's, which goes as it is."""
    return dict(block) if "file" in block else _file(block)


def _plain_text(block: Mapping[str, Any]) -> JSON:
    text = block.get("text") or (_source(block).get("data") if "source" in block else None)
    if not isinstance(text, str):
        raise _without_its_field(block, "the text itself")
    return {"type": "text", "text": text}


def _text(block: Mapping[str, Any]) -> JSON:
    if not isinstance(text := block.get("text"), str):
        raise _without_its_field(block, "its text, a str")
    return {"type": "text", "text": text}


def _media_part(block: Mapping[str, Any]) -> JSON:
    """Google's block for any medium, which is told by its MIME type."""
    kind = str(block.get("mime_type") or "").partition("/")[0]
    kind = kind if kind in ("image", "video", "audio") else "file"
    return _ENCODERS[kind]({**block, "type": kind})


def _wire_part(field: str, key: str, *, bare: bool = False) -> Callable[[Mapping[str, Any]], JSON]:
    """Reads a part that is the wire's own already: its field holds an object, or (`bare`) just what is in that."""

    def read(block: Mapping[str, Any]) -> JSON:
        said = block.get(field)
        said = {key: said} if bare and isinstance(said, str) else said
        if not isinstance(said, Mapping) or not isinstance(said.get(key), str) or not said[key]:
            raise _without_its_field(block, f"{field}: {{{key!r}: …}}")
        return {**{name: value for name, value in block.items() if name != "cache_control"}, field: dict(said)}

    return read


_ENCODERS: Mapping[str, Callable[[Mapping[str, Any]], JSON]] = {
    "text": _text,
    "image_url": _wire_part("image_url", "url", bare=True),  # the bare string is in many tutorials
    "video_url": _wire_part("video_url", "url", bare=True),
    "input_audio": _wire_part("input_audio", "data"),
    "media": _media_part,
    "image": _image,
    "video": _video,
    "audio": _audio,
    "file": _raw_file,
    "document": _file,
    "text-plain": _plain_text,
}


def _tool_part(block: Any) -> JSON | None:
    """A block of a tool's result: what is none of the wire's, or is broken, is told as JSON."""
    if isinstance(block, str):
        return wire_part(block)
    try:
        part = None if block.get("type") in _NOT_FOR_THE_WIRE else wire_part(block)
    except UnsupportedParameterError:
        part = None
    known = part is not None and part.get("type") in _ON_THE_WIRE
    return part if known else {"type": "text", "text": json.dumps(block, ensure_ascii=False, default=str)}
