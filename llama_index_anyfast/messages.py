"""LlamaIndex's messages → the wire, and the wire's answers → LlamaIndex's messages."""

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from pydantic import ValidationError

from anyfast_transport.errors import UnsupportedParameterError
from anyfast_transport.lenient_json import entries_of
from anyfast_transport.request.history import ROLES
from anyfast_transport.types import (
    ASKED_ABOUT,
    CALL_EXTRAS,
    MESSAGE_EXTRA,
    Choice,
    Completion,
    Message,
    ToolCall,
    in_order,
    wire_call,
)
from anyfast_transport.usage import usage_of

JSON = dict[str, Any]

REASONING = "reasoning_content"
CALLS = "tool_calls"
"""Key of `additional_kwargs`: the calls in the wire's shape, which LlamaIndex's streaming programs look for."""


def check_messages(messages: Any) -> None:
    """Sees that a conversation is one, before LlamaIndex's events take it apart.

    Args:
        messages: What the caller gave for one.

    Raises:
        UnsupportedParameterError: It is no list of ChatMessages.
    """
    if isinstance(messages, (str, ChatMessage)):
        words = f"not a {type(messages).__name__}"
    elif wrong := [one for one in messages or () if not isinstance(one, ChatMessage)]:
        words = f"not of a {type(wrong[0]).__name__}"
    else:
        return
    raise UnsupportedParameterError(
        f'chat takes a list of ChatMessages, {words}: write [ChatMessage(role="user", content="...")], or '
        "complete(text) for one text.",
        parameter="messages",
    )


def check_prompt(prompt: Any) -> None:
    """The same for the prompt of a completion."""
    if prompt is not None and not isinstance(prompt, str):
        raise UnsupportedParameterError(
            f"complete takes a text, not a {type(prompt).__name__}. For messages there is chat(messages).",
            parameter="prompt",
        )


def encode_messages(messages: Sequence[ChatMessage]) -> list[Message]:
    """Spells a conversation in the wire's shape; what a family makes of it is decided later.

    Args:
        messages: The conversation; not changed.

    Returns:
        One wire message for each.

    Raises:
        UnsupportedParameterError: A block that has no place on the wire.
    """
    encoded: list[JSON] = []
    for message in messages:
        said = message.role._value_  # `value` is a property in Python, and takes as long as the rest
        encoded.append({"role": said, **_ENCODERS.get(ROLES.get(said, said), _said)(message)})
    return cast("list[Message]", encoded)


def _said(message: ChatMessage) -> JSON:
    """What the user or the system says."""
    text = _only_text(message)
    return {"content": _content(_parts(message.blocks)) if text is None else text, **_kept(message, "name")}


def _result(message: ChatMessage) -> JSON:
    """What a tool answers."""
    text = _only_text(message)
    content = _content([part for block in message.blocks for part in _tool_parts(block)]) if text is None else text
    return {"content": content, **_kept(message, "tool_call_id")}


def _tool_parts(block: ContentBlock) -> list[JSON]:
    """A block of a tool's result: one that is broken, or has no place on the wire, is told as JSON."""
    try:
        return _parts([block])
    except UnsupportedParameterError:
        return [{"type": "text", "text": block.model_dump_json()}]


def _answer(message: ChatMessage) -> JSON:
    """What the model said."""
    text = _only_text(message)
    if text is not None and not message.additional_kwargs:
        return {"content": text}
    thoughts = [block.content or "" for block in message.blocks if isinstance(block, ThinkingBlock)]
    reasoning = "".join(thoughts) if thoughts else message.additional_kwargs.get(REASONING)
    calls = _calls(message)
    return {
        "content": "".join(_as_text(part) for part in _parts(message.blocks)),
        **({REASONING: reasoning} if reasoning else {}),
        **({CALLS: calls} if calls else {}),
        **_kept(message, "prefix", "name", MESSAGE_EXTRA, ASKED_ABOUT),
    }


_ENCODERS: Mapping[str, Callable[[ChatMessage], JSON]] = {"assistant": _answer, "tool": _result}


def _only_text(message: ChatMessage) -> str | None:
    """The text of a message that is nothing else, as most are; None for any other."""
    blocks = message.blocks
    return blocks[0].text if len(blocks) == 1 and type(blocks[0]) is TextBlock else None


def _kept(message: ChatMessage, *keys: str) -> JSON:
    if not message.additional_kwargs:
        return {}
    return {key: message.additional_kwargs[key] for key in keys if message.additional_kwargs.get(key)}


def _content(parts: list[JSON]) -> Any:
    if len(parts) == 1 and parts[0]["type"] == "text":
        return parts[0]["text"]
    return parts or ""


def _as_text(part: JSON) -> str:
    """A part of an assistant turn as text: the gateway reads images there as markdown (new-api)."""
    if part["type"] == "text":
        return str(part["text"])
    if part["type"] == "image_url":
        return f"![image]({part['image_url']['url']})"
    raise _no_place(_BLOCKS[part["type"]], "an assistant turn")


