"""The clocks and the retries that need more than a row of the table."""

import asyncio
import email.utils
import json
import logging
import time

import httpx
import pytest

import anyfast_transport as af
from anyfast_transport.http import retries
from tests.faults.fault_gateway import (
    DONE,
    END,
    EVENTS,
    TEXT,
    both,
    chunk,
    close,
    delta,
    drip,
    finish,
    good,
    head,
    hold,
    part,
    sse,
    whole,
)

BUSY = (whole(b'{"error":{"message":"busy"}}', 429),)
SLOW = 0.15


def test_the_deadline_counts_what_is_waited_between_attempts(mode, face, gateway, llm, monkeypatch):
    monkeypatch.setattr(retries, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(retries.delay_before_retry, "__kwdefaults__", {"jitter": lambda: 1.0})
    gateway.script(BUSY)
    started = time.monotonic()
    with pytest.raises((af.RateLimitError, af.APITimeoutError)):  # it passes between two attempts, or within one
        face.run(mode, llm(timeout=0.3, max_retries=99))
    assert time.monotonic() - started < 3, "99 attempts would take minutes"
    assert len(gateway.requests) <= 4


def test_a_wait_that_the_deadline_does_not_leave_is_not_begun(mode, face, gateway, llm):
    gateway.script((whole(b"", 429, "text/plain", "retry-after: 30"),))
    started = time.monotonic()
    with pytest.raises(af.RateLimitError) as caught:
        face.run(mode, llm(timeout=5.0))
    assert caught.value.retry_after == 30
    assert time.monotonic() - started < 1
    assert len(gateway.requests) == 1


def test_a_day_is_not_waited_for_even_without_a_timeout(mode, face, gateway, llm):
    gateway.script((whole(b"", 429, "text/plain", "retry-after: 86400"),))
    with pytest.raises(af.RateLimitError) as caught:
        face.run(mode, llm(timeout=None))
    assert caught.value.retry_after == 86400
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("line", ["retry-after: 0.15", "retry-after-ms: 150", "retry-after: {date}"])
def test_retry_after_is_waited_for(line, face, gateway, llm):
    at = int(time.time() + 1.1)  # a date has no parts of seconds
    line = line.format(date=email.utils.formatdate(at, usegmt=True))
    started = time.monotonic()
    gateway.script((whole(b"", 429, "text/plain", line),), (good,))
    assert face.run("stream", llm()) == TEXT
    assert time.time() > at - 0.05 if "GMT" in line else time.monotonic() - started >= 0.15


def test_every_attempt_sends_the_same_bytes(mode, face, gateway, llm):
    gateway.script(BUSY, (close,), (good,))
    face.run(mode, llm())
    assert len(gateway.requests) == 3
    assert len(set(gateway.requests)) == 1


def test_retries_are_seen_in_the_log_and_in_the_metadata(gateway, llm, face, caplog):
    caplog.set_level(logging.INFO, "anyfast")
    gateway.script((whole(b"SECRET-BODY", 503, "text/plain", "x-oneapi-request-id: id-7"),), (good,))
    model = llm()
    if face.name == "ChatAnyfast":
        assert model.invoke("hi").response_metadata["retries"] == 1
    elif face.name == "AnyfastLLM":
        assert model.complete("hi").additional_kwargs["retries"] == 1
    else:
        assert af.Client(model).complete({"model": "m", "messages": []}).retries == 1
    (record,) = [record for record in caplog.records if record.name == "anyfast"]
    said = record.getMessage()
    for part_of_it in ("POST", f"127.0.0.1:{gateway.port}", "503", "attempt 1", "id-7", " s"):
        assert part_of_it in said
    assert "SECRET-BODY" not in said


@pytest.mark.parametrize("mode", ["stream", "astream"])
def test_the_first_token_may_take_longer_than_the_next(mode, face, gateway, llm, patiently):
    def call(timeout):
        wait = drip_for(chunk(b": PING\n\n"), 1.5 * timeout)
        gateway.script((both(good, sse()), wait, both(hold, b"".join(map(chunk, EVENTS)) + END)))
        assert face.run(mode, llm(timeout=timeout, first_token_timeout=30.0)) == TEXT

    patiently(call)


@pytest.mark.parametrize("mode", ["stream", "astream"])
@pytest.mark.parametrize("steps", [(hold,), (sse(), hold), (sse(), drip(chunk(b": PING\n\n")))])
def test_the_first_token_has_a_limit(steps, mode, face, gateway, llm):
    gateway.script(steps)
    with pytest.raises(af.APITimeoutError, match=r"first_token_timeout=0\.15"):
        face.run(mode, llm(timeout=5.0, first_token_timeout=SLOW))


def drip_for(piece, seconds):
    async def step(caller):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await caller.send(piece)
            await asyncio.sleep(0.02)

    return step


@pytest.mark.parametrize("steps", [(hold,), (both(head(length=99), sse()), hold)])
def test_the_whole_call_is_limited_in_silence_too(steps, mode, face, gateway, llm):
    gateway.script(steps)
    started = time.monotonic()
    with pytest.raises(af.APITimeoutError, match=r"total_timeout=0\.15"):
        face.run(mode, llm(timeout=20.0, total_timeout=SLOW))
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("timeout", [None, 5.0])
def test_the_whole_call_has_a_limit_if_one_is_set(timeout, mode, face, gateway, llm):
    gateway.script((both(head(length=10_000), sse()), both(drip(b" "), drip(chunk(delta(content="x"))))))
    with pytest.raises(af.APITimeoutError, match=r"total_timeout=0\.15"):
        face.run(mode, llm(timeout=timeout, total_timeout=SLOW))


@pytest.mark.parametrize("mode", ["stream", "astream"])
def test_data_keeps_a_stream_alive(mode, face, gateway, llm, patiently):
    def call(timeout):
        async def slowly(caller):
            for letter in "abcde":
                await caller.send(chunk(delta(content=letter)))
                await asyncio.sleep(timeout / 3)

        gateway.script((sse(), slowly, chunk(finish()) + chunk(DONE) + END))
        assert face.run(mode, llm(timeout=timeout)) == "abcde"

    patiently(call)


def test_no_timeout_is_no_timeout(mode, face, gateway, llm):
    gateway.script((good,))
    assert face.run(mode, llm(timeout=None)) == TEXT


def test_a_deadline_that_has_passed_before_the_call_began(mode, face, gateway, llm):
    """As happens on a machine that does much else."""
    with pytest.raises(af.APITimeoutError):
        face.run(mode, llm(timeout=1e-9))


def test_an_httpx_timeout_is_taken_apart(mode, face, gateway, llm):
    gateway.script((part, hold))
    with pytest.raises(af.APITimeoutError):
        face.run(mode, llm(timeout=httpx.Timeout(30, read=SLOW)))


@pytest.mark.parametrize("limit", [{"max_reasoning_chars": 30}, {"max_reasoning_seconds": SLOW}])
def test_reasoning_without_an_answer_is_ended(limit, mode, face, gateway, llm):
    gateway.script((sse(delta(reasoning_content="hmm, ")), drip(chunk(delta(reasoning_content="hmm, ")))))
    with pytest.raises(af.StreamInterruptedError) as caught:
        face.run(mode, llm(timeout=5.0, **limit))
    (name,) = limit
    assert name in str(caught.value)
    assert caught.value.partial.choice.reasoning.startswith("hmm, ")
    assert gateway.sees(lambda g: g.open == 0)


@pytest.mark.parametrize("limit", [{"max_reasoning_chars": 30}, {"max_reasoning_seconds": SLOW}])
def test_an_answer_lifts_the_cap_on_reasoning(limit, mode, face, gateway, llm):
    async def slowly(caller):
        await asyncio.sleep(1.2 * SLOW)

    text = delta(content=TEXT)
    late = delta(reasoning_content="x" * 99)
    gateway.script((sse(text), slowly, chunk(late) + chunk(finish()) + chunk(DONE) + END))
    assert face.run(mode, llm(timeout=5.0, **limit)) == TEXT


def test_without_a_cap_nothing_is_streamed_that_was_not_asked_for(gateway, llm, face):
    face.run("invoke", llm())
    body = json.loads(gateway.requests[0].partition(b"\r\n\r\n")[2])
    assert not body.get("stream")


def test_backoff_has_full_jitter_and_a_longest_wait():
    """From nothing to twice as much each time, so that those who failed together do not come back together."""
    error = af.RateLimitError("busy", status_code=429)
    most = [retries.delay_before_retry(error, retries_done=at, max_retries=99, jitter=lambda: 1.0) for at in range(20)]
    assert most[:4] == [retries.FIRST_DELAY * 2**at for at in range(4)]
    assert max(most) <= retries.LONGEST_DELAY
    assert retries.delay_before_retry(error, retries_done=9, max_retries=99, jitter=lambda: 0.0) == 0
