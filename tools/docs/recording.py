"""Records what a program prints on a terminal as docs/images/demo.svg.

python -m tools.docs.recording PROGRAM ARGUMENT…

The program runs on a terminal of its own, so that it prints its colours; the picture is its real output, wrapped to the
width of the terminal. Where the reader's program shows animations, the lines come one after the other as they did then.
The emulator answers, whatever keys the environment holds.
"""

import codecs
import io
import os
import pty
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "demo.svg"
COLUMNS = 112
TITLE = "make demo"

LONGEST_PAUSE = 0.6
"""Seconds. Nobody wants to watch how frameworks are imported."""

FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""A picture fetches nothing: the reader's own fixed font does."""

APPEARING = """
    @keyframes demo-appear {{ from {{ opacity: 0; }} to {{ opacity: 1; }} }}
    @media (prefers-reduced-motion: no-preference) {{
{rules}
    }}
"""


class Piece(NamedTuple):
    """What came at once, and when: seconds since the beginning, long pauses shortened."""

    at: float
    text: str


def printed(program: list[str]) -> list[Piece]:
    """Runs a program on a terminal.

    Args:
        program: The program and its arguments.

    Returns:
        What it printed, colours included.

    Raises:
        SystemExit: It failed.
    """
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANYFAST_")}
    environment |= {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    running = subprocess.Popen(program, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    pieces, now, last = list[Piece](), 0.0, time.monotonic()
    decoder = codecs.getincrementaldecoder("utf-8")()
    while data := _read(ours):
        now += min(time.monotonic() - last, LONGEST_PAUSE)
        last = time.monotonic()
        pieces.append(Piece(now, decoder.decode(data).replace("\r", "")))
    os.close(ours)
    if running.wait():
        raise SystemExit(f"{shlex.join(program)} failed:\n{''.join(piece.text for piece in pieces)}")
    return pieces


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's way to say that nobody has the other end open
        return b""


def drawn(pieces: list[Piece]) -> str:
    """A terminal's text as SVG.

    Args:
        pieces: What was printed, with ANSI colours.

    Returns:
        The picture.
    """
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    prompt = Piece(0, f"$ {TITLE}\n")
    text = Text.from_ansi("".join(piece.text for piece in (prompt, *pieces)).rstrip())
    rows = ["".join(segment.text for segment in row) for row in console.render_lines(text)]
    console.print(text)
    svg = FONTS.sub("", console.export_svg(title=TITLE, theme=DIMMED_MONOKAI, unique_id="demo"))
    rules = "\n".join(
        f'      text[clip-path="url(#demo-line-{row})"] {{ animation: demo-appear 0.2s {at:.2f}s both; }}'
        for row, at in enumerate(times([prompt, *pieces], rows))
    )
    return svg.replace("</style>", APPEARING.format(rules=rules) + "</style>", 1)


def times(pieces: list[Piece], rows: list[str]) -> list[float]:
    """When each row of the terminal began.

    Args:
        pieces: What was printed.
        rows: The rows, in their order, as they were wrapped.

    Returns:
        Seconds since the beginning, one for each row.
    """
    plain = [Text.from_ansi(piece.text).plain if piece.text.strip() else piece.text for piece in pieces]
    found, at, whole = [0.0], 0, "".join(plain)
    for row in rows:
        begins = whole.find(row.strip(), at) if row.strip() else -1
        at = begins if begins >= 0 else at
        found.append(max(found[-1], _time_of(at, pieces, plain)))
    return found[1:]


def _time_of(offset: int, pieces: list[Piece], plain: list[str]) -> float:
    for piece, text in zip(pieces, plain, strict=True):
        offset -= len(text)
        if offset < 0:
            return piece.at
    return pieces[-1].at


if __name__ == "__main__":
    PICTURE.write_text(drawn(printed(sys.argv[1:])), encoding="utf-8")
