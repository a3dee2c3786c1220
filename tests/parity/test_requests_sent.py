"""How often each failure is sent, and so may be billed: counted at the server, and told in docs/errors.md."""

import asyncio
import contextlib
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyfast_transport import AnyfastError, AnyfastWarning, aclose_shared_connections, close_shared_connections
from anyfast_transport.http import retries
from anyfast_transport.request.learning import MEMORY
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM
from tests.parity.through import ASKED
from tests.transport.conftest import RawGateway

ROOT = Path(__file__).parents[2]
TOOL = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}

# --- what a gateway answers ----------------------------------------------------------------------------------------

Steps = tuple[Any, ...]


def reply(data: bytes, status: int = 200, *headers: str, kind: str = "application/json") -> Steps:
    lines = (f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(data)}", *headers)
    return (("\r\n".join(lines) + "\r\n\r\n").encode() + data,)


def error(status: int, message: str = "no", code: Any = None, *headers: str) -> Steps:
    return reply(json.dumps({"error": {"message": message, "code": code}}).encode(), status, *headers)


def document(message: Any, finish: str | None = "stop", **more: Any) -> Steps:
    return reply(json.dumps({"choices": [{"message": message, "finish_reason": finish}], **more}).encode())


def events(*payloads: Any, done: bool = True) -> Steps:
    said = b"".join(b"data: " + json.dumps(payload).encode() + b"\n\n" for payload in payloads)
    return reply(said + (b"data: [DONE]\n\n" if done else b""), kind="text/event-stream")


def delta(delta: Any, finish: str | None = None, **more: Any) -> Any:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def cut(steps: Steps) -> Steps:
    (data,) = steps
    return (data[:-8], lambda caller: caller.close())


def hold(caller: Any) -> None:
    caller.hold()


def close(caller: Any) -> None:
    caller.close()


def reset(caller: Any) -> None:
    caller.reset()


BROKEN_CALL = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "clock", "arguments": "{]"}}]}
TEXT, HALF = {"content": "Noon."}, {"content": "Noo"}
OVERLOADED = {"error": {"message": "overloaded", "code": 503}}
NOT_TAKEN = "400 that names a part which the model does not take"

ALIKE: dict[str, Steps] = {
    "the connection is closed before an answer": (close,),
    "the connection is reset before an answer": (reset,),
    "408, 409": error(409),
    "429": error(429),
    "429 whose `Retry-After` is beyond 60 s": error(429, "no", None, "retry-after: 61"),
    "500, 502, 503, 504": error(502),
    "501": error(501),
    "400, 413, 422": error(400),
    "400 for a file that could not be fetched": error(400, "Error while downloading https://a.invalid/a.png"),
    NOT_TAKEN: error(400, "Unrecognized request argument supplied: parallel_tool_calls"),
    "401": error(401),
    "402, and credit used up however it is spelled": error(429, "insufficient_quota"),
    "403": error(403),
    "a redirect": reply(b"", 307, "location: https://elsewhere.invalid/"),
    "no answer within `timeout`": (hold,),
    "200, and only an error that may pass": error(200, "no", 429),
    "200, and only an error that may not": error(200, "no", 401),
    "200, and a web page": reply(b"<html>Console</html>", 200, kind="text/html"),
}
"""Failure → what the gateway answers, whatever it was asked for."""

EACH: dict[str, tuple[Steps, Steps]] = {
    "the answer breaks off": (cut(document(TEXT)), cut(events(delta(HALF), done=False))),
    "the answer stands still within `timeout`": (
        (*cut(document(TEXT))[:1], hold),
        (*cut(events(delta(HALF)))[:1], hold),
    ),
    "an answer without its end": (reply(b'{"choices": [{"message": {"content": "Noo'), events(delta(HALF))),
    "an error within the answer": (
        document(HALF, "error", **OVERLOADED),
        events(delta(HALF), OVERLOADED),
    ),
    "a finish_reason that says that the server broke off": (
        document(HALF, "insufficient_system_resource"),
        events(delta(HALF, "insufficient_system_resource")),
    ),
    "an answer that reasoning ate": (
        document({"content": "", "reasoning_content": "Hm."}, "length"),
        events(delta({"reasoning_content": "Hm."}, "length")),
    ),
    "a call that cannot be executed, outside an agent": (
        document({"content": None, **BROKEN_CALL}, "tool_calls"),
        events(delta(BROKEN_CALL, "tool_calls")),
    ),
}
"""Failure → what the gateway answers to a request for a whole answer, and for a stream."""

IN_AGENT = "a call that cannot be executed, in an agent"
ROWS = {name: (steps, steps) for name, steps in ALIKE.items()} | EACH | {IN_AGENT: EACH[list(EACH)[-1]]}

# --- every way to ask ----------------------------------------------------------------------------------------------


