"""Tool calls that arrive as text become calls. Pure: it is pushed, and holds back what a call may begin.

A server whose parser misses a call lets through what the model wrote, under `finish_reason: stop`, and an agent ends as
if it were done. Three dialects, each a row of `_DIALECTS`:

- DeepSeek's DSML (encoding_dsv4.py beside the model; sglang#40236, GenericAgent#804, cline#13348): bars of any width
  and number; `tool_calls` or `function_calls` around the calls, or nothing; `string="true"` is text, `"false"` JSON.
- Hermes and Qwen: `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`.
- Qwen3-Coder: `<tool_call><function=name><parameter=key>value</parameter></function></tool_call>`, often without its
  first tag. Values are text; what type is meant is in the tool's schema.

What is not closed, or cannot be read, never becomes a call that can be executed.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

JSON = Mapping[str, Any]
Tools = Mapping[str, JSON]
"""Names of the tools that the request offers → the JSON schemas of their arguments."""

NOT_CLOSED = "the call came as text and was never closed"
NOT_READABLE = "the call came as text and cannot be read"

_BARS = "[｜|‖]+"
_DSML = rf"{_BARS}\s*DSML\s*{_BARS}"
_DSML_NAMES = ("tool_calls", "function_calls", "invoke")
_OPENING = re.compile(
    rf"<(?:{_DSML}\s*(?:(?P<dsml>tool_calls|function_calls)|(?P<invoke>invoke))\b"
    r"|(?P<tool_call>tool_call>)|(?P<function>function=))"
)
_SQUEEZED = re.compile(rf"({_BARS})|\s+")
_OPENINGS = (*(f"<|DSML|{name}" for name in _DSML_NAMES), "<tool_call>", "<function=")
_LONGEST_OPENING = 48
_LONGEST_CLOSING = 64
_LONGEST_NAME = 128
_SLICE = 1024
"""Characters that are looked at together: each opening tag among them copies what is behind it."""

_ATTEMPTS = 8
"""How often a closing tag may turn out to be inside a value before the call is given up; keeps this linear."""

_DSML_TAG = re.compile(
    rf"<(?P<close>/?){_DSML}(?P<slash>/?)\s*(?P<kind>\w*)(?:\s+name\s*=\s*\"(?P<name>[^\"]*)\")?(?P<rest>[^<>]*)>"
)
_QWEN_TAG = re.compile(r"<(?P<close>/?)(?P<slash>)(?P<kind>function|parameter)(?:=(?P<name>[^<>]*))?(?P<rest>)>")
_NAME_IN_JSON = re.compile(r'"name"\s*:\s*"([^"\\]+)"')


@dataclass(frozen=True, slots=True)
class Rescued:
    """A call that came as text.

    Attributes:
        name: The tool's name.
        arguments: The arguments as JSON; for a call with an error, the text as it came.
        error: Why it must not be executed, or None.
    """

    name: str
    arguments: str
    error: str | None = None


class _Read(NamedTuple):
    """What a piece of markup holds, and whether it ends within a value."""

    calls: list[Rescued]
    unfinished: bool = False


class _Dialect(NamedTuple):
    """How one dialect closes and is read; whether nobody writes it but a model that calls a tool."""

    closing: re.Pattern[str]
    read: Callable[[str, Tools], _Read]
    certain: bool = False


class CallsInText:
    """Takes the calls out of a text.

    Args:
        tools: The tools that the request offers.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._tail = ""
        self._dialect: _Dialect | None = None
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
        self._dialect, self._sure = _DIALECTS[str(found.lastgroup)], False
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
        dialect = self._dialect or _DIALECTS["tool_call"]
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

    def _took(self, calls: list[Rescued], dialect: _Dialect) -> bool:
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


@dataclass(slots=True)
class _Element:
    """A call in tags: DSML's `invoke`, Qwen3-Coder's `function`."""

    name: str
    start: int
    end: int = 0
    values: list[tuple[str, str, str]] = field(default_factory=list)
    closed: bool = False


def _elements(markup: str, tag: re.Pattern[str]) -> Iterator[tuple[_Element, bool]]:
    """The calls in a markup, each with whether it ends within a value. Looks at every tag once."""
    call: _Element | None = None
    value: tuple[str, str, int] | None = None
    for found in tag.finditer(markup):
        kind, closes = found["kind"], bool(found["close"] or found["slash"])
        if value is not None:
            if closes and kind in ("parameter", "") and call:
                call.values.append((value[0], markup[value[2] : found.start()], value[1]))
                value = None
        elif kind in ("invoke", "function") and not closes:
            if call:
                yield call, False
            call = _Element((found["name"] or "").strip(), found.start())
            call.closed = found["rest"].rstrip().endswith("/")
        elif kind == "parameter" and not closes and call:
            value = (found["name"] or "").strip(), found["rest"], found.end()
        elif closes and kind in ("invoke", "function", "") and call:
            call.closed, call.end = True, found.end()
            yield call, False
            call = None
    if call:
        yield call, value is not None


