"""An httpx transport that asks the emulator in process, and streams its frames one by one.

`httpx.ASGITransport` collects the whole body before it answers, so it cannot stand for a gateway that streams.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import httpx

from anyfast_emulator.replies import Gateway, Reply

_CUT = "peer closed connection without sending complete message body (incomplete chunked read)"


class Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Serves `httpx.Client` and `httpx.AsyncClient` alike.

    Args:
        gateway: who answers.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answers a request of a sync client."""
        return self._answer(request, request.read())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answers a request of an async client."""
        return self._answer(request, await request.aread())

    def _answer(self, request: httpx.Request, body: bytes) -> httpx.Response:
        reply = self._gateway.reply(request.method, request.url.raw_path.decode(), request.headers, body)
        frames = _Frames(reply, self._gateway.delay)
        return httpx.Response(reply.status, headers=dict(reply.headers), stream=frames)


def _pause(seconds: float) -> None:
    if seconds:  # to sleep for no time takes some
        time.sleep(seconds)


class _Frames(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, reply: Reply, delay: float) -> None:
        self._reply = reply
        self._delay = delay

    def __iter__(self) -> Iterator[bytes]:
        for at, frame in enumerate(self._reply.frames):
            _pause(self._reply.pauses.get(at, 0.0))
            yield frame
            _pause(self._delay)
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at, frame in enumerate(self._reply.frames):
            if pause := self._reply.pauses.get(at, 0.0):
                await asyncio.sleep(pause)
            yield frame
            await asyncio.sleep(self._delay)
        self._end()

    def _end(self) -> None:
        if self._reply.cut:
            raise httpx.RemoteProtocolError(_CUT)
