"""One run of the command: what it asks, in which order, and what it prints."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from anyfast_doctor import burst
from anyfast_doctor.asking import Asker
from anyfast_doctor.examining import cost, examine
from anyfast_doctor.exchanges import Exchange
from anyfast_doctor.findings import Line, Probe, Status, Subject
from anyfast_doctor.gateway import MODELS, lines_of, listed
from anyfast_doctor.probes import OF_THE_GATEWAY, PROBES
from anyfast_doctor.report import Report, as_json, profile_of
from anyfast_doctor.table import Bar, printable, table
from anyfast_transport import AnyfastError, Connection, family_of
from anyfast_transport.families.profile_file import (
    PROFILE_VARIABLE,
    Facts,
    Profile,
    family_with,
    read_whole_profile,
    written_profile,
)
from anyfast_transport.http.key_masking import Mask

USUAL_MODEL = "deepseek-v4-flash"
"""Examined unless a model is named: a cheap one of the family with the most particulars."""


class Visit:
    """One run of the command: where it is, and what is known so far."""

    def __init__(self, options: argparse.Namespace, connection: Connection, asker: Asker) -> None:
        self._options, self._connection, self._asker = options, connection, asker
        self.report = Report(connection.base_url)

    def run(self) -> bool:
        """Asks the gateway, then the user, then the models.

        Returns:
            Whether there is something to be told; False if the user did not agree.
        """
        exchange = self._asker.send(MODELS)
        models = self._options.model or [_usual(exchange)]
        self.report.gateway += lines_of(exchange, models)
        if any(line.finding.status is Status.UNUSABLE for line in self.report.gateway):
            return True
        probes = [probe for probe in PROBES if not self._options.only or probe.name in {"plain", *self._options.only}]
        subjects = [Subject(model, family_with(model, self._connection.profile_file)) for model in models]
        if not self._agreed(subjects, probes):
            return False
        bar = Bar(sys.stderr, len(OF_THE_GATEWAY) + len(subjects) * len(probes) + bool(self._options.burst))
        try:
            self._examine(subjects, probes, bar)
        finally:
            bar.clear()
        return True

    def _examine(self, subjects: Sequence[Subject], probes: Sequence[Probe], bar: Bar) -> None:
        for subject in subjects:
            self._fill(self.report.models.setdefault(subject.model, []), subject, probes, bar)
        if not self._options.only and self.report.verdict != "unusable":
            self._fill(self.report.gateway, subjects[0], OF_THE_GATEWAY, bar)
        if self._options.burst and self.report.verdict != "unusable":
            bar.step(burst.TITLE)
            self.report.gateway.append(self._burst(subjects[0]))

    def _burst(self, subject: Subject) -> Line:
        ask, alone = burst.one_of_many(subject), self._connection.model_copy(update={"max_retries": 0})

        def send(_: int) -> Exchange:
            with Asker(alone) as asker:  # an Asker hears one answer at a time
                return asker.send(ask)

        with ThreadPoolExecutor(self._options.burst) as threads:
            exchanges = tuple(threads.map(send, range(self._options.burst)))
        self.report.requests += len(exchanges)
        self.report.tokens += sum(one.usage.total for one in exchanges if one.usage)
        return Line(burst.NAME, burst.TITLE, burst.judged(exchanges), exchanges)

    def _fill(self, lines: list[Line], subject: Subject, probes: Sequence[Probe], bar: Bar) -> None:
        """Line by line, so that Ctrl-C loses none."""
        for line in examine(subject, probes, self._asker.send, lambda probe: bar.step(probe.title)):
            lines.append(line)
            self.report.requests, self.report.tokens = self._asker.requests, self._asker.tokens

    def _agreed(self, subjects: Sequence[Subject], probes: Sequence[Probe]) -> bool:
        costs = [cost(subject.family, probes) for subject in subjects]
        if not self._options.only:
            costs.append(cost(subjects[0].family, OF_THE_GATEWAY))
        costs.append((self._options.burst, self._options.burst * burst.TOKENS))
        requests, tokens = sum(one[0] for one in costs), sum(one[1] for one in costs)
        names = ", ".join(subject.model for subject in subjects)
        sys.stderr.write(
            f"{printable(names)}: at most {requests} small chat requests, about {tokens:,} tokens in all; usually "
            "fewer. They are billed as any others.\n"
        )
        if self._options.yes:
            return True
        if not sys.stdin.isatty():
            sys.stderr.write("There is no terminal to ask at: say --yes. No chat request was made.\n")
            return False
        sys.stderr.write("Go on? [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def publish(self, in_force: Mapping[str, Facts]) -> None:
        """Writes the profile file, and prints the report, both without the key.

        Args:
            in_force: The profile that the models were examined under.
        """
        mask = _mask(self._connection)
        if self._options.json:
            when = datetime.now(UTC).isoformat(timespec="seconds")
            said: Any = mask.value(as_json(self.report, when=when))
            sys.stdout.write(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
        else:
            colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
            sys.stdout.write(mask.text(table(self.report, colours=colours)))
        sys.stdout.flush()
        if self.report.facts():
            sys.stderr.write(_written(self._options.write, self.report, in_force) + "\n")


def _usual(exchange: Exchange) -> str:
    models = listed(exchange) or [USUAL_MODEL]
    known = [model for model in models if family_of(model).ids]
    return USUAL_MODEL if USUAL_MODEL in models else (known or models)[0]


def _mask(connection: Connection) -> Mask:
    key = connection.api_key
    return Mask(key.get_secret_value() if isinstance(key, SecretStr) else "")


def _written(path: str, report: Report, in_force: Mapping[str, Facts]) -> str:
    """Writes the profile file; what became of it, in words."""
    try:
        existing = read_whole_profile(path) if Path(path).exists() else Profile({}, {})
        models = profile_of(report, in_force, existing.models)
        Path(path).write_text(written_profile(models, existing.embedding_models), encoding="utf-8")
    except (AnyfastError, OSError) as error:
        return f"{path} was not written: {error}"
    return f"The differences are in {path}. To use it: export {PROFILE_VARIABLE}={Path(path).absolute()}"
