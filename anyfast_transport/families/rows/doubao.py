"""The rows of Doubao."""

from dataclasses import replace

from anyfast_transport.families.family import THINKING_TYPE, Family, TemplateTokens, successors

DOUBAO = Family(
    name="Doubao Seed",
    # BytePlus names them without the first word.
    ids=("doubao-seed-2", "doubao-seed-evolving", "doubao-seed-code", "seed-2"),
    thinking=THINKING_TYPE,  # page
    thinks_by_default=True,  # page: Doubao-Seed-2.1 thinks by default
    effort_path="reasoning_effort",  # page
    effort_levels=("minimal", "low", "medium", "high"),  # page
    effort_default="high",  # page
    effort_without_thinking=frozenset({"minimal"}),  # upstream: minimal means no thinking
    reasoning_replay="tool_loop",  # guess: Ark's message schema takes it; no rule is documented
    max_output=262_144,  # page
    parts=frozenset({"text", "image_url", "video_url"}),  # Anyfast guide; documents only on the Responses API
    context_window=262_144,  # upstream
    output_limit=262_144,  # page
    # recorded of doubao-seed-1-6-lite; its tools are a guess
    template_tokens=TemplateTokens(request=30, message=4, tools=90),
)
DOUBAO_20 = replace(
    DOUBAO,
    name="Doubao Seed 2.0",
    ids=("doubao-seed-2.0", "seed-2.0"),
    output_limit=131_072,  # langchain-openrouter 0.2.9
)
DOUBAO_NEWER = successors(DOUBAO, name="Doubao", ids=("doubao", "seed-"))
DOUBAO_1 = replace(
    DOUBAO,
    name="Doubao Seed 1",
    ids=("doubao-seed-1", "seed-1"),
    effort_default=None,
    max_output=None,
    output_limit=32_768,  # langchain-openrouter 0.2.9
)
DOUBAO_VISION = replace(
    DOUBAO_1,
    name="Doubao Seed 1.6 vision",
    ids=("doubao-seed-1.6-vision", "seed-1.6-vision"),
    max_output=8_192,  # page endpoints/doubao
    output_limit=8_192,  # page endpoints/doubao
)
DOUBAO_THINKING = replace(
    DOUBAO,
    name="Doubao 1.5 thinking",
    ids=("doubao*-thinking",),
    thinking={True: {}},  # guess: they always think, and no switch is documented
    effort_path=None,
    effort_levels=(),
    effort_default=None,
    effort_without_thinking=frozenset(),
    max_output=None,
    parts=None,
    context_window=None,
    output_limit=None,
)
DOUBAO_WITHOUT_THINKING = replace(
    DOUBAO_THINKING,
    name="Doubao without thinking",
    ids=(
        "doubao-1",
        "doubao-pro",
        "doubao-lite",
        "doubao-vision",
        "doubao-seedream",
        "doubao-seedance",
        "doubao*-character",
        "doubao*-translation",
        "doubao*-embedding",
    ),
    thinking={False: {}},  # upstream: those before Seed 1.6 do not think
    thinks_by_default=False,
    reasoning_replay="never",
)
