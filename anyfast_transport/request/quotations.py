"""Which words of a refusal are the gateway's own, and which only repeat what the request said. Pure.

Gateways quote: a URL that could not be fetched, the name of a tool, a sentence that a filter stopped. Whoever wrote
that must not choose what is learned from the refusal.
"""

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

_OF_THE_PROTOCOL = frozenset(
    {"role", "type", "tool_choice", "response_format", "reasoning_effort", "thinking", "stream_options"}
)
"""Fields whose values are words of the API, not of whoever wrote the request. What is deeper in them is."""

_WORD = re.compile(r"\w+")
_LONG_WORD = re.compile(r"\w{4,}")
_ENCODED = re.compile(r"(?:data:[\w/+.-]+;base64,)?[A-Za-z0-9+/=]{1000,}")
"""Media in base64, which says nothing."""


class Quotations:
    """What a request says: contents of messages, names and texts of tools, values; not the names of parameters.

    Args:
        body: The request's body.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        said = " ".join(_said(body))
        self._said = f" {_plain(said)} {_plain(html.unescape(unquote(said)))} "

    def hold(self, words: str, *, any_word: bool = False) -> bool:
        """Whether words stand in what the request says.

        Args:
            words: Some words of a refusal.
            any_word: Whether one of them is enough, rather than all as they stand.
        """
        if any_word:
            return any(word in self._said for word in _LONG_WORD.findall(_plain(words)))
        return _plain(words) in self._said

    def out_of(self, text: str) -> str:
        """A refusal without what it quotes of more than one word in one piece: URLs, paths, names with dots."""
        return " ".join(piece for piece in text.split() if " " not in _plain(piece) or not self.hold(piece))


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _said(value: Any, *, named: bool = True) -> Iterator[str]:
    """All that was written into a request. Names of fields are the API's until a tool's or a format's schema begins."""
    if isinstance(value, str):
        yield _ENCODED.sub(" ", value)
    elif isinstance(value, Mapping):
        for key, below in value.items():
            if not named:
                yield str(key)
            if key not in _OF_THE_PROTOCOL or not isinstance(below, str):
                yield from _said(below, named=named and key not in ("parameters", "schema"))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _said(item, named=named)
