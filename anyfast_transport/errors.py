"""Everything that can go wrong with a call, as one tree.

```
AnyfastError                       never a ValueError or TypeError: LlamaIndex's response synthesizers
│                                  turn those two into the string "Empty Response"
├── APIConnectionError             no answer: refused, reset, DNS, TLS, proxy
│   └── APITimeoutError            no byte, or no data, for too long
├── APIStatusError                 the gateway said no
│   ├── BadRequestError            400, 413, 422, and the gateway's own conversion failures, whatever their status
│   │   └── ContextWindowExceededError
│   ├── AuthenticationError        401
│   ├── QuotaExceededError         credit used up, spelled 401, 402, 403 or 429
│   ├── PermissionDeniedError      403
│   ├── NotFoundError              404, and 503 model_not_found
│   ├── RateLimitError             429
│   └── ServerError                5xx
├── InvalidResponseError           a 200 that is not what the contract promises
│   └── EmptyAnswerError           neither text nor tool call: reasoning ate the budget
├── StreamInterruptedError         an error event, or an end without a finish_reason; `.partial` holds what had arrived
└── UnsupportedParameterError      what the model cannot do, told before anything is sent
```
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic_core import to_json

MESSAGE_LIMIT = 2000
"""Characters of the gateway's own words that a message repeats; some gateways answer with megabytes of HTML."""


class AnyfastWarning(UserWarning):
    """Something asked for was changed or dropped, because the model does not take it."""


class AnyfastError(Exception):
    """Base of everything this library raises during a call.

    Attributes:
        message: What happened, for the reader.
    """

    retryable = False
    """Whether the same request may succeed when it is simply sent again."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.args, self.__dict__)


def _revive(kind: type[AnyfastError], args: tuple[Any, ...], state: dict[str, Any]) -> AnyfastError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class APIConnectionError(AnyfastError):
    """No answer came: the connection was refused, reset, or never made.

    Attributes:
        begun: Whether the answer had begun when the connection failed; such a call is not sent again.
    """

    def __init__(self, message: str, *, begun: bool = False) -> None:
        super().__init__(message)
        self.begun = begun

    @property
    def retryable(self) -> bool:  # type: ignore[override]  # a fact of the instance here, of the class elsewhere
        """True until the first byte of an answer: after it, a second request would be billed twice."""
        return not self.begun


class APITimeoutError(APIConnectionError):
    """No byte, or no data event, arrived within `timeout`.

    Attributes:
        partial: For a stream that fell silent, the completion so far; else None.
    """

    partial: Any = None


class APIStatusError(AnyfastError):
    """The gateway, or the upstream behind it, refused the request.

    Attributes:
        status_code: HTTP status; None for a refusal told before sending (no key).
        code: The gateway's machine-readable code, as it came (str, int or None).
        type: The gateway's error type, or None.
        request_id: The gateway's id for this request, to quote to its support, or None.
        retry_after: Seconds the gateway asked to wait, or None.
        body: The parsed error body (dict, list or str), or None.
        response: A stand-in for an httpx response (`status_code`, `headers`, `text`, `json()`), for tracers.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: str | int | None = None,
        type: str | None = None,  # noqa: A002  # the wire's own name
        request_id: str | None = None,
        retry_after: float | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.code = code
        self.type = type
        self.request_id = request_id
        self.retry_after = retry_after
        self.body = body
        self.response = None if status_code is None else ErrorResponse(status_code, dict(headers or {}), body)

    @property
    def retryable(self) -> bool:  # type: ignore[override]  # a fact of the instance here, of the class elsewhere
        """True for 408 and 409, which say that the same request may pass."""
        return self.status_code in {408, 409}


class ErrorResponse(NamedTuple):
    """What a tracer reads of an error response. It holds no request, so no key."""

    status_code: int
    headers: dict[str, str]
    body: Any

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body if isinstance(self.body, str) else _json_text(self.body)

    def json(self) -> Any:
        """The parsed body."""
        return self.body


def _json_text(value: Any) -> str:
    return to_json(value, fallback=str).decode()


class BadRequestError(APIStatusError):
    """The request itself was refused; sending it again cannot help."""

    retryable = False


class ContextWindowExceededError(BadRequestError):
    """The conversation is longer than the model's context window."""


class AuthenticationError(APIStatusError):
    """The key is missing, unknown, expired or malformed."""

    retryable = False


class QuotaExceededError(APIStatusError):
    """The account or the key has no credit left; waiting does not help, topping up does."""

    retryable = False


class PermissionDeniedError(APIStatusError):
    """The key is valid, and not allowed to do this."""

    retryable = False


