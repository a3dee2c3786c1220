"""Probes of what every answer goes through: its length, its stream, its stops."""

from collections.abc import Mapping
from typing import Any

from anyfast_doctor.exchanges import CHAT, Ask, Exchange
from anyfast_doctor.findings import Finding, Probing, Status, Subject, differs, fails, unknown, works
from anyfast_doctor.gateway import hindrance
from anyfast_transport import StreamInterruptedError
from anyfast_transport.families.table import Family
from anyfast_transport.response.objects import object_in

COUNT = "Count from one to fifty in words."
LIMIT = 8
"""Tokens; far fewer than `COUNT` needs."""

LENGTHS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
WITH_USAGE: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


def plain(subject: Subject) -> Probing:
    """Nothing but a model and a message: what everything else stands on."""
    exchange = yield Ask(_bare(subject, "Say hello."), errs=True)
    if not exchange.answered:
        remedy = "Check the model's id: GET /models lists those of your key."
        return hindrance(exchange) or Finding(Status.UNUSABLE, exchange.words, remedy)
    if not exchange.text:
        words = f"the answer is empty (finish_reason {exchange.finish})"
        return Finding(Status.UNUSABLE, words, "Try another model.")
    usage, answered = exchange.usage, exchange.completion.model if exchange.completion else ""
    spent = f"{usage.input} + {usage.output} tokens" if usage else "no usage"
    who = f", answered as {answered}" if answered not in ("", subject.model) else ""
    thinks = ", it thinks unless it is told not to" if exchange.thought else ""
    return works(f"{exchange.seconds:.1f} s, {spent}{who}{thinks}")


def _bare(subject: Subject, words: str, **fields: object) -> dict[str, object]:
    return {"model": subject.model, "messages": [{"role": "user", "content": words}], **fields}


def length(subject: Subject) -> Probing:
    """Which name of the length limit is heeded."""
    own = subject.family.length_parameter
    other = LENGTHS.get(own, "max_tokens")
    first = yield Ask(_bare(subject, COUNT, **{own: LIMIT}))
    if _is_cut(first):
        return works(f"{own} is heeded")
    second = yield Ask(_bare(subject, COUNT, **{other: LIMIT}))
    said = "is refused" if first.refused else "has no effect"
    if _is_cut(second):
        return differs(f"{own} {said}, {other} is heeded", length_parameter=other)
    if first.refused:
        return fails(f"{own} {said}: {first.words}", "Leave max_tokens unset for this model.")
    return unknown(f"neither {own} nor {other} cut the answer short")


def _is_cut(exchange: Exchange) -> bool:
    return exchange.answered and exchange.finish == "length"


def stream(subject: Subject) -> Probing:
    """A stream as this package asks for one."""
    exchange = yield subject.ask(COUNT, think=False, limit=64, **WITH_USAGE)
    if exchange.refused:
        return fails(f"refused: {exchange.words}", "If it names stream_options: the client leaves them out by itself.")
    comments, events = _lines(exchange.raw, b":"), _lines(exchange.raw, b"data:")
    if exchange.usage is None:
        return fails("the stream has no usage", "Ask without streaming where you need to count tokens.")
    kept = f"{comments} keep-alives" if comments else "no keep-alive"
    return works(f"{events} events, finish_reason {exchange.finish}, usage, {kept}")


def _lines(raw: bytes, start: bytes) -> int:
    return sum(line.startswith(start) for line in raw.splitlines())


def stream_without_usage(subject: Subject) -> Probing:
    """Whether a stream that does not ask for usage still has its end (new-api#7489)."""
    asked = subject.ask(COUNT, think=False, limit=64, stream=True)
    exchange = yield Ask(asked.body, CHAT, errs=True)
    if exchange.answered:
        return works(f"finish_reason {exchange.finish}")
    if isinstance(exchange.error, StreamInterruptedError):
        return fails("without stream_options the end of the stream is lost", "Leave stream_usage=True, the default.")
    return fails(exchange.words, "Run the doctor again later.")


def stop(subject: Subject) -> Probing:
    """Whether a stop sequence ends the answer."""
    words, family = "Repeat these four words: alpha bravo charlie delta", subject.family
    exchange = yield subject.ask(words, think=False, limit=64, stop=["charlie"])
    if exchange.refused and "stop" in family.refuses:
        return works("refused, as our row says")
    if exchange.refused:
        refuses = {**family.refuses, "stop": "it refuses stop sequences"}
        return differs(f"refused: {exchange.words}", refuses=refuses)
    if "charlie" in exchange.text:
        if "stop" in family.ignores:
            return works("no effect, as our row says")
        return differs("stop has no effect", ignores=family.ignores | {"stop"})
    if "alpha" not in exchange.text:
        return unknown("the answer had nothing to stop at")
    matched = exchange.completion.choice.matched_stop if exchange.completion else None
    # DeepSeek's page has it; a gateway that reads answers into types of its own loses it (open point 1).
    return works(f"finish_reason {exchange.finish}, " + (f"matched_stop {matched!r}" if matched else "no matched_stop"))


def number_of_answers(subject: Subject) -> Probing:
    """Whether `n` makes several answers."""
    family = subject.family
    exchange = yield subject.ask("Say hello.", think=False, limit=64, n=2)
    refuses = "n" in family.refuses
    if exchange.refused:
        if refuses:
            return works("refused, as our row says")
        return differs(f"refused: {exchange.words}", refuses={**family.refuses, "n": "it refuses n above 1"})
    answers = len(exchange.completion.choices) if exchange.completion else 0
    if answers > 1:
        if not refuses:
            return works(f"{answers} answers")
        return differs(f"{answers} answers came", refuses=_without(family.refuses, "n"))
    if refuses or "n" in family.ignores:
        return works("taken, and answered once; our row does not send it")
    return differs("n=2 is answered once", ignores=family.ignores | {"n"})


def _without(mapping: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in mapping.items() if key != name}


def n_is_unknown(family: Family) -> str:
    """Why `n` is not asked for."""
    return "" if family.takes_n or "n" in family.refuses else "no page of this family documents n"


def system_anywhere(subject: Subject) -> Probing:
    """Whether a system message may stand behind others."""
    messages = [
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Hello!"},
        {"role": "system", "content": "Answer in one word."},
        {"role": "user", "content": "What colour is the sky?"},
    ]
    exchange = yield subject.ask(messages, think=False, limit=64)
    first = subject.family.system_first
    if not exchange.refused:
        return works("taken anywhere" + ("; our row moves none behind others, which does no harm" if first else ""))
    if first:
        return works("only at the beginning, as our row says")
    return differs(f"refused but at the beginning: {exchange.words}", system_first=True)


def prefix(subject: Subject) -> Probing:
    """Whether the answer goes on from the beginning that it is given."""
    begun = '{"capital": "'
    messages = [
        {"role": "user", "content": "Answer in JSON with the key 'capital': what is the capital of France?"},
        {"role": "assistant", "content": begun, "prefix": True},
    ]
    exchange = yield subject.ask(messages, think=False, limit=64)
    if exchange.refused:
        return differs(f"refused: {exchange.words}", takes_prefix=False)
    goes_on = not exchange.text.lstrip().startswith(("{", "`")) and object_in(begun + exchange.text) is not None
    if goes_on:
        return works("the answer goes on from it")
    return differs("prefix has no effect: the answer begins anew", takes_prefix=False)


def no_prefix(family: Family) -> str:
    """Why no prefix is asked for."""
    return "" if family.takes_prefix else "no page of this family documents prefix"
