"""The report as a table that a person can read, and the bar that shows how far it is.

Plain text of our own: two short functions, so that the bare install needs no library for terminals.
"""

import shutil
import textwrap
from collections.abc import Sequence
from typing import TextIO

from anyfast_doctor.findings import Line, Status
from anyfast_doctor.report import Report, shown_url

_COLOURS = {
    Status.WORKS: "32",
    Status.DIFFERS: "33",
    Status.FAILS: "31",
    Status.UNUSABLE: "31",
    Status.UNKNOWN: "33",
    Status.SKIPPED: "2",
}
_NARROWEST, _WIDEST = 72, 120
_BAR = 24

_VERDICTS = {
    "fine": "Fine: everything works as the rows of this package say.",
    "differs": "Usable, with differences: see the lines that do not say “works”.",
    "unusable": "Unusable as it is: see the line that says so.",
}


def table(report: Report, *, colours: bool = False) -> str:
    """The whole table.

    Args:
        report: What was found.
        colours: Whether the terminal shows colours.

    Returns:
        Lines of text, with a last line end.
    """
    width = max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size().columns))
    parts = [_block(f"Gateway {shown_url(report.base_url)}", report.gateway, width, colours)]
    parts += [_block(f"Model {model}", lines, width, colours) for model, lines in report.models.items()]
    unknown = sum(line.finding.status is Status.UNKNOWN for line in report.lines)
    end = _VERDICTS[report.verdict] if report.complete else "Interrupted: this is what is known so far."
    open_ends = f" {unknown} of them could not be told." if unknown else ""
    spent = f"{report.requests} chat requests, {report.tokens:,} tokens as the gateway counts them."
    return "\n".join([*parts, f"{end}{open_ends}\n{spent}\n"])


def _block(head: str, lines: Sequence[Line], width: int, colours: bool) -> str:
    titles = max((len(line.title) for line in lines), default=0)
    return "\n".join([head, *(_row(line, titles, width, colours) for line in lines), ""])


def _row(line: Line, titles: int, width: int, colours: bool) -> str:
    finding = line.finding
    status = f"{finding.status.value:<14}"
    lead = f"  {line.title:<{titles}}  "
    indent = " " * (len(lead) + len(status) + 1)
    said = textwrap.wrap(printable(finding.words), width - len(indent)) or [""]
    remedy = textwrap.wrap(printable(finding.remedy), width - len(indent) - 2)
    said += [f"{'  ' if at else '→ '}{one}" for at, one in enumerate(remedy)]
    painted = f"\033[{_COLOURS[finding.status]}m{status}\033[0m" if colours else status
    return "\n".join([f"{lead}{painted} {said[0]}".rstrip(), *(indent + one for one in said[1:])])


def printable(text: str) -> str:
    """Text that moves no terminal's cursor: a gateway's words may hold anything.

    Args:
        text: Any text.

    Returns:
        The text, each control character a space.
    """
    return "".join(char if char.isprintable() else " " for char in text)


class Bar:
    """A progress bar on a terminal; nothing elsewhere.

    Args:
        out: Where it is drawn.
        total: How many steps there are.
    """

    def __init__(self, out: TextIO, total: int) -> None:
        self._out, self._total, self._done = out, total, 0
        self._shown = out.isatty()

    def step(self, title: str) -> None:
        """Draws the bar before a step.

        Args:
            title: What comes next.
        """
        if self._shown:
            full = _BAR * self._done // max(self._total, 1)
            self._out.write(f"\r\033[K[{'#' * full}{'.' * (_BAR - full)}] {self._done}/{self._total} {title}")
            self._out.flush()
        self._done += 1

    def clear(self) -> None:
        """Takes the bar away."""
        if self._shown:
            self._out.write("\r\033[K")
            self._out.flush()
