"""Sizes: what is too large ends the call at bounded memory, and what is merely large comes through."""

import asyncio
import json
import random
import time
import tracemalloc
import zlib

import pytest

import anyfast_transport as af
from anyfast_transport.http import sender
from anyfast_transport.http import size_limits as sizes
from tests.faults.fault_faces import KEY
from tests.faults.fault_gateway import (
    DONE,
    END,
    EVENTS,
    MESSAGE,
    TEXT,
    both,
    chunk,
    delta,
    finish,
    flood,
    hold,
    sse,
    whole,
)

MIB = 1024 * 1024
IMAGE = "data:image/png;base64," + "A" * (6 * MIB)
LARGE = {"choices": [{"index": 0, "message": {**MESSAGE, "content": IMAGE}, "finish_reason": "stop"}]}


@pytest.mark.faces("transport")  # what the classes make of an image is their tests' affair
def test_an_image_of_megabytes_in_one_line_comes_through(mode, gateway, llm, face):
    line = delta(content=IMAGE)
    gateway.script((both(whole(json.dumps(LARGE).encode()), sse(line, finish(), DONE) + END),))
    assert face.run(mode, llm()) == IMAGE


PIECES = {
    "one line": ("event", b"x" * 10_000),
    "comments": ("event", b": PING\n\n" * 1000),
    "blank lines": ("event", b"\n" * 10_000),
    "events of no data": ("event", b"event: x\n\n" * 1000),
    "text": ("answer", delta(content="x" * 10_000)),
}


