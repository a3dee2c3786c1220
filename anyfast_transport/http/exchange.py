"""What one call sends, and what it makes of the answers: shared by both clients, and without I/O."""

import contextlib
import functools
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx

from anyfast_transport.errors import (
    AnyfastError,
    APITimeoutError,
    InvalidResponseError,
    StreamInterruptedError,
)
from anyfast_transport.http import deadline
from anyfast_transport.http import key_masking as masking
from anyfast_transport.http.api_key import bare_key
from anyfast_transport.http.deadline import DATA, Deadline, timeouts
from anyfast_transport.http.headers import request_headers, request_id
from anyfast_transport.http.key_masking import Mask, mask_metadata
from anyfast_transport.http.network_errors import typed_failure
from anyfast_transport.http.retries import delay_before_retry, retry_after
from anyfast_transport.http.size_limits import Size
from anyfast_transport.lenient_json import read_json
from anyfast_transport.request.learning import Draft
from anyfast_transport.request.request import Request
from anyfast_transport.response.error_bodies import status_error
from anyfast_transport.response.stream import StreamDecoder
from anyfast_transport.response.whole import decode_completion
from anyfast_transport.settings.connection import Connection
from anyfast_transport.types import Completion, Delta

ERROR_BODY_LIMIT = 64 * 1024
"""Bytes of an error's body that are read."""

LINGER_SECONDS = 5.0
"""After the finish_reason, so long is waited for the usage and for `[DONE]`; without them the answer is still whole."""

DRAIN_SECONDS = 0.1
"""After `[DONE]`, so long is waited for the end of the body, so that the connection can be used again."""

_FIRST, _TOTAL, _REASONING = "first_token_timeout", "total_timeout", "max_reasoning_seconds"
_END = "end of the answer"

_log = logging.getLogger("anyfast")

_parsed = functools.lru_cache(maxsize=64)(httpx.URL)
"""The URL of every call to one gateway; httpx takes as long to read it as for the rest of a request."""


@functools.lru_cache(maxsize=64)
def _host_of(url: str) -> str:
    """Host and port, without what else a URL may hold."""
    with contextlib.suppress(httpx.InvalidURL):
        return _parsed(url).netloc.decode("ascii", "replace") or url
    return url


