"""The examples, run as a newcomer runs them."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from anyfast_emulator import Emulator

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.py"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("ANYFAST_")}

# Both frameworks are imported anew, which takes seconds on a busy machine.
pytestmark = pytest.mark.timeout(180)


def start(**variables):
    return subprocess.Popen(  # noqa: S603  # our own script
        [sys.executable, "-u", str(QUICKSTART)],
        env={**ENVIRONMENT, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def run(**variables):
    process = start(PYTHONIOENCODING="utf-8", **variables)
    out, err = process.communicate(timeout=170)
    return process.returncode, out, err


def test_quickstart_shows_reasoning_calls_and_answers_of_both_frameworks():
    status, out, err = run()
    assert (status, err) == (0, "")
    assert "\033" not in out, "there are no colours in a pipe"
    head, langchain, chain, engine, agent, usage = out.split("\n\n")
    assert "Talking to the emulator" in head
    doing = [line.split()[0] for line in langchain.splitlines()[2:]]
    assert doing == ["thinks", "calls", "gets", "thinks", "calls", "gets", "thinks", "answers"]
    assert 'calls     get_weather {"city": "Lisbon"}' in langchain
    assert 'calls     convert_temperature {"celsius": 21}' in langchain
    assert re.search(r"answers .*69\.8", langchain)
    assert [line.split()[0] for line in chain.splitlines()[2:]] == ["finds", "thinks", "answers"]
    assert "finds     Visitors may climb the 214 steps from June to September." in chain
    assert re.search(r"^  answers .*June to September", chain, re.MULTILINE)
    assert re.search(r"^  answers .*three tonnes", engine, re.MULTILINE)
    doing = [line.split()[0] for line in agent.splitlines()[2:]]
    assert doing == ["thinks", "calls", "gets", "thinks", "answers"]
    assert re.search(r"^  answers .*Monday", agent, re.MULTILINE)
    rows = {
        name: [int(n) if n != "–" else 0 for n in numbers] for name, *numbers in map(str.split, usage.splitlines()[2:])
    }
    assert list(rows) == ["deepseek-v4-pro", "doubao-embedding", "qwen3.6-flash", "together"]
    assert rows.pop("together") == (together := list(map(sum, zip(*rows.values(), strict=True))))
    assert all(together)
    assert rows["doubao-embedding"][0] == 5, "two stores, and three questions"


def test_quickstart_says_what_is_wrong_with_a_key():
    with Emulator() as emulator:
        status, out, err = run(ANYFAST_API_KEY="wrong-key", ANYFAST_BASE_URL=emulator.base_url)
    assert status == 1
    assert "Talking to Anyfast" in out
    assert "Invalid API key" in err
    assert "ANYFAST_API_KEY" in err
    assert "Traceback" not in err
    assert "wrong-key" not in out + err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_quickstart_ends_quietly_when_interrupted():
    process = start()
    while "thinks" not in (line := process.stdout.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.strip()) == (130, "Interrupted.")
