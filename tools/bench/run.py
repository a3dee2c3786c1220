"""Runs the benchmark on our classes, their peers and the floors, and writes the results into docs/performance.md.

The benchmark is no part of the project: `BENCH` says where it is. It is copied before it runs, since it writes into its
own folder. Environments, copy and results are in `.venv-bench/`; the page shows the last three results. `ROUNDS` says
how often each figure is measured, 5 times unless given; `FULL=1` adds 1000 streams at once, some minutes more.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import report

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
HOME = ROOT / ".venv-bench"
WORK, RESULTS = HOME / "work", HOME / "results"

VENVS = {
    "raw": ["httpx", "orjson", "pydantic", "uvloop", "httptools"],
    "langchain": ["langchain-core<2", "langchain-openai<2", "orjson", "httpx"],
    "llamaindex": [
        "llama-index-core<0.15",
        "llama-index-llms-openai",
        "llama-index-llms-openai-like",
        "orjson",
        "httpx",
    ],
    "embeddings": [
        "--editable",
        f"{ROOT}[langchain,llama-index]",
        "langchain-openai<2",
        "llama-index-embeddings-openai",
    ],
    "ours": ["--editable", f"{ROOT}[langchain,llama-index]", "orjson"],
}

_LC = ["ChatAnyfast", "ChatOpenAI", "lc-core-parse", "lc-proto-httpx"]
_LI = ["AnyfastLLM", "OpenAILike", "li-core-parse", "li-proto-httpx"]
_OURS = ["ChatAnyfast", "AnyfastLLM"]
_BOTH = [*_OURS, "ChatOpenAI", "OpenAILike"]
_BARE = ["lc-proto-httpx", "li-proto-httpx"]
_RAW = "httpx-bytes-orjson"

ROUNDS = int(os.environ.get("ROUNDS", "5"))

# Scenarios, targets, and how often each is measured.
PARTS = [
    (["stream", "astream", "stream-tools", "astream-tools"], [*_LC, *_LI, _RAW], ["--rounds", str(ROUNDS)]),
    (["stream-hist500"], _LI, ["--rounds", str(ROUNDS)]),
    (["invoke", "ainvoke", "first", "history", "tools"], [*_BOTH, *_BARE, _RAW], ["--rounds", str(ROUNDS)]),
    (["construct", "batch", "abatch"], _BOTH, ["--rounds", str(ROUNDS)]),
    (["conc200", *(["conc1000"] if os.environ.get("FULL") else [])], _BOTH, ["--fresh-rounds", "2"]),
    (["growth-stream", "growth-tools"], [*_OURS, "lc-core-parse", "li-core-parse"], ["--growth-rounds", "3"]),
    (
        ["import", "cold-call"],
        [*_BOTH, "langchain-core", "llama-index-core"],
        ["--process-rounds", str(ROUNDS)],
    ),
]


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def bench_folder() -> Path:
    """Where the benchmark is; ends with a word to the reader if it is not there."""
    folder = (ROOT / os.environ.get("BENCH", "../shared/bench")).resolve()
    if not (folder / "run.py").exists():
        raise SystemExit(f"The benchmark is not in {folder}. Say where it is: make bench BENCH=/path/to/bench")
    return folder


def python_of(name: str) -> Path:
    """The interpreter of an environment, which is made if it is not there."""
    folder = HOME / name
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        say(f"making {folder.relative_to(ROOT)} ...")
        uv = os.environ.get("UV", "uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *VENVS[name]], check=True)
        (folder / ".ready").touch()
    return python


def run_part(number: int, scenarios: list[str], targets: list[str], how: list[str]) -> dict[str, Any]:
    """One run of the benchmark; what it wrote."""
    out = WORK / f"part-{number}.json"
    out.unlink(missing_ok=True)
    program = [sys.executable, "run.py", "--plugin", str(HERE / "targets.py"), "--json", str(out)]
    program += ["--python-for", f"targets={python_of('ours')}", "--scenarios", *scenarios, "--targets", *targets, *how]
    program += ["--min-cpu", "0.05", "--sample-timeout", "180"]
    said = WORK / f"part-{number}.log"
    environment = {**os.environ, "BENCH_VENVS": str(HOME), "BENCH_CACHE": str(WORK / ".pycache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a cold import reads bytecode, as it does once pip has compiled
    with said.open("w") as log:
        ended = subprocess.run(program, cwd=WORK, env=environment, stdout=log, stderr=log, check=False)
    if ended.returncode or not out.exists():
        raise SystemExit(f"{' '.join(scenarios)} failed: {said.read_text()[-2000:]}")
    found: dict[str, Any] = json.loads(out.read_text())
    for scenario, target, error, _ in found.get("errors", []):
        say(f"  {target} failed in {scenario}: {error}")
    return found


def run() -> dict[str, Any]:
    """Everything, once."""
    whole: dict[str, Any] = {"meta": {}, "scenarios": {}}
    began = time.monotonic()
    for number, (scenarios, targets, how) in enumerate(PARTS):
        say(f"{time.monotonic() - began:4.0f} s  {' '.join(scenarios)}")
        found = run_part(number, scenarios, targets, how)
        versions = {**whole["meta"].get("versions", {}), **found["meta"].get("versions", {})}
        whole["meta"] = {**found["meta"], "versions": versions}
        whole["scenarios"] |= found["scenarios"]
    whole["meta"]["seconds"] = round(time.monotonic() - began)
    return whole


def main() -> None:
    """Makes what is missing, runs, and writes the page. `--page` only writes it anew, from what was measured."""
    if "--page" not in sys.argv:
        shutil.copytree(bench_folder(), WORK, dirs_exist_ok=True, ignore=shutil.ignore_patterns("venvs", "__pycache__"))
        for folder in (WORK, *(one for one in WORK.rglob("*") if one.is_dir())):
            folder.chmod(0o755)
        os.environ.setdefault("BENCH_HOME", str(WORK))
        for name in VENVS:
            python_of(name)
        RESULTS.mkdir(parents=True, exist_ok=True)
        measured = run()
        (RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.json").write_text(json.dumps(measured, indent=1))
    last = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))[-3:]]
    if not last:
        raise SystemExit("Nothing was measured yet.")
    report.write(last)
    if "--page" not in sys.argv:
        for name in ("embeddings", "pictures"):
            say(name)
            program = [str(python_of("embeddings")), str(HERE / f"{name}.py")]
            report.write_table(name, subprocess.run(program, check=True, capture_output=True, text=True).stdout)
    say(report.summary(last))


if __name__ == "__main__":
    main()
