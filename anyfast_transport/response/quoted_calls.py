"""The calls that stand in markup in a request's messages: an answer that writes one of them again quotes it. Pure.

They are looked for generously, for a page may hold a call in any form: in any dialect, anywhere in a text, not closed,
around another one, inside JSON or HTML. Every pass over a text is linear.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anyfast_transport.lenient_json import parsed_arguments
from anyfast_transport.response.tool_call_markup import DSML, Rescued, Tools, Value, call_in_tags

_SIGNS = ("<", "&lt", "&#", "\\u003", "\\x3")
"""What a tag may begin with."""

_LAYERS = 2
"""How often a text is taken out of JSON or HTML: a page that a tool returns as JSON."""

_MOST_BROKEN = 100
"""Tags with broken JSON behind them, each of which costs a look at all before it. Messages with more are made to keep
us busy, and whatever the answer writes counts as quoted."""

_BEFORE_JSON = re.compile(r"<[^<>]{0,64}(?:call|tool|function)[^<>]{0,64}>\s*(?=[{\[])", re.IGNORECASE)
_NAMED = r"\s[^<>]{0,64}?name\s{0,4}=\s{0,4}[\"'](?P<%s>[^\"'<>]{1,200})[\"']"
_CALL = (
    rf"<(?:function=(?P<function>[^<>]{{1,200}})|(?:{DSML}\s{{0,4}})?(?:invoke|function){_NAMED % 'call'}"
    r"[^<>]{0,128})>"
)
_PARAMETER = (
    rf"<(?:parameter=(?P<key>[^<>]{{1,200}})|(?:{DSML}\s{{0,4}})?parameter"
    rf"{_NAMED % 'parameter'}(?P<rest>[^<>]{{0,128}}))>"
)
_END_OF_VALUE = rf"(?P<end_of_value><(?:/|/{DSML}\s{{0,4}}|{DSML}/\s{{0,4}})parameter\s{{0,4}}>)"
_END_OF_CALL = rf"(?P<end_of_call><(?:/|/{DSML}\s{{0,4}}|{DSML}/\s{{0,4}})(?:function|invoke)\s{{0,4}}>)"
_TAG = re.compile(f"(?:{_CALL}|{_PARAMETER}|{_END_OF_VALUE}|{_END_OF_CALL})")
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_MEANT = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_SPACE = re.compile(r"\s+")
_DECODER = json.JSONDecoder(strict=False)


class QuotedCalls:
    """What the messages of a request quote; they are read when this is first asked for.

    Args:
        messages: The messages.
        tools: The tools that the request offers.
    """

    def __init__(self, messages: Sequence[Mapping[str, Any]], tools: Tools) -> None:
        self._messages = messages
        self._tools = tools
        self._known: set[tuple[str, str]] | None = None
        self._broken = 0
        self._written = ""

    def holds(self, calls: Sequence[Rescued], markup: str) -> bool:
        """Whether one of these calls stands in the messages, or all of them as they are written.

        Args:
            calls: The calls of an answer.
            markup: What they are read from.
        """
        if self._known is None:
            texts = list(_texts_in(self._messages))
            self._known = {call for text in texts for call in self._calls_in(text)}
            self._written = "\0".join(_SPACE.sub("", text) for text in texts)
        if self._broken > _MOST_BROKEN or any(
            _signature(call.name, call.arguments) in self._known for call in calls if not call.error
        ):
            return True
        return _SPACE.sub("", markup) in self._written

    def _calls_in(self, text: str) -> Iterator[tuple[str, str]]:
        for found in _BEFORE_JSON.finditer(text):
            if self._broken > _MOST_BROKEN:
                return
            try:
                value, _ = _DECODER.raw_decode(text, found.end())
            except (ValueError, RecursionError):
                self._broken += 1
                continue
            for entry in value if isinstance(value, list) else [value]:
                if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
                    said = entry.get("arguments", entry.get("parameters")) or {}
                    yield _signature(entry["name"], said if isinstance(said, str) else json.dumps(said))
        tags = list(_TAG.finditer(text))
        for nests in (True, False):
            for name, values in _calls_in_tags(text, tags, nests=nests):
                call = call_in_tags(name, values, "", self._tools)
                if not call.error:
                    yield _signature(name, call.arguments)


def _texts_in(value: Any) -> Iterator[str]:
    """The strings of a message that may hold a tag, also as they are without their JSON or HTML."""
    if isinstance(value, str):
        if any(sign in value for sign in _SIGNS):
            yield from _layers(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts_in(item)


def _layers(text: str) -> Iterator[str]:
    found, layer = {text}, [text]
    for _ in range(_LAYERS):
        layer = [inner for outer in layer for inner in (html.unescape(outer), _ESCAPED.sub(_meant, outer))]
        layer = [inner for inner in layer if inner not in found]
        found.update(layer)
    yield from found


def _meant(escaped: "re.Match[str]") -> str:
    code = escaped.group(1) or escaped.group(2)
    return chr(int(code, 16)) if code else _MEANT.get(escaped.group(3), escaped.group(3))


def _calls_in_tags(text: str, tags: Sequence["re.Match[str]"], *, nests: bool) -> Iterator[tuple[str, list[Value]]]:
    """The calls in tags; `nests` is whether a value may hold tags of its own, which an open one would hide."""
    name = ""
    values: list[Value] = []
    value: tuple[str, str, int] | None = None
    for tag in tags:
        ends_value = bool(tag["end_of_value"])
        if value is not None and (ends_value or not nests):
            values.append(Value(value[0], value[1], text[value[2] : tag.start()]))
            value = None
        if value is not None or ends_value:
            continue
        if key := tag["key"] or tag["parameter"]:
            value = key.strip(), tag["rest"] or "", tag.end()
            continue
        if name:
            yield name, values
        name, values = (tag["function"] or tag["call"] or "").strip(), []
    if name:
        yield name, values


def _signature(name: str, arguments: str) -> tuple[str, str]:
    """A call as it is compared: its name, and its arguments without what their spelling adds."""
    try:
        read = parsed_arguments(arguments)
        return name.strip(), arguments if read is None else json.dumps(_plain(read), sort_keys=True)
    except (ValueError, RecursionError):
        return name.strip(), arguments


def _plain(value: Any) -> Any:
    """A value whose spelling does not matter: `"3"` is 3, and JSON in a string is what it says."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, str):
        return json.dumps(value)
    text = value.strip()
    if text[:1] in ("{", "["):
        try:
            return _plain(json.loads(text, strict=False))
        except (ValueError, RecursionError):
            return text
    return {"True": "true", "False": "false", "None": "null"}.get(text, text)
