"""What we rest on of other packages' insides: gathered in one file for each, and missed here when it is gone."""

import ast
import asyncio
import inspect
import subprocess
import sys
from pathlib import Path

import httpcore
import pytest
from pydantic import BaseModel

from langchain_anyfast import ChatAnyfast, _langchain
from langchain_anyfast.structured import StructuredOutput
from llama_index_anyfast import AnyfastLLM, _llama_index

ROOT = Path(__file__).parent.parent
INSIDES = {
    "anyfast_transport": {"http/network_hooks.py": set(), "unvalidated.py": set()},
    "langchain_anyfast": {"_langchain.py": _langchain.OVERRIDDEN | _langchain.CALLED},
    "llama_index_anyfast": {"_llama_index.py": _llama_index.OVERRIDDEN | _llama_index.CALLED},
    "anyfast_doctor": {},
}
PYTHONS_OWN = {"_replace", "_value_"}
"""Of named tuples and enums, documented."""


def _private(name):
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__")) and name != "_"


def _names_in(tree):
    """The private names that a file has of its own, and those that it takes from elsewhere."""
    own, taken = set(), set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                own.add(name)
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                own.add(name)
            case ast.Attribute(attr=name):
                taken.add(name)
            case ast.ImportFrom(module=module) if not (module or "").startswith(tuple(INSIDES)):
                taken.update(alias.name for alias in node.names)
                taken.update((module or "").split("."))
            case ast.Constant(value=str(text)) if text.startswith("__pydantic"):
                taken.add(f"_{text}")
    return own, {name for name in taken if _private(name)}


@pytest.mark.parametrize("package", INSIDES)
def test_no_other_file_takes_a_private_name(package):
    files = {path: _names_in(ast.parse(path.read_text())) for path in (ROOT / package).rglob("*.py")}
    known = set.union(PYTHONS_OWN, *(own for own, _ in files.values()), *map(set, INSIDES[package].values()))
    for path, (_, taken) in files.items():
        if str(path.relative_to(ROOT / package)) not in INSIDES[package]:
            assert not taken - known, f"{path.name}: it belongs into {', '.join(INSIDES[package])}"


@pytest.mark.parametrize(
    ("cls", "theirs", "named"),
    [
        (ChatAnyfast, "langchain_core.", _langchain.OVERRIDDEN),
        (StructuredOutput, "langchain_core.", _langchain.OVERRIDDEN),
        (AnyfastLLM, "llama_index.", _llama_index.OVERRIDDEN),
    ],
)
def test_each_hook_that_is_overridden_is_named(cls, theirs, named):
    ours = [base for base in cls.__mro__ if base.__module__.startswith(tuple(INSIDES))]
    hooks = {name for base in cls.__mro__ if base.__module__.startswith(theirs) for name in vars(base)}
    overridden = {name for base in ours for name in vars(base)} & hooks
    assert {name for name in overridden if _private(name) and not name.startswith("_abc")} <= named


def test_langchain_has_what_we_rest_on():
    from langchain_core.language_models import chat_models
    from langchain_core.runnables import Runnable

    source = inspect.getsource(chat_models)
    for name in _langchain.OVERRIDDEN:
        assert name in source, f"LangChain does not call {name} any more: what ours does would not happen"
    for name in _langchain.CALLED:
        assert hasattr(chat_models.BaseChatModel, name), f"LangChain has no {name} any more"
    assert issubclass(_langchain.ChatModelBinding, Runnable)
    for module in ("langchain.chat_models.base", "langchain.embeddings.base"):
        assert None not in _langchain.providers_of(module), f"{module} keeps its providers elsewhere"
    assert None not in _langchain.loadable_classes(), "LangChain keeps the classes that it loads elsewhere"


def test_llama_index_has_what_we_rest_on():
    from llama_index.core.llms.function_calling import FunctionCallingLLM

    for name in _llama_index.OVERRIDDEN | _llama_index.CALLED:
        assert hasattr(FunctionCallingLLM, name), f"LlamaIndex has no {name} any more"
    assert type(AnyfastLLM.__dict__["_prepare_chat_with_tools"]).__module__ == "builtins", (
        "LlamaIndex makes a span of a step that asks for none: it would count as a call"
    )


def test_httpcore_tells_of_what_we_watch():
    root = Path(httpcore.__file__).parent
    files = [root / f"_{kind}" / name for kind in ("sync", "async") for name in ("connection.py", "http11.py")]
    told = "".join(path.read_text() for path in files)
    for event in ("connect_tcp", "connect_unix_socket", "start_tls", "receive_response_headers"):
        assert told.count(f'"{event}"') >= 2, f"httpcore tells of no {event} any more: the deadline is off"


def test_a_loop_lets_its_close_be_replaced():
    loop = asyncio.new_event_loop()
    loop.close()
    loop.close = loop.close


def test_pydantic_keeps_an_object_as_we_build_it():
    for slot in ("fields_set", "extra", "private"):
        assert f"__pydantic_{slot}__" in vars(BaseModel), f"pydantic has no slot for {slot} any more"
    state = type("Empty", (BaseModel,), {})().__getstate__()
    assert {"__dict__", "__pydantic_private__"} <= state.keys()


QUIET = """
import atexit, logging, os, sys
said = []
def heard(*given, **named):
    said.append(str(getattr((*given, *named.values())[0], "__module__", "")))
    return given[0] if given else None
atexit.register = os.register_at_fork = heard
import {package}
print([one for one in said if one.startswith(("anyfast", "langchain_anyfast", "llama_index_anyfast"))])
print([logging.getLogger(name).filters for name in ("httpx", "httpcore.http11")])
"""


@pytest.mark.parametrize("package", ["anyfast_transport", "langchain_anyfast", "llama_index_anyfast"])
def test_nothing_happens_on_import(package):
    done = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-c", QUIET.format(package=package)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split("\n")[:2] == ["[]", "[[], []]"]
