"""A client that is not Python against the emulator: Vercel's AI SDK. `make check-npm` installs it and runs this."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from anyfast_emulator import Emulator

FOLDER = Path(__file__).parent / "ai_sdk"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    not NODE or not (FOLDER / "node_modules").exists(), reason="needs node and its packages: make check-npm"
)


@pytest.mark.timeout(120)
def test_the_ai_sdk_works_against_it():
    with Emulator() as emulator:
        where = {"BASE_URL": emulator.base_url, "API_KEY": emulator.api_key}
        done = subprocess.run(  # noqa: S603  # our own script
            [NODE, "check.mjs"], cwd=FOLDER, env=os.environ | where, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert [line.removeprefix("works: ") for line in done.stdout.splitlines()] == [
        "chats",
        "streams",
        "reasons",
        "callsTools",
        "streamsToolCalls",
        "hearsRefusals",
    ]
