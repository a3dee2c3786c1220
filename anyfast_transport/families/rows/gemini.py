"""The rows of Gemini."""

from dataclasses import replace

from anyfast_transport.families.family import JSON, Family, TemplateTokens

_SHOW_THOUGHTS: JSON = {"extra_body": {"google": {"thinking_config": {"include_thoughts": True}}}}

GEMINI_3 = Family(
    name="Gemini 3",
    prefixes=("gemini",),
    # new-api: snake_case, a literal `extra_body` field of the JSON body.
    # `low` is the lowest level documented (page chat-compatible-thinking); Gemini 3 cannot be switched off (upstream).
    thinking={True: _SHOW_THOUGHTS, False: {"reasoning_effort": "low"}},
    thinks_by_default=True,  # upstream
    thinking_off_is_weaker=True,
    effort_path="reasoning_effort",  # page chat-compatible-thinking
    effort_levels=("low", "medium", "high"),  # page chat-compatible-thinking
    reasoning_replay="never",  # thoughts go back as signatures on the calls, not as text (upstream)
    json_schema=True,  # new-api converts it to a response schema
    takes_n=True,  # page gemini
    signature_placeholder="skip_thought_signature_validator",  # upstream thought-signatures page
    keeps_gemini_turns=True,  # upstream thought-signatures page
    call_ids=None,  # a LiteLLM channel hides the signature in the id (litellm#16895)
    context_window=1_048_576,  # upstream
    output_limit=65_536,  # upstream
    # recorded of gemini-2.5 and gemini-3
    template_tokens=TemplateTokens(request=0, message=1, tools=0, schema=0.55),
    inputs=frozenset({"text", "image_url", "video_url", "input_audio", "file"}),  # upstream, models page
)

GEMINI_25 = replace(
    GEMINI_3,
    name="Gemini 2.5",
    prefixes=("gemini-2.5",),
    thinking={True: _SHOW_THOUGHTS, False: {"reasoning_effort": "none"}},  # upstream: none switches 2.5 off
    thinking_off_is_weaker=False,
    signature_placeholder=None,  # upstream: enforced from Gemini 3 on
)

GEMINI_20 = replace(
    GEMINI_25,
    name="Gemini 2.0",
    prefixes=("gemini-2.0",),
    thinking={False: {}},  # upstream: does not think, and refuses include_thoughts
    thinks_by_default=False,
    effort_path=None,
    effort_levels=(),
    output_limit=8_192,  # upstream
)
