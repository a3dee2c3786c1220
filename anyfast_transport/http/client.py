"""Chat calls, sync and async: whole, as streams, and with the second request that an answer may need.

What the two clients have in common is in `asking.py` and `exchange.py`; they send by `sender.py`.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from typing import Any

from anyfast_transport.errors import AnyfastError
from anyfast_transport.http.asking import Asking
from anyfast_transport.http.async_generators import closing_owned
from anyfast_transport.http.exchange import Exchange
from anyfast_transport.http.sender import AsyncSender, Sender
from anyfast_transport.request.call import Call
from anyfast_transport.request.request import Request
from anyfast_transport.types import Completion, Delta, Message


class Client(Sender):
    """Speaks to the gateway, synchronously. Safe for threads, and after a fork.

    Args:
        connection: Where the gateway is, and how to speak to it.
    """

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
        with exchange.reporting():
            while True:
                try:
                    with self._opened(exchange) as response:
                        decoder = exchange.start_decoding(response)
                        for piece in self._pieces(exchange, response):
                            yield from exchange.take(decoder, piece)
                        yield from exchange.end(decoder)
                        yield exchange.masked(decoder.completion)
                        return
                except AnyfastError as error:
                    piece = b""  # loggers print the locals of the frames of an error
                    delay = exchange.delay(error)
                    if delay is None:
                        raise
                time.sleep(delay)


class AsyncClient(AsyncSender):
    """Speaks to the gateway, asynchronously, from any number of event loops.

    Args:
        connection: Where the gateway is, and how to speak to it.
    """

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
            async with closing_owned(self._stream(asking.exchange)) as items:
                async for item in items:
                    if delta := asking.take(item):
                        yield delta
        yield asking.completion

    async def complete(self, request: Request | Mapping[str, Any]) -> Completion:
        """Sends a request and waits for the whole answer; see `Client.complete`."""
        return await self._complete(Exchange(self._connection, Request.of(request), whole=True))

    async def _complete(self, exchange: Exchange) -> Completion:
        if exchange.streams:
            async with closing_owned(self._stream(exchange)) as items:
                *_, completion = [item async for item in items]
            return completion  # type: ignore[return-value]  # the last item of a stream is the completion
        return await self.fetch(exchange, exchange.completion)

    def stream(self, request: Request | Mapping[str, Any]) -> AsyncGenerator[Delta | Completion]:
        """Sends a request and yields its answer as it comes; see `Client.stream`."""
        return self._stream(Exchange(self._connection, Request.of(request)))

    async def _stream(self, exchange: Exchange) -> AsyncGenerator[Delta | Completion]:
        with exchange.reporting():
            while True:
                try:
                    async with self._opened(exchange) as response:
                        decoder = exchange.start_decoding(response)
                        async with closing_owned(self._pieces(exchange, response)) as pieces:
                            async for piece in pieces:
                                for delta in exchange.take(decoder, piece):
                                    yield delta
                        for delta in exchange.end(decoder):
                            yield delta
                        yield exchange.masked(decoder.completion)
                        return
                except AnyfastError as error:
                    piece = b""
                    delay = exchange.delay(error)
                    if delay is None:
                        raise
                await asyncio.sleep(delay)
