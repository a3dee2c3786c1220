"""The sockets of async connections, where nothing can be awaited any more: after a fork, or the end of a loop."""

import contextlib
import os
import socket
from typing import Any


class AsyncSocket:
    """A socket that an event loop has handed out, which is no `socket.socket`: it can be asked little.

    uvloop's goes on to tell its descriptor after it was closed, when that may be somebody else's. So what stood behind
    the descriptor is remembered.

    Args:
        handed_out: asyncio's `TransportSocket`, uvloop's `PseudoSocket`.
    """

    def __init__(self, handed_out: Any) -> None:
        self._handed_out = handed_out
        self._identity = self._looked_at()

    def _looked_at(self) -> object:
        try:
            seen = os.fstat(self._handed_out.fileno())
        except (OSError, ValueError):  # Windows has no such thing for sockets
            return None
        return seen.st_dev, seen.st_ino

    @property
    def is_open(self) -> bool:
        """Whether the descriptor is still this socket's."""
        return self._handed_out.fileno() >= 0 and self._looked_at() == self._identity

    def hang_up(self) -> None:
        """Tells the other side that nothing more comes."""
        if not self.is_open:
            return
        with contextlib.suppress(OSError):
            try:
                self._handed_out.shutdown(socket.SHUT_RDWR)
            except TypeError:  # uvloop's word for what it does not support
                with socket.socket(fileno=os.dup(self._handed_out.fileno())) as copy:
                    copy.shutdown(socket.SHUT_RDWR)

    def let_go(self, nothing: int) -> None:
        """Closes a forked child's copy, and tells the other side nothing.

        Args:
            nothing: The descriptor of /dev/null, which comes into its place.
        """
        if self.is_open:
            os.dup2(nothing, self._handed_out.fileno(), inheritable=False)
