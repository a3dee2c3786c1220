"""Opt-in places where LangChain keeps lists of the classes that it knows. Importing this package changes none."""

import importlib
from typing import Any

PROVIDER = "anyfast"
_LC_ID = ("langchain_anyfast", "chat_models", "ChatAnyfast")


def register() -> None:
    """Makes `init_chat_model("anyfast:deepseek-v4-pro")` and `create_agent("anyfast:…")` find ChatAnyfast.

    Raises:
        RuntimeError: LangChain keeps its list of providers elsewhere now; construct `ChatAnyfast` yourself.
    """
    module = importlib.import_module("langchain.chat_models.base")
    providers, call = getattr(module, "_BUILTIN_PROVIDERS", None), getattr(module, "_call", None)
    if providers is None or call is None:
        raise RuntimeError(
            "This version of langchain keeps its list of chat model providers elsewhere: "
            "pass ChatAnyfast(model=…) instead of a name."
        )
    providers[PROVIDER] = ("langchain_anyfast", "ChatAnyfast", call)


def enable_load() -> None:
    """Makes `langchain_core.load.load(dumpd(model), allowed_objects="all")` accept ChatAnyfast.

    Raises:
        RuntimeError: langchain-core keeps its list of loadable classes elsewhere now; use
            `load(…, allowed_objects=[ChatAnyfast], valid_namespaces=["langchain_anyfast"])`.
    """
    module: Any = importlib.import_module("langchain_core.load.load")
    mapping = getattr(module, "ALL_SERIALIZABLE_MAPPINGS", None)
    namespaces = getattr(module, "DEFAULT_NAMESPACES", None)
    if mapping is None or namespaces is None:
        raise RuntimeError(
            "This version of langchain-core keeps its list of loadable classes elsewhere: "
            'use load(…, allowed_objects=[ChatAnyfast], valid_namespaces=["langchain_anyfast"]).'
        )
    mapping[_LC_ID] = _LC_ID
    if _LC_ID[0] not in namespaces:
        namespaces.append(_LC_ID[0])
    getattr(module, "_default_class_paths_cache", {}).pop("all", None)
