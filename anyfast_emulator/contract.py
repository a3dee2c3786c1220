"""What the gateway documents for each model family: one row each, transcribed from its pages.

Where Anyfast's page is silent, the row says what the upstream vendor does, and names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from anyfast_emulator.temperaments import DOCUMENTED, Temperament

Range = tuple[float, float]
ANY = float("inf")

# new-api (relaykit/dto/openai_request.go) decodes a body into typed fields; these it knows for every model.
_DECODED = """model messages stream stream_options temperature top_p stop tools tool_choice parallel_tool_calls
response_format seed logprobs top_logprobs metadata thinking_budget chat_template_kwargs extra_body enable_search
reasoning_effort prompt_cache_key"""
GATEWAY_PARAMETERS = frozenset(_DECODED.split())
ROLES = ("system", "user", "assistant", "tool")  # Anyfast deepseek-v4-pro page
PENALTIES = frozenset({"frequency_penalty", "presence_penalty"})
# Ranges that every page documents alike.
RANGES: Mapping[str, Range] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "top_logprobs": (0, 20),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One row: how a family departs from a plain OpenAI-compatible model.

    Args:
        name: the family's name.
        accent: whose errors and stream frames it speaks.
        parameters: documented ones beside `GATEWAY_PARAMETERS`.
        lengths: the documented length parameters, each with its range.
        ignored: parameters that are taken and have no effect.
        parts: content part types; none = content must be a string.
        stop_limit: how many stop sequences.
        stop_list_only: a bare string is refused.
        ranges: ranges that are narrower here than on every other page.
        only_responses: it is served on the Responses API alone.
        switch: the parameter that turns thinking on and off.
        switch_types: the words of `thinking.type`, the last of which is off.
        refuses_off: the refusal of a switch that is off; "" = none.
        thinks: whether it thinks when nothing is said.
        nests_effort: the effort stands in `thinking`, not at the top level.
        nullable: parameters that may be null.
        effort_beside_off: an effort may stand beside a switch that is off.
        efforts: accepted words of `reasoning_effort`; none = any word.
        idle_efforts: the words that switch thinking off.
        formats: accepted `response_format` types.
        refuses_format: the refusal of another type; `{kind}` is that type.
        refuses_json: the refusal of json_object while thinking; "" = none.
        json_word: json_object needs the word "json" in a message.
        refuses_n: the refusal of `n` above 1; "" = none.
        refuses_forced: the refusal of a forced tool choice while thinking; "" = none.
        tool_limit: how many tools.
        demands_reasoning: which earlier reasoning has to come back: its own, on each assistant turn once tools are in
            play; any, on each turn that called tools; or none.
        refuses_reasoning: the refusal of earlier reasoning that comes back; "" = none.
        rereads: which reasoning that comes back reaches the model: all of it, all of it if tools are in play, that of
            the turns since the last user message, or none.
        signs_calls: demands its thought signature back on each call.
        call_ids: how it spells the id of a call: `{id}` is random, `{index}` and `{name}` are the call's.
        usage: whose usage object it gives; "" = OpenAI's.
        draws: the words of `image_config.image_size` that it takes; none = it makes no pictures.
        shows_thoughts: thoughts come back as `reasoning_content`; else only when asked for.
        limit_counts_thoughts: reasoning eats the length limit.
        answers_as: the response's `model`; "" = as requested.
        served_by: `owned_by` in the list of models.
        temper: what the gateway in front of it does otherwise than documented.
    """

    name: str
    accent: str = "openai"
    parameters: frozenset[str] = PENALTIES
    lengths: Mapping[str, Range] = field(default_factory=lambda: {"max_tokens": (1, ANY)})
    ignored: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset({"text"})
    stop_limit: int | None = None
    stop_list_only: bool = False
    ranges: Mapping[str, Range] = field(default_factory=dict)
    only_responses: bool = False
    switch: str = ""
    switch_types: tuple[str, ...] = ("enabled", "disabled")
    refuses_off: str = ""
    thinks: bool = False
    nests_effort: bool = False
    nullable: frozenset[str] = frozenset()
    effort_beside_off: bool = True
    efforts: tuple[str, ...] = ()
    idle_efforts: tuple[str, ...] = ()
    formats: frozenset[str] = frozenset({"text", "json_object"})
    refuses_format: str = "This response_format type is unavailable now: {kind}"
    refuses_json: str = ""
    json_word: bool = False
    refuses_n: str = ""
    refuses_forced: str = ""
    tool_limit: int | None = None
    demands_reasoning: Literal["own", "any", "none"] = "none"
    refuses_reasoning: str = ""
    rereads: Literal["always", "tools", "loop", "never"] = "never"
    signs_calls: bool = False
    call_ids: str = "call_{id}"
    usage: str = ""
    draws: tuple[str, ...] = ()
    shows_thoughts: bool = True
    limit_counts_thoughts: bool = True
    answers_as: str = ""
    served_by: str = "custom"
    temper: Temperament = DOCUMENTED

    @property
    def frames(self) -> str:
        """Whose accent its answers have; its errors keep its own."""
        return self.temper.frames or self.accent

    @property
    def accepted(self) -> frozenset[str]:
        """Every top-level parameter that the family takes."""
        return GATEWAY_PARAMETERS | self.parameters | frozenset(self.lengths) | self.ignored


