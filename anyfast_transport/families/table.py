"""What each model family departs in from OpenAI's dialect: facts, each with its source.

A row lists departures only. An unlisted parameter goes under its own name; an unknown model gets `PLAIN` and works.

Sources are named in the comments: "page" is the family's page in Anyfast's API reference (the law); "upstream" is the
vendor's own document; "recorded" is an exchange that somebody recorded; "new-api" is the open-source gateway that
Anyfast appears to run; "guess" is ours, to be changed in its one line once a live key has spoken.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

JSON = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The facts of one model family.

    Attributes:
        name: What messages call it.
        prefixes: Lower-case beginnings of its model ids; the longest match wins.
        thinking: Body fragment for thinking on (True), off (False) and not said (None). A missing True or False means
            that the family has no documented way to say it.
        thinks_by_default: Whether it thinks when nothing is said.
        thinking_off_is_weaker: It cannot be switched off; False sends its lowest level, with a warning.
        effort_path: Where `reasoning_effort` goes in the body (dots nest); None where there is no such thing.
        effort_levels: The levels it takes, weakest first; empty takes any.
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
        context_window: Tokens, prompt and answer together; None where unknown.
        output_limit: Tokens of the longest answer; None where unknown.
    """

    name: str
    prefixes: tuple[str, ...] = ()
    thinking: Mapping[bool | None, JSON] = field(default_factory=dict)
    thinks_by_default: bool = False
    thinking_off_is_weaker: bool = False
    effort_path: str | None = None
    effort_levels: tuple[str, ...] = ()
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
    context_window: int | None = None
    output_limit: int | None = None


_THINKING_TYPE: Mapping[bool | None, JSON] = {
    True: {"thinking": {"type": "enabled"}},
    False: {"thinking": {"type": "disabled"}},
}
_SHOW_THOUGHTS: JSON = {"extra_body": {"google": {"thinking_config": {"include_thoughts": True}}}}

DEEPSEEK = Family(
    name="DeepSeek V4",
    prefixes=("deepseek",),
    thinking=_THINKING_TYPE,  # page deepseek-v4-pro
    thinks_by_default=True,  # upstream thinking_mode guide; recorded
    # Page deepseek-v4-pro nests the effort; DeepSeek's own API reads `reasoning_effort` at the top level.
    effort_path="thinking.reasoning_effort",
    effort_levels=("low", "medium", "high", "max"),  # page deepseek-v4-pro
    template_opens_thought=True,  # the model's encoding_dsv4.py puts <think> behind the prompt
    # Upstream thinking_mode guide: a request with tools must pass back all earlier reasoning, else 400.
    reasoning_replay="always",
    # Guess between two reports: "" is taken (vercel/ai, dify) and "" is refused (hermes-agent#17341), and older
    # new-api drops ""; a space survives all three.
    reasoning_placeholder=" ",
    forces_tools_while_thinking=False,  # recorded: "Thinking mode does not support this tool_choice"
    json_object="always",  # page; works while thinking (langchain#39599)
    json_needs_the_word=True,  # upstream json_mode guide
    stop_limit=16,  # page
    ignores=frozenset({"frequency_penalty", "presence_penalty"}),  # page: deprecated, no effect
    refuses={"n": "it answers once: n above 1 is refused upstream"},  # recorded: "only n = 1 is supported"
    takes_user_id=True,  # page
    takes_names=True,  # page deepseek-v4-pro
    takes_prefix=True,  # page deepseek-v4-pro
    parts=frozenset({"text"}),  # recorded: "unknown variant `image_url`, expected `text`"
    flattens_text=True,  # page: content is a string
    context_window=1_000_000,  # upstream pricing page
    output_limit=384_000,  # upstream pricing page
)
DEEPSEEK_VISION = replace(
    DEEPSEEK,
    name="DeepSeek V4 vision",
    prefixes=("deepseek-v4-flash-vision", "deepseek-v4-pro-vision"),  # seen upstream by 2026-08
    parts=None,
    flattens_text=False,
)
DEEPSEEK_V3 = replace(
    DEEPSEEK,
    name="DeepSeek V3",
    prefixes=("deepseek-v3", "deepseek-chat"),
    thinks_by_default=False,  # upstream: the chat models of that generation think when told to
    stop_limit=None,
    context_window=128_000,  # upstream
    output_limit=None,
)

