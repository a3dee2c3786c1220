"""What goes wrong on the wire × how the call is made × through which class: each ends as it should, and in time.

The table is the contract. `Ends` says how: a text, or the name of the error; how many requests the gateway saw; and
what the error must say. It is also what `compare.py` asks of other classes.
"""

import codecs
import json
import time
import zlib
from dataclasses import dataclass

import pytest

import anyfast_transport
from anyfast_transport.http import size_limits as sizes
from tests.faults.fault_faces import OURS
from tests.faults.fault_gateway import (
    DONE,
    END,
    EVENTS,
    JSON,
    TEXT,
    bare,
    both,
    chunk,
    close,
    drip,
    finish,
    flood,
    good,
    head,
    hold,
    part,
    reset,
    sse,
    whole,
)

IN_TIME = 5.0
"""Seconds beyond its timeout in which every case ends, on a machine that does much else."""

SHORT = 0.06
"""Timeout in seconds where it is the timeout that ends the call."""


@dataclass
class Ends:
    error: str = ""
    requests: int = 1
    says: str = ""
    partial: bool = False
    text: str = TEXT


def error(status, message="no", *lines, **fields):
    return whole(json.dumps({"error": {"message": message, **fields}}).encode(), status, "application/json", *lines)


def changed(old, new):
    """A good answer with other bytes in it, for both ways."""
    return both(whole(JSON.replace(old, new)), sse(*(event.replace(old, new) for event in EVENTS)) + END)


OK, AGAIN, LAST = Ends(), Ends(requests=2), Ends("ServerError", requests=3)
CUT = Ends("StreamInterruptedError", partial=True)
LATE, LATE_IN_STREAM = Ends("APITimeoutError"), Ends("APITimeoutError", partial=True)
WRONG = Ends("InvalidResponseError")
REFUSED, NO_CONNECTION = Ends("APIStatusError"), Ends("APIConnectionError", 3)
MENDED = Ends(text="Hello th\ufffdre")
QUOTA, NOT_FOUND, BAD = Ends("QuotaExceededError"), Ends("NotFoundError"), Ends("BadRequestError")
MIB = 1024 * 1024
DEEP = b"[" * 100_000
GZIPPED = zlib.compress(JSON, wbits=31)
BOMB = zlib.compress(b"{" + b" " * 2 * MIB, wbits=31)
CHUNKED = head(200, "application/json", "transfer-encoding: chunked")
OLD = b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n"

