"""Probes of tool calls: a whole loop, several at once, forced, strict."""

import json
from typing import Any

from anyfast_doctor.answers import WITH_USAGE
from anyfast_doctor.exchanges import Ask, Exchange
from anyfast_doctor.findings import Probing, Subject, differs, fails, unknown, works
from anyfast_transport import Call, build_body
from anyfast_transport.types import Message, wire_call

LIMIT = 2048
RESULT = "Paris: 21 degrees, clear sky"
_CITIES = ("Paris", "Rome")


def _function(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    function = {"name": "get_weather", "description": "Tells the weather in a city.", "parameters": schema, **more}
    return {"type": "function", "function": function}


WEATHER = _function({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})
_STRICT = _function(
    {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": list(_CITIES)}},
        "required": ["city"],
        "additionalProperties": False,
    },
    strict=True,
)
_FORCED = {"type": "function", "function": {"name": "get_weather"}}


def loop(subject: Subject) -> Probing:
    """A streamed call, and the answer to its result, sent as this package sends it."""
    question = "What is the weather in Paris?"
    asked = yield subject.ask(question, limit=LIMIT, tools=[WEATHER], **WITH_USAGE)
    if asked.refused:
        return fails(f"refused: {asked.words}", "Take another model where you need tools.")
    calls = [call for call in asked.calls if call.error is None]
    if not calls:
        return fails(f"no call came (finish_reason {asked.finish})", "Take another model where you need tools.")
    answered = yield _second_step(subject, question, asked)
    if answered.refused:
        return fails(f"the second step is refused: {answered.words}", "Report this: see docs/live-check.md.")
    if not answered.text and not answered.calls:
        return fails("the second step has an empty answer", "Raise max_tokens, or lower reasoning_effort.")
    return works(f"finish_reason {asked.finish}, ids like {asked.calls[0].id[:12]}{_signatures(subject, asked)}")


def _second_step(subject: Subject, question: str, asked: Exchange) -> Ask:
    turn: Message = {"role": "assistant", "content": asked.text, "reasoning_content": asked.reasoning}
    turn["tool_calls"] = [wire_call(call.id, call.name, call.arguments, call.extra) for call in asked.calls]
    results: list[Message] = [{"role": "tool", "tool_call_id": call.id, "content": RESULT} for call in asked.calls]
    call = Call({"model": subject.model, "max_tokens": LIMIT}, tools=[WEATHER])
    call.family = subject.family
    messages: list[Message] = [{"role": "user", "content": question}, turn, *results]
    return Ask(build_body(call, messages, warn=lambda _: None))


def _signatures(subject: Subject, asked: Exchange) -> str:
    # Google's own endpoint shows them, new-api's conversion does not (open point 7).
    if subject.family.signature_placeholder is None:
        return ""
    return ", thought signatures" + (
        " shown" if any("extra_content" in one.extra for one in asked.calls) else " hidden"
    )


def parallel(subject: Subject) -> Probing:
    """Whether it calls twice at once."""
    words = "What is the weather in Paris and Rome? Call the tool for both at once."
    exchange = yield subject.ask(words, limit=LIMIT, tools=[WEATHER])
    calls = len(exchange.calls)
    if calls > 1:
        return works(f"{calls} calls in one answer")
    return fails(f"{calls or 'no'} call came where two were asked for", "Agents work, with one call for each step.")


def forced(subject: Subject) -> Probing:
    """Whether a forced `tool_choice` is taken, and makes a call, while it thinks and while it does not."""
    family = subject.family
    if not family.thinks_by_default or (False in family.thinking and not family.thinking_off_is_weaker):
        idle = yield _forced(subject, thinking=False)
        if not idle.calls:
            words = f"refused: {idle.words}" if idle.refused else "no call came"
            return fails(f"{words}, without thinking", 'Use with_structured_output(method="json_mode").')
    if True not in family.thinking:
        return works("a call came")
    thinking = yield _forced(subject, thinking=True)
    can = bool(thinking.calls)
    said = "a call came" if can else "refused" if thinking.refused else "no call came"
    if can == family.forces_tools_while_thinking:
        return works(f"{said} while it thinks, as our row says")
    if thinking.answered and not can and not family.forces_tools_while_thinking:
        return works("no call came while it thinks; our row asks for it in the prompt")
    return differs(f"{said} while it thinks", forces_tools_while_thinking=can)


def _forced(subject: Subject, *, thinking: bool) -> Ask:
    return subject.ask("Say hello.", think=thinking, limit=LIMIT, tools=[WEATHER], tool_choice=_FORCED)


def strict(subject: Subject) -> Probing:
    """Whether `strict` binds the arguments to the schema."""
    words = "Call the tool for this city: Oslo. Its name must go into the call as it is here."
    exchange = yield subject.ask(words, think=False, limit=LIMIT, tools=[_STRICT])
    if exchange.refused:
        return fails(f"refused: {exchange.words}", "Leave strict unset; after a refusal the client does so itself.")
    if not exchange.calls:
        return unknown("no call came")
    try:
        city = json.loads(exchange.calls[0].arguments).get("city")
    except (ValueError, AttributeError):
        city = None
    if city in _CITIES:
        return works("the arguments keep to the schema")
    return fails("taken, and the arguments leave the schema", "Validate arguments, as without strict.")
