"""The rows of Kimi."""

from anyfast_transport.families.family import THINKING_TYPE, Family, TemplateTokens

KIMI = Family(
    name="Kimi",
    prefixes=("kimi",),
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
