"""From an answer to bytes: a JSON body, or SSE frames in the family's accent."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anyfast_emulator.answers import Answer, ToolCall
from anyfast_emulator.contract import Family
from anyfast_emulator.refusals import json_bytes

FINGERPRINT = "emulated"
DONE = b"data: [DONE]\n\n"
_END_TOKEN = 1  # DeepSeek-V4's EOS id, its usual matched_stop


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over the wire.

    Args:
        status: HTTP status.
        headers: lower-case response headers.
        frames: the body in the pieces in which it leaves.
        cut: the connection breaks behind the last frame.
    """

    status: int
    headers: Mapping[str, str]
    frames: tuple[bytes, ...]
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Telling:
    """One completion about to be told.

    Args:
        id: the completion's id.
        created: Unix time in seconds.
        model: the model that answers.
        family: whose accent.
        choices: one answer for each of the n choices.
        usage: the usage object.
        include_usage: whether the request asked for usage while streaming.
        alternatives: how many log probabilities each token carries; None = no log probabilities.
    """

    id: str
    created: int
    model: str
    family: Family
    choices: Sequence[Answer]
    usage: Mapping[str, Any]
    include_usage: bool = False
    alternatives: int | None = None

    def logprobs(self, text: str, size: int) -> dict[str, Any] | None:
        """Log probabilities of a text, made up, one for each piece of it."""
        if self.alternatives is None or not text:
            return None
        tokens = [
            {"token": one, "logprob": -0.25, "bytes": list(one.encode("utf-8", "replace"))}
            for one in _pieces(text, size)
        ]
        return {"content": [token | {"top_logprobs": [token][: self.alternatives]} for token in tokens]}

    def envelope(self, kind: str, choices: Sequence[Any], usage: Mapping[str, Any] | None) -> dict[str, Any]:
        """A completion object or one chunk of it."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": list(choices),
            "usage": usage,
            "system_fingerprint": FINGERPRINT,
        }


def completion(told: Telling) -> bytes:
    """The body of an answer that is not streamed."""
    choices = [
        _choice(index, one, told.family) | {"logprobs": told.logprobs(one.text, one.pieces)}
        for index, one in enumerate(told.choices)
    ]
    body = json_bytes(told.envelope("chat.completion", choices, told.usage))
    # DeepSeek quick_start/rate_limit: blank lines keep the connection alive until the body comes
    return b"\n\n" + body if told.family.accent == "deepseek" else body


def _choice(index: int, said: Answer, family: Family) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text}
    if said.reasoning:
        message["reasoning_content"] = said.reasoning
    if said.tool_calls:
        message["tool_calls"] = [_whole_call(at, call, family) for at, call in enumerate(said.tool_calls)]
    choice = {"index": index, "message": message, "finish_reason": said.finish or None}
    return choice | _matched_stop(said, family)


def _whole_call(at: int, call: ToolCall, family: Family) -> dict[str, Any]:
    written = _named(call, written_arguments(call))
    if family.accent in ("deepseek", "qwen"):  # an extra index, as recorded from both
        written["index"] = at
    return written


def _named(call: ToolCall, arguments: str) -> dict[str, Any]:
    named = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}
    return named | ({"extra_content": call.extra_content} if call.extra_content else {})


def written_arguments(call: ToolCall) -> str:
    """A call's arguments as JSON text."""
    return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False)


def _matched_stop(said: Answer | None, family: Family) -> dict[str, Any]:
    if family.accent != "deepseek":
        return {}
    if said is None or said.finish in ("length", ""):
        return {"matched_stop": None}
    return {"matched_stop": _END_TOKEN if said.matched_stop is None else said.matched_stop}


