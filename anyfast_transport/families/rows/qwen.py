"""The rows of Qwen."""

from dataclasses import replace

from anyfast_transport.families.family import Family, TemplateTokens, successors

_SEES = frozenset({"text", "image_url", "video_url"})

QWEN = Family(
    name="Qwen 3.6",
    ids=("qwen3.6",),
    # Page: off unless said. Upstreams differ on the default, so it is always said.
    thinking={True: {"enable_thinking": True}, False: {"enable_thinking": False}, None: {"enable_thinking": False}},
    template_opens_thought=True,  # the models' chat_template.jinja, from Qwen3-Thinking-2507 on
    reasoning_replay="tool_loop",  # upstream: kept with tool results, earlier turns are left out by the template
    forces_tools_while_thinking=False,  # upstream 400: required and object unsupported; qwen-code#8472, 2026-08
    json_object="not_thinking",  # upstream 400: "Json mode response is not supported when enable_thinking is true"
    json_needs_the_word=True,  # upstream
    length_parameter="max_completion_tokens",  # page
    max_output=65_536,  # page
    parts=_SEES,  # page
    # Its chat template raises "System message must be at the beginning." (vllm#41114); whether the gateway's upstream
    # has that template is a guess.
    system_first=True,
    call_markup=frozenset({"tool_call", "function"}),  # the chat templates of Qwen 3 and of Qwen3-Coder
    context_window=1_000_000,  # Anyfast guide qwen3.6-flash
    output_limit=65_536,  # Anyfast guide qwen3.6-flash
    # recorded of qwen3.5-397b: one template
    template_tokens=TemplateTokens(request=6, message=4, tools=190, schema=0.87),
)
QWEN_36_OPEN = replace(
    QWEN,
    name="Qwen 3.6 (open)",
    ids=("qwen3.6-27b", "qwen3.6-35b"),
    max_output=None,
    parts=None,
    inputs=_SEES,  # langchain-openrouter 0.2.9
    context_window=262_144,  # langchain-openrouter 0.2.9
)
QWEN_36_MAX = replace(QWEN_36_OPEN, name="Qwen 3.6 Max", ids=("qwen3.6-max",), inputs=None)
QWEN_37 = replace(
    QWEN,
    name="Qwen 3.7",
    ids=("qwen3.7",),
    max_output=None,
    parts=None,
    output_limit=131_072,  # models.dev, 2026-10
)
QWEN_37_FLASH = replace(
    QWEN_37,
    name="Qwen 3.7 Flash",
    ids=("qwen3.7-flash",),
    inputs=_SEES,  # langchain-openrouter 0.2.9
    output_limit=65_536,  # langchain-openrouter 0.2.9
)
QWEN_38 = replace(
    QWEN_37,
    name="Qwen 3.8",
    ids=("qwen3.8",),
    inputs=_SEES,  # langchain-openrouter 0.2.9
    effort_path="reasoning_effort",  # qwen-code#8472, 2026-08
    effort_levels=("low", "medium", "xhigh"),  # qwen-code#8472, 2026-08
)
QWEN_38_TEXT = replace(QWEN_38, name="Qwen 3.8 2.4T", ids=("qwen3.8-2.4t",), inputs=None)
QWEN_NEWER = successors(QWEN_38, name="Qwen", ids=("qwen",))
QWEN_ALWAYS = replace(
    QWEN,
    name="Qwen that always thinks",
    # models.dev#3349 and qwen-code#9383: the preview of 3.8 max cannot be switched off, the stable one can.
    ids=("qwen*-thinking", "qwen3.8-max-preview"),
    # Upstream 400: "The value of the enable_thinking parameter is restricted to True."
    thinking={True: {"enable_thinking": True}, None: {}},
    thinks_by_default=True,
    json_object="never",  # upstream 400: "Json mode response is not supported when enable_thinking is true"
    length_parameter="max_tokens",  # page endpoints/openai, which lists their siblings
    max_output=None,
    parts=None,
    context_window=131_072,  # langchain-openrouter 0.2.9: the smallest of them
    output_limit=None,
)
QWEN_MAX_ALWAYS = replace(
    QWEN_ALWAYS,
    name="Qwen 3 Max that always thinks",
    ids=("qwen3-max*-thinking",),
    context_window=262_144,  # langchain-openrouter 0.2.9
    output_limit=65_536,  # langchain-openrouter 0.2.9
)
QWQ = replace(
    QWEN_ALWAYS,
    name="QwQ and QVQ",
    ids=("qwq", "qvq", "qwen-qwq", "qwen-qvq"),
    thinking={True: {}},  # upstream: they always think, and know no switch
    system_first=False,
)
QWEN_3 = replace(
    QWEN,
    name="Qwen 3",
    ids=("qwen3", "qwen-turbo"),
    length_parameter="max_tokens",  # page endpoints/openai, which lists them
    max_output=None,
    parts=None,
    context_window=131_072,  # langchain-openrouter 0.2.9; models.dev, 2026-10
    output_limit=None,
    # recorded of qwen-turbo, qwen-plus and qwen3
    template_tokens=TemplateTokens(request=6, message=4, tools=90, schema=0.87),
)
QWEN_MAX = replace(
    QWEN_3,
    name="Qwen Max",
    ids=("qwen-max",),
    context_window=32_768,  # upstream
    output_limit=8_192,  # upstream
)
QWEN_35 = replace(
    QWEN_3,
    name="Qwen 3.5",
    ids=("qwen3.5",),
    inputs=_SEES,  # langchain-openrouter 0.2.9
    context_window=262_144,  # langchain-openrouter 0.2.9
    template_tokens=QWEN.template_tokens,
)
QWEN_35_HOSTED = replace(
    QWEN_35,
    name="Qwen 3.5 Plus and Flash",
    ids=("qwen3.5-plus", "qwen3.5-flash"),
    context_window=1_000_000,  # langchain-openrouter 0.2.9
    output_limit=65_536,  # langchain-openrouter 0.2.9
)
QWEN_3_MAX = replace(
    QWEN_3,
    name="Qwen 3 Max",
    ids=("qwen3-max",),
    context_window=262_144,  # langchain-openrouter 0.2.9
    output_limit=65_536,  # langchain-openrouter 0.2.9
)
QWEN_PLUS = replace(
    QWEN_3,
    name="Qwen Plus and Flash",
    ids=("qwen-plus", "qwen-flash"),
    context_window=1_000_000,  # models.dev, 2026-07
    output_limit=32_768,  # models.dev, 2026-07
)
QWEN_3_VL = replace(
    QWEN_3,
    name="Qwen 3 VL and Omni",
    ids=("qwen3-vl", "qwen3-omni"),
    context_window=None,
    inputs=_SEES,  # upstream model cards
)
QWEN_WITHOUT_THINKING = replace(
    QWEN_3,
    name="Qwen without thinking",
    ids=(
        "qwen*-instruct",  # upstream: the instruct models of 2507 and later do not think
        "qwen3*-2507",  # OpenRouter's name of an instruct model
        "qwen1",
        "qwen2",
        "qwen-1",
        "qwen-2",
        "qwen-7b",
        "qwen-14b",
        "qwen-72b",
        "qwen-long",
        "qwen-math",
        "qwen-coder",
        "qwen-mt",
        "qwen-omni",
        "qwen-image",
        "qwen-audio",
        "qwen*-embedding",
        "qwen*-asr",
        "qwen*-tts",
        "qwen*-ocr",
        "qwen*-character",
    ),
    thinking={False: {}},  # upstream: they know no switch, and do not think
    reasoning_replay="never",
    context_window=None,
    system_first=False,  # the templates up to Qwen 3 take a system message anywhere
)
QWEN_CODER = replace(
    QWEN_WITHOUT_THINKING,
    name="Qwen 3 Coder",
    ids=("qwen3-coder", "qwen3-coder*-instruct"),  # page endpoints/openai; upstream: no thinking
    context_window=262_144,  # langchain-openrouter 0.2.9
)
QWEN_CODER_HOSTED = replace(
    QWEN_CODER,
    name="Qwen 3 Coder Plus and Flash",
    ids=("qwen3-coder-plus", "qwen3-coder-flash"),
    context_window=1_000_000,  # langchain-openrouter 0.2.9
    output_limit=65_536,  # langchain-openrouter 0.2.9
)
QWEN_2_VL = replace(
    QWEN_WITHOUT_THINKING,
    name="Qwen 2 VL",
    ids=("qwen2-vl", "qwen2-vl*-instruct"),
    max_output=8_192,  # page qwen2-vl-72b-instruct
    inputs=_SEES,  # upstream model card
)
QWEN_VL = replace(
    QWEN_WITHOUT_THINKING,
    name="Qwen VL without thinking",
    ids=("qwen-vl", "qwen3-vl*-instruct", "qwen2.5-vl", "qwen2.5-vl*-instruct", "qwen-2.5-vl", "qwen-2.5-vl*-instruct"),
    inputs=_SEES,  # upstream model cards
)
