"""The parameters and forms that some model refuses, the words in which it does, and the body without them. Pure.

Each row came from a refusal that somebody met; where it was is beside it. What the user asked for has no row: tools,
messages, sampling, lengths, stops, thinking on or off.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from anyfast_transport.families.table import Family
from anyfast_transport.request.history import alternating, system_first, with_instruction
from anyfast_transport.request.structured_output import schema_instruction
from anyfast_transport.request.thinking import EFFORTS, nearest_effort
from anyfast_transport.request.tool_choice import JSON_ALONE, call_instruction
from anyfast_transport.types import as_parts, text_of

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One thing that a model does not take.

    Attributes:
        form: Which, by its name in `FORMS`.
        thinking: Whether it holds only while the model thinks (True) or does not (False); None if always.
        effort: The level of effort that was refused, for that form.
        levels: The levels that the refusal named, weakest first.
    """

    form: str
    thinking: bool | None = None
    effort: str = ""
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """A parameter or form that can be refused.

    Attributes:
        about: What a refusal of it speaks of; a pattern, as `refuses` and `unless` are.
        said: What is sent instead, for the user.
        rewritten: The body without it; None if the body has no such thing.
        refuses: How a refusal says no.
        parameters: Top-level parameters that it is part of, for refusals that name theirs.
        unless: Words of another mistake, which the caller has to mend.
    """

    about: str
    said: str
    rewritten: Callable[[JSON, Lesson], JSON | None]
    refuses: str
    parameters: frozenset[str] = frozenset()
    unless: str | None = None

    def is_meant(self, text: str) -> bool:
        """Whether the words of a refusal speak of this form."""
        found = _finds(self.about, text) and _finds(self.refuses, text)
        return found and not (self.unless and _finds(self.unless, text))


def _words(*alternatives: str) -> str:
    return "|".join(alternatives)


def _finds(words: str, text: str) -> bool:
    # Compiled only now: the thirty of them would be a tenth of what the import costs, and few calls are refused.
    return bool(re.search(words, text, re.IGNORECASE | re.DOTALL))


_NO = _words(
    r"\bnot (?:be |yet )?(?:support|allow|permit|accept|available|set|valid|recogni[sz]ed|implemented|enabled|honou?r)",
    r"does ?n[o'’]t (?:support|accept|allow|take)",
    r"(?:un|not )supported|unavailable|unrecogni[sz]ed|unknown|unexpected|invalid|illegal|incompatible|deprecated",
    r"extra (?:fields|inputs)|additional properties|forbidden|must be|should be|expected",
    r"only\b.{0,40}(?:support|allow)",
    r"不支持|不允许|无效|非法|未知|暂不",
)
_ANY = _words("")
_UNKNOWN = r"(?:unrecogni[sz]ed|unknown|unsupported|unexpected|extra)\b.{0,60}"
_NOT_TAKEN = r".{0,40}(?:not (?:support|allow|permit|accept|honou?r)|unsupported|deprecated)"


def _without(*keys: str) -> Callable[[JSON, Lesson], JSON | None]:
    def rewritten(body: JSON, _: Lesson) -> JSON | None:
        kept = {key: value for key, value in body.items() if key not in keys}
        return kept if len(kept) < len(body) else None

    return rewritten


def _renamed(old: str, new: str) -> Callable[[JSON, Lesson], JSON | None]:
    def rewritten(body: JSON, _: Lesson) -> JSON | None:
        if old not in body or new in body:
            return None
        return {new if key == old else key: value for key, value in body.items()}

    return rewritten


def _messages(change: Callable[[list[Any]], list[Any]]) -> Callable[[JSON, Lesson], JSON | None]:
    def rewritten(body: JSON, _: Lesson) -> JSON | None:
        messages = _said_in(body)
        changed = change(messages)
        return None if changed == messages else {**body, "messages": changed}

    return rewritten


def _said_in(body: JSON) -> list[Any]:
    return [message for message in body.get("messages") or () if isinstance(message, Mapping)]


def _each(change: Callable[[JSON], JSON]) -> Callable[[JSON, Lesson], JSON | None]:
    return _messages(lambda messages: [change(message) for message in messages])


def _asking_for_the_call(body: JSON, _: Lesson) -> JSON | None:
    choice = body.get("tool_choice")
    if choice in (None, "auto", "none"):
        return None
    name = choice["function"]["name"] if isinstance(choice, Mapping) and "function" in choice else None
    kept = {key: value for key, value in body.items() if key != "tool_choice"}
    return {**kept, "messages": with_instruction(_said_in(body), call_instruction(name))}


def _format_of(body: JSON) -> tuple[str | None, str]:
    """The type of the response format, and the words that ask for the same."""
    wanted = body.get("response_format")
    wanted = wanted if isinstance(wanted, Mapping) else {}
    schema = wanted.get("json_schema") or {}
    asked = {"json_object": JSON_ALONE, "json_schema": schema_instruction(schema.get("schema") or schema)}
    return wanted.get("type"), asked.get(str(wanted.get("type")), "")


