"""Recorded exchanges of many servers, against what a perfect client makes of their bytes.

The recordings are not part of this project: where they are not at hand, these tests are skipped.
"""

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from anyfast_transport import (
    AnyfastError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    Completion,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    StreamDecoder,
    StreamInterruptedError,
    decode_completion,
    usage_of,
)
from anyfast_transport.http.retries import retry_after
from anyfast_transport.lenient_json import read_json
from anyfast_transport.response.error_bodies import status_error
from anyfast_transport.response.stream import is_document
from tests.pairs import in_turn
from tests.parity.captures import amended

RECORDED = Path(__file__).parents[4] / "shared" / "captures"
EXPECTED = {path.stem: json.loads(path.read_text()) for path in sorted(RECORDED.glob("expected/*.json"))}
USABLE = {name: expected for name, expected in EXPECTED.items() if not expected.get("skip")}

pytestmark = pytest.mark.skipif(not USABLE, reason="the recorded exchanges are not at hand")

KINDS: dict[str, tuple[type[AnyfastError], ...]] = {
    "auth": (AuthenticationError,),
    "bad_request": (BadRequestError,),
    "content_policy": (BadRequestError,),
    "invalid_response": (InvalidResponseError, StreamInterruptedError, APIStatusError),
    "not_found": (NotFoundError,),
    "overloaded": (ServerError,),
    "permission": (PermissionDeniedError,),
    "quota": (QuotaExceededError,),
    "rate_limit": (RateLimitError,),
    "server": (ServerError,),
    "stream_error": (StreamInterruptedError,),
    "timeout_gateway": (ServerError,),
    "truncated": (StreamInterruptedError,),
}


@dataclass
class Outcome:
    """How an exchange ended: with an answer, with an error, or with an error that holds the half of an answer."""

    completion: Completion | None = None
    error: AnyfastError | None = None
    text: str = ""
    reasoning: str = ""


def recording(name: str) -> dict[str, Any]:
    (path,) = (path for path in RECORDED.glob(f"*/{name}.json") if path.parent.name != "expected")
    return json.loads(path.read_text())


def replayed(recorded: dict[str, Any], pieces: Iterable[bytes]) -> Outcome:
    outcome = Outcome()
    try:
        body = recorded["response_body"].encode()
        if (recorded["status"] or 200) != 200:
            raise refused(recorded, body)
        if not recorded["stream"] or is_document(body):
            outcome.completion = decode_completion(body)
        else:
            stream(outcome, pieces)
    except AnyfastError as error:
        outcome.error = error
        outcome.completion = getattr(error, "partial", None)
    return outcome


def stream(outcome: Outcome, pieces: Iterable[bytes]) -> None:
    decoder = StreamDecoder()
    for deltas in (*(decoder.feed(piece) for piece in pieces), decoder.finish()):
        for delta in deltas:
            outcome.text += delta.text
            outcome.reasoning += delta.reasoning
    outcome.completion = decoder.completion


def refused(recorded: dict[str, Any], body: bytes) -> AnyfastError:
    headers = {name.lower(): value for name, value in (recorded["response_headers"] or {}).items()}
    try:
        said = read_json(body.strip().removeprefix(b"data:").strip())
    except ValueError:
        said = body.decode()
    return status_error(recorded["status"], said, headers=headers, retry_after=retry_after(headers))


def in_random_pieces(body: bytes, seed: int) -> list[bytes]:
    chance, pieces = random.Random(seed), []  # noqa: S311  # any numbers will do, the same each time
    while body:
        size = chance.randint(1, 60)
        pieces.append(body[:size])
        body = body[size:]
    return pieces


CUTS = {
    "one byte at a time": lambda body: [body[at : at + 1] for at in range(len(body))],
    "random pieces": lambda body: in_random_pieces(body, 7),
    "CRLF in random pieces": lambda body: in_random_pieces(body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), 11),
}


@pytest.mark.parametrize(("name", "cut"), in_turn(USABLE, CUTS))
def test_a_recorded_exchange_is_delivered_as_expected(name, cut):
    recorded = recording(name)
    expected = amended(USABLE[name], recorded["response_body"])
    outcome = replayed(recorded, CUTS[cut](recorded["response_body"].encode()))
    lenient = {rule["field"]: rule for rule in expected["lenient"]}
    ends_as_expected(outcome, expected, lenient)
    if expected["outcome"] == "error" and outcome.completion is None:
        return
    assert outcome.completion is not None
    answers_as_expected(outcome.completion, expected, lenient)
    if outcome.text or outcome.reasoning:
        assert (outcome.text, outcome.reasoning) == (
            outcome.completion.choice.text,
            outcome.completion.choice.reasoning,
        )


