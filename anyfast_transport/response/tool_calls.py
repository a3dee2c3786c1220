"""Assembling streamed tool calls, whatever their server thinks an index or an id is.

The rule, in order: a known id names its call; a new id opens one; without an id the index decides; without either a
name opens a call, else the last one goes on. Empty and null never overwrite; ids are never put together.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from anyfast_transport.lenient_json import entries_of, merged, parsed_arguments
from anyfast_transport.types import Fragment, ToolCall, new_call_id

_OWN_KEYS = frozenset({"id", "index", "type", "function"})
_SEAM = re.compile(r"\}\s*\{")


def merged_fragments(fragments: list[Fragment]) -> list[Fragment]:
    """Puts together what one event brings for one call; frameworks add up events, not what is within one.

    Args:
        fragments: The fragments of one event.

    Returns:
        At most one for each call, in the order of the calls.
    """
    if len(fragments) < 2:
        return fragments
    found: dict[int, Fragment] = {}
    for one in fragments:
        first = found.setdefault(one.position, one)
        if first is not one:
            first.arguments += one.arguments
            first.name = (first.name or "") + one.name if one.name else first.name
    return list(found.values())


def _function_of(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Name and arguments of an entry, as text: null is none yet, and some servers send the object itself."""
    function = entry.get("function")
    if not isinstance(function, dict):
        return "", ""
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(arguments, str):
        arguments = "" if arguments is None else to_json(arguments).decode()
    return (name if isinstance(name, str) else ""), arguments


def _id_of(entry: Mapping[str, Any]) -> str | None:
    return str(entry["id"]) if entry.get("id") else None


def _extra_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    if entry.keys() <= _OWN_KEYS:
        return {}
    return {key: value for key, value in entry.items() if key not in _OWN_KEYS and value is not None}


@dataclass(slots=True)
class _Open:
    """A call under assembly, and how far its brackets have been looked at."""

    id: str
    name: str
    has_own_id: bool
    pieces: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    looked_at: int = 0
    begun: bool = False
    depth: int = 0
    in_string: bool = False
    escaped: bool = False
    error: str | None = None

    def complete(self) -> bool:
        """Whether the arguments so far are one whole object. Each piece is looked at once, so this stays linear."""
        for piece in self.pieces[self.looked_at :]:
            self.begun = self.begun or not piece.isspace()
            for char in piece:
                self._step(char)
        self.looked_at = len(self.pieces)
        return self.begun and self.depth == 0

    def _step(self, char: str) -> None:
        if self.in_string:
            self.in_string = self.escaped or char != '"'
            self.escaped = char == "\\" and not self.escaped
        elif char == '"':
            self.in_string = True
        elif char in "{[":
            self.depth += 1
        elif char in "}]":
            self.depth -= 1


