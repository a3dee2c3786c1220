"""The only file that does I/O: one sync and one async client, which differ at the `await`.

Connections are shared: one `httpx.Client` for the process, one `httpx.AsyncClient` for each running event loop, closed
with it. An async client that outlives its loop is what makes other integrations send, and bill, a call twice.
"""

import asyncio
import atexit
import contextlib
import functools
import os
import ssl
import threading
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx
from pydantic_core import PydanticSerializationError, to_json

from anyfast_transport.connection import Connection, bare_key
from anyfast_transport.errors import (
    AnyfastError,
    APIConnectionError,
    APITimeoutError,
    InvalidResponseError,
    StreamInterruptedError,
    UnsupportedParameterError,
    status_error,
)
from anyfast_transport.retries import delay_before_retry, retry_after
from anyfast_transport.stream import StreamDecoder, decode_completion, delta_of, is_document, read_json
from anyfast_transport.wire import Completion, Delta

CONNECT_TIMEOUT = 10.0
"""Seconds to connect, unless the user's `httpx.Timeout` says otherwise: a gateway that is there answers sooner."""

BODY_LIMIT = 64 * 1024 * 1024
"""Bytes of an answer after inflating; images of several megabytes in base64 fit."""

ERROR_BODY_LIMIT = 64 * 1024
"""Bytes of an error's body that are read."""

LINGER_SECONDS = 5.0
"""After the finish_reason, so long is waited for the usage and for `[DONE]`; without them the answer is still whole."""

DRAIN_SECONDS = 0.1
"""After `[DONE]`, so long is waited for the end of the body, so that the connection can be used again."""

_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=5)
_REQUEST_ID_HEADERS = ("x-oneapi-request-id", "x-request-id")
_RAISED_BY_HTTPX = (
    httpx.HTTPError,
    httpx.StreamError,
    httpx.InvalidURL,
    OSError,
    RuntimeError,
    ValueError,
    ImportError,
)
"""What sending can raise: RuntimeError for a client of another loop or a closed one, ValueError and ImportError for
proxy variables that make no sense or need a package."""


