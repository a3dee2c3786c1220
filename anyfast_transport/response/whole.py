"""A whole answer: read from a body, and judged. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from anyfast_transport.errors import AnyfastError, InvalidResponseError
from anyfast_transport.lenient_json import entries_of, read_json
from anyfast_transport.reading import Reading
from anyfast_transport.response.content import REASONING_KEYS, read_whole
from anyfast_transport.response.endings import broken_off, ended_by
from anyfast_transport.response.error_bodies import error_in
from anyfast_transport.response.fields import (
    ENTRY,
    HEAD,
    MESSAGE,
    calls_in,
    content_of,
    excerpt,
    reasoning_in,
    take_end,
    take_extra,
    take_metadata,
    take_more,
)
from anyfast_transport.response.sound import Sound
from anyfast_transport.response.stream import StreamDecoder
from anyfast_transport.response.tool_calls import rescued, whole_calls
from anyfast_transport.types import Choice, Completion, under_own_names

_BODY_OF_EVENTS = (b"data:", b"event:", b"error:", b"id:", b"retry:", b":")


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
        StreamInterruptedError: It is that, or its finish_reason says it, but holds a part of an answer, too.
        InvalidResponseError: The body is not what the contract promises. A missing finish_reason is none of that:
            the pages' own examples have none, and a body that parses was not cut.
    """
    data = data.strip()
    try:
        body = read_json(data)
    except ValueError:
        if not data.startswith(_BODY_OF_EVENTS):
            raise _unreadable(data, request_id) from None
        return _streamed_whole(data, StreamDecoder(request_id, reading=reading))
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        raise _unreadable(data, request_id)
    choices = entries_of(body.get("choices"))
    errors = [error_in(body, request_id=request_id)]  # OpenRouter puts that of the upstream into the choice
    errors += [error_in({"choices": [], "error": one.get("error")}, request_id=request_id) for one in choices]
    completion = Completion(
        request_id=request_id, choices=[_whole_choice(choice, reading or Reading()) for choice in choices]
    )
    take_metadata(completion, body)
    take_more(completion.more, body, HEAD)
    completion.raw = body
    if error := next(filter(None, errors), None):
        raise ended_by(error, completion)
    if not any(map(_is_answer, choices)):
        raise InvalidResponseError(
            f"The answer has no choices: {excerpt(data)}", request_id=request_id, body=excerpt(data)
        )
    if interrupted := broken_off(completion):
        raise interrupted
    return completion


def _is_answer(choice: Mapping[str, Any]) -> bool:
    """Whether an entry of `choices` is an answer; one that was filtered, or that thought to its end, has no message."""
    return isinstance(choice.get("message"), Mapping) or choice.get("finish_reason") not in (None, "", "stop")


def _streamed_whole(data: bytes, decoder: StreamDecoder) -> Completion:
    """Events where one document was asked for: some servers always stream."""
    ended: AnyfastError | None = None  # raised outside, so that the words of the one are not the context of the other
    try:
        for _ in (*decoder.feed(data), *decoder.finish()):
            pass
    except AnyfastError as error:
        ended = error
    if ended is not None:
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
    take_more(choice.more, raw, ENTRY)
    take_more(choice.message_more, message, MESSAGE)
    if isinstance(message.get("audio"), Mapping):
        sound = Sound()
        words = sound.feed(message["audio"])
        message = {**message, "content": message.get("content") or words}
        choice.audio = sound.whole
    choice.tool_calls = whole_calls(calls_in(message), choice.finish_reason, reading.tools)
    if not message.keys().isdisjoint(REASONING_KEYS):
        reading = replace(reading, waits=False)  # a server that has a field for thoughts leaves no tag in the text
    found = read_whole(content_of(message), reasoning_in(message), reading, choice.finish_reason, choice.tool_calls)
    choice.text, choice.reasoning = found.text, found.reasoning
    choice.images, choice.image_places = found.images, found.image_places
    choice.tool_calls += [rescued(call.name, call.arguments, call.error) for call in found.calls]
    under_own_names(choice.tool_calls, reading.names)
    return choice


def _unreadable(data: bytes, request_id: str | None) -> InvalidResponseError:
    shown = excerpt(data)
    if data.lstrip()[:1] == b"<":
        said = "The answer is an HTML page, not JSON: is the base_url right? It usually ends in /v1."
    else:
        said = f"The answer is no JSON object: {shown or 'it is empty'}"
    return InvalidResponseError(said, request_id=request_id, body=shown)
