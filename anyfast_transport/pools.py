"""The connections that calls share: one `httpx.Client` for the process, and a pool for each running event loop.

An async client that outlives its loop is what makes other integrations send, and bill, a call twice.
"""

import asyncio
import atexit
import contextlib
import functools
import http.cookiejar
import os
import socket
import ssl
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Any

import httpx

from anyfast_transport.deadline import OPENED, watch, watch_async

KEEP_SECONDS = 5.0
"""How long an idle connection is kept; common proxies close theirs after that or later."""

KEEP_CONNECTIONS = 100
"""How many idle connections of sync calls are kept."""

KEEP_CLIENTS = 1000
"""How many idle clients each event loop keeps until they are swept: waves of calls find those of the last one."""

_SYNC_LIMITS = httpx.Limits(
    max_connections=1000, max_keepalive_connections=KEEP_CONNECTIONS, keepalive_expiry=KEEP_SECONDS
)
_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_SECONDS)


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    """Made once for all clients: reading the certificates is most of what a client costs."""
    return httpx.create_ssl_context()


def _no_cookies() -> http.cookiejar.CookieJar:
    # Clients are shared between keys, so a cookie that one call got must not go out with another.
    return http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))


class LoopPool:
    """The async clients of one event loop; each serves one call at a time.

    httpcore's pool looks through all its connections and waiting requests at each event, which makes 500 calls at once
    cost ten times as much as they should; and a task that is cancelled twice leaves its connection open in the pool for
    good (httpx#3782). One connection per client is neither slow nor lost: what ended badly is thrown away whole.

    Attributes:
        over: Whether everything was closed for good.
    """

    def __init__(self) -> None:
        self._idle: deque[tuple[float, httpx.AsyncClient]] = deque()
        self._busy: dict[httpx.AsyncClient, bool] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._sockets: list[Any] = []
        self.over = False

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client for one call."""
        client = self._idle.pop()[1] if self._idle else self._new()
        self._busy[client] = True
        sound = False
        try:
            yield client
            sound = True
        except Exception:
            sound = True  # httpcore has cleaned up; only what breaks into its cleaning does harm
            raise
        finally:
            self._give_back(client, sound)

    def _new(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(limits=_ONE, verify=_ssl_context(), cookies=_no_cookies())

    def _give_back(self, client: httpx.AsyncClient, sound: bool) -> None:
        wanted = self._busy.pop(client, False)
        if self.over:
            return
        if not (sound and wanted) or len(self._idle) >= KEEP_CLIENTS:
            self._discard(client)
            return
        self._idle.append((time.monotonic() + KEEP_SECONDS, client))
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._sweep)

    def _discard(self, client: httpx.AsyncClient) -> None:
        # In a task of its own, which nobody cancels.
        task = asyncio.get_running_loop().create_task(client.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _sweep(self) -> None:
        """Closes what has been idle for too long; the oldest are in front."""
        now, self._sweeper = time.monotonic(), None
        while self._idle and self._idle[0][0] <= now:
            self._discard(self._idle.popleft()[1])
        if self._idle:
            self._sweeper = asyncio.get_running_loop().call_later(self._idle[0][0] - now, self._sweep)

    async def aclose(self) -> None:
        """Closes the connections; one that serves a call, when the call ends."""
        self._busy = dict.fromkeys(self._busy, False)
        clients = [client for _, client in self._idle]
        self._idle.clear()
        if self._sweeper:
            self._sweeper.cancel()
            self._sweeper = None
        await asyncio.gather(*self._closing, *(client.aclose() for client in clients), return_exceptions=True)

    def opened(self, sock: Any) -> None:
        """Remembers the socket of a connection, which asyncio hands out as a `TransportSocket`."""
        if len(self._sockets) > 2 * (len(self._busy) + len(self._idle)):
            self._sockets = [known for known in self._sockets if known.fileno() >= 0]
        self._sockets.append(sock)

    def abandon(self) -> None:
        """Hangs up after the loop was closed over us, when nothing can be awaited any more."""
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    async def shut_down(self) -> None:
        """Closes everything: the loop ends."""
        self.over = True
        await asyncio.gather(self.aclose(), *(client.aclose() for client in self._busy), return_exceptions=True)


async def _closed_with_its_loop(pool: LoopPool) -> AsyncGenerator[None]:
    """An event loop closes the async generators that are still open when it ends, and this one closes its pool."""
    try:
        yield
    finally:
        await pool.shut_down()


def _close_before(loop: asyncio.AbstractEventLoop, pool: LoopPool) -> None:
    """Closes a pool before its loop, where nobody ends the loop's generators: LlamaIndex's `asyncio_run` does not."""
    close = loop.close

    def closing() -> None:
        if not (pool.over or loop.is_running() or loop.is_closed()):
            loop.run_until_complete(pool.shut_down())
        close()

    with contextlib.suppress(AttributeError):  # uvloop's attributes cannot be set; `abandon` hangs up then
        loop.close = closing  # type: ignore[method-assign]  # there is no hook at the end of a loop


class SharedPools:
    """What the calls of this process share."""

    def __init__(self) -> None:
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._begin()

    def _begin(self) -> None:
        # Reentrant, for the garbage collector may end a stream while this thread holds it.
        self._lock = threading.RLock()
        self._client: httpx.Client | None = None
        self._calls: dict[httpx.Client, set[object]] = {}
        self._by_loop: weakref.WeakKeyDictionary[Any, tuple[LoopPool, AsyncGenerator[None]]] = (
            weakref.WeakKeyDictionary()
        )

    def forget(self) -> None:
        """Starts anew after a fork, in the child: the connections are the parent's.

        The child's copies of the sockets are closed, which sends nothing; else the gateway would not see the parent
        hang up for as long as the child lives.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            self._begin()
            for sock in list(self._sockets):
                sock.close()
            self._sockets.clear()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Remembers the socket of a sync connection, and puts the deadline under it.

        Args:
            event: httpcore's name of what happened.
            info: What it returned.
        """
        watch(event, info)
        if event.endswith(OPENED):
            sock = info["return_value"].get_extra_info("socket")
            if isinstance(sock, socket.socket):
                self._sockets.add(sock)

    async def trace_async(self, event: str, info: Mapping[str, Any]) -> None:
        """The same for the connections of the running loop."""
        watch_async(event, info)
        if event.endswith(OPENED):
            entry = self._by_loop.get(asyncio.get_running_loop())
            sock = info["return_value"].get_extra_info("socket")
            if entry and hasattr(sock, "shutdown"):
                entry[0].opened(sock)

    @contextlib.contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """The client for sync calls, for one call."""
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(limits=_SYNC_LIMITS, verify=_ssl_context(), cookies=_no_cookies())
            client, call = self._client, object()
            calls = self._calls.setdefault(client, set())
            calls.add(call)
        try:
            yield client
        finally:
            with self._lock:
                calls.discard(call)
                last = not calls and client is not self._client
                if last:
                    self._calls.pop(client, None)
            if last:
                client.close()

    async def for_loop(self) -> LoopPool:
        """The pool of the running event loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if entry := self._by_loop.get(loop):
                return entry[0]
            for other in [other for other in self._by_loop if other.is_closed()]:
                self._by_loop.pop(other)[0].abandon()
            pool = LoopPool()
            keeper = _closed_with_its_loop(pool)
            self._by_loop[loop] = pool, keeper
            _close_before(loop, pool)
        await anext(keeper)
        return pool

    def close(self) -> None:
        """Closes the connections of sync calls; those that serve a call, when the last such call ends."""
        with self._lock:
            client, self._client = self._client, None
            if client is None or self._calls.get(client):
                return
            self._calls.pop(client, None)
        client.close()

    async def aclose(self) -> None:
        """Closes the connections of the running event loop; one that serves a call, when the call ends."""
        if entry := self._by_loop.get(asyncio.get_running_loop()):
            await entry[0].aclose()


SHARED = SharedPools()
atexit.register(SHARED.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SHARED.forget)
