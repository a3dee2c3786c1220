"""What a probe finds."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from anyfast_doctor.exchanges import Ask, Exchange
from anyfast_transport.families.profile_file import STATES, Facts, overlaid
from anyfast_transport.families.table import Family
from anyfast_transport.lenient_json import merged

JSON = dict[str, Any]


class Status(StrEnum):
    """How a line ends."""

    WORKS = "works"
    DIFFERS = "differs"
    """It works, otherwise than our row says; the profile file mends that."""
    FAILS = "does not work"
    UNKNOWN = "cannot be told"
    SKIPPED = "not asked"
    UNUSABLE = "unusable"
    """Nothing else can be asked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe found.

    Attributes:
        status: How it ended.
        words: What was seen.
        remedy: What to do about it; "" for nothing.
        facts: What the row should say instead: attribute of `Family` → value.
    """

    status: Status
    words: str = ""
    remedy: str = ""
    facts: Facts = field(default_factory=dict)


MENDED = "The profile file mends it."


def works(words: str = "") -> Finding:
    """All is as the row says."""
    return Finding(Status.WORKS, words)


def differs(words: str, remedy: str = MENDED, **facts: Any) -> Finding:
    """The row should say something else."""
    return Finding(Status.DIFFERS, words, remedy, facts)


def fails(words: str, remedy: str) -> Finding:
    """It does not work, and no fact of a row can change that."""
    return Finding(Status.FAILS, words, remedy)


def unknown(words: str, remedy: str = "") -> Finding:
    """Nothing follows from the answers."""
    return Finding(Status.UNKNOWN, words, remedy)


@dataclass(frozen=True, slots=True)
class Subject:
    """The model that is examined, as far as it is known.

    Attributes:
        model: Its id.
        family: Its row, under what has been found so far.
    """

    model: str
    family: Family

    def knowing(self, facts: Facts) -> "Subject":
        """The same model, with facts that were found."""
        return replace(self, family=overlaid(self.family, facts)) if facts else self

    def ask(self, messages: Any, *, think: bool | None = None, limit: int = 0, **fields: Any) -> Ask:
        """A chat request in the model's dialect.

        Args:
            messages: The conversation, or the user's words.
            think: On, off or not said; not said, too, where the row has no way to say it.
            limit: Longest answer in tokens; 0 says nothing.
            fields: More of the body; they win.

        Returns:
            The request.
        """
        said = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
        length = {self.family.length_parameter: limit} if limit else {}
        switch = self.family.thinking.get(think, {})
        return Ask(merged({"model": self.model, "messages": said, **length, **switch}, fields))


Probing = Generator[Ask, Exchange, Finding]
"""Yields what to ask, is sent what came of it, and returns what it found. It does no I/O."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One line of the table.

    Attributes:
        name: In the JSON.
        title: In the table.
        calls: How many requests it makes at most.
        tokens: How many tokens these cost together, about: prompt and answer.
        run: The probe.
        skipped: Why it does not apply to a family; "" if it does.
    """

    name: str
    title: str
    calls: int
    tokens: int
    run: Callable[[Subject], Probing]
    skipped: Callable[[Family], str] = lambda _: ""


@dataclass(frozen=True, slots=True)
class Line:
    """A finding as it is reported.

    Attributes:
        name: In the JSON.
        title: In the table.
        finding: What was found.
        exchanges: What was asked for it, and what came of that.
    """

    name: str
    title: str
    finding: Finding
    exchanges: tuple[Exchange, ...] = ()


def state(family: Family, **changes: Mapping[str, Any] | None) -> Mapping[bool | None, Mapping[str, Any]]:
    """The `thinking` of a row with other fragments.

    Args:
        family: The row.
        changes: `on`, `off` and `unsaid` → the new fragment, or None to take it away.

    Returns:
        A new mapping.
    """
    changed = {STATES[name]: fragment for name, fragment in changes.items()}
    return {key: value for key, value in {**family.thinking, **changed}.items() if value is not None}
