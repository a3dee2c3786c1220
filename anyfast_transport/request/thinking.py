"""Whether a model will think, and how that is said to it. Pure."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from anyfast_transport.errors import UnsupportedParameterError
from anyfast_transport.families.table import Family
from anyfast_transport.request.changes import Note, ignore

JSON = dict[str, Any]

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Every level of effort that some upstream knows, weakest first."""


def thinks(family: Family, body: Mapping[str, Any]) -> bool:
    """Reads from a body whether the model will think.

    Args:
        family: The model's row.
        body: A request body, or its fields about thinking.

    Returns:
        True if it will.
    """
    off, on = family.thinking.get(False), family.thinking.get(True)
    if off and _holds(body, off):
        return family.thinking_off_is_weaker
    if on and _holds(body, on):
        return True
    if family.effort_path and _at(body, family.effort_path) in family.effort_without_thinking:
        return False
    return family.thinks_by_default


def asks_to_think(family: Family, body: Mapping[str, Any]) -> bool:
    """Reads from a body whether thinking was asked for, which is more than that the model thinks by itself.

    Args:
        family: The model's row.
        body: A request body.

    Returns:
        True if it was.
    """
    on = family.thinking.get(True)
    return bool(on) and on != family.thinking.get(None) and _holds(body, on)


def _holds(body: Any, fragment: Any) -> bool:
    if not isinstance(fragment, Mapping):
        return bool(body == fragment)
    return isinstance(body, Mapping) and all(key in body and _holds(body[key], fragment[key]) for key in fragment)


def _at(body: Any, path: str) -> Any:
    for key in path.split("."):
        body = body.get(key) if isinstance(body, Mapping) else None
    return body


def put(body: JSON, path: str, value: Any) -> None:
    """Sets a value at a path of a body, whose dots nest."""
    *above, last = path.split(".")
    for key in above:
        body = body.setdefault(key, {})
    body[last] = value


def thinking_fields(values: Mapping[str, Any], family: Family, note: Note = ignore) -> JSON:
    """The fields about thinking: the switch and the effort.

    Args:
        values: Parameter → value, the model among them.
        family: The model's row.
        note: Hears what was changed.

    Returns:
        A fragment of the body.

    Raises:
        UnsupportedParameterError: The family has no documented way to say it.
    """
    wanted, effort = _wish(values, family, note)
    if wanted is not None and wanted not in family.thinking:
        raise _no_such_switch(values, family, wanted)
    fields = copy.deepcopy(dict(family.thinking.get(wanted, {})))
    if wanted is False and family.thinking_off_is_weaker:
        note(f"{values['model']} cannot stop thinking: its lowest level is sent instead.")
    if effort and wanted is not False:
        _put_effort(fields, effort, wanted, values["model"], family, note)
    return fields


def _wish(values: Mapping[str, Any], family: Family, note: Note) -> tuple[bool | None, str | None]:
    """What is wanted of thinking, and the effort; no effort at all is no thinking."""
    wanted, effort = values.get("thinking"), values.get("reasoning_effort")
    if effort == "none" and (False in family.thinking or family.thinks_by_default):
        if wanted:
            note(f"{values['model']}: thinking=True and reasoning_effort='none' contradict each other; it is off.")
        return False, None
    if effort and wanted is None and None in family.thinking and True in family.thinking and family.effort_path:
        # Where "off" would be said unasked, who asks for an effort asks for thinking.
        return True, effort
    return wanted, effort


def _no_such_switch(values: Mapping[str, Any], family: Family, wanted: bool) -> UnsupportedParameterError:
    model, by_effort = values["model"], values.get("reasoning_effort") == "none"
    why = f"No way is known to switch thinking {'on' if wanted else 'off'} for {model} ({family.name} dialect)"
    if not wanted and family.thinks_by_default:
        why += ": it always thinks, and has no lower level"
    parameter = "reasoning_effort" if by_effort else "thinking"
    return UnsupportedParameterError(
        f"{why}. Leave {parameter} out; if you know a way, send it in extra_body.", parameter=parameter, model=model
    )


def _put_effort(fields: JSON, effort: str, wanted: bool | None, model: str, family: Family, note: Note) -> None:
    if family.effort_path is None:
        note(f"{model} ({family.name}) has no reasoning_effort: it is not sent.")
        return
    if wanted is None and not family.thinks_by_default and family.thinking:
        return
    nearest = nearest_effort(effort, family.effort_levels)
    if nearest != effort:
        note(f"{model} ({family.name}) has no reasoning_effort {effort!r}: {nearest!r}, its nearest, is sent.")
    put(fields, family.effort_path, nearest)
    if family.second_effort_path:
        put(fields, family.second_effort_path, nearest)


def nearest_effort(effort: str, levels: Sequence[str]) -> str:
    """The level that comes nearest.

    Args:
        effort: A level of `EFFORTS`.
        levels: Those that are taken, weakest first; none takes any.

    Returns:
        One of them, or `effort` itself.
    """
    if not levels or effort in levels:
        return effort
    return min(levels, key=lambda level: abs(EFFORTS.index(level) - EFFORTS.index(effort)))