class _Deadline:
    """How long the call may still wait, whatever drips in meanwhile."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._at: float | None = None
        self.restart()

    def restart(self) -> None:
        """Gives the whole time again: data came."""
        self._at = None if self._seconds is None else time.monotonic() + self._seconds

    def shorten(self, seconds: float) -> None:
        """Leaves no more than so many seconds."""
        soon = time.monotonic() + seconds
        self._at = soon if self._at is None else min(self._at, soon)

    def left(self) -> float | None:
        """Seconds left; None for no limit, below 0 when it is over."""
        return None if self._at is None else self._at - time.monotonic()


# httpx has one timeout per read, which comments, blank lines and a drip of bytes re-arm for ever. So each network
# stream gets a `read` that waits no longer than the deadline of the call that is reading. httpx hands the streams out
# through its "trace" extension (https://www.python-httpx.org/advanced/extensions/#trace).
_READING: ContextVar[_Deadline | None] = ContextVar("_READING", default=None)
_OPENED = ("connect_tcp.complete", "connect_unix_socket.complete", "start_tls.complete")


def _capped(timeout: float | None) -> float | None:
    deadline = _READING.get()
    left = deadline.left() if deadline else None
    if left is None:
        return timeout
    if left <= 0:
        raise httpcore.ReadTimeout("the deadline has passed")
    return left if timeout is None else min(timeout, left)


def _watch(event: str, info: Mapping[str, Any]) -> None:
    if event.endswith(_OPENED):
        stream = info["return_value"]
        read = stream.read
        stream.read = lambda max_bytes, timeout=None: read(max_bytes, timeout=_capped(timeout))


async def _watch_async(event: str, info: Mapping[str, Any]) -> None:
    # `read` returns an awaitable here, which the lambda hands on: the same code serves both.
    _watch(event, info)


@contextlib.contextmanager
def _reading(deadline: _Deadline) -> Iterator[None]:
    token = _READING.set(deadline)
    try:
        yield
    finally:
        _READING.reset(token)


class _Exchange:
    """What one call sends, and what it makes of the answers. Shared by both clients; does no I/O."""

    def __init__(self, connection: Connection, body: Mapping[str, Any]) -> None:
        self.connection = connection
        self.url = f"{connection.base_url}/chat/completions"
        self.streams = bool(body.get("stream"))
        self.content = _encoded(body)
        timeout = connection.timeout
        self.deadline = _Deadline(timeout.read if isinstance(timeout, httpx.Timeout) else timeout)
        self.decoder: StreamDecoder | None = None
        self.retries = 0

    def request(self, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """The request of one attempt: the same bytes each time."""
        traced = _watch if isinstance(client, httpx.Client) else _watch_async
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream" if self.streams else "application/json",
            **(self.connection.default_headers or {}),
            "authorization": f"Bearer {bare_key(self.connection.api_key)}",
        }
        return client.build_request(
            "POST",
            self.url,
            content=self.content,
            headers=headers,
            timeout=self._timeout(),
            extensions={"trace": traced},
        )

    def _timeout(self) -> httpx.Timeout:
        timeout = self.connection.timeout
        if isinstance(timeout, httpx.Timeout):
            return timeout
        connect = CONNECT_TIMEOUT if timeout is None else min(CONNECT_TIMEOUT, timeout)
        return httpx.Timeout(timeout, connect=connect)

    def delay(self, error: AnyfastError) -> float | None:
        """Seconds to wait before the next attempt, or None to give up."""
        delay = delay_before_retry(error, retries_done=self.retries, max_retries=self.connection.max_retries)
        left = self.deadline.left()
        if delay is None or (left is not None and left <= delay):
            return None
        self.retries += 1
        return delay

    def refusal(self, response: httpx.Response, data: bytes) -> AnyfastError:
        """The typed error for a status that is not 200."""
        try:
            body: Any = read_json(_unframed(data))
        except ValueError:
            body = data.decode("utf-8", "replace")
        return status_error(
            response.status_code,
            body,
            headers={name: value for name, value in response.headers.items() if name != "set-cookie"},
            request_id=_request_id(response),
            retry_after=retry_after(response.headers),
        )

    def completion(self, response: httpx.Response, data: bytes) -> Completion:
        """The completion that the body of a 200 holds."""
        completion = decode_completion(data, request_id=_request_id(response))
        completion.retries = self.retries
        return completion

    def start_decoding(self, response: httpx.Response) -> StreamDecoder:
        """The decoder for the events of a 200."""
        self.deadline.restart()
        self.decoder = StreamDecoder(_request_id(response), retries=self.retries)
        return self.decoder

    @property
    def whole(self) -> bool:
        """Whether a stream's answer is whole, so that whatever happens to the connection no longer matters."""
        return self.decoder is not None and self.decoder.finished

    def took_piece(self) -> None:
        """Moves the deadline after a piece of a stream was decoded: only data counts, comments do not."""
        if self.decoder is None:
            return
        if self.decoder.done:
            self.deadline.shorten(DRAIN_SECONDS)
        elif self.decoder.finished:
            self.deadline.shorten(LINGER_SECONDS)
        elif self.decoder.took_data():
            self.deadline.restart()

    def interrupted(self, error: AnyfastError) -> AnyfastError:
        """The error of a broken body; that of a stream holds what had arrived."""
        if self.decoder is None:
            return error
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
        """The typed error for what httpx raised."""
        where = httpx.URL(self.url).netloc.decode("ascii", "replace") if "://" in self.url else self.url
        # The words of LocalProtocolError quote the header that it dislikes, which may be a secret.
        words = "" if isinstance(error, httpx.LocalProtocolError) else str(error)
        kind = f"{type(error).__name__}: {words}".rstrip(": ")
        typed: AnyfastError
        if isinstance(error, httpx.TimeoutException):
            what = "connect" if isinstance(error, httpx.ConnectTimeout) else "send any data"
            typed = APITimeoutError(
                f"{where} took too long to {what} (timeout={self.connection.timeout}).", begun=begun
            )
        elif isinstance(error, httpx.DecodingError):
            typed = InvalidResponseError(f"The answer of {where} is wrongly compressed ({kind}).")
        elif begun:
            typed = APIConnectionError(f"The connection to {where} broke off within the answer ({kind}).", begun=True)
        else:
            typed = APIConnectionError(f"No connection to {where} ({kind}). Check base_url, network and proxy.")
        typed.__cause__ = _bare(error, self.url)
        return typed


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return to_json(body)
    except (PydanticSerializationError, ValueError) as error:
        raise UnsupportedParameterError(f"The request cannot be written as JSON: {error}") from None


def _unframed(data: bytes) -> bytes:
    """An error body without the `data:` that some gateways put before it, even under a 400."""
    return data.strip().removeprefix(b"data:").strip()


def _request_id(response: httpx.Response) -> str | None:
    return next((response.headers[name] for name in _REQUEST_ID_HEADERS if name in response.headers), None)


def _bare(error: BaseException, url: str) -> BaseException:
    """An exception without what would carry the key along: the request, and the frames whose locals hold headers."""
    if isinstance(error, httpx.RequestError):
        error.request = httpx.Request("POST", url)
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _too_large(limit: int) -> InvalidResponseError:
    return InvalidResponseError(f"The answer is larger than {limit // 1024:,} KiB.")


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    """Made once for all clients: reading the certificates is most of what a client costs."""
    return httpx.create_ssl_context()


