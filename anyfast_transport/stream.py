"""Bytes → events → deltas → the completion they add up to. Pure: it is pushed, and does no I/O.

Events follow https://html.spec.whatwg.org/multipage/server-sent-events.html with two departures that gateways need:
an event without its blank line at the end counts, and `[DONE]` ends the stream whatever comes behind it.
"""

import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic_core import from_json

from anyfast_transport.errors import (
    AnyfastWarning,
    APIStatusError,
    EmptyAnswerError,
    InvalidResponseError,
    StreamInterruptedError,
    status_error,
)
from anyfast_transport.tool_calls import Fragment, ToolCallAssembler, entries_of, whole_calls
from anyfast_transport.wire import Choice, Completion, Delta

_BOM = b"\xef\xbb\xbf"
_DONE = b"[DONE]"
_EXCERPT = 500


class EventDecoder:
    """Splits a byte stream into the data of its events. Lines end at LF, CR or CRLF and nowhere else."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._data: list[bytes] = []
        self._at_start = True

    def feed(self, piece: bytes) -> list[bytes]:
        """Takes the next bytes, cut anywhere.

        Args:
            piece: The bytes.

        Returns:
            The data of each event that they completed.
        """
        if not (b"\n" in piece or b"\r" in piece):
            # A piece without a line end is only kept: a line of megabytes in small pieces stays linear.
            self._pending.append(piece)
            return []
        self._pending.append(piece)
        joined = b"".join(self._pending)
        lines = joined.splitlines(keepends=True)
        # A CR at the very end may be half of a CRLF: it waits for the next byte.
        unfinished = lines and not lines[-1].endswith(b"\n")
        self._pending = [lines.pop()] if unfinished else []
        return self._events(line.rstrip(b"\r\n") for line in lines)

    def flush(self) -> list[bytes]:
        """Ends the stream.

        Returns:
            The data of the event that had no blank line behind it, if any.
        """
        lines = [*b"".join(self._pending).splitlines(), b""]
        self._pending = []
        return self._events(lines)

    def _events(self, lines: Iterable[bytes]) -> list[bytes]:
        events = []
        for line in lines:
            if self._at_start:
                line, self._at_start = line.removeprefix(_BOM), False  # one BOM is dropped
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif not line and self._data:
                events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data = []
        return events


def read_json(data: bytes) -> Any:
    """Reads JSON that may hold what strict readers refuse: broken UTF-8, lone surrogates, NaN.

    Args:
        data: The bytes of one document.

    Returns:
        The value.

    Raises:
        ValueError: It is no JSON, or is nested too deeply.
    """
    try:
        return from_json(data)
    except ValueError:
        text = data.decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return _without_surrogates(value)


def _without_surrogates(value: Any) -> Any:
    """Lone halves of UTF-16 pairs cannot be encoded again, so they would break the next request."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


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
    return next((choice for choice in entries_of(payload.get("choices")) if not choice.get("index")), None)


def _error_in(payload: Mapping[str, Any], *, request_id: str | None) -> APIStatusError | None:
    """The error inside a payload under HTTP 200, classified by the code that it names."""
    error = payload.get("error")
    if not error:
        return None
    named = [str(error.get(key)) for key in ("status_code", "code", "status")] if isinstance(error, Mapping) else []
    status = next((int(value) for value in named if re.fullmatch("[45][0-9][0-9]", value)), 200)
    return status_error(status, payload, request_id=request_id)


