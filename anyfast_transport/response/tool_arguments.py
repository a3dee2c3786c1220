"""The arguments of one call, as they come: an object goes on, what may be none is held back. Pure: it is pushed.

What goes on is JSON for every reader: raw line ends and tabs inside strings, which models write into programs, become
their escapes, and half a surrogate pair becomes U+FFFD.
"""

import re

from anyfast_transport.lenient_json import parsed_arguments, written

_NOTHING_YET = re.compile(r"(?:n|nu|nul|null\s*|\{\s*|\{\s*\}\s*)?")
"""What is held back: null is no arguments, and an empty object may be a placeholder for the real one."""

_PLACEHOLDERS = re.compile(r"(?:(?:null|\{\s*\})\s*)+(?=\{)")

_HEX = "[0-9a-fA-F]"
_HIGH, _LOW, _HALF = rf"\\u[dD][89abAB]{_HEX}{{2}}", rf"\\u[dD][c-fC-F]{_HEX}{{2}}", rf"\\u[dD][89a-fA-F]{_HEX}{{2}}"
_CUT = rf"\\(?:u{_HEX}{{0,3}})?\Z"
_TOKEN = re.compile(
    rf"(?P<cut>{_HIGH}(?:{_CUT}|\Z)|{_CUT})|(?P<half>(?!{_HIGH}{_LOW}){_HALF})"
    rf"|{_HIGH}{_LOW}|\\.|[\x00-\x1f\"{{}}\[\]]",
    re.DOTALL,
)
"""Whatever may change how the characters behind it are read, or must not go on as it is."""

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


class Arguments:
    """Puts the arguments of one call together. Each character is looked at once, so this stays linear."""

    __slots__ = ("_closed", "_depth", "_held", "_in_string", "_opaque", "_pieces", "_spaces", "_tail")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._held = self._tail = ""
        self._opaque: list[str] = []
        self._spaces: list[str] = []
        self._depth = 0
        self._in_string = self._closed = False

    @property
    def complete(self) -> bool:
        """Whether they are one whole object with something in it."""
        return self._closed

    @property
    def blank(self) -> bool:
        """Whether there are none so far."""
        return not (self._pieces or self._opaque or self._held)

    @property
    def placeholder(self) -> bool:
        """Whether they are an empty object so far, which the real one may follow."""
        return not self._pieces and "}" in self._held

    @property
    def text(self) -> str:
        """All of them, what is held back included."""
        return "".join(self._pieces) + self._rest()

    def feed(self, text: str) -> str:
        """Takes the next characters.

        Args:
            text: The characters as they came.

        Returns:
            What goes on.
        """
        if self._opaque:
            self._opaque.append(text)
            return ""
        if not self._pieces:
            text = self._released(text)
        if not text:
            return ""
        if self._tail:
            text, self._tail = self._tail + text, ""
        text = _TOKEN.sub(self._step, text)
        self._pieces.append(text)
        return text

    def flush(self) -> str:
        """Ends the arguments.

        Returns:
            What had been held back.
        """
        rest = self._rest()
        self._held = self._tail = ""
        self._opaque = []
        if rest:
            self._pieces.append(rest)
        return rest

    def _released(self, text: str) -> str:
        """What is the beginning of an object with something in it; all else is kept."""
        if not text or text.isspace():
            self._spaces.append(text)
            return ""
        held = "".join([self._held, *self._spaces, text]).lstrip()
        self._spaces = []
        if held[:1] in ("{", "n"):
            held = _PLACEHOLDERS.sub("", held, 1) if _PLACEHOLDERS.match(held) else held
        if _NOTHING_YET.fullmatch(held):
            self._held = held
            return ""
        self._held = ""
        if held.startswith("{"):
            return held
        self._opaque.append(held)
        return ""

    def _step(self, match: re.Match[str]) -> str:
        found = match.group()
        if match.lastgroup == "cut":
            self._tail = found
            return ""
        if match.lastgroup == "half":
            return "\\ufffd"
        if found == '"':
            self._in_string = not self._in_string
        elif self._in_string:
            return _ESCAPES.get(found) or (f"\\u{ord(found):04x}" if found < " " else found)
        elif found in "{[":
            self._depth += 1
        elif found in "}]":
            self._depth -= 1
            self._closed = self._closed or self._depth == 0
        return found

    def _rest(self) -> str:
        if self._opaque:
            text = "".join(self._opaque)
            read = parsed_arguments(text)
            return text if read is None else written(read)
        return self._tail or ("" if self._held.strip() == "null" else self._held)