class NotFoundError(APIStatusError):
    """No such model, or no such path."""

    retryable = False


class RateLimitError(APIStatusError):
    """Too many requests at once; `retry_after` says how long to wait, if the gateway did."""

    retryable = True


class ServerError(APIStatusError):
    """The gateway or the upstream failed, or is overloaded."""

    @property
    def retryable(self) -> bool:  # type: ignore[override]  # a fact of the instance here, of the class elsewhere
        """False for 501, which will be the same a second later."""
        return self.status_code != 501


class InvalidResponseError(AnyfastError):
    """A 200 that is not what the contract promises.

    Attributes:
        status_code: HTTP status of the answer.
        request_id: The gateway's id for this request, or None.
        body: The first characters of what came.
        partial: For a stream that grew too large, the completion so far; else None.
    """

    partial: Any = None

    def __init__(
        self, message: str, *, status_code: int = 200, request_id: str | None = None, body: str | None = None
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.request_id = request_id
        self.body = body


class EmptyAnswerError(InvalidResponseError):
    """The answer has neither text nor tool call: its budget was eaten by reasoning.

    Attributes:
        completion: The completion as it came, with its reasoning and usage.
    """

    completion: Any = None


class StreamInterruptedError(AnyfastError):
    """A stream ended before its answer did.

    Attributes:
        partial: The completion so far: text, reasoning and tool calls that had arrived.
        error: The gateway's own error, classified, if it sent one; else None.
        request_id: The gateway's id for this request, or None.
    """

    def __init__(
        self, message: str, *, partial: Any, error: APIStatusError | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.partial = partial
        self.error = error
        self.request_id = request_id

    @property
    def status_code(self) -> int | None:
        """Status that the gateway's error event named, or None."""
        return self.error.status_code if self.error else None


class UnsupportedParameterError(AnyfastError):
    """The model cannot do what was asked; nothing was sent.

    Attributes:
        parameter: The parameter, as the caller spells it.
        model: The model it was meant for, or None.
    """

    def __init__(self, message: str, *, parameter: str | None = None, model: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.model = model


class _Rule(NamedTuple):
    """One line of the table below: the first rule whose words or status match gives the class."""

    kind: type[APIStatusError]
    words: str | None
    statuses: frozenset[int] = frozenset()


def _words(*alternatives: str) -> str:
    return "|".join(alternatives)  # compiled when there is an error, not by the import


# Code, type and words come first, the status second: a gateway's operator may map any status to any other
# (new-api: ResetStatusCode), an exhausted key is a 401 there, an unknown model a 503, a local refusal a 500.
_RULES = (
    _Rule(
        ContextWindowExceededError,
        _words(
            r"context_length_exceeded",
            r"exceed_context_size",
            r"maximum context length",  # DeepSeek, OpenAI
            r"exceeds the available context size",  # llama.cpp
            r"range of input length should be",  # DashScope
            r"input token count .{0,40}exceeds the maximum",  # Gemini
            r"prompt is too long",
            r"exceeds? the (?:model's )?(?:max(?:imum)? )?context (?:window|length)",
            r"total tokens of image and text exceed max message tokens",  # Ark
        ),
    ),
    _Rule(
        QuotaExceededError,
        _words(
            r"insufficient_(?:user_|token_)?quota",
            r"pre_consume_token_quota_failed",
            r"\bquota_exceeded",
            r"AccountOverdue",
            r"insufficient.?balance",
            r"insufficient_credits?",
            r"余额不足",
            r"额度不足",
            r"额度已用尽",
            r"欠费",
        ),
        frozenset({402}),
    ),
    _Rule(NotFoundError, _words(r"model_not_found", r"no available channel for model", r"无可用渠道")),
    _Rule(
        BadRequestError,
        _words(
            r"invalid_request\b(?!_error)",
            r"convert_request_failed",
            r"sensitive_words_detected",
            r"prompt_blocked",
            r"data_inspection_failed",
            r"read_request_body_failed",
        ),
    ),
    _Rule(AuthenticationError, _words(r"API_KEY_INVALID", r"invalid_api_key"), frozenset({401})),
    _Rule(NotFoundError, None, frozenset({404})),
    _Rule(PermissionDeniedError, None, frozenset({403})),
    _Rule(RateLimitError, None, frozenset({429})),
    _Rule(ServerError, None, frozenset(range(500, 600))),
    _Rule(BadRequestError, None, frozenset({400, 405, 413, 415, 422})),
    _Rule(APIStatusError, None, frozenset(range(600))),
)

_REMEDIES = {
    AuthenticationError: "Check ANYFAST_API_KEY, or the api_key argument.",
    QuotaExceededError: "The account or this key is out of credit: top up in the Anyfast console.",
    NotFoundError: "Check the model id and the base_url.",
    ContextWindowExceededError: "Shorten the conversation, or take a model with a larger context window.",
}


class ErrorWords(NamedTuple):
    """The parts of an error body, wherever the upstream put them."""

    message: str
    code: str | int | None = None
    type: str | None = None


def words_of(body: Any) -> ErrorWords:
    """Finds message, code and type in an error body of any shape.

    Known shapes: `{"error": {...}}`, `{"error": "text"}`, `[{"error": {...}}]`, `{"code", "message"}`,
    `{"detail": "text"}`, a JSON document inside the message, HTML, and plain text.

    Args:
        body: Parsed JSON, or the text if it is none.

    Returns:
        The innermost message with the codes around it; an empty message when there is none.
    """
    if isinstance(body, str):
        return ErrorWords(_text_of(body))
    if isinstance(body, list):
        return words_of(body[0]) if body else ErrorWords("")
    if not isinstance(body, Mapping):
        return ErrorWords("")
    inner = body.get("error")
    if isinstance(inner, (Mapping, list)) and inner:
        found = words_of(inner)
        return found if found.message else found._replace(message=_message_in(body))
    found = ErrorWords(_message_in(body), _scalar(body.get("code")), _text_or_none(body.get("type")))
    return _unnest(found)


def _message_in(body: Mapping[str, Any]) -> str:
    for key in ("message", "error", "detail", "msg", "error_msg"):
        value = body.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    detail = body.get("detail")
    return _json_text(detail) if detail else ""


def _unnest(found: ErrorWords) -> ErrorWords:
    """Unpacks an error that a relay wrapped as a JSON document inside its own message."""
    start = found.message.find("{")
    if start < 0 or '"' not in found.message:
        return found
    try:
        inner, _ = json.JSONDecoder().raw_decode(found.message[start:])
    except (ValueError, RecursionError):
        return found
    deeper = words_of(inner)
    if not deeper.message:
        return found
    return ErrorWords(deeper.message, deeper.code or found.code, deeper.type or found.type)


def _text_of(text: str) -> str:
    stripped = text.strip()
    if stripped[:1] != "<":
        return stripped
    # Only the beginning of a page is searched: the search for a title that never ends is slow in long ones.
    title = re.search(r"<title[^<>]*>([^<]+)", stripped[:MESSAGE_LIMIT], re.IGNORECASE)
    return f"an HTML page titled “{title.group(1).strip()}”" if title else "an HTML page"


def _scalar(value: Any) -> str | int | None:
    return value if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "" else None


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def classify(status: int, words: ErrorWords) -> type[APIStatusError]:
    """Chooses the class of a refusal: by its code, type and words first, by its status second.

    Args:
        status: HTTP status, or the status that an error event names.
        words: What `words_of` found in the body.

    Returns:
        A subclass of `APIStatusError`, or that class itself for an unknown status.
    """
    text = f"{words.code} {words.type} {words.message}"
    for rule in _RULES:
        if (rule.words and re.search(rule.words, text, re.IGNORECASE)) or status in rule.statuses:
            return rule.kind
    return APIStatusError


def status_error(
    status: int,
    body: Any,
    *,
    headers: Mapping[str, str] | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> APIStatusError:
    """Makes the typed error for a refusal.

    Args:
        status: HTTP status.
        body: Parsed JSON, or the text if it is none.
        headers: Response headers.
        request_id: The gateway's id for this request; also looked for in the message.
        retry_after: Seconds the gateway asked to wait.

    Returns:
        The error, ready to be raised.
    """
    words = words_of(body)
    kind = classify(status, words)
    request_id = request_id or _request_id_in(words.message)
    said = _shortened(words.message) or ("the answer names no reason" if body else "the answer has no body")
    parts = [f"{status}: {said}"]
    if words.code and str(words.code) != str(status):
        parts.append(f"(code {words.code})")
    if request_id and request_id not in said:
        parts.append(f"(request id {request_id})")
    if remedy := _REMEDIES.get(kind):
        parts.append(f"— {remedy}")
    return kind(
        " ".join(parts),
        status_code=status,
        code=words.code,
        type=words.type,
        request_id=request_id,
        retry_after=retry_after,
        body=body,
        headers=headers,
    )


def _request_id_in(message: str) -> str | None:
    found = re.search(r"request id:\s*([\w-]+)", message, re.IGNORECASE)
    return found.group(1) if found else None


def _shortened(message: str) -> str:
    return message if len(message) <= MESSAGE_LIMIT else message[:MESSAGE_LIMIT] + "…"
