"""Bytes → events → deltas → the completion they add up to. Pure: it is pushed, and does no I/O.

`[DONE]` ends a stream, whatever comes behind it; it does not prove that the answer is whole.
"""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from anyfast_transport.content import REASONING_KEYS, ContentReader, Reading, read_whole
from anyfast_transport.errors import (
    AnyfastError,
    AnyfastWarning,
    APIStatusError,
    EmptyAnswerError,
    ErrorWords,
    InvalidResponseError,
    StreamInterruptedError,
    classify,
    status_error,
    words_of,
)
from anyfast_transport.events import BOM, EventDecoder, read_json
from anyfast_transport.parameters import merged
from anyfast_transport.tool_calls import (
    Fragment,
    ToolCallAssembler,
    entries_of,
    merged_fragments,
    rescued,
    whole_calls,
)
from anyfast_transport.wire import Choice, Completion, Delta

JSON = dict[str, Any]

_DONE = b"[DONE]"
_EXCERPT = 500
_BODY_OF_EVENTS = (b"data:", b"event:", b":")
_SAID_RARELY = frozenset({"extra_content", "refusal"})

# Error types of OpenAI, Anthropic and Google, for errors under HTTP 200 that name no status. Words that say more are in
# errors.py, and count first.
_STATUS_OF_TYPE = (
    (re.compile("rate_?limit|too_many|resource_exhausted", re.IGNORECASE), 429),
    (re.compile("authentication|unauthenticated", re.IGNORECASE), 401),
    (re.compile("permission", re.IGNORECASE), 403),
    (re.compile("not_?found", re.IGNORECASE), 404),
    (re.compile("overloaded|unavailable|saturated", re.IGNORECASE), 503),
    (re.compile("timeout|deadline", re.IGNORECASE), 504),
    (re.compile("invalid|bad_?request|failed_precondition", re.IGNORECASE), 400),
    (re.compile("server|internal|upstream|api_error", re.IGNORECASE), 500),
)


def reasoning_in(message: Mapping[str, Any]) -> str:
    """Reasoning under the first of its names that has any; gateways send the same text under several.

    Args:
        message: A message, or a delta of one.

    Returns:
        The text, or "".
    """
    for key in ("reasoning_content", "reasoning"):
        value = message.get(key)
        if value and isinstance(value, str):
            return value
    details = message.get("reasoning_details")
    if not isinstance(details, list):
        return ""
    return "".join(str(item.get("text") or item.get("summary") or "") for item in details if isinstance(item, Mapping))


