"""The rows of Doubao."""

from anyfast_transport.families.family import THINKING_TYPE, Family, TemplateTokens

DOUBAO = Family(
    name="Doubao Seed",
    prefixes=("doubao",),
    thinking=THINKING_TYPE,  # page
    thinks_by_default=True,  # page: Doubao-Seed-2.1 thinks by default
    effort_path="reasoning_effort",  # page
    effort_levels=("minimal", "low", "medium", "high"),  # page
    effort_without_thinking=frozenset({"minimal"}),  # upstream: minimal means no thinking
    reasoning_replay="tool_loop",  # guess: Ark's message schema takes it; no rule is documented
    max_output=262_144,  # page
    parts=frozenset({"text", "image_url", "video_url"}),  # Anyfast guide; documents only on the Responses API
    context_window=262_144,  # upstream
    output_limit=262_144,  # page
    # recorded of doubao-seed-1-6-lite; its tools are a guess
    template_tokens=TemplateTokens(request=30, message=4, tools=90),
)
