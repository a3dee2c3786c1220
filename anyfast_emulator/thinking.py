"""Whether a request makes its model think, how hard, whether that is shown, and what it knows of earlier thoughts."""

from collections.abc import Mapping, Sequence
from typing import Any

from anyfast_emulator.contract import Family

Body = Mapping[str, Any]


def google_config(body: Body, name: str) -> Mapping[str, Any]:
    """Gemini's settings of one name, under the literal JSON field `extra_body` (new-api, snake case only)."""
    found: Any = body
    for key in ("extra_body", "google", name):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def thinking_config(body: Body) -> Mapping[str, Any]:
    """Gemini's settings about thinking."""
    return google_config(body, "thinking_config")


def switched(body: Body, family: Family) -> bool | None:
    """What a request says about thinking; None if it says nothing."""
    said = body.get(family.switch) if family.switch else None
    if isinstance(said, Mapping):
        *on, off = family.switch_types
        said = False if said.get("type") == off else True if said.get("type") in on else None
    if said is not False and _is_idle(body, family):
        return False
    return said if isinstance(said, bool) else None


def _is_idle(body: Body, family: Family) -> bool:
    if family.temper.switch_off == "ignored":
        return False
    return thinking_config(body).get("thinking_budget") == 0 or effort_of(body, family) in family.idle_efforts


def is_thinking(body: Body, family: Family) -> bool:
    """Whether the model thinks before it answers this body."""
    said = switched(body, family)
    ignored = said is not None and (family.temper.switch_on if said else family.temper.switch_off) == "ignored"
    return family.thinks if said is None or ignored else said


def shows_thoughts(body: Body, family: Family) -> bool:
    """Whether the thoughts of this body's answer come back."""
    if not is_thinking(body, family) or family.temper.reasoning_field == "stripped":
        return False
    asked = thinking_config(body).get("include_thoughts") is True and family.temper.switch_on == "works"
    return family.shows_thoughts or asked


def reads_effort(family: Family, place: str) -> bool:
    """Whether the effort is read at this place: "top" is `reasoning_effort`, "nested" `thinking.reasoning_effort`."""
    read = family.temper.effort_read or ("nested" if family.nests_effort else "top")
    return read in (place, "both")


def effort_of(body: Body, family: Family) -> str:
    """The effort that was asked for, where this gateway reads it; "" when none was."""
    nested = body.get("thinking")
    inner = nested.get("reasoning_effort") if isinstance(nested, Mapping) and reads_effort(family, "nested") else None
    outer = body.get("reasoning_effort") if reads_effort(family, "top") else None
    return str(inner or outer or "")


def recalled(body: Body, family: Family) -> str:
    """The reasoning of earlier turns that came back and reaches the model."""
    messages = [message for message in body.get("messages") or () if isinstance(message, Mapping)]
    rereads = family.rereads
    if family.temper.reasoning_reaches is not None:
        rereads = "always" if family.temper.reasoning_reaches else "never"
    if rereads == "never" or not is_thinking(body, family):
        return ""
    if rereads == "tools" and not (body.get("tools") or any(message.get("tool_calls") for message in messages)):
        return ""
    return "\n".join(str(one["reasoning_content"]) for one in _turns(messages, rereads) if one.get("reasoning_content"))


def _turns(messages: Sequence[Body], rereads: str) -> Sequence[Body]:
    asked = max((at for at, one in enumerate(messages) if one.get("role") == "user"), default=-1)
    return messages[asked + 1 :] if rereads == "loop" else messages
