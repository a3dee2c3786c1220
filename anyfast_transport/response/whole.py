"""A whole answer: read from a body, and judged. Pure."""

from collections.abc import Mapping
from typing import Any

from anyfast_transport.errors import AnyfastError, InvalidResponseError, StreamInterruptedError
from anyfast_transport.lenient_json import entries_of, read_json
from anyfast_transport.response.content import read_whole
from anyfast_transport.response.error_bodies import error_in
from anyfast_transport.response.fields import excerpt, reasoning_in, take_end, take_extra, take_head, text_and_images
from anyfast_transport.response.stream import StreamDecoder
from anyfast_transport.response.tool_calls import rescued, whole_calls
from anyfast_transport.types import Choice, Completion, Reading

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
    choice.tool_calls = whole_calls(message.get("tool_calls"), choice.finish_reason, reading.tools)
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