@pytest.mark.parametrize("what", PIECES)
@pytest.mark.parametrize("mode", ["stream", "astream"])
def test_a_stream_without_end_is_ended(what, mode, face, gateway, llm, monkeypatch):
    monkeypatch.setattr(sizes, "EVENT_LIMIT", MIB // 4)
    monkeypatch.setattr(sizes, "STREAM_LIMIT", MIB // 2)
    said, piece = PIECES[what]
    gateway.script((sse(EVENTS[1]), b"6\r\ndata: \r\n" if what == "one line" else b"", flood(chunk(piece), 100_000)))
    with pytest.raises(af.InvalidResponseError, match=f"{said} of .* larger") as caught:
        face.run(mode, llm())
    assert caught.value.partial.choice.text.startswith("Hello ")
    assert gateway.sees(lambda g: g.open == 0)
    assert gateway.sent < 18 * MIB, "the sockets hold some"


def test_a_body_without_end_is_ended(mode, face, gateway, llm, monkeypatch):
    monkeypatch.setattr(sizes, "BODY_LIMIT", MIB)
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
    assert len(caught.value.body) <= sender.ERROR_BODY_LIMIT
    assert len(str(caught.value)) < 3000
    assert gateway.sent < 20 * MIB


@pytest.fixture
def memory():
    """The most that was held, in bytes."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


BOMB = zlib.compress(
    b"".join(bytes([byte]) * 64 for byte in random.Random(6).randbytes(MIB // 4)),  # noqa: S311  # no secret
    level=1,
    wbits=31,
)


@pytest.mark.faces("transport")
@pytest.mark.parametrize("mode", ["invoke", "ainvoke"])
def test_a_bomb_needs_little_more_memory_than_the_limit(mode, gateway, llm, face, monkeypatch, memory):
    """16 MiB that come as some 500 KiB; httpx inflates 64 KiB at a time, which become 64 MiB at the very most."""
    monkeypatch.setattr(sizes, "BODY_LIMIT", 2 * MIB)
    assert len(BOMB) > 4 * 64 * 1024
    gateway.script((whole(BOMB, 200, "application/json", "content-encoding: gzip"),))
    tracemalloc.reset_peak()
    held = tracemalloc.get_traced_memory()[0]
    with pytest.raises(af.InvalidResponseError, match="larger"):
        face.run(mode, llm())
    assert memory() - held < 10 * MIB


WIDE = b'{"a":1},' * (2 * MIB // 8)


@pytest.mark.faces("transport")
@pytest.mark.parametrize(
    "steps",
    [
        (whole(b'{"choices":[' + WIDE + b"1]}"),),
        (sse(b'data: {"choices":[{"delta":{"images":[' + WIDE + b"1]}}]}\n\n"), hold),
    ],
    ids=["a body", "an event"],
)
@pytest.mark.parametrize("mode", ["stream", "astream"])
def test_json_of_a_million_values_is_not_read(steps, mode, gateway, llm, face, monkeypatch, memory):
    """As objects they take up to thirty times as much as they do as bytes."""
    for name, limit in {"BODY_LIMIT": 3 * MIB, "STREAM_LIMIT": 3 * MIB, "UNCOUNTED": MIB // 8}.items():
        monkeypatch.setattr(sizes, name, limit)
    gateway.script(steps)
    with pytest.raises(af.InvalidResponseError, match="values"):
        face.run(mode, llm())
    assert memory() < 10 * MIB, "read, they take 50 MiB"


@pytest.mark.faces("transport")
def test_an_answer_of_many_values_is_an_answer(gateway, llm, face):
    """What a model can write at most: 384K tokens, one to an event, with all that gateways put around them."""
    event = delta(content="x", role="assistant", reasoning_content=None, tool_calls=None, refusal=None)
    event += b'"object": "", "created": 1, "system_fingerprint": "", "usage": null, "matched_stop": null, "logprobs": 0'
    per_event = sum(map(event.count, (b",", b"{", b"[")))
    assert per_event * 384_000 < sizes.STREAM_LIMIT // sizes.BYTES_PER_VALUE


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_slow_consumer_holds_the_stream_back(asynchronous, face, gateway, llm):
    """The gateway can send no more than what the sockets hold."""
    line = chunk(delta(content="x" * 100_000))
    gateway.script((sse(), flood(line, 10_000)))

    async def slowly():
        texts = face.astream(llm())
        await anext(texts)
        sent = await asyncio.to_thread(come_to_rest, gateway)
        await texts.aclose()
        return sent

    if asynchronous:
        sent = asyncio.run(slowly())
    else:
        texts = face.stream(llm())
        next(texts)
        sent = come_to_rest(gateway)
        texts.close()
    assert sent < 20 * MIB, "of 1 GB"


def come_to_rest(gateway):
    """How much the gateway has sent when it can send no more."""
    sent = -1
    while sent < gateway.sent < 100 * MIB:
        sent = gateway.sent
        gateway.sees(lambda g, before=sent: g.sent > before, 0.1)
    return sent


def test_deep_json_in_a_refusal(mode, face, gateway, llm):
    deep = b'{"error":' * 180 + b"1" + b"}" * 180
    gateway.script((whole(deep, 400),))
    with pytest.raises(af.BadRequestError):
        face.run(mode, llm())


def test_what_is_large_and_good_is_whole(face, gateway, llm):
    events = [delta(content=TEXT)] * 500
    gateway.script((sse(*events, finish(), DONE) + END,))
    for mode in ("stream", "astream"):
        assert face.run(mode, llm()) == TEXT * 500


@pytest.mark.parametrize("said", ["sk-" * 20_000, f"{KEY} " * 1000, "<title" * 10_000, "{" * 60_000, "[" * 60_000])
def test_words_that_are_made_to_keep_us_busy(said, face, gateway, llm):
    """Half a minute is what a regular expression that goes back would take for the first of them."""
    gateway.script(
        (whole(json.dumps({"error": {"message": said}}).encode(), 400, "text/plain", f"x-said: {said[:60_000]}"),)
    )
    started = time.process_time()
    with pytest.raises(af.BadRequestError):
        face.run("invoke", llm())
    assert time.process_time() - started < 5


@pytest.mark.faces("transport")
@pytest.mark.parametrize("said", ["<function=", "<tool_call>{", "<think>", "![a](data:image/png;base64,", "```"])
def test_answers_that_are_made_to_keep_us_busy(said, face, gateway, llm):
    """100,000 openings of what is looked for in texts."""
    body = json.dumps({"choices": [{"message": {"content": said * 100_000}, "finish_reason": "stop"}]}).encode()
    tools = [{"type": "function", "function": {"name": "f"}}]
    started = time.process_time()
    gateway.script((whole(body),))
    af.Client(llm()).complete({"model": "m", "messages": [], "tools": tools})
    assert time.process_time() - started < 8
