"""Characters that a sender cut in two: it counts UTF-16 units, and each delta got one half of the pair. Pure."""

from collections.abc import Mapping
from typing import Any

from anyfast_transport.lenient_json import without_halves

_TEXTS = frozenset({"content", "reasoning_content", "reasoning", "arguments", "text", "refusal", "thinking"})
"""Fields of a delta that go on in the next one; in all others half a character is U+FFFD at once."""

_REPLACEMENT = "\ufffd"

Place = tuple[str | int, ...]


def _is_first_half(char: str) -> bool:
    return "\ud800" <= char <= "\udbff"


class SplitPairs:
    """Joins the halves. It is only in the way of events that hold one, and of those behind them."""

    def __init__(self) -> None:
        self._waiting: dict[Place, str] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def joined(self, chunk: Any) -> Any:
        """An event in which no half is left: it has come with the event before, or waits for the next.

        Args:
            chunk: The event, read with its halves.

        Returns:
            A new chunk.
        """
        return self._joined(chunk, ())

    def _joined(self, value: Any, place: Place) -> Any:
        if isinstance(value, dict):
            return {without_halves(key): self._joined(item, (*place, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._joined(item, (*place, _number(item, at))) for at, item in enumerate(value)]
        if not isinstance(value, str) or not value:
            return value
        if "delta" in place and place[-1] in _TEXTS:
            value = self._waiting.pop(place, "") + value
            if _is_first_half(value[-1]):
                self._waiting[place], value = value[-1], value[:-1]
        return without_halves(value)

    def rest(self) -> dict[str, Any]:
        """Ends the answer.

        Returns:
            A delta with what stands for halves whose other half never came.
        """
        delta: dict[str, Any] = {}
        for place in self._waiting:
            _, field, *inside = place[place.index("delta") :]
            if field == "tool_calls":
                entry = {"index": inside[0], "function": {"arguments": _REPLACEMENT}}
                delta.setdefault("tool_calls", []).append(entry)
            else:
                delta[str(field)] = _REPLACEMENT
        self._waiting = {}
        return delta


def _number(item: Any, at: int) -> int:
    """Which one of a list an item is, by its own word if it says so."""
    index = item.get("index") if isinstance(item, Mapping) else None
    return index if isinstance(index, int) else at