def _text_and_images(message: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Text and images of a message, whose content may be a list of parts."""
    content, images = message.get("content"), [dict(image) for image in entries_of(message.get("images"))]
    if isinstance(content, str):
        return content, images
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    images.extend(part for part in parts if part.get("type") == "image_url")
    return "".join(str(part.get("text") or "") for part in parts if part.get("type") == "text"), images


def _first_choice(payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
    choices = payload.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and not choice.get("index"):
            return choice
    return None


def _error_in(payload: Mapping[str, Any], *, request_id: str | None) -> APIStatusError | None:
    """The error inside a payload under HTTP 200, classified by the status or the type that it names."""
    error = payload.get("error")
    if not error:
        if "choices" in payload or not _is_bare_error(payload):
            return None
        error = payload
    inner = error[0] if isinstance(error, list) else error
    named = [str(inner.get(key)) for key in ("status_code", "code", "status")] if isinstance(inner, Mapping) else []
    status = next((int(value) for value in named if re.fullmatch("[45][0-9][0-9]", value)), 200)
    found = status_error(status, payload, request_id=request_id)
    if type(found) is APIStatusError:
        # The kind that its type means; the status stays the one that came.
        found.__class__ = classify(_status_of(words_of(payload)), words_of(payload))
    return found


def _status_of(words: ErrorWords) -> int:
    text = f"{words.code} {words.type}"
    return next((status for pattern, status in _STATUS_OF_TYPE if pattern.search(text)), 200)


def _is_bare_error(payload: Mapping[str, Any]) -> bool:
    """Whether a payload without choices is an error of its own, as `{"code": ..., "message": ...}` is."""
    says = any(isinstance(payload.get(key), str) and payload[key] for key in ("message", "detail", "msg", "error_msg"))
    return says and "usage" not in payload and "object" not in payload


class StreamDecoder:
    """Decodes one streamed answer.

    Feed it bytes, take deltas, and look at `completion` at any time; `finish()` says whether the answer was whole.

    Args:
        request_id: The gateway's id of the request, for errors and metadata.
        retries: Requests that were sent again before this answer, for metadata.
        reading: How to read the answer; what the request knows of it.

    Attributes:
        done: Whether `[DONE]` was seen; what comes behind it is ignored.
        finished: Whether a finish_reason was seen: the answer is whole, whatever else may come.
    """

    def __init__(self, request_id: str | None = None, *, retries: int = 0, reading: Reading | None = None) -> None:
        self.done = self.finished = False
        self._took_data = False
        self._events = EventDecoder()
        self._calls = ToolCallAssembler()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._logprobs: list[Any] = []
        self._refusal: list[str] = []
        self._reader = ContentReader(reading or Reading(), self._text, self._reasoning)
        self._choice = Choice()
        self._completion = Completion(request_id=request_id, choices=[self._choice], retries=retries)

    def took_data(self) -> bool:
        """Whether data came since this was last asked; comments and blank lines are none."""
        took, self._took_data = self._took_data, False
        return took

    @property
    def completion(self) -> Completion:
        """The completion so far. Each look puts the pieces together, so look once, or once per chunk that you need."""
        choice, held = self._choice, self._reader.held
        self._text[:], self._reasoning[:] = ["".join(self._text)], ["".join(self._reasoning)]
        choice.text, choice.reasoning = self._text[0] + held.text, self._reasoning[0] + held.reasoning
        choice.refusal = "".join(self._refusal) or None
        choice.logprobs = _joined_logprobs(self._logprobs)
        choice.tool_calls = self._calls.calls(choice.finish_reason)
        return self._completion

    def feed(self, data: bytes) -> Iterable[Delta]:
        """Takes the next bytes, cut anywhere.

        Args:
            data: The bytes.

        Returns:
            What each event adds; an event that adds nothing is left out.

        Raises:
            StreamInterruptedError: An error event, or an event that is no JSON. What came before it was returned.
        """
        events = self._events.feed(data)
        if len(events) != 1:
            return self._deltas(events)
        delta = self._taken(events[0])
        return (delta,) if delta else ()

    def finish(self) -> Iterator[Delta]:
        """Ends the stream.

        Yields:
            What the last event adds, if it had no blank line behind it; what had been held back, since it might have
            been a tag or a call; and the calls that came as text.

        Raises:
            StreamInterruptedError: No finish_reason was seen. `[DONE]` proves nothing: gateways write it after a cut
                stream, too.
        """
        yield from self._deltas(self._events.flush())
        if rest := self._rest():
            yield rest
        if self._choice.finish_reason is None:
            raise StreamInterruptedError(
                "The stream ended before the answer did: no finish_reason came. What had arrived is in .partial.",
                partial=self.completion,
                request_id=self._completion.request_id,
            )

    def _rest(self) -> Delta | None:
        rest = self._reader.flush(self._choice.finish_reason, self._calls.calls(self._choice.finish_reason))
        fragments = [self._calls.add(call.name, call.arguments, call.error) for call in rest.calls]
        self._text.append(rest.text)
        self._reasoning.append(rest.reasoning)
        if not (rest.text or rest.reasoning or fragments):
            return None
        return Delta(rest.text, rest.reasoning, fragments, raw=_head_of(self._completion))

    def _deltas(self, events: Iterable[bytes]) -> Iterator[Delta]:
        for event in events:
            if delta := self._taken(event):
                yield delta

    def _taken(self, event: bytes) -> Delta | None:
        if self.done or event.strip() == _DONE:
            self.done = True
            return None
        self._took_data = True
        return self._delta(self._payload(event)) if event else None

    def _payload(self, event: bytes) -> Mapping[str, Any]:
        try:
            payload = read_json(event)
        except ValueError:
            payload = None
        if isinstance(payload, list) and len(payload) == 1:
            payload = payload[0]
        if not isinstance(payload, dict):
            raise self._interrupted(f"An event of the stream is no JSON object: {_excerpt(event)}")
        if "choices" not in payload or payload.get("error"):
            self._check(payload)
        return payload

    def _check(self, payload: Mapping[str, Any]) -> None:
        if error := _error_in(payload, request_id=self._completion.request_id):
            raise self._interrupted(f"The gateway ended the stream with an error. {error.message}", error) from error

    def _interrupted(self, message: str, error: APIStatusError | None = None) -> StreamInterruptedError:
        return StreamInterruptedError(
            message, partial=self.completion, error=error, request_id=self._completion.request_id
        )

    def _delta(self, payload: Mapping[str, Any]) -> Delta | None:
        _take_head(self._completion, payload)
        choice = _first_choice(payload)
        if choice is None:
            return None
        if "error" in choice:
            self._check({"choices": [], "error": choice["error"]})
        if choice.get("finish_reason") or "matched_stop" in choice:
            _take_end(self._choice, choice)
            self.finished = self._choice.finish_reason is not None
        message = choice.get("delta")
        if not isinstance(message, dict):
            # A server that answers a stream request with whole messages.
            message = choice.get("message")
        return self._grow(message, choice, payload) if isinstance(message, dict) else None

    def _grow(self, message: JSON, choice: Mapping[str, Any], payload: Mapping[str, Any]) -> Delta | None:
        content = message.get("content") or ""
        images: list[JSON] = []
        if not isinstance(content, str) or "images" in message:
            content, images = _text_and_images(message)
        reasoning, logprobs = reasoning_in(message), choice.get("logprobs")
        fragments = self._fragments(entries) if (entries := message.get("tool_calls")) else []
        if self._reader.waits and not message.keys().isdisjoint(REASONING_KEYS):
            self._reader.saw_reasoning_field()
        if not self._reader.plain(content, reasoning):
            found = self._reader.take(content, reasoning, called=len(self._calls) > 0)
            content, reasoning, images = found.text, found.reasoning, images + found.images
        if content:
            self._text.append(content)
        if reasoning:
            self._reasoning.append(reasoning)
        if images or logprobs or not _SAID_RARELY.isdisjoint(message):
            self._keep(message, images, logprobs)
        if not (content or reasoning or fragments or images or logprobs):
            return None
        return Delta(content, reasoning, fragments, images, logprobs, payload)

    def _fragments(self, entries: Any) -> list[Fragment]:
        return merged_fragments([fragment for entry in entries_of(entries) for fragment in self._calls.push(entry)])

    def _keep(self, message: JSON, images: list[JSON], logprobs: Any) -> None:
        """Keeps what few events hold."""
        self._choice.images.extend(images)
        if logprobs:
            self._logprobs.append(logprobs)
        _take_extra(self._choice, message)
        if refusal := message.get("refusal"):
            self._refusal.append(str(refusal))


def is_document(head: bytes) -> bool:
    """Whether a body that should be events is one whole document: JSON, or an HTML page.

    Args:
        head: Its first bytes.

    Returns:
        True if it begins as no event does.
    """
    return head.removeprefix(BOM).lstrip()[:1] in (b"{", b"[", b"<")


def delta_of(completion: Completion) -> Delta:
    """A whole answer as the one delta that it would be in a stream.

    Args:
        completion: The completion.

    Returns:
        A delta with everything in it.
    """
    choice = completion.choice
    fragments = [Fragment(at, call.arguments, call.id, call.name) for at, call in enumerate(choice.tool_calls)]
    return Delta(choice.text, choice.reasoning, fragments, choice.images, choice.logprobs, _head_of(completion))


def _head_of(completion: Completion) -> dict[str, Any]:
    """What a piece that is no event of its own says of itself."""
    return {"id": completion.id, "model": completion.model}


def _joined_logprobs(pieces: list[Any]) -> Any:
    """Log probabilities of the whole answer: the lists of each piece, one after the other."""
    joined: dict[str, Any] = {}
    for piece in pieces:
        for key, value in piece.items() if isinstance(piece, Mapping) else ():
            below = joined.get(key)
            if isinstance(below, list) and isinstance(value, list):
                below.extend(value)
            elif value is not None or key not in joined:
                joined[key] = list(value) if isinstance(value, list) else value
    return joined or None


def _take_head(completion: Completion, payload: Mapping[str, Any]) -> None:
    get = payload.get
    if not completion.id:
        completion.id = str(get("id") or "")
    if model := get("model"):
        completion.model = str(model)
    if isinstance(created := get("created"), int) and created:
        completion.created = created
    if isinstance(fingerprint := get("system_fingerprint"), str) and fingerprint:
        completion.system_fingerprint = fingerprint
    if isinstance(usage := get("usage"), dict) and usage:
        completion.usage = usage


def _take_end(choice: Choice, raw: Mapping[str, Any]) -> None:
    if reason := raw.get("finish_reason"):
        choice.finish_reason = str(reason)
    if (matched := raw.get("matched_stop")) is not None and isinstance(matched, (str, int)):
        choice.matched_stop = matched


def _take_extra(choice: Choice, message: Mapping[str, Any]) -> None:
    """Keeps what must go back with the message although no framework has a place for it."""
    extra = message.get("extra_content")
    if isinstance(extra, Mapping):
        choice.extra["extra_content"] = merged(choice.extra.get("extra_content", {}), extra)


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
    if error := _error_in(payload, request_id=request_id):
        raise error
    choices = entries_of(payload.get("choices"))
    if choices and (error := _error_in({"choices": [], "error": choices[0].get("error")}, request_id=request_id)):
        raise error  # where OpenRouter puts that of the upstream
    if not any(isinstance(choice.get("message"), Mapping) for choice in choices):
        raise InvalidResponseError(
            f"The answer has no choices: {_excerpt(data)}", request_id=request_id, body=_excerpt(data)
        )
    completion = Completion(
        request_id=request_id, choices=[_whole_choice(choice, reading or Reading()) for choice in choices]
    )
    _take_head(completion, payload)
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
    _take_end(choice, raw)
    _take_extra(choice, message)
    text, images = _text_and_images(message)
    choice.tool_calls = whole_calls(message.get("tool_calls"), choice.finish_reason)
    found = read_whole(text, reasoning_in(message), reading, choice.finish_reason, choice.tool_calls)
    choice.text, choice.reasoning, choice.images = found.text, found.reasoning, images + found.images
    choice.tool_calls += [rescued(call.name, call.arguments, call.error) for call in found.calls]
    return choice


def _unreadable(data: bytes, request_id: str | None) -> InvalidResponseError:
    excerpt = _excerpt(data)
    if data.lstrip()[:1] == b"<":
        said = "The answer is an HTML page, not JSON: is the base_url right? It usually ends in /v1."
    else:
        said = f"The answer is no JSON object: {excerpt or 'it is empty'}"
    return InvalidResponseError(said, request_id=request_id, body=excerpt)


def _excerpt(data: bytes) -> str:
    return data[:_EXCERPT].decode("utf-8", "replace").strip()


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
        body=calls[0].arguments[:_EXCERPT],
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