# Anyfast deepseek-v4-flash and deepseek-v4-pro pages. Parts are refused though DeepSeek itself takes text parts: the
# page says `content: string`. The tool limit and n are DeepSeek's own (create-chat-completion).
DEEPSEEK = Family(
    name="deepseek",
    accent="deepseek",
    parameters=PENALTIES | {"thinking", "user_id", "n"},
    parts=frozenset(),
    stop_limit=16,
    switch="thinking",
    thinks=True,  # DeepSeek thinking_mode guide: enabled unless told otherwise
    nullable=frozenset({"thinking"}),  # `nullable: true` on the deepseek-v4-pro page
    nests_effort=True,  # deepseek-v4-pro page
    efforts=("high", "max", "low", "medium"),  # likewise
    json_word=True,  # DeepSeek json_mode guide
    refuses_n="Invalid n value (currently only n = 1 is supported)",  # recorded
    refuses_forced="Thinking mode does not support this tool_choice",  # langchain-ai/langchain#40769
    tool_limit=128,
    demands_reasoning="own",  # DeepSeek thinking_mode guide
    rereads="tools",  # likewise: without tools it is optional and ignored
    call_ids="call_{index:02d}_{id}",  # recorded: they name the position
    usage="deepseek",
)
# No page of Anyfast; DeepSeek's pricing page and its guides of vision and thinking, 2026-09.
DEEPSEEK_41 = replace(
    DEEPSEEK,
    parts=frozenset({"text", "image_url"}),
    nests_effort=False,  # its guide has `reasoning_effort` at the top level
    efforts=("low", "medium", "high", "max", "minimal", "xhigh", "ultra"),
)
# No page of Anyfast; DeepSeek's reasoning_model page.
DEEPSEEK_R1 = replace(
    DEEPSEEK,
    parameters=PENALTIES | {"n"},
    switch="",
    nests_effort=False,
    nullable=frozenset(),
    demands_reasoning="none",
    refuses_reasoning="The reasoning_content must not be part of the input messages.",
    rereads="never",
)
# Anyfast qwen3.6-flash page; tools and JSON mode are DashScope's (its page lists neither).
QWEN = Family(
    name="qwen",
    accent="qwen",
    parameters=PENALTIES | {"enable_thinking"},
    lengths={"max_completion_tokens": (1, 65536)},
    parts=frozenset({"text", "image_url", "video_url"}),
    stop_list_only=True,  # 必须为数组格式
    switch="enable_thinking",
    refuses_json="Json mode response is not supported when enable_thinking is true",  # agentscope#1334
    json_word=True,
    refuses_forced="InternalError.Algo.InvalidParameter: The tool_choice parameter does not support being set to "
    "required or object in thinking mode",  # cloudwego/eino#994
    rereads="loop",  # its template keeps the reasoning of the last turn only (qwencloud preserve_thinking)
    usage="qwen",
    served_by="ali",
)
# Anyfast endpoints/openai page lists their siblings with max_tokens; the refusal is in new-api's ali/adaptor.go.
QWEN_THINKS = replace(
    QWEN,
    lengths={"max_tokens": (1, ANY)},
    thinks=True,
    refuses_off="The value of the enable_thinking parameter is restricted to True.",
)
# No page of Anyfast; qwen-code#8472, 2026-08.
QWEN_38 = replace(QWEN, lengths={"max_completion_tokens": (1, ANY)}, efforts=("low", "medium", "xhigh", "high", "max"))
# Anyfast doubao-seed-evolving page; stop limit from its Doubao endpoint page, effort + disabled from models.dev#5645.
DOUBAO = Family(
    name="doubao",
    accent="doubao",
    parameters=frozenset({"thinking"}),
    lengths={"max_tokens": (1, 262144)},
    parts=frozenset({"text", "image_url", "video_url"}),
    stop_limit=4,
    switch="thinking",
    thinks=True,  # Doubao-Seed-2.1 默认开启
    efforts=("minimal", "low", "medium", "high"),
    idle_efforts=("minimal",),
    effort_beside_off=False,  # models.dev#5645
    refuses_format="The parameter `response_format.type` specified in the request are not valid: "
    "`{kind}` is not supported by this model.",  # recorded
    rereads="loop",  # guess: taken on tool turns, and no page says what becomes of it
    limit_counts_thoughts=False,  # BytePlus Chat API: max_tokens excludes the chain of thought
    served_by="volcengine",
)
# Anyfast gemini page and its chat-compatible-thinking page; the rest from new-api's Gemini conversion.
GEMINI_25 = Family(
    name="gemini",
    accent="gemini",
    parameters=PENALTIES | {"n"},
    parts=frozenset({"text", "image_url", "video_url", "input_audio", "file"}),
    stop_limit=5,
    thinks=True,
    efforts=("low", "medium", "high", "none"),  # ai.google.dev/gemini-api/docs/openai: none on 2.5 only
    idle_efforts=("none",),
    formats=frozenset({"text", "json_object", "json_schema"}),
    shows_thoughts=False,
    served_by="vertex-ai",
)
GEMINI_3 = replace(
    GEMINI_25,
    efforts=("low", "medium", "high"),
    idle_efforts=(),
    signs_calls=True,  # ai.google.dev/gemini-api/docs/thought-signatures
)
# ai.google.dev/gemini-api/docs/image-generation: no function calling; sizes from 1K on; signatures are not enforced
GEMINI_IMAGE = replace(GEMINI_3, signs_calls=False, tool_limit=0, formats=frozenset({"text"}), draws=("1K", "2K", "4K"))
GEMINI_FLASH_IMAGE = replace(GEMINI_IMAGE, draws=("512", "1K", "2K", "4K"))
# Google Cloud's guide gemini-3-5-flash: levels MINIMAL to HIGH, and no way to switch it off.
GEMINI_3_FLASH = replace(GEMINI_3, efforts=("minimal", "low", "medium", "high"))
GEMINI_20 = replace(GEMINI_25, thinks=False)
# Anyfast kimi-k2.6 page: "max_tokens is deprecated and not honored".
KIMI = Family(
    name="kimi",
    parameters=PENALTIES | {"thinking"},
    lengths={"max_completion_tokens": (1, ANY)},
    ignored=frozenset({"max_tokens"}),
    parts=frozenset({"text", "image_url", "video_url"}),
    stop_limit=5,
    switch="thinking",
    thinks=True,
    refuses_forced="tool_choice 'specified' is incompatible with thinking enabled",
    demands_reasoning="any",  # recorded: "reasoning_content is missing in assistant tool call message"
    rereads="always",  # kimi-k2.6 page: `thinking` also keeps earlier reasoning_content
    call_ids="{name}_{index}",  # recorded: not unique across turns
    usage="kimi",
)
# Moonshot's quickstart of kimi-k2-7-code: an error when thinking is disabled.
KIMI_27 = replace(KIMI, refuses_off="invalid thinking: only type=enabled is allowed for this model")
# models.dev kimi-k3, 2026-10: it always thinks, and knows no `thinking`; recorded: only temperature 1.
KIMI_3 = replace(KIMI, parameters=PENALTIES, switch="", efforts=("low", "high", "max"), ranges={"temperature": (1, 1)})
# Anyfast glm-5.2 page; GLM silently makes one answer of n = 2.
GLM = Family(
    name="glm",
    accent="glm",
    parameters=PENALTIES | {"thinking"},
    lengths={"max_tokens": (1, 131072)},
    ignored=frozenset({"n"}),
    ranges={"temperature": (0, 1), "top_p": (0.01, 1)},
    switch="thinking",
    thinks=True,
    efforts=("max", "xhigh", "high", "medium", "low", "minimal", "none"),
    idle_efforts=("none", "minimal"),
    rereads="loop",  # upstream: return it with the results of tools
)
# Z.ai's thinking guides: before 5.2 nobody reads `reasoning_effort`, and `thinking.type` is the switch.
GLM_47 = replace(GLM, ranges={}, ignored=frozenset({"n", "reasoning_effort"}), efforts=(), idle_efforts=())
# hermes-agent#85890, 2026-08: code 1210.
GLM_53 = replace(
    GLM,
    ranges={},
    refuses_off="This model always engages in thinking and cannot be disabled; please use low, high, or max",
    efforts=("low", "high", "max"),
    idle_efforts=(),
)
GLM_53_FLASH = replace(GLM_53, parts=frozenset({"text", "image_url", "video_url"}))  # langchain-openrouter 0.2.9
# Anyfast MiniMax-M2.7 page.
MINIMAX = Family(
    name="minimax",
    lengths={"max_tokens": (1, 204800)},
    thinks=True,
    rereads="loop",  # upstream: interleaved thinking wants it back
    answers_as="MiniMax/MiniMax-M2.7",
    served_by="minimax",
)
# evolink minimax-m3-chat, 2026-06.
MINIMAX_3 = replace(
    MINIMAX,
    parameters=PENALTIES | {"thinking"},
    lengths={"max_tokens": (1, 524288)},
    parts=frozenset({"text", "image_url", "video_url"}),
    switch="thinking",
    switch_types=("adaptive", "disabled"),
    answers_as="",
)
# Anyfast OpenAI endpoint page.
PLAIN = Family(
    name="plain",
    parameters=PENALTIES | {"n", "user"},
    parts=frozenset({"text", "image_url", "input_audio", "file"}),
    formats=frozenset({"text", "json_object", "json_schema"}),
    json_word=True,
    served_by="openai",
)
GROK = replace(PLAIN, name="grok", parameters=PENALTIES, parts=frozenset({"text"}), served_by="xai")
# docs.x.ai by opencode#39448 and Zoo-Code#866, 2026-08.
GROK_43 = replace(GROK, thinks=True, efforts=("none", "low", "medium", "high"), idle_efforts=("none",))
GROK_45 = replace(GROK, thinks=True, efforts=("low", "medium", "high"))
# Anyfast gpt-5.2 and gpt-5.5 pages: POST /v1/responses.
RESPONSES = replace(PLAIN, only_responses=True)

