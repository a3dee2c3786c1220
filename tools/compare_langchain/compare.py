"""Runs the probes against ChatAnyfast and its peers, each in an environment of its own, and writes the table.

python compare.py               all columns; makes .venv-compare-* with uv, and needs a package index
python compare.py --ours        only ChatAnyfast's column, in this environment; the others stay as they are
"""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from rig import PEERS

from anyfast_emulator import Emulator

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PAGE = ROOT / "docs" / "peers-langchain.md"
BEGIN, END = "<!-- compare-langchain: begin -->", "<!-- compare-langchain: end -->"
RESULTS = HERE / "results.json"
SHARED = ["langchain>=1.3,<2", "vcrpy", "httpx"]


def python_of(peer: str) -> Path:
    """An environment that holds one class; made if it is not there."""
    folder = ROOT / f".venv-compare-{peer.lower()}"
    python = folder / "bin" / "python"
    if not python.exists():
        wanted = [f"{ROOT}[langchain]"] if peer == "ChatAnyfast" else [PEERS[peer][0]]
        uv = os.environ.get("UV", "uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *wanted, *SHARED], check=True)
    return python


def column(peer: str, python: str, emulator: Emulator) -> dict[str, object]:
    """The cells of one class."""
    program = [python, str(HERE / "probe.py"), peer, emulator.base_url, emulator.api_key]
    ran = subprocess.run(program, capture_output=True, text=True, timeout=600, check=False)
    if ran.returncode:
        raise SystemExit(f"{peer}: {ran.stderr[-2000:]}")
    found: dict[str, object] = json.loads(ran.stdout.splitlines()[-1])
    return found


def table(columns: list[dict[str, object]], day: str) -> str:
    """The columns as Markdown."""
    peers = [str(one["peer"]) for one in columns]
    cells = [dict(one["cells"]) for one in columns]  # type: ignore[call-overload]  # it is an object of JSON
    versions = [", ".join(f"{k} {v}" for k, v in dict(one["versions"]).items()) for one in columns]  # type: ignore[call-overload]  # as above
    lines = [f"| | {' | '.join(peers)} |", "|---" * (len(peers) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(str(one.get(name, '')) for one in cells)} |" for name in cells[0]]
    told = "; ".join(f"{peer} ({version})" for peer, version in zip(peers, versions, strict=True))
    return "\n".join([*lines, "", f"Run on {day} on loopback: {told}."])


def main() -> None:
    """Runs, and writes the table into the page."""
    known: dict[str, dict[str, object]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    ours = sys.argv[1:] == ["--ours"]
    with Emulator() as emulator:
        for peer in ["ChatAnyfast"] if ours else PEERS:
            python = sys.executable if ours else str(python_of(peer))
            known[peer] = column(peer, python, emulator)
    RESULTS.write_text(json.dumps(known, ensure_ascii=False, indent=1) + "\n")
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    day = datetime.now(UTC).date().isoformat()
    PAGE.write_text(f"{before}{BEGIN}\n{table([known[peer] for peer in PEERS if peer in known], day)}\n{END}{after}")


if __name__ == "__main__":
    main()