# name: (answers, end of a whole call, end of a streamed call)
CASES = {
    # One retry authority: exactly max_retries more requests, for what may pass.
    "500 then good": ([(error(500),), (good,)], AGAIN, AGAIN),
    "502 html then good": ([(whole(b"<html><title>Bad</title>", 502, "text/html"),), (good,)], AGAIN, AGAIN),
    "429 then good": ([(error(429),), (good,)], AGAIN, AGAIN),
    "429 empty then good": ([(whole(b"", 429),), (good,)], AGAIN, AGAIN),
    "408 then good": ([(error(408),), (good,)], AGAIN, AGAIN),
    "409 then good": ([(error(409),), (good,)], AGAIN, AGAIN),
    "closed before the head then good": ([(close,), (good,)], AGAIN, AGAIN),
    "reset before the head then good": ([(reset,), (good,)], AGAIN, AGAIN),
    "retry-after-ms then good": ([(error(429, "no", "retry-after-ms: 5"),), (good,)], AGAIN, AGAIN),
    "503 for ever": ([(error(503),)], LAST, LAST),
    "closed for ever": ([(close,)], Ends("APIConnectionError", 3), Ends("APIConnectionError", 3)),
    "retry-after of a day": (
        [(error(429, "no", "retry-after: 86400"),)],
        Ends("RateLimitError"),
        Ends("RateLimitError"),
    ),
    "quota 429": ([(error(429, code="insufficient_user_quota"),)], QUOTA, QUOTA),
    "quota 403": ([(error(403, code="insufficient_user_quota"),)], QUOTA, QUOTA),
    "quota 401": ([(error(401, "该令牌额度已用尽"),)], QUOTA, QUOTA),
    "no channel 503": ([(error(503, code="model_not_found"),)], NOT_FOUND, NOT_FOUND),
    "conversion 500": ([(error(500, code="convert_request_failed"),)], BAD, BAD),
    "filter 500": ([(error(500, code="sensitive_words_detected"),)], BAD, BAD),
    "bad request 400": ([(error(400),)], BAD, BAD),
    "wrong key 401": ([(error(401),)], Ends("AuthenticationError"), Ends("AuthenticationError")),
    "501": ([(error(501),)], Ends("ServerError"), Ends("ServerError")),
    "retry-after of no sense": ([(error(429, "no", "retry-after: soon"),), (good,)], AGAIN, AGAIN),
    "retry-after in the past": (
        [(error(429, "no", "retry-after: Wed, 21 Oct 2015 07:28:00 GMT"),), (good,)],
        AGAIN,
        AGAIN,
    ),
    "early hints": ([(b"HTTP/1.1 103 X\r\nlink: x\r\n\r\n", good)], OK, OK),
    "101": ([(head(101, "text/plain", "upgrade: x", "connection: upgrade"), hold)], NO_CONNECTION, NO_CONNECTION),
    "201": ([(whole(JSON, 201),)], REFUSED, REFUSED),
    "204": ([(head(204, length=0),)], REFUSED, REFUSED),
    "302 to nowhere": ([(head(302, length=0),)], REFUSED, REFUSED),
    "304": ([(head(304),)], REFUSED, REFUSED),
    "302": (
        [(head(302, "text/html", "location: http://elsewhere.example/", length=0),)],
        Ends("APIStatusError", says="elsewhere.example"),
        Ends("APIStatusError", says="elsewhere.example"),
    ),
    # The body of an answer that breaks is not asked for again: it was paid for.
    "cut in the body": ([(part, close)], Ends("APIConnectionError"), CUT),
    "reset in the body": ([(part, reset)], Ends("APIConnectionError"), CUT),
    "head and then closed": ([(bare, close)], Ends("APIConnectionError"), CUT),
    "cut, and only the end of the connection ends it": (
        [(both(OLD + JSON[:-30], OLD + b"".join(EVENTS[:3])), close)],
        WRONG,
        CUT,
    ),
    "a length that is too short": (
        [(both(head(length=50) + JSON, head(200, "text/event-stream", length=250) + b"".join(EVENTS)),)],
        WRONG,
        CUT,
    ),
    "no size of a chunk": ([(both(CHUNKED, sse(*EVENTS[:3])), b"zz\r\n", hold)], Ends("APIConnectionError"), CUT),
    "an endless size of a chunk": (
        [(both(CHUNKED, sse(*EVENTS[:3])), b"5;", flood(b"y" * 1000, 300), hold)],
        WRONG,
        CUT,
    ),
    "garbage for trailers": (
        [(both(CHUNKED + chunk(JSON), sse(*EVENTS[:4])), b"0\r\n\x00garbage\r\n\r\n", hold)],
        Ends("APIConnectionError"),
        OK,
    ),
    "trailers without end": (
        [(both(CHUNKED + chunk(JSON), sse(*EVENTS[:4])), b"0\r\n", flood(b"x: " + b"y" * 1000 + b"\r\n", 300), hold)],
        WRONG,
        OK,
    ),
    "error body that breaks off": ([(head(400, length=99) + b'{"error"', close)], BAD, BAD),
    "error body that stalls": ([(head(400, length=99) + b'{"error"', hold)], BAD, BAD),
    # Clocks.
    "silence": ([(hold,)], LATE, LATE),
    "silence after the head": ([(bare, hold)], LATE, LATE_IN_STREAM),
    "silence in the body": ([(part, hold)], LATE, LATE_IN_STREAM),
    "comments for ever": (
        [(both(head(length=10_000), sse()), both(drip(b" "), drip(chunk(b": PING\n\n"))))],
        LATE,
        LATE_IN_STREAM,
    ),
    "blank lines for ever": (
        [(both(head(length=10_000), sse()), both(drip(b"\n"), drip(chunk(b"\n"))))],
        LATE,
        LATE_IN_STREAM,
    ),
    "a head that drips": ([(b"HTTP/1.1 200 OK\r\n", drip(b"x: y\r\n"))], LATE, LATE),
    "interim answers for ever": ([(drip(b"HTTP/1.1 100 Continue\r\n\r\n"),)], LATE, LATE),
    "a body that drips": (
        [(bare, both(drip(b"x"), drip(b"2\r\nda\r\n")))],
        LATE,
        LATE_IN_STREAM,
    ),
    "keep-alives before the answer": (
        [(both(head(length=len(JSON) + 3) + b"\n\n\n" + JSON, sse(b": PING\n\n\n\n", *EVENTS) + END),)],
        OK,
        OK,
    ),
    # A 200 that is none.
    "html": ([(whole(b"<html>login</html>", 200, "text/html"),)], Ends(WRONG.error, says="base_url"), WRONG),
    "empty": ([(whole(b""),)], WRONG, CUT),
    "text": ([(whole(b"hello", 200, "text/plain"),)], WRONG, CUT),
    "utf-16": ([(whole(JSON.decode().encode("utf-16")),)], WRONG, CUT),
    "another charset": ([(whole(JSON, 200, "application/json; charset=klingon"),)], OK, OK),
    "a byte order mark": (
        [(both(whole(codecs.BOM_UTF8 + JSON), sse(codecs.BOM_UTF8 + EVENTS[0], *EVENTS[1:]) + END),)],
        OK,
        OK,
    ),
    "no utf-8": ([(changed(b"there", b"th\xe9re"),)], MENDED, MENDED),
    "half of a pair": ([(changed(b"there", b"th\\ud800re"),)], MENDED, MENDED),
    "no finite number": ([(changed(b'"model": "m"', b'"created": NaN, "usage": {"total_tokens": Infinity}'),)], OK, OK),
    "a number of 5,000 digits": ([(changed(b'"model": "m"', b'"created": ' + b"9" * 5000),)], WRONG, CUT),
    "keys that come twice": ([(whole(JSON.replace(b'"usage": null', b'"choices": []')),)], WRONG, WRONG),
    "two documents": ([(whole(JSON + JSON),)], WRONG, WRONG),
    "an error of one word": ([(whole(b'{"error":"full"}'),)], Ends("APIStatusError", says="full"), REFUSED),
    "an error that is a number": ([(whole(b'{"error":7}'),)], REFUSED, REFUSED),
    "an error that is none": ([(changed(b'"model": "m"', b'"error": null'),)], OK, OK),
    "an error of no words": ([(changed(b'"model": "m"', b'"error": {}'),)], OK, OK),
    "a list": ([(whole(b"[1]"),)], WRONG, WRONG),
    "no choices": ([(whole(b'{"choices":null}'),)], WRONG, WRONG),
    "half a document": ([(whole(JSON[:-9]),)], WRONG, WRONG),
    "deep json": ([(whole(DEEP),)], WRONG, WRONG),
    "error in a 200": ([(error(200, "full", code=429),)], Ends("RateLimitError", 3), Ends("RateLimitError", 3)),
    "a document for a stream": ([(whole(),)], OK, OK),
    "a stream for a document": ([(sse(*EVENTS) + END,)], OK, OK),
    "a cut stream for a document": ([(sse(*EVENTS[:3]) + END,)], Ends("StreamInterruptedError"), CUT),
    "not gzip": ([(whole(JSON, 200, "application/json", "content-encoding: gzip"),)], WRONG, CUT),
    "gzip cut short": (
        [(whole(GZIPPED[:-30], 200, "application/json", "content-encoding: gzip"),)],
        WRONG,
        WRONG,
    ),
    "gzip": ([(whole(GZIPPED, 200, "application/json", "content-encoding: gzip"),)], OK, OK),
    "deflate": ([(whole(zlib.compress(JSON), 200, "text/plain", "content-encoding: deflate"),)], OK, OK),
    "gzip, and something behind it": (
        [(whole(GZIPPED + b"garbage", 200, "application/json", "content-encoding: gzip"),)],
        OK,
        OK,
    ),
    "unknown coding": ([(whole(JSON, 200, "application/json", "content-encoding: br"),)], WRONG, WRONG),
    "gzip bomb": ([(whole(BOMB, 200, "application/json", "content-encoding: gzip"),)], WRONG, WRONG),
    "bomb in a bomb": (
        [(whole(zlib.compress(BOMB, wbits=31), 200, "application/json", "content-encoding: gzip, gzip"),)],
        WRONG,
        WRONG,
    ),
    "header flood": ([(b"HTTP/1.1 200 OK\r\n", flood(b"x-flood: " + b"y" * 10_000 + b"\r\n", 30), hold)], WRONG, WRONG),
    "one endless header": ([(b"HTTP/1.1 200 OK\r\nx: ", flood(b"y" * 10_000, 30), hold)], WRONG, WRONG),
    "two lengths": (
        [(head(200, "text/plain", "content-length: 5", length=6) + b"hello!",)],
        NO_CONNECTION,
        NO_CONNECTION,
    ),
    "a length and chunks": (
        [(head(200, "text/plain", "transfer-encoding: chunked", length=5) + chunk(JSON) + END,)],
        OK,
        OK,
    ),
    "another transfer-encoding": (
        [(head(200, "text/plain", "transfer-encoding: gzip, chunked") + chunk(JSON) + END,)],
        NO_CONNECTION,
        NO_CONNECTION,
    ),
    "tls where there is none": ([(b"\x15\x03\x01\x00\x02\x02\x28", close)], NO_CONNECTION, NO_CONNECTION),
    "no http": ([(b"SSH-2.0-OpenSSH_9.6\r\n", close)], Ends("APIConnectionError", 3), Ends("APIConnectionError", 3)),
    # Streams.
    "no finish_reason": ([(both(good, sse(*EVENTS[:3]) + END),)], OK, CUT),
    "no finish_reason, but DONE": ([(both(good, sse(*EVENTS[:3], DONE) + END),)], OK, CUT),
    "only DONE": ([(both(good, sse(DONE) + END),)], OK, CUT),
    "error event": ([(both(good, sse(*EVENTS[:3], b'data: {"error":{"message":"full"}}\n\n', DONE) + END),)], OK, CUT),
    "error event of null": ([(both(good, sse(EVENTS[0], b'data: {"error":null}\n\n', *EVENTS[1:]) + END),)], OK, OK),
    "event of null": ([(both(good, sse(*EVENTS[:2], b"data: null\n\n", *EVENTS[2:]) + END),)], OK, CUT),
    "event of nothing": ([(both(good, sse(*EVENTS[:2], b"data:\n\n", *EVENTS[2:]) + END),)], OK, OK),
    "no DONE": ([(both(good, sse(*EVENTS[:4]) + END),)], OK, OK),
    "garbage after the finish_reason": ([(both(good, sse(*EVENTS[:4], b"data: oops\n\n") + END),)], OK, CUT),
    "garbage after DONE": ([(both(good, sse(*EVENTS, b"data: oops\n\n") + END),)], OK, OK),
    "event that is no json": ([(both(good, sse(*EVENTS[:3], b"data: oops\n\n") + END),)], OK, CUT),
    "event of the wrong shape": ([(both(good, sse(*EVENTS[:3], b"data: [1]\n\n") + END),)], OK, CUT),
    "deep event": ([(both(good, sse(*EVENTS[:3], b"data: " + DEEP + b"\n\n") + END),)], OK, CUT),
    "events without data": (
        [(both(good, sse(b"retry: 5\n\n", b"id: 1\n\n", b"data\n\n", b"event: ping\n\n", *EVENTS) + END),)],
        OK,
        OK,
    ),
    "reset after the finish_reason": ([(both(good, sse(*EVENTS[:-1])), both(hold, reset))], OK, OK),
    "no end after DONE": ([(both(good, sse(*EVENTS)), both(hold, drip(chunk(b": PING\n\n"))))], OK, OK),
    "closed by the end of the connection": (
        [(both(head() + JSON, head(200, "text/event-stream") + b"".join(EVENTS)), close)],
        OK,
        OK,
    ),
    "an unexpected finish_reason": ([(both(good, sse(*EVENTS[:3], finish("odd"), DONE) + END),)], OK, OK),
    "cut within a character": (
        [(both(good, head(200, "text/event-stream") + "data: é".encode()[:-1]), both(hold, reset))],
        OK,
        Ends("StreamInterruptedError"),
    ),
}
TIMED = {name for name, (_, end, _) in CASES.items() if end is LATE} | {"error body that stalls"}