QWEN = Family(
    name="Qwen 3.6",
    prefixes=("qwen3.6",),
    # Page: off unless said. Upstreams differ on the default, so it is always said.
    thinking={True: {"enable_thinking": True}, False: {"enable_thinking": False}, None: {"enable_thinking": False}},
    template_opens_thought=True,  # the models' chat_template.jinja, from Qwen3-Thinking-2507 on
    reasoning_replay="tool_loop",  # upstream: kept with tool results, earlier turns are left out by the template
    forces_tools_while_thinking=False,  # upstream 400: required and object unsupported in thinking mode
    json_object="not_thinking",  # upstream 400: "Json mode response is not supported when enable_thinking is true"
    json_needs_the_word=True,  # upstream
    length_parameter="max_completion_tokens",  # page
    max_output=65_536,  # page
    parts=frozenset({"text", "image_url", "video_url"}),  # page
    # Its chat template raises "System message must be at the beginning." (vllm#41114); whether the gateway's upstream
    # has that template is a guess.
    system_first=True,
    context_window=1_000_000,  # Anyfast guide qwen3.6-flash
    output_limit=65_536,  # Anyfast guide qwen3.6-flash
)
QWEN_3 = replace(
    QWEN,
    name="Qwen 3",
    prefixes=("qwen3", "qwen-plus", "qwen-turbo", "qwen-max"),
    length_parameter="max_tokens",  # page endpoints/openai, which lists them
    max_output=None,
    parts=None,
    context_window=None,
    output_limit=None,
)
QWEN_WITHOUT_THINKING = replace(
    QWEN_3,
    name="Qwen without thinking",
    prefixes=("qwen", "qwen3-coder"),
    thinking={False: {}},
    reasoning_replay="never",
    system_first=False,  # the templates up to Qwen 3 take a system message anywhere
)
QWEN_2_VL = replace(
    QWEN_WITHOUT_THINKING,
    name="Qwen 2 VL",
    prefixes=("qwen2-vl",),
    max_output=8_192,  # page qwen2-vl-72b-instruct
)

DOUBAO = Family(
    name="Doubao Seed",
    prefixes=("doubao",),
    thinking=_THINKING_TYPE,  # page
    thinks_by_default=True,  # page: Doubao-Seed-2.1 thinks by default
    effort_path="reasoning_effort",  # page
    effort_levels=("minimal", "low", "medium", "high"),  # page
    effort_without_thinking=frozenset({"minimal"}),  # upstream: minimal means no thinking
    reasoning_replay="tool_loop",  # guess: Ark's message schema takes it; no rule is documented
    max_output=262_144,  # page
    parts=frozenset({"text", "image_url", "video_url"}),  # Anyfast guide; documents only on the Responses API
    context_window=262_144,  # upstream
    output_limit=262_144,  # page
)

GEMINI_3 = Family(
    name="Gemini 3",
    prefixes=("gemini",),
    # new-api: snake_case, a literal `extra_body` field of the JSON body.
    # `low` is the lowest level documented (page chat-compatible-thinking); Gemini 3 cannot be switched off (upstream).
    thinking={True: _SHOW_THOUGHTS, False: {"reasoning_effort": "low"}},
    thinks_by_default=True,  # upstream
    thinking_off_is_weaker=True,
    effort_path="reasoning_effort",  # page chat-compatible-thinking
    effort_levels=("low", "medium", "high"),  # page chat-compatible-thinking
    reasoning_replay="never",  # thoughts go back as signatures on the calls, not as text (upstream)
    json_schema=True,  # new-api converts it to a response schema
    takes_n=True,  # page gemini
    signature_placeholder="skip_thought_signature_validator",  # upstream thought-signatures page
    keeps_gemini_turns=True,  # upstream thought-signatures page
    call_ids=None,  # a LiteLLM channel hides the signature in the id (litellm#16895)
    context_window=1_048_576,  # upstream
    output_limit=65_536,  # upstream
)
GEMINI_25 = replace(
    GEMINI_3,
    name="Gemini 2.5",
    prefixes=("gemini-2.5",),
    thinking={True: _SHOW_THOUGHTS, False: {"reasoning_effort": "none"}},  # upstream: none switches 2.5 off
    thinking_off_is_weaker=False,
    signature_placeholder=None,  # upstream: enforced from Gemini 3 on
)
GEMINI_20 = replace(
    GEMINI_25,
    name="Gemini 2.0",
    prefixes=("gemini-2.0",),
    thinking={False: {}},  # upstream: does not think, and refuses include_thoughts
    thinks_by_default=False,
    effort_path=None,
    effort_levels=(),
    output_limit=8_192,  # upstream
)

