"""What comes to a request for a stream, events or one document, cut anywhere."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyfast_transport import (
    APIStatusError,
    InvalidResponseError,
    StreamDecoder,
    StreamInterruptedError,
    decode_completion,
)
from anyfast_transport.reading import Reading
from anyfast_transport.response.decoder import AnswerDecoder

ANSWER = {"content": "Noon.", "reasoning_content": "Hm.", "tool_calls": [{"id": "a", "function": {"name": "f"}}]}
DOCUMENT = json.dumps({"id": "x", "choices": [{"message": ANSWER, "finish_reason": "stop"}]}).encode()
EVENTS = b"".join(
    b"data: " + json.dumps({"id": "x", "choices": [{"delta": delta, "finish_reason": finish}]}).encode() + b"\n\n"
    for delta, finish in (({"reasoning_content": "Hm."}, None), ({"content": "Noon."}, None), ({}, "stop"))
)


def fed(data: bytes, cuts: Any = ()) -> tuple[AnswerDecoder, list[Any]]:
    decoder = AnswerDecoder("r", retries=2, reading=Reading())
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(edges) if start < end]
    deltas = [delta for piece in pieces for delta in decoder.feed(piece)]
    return decoder, [*deltas, *decoder.finish()]


cuts = st.lists(st.integers(0, 10_000), max_size=6)
blanks = st.sampled_from([b"", b"\n", b" \r\n\n", b"\t"])


@given(blanks, cuts)
def test_a_document_is_one_delta_and_the_completion_that_it_is(blank, at):
    decoder, deltas = fed(blank + DOCUMENT, at)
    whole = decode_completion(DOCUMENT, request_id="r")
    whole.retries = 2
    assert decoder.completion == whole
    assert decoder.is_document
    assert [(delta.text, delta.reasoning, len(delta.fragments)) for delta in deltas] == [("Noon.", "Hm.", 1)]


@given(st.sampled_from([b"", b"\n", b"\r\n\n"]), cuts)
def test_events_are_what_the_decoder_of_events_makes_of_them(blank, at):
    decoder, deltas = fed(blank + EVENTS, at)
    events = StreamDecoder("r", retries=2)
    assert [(delta.text, delta.reasoning) for delta in deltas] == [
        (delta.text, delta.reasoning) for delta in (*events.feed(EVENTS), *events.finish())
    ]
    assert decoder.completion == events.completion
    assert not decoder.is_document
    assert decoder.finished


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", StreamInterruptedError),
        (b"\n\n", StreamInterruptedError),
        (b"<html>", InvalidResponseError),
        (DOCUMENT[:-9], InvalidResponseError),
        (b'{"error": {"message": "no", "code": 401}}', APIStatusError),
        (b"[]", InvalidResponseError),
    ],
)
def test_what_is_neither_is_a_typed_error(data, kind):
    with pytest.raises(kind):
        fed(data)
