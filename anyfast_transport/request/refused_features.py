"""The parameters and forms that some model refuses, the words in which it does, and the body without them. Pure.

Each row came from a refusal that somebody met; where it was is beside it. What the user asked for has no row: tools,
messages, sampling, lengths, stops. Thinking on or off has one where the model itself leaves no choice.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from anyfast_transport.request.history import alternating, system_first
from anyfast_transport.request.quotations import Quotations
from anyfast_transport.request.rewriting import (
    JSON,
    RefusedFeature,
    asking_for_json,
    asking_for_the_call,
    content_as_string,
    content_filled,
    effort_nested_alone,
    effort_on_top_alone,
    format_of,
    json_mode_instead,
    not_thinking,
    other_effort,
    renamed,
    role_renamed,
    saying_json,
    thinking_least,
    thinking_on,
    with_each_message,
    with_messages,
    without,
    without_extras,
    without_nulls,
    without_strict,
)


@dataclass(frozen=True, slots=True)
class Feature:
    """A parameter or form that can be refused.

    Attributes:
        about: What a refusal of it speaks of; a pattern, as `refuses` and `unless` are.
        said: What is sent instead, for the user.
        rewritten: The body without it; None if the body has no such thing.
        refuses: How a refusal says no.
        parameters: Top-level parameters that it is part of, for refusals that name theirs.
        unless: Words of another mistake, which the caller has to mend.
        kept: Whether it is left out of later calls, too: `"always"` where nobody gave it or nothing is lost;
            `"for_objects"` where it is ours if the call asks for an object; `"never"` where the user gave it.
        lowers: Whether a message loses authority without it. Then one quoted word makes the refusal worthless.
    """

    about: str
    said: str
    rewritten: Callable[[JSON, RefusedFeature], JSON | None]
    refuses: str
    parameters: frozenset[str] = frozenset()
    unless: str | None = None
    kept: Literal["always", "for_objects", "never"] = "never"
    lowers: bool = False

    def is_meant(self, text: str, quotations: Quotations) -> bool:
        """Whether a refusal speaks of this form, in words of its own."""
        if self.unless and _found(self.unless, text):
            return False
        own = quotations.out_of(text)
        about = (found for found in _found(self.about, own) if not quotations.hold(found, any_word=self.lowers))
        return any(about) and bool(_found(self.refuses, own))


def _words(*alternatives: str) -> str:
    return "|".join(alternatives)


def _found(words: str, text: str) -> list[str]:
    # Compiled only now: the thirty of them would be a tenth of what the import costs, and few calls are refused.
    return [found.group() for found in re.finditer(words, text, re.IGNORECASE | re.DOTALL)]


_NO = _words(
    r"\bnot (?:be |yet )?(?:support|allow|permit|accept|available|set|valid|recogni[sz]ed|implemented|enabled|honou?r)",
    r"does ?n[o'’]t (?:support|accept|allow|take)",
    r"(?:un|not )supported|unavailable|unrecogni[sz]ed|unknown|unexpected|invalid|illegal|incompatible|deprecated",
    r"extra (?:fields|inputs)|additional properties|forbidden|must be|should be|expected",
    r"only\b.{0,40}(?:support|allow)",
    r"不支持|不允许|无效|非法|未知|暂不",
)
_MUST = _words(_NO, r"\bmust\b", r"can ?not\b", r"\binstead\b", "non-empty")
_UNKNOWN = r"(?:unrecogni[sz]ed|unknown|unsupported|unexpected|extra)\b.{0,60}"
_NOT_TAKEN = r".{0,40}(?:not (?:support|allow|permit|accept|honou?r)|unsupported|deprecated)"


_SCHEMA_IS_WRONG = _words(r"invalid (?:json )?schema", r"schema for (?:response_format|function)")
_STRANGE = r"unrecogni[sz]ed|unknown|unexpected|extra (?:fields|inputs)|not permitted"
_NESTED_EFFORT = _words(r"thinking\W{1,6}reasoning_effort", r"^thinking\b.{0,80}reasoning_effort")
FEATURES: Mapping[str, Feature] = {
    # DashScope says "The value of the enable_thinking parameter is restricted to True." (new-api ali/adaptor.go),
    # Moonshot "invalid thinking: only type=enabled is allowed for this model" (oh-my-pi#3852)
    "thinking_on": Feature(
        _words(r"thinking.{0,60}restricted to true", r"thinking.{0,20}only type=enabled"),
        "thinking switched on",
        thinking_on,
        _words("restricted", "only"),
        parameters=frozenset({"thinking", "enable_thinking"}),
        kept="always",
    ),
    # Z.ai says "This model always engages in thinking and cannot be disabled; please use low, high, or max"
    # (hermes-agent#85890, csglite#194), Ark "The current model does not support disabling thinking" (GCMP#289), Google
    # "Budget 0 is invalid. This model only works in thinking mode." (of gemini-2.5-pro)
    "thinking_off": Feature(
        _words(
            r"(?:think|reason).{0,60}can(?:not|'t| not) be (?:disabled|turned off|switched off)",
            r"not support disabling (?:think|reason)",
            r"only works in thinking mode",
            r"不支持关闭思考",
        ),
        "the lowest effort sent in place of thinking off",
        thinking_least,
        _words(r"can ?(?:not|'t)", "not support", "only", "不支持"),
        parameters=frozenset({"thinking", "enable_thinking", "reasoning_effort"}),
        kept="always",
    ),
    # DeepSeek says "The `reasoning_content` in the thinking mode must be passed back to the API." (hermes-agent#17341),
    # Moonshot "reasoning_content is missing in assistant tool call message at index 3" (recorded)
    "reasoning_back": Feature(
        _words(r"reasoning_content.{0,40}must be passed back", r"reasoning_content is missing"),
        "thinking switched off, since an earlier turn has no reasoning",
        not_thinking,
        _words("must", "missing"),
    ),
    # Anyfast's page nests the effort, DeepSeek's own API has it at the top level, and we send both: either may be
    # refused as a parameter that is not there (guess: nobody has met that yet)
    "nested_effort": Feature(
        _NESTED_EFFORT,
        "reasoning_effort left out of thinking",
        effort_on_top_alone,
        _STRANGE,
        parameters=frozenset({"thinking"}),
        kept="always",
    ),
    "top_effort": Feature(
        r"\breasoning_effort\b",
        "reasoning_effort left out of the top level",
        effort_nested_alone,
        _STRANGE,
        unless=_words(_NESTED_EFFORT, "variant", "expected", "one of"),
        parameters=frozenset({"reasoning_effort"}),
        kept="always",
    ),
    # gateways over older vLLM (langchain#34260)
    "stream_options": Feature(
        _words("stream_options", "include_usage"),
        "stream_options left out",
        without("stream_options"),
        _NO,
        parameters=frozenset({"stream_options"}),
        kept="always",
    ),
    # Gemini's compatible endpoint, 2025
    "parallel_tool_calls": Feature(
        _words("parallel_tool_calls", "parallel (?:tool|function) call"),
        "parallel_tool_calls left out",
        without("parallel_tool_calls"),
        _NO,
        parameters=frozenset({"parallel_tool_calls"}),
    ),
    # DeepSeek, Qwen, Kimi while they think (langchain#40769, eino#994)
    "tool_choice": Feature(
        _words("tool_choice", "tool choice"),
        "forced tool_choice asked for in the prompt",
        asking_for_the_call,
        _NO,
        unless=_words("not found", "no such", "none of the tools"),
        parameters=frozenset({"tool_choice"}),
        kept="for_objects",
    ),
    # DeepSeek and Qwen: their guides of JSON mode
    "json_word": Feature(
        _words(r"must contain the word"),
        "the word JSON added to the prompt",
        saying_json,
        _words(r"\bmust\b"),
        parameters=frozenset({"response_format"}),
        kept="always",
    ),
    # servers that know no such parameter (langchain#34797)
    "response_format": Feature(
        _words("response_format"),
        "response_format asked for in the prompt",
        asking_for_json,
        _words(_UNKNOWN + "response_format", "response_format['`\"]? (?:parameter )?is not"),
        unless=_words("type", "schema"),
        parameters=frozenset({"response_format"}),
        kept="for_objects",
    ),
    # DeepSeek: "This response_format type is unavailable now" (khoj#1336)
    "json_schema": Feature(
        _words("response_format", "json_schema", "structured output"),
        "json_schema sent as JSON mode with the schema in the prompt",
        json_mode_instead,
        _NO,
        unless=_SCHEMA_IS_WRONG,
        parameters=frozenset({"response_format"}),
        kept="for_objects",
    ),
    # Qwen: "Json mode response is not supported when enable_thinking is true" (agentscope#1334)
    "json_object": Feature(
        _words("response_format", "json_object", "json mode"),
        "JSON mode asked for in the prompt",
        lambda body, refused_feature: (
            asking_for_json(body, refused_feature) if format_of(body)[0] == "json_object" else None
        ),
        _NO,
        unless=_SCHEMA_IS_WRONG,
        parameters=frozenset({"response_format"}),
        kept="for_objects",
    ),
    # Doubao: "Invalid combination of reasoning_effort and thinking type" (models.dev#5645)
    "effort": Feature(
        _words(r"reasoning.?effort", r"thinking.?level", r"\beffort\b"),
        "reasoning_effort lowered or left out",
        other_effort,
        _NO,
        parameters=frozenset({"reasoning_effort", "thinking"}),
    ),
    # OpenAI's reasoning models, Kimi
    "max_tokens": Feature(
        _words(
            r"\bmax_completion_tokens\b.{0,20}instead", r"\bmax_tokens\b" + _NOT_TAKEN, _UNKNOWN + r"\bmax_tokens\b"
        ),
        "max_tokens sent as max_completion_tokens",
        renamed("max_tokens", "max_completion_tokens"),
        _MUST,
        parameters=frozenset({"max_tokens"}),
        kept="always",
    ),
    # servers older than it (agentscope#2126)
    "max_completion_tokens": Feature(
        _words(
            r"\bmax_tokens\b.{0,20}instead",
            r"\bmax_completion_tokens\b" + _NOT_TAKEN,
            _UNKNOWN + r"\bmax_completion_tokens\b",
        ),
        "max_completion_tokens sent as max_tokens",
        renamed("max_completion_tokens", "max_tokens"),
        _MUST,
        parameters=frozenset({"max_completion_tokens"}),
        kept="always",
    ),
    # typed gateways, of what extra_body holds
    "null": Feature(
        _words(r"\bnull\b", r"none is not an allowed", "NoneType", "空值"), "nulls left out", without_nulls, _NO
    ),
    # everybody but OpenAI (agentscope#2126)
    "developer": Feature(
        _words("developer"),
        "role developer sent as system",
        with_each_message(role_renamed("developer", "system")),
        _NO,
        kept="always",
    ),
    # the templates of Qwen 3.5 and later (vllm#41114)
    "system_first": Feature(
        _words(r"system.{0,40}(?:beginning|first|start)", r"(?:beginning|first).{0,40}system"),
        "later system messages sent as the user's",
        with_messages(system_first),
        _MUST,
        lowers=True,
    ),
    # Gemma says "Developer instruction is not enabled"
    "system": Feature(
        _words(r"['`\"]system['`\"]", r"system (?:role|message|prompt|instruction)s?", "developer instruction"),
        "role system sent as user",
        with_each_message(role_renamed("system", "user")),
        _words(r"not (?:support|allow|enabled)", "does ?n[o'’]t support", "unsupported", "不支持"),
        lowers=True,
    ),
    # DeepSeek R1, Mistral's templates
    "alternating": Feature(
        _words(r"alternat", r"(?:successive|consecutive) (?:user|assistant|messages|roles)"),
        "messages of one role in a row joined",
        with_messages(alternating),
        _MUST,
        kept="always",
    ),
    # Ark, older OpenAI-compatible servers
    "strict": Feature(
        _words(r"\bstrict\b"), "strict left out of the tools", without_strict, _NO, unless=_words("schema")
    ),
    # recorded of DeepSeek: "invalid type: sequence, expected a string"
    "string_content": Feature(
        _words(r"sequence, expected a string", r"content.{0,60}(?:must|should) be (?:a |of type )?string"),
        "lists of text parts sent as strings",
        with_each_message(content_as_string),
        _MUST,
        kept="always",
    ),
    # Kimi K3, of turns with nothing but calls (opencode#39451)
    "empty_content": Feature(
        _words(r"content or tool_calls must be set", r"(?:must|can) ?not be empty", r"non-empty"),
        "empty content filled",
        with_each_message(content_filled),
        _MUST,
        kept="always",
    ),
    # OpenAI, of calls that Gemini made
    "extra_content": Feature(
        _words("extra_content"),
        "thought signatures left out",
        with_each_message(without_extras),
        _NO,
        unless=_words("missing"),
        kept="always",
    ),
}
