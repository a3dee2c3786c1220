"""Judges a whole answer: whether it is what the call expects, and what to ask if it is not. Pure, but for a warning."""

import warnings
from dataclasses import replace

from anyfast_transport.errors import AnyfastWarning, EmptyAnswerError, InvalidResponseError
from anyfast_transport.lenient_json import problem_with
from anyfast_transport.reading import Expected
from anyfast_transport.response.fields import EXCERPT
from anyfast_transport.types import Choice, Completion, Message, ToolCall

_NOT_ASKED_AGAIN = frozenset({"length", "content_filter"})
"""How an answer ended that would end so again."""


def lost_answer(completion: Completion) -> EmptyAnswerError | None:
    """Looks for an answer whose budget was eaten by reasoning, or that was filtered away.

    Args:
        completion: A whole completion.

    Returns:
        The error that says so, or None if there is an answer.
    """
    choice = completion.choice
    filtered = choice.finish_reason == "content_filter"
    if not choice.is_empty or not (choice.reasoning or filtered or choice.finish_reason == "length"):
        return None
    who = completion.model or "the model"
    if filtered:
        said = f"The answer is empty: what {who} said was filtered (finish_reason content_filter). Ask otherwise;"
    else:
        remedy = "raise max_tokens" if choice.finish_reason == "length" else "ask again"
        said = (
            f"The answer is empty: {who} spent it all on reasoning ({len(choice.reasoning)} characters, finish_reason "
            f"{choice.finish_reason}). To get one, {remedy}, lower reasoning_effort, or set thinking=False;"
        )
    error = EmptyAnswerError(f"{said} on_empty= says what to do then.", request_id=completion.request_id)
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


def without_forced_call(completion: Completion, expected: Expected) -> InvalidResponseError | None:
    """Looks for an answer without the call that it had to make; a refusal and a filtered answer are answers.

    Args:
        completion: A whole completion.
        expected: What the call expects.

    Returns:
        The error that says so, or None.
    """
    choice = completion.choice
    if not expected.must_call or choice.tool_calls or choice.refusal or choice.finish_reason == "content_filter":
        return None
    if expected.called_in_text and expected.called_in_text(choice.text):
        return None
    remedy = " Raise max_tokens." if choice.finish_reason == "length" else ""
    return InvalidResponseError(
        f"The model was to call a tool, and called none (finish_reason {choice.finish_reason}).{remedy} It said: "
        f"{choice.text[:EXCERPT]!r}",
        request_id=completion.request_id,
        body=choice.text[:EXCERPT],
    )


def follow_up(completion: Completion, expected: Expected) -> list[Message] | None:
    """Decides whether to ask once more within the call.

    Args:
        completion: The first answer, whole.
        expected: What the call expects.

    Returns:
        The messages to add to the conversation: the answer as text, and what is wrong with it. None if the answer
        stands.
    """
    choice = completion.choice
    if choice.finish_reason in _NOT_ASKED_AGAIN or choice.refusal:
        return None
    if expected.on_invalid_call != "ask_again":
        return None
    if without_executable_call(completion):
        wrong = "; ".join(map(_what_is_wrong, choice.tool_calls))
        return question_about(choice, f"The call cannot be executed ({wrong}). Call the tool again, correctly.")
    return question_about(choice, expected.must_call) if without_forced_call(completion, expected) else None


def _what_is_wrong(call: ToolCall) -> str:
    return ": ".join(filter(None, [f"that of `{call.name}`", call.error, problem_with(call.arguments)]))


def question_about(choice: Choice, words: str) -> list[Message]:
    """An answer and the words that ask about it, as they follow the conversation.

    Args:
        choice: The answer. It goes back as text also where it was a call, since a call would need a result.
        words: What is said to it, as the user.

    Returns:
        An assistant's message and a user's.
    """
    said = "\n".join(filter(None, [choice.text, *(call.arguments for call in choice.tool_calls)]))
    answer: Message = {"role": "assistant", "content": said or "(nothing)"}
    if choice.reasoning:
        answer["reasoning_content"] = choice.reasoning
    return [answer, {"role": "user", "content": words}]


def joined(first: Completion, second: Completion, question: str, *, shown: bool) -> Completion:
    """The answer of a call that asked twice.

    Args:
        first: What was asked about.
        second: The last answer; its metadata and usage are the call's.
        question: What was said to the first.
        shown: Whether the first was shown as it came, so that it stays a part of the answer. Its calls do not run.

    Returns:
        One completion.
    """
    told = {"question": question, "usage": first.usage, "request_id": first.request_id}
    second.asked_again = [{key: value for key, value in told.items() if value is not None}]
    if shown:
        one, other = first.choice, second.choice
        calls = [call.id for call in one.tool_calls]
        other.asked_about = {"text": len(one.text), "reasoning": len(one.reasoning), "calls": calls}
        other.image_places = one.image_places + [len(one.text) + place for place in other.image_places]
        other.text, other.reasoning = one.text + other.text, one.reasoning + other.reasoning
        other.images = one.images + other.images
        asked = [replace(call, error=call.error or "it was asked for again") for call in one.tool_calls]
        other.tool_calls = asked + other.tool_calls
    return second


def check(completion: Completion, expected: Expected) -> None:
    """Says what must be said about an answer before anybody goes on with it.

    Args:
        completion: A whole completion.
        expected: What the call expects.

    Raises:
        EmptyAnswerError: The answer is empty, and `on_empty` is `"raise"`.
        InvalidResponseError: No call of the answer can be executed, or the one that was forced is not there, and
            `on_invalid_call` is not `"keep"`.
    """
    error = None if expected.on_empty == "keep" else lost_answer(completion)
    if error is not None and expected.on_empty == "raise":
        raise error
    if error is not None:
        warnings.warn(error.message, AnyfastWarning, stacklevel=2)
    if expected.on_invalid_call == "keep":
        return
    if invalid := without_executable_call(completion) or without_forced_call(completion, expected):
        raise invalid
