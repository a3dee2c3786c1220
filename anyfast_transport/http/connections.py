"""The connections that calls share: a pool of clients for sync calls, and one for each running event loop.

An async client that outlives its loop is what makes other integrations send, and bill, a call twice.
"""

import asyncio
import atexit
import contextlib
import functools
import http.cookiejar
import math
import os
import socket
import ssl
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from typing import Any, Self

import httpx

from anyfast_transport.errors import APIConnectionError
from anyfast_transport.http.async_generators import owned
from anyfast_transport.http.key_masking import mask_logs
from anyfast_transport.http.network_hooks import before_closing, watch, watch_async
from anyfast_transport.http.sockets import AsyncSocket

KEEP_SECONDS = 5.0
"""How long an idle connection is kept; common proxies close theirs after that or later."""

KEEP_CONNECTIONS = 100
"""How many idle connections of sync calls are kept."""

KEEP_CLIENTS = 1000
"""How many idle clients each event loop keeps until they are swept: waves of calls find those of the last one."""


_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_SECONDS)


@functools.cache
def ssl_context() -> ssl.SSLContext:
    """Made once for all clients: reading the certificates is most of what a client costs."""
    return httpx.create_ssl_context()


class _NoCookies(http.cookiejar.CookieJar):
    """Takes none: clients are shared between keys, so a cookie that one call got must not go out with another.

    A policy that refuses them all would do, but each answer's headers would be copied twice for it.
    """

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Looks at nothing."""


def _leaves_sound(error: Exception) -> bool:
    """Whether a client can serve another call after one that ended so.

    What is no `Exception` breaks into httpcore's cleaning up; a failed connection is gone, or one whose tunnel failed
    is in the way of the next.
    """
    return not isinstance(error, APIConnectionError)


class SyncPool:
    """The clients of sync calls; each serves one call at a time, in whatever thread.

    In a client that threads share, httpcore closes idle connections in one of them while another begins to use them:
    of 1,000 calls in as many threads one or two broke off, and were sent and billed again.
    """

    def __init__(self) -> None:
        # No lock: the garbage collector may end a stream anywhere, and each of these steps is done at once.
        self._idle: deque[tuple[float, httpx.Client]] = deque()
        # Held here, or the garbage collector would drop a forgotten stream's socket before the stream can close it.
        self._busy: set[httpx.Client] = set()
        self._closings = 0

    @contextlib.contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """A client for one call."""
        closings, client, sound = self._closings, self._take(), False
        self._busy.add(client)
        try:
            yield client
            sound = True
        except Exception as error:
            sound = _leaves_sound(error)
            raise
        finally:
            self._busy.discard(client)
            if sound and closings == self._closings and len(self._idle) < KEEP_CONNECTIONS:
                self._idle.append((time.monotonic() + KEEP_SECONDS, client))
            else:
                client.close()

    def _take(self) -> httpx.Client:
        self._close_idle(time.monotonic())
        with contextlib.suppress(IndexError):
            return self._idle.pop()[1]
        return httpx.Client(limits=_ONE, verify=ssl_context(), cookies=_NoCookies())

    def _close_idle(self, until: float) -> None:
        """Closes what has been idle for too long; the oldest are in front."""
        with contextlib.suppress(IndexError):
            while self._idle[0][0] <= until:
                self._idle.popleft()[1].close()

    def close(self) -> None:
        """Closes the connections; one that serves a call, when the call ends."""
        self._closings += 1
        self._close_idle(math.inf)


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
        self._sockets: list[AsyncSocket] = []
        self.over = False

    @contextlib.asynccontextmanager
    @owned
    async def client(self) -> AsyncGenerator[httpx.AsyncClient]:
        """A client for one call."""
        client = self._idle.pop()[1] if self._idle else self._new()
        self._busy[client] = True
        sound = False
        try:
            yield client
            sound = True
        except Exception as error:
            sound = _leaves_sound(error)
            raise
        finally:
            self._give_back(client, sound)

    def _new(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(limits=_ONE, verify=ssl_context(), cookies=_NoCookies())

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

    def opened(self, handed_out: Any) -> None:
        """Remembers the socket of a connection."""
        if len(self._sockets) > 2 * (len(self._busy) + len(self._idle)):
            self._sockets = [known for known in self._sockets if known.is_open]
        self._sockets.append(AsyncSocket(handed_out))

    def abandon(self) -> None:
        """Hangs up after the loop was closed over us, when nothing can be awaited any more."""
        for sock in self._sockets:
            sock.hang_up()

    def let_go(self) -> None:
        """Closes a forked child's copies of the sockets; of their files, for asyncio does not hand out the sockets."""
        nothing = os.open(os.devnull, os.O_RDWR)
        for sock in self._sockets:
            sock.let_go(nothing)
        os.close(nothing)

    def end_with(self, loop: asyncio.AbstractEventLoop) -> None:
        """Closes everything before its loop, where nobody ends the loop's generators: LlamaIndex does not."""
        if not (self.over or loop.is_running() or loop.is_closed()):
            loop.run_until_complete(self.shut_down())

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


class SharedPools:
    """What the calls of this process share."""

    def __init__(self) -> None:
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._begin()

    def _begin(self) -> None:
        # Reentrant, for the garbage collector may run somebody's `__del__`, which closes, while this thread holds it.
        self._lock = threading.RLock()
        self._sync = SyncPool()
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
            for pool, _ in self._by_loop.values():
                pool.let_go()
            self._begin()
            for sock in list(self._sockets):
                sock.close()
            self._sockets.clear()

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Puts the deadline under each connection, and remembers its socket.

        Args:
            event: httpcore's name of what happened.
            info: Its arguments, or what it returned.
        """
        sock = watch(event, info)
        if isinstance(sock, socket.socket):
            self._sockets.add(sock)

    async def trace_async(self, event: str, info: dict[str, Any]) -> None:
        """The same for the connections of the running loop."""
        sock = await watch_async(event, info)
        entry = self._by_loop.get(asyncio.get_running_loop()) if sock is not None else None
        if entry and hasattr(sock, "shutdown"):
            entry[0].opened(sock)

    def client(self) -> contextlib.AbstractContextManager[httpx.Client]:
        """A client for one sync call."""
        return self._sync.client()

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
            before_closing(loop, pool.end_with)
        await anext(keeper)
        return pool

    def close(self) -> None:
        """Closes the connections of sync calls; one that serves a call, when the call ends."""
        self._sync.close()

    async def aclose(self) -> None:
        """Closes the connections of the running event loop; one that serves a call, when the call ends."""
        if entry := self._by_loop.get(asyncio.get_running_loop()):
            await entry[0].aclose()


SHARED = SharedPools()


@functools.cache
def hook_into_process() -> None:
    """When the first client is made: nothing happens on import."""
    mask_logs()
    atexit.register(SHARED.close)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=SHARED.forget)


class SharesConnections:
    """What a class offers whose calls go by the connections that all of them share."""

    def close(self) -> None:
        """Closes the connections that sync calls of this process share; the next call opens new ones."""
        SHARED.close()

    async def aclose(self) -> None:
        """Closes the connections that calls of the running event loop share; the next call opens new ones."""
        await SHARED.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def close_shared_connections() -> None:
    """Closes the connections that sync calls of this process share; the next call opens new ones."""
    SHARED.close()


async def aclose_shared_connections() -> None:
    """Closes the connections that calls of the running event loop share; the next call opens new ones."""
    await SHARED.aclose()
