"""What each refusal becomes: its class, its words, and what it does not give away."""

import inspect
import json
import pickle
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import anyfast_transport
from anyfast_transport import (
    AnyfastError,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    Choice,
    Completion,
    ContextWindowExceededError,
    EmptyAnswerError,
    InvalidObjectError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    UnsupportedParameterError,
    errors,
)
from anyfast_transport.response.error_bodies import MESSAGE_LIMIT, ErrorWords, status_error, words_of


def said(message: Any, code: Any = None, type: Any = None) -> dict[str, Any]:  # noqa: A002  # the wire's own name
    return {"error": {"message": message, "type": type, "param": None, "code": code}}


# (status, body) → class. Code, type and words come before the status.
CLASSES = {
    "as documented, 400": (400, said("bad", "x", "invalid_request_error"), BadRequestError),
    "as documented, 401": (401, said("Invalid key.", "invalid_api_key", "authentication_error"), AuthenticationError),
    "401 without a type": (401, {"error": {"message": "No token provided"}}, AuthenticationError),
    "401 without a body": (401, "", AuthenticationError),
    "429 without a body": (429, "", RateLimitError),
    "403": (403, said("no"), PermissionDeniedError),
    "404": (404, said("Invalid URL (POST /v1/x)"), NotFoundError),
    "405": (405, said("no"), BadRequestError),
    "413": (413, said("too large"), BadRequestError),
    "415": (415, said("no"), BadRequestError),
    "422": (422, said("no"), BadRequestError),
    "429": (429, said("slower"), RateLimitError),
    "500": (500, said("oh"), ServerError),
    "501": (501, said("api_not_implemented"), ServerError),
    "502 page": (502, "<html><title>502 Bad Gateway</title></html>", ServerError),
    "503": (503, said("busy"), ServerError),
    "504": (504, "<html>", ServerError),
    "524": (524, "", ServerError),
    "599": (599, "", ServerError),
    "408": (408, said("slow"), APIStatusError),
    "409": (409, said("conflict"), APIStatusError),
    "418": (418, said("teapot"), APIStatusError),
    "302": (302, "", APIStatusError),
    "a status of nobody": (999, "", APIStatusError),
    # The same meaning under any status.
    "unknown model under 503": (503, said("No available channel for model x", "model_not_found"), NotFoundError),
    "unknown model in Chinese": (503, said("当前分组 default 下对于模型 x 无可用渠道"), NotFoundError),
    "quota under 401": (401, said("该令牌额度已用尽"), QuotaExceededError),
    "quota under 402": (402, said("Payment"), QuotaExceededError),
    "quota under 403 by code": (403, said("x", "insufficient_user_quota"), QuotaExceededError),
    "quota under 403 by code, token": (403, said("x", "pre_consume_token_quota_failed"), QuotaExceededError),
    "quota under 403 in Chinese": (403, said("用户额度不足"), QuotaExceededError),
    "quota under 429": (429, said("x", "insufficient_quota"), QuotaExceededError),
    "quota of Ark": (403, said("x", "AccountOverdueError"), QuotaExceededError),
    "quota of DeepSeek": (402, said("Insufficient Balance"), QuotaExceededError),
    "quota by its balance": (429, said("余额不足"), QuotaExceededError),
    "the gateway's own refusal under 500": (500, said("x", "convert_request_failed", "new_api_error"), BadRequestError),
    "a local refusal under 500": (500, said("x", "invalid_request"), BadRequestError),
    "sensitive words under 500": (500, said("x", "sensitive_words_detected"), BadRequestError),
    "blocked prompt": (500, said("x", "prompt_blocked"), BadRequestError),
    "inspection": (500, said("x", "data_inspection_failed"), BadRequestError),
    "unread body": (500, said("x", "read_request_body_failed"), BadRequestError),
    "key of Gemini under 400": (400, said("x", "API_KEY_INVALID"), AuthenticationError),
    "context by code": (400, said("x", "context_length_exceeded"), ContextWindowExceededError),
    "context of DeepSeek": (400, said("This model's maximum context length is 9 tokens."), ContextWindowExceededError),
    "context of Qwen": (400, said("Range of input length should be [1, 9]"), ContextWindowExceededError),
    "context of Gemini": (
        400,
        said("The input token count (9) exceeds the maximum number of tokens"),
        ContextWindowExceededError,
    ),
    "context of Ark": (
        400,
        said("Total tokens of image and text exceed max message tokens"),
        ContextWindowExceededError,
    ),
    "context under 500": (500, said("prompt is too long"), ContextWindowExceededError),
    # An error of 500 that only mentions a request is none of the client's fault.
    "upstream": (500, said("bad response", "bad_response_status_code", "upstream_error"), ServerError),
    "an upstream's invalid_request_error under 500": (500, said("x", None, "invalid_request_error"), ServerError),
}


