"""Tool calls and their results: each call gets its one result, right behind it, under an id that the wire takes. Pure.

Every upstream refuses a call without a result and a result without its call (OpenAI's rule), and both are everyday:
a trimmed history, an interrupted agent, a turn that another model made.
"""

import json
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from anyfast_transport.families.table import Family
from anyfast_transport.lenient_json import entries_of, parsed_arguments
from anyfast_transport.request.changes import Note
from anyfast_transport.request.names import wire_name
from anyfast_transport.types import Message

NO_RESULT = "No result: this call was never answered."
"""What stands for the result of a call that has none."""

ORPHAN = "The result of an earlier tool call, which is no longer part of this conversation:"
"""What comes before a result whose call is gone, once it is a message of the user."""

_NO_NAME = "unknown"
_PLACE = operator.itemgetter(0)
_BASE_LENGTH = 32
_FIRST_NUMBER = 2


@dataclass(slots=True)
class _Call:
    """A call of the conversation.

    Attributes:
        id: Its id as it came, or "".
        name: The tool's name.
        wire_id: Its id as it goes.
        result: Where its result stands, or None.
    """

    id: str
    name: str
    wire_id: str
    result: int | None = None


def paired(messages: Sequence[Message], family: Family, note: Note) -> list[Message]:
    """Pairs calls with results by id; by position where ids repeat or are missing.

    Args:
        messages: The conversation, in the wire's four roles.
        family: Whose rule for ids holds.
        note: Hears of each repair.

    Returns:
        The conversation, each call followed by its result. Messages that need no change are the same objects.
    """
    turns, orphans = _matched(messages, family)
    answers = {call.result for calls in turns.values() for call in calls}
    result: list[Message] = []
    for at, message in enumerate(messages):
        if at in turns:
            turn, calls = _without_broken_calls(message, turns[at], note)
            result.append(_with_ids(turn, calls, note) if calls else turn)
            result.extend(_results(messages, at, calls, note))
        elif at in orphans:
            note("tool result without its call: now a user message")
            result.append(_as_question(message))
        elif at not in answers:
            result.append(message)
    return result


def _matched(messages: Sequence[Message], family: Family) -> tuple[dict[int, list[_Call]], set[int]]:
    """The calls by the place of their turn, and the places of results that have no call."""
    turns: dict[int, list[_Call]] = {}
    orphans: set[int] = set()
    used: dict[str, int] = {}
    for at, message in enumerate(messages):
        if message["role"] == "assistant" and (entries := entries_of(message.get("tool_calls"))):
            turns[at] = [_read(entry, family, used) for entry in entries]
        elif message["role"] == "tool":
            call = _answered(message, turns)
            if call is None:
                orphans.add(at)
            else:
                call.result = at
    return turns, orphans


def _read(entry: Mapping[str, Any], family: Family, used: dict[str, int]) -> _Call:
    call_id = entry.get("id")
    call_id = call_id if isinstance(call_id, str) else str(call_id or "")
    wire_id = _fitting(call_id, family, used)
    used.setdefault(wire_id, _FIRST_NUMBER)
    return _Call(call_id, _name_of(entry), wire_id)


def _fitting(call_id: str, family: Family, used: dict[str, int]) -> str:
    """An id that the family takes and that is not used yet; the same for the same conversation, for prompt caches.

    `used` holds the number that is next for each id: servers that count their calls anew in each answer use one id
    hundreds of times.
    """
    fits = call_id and (family.call_ids is None or re.fullmatch(family.call_ids, call_id))
    if fits and call_id not in used:
        return call_id
    base = call_id if fits and len(call_id) < _BASE_LENGTH else re.sub(r"[^a-zA-Z0-9_-]", "_", call_id)[:_BASE_LENGTH]
    base = base or "call"
    if base not in used and not fits:
        return base
    number = used.get(base, _FIRST_NUMBER)
    while f"{base}_{number}" in used:
        number += 1
    if base in used:
        used[base] = number + 1
    return f"{base}_{number}"


