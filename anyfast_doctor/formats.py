"""Probes of JSON modes."""

from collections.abc import Sequence
from typing import Any, Literal

from anyfast_doctor.exchanges import Exchange
from anyfast_doctor.findings import Finding, Probing, Status, Subject, differs, works
from anyfast_transport.families.table import Family
from anyfast_transport.response.objects import object_in

LIMIT = 2048
_OBJECT = {"type": "json_object"}
# It names JSON and shows an example, as DeepSeek's guide wants it, and does not ask for an object: the mode has to.
_IN_JSON = 'The capital of France? JSON example: {"capital": "Rome"}'
_WITHOUT_THE_WORD = 'The capital of France? Example: {"capital": "Rome"}'
_CODE = "K7-blue"
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"code": {"type": "string", "enum": [_CODE]}},
    "required": ["code"],
    "additionalProperties": False,
}
"""No answer to the question keeps to it by chance."""

When = Literal["always", "not_thinking", "never"]


def json_object(subject: Subject) -> Probing:
    """When JSON mode works: always, while it does not think, or never."""
    family = subject.family
    idle, busy = None, None
    if can_be_idle(family):
        idle = yield subject.ask(_IN_JSON, think=False, limit=LIMIT, response_format=_OBJECT)
    if True in family.thinking:
        busy = yield subject.ask(_IN_JSON, think=True, limit=LIMIT, response_format=_OBJECT)
    words = "; ".join(
        f"{_said(exchange)} {name}" for name, exchange in (("without thinking", idle), ("thinking", busy)) if exchange
    )
    found = _when(idle, busy)
    return works(words) if family.json_object in found else differs(words, json_object=found[0])


def can_be_idle(family: Family) -> bool:
    """Whether there is a way not to think."""
    if family.thinks_by_default:
        return False in family.thinking and not family.thinking_off_is_weaker
    return True


def _when(idle: Exchange | None, busy: Exchange | None) -> Sequence[When]:
    """What a row may say after these answers, the likeliest first."""
    if busy is not None and _is_object(busy):
        return ("always",)
    if idle is not None and _is_object(idle):
        return ("not_thinking",) if busy else ("always", "not_thinking")
    return ("never",) if idle or busy else ("always", "not_thinking", "never")


def _is_object(exchange: Exchange) -> bool:
    return exchange.answered and object_in(exchange.text) is not None


def _said(exchange: Exchange) -> str:
    if exchange.refused:
        return "refused"
    return "an object" if _is_object(exchange) else "taken, and no object came,"


def json_word(subject: Subject) -> Probing:
    """Whether JSON mode is refused unless a message says "json"."""
    if subject.family.json_object == "never":
        return Finding(Status.SKIPPED, "it has no JSON mode")
    exchange = yield subject.ask(_WITHOUT_THE_WORD, think=False, limit=128, response_format=_OBJECT)
    wanted = subject.family.json_needs_the_word
    if not exchange.refused:
        return works("not needed" + ("; our row adds it, which does no harm" if wanted else ""))
    if wanted:
        return works("needed, as our row says")
    return differs("JSON mode is refused unless a message says “json”", json_needs_the_word=True)


def json_schema(subject: Subject) -> Probing:
    """Whether a JSON schema is taken, and binds the answer."""
    wanted = {"name": "code", "schema": _SCHEMA, "strict": True}
    wish = {"type": "json_schema", "json_schema": wanted}
    exchange = yield subject.ask("The capital of France, in JSON?", think=False, limit=LIMIT, response_format=wish)
    found = object_in(exchange.text) if exchange.answered else None
    binds = found is not None and found.get("code") == _CODE
    said = "it binds the answer" if binds else "refused" if exchange.refused else "taken, and does not bind the answer"
    if binds == subject.family.json_schema:
        return works(said)
    return differs(said, json_schema=binds)
