"""The key, wherever a gateway says it back: found, however it is spelled, and replaced. Pure, but for a log filter."""

import base64
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote

from anyfast_transport.errors import AnyfastError, APIStatusError, ErrorResponse
from anyfast_transport.types import Completion

MASK = "[key]"

RUN = 12
"""Characters of a key in a row that are masked, too. A gateway that cuts a key short shows fewer."""

_DEEPEST = 50
_CUT = re.compile(r"\bsk-[\w-]{0,64}\*{2,}[\w*-]{0,128}")
"""What new-api leaves of a key in its own errors (`sk-abc***xyz`: model/token.go). Bounded, for ten thousand `sk-` in a
row would else keep this busy for half a minute."""

# What reads these loggers may be shown to anyone who helps; at DEBUG, httpcore's hold all headers of an answer.
_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy")


class Mask:
    """Takes one key, and what else is secret, out of texts, values and errors.

    Args:
        key: The key. It is kept under no name that a repr or a pickle shows.
        others: Secrets that headers hold.
    """

    def __init__(self, key: str, others: Iterable[str] = ()) -> None:
        secrets = (key, *others)
        self._spellings: Callable[[], list[str]] = lambda: [one for secret in secrets for one in _spellings(secret)]
        self._ends: Callable[[], list[str]] = lambda: [end for one in secrets for end in (one[:RUN], one[-RUN:])]

    def text(self, text: str) -> str:
        """Masks the key, long parts of it, and its usual encodings.

        Args:
            text: Any text.

        Returns:
            The text without them.
        """
        for spelling in self._spellings():
            text = _without(text, spelling)
        return _CUT.sub(MASK, text)

    def metadata(self, text: str) -> str:
        """Masks the key in a short text that is almost never suspicious; cheap, for it is done for every answer.

        Args:
            text: An id, a model, a fingerprint.

        Returns:
            The text without the key, if it holds its beginning or its end.
        """
        return self.text(text) if any(end in text for end in self._ends()) else text

    def value(self, value: Any, depth: int = _DEEPEST) -> Any:
        """Masks the key in every string of a JSON value.

        Args:
            value: The value.
            depth: Levels that are looked at; what is deeper is cut off.

        Returns:
            A copy without the key.
        """
        if isinstance(value, str):
            return self.text(value)
        if depth < 0:
            return None
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(item, depth - 1) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item, depth - 1) for item in value]
        return value

    def error(self, error: AnyfastError) -> None:
        """Masks the key in an error, and in those that it came from, in place.

        Args:
            error: The error.
        """
        for name in ("message", "code", "type", "request_id", "body"):
            if (said := getattr(error, name, None)) is not None:
                setattr(error, name, self.value(said))
        error.args = (error.message,)
        if isinstance(error, APIStatusError) and error.response is not None:
            headers = {name: self.text(value) for name, value in error.response.headers.items()}
            error.response = ErrorResponse(error.response.status_code, headers, error.body)
        cause = error.__cause__
        for other in (cause, getattr(error, "error", None)):
            if isinstance(other, AnyfastError):
                self.error(other)
        if cause is not None and not isinstance(cause, AnyfastError):
            cause.args = tuple(self.value(list(cause.args)))


def _spellings(key: str) -> list[str]:
    """The key as it is and as it may come back: percent-encoded in part or whole, and in base64."""
    hexes = "".join(f"%{ord(c):02X}" for c in key)
    encoded = [base64.b64encode(text.encode()).decode().rstrip("=") for text in (key, f"Bearer {key}")]
    return [key, quote(key, safe=""), hexes, hexes.lower(), *encoded]


def _without(text: str, secret: str) -> str:
    size = min(len(secret), RUN)
    if size < 4 or secret[:size] in MASK:  # no key is that short, and many words hold it
        return text
    for start in range(len(secret) - size + 1):
        run = secret[start : start + size]
        while (at := text.find(run)) >= 0:
            length = size + _common(text[at + size :], secret[start + size :])
            text = text[:at] + MASK + text[at + length :]
    return text


def _common(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


CURRENT: ContextVar[Mask | None] = ContextVar("CURRENT", default=None)
"""The mask of the call that is under way."""


class _MaskedLog(logging.Filter):
    """Masks the records of the HTTP libraries while a call is under way."""

    def filter(self, record: logging.LogRecord) -> bool:
        mask = CURRENT.get()
        if mask is not None:
            record.msg, record.args = mask.text(record.getMessage()), None
        return True


_FILTER = _MaskedLog()


def mask_logs() -> None:
    """Puts the filter upon the loggers of the HTTP libraries; once, however often it is called."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)


def mask_metadata(completion: Completion, mask: Callable[[str], str]) -> None:
    """Masks the short texts of an answer that a gateway may have put the key into."""
    for name in ("id", "model", "system_fingerprint", "request_id"):
        if said := getattr(completion, name):
            setattr(completion, name, mask(said))
    completion.more = _masked(completion.more, mask)
    for choice in completion.choices:
        choice.more, choice.message_more = _masked(choice.more, mask), _masked(choice.message_more, mask)


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    """A JSON value, its names and texts masked."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [_masked(item, mask) for item in value]
    return {mask(key): _masked(item, mask) for key, item in value.items()} if isinstance(value, dict) else value
