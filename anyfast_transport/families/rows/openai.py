"""The rows of OpenAI."""

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
