"""The emulator on a socket: a Starlette application, and uvicorn in a thread of its own."""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import StreamingResponse
    from starlette.routing import Route
except ImportError as error:
    message = 'To serve the emulator: pip install "anyfast-integrations[emulator]"'
    raise ImportError(message) from error

from anyfast_emulator.replies import Gateway, Reply

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
_WAIT = 10.0


class ConnectionCutError(Exception):
    """Leaves the application so that the server drops the connection in the middle of a body."""


def _is_unexpected(record: logging.LogRecord) -> bool:
    """A cut connection is an error to uvicorn, and here a purpose."""
    return not (record.exc_info and isinstance(record.exc_info[1], ConnectionCutError))


class _Uvicorn(uvicorn.Server):
    """Tells when it has begun to accept, and stops at once: uvicorn looks ten times a second whether it is to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting, self.stopping = threading.Event(), asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    async def main_loop(self) -> None:
        waiting = [asyncio.create_task(super().main_loop()), asyncio.create_task(self.stopping.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # asyncio forgets to close a connection that it accepted just before its server was closed.
        with contextlib.suppress(NotImplementedError):  # Windows' loop waits in another way
            for listening in [one for server in self.servers for one in server.sockets]:
                asyncio.get_running_loop().remove_reader(listening)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await self._hang_up(sockets or [])
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)

    async def _hang_up(self, sockets: list[socket.socket]) -> None:
        """Leaves to uvicorn only the connections that are answering: it waits in steps of 100 ms, if only for none."""
        for server in self.servers:
            server.close()
        for listening in sockets:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


class Server:
    """Serves one gateway on one address until it is stopped.

    Args:
        gateway: who answers.
        host: address to bind.
        port: port to bind; 0 picks a free one.
    """

    def __init__(self, gateway: Gateway, host: str, port: int) -> None:
        self._gateway = gateway
        self._socket = socket.create_server((host, port), backlog=512)
        # asyncio does so for a socket of its own making. Without it, what follows a head comes 40 ms late.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound_host, bound_port = self._socket.getsockname()[:2]
        self.url = f"http://{bound_host}:{bound_port}"
        self._peers: set[Any] = set()
        config = uvicorn.Config(
            Starlette(routes=[Route("/{path:path}", self._answer, methods=_METHODS)]),
            log_config=None,
            lifespan="off",
            access_log=False,
            ws="none",
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
        self._uvicorn = _Uvicorn(config)
        self._thread = threading.Thread(target=self._run, name="anyfast-emulator", daemon=True)

    @property
    def connections(self) -> int:
        """How many connections have carried a request."""
        return len(self._peers)

    def start(self) -> None:
        """Begins to serve, and returns when connections are accepted."""
        logging.getLogger("uvicorn.error").addFilter(_is_unexpected)
        self._thread.start()
        if not self._uvicorn.accepting.wait(_WAIT):
            raise RuntimeError("The emulator's server did not start.")

    def stop(self) -> None:
        """Ends the server, its connections and its thread."""
        self._uvicorn.should_exit = True
        self._loop.call_soon_threadsafe(self._uvicorn.stopping.set)
        self._thread.join(_WAIT)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._uvicorn.serve(sockets=[self._socket])

    async def _answer(self, request: Request) -> StreamingResponse:
        self._peers.add(request.scope.get("client"))
        reply = self._gateway.reply(request.method, request.url.path, request.headers, await request.body())
        headers = dict(reply.headers)
        if not reply.cut and "text/event-stream" not in headers.get("content-type", ""):
            headers.setdefault("content-length", str(sum(map(len, reply.frames))))
        return StreamingResponse(self._frames(reply), reply.status, headers)

    async def _frames(self, reply: Reply) -> AsyncIterator[bytes]:
        for at, frame in enumerate(reply.frames):
            await self._pause(reply.pauses.get(at, 0.0))
            yield frame
            await self._pause(self._gateway.delay)
        if reply.cut:
            raise ConnectionCutError

    async def _pause(self, seconds: float) -> None:
        """Waits between two frames; a stop in the meantime cuts the stream."""
        if not seconds:
            # Lets the loop hear that the client has gone, so that nothing is written into a closed connection.
            await asyncio.sleep(0)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._uvicorn.stopping.wait(), seconds)
            raise ConnectionCutError
