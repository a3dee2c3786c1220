"""The only file that sends: any call over HTTP, sync and async, which differ at the `await`.

What the two have in common is in `http_call.py`, the connections they share in `connections.py`, their clocks in
`deadline.py`.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, TypeVar

import httpx

from anyfast_transport.errors import AnyfastError
from anyfast_transport.http.async_generators import closing_owned, owned
from anyfast_transport.http.connections import SHARED, hook_into_process
from anyfast_transport.http.headers import comes_raw
from anyfast_transport.http.http_call import HttpCall
from anyfast_transport.http.model_list import ModelListCall, in_haste, naming_nearest, wants_ids
from anyfast_transport.http.network_errors import RAISED_BY_HTTPX
from anyfast_transport.response.model_list import ListedModel
from anyfast_transport.settings.connection import Connection

Read = TypeVar("Read")

ERROR_BODY_LIMIT = 64 * 1024
"""Bytes of an error's body that are read."""


class Sender:
    """Sends any call, synchronously. Safe for threads, and after a fork.

    Args:
        connection: Where the gateway is, and how to speak to it.
    """

    def __init__(self, connection: Connection) -> None:
        hook_into_process()
        self._connection = connection

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

    def models(self) -> list[ListedModel]:
        """Asks for the list of models.

        Returns:
            The models, in the gateway's order.

        Raises:
            AnyfastError: Every end but a list.
        """
        call = ModelListCall(self._connection)
        return self.fetch(call, call.read)

    @contextlib.contextmanager
    def _opened(self, exchange: HttpCall) -> Iterator[httpx.Response]:
        """Sends the request once; the response of a 200, which is closed however it is left."""
        with contextlib.ExitStack() as stack:
            client = exchange.connection.http_client or self._shared_client(exchange, stack)
            response = stack.enter_context(contextlib.closing(self._send(exchange, client)))
            if response.status_code != httpx.codes.OK:
                raise self._refusal(exchange, response)
            yield response

    def _refusal(self, exchange: HttpCall, response: httpx.Response) -> AnyfastError:
        error = exchange.refusal(response, self._error_body(exchange, response))
        if wants_ids(error, exchange):
            with contextlib.suppress(Exception):  # no list must hide the error
                Sender(in_haste(exchange.connection)).models()
        return naming_nearest(error, exchange)

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
        return b"".join(map(exchange.taker(), self._pieces(exchange, response)))

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
        pieces = response.iter_raw() if comes_raw(response, exchange.host) else response.iter_bytes()
        waiting, failed = exchange.waiting(), None
        while True:
            try:
                with waiting:
                    piece = next(pieces, None)
            except RAISED_BY_HTTPX as error:
                piece, failed = None, exchange.failure(error, begun=True)
            if failed and not exchange.finished:
                raise exchange.interrupted(failed)
            if piece is None:
                return
            yield exchange.count(piece)


class AsyncSender:
    """Sends any call, asynchronously, from any number of event loops.

    Args:
        connection: Where the gateway is, and how to speak to it.
    """

    def __init__(self, connection: Connection) -> None:
        hook_into_process()
        self._connection = connection

    async def fetch(self, exchange: HttpCall, read: Callable[[httpx.Response, bytes], Read]) -> Read:
        """Sends any request, again where that may help, and waits for the whole answer; see `Sender.fetch`."""
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

    async def models(self) -> list[ListedModel]:
        """Asks for the list of models; see `Sender.models`."""
        call = ModelListCall(self._connection)
        return await self.fetch(call, call.read)

    @contextlib.asynccontextmanager
    @owned
    async def _opened(self, exchange: HttpCall) -> AsyncGenerator[httpx.Response]:
        async with contextlib.AsyncExitStack() as stack:
            client = exchange.connection.http_async_client or await self._shared_client(exchange, stack)
            response = await stack.enter_async_context(contextlib.aclosing(await self._send(exchange, client)))
            if response.status_code != httpx.codes.OK:
                raise await self._refusal(exchange, response)
            yield response

    async def _refusal(self, exchange: HttpCall, response: httpx.Response) -> AnyfastError:
        error = exchange.refusal(response, await self._error_body(exchange, response))
        if wants_ids(error, exchange):
            with contextlib.suppress(Exception):
                await AsyncSender(in_haste(exchange.connection)).models()
        return naming_nearest(error, exchange)

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
        take = exchange.taker()
        async with closing_owned(self._pieces(exchange, response)) as pieces:
            return b"".join([take(piece) async for piece in pieces])

    async def _error_body(self, exchange: HttpCall, response: httpx.Response) -> bytes:
        data = bytearray()
        with contextlib.suppress(AnyfastError):
            async with closing_owned(self._pieces(exchange, response)) as pieces:
                async for piece in pieces:
                    data += piece
                    if len(data) >= ERROR_BODY_LIMIT:
                        break
        return bytes(data[:ERROR_BODY_LIMIT])

    async def _pieces(self, exchange: HttpCall, response: httpx.Response) -> AsyncGenerator[bytes]:
        raw: Any = response.aiter_raw() if comes_raw(response, exchange.host) else response.aiter_bytes()
        waiting, failed = exchange.waiting(), None
        async with closing_owned(raw) as pieces:
            while True:
                try:
                    with waiting:
                        piece = await anext(pieces, None)
                except RAISED_BY_HTTPX as error:
                    piece, failed = None, exchange.failure(error, begun=True)
                if failed and not exchange.finished:
                    raise exchange.interrupted(failed)
                if piece is None:
                    return
                yield exchange.count(piece)