KIMI = Family(
    name="Kimi",
    prefixes=("kimi",),
    thinking=_THINKING_TYPE,  # page kimi-k2.6
    thinks_by_default=True,  # page kimi-k2.6
    # Upstream 400: "reasoning_content is missing in assistant tool call message at index N".
    reasoning_replay="always",
    reasoning_placeholder=" ",
    placeholder_on="tool_calls",
    forces_tools_while_thinking=False,  # recorded: "tool_choice 'specified' is incompatible with thinking enabled"
    length_parameter="max_completion_tokens",  # page: max_tokens is not honoured
    call_ids=None,  # recorded: its own ids are get_weather_0, and functions.get_weather:0 upstream
    parts=frozenset({"text", "image_url", "video_url"}),  # page
    context_window=262_144,  # page
)

GLM = Family(
    name="GLM",
    prefixes=("glm",),
    thinking={True: {}, False: {"reasoning_effort": "none"}},  # page glm-5.2: none skips thinking; it thinks by default
    thinks_by_default=True,  # page: effort is max by default
    effort_path="reasoning_effort",  # page
    effort_levels=("minimal", "low", "medium", "high", "xhigh", "max"),  # page
    effort_without_thinking=frozenset({"minimal", "none"}),  # page
    reasoning_replay="tool_loop",  # upstream: return it with tool results
    max_output=131_072,  # page
    parts=frozenset({"text"}),  # page: no images
    context_window=1_000_000,  # page
    output_limit=131_072,  # page
)

MINIMAX = Family(
    name="MiniMax",
    prefixes=("minimax",),
    thinking={True: {}},  # it always thinks, and no switch is documented
    thinks_by_default=True,
    template_opens_thought=True,  # the model's chat_template.jinja
    reasoning_replay="tool_loop",  # upstream: interleaved thinking wants it back
    max_output=204_800,  # page MiniMax-M2.7
    context_window=204_800,  # page MiniMax-M2.7
)

GROK = Family(
    name="Grok",
    prefixes=("grok",),  # page: max_tokens, temperature, top_p, stream and no more
    json_schema=True,  # upstream
)

PLAIN = Family(
    name="OpenAI",
    effort_path="reasoning_effort",
    json_schema=True,
    takes_n=True,  # page endpoints/openai
    takes_names=True,
    keeps_gemini_turns=True,  # it may be a Gemini under another name
)

FAMILIES: tuple[Family, ...] = (
    DEEPSEEK,
    DEEPSEEK_VISION,
    DEEPSEEK_V3,
    QWEN,
    QWEN_3,
    QWEN_WITHOUT_THINKING,
    QWEN_2_VL,
    DOUBAO,
    GEMINI_3,
    GEMINI_25,
    GEMINI_20,
    KIMI,
    GLM,
    MINIMAX,
    GROK,
)

_BY_PREFIX = sorted(((p, f) for f in FAMILIES for p in f.prefixes), key=lambda row: -len(row[0]))


@lru_cache(maxsize=1024)
def family_of(model: str) -> Family:
    """Finds the row of a model by the longest prefix of its id.

    Args:
        model: Model id as the caller wrote it; a vendor in front (`MiniMax/MiniMax-M2.7`) and case are ignored.

    Returns:
        The family, or `PLAIN` for an id that no row knows.
    """
    name = model.rsplit("/", 1)[-1].lower()
    return next((family for prefix, family in _BY_PREFIX if name.startswith(prefix)), PLAIN)
