"""The rows of MiniMax."""

from dataclasses import replace

from anyfast_transport.families.family import Family, successors

MINIMAX = Family(
    name="MiniMax",
    ids=("minimax-m2",),
    thinking={True: {}},  # it always thinks, and no switch is documented; agentscope, 2026-11
    thinks_by_default=True,
    template_opens_thought=True,  # the model's chat_template.jinja
    reasoning_replay="tool_loop",  # upstream: interleaved thinking wants it back
    max_output=204_800,  # page MiniMax-M2.7
    context_window=204_800,  # page MiniMax-M2.7
    output_limit=131_072,  # langchain-openrouter 0.2.9
)
MINIMAX_3 = replace(
    MINIMAX,
    name="MiniMax M3",
    ids=("minimax-m3", "minimax-latest"),
    # agentscope and evolink, 2026-06: adaptive (by default) or disabled.
    thinking={True: {"thinking": {"type": "adaptive"}}, False: {"thinking": {"type": "disabled"}}},
    inputs=frozenset({"text", "image_url", "video_url"}),  # evolink, 2026-06
    max_output=524_288,  # evolink, 2026-06
    context_window=1_000_000,  # evolink, 2026-06
    output_limit=524_288,  # evolink, 2026-06
)
MINIMAX_31 = replace(
    MINIMAX_3,
    name="MiniMax M3.1",
    ids=("minimax-m3.1",),
    # aimlapi, 2026-11, and tables of public gateways, 2026-10: it always thinks, from low to max.
    thinking={True: {}, False: {"reasoning_effort": "low"}},
    thinking_off_is_weaker=True,
    effort_path="reasoning_effort",  # aimlapi, 2026-11
    effort_levels=("low", "medium", "high", "xhigh", "max"),  # tables of public gateways, 2026-10
    max_output=None,
    output_limit=None,
)
MINIMAX_NEWER = successors(MINIMAX_3, name="MiniMax (newer)", ids=("minimax",))
MINIMAX_1 = replace(
    MINIMAX,
    name="MiniMax M1",
    ids=("minimax-m1",),
    max_output=None,
    context_window=1_000_000,  # langchain-openrouter 0.2.9
    output_limit=40_000,  # langchain-openrouter 0.2.9
)
MINIMAX_WITHOUT_THINKING = replace(
    MINIMAX_1,
    name="MiniMax without thinking",
    ids=("minimax-0", "minimax-text", "minimax-vl", "minimax-m2-her"),
    thinking={False: {}},  # langchain-openrouter 0.2.9
    thinks_by_default=False,
    template_opens_thought=False,
    reasoning_replay="never",
    context_window=None,
    output_limit=None,
)
