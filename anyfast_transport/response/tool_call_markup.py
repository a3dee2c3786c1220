"""Tool calls as models write them in text: the tags of each dialect, and what their values mean. Pure.

- `dsml`, DeepSeek's (encoding_dsv4.py beside the model; sglang#40236, GenericAgent#804, cline#13348): bars of any width
  and number; `tool_calls` or `function_calls` around the calls, or nothing; `string="true"` is text, `"false"` JSON.
- `tool_call`, Hermes' and Qwen's: `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`.
- `function`, Qwen3-Coder's: `<tool_call><function=name><parameter=key>value</parameter></function></tool_call>`, often
  without its first tag. Values are text; what type is meant is in the tool's schema.

Every repetition within a tag is bounded, so that no pattern looks twice at a long text.
"""

import json
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, NamedTuple

from anyfast_transport.lenient_json import without_halves

JSON = Mapping[str, Any]

Tools = Mapping[str, JSON]
"""Names of the tools that the request offers → the JSON schemas of their arguments."""

LONGEST_TAG = 512
_LONGEST_BEGINNING = 64
NOT_CLOSED = "the call came as text and was never closed"
NOT_READABLE = "the call came as text and cannot be read"

BARS = "[｜|‖]{1,8}"
DSML = rf"{BARS}\s{{0,4}}DSML\s{{0,4}}{BARS}"
DSML_TAG = re.compile(
    rf"<(?P<close>/?){DSML}(?P<slash>/?)\s{{0,4}}(?P<kind>\w{{0,32}})"
    r"(?:\s{1,4}name\s{0,4}=\s{0,4}\"(?P<name>[^\"<>]{0,200})\")?(?P<rest>[^<>]{0,128})>"
)
FUNCTION_TAG = re.compile(
    r"<(?P<close>/?)(?P<slash>)(?P<kind>tool_call|function|parameter)(?:=(?P<name>[^<>]{0,200}))?(?P<rest>)>"
)
OPENING = re.compile(
    rf"<(?:{DSML}\s{{0,4}}(?:(?P<section>(?:tool|function)_calls)|(?P<invoke>invoke))\b"
    r"|(?P<tool_call>tool_call>)|(?P<function>function=))"
)
_DIALECTS_OF = {
    "section": {"dsml"},
    "invoke": {"dsml"},
    "function": {"function"},
    "tool_call": {"tool_call", "function"},
}
_SQUEEZED = re.compile(rf"({BARS})|\s+")
_BEGINNINGS = ("<|DSML|", "</|DSML|", "<tool_call>", "</tool_call>", "<function=", "</function>", "<parameter=")
_NAME_IN_JSON = re.compile(r'"name"\s*:\s*"([^"\\]+)"')


def dialects_of(opening: "re.Match[str]") -> AbstractSet[str]:
    """The dialects that an opening tag may belong to."""
    return _DIALECTS_OF[str(opening.lastgroup)]


def may_begin_a_tag(text: str) -> bool:
    """Whether a text, which begins with `<`, may be the beginning of one of the tags."""
    if len(text) > LONGEST_TAG or ">" in text or "<" in text[1:]:
        return False
    squeezed = _SQUEEZED.sub(lambda one: "|" if one.group(1) else "", text[:_LONGEST_BEGINNING])
    return any(one.startswith(squeezed) or squeezed.startswith(one) for one in _BEGINNINGS)


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


class Value(NamedTuple):
    """A value in tags: the parameter's name, what its tag says beside, and the text."""

    name: str
    rest: str
    text: str


def call_in_tags(name: str, values: Sequence[Value], raw: str, tools: Tools) -> Rescued:
    """A call whose arguments are in tags of their own; a parameter that is given twice cannot be read."""
    known = _properties(tools.get(name) or {})
    try:
        arguments = {one.name: _meant(one, known.get(one.name)) for one in values}
    except (ValueError, RecursionError):
        return Rescued(name, raw, NOT_READABLE)
    if len(arguments) < len(values):
        return Rescued(name, raw, NOT_READABLE)
    return Rescued(name, _written(arguments))


def _properties(schema: JSON) -> JSON:
    found = schema.get("properties")
    return found if isinstance(found, Mapping) else {}


def _meant(value: Value, schema: Any) -> Any:
    """A value in tags, as the markup says it is meant, else as the tool's schema does."""
    if 'string="true"' in value.rest:
        return value.text
    if 'string="false"' in value.rest:
        return _read(value.text)
    # Qwen's template puts a line end behind the opening tag and before the closing one.
    text = value.text.removeprefix("\n").removesuffix("\n")
    types = _types(schema)
    if "string" in types and not ("null" in types and text == "null"):
        return text
    try:
        return _read(text.lower() if text in ("True", "False", "None") else text) if types else text
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


def calls_in_json(body: str, tools: Tools, *, closed: bool) -> list[Rescued]:
    """The calls in a `<tool_call>` with JSON: one, or a list of them."""
    try:
        found = _read(body)
    except (ValueError, RecursionError):
        return [_broken(body, closed=closed)]
    if not closed:
        return [_broken(body, closed=False)]
    entries = found if isinstance(found, list) else [found]
    return [_call_in_object(entry, body, tools) for entry in entries]


def _broken(body: str, *, closed: bool) -> Rescued:
    named = _NAME_IN_JSON.search(body)
    return Rescued(named.group(1) if named else "", body, NOT_READABLE if closed else NOT_CLOSED)


def _call_in_object(entry: Any, body: str, tools: Tools) -> Rescued:
    name = entry.get("name") if isinstance(entry, Mapping) else None
    if not isinstance(name, str):
        return Rescued("", body, NOT_READABLE)
    arguments = entry.get("arguments", entry.get("parameters"))
    if arguments is None and not (tools.get(name) or {}).get("required"):
        arguments = {}
    if isinstance(arguments, str):
        return Rescued(name, arguments)
    if not isinstance(arguments, Mapping):
        return Rescued(name, body, NOT_READABLE)
    return Rescued(name, _written(arguments))


def _read(text: str) -> Any:
    """JSON as models write it: a raw line end or tab within a string has one meaning, NaN has none."""
    return json.loads(text, strict=False, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _written(arguments: Any) -> str:
    return without_halves(json.dumps(arguments, ensure_ascii=False))
