"""What only a terminal shows: colours, and what Ctrl-C does."""

import contextlib
import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anyfast_emulator import Answer

CHAT = Path(__file__).parents[2] / "examples" / "streaming_chat.py"
CTRL_C = b"\x03"

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals"),
    pytest.mark.timeout(180),  # LangChain is imported anew, which takes seconds on a busy machine
]


# A process of its own has no threads that a fork would leave behind.
WRAPPER = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


class Terminal:
    """A program in a pseudo-terminal."""

    def __init__(self, script, environment):
        command = [sys.executable, "-c", WRAPPER, sys.executable, str(script)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, env=environment, bufsize=0, **pipes)  # noqa: S603  # our own script
        self._unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def type(self, keys):
        self.process.stdin.write(keys)

    def ended_by(self, keys):
        """The exit status. An interrupt between a prompt and its reading is only noticed with the next key.

        That key is none that interrupts: a program that is on its way out would die of it.
        """
        self.type(keys)
        for _ in range(60):
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(1)
            with contextlib.suppress(BrokenPipeError):  # it has just ended
                self.type(b"\n")
        raise AssertionError("it goes on")

    def read_until(self, awaited):
        """What was shown up to there; what came along with it is kept for the next time."""
        deadline = time.monotonic() + 120
        while awaited not in self._unread:
            assert time.monotonic() < deadline, self._unread
            if select.select([self.process.stdout], [], [], 1)[0]:
                piece = os.read(self.process.stdout.fileno(), 4096)
                assert piece, self._unread
                self._unread += piece
        shown, found, self._unread = self._unread.partition(awaited)
        return (shown + found).decode()


def test_ctrl_c_ends_an_answer_and_then_the_chat(anyfast_emulator):
    anyfast_emulator.delay = 0.02
    anyfast_emulator.script(Answer("waves " * 5_000, reasoning="Water moves."))
    place = {"ANYFAST_API_KEY": anyfast_emulator.api_key, "ANYFAST_BASE_URL": anyfast_emulator.base_url}
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with Terminal(CHAT, {**kept, **place, "TERM": "xterm"}) as terminal:
        terminal.read_until(b"you    ")
        terminal.type(b"Tell me about waves\n")
        shown = terminal.read_until(b"waves waves ")
        assert "".join(re.findall(r"\x1b\[2m(.*?)\x1b\[0m", shown)) == "Water moves."
        terminal.type(CTRL_C)
        assert " …" in terminal.read_until(b"you    ")
        anyfast_emulator.delay = 0
        terminal.type(b"Hello\n")
        terminal.read_until(b"Hello! I am an emulated model.")
        terminal.read_until(b"you    ")
        assert terminal.ended_by(CTRL_C) == 0
    question, answer, greeting = anyfast_emulator.requests[-1]["messages"]
    assert (question["content"], greeting["content"]) == ("Tell me about waves", "Hello")
    assert answer["content"].startswith("waves ")  # the interrupt may come between showing a piece and keeping it
    assert len(answer["content"]) < 6_000
