"""Tool calls that arrive as text become calls. Pure: it is pushed, and holds back what a call may begin.

A server whose parser misses a call lets through what the model wrote, under `finish_reason: stop`, and an agent ends as
if it were done. Three dialects, each a row of `DIALECTS`:

- DeepSeek's DSML (encoding_dsv4.py beside the model; sglang#40236, GenericAgent#804, cline#13348): bars of any width
  and number; `tool_calls` or `function_calls` around the calls, or nothing; `string="true"` is text, `"false"` JSON.
- Hermes and Qwen: `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`.
- Qwen3-Coder: `<tool_call><function=name><parameter=key>value</parameter></function></tool_call>`, often without its
  first tag. Values are text; what type is meant is in the tool's schema.

What is not closed, or cannot be read, never becomes a call that can be executed.
"""

import re

from anyfast_transport.response.tool_call_markup import BARS, DIALECTS, DSML, Dialect, Rescued, Tools

_DSML_NAMES = ("tool_calls", "function_calls", "invoke")
_OPENING = re.compile(
    rf"<(?:{DSML}\s*(?:(?P<dsml>tool_calls|function_calls)|(?P<invoke>invoke))\b"
    r"|(?P<tool_call>tool_call>)|(?P<function>function=))"
)
_SQUEEZED = re.compile(rf"({BARS})|\s+")
_OPENINGS = (*(f"<|DSML|{name}" for name in _DSML_NAMES), "<tool_call>", "<function=")
_LONGEST_OPENING = 48
_LONGEST_CLOSING = 64
_LONGEST_NAME = 128
_SLICE = 1024
"""Characters that are looked at together: each opening tag among them copies what is behind it."""

_ATTEMPTS = 8
"""How often a closing tag may turn out to be inside a value before the call is given up; keeps this linear."""


