"""What the emulator can be told to say: an answer, a failure, or bytes as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a function by the model.

    Args:
        name: the function's name.
        arguments: an object, or the JSON text as the model wrote it (which may be broken on purpose).
        id: the call's id; made in the family's accent when left out.
        extra_content: travels beside the function, as Gemini's thought signature does.
    """

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    id: str | None = None
    extra_content: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An error answer, in the gateway's own envelope unless a body is given.

    Args:
        status: HTTP status, 400 to 599.
        message: the message; the gateway appends its request id to it.
        code: the envelope's `code`; "bad_response_status_code" when None.
        type: the envelope's `type`; "upstream_error" when None.
        retry_after: seconds (or an HTTP date) for a Retry-After header.
        headers: more response headers.
        body: sent instead of the envelope, as it is; "" for an empty body.
    """

    status: int = 500
    message: str = "The emulator was told to fail."
    code: str | int | None = None
    type: str | None = None
    retry_after: float | str | None = None
    headers: Mapping[str, str] | None = None
    body: bytes | str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the model, whatever the family's accent.

    Args:
        text: the answer's content.
        reasoning: the thoughts before it; "" sends none.
        tool_calls: the calls the model makes.
        finish_reason: derived when None ("tool_calls" with calls, else "stop"); "" sends no finish at all and still
            ends with `[DONE]`, which is how the gateway reports an upstream that went away.
        usage: the usage object as it is; counted when None.
        cut_after: the connection breaks after so many data frames (≥ 0), before any finish. An answer that is not
            streamed breaks in the middle of its body.
        error: a stream ends in this failure as an error event under status 200, after `cut_after` frames or else
            before its finish; an answer that is not streamed is this failure.
        pauses: seconds of silence before the data frame of that number, counted from 0. An answer that is not
            streamed is one frame.
        matched_stop: DeepSeek's field: the stop sequence that was hit, else the id of its end token.
        pieces: characters per streamed delta (≥ 1).
        pictures: data URIs of pictures, which come behind the text in the form that the gateway's temperament has.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = None
    cut_after: int | None = None
    error: Failure | None = None
    pauses: Mapping[int, float] = field(default_factory=dict)
    matched_stop: str | int | None = None
    pieces: int = 6
    pictures: Sequence[str] = ()

    @property
    def finish(self) -> str:
        """The finish reason, derived from the content unless it was given."""
        if self.finish_reason is not None:
            return self.finish_reason
        return "tool_calls" if self.tool_calls else "stop"


@dataclass(frozen=True, slots=True)
class Raw:
    """Recorded bytes, sent as they are.

    Args:
        body: the whole body, or its pieces, each of which leaves on its own.
        status: HTTP status.
        headers: response headers; the content type is told from the body when not given.
        cut: the connection breaks behind the last piece instead of ending properly.
    """

    body: bytes | Sequence[bytes] = b""
    status: int = 200
    headers: Mapping[str, str] | None = None
    cut: bool = False

    @property
    def parts(self) -> tuple[bytes, ...]:
        """The pieces in their order."""
        return (self.body,) if isinstance(self.body, bytes) else tuple(self.body)


Scripted = str | Answer | Failure | Raw
