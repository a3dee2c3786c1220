"""The sound of an answer, which comes in pieces beside its transcript. Pure: it is pushed."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

_BEGINNINGS = {
    "UklGR": "wav",
    "SUQz": "mp3",
    "//": "mp3",
    "T2dn": "ogg",
    "ZkxhQ": "flac",
}
"""How base64 of a format begins; what begins otherwise is bare samples, which is what a stream sends (OpenAI)."""


class Sound:
    """Puts the `audio` of the messages of one answer together."""

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._data: list[str] = []
        self._words: list[str] = []

    def feed(self, audio: Mapping[str, Any]) -> str:
        """Takes the `audio` of a message, or of a delta.

        Args:
            audio: The object.

        Returns:
            The words that it adds.
        """
        words, data = audio.get("transcript"), audio.get("data")
        if isinstance(data, str) and data:
            self._data.append(data)
        if isinstance(words, str) and words:
            self._words.append(words)
        self._fields |= {key: value for key, value in audio.items() if key not in ("data", "transcript")}
        return words if isinstance(words, str) else ""

    @property
    def whole(self) -> dict[str, Any] | None:
        """The object as it would have come in one piece, with its `format`; None if there is none."""
        if not (self._data or self._words):
            return None
        data = _joined(self._data)
        found = {**self._fields, "transcript": "".join(self._words)}
        return {**found, "data": data, "format": found.get("format") or format_of(data)} if data else found


def _joined(pieces: list[str]) -> str:
    """Base64 of which each piece may be padded for itself."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece, validate=True) for piece in pieces)).decode()
    except (binascii.Error, ValueError):
        return "".join(pieces)


def format_of(data: str) -> str:
    """The format of a sound, told by its beginning.

    Args:
        data: Base64.

    Returns:
        The format, as `audio/...` has it; `pcm` where nothing is told.
    """
    return next((name for begins, name in _BEGINNINGS.items() if data.startswith(begins)), "pcm")
