"""A desk for the doctor: an emulated gateway of any temperament, asked in process."""

from dataclasses import dataclass

import pytest

from anyfast_doctor.asking import Asker
from anyfast_doctor.examining import examine
from anyfast_doctor.findings import Subject
from anyfast_doctor.gateway import MODELS, lines_of
from anyfast_doctor.probes import OF_THE_GATEWAY, PROBES
from anyfast_emulator import Emulator
from anyfast_emulator.temperaments import Temperament
from anyfast_transport import Connection, family_of
from anyfast_transport.families.profile_file import overlaid

QUIET = {"works", "not asked"}


@dataclass
class Desk:
    """One emulated gateway, and what the doctor says of it."""

    emulator: Emulator

    def connection(self, **fields):
        base_url = "https://emulator.invalid/v1"
        return Connection(api_key=self.emulator.api_key, base_url=base_url, max_retries=0, **fields)

    def lines(self, model, facts=None, *, only=None):
        """Name of the line → what was found, for every line, or for one."""
        subject = Subject(model, overlaid(family_of(model), facts or {}))
        with Asker(self.connection(), self.emulator.transport) as asker:
            found = lines_of(asker.send(MODELS), [model])
            for table in (PROBES, OF_THE_GATEWAY):
                found += examine(subject, [one for one in table if only in (None, one.name)], asker.send)
        return {line.name: line.finding for line in found}

    def noticed(self, model, facts=None, **how):
        """The lines that do not say "works"."""
        lines = self.lines(model, facts, **how)
        return {name: finding for name, finding in lines.items() if finding.status not in QUIET}


@pytest.fixture
def desk():
    return lambda kind=None, **planted: Desk(Emulator(temperament=kind or Temperament(**planted)))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    for name in ("ANYFAST_API_KEY", "ANYFAST_BASE_URL", "ANYFAST_API_BASE", "ANYFAST_PROFILE"):
        monkeypatch.delenv(name, raising=False)