_BLOCKS = {
    "image_url": "ImageBlock",
    "video_url": "VideoBlock",
    "input_audio": "AudioBlock",
    "file": "DocumentBlock",
}
"""Kind of part → the block that it was made of."""


class naming_the_block:  # noqa: N801  # a context manager, used like a function
    """A context in which the refusal of a part is told in the words of who wrote a block."""

    # Not a generator's context manager: contextlib puts back tracebacks that were taken off for good.

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        parameter = error.parameter if isinstance(error, UnsupportedParameterError) else None
        if isinstance(error, UnsupportedParameterError) and (block := _BLOCKS.get(parameter or "")):
            raise UnsupportedParameterError(f"{block}: {error.message}", parameter=block, model=error.model) from None


def _no_place(what: str, where: str = "a message") -> UnsupportedParameterError:
    return UnsupportedParameterError(f"{what} has no place in {where} to this gateway.", parameter=what)


def _calls(message: ChatMessage) -> list[JSON]:
    extras = message.additional_kwargs.get(CALL_EXTRAS) or {}
    calls = [
        wire_call(
            block.tool_call_id,
            block.tool_name,
            block.tool_kwargs,
            extras.get(block.tool_call_id),
        )
        for block in message.blocks
        if isinstance(block, ToolCallBlock)
    ]
    return calls or [_legacy_call(entry) for entry in message.additional_kwargs.get(CALLS) or []]


def _legacy_call(entry: Any) -> JSON:
    """A call as other integrations keep it: the wire's dict, an object of the openai SDK, or Anthropic's `tool_use`."""
    raw: JSON = entry if isinstance(entry, dict) else entry.model_dump(exclude_none=True)
    function = raw.get("function") or raw
    arguments: Any = next((function[key] for key in ("arguments", "input", "args") if function.get(key)), {})
    extra = {key: value for key, value in raw.items() if key not in _NOT_EXTRA}
    return wire_call(raw.get("id"), function.get("name") or "", arguments, extra)


_NOT_EXTRA = frozenset({"id", "type", "function", "index", "name", "arguments", "input", "args"})


_NOT_CONTENT = (ThinkingBlock, ToolCallBlock, CachePoint)
"""Blocks that stand elsewhere on the wire, or nowhere."""


def _parts(blocks: Sequence[ContentBlock]) -> list[JSON]:
    """The blocks that have a place in content, as parts."""
    parts: list[JSON] = []
    for block in blocks:
        if type(block) in _NOT_CONTENT:  # the class itself is looked up faster than `isinstance` asks for six
            continue
        if type(block) is TextBlock or isinstance(block, TextBlock):
            parts.append({"type": "text", "text": block.text})
        elif isinstance(block, CitableBlock):
            parts.extend(_parts(block.content))
        elif isinstance(block, CitationBlock):
            parts.extend(_parts([block.cited_content]))
        elif not isinstance(block, _NOT_CONTENT):
            parts.append(_medium(block))
    return parts


def _medium(block: ContentBlock) -> JSON:
    encode = _MEDIA.get(type(block))
    if encode is None:
        raise _no_place(type(block).__name__)
    return encode(block)


def _image(block: ImageBlock) -> JSON:
    return _by_url("image_url", _location(block, "image", "image_mimetype", "image/png"), detail=block.detail)


def _video(block: VideoBlock) -> JSON:
    url = _location(block, "video", "video_mimetype", "video/mp4")
    return _by_url("video_url", url, detail=block.detail, fps=block.fps)


def _by_url(kind: str, url: str, **extras: Any) -> JSON:
    return {"type": kind, kind: {"url": url, **{key: value for key, value in extras.items() if value is not None}}}


def _audio(block: AudioBlock) -> JSON:
    head, _, data = _location(block, "audio", "format", "wav").partition(";base64,")
    if not data:
        raise _no_place("The url of an AudioBlock")
    return {"type": "input_audio", "input_audio": {"data": data, "format": head.removeprefix("data:").split("/")[-1]}}


def _document(block: DocumentBlock) -> JSON:
    name = Path(str(block.path)).name if block.path and block.title == "input_document" else block.title
    location = _location(block, "data", "document_mimetype", "application/pdf")
    return {"type": "file", "file": {"filename": name, "file_data": location}}


_MEDIA: Mapping[type, Callable[[Any], JSON]] = {
    ImageBlock: _image,
    VideoBlock: _video,
    AudioBlock: _audio,
    DocumentBlock: _document,
}


def _location(block: Any, data_field: str, mime_field: str, default_mime: str) -> str:
    """The url of a medium, never downloaded, or its bytes as a data URI."""
    data = getattr(block, data_field)
    if not data and block.url:
        return str(block.url)
    if not isinstance(data, bytes):
        # The block's own validator looks into bytes for the type. It takes those that look like base64 for base64.
        raw = base64.b64encode(_bytes_of(data, block.path))
        block = type(block)(**{data_field: raw, mime_field: getattr(block, mime_field)})
        data = getattr(block, data_field)
    if not data:
        raise _no_place(f"{type(block).__name__} without data")
    return f"data:{getattr(block, mime_field) or default_mime};base64,{data.decode()}"


