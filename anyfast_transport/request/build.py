"""Parameters, messages and tools → the body of a request, spelled by the family's row. Pure."""

import logging
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from anyfast_transport.errors import AnyfastWarning, UnsupportedParameterError
from anyfast_transport.lenient_json import merged
from anyfast_transport.request.call import Call
from anyfast_transport.request.history import Replay, prepared, with_instruction
from anyfast_transport.request.request import Request, reading_of
from anyfast_transport.request.structured_output import Way, json_mode_works, schema_instruction, way_to_structure
from anyfast_transport.request.thinking import Tell, thinking_fields, thinks
from anyfast_transport.request.tool_choice import JSON_ALONE, call_instruction, wire_tool_choice
from anyfast_transport.request.tool_schemas import wire_tool
from anyfast_transport.types import Message

JSON = dict[str, Any]

_LOG = logging.getLogger("anyfast")

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


def build_request(call: Call, messages: Sequence[Message], *, tell: Tell = tell) -> Request:
    """Builds a request.

    Args:
        call: What is asked for.
        messages: The conversation in the wire's shape; not changed.
        tell: Hears what was changed or dropped, once each.

    Returns:
        The request; its body has not a single null of ours. What had to be repaired in the conversation is in its
        `repairs`, and in a DEBUG line of the logger "anyfast".

    Raises:
        UnsupportedParameterError: The model cannot do what was asked.
    """
    family, values = call.family, call.values
    fields = _parameters(call, tell)
    fields |= thinking_fields(values, family, tell)
    extra = values.get("extra_body") or {}
    thinking = thinks(family, merged(fields, extra))
    messages, repairs = _repaired(call, messages, thinking)
    way, call, messages = _structured(call, messages, thinking, tell)
    messages = _with_format(fields, call, messages, thinking, tell)
    messages = _with_tools(fields, call, messages, thinking, tell)
    body = merged({"model": call.model, "messages": messages, **fields, **_streaming(call)}, extra)
    rescues, splits = values.get("rescue_tool_calls", True), values.get("split_think_tags", True)
    reading = reading_of(body, family, rescues=rescues, splits=splits)
    return Request(body, family, reading, call.expected, repairs, way, call.connection)


def build_body(call: Call, messages: Sequence[Message], *, tell: Tell = tell) -> JSON:
    """The JSON object of a request alone; see `build_request`, which both clients take as well and lose nothing of.

    Args:
        call: What is asked for.
        messages: The conversation in the wire's shape; not changed.
        tell: Hears what was changed or dropped, once each.

    Returns:
        The JSON object to be sent.

    Raises:
        UnsupportedParameterError: The model cannot do what was asked.
    """
    return build_request(call, messages, tell=tell).body


def _repaired(call: Call, messages: Sequence[Message], thinking: bool) -> tuple[Sequence[Message], tuple[str, ...]]:
    replay: Replay = call.values.get("reasoning_replay", "auto")
    found: Counter[str] = Counter()
    sent = prepared(
        messages,
        call.family,
        model=call.model,
        thinking=thinking,
        replay=replay,
        note=lambda what: found.update([what]),
    )
    if not sent:
        raise UnsupportedParameterError("There is no message to send.", parameter="messages", model=call.model)
    repairs = tuple(what if times == 1 else f"{what} (×{times})" for what, times in found.items())
    if repairs:
        _LOG.debug("repaired before sending to %s: %s", call.model, "; ".join(repairs))
    return sent, repairs


def _parameters(call: Call, tell: Tell) -> JSON:
    family, values = call.family, call.values
    fields = {name: values[name] for name in _COPIED if name in values}
    _put_stop(fields, call)
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


def _structured(
    call: Call, messages: Sequence[Message], thinking: bool, tell: Tell
) -> tuple[Way | None, Call, Sequence[Message]]:
    """Asks for an object by the way that works, in the terms of tools, response formats and instructions."""
    structure = call.structure
    if structure is None:
        return None, call, messages
    way, lowered = way_to_structure(call.family, thinking=thinking, method=structure.method)
    if lowered:
        tell(f"{call.model}: {lowered}")
    if way == "forced_tool":
        return way, replace(call, tools=[*call.tools, structure.tool()], tool_choice=structure.name), messages
    if way == "asked_tool":
        asked = with_instruction(messages, call_instruction(structure.name))
        return way, replace(call, tools=[*call.tools, structure.tool()], tool_choice=None), asked
    if way == "json_schema":
        return way, _formatted(call, structure.response_format()), messages
    asked = with_instruction(messages, schema_instruction(structure.schema))
    return way, _formatted(call, {"type": "json_object"}) if way == "json_mode" else call, asked


def _formatted(call: Call, response_format: JSON) -> Call:
    return replace(call, values={**call.values, "response_format": response_format})


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
            return with_instruction(messages, JSON_ALONE)
        if call.family.json_needs_the_word and not _mentions_json(messages):
            messages = with_instruction(messages, "Answer in JSON.")
    fields["response_format"] = wanted
    return messages


def _mentions_json(messages: Sequence[Message]) -> bool:
    return any("json" in str(message.get("content")).lower() for message in messages)


def _with_tools(fields: JSON, call: Call, messages: Sequence[Message], thinking: bool, tell: Tell) -> Sequence[Message]:
    if not call.tools:
        return messages
    fields["tools"] = [wire_tool(tool) for tool in call.tools]
    if call.parallel_tool_calls is not None:
        fields["parallel_tool_calls"] = call.parallel_tool_calls
    choice = wire_tool_choice(call.tool_choice, call.tools, model=call.model)
    forced = isinstance(choice, dict) or choice == "required"
    if forced and thinking and not call.family.forces_tools_while_thinking:
        tell(
            f"{call.model} ({call.family.name}) refuses a forced tool_choice while it thinks: "
            "the prompt asks for the call instead."
        )
        return with_instruction(
            messages, call_instruction(choice["function"]["name"] if choice != "required" else None)
        )
    if choice is not None:
        fields["tool_choice"] = choice
    return messages
