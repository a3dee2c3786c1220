"""Answers that no contract describes: each has one meaning, in both frameworks."""

import json

import pytest

from anyfast_transport import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ContextWindowExceededError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
)
from tests.pairs import in_turn
from tests.parity.through import STREAMED, WHOLE, Playback, chunk, document, events

SAID = chunk({"role": "assistant", "content": "Hi"})
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
COUNTS = {"input": 3, "output": 5, "total": 8, "cached": None, "reasoning": None}


def from_stream(*payloads, done=True):
    body = payloads[0] if isinstance(payloads[0], bytes) else events(*payloads, done=done)
    return [ask(Playback([body])) for ask in STREAMED.values()]


def from_whole(body, status=200, **headers):
    return [ask(Playback([body], status, headers)) for ask in WHOLE.values()]


def without(key, payload):
    return {**payload, "choices": [{name: value for name, value in payload["choices"][0].items() if name != key}]}


END = chunk({}, "stop")
FINISHES = {
    "once": ([SAID, END], "stop"),
    "twice": ([SAID, chunk({}, "tool_calls"), END], "stop"),
    "twice the same": ([SAID, END, END], "stop"),
    "an empty one behind": ([SAID, END, chunk({}, "")], "stop"),
    "a null behind": ([SAID, END, chunk({}, None)], "stop"),
    "a missing one behind": (
        [SAID, END, without("finish_reason", SAID | {"choices": [{"index": 0, "delta": {}}]})],
        "stop",
    ),
    "on the frame with the text": ([chunk({"content": "Hi"}, "stop")], "stop"),
    "unknown": ([SAID, chunk({}, "malformed_function_call")], "malformed_function_call"),
    "of an upstream that went on": ([SAID, chunk({}, "error"), END], "stop"),
}


@pytest.mark.parametrize(("payloads", "finish"), FINISHES.values(), ids=FINISHES)
def test_the_last_finish_reason_that_says_something_counts_once(payloads, finish):
    for got in from_stream(*payloads):
        assert (got.error, got.text, got.finish_reason) == (None, "Hi", finish)


@pytest.mark.parametrize("finish", [None, ""])
@pytest.mark.parametrize("done", [True, False])
def test_a_stream_without_one_was_cut(finish, done):
    for got in from_stream(SAID, chunk({}, finish), done=done):
        assert isinstance(got.error, StreamInterruptedError)
        assert got.text == "Hi"


@pytest.mark.parametrize("finish", [None, ""])
def test_a_document_without_one_is_whole(finish):
    for got in from_whole(document({"content": "Hi"}, finish)):
        assert (got.error, got.text, got.finish_reason) == (None, "Hi", None)


@pytest.mark.parametrize("finish", ["stop", "tool_calls", "length", "content_filter", "whatever"])
def test_calls_are_calls_whatever_the_finish_reason(finish):
    for got in [
        *from_stream(chunk({"tool_calls": [CALL]}), chunk({}, finish)),
        *from_whole(document({"tool_calls": [CALL]}, finish)),
    ]:
        assert [call[:3] for call in got.calls] == [("call_1", "f", {})]


MATCHED = [1, 151645, "END", "", None, {"x": 1}]


@pytest.mark.parametrize("matched", MATCHED)
def test_matched_stop_may_be_anything(matched):
    last = chunk({}, "stop")
    last["choices"][0]["matched_stop"] = matched
    for got in from_stream(SAID | {"matched_stop": matched}, last):
        assert (got.error, got.text) == (None, "Hi")


NULLS = dict.fromkeys(("id", "object", "created", "model", "system_fingerprint", "usage", "service_tier", "metadata"))


def test_metadata_may_be_null_or_empty():
    for empty in (None, "", 0):
        nothing = dict.fromkeys(NULLS, empty)
        message = {"role": None, "content": "Hi", "reasoning_content": None, "tool_calls": None, "refusal": None}
        for got in [*from_stream(SAID | nothing, END | nothing), *from_whole(document(message, **nothing))]:
            assert (got.error, got.text, got.reasoning, got.calls, got.usage) == (None, "Hi", "", [], None)


