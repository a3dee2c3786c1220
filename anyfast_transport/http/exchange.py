"""What one chat call sends, and what it makes of the answers: shared by both clients, and without I/O."""

import logging
from collections.abc import Iterable, Iterator

import httpx

from anyfast_transport.errors import (
    AnyfastError,
    APITimeoutError,
    InvalidResponseError,
    StreamInterruptedError,
)
from anyfast_transport.http.deadline import DATA
from anyfast_transport.http.headers import request_id
from anyfast_transport.http.http_call import FIRST_TOKEN, TOTAL, HttpCall, host_of
from anyfast_transport.request.learning import LearningRequest
from anyfast_transport.request.request import Request
from anyfast_transport.response.decoder import AnswerDecoder
from anyfast_transport.response.whole import decode_completion
from anyfast_transport.settings.connection import Connection
from anyfast_transport.types import Completion, Delta

LINGER_SECONDS = 5.0
"""After the finish_reason, so long is waited for the usage and for `[DONE]`; without them the answer is still whole."""

DRAIN_SECONDS = 0.1
"""After `[DONE]`, so long is waited for the end of the body, so that the connection can be used again."""

_REASONING = "max_reasoning_seconds"
_END = "end of the answer"

_log = logging.getLogger("anyfast")


class Exchange(HttpCall):
    """One chat call: its request, its clocks, its limits.

    Args:
        connection: Where the gateway is, and how to speak to it.
        request: What it asks.
        whole: Whether the answer is wanted in one. It is streamed inside where its reasoning has a cap.
        after: The request before this one in the same call: its retries, its refused feature and its time are used up.

    Attributes:
        decoder: Decodes what comes to a request for a stream; None before the head of a 200.
        learning: The request, and what is learned while it is sent.
        brought: What an earlier request of the same call brought.
    """

    brought: Completion | None = None

    def __init__(
        self, connection: Connection, request: Request, *, whole: bool = False, after: "Exchange | None" = None
    ) -> None:
        request = (request.streamed_inside(connection) if whole else None) or request
        connection = request.connection or connection
        earlier = after.learning if after else None
        url = f"{connection.base_url}/chat/completions"
        self.learning: LearningRequest = LearningRequest(
            request, host_of(url), learns=connection.learn_from_refusals, after=earlier
        )
        content = self._written()
        super().__init__(connection, url, content, streams=request.streams, model=request.model)
        self._after = after
        if after is not None:
            self.retries = after.retries
        self._reading = request.reading
        self.decoder: AnswerDecoder | None = None
        self._reasoned, self._may_reason = 0, connection.caps_reasoning
        self._drains = False

    def begin(self) -> None:
        """Starts the clocks of the call, or goes on with those of the request before."""
        super().begin()
        if self._after is not None:
            for name in (TOTAL,) if self.streams else (TOTAL, DATA):
                self.deadline.take_over(name, self._after.deadline)

    def key_is_known(self) -> None:
        """Leaves out what is known to be refused to this key."""
        if self.learning.recall(self.tenant):
            self.content = self._written()

    def delay(self, error: AnyfastError) -> float | None:
        """Decides about a failed attempt, and says so in the log; one that was refused may go without a part."""
        if self.decoder is not None and not self.decoder.is_document:
            return None  # an answer has begun
        if self.learning.revise(error):
            self.content = self._written()
            _log.info("POST %s: a part of the request was refused; sending it without that", self.host)
            return 0.0
        return super().delay(error)

    def _written(self) -> bytes:
        self.learning.request, content = self.learning.request.written()
        return content

    def completion(self, response: httpx.Response, data: bytes) -> Completion:
        """The completion that the body of a 200 holds."""
        completion = decode_completion(data, request_id=request_id(response), reading=self._reading)
        completion.retries = self.retries
        self._tell_of_request(completion)
        self.learning.went_through()
        return self.masked(completion)

    def start_decoding(self, response: httpx.Response) -> AnswerDecoder:
        """The decoder for the body of a 200 to a request for a stream."""
        if self.first_token is None:
            self.deadline.restart()
        self.deadline.limit(_REASONING, self.connection.max_reasoning_seconds)
        self.size.of_stream(True)
        self.decoder = AnswerDecoder(request_id(response), retries=self.retries, reading=self._reading)
        self._tell_of_request(self.decoder.completion)
        return self.decoder

    def _tell_of_request(self, completion: Completion) -> None:
        """What the metadata of an answer say of the request."""
        request = self.learning.request
        completion.repairs, completion.output_mode = request.repairs, request.output_mode

    def count(self, piece: bytes) -> bytes:
        """Counts a piece of a body; the error of one that is too large holds what had arrived."""
        if self.decoder is None or self.decoder.is_document:
            return super().count(piece)
        if self.decoder.done:
            return piece
        try:
            return super().count(piece)
        except InvalidResponseError as error:
            error.partial = self.decoder.completion
            raise

    @property
    def finished(self) -> bool:
        """Whether the answer is whole, or the gateway says that no more of it will come."""
        return self.decoder is not None and (self.decoder.finished or self.decoder.done)

    def take(self, decoder: AnswerDecoder, data: bytes) -> Iterator[Delta]:
        """What the next bytes of a stream add.

        Args:
            decoder: The stream's decoder.
            data: The bytes.

        Yields:
            The deltas.
        """
        deltas = decoder.feed(data)
        yield from self._watched(deltas) if self._may_reason else deltas
        self._move_clocks(decoder)

    def end(self, decoder: AnswerDecoder) -> Iterator[Delta]:
        """What the end of a stream adds; see `StreamDecoder.finish`."""
        yield from decoder.finish()
        self.learning.went_through()

    def _watched(self, deltas: Iterable[Delta]) -> Iterator[Delta]:
        """Ends an answer that goes on reasoning, if there is a cap on that."""
        most = self.connection.max_reasoning_chars
        for delta in deltas:
            self._reasoned += len(delta.reasoning)
            if delta.text or delta.fragments or delta.images:
                self._may_reason = False
                self.deadline.lift(_REASONING)
            elif self._may_reason and most is not None and self._reasoned > most:
                raise self._reasons_too_long(f"max_reasoning_chars={most}")
            yield delta

    def _reasons_too_long(self, limit: str) -> StreamInterruptedError:
        partial = self.decoder.completion if self.decoder else None
        return StreamInterruptedError(
            f"The model reasoned on without an answer, past {limit}, and was stopped. What it thought is in .partial. "
            "Lower reasoning_effort, set thinking=False, or raise the limit.",
            partial=partial,
            request_id=partial.request_id if partial else None,
        )

    def _move_clocks(self, decoder: AnswerDecoder) -> None:
        """Moves the deadline after a piece was decoded: only data counts, comments do not."""
        if decoder.is_document:
            self.size.of_stream(False)
        elif decoder.done:
            if not self._drains:  # once: what comes behind the end does not prolong the wait
                self._drains = True
                self.deadline.limit(_END, DRAIN_SECONDS)
        elif decoder.finished:
            self._linger()
        elif decoder.took_data():
            self.size.event_came()
            if self.first_token is not None:
                self.deadline.lift(FIRST_TOKEN)
            self.deadline.restart()

    def _linger(self) -> None:
        """Once, at the finish_reason: comments that come after it do not prolong the wait."""
        if self.deadline.nearest() != _END:
            self.deadline.limit(_END, LINGER_SECONDS)

    def interrupted(self, error: AnyfastError) -> AnyfastError:
        """The error of a broken body; that of a stream holds what had arrived."""
        if self.decoder is None or self.decoder.is_document:
            return error
        if isinstance(error, APITimeoutError) and self.deadline.nearest() == _REASONING:
            return self._reasons_too_long(f"{_REASONING}={self.connection.max_reasoning_seconds}")
        partial = self.decoder.completion
        if isinstance(error, APITimeoutError):
            error.partial = partial
            return error
        broken = StreamInterruptedError(
            f"{error.message} What had arrived is in .partial.", partial=partial, request_id=partial.request_id
        )
        broken.__cause__ = error
        return broken

    def mask(self, error: AnyfastError) -> None:
        """Takes the key out of an error, which holds what an earlier request of the call brought unless it has more."""
        if self.brought is not None and error.partial is None:
            error.partial = self.brought
        super().mask(error)