class StreamDecoder:
    """Decodes one streamed answer.

    Feed it bytes, take deltas, and look at `completion` at any time; `finish()` says whether the answer was whole.

    Args:
        request_id: The gateway's id of the request, for errors and metadata.
        retries: Requests that were sent again before this answer, for metadata.

    Attributes:
        done: Whether `[DONE]` was seen; what comes behind it is ignored.
    """

    def __init__(self, request_id: str | None = None, *, retries: int = 0) -> None:
        self.done = False
        self._took_data = False
        self._events = EventDecoder()
        self._calls = ToolCallAssembler()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._logprobs: list[Any] = []
        self._refusal: list[str] = []
        self._choice = Choice()
        self._completion = Completion(request_id=request_id, choices=[self._choice], retries=retries)

    @property
    def finished(self) -> bool:
        """Whether a finish_reason was seen: the answer is whole, whatever else may come."""
        return self._choice.finish_reason is not None

    def took_data(self) -> bool:
        """Whether data came since this was last asked; comments and blank lines are none."""
        took, self._took_data = self._took_data, False
        return took

    @property
    def completion(self) -> Completion:
        """The completion so far. Each look puts the pieces together, so look once, or once per chunk that you need."""
        choice = self._choice
        self._text, self._reasoning = ["".join(self._text)], ["".join(self._reasoning)]
        choice.text, choice.reasoning = self._text[0], self._reasoning[0]
        choice.refusal = "".join(self._refusal) or None
        choice.logprobs = _joined_logprobs(self._logprobs)
        choice.tool_calls = self._calls.calls(choice.finish_reason)
        return self._completion

    def feed(self, data: bytes) -> Iterator[Delta]:
        """Takes the next bytes, cut anywhere.

        Args:
            data: The bytes.

        Yields:
            What each event adds; an event that adds nothing is left out.

        Raises:
            StreamInterruptedError: An error event, or an event that is no JSON. What came before it was yielded.
        """
        return self._deltas(self._events.feed(data))

    def finish(self) -> Iterator[Delta]:
        """Ends the stream.

        Yields:
            What the last event adds, if it had no blank line behind it.

        Raises:
            StreamInterruptedError: No finish_reason was seen. `[DONE]` proves nothing: gateways write it after a cut
                stream, too.
        """
        yield from self._deltas(self._events.flush())
        if self._choice.finish_reason is None:
            raise StreamInterruptedError(
                "The stream ended before the answer did: no finish_reason came. What had arrived is in .partial.",
                partial=self.completion,
                request_id=self._completion.request_id,
            )

    def _deltas(self, events: Iterable[bytes]) -> Iterator[Delta]:
        for event in events:
            if event == _DONE or event.strip() == _DONE:
                self.done = True
            if self.done:
                break
            self._took_data = True
            if event and (delta := self._delta(self._payload(event))):
                yield delta

    def _payload(self, event: bytes) -> Mapping[str, Any]:
        try:
            payload = read_json(event)
        except ValueError:
            payload = None
        if not isinstance(payload, dict):
            raise self._interrupted(f"An event of the stream is no JSON object: {_excerpt(event)}")
        if error := _error_in(payload, request_id=self._completion.request_id):
            raise self._interrupted(f"The gateway ended the stream with an error. {error.message}", error) from error
        return payload

    def _interrupted(self, message: str, error: APIStatusError | None = None) -> StreamInterruptedError:
        return StreamInterruptedError(
            message, partial=self.completion, error=error, request_id=self._completion.request_id
        )

    def _delta(self, payload: Mapping[str, Any]) -> Delta | None:
        _take_head(self._completion, payload)
        choice = _first_choice(payload)
        if choice is None:
            return None
        _take_end(self._choice, choice)
        message = choice.get("delta")
        if not isinstance(message, Mapping):
            # A server that answers a stream request with whole messages.
            message = choice.get("message")
        return self._grow(message, choice, payload) if isinstance(message, Mapping) else None

    def _grow(self, message: Mapping[str, Any], choice: Mapping[str, Any], payload: Mapping[str, Any]) -> Delta | None:
        content = message.get("content")
        images: list[dict[str, Any]] = []
        if not isinstance(content, str) or "images" in message:
            content, images = _text_and_images(message)
        reasoning = reasoning_in(message)
        fragments = [
            fragment for entry in entries_of(message.get("tool_calls")) for fragment in self._calls.push(entry)
        ]
        logprobs = choice.get("logprobs")
        if content:
            self._text.append(content)
        if reasoning:
            self._reasoning.append(reasoning)
        if images:
            self._choice.images.extend(images)
        if logprobs:
            self._logprobs.append(logprobs)
        _take_extra(self._choice, message)
        if refusal := message.get("refusal"):
            self._refusal.append(str(refusal))
        if not (content or reasoning or fragments or images or logprobs):
            return None
        return Delta(content, reasoning, fragments, images, logprobs, payload)