def _json_mode_instead(body: JSON, _: Lesson) -> JSON | None:
    kind, asked = _format_of(body)
    if kind != "json_schema":
        return None
    return {**body, "messages": with_instruction(_said_in(body), asked), "response_format": {"type": "json_object"}}


def _asking_for_json(body: JSON, _: Lesson) -> JSON | None:
    kind, asked = _format_of(body)
    if kind is None:
        return None
    kept = {key: value for key, value in body.items() if key != "response_format"}
    return {**kept, "messages": with_instruction(_said_in(body), asked)} if asked else kept


def _saying_json(body: JSON, _: Lesson) -> JSON | None:
    if _format_of(body)[0] != "json_object" or any("json" in str(m.get("content")).lower() for m in _said_in(body)):
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
    nested = body.get("thinking")
    return body.get("reasoning_effort") or (nested.get("reasoning_effort") if isinstance(nested, Mapping) else None)


def _other_effort(body: JSON, lesson: Lesson) -> JSON | None:
    if not lesson.effort or _effort_in(body) != lesson.effort:
        return None
    value = nearest_effort(lesson.effort, lesson.levels) if lesson.levels else None
    changed: JSON = {}
    for key, inner in body.items():
        new = value if key == "reasoning_effort" else inner
        if key == "thinking" and isinstance(inner, Mapping) and "reasoning_effort" in inner:
            new = {**{k: v for k, v in inner.items() if k != "reasoning_effort"}}
            new = {**new, "reasoning_effort": value} if value else new or None
        if new is not None:
            changed[key] = new
    return changed


def _without_nulls(body: JSON, _: Lesson) -> JSON | None:
    def bare(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: bare(item) for key, item in value.items() if item is not None}
        return [bare(item) for item in value] if isinstance(value, list) else value

    # A null in a tool's schema is a value of its own.
    changed = {key: value if key == "tools" else bare(value) for key, value in body.items() if value is not None}
    return None if changed == body else changed


def _without_strict(body: JSON, _: Lesson) -> JSON | None:
    def lax(tool: JSON) -> JSON:
        return {**tool, "function": {key: value for key, value in tool["function"].items() if key != "strict"}}

    changed = [lax(tool) if isinstance(tool.get("function"), dict) else tool for tool in body.get("tools") or ()]
    return {**body, "tools": changed} if changed and changed != body["tools"] else None


def _role(old: str, new: str) -> Callable[[JSON], JSON]:
    return lambda message: {**message, "role": new} if message.get("role") == old else message


def _as_string(message: JSON) -> JSON:
    parts = as_parts(message.get("content"))
    if not isinstance(message.get("content"), list) or any(part.get("type") != "text" for part in parts):
        return message
    return {**message, "content": text_of(parts)}


def _filled(message: JSON) -> JSON:
    filler = {"assistant": " ", "tool": "(no output)"}.get(message["role"])
    return {**message, "content": filler} if filler and message.get("content") == "" else message


def _without_extras(message: JSON) -> JSON:
    kept = {key: value for key, value in message.items() if key != "extra_content"}
    if "tool_calls" in kept:
        calls = [{key: value for key, value in call.items() if key != "extra_content"} for call in kept["tool_calls"]]
        kept["tool_calls"] = calls
    return kept


