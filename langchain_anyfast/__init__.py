"""ChatAnyfast: the models of the Anyfast gateway in LangChain, reasoning included."""

try:
    import langchain_core as _langchain_core
except ModuleNotFoundError as error:  # pragma: no cover - seen by the packaging test, in an environment of its own
    if error.name != "langchain_core":  # it is there, and misses something of its own
        raise
    raise ImportError(
        'langchain_anyfast needs langchain-core: pip install "anyfast-integrations[langchain]"'
    ) from error

import langchain_anyfast.content_blocks  # noqa: F401  # registers the translator for model_provider="anyfast"
from anyfast_transport.usage_tracking import Price, UsageTracker, track_usage
from langchain_anyfast.chat_models import ChatAnyfast
from langchain_anyfast.embeddings import AnyfastEmbeddings
from langchain_anyfast.registration import enable_load, register
from langchain_anyfast.usage import UsageCallbackHandler

del _langchain_core

__all__ = [
    "AnyfastEmbeddings",
    "ChatAnyfast",
    "Price",
    "UsageCallbackHandler",
    "UsageTracker",
    "enable_load",
    "register",
    "track_usage",
]
