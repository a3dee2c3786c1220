"""A whole answer: read from a body, and judged. Pure."""

import warnings
from collections.abc import Mapping
from typing import Any

from anyfast_transport.content import Reading, read_whole
from anyfast_transport.errors import (
    AnyfastError,
    AnyfastWarning,
    EmptyAnswerError,
    InvalidResponseError,
    StreamInterruptedError,
)
from anyfast_transport.events import read_json
from anyfast_transport.payload import (
    EXCERPT,
    error_in,
    excerpt,
    reasoning_in,
    take_end,
    take_extra,
    take_head,
    text_and_images,
)
from anyfast_transport.stream import StreamDecoder
from anyfast_transport.tool_calls import entries_of, rescued, whole_calls
from anyfast_transport.wire import Choice, Completion

_BODY_OF_EVENTS = (b"data:", b"event:", b":")


def decode_completion(data: bytes, *, request_id: str | None = None, reading: Reading | None = None) -> Completion:
    """Reads a whole answer.

    Args:
        data: The body; blank lines before the JSON are keep-alives.
        request_id: The gateway's id of the request.
        reading: How to read the answer; what the request knows of it.

    Returns:
        The completion with all its choices.

    Raises:
        APIStatusError: The body is an error, in spite of its 200.
        InvalidResponseError: The body is not what the contract promises. A missing finish_reason is none of that:
            the pages' own examples have none, and a body that parses was not cut.
    """
    data = data.strip()
    try:
        payload = read_json(data)
    except ValueError:
        if not data.startswith(_BODY_OF_EVENTS):
            raise _unreadable(data, request_id) from None
        return _streamed_whole(data, StreamDecoder(request_id, reading=reading))
    if isinstance(payload, list) and len(payload) == 1:
        payload = payload[0]
    if not isinstance(payload, dict):
        raise _unreadable(data, request_id)
    if error := error_in(payload, request_id=request_id):
        raise error
    choices = entries_of(payload.get("choices"))
    if choices and (error := error_in({"choices": [], "error": choices[0].get("error")}, request_id=request_id)):
        raise error  # where OpenRouter puts that of the upstream
    if not any(isinstance(choice.get("message"), Mapping) for choice in choices):
        raise InvalidResponseError(
            f"The answer has no choices: {excerpt(data)}", request_id=request_id, body=excerpt(data)
        )
    completion = Completion(
        request_id=request_id, choices=[_whole_choice(choice, reading or Reading()) for choice in choices]
    )
    take_head(completion, payload)
    return completion


def _streamed_whole(data: bytes, decoder: StreamDecoder) -> Completion:
    """Events where one document was asked for: some servers always stream."""
    ended: AnyfastError | None = None
    try:
        for _ in (*decoder.feed(data), *decoder.finish()):
            pass
    except StreamInterruptedError as interrupted:
        ended = interrupted.error or interrupted
    if ended is not None:  # outside, so that the words of the one are not the context of the other
        raise ended
    return decoder.completion


def _whole_choice(raw: Mapping[str, Any], reading: Reading) -> Choice:
    message = raw.get("message")
    message = message if isinstance(message, Mapping) else {}
    index = raw.get("index")
    choice = Choice(index=index if isinstance(index, int) else 0, logprobs=raw.get("logprobs"))
    choice.refusal = str(message.get("refusal") or "") or None
    take_end(choice, raw)
    take_extra(choice, message)
    text, images = text_and_images(message)
    choice.tool_calls = whole_calls(message.get("tool_calls"), choice.finish_reason)
    found = read_whole(text, reasoning_in(message), reading, choice.finish_reason, choice.tool_calls)
    choice.text, choice.reasoning, choice.images = found.text, found.reasoning, images + found.images
    choice.tool_calls += [rescued(call.name, call.arguments, call.error) for call in found.calls]
    return choice


def _unreadable(data: bytes, request_id: str | None) -> InvalidResponseError:
    shown = excerpt(data)
    if data.lstrip()[:1] == b"<":
        said = "The answer is an HTML page, not JSON: is the base_url right? It usually ends in /v1."
    else:
        said = f"The answer is no JSON object: {shown or 'it is empty'}"
    return InvalidResponseError(said, request_id=request_id, body=shown)


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
