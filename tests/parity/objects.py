"""Answers to a call that asks for an object, and what each framework makes of them: one table for both."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, Field

from anyfast_emulator.answers import Answer, Failure, Raw, ToolCall
from anyfast_transport import (
    AnyfastError,
    InvalidObjectError,
    InvalidResponseError,
    QuotaExceededError,
    StreamInterruptedError,
)


class Order(BaseModel):
    """An order."""

    item: str
    price: int = Field(ge=10)


BOLT = {"item": "Bolt", "price": 12}
BOLT_SAYS = json.dumps(BOLT)
GOOD = Answer(BOLT_SAYS, reasoning="Ah.")


@dataclass(frozen=True)
class Case:
    """What the gateway answers, one answer for each request, and what becomes of it: a bolt is ordered, or an error."""

    answers: Sequence[Any]
    error: type[AnyfastError] | None = None
    words: str = ""


def refusing(finish_reason: str, **message: Any) -> Raw:
    """A whole answer in which the model refuses, or a filter steps in."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "", **message}, "finish_reason": finish_reason}
    return Raw(json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode())


def called(arguments: Any, **more: Any) -> Answer:
    return Answer(tool_calls=[ToolCall("Order", arguments)], **more)


def failing(answers: Sequence[Any], error: type[AnyfastError], words: str) -> Case:
    return Case(answers, error, words)


TOO_CHEAP, NO_PRICE = {"item": "Bolt", "price": 3}, {"item": "Bolt"}
CUT = '{"item": "Bolt", "pri'
NONE, BAD = "There is no JSON object", "price: Input should be greater than or equal to 10"

CASES = {
    "a call": Case([called(BOLT)]),
    "JSON": Case([Answer(BOLT_SAYS)]),
    "JSON in a fence": Case([Answer(f"Here:\n```json\n{BOLT_SAYS}\n```")]),
    "JSON amid words": Case([Answer(f"Sure. {BOLT_SAYS} Anything else?")]),
    "JSON behind reasoning with braces": Case([Answer(BOLT_SAYS, reasoning='{"item": "Nut"}')]),
    "words and a call": Case([Answer("Gladly.", tool_calls=[ToolCall("Order", BOLT)])]),
    "the second call": Case([Answer(tool_calls=[ToolCall("other", {}), ToolCall("Order", BOLT)])]),
    "whole, though the limit was met": Case([Answer(BOLT_SAYS, finish_reason="length")]),
    "good when asked again: words": Case([Answer("I think it is a bolt."), GOOD]),
    "good when asked again: an array": Case([Answer("[1, 2]"), GOOD]),
    "good when asked again: not valid": Case([called(NO_PRICE, reasoning="Hm."), GOOD]),
    "good when asked again: out of range": Case([Answer(json.dumps(TOO_CHEAP), reasoning="Hm."), GOOD]),
    "good when asked again: arguments that are no JSON": Case([called("item=Bolt"), GOOD]),
    "good when asked again: another tool": Case([Answer(tool_calls=[ToolCall("other", BOLT)]), GOOD]),
    "never: words": failing([Answer("No."), Answer("No!")], InvalidObjectError, NONE),
    "never: out of range": failing([called(TOO_CHEAP), called(TOO_CHEAP)], InvalidObjectError, BAD),
    "cut in text": failing([Answer(CUT, finish_reason="length")], InvalidObjectError, "raise max_tokens"),
    "cut in a call": failing([called(CUT, finish_reason="length")], InvalidObjectError, "raise max_tokens"),
    "cut when asked again": failing(
        [called(TOO_CHEAP), Answer(CUT, finish_reason="length")], InvalidObjectError, "raise max_tokens"
    ),
    "withheld": failing([Answer("I", finish_reason="content_filter")], InvalidResponseError, "withheld by a content"),
    "withheld, with half an object": failing(
        [Answer(CUT, finish_reason="content_filter")], InvalidResponseError, "withheld by a content"
    ),
    "a cut stream": failing([Answer(BOLT_SAYS, cut_after=1)], StreamInterruptedError, "What had arrived"),
    "no credit": failing([Failure(402, "Insufficient balance")], QuotaExceededError, "balance"),
    "no credit when asked again": failing(
        [Answer("No."), Failure(402, "Insufficient balance")], QuotaExceededError, "balance"
    ),
}
STREAMED_ONLY = {"a cut stream"}
WHOLE_ONLY = {
    "a refusal": failing([refusing("stop", refusal="I will not.")], InvalidResponseError, "I will not"),
    "a filter": failing([refusing("content_filter")], InvalidResponseError, "withheld by a content"),
}


class Bill(BaseModel):
    """Everything of which a half could pass for the whole."""

    number: int
    total: float
    paid: Decimal
    due: date
    state: Literal["open", "open again"]
    sums: list[int]
    note: str


BILL = {
    "number": "123456",
    "total": 12.25e3,
    "paid": "1234.56",
    "due": "2026-11-20",
    "state": "open again",
    "sums": [10, 200, -3000],
    "note": "Thanks: 1, 2",
}
"""Where a number is said as a string, a class takes it, too."""
