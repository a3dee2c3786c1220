"""The rows of GLM."""

from dataclasses import replace

from anyfast_transport.families.family import THINKING_TYPE, Family, TemplateTokens, successors

GLM = Family(
    name="GLM",
    ids=("glm-4.6", "glm-4.7", "glm-5"),
    # Upstream thinking guides: before 5.2, `reasoning_effort` is read by nobody, and the switch is this one
    # (glm-mcp#60, 2026-08, measured: 124 tokens of output without it, 2 with `disabled`).
    thinking=THINKING_TYPE,
    thinks_by_default=True,  # upstream thinking guides
    reasoning_replay="tool_loop",  # upstream: return it with tool results
    parts=frozenset({"text"}),  # upstream: text models; those that see have a row of their own
    context_window=204_800,  # langchain-openrouter 0.2.9
    output_limit=131_072,  # upstream
    # recorded of glm-4.7
    template_tokens=TemplateTokens(request=3, message=3, tools=85),
)
GLM_45 = replace(
    GLM,
    name="GLM 4.5",
    ids=("glm-4.5",),
    context_window=131_072,  # langchain-openrouter 0.2.9
    output_limit=98_304,  # langchain-openrouter 0.2.9
)
GLM_52 = replace(
    GLM,
    name="GLM 5.2",
    ids=("glm-5.2",),
    thinking=THINKING_TYPE,  # page glm-5.2: a `thinking` object; the effort counts while it is enabled
    effort_path="reasoning_effort",  # page
    effort_levels=("minimal", "low", "medium", "high", "xhigh", "max"),  # page
    effort_default="max",  # page
    effort_without_thinking=frozenset({"minimal", "none"}),  # page
    ranges={"temperature": (0, 1), "top_p": (0.01, 1)},  # page
    max_output=131_072,  # page
    parts=frozenset({"text"}),  # page: no images
    context_window=1_000_000,  # page
    output_limit=131_072,  # page
)
GLM_53 = replace(
    GLM_52,
    name="GLM 5.3",
    ids=("glm-5.3", "glm-latest"),
    # Upstream 400, code 1210: "This model always engages in thinking and cannot be disabled" (hermes-agent#85890,
    # 2026-08).
    thinking={True: {}, False: {"reasoning_effort": "low"}},
    thinking_off_is_weaker=True,
    effort_levels=("low", "high", "max"),  # aihubmix guide, live, 2026-08-14
    effort_default="max",  # aihubmix guide, live, 2026-08-14
    effort_without_thinking=frozenset(),
    ranges={},
    max_output=None,
    parts=frozenset({"text"}),  # langchain-openrouter 0.2.9; upstream names 5.3-flash alone as one that sees
    context_window=1_048_576,  # langchain-fireworks 1.7.1
)
GLM_53_FLASH = replace(
    GLM_53,
    name="GLM 5.3 Flash",
    ids=("glm-5.3-flash", "glm-flash-latest"),
    parts=None,
    inputs=frozenset({"text", "image_url", "video_url"}),  # langchain-openrouter 0.2.9
)
GLM_NEWER = successors(GLM_53, name="GLM (newer)", ids=("glm",))
GLM_VISION = replace(
    GLM,
    name="GLM that sees",
    ids=("glm-4.1v", "glm-4.5v", "glm-4.6v", "glm-5v", "glm-5.1v"),
    parts=None,
    inputs=frozenset({"text", "image_url", "video_url"}),  # upstream, model pages
    context_window=None,
    output_limit=None,
)
GLM_OLD = replace(
    GLM,
    name="GLM 4 and older",
    ids=("glm-3", "glm-4", "glm-4v"),
    thinking={False: {}},  # upstream: they do not think
    thinks_by_default=False,
    reasoning_replay="never",
    parts=None,
    context_window=None,
    output_limit=None,
)
GLM_Z1 = replace(
    GLM_OLD,
    name="GLM Z1",
    ids=("glm-z1", "glm-4.1v-thinking"),
    thinking={True: {}},  # upstream: it always thinks
    thinks_by_default=True,
)
