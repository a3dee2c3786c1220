"""Everything that can go wrong with a call, as one tree.

```
AnyfastError                       never a ValueError or TypeError, but for InvalidObjectError: LlamaIndex's response
│                                  synthesizers turn those two into the string "Empty Response"
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
│   ├── EmptyAnswerError           neither text nor tool call: reasoning ate the budget
│   └── InvalidObjectError         structured output that does not fit its schema; also a ValueError, which both
│                                  frameworks catch where they go on without an object
├── StreamInterruptedError         part of an answer and an error, an end without a finish_reason, or one that says that
│                                  the server broke off, whole answers too; `.partial` holds what had arrived
└── UnsupportedParameterError      what the model cannot do, told before anything is sent
```
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic_core import to_json


class AnyfastWarning(UserWarning):
    """Something asked for was changed or dropped, because the model does not take it."""


class AnyfastError(Exception):
    """Base of everything this library raises during a call.

    Attributes:
        message: What happened, for the reader.
        partial: What had arrived: the completion so far of a stream that broke off; of a call for embeddings of which
            one request failed, the vectors of all its texts, None for those that have none. None if nothing had.
        failed_texts: Of a call for embeddings, the places of the texts whose request failed, from 0; else None.
    """

    retryable = False
    """Whether the same request may succeed when it is simply sent again."""

    partial: Any = None
    failed_texts: Sequence[int] | None = None

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


def add_words(error: AnyfastError, *words: str) -> None:
    """Says more in an error.

    Args:
        error: The error.
        words: Sentences.
    """
    error.message = " ".join([error.message, *words])
    error.args = (error.message, *error.args[1:])


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
    """No byte, or no data event, arrived within `timeout`."""


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
        begun: Whether it came in a stream that had begun; such a call is not sent again.
    """

    begun = False

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
        return self.body if isinstance(self.body, str) else json_text(self.body)

    def json(self) -> Any:
        """The parsed body."""
        return self.body


def json_text(value: Any) -> str:
    """A body as JSON text, whatever it holds."""
    return to_json(value, fallback=str).decode()


_NOT_FETCHED = re.compile(
    r"(?:error|fail\w*|time\w*.?out|unable|could not)\W+(?:while |when |to |in )?(?:download|fetch|retriev)"
    r"|下载.{0,10}(?:失败|超时)",
    re.IGNORECASE,
)
"""OpenAI: "Error while downloading {url}"; DashScope: "Failed to download multimodal content"; Ark alike."""


class BadRequestError(APIStatusError):
    """The request itself was refused; sending it again cannot help, unless the upstream failed to fetch a URL of it."""

    @property
    def retryable(self) -> bool:  # type: ignore[override]  # a fact of the instance here, of the class elsewhere
        """Whether it is about a file that the upstream could not fetch this time."""
        return _NOT_FETCHED.search(self.message) is not None


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
        error: For embeddings under which the gateway sent an error of its own, that error, classified; else None.
    """

    error: APIStatusError | None = None

    @property
    def retryable(self) -> bool:  # type: ignore[override]  # a fact of the instance here, of the class elsewhere
        """Whether the error that the gateway sent is one that may pass."""
        return self.error is not None and self.error.retryable

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


class InvalidObjectError(InvalidResponseError, ValueError):
    """Structured output that does not fit its schema, also when asked for once more, or that the token limit cut off.

    It is the only error that is a ValueError, too: frameworks catch that where they can go on without the object.
    """


class StreamInterruptedError(AnyfastError):
    """An answer was broken off: it will not be sent for again by itself, for what had arrived was billed.

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
