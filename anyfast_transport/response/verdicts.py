"""Judges a whole answer: empty, without a call that can run. Pure, but for the warning that `settle` gives."""

import warnings

from anyfast_transport.errors import AnyfastWarning, EmptyAnswerError, InvalidResponseError
from anyfast_transport.response.fields import EXCERPT
from anyfast_transport.types import Completion


def lost_to_reasoning(completion: Completion) -> EmptyAnswerError | None:
    """Looks for an answer whose budget was eaten by reasoning.

    Args:
        completion: A whole completion.

    Returns:
        The error that says so, or None if there is an answer.
    """
    choice = completion.choice
    if not choice.is_empty or not (choice.reasoning or choice.finish_reason == "length"):
        return None
    remedy = "raise max_tokens" if choice.finish_reason == "length" else "ask again"
    error = EmptyAnswerError(
        f"The answer is empty: {completion.model or 'the model'} spent it all on reasoning "
        f"({len(choice.reasoning)} characters, finish_reason {choice.finish_reason}). To get one, {remedy}, lower "
        "reasoning_effort, or set thinking=False; on_empty= says what to do then.",
        request_id=completion.request_id,
    )
    error.completion = completion
    return error


def without_executable_call(completion: Completion) -> InvalidResponseError | None:
    """Looks for an answer that calls tools, and none of them so that it could be executed.

    Args:
        completion: A whole completion.

    Returns:
        The error that says so, or None if there is a call to be executed, or none was made.
    """
    calls, finish_reason = completion.choice.tool_calls, completion.choice.finish_reason
    if not calls or not all(call.error for call in calls):
        return None
    said = "; ".join(f"that of {call.name!r}: {call.error}" for call in calls)
    remedy = " Raise max_tokens." if finish_reason == "length" else ""
    return InvalidResponseError(
        f"No tool call of the answer can be executed ({said}; finish_reason {finish_reason}).{remedy}",
        request_id=completion.request_id,
        body=calls[0].arguments[:EXCERPT],
    )


def settle(completion: Completion, on_empty: str) -> None:
    """Says what the caller wants said about an answer that reasoning ate.

    Args:
        completion: A whole completion.
        on_empty: `"warn"`, `"raise"` or `"keep"`.

    Raises:
        EmptyAnswerError: The answer is empty, and `on_empty` is `"raise"`.
    """
    error = None if on_empty == "keep" else lost_to_reasoning(completion)
    if error is not None and on_empty == "raise":
        raise error
    if error is not None:
        warnings.warn(error.message, AnyfastWarning, stacklevel=2)
