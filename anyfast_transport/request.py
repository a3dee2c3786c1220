"""Parameters, messages and tools → the body of a request, spelled by the family's row. Pure."""

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anyfast_transport.errors import AnyfastWarning, UnsupportedParameterError
from anyfast_transport.families import Family, family_of
from anyfast_transport.history import Replay, prepared, with_instruction
from anyfast_transport.parameters import ChatParameters, call_values, merged
from anyfast_transport.structured import json_mode_works, schema_instruction
from anyfast_transport.wire import Message

JSON = dict[str, Any]
Tell = Callable[[str], None]

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_COPIED = (
    "temperature",
    "top_p",
    "n",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "logprobs",
    "top_logprobs",
)


def tell(message: str) -> None:
    """Warns the user; Python shows the same warning of the same line once."""
    warnings.warn(message, AnyfastWarning, stacklevel=2)


@dataclass(slots=True)
class Call:
    """What one call asks for beside its messages.

    Attributes:
        values: Parameter → value, from `call_values`.
        tools: Tools in OpenAI's shape.
        tool_choice: `"auto"`, `"none"`, `"required"` (also `"any"`, True), a tool's name, or OpenAI's object.
        parallel_tool_calls: Sent only if given.
        stream: Whether the answer is to be streamed.
        include_usage: Whether a stream ends with its usage. new-api drops the last frame of an upstream, with its
            finish_reason, where nobody asked for usage (new-api#7489), so it is asked for unless switched off.
    """

    values: JSON
    tools: Sequence[JSON] = ()
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    stream: bool = False
    include_usage: bool = True

    model: str = field(init=False)
    family: Family = field(init=False)

    def __post_init__(self) -> None:
        self.model = self.values["model"]
        self.family = family_of(self.model)

    @classmethod
    def of(cls, parameters: ChatParameters, overrides: Mapping[str, Any], **how: Any) -> "Call":
        """Makes a call of a model's fields and the keyword arguments of one call.

        Args:
            parameters: The model object.
            overrides: Keyword arguments; `tools`, `tool_choice` and `parallel_tool_calls` beside the parameters.
            how: `stream` and `include_usage`.

        Returns:
            The call.

        Raises:
            UnsupportedParameterError: An argument that nobody knows, or a value out of its range.
        """
        rest = dict(overrides)
        tools, choice = rest.pop("tools", None) or (), rest.pop("tool_choice", None)
        parallel = rest.pop("parallel_tool_calls", None)
        values = call_values(parameters, rest)
        return cls(values, tools=tools, tool_choice=choice, parallel_tool_calls=parallel, **how)

    @property
    def thinking(self) -> bool:
        """Whether the model will think: as the body says, `extra_body` included, else as the family does."""
        return thinks(self.family, merged(thinking_fields(self), self.values.get("extra_body") or {}))


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


def _holds(body: Any, fragment: Any) -> bool:
    if not isinstance(fragment, Mapping):
        return bool(body == fragment)
    return isinstance(body, Mapping) and all(key in body and _holds(body[key], fragment[key]) for key in fragment)


def _at(body: Any, path: str) -> Any:
    for key in path.split("."):
        body = body.get(key) if isinstance(body, Mapping) else None
    return body


def _put(body: JSON, path: str, value: Any) -> None:
    *above, last = path.split(".")
    for key in above:
        body = body.setdefault(key, {})
    body[last] = value


def thinking_fields(call: Call, tell: Tell = lambda _: None) -> JSON:
    """The fields about thinking: the switch and the effort.

    Args:
        call: The call.
        tell: Hears what was changed.

    Returns:
        A fragment of the body.

    Raises:
        UnsupportedParameterError: The family has no documented way to say it.
    """
    family, wanted = call.family, call.values.get("thinking")
    if wanted is not None and wanted not in family.thinking:
        state = "on" if wanted else "off"
        raise UnsupportedParameterError(
            f"No way is known to switch thinking {state} for {call.model} ({family.name} dialect). "
            "If you know one, send it in extra_body.",
            parameter="thinking",
            model=call.model,
        )
    fields = copy.deepcopy(dict(family.thinking.get(wanted, {})))
    if wanted is False and family.thinking_off_is_weaker:
        tell(f"{call.model} cannot stop thinking: its lowest level is sent instead.")
    effort = call.values.get("reasoning_effort")
    if effort and wanted is not False:
        _put_effort(fields, effort, call, tell)
    return fields


