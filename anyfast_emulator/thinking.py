"""Whether a request makes its model think, and whether the thoughts are shown."""

from collections.abc import Mapping
from typing import Any

from anyfast_emulator.contract import Family

Body = Mapping[str, Any]


def thinking_config(body: Body) -> Mapping[str, Any]:
    """Gemini's settings, under the literal JSON field `extra_body` (new-api, snake case only)."""
    found: Any = body
    for key in ("extra_body", "google", "thinking_config"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def is_thinking(body: Body, family: Family) -> bool:
    """Whether the model thinks before it answers this body."""
    said = body.get(family.switch) if family.switch else None
    if isinstance(said, bool):
        return said
    if isinstance(said, Mapping) and said.get("type") == "disabled":
        return False
    if thinking_config(body).get("thinking_budget") == 0:
        return False
    return family.thinks and body.get("reasoning_effort") not in family.idle_efforts


def shows_thoughts(body: Body, family: Family) -> bool:
    """Whether the thoughts of this body's answer come back as `reasoning_content`."""
    if not is_thinking(body, family):
        return False
    return family.shows_thoughts or thinking_config(body).get("include_thoughts") is True


def effort_of(body: Body) -> str:
    """The effort that was asked for, wherever the family keeps it; "" when none was."""
    nested = body.get("thinking")
    inner = nested.get("reasoning_effort") if isinstance(nested, Mapping) else None
    return str(inner or body.get("reasoning_effort") or "")
