"""The rows of Grok."""

from anyfast_transport.families.family import Family

GROK = Family(
    name="Grok",
    prefixes=("grok",),  # page: max_tokens, temperature, top_p, stream and no more
    json_schema=True,  # upstream
)