def _put_effort(fields: JSON, effort: str, call: Call, tell: Tell) -> None:
    family = call.family
    if family.effort_path is None:
        tell(f"{call.model} ({family.name}) has no reasoning_effort: it is not sent.")
        return
    if call.values.get("thinking") is None and not family.thinks_by_default and family.thinking:
        return
    nearest = _nearest(effort, family.effort_levels)
    if nearest != effort:
        tell(f"{call.model} ({family.name}) has no reasoning_effort {effort!r}: {nearest!r}, its nearest, is sent.")
    _put(fields, family.effort_path, nearest)


def _nearest(effort: str, levels: Sequence[str]) -> str:
    if not levels or effort in levels:
        return effort
    return min(levels, key=lambda level: abs(_EFFORTS.index(level) - _EFFORTS.index(effort)))


def build_body(call: Call, messages: Sequence[Message], *, tell: Tell = tell) -> JSON:
    """Builds the body of a request.

    Args:
        call: What is asked for.
        messages: The conversation in the wire's shape; not changed.
        tell: Hears what was changed or dropped, once each.

    Returns:
        The JSON object to be sent, without a single null of ours.

    Raises:
        UnsupportedParameterError: The model cannot do what was asked.
    """
    family, values = call.family, call.values
    fields = _parameters(call, tell)
    fields |= thinking_fields(call, tell)
    extra = values.get("extra_body") or {}
    thinking = thinks(family, merged(fields, extra))
    messages = _with_format(fields, call, messages, thinking, tell)
    messages = _with_tools(fields, call, messages, thinking, tell)
    replay: Replay = values.get("reasoning_replay", "auto")
    sent = prepared(messages, family, model=call.model, thinking=thinking, replay=replay)
    if not sent:
        raise UnsupportedParameterError("There is no message to send.", parameter="messages", model=call.model)
    return merged({"model": call.model, "messages": sent, **fields, **_streaming(call)}, extra)


def _parameters(call: Call, tell: Tell) -> JSON:
    family, values = call.family, call.values
    fields = {name: values[name] for name in _COPIED if name in values}
    for name in family.ignores & fields.keys():
        tell(f"{call.model} ({family.name}) ignores {name}: it is not sent.")
        del fields[name]
    for name in family.refuses.keys() & fields.keys():
        if fields.pop(name) != 1:
            raise UnsupportedParameterError(
                f"{call.model} ({family.name}): {family.refuses[name]}.", parameter=name, model=call.model
            )
    if call.stream and fields.get("n", 1) > 1:
        raise UnsupportedParameterError(
            "n above 1 cannot be streamed: the answers would be mixed. Ask without streaming.",
            parameter="n",
            model=call.model,
        )
    _put_length(fields, call)
    _put_stop(fields, call)
    if "user_id" in values:
        if family.takes_user_id:
            fields["user_id"] = values["user_id"]
        else:
            tell(f"{call.model} ({family.name}) documents no user_id: it is not sent. extra_body sends it anyway.")
    return fields


def _put_length(fields: JSON, call: Call) -> None:
    length, longest = call.values.get("max_tokens"), call.family.max_output
    if length is None:
        return
    if longest is not None and length > longest:
        raise UnsupportedParameterError(
            f"max_tokens={length} is more than {call.model} ({call.family.name}) documents: {longest:,} at most.",
            parameter="max_tokens",
            model=call.model,
        )
    fields[call.family.length_parameter] = length