class _SharedClients:
    """The process's clients: one for sync calls, one for each running event loop."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Starts anew without closing anything; after a fork the sockets are the parent's."""
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._by_loop: weakref.WeakKeyDictionary[Any, tuple[httpx.AsyncClient, AsyncGenerator[None]]] = (
            weakref.WeakKeyDictionary()
        )

    def sync(self) -> httpx.Client:
        """The client for sync calls."""
        with self._lock:
            if self._client is None or self._client.is_closed:
                self._client = httpx.Client(limits=_LIMITS, verify=_ssl_context())
            return self._client

    async def for_loop(self) -> httpx.AsyncClient:
        """The client of the running event loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            entry = self._by_loop.get(loop)
            if entry is not None and not entry[0].is_closed:
                return entry[0]
            for other in [other for other in self._by_loop if other.is_closed()]:
                del self._by_loop[other]
            client = httpx.AsyncClient(limits=_LIMITS, verify=_ssl_context())
            keeper = _closed_with_its_loop(client)
            self._by_loop[loop] = client, keeper
        await anext(keeper)
        return client

    def close(self) -> None:
        """Closes the sync client; the next call makes a new one."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Closes the client of the running event loop; the next call makes a new one."""
        with self._lock:
            entry = self._by_loop.pop(asyncio.get_running_loop(), None)
        if entry is not None:
            await entry[1].aclose()


async def _closed_with_its_loop(client: httpx.AsyncClient) -> AsyncGenerator[None]:
    """An event loop closes the async generators that are still open when it ends, and this one closes its client."""
    try:
        yield
    finally:
        await client.aclose()


_SHARED = _SharedClients()
atexit.register(lambda: _SHARED.close())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _SHARED.forget())


class Client:
    """Speaks to the gateway, synchronously. Safe for threads, and after a fork.

    Args:
        connection: Where the gateway is, and how to speak to it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def complete(self, body: Mapping[str, Any]) -> Completion:
        """Sends a request and waits for the whole answer.

        Args:
            body: The request body.

        Returns:
            The completion.

        Raises:
            AnyfastError: Every end but an answer; see `anyfast_transport.errors`.
        """
        exchange = _Exchange(self._connection, body)
        while True:
            try:
                response = self._open(exchange)
                with contextlib.closing(response):
                    data = b"".join(self._pieces(exchange, response, BODY_LIMIT))
                return exchange.completion(response, data)
            except AnyfastError as error:
                delay = exchange.delay(error)
                if delay is None:
                    raise
            time.sleep(delay)

    def stream(self, body: Mapping[str, Any]) -> Generator[Delta | Completion]:
        """Sends a request and yields its answer as it comes.

        Closing the generator closes the connection, so that the gateway stops.

        Args:
            body: The request body, with `"stream": true`.

        Yields:
            Each delta; last of all the whole completion.

        Raises:
            AnyfastError: Every end but an answer. Nothing is sent again once the answer has begun.
        """
        exchange = _Exchange(self._connection, body)
        with contextlib.closing(self._open_with_retries(exchange)) as response:
            decoder, pieces = exchange.start_decoding(response), self._pieces(exchange, response, None)
            head = b""
            for piece in pieces:
                head += piece
                if is_document(head):
                    completion = exchange.completion(response, head + b"".join(pieces))
                    yield delta_of(completion)
                    yield completion
                    return
                if head.isspace():
                    continue
                yield from decoder.feed(head)
                exchange.took_piece()
                head = b""
                if decoder.done:
                    self._drain(pieces)
                    break
            yield from decoder.finish()
            yield decoder.completion

    def _open_with_retries(self, exchange: _Exchange) -> httpx.Response:
        while True:
            try:
                return self._open(exchange)
            except AnyfastError as error:
                delay = exchange.delay(error)
                if delay is None:
                    raise
            time.sleep(delay)

    def _open(self, exchange: _Exchange) -> httpx.Response:
        """Sends the request once, up to the head of a 200."""
        failed = None
        try:
            client = self._connection.http_client or _SHARED.sync()
            request = exchange.request(client)
            with _reading(exchange.deadline):
                response = client.send(request, stream=True, follow_redirects=False)
        except _RAISED_BY_HTTPX as error:
            failed = exchange.failure(error, begun=False)
        if failed:
            raise failed
        if response.status_code == httpx.codes.OK:
            return response
        with contextlib.closing(response):
            raise exchange.refusal(response, self._error_body(exchange, response))

    def _error_body(self, exchange: _Exchange, response: httpx.Response) -> bytes:
        """As much of an error's body as there is: one that stalls or breaks off hides nothing of the status."""
        data = bytearray()
        with contextlib.suppress(AnyfastError):
            for piece in self._pieces(exchange, response, None):
                data += piece
                if len(data) >= ERROR_BODY_LIMIT:
                    break
        return bytes(data[:ERROR_BODY_LIMIT])

    def _pieces(self, exchange: _Exchange, response: httpx.Response, limit: int | None) -> Iterator[bytes]:
        """The body in the pieces in which it comes, each awaited no longer than the deadline."""
        pieces, size, failed = response.iter_bytes(), 0, None
        while True:
            try:
                with _reading(exchange.deadline):
                    piece = next(pieces, None)
            except _RAISED_BY_HTTPX as error:
                piece, failed = None, exchange.failure(error, begun=True)
            if failed and not exchange.whole:
                raise exchange.interrupted(failed)
            if piece is None:
                return
            size += len(piece)
            if limit is not None and size > limit:
                raise _too_large(limit)
            yield piece

    def _drain(self, pieces: Iterator[bytes]) -> None:
        with contextlib.suppress(AnyfastError):
            for _ in pieces:
                pass


