"""How large an answer may be, so that a gateway out of its mind fills no memory. Pure."""

from anyfast_transport.errors import InvalidResponseError

BODY_LIMIT = 64 * 1024 * 1024
"""Bytes of an answer after inflating; images of several megabytes in base64 fit."""

EVENT_LIMIT = 64 * 1024 * 1024
"""Bytes of a stream without a whole event: one line may hold an image, comments may not come for ever."""

STREAM_LIMIT = 256 * 1024 * 1024
"""Bytes of a whole stream: the longest documented output, 384K tokens, at some 650 bytes an event."""

BYTES_PER_VALUE = 24
"""Those limits hold one value of JSON in so many bytes on the average: 64 MiB of `{},` would take 1.7 GB of objects.
Log probabilities have one in 11, so they may fill almost half of a body. A stream's events have one in 18; those of the
longest documented output hold half of what may come."""

UNCOUNTED = 4 * 1024 * 1024
"""Bytes of a body before its values are counted."""


class Size:
    """The size of one body so far.

    Args:
        host: Who sends it, for the error.
    """

    def __init__(self, host: str) -> None:
        self._host, self._limit = host, BODY_LIMIT
        self._harmless = min(UNCOUNTED, BODY_LIMIT, EVENT_LIMIT)
        self._bytes = self._before_event = self._values = 0

    def of_stream(self, streams: bool) -> None:
        """Says whether the body is a stream, which may be larger."""
        self._limit = STREAM_LIMIT if streams else BODY_LIMIT

    def add(self, piece: bytes) -> None:
        """Counts a piece, after inflating.

        Args:
            piece: The piece.

        Raises:
            InvalidResponseError: The body, or what should be one event of it, is too large.
        """
        self._bytes += len(piece)
        if self._bytes > self._harmless:
            self._check(piece)

    def event_came(self) -> None:
        """A whole event came; the next one may be as large."""
        self._before_event = self._bytes

    def _check(self, piece: bytes) -> None:
        if self._bytes > self._limit:
            raise self._too_large("answer", self._limit)
        if self._bytes - self._before_event > EVENT_LIMIT:
            raise self._too_large("event", EVENT_LIMIT)
        if self._bytes > UNCOUNTED:
            self._count_values(piece)

    def _count_values(self, piece: bytes) -> None:
        self._values += piece.count(b",") + piece.count(b"{") + piece.count(b"[")
        most = self._limit // BYTES_PER_VALUE
        if self._values > most:
            raise InvalidResponseError(f"An answer of {self._host} has more than {most:,} values.")

    def _too_large(self, what: str, limit: int) -> InvalidResponseError:
        return InvalidResponseError(f"An {what} of {self._host} is larger than {limit // 1024:,} KiB.")
