"""Assembling tool calls, whole or streamed, whatever their server thinks an index or an id is. Pure: it is pushed.

A name opens a call, unless the id or the index names one that is still open. A piece without a name never opens one: it
belongs to the call that its id or its index names, else to the last one that is not complete. Empty and null never
overwrite; ids are never put together.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from anyfast_transport.lenient_json import entries_of, merged, parsed_arguments
from anyfast_transport.response.tool_arguments import Arguments
from anyfast_transport.types import Fragment, ToolCall, new_call_id

_CUT = "the arguments were cut off by the token limit"
_BROKEN_OFF = "the answer broke off before the arguments were whole"
_NO_OBJECT = "the arguments are not a JSON object"
_NO_NAME = "the call names no tool"
_ASTRAY = "arguments came that belong to no call of the answer, so that none of its calls can be trusted"
_REPEATED = "it repeats the call before it"
_OVERTAKEN = "the next call began before any arguments came"

_OWN_KEYS = frozenset({"id", "index", "type", "function"})


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
    """A call under assembly.

    Attributes:
        has_own_id: Whether its server gave it its id.
        announced_again: Whether its name came again behind its arguments, as if the next call of the tool would begin.
        follows: The call that it may only repeat, since it has an id of its own but no name.
        overtaken_by: The call of the same tool that began under its index.
    """

    id: str
    name: str
    has_own_id: bool
    arguments: Arguments = field(default_factory=Arguments)
    extra: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    announced_again: bool = False
    follows: "_Open | None" = None
    overtaken_by: "_Open | None" = None

    def wrong(self) -> str | None:
        """What is wrong with it beside its arguments."""
        if self.follows and self.follows.arguments.text == self.arguments.text:
            return _REPEATED
        overtaken = self.overtaken_by and self.arguments.blank and not self.overtaken_by.arguments.blank
        return _OVERTAKEN if overtaken else self.error


class ToolCallAssembler:
    """Puts the pieces of one answer's tool calls together.

    Args:
        tools: Names of the tools that the request offers; they tell a new name from the rest of one.
    """

    def __init__(self, tools: Collection[str] = ()) -> None:
        self._tools = frozenset(tools)
        self._calls: list[_Open] = []
        self._ids: set[str] = set()
        self._by_id: dict[str | None, int] = {}
        self._by_index: dict[int | None, int] = {}
        self._ids_to_come: dict[int | None, str] = {}
        self._unfinished: list[int] = []
        self._astray = False

    def __len__(self) -> int:
        return len(self._calls)

    def push(self, entry: Mapping[str, Any]) -> list[Fragment]:
        """Takes one entry of a `tool_calls` list.

        Args:
            entry: The entry as it came, whole or in part.

        Returns:
            What it adds: one fragment, or none.
        """
        (name, text), call_id, index, known = _function_of(entry), _id_of(entry), entry.get("index"), len(self._calls)
        index = index if isinstance(index, int) else None
        place = self._place_of_named if name else self._place_of_nameless
        position = place(name, call_id, index, text)
        if position is None:
            return []
        call = self._calls[position]
        if extra := _extra_of(entry):
            call.extra = merged(call.extra, extra)
        if position == known:
            return [Fragment(position, call.arguments.feed(text), call.id, call.name)]
        rest = self._rename(call, name) if name and call.arguments.blank else None
        return [Fragment(position, call.arguments.feed(text), None, rest)]

    def _open(self, name: str, call_id: str | None, index: int | None) -> int:
        """Opens a call, under an id that no other has."""
        position, given = len(self._calls), call_id or self._ids_to_come.pop(index, None)
        own = given if given not in self._ids else None
        call = _Open(own or new_call_id(), name, has_own_id=bool(own))
        self._ids.add(call.id)
        self._calls.append(call)
        self._unfinished.append(position)
        self._point(given, index, position)
        return position

    def _point(self, call_id: str | None, index: int | None, position: int) -> None:
        """From now on this id and this index name this call."""
        if call_id:
            self._by_id[call_id] = position
        if index is not None:
            self._by_index[index] = position

    def _rename(self, call: _Open, name: str) -> str | None:
        """Takes the rest of a name that came in parts, and returns it; a repeated name adds nothing."""
        if name == call.name:
            return None
        rest = name.removeprefix(call.name)
        call.name += rest
        return rest

    def _place_of_named(self, name: str, call_id: str | None, index: int | None, text: str) -> int:
        """The call that an entry with a name belongs to: a new one, unless its id or its index names one."""
        at = self._by_id.get(call_id) if call_id else self._by_index.get(index)
        if at is None:
            return self._named_anew(name, call_id, index)
        call = self._calls[at]
        if not self._begins_anew(call, name, text, with_id=bool(call_id)):
            return at
        position = self._open(name, call_id, index)
        if call_id and call.name == name:
            self._calls[position].follows = call
        return position

    def _named_anew(self, name: str, call_id: str | None, index: int | None) -> int:
        """A name under an id that nobody knows opens a call, unless it is the id of the call of its index."""
        under = self._by_index.get(index)
        before = None if under is None else self._calls[under]
        if not (before and before.name == name and before.arguments.blank):
            return self._open(name, call_id, index)
        if under is not None and not before.has_own_id:
            before.has_own_id = True
            self._point(call_id, None, under)
            return under
        position = self._open(name, call_id, index)
        before.overtaken_by = self._calls[position]
        return position

    def _begins_anew(self, call: _Open, name: str, text: str, *, with_id: bool) -> bool:
        """Whether an entry with a name is the next call under a used id or index."""
        whole = text.lstrip().startswith("{")
        if call.name != name:
            done = call.arguments.complete or call.arguments.placeholder
            return done or (call.arguments.blank and {name, call.name} <= self._tools)
        if call.arguments.complete:
            call.announced_again = not text.strip()
            return whole
        return whole and call.arguments.placeholder and not (with_id or call.has_own_id)

    def _place_of_nameless(self, _: str, call_id: str | None, index: int | None, text: str) -> int | None:
        """The call that an entry without a name belongs to, or None."""
        by_index = self._by_index.get(index)
        if call_id is None and by_index is not None and not self._calls[by_index].arguments.complete:
            return by_index  # as nearly always
        by_id = self._by_id.get(call_id)
        named = by_index if by_id is None else by_id
        if not text.strip():
            return self._without_arguments(call_id, index, named)
        position = self._that_misses_arguments(by_id, by_index)
        if position is None:
            return self._behind(call_id, index, text, named)
        if call_id and by_id is None:
            self._calls[position].has_own_id = True
        self._point(call_id, index, position)
        return position

    def _that_misses_arguments(self, by_id: int | None, by_index: int | None) -> int | None:
        """The call that is not complete: the one that is named, else the last that was opened."""
        for at in (by_id, by_index):
            if at is not None and not self._calls[at].arguments.complete:
                return at
        if by_id is not None and by_index in (None, by_id):
            return None
        last = len(self._calls) - 1
        while self._unfinished:
            at = self._unfinished[-1]
            arguments = self._calls[at].arguments
            # An empty object is whole where another call was opened behind it.
            if not (arguments.complete or (arguments.placeholder and at < last)):
                return at
            self._unfinished.pop()
        return None

    def _without_arguments(self, call_id: str | None, index: int | None, named: int | None) -> int | None:
        """An entry without name and arguments is nothing, but for the id that it may bring."""
        if named is not None:
            self._point(None if call_id in self._by_id else call_id, None, named)
            return named
        if call_id:
            self._ids_to_come[index] = call_id
        return len(self._calls) - 1 if self._calls and not call_id and index is None else None

    def _behind(self, call_id: str | None, index: int | None, text: str, named: int | None) -> int | None:
        """Where arguments go that no call misses."""
        if named is None:
            self._astray = True
            return None if self._calls else self._open("", call_id, index)  # shows that there was something
        call = self._calls[named]
        own = bool(call_id) and call_id not in self._by_id
        if not (text.lstrip().startswith("{") and (own or call.announced_again)):
            return named  # behind a whole object they break it
        position = self._open(call.name, call_id if own else None, index)
        if not call.announced_again:
            self._calls[position].follows = call
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
        position = self._open(name, None, None)
        call = self._calls[position]
        call.error = error
        return Fragment(position, call.arguments.feed(arguments) + call.arguments.flush(), call.id, name)

    def flush(self) -> list[Fragment]:
        """Ends the answer.

        Returns:
            What had been held back of the arguments, since it might have been no object, or not the real one.
        """
        rests = [(at, call.arguments.flush()) for at, call in enumerate(self._calls)]
        return [Fragment(at, rest) for at, rest in rests if rest]

    def calls(self, finish_reason: str | None, *, ended: bool = True) -> list[ToolCall]:
        """The calls so far.

        Args:
            finish_reason: How the answer ended, or None.
            ended: Whether the answer has ended.

        Returns:
            Every call; one that was cut off, is not JSON, or cannot be told from another has an `error`.
        """
        found = []
        for call in self._calls:
            said = ToolCall(call.id, call.name, call.arguments.text, dict(call.extra), call.wrong())
            found.append(checked(said, finish_reason, ended=ended))
            if self._astray:
                said.error = said.error or _ASTRAY
        return found


def checked(call: ToolCall, finish_reason: str | None, *, ended: bool = True) -> ToolCall:
    """Marks a call that must not be executed.

    Args:
        call: A call; changed in place.
        finish_reason: How the answer ended.
        ended: Whether the answer has ended.

    Returns:
        The same call, with `error` set if its arguments were cut off, or are no JSON object.
    """
    if call.error:
        return call
    arguments, cut = parsed_arguments(call.arguments), finish_reason == "length"
    if not ended and not arguments:
        call.error = _BROKEN_OFF
    elif arguments is None or (cut and not call.arguments.strip()):
        call.error = _CUT if cut else _NO_OBJECT
    elif not call.name:
        call.error = _NO_NAME
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
    assembler = ToolCallAssembler()
    assembler.add(name, arguments, error)
    return assembler.calls(None)[0]


def whole_calls(entries: Any, finish_reason: str | None, tools: Collection[str] = ()) -> list[ToolCall]:
    """Reads the `tool_calls` of an answer that was not streamed, by the rules of one that was.

    Args:
        entries: The list as it came, or null.
        finish_reason: How the answer ended.
        tools: Names of the tools that the request offers.

    Returns:
        The calls, each with an id of its own.
    """
    assembler = ToolCallAssembler(tools)
    for entry in entries_of(entries):
        assembler.push(entry)
    return assembler.calls(finish_reason)
