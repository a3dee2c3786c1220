"""Probes of earlier reasoning: whether it has to come back, what stands in for it, and whether it arrives."""

from typing import Any

from anyfast_doctor.exchanges import Ask
from anyfast_doctor.findings import Probing, Subject, differs, fails, works
from anyfast_doctor.thinking import LIMIT, does_not_think
from anyfast_doctor.tools import RESULT, WEATHER
from anyfast_transport.families.table import Family

CODE_WORD = "KESTREL-4711"
"""It stands in the reasoning of an earlier turn, and nowhere else."""

_QUESTION = "What is the weather in Paris? Look it up. Then end with the code word that you have noted while thinking."
_THOUGHT = f"The user wants the weather, and my code word. My code word is {CODE_WORD}. First I look the weather up."


def sends_none_back(family: Family) -> str:
    """Why nothing is asked about earlier reasoning."""
    if family.reasoning_replay == "never" and family.ids:
        return "its reasoning does not go back as text, as our row says"
    return does_not_think(family)


def _loop(subject: Subject, reasoning: str | None) -> Ask:
    """The second step of a tool loop, with this reasoning on its first."""
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
    turn: dict[str, Any] = {"role": "assistant", "content": "", "tool_calls": [call]}
    if reasoning is not None:
        turn["reasoning_content"] = reasoning
    result = {"role": "tool", "tool_call_id": "call_1", "content": RESULT}
    messages = [{"role": "user", "content": _QUESTION}, turn, result]
    return subject.ask(messages, think=True, limit=LIMIT, tools=[WEATHER])


def required(subject: Subject) -> Probing:
    """Whether reasoning that a turn does not have is missed, and what is taken in its place."""
    family = subject.family
    bare = yield _loop(subject, None)
    if bare.refused:
        empty, space = (yield _loop(subject, "")), (yield _loop(subject, " "))
        taken = [name for name, exchange in (("", empty), (" ", space)) if exchange.answered]
        words = f'missing reasoning is refused; "" is {_said("" in taken)}, " " is {_said(" " in taken)}'
        if not taken:
            remedy = "Keep each conversation with one model, or switch thinking off after another one."
            return fails(words, remedy)
        if family.reasoning_replay != "never" and family.reasoning_placeholder in taken:
            return works(words)
        facts = {"reasoning_placeholder": taken[-1], "placeholder_on": "all", "reasoning_replay": "always"}
        return differs(words, **{name: value for name, value in facts.items() if getattr(family, name) != value})
    stands_in = family.reasoning_placeholder
    if stands_in is not None:
        own = yield _loop(subject, stands_in)
        if own.refused:
            return differs(f"missing reasoning is taken, {stands_in!r} is refused", reasoning_placeholder=None)
    return works("missing reasoning is taken")


def _said(is_taken: bool) -> str:
    return "taken" if is_taken else "refused"


def arrives(subject: Subject) -> Probing:
    """Whether reasoning that comes back reaches the model: a code word that stands only there is asked for."""
    exchange = yield _loop(subject, _THOUGHT)
    if exchange.refused:
        words, remedy = f"refused: {exchange.words}", "The profile file leaves it out."
        return differs(words, remedy, reasoning_replay="never", reasoning_placeholder=None)
    if CODE_WORD in exchange.text + exchange.reasoning:
        return works("the code word came back")
    remedy = "Agents run, without their earlier thoughts. Tell Anyfast's support; another model may do better."
    return fails("the code word did not come back: earlier reasoning is dropped on the way", remedy)
