"""What the benchmark measures of ours: its own plugin shape, see the README of the benchmark.

The names below are those of its targets; `langchain-core` and `llama-index-core` are the floors of a cold import.
"""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

BENCH = Path(os.environ.get("BENCH_HOME") or Path.cwd())
sys.path.insert(0, str(BENCH))

OURS = {
    "ChatAnyfast": (
        "langchain",
        "from langchain_anyfast import ChatAnyfast",
        "m = ChatAnyfast(model='bench-small', api_key='sk-x', base_url=BASE + '/v1')",
    ),
    "AnyfastLLM": (
        "llamaindex",
        "from llama_index_anyfast import AnyfastLLM",
        "m = AnyfastLLM(model='bench-small', api_key='sk-x', api_base=BASE + '/v1', context_window=128_000)",
    ),
}
CORES = {
    "langchain-core": "import httpx; from langchain_core.language_models.chat_models import BaseChatModel",
    "llama-index-core": "import httpx; from llama_index.core.llms.function_calling import FunctionCallingLLM",
}
TARGETS = [*OURS, *CORES]


class Core:
    """A target that is only imported."""

    construct_code = first_call_code = None
    packages = ()

    def __init__(self, name: str) -> None:
        self.name, self.import_line = name, CORES[name]

    def setup(self, *_: Any) -> None:
        """Nothing is to be set up."""

    def close(self) -> None:
        """Nothing is to be closed."""


def make_target(name: str) -> Any:
    """Builds a target, as the benchmark asks for it."""
    if name in CORES:
        return Core(name)
    kind, imports, construction = OURS[name]
    path = BENCH / "targets" / f"{kind}.py"
    spec = importlib.util.spec_from_file_location(f"bench_{kind}", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.PEERS[name] = (imports, construction)
    return module.Peer(name)
