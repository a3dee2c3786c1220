"""What we make of the gateway's bytes: events, deltas, the completion, and the typed end of everything else."""

import contextlib
import itertools
import json
import warnings
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anyfast_transport import (
    AnyfastError,
    AnyfastWarning,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    Choice,
    Completion,
    EmptyAnswerError,
    InvalidResponseError,
    NotFoundError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    StreamDecoder,
    StreamInterruptedError,
    decode_completion,
    usage_of,
)
from anyfast_transport.lenient_json import read_json
from anyfast_transport.reading import Expected
from anyfast_transport.response.error_bodies import words_of
from anyfast_transport.response.sse import EventDecoder
from anyfast_transport.response.stream import delta_of, is_document
from anyfast_transport.response.verdicts import check, lost_answer
from anyfast_transport.types import ToolCall
from tests.pairs import in_turn

# --- bytes → events -----------------------------------------------------------------------------------------------


def events_of(*pieces: bytes) -> list[bytes]:
    decoder = EventDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.flush()


CLAUSES = {
    "LF ends a line": (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
    "CR ends a line": (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    "CRLF ends a line, once": (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    "the three mixed": (b"data: a\r\n\ndata: b\r\rdata: c\n\r\n", [b"a", b"b", b"c"]),
    "a BOM at the start is dropped": (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    "a BOM elsewhere belongs to its line": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a"]),
    "comments are none": (b": PING\n\n:keep-alive\n\ndata: a\n: in between\n\n", [b"a"]),
    "data of several lines is joined by LF": (b"data: a\ndata: b\ndata:\n\n", [b"a\nb\n"]),
    "one space after the colon is dropped": (
        b"data:a\n\ndata: b\n\ndata:  c\n\ndata:\td\n\n",
        [b"a", b"b", b" c", b"\td"],
    ),
    "other fields carry nothing": (b"event: message\nid: 7\nretry: 3\ndata: a\nother: x\n\n", [b"a"]),
    "an event without data is none": (b"event: ping\n\nid: 1\n\ndata: a\n\n", [b"a"]),
    "empty data is empty data": (b"data:\n\ndata: a\n\n", [b"", b"a"]),
    "many blank lines are one": (b"\n\n\ndata: a\n\n\n\ndata: b\n\n", [b"a", b"b"]),
    "the last event needs no blank line": (b"data: a\n\ndata: b\n", [b"a", b"b"]),
    "nor a line end": (b"data: a\n\ndata: b", [b"a", b"b"]),
    "nor after a CR": (b"data: a\r", [b"a"]),
    "a field is not its prefix": (b"database: x\ndat: y\n\ndata: a\n\n", [b"a"]),
    "nothing": (b"", []),
    "no other character ends a line": (
        "data: a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\n\n".encode(),
        ["a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg".encode()],
    ),
}


@pytest.mark.parametrize(("stream", "expected"), CLAUSES.values(), ids=CLAUSES)
def test_events_by_the_clauses_of_the_standard(stream, expected):
    assert events_of(stream) == expected


@pytest.mark.parametrize(("stream", "expected"), CLAUSES.values(), ids=CLAUSES)
def test_events_are_the_same_byte_for_byte(stream, expected):
    assert events_of(*[stream[at : at + 1] for at in range(len(stream))]) == expected


@given(
    parts=st.lists(st.sampled_from([b"data: a", b"data:", b": c", b"\r", b"\n", b"\r\n", b"x", b"\xef\xbb\xbf"])),
    cuts=st.data(),
)
def test_any_split_gives_the_same_events(parts, cuts):
    stream = b"".join(parts)
    at = cuts.draw(st.integers(0, len(stream)))
    assert events_of(stream[:at], stream[at:]) == events_of(stream)
    assert events_of(*[stream[at : at + 1] for at in range(len(stream))]) == events_of(stream)


def test_an_event_is_given_out_as_soon_as_its_blank_line_is_there():
    decoder = EventDecoder()
    assert decoder.feed(b"data: a\n") == []
    assert decoder.feed(b"\n") == [b"a"]
    assert decoder.feed(b"data: b\r\n\r") == []
    assert decoder.feed(b"\n") == [b"b"]


def test_a_line_of_megabytes_in_small_pieces_is_put_together_once():
    decoder = EventDecoder()
    for _ in range(50_000):
        decoder.feed(b"x" * 20)
    assert len(decoder._pending) == 50_000
    assert decoder.feed(b"\n\ndata: a\n\n") == [b"a"]


# --- events → deltas → completion ---------------------------------------------------------------------------------


def chunk(delta: Any = ..., finish: Any = ..., **more: Any) -> dict[str, Any]:
    """One chunk with one choice; what is not given is left out."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    choice = {key: value for key, value in choice.items() if value is not ...}
    return {"id": "c-1", "model": "m", "created": 5, "choices": [choice], **more}


def sse(*payloads: Any, done: bool = True) -> bytes:
    lines = [payload if isinstance(payload, str) else json.dumps(payload) for payload in payloads]
    return b"".join(f"data: {line}\n\n".encode() for line in [*lines, *(["[DONE]"] if done else [])])


STOP = chunk({}, "stop")


def decoded(*pieces: bytes) -> Completion:
    """The completion; also checks that the deltas add up to it."""
    decoder = StreamDecoder("req-1", retries=1)
    deltas = [delta for piece in pieces for delta in decoder.feed(piece)]
    deltas += decoder.finish()
    completion = decoder.completion
    assert "".join(delta.text for delta in deltas) == completion.choice.text
    assert "".join(delta.reasoning for delta in deltas) == completion.choice.reasoning
    assert [image for delta in deltas for image in delta.images] == completion.choice.images
    assert (completion.request_id, completion.retries) == ("req-1", 1)
    return completion


def test_a_whole_stream():
    completion = decoded(
        sse(
            chunk({"role": "assistant", "content": None, "reasoning_content": ""}, None, usage=None),
            chunk({"content": None, "reasoning_content": "Hm"}, None, system_fingerprint="fp"),
            chunk({"content": "", "reasoning_content": "."}, None),
            chunk({"content": "No", "reasoning_content": None}, None),
            chunk({"content": "on"}, None),
            chunk({"content": ""}, "stop", usage={"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}),
        )
    )
    assert completion == Completion(
        id="c-1",
        model="m",
        created=5,
        system_fingerprint="fp",
        choices=[Choice(text="Noon", reasoning="Hm.", finish_reason="stop")],
        usage={"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
        request_id="req-1",
        retries=1,
    )
    assert completion.metadata() == {
        "finish_reason": "stop",
        "model_name": "m",
        "model_provider": "anyfast",
        "system_fingerprint": "fp",
        "id": "c-1",
        "created": 5,
        "request_id": "req-1",
        "retries": 1,
    }


# What may be in a frame without meaning anything.
HARMLESS = {
    "a role of null": chunk({"role": None}, None),
    "content of null": chunk({"content": None}, None),
    "tool_calls of null": chunk({"tool_calls": None}, None),
    "tool_calls of nothing": chunk({"tool_calls": []}, None),
    "a delta of null": chunk(None, None),
    "no delta": chunk(..., None),
    "no finish_reason": chunk({}),
    "an empty finish_reason": chunk({}, ""),
    "choices []": {"id": "", "created": 0, "choices": [], "usage": None},
    "choices null": {"choices": None},
    "no choices": {"id": "c-1"},
    "a choice of null": {"choices": [None]},
    "an error of null": chunk({}, None, error=None),
    "another choice": {"choices": [{"index": 1, "delta": {"content": "other"}, "finish_reason": "length"}]},
    "reasoning of null": chunk({"reasoning_content": None, "reasoning": None, "reasoning_details": None}, None),
    "extra_content of null": chunk({"extra_content": None}, None),
    "logprobs of null": {"choices": [{"index": 0, "delta": {}, "logprobs": None}]},
    "images of null": chunk({"images": None}, None),
    "refusal of null": chunk({"refusal": None}, None),
    "unknown fields that say nothing": chunk({"annotations": []}, None, obfuscation="y", service_tier=None),
    "empty data": "",
    "an empty object": {},
}


@pytest.mark.parametrize(("name", "place"), in_turn(HARMLESS, [0, 1, 2, 3]))
def test_a_frame_that_means_nothing_changes_nothing_wherever_it_is(name, place):
    frame = HARMLESS[name]
    frames = [chunk({"role": "assistant", "content": "No"}, None), chunk({"content": "on"}, None), chunk({}, "stop")]
    frames.insert(place, frame)
    assert decoded(sse(*frames)) == decoded(sse(*[each for each in frames if each is not frame]))


FINISHES = [
    (["stop"], "stop"),
    ([None, "stop"], "stop"),
    (["stop", None], "stop"),
    (["stop", ""], "stop"),
    (["tool_calls", "stop"], "stop"),
    (["stop", "stop"], "stop"),
    (["error", "stop"], "stop"),
    (["a_word_of_next_year"], "a_word_of_next_year"),
]


@pytest.mark.parametrize(("given", "expected"), FINISHES)
def test_the_last_finish_reason_that_says_something_counts_once(given, expected):
    assert decoded(sse(*[chunk({}, finish) for finish in given])).choice.finish_reason == expected


@pytest.mark.parametrize("reason", ["insufficient_system_resource", "abort", "error", "network_error", "ABORT"])
@pytest.mark.parametrize("said", [{"content": "Half"}, {"reasoning_content": "Hm"}, {}])
def test_an_end_that_is_none_interrupts_whole_and_streamed(reason, said):
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    whole = {"choices": [{"message": said, "finish_reason": reason}], "usage": usage}
    for make in (
        lambda: decoded(sse(chunk(said), chunk({}, reason), {"choices": [], "usage": usage})),
        lambda: decode_completion(json.dumps(whole).encode(), request_id="req-1"),
    ):
        with pytest.raises(StreamInterruptedError, match=f"finish_reason is {reason}") as caught:
            make()
        partial = caught.value.partial
        assert (partial.text, partial.reasoning) == (said.get("content", ""), said.get("reasoning_content", ""))
        assert (partial.usage, partial.choice.finish_reason, caught.value.error) == (usage, reason, None)
        assert not caught.value.retryable


@pytest.mark.parametrize("finishes", [[], [None], [""], [..., None]])
@pytest.mark.parametrize("done", [True, False])
def test_without_a_finish_reason_the_stream_was_cut_whatever_done_says(finishes, done):
    frames = [chunk({"content": "half"}), *[chunk({}, finish) for finish in finishes]]
    with pytest.raises(StreamInterruptedError, match="no finish_reason") as caught:
        decoded(sse(*frames, {"choices": [], "usage": {"total_tokens": 3}}, done=done))
    assert caught.value.partial.choice.text == "half"
    assert caught.value.request_id == "req-1"
    assert caught.value.error is None
    assert caught.value.status_code is None


def test_an_empty_stream_was_cut():
    with pytest.raises(StreamInterruptedError):
        decoded(b"")


@pytest.mark.parametrize("matched", [1, 0, "END", None])
def test_matched_stop_is_of_any_type(matched):
    frame = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "matched_stop": matched}]}
    late = {"choices": [{"index": 0, "delta": {}, "matched_stop": None}]}
    completion = decoded(sse(frame, late))
    assert completion.choice.matched_stop == matched
    assert completion.metadata().get("matched_stop") == matched


def test_done_ends_the_stream_whatever_comes_behind():
    decoder = StreamDecoder()
    assert list(decoder.feed(sse(STOP) + sse(chunk({"content": "late"}), {"error": {"message": "late"}}))) == []
    assert decoder.done
    assert list(decoder.feed(b"data: not json\n\n")) == []
    assert list(decoder.finish()) == []
    assert decoder.completion.choice.text == ""


@pytest.mark.parametrize("done", [b"data: [DONE]\n\n", b"data:[DONE]\n\n", b"data: [DONE] \n\n", b"data: [DONE]"])
def test_each_spelling_of_done(done):
    decoder = StreamDecoder()
    list(decoder.feed(sse(STOP, done=False) + done))
    list(decoder.finish())
    assert decoder.done


def test_finished_is_known_before_the_end():
    decoder = StreamDecoder()
    list(decoder.feed(sse(chunk({"content": "a"}), done=False)))
    assert not decoder.finished
    list(decoder.feed(sse(STOP, done=False)))
    assert decoder.finished
    assert not decoder.done


def test_only_data_counts_as_data():
    decoder = StreamDecoder()
    list(decoder.feed(b": PING\n\n\n\nevent: ping\n\n"))
    assert not decoder.took_data()
    list(decoder.feed(sse(chunk({}), done=False)))
    assert decoder.took_data()
    assert not decoder.took_data()


USAGES = {
    "on the finish frame": [chunk({}, "stop", usage={"prompt_tokens": 1})],
    "on a frame of its own": [STOP, {"choices": [], "usage": {"prompt_tokens": 1}}],
    "on a frame without choices": [STOP, {"usage": {"prompt_tokens": 1}}],
    "the last counts": [chunk({}, usage={"prompt_tokens": 9}), STOP, {"choices": [], "usage": {"prompt_tokens": 1}}],
    "null erases nothing": [chunk({}, "stop", usage={"prompt_tokens": 1}), {"choices": [], "usage": None}],
    "empty erases nothing": [chunk({}, "stop", usage={"prompt_tokens": 1}), {"choices": [], "usage": {}}],
    "a twin elsewhere is none": [chunk({}, "stop", usage={"prompt_tokens": 1}), chunk({}, x_groq={"usage": {"a": 2}})],
    "nonsense is none": [chunk({}, "stop", usage={"prompt_tokens": 1}), chunk({}, usage="many"), chunk({}, usage=[1])],
}


@pytest.mark.parametrize("frames", USAGES.values(), ids=USAGES)
def test_usage_wherever_it_is(frames):
    assert decoded(sse(*frames)).usage == {"prompt_tokens": 1}


def test_no_usage_is_none():
    assert decoded(sse(STOP)).usage is None


REASONING = [
    ({"reasoning_content": "a"}, "a"),
    ({"reasoning": "a"}, "a"),
    ({"reasoning_details": [{"type": "reasoning.text", "text": "a"}, {"summary": "b"}, {"data": "x"}, None]}, "ab"),
    ({"reasoning_content": "a", "reasoning": "a", "reasoning_details": [{"text": "a"}]}, "a"),
    ({"reasoning_content": "", "reasoning": "a"}, "a"),
    ({"reasoning_content": None, "reasoning": "", "reasoning_details": [{"text": "a"}]}, "a"),
    ({"reasoning_content": 7, "reasoning": {"a": 1}, "reasoning_details": "x"}, ""),
]


@pytest.mark.parametrize(("message", "expected"), REASONING)
def test_reasoning_under_each_of_its_names_but_once(message, expected):
    assert decoded(sse(chunk(message), STOP)).choice.reasoning == expected
    assert decode_completion(json.dumps({"choices": [{"message": message}]}).encode()).choice.reasoning == expected


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CONTENTS = [
    ("a b ", "a b ", []),
    (" \n", " \n", []),
    ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab", []),
    ([{"type": "text", "text": "a"}, PICTURE, {"type": "other"}, None, "x"], "a", [PICTURE]),
    (None, "", []),
    (7, "", []),
    ({"type": "text", "text": "a"}, "", []),
]


@pytest.mark.parametrize(("content", "text", "images"), CONTENTS)
def test_content_may_be_a_list_of_parts(content, text, images):
    message = {"role": "assistant", "content": content}
    whole = decode_completion(json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode())
    for choice in (decoded(sse(chunk(message), STOP)).choice, whole.choice):
        assert (choice.text, choice.images) == (text, images)


def test_images_beside_the_content():
    message = {"content": "a", "images": [PICTURE]}
    assert decoded(sse(chunk(message), STOP)).choice.images == [PICTURE]


def test_a_message_in_place_of_a_delta():
    assert (
        decoded(sse({"choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}]})).choice.text == "whole"
    )


def test_a_message_beside_a_delta_is_ignored():
    frame = chunk({"content": "b"}, "stop")
    frame["choices"][0]["message"] = {"content": "ab"}
    assert decoded(sse(chunk({"content": "a"}), frame)).choice.text == "ab"


def test_tool_calls_logprobs_refusal_and_extras_of_a_stream():
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    frames = [
        chunk({"tool_calls": [call], "extra_content": {"google": {"thought_signature": "s=="}}}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"n":1}'}}], "refusal": "I "}),
        {
            "choices": [
                {"index": 0, "delta": {"content": "x", "refusal": "won't"}, "logprobs": {"content": [{"token": "x"}]}}
            ]
        },
        {
            "choices": [
                {"index": 0, "delta": {"content": "y"}, "logprobs": {"content": [{"token": "y"}], "refusal": None}}
            ]
        },
        chunk({}, "tool_calls"),
    ]
    choice = decoded(sse(*frames)).choice
    assert choice.tool_calls == [ToolCall("a", "f", '{"n":1}')]
    assert choice.extra == {"extra_content": {"google": {"thought_signature": "s=="}}}
    assert choice.refusal == "I won't"
    assert choice.logprobs == {"content": [{"token": "x"}, {"token": "y"}], "refusal": None}


def test_a_delta_holds_the_event_it_came_from():
    decoder = StreamDecoder()
    frame = chunk({"content": "a"}, None, new_field=1)
    (delta,) = decoder.feed(sse(frame, done=False))
    assert (delta.text, delta.raw) == ("a", frame)


def test_a_call_that_was_cut_off_is_marked_in_what_is_left():
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"n":'}}
    with pytest.raises(StreamInterruptedError) as caught:
        decoded(sse(chunk({"tool_calls": [call]})))
    (left,) = caught.value.partial.choice.tool_calls
    assert (left.arguments, left.parsed()) == ('{"n":', {})
    assert left.error


# --- errors within a stream ---------------------------------------------------------------------------------------

IN_STREAM = [
    ({"error": {"message": "gone wrong", "type": "server_error", "code": "503"}}, ServerError, 503),
    ({"error": {"message": "gone wrong", "code": 429}}, RateLimitError, 429),
    ({"error": {"message": "gone wrong", "code": 400}, "choices": []}, BadRequestError, 400),
    ({"error": {"message": "gone wrong", "code": "model_not_found"}}, NotFoundError, 200),
    ({"error": {"message": "gone wrong", "code": None}}, APIStatusError, 200),
    ({"error": {"message": "gone wrong", "status_code": 500}}, ServerError, 500),
    ({"error": "gone wrong"}, APIStatusError, 200),
    ({"error": ["gone wrong", 3]}, APIStatusError, 200),
    (chunk({"content": "late"}, "stop", error={"message": "gone wrong"}), APIStatusError, 200),
]


@pytest.mark.parametrize(("payload", "kind", "status"), IN_STREAM)
@pytest.mark.parametrize("finish", [None, "stop"])
def test_an_error_event_ends_the_stream_and_what_came_before_it_stays(payload, kind, status, finish):
    decoder = StreamDecoder("req-1")
    stream = sse(chunk({"content": "half"}, finish), payload, chunk({"content": "late"}, "stop"))
    texts = []
    with pytest.raises(StreamInterruptedError, match="gone wrong") as caught:
        texts.extend(delta.text for delta in decoder.feed(stream))
    assert texts in ([], ["half"])
    error = caught.value
    assert error.partial.choice.text == "half"
    assert error.partial.choice.finish_reason == finish
    assert (type(error.error), error.status_code, error.request_id) == (kind, status, "req-1")


ODD_ERRORS = {
    "the field error of llama.cpp": (b'error: {"code": 500, "message": "gone wrong"}\n\n', ServerError),
    "the field error with words": (b"error:gone wrong\n\n", APIStatusError),
    "the field error around an error": (
        b'error: {"error": {"message": "gone wrong", "code": 429}}\n\n',
        RateLimitError,
    ),
    "an error behind an open event": (b'data: {"id": "x"}\nerror: {"message": "gone wrong"}\n\n', APIStatusError),
    "MiniMax: no credit": (sse({"base_resp": {"status_code": 1008, "status_msg": "gone wrong"}}), QuotaExceededError),
    "MiniMax: too many": (sse({"base_resp": {"status_code": "1002", "status_msg": "gone wrong"}}), RateLimitError),
    "MiniMax: the key": (sse({"base_resp": {"status_code": 1004, "status_msg": "gone wrong"}}), AuthenticationError),
    "MiniMax: beside choices": (
        sse(chunk({}, None, base_resp={"status_code": 1013, "status_msg": "gone wrong"})),
        ServerError,
    ),
    "MiniMax: an unknown code": (sse({"base_resp": {"status_code": 4711, "status_msg": "gone wrong"}}), APIStatusError),
}


@pytest.mark.parametrize(("frame", "kind"), ODD_ERRORS.values(), ids=ODD_ERRORS)
def test_an_error_is_that_error_before_the_first_content_and_an_interruption_after_it(frame, kind):
    frame = frame.removesuffix(b"data: [DONE]\n\n")
    role = sse(chunk({"role": "assistant", "content": ""}), done=False)
    for data in (frame, role + frame):
        with pytest.raises(kind, match="gone wrong") as caught:
            decoded(data)
        assert type(caught.value) is kind
        with pytest.raises(kind, match="gone wrong"):
            decode_completion(data)
    for said in ({"content": "half"}, {"reasoning_content": "half"}, {"tool_calls": [{"function": {"name": "f"}}]}):
        data = sse(chunk(said), done=False) + frame
        for make in (decoded, decode_completion):
            with pytest.raises(StreamInterruptedError, match="gone wrong") as interrupted:
                make(data)
            assert type(interrupted.value.error) is kind
            assert interrupted.value.partial.holds_answer


def test_a_base_resp_that_says_that_all_is_well_is_none():
    well = {"base_resp": {"status_code": 0, "status_msg": ""}}
    assert decoded(sse(chunk({"content": "Hi"}, None, **well), chunk({}, "stop", **well))).text == "Hi"


@pytest.mark.parametrize("message", [{}, {"message": None}])
@pytest.mark.parametrize("reason", ["content_filter", "sensitive", "length"])
def test_a_filtered_choice_without_a_message_is_an_empty_answer(message, reason):
    usage = {"prompt_tokens": 7, "completion_tokens": 0}
    body = {"choices": [{"index": 0, **message, "finish_reason": reason}], "usage": usage}
    completion = decode_completion(json.dumps(body).encode())
    streamed = decoded(sse(chunk({}, reason), {"choices": [], "usage": usage}))
    for one in (completion, streamed):
        assert (one.text, one.choice.finish_reason, one.usage) == ("", reason, usage)
        lost = lost_answer(one)
        assert (lost is not None) == (reason != "sensitive")
        assert lost is None or ("filtered" in lost.message) == (reason == "content_filter")


# --- characters in halves -----------------------------------------------------------------------------------------

HALVED = "hi \ud83d", "\ude00!"


def in_halves(*deltas, end=True):
    return decoded(sse(*map(chunk, deltas), *([chunk({}, "stop")] if end else [])))


@pytest.mark.parametrize("field", ["content", "reasoning_content", "reasoning"])
@pytest.mark.parametrize("between", [[], [{}], [{"content": ""}], [{"role": "assistant"}]])
def test_a_character_in_two_deltas_is_one(field, between):
    first, last = HALVED
    completion = in_halves({field: first}, *between, {field: last})
    assert completion.text + completion.reasoning == "hi \U0001f600!"


def test_characters_in_the_arguments_of_several_calls_are_joined_each_to_its_own():
    def entry(index, text, **more):
        return {"tool_calls": [{"index": index, "function": {"arguments": text, **more}}]}

    calls = in_halves(
        entry(0, '{"a": "\ud83d', name="f"),
        entry(1, '{"a": "\ud83c', name="f"),
        entry(0, '\ude00"}'),
        entry(1, '\udf00"}'),
    ).choice.tool_calls
    assert [call.parsed() for call in calls] == [{"a": "\U0001f600"}, {"a": "\U0001f300"}]


def test_a_half_whose_other_half_never_comes_is_a_replacement():
    assert (
        in_halves({"content": "a\ud83d"}, {"content": "b\ude00c"}, {"content": "d\ud83d"}).text
        == "a\ufffdb\ufffdcd\ufffd"
    )
    call = {"index": 0, "function": {"name": "f", "arguments": '{"a": "\ud83d"}'}}
    assert in_halves({"tool_calls": [call]}).choice.tool_calls[0].parsed() == {"a": "\ufffd"}
    assert in_halves({"reasoning_content": "\ud83d"}, {"content": "a"}).reasoning == "\ufffd"
    whole = {"choices": [{"message": {"content": "\ud83d\ude00\ud83d"}, "finish_reason": "stop"}]}
    assert decode_completion(json.dumps(whole).encode()).text == "\U0001f600\ufffd"


@given(st.lists(st.sampled_from(["a", "\U0001f600", "é", "\U0001f680", "\n"]), max_size=8).map("".join), st.data())
def test_any_text_arrives_however_its_utf_16_units_are_cut(text, data):
    halves = [char for one in text for char in (one if ord(one) < 1 << 16 else _halves(one))]
    cuts = sorted(data.draw(st.sets(st.integers(0, len(halves)))) | {0, len(halves)})
    pieces = ["".join(halves[a:b]) for a, b in itertools.pairwise(cuts)]
    assert in_halves(*({"content": piece} for piece in pieces)).text == text


def _halves(char):
    units = char.encode("utf-16-be")
    return units[:2].decode("utf-16-be", "surrogatepass"), units[2:].decode("utf-16-be", "surrogatepass")


def test_deltas_before_an_error_in_the_same_piece_are_yielded():
    deltas = StreamDecoder().feed(sse(chunk({"content": "half"}), {"error": "x"}))
    assert next(deltas).text == "half"
    with pytest.raises(StreamInterruptedError):
        next(deltas)


@pytest.mark.parametrize("event", ["not json", '{"cut":', "[1]", '"text"', "7", "null", "<html>", "{" * 10_000])
def test_an_event_that_is_no_object_ends_the_stream(event):
    with pytest.raises(StreamInterruptedError, match="no JSON object") as caught:
        decoded(sse(chunk({"content": "half"}), event))
    assert caught.value.partial.choice.text == "half"
    assert len(caught.value.message) < 700


# --- whole answers ------------------------------------------------------------------------------------------------


def whole(**more: Any) -> bytes:
    message = {"role": "assistant", "content": "Noon.", "reasoning_content": "Hm."}
    payload = {
        "id": "c-1",
        "model": "m",
        "created": 5,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        **more,
    }
    return json.dumps(payload).encode()


NOON = Completion(id="c-1", model="m", created=5, choices=[Choice(text="Noon.", reasoning="Hm.", finish_reason="stop")])


@pytest.mark.parametrize(
    "data",
    [
        whole(),
        b"\n\n \r\n\n" + whole() + b"\n",
        b"\xef\xbb\xbf" + whole(),
        b"[" + whole() + b"]",
        whole(error=None),
        whole(error=""),
        whole(unknown={}),
    ],
)
def test_a_whole_answer(data):
    assert decode_completion(data) == NOON


def test_an_answer_without_a_finish_reason_is_an_answer():
    # The pages' own examples have none.
    completion = decode_completion(b'{"choices": [{"index": 0, "message": {"content": "Hi"}}]}')
    assert (completion.choice.text, completion.choice.finish_reason) == ("Hi", None)


def test_several_answers_are_not_mixed():
    choices = [{"index": i, "message": {"content": str(i)}, "finish_reason": "stop"} for i in range(3)]
    completion = decode_completion(whole(choices=choices))
    assert [(choice.index, choice.text) for choice in completion.choices] == [(0, "0"), (1, "1"), (2, "2")]
    assert completion.choice.text == "0"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"not json",
        b'{"cut": ',
        b"[]",
        b"[1, 2]",
        b"null",
        b"7",
        b"{}",
        b'{"choices": []}',
        b'{"choices": null}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": "x"}',
        b'{"id": "c", "object": "list", "data": []}',
        b"[" * 100_000,
    ],
)
def test_a_200_that_is_no_answer(data):
    with pytest.raises(InvalidResponseError) as caught:
        decode_completion(data, request_id="req-1")
    assert (caught.value.status_code, caught.value.request_id) == (200, "req-1")
    assert len(caught.value.message) < 700


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><html></html>", b"\n <html>"])
def test_an_html_page_asks_about_the_base_url(page):
    with pytest.raises(InvalidResponseError, match="base_url"):
        decode_completion(page)


@pytest.mark.parametrize(("payload", "kind", "status"), IN_STREAM[:-1])
def test_a_200_that_holds_an_error(payload, kind, status):
    with pytest.raises(APIStatusError, match="gone wrong") as caught:
        decode_completion(json.dumps(payload).encode(), request_id="req-1")
    assert (type(caught.value), caught.value.status_code, caught.value.request_id) == (kind, status, "req-1")


def test_a_whole_answer_as_one_delta():
    completion = decode_completion(
        whole(
            choices=[
                {
                    "message": {
                        "content": "a",
                        "reasoning_content": "b",
                        "images": [PICTURE],
                        "tool_calls": [{"id": "x", "function": {"name": "f", "arguments": "{}"}}],
                    },
                    "logprobs": {"content": []},
                }
            ]
        )
    )
    delta = delta_of(completion)
    assert (delta.text, delta.reasoning, delta.images, delta.logprobs) == ("a", "b", [PICTURE], {"content": []})
    (fragment,) = delta.fragments
    assert (fragment.position, fragment.id, fragment.name, fragment.arguments) == (0, "x", "f", "{}")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"{", True),
        (b"\n [", True),
        (b"<html", True),
        (b"data: {", False),
        (b": PING", False),
        (b"", False),
        (b" ", False),
    ],
)
def test_whether_a_body_is_one_document(head, expected):
    assert is_document(head) is expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'{"a": NaN, "b": Infinity}', None),
        (b'"\xff"', "\ufffd"),
        (rb'"\ud83d"', "\ufffd"),
        (rb'{"\ud83d": ["\ud83d\ude00 \udc00"]}', {"\ufffd": ["😀 \ufffd"]}),
        ('"\u2028"'.encode(), "\u2028"),
    ],
)
def test_json_that_strict_readers_refuse(data, expected):
    value = read_json(data)
    json.dumps(value, ensure_ascii=False).encode()
    assert expected is None or value == expected


@pytest.mark.parametrize("depth", [60, 150, 300, 700, 20_000])
@pytest.mark.parametrize("bad", [b"", b"\xff"])
def test_json_of_any_depth_is_read_or_refused(depth, bad):
    for opening, closing in ((b"[", b"]"), (b'{"error":', b"}"), (b'{"choices":[{"delta":', b"}]}")):
        data = opening * depth + b'"' + bad + b'"' + closing * depth
        try:
            read_json(data)
        except ValueError:
            assert depth > 60


# --- usage --------------------------------------------------------------------------------------------------------

COUNTS = [
    (None, None),
    ({}, None),
    ({"total_tokens": 3}, None),
    ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 9}, (1, 2, 9, None, None)),
    ({"prompt_tokens": 1, "completion_tokens": 2}, (1, 2, 3, None, None)),
    ({"prompt_tokens": 1}, (1, 0, 1, None, None)),
    ({"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}, (1, 2, 3, None, None)),
    ({"prompt_tokens": 1, "completion_tokens": 2, "input_tokens": 0, "output_tokens": 0}, (1, 2, 3, None, None)),
    ({"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 0}}, (1, 0, 1, 0, None)),
    ({"prompt_tokens": 1, "prompt_tokens_details": None, "prompt_cache_hit_tokens": 1}, (1, 0, 1, 1, None)),
    (
        {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1}, "prompt_cache_hit_tokens": 0},
        (1, 0, 1, 1, None),
    ),
    ({"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 4}}, (0, 5, 5, None, 4)),
    ({"completion_tokens": 5, "reasoning_tokens": 0}, (0, 5, 5, None, 0)),
    ({"prompt_tokens": "many", "completion_tokens": 2, "completion_tokens_details": "x"}, (0, 2, 2, None, None)),
]


@pytest.mark.parametrize(("raw", "expected"), COUNTS)
def test_usage_in_each_of_its_shapes(raw, expected):
    usage = usage_of(raw)
    found = usage and (usage.input, usage.output, usage.total, usage.cached, usage.reasoning)
    assert found == expected


# --- answers that reasoning ate -----------------------------------------------------------------------------------

CALL = ToolCall("a", "f", "{}")
LOST = [
    (Choice(reasoning="Hm.", finish_reason="length"), "raise max_tokens"),
    (Choice(finish_reason="length"), "raise max_tokens"),
    (Choice(reasoning="Hm.", finish_reason="stop"), "ask again"),
    (Choice(reasoning="Hm.", finish_reason="stop", text="Noon."), None),
    (Choice(reasoning="Hm.", finish_reason="tool_calls", tool_calls=[CALL]), None),
    (Choice(reasoning="Hm.", finish_reason="stop", images=[PICTURE]), None),
    (Choice(reasoning="Hm.", finish_reason="stop", refusal="No."), None),
    (Choice(finish_reason="stop"), None),
    (Choice(), None),
]


@pytest.mark.parametrize(("choice", "remedy"), LOST)
def test_an_answer_that_reasoning_ate_is_settled_as_the_user_wants(choice, remedy):
    completion = Completion(model="m", choices=[choice], request_id="req-1")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check(completion, Expected(on_empty="keep"))
        assert caught == []
        check(completion, Expected(on_empty="warn"))
    if remedy is None:
        assert caught == []
        assert lost_answer(completion) is None
        check(completion, Expected(on_empty="raise"))
        return
    (warning,) = caught
    assert warning.category is AnyfastWarning
    assert remedy in str(warning.message)
    with pytest.raises(EmptyAnswerError, match=remedy) as raised:
        check(completion, Expected(on_empty="raise"))
    assert raised.value.completion is completion
    assert raised.value.request_id == "req-1"


# --- for any input ------------------------------------------------------------------------------------------------

KEYS = """
    id model created choices index delta message finish_reason matched_stop content role text type summary refusal
    reasoning_content reasoning reasoning_details tool_calls function name arguments extra_content images logprobs
    usage error code status detail system_fingerprint prompt_tokens completion_tokens_details reasoning_tokens
"""
keys = st.sampled_from(KEYS.split())
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-2, 600)
    | st.sampled_from([10**400, -(10**30), 1e308])
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["stop", "text", "image_url", "{}", '{"message": "x"}', "503"])
)
wire_json = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5), max_leaves=12
)


def likely(**fields: Any) -> Any:
    """An object with some of the fields that we look at, each of any type."""
    return st.fixed_dictionaries({}, optional={name: wire_json | kind for name, kind in fields.items()})


tool_entries = likely(id=st.text(max_size=2), index=st.integers(0, 2), function=likely(name=leaves, arguments=leaves))
deltas = likely(
    content=st.text(max_size=3),
    reasoning_content=st.text(max_size=3),
    reasoning_details=st.lists(likely(text=leaves), max_size=2),
    tool_calls=st.lists(tool_entries, max_size=3),
    images=st.lists(wire_json, max_size=2),
    extra_content=likely(google=wire_json),
    refusal=leaves,
)
choices = likely(
    index=st.integers(0, 1),
    delta=deltas,
    message=deltas,
    finish_reason=st.sampled_from(["stop", "length"]),
    logprobs=st.dictionaries(keys, wire_json, max_size=2),
    matched_stop=leaves,
)
payloads = (
    likely(
        id=leaves,
        model=leaves,
        created=leaves,
        system_fingerprint=leaves,
        choices=st.lists(choices, min_size=1, max_size=2),
        usage=likely(prompt_tokens=leaves, prompt_tokens_details=wire_json),
        error=likely(message=leaves, code=leaves, status=leaves),
    )
    | wire_json
)


def types_hold(completion: Completion) -> None:
    """What the frameworks build on: each field is of the type that it says, and all of it can be sent again."""
    assert isinstance(completion.id, str)
    assert isinstance(completion.model, str)
    assert completion.created is None or isinstance(completion.created, int)
    assert completion.system_fingerprint is None or isinstance(completion.system_fingerprint, str)
    assert completion.usage is None or isinstance(completion.usage, dict)
    usage_of(completion.usage)
    for choice in completion.choices:
        assert isinstance(choice.text, str)
        assert isinstance(choice.reasoning, str)
        assert choice.finish_reason is None or isinstance(choice.finish_reason, str)
        assert choice.refusal is None or isinstance(choice.refusal, str)
        assert choice.matched_stop is None or isinstance(choice.matched_stop, (str, int))
        assert all(isinstance(image, dict) for image in choice.images)
        for call in choice.tool_calls:
            assert call.id
            assert isinstance(call.name, str)
            assert isinstance(call.arguments, str)
            assert isinstance(call.parsed(), dict)
        completion.metadata(choice)
        f"{choice.text}{choice.reasoning}".encode()


@given(st.lists(payloads, max_size=4))
@example(
    [
        {"choices": [{"delta": {}, "logprobs": {"content": 3}}, {}]},
        {"choices": [{"delta": {}, "logprobs": {"content": [1]}}]},
    ]
)
@example([{"choices": [{"delta": {"content": "x"}, "finish_reason": 10**5000}], "id": 10**5000, "model": 10**5000}])
@example([{"error": {"message": "x", "code": 10**5000}}])
@example([{"choices": [{"message": {"refusal": ["no"]}, "logprobs": 3, "matched_stop": {}}], "created": {}}])
def test_any_json_makes_an_answer_or_a_typed_error(sent):
    try:
        lines = [written(payload) for payload in sent]
    except ValueError:
        return
    decoder = StreamDecoder()
    try:
        list(decoder.feed(sse(*lines)))
        list(decoder.finish())
    except StreamInterruptedError as error:
        types_hold(error.partial)
    except APIStatusError:
        assert not decoder.completion.holds_answer
    types_hold(decoder.completion)
    for line in lines:
        ends_well(line.encode())


def ends_well(data: bytes) -> None:
    with contextlib.suppress(AnyfastError):
        types_hold(decode_completion(data))


def written(value: Any) -> str:
    """JSON, with integers of any size."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**4000:
        return "1" + "0" * 5000
    return json.dumps(value)


@given(st.binary())
def test_any_bytes_make_an_answer_or_a_typed_error(data):
    for stream in (data, b"data: " + data + b"\n\n"):
        try:
            types_hold(decoded(stream))
        except StreamInterruptedError as error:
            types_hold(error.partial)
    ends_well(data)


@given(wire_json)
def test_any_body_has_words(body):
    words = words_of(body)
    assert isinstance(words.message, str)
    assert isinstance(words.type, str | None)


FRAMES = [
    chunk({"role": "assistant", "content": None, "reasoning_content": "思考 "}),
    chunk({"content": "é\u2028🤔"}),
    chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"ö":'}}]}),
    chunk({"tool_calls": [{"index": 0, "id": "", "function": {"arguments": " 1}"}}]}),
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls", "matched_stop": 1}]},
    {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 9}},
]
STREAM = sse(*[json.dumps(frame, ensure_ascii=False) for frame in FRAMES])


@given(
    cuts=st.lists(st.integers(0, 2000), max_size=12),
    line_end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    comments=st.booleans(),
)
def test_any_split_of_a_stream_gives_the_same_answer(cuts, line_end, comments):
    stream = STREAM.replace(b"\n", line_end)
    if comments:
        stream = stream.replace(line_end * 2, line_end * 2 + b": PING" + line_end * 2)
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(bounds)]
    assert decoded(*pieces) == decoded(STREAM)
