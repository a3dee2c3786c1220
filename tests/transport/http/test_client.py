"""Both clients against a gateway of raw sockets: what is sent how often, and how each call ends."""

import asyncio
import contextlib
import gzip
import json
import logging
import pickle
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from anyfast_transport import (
    AnyfastError,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncClient,
    AuthenticationError,
    BadRequestError,
    Client,
    Completion,
    Connection,
    InvalidResponseError,
    NotFoundError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    UnsupportedParameterError,
    aclose_shared_connections,
    close_shared_connections,
)
from anyfast_transport.http import exchange, retries, sender
from anyfast_transport.http import size_limits as sizes
from anyfast_transport.http.connections import SharedPools
from tests.pairs import in_turn, pairs

KEY = "sk-DoNotShowThisKeyAnywhere"
SOON = 2.0
"""Seconds that are plenty for the loopback; only what would otherwise hang takes longer."""

BODY = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


# --- what the gateway says ----------------------------------------------------------------------------------------


def head(status: int = 200, kind: str = "application/json", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def reply(data: bytes, status: int = 200, kind: str = "application/json", **headers: str) -> tuple[bytes, ...]:
    return (head(status, kind, content_length=str(len(data)), **headers) + data,)


EVENTS = head(200, "text/event-stream", transfer_encoding="chunked")
END = b"0\r\n\r\n"


def piece(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(delta: Any = None, finish: Any = None, **more: Any) -> bytes:
    choices = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    return piece(b"data: " + json.dumps({"choices": choices, **more}).encode() + b"\n\n")


HALF, STOP = event({"content": "Noo"}), event({"content": "n."}, "stop", usage={"total_tokens": 3})
DONE = piece(b"data: [DONE]\n\n")
STREAM = (EVENTS, HALF, STOP, DONE, END)
WHOLE = json.dumps({"choices": [{"message": {"content": "Noon."}, "finish_reason": "stop"}]}).encode()


def refusal(status: int, message: str = "no", code: Any = None, **headers: str) -> tuple[bytes, ...]:
    return reply(json.dumps({"error": {"message": message, "code": code}}).encode(), status, **headers)


def hold(caller: Any) -> None:
    caller.hold()


def reset(caller: Any) -> None:
    caller.reset()


def close(caller: Any) -> None:
    caller.close()


def drip(data: bytes) -> Callable[[Any], None]:
    return lambda caller: caller.drip(data, every=0.05, times=60)


# --- one way to speak to either client, in either mode ------------------------------------------------------------


@dataclass
class Speaker:
    """Makes one call as one of the two clients, streamed or whole."""

    is_async: bool
    streams: bool
    deltas: list[Any] = field(default_factory=list)

    def __call__(self, connection: Connection, **more: Any) -> Completion:
        self.deltas = []
        body = {**BODY, **({"stream": True} if self.streams else {}), **more}
        return asyncio.run(self._later(connection, body)) if self.is_async else self._now(connection, body)

    def _now(self, connection: Connection, body: dict[str, Any]) -> Completion:
        if not self.streams:
            return Client(connection).complete(body)
        for item in Client(connection).stream(body):
            self.deltas.append(item)
        return self.deltas.pop()

    async def _later(self, connection: Connection, body: dict[str, Any]) -> Completion:
        if not self.streams:
            return await AsyncClient(connection).complete(body)
        async for item in AsyncClient(connection).stream(body):
            self.deltas.append(item)
        return self.deltas.pop()

    @property
    def answer(self) -> tuple[bytes, ...]:
        """An answer as the mode expects it."""
        return STREAM if self.streams else reply(WHOLE)


def speakers(*, streams: tuple[bool, ...] = (False, True)) -> Any:
    return [
        pytest.param(Speaker(is_async, mode), id=f"{'async' if is_async else 'sync'}-{'stream' if mode else 'whole'}")
        for mode in streams
        for is_async in (False, True)
    ]


SPEAKERS = [one.values[0] for one in speakers()]
either = pytest.mark.parametrize("speak", speakers())
streaming = pytest.mark.parametrize("speak", speakers(streams=(True,)))
waiting = pytest.mark.parametrize("speak", speakers(streams=(False,)))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(retries, "FIRST_DELAY", 0.001)
    yield
    close_shared_connections()


@pytest.fixture
def connect(gateway) -> Callable[..., Connection]:
    return lambda **fields: Connection(**{"base_url": gateway.base_url, "api_key": KEY, "timeout": 5.0, **fields})


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


# --- what is sent -------------------------------------------------------------------------------------------------


@either
def test_one_call_is_one_request_with_these_bytes(gateway, connect, speak):
    gateway.script(speak.answer)
    answer = speak(connect(default_headers={"x-mine": "1", "authorization": "Bearer other"}), extra="ü")
    assert (answer.choice.text, answer.choice.finish_reason) == ("Noon.", "stop")
    (request,) = gateway.requests
    top, _, body = request.partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert first == "POST /v1/chat/completions HTTP/1.1"
    assert headers["authorization"] == f"bearer {KEY.lower()}"
    assert headers["content-type"] == "application/json"
    assert headers["accept"] == ("text/event-stream" if speak.streams else "application/json")
    assert headers["x-mine"] == "1"
    assert json.loads(body) == {**BODY, "extra": "ü", **({"stream": True} if speak.streams else {})}


@either
def test_a_stream_gives_its_deltas_and_a_call_its_metadata(gateway, connect, speak):
    events = head(200, "text/event-stream", transfer_encoding="chunked", x_oneapi_request_id="r-1", x_request_id="r-2")
    gateway.script((events, *STREAM[1:]) if speak.streams else reply(WHOLE, x_request_id="r-1"))
    answer = speak(connect())
    assert [delta.text for delta in speak.deltas] == (["Noo", "n."] if speak.streams else [])
    assert answer.metadata() == {"finish_reason": "stop", "model_provider": "anyfast", "request_id": "r-1"}


@either
def test_a_body_that_is_no_json_is_refused_before_sending(gateway, connect, speak):
    with pytest.raises(UnsupportedParameterError, match="JSON"):
        speak(connect(), extra=object())
    assert gateway.connections == 0


# --- sending again ------------------------------------------------------------------------------------------------


MAY_PASS = [
    (refusal(429, "slower"), RateLimitError),
    (refusal(429, "slower", retry_after_ms="1"), RateLimitError),
    (reply(b"", 429), RateLimitError),
    (refusal(500), ServerError),
    (refusal(503, "busy"), ServerError),
    (reply(b"<html>", 502, "text/html"), ServerError),
    (refusal(408), APIStatusError),
    (refusal(409), APIStatusError),
    ((reset,), APIConnectionError),
    ((close,), APIConnectionError),
]


@pairs(case=MAY_PASS, speak=SPEAKERS, max_retries=[0, 2])
def test_exactly_max_retries_more_requests(gateway, connect, speak, max_retries, case):
    answer, kind = case
    gateway.script(answer)
    with pytest.raises(kind) as caught:
        speak(connect(max_retries=max_retries))
    assert type(caught.value) is kind
    assert len(gateway.requests) == 1 + max_retries
    assert len(set(gateway.requests)) == 1


CANNOT_PASS = [
    (refusal(400), BadRequestError),
    (refusal(401), AuthenticationError),
    (refusal(402), QuotaExceededError),
    (refusal(403, "额度不足"), QuotaExceededError),
    (refusal(404), NotFoundError),
    (refusal(429, "x", "insufficient_quota"), QuotaExceededError),
    (refusal(429, retry_after="3600"), RateLimitError),
    (refusal(500, "x", "convert_request_failed"), BadRequestError),
    (refusal(501), ServerError),
    (refusal(503, "x", "model_not_found"), NotFoundError),
    (refusal(302, location="/elsewhere"), APIStatusError),
    (reply(b"<html>", 200, "text/html"), InvalidResponseError),
    (reply(b"{}"), InvalidResponseError),
]


@pytest.mark.parametrize(("case", "speak"), in_turn(CANNOT_PASS, SPEAKERS))
def test_what_cannot_pass_is_not_sent_again(gateway, connect, speak, case):
    answer, kind = case
    gateway.script(answer)
    with pytest.raises(kind) as caught:
        speak(connect(max_retries=3))
    assert type(caught.value) is kind
    assert len(gateway.requests) == 1


@either
def test_an_answer_after_retries_says_how_many(gateway, connect, speak):
    gateway.script(refusal(503, "busy"), refusal(429, retry_after_ms="1"), speak.answer)
    assert speak(connect(max_retries=2)).metadata()["retries"] == 2
    assert len(gateway.requests) == 3


@either
def test_without_time_left_nothing_is_sent_again(gateway, connect, speak):
    gateway.script(refusal(429, retry_after="30"), speak.answer)
    with within(SOON), pytest.raises(RateLimitError) as caught:
        speak(connect(timeout=1.0, max_retries=2))
    assert caught.value.retry_after == 30
    assert len(gateway.requests) == 1


@either
def test_a_refused_connection(gateway, connect, speak):
    gateway.stop()
    with pytest.raises(APIConnectionError, match=f"127.0.0.1:{gateway.port}") as caught:
        speak(connect(max_retries=1))
    assert not isinstance(caught.value, APITimeoutError)
    assert not caught.value.begun
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


# --- errors and their bodies --------------------------------------------------------------------------------------


@either
def test_a_refusal_knows_what_the_gateway_said(gateway, connect, speak):
    gateway.script(refusal(429, "slower", "c", retry_after="90", x_oneapi_request_id="r-1", set_cookie="secret=1"))
    with pytest.raises(RateLimitError, match="slower") as caught:
        speak(connect())
    error = caught.value
    assert (error.status_code, error.code, error.request_id, error.retry_after) == (429, "c", "r-1", 90.0)
    assert error.body == {"error": {"message": "slower", "code": "c"}}
    assert error.response.headers["x-oneapi-request-id"] == "r-1"
    assert "secret" not in str(error.response)


@either
@pytest.mark.parametrize(
    "body", [b'data: {"error": {"message": "sorry"}}\n\n', b'\n {"detail": "sorry"}', b"sorry", b'{"error": "sorry"}']
)
def test_an_error_body_is_read_by_what_it_holds(gateway, connect, speak, body):
    gateway.script(reply(body, 400, "application/octet-stream"))
    with pytest.raises(BadRequestError, match="sorry"):
        speak(connect())


@either
@pytest.mark.parametrize("then", [hold, reset, drip(b" ")])
def test_an_error_body_that_stalls_hides_nothing_of_the_status(gateway, connect, speak, then):
    gateway.script((head(402, content_length="1000") + b"out of", then))
    with within(SOON), pytest.raises(QuotaExceededError, match="402"):
        speak(connect(timeout=0.15))


@either
def test_an_error_body_is_read_up_to_a_limit(gateway, connect, speak):
    gateway.script(reply(b"x" * 1_000_000, 400))
    with pytest.raises(BadRequestError) as caught:
        speak(connect())
    assert len(caught.value.body) == sender.ERROR_BODY_LIMIT


@either
def test_a_redirect_is_not_followed(gateway, connect, speak):
    gateway.script(reply(b"", 307, location=f"{gateway.base_url}/elsewhere"), speak.answer)
    with pytest.raises(APIStatusError, match="307"):
        speak(connect())
    assert len(gateway.requests) == 1


# --- answers that are not what was asked for ----------------------------------------------------------------------


@streaming
@pytest.mark.parametrize("before", [b"", b"\n\n", b"  \r\n"])
def test_a_whole_answer_to_a_request_for_a_stream(gateway, connect, speak, before):
    answer = piece(before) if before else b""
    gateway.script((EVENTS, answer, piece(WHOLE[:20]), piece(WHOLE[20:]), END))
    assert speak(connect()).choice.text == "Noon."
    assert [delta.text for delta in speak.deltas] == ["Noon."]


@either
def test_a_refusal_in_a_200_is_one_like_any_other(gateway, connect, speak):
    gateway.script(refusal(200, "sorry", 429), speak.answer)
    assert speak(connect()).metadata()["retries"] == 1
    gateway.script(refusal(200, "sorry", 429), refusal(200, "no", 402))
    with pytest.raises(RateLimitError, match="sorry"):
        speak(connect(max_retries=0))
    with pytest.raises(QuotaExceededError, match="no"):
        speak(connect())
    assert len(gateway.requests) == 4


BUSY_EVENT = piece(b'data: {"error": {"message": "busy", "code": 503}}\n\n')


@either
@pytest.mark.parametrize(("before", "kind"), [(b"", ServerError), (HALF, StreamInterruptedError)])
def test_an_error_in_a_stream_is_not_sent_for_again(gateway, connect, speak, before, kind):
    gateway.script((EVENTS, before + BUSY_EVENT, END))
    with pytest.raises(kind, match="busy"):
        speak(connect())
    assert len(gateway.requests) == 1


BROKEN_OFF = [
    {"error": {"code": 502, "message": "broke off"}, "finish_reason": None},
    {"finish_reason": "abort"},
    {"finish_reason": "insufficient_system_resource"},
]


@either
@pytest.mark.parametrize("choice", BROKEN_OFF)
@pytest.mark.parametrize(
    "message", [{"content": "Half"}, {"content": "", "reasoning_content": "Hm"}, {"content": None}]
)
def test_whatever_held_part_of_an_answer_is_not_sent_for_again(gateway, connect, speak, choice, message):
    usage = {"prompt_tokens": 1, "completion_tokens": 9, "total_tokens": 10}
    answer = {"id": "a", "model": "m", "choices": [{"index": 0, "message": message, **choice}], "usage": usage}
    gateway.script(reply(json.dumps(answer).encode()))
    with pytest.raises(StreamInterruptedError) as caught:
        speak(connect())
    assert len(gateway.requests) == 1
    partial = caught.value.partial
    assert (partial.text, partial.usage) == (message.get("content") or "", usage)
    assert isinstance(caught.value.error, ServerError) == ("error" in choice)


@either
def test_a_page_asks_about_the_base_url(gateway, connect, speak):
    gateway.script(reply(b"<!DOCTYPE html><title>Console</title>", 200, "text/html"))
    with pytest.raises(InvalidResponseError, match="base_url"):
        speak(connect())


@waiting
def test_blank_lines_before_an_answer_are_keep_alives(gateway, connect, speak):
    gateway.script(reply(b"\n\n\n" + WHOLE))
    assert speak(connect()).choice.text == "Noon."


@either
def test_a_compressed_answer(gateway, connect, speak):
    data = gzip.compress(b"".join(map(unpiece, STREAM[1:4])) if speak.streams else WHOLE)
    gateway.script(reply(data, content_encoding="gzip"))
    assert speak(connect()).choice.text == "Noon."


def unpiece(data: bytes) -> bytes:
    return data.split(b"\r\n", 1)[1][:-2]


@either
def test_an_answer_that_is_wrongly_compressed(gateway, connect, speak):
    gateway.script(reply(b"this is no gzip", content_encoding="gzip"))
    with pytest.raises(AnyfastError, match="wrongly compressed"):
        speak(connect())
    assert len(gateway.requests) == 1


@waiting
def test_an_answer_that_inflates_beyond_the_limit_is_not_kept(gateway, connect, speak, monkeypatch):
    monkeypatch.setattr(sizes, "BODY_LIMIT", 100_000)
    gateway.script(reply(gzip.compress(b" " * 1_000_000), content_encoding="gzip"))
    with pytest.raises(InvalidResponseError, match="larger than"):
        speak(connect())


# --- broken and silent connections --------------------------------------------------------------------------------


@streaming
@pytest.mark.parametrize("end", [(reset,), (close,), (END,), (DONE, END)])
def test_a_stream_that_is_cut_keeps_what_had_arrived_and_is_not_sent_again(gateway, connect, speak, end):
    gateway.script((EVENTS, HALF, *end))
    with within(SOON), pytest.raises(StreamInterruptedError) as caught:
        speak(connect(max_retries=3))
    assert caught.value.partial.choice.text in ("Noo", "")  # an RST may overtake the bytes before it
    assert caught.value.partial.choice.text == "".join(delta.text for delta in speak.deltas)
    assert len(gateway.requests) == 1


@waiting
@pytest.mark.parametrize("end", [reset, close])
def test_a_whole_answer_that_is_cut_is_not_sent_again(gateway, connect, speak, end):
    gateway.script((head(200, content_length="1000") + WHOLE[:30], end))
    with pytest.raises(APIConnectionError) as caught:
        speak(connect(max_retries=3))
    assert caught.value.begun
    assert len(gateway.requests) == 1


@streaming
@pytest.mark.parametrize("end", [(close,), (DONE, close), (piece(b": bye\n\n"), close)])
def test_after_the_finish_reason_a_broken_connection_no_longer_matters(gateway, connect, speak, end):
    gateway.script((EVENTS, HALF, STOP, *end))
    assert speak(connect()).choice.text == "Noon."


@streaming
def test_a_connection_that_is_left_open_after_done_does_not_keep_the_answer(gateway, connect, speak):
    gateway.script((EVENTS, HALF, STOP, DONE, hold))
    with within(1.0):
        assert speak(connect()).choice.text == "Noon."
    assert gateway.hung_up.wait(SOON)


@streaming
def test_an_answer_without_done_is_waited_for_a_little(gateway, connect, speak, monkeypatch):
    monkeypatch.setattr(exchange, "LINGER_SECONDS", 0.1)
    gateway.script((EVENTS, HALF, STOP, hold))
    with within(SOON):
        assert speak(connect()).usage == {"total_tokens": 3}


@streaming
def test_usage_that_comes_after_the_finish_reason_is_taken(gateway, connect, speak):
    usage = piece(b'data: {"choices": [], "usage": {"total_tokens": 9}}\n\n')
    gateway.script((EVENTS, HALF, event({}, "stop"), usage, DONE, END))
    assert speak(connect()).usage == {"total_tokens": 9}


@either
def test_a_server_that_says_nothing_is_a_timeout(gateway, connect, speak):
    gateway.script((hold,))
    with within(SOON), pytest.raises(APITimeoutError, match=r"timeout=0\.2") as caught:
        speak(connect(timeout=0.2))
    assert not caught.value.begun
    assert len(gateway.requests) == 1


@either
def test_an_httpx_timeout_is_one_too(gateway, connect, speak):
    gateway.script((hold,))
    with within(SOON), pytest.raises(APITimeoutError):
        speak(connect(timeout=httpx.Timeout(5.0, read=0.2)))


SILENT = {
    "silence from the start": ((EVENTS,), hold),
    "silence within the answer": ((EVENTS, HALF), hold),
    "comments from the start": ((EVENTS,), drip(piece(b": PING\n\n"))),
    "comments within the answer": ((EVENTS, HALF), drip(piece(b": PING\n\n"))),
    "blank lines": ((EVENTS, HALF), drip(piece(b"\n"))),
    "a line that never ends": ((EVENTS, HALF), drip(piece(b"x"))),
    "a chunk that never ends": ((EVENTS, HALF), drip(b"0")),
}


@streaming
@pytest.mark.parametrize(("before", "then"), SILENT.values(), ids=SILENT)
def test_without_data_a_stream_ends_within_the_timeout(gateway, connect, speak, before, then):
    gateway.script((*before, then))
    with within(SOON), pytest.raises(APITimeoutError) as caught:
        speak(connect(timeout=0.2, max_retries=2))
    assert caught.value.begun
    assert caught.value.partial.choice.text == ("Noo" if HALF in before else "")
    assert len(gateway.requests) == 1


@streaming
def test_data_keeps_a_stream_alive_beyond_the_timeout(gateway, connect, speak):
    gateway.script((EVENTS, lambda caller: caller.drip(HALF, every=0.05, times=12), STOP, DONE, END))
    assert speak(connect(timeout=0.4)).choice.text == "Noo" * 12 + "n."


@waiting
@pytest.mark.parametrize(
    "answer",
    [
        (head(200, content_length="1000"), drip(b" ")),
        (EVENTS, drip(piece(b" "))),
        (b"HTTP/1.1 200 OK\r\nx-long: ", drip(b"x")),
    ],
    ids=["body", "chunks", "head"],
)
def test_a_whole_call_ends_within_the_timeout_whatever_drips(gateway, connect, speak, answer):
    gateway.script(answer)
    with within(SOON), pytest.raises(APITimeoutError):
        speak(connect(timeout=0.2))
    assert len(gateway.requests) == 1


@streaming
def test_a_whole_stream_ends_within_its_total_timeout(gateway, connect, speak):
    gateway.script((EVENTS, lambda caller: caller.drip(HALF, every=0.03, times=100)))
    with within(SOON), pytest.raises(APITimeoutError, match=r"total_timeout=0\.2") as caught:
        speak(connect(total_timeout=0.2))
    assert caught.value.partial.choice.text.startswith("Noo")


@streaming
def test_the_first_data_of_a_stream_has_a_timeout_of_its_own(gateway, connect, speak):
    queue = piece(b": in the queue\n\n")
    gateway.script((EVENTS, lambda caller: caller.drip(queue, every=0.05, times=5), *STREAM[1:]))
    assert speak(connect(timeout=0.2, first_token_timeout=2.0)).choice.text == "Noon."
    gateway.script((EVENTS, drip(queue)))
    with within(SOON), pytest.raises(APITimeoutError, match=r"first_token_timeout=0\.2"):
        speak(connect(timeout=5.0, first_token_timeout=0.2))


@either
@pytest.mark.parametrize("most", [5, 6])
def test_reasoning_beyond_its_limit_is_stopped(gateway, connect, speak, most):
    gateway.script((EVENTS, event({"reasoning_content": "Hm, hm"}), STOP, DONE, END))
    connection = connect(max_reasoning_chars=most)
    if most == 6:
        assert speak(connection).choice.text == "n."
        return
    with pytest.raises(StreamInterruptedError, match="max_reasoning_chars=5") as caught:
        speak(connection)
    assert caught.value.partial.choice.reasoning == "Hm, hm"
    assert b'"stream":true' in gateway.requests[0]


@streaming
def test_reasoning_beyond_its_time_is_stopped(gateway, connect, speak):
    thought = event({"reasoning_content": "Hm. "})
    gateway.script((EVENTS, lambda caller: caller.drip(thought, every=0.03, times=100)))
    with within(SOON), pytest.raises(StreamInterruptedError, match="max_reasoning_seconds") as caught:
        speak(connect(max_reasoning_seconds=0.2))
    assert caught.value.partial.choice.reasoning.startswith("Hm. ")


# --- connections --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streams", [True, False])
def test_sync_calls_of_all_instances_share_a_connection(gateway, connect, streams):
    speak = Speaker(is_async=False, streams=streams)
    gateway.script(speak.answer)
    for _ in range(5):
        speak(connect())
    assert (len(gateway.requests), gateway.connections) == (5, 1)
    close_shared_connections()
    assert gateway.hung_up.wait(SOON)
    speak(connect())
    assert (len(gateway.requests), gateway.connections) == (6, 2)


@pytest.mark.parametrize("streams", [True, False])
async def test_async_calls_of_one_loop_share_a_connection(gateway, connect, streams):
    speak = Speaker(is_async=True, streams=streams)
    gateway.script(speak.answer)
    body = {**BODY, **({"stream": True} if streams else {})}
    for _ in range(5):
        await speak._later(connect(), body)
    assert (len(gateway.requests), gateway.connections) == (5, 1)
    await aclose_shared_connections()
    assert gateway.hung_up.wait(SOON)
    await speak._later(connect(), body)
    assert (len(gateway.requests), gateway.connections) == (6, 2)


async def test_async_calls_run_side_by_side(gateway, connect):
    everyone_is_here = threading.Barrier(5)
    gateway.script((lambda _: everyone_is_here.wait(SOON), *reply(WHOLE)))
    client = AsyncClient(connect())
    answers = await asyncio.gather(*(client.complete(BODY) for _ in range(5)))
    assert [answer.choice.text for answer in answers] == ["Noon."] * 5
    assert len(gateway.requests) == 5


@pytest.mark.parametrize("streams", [True, False])
def test_one_object_serves_one_event_loop_after_the_other(gateway, connect, streams):
    speak = Speaker(is_async=True, streams=streams)
    gateway.script(speak.answer)
    connection = connect()
    for calls in range(1, 4):
        assert speak(connection).choice.text == "Noon."
        assert len(gateway.requests) == calls
    assert gateway.hung_up.wait(SOON)


def in_threads(work: Callable[[], Any], number: int) -> None:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # told to the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


@either
def test_threads_with_a_loop_each_and_threads_without(gateway, connect, speak):
    gateway.script(speak.answer)
    connection = connect()
    in_threads(lambda: Speaker(speak.is_async, speak.streams)(connection), 8)
    assert len(gateway.requests) == 8


def test_closing_a_sync_stream_early_closes_its_connection(gateway, connect):
    gateway.script((EVENTS, HALF, hold))
    stream = Client(connect()).stream({**BODY, "stream": True})
    assert next(stream).text == "Noo"
    assert not gateway.hung_up.is_set()
    stream.close()
    assert gateway.hung_up.wait(0.5)


async def test_closing_an_async_stream_early_closes_its_connection(gateway, connect):
    gateway.script((EVENTS, HALF, hold))
    stream = AsyncClient(connect()).stream({**BODY, "stream": True})
    assert (await anext(stream)).text == "Noo"
    assert not gateway.hung_up.is_set()
    await stream.aclose()
    assert gateway.hung_up.wait(0.5)


async def test_cancelling_an_async_call_closes_its_connection(gateway, connect):
    gateway.script((hold,))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await AsyncClient(connect()).complete(BODY)
    assert gateway.hung_up.wait(0.5)


@pytest.mark.parametrize("breaks", [True, False])
def test_a_stream_that_is_left_in_the_middle_by_break_is_closed(gateway, connect, breaks):
    gateway.script((EVENTS, HALF, hold))

    async def leave() -> None:
        async with contextlib.aclosing(AsyncClient(connect()).stream({**BODY, "stream": True})) as stream:
            async for _ in stream:
                break

    if breaks:
        asyncio.run(leave())
    else:
        for _ in Client(connect()).stream({**BODY, "stream": True}):
            break
    assert gateway.hung_up.wait(0.5)


def test_a_child_process_starts_with_connections_of_its_own():
    pools = SharedPools()
    with pools.client() as mine:
        pools.forget()
        with pools.client() as other:
            assert other is not mine
        assert not mine.is_closed
    mine.close()
    pools.close()


def test_the_garbage_collector_may_end_a_call_at_any_point(monkeypatch):
    """It closes a stream that nobody holds any more, in whichever thread it runs and whatever that thread does."""
    pools = SharedPools()
    earlier = pools.client()
    first = earlier.__enter__()
    pools.close()
    client_of_httpx = httpx.Client

    def collecting(**said):
        earlier.__exit__(None, None, None)
        return client_of_httpx(**said)

    monkeypatch.setattr(httpx, "Client", collecting)
    with pools.client() as second:
        assert first.is_closed
        assert not second.is_closed
    pools.close()
    assert second.is_closed


def through(answer: Callable[[httpx.Request], httpx.Response], is_async: bool) -> dict[str, Any]:
    transport = httpx.MockTransport(answer)
    if is_async:
        return {"http_async_client": httpx.AsyncClient(transport=transport)}
    return {"http_client": httpx.Client(transport=transport)}


@either
def test_a_client_of_the_users_own_is_used_and_left_open(gateway, connect, speak):
    seen: list[httpx.Request] = []
    data = b"".join(map(unpiece, STREAM[1:4])) if speak.streams else WHOLE

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=data)

    own = through(answer, speak.is_async)
    for _ in range(2):
        assert speak(connect(**own)).choice.text == "Noon."
    (used,) = own.values()
    assert not used.is_closed
    assert [request.headers["authorization"] for request in seen] == [f"Bearer {KEY}"] * 2
    assert gateway.connections == 0


def test_a_client_of_the_users_own_may_have_opened_its_connection_before(gateway, connect):
    gateway.script(reply(b"[]"), reply(WHOLE))
    with httpx.Client() as own:
        own.get(gateway.base_url)
        assert Client(connect(http_client=own, max_retries=0)).complete(BODY).text == "Noon."
    assert gateway.connections == 1


async def test_so_may_an_async_one(gateway, connect):
    gateway.script(reply(b"[]"), reply(WHOLE))
    async with httpx.AsyncClient() as own:
        await own.get(gateway.base_url)
        assert (await AsyncClient(connect(http_async_client=own, max_retries=0)).complete(BODY)).text == "Noon."
    assert gateway.connections == 1


CANNOT_BE_SENT = [
    (httpx.ConnectError("refused"), APIConnectionError),
    (httpx.ReadError("reset"), APIConnectionError),
    (httpx.ConnectTimeout("slow"), APITimeoutError),
    (httpx.PoolTimeout("full"), APITimeoutError),
    (httpx.ProxyError("no"), APIConnectionError),
    (httpx.RemoteProtocolError("no"), APIConnectionError),
    (OSError("network down"), APIConnectionError),
    (RuntimeError("closed"), APIConnectionError),
]


@pytest.mark.parametrize(("case", "speak"), in_turn(CANNOT_BE_SENT, SPEAKERS))
def test_whatever_cannot_be_sent_is_tried_again_and_typed(connect, speak, case):
    raised, kind = case
    tried = 0

    def fail(request: httpx.Request) -> httpx.Response:
        nonlocal tried
        tried += 1
        raise raised

    with pytest.raises(kind) as caught:
        speak(connect(max_retries=2, **through(fail, speak.is_async)))
    assert type(caught.value) is kind
    assert tried == 3


@either
@pytest.mark.parametrize("base_url", ["ftp://127.0.0.1/v1"])
def test_an_address_that_leads_nowhere(connect, speak, base_url):
    with pytest.raises(APIConnectionError, match="base_url"):
        speak(connect(base_url=base_url, max_retries=0))


# --- the key ------------------------------------------------------------------------------------------------------


NO_KEYS = [
    (None, "ANYFAST_API_KEY"),
    ("", "ANYFAST_API_KEY"),
    (f"{KEY}\n", "line break"),
    (f"{KEY}\r\nx-evil: 1", "line break"),
    (f" {KEY}", "space"),
    (f"{KEY} {KEY}", "space"),
    (f"{KEY}\t", "space"),
    (f"Bearer {KEY}", "Bearer"),
    (f"bearer {KEY}", "Bearer"),
    (f"{KEY}ü", "characters"),
    (f"{KEY}\x00", "characters"),
    (f"{KEY}\u200b", "characters"),
]


@pytest.mark.parametrize(("case", "speak"), in_turn(NO_KEYS, SPEAKERS))
def test_a_key_that_cannot_be_one_is_told_before_sending_and_not_shown(gateway, connect, speak, case):
    key, said = case
    with pytest.raises(AuthenticationError, match=said) as caught:
        speak(connect(api_key=key))
    assert caught.value.status_code is None
    assert gateway.connections == 0
    shows_no_key(caught.value)


@either
def test_the_key_is_read_from_the_environment_when_it_is_needed(gateway, connect, speak, monkeypatch):
    gateway.script(speak.answer)
    connection = connect(api_key=None)
    monkeypatch.setenv("ANYFAST_API_KEY", "sk-from-the-environment")
    speak(connection)
    assert b"Bearer sk-from-the-environment\r\n" in gateway.requests[0]


def test_the_key_is_in_no_form_of_a_connection(connect):
    connection = connect(default_headers={"x-secret": KEY})
    forms = [repr(connection), str(connection), connection.model_dump_json(), str(connection.model_dump())]
    assert KEY not in "".join(forms)
    assert KEY.encode() not in pickle.dumps(connection)


def shows_no_key(error: BaseException, *, with_locals: bool = True) -> None:
    """Looks where a log, a tracer or a pickle would: words, causes, requests, and the locals of all frames but ours."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        todo += [each.__cause__, each.__context__]
        shown = [str(each), *traceback.format_exception(each), *deep(vars(each)), *deep(each.args)]
        if isinstance(each, httpx.RequestError):
            shown.append(str(each.request.headers.raw))
        for frame, _ in traceback.walk_tb(each.__traceback__) if with_locals else ():
            if frame.f_code.co_filename != __file__:
                shown += deep(frame.f_locals)
        assert KEY not in "".join(shown)
    assert KEY.encode() not in pickle.dumps(error)


def deep(value: Any, depth: int = 5) -> list[str]:
    """What is printed of a value, and of those in it."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [repr(value), *(text for item in inner if depth for text in deep(item, depth - 1))]


FAILURES = {
    "refused": refusal(401, "no"),
    "reset": (reset,),
    "silence": (hold,),
    "no answer": reply(b"{}"),
    "a page": reply(b"<html>", 200, "text/html"),
    "no HTTP": (b"SSH-2.0-x\r\n\r\n", close),
    "cut": (EVENTS, HALF, close),
    "an error event": (EVENTS, HALF, piece(b'data: {"error": "x"}\n\n'), END),
    "no gzip": reply(b"this is no gzip", content_encoding="gzip"),
    "a redirect": reply(b"", 302, location="https://example.com/"),
}
# The bytes of these answers are locals of those who read them, and hold the key; what is made of them does not.
SAID_BACK = {
    "refused": refusal(401, f"No such key: {KEY}", f"key_{KEY}", x_request_id=KEY, x_echo=f"Bearer {KEY}"),
    "an event": (EVENTS, HALF, piece(b'data: {"error": "No such key: %s"}\n\n' % KEY.encode()), END),
    "a page": reply(f"<html>{KEY}".encode(), 200, "text/html"),
}


@either
@pytest.mark.parametrize(
    "answer",
    [*FAILURES.values(), *SAID_BACK.values()],
    ids=[*FAILURES, *(f"said back in {name}" for name in SAID_BACK)],
)
def test_no_failure_shows_the_key(gateway, connect, speak, answer, caplog):
    gateway.script(answer)
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "httpcore.http11", "httpcore.connection"):
        caplog.set_level(logging.DEBUG, logger=name)
    with pytest.raises(AnyfastError) as caught:
        speak(connect(timeout=0.15, max_retries=1))
    shows_no_key(caught.value, with_locals=answer not in SAID_BACK.values())
    assert caplog.records
    assert KEY not in caplog.text
    assert KEY not in "".join(str(deep(vars(record))) for record in caplog.records)


@either
@pytest.mark.parametrize("value", [f"a\r\nb{KEY}", f"\x00{KEY}", f"ü{KEY}"])
def test_a_header_that_is_none_is_an_error_that_does_not_show_it(gateway, connect, speak, value):
    with pytest.raises(AnyfastError) as caught:
        speak(connect(default_headers={"x-secret": value}, max_retries=0))
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert gateway.requests == []
