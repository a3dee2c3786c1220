"""The only file that sends: one sync and one async client, which differ at the `await`.

What they have in common is in `http_call.py` and `exchange.py`, the connections they share in `connections.py`, their
clocks in `deadline.py`.
"""

import asyncio
import contextlib
import contextvars
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import httpx

from anyfast_transport.errors import AnyfastError
from anyfast_transport.http.asking import Asking
from anyfast_transport.http.connections import SHARED
from anyfast_transport.http.exchange import Exchange
from anyfast_transport.http.headers import comes_raw
from anyfast_transport.http.http_call import HttpCall
from anyfast_transport.http.network_errors import RAISED_BY_HTTPX
from anyfast_transport.request.call import Call
from anyfast_transport.request.request import Request
from anyfast_transport.response.stream import delta_of, is_document
from anyfast_transport.settings.connection import Connection
from anyfast_transport.types import Completion, Delta, Message

Read = TypeVar("Read")

ERROR_BODY_LIMIT = 64 * 1024
"""Bytes of an error's body that are read."""


class Client:
    """Speaks to the gateway, synchronously. Safe for threads, and after a fork.

    Args:
        connection: Where the gateway is, and how to speak to it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ask(self, call: Call, messages: Sequence[Message]) -> Completion:
        """Makes a whole call: builds its request, sends it, reads the answer, and asks once more where that helps.

        Args:
            call: What is asked for.
            messages: The conversation in the wire's shape; not changed.

        Returns:
            The completion. Where two requests were made, it is the second's, and `asked_again` tells of the first.

        Raises:
            AnyfastError: Every end but an answer; see `anyfast_transport.errors`.
        """
        asking = Asking(self._connection, call, messages)
        while asking.exchange:
            asking.take(self._complete(asking.exchange))
        return asking.completion

    def ask_stream(self, call: Call, messages: Sequence[Message]) -> Generator[Delta | Completion]:
        """Makes a whole call whose answer is read as it comes; see `ask`.

        Closing the generator closes the connection, so that the gateway stops.

        Args:
            call: What is asked for; it streams.
            messages: The conversation in the wire's shape; not changed.

        Returns:
            Each delta; last of all the whole completion. What a second request brings follows what was shown of the
            first, its calls under positions of their own.

        Raises:
            AnyfastError: Every end but an answer; what cannot be sent is told at once, the rest while it is read.
        """
        return self._asked(Asking(self._connection, call, messages))

    def _asked(self, asking: Asking) -> Generator[Delta | Completion]:
        while asking.exchange:
            with contextlib.closing(self._stream(asking.exchange)) as items:
                for item in items:
                    if delta := asking.take(item):
                        yield delta
        yield asking.completion

    def complete(self, request: Request | Mapping[str, Any]) -> Completion:
        """Sends a request and waits for the whole answer.

        Args:
            request: The request, or its body.

        Returns:
            The completion.

        Raises:
            AnyfastError: Every end but an answer; see `anyfast_transport.errors`.
        """
        return self._complete(Exchange(self._connection, Request.of(request), whole=True))

    def _complete(self, exchange: Exchange) -> Completion:
        if exchange.streams:
            *_, completion = self._stream(exchange)
            return completion  # type: ignore[return-value]  # the last item of a stream is the completion
        return self.fetch(exchange, exchange.completion)

    def fetch(self, exchange: HttpCall, read: Callable[[httpx.Response, bytes], Read]) -> Read:
        """Sends any request, again where that may help, and waits for the whole answer.

        Args:
            exchange: The call.
            read: Makes of a 200 and its body what is returned.

        Returns:
            What was made of it.

        Raises:
            AnyfastError: Every end but an answer.
        """
        with exchange.reporting():
            while True:
                try:
                    with self._opened(exchange) as response:
                        return read(response, self._body(exchange, response))
                except AnyfastError as error:
                    delay = exchange.delay(error)
                    if delay is None:
                        raise
                time.sleep(delay)

    def stream(self, request: Request | Mapping[str, Any]) -> Generator[Delta | Completion]:
        """Sends a request and yields its answer as it comes.

        Closing the generator closes the connection, so that the gateway stops.

        Args:
            request: The request, or its body, with `"stream": true`.

        Returns:
            Each delta; last of all the whole completion.

        Raises:
            AnyfastError: Every end but an answer. Nothing is sent again once the answer has begun.
        """
        return self._stream(Exchange(self._connection, Request.of(request)))

    def _stream(self, exchange: Exchange) -> Generator[Delta | Completion]:
        with exchange.reporting(), contextlib.ExitStack() as stack:
            response = self._open_with_retries(exchange, stack)
            decoder, pieces = exchange.start_decoding(response), self._pieces(exchange, response)
            begun = False  # only the first bytes tell: later pieces are cut anywhere
            try:
                for piece in pieces:
                    if not begun and piece.isspace():
                        continue
                    if not begun and is_document(piece):
                        exchange.is_a_document()
                        completion = exchange.completion(response, piece + b"".join(pieces))
                        yield delta_of(completion)
                        yield completion
                        return
                    begun = True
                    yield from exchange.deltas(decoder, piece)
                    exchange.took_piece()
                    if decoder.done:
                        self._drain(pieces)
                        break
            except AnyfastError:
                piece = b""  # loggers print the locals of the frames of an error
                raise
            yield from decoder.finish()
            yield exchange.masked(decoder.completion)

    def _open_with_retries(self, exchange: HttpCall, stack: contextlib.ExitStack) -> httpx.Response:
        while True:
            try:
                return stack.enter_context(self._opened(exchange))
            except AnyfastError as error:
                delay = exchange.delay(error)
                if delay is None:
                    raise
            time.sleep(delay)

    @contextlib.contextmanager
    def _opened(self, exchange: HttpCall) -> Iterator[httpx.Response]:
        """Sends the request once; the response of a 200, which is closed however it is left."""
        with contextlib.ExitStack() as stack:
            client = exchange.connection.http_client or self._shared_client(exchange, stack)
            response = stack.enter_context(contextlib.closing(self._send(exchange, client)))
            if response.status_code != httpx.codes.OK:
                raise exchange.refusal(response, self._error_body(exchange, response))
            yield response

    def _shared_client(self, exchange: HttpCall, stack: contextlib.ExitStack) -> httpx.Client:
        try:
            return stack.enter_context(SHARED.client())
        except RAISED_BY_HTTPX as error:
            failed = exchange.failure(error, begun=False)
        raise failed

    def _send(self, exchange: HttpCall, client: httpx.Client) -> httpx.Response:
        try:
            request = exchange.request(client, SHARED.trace)
            with exchange.waiting():
                response = client.send(request, stream=True, follow_redirects=False)
        except RAISED_BY_HTTPX as error:
            failed = exchange.failure(error, begun=False)
        else:
            exchange.deadline.head_came()
            return response
        raise failed  # outside, so that the frames of httpx are not its context

    def _body(self, exchange: HttpCall, response: httpx.Response) -> bytes:
        # Not in `complete`, where it would be among the locals that loggers print of an error's frames.
        return b"".join(self._pieces(exchange, response))

    def _error_body(self, exchange: HttpCall, response: httpx.Response) -> bytes:
        """As much of an error's body as there is: one that stalls or breaks off hides nothing of the status."""
        data = bytearray()
        with contextlib.suppress(AnyfastError):
            for piece in self._pieces(exchange, response):
                data += piece
                if len(data) >= ERROR_BODY_LIMIT:
                    break
        return bytes(data[:ERROR_BODY_LIMIT])

    def _pieces(self, exchange: HttpCall, response: httpx.Response) -> Iterator[bytes]:
        """The body in the pieces in which it comes, each awaited no longer than the deadline."""
        # A context of its own is entered faster than two variables are set and reset, at each piece.
        with exchange.waiting():
            waiting = contextvars.copy_context()
        pieces, failed = response.iter_raw() if comes_raw(response, exchange.host) else response.iter_bytes(), None
        while True:
            try:
                piece = waiting.run(next, pieces, None)
            except RAISED_BY_HTTPX as error:
                piece, failed = None, exchange.failure(error, begun=True)
            if failed and not exchange.whole:
                raise exchange.interrupted(failed)
            if piece is None:
                return
            yield exchange.count(piece)

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

    async def ask(self, call: Call, messages: Sequence[Message]) -> Completion:
        """Makes a whole call; see `Client.ask`."""
        asking = Asking(self._connection, call, messages)
        while asking.exchange:
            asking.take(await self._complete(asking.exchange))
        return asking.completion

    def ask_stream(self, call: Call, messages: Sequence[Message]) -> AsyncGenerator[Delta | Completion]:
        """Makes a whole call whose answer is read as it comes; see `Client.ask_stream`."""
        return self._asked(Asking(self._connection, call, messages))

    async def _asked(self, asking: Asking) -> AsyncGenerator[Delta | Completion]:
        while asking.exchange:
            async with contextlib.aclosing(self._stream(asking.exchange)) as items:
                async for item in items:
                    if delta := asking.take(item):
                        yield delta
        yield asking.completion

    async def complete(self, request: Request | Mapping[str, Any]) -> Completion:
        """Sends a request and waits for the whole answer; see `Client.complete`."""
        return await self._complete(Exchange(self._connection, Request.of(request), whole=True))

    async def _complete(self, exchange: Exchange) -> Completion:
        if exchange.streams:
            *_, completion = [item async for item in self._stream(exchange)]
            return completion  # type: ignore[return-value]  # the last item of a stream is the completion
        return await self.fetch(exchange, exchange.completion)

    async def fetch(self, exchange: HttpCall, read: Callable[[httpx.Response, bytes], Read]) -> Read:
        """Sends any request, again where that may help, and waits for the whole answer; see `Client.fetch`."""
        with exchange.reporting():
            while True:
                try:
                    async with self._opened(exchange) as response:
                        return read(response, await self._body(exchange, response))
                except AnyfastError as error:
                    delay = exchange.delay(error)
                    if delay is None:
                        raise
                await asyncio.sleep(delay)

    def stream(self, request: Request | Mapping[str, Any]) -> AsyncGenerator[Delta | Completion]:
        """Sends a request and yields its answer as it comes; see `Client.stream`."""
        return self._stream(Exchange(self._connection, Request.of(request)))

    async def _stream(self, exchange: Exchange) -> AsyncGenerator[Delta | Completion]:
        with exchange.reporting():
            async with contextlib.AsyncExitStack() as stack:
                response = await self._open_with_retries(exchange, stack)
                decoder, pieces = exchange.start_decoding(response), self._pieces(exchange, response)
                begun = False
                try:
                    async for piece in pieces:
                        if not begun and piece.isspace():
                            continue
                        if not begun and is_document(piece):
                            exchange.is_a_document()
                            rest = b"".join([piece async for piece in pieces])
                            completion = exchange.completion(response, piece + rest)
                            yield delta_of(completion)
                            yield completion
                            return
                        begun = True
                        for delta in exchange.deltas(decoder, piece):
                            yield delta
                        exchange.took_piece()
                        if decoder.done:
                            await self._drain(pieces)
                            break
                except AnyfastError:
                    piece = b""
                    raise
                for delta in decoder.finish():
                    yield delta
                yield exchange.masked(decoder.completion)

    async def _open_with_retries(self, exchange: HttpCall, stack: contextlib.AsyncExitStack) -> httpx.Response:
        while True:
            try:
                return await stack.enter_async_context(self._opened(exchange))
            except AnyfastError as error:
                delay = exchange.delay(error)
                if delay is None:
                    raise
            await asyncio.sleep(delay)

    @contextlib.asynccontextmanager
    async def _opened(self, exchange: HttpCall) -> AsyncIterator[httpx.Response]:
        async with contextlib.AsyncExitStack() as stack:
            client = exchange.connection.http_async_client or await self._shared_client(exchange, stack)
            response = await stack.enter_async_context(contextlib.aclosing(await self._send(exchange, client)))
            if response.status_code != httpx.codes.OK:
                raise exchange.refusal(response, await self._error_body(exchange, response))
            yield response

    async def _shared_client(self, exchange: HttpCall, stack: contextlib.AsyncExitStack) -> httpx.AsyncClient:
        try:
            return await stack.enter_async_context((await SHARED.for_loop()).client())
        except RAISED_BY_HTTPX as error:
            failed = exchange.failure(error, begun=False)
        raise failed

    async def _send(self, exchange: HttpCall, client: httpx.AsyncClient) -> httpx.Response:
        try:
            request = exchange.request(client, SHARED.trace_async)
            with exchange.waiting():
                response = await client.send(request, stream=True, follow_redirects=False)
        except RAISED_BY_HTTPX as error:
            failed = exchange.failure(error, begun=False)
        else:
            exchange.deadline.head_came()
            return response
        raise failed

    async def _body(self, exchange: HttpCall, response: httpx.Response) -> bytes:
        return b"".join([piece async for piece in self._pieces(exchange, response)])

    async def _error_body(self, exchange: HttpCall, response: httpx.Response) -> bytes:
        data = bytearray()
        with contextlib.suppress(AnyfastError):
            async for piece in self._pieces(exchange, response):
                data += piece
                if len(data) >= ERROR_BODY_LIMIT:
                    break
        return bytes(data[:ERROR_BODY_LIMIT])

    async def _pieces(self, exchange: HttpCall, response: httpx.Response) -> AsyncIterator[bytes]:
        pieces = response.aiter_raw() if comes_raw(response, exchange.host) else response.aiter_bytes()
        waiting, failed = exchange.waiting(), None
        while True:
            try:
                with waiting:
                    piece = await anext(pieces, None)
            except RAISED_BY_HTTPX as error:
                piece, failed = None, exchange.failure(error, begun=True)
            if failed and not exchange.whole:
                raise exchange.interrupted(failed)
            if piece is None:
                return
            yield exchange.count(piece)

    async def _drain(self, pieces: AsyncIterator[bytes]) -> None:
        with contextlib.suppress(AnyfastError):
            async for _ in pieces:
                pass


def close_shared_connections() -> None:
    """Closes the connections that sync calls of this process share; the next call opens new ones."""
    SHARED.close()


async def aclose_shared_connections() -> None:
    """Closes the connections that calls of the running event loop share; the next call opens new ones."""
    await SHARED.aclose()