def _read_tags(tag: re.Pattern[str]) -> Callable[[str, Tools], _Read]:
    def read(markup: str, tools: Tools) -> _Read:
        calls, unfinished = [], False
        for element, within in _elements(markup, tag):
            unfinished = within
            calls.append(_call_of(element, markup, tools))
        return _Read(calls, unfinished)

    return read


def _call_of(element: _Element, markup: str, tools: Tools) -> Rescued:
    raw = markup[element.start : element.end or len(markup)]
    if not element.closed:
        return Rescued(element.name, raw, NOT_CLOSED)
    known = _properties(tools.get(element.name) or {})
    try:
        arguments = {key: _value(text, rest, known.get(key)) for key, text, rest in element.values}
    except ValueError:
        return Rescued(element.name, raw, NOT_READABLE)
    if len(arguments) < len(element.values):
        return Rescued(element.name, raw, NOT_READABLE)
    return Rescued(element.name, json.dumps(arguments, ensure_ascii=False))


def _properties(schema: JSON) -> JSON:
    found = schema.get("properties")
    return found if isinstance(found, Mapping) else {}


def _value(text: str, rest: str, schema: Any) -> Any:
    """A value in tags, as the markup says it is meant, else as the tool's schema does."""
    if 'string="true"' in rest:
        return text
    if 'string="false"' in rest:
        return json.loads(text)
    # Qwen's template puts a line end behind the opening tag and before the closing one.
    text = text.removeprefix("\n").removesuffix("\n")
    types = _types(schema)
    if "string" in types and not ("null" in types and text == "null"):
        return text
    try:
        return json.loads(text.lower() if text in ("True", "False", "None") else text) if types else text
    except ValueError:
        return text


def _types(schema: Any) -> set[str]:
    """The JSON types that a schema allows; a schema that does not say allows something that is no string."""
    if not isinstance(schema, Mapping):
        return set()
    said = schema.get("type")
    found = set(said) if isinstance(said, list) else {said} if isinstance(said, str) else set()
    for choice in (*(schema.get("anyOf") or ()), *(schema.get("oneOf") or ())):
        found |= _types(choice)
    if not found and isinstance(schema.get("enum"), list):
        return {"string"} if all(isinstance(one, str) for one in schema["enum"]) else {"enum"}
    return found or {"any"}


def _read_tool_call(markup: str, tools: Tools) -> _Read:
    body = markup.removeprefix("<tool_call>").strip()
    closed = body.endswith("</tool_call>")
    body = body.removesuffix("</tool_call>").strip()
    if not body.startswith(("{", "[")):
        return _read_tags(_QWEN_TAG)(markup, tools)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return _broken(body, closed=closed)
    if not closed:
        return _broken(body, closed=False)
    entries = found if isinstance(found, list) else [found]
    return _Read([call for entry in entries if (call := _json_call(entry, body, tools))])


def _broken(body: str, *, closed: bool) -> _Read:
    named = _NAME_IN_JSON.search(body)
    call = Rescued(named.group(1) if named else "", body, NOT_READABLE if closed else NOT_CLOSED)
    return _Read([call], unfinished=closed and _ends_within_string(body))


def _ends_within_string(body: str) -> bool:
    return bool(len(re.findall(r'(?<!\\)(?:\\\\)*"', body)) % 2)


def _json_call(entry: Any, body: str, tools: Tools) -> Rescued | None:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        return None
    name = entry["name"]
    arguments = entry.get("arguments", entry.get("parameters"))
    if arguments is None and not (tools.get(name) or {}).get("required"):
        arguments = {}
    if isinstance(arguments, str):
        return Rescued(name, arguments)
    if not isinstance(arguments, Mapping):
        return Rescued(name, body, NOT_READABLE)
    return Rescued(name, json.dumps(arguments, ensure_ascii=False))


_DIALECTS: Mapping[str, _Dialect] = {
    "dsml": _Dialect(
        # `tool_runs` and others have been seen there: whatever closes, and is none of the tags inside.
        re.compile(rf"<(?:/{_DSML}|{_DSML}/)\s*(?!invoke|parameter)\w+\s*>"),
        _read_tags(_DSML_TAG),
        certain=True,
    ),
    "invoke": _Dialect(re.compile(rf"<(?:/{_DSML}|{_DSML}/)\s*invoke\s*>"), _read_tags(_DSML_TAG)),
    "tool_call": _Dialect(re.compile("</tool_call>"), _read_tool_call),
    "function": _Dialect(re.compile("</function>"), _read_tags(_QWEN_TAG)),
}
