"""LangChain's undocumented names that this package relies on; a test fails when one is gone."""

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import chat_models
from langchain_core.runnables import RunnableBinding

# LangChain imports them within the first call of each process, which is then slower and larger than any other.
for _late in ("langchain_core.tracers.stdout", "langchain_core.messages.block_translators.langchain_v0"):
    with contextlib.suppress(ImportError):
        importlib.import_module(_late)

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import _ChatModelBinding as ChatModelBinding
else:
    # What `bind` of a chat model gives; a plain binding in the oldest langchain-core.
    ChatModelBinding = getattr(chat_models, "_ChatModelBinding", RunnableBinding)

__all__ = ["CALLED", "OVERRIDDEN", "ChatModelBinding", "loadable_classes", "providers_of"]

OVERRIDDEN = frozenset(
    {
        "_agenerate",
        "_astream",
        "_astream_chat_model_events",
        "_combine_llm_outputs",
        "_generate",
        "_get_invocation_params",
        "_get_llm_string",
        "_get_ls_params",
        "_identifying_params",
        "_llm_type",
        "_resolve_model_profile",
        "_serialized",
        "_stream",
        "_stream_chat_model_events",
    }
)
"""Methods of ours that LangChain calls by these names."""

CALLED = frozenset(
    {
        "_acall_with_config",
        "_add_version",
        "_atransform_stream_with_config",
        "_call_with_config",
        "_transform_stream_with_config",
    }
)
"""Methods of LangChain's that ours call."""


def providers_of(module: str) -> tuple[dict[str, Any] | None, Any]:
    """LangChain's list of the providers that `init_chat_model` and `init_embeddings` know, and what makes one.

    Args:
        module: Where it is kept.

    Returns:
        The list, and the maker; None for what is not there any more.
    """
    found = importlib.import_module(module)
    return getattr(found, "_BUILTIN_PROVIDERS", None), getattr(found, "_call", None)


def loadable_classes() -> tuple[dict[Any, Any] | None, list[str] | None, dict[Any, Any]]:
    """LangChain's lists of what `load` may make.

    Returns:
        Classes, namespaces, and what it has worked out of both; None for what is not there any more.
    """
    found: Any = importlib.import_module("langchain_core.load.load")
    classes, namespaces = getattr(found, "ALL_SERIALIZABLE_MAPPINGS", None), getattr(found, "DEFAULT_NAMESPACES", None)
    return classes, namespaces, getattr(found, "_default_class_paths_cache", {})
