"""How long is waited before a request is sent again, without waiting."""

import email.utils
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyfast_transport import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    UnsupportedParameterError,
)
from anyfast_transport.http.retries import delay_before_retry, retry_after

BUSY = RateLimitError("busy", status_code=429)


@pytest.mark.parametrize(
    ("retries_done", "longest"), [(0, 0.5), (1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 8.0), (40, 8.0)]
)
@pytest.mark.parametrize("jitter", [0.0, 0.25, 1.0])
def test_the_delay_doubles_up_to_a_limit_and_is_jittered_from_zero(retries_done, longest, jitter):
    delay = delay_before_retry(BUSY, retries_done=retries_done, max_retries=99, jitter=lambda: jitter)
    assert delay == longest * jitter


def test_unasked_the_jitter_is_random_within_the_delay():
    delays = {delay_before_retry(BUSY, retries_done=0, max_retries=1) for _ in range(50)}
    assert len(delays) > 1
    assert all(0 <= delay <= 0.5 for delay in delays)


@pytest.mark.parametrize(
    ("retries_done", "max_retries", "again"),
    [(0, 0, False), (0, 1, True), (1, 1, False), (1, 2, True), (2, 2, False), (3, 2, False)],
)
def test_exactly_as_often_as_allowed(retries_done, max_retries, again):
    delay = delay_before_retry(BUSY, retries_done=retries_done, max_retries=max_retries)
    assert (delay is not None) is again


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (APIConnectionError("refused"), True),
        (APIConnectionError("reset within the answer", begun=True), False),
        (APITimeoutError("silent"), True),
        (APITimeoutError("silent within the answer", begun=True), False),
        (RateLimitError("", status_code=429), True),
        (ServerError("", status_code=500), True),
        (ServerError("", status_code=503), True),
        (ServerError("", status_code=501), False),
        (APIStatusError("", status_code=408), True),
        (APIStatusError("", status_code=409), True),
        (APIStatusError("", status_code=418), False),
        (BadRequestError("", status_code=400), False),
        (BadRequestError("converted badly", status_code=500), False),
        (AuthenticationError("", status_code=401), False),
        (AuthenticationError("no key at all"), False),
        (QuotaExceededError("", status_code=429), False),
        (PermissionDeniedError("", status_code=403), False),
        (NotFoundError("", status_code=503), False),
        (InvalidResponseError(""), False),
        (StreamInterruptedError("", partial=None), False),
        (UnsupportedParameterError(""), False),
    ],
)
def test_what_may_pass_when_it_is_repeated(error, again):
    assert error.retryable is again
    assert (delay_before_retry(error, retries_done=0, max_retries=1) is not None) is again


@pytest.mark.parametrize(
    ("asked", "delay"), [(0.0, 0.0), (0.25, 0.25), (7.0, 7.0), (60.0, 60.0), (60.1, None), (86_400.0, None)]
)
def test_what_the_gateway_asks_for_is_done_exactly_or_not_at_all(asked, delay):
    error = RateLimitError("busy", status_code=429, retry_after=asked)
    assert delay_before_retry(error, retries_done=0, max_retries=1, jitter=lambda: 1.0) == delay


NOW = 1_800_000_000.0


def at(seconds: float) -> str:
    return email.utils.formatdate(NOW + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": " 2 "}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": at(30)}, 30.0),
        ({"retry-after": at(-30)}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Fri, 99 Foo 99999 99:99:99 GMT"}, None),
    ],
)
def test_what_the_headers_ask_for(headers, expected):
    assert retry_after(headers, now=lambda: NOW) == expected


@given(value=st.text(), milliseconds=st.none() | st.text())
def test_any_header_is_a_number_of_seconds_or_nothing(value, milliseconds):
    headers = {"retry-after": value} if milliseconds is None else {"retry-after": value, "retry-after-ms": milliseconds}
    seconds = retry_after(headers, now=lambda: NOW)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)