def ends_as_expected(outcome: Outcome, expected: dict[str, Any], lenient: dict[str, Any]) -> None:
    ends = "ok" if outcome.error is None else "error"
    allowed = lenient.get("outcome", {}).get("accept", [expected["outcome"]])
    assert ends in allowed or (ends == "error" and "truncated" in allowed)
    if outcome.error is None:
        return
    error = expected["error"] or {"kind": "truncated", "message_contains": ""}
    kinds = [error["kind"], *lenient.get("error.kind", {}).get("accept", [])]
    assert isinstance(outcome.error, tuple(kind for name in kinds for kind in KINDS[name]))
    assert error["message_contains"] in str(outcome.error)
    if "retry_after" in error:
        assert outcome.error.retry_after == error["retry_after"]
    if isinstance(outcome.error, APIStatusError) and recording_status(expected):
        assert outcome.error.status_code == recording_status(expected)


def recording_status(expected: dict[str, Any]) -> int | None:
    status = expected.get("status")
    return status if isinstance(status, int) and status != 200 else None


def answers_as_expected(completion: Completion, expected: dict[str, Any], lenient: dict[str, Any]) -> None:
    choice = completion.choice
    texts = [(expected["text"], expected["reasoning"])]
    texts += [({**expected, **other}["text"], {**expected, **other}["reasoning"]) for other in alternatives(expected)]
    if expected.get("refusal"):
        texts.append((expected["refusal"], ""))
        assert choice.refusal == expected["refusal"]
    assert (choice.text, choice.reasoning) in texts
    if "tool_calls" not in lenient:
        assert calls_of(completion, expected["tool_calls"]) == expected["tool_calls"]
    if "finish_reason" not in lenient or "accept" in lenient["finish_reason"]:
        accepted = lenient.get("finish_reason", {}).get("accept", [])
        assert choice.finish_reason in [expected["finish_reason"], *accepted]
    if "images" not in lenient:
        assert len(choice.images) == expected["images"]
    used_as_expected(completion, expected["usage"], lenient)
    signed_as_expected(completion, expected["signatures"], lenient)


def alternatives(expected: dict[str, Any]) -> list[dict[str, Any]]:
    return expected.get("alternatives", [])


def calls_of(completion: Completion, expected: list[dict[str, Any]]) -> list[dict[str, Any]]:
    calls = completion.choice.tool_calls
    assert all(call.id for call in calls)
    assert len({call.id for call in calls}) == len(calls) == len(expected)
    return [
        {
            "id": call.id if wanted["id"] else wanted["id"],
            "name": call.name,
            "args": None if call.error else call.parsed(),
            # "null" is none: frameworks take it for broken arguments.
            "raw_args": wanted["raw_args"] if wanted["raw_args"] == "null" and not call.arguments else call.arguments,
        }
        for call, wanted in zip(calls, expected, strict=True)
    ]


def used_as_expected(completion: Completion, expected: dict[str, Any] | None, lenient: dict[str, Any]) -> None:
    if "usage" in lenient:
        return
    usage = usage_of(completion.usage)
    names = ("input", "output", "total", "cached", "reasoning")
    found = usage and {name: getattr(usage, name) for name in names}
    if found is None or expected is None:
        assert found == expected
        return
    for name in names:
        assert found[name] in [expected[name], *lenient.get(f"usage.{name}", {}).get("accept", [])]


def signed_as_expected(completion: Completion, expected: dict[str, Any], lenient: dict[str, Any]) -> None:
    if "signatures" in lenient:
        return
    choice = completion.choice
    if "message" in expected:
        assert choice.extra["extra_content"] == expected["message"]
    for at, signature in expected.get("tool_calls", {}).items():
        assert choice.tool_calls[int(at)].extra["extra_content"] == signature


def test_there_is_a_recording_for_every_expectation():
    for name in EXPECTED:
        assert recording(name)["name"] == name