EMPTY = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
EARLY = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
USAGES = {
    "on the finish chunk": [SAID, END | {"usage": USAGE}],
    "apart": [SAID, END, {"id": "c-1", "choices": [], "usage": USAGE}],
    "apart, without choices": [SAID, END, {"usage": USAGE}],
    "apart, choices null": [SAID, END, {"choices": None, "usage": USAGE}],
    "on every chunk": [SAID | {"usage": EARLY}, chunk({}) | {"usage": EARLY}, END | {"usage": USAGE}],
    "twice": [SAID, END | {"usage": USAGE}, {"choices": [], "usage": USAGE}],
    "null behind": [SAID, END | {"usage": USAGE}, {"choices": [], "usage": None}],
    "null before": [SAID | {"usage": None}, END | {"usage": None}, {"choices": [], "usage": USAGE}],
    "an empty object behind": [SAID, END | {"usage": USAGE}, {"choices": [], "usage": {}}],
    "with more fields": [SAID, {**END, "usage": {**USAGE, "input_tokens": 0, "prompt_tokens_details": None}}],
    "behind an error that is null": [SAID, END | {"error": None, "usage": USAGE}],
}


@pytest.mark.parametrize("payloads", USAGES.values(), ids=USAGES)
def test_usage_is_counted_once(payloads):
    for got in from_stream(*payloads):
        assert (got.error, got.text, got.usage) == (None, "Hi", COUNTS)


def test_usage_that_was_estimated_is_shown_as_it_came():
    estimated = {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}
    for got in from_stream(SAID, END | {"usage": estimated}):
        assert (got.usage["input"], got.usage["output"], got.usage["total"]) == (35, 12, 109)


def test_no_usage_is_none():
    for got in [*from_stream(SAID, END), *from_whole(document({"content": "Hi"}))]:
        assert (got.text, got.usage) == ("Hi", None)


@pytest.mark.parametrize("choices", [[], None])
def test_frames_without_choices_are_passed_over(choices):
    head = {"id": "", "created": 0, "model": "", "choices": choices}
    for got in from_stream(head, SAID, head, END, head):
        assert (got.error, got.text, got.finish_reason) == (None, "Hi", "stop")


@pytest.mark.parametrize("before", [b"\n\n", b"\r\n\r\n \n", b"\xef\xbb\xbf", b"   "])
def test_blank_lines_before_the_json_are_keep_alives(before):
    body = before + document({"content": "Hi"})
    for got in [*from_whole(body), *from_stream(body)]:
        assert (got.error, got.text) == (None, "Hi")


@pytest.mark.parametrize(
    "before", [b": PING\n\n", b": keep-alive\n\n: keep-alive\n\n", b"event: message\n", b"\n\n", b"id: 1\nretry: 5\n"]
)
def test_keep_alives_and_other_fields_before_events(before):
    for got in from_stream(before + events(SAID, END)):
        assert (got.error, got.text) == (None, "Hi")


@pytest.mark.parametrize("late", [SAID, {"error": {"message": "late", "code": 500}}, b"data: {\n\n", b"<html>"])
def test_what_comes_behind_done_is_ignored(late):
    for got in from_stream(events(SAID, END) + events(late, done=False)):
        assert (got.error, got.text, got.finish_reason) == (None, "Hi", "stop")


def test_a_document_where_events_were_asked_for():
    for got in from_stream(document({"content": "Hi", "reasoning_content": "Hm."})):
        assert (got.error, got.text, got.reasoning) == (None, "Hi", "Hm.")


def test_events_where_a_document_was_asked_for():
    for got in from_whole(b": PING\n\n" + events(SAID, END | {"usage": USAGE})):
        assert (got.error, got.text, got.usage) == (None, "Hi", COUNTS)


def test_whole_messages_in_a_stream():
    whole = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}
    for got in from_stream(whole):
        assert (got.error, got.text) == (None, "Hi")


# --- errors inside a 200 ------------------------------------------------------------------------------------------