class Exchange:
    """One call: its request, its clocks, its limits.

    Args:
        connection: Where the gateway is, and how to speak to it.
        request: What it asks.

    Attributes:
        host: The gateway's host and port, for its errors.
        retries: Requests sent again so far.
        decoder: Decodes the events of a stream; None before its head came.
        content: The body as it is sent, the same bytes each time.
    """

    def __init__(self, connection: Connection, request: Request) -> None:
        self.connection = connection = request.connection or connection
        self.url = f"{connection.base_url}/chat/completions"
        self.host = _host_of(self.url)
        self.streams = request.streams
        self._draft = Draft(request, connection.base_url, learns=connection.learn_from_refusals)
        self._reading = request.reading
        self.content = self._draft.request.encoded()
        self.decoder: StreamDecoder | None = None
        self.retries = 0
        timeout = connection.timeout
        self.deadline = Deadline(timeout.read if isinstance(timeout, httpx.Timeout) else timeout)
        self.deadline.limit(_TOTAL, connection.total_timeout)
        self._first = connection.first_token_timeout if self.streams else None
        if self._first is not None:
            self.deadline.lift(DATA)
            self.deadline.limit(_FIRST, self._first)
        self._mask: Mask | None = None
        self._size = Size(self.host)
        self._reasoned, self._may_reason = 0, connection.caps_reasoning

    # The request

    def request(self, client: httpx.Client | httpx.AsyncClient, trace: Callable[..., Any]) -> httpx.Request:
        """The request of one attempt.

        Args:
            client: Who will send it.
            trace: Told of each network stream that is opened.

        Returns:
            The request.

        Raises:
            AuthenticationError: There is no key, or none that could be one.
        """
        self.deadline.next_attempt()
        key = bare_key(self.connection.api_key)
        self._mask = Mask(key)
        url, own = _parsed(self.url), bool(self.connection.http_client or self.connection.http_async_client)
        headers = {
            **request_headers(self.connection.default_headers, streams=self.streams, merged_in=own),
            "authorization": f"Bearer {key}",
        }
        extensions = {
            "trace": trace,
            "timeout": timeouts(self.connection.timeout, first=self._first, left=self.deadline.left()),
        }
        if own:
            return client.build_request("POST", url, content=self.content, headers=headers, extensions=extensions)
        # A client of ours adds nothing, and httpx takes ten times as long to work these two out of `content`.
        framed = {"host": self.host, **headers, "content-length": str(len(self.content))}
        stream = httpx.ByteStream(self.content)
        return httpx.Request("POST", url, headers=framed, stream=stream, extensions=extensions)

    def waiting(self) -> "_Waiting":
        """A context in which the network is waited for: within the deadline, and with the logs masked."""
        return _Waiting(self.deadline, self._mask)

    # Again?

    def delay(self, error: AnyfastError) -> float | None:
        """Decides about a failed attempt, and says so in the log.

        Args:
            error: What it ended with.

        Returns:
            Seconds to wait before the next attempt, or None to give up.
        """
        if self._draft.revise(error):
            self.content = self._draft.request.encoded()
            _log.info("POST %s: a part of the request was refused; sending it without that", self.host)
            return 0.0
        delay = delay_before_retry(error, retries_done=self.retries, max_retries=self.connection.max_retries)
        left = self.deadline.left()
        if delay is None or (left is not None and left <= delay):
            return None
        self.retries += 1
        _log.info(
            "POST %s: attempt %d ended with %s (status %s, request id %s); trying again in %.2f s",
            self.host,
            self.retries,
            type(error).__name__,
            getattr(error, "status_code", None),
            getattr(error, "request_id", None),
            delay,
        )
        return delay

    # The answer

    def refusal(self, response: httpx.Response, data: bytes) -> AnyfastError:
        """The typed error for a status that is not 200."""
        try:
            body: Any = read_json(_unframed(data))
        except ValueError:
            body = data.decode("utf-8", "replace")
        if response.has_redirect_location:
            target = httpx.URL(response.headers["location"]).host or self.host
            body = f"a redirect to {target}, which is not followed, for the key must not go along. Check base_url."
        error = status_error(
            response.status_code,
            body,
            headers={name: value for name, value in response.headers.items() if name != "set-cookie"},
            request_id=request_id(response),
            retry_after=retry_after(response.headers),
        )
        self.mask(error)  # before the log sees it
        return error

    def completion(self, response: httpx.Response, data: bytes) -> Completion:
        """The completion that the body of a 200 holds."""
        completion = decode_completion(data, request_id=request_id(response), reading=self._reading)
        completion.retries = self.retries
        self._tell_of_request(completion)
        return self.masked(completion)

    def start_decoding(self, response: httpx.Response) -> StreamDecoder:
        """The decoder for the events of a 200."""
        if self._first is None:
            self.deadline.restart()
        self.deadline.limit(_REASONING, self.connection.max_reasoning_seconds)
        self._size.of_stream(True)
        self.decoder = StreamDecoder(request_id(response), retries=self.retries, reading=self._reading)
        self._tell_of_request(self.decoder.completion)
        return self.decoder

    def _tell_of_request(self, completion: Completion) -> None:
        """What the metadata of an answer say of the request, which the gateway took."""
        self._draft.went_through()
        request = self._draft.request
        completion.repairs, completion.way = request.repairs, request.way

    def is_a_document(self) -> None:
        """What was to be a stream is one whole answer."""
        self.decoder = None
        self._size.of_stream(False)

    def count(self, piece: bytes) -> bytes:
        """Counts a piece of a body, after inflating.

        Args:
            piece: The piece.

        Returns:
            The same piece.

        Raises:
            InvalidResponseError: The body, or what should be one event of it, is too large.
        """
        try:
            self._size.add(piece)
        except InvalidResponseError as error:
            error.partial = self.decoder.completion if self.decoder else None
            raise
        return piece

    @property
    def whole(self) -> bool:
        """Whether a stream's answer is whole, so that whatever happens to the connection no longer matters."""
        return self.decoder is not None and self.decoder.finished

    def deltas(self, decoder: StreamDecoder, data: bytes) -> Iterable[Delta]:
        """What the next bytes of a stream add.

        Args:
            decoder: The stream's decoder.
            data: The bytes.

        Returns:
            The deltas.
        """
        deltas = decoder.feed(data)
        return self._watched(deltas) if self._may_reason else deltas

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

    def took_piece(self) -> None:
        """Moves the deadline after a piece of a stream was decoded: only data counts, comments do not."""
        if self.decoder is None:
            return
        if self.decoder.done:
            self.deadline.limit(_END, DRAIN_SECONDS)
        elif self.decoder.finished:
            self._linger()
        elif self.decoder.took_data():
            self._size.event_came()
            if self._first is not None:
                self.deadline.lift(_FIRST)
            self.deadline.restart()

    def _linger(self) -> None:
        """Once, at the finish_reason: comments that come after it do not prolong the wait."""
        if self.deadline.nearest() != _END:
            self.deadline.limit(_END, LINGER_SECONDS)

    def interrupted(self, error: AnyfastError) -> AnyfastError:
        """The error of a broken body; that of a stream holds what had arrived."""
        if self.decoder is None:
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

    def failure(self, error: Exception, *, begun: bool) -> AnyfastError:
        """The typed error for what httpx raised.

        Args:
            error: What it raised.
            begun: Whether the answer had begun.

        Returns:
            An error that holds nothing of the request; the cause is chained.
        """
        limit = self.deadline.nearest()
        known = limit if limit in (_FIRST, _TOTAL) else DATA
        said = f"{known}={getattr(self.connection, known)}"
        return typed_failure(error, url=self.url, host=self.host, limit=said, begun=begun)

    # Secrets

    def mask(self, error: AnyfastError) -> None:
        """Takes the key out of an error that repeats what the gateway said."""
        if self._mask is not None:
            self._mask.error(error)
            if isinstance(partial := getattr(error, "partial", None), Completion):
                mask_metadata(partial, self._mask.text)

    def masked(self, completion: Completion) -> Completion:
        """Takes the key out of the metadata of an answer."""
        if self._mask is not None:
            mask_metadata(completion, self._mask.metadata)
        return completion

    def reporting(self) -> "_Reporting":
        """A context that lets errors out without the key, and without frames in which a logger would find it."""
        return _Reporting(self)


class _Reporting:
    # Not a generator's context manager: contextlib puts back the traceback that is taken off here.

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, AnyfastError):
            self._exchange.mask(error)
            chained: BaseException | None = error
            while chained is not None:
                chained.__traceback__ = chained.__context__ = None  # their frames hold what the gateway sent
                chained = chained.__cause__


class _Waiting:
    """Puts a call's deadline and mask where the network streams and the log filter find them."""

    __slots__ = ("_deadline", "_mask", "_tokens")

    def __init__(self, limit: Deadline, mask: Mask | None) -> None:
        self._deadline, self._mask = limit, mask

    def __enter__(self) -> None:
        self._tokens = deadline.CURRENT.set(self._deadline), masking.CURRENT.set(self._mask)

    def __exit__(self, *_: object) -> None:
        deadline.CURRENT.reset(self._tokens[0])
        masking.CURRENT.reset(self._tokens[1])


def _unframed(data: bytes) -> bytes:
    """An error body without the `data:` that some gateways put before it, even under a 400."""
    return data.strip().removeprefix(b"data:").strip()
