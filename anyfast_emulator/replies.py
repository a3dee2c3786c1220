"""From an answer to bytes: a JSON body, or SSE frames in the family's accent."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from anyfast_emulator import accents
from anyfast_emulator.answers import Answer
from anyfast_emulator.contract import Family
from anyfast_emulator.refusals import JSON_TYPE, json_bytes

FINGERPRINT = "emulated"
_PINGS = {"deepseek": b": keep-alive\n\n"}  # DeepSeek quick_start/rate_limit; ": PING" is new-api's PingData
DONE = b"data: [DONE]\n\n"
SSE_TYPE = {"content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over the wire.

    Args:
        status: HTTP status.
        headers: lower-case response headers.
        frames: the body in the pieces in which it leaves.
        cut: the connection breaks behind the last frame.
        pauses: seconds of silence before the frame of that number.
    """

    status: int
    headers: Mapping[str, str]
    frames: tuple[bytes, ...]
    cut: bool = False
    pauses: Mapping[int, float] = field(default_factory=dict)


class Gateway(Protocol):
    """Who answers, for what carries the answer: a server, or a transport in process.

    Args:
        delay: seconds between streamed frames.
    """

    delay: float

    def reply(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answers one HTTP request."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One completion, before it is JSON.

    Args:
        id: the completion's id.
        created: Unix time in seconds.
        model: the model that answers.
        family: whose accent.
        choices: one answer for each of the n choices.
        usage: the usage object.
        include_usage: whether a stream carries usage.
        loses_finish: whether the frame that has both usage and finish is lost on the way.
        alternatives: how many log probabilities each token carries; None = no log probabilities.
    """

    id: str
    created: int
    model: str
    family: Family
    choices: Sequence[Answer]
    usage: Mapping[str, Any]
    include_usage: bool = False
    loses_finish: bool = False
    alternatives: int | None = None

    def logprobs(self, text: str, size: int) -> dict[str, Any] | None:
        """Log probabilities of a text, made up, one for each piece of it."""
        if self.alternatives is None or not text:
            return None
        tokens = [
            {"token": one, "logprob": -0.25, "bytes": list(one.encode("utf-8", "replace"))}
            for one in accents.pieces(text, size)
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


def whole(completion: Completion) -> Reply:
    """An answer that is not streamed."""
    choices = [
        accents.choice(index, one, completion.family) | {"logprobs": completion.logprobs(one.text, one.pieces)}
        for index, one in enumerate(completion.choices)
    ]
    said = completion.choices[0]
    body = json_bytes(completion.envelope("chat.completion", choices, completion.usage))
    # DeepSeek quick_start/rate_limit: blank lines keep the connection alive until the body comes
    waits = completion.family.frames == "deepseek" and completion.family.temper.keep_alives
    cut = said.cut_after is not None
    frames = (b"\n\n",) * waits + (body[: len(body) // 2] if cut else body,)
    return Reply(200, JSON_TYPE, frames, cut, {len(frames) - 1: said.pauses.get(0, 0.0)})


def streamed(completion: Completion, error: bytes | None = None) -> Reply:
    """A streamed answer, keep-alive comments and `[DONE]` included.

    Args:
        completion: the completion.
        error: the body of an error that ends it.

    Returns:
        The reply.
    """
    temper = completion.family.temper
    said = completion.choices[0]
    chunks = list(_chunks(completion))
    cut_after = len(chunks) - 1 if error is not None and said.cut_after is None else said.cut_after
    data = [_event(json_bytes(chunk)) for chunk in chunks[:cut_after]]
    pings = [_PINGS.get(completion.family.frames, b": PING\n\n")] * temper.keep_alives
    frames = (*pings, *data[:1], *pings, *data[1:])
    # A comment in front of the first frame, and one behind it
    pauses = {at + len(pings) * (1 if at == 0 else 2): seconds for at, seconds in said.pauses.items()}
    if error is not None:
        return Reply(200, SSE_TYPE, (*frames, _event(error), DONE), pauses=pauses)
    if cut_after is None:
        return Reply(200, SSE_TYPE, (*frames, DONE), pauses=pauses)
    if not temper.cut_looks_done:
        return Reply(200, SSE_TYPE, frames, cut=True, pauses=pauses)
    usage = completion.envelope("chat.completion.chunk", [], completion.usage)
    # new-api: nothing from the upstream leaves the id and the time of its own frame unset
    usage |= {} if cut_after else {"id": "", "created": 0}
    return Reply(200, SSE_TYPE, (*frames, _event(json_bytes(usage)), DONE), pauses=pauses)


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def _chunks(completion: Completion) -> Iterator[dict[str, Any]]:
    accent = completion.family.frames
    usage = completion.usage if completion.include_usage else None
    on_finish = accent in accents.USAGE_ON_FINISH
    for index, said in enumerate(completion.choices):
        last = index == len(completion.choices) - 1
        for delta in accents.deltas(said, completion.family):
            logprobs = completion.logprobs(delta.get("content") or "", said.pieces)
            yield _chunk(completion, {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None})
        if accent == "qwen":  # a frame without finish_reason, VAI's recording of DashScope
            yield completion.envelope("chat.completion.chunk", [{"index": index, "delta": {}}], None)
        for finish in accents.finishes(said, accent):
            if completion.loses_finish and last and on_finish:
                continue
            choice = {"index": index, "delta": accents.last_delta(accent), "logprobs": None, "finish_reason": finish}
            yield _chunk(completion, choice, said, usage if last and on_finish else None)
    if usage is not None and not on_finish:
        yield completion.envelope("chat.completion.chunk", [], usage)


def _chunk(
    completion: Completion, choice: dict[str, Any], said: Answer | None = None, usage: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return completion.envelope("chat.completion.chunk", [choice | accents.matched_stop(said, completion.family)], usage)