_SCHEMA_IS_WRONG = _words(r"invalid (?:json )?schema", r"schema for (?:response_format|function)")
FORMS: Mapping[str, Form] = {
    # gateways over older vLLM (langchain#34260)
    "stream_options": Form(
        _words("stream_options", "include_usage"),
        "stream_options left out",
        _without("stream_options"),
        _NO,
        parameters=frozenset({"stream_options"}),
    ),
    # Gemini's compatible endpoint, 2025
    "parallel_tool_calls": Form(
        _words("parallel_tool_calls", "parallel (?:tool|function) call"),
        "parallel_tool_calls left out",
        _without("parallel_tool_calls"),
        _NO,
        parameters=frozenset({"parallel_tool_calls"}),
    ),
    # DeepSeek, Qwen, Kimi while they think (langchain#40769, eino#994)
    "tool_choice": Form(
        _words("tool_choice", "tool choice"),
        "forced tool_choice asked for in the prompt",
        _asking_for_the_call,
        _NO,
        unless=_words("not found", "no such", "none of the tools"),
        parameters=frozenset({"tool_choice"}),
    ),
    # DeepSeek and Qwen: their guides of JSON mode
    "json_word": Form(
        _words(r"must contain the word"),
        "the word JSON added to the prompt",
        _saying_json,
        _words("json"),
        parameters=frozenset({"response_format"}),
    ),
    # servers that know no such parameter (langchain#34797)
    "response_format": Form(
        _words("response_format"),
        "response_format asked for in the prompt",
        _asking_for_json,
        _words(_UNKNOWN + "response_format", "response_format['`\"]? (?:parameter )?is not"),
        unless=_words("type", "schema"),
        parameters=frozenset({"response_format"}),
    ),
    # DeepSeek: "This response_format type is unavailable now" (khoj#1336)
    "json_schema": Form(
        _words("response_format", "json_schema", "structured output"),
        "json_schema sent as JSON mode with the schema in the prompt",
        _json_mode_instead,
        _NO,
        unless=_SCHEMA_IS_WRONG,
        parameters=frozenset({"response_format"}),
    ),
    # Qwen: "Json mode response is not supported when enable_thinking is true" (agentscope#1334)
    "json_object": Form(
        _words("response_format", "json_object", "json mode"),
        "JSON mode asked for in the prompt",
        lambda body, lesson: _asking_for_json(body, lesson) if _format_of(body)[0] == "json_object" else None,
        _NO,
        unless=_SCHEMA_IS_WRONG,
        parameters=frozenset({"response_format"}),
    ),
    # Doubao: "Invalid combination of reasoning_effort and thinking type" (models.dev#5645)
    "effort": Form(
        _words(r"reasoning.?effort", r"thinking.?level", r"\beffort\b"),
        "reasoning_effort lowered or left out",
        _other_effort,
        _NO,
        parameters=frozenset({"reasoning_effort", "thinking"}),
    ),
    # OpenAI's reasoning models, Kimi
    "max_tokens": Form(
        _words(
            r"\bmax_completion_tokens\b.{0,20}instead", r"\bmax_tokens\b" + _NOT_TAKEN, _UNKNOWN + r"\bmax_tokens\b"
        ),
        "max_tokens sent as max_completion_tokens",
        _renamed("max_tokens", "max_completion_tokens"),
        _ANY,
        parameters=frozenset({"max_tokens"}),
    ),
    # servers older than it (agentscope#2126)
    "max_completion_tokens": Form(
        _words(
            r"\bmax_tokens\b.{0,20}instead",
            r"\bmax_completion_tokens\b" + _NOT_TAKEN,
            _UNKNOWN + r"\bmax_completion_tokens\b",
        ),
        "max_completion_tokens sent as max_tokens",
        _renamed("max_completion_tokens", "max_tokens"),
        _ANY,
        parameters=frozenset({"max_completion_tokens"}),
    ),
    # typed gateways, of what extra_body holds
    "null": Form(
        _words(r"\bnull\b", r"none is not an allowed", "NoneType", "空值"), "nulls left out", _without_nulls, _NO
    ),
    # everybody but OpenAI (agentscope#2126)
    "developer": Form(_words("developer"), "role developer sent as system", _each(_role("developer", "system")), _NO),
    # the templates of Qwen 3.5 and later (vllm#41114)
    "system_first": Form(
        _words(r"system.{0,40}(?:beginning|first|start)", r"(?:beginning|first).{0,40}system"),
        "later system messages sent as the user's",
        _messages(system_first),
        _ANY,
    ),
    # Gemma says "Developer instruction is not enabled"
    "system": Form(
        _words(r"['`\"]system['`\"]", r"system (?:role|message|prompt|instruction)s?", "developer instruction"),
        "role system sent as user",
        _each(_role("system", "user")),
        _words(r"not (?:support|allow|enabled)", "does ?n[o'’]t support", "unsupported", "不支持"),
    ),
    # DeepSeek R1, Mistral's templates
    "alternating": Form(
        _words(r"alternat", r"(?:successive|consecutive) (?:user|assistant|messages|roles)"),
        "messages of one role in a row joined",
        _messages(alternating),
        _ANY,
    ),
    # Ark, older OpenAI-compatible servers
    "strict": Form(
        _words(r"\bstrict\b"), "strict left out of the tools", _without_strict, _NO, unless=_words("schema")
    ),
    # recorded of DeepSeek: "invalid type: sequence, expected a string"
    "string_content": Form(
        _words(r"sequence, expected a string", r"content.{0,60}(?:must|should) be (?:a |of type )?string"),
        "lists of text parts sent as strings",
        _each(_as_string),
        _ANY,
    ),
    # Kimi K3, of turns with nothing but calls (opencode#39451)
    "empty_content": Form(
        _words(r"content or tool_calls must be set", r"(?:must|can) ?not be empty", r"non-empty"),
        "empty content filled",
        _each(_filled),
        _ANY,
    ),
    # OpenAI, of calls that Gemini made
    "extra_content": Form(
        _words("extra_content"), "thought signatures left out", _each(_without_extras), _NO, unless=_words("missing")
    ),
}
