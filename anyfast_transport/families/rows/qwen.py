"""The rows of Qwen."""

from dataclasses import replace

from anyfast_transport.families.family import Family, TemplateTokens

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
    call_markup=frozenset({"tool_call", "function"}),  # the chat templates of Qwen 3 and of Qwen3-Coder
    context_window=1_000_000,  # Anyfast guide qwen3.6-flash
    output_limit=65_536,  # Anyfast guide qwen3.6-flash
    # recorded of qwen3.5-397b: one template
    template_tokens=TemplateTokens(request=6, message=4, tools=190, schema=0.87),
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
    # recorded of qwen-turbo, qwen-plus and qwen3
    template_tokens=TemplateTokens(request=6, message=4, tools=90, schema=0.87),
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