WORDS = "It went wrong"
INSIDE = {
    "object": ({"error": {"message": WORDS, "type": "server_error", "code": "x"}}, ServerError),
    "code int": ({"error": {"message": WORDS, "code": 429}}, RateLimitError),
    "code as text": ({"error": {"message": WORDS, "code": "404"}}, NotFoundError),
    "code null": ({"error": {"message": WORDS, "code": None, "type": None}}, APIStatusError),
    "only a type": ({"error": {"message": WORDS, "type": "rate_limit_error"}}, RateLimitError),
    "overloaded": ({"error": {"message": WORDS, "type": "overloaded_error"}}, ServerError),
    "of Google": ({"error": {"message": WORDS, "code": 400, "status": "INVALID_ARGUMENT"}}, BadRequestError),
    "of Google, without a code": (
        {"error": {"message": WORDS, "status": "x", "type": "invalid_request_error"}},
        BadRequestError,
    ),
    "text": ({"error": WORDS}, APIStatusError),
    "array": ([{"error": {"message": WORDS, "code": 503}}], ServerError),
    "array inside": ({"error": [{"message": WORDS, "code": 503}]}, ServerError),
    "flat": ({"code": "insufficient_user_quota", "message": WORDS}, QuotaExceededError),
    "flat, code int": ({"code": 429, "message": WORDS, "data": None}, RateLimitError),
    "detail": ({"detail": WORDS}, APIStatusError),
    "on the choice": (
        {"choices": [{"index": 0, "delta": {}, "message": {}, "error": {"message": WORDS, "code": 502}}]},
        ServerError,
    ),
    "beside choices": ({"choices": [], "error": {"message": WORDS, "code": 502}}, ServerError),
    "quota by its words": ({"error": {"message": f"{WORDS}: 用户额度不足", "code": ""}}, QuotaExceededError),
    "model by its words": ({"error": {"message": f"{WORDS}: No available channel for model x"}}, NotFoundError),
    "JSON inside the message": (
        {"error": {"message": json.dumps({"error": {"message": WORDS}}), "code": 400}},
        BadRequestError,
    ),
}


@pytest.mark.parametrize(("payload", "kind"), INSIDE.values(), ids=INSIDE)
def test_an_error_event_ends_the_stream_and_is_classified(payload, kind):
    for got in from_stream(SAID, payload, END):
        assert isinstance(got.error, StreamInterruptedError)
        assert WORDS in str(got.error)
        assert type(got.error.error) is kind
        assert got.text == "Hi"


@pytest.mark.parametrize(("payload", "kind"), INSIDE.values(), ids=INSIDE)
def test_a_document_that_is_an_error_is_that_error(payload, kind):
    for got in from_whole(json.dumps(payload).encode()):
        assert isinstance(got.error, kind)
        assert WORDS in str(got.error)
    for got in from_whole(events(payload)):
        assert isinstance(got.error, kind)


@pytest.mark.parametrize(
    "event", [b"data: oops\n\n", b'data: "oops"\n\n', b"data: [1, 2]\n\n", b'data: {"id": \n\n', b"data: 5\n\n"]
)
def test_an_event_that_is_no_object_ends_the_stream(event):
    for got in from_stream(events(SAID, event, END)):
        assert isinstance(got.error, StreamInterruptedError)
        assert got.text == "Hi"


NO_COMPLETION = [
    b"",
    b"   ",
    b"oops",
    b"<html><title>Welcome</title></html>",
    b"{}",
    b"[]",
    b'"text"',
    b'{"choices": []}',
    b'{"choices": null}',
    b"\x00\xff",
]


@pytest.mark.parametrize("body", NO_COMPLETION)
def test_a_200_that_is_no_completion(body):
    for got in from_whole(body):
        assert isinstance(got.error, InvalidResponseError)
    for got in from_stream(body):
        assert isinstance(got.error, (InvalidResponseError, StreamInterruptedError))


# --- error answers ------------------------------------------------------------------------------------------------

HTML = b"<html><head><title>504 Gateway Time-out</title></head><body>nginx</body></html>"


