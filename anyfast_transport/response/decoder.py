"""The answer to a request for a stream: events, or against what was asked for, one whole document. Pure."""

from collections.abc import Iterable, Iterator

from anyfast_transport.reading import Reading
from anyfast_transport.response.stream import StreamDecoder, delta_of, is_document
from anyfast_transport.response.whole import decode_completion
from anyfast_transport.types import Completion, Delta


class AnswerDecoder:
    """Decodes whatever comes to a request for a stream. Feed it bytes, and look at `completion` at any time.

    Args:
        request_id: The gateway's id of the request, for errors and metadata.
        retries: Requests that were sent again before this answer, for metadata.
        reading: How to read the answer; what the request knows of it.

    Attributes:
        is_document: Whether it turned out to be one document.
    """

    def __init__(self, request_id: str | None, *, retries: int, reading: Reading) -> None:
        self._events = StreamDecoder(request_id, retries=retries, reading=reading)
        self._request_id, self._reading = request_id, reading
        self._document = bytearray()
        self._decoded: Completion | None = None
        self._begun = self.is_document = False

    @property
    def completion(self) -> Completion:
        """The completion so far; of a document only when it has ended."""
        return self._decoded or self._events.completion

    @property
    def finished(self) -> bool:
        """Whether a finish_reason came, so that whatever happens to the connection no longer matters."""
        return self._events.finished

    @property
    def done(self) -> bool:
        """Whether `[DONE]` came: whatever may follow is ignored."""
        return self._events.done

    def took_data(self) -> bool:
        """Whether data came since this was last asked; comments and blank lines are none."""
        return self._events.took_data()

    def feed(self, data: bytes) -> Iterable[Delta]:
        """Takes the next bytes, cut anywhere; see `StreamDecoder.feed`."""
        if not self._begun:
            if data.isspace():
                return ()
            self._begun, self.is_document = True, is_document(data)  # only the first bytes tell
        if self.is_document:
            self._document += data
            return ()
        return self._events.feed(data)

    def finish(self) -> Iterator[Delta]:
        """Ends the answer; see `StreamDecoder.finish`, and `decode_completion` for a document, which is one delta."""
        if not self.is_document:
            yield from self._events.finish()
            return
        known = self._events.completion
        found = decode_completion(bytes(self._document), request_id=self._request_id, reading=self._reading)
        found.retries, found.repairs, found.output_mode = known.retries, known.repairs, known.output_mode
        self._decoded = found
        yield delta_of(found)