def _bytes_of(stream: Any, path: Any) -> bytes:
    if stream is None:
        return Path(path).read_bytes() if path else b""
    at = stream.tell()
    stream.seek(0)
    raw: bytes = stream.read()
    stream.seek(at)
    return raw


def decode_message(completion: Completion, choice: Choice) -> ChatMessage:
    """One answer as LlamaIndex's message.

    Args:
        completion: The whole completion.
        choice: Which of its answers.

    Returns:
        The message: reasoning, text, images, sound, calls. A call that must not be executed keeps its arguments as
        text.
    """
    usage = usage_of(completion.usage) if len(completion.choices) == 1 else None
    calls = choice.tool_calls
    blocks = [
        *thinking_blocks(choice.reasoning, usage.reasoning if usage else None),
        *content_blocks(choice.text or choice.refusal or "", choice, alone=not (calls or choice.images)),
        *decode_audio(choice.audio),
        *map(_call_block, calls),
    ]
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=_to_be_kept(choice))


def thinking_blocks(reasoning: str, tokens: int | None = None) -> list[ContentBlock]:
    """The block of reasoning, if there is any."""
    return [ThinkingBlock(content=reasoning, num_tokens=tokens)] if reasoning else []


def content_blocks(text: str, choice: Choice, *, alone: bool) -> list[ContentBlock]:
    """Text and images in their order; an empty text where nothing else answers: `content` is then `""`, not None."""
    if not choice.images:
        return [TextBlock(text=text)] if text or alone else []
    parts = in_order(text, choice.images, choice.image_places)
    blocks = (TextBlock(text=part) if isinstance(part, str) else decode_image(part) for part in parts)
    return [block for block in blocks if block]


def decode_image(part: Mapping[str, Any]) -> ImageBlock | None:
    """An image that the model made.

    Args:
        part: An `image_url` part.

    Returns:
        The block, or None if the part holds no URL.
    """
    inner = part.get("image_url")
    url = inner.get("url") if isinstance(inner, Mapping) else inner
    if not isinstance(url, str):
        return None
    head, found, data = url.partition(";base64,")
    if not found:
        try:
            return ImageBlock(url=url)
        except ValidationError:
            return None
    # Past the validator, which would decode megabytes twice to learn what the data URI says.
    return ImageBlock.model_construct(image=data.encode(), image_mimetype=head.removeprefix("data:"))


def decode_audio(audio: Mapping[str, Any] | None) -> list[ContentBlock]:
    """The block of the sound that the model made, if it made one; its text is the transcript."""
    data = (audio or {}).get("data")
    if not audio or not isinstance(data, str):
        return []
    # Past the validator, as an image.
    return [AudioBlock.model_construct(audio=data.encode(), format=str(audio.get("format") or ""))]


def _call_block(call: ToolCall) -> ToolCallBlock:
    arguments = call.arguments if call.error else call.parsed()
    return ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=arguments)


def _to_be_kept(choice: Choice) -> JSON:
    """What must survive on the message until it goes back, and what LlamaIndex's older parts look for."""
    kept: JSON = {}
    if choice.tool_calls:
        kept[CALLS] = [legacy_call(call.id, call.name, call.arguments) | call.extra for call in choice.tool_calls]
    return kept | choice.kept()


def legacy_call(call_id: str, name: str, arguments: str) -> JSON:
    """A call in the wire's shape, its arguments as they came, whole or not."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def decode_usage(raw: Mapping[str, Any] | None) -> JSON:
    """Usage under the names that LlamaIndex's observers read in `additional_kwargs`.

    Args:
        raw: The gateway's usage object.

    Returns:
        The counts; what was not given is left out, which is not 0.
    """
    usage = usage_of(raw)
    if usage is None:
        return {}
    counts = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "reasoning_tokens": usage.reasoning,
        "cached_tokens": usage.cached,
    }
    return {name: count for name, count in counts.items() if count is not None}


def decode_logprobs(raw: Any) -> list[list[LogProb]] | None:
    """Log probabilities as LlamaIndex has them: for each token the likeliest, or the token itself.

    Args:
        raw: The gateway's `logprobs`.

    Returns:
        One list for each token, or None.
    """
    content = raw.get("content") if isinstance(raw, Mapping) else None
    if not isinstance(content, list):
        return None
    return [
        [_logprob(one) for one in entries_of(token.get("top_logprobs")) or [token]] for token in entries_of(content)
    ]


def _logprob(raw: Mapping[str, Any]) -> LogProb:
    try:
        return LogProb(token=raw.get("token") or "", logprob=raw.get("logprob") or 0.0, bytes=raw.get("bytes") or [])
    except ValidationError:
        return LogProb()  # what is wrong in it is no reason to lose the answer; `raw` has it as it came
