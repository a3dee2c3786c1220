"""The rows of GLM."""

from anyfast_transport.families.family import Family, TemplateTokens

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
    # recorded of glm-4.7
    template_tokens=TemplateTokens(request=3, message=3, tools=85),
)