def stream(told: Telling) -> tuple[tuple[bytes, ...], bool]:
    """The frames of a streamed answer, keep-alive comments and `[DONE]` included.

    Returns:
        The frames, and whether the connection breaks behind them.
    """
    ping = b": keep-alive\n\n" if told.family.accent == "deepseek" else b": PING\n\n"
    data = [b"data: " + json_bytes(chunk) + b"\n\n" for chunk in _chunks(told)]
    cut_after = told.choices[0].cut_after
    kept = data if cut_after is None else data[:cut_after]
    frames = (ping, *kept[:1], ping, *kept[1:])
    return (frames, True) if cut_after is not None else ((*frames, DONE), False)


def _chunks(told: Telling) -> Iterator[dict[str, Any]]:
    accent = told.family.accent
    usage = told.usage if told.include_usage else None
    for index, said in enumerate(told.choices):
        last = index == len(told.choices) - 1
        for delta in _deltas(said, accent):
            logprobs = told.logprobs(delta.get("content") or "", said.pieces)
            yield _chunk(told, {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None})
        if accent == "qwen":  # a frame without finish_reason, VAI's recording of DashScope
            yield told.envelope("chat.completion.chunk", [{"index": index, "delta": {}}], None)
        for finish in _finishes(said, accent):
            choice = {"index": index, "delta": _last_delta(accent), "logprobs": None, "finish_reason": finish}
            # DeepSeek puts finish and usage on one frame
            on_finish = usage if accent == "deepseek" and last else None
            yield _chunk(told, choice, said, on_finish)
    if usage is not None and accent != "deepseek":
        yield told.envelope("chat.completion.chunk", [], usage)


def _chunk(
    told: Telling, choice: dict[str, Any], said: Answer | None = None, usage: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return told.envelope("chat.completion.chunk", [choice | _matched_stop(said, told.family)], usage)


def _finishes(said: Answer, accent: str) -> Sequence[str]:
    if not said.finish:
        return ()
    # new-api closes a converted Gemini tool turn twice
    return ("tool_calls", "stop") if accent == "gemini" and said.finish == "tool_calls" else (said.finish,)


def _last_delta(accent: str) -> dict[str, Any]:
    return {"deepseek": {"content": "", "reasoning_content": None}, "qwen": {}}.get(accent, {"content": ""})


def _deltas(said: Answer, accent: str) -> Iterator[dict[str, Any]]:
    quiet = accent in ("deepseek", "qwen")  # these send null for the field that is not growing
    thinks = bool(said.reasoning)
    yield {"role": "assistant"} | ({"content": None, "reasoning_content": ""} if quiet and thinks else {"content": ""})
    role = {"role": "assistant"} if accent == "glm" else {}  # GLM repeats it on every frame
    for piece in _pieces(said.reasoning, said.pieces):
        yield role | {"reasoning_content": piece} | ({"content": None} if quiet else {})
    for piece in _pieces(said.text, said.pieces):
        yield role | {"content": piece} | ({"reasoning_content": None} if quiet and thinks else {})
    if accent == "gemini" and said.tool_calls:
        yield from _gemini_calls(said.tool_calls)
        return
    for index, call in enumerate(said.tool_calls):
        yield role | {"tool_calls": [{"index": index} | _named(call, "")]}
        for piece in _pieces(written_arguments(call), said.pieces):
            # DashScope repeats an empty id and the type, others leave both out
            more = {"id": "", "type": "function"} if accent == "qwen" else {}
            yield role | {"tool_calls": [{"index": index, "function": {"arguments": piece}} | more]}


def _gemini_calls(calls: Sequence[ToolCall]) -> Iterator[dict[str, Any]]:
    # new-api relayconvert: all calls at once without arguments, then the arguments with a null type
    yield {"content": "", "tool_calls": [{"index": index} | _named(call, "") for index, call in enumerate(calls)]}
    arguments = [{"arguments": written_arguments(call)} for call in calls]
    yield {"tool_calls": [{"index": index, "type": None, "function": one} for index, one in enumerate(arguments)]}


def _pieces(text: str, size: int) -> Iterator[str]:
    for at in range(0, len(text), max(size, 1)):
        yield text[at : at + max(size, 1)]
