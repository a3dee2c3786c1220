"""The rows of DeepSeek."""

from dataclasses import replace

from anyfast_transport.families.family import THINKING_TYPE, Family, TemplateTokens, successors

DEEPSEEK = Family(
    name="DeepSeek V4",
    ids=("deepseek-v4", "deepseek-pro"),
    thinking=THINKING_TYPE,  # page deepseek-v4-pro; upstream thinking_mode guide, 2026-11
    thinks_by_default=True,  # upstream thinking_mode guide, 2026-11; recorded
    # Page deepseek-v4-pro and Tencent's TokenHub nest the effort; DeepSeek's own API reads it at the top level
    # (upstream thinking_mode guide, 2026-11), and new-api moves it nowhere: so it goes to both places.
    effort_path="thinking.reasoning_effort",
    second_effort_path="reasoning_effort",
    effort_levels=("low", "medium", "high", "max"),  # page deepseek-v4-pro
    effort_default="high",  # upstream thinking_mode guide, 2026-11
    template_opens_thought=True,  # the model's encoding_dsv4.py puts <think> behind the prompt
    # Upstream thinking_mode guide: a request with tools must pass back all earlier reasoning, else 400.
    reasoning_replay="always",
    # Guess between reports: "" is taken (vercel/ai, dify) and "" is refused (hermes-agent#17341, which tried " " over
    # four rounds of tools on v4-pro); made-up text is refused (oh-my-pi#897); older new-api drops "".
    reasoning_placeholder=" ",
    forces_tools_while_thinking=False,  # recorded: "Thinking mode does not support this tool_choice"; V4.1 too
    json_object="always",  # page; works while thinking (langchain#39599)
    json_needs_the_word=True,  # upstream json_mode guide
    stop_limit=16,  # page
    ignores=frozenset({"frequency_penalty", "presence_penalty"}),  # page: deprecated, no effect
    refuses={"n": "it answers once: n above 1 is refused upstream"},  # recorded: "only n = 1 is supported"
    takes_user_id=True,  # page
    takes_names=True,  # page deepseek-v4-pro
    takes_prefix=True,  # page deepseek-v4-pro
    # recorded: "unknown variant `image_url`, expected `text`"; upstream pricing page, 2026-11, of v4-pro
    parts=frozenset({"text"}),
    flattens_text=True,  # page: content is a string
    # the model's encoding_dsv4.py; let through by servers (sglang#40236, GenericAgent#804, cline#13348)
    call_markup=frozenset({"dsml"}),
    context_window=1_000_000,  # upstream pricing page, 2026-11
    output_limit=384_000,  # upstream pricing page, 2026-11
    # recorded of deepseek-v4-flash: 230 for its words on tools, 79 for those on effort
    template_tokens=TemplateTokens(request=3, message=0.8, tools=230, schema=0.73, deep=79),
)
DEEPSEEK_FLASH = replace(
    DEEPSEEK,
    name="DeepSeek V4 Flash",
    # `deepseek-v4-flash` is served by V4.1 since 2026-09-10 (upstream pricing page, 2026-11).
    ids=("deepseek-v4-flash", "deepseek-v4-pro-vision", "deepseek-v4.1", "deepseek-flash"),
    # Upstream vision guide, 2026-09: it sees. Page deepseek-v4-flash says text. The gateway answers.
    parts=None,
    inputs=frozenset({"text", "image_url"}),  # upstream vision guide, 2026-09
)
DEEPSEEK_NEWER = successors(DEEPSEEK_FLASH, name="DeepSeek", ids=("deepseek",))
DEEPSEEK_V3 = replace(
    DEEPSEEK,
    name="DeepSeek V3",
    ids=("deepseek-v3", "deepseek-chat", "deepseek-v2", "deepseek-coder"),
    thinks_by_default=False,  # upstream: the chat models of that generation think when told to
    effort_default=None,
    stop_limit=None,
    context_window=128_000,  # upstream
    output_limit=None,
)
DEEPSEEK_V3_THINKING = replace(
    DEEPSEEK_V3,
    name="DeepSeek V3 that always thinks",
    ids=("deepseek-v3*-think",),
    thinking={True: {}},  # guess, by the name that aggregators give it
    thinks_by_default=True,
)
DEEPSEEK_R1 = replace(
    DEEPSEEK_V3,
    name="DeepSeek R1",
    # `v3.2-speciale` thinks always, too (upstream); `prover` by its name is a guess.
    ids=("deepseek-r1", "deepseek-reasoner", "deepseek-prover", "deepseek-v3.2-speciale"),
    thinking={True: {}},  # upstream reasoning_model page: it always thinks
    thinks_by_default=True,  # likewise
    effort_path=None,
    second_effort_path=None,
    effort_levels=(),
    reasoning_replay="never",  # upstream reasoning_model page: 400 for reasoning_content in the input
    reasoning_placeholder=None,
    output_limit=64_000,  # upstream reasoning_model page
)
DEEPSEEK_SIGHT = replace(
    DEEPSEEK_V3,
    name="DeepSeek VL and OCR",
    ids=("deepseek-vl", "deepseek-ocr"),
    thinking={False: {}},  # upstream model cards
    effort_path=None,
    second_effort_path=None,
    effort_levels=(),
    reasoning_replay="never",
    reasoning_placeholder=None,
    parts=None,
    inputs=frozenset({"text", "image_url"}),  # upstream model cards
    context_window=None,
)
