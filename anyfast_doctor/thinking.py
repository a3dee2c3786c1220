"""Probes of thinking: whether the switch has an effect, and where the effort is read."""

import re
from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

from anyfast_doctor.exchanges import Ask, Exchange
from anyfast_doctor.findings import Finding, Probing, Subject, differs, fails, state, works
from anyfast_transport.families.table import Family
from anyfast_transport.request.thinking import EFFORTS

PUZZLE = "What is 17 times 23?"
_HARDER = "How many whole numbers below 200 can be divided by neither 3 nor 5?"
"""Enough to think about that an effort shows."""
LIMIT = 2048

_SWITCHES: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...] = (
    ({"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}),  # pages of DeepSeek, Doubao, Kimi
    ({"enable_thinking": True}, {"enable_thinking": False}),  # page qwen3.6-flash
    # vLLM's and SGLang's documents: what the chat templates of Qwen, and of DeepSeek, read
    ({"chat_template_kwargs": {"enable_thinking": True}}, {"chat_template_kwargs": {"enable_thinking": False}}),
    ({"chat_template_kwargs": {"thinking": True}}, {"chat_template_kwargs": {"thinking": False}}),
)
"""On and off, in each spelling that some upstream reads."""

_PLACES = {"reasoning_effort": "thinking.reasoning_effort", "thinking.reasoning_effort": "reasoning_effort"}
_NO_LEVEL = "no-such-level"
# Guess: one answer each is little, but an effort that is read changes the reasoning by more than its usual spread.
_MUCH_MORE = 1.4


def does_not_think(family: Family) -> str:
    """Why nothing about thinking is asked."""
    return "" if True in family.thinking or family.thinks_by_default else "our row knows no thinking of it"


def no_switch_on(family: Family) -> str:
    """Why thinking is not switched on; an unknown model is tried with every known switch."""
    return "" if True in family.thinking or not family.ids else "our row knows no thinking of it"


def no_switch_off(family: Family) -> str:
    """Why thinking is not switched off."""
    if family.thinking_off_is_weaker:
        return "it cannot stop thinking, as our row says"
    unknown = not family.ids and not does_not_think(family)
    return "" if False in family.thinking or unknown else "our row knows no way to switch it off"


def unsaid(subject: Subject) -> Probing:
    """Whether it thinks when the user says nothing."""
    family = subject.family
    exchange = yield subject.ask(PUZZLE, limit=LIMIT)
    facts: dict[str, Any] = {}
    if exchange.refused and family.thinking.get(None):
        facts["thinking"] = state(family, unsaid=None)
        exchange = yield subject.knowing(facts).ask(PUZZLE, limit=LIMIT)
    if exchange.refused:
        return fails(f"refused: {exchange.words}", "Say thinking=True or thinking=False.")
    thinks = exchange.thought
    words = "it thinks" if thinks else "it does not think"
    if thinks != family.thinks_by_default:
        facts["thinks_by_default"] = thinks
    return differs(f"{words} when nothing is said", **facts) if facts else works(words)


def switched_on(subject: Subject) -> Probing:
    """Whether thinking can be switched on, and where the reasoning stands."""
    family = subject.family
    own = family.thinking.get(True)
    said = "has no effect"
    for fragment in _tried(subject, on=True):
        exchange = yield subject.ask(PUZZLE, limit=LIMIT, **fragment)
        if exchange.answered and exchange.reasoning:
            where = f"reasoning in {_place(exchange)}, {exchange.thought_size} tokens"
            if fragment == own:
                return works(where)
            return differs(f"{fragment or 'nothing'} switches it on: {where}", thinking=state(family, on=fragment))
        if exchange.answered and fragment == own and exchange.thought:
            return fails("it thinks, and its reasoning is not shown", "Nothing can be sent back; agents get worse.")
        said = f"is refused: {exchange.words}" if exchange.refused and fragment == own else said
    if own is None:
        return works("none of the known switches turns it on")
    remedy = "The profile file makes thinking=True an error that says so."
    return differs(f"the switch {said}", remedy, thinking=state(family, on=None))


def switched_off(subject: Subject) -> Probing:
    """Whether thinking can be switched off."""
    family = subject.family
    own, said = family.thinking.get(False), "has no effect: it thinks on, and that is billed"
    for fragment in _tried(subject, on=False):
        exchange = yield subject.ask(PUZZLE, limit=LIMIT, **fragment)
        if exchange.answered and not exchange.thought:
            if fragment == own:
                return works("no reasoning")
            unsaid = {"unsaid": fragment} if own and family.thinking.get(None) == own else {}
            found = state(family, off=fragment, **unsaid)
            return differs(f"{fragment or 'nothing'} switches it off", thinking=found)
        said = f"is refused: {exchange.words}" if exchange.refused and fragment == own else said
    if own is None:
        return works("none of the known switches turns it off")
    remedy = "The profile file makes thinking=False an error that says so."
    return differs(f"the switch {said}", remedy, thinking=state(family, off=None))


def _tried(subject: Subject, *, on: bool) -> list[Mapping[str, Any]]:
    """The row's own switch, then saying nothing if that comes to the same, then every other one."""
    family = subject.family
    own = [family.thinking[on]] if on in family.thinking else []
    silent: list[Mapping[str, Any]] = [{}] if family.thinks_by_default is on and not family.thinking.get(None) else []
    tried = [*own, *silent, *(pair[0 if on else 1] for pair in _SWITCHES)]
    return [one for at, one in enumerate(tried) if one not in tried[:at]]


def _place(exchange: Exchange) -> str:
    for name in ("reasoning_content", "reasoning", "reasoning_details"):
        if exchange.message.get(name):
            return name
    return "think tags within the text, which the client splits off"


class _Read(NamedTuple):
    """Whether the effort is read in one place."""

    is_read: bool
    words: str


def effort(subject: Subject) -> Probing:
    """Where `reasoning_effort` is read, and which levels are."""
    own = str(subject.family.effort_path)
    first = yield from _reading(subject, own)
    if first.is_read:
        wrong = yield _with_effort(subject, own, _NO_LEVEL)
        return _levels(subject, wrong) or works(f"{own} is read ({first.words})")
    other = _PLACES.get(own, "reasoning_effort")
    second = yield from _reading(subject, other)
    if second.is_read:
        # Both places are written to where a row has two; the file leaves the one that is not read out.
        facts: dict[str, Any] = {"effort_path": other}
        facts |= {"second_effort_path": None} if subject.family.second_effort_path else {}
        return differs(f"{own} {first.words}; {other} is read ({second.words})", **facts)
    remedy = "Judge by the reasoning tokens of your own calls; thinking=False is the other way to spend less."
    return fails(f"{own} {first.words}; {other} {second.words}", remedy)


def _reading(subject: Subject, path: str) -> Generator[Ask, Exchange, _Read]:
    """Asks with the lowest level and with the highest: a refusal of both, or no difference, tells.

    That an unknown level is refused would be cheaper, and proves less: a gateway may check what no model reads.
    """
    low, high = _ends(subject.family)
    little = yield _with_effort(subject, path, low)
    if little.refused:
        return _Read(False, "is refused")
    much = yield _with_effort(subject, path, high)
    if much.refused:
        return _Read(True, f"{high} is refused, {low} is not")
    sizes = f"{little.thought_size} tokens of reasoning with {low}, {much.thought_size} with {high}"
    if much.thought_size >= _MUCH_MORE * max(little.thought_size, 1):
        return _Read(True, sizes)
    return _Read(False, f"has no effect that shows ({sizes})")


def _ends(family: Family) -> tuple[str, str]:
    levels = [one for one in family.effort_levels if one not in family.effort_without_thinking] or ["low", "high"]
    return levels[0], levels[-1]


def _with_effort(subject: Subject, path: str, level: str) -> Ask:
    fields: Any = level
    for key in reversed(path.split(".")):
        fields = {key: fields}
    return subject.ask(_HARDER, think=True, limit=2 * LIMIT, **fields)


def _levels(subject: Subject, wrong: Exchange) -> Finding | None:
    """What the refusal of an unknown level says of those that there are, where it lists them."""
    known, refusal = subject.family.effort_levels, wrong.error.message if wrong.error else ""
    listed = tuple(one for one in EFFORTS if one != "none" and re.search(rf"\b{one}\b", refusal))
    if not known or len(listed) < 2 or set(listed) == set(known):
        return None
    return differs(f"the levels are {', '.join(listed)}", effort_levels=listed)


def no_effort(family: Family) -> str:
    """Why no effort is asked for."""
    return does_not_think(family) or ("" if family.effort_path else "our row knows no effort of it")
