"""The rows of Grok."""

from dataclasses import replace

from anyfast_transport.families.family import Family, successors

GROK = Family(
    name="Grok",
    # page: max_tokens, temperature, top_p, stream and no more
    ids=("grok-2", "grok-3", "grok*-non-reasoning"),
    json_schema=True,  # upstream
)
GROK_IMAGINE = replace(GROK, name="Grok Imagine", ids=("grok-imagine",), makes_images=True)  # langchain-xai 1.3.0
GROK_REASONING = replace(
    GROK,
    name="Grok that always thinks",
    ids=("grok-4", "grok-code", "grok-build"),
    thinking={True: {}},  # upstream: they always think, and know no switch and no effort
    thinks_by_default=True,
)
GROK_43 = replace(
    GROK,
    name="Grok 4.3",
    ids=("grok-4.3",),
    thinking={True: {}, False: {"reasoning_effort": "none"}},  # docs.x.ai by opencode#39448, 2026-08
    thinks_by_default=True,  # docs.x.ai by opencode#39448, 2026-08
    effort_path="reasoning_effort",  # docs.x.ai by opencode#39448, 2026-08
    effort_levels=("low", "medium", "high"),  # docs.x.ai by opencode#39448, 2026-08
    effort_default="low",  # langchain-xai 1.3.0
    effort_without_thinking=frozenset({"none"}),  # docs.x.ai by opencode#39448, 2026-08
    inputs=frozenset({"text", "image_url", "file"}),  # langchain-xai 1.3.0
    context_window=1_000_000,  # langchain-xai 1.3.0
)
GROK_45 = replace(
    GROK_43,
    name="Grok 4.5",
    ids=("grok-4.5", "grok-4.6", "grok-latest"),
    thinking={True: {}, False: {"reasoning_effort": "low"}},  # docs.x.ai by Zoo-Code#866, 2026-08: cannot be off
    thinking_off_is_weaker=True,
    effort_default="high",  # docs.x.ai by Zoo-Code#866, 2026-08
    effort_without_thinking=frozenset(),
    context_window=500_000,  # langchain-xai 1.3.0
    output_limit=500_000,  # langchain-xai 1.3.0
)
GROK_3_MINI = replace(
    GROK_45,
    name="Grok 3 mini",
    ids=("grok-3-mini",),
    effort_levels=("low", "high"),  # upstream
    effort_default=None,
    inputs=None,
    context_window=131_072,  # upstream
    output_limit=None,
)
GROK_NEWER = successors(GROK_45, name="Grok (newer)", ids=("grok",))
