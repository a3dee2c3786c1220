"""What was found, as a whole: the verdict, the profile file, the JSON. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from anyfast_doctor.exchanges import CHAT, Exchange
from anyfast_doctor.findings import Line, Status
from anyfast_transport import __version__
from anyfast_transport.families.profile_file import Facts, bare_id, written_facts

FORMAT = 1
"""Of the JSON report."""

EXIT = {"fine": 0, "differs": 1, "unusable": 2}

_LEFT_OUT = ("messages", "tools")  # the doctor's own words, the same for everybody


@dataclass(slots=True)
class Report:
    """Everything that was found.

    Attributes:
        base_url: Where the gateway is.
        gateway: The lines about the gateway.
        models: Model id → its lines.
        requests: Chat requests made.
        tokens: Tokens that they cost.
        complete: Whether every probe was asked.
    """

    base_url: str
    gateway: list[Line] = field(default_factory=list)
    models: dict[str, list[Line]] = field(default_factory=dict)
    requests: int = 0
    tokens: int = 0
    complete: bool = True

    @property
    def lines(self) -> list[Line]:
        """All lines, those of the gateway first."""
        return [*self.gateway, *(line for lines in self.models.values() for line in lines)]

    @property
    def verdict(self) -> str:
        """fine, differs, or unusable."""
        seen = {line.finding.status for line in self.lines}
        if Status.UNUSABLE in seen:
            return "unusable"
        return "differs" if seen & {Status.DIFFERS, Status.FAILS} else "fine"

    def facts(self) -> dict[str, Facts]:
        """What the rows should say instead, for each model where there is something."""
        found = {model: _facts_of(lines) for model, lines in self.models.items()}
        return {model: facts for model, facts in found.items() if facts}


def _facts_of(lines: Sequence[Line]) -> Facts:
    found: dict[str, Any] = {}
    for line in lines:
        found |= line.finding.facts
    return found


def profile_of(report: Report, in_force: Mapping[str, Facts], existing: Mapping[str, Facts]) -> dict[str, Facts]:
    """What the profile file should hold.

    Args:
        report: What was found, on top of the profile that was in force.
        in_force: That profile.
        existing: What the file holds already; of models that were examined, it yields.

    Returns:
        Beginning of a model id → facts.
    """
    written = dict(existing)
    for model, facts in report.facts().items():
        key = bare_id(model)
        written[key] = {**in_force.get(key, {}), **facts}
    return written


def shown_url(url: str) -> str:
    """A URL without what else it may hold: user, password, query.

    Args:
        url: The base URL.

    Returns:
        Scheme, host, port and path.
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def as_json(report: Report, *, when: str) -> dict[str, Any]:
    """The report for machines, and for others to read.

    Args:
        report: What was found.
        when: Date and time.

    Returns:
        A JSON object: no key, no prompt, nothing of the user's but the URL's host and path and the models' ids.
    """
    return {
        "format": FORMAT,
        "doctor": __version__,
        "date": when,
        "base_url": shown_url(report.base_url),
        "verdict": report.verdict,
        "complete": report.complete,
        "requests": report.requests,
        "tokens": report.tokens,
        "gateway": [_line(line) for line in report.gateway],
        "models": {model: [_line(line) for line in lines] for model, lines in report.models.items()},
        "profile": {model: written_facts(facts) for model, facts in report.facts().items()},
    }


def _line(line: Line) -> dict[str, Any]:
    finding = line.finding
    return {
        "probe": line.name,
        "status": finding.status.value,
        "words": finding.words,
        "remedy": finding.remedy,
        "facts": written_facts(finding.facts),
        "exchanges": [_exchange(one) for one in line.exchanges],
    }


def _exchange(exchange: Exchange) -> dict[str, Any]:
    sent = {key: value for key, value in (exchange.ask.body or {}).items() if key not in _LEFT_OUT}
    said = {
        "path": None if exchange.ask.path == CHAT else exchange.ask.path,
        "sent": sent or None,
        "error": type(exchange.error).__name__ if exchange.error else None,
        "status": getattr(exchange.error, "status_code", None),
        "said": exchange.words or None,
        "finish_reason": exchange.finish,
        "usage": exchange.completion.usage if exchange.completion else None,
        "request_id": exchange.completion.request_id if exchange.completion else None,
        "seconds": round(exchange.seconds, 2),
    }
    return {key: value for key, value in said.items() if value is not None}
