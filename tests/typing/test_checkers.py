"""What type checkers say of users' code: of each line that is marked as wrong, and of no other."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from anyfast_transport.settings.names import accepted_names
from langchain_anyfast import ChatAnyfast
from langchain_anyfast.arguments import ChatAnyfastArguments
from llama_index_anyfast import AnyfastLLM
from llama_index_anyfast.arguments import AnyfastLLMArguments

ROOT = Path(__file__).parents[2]
CODE = Path(__file__).with_name("users_code.py")
WRONG = {at for at, line in enumerate(CODE.read_text().splitlines(), 1) if line.endswith("# wrong")}


def run(*command: str) -> str:
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True).stdout  # noqa: S603  # our own words


@pytest.mark.timeout(240)  # where `make typecheck` has not filled mypy's cache
def test_mypy():
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    said = run("mypy", "--no-pretty", "--hide-error-context", str(CODE.relative_to(ROOT)))
    assert {int(at) for at in re.findall(r"users_code\.py:(\d+): error", said)} == WRONG, said


@pytest.mark.timeout(240)
def test_pyright():
    """It has a target of its own, `make typing`: its package fetches Node.js where there is none."""
    if importlib.util.find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    said = run("pyright", "--outputjson", "--pythonpath", sys.executable, str(CODE))
    errors = json.loads(said)["generalDiagnostics"]
    lines = {error["range"]["start"]["line"] + 1 for error in errors if error["severity"] == "error"}
    assert lines == WRONG, "\n".join(f"{e['range']['start']['line'] + 1}: {e['message']}" for e in errors)


@pytest.mark.parametrize(
    ("cls", "arguments"), [(ChatAnyfast, ChatAnyfastArguments), (AnyfastLLM, AnyfastLLMArguments)], ids=str
)
def test_the_types_name_every_argument_and_no_other(cls, arguments):
    assert arguments.__annotations__.keys() | {"model"} == accepted_names(cls).keys()
