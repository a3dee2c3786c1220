"""OpenAI's own dialect: the row of whatever no other row knows."""

from dataclasses import replace

from anyfast_transport.families.family import Family

PLAIN = Family(
    name="OpenAI",
    effort_path="reasoning_effort",
    json_schema=True,
    takes_n=True,  # page endpoints/openai
    takes_names=True,
    # upstream: open models that a server was not told of write as Hermes and Qwen do
    call_markup=frozenset({"tool_call", "function"}),
    keeps_gemini_turns=True,  # it may be a Gemini under another name
)
RESPONSES_ONLY = replace(
    PLAIN,
    name="OpenAI, Responses API",
    # Pages gpt-5.2 and gpt-5.5: POST /v1/responses alone. The enum of chat completions spells its models `gpt-5-2`.
    ids=("gpt-5.2$", "gpt-5.5$"),
    responses_only=True,
)
