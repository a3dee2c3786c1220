"""Clocks: how long one call may still wait, whatever drips in meanwhile. No I/O of its own.

httpx has one timeout per read, which comments, blank lines and a drip of bytes re-arm for ever. So each network stream
gets a `read` and a `write` that wait no longer than the deadline of the call they serve. httpx hands the streams out
through its "trace" extension (https://www.python-httpx.org/advanced/extensions/#trace).
"""

import time
from contextvars import ContextVar
from typing import Any

HEAD_LIMIT = 128 * 1024
"""Bytes before the first byte of an answer's body. h11 stops a single head at 100 KB; this stops interim answers (1xx)
without end, too."""

LONGEST = 1e6
"""Seconds. No limit is longer: sockets and event loops refuse infinity, and some of them more than 24 days."""

_SLICE = 64 * 1024
OPENED = ("connect_tcp.complete", "connect_unix_socket.complete", "start_tls.complete")
"""Ends of the events that hand out a network stream."""

_OPENING = ("connect_tcp.started", "connect_unix_socket.started", "start_tls.started")
_HEAD = "http11.receive_response_headers.complete"

DATA = "timeout"
"""The name of the limit on the time between data; the other limits bear the names of their fields, too."""


def _raised_by_httpcore(name: str, words: str) -> Exception:
    """An error of httpcore's; imported here, for httpx itself imports it only with its first client."""
    import httpcore

    error: Exception = getattr(httpcore, name)(words)
    return error


class Deadline:
    """The limits on the waiting of one call; the soonest one counts.

    Args:
        seconds: Longest time between data, or None.

    Attributes:
        opened: The network stream that was opened last for this call.
    """

    opened: Any = None

    def __init__(self, seconds: float | None) -> None:
        self._seconds = None if seconds is None else min(seconds, LONGEST)
        self._ends: dict[str, float] = {}
        self._soonest: float | None = None
        self._head_bytes = HEAD_LIMIT
        self._watched = False
        self._restarts = True

    def restart(self) -> None:
        """Gives the whole time between data again, from the next look at the clock on: data came."""
        self._restarts = True

    def _begin_again(self) -> None:
        # Put off to here, for many pieces come with one read of the network.
        self._restarts = False
        if self._seconds is not None:
            self._end(DATA, time.monotonic() + self._seconds)

    def limit(self, name: str, seconds: float | None) -> None:
        """Sets or moves one limit.

        Args:
            name: What it is called.
            seconds: From now; None for no limit.
        """
        if seconds is not None:
            self._end(name, time.monotonic() + min(seconds, LONGEST))

    def _end(self, name: str, end: float) -> None:
        self._ends[name] = end
        self._soonest = end if len(self._ends) == 1 else min(self._ends.values())

    def lift(self, name: str) -> None:
        """Takes one limit away, if it was there."""
        if name == DATA:
            self._restarts = False
        if self._ends.pop(name, None) is not None:
            self._soonest = min(self._ends.values(), default=None)

    def left(self) -> float | None:
        """Seconds left; None for no limit, below 0 when it is over."""
        if self._restarts:
            self._begin_again()
        return None if self._soonest is None else self._soonest - time.monotonic()

    def nearest(self) -> str | None:
        """The name of the limit that ends, or has ended, first."""
        if self._restarts:
            self._begin_again()
        return min(self._ends, key=self._ends.__getitem__, default=None)

    def capped(self, timeout: float | None) -> float | None:
        """A timeout of httpcore's, shortened to what is left.

        Args:
            timeout: Seconds, or None.

        Returns:
            Seconds, or None.

        Raises:
            httpcore.ReadTimeout: Nothing is left.
        """
        left = self.left()
        if left is None:
            return timeout
        if left <= 0:
            raise _raised_by_httpcore("ReadTimeout", "the deadline has passed")
        return left if timeout is None else min(timeout, left)

    def head_came(self) -> None:
        """From now on the bytes are those of the body, which has a limit elsewhere."""
        self._head_bytes = -1

    def received(self, data: bytes) -> bytes:
        """Counts what comes before the body.

        Args:
            data: Bytes off the network.

        Returns:
            The same bytes.

        Raises:
            httpcore.RemoteProtocolError: More than `HEAD_LIMIT`.
        """
        if self._head_bytes >= 0:
            self._head_bytes -= len(data)
            if self._head_bytes < 0:
                raise _raised_by_httpcore("RemoteProtocolError", "the head is too long")
        return data

    def check_fresh(self) -> None:
        """Looks whether the head that was just read came after its request.

        A connection can hold the end of a longer body, or a second answer to the last request: that of another call.

        Raises:
            httpcore.RemoteProtocolError: Nothing was received since the request was sent.
        """
        if self._watched and self._head_bytes == HEAD_LIMIT:
            raise _raised_by_httpcore("RemoteProtocolError", "an answer was left over from the request before")

    def next_attempt(self) -> None:
        """The request is sent again: another head is to come."""
        self._head_bytes = HEAD_LIMIT
        self._watched = False

    def sending(self) -> None:
        """The request goes out by a stream that is watched: one that a client of the user's opened may not be."""
        self._watched = True


_FREE = Deadline(None)
_FREE.head_came()
CURRENT: ContextVar[Deadline] = ContextVar("CURRENT", default=_FREE)
"""The deadline of the call that is waiting. Connections are shared, so it cannot be kept with the stream."""


def concerns(event: str) -> bool:
    """Whether an event of httpcore's is one of those that are watched; most are not, and there are ten to a call.

    Args:
        event: Its name.

    Returns:
        True for those of connecting, and for the end of a head.
    """
    return not event.startswith("http11.") or event == _HEAD


def _opened(event: str, info: dict[str, Any]) -> bool:
    """Whether a network stream was opened. What is being opened gets no longer than the deadline leaves."""
    if event == _HEAD:
        CURRENT.get().check_fresh()
    elif event.endswith(_OPENING) and (left := CURRENT.get().left()) is not None:
        timeout = info.get("timeout")
        info["timeout"] = max(left if timeout is None else min(timeout, left), 0.001)
    return event.endswith(OPENED)


def watch(event: str, info: dict[str, Any]) -> None:
    """A trace function for sync requests: puts the deadline under each network stream that is opened.

    Args:
        event: httpcore's name of what happened.
        info: Its arguments, which can be changed before it, or what it returned.
    """
    if not _opened(event, info):
        return
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


def watch_async(event: str, info: dict[str, Any]) -> None:
    """The same for async requests.

    Args:
        event: httpcore's name of what happened.
        info: Its arguments, which can be changed before it, or what it returned.
    """
    if not _opened(event, info):
        return
    stream = CURRENT.get().opened = info["return_value"]
    read, write = stream.read, stream.write

    async def read_in_time(max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # httpcore's own
        deadline = CURRENT.get()
        return deadline.received(await read(max_bytes, timeout=deadline.capped(timeout)))

    async def write_in_time(buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # as above
        CURRENT.get().sending()
        await write(buffer, timeout=CURRENT.get().capped(timeout))

    stream.read, stream.write = read_in_time, write_in_time