@pytest.mark.parametrize(("status", "body", "kind"), CLASSES.values(), ids=CLASSES)
def test_the_class_of_a_refusal(status, body, kind):
    error = status_error(status, body)
    assert type(error) is kind
    assert (error.status_code, error.body) == (status, body)


# body → message, code, type: wherever an upstream has put them.
WORDS = {
    "as documented": (said("m", "c", "t"), ("m", "c", "t")),
    "code of a number": (said("m", 400), ("m", 400, None)),
    "code of null": (said("m"), ("m", None, None)),
    "code of nothing": (said("m", ""), ("m", None, None)),
    "code of a bool": (said("m", True), ("m", None, None)),
    "error as text": ({"error": "m"}, ("m", None, None)),
    "error as text with a code": ({"error": "m", "code": "c"}, ("m", "c", None)),
    "error without a message": ({"error": {"code": "c"}, "message": "m"}, ("m", "c", None)),
    "a list": ([said("m", "c")], ("m", "c", None)),
    "a list of errors": ({"error": [{"message": "m", "code": "c"}]}, ("m", "c", None)),
    "flat": ({"code": "c", "message": "m", "data": None}, ("m", "c", None)),
    "detail": ({"detail": "m"}, ("m", None, None)),
    "details": ({"detail": [{"loc": ["body"], "msg": "m"}]}, ("m", None, None)),
    "msg": ({"msg": "m"}, ("m", None, None)),
    "JSON in the message": (
        {"code": "outer", "message": json.dumps(said("m", "inner", "t"))},
        ("m", "inner", "t"),
    ),
    "JSON within the message": (
        said(f"upstream said: {json.dumps(said('m', 'inner'))} (request id: r)", "outer", "t"),
        ("m", "inner", "t"),
    ),
    "a brace that is no JSON": (said('use {"a"'), ('use {"a"', None, None)),
    "JSON that says nothing": (said('got {"a": 1}'), ('got {"a": 1}', None, None)),
    "text": (" m \n", ("m", None, None)),
    "a page": ("<html><head><title> 502 \n</title></head>", ("an HTML page titled “502”", None, None)),
    "a page without a title": ("<html>", ("an HTML page", None, None)),
    "nothing": ("", ("", None, None)),
    "an empty object": ({}, ("", None, None)),
    "an empty list": ([], ("", None, None)),
    "null": (None, ("", None, None)),
    "a number": (7, ("", None, None)),
    "other types": ({"error": {"message": 7, "code": [], "type": 3}}, ("", None, None)),
}


@pytest.mark.parametrize(("body", "expected"), WORDS.values(), ids=WORDS)
def test_the_words_of_a_body_of_any_shape(body, expected):
    assert words_of(body) == ErrorWords(*expected)


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (status_error(400, said("no such thing", "bad_thing")), ["400: no such thing", "(code bad_thing)"]),
        (status_error(400, said("m", 400)), ["400: m"]),
        (status_error(429, ""), ["429: the answer has no body"]),
        (status_error(500, said("m"), request_id="r-1"), ["500: m", "(request id r-1)"]),
        (status_error(500, said("m (request id: r-2)")), ["500: m (request id: r-2)"]),
        (status_error(401, said("m")), ["401: m", "ANYFAST_API_KEY"]),
        (status_error(402, said("m")), ["402: m", "top up"]),
        (status_error(404, said("m")), ["404: m", "base_url"]),
        (status_error(400, said("prompt is too long")), ["400: prompt", "larger context window"]),
        (status_error(504, "<title>504</title>"), ["504: an HTML page"]),
    ],
)
def test_a_message_says_what_happened_and_what_to_do(error, parts):
    at = 0
    for part in parts:
        assert part in str(error)[at:]
        at = str(error).index(part, at) + len(part)
    assert error.message == str(error)
    assert str(error).count("(request id") <= 1
    assert "(code 400)" not in str(error)


@pytest.mark.parametrize("retry_after", [None, 0.0, 7.5])
def test_what_an_error_knows(retry_after):
    body = said("m (request id: 2026-ab)", "c", "t")
    error = status_error(429, body, headers={"x": "y"}, retry_after=retry_after)
    assert (error.code, error.type, error.request_id, error.retry_after) == ("c", "t", "2026-ab", retry_after)
    assert error.response is not None
    assert (error.response.status_code, error.response.headers) == (429, {"x": "y"})
    assert error.response.json() == body
    assert json.loads(error.response.text) == body


