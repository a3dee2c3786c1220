"""Opt-in places where LangChain keeps lists of the classes that it knows. Importing this package changes none."""

import importlib
from typing import Any

PROVIDER = "anyfast"
_LC_ID = ("langchain_anyfast", "chat_models", "ChatAnyfast")


def register() -> None:
    """Makes our classes known to `init_chat_model("anyfast:…")`, `create_agent("anyfast:…")` and `init_embeddings`.

    Raises:
        RuntimeError: LangChain keeps its lists of providers elsewhere now; construct `ChatAnyfast` yourself.
    """
    for module, name in (
        ("langchain.chat_models.base", "ChatAnyfast"),
        ("langchain.embeddings.base", "AnyfastEmbeddings"),
    ):
        found = importlib.import_module(module)
        providers, call = getattr(found, "_BUILTIN_PROVIDERS", None), getattr(found, "_call", None)
        if providers is None or call is None:
            raise RuntimeError(
                f"This version of langchain keeps its list of providers for {name} elsewhere: "
                f"pass {name}(model=…) instead of a name."
            )
        providers[PROVIDER] = ("langchain_anyfast", name, call)


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