class CallsInText:
    """Takes the calls out of a text.

    Args:
        tools: The tools that the request offers.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._tail = ""
        self._dialect: Dialect | None = None
        self._pieces: list[str] = []
        self._carry = ""
        self._attempts = 0
        self._behind = False
        self._sure = False
        self._last = ""
        self.calls: list[Rescued] = []

    @property
    def busy(self) -> bool:
        """Whether something is held back, or is still to be dropped behind a call."""
        return bool(self._tail) or self._dialect is not None or self._behind

    @property
    def held(self) -> str:
        """What is held back."""
        return "".join(self._pieces) + self._tail

    def feed(self, text: str, before: str = "") -> str:
        """Takes the next piece of the text.

        Args:
            text: The piece.
            before: The character that was shown last, if it did not come this way.

        Returns:
            What of it is text.
        """
        shown: list[str] = []
        self._last = before or self._last
        for at in range(0, len(text), _SLICE):
            piece = text[at : at + _SLICE]
            while piece:
                piece = self._hold(piece, shown) if self._dialect else self._pass(piece, shown)
        return "".join(shown)

    def flush(self, *, cut: bool) -> str:
        """Ends the text.

        Args:
            cut: Whether the token limit ended it.

        Returns:
            What had been held back and is no call.
        """
        rest, dialect = self.held, self._dialect
        self._tail, self._dialect, self._pieces, self._carry, self._behind = "", None, [], "", False
        if dialect is None:
            return rest
        calls = dialect.read(rest, self._tools).calls
        if cut:
            limit = "the arguments were cut off by the token limit"
            calls = [call if call.error is None else Rescued(call.name, call.arguments, limit) for call in calls]
        return "" if self._took(calls, dialect) else rest

    def _pass(self, text: str, shown: list[str]) -> str:
        """Lets text through, up to what opens a call."""
        text, self._tail = self._tail + text, ""
        if self._behind and not (text := self._without_rest_of_call(text)):
            return ""
        found = next((one for one in _OPENING.finditer(text) if self._before(text, one.start()) != "`"), None)
        if found is None:
            keep = len(text) - _may_open(text)
            self._show(text[:keep], shown)
            self._tail = text[keep:]
            return ""
        self._dialect, self._sure = DIALECTS[str(found.lastgroup)], False
        self._attempts, self._carry = 0, ""
        self._show(text[: found.start()], shown)
        self._pieces = [found.group()]
        return text[found.end() :]

    def _show(self, text: str, shown: list[str]) -> None:
        if text:
            shown.append(text)
            self._last = text[-1]

    def _before(self, text: str, at: int) -> str:
        return text[at - 1] if at else self._last

    def _without_rest_of_call(self, text: str) -> str:
        """Drops the white space behind a call, and the closing tag that Qwen3-Coder writes without the opening one."""
        text = text.lstrip()
        if text.startswith("</tool_call>"):
            text = text.removeprefix("</tool_call>").lstrip()
        if not text or "</tool_call>".startswith(text):
            self._tail = text
            return ""
        self._behind = False
        return text

    def _hold(self, text: str, shown: list[str]) -> str:
        """Holds back what belongs to an open call, and returns what is behind it."""
        dialect = self._dialect or DIALECTS["tool_call"]
        if not self._sure and self._is_talk("".join(self._pieces) + text):
            opening, *rest = self._pieces
            self._dialect, self._pieces = None, []
            self._show(opening, shown)
            return "".join(rest) + text
        found = dialect.closing.search(self._carry + text)
        if found is None:
            self._pieces.append(text)
            self._carry = (self._carry + text)[-_LONGEST_CLOSING:]
            return ""
        end = found.end() - len(self._carry)
        self._pieces.append(text[:end])
        whole = "".join(self._pieces)
        self._pieces, self._carry, self._attempts = [whole], "", self._attempts + 1
        read = dialect.read(whole, self._tools)
        if read.unfinished and self._attempts < _ATTEMPTS:
            return text[end:]
        self._dialect, self._pieces = None, []
        self._behind = self._took(read.calls, dialect)
        if not self._behind:
            self._show(whole, shown)
        return text[end:]

    def _is_talk(self, markup: str) -> bool:
        """Whether a text only talks of a call, told by what follows the tag; else it would be held back to its end."""
        if markup.startswith("<tool_call>"):
            body = markup.removeprefix("<tool_call>").lstrip()
            self._sure = bool(body)
            return bool(body) and body[0] not in "{[<"
        name, closed, _ = markup.removeprefix("<function=").partition(">")
        if not markup.startswith("<function=") or not (closed or len(name) > _LONGEST_NAME):
            return False
        self._sure = True
        return name.strip() not in self._tools

    def _took(self, calls: list[Rescued], dialect: Dialect) -> bool:
        """Keeps calls of tools that were offered; others are calls only in a dialect that nobody else writes."""
        known = [call for call in calls if call.name in self._tools or (dialect.certain and call.name)]
        self.calls.extend(known)
        return bool(known)


def _may_open(text: str) -> int:
    """How many characters at the end of a text may be the beginning of a call."""
    at = text.rfind("<", max(0, len(text) - _LONGEST_OPENING))
    if at < 0:
        return 0
    tail = _SQUEEZED.sub(lambda one: "|" if one.group(1) else "", text[at:])
    return len(text) - at if any(opening.startswith(tail) for opening in _OPENINGS) else 0


def opens_a_call(text: str) -> int | None:
    """Finds where a call begins.

    Args:
        text: A text.

    Returns:
        The place of the first opening tag, whole or cut by the end of the text; None if there is none.
    """
    found = _OPENING.search(text)
    if found:
        return found.start()
    keep = _may_open(text)
    return len(text) - keep if keep else None


# --- reading ------------------------------------------------------------------------------------------------------


class PlannedCalls:
    """Calls within the reasoning.

    A model that only plans a call writes it there, too, so they count as calls only if nothing else answers, neither
    text nor a call. Until that is known, they and what follows them are held back.

    Args:
        tools: The tools that the request offers.

    Attributes:
        calls: The calls, after the end.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._pieces: list[str] = []
        self._found = False
        self.calls: list[Rescued] = []

    @property
    def busy(self) -> bool:
        """Whether anything is held back."""
        return bool(self._pieces)

    @property
    def held(self) -> str:
        """What is held back."""
        return "".join(self._pieces)

    def feed(self, reasoning: str, *, answered: bool) -> str:
        """Takes the next piece of the reasoning; returns what of it can be shown."""
        if self._found and not answered:
            self._pieces.append(reasoning)
            return ""
        reasoning, self._pieces, self._found = self.held + reasoning, [], False
        at = None if answered else opens_a_call(reasoning)
        if at is None:
            return reasoning
        self._pieces = [reasoning[at:]]
        # Half of a tag at the end of a piece is looked at again with the next one.
        self._found = opens_a_call(reasoning[at:] + "\0") is not None
        return reasoning[:at]

    def flush(self, *, cut: bool) -> str:
        """Ends the reasoning; returns what was held back and is no call. A plan that was cut short is none."""
        rest, self._pieces = self.held, []
        if cut or not rest:
            return rest
        reader = CallsInText(self._tools)
        rest = reader.feed(rest) + reader.flush(cut=False)
        self.calls = reader.calls
        return rest
