"""Bodies without what a model refuses: each function is one way to say the same without one form. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from anyfast_transport.families.family import THINKING_TYPE, Family
from anyfast_transport.request.history import with_instruction
from anyfast_transport.request.structured_output import schema_instruction
from anyfast_transport.request.thinking import EFFORTS, nearest_effort
from anyfast_transport.request.tool_choice import JSON_ALONE, call_instruction
from anyfast_transport.types import as_parts, text_of

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RefusedFeature:
    """One thing that a model does not take.

    Attributes:
        name: Which, by its name in `FEATURES`.
        thinking: Whether it holds only while the model thinks (True) or does not (False); None if always.
        effort: The level of effort that was refused, for that feature.
        levels: The levels that the refusal named, weakest first.
    """

    name: str
    thinking: bool | None = None
    effort: str = ""
    levels: tuple[str, ...] = ()


def without(*keys: str) -> Callable[[JSON, RefusedFeature], JSON | None]:
    """Without some parameters."""

    def rewritten(body: JSON, _: RefusedFeature) -> JSON | None:
        kept = {key: value for key, value in body.items() if key not in keys}
        return kept if len(kept) < len(body) else None

    return rewritten


def renamed(old: str, new: str) -> Callable[[JSON, RefusedFeature], JSON | None]:
    """With a parameter under its other name."""

    def rewritten(body: JSON, _: RefusedFeature) -> JSON | None:
        if old not in body or new in body:
            return None
        return {new if key == old else key: value for key, value in body.items()}

    return rewritten


def with_messages(change: Callable[[list[Any]], list[Any]]) -> Callable[[JSON, RefusedFeature], JSON | None]:
    """With other messages."""

    def rewritten(body: JSON, _: RefusedFeature) -> JSON | None:
        messages = _said_in(body)
        changed = change(messages)
        return None if changed == messages else {**body, "messages": changed}

    return rewritten


def _said_in(body: JSON) -> list[Any]:
    return [message for message in body.get("messages") or () if isinstance(message, Mapping)]


def with_each_message(change: Callable[[JSON], JSON]) -> Callable[[JSON, RefusedFeature], JSON | None]:
    """With each message changed alike."""
    return with_messages(lambda messages: [change(message) for message in messages])


def asking_for_the_call(body: JSON, _: RefusedFeature) -> JSON | None:
    """Asks in the prompt for the call that was forced."""
    choice = body.get("tool_choice")
    if choice in (None, "auto", "none"):
        return None
    name = choice["function"]["name"] if isinstance(choice, Mapping) and "function" in choice else None
    kept = {key: value for key, value in body.items() if key != "tool_choice"}
    return {**kept, "messages": with_instruction(_said_in(body), call_instruction(name))}


def format_of(body: JSON) -> tuple[str | None, str]:
    """The type of the response format, and the words that ask for the same."""
    wanted = body.get("response_format")
    wanted = wanted if isinstance(wanted, Mapping) else {}
    schema = wanted.get("json_schema") or {}
    asked = {"json_object": JSON_ALONE, "json_schema": schema_instruction(schema.get("schema") or schema)}
    return wanted.get("type"), asked.get(str(wanted.get("type")), "")


def json_mode_instead(body: JSON, _: RefusedFeature) -> JSON | None:
    """Has JSON mode, and the schema in the prompt."""
    kind, asked = format_of(body)
    if kind != "json_schema":
        return None
    return {**body, "messages": with_instruction(_said_in(body), asked), "response_format": {"type": "json_object"}}


def asking_for_json(body: JSON, _: RefusedFeature) -> JSON | None:
    """Asks in the prompt for what the response format was to bring."""
    kind, asked = format_of(body)
    if kind is None:
        return None
    kept = {key: value for key, value in body.items() if key != "response_format"}
    return {**kept, "messages": with_instruction(_said_in(body), asked)} if asked else kept


def saying_json(body: JSON, _: RefusedFeature) -> JSON | None:
    """Has the word JSON in the prompt."""
    if format_of(body)[0] != "json_object" or any("json" in str(m.get("content")).lower() for m in _said_in(body)):
        return None
    return {**body, "messages": with_instruction(_said_in(body), "Answer in JSON.")}


def effort_of(body: JSON, family: Family) -> str:
    """The level of effort in a body.

    Args:
        body: A request body.
        family: The model's row.

    Returns:
        The level; "" if there is none, or if it is how thinking is switched off, which is the user's.
    """
    found = _effort_in(body)
    switches = {"none", *family.effort_without_thinking}
    return found if isinstance(found, str) and found in EFFORTS and found not in switches else ""


def _effort_in(body: JSON) -> Any:
    return body.get("reasoning_effort") or _nested(body).get("reasoning_effort")


def _nested(body: JSON) -> Mapping[str, Any]:
    found = body.get("thinking")
    return found if isinstance(found, Mapping) else {}


def effort_nested_alone(body: JSON, _: RefusedFeature) -> JSON | None:
    """Without the effort at the top level, if it is nested, too."""
    if "reasoning_effort" not in body or "reasoning_effort" not in _nested(body):
        return None
    return {key: value for key, value in body.items() if key != "reasoning_effort"}


def effort_on_top_alone(body: JSON, _: RefusedFeature) -> JSON | None:
    """Without the nested effort, if it is at the top level, too."""
    if "reasoning_effort" not in body or "reasoning_effort" not in _nested(body):
        return None
    rest = {key: value for key, value in _nested(body).items() if key != "reasoning_effort"}
    kept = {key: rest if key == "thinking" else value for key, value in body.items()}
    return kept if rest else {key: value for key, value in kept.items() if key != "thinking"}


def _switched_on(body: JSON) -> JSON | None:
    if body.get("enable_thinking") is False:
        return {**body, "enable_thinking": True}
    if _nested(body).get("type") == "disabled":
        return {**body, "thinking": {**_nested(body), "type": "enabled"}}
    return None


def thinking_on(body: JSON, refused_feature: RefusedFeature) -> JSON | None:
    """With a switch on that is off, and without what is refused while thinking."""
    on = _switched_on(body)
    if on is None:
        return None
    on = asking_for_the_call(on, refused_feature) or on
    # Qwen's rule: "Json mode response is not supported when enable_thinking is true".
    return (asking_for_json(on, refused_feature) or on) if "enable_thinking" in on else on


def thinking_least(body: JSON, refused_feature: RefusedFeature) -> JSON | None:
    """With the lowest effort in place of a switch that is off: one that is named, or the lowest that all have."""
    if body.get("reasoning_effort") not in ("none", "minimal") and _switched_on(body) is None:
        return None
    kept = {key: value for key, value in body.items() if key not in ("enable_thinking", "thinking")}
    return {**kept, "reasoning_effort": refused_feature.levels[0] if refused_feature.levels else "low"}


def not_thinking(body: JSON, _: RefusedFeature) -> JSON | None:
    """With thinking off, if reasoning has to go back that a turn does not have."""
    turns = [message for message in _said_in(body) if message.get("role") == "assistant"]
    if all(str(turn.get("reasoning_content") or "").strip() for turn in turns):
        return None
    kept = {key: value for key, value in body.items() if key not in ("reasoning_effort", "thinking")}
    return {**kept, **THINKING_TYPE[False]}


def other_effort(body: JSON, refused_feature: RefusedFeature) -> JSON | None:
    """With the nearest level of effort that is taken, or none."""
    if not refused_feature.effort or _effort_in(body) != refused_feature.effort:
        return None
    value = nearest_effort(refused_feature.effort, refused_feature.levels) if refused_feature.levels else None
    changed: JSON = {}
    for key, inner in body.items():
        new = value if key == "reasoning_effort" else inner
        if key == "thinking" and isinstance(inner, Mapping) and "reasoning_effort" in inner:
            new = {**{k: v for k, v in inner.items() if k != "reasoning_effort"}}
            new = {**new, "reasoning_effort": value} if value else new or None
        if new is not None:
            changed[key] = new
    return changed


def without_nulls(body: JSON, _: RefusedFeature) -> JSON | None:
    """Without nulls, but for those in schemas."""

    def bare(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: bare(item) for key, item in value.items() if item is not None}
        return [bare(item) for item in value] if isinstance(value, list) else value

    # A null in a tool's schema is a value of its own.
    changed = {key: value if key == "tools" else bare(value) for key, value in body.items() if value is not None}
    return None if changed == body else changed


def without_strict(body: JSON, _: RefusedFeature) -> JSON | None:
    """Without `strict` in its tools."""

    def lax(tool: JSON) -> JSON:
        return {**tool, "function": {key: value for key, value in tool["function"].items() if key != "strict"}}

    changed = [lax(tool) if isinstance(tool.get("function"), dict) else tool for tool in body.get("tools") or ()]
    return {**body, "tools": changed} if changed and changed != body["tools"] else None


def role_renamed(old: str, new: str) -> Callable[[JSON], JSON]:
    """A message under another role."""
    return lambda message: {**message, "role": new} if message.get("role") == old else message


def content_as_string(message: JSON) -> JSON:
    """A message whose parts of text are one string."""
    parts = as_parts(message.get("content"))
    if not isinstance(message.get("content"), list) or any(part.get("type") != "text" for part in parts):
        return message
    return {**message, "content": text_of(parts)}


def content_filled(message: JSON) -> JSON:
    """A message that is not empty."""
    filler = {"assistant": " ", "tool": "(no output)"}.get(message["role"])
    return {**message, "content": filler} if filler and message.get("content") == "" else message


def without_extras(message: JSON) -> JSON:
    """A message without thought signatures."""
    kept = {key: value for key, value in message.items() if key != "extra_content"}
    if "tool_calls" in kept:
        calls = [{key: value for key, value in call.items() if key != "extra_content"} for call in kept["tool_calls"]]
        kept["tool_calls"] = calls
    return kept
