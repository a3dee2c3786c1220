"""Clocks: how long one call may still wait, whatever drips in meanwhile. No I/O of its own.

httpx has one timeout per read, which comments, blank lines and a drip of bytes re-arm for ever. So each network stream
gets a `read` and a `write` that wait no longer than the deadline of the call they serve. httpx hands the streams out
through its "trace" extension (https://www.python-httpx.org/advanced/extensions/#trace).
"""

import time
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

HEAD_LIMIT = 128 * 1024
"""Bytes before the first byte of an answer's body. h11 stops a single head at 100 KB; this stops interim answers (1xx)
without end, too."""

LONGEST = 1e6
"""Seconds. No limit is longer: sockets and event loops refuse infinity, and some of them more than 24 days."""


DATA = "timeout"
"""The name of the limit on the time between data; the other limits bear the names of their fields, too."""


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

    def take_over(self, name: str, other: "Deadline") -> None:
        """Goes on with a limit of an earlier request of the same call.

        Args:
            name: What it is called.
            other: The deadline of that request.
        """
        if (end := other.end_of(name)) is not None:
            self._end(name, end)
            self._restarts = self._restarts and name != DATA

    def end_of(self, name: str) -> float | None:
        """When a limit ends, on the monotonic clock; None if there is none of that name."""
        return self._ends.get(name)

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
            raise httpcore.ReadTimeout("the deadline has passed")
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
                raise httpcore.RemoteProtocolError("the head is too long")
        return data

    def check_fresh(self) -> None:
        """Looks whether the head that was just read came after its request.

        A connection can hold the end of a longer body, or a second answer to the last request: that of another call.

        Raises:
            httpcore.RemoteProtocolError: Nothing was received since the request was sent.
        """
        if self._watched and self._head_bytes == HEAD_LIMIT:
            raise httpcore.RemoteProtocolError("an answer was left over from the request before")

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


CONNECT_TIMEOUT = 10.0
"""Seconds to connect, unless the user's `httpx.Timeout` says otherwise: a gateway that is there answers sooner."""


def timeouts(
    timeout: float | httpx.Timeout | None, *, first: float | None, left: float | None
) -> dict[str, float | None]:
    """The timeouts of one attempt, as httpx's transports take them.

    Args:
        timeout: Seconds between bytes, or a limit for each step.
        first: Seconds to the first data, in place of that.
        left: Seconds that the deadline leaves, or None.

    Returns:
        Seconds for `connect`, `read`, `write` and `pool`.
    """
    left = None if left is None else max(left, 0.001)  # a socket takes nothing below 0
    if isinstance(timeout, httpx.Timeout):
        said = timeout.as_dict()
    else:
        said = {"connect": CONNECT_TIMEOUT, "read": timeout, "write": timeout, "pool": timeout}
    # The deadline itself caps every read; this is for transports that tell no trace.
    read = said["read"] if first is None else first
    most = LONGEST if left is None else left
    capped = {name: left if limit is None else min(limit, most) for name, limit in said.items()}
    return {**capped, "read": None if read is None else min(read, LONGEST)}
