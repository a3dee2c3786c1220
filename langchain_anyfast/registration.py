"""Opt-in places where LangChain keeps lists of the classes that it knows. Importing this package changes none."""

from langchain_anyfast._langchain import loadable_classes, providers_of

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
        providers, call = providers_of(module)
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
    mapping, namespaces, worked_out = loadable_classes()
    if mapping is None or namespaces is None:
        raise RuntimeError(
            "This version of langchain-core keeps its list of loadable classes elsewhere: "
            'use load(…, allowed_objects=[ChatAnyfast], valid_namespaces=["langchain_anyfast"]).'
        )
    mapping[_LC_ID] = _LC_ID
    if _LC_ID[0] not in namespaces:
        namespaces.append(_LC_ID[0])
    worked_out.pop("all", None)
