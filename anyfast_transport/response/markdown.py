"""Where in a Markdown text something stands: whether its author says it, or shows it. Pure: it is pushed, line by line.

What is shown is a fence, a quote, a comment, or an HTML block (CommonMark 0.31: 4.5, 4.6, 5.1). Where models are less
exact than CommonMark, the text counts as shown.
"""

import re

_PREFIX = re.compile(r"[ \t>]*")
_MARKERS = re.compile(r"(?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*")
_FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,})")
_BLOCK = re.compile(r"<(?:(pre|script|style|textarea|blockquote|code|samp|xmp)\b|!--|!\[CDATA\[)", re.IGNORECASE)
_ENDS = {"<!--": "-->", "<![cdata[": "]]>"}


class Place:
    """The end of a text that grows."""

    def __init__(self) -> None:
        self._line: list[str] = []
        self._fence = ""
        self._fence_in_quote = False
        self._awaited = ""
        self._in_quote = False

    @property
    def begins_a_line(self) -> bool:
        """Whether nothing stands on the last line yet."""
        return not self._line

    @property
    def in_fence(self) -> bool:
        """Whether the last line is within a fence that was not closed."""
        return bool(self._fence)

    @property
    def is_shown(self) -> bool:
        """Whether the last line is within a fence, a quote, a comment or an HTML block."""
        return bool(self._fence or self._awaited or self._in_quote)

    def feed(self, text: str) -> None:
        """Takes the next piece of the text."""
        *lines, rest = text.split("\n")
        for line in lines:
            self._end_line("".join([*self._line, line]))
            self._line = []
        if rest:
            self._line.append(rest)

    def _end_line(self, line: str) -> None:
        prefix = _PREFIX.match(line)
        quoted = ">" in prefix.group() if prefix else False
        if self._fence and (quoted or not self._fence_in_quote):
            if self._closes_fence(line.strip(" \t>\r")):
                self._fence = ""
            return
        self._fence = ""
        if self._awaited:
            self._look_for_end(line, 0)
            return
        # A line without its mark goes on with the quote above it, up to a blank line.
        self._in_quote = bool(line.strip()) and (quoted or self._in_quote)
        self._open(line, quoted)

    def _closes_fence(self, line: str) -> bool:
        return len(line) >= len(self._fence) and line == self._fence[0] * len(line)

    def _open(self, line: str, quoted: bool) -> None:
        """Looks for what a line opens."""
        markers = _MARKERS.match(line)
        start = markers.end() if markers else 0
        if fence := _FENCE.match(line, start):
            self._fence, self._fence_in_quote = fence.group(1) or fence.group(2), quoted
        elif block := _BLOCK.match(line, start):
            opening = block.group().lower()
            self._awaited = _ENDS.get(opening) or f"</{opening[1:]}"
            self._look_for_end(line, block.end())

    def _look_for_end(self, line: str, at: int) -> None:
        if line.lower().find(self._awaited, at) >= 0:
            self._awaited = ""
