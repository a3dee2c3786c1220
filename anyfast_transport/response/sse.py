"""Bytes → the data of events, and JSON as servers write it. Pure: it is pushed.

Events follow https://html.spec.whatwg.org/multipage/server-sent-events.html with one departure that gateways need: an
event without its blank line at the end counts. A field `error:` (llama.cpp) is an event that holds an error.
"""

from collections.abc import Iterable

from pydantic_core import to_json

from anyfast_transport.lenient_json import BOM, read_json


class EventDecoder:
    """Splits a byte stream into the data of its events. Lines end at LF, CR or CRLF and nowhere else."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._data: list[bytes] = []
        self._at_start = True
        self._between = False

    def feed(self, piece: bytes) -> list[bytes]:
        """Takes the next bytes, cut anywhere.

        Args:
            piece: The bytes.

        Returns:
            The data of each event that they completed.
        """
        # What nearly every piece is, one event of one line, needs no more than a slice.
        if (
            self._between
            and piece.startswith(b"data: ")
            and piece.endswith(b"\n\n")
            and piece.find(b"\n") == len(piece) - 2
            and b"\r" not in piece
        ):
            return [piece[6:-2]]
        events = self._split(piece)
        self._between = not (self._pending or self._data or self._at_start)
        return events

    def _split(self, piece: bytes) -> list[bytes]:
        if not (b"\n" in piece or b"\r" in piece):
            # A piece without a line end is only kept: a line of megabytes in small pieces stays linear.
            self._pending.append(piece)
            return []
        self._pending.append(piece)
        joined = b"".join(self._pending)
        lines = joined.splitlines()
        if joined.endswith(b"\n"):
            self._pending = []
        else:
            # A CR at the very end may be half of a CRLF: it waits for the next byte.
            self._pending = [lines.pop() + (b"\r" if joined.endswith(b"\r") else b"")]
        return self._events(lines)

    def flush(self) -> list[bytes]:
        """Ends the stream.

        Returns:
            The data of the event that had no blank line behind it, if any.
        """
        lines = [*b"".join(self._pending).splitlines(), b""]
        self._pending = []
        return self._events(lines)

    def _events(self, lines: Iterable[bytes]) -> list[bytes]:
        events = []
        for line in lines:
            if self._at_start:
                line, self._at_start = line.removeprefix(BOM), False  # one BOM is dropped
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif line.startswith(b"error:"):
                events.append(_error_event(line[6:].strip()))
            elif not line and self._data:
                events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data = []
        return events


def _error_event(said: bytes) -> bytes:
    try:
        error = read_json(said)
    except ValueError:
        error = said.decode("utf-8", "replace")
    return to_json(error if isinstance(error, dict) and "error" in error else {"error": error})
