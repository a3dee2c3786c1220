"""The rows of Kimi."""

from dataclasses import replace

from anyfast_transport.families.family import THINKING_TYPE, Family, TemplateTokens, successors

KIMI = Family(
    name="Kimi",
    ids=("kimi-k2.5", "kimi-k2.6"),
    thinking=THINKING_TYPE,  # page kimi-k2.6
    thinks_by_default=True,  # page kimi-k2.6
    # Upstream 400: "reasoning_content is missing in assistant tool call message at index N".
    reasoning_replay="always",
    reasoning_placeholder=" ",
    placeholder_on="tool_calls",
    forces_tools_while_thinking=False,  # recorded: "tool_choice 'specified' is incompatible with thinking enabled"
    length_parameter="max_completion_tokens",  # page: max_tokens is not honoured
    call_ids=None,  # recorded: its own ids are get_weather_0, and functions.get_weather:0 upstream
    parts=frozenset({"text", "image_url", "video_url"}),  # page
    context_window=262_144,  # page
    # recorded of kimi-k2.5
    template_tokens=TemplateTokens(request=3, message=3, tools=10),
)
KIMI_ALWAYS = replace(
    KIMI,
    name="Kimi that always thinks",
    # Upstream 400: "invalid thinking: only type=enabled is allowed for this model" (oh-my-pi#3852, 2026-06).
    # `-thinking` is a guess, by its name.
    ids=("kimi-k2.7", "kimi-for-coding", "kimi*-thinking"),
    thinking={True: {}},  # synaps-engine catalog/kimi.rs, live, 2026-07
    parts=None,
)
KIMI_3 = replace(
    KIMI,
    name="Kimi K3",
    ids=("kimi-k3", "kimi-latest"),
    # models.dev kimi-k3, 2026-10: it always thinks, and knows no `thinking.type`; its lowest level is low.
    thinking={True: {}, False: {"reasoning_effort": "low"}},
    thinking_off_is_weaker=True,
    effort_path="reasoning_effort",  # models.dev kimi-k3, 2026-10
    effort_levels=("low", "high", "max"),  # models.dev kimi-k3, 2026-10
    effort_default="max",  # models.dev kimi-k3, 2026-10
    parts=None,
    inputs=frozenset({"text", "image_url", "video_url"}),  # langchain-openrouter 0.2.9
    context_window=1_048_576,  # models.dev kimi-k3, 2026-10
    output_limit=1_048_576,  # models.dev kimi-k3, 2026-10
)
KIMI_NEWER = successors(KIMI_3, name="Kimi (newer)", ids=("kimi",))
KIMI_2 = replace(
    KIMI,
    name="Kimi K2",
    ids=("kimi-k2",),
    thinking={False: {}},  # upstream: K2 and moonshot-v1 do not think
    thinks_by_default=False,
    reasoning_replay="never",
    reasoning_placeholder=None,
    forces_tools_while_thinking=True,
    parts=None,
    context_window=131_072,  # langchain-openrouter 0.2.9
)
KIMI_2_0905 = replace(
    KIMI_2,
    name="Kimi K2 0905",
    ids=("kimi-k2-0905", "kimi-k2*-0905", "kimi-k2-turbo"),
    context_window=262_144,  # langchain-openrouter 0.2.9
)
MOONSHOT = replace(KIMI_2, name="Moonshot", ids=("moonshot-v1",), context_window=None)  # 8K to 128K, by the id