def _answered(message: Message, turns: dict[int, list[_Call]]) -> _Call | None:
    """The call that a result belongs to: of its id, in the last turn that still waits for that; else by position."""
    call_id = message.get("tool_call_id")
    for calls in reversed(turns.values()):
        for call in calls:
            if call_id and call.id == call_id and call.result is None:
                return call
    waiting = [call for call in next(reversed(turns.values()), ()) if call.result is None]
    # The results of OpenAI's functions have no id: LangChain gives them the function's name.
    named = [call for call in waiting if call.name == (call_id or message.get("name"))]
    unnamed = [call for call in waiting if not (call_id and call.id)]
    return next(iter(named or unnamed), None)


def _results(messages: Sequence[Message], at: int, calls: Sequence[_Call], note: Note) -> list[Message]:
    """The results of one turn in their order, then one for each call that has none."""
    results: list[Message] = []
    answered = [(call.result, call) for call in calls if call.result is not None]
    before, moved = at, False
    for place, call in sorted(answered, key=_PLACE):
        moved = moved or any(message["role"] != "tool" for message in messages[before + 1 : place])
        if moved:
            note("tool result not behind its call: moved there")
        results.append(_under(messages[place], call.wire_id))
        before = place
    for call in calls:
        if call.result is None:
            note("tool call without a result: one added that says so")
            results.append({"role": "tool", "tool_call_id": call.wire_id, "content": NO_RESULT})
    return results


def _under(result: Message, wire_id: str) -> Message:
    same = result.get("tool_call_id") == wire_id
    return result if same else cast("Message", {**result, "tool_call_id": wire_id})


def _without_broken_calls(turn: Message, calls: list[_Call], note: Note) -> tuple[Message, list[_Call]]:
    """A turn without the calls that could not be executed, if it says or does something beside them."""
    entries = entries_of(turn["tool_calls"])
    kept = [
        (entry, call)
        for entry, call in zip(entries, calls, strict=True)
        if call.result is not None or not _is_broken(_function(entry).get("arguments"))
    ]
    if len(kept) == len(calls) or not (kept or turn.get("content")):
        return turn, calls
    note("tool call that could not be executed: left out")
    rest = cast("Message", {**turn, "tool_calls": [entry for entry, _ in kept]})
    if not kept:
        del rest["tool_calls"]
    return rest, [call for _, call in kept]


def _is_broken(arguments: Any) -> bool:
    return isinstance(arguments, str) and parsed_arguments(arguments) is None


def _with_ids(turn: Message, calls: Sequence[_Call], note: Note) -> Message:
    entries = entries_of(turn["tool_calls"])
    written = [_written(entry, call, note) for entry, call in zip(entries, calls, strict=True)]
    return turn if written == turn["tool_calls"] else cast("Message", {**turn, "tool_calls": written})


def _written(entry: Mapping[str, Any], call: _Call, note: Note) -> Mapping[str, Any]:
    """A call in the form that every upstream takes: an id, a name, and arguments that are an object in text."""
    if entry.get("id") != call.wire_id:
        note("tool call id missing, reused or malformed: rewritten")
    name = wire_name(call.name) if call.name else _NO_NAME
    if name != call.name:
        note("tool call without a name that the wire takes: renamed")
    function = _function(entry)
    arguments = _readable(function.get("arguments"), note)
    said = (entry.get("id"), entry.get("type"), function.get("name"), function.get("arguments"))
    if said == (call.wire_id, "function", name, arguments):
        return entry  # as in nearly every history; the same object is compared fastest
    written = {**function, "name": name, "arguments": arguments}
    return {**entry, "id": call.wire_id, "type": "function", "function": written}


def _function(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    function = entry.get("function")
    # As in `entries_of`, a dict is asked for first.
    return function if isinstance(function, dict) or isinstance(function, Mapping) else {}  # noqa: SIM101  # as above


def _name_of(entry: Mapping[str, Any]) -> str:
    return str(_function(entry).get("name") or "")


def _readable(arguments: Any, note: Note) -> str:
    """Arguments as the text of an object: new-api refuses to convert anything else for Gemini."""
    text = arguments if isinstance(arguments, str) else _as_json({} if arguments is None else arguments)
    if text.strip() in ("", "null"):
        return "{}"
    if parsed_arguments(text) is not None:
        return text
    note("tool call whose arguments are no JSON object: wrapped")
    return _as_json({"unreadable": text})


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _as_question(result: Message) -> Message:
    content = result.get("content")
    said: Any = f"{ORPHAN}\n{content or ''}"
    if isinstance(content, list):
        said = [{"type": "text", "text": ORPHAN}, *content]
    return {"role": "user", "content": said}
