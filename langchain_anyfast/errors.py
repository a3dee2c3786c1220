"""The transport's errors, which under LangChain are langchain_core's `ModelError`s as well."""

from collections.abc import Iterator
from contextlib import contextmanager

from langchain_core import exceptions as core
from langchain_core.messages import AIMessage

import anyfast_transport as transport


class AuthenticationError(transport.AuthenticationError, core.ModelAuthenticationError):
    """The key is missing, unknown, expired or malformed."""


class QuotaExceededError(transport.QuotaExceededError, core.ModelPermissionDeniedError):
    """The account or the key has no credit left."""


class PermissionDeniedError(transport.PermissionDeniedError, core.ModelPermissionDeniedError):
    """The key is valid, and not allowed to do this."""


class NotFoundError(transport.NotFoundError, core.ModelNotFoundError):
    """No such model, or no such path."""


class RateLimitError(transport.RateLimitError, core.ModelRateLimitError):
    """Too many requests at once."""


class BadRequestError(transport.BadRequestError, core.ModelInvalidRequestError):
    """The request itself was refused."""


class ContextWindowExceededError(transport.ContextWindowExceededError, core.ContextOverflowError):
    """The conversation is longer than the context window; LangChain's summarization middleware catches it."""


class ServerError(transport.ServerError, core.ModelAPIError):
    """The gateway or the upstream failed."""


class APIStatusError(transport.APIStatusError, core.ModelError):
    """Another refusal."""


class APITimeoutError(transport.APITimeoutError, core.ModelTimeoutError):
    """No byte, or no data event, arrived in time."""


class APIConnectionError(transport.APIConnectionError, core.ModelConnectionError):
    """No answer came."""


class StreamInterruptedError(transport.StreamInterruptedError, core.ModelConnectionError):
    """A stream ended before its answer did."""


class EmptyAnswerError(transport.EmptyAnswerError, core.ModelError):
    """The answer was eaten by reasoning."""


class InvalidResponseError(transport.InvalidResponseError, core.ModelError):
    """A 200 that is not what the contract promises."""


class InvalidObjectError(transport.InvalidObjectError, InvalidResponseError, core.OutputParserException):
    """Structured output that does not fit its schema, also when asked for once more.

    Attributes:
        llm_output: What the model gave as its object.
    """

    llm_output: str | None = None
    observation: str | None = None
    send_to_llm: bool = False


class RefusedError(InvalidResponseError, getattr(core, "ModelRefusalError", core.ModelError)):  # type: ignore[misc]  # from 1.7.5 on
    """An answer without an object, since the model refused it or a filter withheld it.

    Attributes:
        raw_message: The answer.
    """

    raw_message: AIMessage | None = None


class UnsupportedParameterError(transport.UnsupportedParameterError, core.ModelInvalidRequestError):
    """What the model cannot do, told before anything is sent."""


_AS_MODEL_ERROR: dict[type[transport.AnyfastError], type[transport.AnyfastError]] = {
    kind.__bases__[0]: kind
    for kind in (
        AuthenticationError,
        QuotaExceededError,
        PermissionDeniedError,
        NotFoundError,
        RateLimitError,
        BadRequestError,
        ContextWindowExceededError,
        ServerError,
        APIStatusError,
        APITimeoutError,
        APIConnectionError,
        StreamInterruptedError,
        EmptyAnswerError,
        InvalidResponseError,
        InvalidObjectError,
        UnsupportedParameterError,
    )
}


@contextmanager
def model_errors() -> Iterator[None]:
    """Lets the transport's errors through as `ModelError`s of the right kind, with all their attributes."""
    try:
        yield
    except transport.AnyfastError as error:
        # The same object, so that its attributes, its cause and its traceback stay as they are.
        error.__class__ = _AS_MODEL_ERROR.get(type(error), type(error))
        raise


def as_error_of_an_object(error: transport.InvalidResponseError, message: AIMessage, said: str) -> None:
    """Makes LangChain's of the error of an answer without an object.

    Args:
        error: The transport's; it becomes the other.
        message: The answer.
        said: What the model gave as its object.
    """
    if isinstance(error, transport.InvalidObjectError):
        error.__class__ = InvalidObjectError
        vars(error)["llm_output"] = said
    else:
        error.__class__ = RefusedError
        vars(error)["raw_message"] = message
