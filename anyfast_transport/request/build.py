"""Parameters, messages and tools → the body of a request, spelled by the family's row. Pure."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from anyfast_transport.errors import UnsupportedParameterError
from anyfast_transport.lenient_json import merged
from anyfast_transport.request.call import Call
from anyfast_transport.request.changes import Changes, warn
from anyfast_transport.request.history import Replay, prepared, with_instruction
from anyfast_transport.request.names import own_names, wire_name
from anyfast_transport.request.request import Request, reading_of
from anyfast_transport.request.structured_output import OutputMode, json_mode_works, output_mode_for, schema_instruction
from anyfast_transport.request.thinking import put, thinking_fields, thinks
from anyfast_transport.request.tool_choice import JSON_ALONE, call_instruction, wire_tool_choice
from anyfast_transport.request.tool_schemas import wire_tool
from anyfast_transport.types import Message

JSON = dict[str, Any]

_LOG = logging.getLogger("anyfast")

_OTHERWISE = frozenset(
    {
        *("model", "thinking", "reasoning_effort", "max_tokens", "stop", "response_format", "user_id", "extra_body"),
        "image_config",
        # what is made of the answer, or of the history
        *("reasoning_replay", "rescue_tool_calls", "split_think_tags", "on_empty", "on_invalid_call"),
    }
)
"""The parameters that do not simply go under their own name; every other one does."""


def build_request(call: Call, messages: Sequence[Message], *, warn: Callable[[str], None] = warn) -> Request:
    """Builds a request.

    Args:
        call: What is asked for.
        messages: The conversation in the wire's shape; not changed.
        warn: Hears of what the call asked for and does not get, once each.

    Returns:
        The request; its body has not a single null of ours. What had to be repaired in the conversation is in its
        `repairs`, and in a DEBUG line of the logger "anyfast".

    Raises:
        UnsupportedParameterError: The model cannot do what was asked.
    """
    builder = _Builder(call)
    request = builder.request(messages)
    for words in dict.fromkeys(builder.changes.warnings):
        warn(words)
    if request.repairs:
        _LOG.debug("repaired before sending to %s: %s", call.model, "; ".join(request.repairs))
    return request


def build_body(call: Call, messages: Sequence[Message], *, warn: Callable[[str], None] = warn) -> JSON:
    """The JSON object of a request alone; see `build_request`, which both clients take as well and lose nothing of.

    Args:
        call: What is asked for.
        messages: The conversation in the wire's shape; not changed.
        warn: Hears of what the call asked for and does not get, once each.

    Returns:
        The JSON object to be sent.

    Raises:
        UnsupportedParameterError: The model cannot do what was asked.
    """
    return build_request(call, messages, warn=warn).body


class _Builder:
    """One request while it is built.

    Attributes:
        fields: The body, without its messages.
        instructions: What the system message has to say besides.
        changes: What is sent otherwise than it was given.
    """

    def __init__(self, call: Call) -> None:
        self._call, self._family = call, call.family
        self.fields: JSON = {}
        self.instructions: list[str] = []
        self.changes = Changes()

    def request(self, messages: Sequence[Message]) -> Request:
        call, family, values = self._call, self._family, self._call.values
        if family.responses_only:
            raise UnsupportedParameterError(
                f"{call.model} is served on the Responses API alone (POST /v1/responses), which this client does not "
                "speak. Take a model of chat completions.",
                parameter="model",
                model=call.model,
            )
        self._put_parameters()
        self.fields = merged(self.fields, thinking_fields(values, family, self.changes.warned))
        extra = values.get("extra_body") or {}
        self._thinking = thinks(family, merged(self.fields, extra))
        if self._thinking in family.top_p:
            self.fields.setdefault("top_p", family.top_p[self._thinking])
        replay: Replay = values.get("reasoning_replay", "auto")
        messages = prepared(
            messages,
            family,
            model=call.model,
            thinking=self._thinking,
            replay=replay,
            note=self.changes.repaired,
            warn=self.changes.warned,
        )
        if not messages:
            raise UnsupportedParameterError("There is no message to send.", parameter="messages", model=call.model)
        output_mode, call = self._structured()
        self._put_format(call.values.get("response_format"), messages)
        self._put_tools(call)
        if self.instructions:
            messages = with_instruction(messages, "\n\n".join(self.instructions))
        body = merged({"model": call.model, "messages": messages, **self.fields, **_streaming(call)}, extra)
        rescues, splits = values.get("rescue_tool_calls", True), values.get("split_think_tags", True)
        reading = reading_of(
            body,
            family,
            rescues=rescues,
            splits=splits,
            thinking=values.get("thinking"),
            names=own_names(call.tools),
        )
        return Request(body, family, reading, call.expected, self.changes.repairs, output_mode, call.connection)

    def _warn(self, words: str) -> None:
        self.changes.warned(f"{self._call.model} ({self._family.name}) {words}")

    def _put_parameters(self) -> None:
        family, call, fields = self._family, self._call, self.fields
        fields |= {name: value for name, value in call.values.items() if name not in _OTHERWISE}
        _put_stop(fields, call)
        for name in family.ignores & fields.keys():
            self._warn(f"ignores {name}: it is not sent.")
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
        _check_ranges(fields, call)
        _put_image_config(fields, call)
        _put_length(fields, call)
        if "user_id" in call.values:
            if family.takes_user_id:
                fields["user_id"] = call.values["user_id"]
            else:
                self._warn("documents no user_id: it is not sent. extra_body sends it anyway.")

    def _structured(self) -> tuple[OutputMode | None, Call]:
        """Asks for an object in the mode that works, in the terms of tools, response formats and instructions."""
        call, structure = self._call, self._call.structure
        if structure is None:
            return None, call
        output_mode, lowered = output_mode_for(self._family, thinking=self._thinking, method=structure.method)
        if lowered:
            self.changes.warned(f"{call.model}: {lowered}")
        if output_mode in ("forced_tool", "asked_tool"):
            if output_mode == "asked_tool":
                self.instructions.append(call_instruction(wire_name(structure.name)))
            choice = structure.name if output_mode == "forced_tool" else None
            return output_mode, replace(call, tools=[*call.tools, structure.tool()], tool_choice=choice)
        if output_mode == "json_schema":
            return output_mode, _formatted(call, structure.response_format())
        self.instructions.append(schema_instruction(structure.described))
        return output_mode, _formatted(call, {"type": "json_object"}) if output_mode == "json_mode" else call

    def _put_format(self, wanted: JSON | None, messages: Sequence[Message]) -> None:
        if not wanted:
            return
        if wanted.get("type") == "json_schema" and not self._family.json_schema:
            self._warn("documents no json_schema: JSON mode with the schema in the prompt.")
            schema = wanted.get("json_schema") or {}
            self.instructions.append(schema_instruction(schema.get("schema") or schema))
            wanted = {"type": "json_object"}
        if wanted.get("type") == "json_object":
            if not json_mode_works(self._family, thinking=self._thinking):
                when = " while it thinks" if self._thinking else ""
                self._warn(f"has no JSON mode{when}: only the prompt asks for JSON.")
                self.instructions.append(JSON_ALONE)
                return
            if self._family.json_needs_the_word and not self._mention_json(messages):
                self.instructions.append("Answer in JSON.")
        self.fields["response_format"] = wanted

    def _mention_json(self, messages: Sequence[Message]) -> bool:
        said = (*self.instructions, *(str(message.get("content")) for message in messages))
        return any("json" in text.lower() for text in said)

    def _put_tools(self, call: Call) -> None:
        if not call.tools:
            return
        if not self._family.takes_tools:
            raise UnsupportedParameterError(
                f"{call.model} ({self._family.name}) calls no tools. Let another model call them.",
                parameter="tools",
                model=call.model,
            )
        self.fields["tools"] = [wire_tool(tool) for tool in call.tools]
        if call.parallel_tool_calls is not None:
            self.fields["parallel_tool_calls"] = call.parallel_tool_calls
        choice = wire_tool_choice(call.tool_choice, call.tools, model=call.model)
        forced = isinstance(choice, dict) or choice == "required"
        if forced and self._thinking and not self._family.forces_tools_while_thinking:
            self._warn("refuses a forced tool_choice while it thinks: the prompt asks for the call instead.")
            self.instructions.append(call_instruction(choice["function"]["name"] if choice != "required" else None))
        elif choice is not None:
            self.fields["tool_choice"] = choice


def _check_ranges(fields: JSON, call: Call) -> None:
    for name, (low, high) in call.family.ranges.items():
        if name in fields and not low <= fields[name] <= high:
            raise UnsupportedParameterError(
                f"{name}={fields[name]} is not what {call.model} ({call.family.name}) documents: {low} to {high}.",
                parameter=name,
                model=call.model,
            )


def _put_image_config(fields: JSON, call: Call) -> None:
    said, family = call.values.get("image_config"), call.family
    if not said:
        return
    for name, value in said.items():
        taken = family.image_config.get(name)
        if taken and value in taken:
            continue
        what = f"image_config[{name!r}]={value!r}: {call.model} ({family.name})"
        if taken:
            words = f"{what} documents {', '.join(taken)}."
        elif family.image_config:
            words = f"{what} knows no such setting, only {', '.join(family.image_config)}."
        else:
            words = f"{what} is not known to take settings of pictures. If it does, send them in extra_body."
        raise UnsupportedParameterError(words, parameter="image_config", model=call.model)
    put(fields, family.image_config_path, dict(said))


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


def _formatted(call: Call, response_format: JSON) -> Call:
    return replace(call, values={**call.values, "response_format": response_format})
