"""Tool calls as models write them in text: the dialects, and how each is read. Pure."""

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


BARS = "[｜|‖]+"


DSML = rf"{BARS}\s*DSML\s*{BARS}"


_DSML_TAG = re.compile(
    rf"<(?P<close>/?){DSML}(?P<slash>/?)\s*(?P<kind>\w*)(?:\s+name\s*=\s*\"(?P<name>[^\"]*)\")?(?P<rest>[^<>]*)>"
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


class Dialect(NamedTuple):
    """How one dialect closes and is read; whether nobody writes it but a model that calls a tool."""

    closing: re.Pattern[str]
    read: Callable[[str, Tools], _Read]
    certain: bool = False


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


DIALECTS: Mapping[str, Dialect] = {
    "dsml": Dialect(
        # `tool_runs` and others have been seen there: whatever closes, and is none of the tags inside.
        re.compile(rf"<(?:/{DSML}|{DSML}/)\s*(?!invoke|parameter)\w+\s*>"),
        _read_tags(_DSML_TAG),
        certain=True,
    ),
    "invoke": Dialect(re.compile(rf"<(?:/{DSML}|{DSML}/)\s*invoke\s*>"), _read_tags(_DSML_TAG)),
    "tool_call": Dialect(re.compile("</tool_call>"), _read_tool_call),
    "function": Dialect(re.compile("</function>"), _read_tags(_QWEN_TAG)),
}