def _put_stop(fields: JSON, call: Call) -> None:
    stop, most = call.values.get("stop"), call.family.stop_limit
    if not stop:
        return
    if most is not None and len(stop) > most:
        raise UnsupportedParameterError(
            f"{len(stop)} stop sequences are more than {call.model} ({call.family.name}) takes: {most} at most.",
            parameter="stop",
            model=call.model,
        )
    # Always a list: Qwen's page demands one, and everybody takes one.
    fields["stop"] = list(stop)


def _streaming(call: Call) -> JSON:
    if not call.stream:
        return {}
    return {"stream": True, **({"stream_options": {"include_usage": True}} if call.include_usage else {})}


def _with_format(
    fields: JSON, call: Call, messages: Sequence[Message], thinking: bool, tell: Tell
) -> Sequence[Message]:
    wanted = call.values.get("response_format")
    if not wanted:
        return messages
    if wanted.get("type") == "json_schema" and not call.family.json_schema:
        tell(f"{call.model} ({call.family.name}) documents no json_schema: JSON mode with the schema in the prompt.")
        schema = wanted.get("json_schema") or {}
        messages = with_instruction(messages, schema_instruction(schema.get("schema") or schema))
        wanted = {"type": "json_object"}
    if wanted.get("type") == "json_object":
        if not json_mode_works(call.family, thinking=thinking):
            tell(f"{call.model} ({call.family.name}) has no JSON mode while it thinks: only the prompt asks for JSON.")
            return with_instruction(messages, "Answer with one JSON object and nothing else.")
        if call.family.json_needs_the_word and not _mentions_json(messages):
            messages = with_instruction(messages, "Answer in JSON.")
    fields["response_format"] = wanted
    return messages


def _mentions_json(messages: Sequence[Message]) -> bool:
    return any("json" in str(message.get("content")).lower() for message in messages)


def _with_tools(fields: JSON, call: Call, messages: Sequence[Message], thinking: bool, tell: Tell) -> Sequence[Message]:
    if not call.tools:
        return messages
    fields["tools"] = list(call.tools)
    if call.parallel_tool_calls is not None:
        fields["parallel_tool_calls"] = call.parallel_tool_calls
    choice = wire_tool_choice(call.tool_choice, call.tools, model=call.model)
    forced = isinstance(choice, dict) or choice == "required"
    if forced and thinking and not call.family.forces_tools_while_thinking:
        tell(
            f"{call.model} ({call.family.name}) refuses a forced tool_choice while it thinks: "
            "the prompt asks for the call instead."
        )
        return with_instruction(messages, _call_instruction(choice))
    if choice is not None:
        fields["tool_choice"] = choice
    return messages


def _call_instruction(choice: Any) -> str:
    if isinstance(choice, dict):
        return f"You must call the tool `{choice['function']['name']}`. Do not answer in text."
    return "You must call one of the tools. Do not answer in text."


def wire_tool_choice(choice: Any, tools: Sequence[Mapping[str, Any]], *, model: str | None = None) -> Any:
    """Spells a tool choice.

    Args:
        choice: None, a bool, `"auto"`, `"none"`, `"any"`, `"required"`, a tool's name, or OpenAI's object.
        tools: The tools offered, in OpenAI's shape.
        model: For the message to the reader.

    Returns:
        `"none"`, `"required"` or OpenAI's object; None for auto, which is what the gateway does unasked.

    Raises:
        UnsupportedParameterError: A name that no tool has.
    """
    if choice in (None, False, "auto"):
        return None
    if choice in (True, "any", "required"):
        return "required"
    if choice == "none":
        return "none"
    name = choice.get("function", choice).get("name") if isinstance(choice, Mapping) else choice
    names = [tool.get("function", tool).get("name") for tool in tools]
    if name not in names:
        raise UnsupportedParameterError(
            f"tool_choice names {name!r}, which is none of the tools: {', '.join(map(str, names))}.",
            parameter="tool_choice",
            model=model,
        )
    return {"type": "function", "function": {"name": name}}
