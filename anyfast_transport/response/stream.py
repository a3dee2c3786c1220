"""Bytes → events → deltas → the completion they add up to. Pure: it is pushed, and does no I/O.

`[DONE]` ends a stream, whatever comes behind it; it does not prove that the answer is whole.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic_core import from_json

from anyfast_transport.errors import StreamInterruptedError
from anyfast_transport.lenient_json import BOM, entries_of, read_json
from anyfast_transport.reading import Reading
from anyfast_transport.response.content import REASONING_KEYS, ContentReader
from anyfast_transport.response.endings import broken_off, ended_by, is_no_end
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
from anyfast_transport.response.split_pairs import SplitPairs
from anyfast_transport.response.sse import EventDecoder
from anyfast_transport.response.tool_calls import ToolCallAssembler
from anyfast_transport.types import Choice, Completion, Delta, Fragment, Part, under_own_names

JSON = dict[str, Any]

_DONE = b"[DONE]"


def _first_choice(chunk: Mapping[str, Any]) -> Mapping[str, Any] | None:
    choices = chunk.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and not choice.get("index"):
            return choice
    return None


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
        self._pairs = SplitPairs()
        self._calls = ToolCallAssembler((reading or Reading()).tools)
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._logprobs: list[Any] = []
        self._refusal: list[str] = []
        self._sound: Sound | None = None
        self._spoken = False
        reading = reading or Reading()
        self._names = reading.names
        self._reader = ContentReader(reading, self._reasoning)
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
        choice.audio = self._sound.whole if self._sound else None
        choice.logprobs = _joined_logprobs(self._logprobs)
        calls = self._calls.calls(choice.finish_reason, ended=self.finished)
        choice.tool_calls = under_own_names(calls, self._names)
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
            StreamInterruptedError: No finish_reason was seen, or one that says that the server broke off. `[DONE]`
                proves nothing: gateways write it after a cut stream, too.
        """
        yield from self._deltas(self._events.flush())
        if self._pairs and (delta := self._grow(self._pairs.rest(), {}, _head_of(self._completion))):
            yield delta
        if rest := self._rest():
            yield rest
        if self._choice.finish_reason is None:
            raise StreamInterruptedError(
                "The stream ended before the answer did: no finish_reason came. What had arrived is in .partial.",
                partial=self.completion,
                request_id=self._completion.request_id,
            )
        if error := broken_off(self.completion):
            raise error

    def _rest(self) -> Delta | None:
        reason = self._choice.finish_reason
        rest = self._reader.flush(reason, self._calls.calls(reason), interrupted=reason is None or is_no_end(reason))
        fragments = self._calls.flush()
        fragments += [self._calls.add(call.name, call.arguments, call.error) for call in rest.calls]
        self._text.append(rest.text)
        self._reasoning.append(rest.reasoning)
        if not (rest.text or rest.reasoning or fragments):
            return None
        before, head = len(self._choice.images), _head_of(self._completion)
        named = under_own_names(fragments, self._names)
        return Delta(rest.text, rest.reasoning, named, raw=head, images_before=before)

    def _deltas(self, events: Iterable[bytes]) -> Iterator[Delta]:
        for event in events:
            if delta := self._taken(event):
                yield delta

    def _taken(self, event: bytes) -> Delta | None:
        if self.done or event.strip() == _DONE:
            self.done = True
            return None
        self._took_data = True
        return self._delta(self._chunk(event)) if event else None

    def _chunk(self, event: bytes) -> Mapping[str, Any]:
        try:
            chunk = from_json(event)
            if self._pairs:
                chunk = self._pairs.joined(chunk)
        except ValueError:
            chunk = self._odd_chunk(event)
        if isinstance(chunk, list) and len(chunk) == 1:
            chunk = chunk[0]
        if not isinstance(chunk, dict):
            raise self._interrupted(f"An event of the stream is no JSON object: {excerpt(event)}")
        if "choices" not in chunk or chunk.get("error") or "base_resp" in chunk:
            self._check(chunk)
        return chunk

    def _odd_chunk(self, event: bytes) -> Any:
        with contextlib.suppress(ValueError):
            return self._pairs.joined(read_json(event, keep_halves=True))
        return None

    def _check(self, chunk: Mapping[str, Any]) -> None:
        if error := error_in(chunk, request_id=self._completion.request_id):
            error.begun = True
            raise ended_by(error, self.completion)

    def _interrupted(self, message: str) -> StreamInterruptedError:
        return StreamInterruptedError(message, partial=self.completion, request_id=self._completion.request_id)

    def _delta(self, chunk: Mapping[str, Any]) -> Delta | None:
        take_metadata(self._completion, chunk)
        if not chunk.keys() <= HEAD:
            take_more(self._completion.more, chunk, HEAD)
        choice = _first_choice(chunk)
        if choice is None:
            return None
        if not choice.keys() <= ENTRY:
            take_more(self._choice.more, choice, ENTRY)
        if "error" in choice:
            self._check({"choices": [], "error": choice["error"]})
        if choice.get("finish_reason") or "matched_stop" in choice:
            take_end(self._choice, choice)
            self.finished = self._choice.finish_reason is not None
        message = choice.get("delta")
        if not isinstance(message, dict):
            # A server that answers a stream request with whole messages.
            message = choice.get("message")
        return self._grow(message, choice, chunk) if isinstance(message, dict) else None

    def _grow(self, message: JSON, choice: Mapping[str, Any], chunk: Mapping[str, Any]) -> Delta | None:
        entries = message.get("tool_calls")
        if not message.keys() <= MESSAGE:
            message, entries = self._with_words(message), calls_in(message)
        content: Any = message.get("content") or ""
        images: list[Part] = []
        places: list[int] = []
        reasoning, logprobs = reasoning_in(message), choice.get("logprobs")
        fragments = self._fragments(entries) if entries else []
        if self._reader.waits and not message.keys().isdisjoint(REASONING_KEYS):
            self._reader.saw_reasoning_field()
        if not isinstance(content, str) or "images" in message or not self._reader.plain(content):
            found = self._reader.take(content_of(message), reasoning)
            content, reasoning, images, places = found.text, found.reasoning, found.images, found.image_places
        before = len(self._choice.images)
        if images:
            said = sum(map(len, self._text))
            self._choice.images += images
            self._choice.image_places += [said + place for place in places]
        if content:
            self._text.append(content)
        if reasoning:
            self._reasoning.append(reasoning)
        if logprobs or "extra_content" in message or "refusal" in message:
            self._keep(message, logprobs)
        if not (content or reasoning or fragments or images or logprobs):
            return None
        return Delta(content, reasoning, fragments, images, logprobs, chunk, places, before)

    def _with_words(self, message: JSON) -> JSON:
        """Keeps what has no place of its own; the words of a sound are the content where there are no others."""
        take_more(self._choice.message_more, message, MESSAGE)
        audio, content = message.get("audio"), message.get("content")
        if not isinstance(audio, dict):
            return message
        self._spoken = self._spoken or not (content or any(self._text))
        self._sound = self._sound or Sound()
        words = self._sound.feed(audio)
        return {**message, "content": content or (words if self._spoken else "")}

    def _fragments(self, entries: Any) -> list[Fragment]:
        fragments = [fragment for entry in entries_of(entries) for fragment in self._calls.push(entry)]
        return under_own_names(_merged(fragments), self._names)

    def _keep(self, message: JSON, logprobs: Any) -> None:
        """Keeps what few events hold."""
        if logprobs:
            self._logprobs.append(logprobs)
        take_extra(self._choice, message)
        if refusal := message.get("refusal"):
            self._refusal.append(str(refusal))


def _merged(fragments: list[Fragment]) -> list[Fragment]:
    """Puts together what one event brings for one call; frameworks add up events, not what is within one."""
    if len(fragments) < 2:
        return fragments
    found: dict[int, Fragment] = {}
    for one in fragments:
        first = found.setdefault(one.position, one)
        if first is not one:
            first.arguments += one.arguments
            first.name = (first.name or "") + one.name if one.name else first.name
    return list(found.values())


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
    head = _head_of(completion)
    return Delta(choice.text, choice.reasoning, fragments, choice.images, choice.logprobs, head, choice.image_places)


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
