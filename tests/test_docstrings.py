"""Each public name says what it takes, gives and raises: what a reader of the reference relies on."""

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import itertools
import re
import textwrap
import typing

import pytest
from pydantic import BaseModel

PACKAGES = [
    name
    for name in (
        "anyfast_transport",
        "langchain_anyfast",
        "llama_index_anyfast",
        "anyfast_emulator",
        "anyfast_doctor",
    )
    if importlib.util.find_spec(name)
]
PUBLIC = [
    f"{package}.{name}"
    for package in PACKAGES
    for name in getattr(importlib.import_module(package), "__all__", ())
    if not name.startswith("_")
]
UNIT = re.compile(r"second|token|character|byte|USD|price|0 to|more|most|at least|number|numbers", re.IGNORECASE)
NEEDS_A_UNIT = re.compile(
    r"timeout|seconds|chars|tokens|window|retries|delay|penalty|temperature|top_p|^n$|price|limit"
)

SEE = re.compile(r"\bsee `[\w.]+`")
WRAPPED = ("_self", "llm")
"""What LlamaIndex's decorators and ours call `self`."""


def is_ours(thing):
    return (getattr(thing, "__module__", None) or "").split(".")[0] in PACKAGES


def section(thing, *titles):
    """The text below a title of a Google docstring."""
    doc = inspect.getdoc(thing) or ""
    found = re.search(rf"^({'|'.join(titles)}):\n((?:    .*\n?|\n)+)", doc, re.MULTILINE)
    return found.group(2) if found else ""


def named_in(text):
    return set(re.findall(r"^    \*{0,2}(\w+)(?: \([^)]*\))?:", text, re.MULTILINE))


def raised_by(function):
    """Names of the exceptions that a function itself raises."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
            yield node.exc.func.id


def gaps_of_function(where, function):
    """What a docstring leaves out; one that points to its twin leaves the rest to it."""
    if not inspect.getdoc(function):
        return [f"{where}: no docstring"]
    gaps, signature = [], inspect.signature(function)
    parameters = [
        name
        for name, one in signature.parameters.items()
        if name not in ("self", "cls", *WRAPPED) and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    if not SEE.search(inspect.getdoc(function)):
        missing = [name for name in parameters if name not in named_in(section(function, "Args"))]
        gaps += [f"{where}: argument {name} is not told" for name in missing]
        gives = signature.return_annotation not in (None, "None", inspect.Signature.empty, typing.Self)
        if parameters and gives and not section(function, "Returns", "Yields"):
            gaps.append(f"{where}: what it gives is not told")
    untold = set(raised_by(function)) - named_in(section(function, "Raises"))
    untold = {name for name in untold if name[0].isupper()}  # the others are functions that make an error
    return gaps + [f"{where}: {name} is raised and not told" for name in untold]


def gaps_of_fields(where, cls):
    """Fields of pydantic, each with its docstring or description, and its unit where it is a quantity."""
    for name, field in cls.model_fields.items():
        owner = next((one for one in cls.__mro__ if name in vars(one).get("__annotations__", {})), cls)
        if not is_ours(owner):
            continue
        told = field.description or attribute_docstrings(owner).get(name)
        if not told:
            yield f"{where}.{name}: no description"
        elif NEEDS_A_UNIT.search(name) and not UNIT.search(told):
            yield f"{where}.{name}: no unit or range in {told!r}"


def attribute_docstrings(cls):
    """The strings below the attributes of a class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body
    pairs = itertools.pairwise(body)
    return {
        one.target.id: after.value.value
        for one, after in pairs
        if isinstance(one, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    }


def arguments_of(cls):
    """What makes an object of the class, as far as the class itself says."""
    if dataclasses.is_dataclass(cls):
        return [one.name for one in dataclasses.fields(cls) if one.init and not one.name.startswith("_")]
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return list(cls._fields)
    init = vars(cls).get("__init__")
    if init is None or issubclass(cls, BaseModel):
        return []
    kept = (one for one in inspect.signature(init).parameters.values() if one.kind is not one.VAR_KEYWORD)
    return [one.name for one in kept if one.name != "self"]


def gaps_of_class(where, cls):
    told = named_in(section(cls, "Args", "Attributes")) | named_in(section(cls, "Attributes"))
    inherited = {name for base in cls.__mro__[1:] for name in named_in(section(base, "Attributes"))}
    told |= inherited | attribute_docstrings(cls).keys()
    gaps = [] if inspect.getdoc(cls) else [f"{where}: no docstring"]
    if issubclass(cls, Exception):
        told |= {"message", "headers"}  # the base tells of them; headers are seen through `response`
    gaps += [f"{where}: argument {name} is not told" for name in arguments_of(cls) if name not in told]
    if issubclass(cls, BaseModel):
        gaps += gaps_of_fields(where, cls)
    for name, member in inspect.getmembers_static(cls):
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            gaps += [] if not is_ours(member.fget) or inspect.getdoc(member.fget) else [f"{where}.{name}: no docstring"]
        function = inspect.unwrap(member.__func__ if isinstance(member, (classmethod, staticmethod)) else member)
        if inspect.isfunction(function) and is_ours(function):
            # A framework's hook is called by the framework, which documents it.
            a_hook = name.startswith("on_") and any(name in vars(base) for base in cls.__mro__ if not is_ours(base))
            told = [] if inspect.getdoc(function) else [f"{where}.{name}: no docstring"]
            gaps += told if a_hook else gaps_of_function(f"{where}.{name}", function)
    return gaps


@pytest.mark.parametrize("public", PUBLIC)
def test_a_public_name_tells_what_it_takes_gives_and_raises(public):
    package, _, name = public.rpartition(".")
    thing = getattr(importlib.import_module(package), name)
    if inspect.isclass(thing) and not typing.is_typeddict(thing):
        assert gaps_of_class(public, thing) == []
    elif inspect.isroutine(thing):
        assert gaps_of_function(public, thing) == []
    else:
        assert inspect.getdoc(thing)


def test_the_example_of_the_llamaindex_class_runs(anyfast_emulator, monkeypatch):
    from llama_index_anyfast import AnyfastLLM

    monkeypatch.setenv("ANYFAST_API_KEY", anyfast_emulator.api_key)
    monkeypatch.setenv("ANYFAST_BASE_URL", anyfast_emulator.base_url)
    (example,) = re.findall(r"```python\n(.*?)```", AnyfastLLM.__doc__, re.DOTALL)
    exec(textwrap.dedent("        " + example.lstrip()), {})  # noqa: S102  # that is what this test is for
    assert anyfast_emulator.requests


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_it_is(package):
    assert importlib.import_module(package).__doc__


def test_a_gap_is_noticed():
    def lacking(given: int) -> int:
        """Does something."""
        if given:
            raise KeyError(given)
        return given

    assert gaps_of_function("it", lacking) == [
        "it: argument given is not told",
        "it: what it gives is not told",
        "it: KeyError is raised and not told",
    ]
