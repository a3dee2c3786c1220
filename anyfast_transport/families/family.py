"""How a family of models may depart from OpenAI's dialect: the facts of one row.

A row lists departures only. An unlisted parameter goes under its own name; an unknown model gets `PLAIN` and works.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

JSON = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateTokens:
    """What a family's chat template adds to a prompt, in tokens.

    Attributes:
        request: To every request.
        message: To every message.
        tools: To a request with tools.
        schema: For each token of a tool's JSON: templates leave out or repeat some of it.
        deep: To a request with an effort of high or max.
    """

    request: float = 3
    message: float = 3
    tools: float = 20
    schema: float = 0.75
    deep: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The facts of one model family.

    Attributes:
        name: What messages call it.
        ids: Lower-case patterns of its model ids: how they begin, with `*` for whatever stands between two pieces
            (`qwen*-thinking`); one that ends in `$` is a whole id. The most specific pattern of all rows wins.
        thinking: Body fragment for thinking on (True), off (False) and not said (None). A missing True or False means
            that the family has no documented way to say it.
        thinks_by_default: Whether it thinks when nothing is said.
        responses_only: Whether it is served on the Responses API alone, so that no chat can be sent.
        thinking_off_is_weaker: It cannot be switched off; False sends its lowest level, with a warning.
        effort_path: Where `reasoning_effort` goes in the body (dots nest); None where there is no such thing.
        second_effort_path: Where it goes as well, since some servers of the model read it there.
        effort_levels: The levels it takes, weakest first; empty takes any.
        effort_default: The level it takes when none is said; None where unknown.
        effort_without_thinking: Levels that mean "do not think".
        template_opens_thought: Whether its chat template opens the thought in the prompt, so that a server without a
            reasoning parser lets only the closing tag through.
        reasoning_replay: Which assistant turns carry their reasoning back: `"always"` all of them, `"tool_loop"` those
            after the last user message, `"never"` none.
        reasoning_placeholder: What stands in for reasoning that a turn does not have; None leaves the field out.
        placeholder_on: Which turns get the placeholder: all, or those that called tools.
        forces_tools_while_thinking: Whether it takes `tool_choice` required or named while it thinks.
        json_object: When `response_format: json_object` works.
        json_schema: Whether `response_format: json_schema` works.
        json_needs_the_word: Whether JSON mode is refused unless a message says "json".
        length_parameter: Its name for `max_tokens`.
        ranges: Documented ranges of sampling parameters that are narrower than everybody's.
        top_p: What is sent as `top_p` where the caller says none, while thinking (True) and else (False).
        max_output: Documented upper bound of that parameter, in tokens; None where none is documented.
        stop_limit: Documented number of stop sequences; None where none is documented.
        ignores: Parameters that it documents as without effect: dropped, with a warning.
        refuses: Parameters that it answers with a 400, and why.
        takes_n: Whether `n` above 1 is documented; sent in any case, unless it is among `ignores` or `refuses`.
        takes_user_id: Whether `user_id` is documented.
        takes_names: Whether a message's `name` is documented.
        takes_prefix: Whether a message's `prefix` is documented.
        parts: Types of content part that it takes; None takes any.
        flattens_text: Whether content must be a string, so that lists of text parts are joined.
        signature_placeholder: Thought signature for a call that this family did not make; None where it needs none.
        keeps_gemini_turns: Whether what Gemini puts into its turns goes back to it: thought signatures
            (`extra_content`), and images as data URIs in the text. To others these mean nothing, and weigh megabytes.
        call_ids: What the id of a tool call may look like, as a regular expression; None where its own ids are of
            another form, so that any will do.
        system_first: Whether a system message is refused anywhere but at the beginning.
        call_markup: Dialects in which its models write tool calls into the text: `dsml` is DeepSeek's, `tool_call` the
            tag of that name with JSON, `function` Qwen3-Coder's. No other markup of its text is ever a call.
        makes_images: Whether its answers hold pictures.
        image_config: What can be said of those pictures: setting → the values that are documented.
        image_config_path: Where it goes in the body (dots nest).
        takes_tools: Whether it calls tools.
        inputs: Types of content part that its models are known to take, where `parts` refuses none; None where unknown.
        template_tokens: What its chat template adds to a prompt; for estimates alone.
        context_window: Tokens, prompt and answer together; None where unknown.
        output_limit: Tokens of the longest answer; None where unknown.
    """

    name: str
    ids: tuple[str, ...] = ()
    thinking: Mapping[bool | None, JSON] = field(default_factory=dict)
    responses_only: bool = False
    thinks_by_default: bool = False
    thinking_off_is_weaker: bool = False
    effort_path: str | None = None
    second_effort_path: str | None = None
    effort_levels: tuple[str, ...] = ()
    effort_default: str | None = None
    effort_without_thinking: frozenset[str] = frozenset()
    template_opens_thought: bool = False
    reasoning_replay: Literal["always", "tool_loop", "never"] = "never"
    reasoning_placeholder: str | None = None
    placeholder_on: Literal["all", "tool_calls"] = "all"
    forces_tools_while_thinking: bool = True
    json_object: Literal["always", "not_thinking", "never"] = "always"
    json_schema: bool = False
    json_needs_the_word: bool = False
    length_parameter: str = "max_tokens"
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    top_p: Mapping[bool, float] = field(default_factory=dict)
    max_output: int | None = None
    stop_limit: int | None = None
    ignores: frozenset[str] = frozenset()
    refuses: Mapping[str, str] = field(default_factory=dict)
    takes_n: bool = False
    takes_user_id: bool = False
    takes_names: bool = False
    takes_prefix: bool = False
    parts: frozenset[str] | None = None
    flattens_text: bool = False
    signature_placeholder: str | None = None
    keeps_gemini_turns: bool = False
    # OpenAI: "Expected a string with maximum length 40" (camel#2215, dify#28987); Anthropic: ^[a-zA-Z0-9_-]+$
    call_ids: str | None = r"[a-zA-Z0-9_-]{1,40}"
    system_first: bool = False
    call_markup: frozenset[Literal["dsml", "tool_call", "function"]] = frozenset()
    makes_images: bool = False
    image_config: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    image_config_path: str = "image_config"
    takes_tools: bool = True
    inputs: frozenset[str] | None = None
    template_tokens: TemplateTokens = TemplateTokens()
    context_window: int | None = None
    output_limit: int | None = None


THINKING_TYPE: Mapping[bool | None, JSON] = {
    True: {"thinking": {"type": "enabled"}},
    False: {"thinking": {"type": "disabled"}},
}
"""The switch as DeepSeek, Doubao, Kimi and GLM spell it."""


def successors(newest: Family, *, name: str, ids: tuple[str, ...]) -> Family:
    """The row of a vendor's models that no other row knows: its newest dialect, without the limits of its models.

    Args:
        newest: The vendor's newest row.
        name: What messages call it.
        ids: Patterns, less specific than those of the vendor's other rows.

    Returns:
        The row.
    """
    return replace(
        newest,
        name=name,
        ids=ids,
        ranges={},
        max_output=None,
        stop_limit=None,
        parts=None,
        inputs=None,
        effort_default=None,
        context_window=None,
        output_limit=None,
    )