def body(**error):
    return json.dumps({"error": error}).encode()


REFUSALS = {
    "no body": (429, b"", RateLimitError, "no body"),
    "HTML": (504, HTML, ServerError, "504 Gateway Time-out"),
    "a bad request as HTML": (400, HTML, BadRequestError, "504 Gateway"),
    "plain text": (502, b"upstream connect error", ServerError, "upstream connect error"),
    "SSE-framed": (
        400,
        b'data: {"error":{"message":"Not so.","code":"data_inspection_failed"}}\n\n',
        BadRequestError,
        "Not so.",
    ),
    "JSON in a string": (
        400,
        body(message=json.dumps({"error": {"message": "No images."}}), code=None),
        BadRequestError,
        "No images.",
    ),
    "array": (400, json.dumps([{"error": {"message": "Bad key.", "code": 400}}]).encode(), BadRequestError, "Bad key."),
    "flat": (400, b'{"code":"InvalidParameter","message":"Wrong.","data":null}', BadRequestError, "Wrong."),
    "detail": (401, b'{"detail":"Unauthorized"}', AuthenticationError, "Unauthorized"),
    "error as text": (404, b'{"error":"no such model"}', NotFoundError, "no such model"),
    "masked": (
        400,
        body(message="[***.PixelCountTooSmall] too small", code="x"),
        BadRequestError,
        "***.PixelCountTooSmall",
    ),
    "code null": (500, body(message="Oh.", code=None, type=None), ServerError, "Oh."),
    "code int": (400, body(message="Oh.", code=400), BadRequestError, "Oh."),
    "saturated, in Chinese": (429, body(message="当前分组上游负载已饱和，请稍后再试"), RateLimitError, "饱和"),
    "quota as 401": (401, body(message="该令牌额度已用尽", type="new_api_error"), QuotaExceededError, "额度已用尽"),
    "quota as 403": (403, body(message="用户额度不足", code="insufficient_user_quota"), QuotaExceededError, "额度不足"),
    "quota as 402": (402, body(message="Insufficient Balance"), QuotaExceededError, "Insufficient Balance"),
    "quota as 429": (429, body(message="您的余额不足", code="quota_exceeded"), QuotaExceededError, "余额不足"),
    "quota as 403 of Ark": (403, body(message="Overdue.", code="AccountOverdueError"), QuotaExceededError, "Overdue"),
    "unknown model as 503": (
        503,
        body(message="No available channel for model x", code="model_not_found"),
        NotFoundError,
        "channel",
    ),
    "unknown model in Chinese": (
        503,
        body(message="当前分组 default 下对于模型 x 无可用渠道"),
        NotFoundError,
        "无可用渠道",
    ),
    "no key": (401, body(message="未提供令牌"), AuthenticationError, "未提供令牌"),
    "group not allowed": (403, body(message="无权访问 vip 分组"), PermissionDeniedError, "无权"),
    "local refusal as 500": (500, body(message="Bad.", code="convert_request_failed"), BadRequestError, "Bad."),
    "too long": (
        400,
        body(message="This model's maximum context length is 1000 tokens"),
        ContextWindowExceededError,
        "1000",
    ),
    "overloaded": (503, body(message="busy"), ServerError, "busy"),
    "cut JSON": (500, b'{"error": {"message": "Oh', ServerError, '"Oh'),
    "nothing in it": (400, b"{}", BadRequestError, "400"),
}


@pytest.mark.parametrize(
    ("case", "content_type"),
    in_turn(REFUSALS, ["application/json", "application/octet-stream", "text/html", "text/event-stream"]),
)
def test_an_error_answer_is_read_by_its_words_whatever_it_calls_itself(case, content_type):
    status, content, kind, words = REFUSALS[case]
    headers = {"content-type": content_type}
    for ask in (*WHOLE.values(), *STREAMED.values()):
        error = ask(Playback([content], status, headers)).error
        assert isinstance(error, kind)
        assert not (kind is not QuotaExceededError and isinstance(error, QuotaExceededError))
        assert words in str(error)
        assert error.status_code == status
