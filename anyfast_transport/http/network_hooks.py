"""Everything that rests on the insides of httpcore and asyncio; `tests/test_insides.py` misses each name.

httpx hands out its network streams through its "trace" extension
(https://www.python-httpx.org/advanced/extensions/#trace).
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

from anyfast_transport.http.deadline import CURRENT

_SLICE = 64 * 1024


_OPENED = ("connect_tcp.complete", "connect_unix_socket.complete", "start_tls.complete")
"""Ends of the events that hand out a network stream."""


_OPENING = ("connect_tcp.started", "connect_unix_socket.started", "start_tls.started")


_CONNECTING = "connect_tcp.started"

_HEAD = "http11.receive_response_headers.complete"


def _concerns(event: str) -> bool:
    """Whether an event is one of those that are watched; most are not, and there are ten to a call."""
    return not event.startswith("http11.") or event == _HEAD


def _opened(event: str, info: dict[str, Any]) -> bool:
    """Whether a network stream was opened. What is being opened gets no longer than the deadline leaves."""
    if not _concerns(event):
        return False
    if event == _HEAD:
        CURRENT.get().check_fresh()
    elif event.endswith(_OPENING) and (left := CURRENT.get().left()) is not None:
        timeout = info.get("timeout")
        info["timeout"] = max(left if timeout is None else min(timeout, left), 0.001)
    return event.endswith(_OPENED)


def watch(event: str, info: dict[str, Any]) -> Any:
    """A trace function for sync requests: puts the deadline under each network stream that is opened.

    Args:
        event: httpcore's name of what happened.
        info: Its arguments, which can be changed before it, or what it returned.

    Returns:
        The socket of a stream that was opened, else None.
    """
    opened = _opened(event, info)
    if event.endswith(_CONNECTING):
        _share_among_addresses(info)
    elif event.endswith(_HANDSHAKE_FAILED):
        CURRENT.get().opened.close()
    if not opened:
        return None
    stream = CURRENT.get().opened = info["return_value"]
    read, write = stream.read, stream.write

    def read_in_time(max_bytes: int, timeout: float | None = None) -> bytes:
        deadline = CURRENT.get()
        return deadline.received(read(max_bytes, timeout=deadline.capped(timeout)))

    def write_in_time(buffer: bytes, timeout: float | None = None) -> None:
        CURRENT.get().sending()
        # httpcore gives every `send` of a buffer the whole timeout anew, so a long body goes in slices.
        for start in range(0, len(buffer), _SLICE):
            write(buffer[start : start + _SLICE], timeout=CURRENT.get().capped(timeout))

    stream.read, stream.write = read_in_time, write_in_time
    return stream.get_extra_info("socket")


async def watch_async(event: str, info: dict[str, Any]) -> Any:
    """The same for async requests; see `watch`."""
    if event.endswith(_HANDSHAKE_FAILED):
        await CURRENT.get().opened.aclose()
    if not _opened(event, info):
        return None
    stream = CURRENT.get().opened = info["return_value"]
    read, write = stream.read, stream.write

    async def read_in_time(max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # httpcore's own
        deadline = CURRENT.get()
        return deadline.received(await read(max_bytes, timeout=deadline.capped(timeout)))

    async def write_in_time(buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # as above
        CURRENT.get().sending()
        await write(buffer, timeout=CURRENT.get().capped(timeout))

    stream.read, stream.write = read_in_time, write_in_time
    return stream.get_extra_info("socket")


_MOST_ADDRESSES = 8
"""Addresses that a name has at most, as far as nobody is asked."""


_HANDSHAKE_FAILED = "start_tls.failed"
"""Httpcore closes the connection then, unless the handshake was cancelled."""


def _share_among_addresses(info: dict[str, Any]) -> None:
    """`socket.create_connection` gives each address of a name the whole timeout; together they get what is left."""
    left, timeout = CURRENT.get().left(), info["timeout"]
    if left is None or timeout * _MOST_ADDRESSES <= left:
        return
    with contextlib.suppress(OSError, UnicodeError):  # connecting says the same in a moment
        addresses = socket.getaddrinfo(info["host"], info["port"], type=socket.SOCK_STREAM)
        info["timeout"] = max(min(timeout, left / len(addresses)), 0.001)


def before_closing(loop: asyncio.AbstractEventLoop, end: Callable[[asyncio.AbstractEventLoop], None]) -> None:
    """Does something before a loop is closed: there is no hook at its end but to replace its `close`.

    Args:
        loop: The loop.
        end: What to do with it.
    """
    close = loop.close

    def closing() -> None:
        end(loop)
        close()

    with contextlib.suppress(AttributeError):  # uvloop's attributes cannot be set
        loop.close = closing  # type: ignore[method-assign]  # as said above