class AsyncClient:
    """Speaks to the gateway, asynchronously, from any number of event loops.

    Args:
        connection: Where the gateway is, and how to speak to it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def complete(self, body: Mapping[str, Any]) -> Completion:
        """Sends a request and waits for the whole answer; see `Client.complete`."""
        exchange = _Exchange(self._connection, body)
        while True:
            try:
                response = await self._open(exchange)
                async with contextlib.aclosing(response):
                    data = b"".join([piece async for piece in self._pieces(exchange, response, BODY_LIMIT)])
                return exchange.completion(response, data)
            except AnyfastError as error:
                delay = exchange.delay(error)
                if delay is None:
                    raise
            await asyncio.sleep(delay)

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta | Completion]:
        """Sends a request and yields its answer as it comes; see `Client.stream`."""
        exchange = _Exchange(self._connection, body)
        async with contextlib.aclosing(await self._open_with_retries(exchange)) as response:
            decoder, pieces = exchange.start_decoding(response), self._pieces(exchange, response, None)
            head = b""
            async for piece in pieces:
                head += piece
                if is_document(head):
                    rest = b"".join([piece async for piece in pieces])
                    completion = exchange.completion(response, head + rest)
                    yield delta_of(completion)
                    yield completion
                    return
                if head.isspace():
                    continue
                for delta in decoder.feed(head):
                    yield delta
                exchange.took_piece()
                head = b""
                if decoder.done:
                    await self._drain(pieces)
                    break
            for delta in decoder.finish():
                yield delta
            yield decoder.completion

    async def _open_with_retries(self, exchange: _Exchange) -> httpx.Response:
        while True:
            try:
                return await self._open(exchange)
            except AnyfastError as error:
                delay = exchange.delay(error)
                if delay is None:
                    raise
            await asyncio.sleep(delay)

    async def _open(self, exchange: _Exchange) -> httpx.Response:
        failed = None
        try:
            client = self._connection.http_async_client or await _SHARED.for_loop()
            request = exchange.request(client)
            with _reading(exchange.deadline):
                response = await client.send(request, stream=True, follow_redirects=False)
        except _RAISED_BY_HTTPX as error:
            failed = exchange.failure(error, begun=False)
        if failed:
            raise failed
        if response.status_code == httpx.codes.OK:
            return response
        async with contextlib.aclosing(response):
            raise exchange.refusal(response, await self._error_body(exchange, response))

    async def _error_body(self, exchange: _Exchange, response: httpx.Response) -> bytes:
        data = bytearray()
        with contextlib.suppress(AnyfastError):
            async for piece in self._pieces(exchange, response, None):
                data += piece
                if len(data) >= ERROR_BODY_LIMIT:
                    break
        return bytes(data[:ERROR_BODY_LIMIT])

    async def _pieces(self, exchange: _Exchange, response: httpx.Response, limit: int | None) -> AsyncIterator[bytes]:
        pieces, size, failed = response.aiter_bytes(), 0, None
        while True:
            try:
                with _reading(exchange.deadline):
                    piece = await anext(pieces, None)
            except _RAISED_BY_HTTPX as error:
                piece, failed = None, exchange.failure(error, begun=True)
            if failed and not exchange.whole:
                raise exchange.interrupted(failed)
            if piece is None:
                return
            size += len(piece)
            if limit is not None and size > limit:
                raise _too_large(limit)
            yield piece

    async def _drain(self, pieces: AsyncIterator[bytes]) -> None:
        with contextlib.suppress(AnyfastError):
            async for _ in pieces:
                pass


def close_shared_connections() -> None:
    """Closes the connections that sync calls of this process share; the next call opens new ones."""
    _SHARED.close()


async def aclose_shared_connections() -> None:
    """Closes the connections that calls of the running event loop share; the next call opens new ones."""
    await _SHARED.aclose()