class ToolCallAssembler:
    """Puts the fragments of one answer's tool calls together."""

    def __init__(self) -> None:
        self._calls: list[_Open] = []
        self._by_id: dict[str, int] = {}
        self._by_index: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def push(self, entry: Mapping[str, Any]) -> list[Fragment]:
        """Takes one entry of a `tool_calls` list.

        Args:
            entry: The entry as it came, whole or in part.

        Returns:
            What it adds: one fragment, or several where a server glued whole calls together.
        """
        name, arguments = _function_of(entry)
        position, opened = self._place(entry, name, arguments)
        call = self._calls[position]
        if extra := _extra_of(entry):
            call.extra = merged(call.extra, extra)
        if call.pieces:
            # Later pieces are left as they are: "{}{}" may be the middle of a string.
            return [self._append(position, arguments, None, None)]
        if arguments.strip() == "null":
            arguments = ""  # none, as in a whole answer; frameworks take "null" for broken arguments
        text, *glued = _unglued(arguments)
        named = call.name if opened else self._rename(call, name)
        fragments = [self._append(position, text, call.id if opened else None, named)]
        for text in glued:
            position = self._open(None, call.name, None)
            fragments.append(self._append(position, text, self._calls[position].id, call.name))
        return fragments

    def _append(self, position: int, text: str, call_id: str | None, name: str | None) -> Fragment:
        if text:
            self._calls[position].pieces.append(text)
        return Fragment(position, text, call_id, name)

    def _rename(self, call: _Open, name: str) -> str | None:
        """Takes the rest of a name that came in parts, and returns it; a repeated name adds nothing."""
        if not name or name == call.name:
            return None
        rest = name.removeprefix(call.name)
        call.name += rest
        return rest

    def _place(self, entry: Mapping[str, Any], name: str, text: str) -> tuple[int, bool]:
        """Finds the call that an entry belongs to, or opens one."""
        call_id, index = _id_of(entry), entry.get("index")
        index = index if isinstance(index, int) else None
        known = self._by_id.get(call_id) if call_id else self._last_under(index, name)
        if call_id and known is None and not name:
            known = self._adopt(call_id, index)
        if known is not None and (call_id or not self._begins_anew(known, name, text)):
            return known, False
        return self._open(call_id, name, index), True

    def _last_under(self, index: int | None, name: str) -> int | None:
        """Without an id the index decides; without either a name opens a call, else the last one goes on."""
        if index is not None:
            return self._by_index.get(index)
        return len(self._calls) - 1 if self._calls and not name else None

    def _adopt(self, call_id: str, index: int | None) -> int | None:
        """A nameless entry with a new id belongs to the call of its index, if that one came without an id."""
        position = self._by_index.get(index) if index is not None else None
        if position is None or self._calls[position].has_own_id:
            return None
        self._by_id[call_id] = position
        self._calls[position].has_own_id = True
        return position

    def _begins_anew(self, position: int, name: str, text: str) -> bool:
        """Whether an entry without an id is the next call under a used index: every call index 0, or none."""
        call = self._calls[position]
        return bool((name or text.lstrip()[:1] == "{") and call.pieces and call.complete())

    def _open(self, call_id: str | None, name: str, index: int | None) -> int:
        position = len(self._calls)
        self._calls.append(_Open(call_id or new_call_id(), name, has_own_id=bool(call_id)))
        if call_id:
            self._by_id[call_id] = position
        if index is not None:
            self._by_index[index] = position
        return position

    def add(self, name: str, arguments: str, error: str | None) -> Fragment:
        """Adds a call that came as text.

        Args:
            name: The tool's name.
            arguments: Its arguments.
            error: Why it must not be executed, or None.

        Returns:
            The call as one fragment.
        """
        position = self._open(None, name, None)
        call = self._calls[position]
        call.error = error
        return self._append(position, arguments, call.id, name)

    def calls(self, finish_reason: str | None) -> list[ToolCall]:
        """The calls so far.

        Args:
            finish_reason: How the answer ended, or None while it goes on.

        Returns:
            Every call; one that was cut off or is not JSON has an `error`.
        """
        return [
            checked(ToolCall(call.id, call.name, "".join(call.pieces), dict(call.extra), call.error), finish_reason)
            for call in self._calls
        ]


def _unglued(text: str) -> list[str]:
    """Takes apart whole objects that a server put behind each other in one piece."""
    if not _SEAM.search(text):
        return [text]
    decoder, found, at, end = json.JSONDecoder(), [], 0, len(text)
    while at < end:
        if text[at].isspace():
            at += 1
            continue
        try:
            value, behind = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return [text]
        if not isinstance(value, dict):
            return [text]
        found.append(text[at:behind])
        at = behind
    return found


def checked(call: ToolCall, finish_reason: str | None) -> ToolCall:
    """Marks a call that must not be executed.

    Args:
        call: A finished call; changed in place.
        finish_reason: How the answer ended.

    Returns:
        The same call, with `error` set if its arguments were cut off, or are no JSON object.
    """
    if call.error:
        return call
    if finish_reason == "length" and not call.arguments.strip():
        call.error = "the arguments were cut off by the token limit"
    elif parsed_arguments(call.arguments) is None:
        cut = finish_reason == "length"
        call.error = "the arguments were cut off by the token limit" if cut else "the arguments are not a JSON object"
    elif not call.name:
        call.error = "the call names no tool"
    return call


def rescued(name: str, arguments: str, error: str | None) -> ToolCall:
    """A call that came as text, with an id of its own.

    Args:
        name: The tool's name.
        arguments: Its arguments.
        error: Why it must not be executed, or None.

    Returns:
        The call, with an `error` also where its arguments are no JSON object.
    """
    return checked(ToolCall(new_call_id(), name, arguments, error=error), None)


def whole_calls(entries: Any, finish_reason: str | None) -> list[ToolCall]:
    """Reads the `tool_calls` of an answer that was not streamed: every entry is a call of its own.

    Args:
        entries: The list as it came, or null.
        finish_reason: How the answer ended.

    Returns:
        The calls, each with an id of its own.
    """
    calls: list[ToolCall] = []
    taken: set[str] = set()
    for entry in entries_of(entries):
        name, arguments = _function_of(entry)
        first, *glued = _unglued(arguments)
        call_id = _id_of(entry)
        if call_id is None or call_id in taken:
            call_id = new_call_id()
        taken.add(call_id)
        calls.append(ToolCall(call_id, name, first, _extra_of(entry)))
        calls.extend(ToolCall(new_call_id(), name, text) for text in glued)
    return [checked(call, finish_reason) for call in calls]
