"""One recorded answer through each framework, each way of asking: what the user is given."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import httpx
from langchain_core.messages import AIMessage, AIMessageChunk
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from anyfast_transport import AnyfastError, APIStatusError, StreamInterruptedError
from anyfast_transport import errors as ours
from anyfast_transport.lenient_json import parsed_arguments
from anyfast_transport.types import Completion
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM
from tests.parity.captures import Delivered

BASE_URL = "https://gateway.invalid/v1"
JSON = dict[str, Any]


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in the pieces in which it comes over the network."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


class Playback:
    """Answers every request with the same bytes; keeps the requests."""

    def __init__(self, pieces: list[bytes], status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.pieces, self.status, self.headers = pieces, status, dict(headers or {})
        self.requests: list[JSON] = []

    def fields(self, **more: Any) -> JSON:
        """Arguments of a model that asks here."""
        transport = httpx.MockTransport(self._answer)
        return {
            "base_url": BASE_URL,
            "api_key": "no-key-needed",
            "max_retries": 0,
            "on_empty": "keep",
            "http_client": httpx.Client(transport=transport),
            "http_async_client": httpx.AsyncClient(transport=transport),
            **more,
        }

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(json.loads(request.content))
        return httpx.Response(self.status, headers=self.headers, stream=Pieces(self.pieces))


# --- LangChain ----------------------------------------------------------------------------------------------------


def from_message(message: AIMessage) -> Delivered:
    usage, content = message.usage_metadata, message.content
    kept = message.additional_kwargs
    return Delivered(
        text=message.text,
        reasoning=kept.get("reasoning_content", ""),
        calls=_calls_of(message),
        finish_reason=message.response_metadata.get("finish_reason"),
        usage=usage
        and {
            "input": usage["input_tokens"],
            "output": usage["output_tokens"],
            "total": usage["total_tokens"],
            "cached": usage.get("input_token_details", {}).get("cache_read"),
            "reasoning": usage.get("output_token_details", {}).get("reasoning"),
        },
        images=len([part for part in content if isinstance(part, dict) and part["type"] == "image_url"]),
        signatures=signatures_in([kept.get("extra_content"), kept.get("tool_call_extras")]),
    )


def _calls_of(message: AIMessage) -> list[tuple[str, str, Any, str]]:
    calls: list[tuple[str, str, Any, str]] = [
        (str(call["id"]), call["name"], call["args"], "") for call in message.tool_calls
    ]
    spoiled = [str(call["args"] or "") for call in message.invalid_tool_calls]
    return calls + [
        (str(call["id"]), str(call["name"]), None, text)
        for call, text in zip(message.invalid_tool_calls, spoiled, strict=True)
    ]


def signatures_in(tree: Any) -> set[str]:
    if isinstance(tree, dict):
        own = {value for key, value in tree.items() if key == "thought_signature"}
        return own.union(*(signatures_in(value) for value in tree.values()))
    return set().union(*(signatures_in(value) for value in tree)) if isinstance(tree, list) else set()


def from_error(error: AnyfastError) -> Delivered:
    partial = getattr(error, "partial", None)
    if not isinstance(partial, Completion):
        return Delivered(error=error)
    return Delivered(text=partial.choice.text, reasoning=partial.choice.reasoning, error=error)


def chat_of(playback: Playback, **fields: Any) -> ChatAnyfast:
    return ChatAnyfast(**playback.fields(**{"model": "recorded", **fields}))


def added_up(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total


def _invoke(playback: Playback, call: JSON, fields: JSON) -> AIMessage:
    return chat_of(playback, **fields).invoke("?", **call)


def _stream(playback: Playback, call: JSON, fields: JSON) -> AIMessage:
    return added_up(list(chat_of(playback, **fields).stream("?", **call)))


async def _ainvoke(playback: Playback, call: JSON, fields: JSON) -> AIMessage:
    return await chat_of(playback, **fields).ainvoke("?", **call)


async def _astream(playback: Playback, call: JSON, fields: JSON) -> AIMessage:
    return added_up([chunk async for chunk in chat_of(playback, **fields).astream("?", **call)])


# --- LlamaIndex ---------------------------------------------------------------------------------------------------


def from_response(response: ChatResponse) -> Delivered:
    blocks, facts = response.message.blocks, response.additional_kwargs
    kept = response.message.additional_kwargs
    usage = facts.get("prompt_tokens")
    return Delivered(
        text="".join(block.text for block in blocks if isinstance(block, TextBlock)),
        reasoning="".join(block.content or "" for block in blocks if isinstance(block, ThinkingBlock)),
        calls=[_block_call(block, facts) for block in blocks if isinstance(block, ToolCallBlock)],
        finish_reason=facts.get("finish_reason"),
        usage=None
        if usage is None
        else {
            "input": usage,
            "output": facts["completion_tokens"],
            "total": facts["total_tokens"],
            "cached": facts.get("cached_tokens"),
            "reasoning": facts.get("reasoning_tokens"),
        },
        images=len([block for block in blocks if isinstance(block, ImageBlock)]),
        signatures=signatures_in([kept.get("extra_content"), kept.get("tool_call_extras")]),
    )


def _block_call(block: ToolCallBlock, facts: Mapping[str, Any]) -> tuple[str, str, Any, str]:
    invalid = (block.tool_call_id or "") in facts.get("invalid_tool_calls", {})
    raw = block.tool_kwargs if isinstance(block.tool_kwargs, str) else ""
    args = block.tool_kwargs if isinstance(block.tool_kwargs, dict) else parsed_arguments(raw)
    return str(block.tool_call_id), block.tool_name, None if invalid else args, raw


def llm_of(playback: Playback, **fields: Any) -> AnyfastLLM:
    return AnyfastLLM(**playback.fields(**{"model": "recorded", "context_window": 1000, **fields}))


ASKED = [ChatMessage(role="user", content="?")]


def _last(responses: list[ChatResponse]) -> ChatResponse:
    told = "".join(response.delta or "" for response in responses)
    texts = [block.text for block in responses[-1].message.blocks if isinstance(block, TextBlock)]
    assert told == "".join(texts), "the deltas are not the whole"
    return responses[-1]


def _chat(playback: Playback, call: JSON, fields: JSON) -> ChatResponse:
    return llm_of(playback, **fields).chat(ASKED, **call)


def _stream_chat(playback: Playback, call: JSON, fields: JSON) -> ChatResponse:
    return _last(list(llm_of(playback, **fields).stream_chat(ASKED, **call)))


async def _achat(playback: Playback, call: JSON, fields: JSON) -> ChatResponse:
    return await llm_of(playback, **fields).achat(ASKED, **call)


async def _astream_chat(playback: Playback, call: JSON, fields: JSON) -> ChatResponse:
    return _last([one async for one in await llm_of(playback, **fields).astream_chat(ASKED, **call)])


# --- all of them --------------------------------------------------------------------------------------------------

Ask = Callable[..., Delivered]
AsyncAsk = Callable[..., Awaitable[Delivered]]


def _sync(ask: Callable[..., Any], read: Callable[[Any], Delivered]) -> Ask:
    def delivered(playback: Playback, call: JSON | None = None, **fields: Any) -> Delivered:
        try:
            return read(ask(playback, call or {}, fields))
        except AnyfastError as error:
            return from_error(error)

    return delivered


def _async(ask: Callable[..., Awaitable[Any]], read: Callable[[Any], Delivered]) -> AsyncAsk:
    async def delivered(playback: Playback, call: JSON | None = None, **fields: Any) -> Delivered:
        try:
            return read(await ask(playback, call or {}, fields))
        except AnyfastError as error:
            return from_error(error)

    return delivered


WHOLE: dict[str, Ask] = {
    "ChatAnyfast.invoke": _sync(_invoke, from_message),
    "AnyfastLLM.chat": _sync(_chat, from_response),
}
STREAMED: dict[str, Ask] = {
    "ChatAnyfast.stream": _sync(_stream, from_message),
    "AnyfastLLM.stream_chat": _sync(_stream_chat, from_response),
}
WHOLE_ASYNC: dict[str, AsyncAsk] = {
    "ChatAnyfast.ainvoke": _async(_ainvoke, from_message),
    "AnyfastLLM.achat": _async(_achat, from_response),
}
STREAMED_ASYNC: dict[str, AsyncAsk] = {
    "ChatAnyfast.astream": _async(_astream, from_message),
    "AnyfastLLM.astream_chat": _async(_astream_chat, from_response),
}

# --- answers as servers write them --------------------------------------------------------------------------------


def events(*payloads: Any, done: bool = True) -> bytes:
    """Payloads as an event stream; bytes go as they are."""
    framed = [one if isinstance(one, bytes) else b"data: " + json.dumps(one).encode() + b"\n\n" for one in payloads]
    return b"".join(framed) + (b"data: [DONE]\n\n" if done else b"")


def chunk(delta: JSON | None = None, finish: Any = None, **more: Any) -> JSON:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def document(message: JSON, finish: Any = "stop", **more: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json.dumps({"id": "c-1", "object": "chat.completion", "model": "m", "choices": [choice], **more}).encode()


def streamed(*deltas: JSON, finish: Any = "stop", call: JSON | None = None, **fields: Any) -> list[Delivered]:
    """What each framework makes of a stream of these deltas."""
    body = events(*(chunk(delta) for delta in deltas), chunk({}, finish))
    return [ask(Playback([body]), call, **fields) for ask in STREAMED.values()]


def whole(message: JSON, finish: Any = "stop", call: JSON | None = None, **fields: Any) -> list[Delivered]:
    """What each framework makes of this message."""
    body = document(message, finish)
    return [ask(Playback([body]), call, **fields) for ask in WHOLE.values()]


def both_ways(message: JSON, finish: Any = "stop", call: JSON | None = None, **fields: Any) -> list[Delivered]:
    """What each framework makes of this message, whole, and streamed a character at a time."""
    deltas = [
        {key: piece} for key, value in message.items() for piece in (value if isinstance(value, str) else [value])
    ]
    return whole(message, finish, call, **fields) + streamed(*deltas, finish=finish, call=call, **fields)


WEATHER_TOOL: JSON = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}
OFFERED: JSON = {"tools": [WEATHER_TOOL]}


_KINDS: dict[str, type[AnyfastError]] = {
    "quota": ours.QuotaExceededError,
    "auth": ours.AuthenticationError,
    "not_found": ours.NotFoundError,
    "permission": ours.PermissionDeniedError,
    "rate_limit": ours.RateLimitError,
    "server": ours.ServerError,
    "overloaded": ours.ServerError,
    "timeout_gateway": ours.ServerError,
    "bad_request": ours.BadRequestError,
    "invalid_response": ours.InvalidResponseError,
    "stream_error": ours.StreamInterruptedError,
    "truncated": ours.StreamInterruptedError,
}


def kinds_of(error: Exception) -> set[str]:
    """The kinds of error that one of ours passes for; an error event also for what it holds."""
    inner = error.error if isinstance(error, StreamInterruptedError) else None
    found = {kind for kind, cls in _KINDS.items() if isinstance(error, cls) or isinstance(inner, cls)}
    # A whole answer that is an error in spite of its 200 is the class of what it says.
    return found | ({"stream_error"} if isinstance(error, APIStatusError) and error.status_code == 200 else set())
