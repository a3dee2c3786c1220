"""AnyfastLLM: the models of the Anyfast gateway in LlamaIndex, reasoning included."""

try:
    import llama_index.core as _llama_index_core
except ModuleNotFoundError as error:  # pragma: no cover - seen by the packaging test, in an environment of its own
    if error.name not in ("llama_index", "llama_index.core"):  # it is there, and misses something of its own
        raise
    raise ImportError(
        'llama_index_anyfast needs llama-index-core: pip install "anyfast-integrations[llama-index]"'
    ) from error

from anyfast_transport.usage_tracking import Price, UsageTracker, track_usage
from llama_index_anyfast.embedding import AnyfastEmbedding
from llama_index_anyfast.llm import AnyfastLLM
from llama_index_anyfast.usage import UsageEventHandler

del _llama_index_core

__all__ = ["AnyfastEmbedding", "AnyfastLLM", "Price", "UsageEventHandler", "UsageTracker", "track_usage"]
