"""A run of tool calls in text, read as it comes. Pure, and linear: each character is looked at once.

What an answer may end in: calls, white space, closing tags. Anything else ends the run, and makes text of it.
"""

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from anyfast_transport.response.tool_call_markup import (
    DSML,
    DSML_TAG,
    FUNCTION_TAG,
    NOT_CLOSED,
    OPENING,
    Rescued,
    Tools,
    Value,
    call_in_tags,
    calls_in_json,
    dialects_of,
    may_begin_a_tag,
)

_CLOSING = re.compile(rf"</(?:tool_calls?|function|parameter)>|<(?:/{DSML}|{DSML}/)\s{{0,4}}\w{{0,32}}\s{{0,4}}>")
_ENDS_A_VALUE = {
    DSML_TAG: re.compile(rf"<(?:/{DSML}|{DSML}/)\s{{0,4}}(?:parameter)?\s{{0,4}}>"),
    FUNCTION_TAG: re.compile("</parameter>"),
}
_ENDS_A_CALL = re.compile(rf"</(?:tool_call|function)>|<(?:/{DSML}|{DSML}/)\s{{0,4}}(?!parameter)\w{{1,32}}\s{{0,4}}>")
_SPACE = re.compile(r"\s*")
_IN_STRING = re.compile(r'["\\]')
_IN_JSON = re.compile(r'["{}\[\]<.…]')
_BEHIND_JSON = re.compile(r"[\s,]*")
_LONGEST_CLOSING = 64


@dataclass(slots=True)
class _Call:
    """A call in tags of its own, as places in the run."""

    name: str
    start: int
    end: int = 0
    values: list[tuple[str, str, int, int]] | None = None  # hostile text holds thousands of calls without any


@dataclass(slots=True)
class Unit:
    """What stands or falls together: a call, or several in one pair of tags.

    Attributes:
        start: Where it begins in the run.
        end: Where it ends.
    """

    start: int
    end: int = 0
    body: int | None = None
    body_end: int | None = None
    calls: list[_Call] = field(default_factory=list)
    bare: bool = False

    def read(self, text: str, tools: Tools) -> list[Rescued]:
        """The calls of the unit.

        Args:
            text: The run.
            tools: What the request offers.
        """
        if self.body is not None:
            end = self.end if self.body_end is None else self.body_end
            return calls_in_json(text[self.body : end].strip(), tools, closed=self.body_end is not None)
        return [_read_call(call, text, self.end, tools) for call in self.calls]


def _read_call(call: _Call, text: str, end: int, tools: Tools) -> Rescued:
    raw = text[call.start : call.end or end]
    if not call.end:
        return Rescued(call.name, raw, NOT_CLOSED)
    values = [Value(name, rest, text[start:stop]) for name, rest, start, stop in call.values or ()]
    return call_in_tags(call.name, values, raw, tools)


State = Callable[[str, int], int | None]
"""Takes what it can from a place of the buffer on; returns where it came to, None if it needs more."""


