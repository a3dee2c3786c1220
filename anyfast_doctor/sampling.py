"""The probe of sampling: whether a temperature has an effect where no `top_p` is said."""

from collections.abc import Generator
from typing import Any

from anyfast_doctor.exchanges import Ask, Exchange
from anyfast_doctor.findings import Probing, Subject, differs, works
from anyfast_doctor.formats import can_be_idle
from anyfast_doctor.thinking import LIMIT

_NAME = "Make up a name for a star that has none. Answer with the name alone."
_HOT = 1.5
_TIMES = 5
# Qwen's own values (lmstudio-bug-tracker#629): while it thinks, and while it does not.
_TOP_P = {True: 0.95, False: 0.8}


def temperature(subject: Subject) -> Probing:
    """Whether equal questions get different answers: new-api's Ali channel makes 0.001 of a missing `top_p`."""
    family = subject.family
    hot = min(_HOT, family.ranges.get("temperature", (0.0, _HOT))[1])
    idle = can_be_idle(family)
    own = {"top_p": family.top_p[not idle]} if (not idle) in family.top_p else {}
    said = yield from _varied(subject, idle=idle, temperature=hot, **own)
    if said:
        return works(said)
    said = yield from _varied(subject, idle=idle, temperature=hot, top_p=_TOP_P[not idle])
    if said:
        words = f"without top_p, {_TIMES} answers at temperature {hot:g} are the same; with top_p they are not"
        return differs(words, "The profile file makes us send top_p.", top_p=_TOP_P)
    return works(f"{_TIMES} answers at temperature {hot:g} are the same, with top_p, too")


def _varied(subject: Subject, *, idle: bool, **sampled: Any) -> Generator[Ask, Exchange, str]:
    """What was seen where two answers differ, or the temperature is refused; "" if all are the same."""
    answers: set[str] = set()
    for _ in range(_TIMES):
        exchange = yield subject.ask(_NAME, think=False if idle else None, limit=64 if idle else LIMIT, **sampled)
        if exchange.refused:
            return f"refused: {exchange.words}"
        answers.add(exchange.text)
        if len(answers) > 1:
            return f"answers differ at temperature {sampled['temperature']:g}"
    return ""