def is_document(head: bytes) -> bool:
    """Whether a body that should be events is one whole document: JSON, or an HTML page.

    Args:
        head: Its first bytes.

    Returns:
        True if it begins as no event does.
    """
    return head.lstrip()[:1] in (b"{", b"[", b"<")


def delta_of(completion: Completion) -> Delta:
    """A whole answer as the one delta that it would be in a stream.

    Args:
        completion: The completion.

    Returns:
        A delta with everything in it.
    """
    choice = completion.choice
    fragments = [Fragment(at, call.arguments, call.id, call.name) for at, call in enumerate(choice.tool_calls)]
    return Delta(choice.text, choice.reasoning, fragments, choice.images, choice.logprobs)


def _joined_logprobs(pieces: list[Any]) -> Any:
    """Log probabilities of the whole answer: the lists of each piece, one after the other."""
    joined: dict[str, Any] = {}
    for piece in pieces:
        for key, value in piece.items() if isinstance(piece, Mapping) else ():
            joined[key] = [*(joined.get(key) or []), *value] if isinstance(value, list) else value
    return joined or None


def _take_head(completion: Completion, payload: Mapping[str, Any]) -> None:
    completion.id = completion.id or str(payload.get("id") or "")
    completion.model = str(payload.get("model") or completion.model)
    completion.created = payload.get("created") or completion.created
    completion.system_fingerprint = payload.get("system_fingerprint") or completion.system_fingerprint
    usage = payload.get("usage")
    if isinstance(usage, dict) and usage:
        completion.usage = usage


def _take_end(choice: Choice, raw: Mapping[str, Any]) -> None:
    if reason := raw.get("finish_reason"):
        choice.finish_reason = str(reason)
    if (matched := raw.get("matched_stop")) is not None:
        choice.matched_stop = matched


def _take_extra(choice: Choice, message: Mapping[str, Any]) -> None:
    """Keeps what must go back with the message although no framework has a place for it."""
    extra = message.get("extra_content")
    if isinstance(extra, Mapping):
        choice.extra["extra_content"] = {**choice.extra.get("extra_content", {}), **extra}


def decode_completion(data: bytes, *, request_id: str | None = None) -> Completion:
    """Reads a whole answer.

    Args:
        data: The body; blank lines before the JSON are keep-alives.
        request_id: The gateway's id of the request.

    Returns:
        The completion with all its choices.

    Raises:
        APIStatusError: The body is an error, in spite of its 200.
        InvalidResponseError: The body is not what the contract promises. A missing finish_reason is none of that:
            the pages' own examples have none, and a body that parses was not cut.
    """
    try:
        payload = read_json(data.strip())
    except ValueError:
        raise _unreadable(data, request_id) from None
    if isinstance(payload, list) and len(payload) == 1:
        payload = payload[0]
    if not isinstance(payload, dict):
        raise _unreadable(data, request_id)
    if error := _error_in(payload, request_id=request_id):
        raise error
    choices = entries_of(payload.get("choices"))
    if not any(isinstance(choice.get("message"), Mapping) for choice in choices):
        raise InvalidResponseError(
            f"The answer has no choices: {_excerpt(data)}", request_id=request_id, body=_excerpt(data)
        )
    completion = Completion(request_id=request_id, choices=[_whole_choice(choice) for choice in choices])
    _take_head(completion, payload)
    return completion


def _whole_choice(raw: Mapping[str, Any]) -> Choice:
    message = raw.get("message")
    message = message if isinstance(message, Mapping) else {}
    index = raw.get("index")
    choice = Choice(index=index if isinstance(index, int) else 0, logprobs=raw.get("logprobs"))
    choice.text, choice.images = _text_and_images(message)
    choice.reasoning = reasoning_in(message)
    choice.refusal = message.get("refusal") or None
    _take_end(choice, raw)
    _take_extra(choice, message)
    choice.tool_calls = whole_calls(message.get("tool_calls"), choice.finish_reason)
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