@pytest.mark.parametrize("case", CASES)
def test_every_call_ends_as_it_should(case, mode, face, gateway, llm, monkeypatch, patiently):
    monkeypatch.setattr(sizes, "BODY_LIMIT", MIB)
    answers, end_of_whole, end_of_stream = CASES[case]
    end = end_of_stream if "stream" in mode else end_of_whole

    def call(timeout):
        gateway.requests.clear()
        gateway.script(*answers)
        started = time.monotonic()
        try:
            # A lone half of a pair, which a peer hands on, is more than xdist can report.
            text = face.run(mode, llm(timeout=timeout, max_retries=2)).encode("utf-8", "backslashreplace").decode()
        except Exception as raised:  # noqa: BLE001  # whatever comes is looked at
            check_error(raised, end, face)
        else:
            assert not end.error, f"no error, but {text!r}"
            assert text == end.text
        assert time.monotonic() - started < timeout * (case in TIMED) + (IN_TIME if face.name in OURS else 15.0)
        if face.name in OURS:
            assert len(gateway.requests) == end.requests

    patiently(call, SHORT) if case in TIMED else call(30.0)


def check_error(raised, end, face):
    assert end.error, f"{type(raised).__name__}: {raised}"
    assert isinstance(raised, face.typed), f"raw {type(raised).__name__}"
    assert not isinstance(raised, (ValueError, TypeError))
    if face.name not in OURS:
        return  # that it is typed is all that can be asked of others
    assert type(raised).__name__ == end.error, raised
    assert isinstance(raised, getattr(anyfast_transport, end.error))
    assert end.says in str(raised)
    if end.partial:
        assert raised.partial is not None


def test_a_cut_stream_keeps_what_had_come(gateway, llm, face):
    gateway.script((part, reset))
    for mode in ("stream", "astream"):
        with pytest.raises(anyfast_transport.StreamInterruptedError) as caught:
            face.run(mode, llm())
        assert caught.value.partial.choice.text == TEXT
        assert caught.value.partial.choice.reasoning == "Let me see"
        assert isinstance(caught.value.__cause__, anyfast_transport.APIConnectionError)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "https://nowhere.invalid/v1", "http://[::1]:1/v1"])
def test_a_host_that_is_not_there(url, mode, face, llm):
    with pytest.raises(anyfast_transport.APIConnectionError) as caught:
        face.run(mode, llm(base_url=url, max_retries=1))
    assert caught.value.__cause__ is not None
