"""The rows of MiniMax."""

from anyfast_transport.families.family import Family

MINIMAX = Family(
    name="MiniMax",
    prefixes=("minimax",),
    thinking={True: {}},  # it always thinks, and no switch is documented
    thinks_by_default=True,
    template_opens_thought=True,  # the model's chat_template.jinja
    reasoning_replay="tool_loop",  # upstream: interleaved thinking wants it back
    max_output=204_800,  # page MiniMax-M2.7
    context_window=204_800,  # page MiniMax-M2.7
)