def whole(chat: ChatAnyfast, llm: AnyfastLLM, call: Any) -> Iterator[Any]:
    yield lambda: chat.invoke("?", **call)
    yield lambda: llm.chat(ASKED, **call)
    yield lambda: asyncio.run(_closing(chat.ainvoke("?", **call)))
    yield lambda: asyncio.run(_closing(llm.achat(ASKED, **call)))


def streamed(chat: ChatAnyfast, llm: AnyfastLLM, call: Any) -> Iterator[Any]:
    yield lambda: list(chat.stream("?", **call))
    yield lambda: list(llm.stream_chat(ASKED, **call))
    yield lambda: asyncio.run(_closing(_read(chat, call)))
    yield lambda: asyncio.run(_closing(_read_chat(llm, call)))


async def _read(chat: ChatAnyfast, call: Any) -> None:
    async for _ in chat.astream("?", **call):
        pass


async def _read_chat(llm: AnyfastLLM, call: Any) -> None:
    async for _ in await llm.astream_chat(ASKED, **call):
        pass


async def _closing(asked: Any) -> None:
    try:
        await asked
    finally:
        await aclose_shared_connections()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(retries, "FIRST_DELAY", 0.001)
    MEMORY.forget()
    yield
    MEMORY.forget()
    close_shared_connections()


@pytest.fixture
def gateway() -> Iterator[RawGateway]:
    gateway = RawGateway()
    yield gateway
    gateway.stop()


def table() -> dict[str, list[str]]:
    """Failure → requests for a whole answer and for a stream, as the page tells them."""
    text = (ROOT / "docs/errors.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| (\d) \| (\d) \|$", text, re.MULTILINE)
    return {name: [of_whole, of_stream] for name, of_whole, of_stream in rows}


def test_the_page_has_each_failure_and_no_other():
    assert list(table()) == list(ROWS)


@pytest.mark.filterwarnings("ignore::anyfast_transport.AnyfastWarning")
@pytest.mark.parametrize("name", ROWS)
def test_so_many_requests_are_sent(name, gateway):
    silent = hold in (*ROWS[name][0], *ROWS[name][1])
    fields = {"model": "gpt-4o", "base_url": gateway.base_url, "api_key": "key", "timeout": 0.1 if silent else 5}
    chat, llm = ChatAnyfast(**fields), AnyfastLLM(**fields, context_window=1000)
    call: dict[str, Any] = {"tools": [TOOL]}
    call |= {"parallel_tool_calls": True} if name == NOT_TAKEN else {}
    call |= {"on_invalid_call": "ask_again"} if name == IN_AGENT else {}
    counted = []
    for ways, steps in zip((whole, streamed), ROWS[name], strict=True):
        sent = set()
        for way in ways(chat, llm, call):
            gateway.script(steps)
            before = len(gateway.requests)
            with contextlib.suppress(AnyfastError):
                way()
            sent.add(len([one for one in gateway.requests[before:] if one.startswith(b"POST")]))
        counted.append(" or ".join(map(str, sorted(sent))))
    assert counted == table()[name]


# --- the most that one call sends ----------------------------------------------------------------------------------

WHATEVER = [
    (429, {"error": {"message": "busy", "code": None}}),
    (503, {"error": {"message": "busy", "code": None}}),
    (400, {"error": {"message": "parallel_tool_calls is not supported", "code": None}}),
    (400, {"error": {"message": "strict is not supported: extra inputs", "code": None}}),
    (200, {"choices": [{"message": {"content": None, **BROKEN_CALL}, "finish_reason": "tool_calls"}]}),
    (200, {"choices": [{"message": TEXT, "finish_reason": "stop"}]}),
    (200, {"error": {"message": "busy", "code": 429}}),
]


@given(answers=st.lists(st.sampled_from(WHATEVER), min_size=1, max_size=9), most=st.integers(0, 3))
@settings(max_examples=150)
def test_no_call_sends_more_than_the_page_says(answers, most):
    MEMORY.forget()
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        status, body = answers[min(len(sent), len(answers)) - 1]
        return httpx.Response(status, json=body, headers={"retry-after-ms": "0.001"})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    tool = {**TOOL, "function": {**TOOL["function"], "strict": True}}
    fields = {"model": "gpt-4o", "base_url": "http://127.0.0.1/v1", "api_key": "key", "max_retries": most}
    call = {"tools": [tool], "parallel_tool_calls": True, "on_invalid_call": "ask_again"}
    for ask in (
        lambda: ChatAnyfast(**fields, http_client=client).invoke("?", **call),
        lambda: list(AnyfastLLM(**fields, context_window=9, http_client=client).stream_chat(ASKED, **call)),
    ):
        sent.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AnyfastWarning)
            with contextlib.suppress(AnyfastError):
                ask()
        assert len(sent) <= most + 3


def test_the_page_says_the_most():
    assert "at most `max_retries + 3` requests" in (ROOT / "docs/errors.md").read_text()
