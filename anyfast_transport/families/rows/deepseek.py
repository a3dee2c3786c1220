"""The rows of DeepSeek."""

from dataclasses import replace

from anyfast_transport.families.family import THINKING_TYPE, Family, TemplateTokens

DEEPSEEK = Family(
    name="DeepSeek V4",
    prefixes=("deepseek",),
    thinking=THINKING_TYPE,  # page deepseek-v4-pro
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
    # the model's encoding_dsv4.py; let through by servers (sglang#40236, GenericAgent#804, cline#13348)
    call_markup=frozenset({"dsml"}),
    context_window=1_000_000,  # upstream pricing page
    output_limit=384_000,  # upstream pricing page
    # recorded of deepseek-v4-flash: 230 for its words on tools, 79 for those on effort
    template_tokens=TemplateTokens(request=3, message=0.8, tools=230, schema=0.73, deep=79),
)

DEEPSEEK_VISION = replace(
    DEEPSEEK,
    name="DeepSeek V4 vision",
    prefixes=("deepseek-v4-flash-vision", "deepseek-v4-pro-vision"),  # seen upstream by 2026-08
    parts=None,
    flattens_text=False,
    inputs=frozenset({"text", "image_url"}),  # seen upstream by 2026-08
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
