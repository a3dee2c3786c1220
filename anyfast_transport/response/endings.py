"""Answers that ended before they were whole, although a 200 brought them. Pure."""

from anyfast_transport.errors import APIStatusError, StreamInterruptedError
from anyfast_transport.types import Completion

_NO_ENDS = frozenset(
    {
        "insufficient_system_resource",  # the gateway's pages, DeepSeek's documentation
        "abort",  # SGLang, vLLM
        "error",  # OpenRouter, vLLM
        "network_error",  # Zhipu's documentation
    }
)
"""Values of finish_reason by which a server says that it broke the answer off."""


def is_no_end(finish_reason: str | None) -> bool:
    """Whether a finish_reason says that the answer was broken off."""
    return bool(finish_reason) and str(finish_reason).lower() in _NO_ENDS


def broken_off(completion: Completion) -> StreamInterruptedError | None:
    """Looks for an answer that its server broke off and ended all the same.

    Args:
        completion: A completion that has ended.

    Returns:
        The error that says so, or None.
    """
    reasons = [choice.finish_reason for choice in completion.choices]
    reason = next(filter(is_no_end, reasons), None)
    if reason is None:
        return None
    return StreamInterruptedError(
        f"The server broke the answer off: its finish_reason is {reason}. What had arrived is in .partial.",
        partial=completion,
        request_id=completion.request_id,
    )


def ended_by(error: APIStatusError, completion: Completion) -> APIStatusError | StreamInterruptedError:
    """What an error inside a 200 ends a call with.

    Args:
        error: The gateway's error.
        completion: What had arrived before it, or beside it.

    Returns:
        The error itself where that was nothing; else one that holds the part of an answer, which was billed.
    """
    if not completion.holds_answer:
        return error
    interrupted = StreamInterruptedError(
        f"The gateway ended the answer with an error. {error.message} What had arrived is in .partial.",
        partial=completion,
        error=error,
        request_id=completion.request_id,
    )
    interrupted.__cause__ = error
    return interrupted