_SERVED: tuple[tuple[Family, str], ...] = (
    (DEEPSEEK, "deepseek-v4-flash deepseek-v4-pro"),
    (DEEPSEEK_41, "deepseek-flash deepseek-v4.1-flash deepseek-v4-flash-vision-exp"),
    (DEEPSEEK_R1, "deepseek-r1 deepseek-reasoner"),
    (QWEN, "qwen3.6-flash"),
    (QWEN_THINKS, "qwen3-max-thinking qwen3-235b-a22b-thinking-2507 qwen3.8-max-preview"),
    (QWEN_38, "qwen3.8-max"),
    (DOUBAO, "doubao-seed-evolving doubao-seed-2.1-pro doubao-seed-2.1-turbo doubao-seed-2.0-pro"),
    (GEMINI_3, "gemini-3.1-pro-preview gemini-3-pro-preview"),
    (GEMINI_3_FLASH, "gemini-3.1-flash-lite-preview gemini-3-flash-preview gemini-3.5-flash gemini-3.8-flash"),
    (GEMINI_IMAGE, "gemini-3-pro-image-preview"),
    (GEMINI_FLASH_IMAGE, "gemini-3.1-flash-image-preview"),
    (GEMINI_25, "gemini-2.5-pro gemini-2.5-flash gemini-2.5-flash-lite"),
    (GEMINI_20, "gemini-2.0-flash"),
    (KIMI, "kimi-k2.6"),
    (KIMI_27, "kimi-k2.7-code kimi-k2-thinking"),
    (KIMI_3, "kimi-k3"),
    (GLM, "glm-5.2"),
    (GLM_47, "glm-4.5 glm-4.6 glm-4.7 glm-4-7-251222 glm-5.1"),
    (GLM_53, "glm-5.3"),
    (GLM_53_FLASH, "glm-5.3-flash"),
    (MINIMAX, "MiniMax-M2.7"),
    (MINIMAX_3, "MiniMax-M3"),
    (GROK, "grok-3 grok-4-1-fast-non-reasoning"),
    (GROK_43, "grok-4.3"),
    (GROK_45, "grok-4.5"),
    (RESPONSES, "gpt-5.2 gpt-5.5"),
    (PLAIN, "gpt-4o gpt-4o-mini gpt-4-1 claude-sonnet-4-6"),
)
MODELS: Mapping[str, Family] = {model: family for family, models in _SERVED for model in models.split()}
