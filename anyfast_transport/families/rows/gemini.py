"""The rows of Gemini."""

from dataclasses import replace

from anyfast_transport.families.family import JSON, Family, TemplateTokens, successors

# Upstream image-generation page.
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_SHOW_THOUGHTS: JSON = {"extra_body": {"google": {"thinking_config": {"include_thoughts": True}}}}

GEMINI_3 = Family(
    name="Gemini 3",
    ids=("gemini-3", "gemini-pro"),
    # new-api: snake_case, a literal `extra_body` field of the JSON body.
    # `low` is the lowest level documented (page chat-compatible-thinking); Gemini 3 cannot be switched off (upstream).
    thinking={True: _SHOW_THOUGHTS, False: {"reasoning_effort": "low"}},
    thinks_by_default=True,  # upstream
    thinking_off_is_weaker=True,
    effort_path="reasoning_effort",  # page chat-compatible-thinking
    effort_levels=("low", "medium", "high"),  # page chat-compatible-thinking
    effort_default="high",  # upstream guide gemini-3-5-flash, 2026-11, of 3.1 pro
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
GEMINI_4 = replace(
    GEMINI_3,
    name="Gemini 4",
    ids=("gemini-4",),
    effort_default="medium",  # langchain-google-genai 4.4.3
    output_limit=32_768,  # langchain-google-genai 4.4.3
)
GEMINI_NEWER = successors(GEMINI_4, name="Gemini", ids=("gemini",))
GEMINI_3_FLASH = replace(
    GEMINI_3,
    name="Gemini 3 Flash",
    ids=("gemini-3*-flash", "gemini-flash"),
    # Upstream guide gemini-3-5-flash, 2026-11: minimal is their lowest level, and new-api takes it.
    thinking={True: _SHOW_THOUGHTS, False: {"reasoning_effort": "minimal"}},
    effort_levels=("minimal", "low", "medium", "high"),  # upstream guide gemini-3-5-flash, 2026-11
)
GEMINI_35_FLASH = replace(
    GEMINI_3_FLASH,
    name="Gemini 3.5 Flash",
    ids=("gemini-3.*-flash",),
    effort_default="medium",  # upstream guide gemini-3-5-flash, 2026-11
)
GEMINI_3_FLASH_LITE = replace(
    GEMINI_3_FLASH,
    name="Gemini 3 Flash Lite",
    ids=("gemini-3*-flash-lite", "gemini-flash-lite"),
    effort_default="minimal",  # upstream guide gemini-3-5-flash, 2026-11, of 3.1-flash-lite
)
GEMINI_25 = replace(
    GEMINI_3,
    name="Gemini 2.5",
    ids=("gemini-2.5",),
    thinking={True: _SHOW_THOUGHTS, False: {"reasoning_effort": "none"}},  # upstream: none switches 2.5 off
    thinking_off_is_weaker=False,
    effort_default=None,  # new-api makes a dynamic budget of every level
    signature_placeholder=None,  # upstream: enforced from Gemini 3 on
)
GEMINI_20 = replace(
    GEMINI_25,
    name="Gemini 2.0",
    ids=("gemini-2.0",),
    thinking={False: {}},  # upstream: does not think, and refuses include_thoughts
    thinks_by_default=False,
    effort_path=None,
    effort_levels=(),
    output_limit=8_192,  # upstream
)
GEMINI_WITHOUT_THINKING = replace(
    GEMINI_20,
    name="Gemini without thinking",
    ids=(
        "gemini-1",
        "gemini*-embedding",
        "gemini*-tts",
        "gemini*-live",
        "gemini*-audio",
        "gemini*-flash*-tts",
        "gemini*-flash*-live",
    ),
    inputs=None,
    context_window=None,
    output_limit=None,
)
GEMINI_IMAGE = replace(
    GEMINI_WITHOUT_THINKING,
    name="Gemini image",
    # new-api treats every -image id as one that does not think.
    ids=("gemini*-image", "gemini*-flash*-image", "gemini-3.1*-flash-lite*-image"),
    makes_images=True,  # page chat-image-generation
    image_config={"aspect_ratio": _RATIOS, "image_size": ("1K", "2K", "4K")},  # upstream image-generation page
    image_config_path="extra_body.google.image_config",  # new-api: snake_case, below a literal `extra_body`
    takes_tools=False,  # upstream models page: function calling is not supported
    json_object="never",  # upstream models page
    json_schema=False,  # upstream models page
    inputs=frozenset({"text", "image_url"}),  # page chat-image-generation
    context_window=65_536,  # langchain-google-genai 4.4.3
    output_limit=32_768,  # langchain-google-genai 4.4.3
)
GEMINI_31_IMAGE = replace(
    GEMINI_IMAGE,
    name="Gemini 3.1 Flash Image",
    ids=("gemini-3.1*-flash*-image",),
    # upstream image-generation page
    image_config={
        "aspect_ratio": (*_RATIOS, "1:4", "4:1", "1:8", "8:1"),
        "image_size": ("512", "1K", "2K", "4K"),
    },
    context_window=131_072,  # langchain-google-genai 4.4.3
)
GEMINI_25_IMAGE = replace(
    GEMINI_IMAGE,
    name="Gemini 2.5 Flash Image",
    ids=("gemini-2.5*-flash*-image",),
    image_config={"aspect_ratio": _RATIOS},  # upstream image-generation page: its size cannot be chosen
    context_window=32_768,  # langchain-google-genai 4.4.3
)
