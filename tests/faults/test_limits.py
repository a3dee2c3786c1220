"""Sizes: what is too large ends the call at bounded memory, and what is merely large comes through."""

import asyncio
import json
import tracemalloc
import zlib

import pytest
from fault_gateway import DONE, END, EVENTS, MESSAGE, TEXT, both, chunk, delta, finish, flood, good, hold, sse, whole

import anyfast_transport as af
from anyfast_transport import exchange

MIB = 1024 * 1024
IMAGE = "data:image/png;base64," + "A" * (6 * MIB)
LARGE = {"choices": [{"index": 0, "message": {**MESSAGE, "content": IMAGE}, "finish_reason": "stop"}]}


def test_an_image_of_megabytes_in_one_line_comes_through(mode, gateway, llm, face):
    if face.name != "transport":
        pytest.skip("what the classes make of an image is their tests' affair")
    line = delta(content=IMAGE)
    gateway.script((both(whole(json.dumps(LARGE).encode()), sse(line, finish(), DONE) + END),))
    assert face.run(mode, llm()) == IMAGE


@pytest.mark.parametrize("what", ["one line", "comments", "blank lines", "events of no data", "text"])
def test_a_stream_without_end_is_ended(what, face, gateway, llm, monkeypatch):
    monkeypatch.setattr(exchange, "EVENT_LIMIT", MIB)
    monkeypatch.setattr(exchange, "STREAM_LIMIT", 2 * MIB)
    pieces = {
        "one line": b"x" * 1000,
        "comments": b": PING\n\n" * 100,
        "blank lines": b"\n" * 1000,
        "events of no data": b"event: x\n\n" * 100,
        "text": delta(content="x" * 900),
    }
    start = sse(b"data: ") if what == "one line" else sse(EVENTS[1])
    gateway.script((both(good, start), both(hold, flood(chunk(pieces[what]), 1_000_000))))
    for mode in ("stream", "astream"):
        with pytest.raises(af.InvalidResponseError, match="larger") as caught:
            face.run(mode, llm())
        assert caught.value.partial is not None
        assert gateway.sees(lambda g: g.open == 0)


@pytest.mark.parametrize("what", [b"x" * 1000, b": PING\n\n" * 100, b"\n" * 1000])
def test_a_stream_without_an_event_is_ended_before_its_limit(what, face, gateway, llm, monkeypatch):
    monkeypatch.setattr(exchange, "EVENT_LIMIT", MIB)
    gateway.script((sse(EVENTS[1]), flood(chunk(what), 20_000)))
    for mode in ("stream", "astream"):
        with pytest.raises(af.InvalidResponseError, match="event"):
            face.run(mode, llm())
    assert gateway.sent < 18 * MIB


def test_a_body_without_end_is_ended(mode, face, gateway, llm, monkeypatch):
    monkeypatch.setattr(exchange, "BODY_LIMIT", MIB)
    start = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"
    gateway.script((start, flood(b" " * 10_000, 1_000_000)))
    with pytest.raises(af.InvalidResponseError, match="larger"):
        face.run(mode, llm())
    assert gateway.sees(lambda g: g.open == 0)


@pytest.mark.parametrize("mode", ["invoke", "astream"])
def test_interim_answers_without_end_are_ended(mode, face, gateway, llm):
    gateway.script((flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 400, 1_000_000),))
    with pytest.raises(af.InvalidResponseError, match="no end"):
        face.run(mode, llm(timeout=30.0))
    assert gateway.sent < 20 * MIB


def test_an_error_body_without_end_is_read_no_further(mode, face, gateway, llm):
    start = b"HTTP/1.1 400 X\r\ncontent-type: text/html\r\n\r\n<title>no</title>"
    gateway.script((start, flood(b"x" * 10_000, 1_000_000)))
    with pytest.raises(af.BadRequestError) as caught:
        face.run(mode, llm())
    assert len(caught.value.body) <= exchange.ERROR_BODY_LIMIT
    assert len(str(caught.value)) < 3000
    assert gateway.sent < 20 * MIB


@pytest.mark.parametrize("mode", ["invoke", "astream"])
def test_a_bomb_needs_little_more_memory_than_the_limit(mode, gateway, llm, face):
    """160 MiB of nothing, sent as 160 KiB."""
    if face.name != "transport":
        pytest.skip("the limit is the transport's")
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(bomb.compress(b" " * MIB) for _ in range(160)) + bomb.flush()
    gateway.script((whole(packed, 200, "application/json", "content-encoding: gzip"),))
    tracemalloc.start()
    try:
        with pytest.raises(af.AnyfastError, match="larger"):
            face.run(mode, llm())
        assert tracemalloc.get_traced_memory()[1] < 3 * exchange.BODY_LIMIT
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_slow_consumer_holds_the_stream_back(asynchronous, face, gateway, llm):
    """The gateway can send no more than what the sockets hold."""
    line = chunk(delta(content="x" * 10_000))
    gateway.script((sse(), flood(line, 10_000)))

    async def slowly():
        texts = face.astream(llm())
        await anext(texts)
        await asyncio.sleep(0.3)
        sent = gateway.sent
        await texts.aclose()
        return sent

    if asynchronous:
        sent = asyncio.run(slowly())
    else:
        texts = face.stream(llm())
        next(texts)
        gateway.sees(lambda _: False, 0.3)
        sent = gateway.sent
        texts.close()
    assert sent < 20 * MIB, "of 100 MB"


def test_deep_json_in_a_refusal(mode, face, gateway, llm):
    deep = b'{"error":' * 180 + b"1" + b"}" * 180
    gateway.script((whole(deep, 400),))
    with pytest.raises(af.BadRequestError):
        face.run(mode, llm())


def test_what_is_large_and_good_is_whole(face, gateway, llm):
    events = [delta(content=TEXT)] * 2000
    gateway.script((sse(*events, finish(), DONE) + END,))
    for mode in ("stream", "astream"):
        assert face.run(mode, llm()) == TEXT * 2000