def test_the_header_wins_over_an_id_in_the_message():
    assert status_error(429, said("m (request id: in-message)"), request_id="in-header").request_id == "in-header"


def test_a_refusal_told_before_sending_has_no_response():
    assert AuthenticationError("no key").response is None
    assert AuthenticationError("no key").status_code is None


@pytest.mark.parametrize("body", ["x" * 100_000, said("x" * 100_000), "<title>" * 20_000, "余" * 50_000])
def test_a_message_of_any_length_is_shortened(body):
    assert len(str(status_error(500, body))) < MESSAGE_LIMIT + 200


# --- the tree -----------------------------------------------------------------------------------------------------

PARTIAL = Completion(choices=[Choice(text="half")])
EXAMPLES = [
    AnyfastError("m"),
    APIConnectionError("m", begun=True),
    APITimeoutError("m"),
    InvalidResponseError("m", request_id="r", body="b"),
    EmptyAnswerError("m"),
    InvalidObjectError("m", body="b"),
    StreamInterruptedError("m", partial=PARTIAL, error=status_error(503, said("m")), request_id="r"),
    UnsupportedParameterError("m", parameter="p", model="x"),
    *(
        kind(
            "m", status_code=429, code="c", type="t", request_id="r", retry_after=2.0, body={"a": 1}, headers={"h": "v"}
        )
        for kind in (
            APIStatusError,
            BadRequestError,
            ContextWindowExceededError,
            AuthenticationError,
            QuotaExceededError,
            PermissionDeniedError,
            NotFoundError,
            RateLimitError,
            ServerError,
        )
    ),
]
CLASSES_OF_ERRORS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, AnyfastError)]


def test_there_is_an_example_of_every_class():
    assert {type(error) for error in EXAMPLES} == set(CLASSES_OF_ERRORS)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_whole(error):
    error.completion = error.partial = PARTIAL  # what is set after the fact goes along, too
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert type(copied) is type(error)
    assert (str(copied), copied.args, copied.retryable) == (str(error), error.args, error.retryable)
    assert {name: value for name, value in vars(copied).items() if not isinstance(value, AnyfastError)} == {
        name: value for name, value in vars(error).items() if not isinstance(value, AnyfastError)
    }


@pytest.mark.parametrize("kind", CLASSES_OF_ERRORS)
def test_none_is_an_error_that_frameworks_take_for_their_own(kind):
    assert not issubclass(kind, (TypeError, KeyError, OSError, RuntimeError))
    assert issubclass(kind, ValueError) == (kind is InvalidObjectError)


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes():
    drawn: dict[str, str | None] = {}
    above: list[tuple[int, str]] = []
    for line in inspect.getdoc(errors).splitlines():
        if found := re.match(r"[│├└─ ]*([A-Z]\w*Error)\b", line):
            indent = found.start(1)
            while above and above[-1][0] >= indent:
                above.pop()
            drawn[found.group(1)] = above[-1][1] if above else None
            above.append((indent, found.group(1)))
    parents = {kind.__name__: kind.__base__.__name__ for kind in CLASSES_OF_ERRORS if kind is not AnyfastError}
    assert drawn == {"AnyfastError": None, **parents}


def test_all_names_exist_once_and_every_error_is_among_them():
    names = anyfast_transport.__all__
    assert len(names) == len(set(names))
    assert all(hasattr(anyfast_transport, name) for name in names)
    assert {kind.__name__ for kind in CLASSES_OF_ERRORS} <= set(names)
    public = {
        name
        for name, value in vars(anyfast_transport).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public == set(names) - {"__version__"}


# --- for any input ------------------------------------------------------------------------------------------------

bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "type", "detail", "msg", "x"]) | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(status=st.integers(100, 999), body=bodies)
def test_any_refusal_is_a_typed_error_that_can_be_pickled(status, body):
    error = status_error(status, body)
    assert str(error).startswith(f"{status}: ")
    assert error.response is not None
    assert isinstance(error.response.text, str)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301  # our own bytes


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "This model is only supported in v1/responses and not in v1/chat/completions."),
        (404, "This is not a chat model and thus not supported in the v1/chat/completions endpoint."),
        (400, "Unsupported legacy protocol: /v1/chat/completions is not supported. Please use /v1/responses."),
    ],
)
def test_a_model_of_the_responses_api_alone_is_told_with_that_reason(status, message):
    error = status_error(status, {"error": {"message": message, "type": "invalid_request_error"}})
    assert "served on the Responses API alone" in error.message
    assert "Check the model id" not in error.message