class CallRun:
    """Takes a text that begins with an opening tag.

    Args:
        tools: What the request offers.
        dialects: The dialects that count.

    Attributes:
        alive: Whether the text may still be a run of calls.
        reached: How far it was looked at; where it has ended, if it has.
    """

    def __init__(self, tools: Tools, dialects: AbstractSet[str]) -> None:
        self._tools = tools
        self._dialects = dialects
        self._state: State = self._between
        self._rest = ""
        self.reached = 0
        self._units: list[Unit] = []
        self._open: Unit | None = None
        self._call: _Call | None = None
        self._value: tuple[str, str, int] | None = None
        self._tag = FUNCTION_TAG
        self._depth = 0
        self._begun = self._in_string = False
        self.alive = True

    @property
    def open_from(self) -> int | None:
        """Where the call begins that is open, or None."""
        return self._open.start if self._open else None

    def feed(self, text: str) -> None:
        """Takes the next piece."""
        buffer, at = self._rest + text, 0
        while self.alive and at < len(buffer):
            came_to = self._state(buffer, at)
            if came_to is None:
                break
            at = came_to
        self._rest = buffer[at:]
        self.reached += at

    def finish(self, text: str) -> list[Unit]:
        """Ends the text.

        Args:
            text: All of it.

        Returns:
            The units of the run; none if it is no run of calls.
        """
        unit, self._open = self._open, None
        if unit is None:
            return self._units if not self._rest or self._rest.startswith("</") else []
        unit.end = len(text)
        if self._call:
            unit.calls.append(self._call)
        open_from = self._value[2] if self._value else unit.body if self._in_string else None
        if open_from is not None and _goes_on(text, open_from):
            return []
        return [*self._units, unit] if unit.calls or unit.body is not None else []

    def _dead(self, at: int) -> int:
        self.alive = False
        return at

    def _undecided(self, buffer: str, at: int) -> int | None:
        return None if may_begin_a_tag(buffer[at:]) else self._dead(at)

    # --- between calls --------------------------------------------------------------------------------------------

    def _between(self, buffer: str, at: int) -> int | None:
        at = _end_of(_SPACE, buffer, at)
        if at == len(buffer):
            return at
        if self._units and (closing := _CLOSING.match(buffer, at)):
            return closing.end()
        opening = OPENING.match(buffer, at)
        if opening is None:
            return self._undecided(buffer, at)
        if not dialects_of(opening) & self._dialects:
            return self._dead(at)
        return self._begin(opening)

    def _begin(self, opening: "re.Match[str]") -> int:
        kind, at = str(opening.lastgroup), opening.start()
        self._open = Unit(self.reached + at, bare=kind in ("invoke", "function"))
        self._call = self._value = None
        self._tag = FUNCTION_TAG if kind in ("function", "tool_call") else DSML_TAG
        self._state = {"section": self._behind_section, "tool_call": self._head}.get(kind, self._tags)
        return at if self._open.bare else opening.end()

    def _behind_section(self, buffer: str, at: int) -> int | None:
        """Some servers lose the bracket that ends the tag."""
        at = _end_of(_SPACE, buffer, at)
        if at < len(buffer):
            self._state = self._tags
            at += buffer[at] == ">"
        return at

    def _head(self, buffer: str, at: int) -> int | None:
        at = _end_of(_SPACE, buffer, at)
        if at == len(buffer):
            return at
        if buffer[at] in "{[" and "tool_call" in self._dialects and self._open:
            self._open.body = self.reached + at
            self._depth, self._begun, self._in_string = 0, False, False
            self._state = self._json
        elif buffer[at] == "<" and "function" in self._dialects:
            self._state = self._tags
        else:
            return self._dead(at)
        return at

    def _end_unit(self, at: int) -> int:
        if self._open:
            self._open.end = self.reached + at
            self._units.append(self._open)
        self._open = self._call = None
        self._state = self._between
        return at

    # --- calls in tags --------------------------------------------------------------------------------------------

    def _tags(self, buffer: str, at: int) -> int | None:
        at = _end_of(_SPACE, buffer, at)
        if at == len(buffer):
            return at
        tag = self._tag.match(buffer, at)
        if tag is None:
            return self._undecided(buffer, at)
        closes, in_call = bool(tag["close"] or tag["slash"]), self._call is not None
        if in_call:
            return self._closed(tag) if closes else self._parameter(tag)
        return self._end_of_section(tag) if closes else self._opened(tag)

    def _opened(self, tag: "re.Match[str]") -> int:
        name = (tag["name"] or "").strip()
        if tag["kind"] not in ("invoke", "function") or name not in self._tools:
            return self._dead(tag.start())
        self._call = _Call(name, self.reached + tag.start())
        return self._end_call(tag) if tag["rest"].rstrip().endswith("/") else tag.end()

    def _parameter(self, tag: "re.Match[str]") -> int:
        name = (tag["name"] or "").strip()
        if tag["kind"] != "parameter" or not name:
            return self._dead(tag.start())
        self._value = name, tag["rest"], self.reached + tag.end()
        self._state = self._in_value
        return tag.end()

    def _in_value(self, buffer: str, at: int) -> int | None:
        found = _ENDS_A_VALUE[self._tag].search(buffer, at)
        if found is None:
            begins = buffer.rfind("<", max(at, len(buffer) - _LONGEST_CLOSING))
            return len(buffer) if begins < 0 else begins if begins > at else None
        if self._call and self._value:
            self._call.values = self._call.values or []
            self._call.values.append((*self._value, self.reached + found.start()))
        self._value, self._state = None, self._tags
        return found.end()

    def _closed(self, tag: "re.Match[str]") -> int:
        if tag["kind"] in ("invoke", "function", ""):
            return self._end_call(tag)
        if tag["kind"] == "parameter":
            return self._dead(tag.start())
        if self._call and self._open:  # its own end is missing
            self._open.calls.append(self._call)
        return self._end_unit(tag.end())

    def _end_call(self, tag: "re.Match[str]") -> int:
        if self._call and self._open:
            self._call.end = self.reached + tag.end()
            self._open.calls.append(self._call)
            self._call = None
            if self._open.bare:
                return self._end_unit(tag.end())
        return tag.end()

    def _end_of_section(self, tag: "re.Match[str]") -> int:
        # `tool_runs` and others have been seen there: whatever closes, and is none of the tags inside.
        inside = tag["kind"] in ("invoke", "function", "parameter", "")
        if inside or self._open is None or not self._open.calls:
            return self._dead(tag.start())
        return self._end_unit(tag.end())

    # --- calls in JSON --------------------------------------------------------------------------------------------

    def _json(self, buffer: str, at: int) -> int | None:
        if self._in_string:
            return self._json_string(buffer, at)
        if self._begun and self._depth <= 0:
            at = _end_of(_BEHIND_JSON, buffer, at)
            if at < len(buffer) and buffer[at] not in "{}[]<":
                return self._dead(at)
        found = _IN_JSON.search(buffer, at)
        if found is None:
            return len(buffer)
        at, mark = found.start(), found.group()
        if mark == "<":
            return self._json_ends(buffer, at)
        if mark in ".…":
            return self._ellipsis(buffer, at)
        self._begun = True
        self._in_string = mark == '"'
        self._depth += (mark in "{[") - (mark in "}]")
        return at + 1

    def _json_string(self, buffer: str, at: int) -> int | None:
        found = _IN_STRING.search(buffer, at)
        if found is None:
            return len(buffer)
        if found.group() == "\\":
            escaped = found.end() + 1
            return escaped if escaped <= len(buffer) else found.start() if found.start() > at else None
        self._in_string = False
        return found.end()

    def _json_ends(self, buffer: str, at: int) -> int | None:
        if buffer.startswith("</tool_call>", at) and self._open:
            self._open.body_end = self.reached + at
            return self._end_unit(at + len("</tool_call>"))
        return None if "</tool_call>".startswith(buffer[at:]) else self._dead(at)

    def _ellipsis(self, buffer: str, at: int) -> int | None:
        """An ellipsis outside of strings stands for something: the text tells how a call is written."""
        if buffer[at] == "…" or buffer.startswith("...", at):
            return self._dead(at)
        return None if "...".startswith(buffer[at:]) else at + 1


def _end_of(pattern: "re.Pattern[str]", text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _goes_on(text: str, start: int) -> bool:
    """Whether something stands behind the last tag that ends a call: then what is not closed is no call either."""
    end = None
    for end in _ENDS_A_CALL.finditer(text, start):  # noqa: B007  # the last one
        pass
    return end is not None and bool(text[end.end() :].strip())
