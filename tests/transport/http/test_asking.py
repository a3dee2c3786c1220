"""A whole call: one request, or two where the first answer is none that the call can end with."""

import asyncio
from typing import Any

import httpx
import pytest

from anyfast_emulator import Emulator
from anyfast_emulator.answers import Answer, Failure, ToolCall
from anyfast_transport import (
    AnyfastWarning,
    AsyncClient,
    Call,
    ChatParameters,
    Client,
    Completion,
    Connection,
    EmptyAnswerError,
    InvalidResponseError,
    RateLimitError,
    Request,
    UnsupportedParameterError,
)
from anyfast_transport.http.exchange import Exchange
from anyfast_transport.request.learning import MEMORY

ASK = [{"role": "user", "content": "Hi"}]
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}
BROKEN = Answer(reasoning="Hm.", tool_calls=(ToolCall("clock", '{"zone": }', id="call_1"),))
GOOD = Answer(tool_calls=(ToolCall("clock", {"zone": "UTC"}, id="call_2"),))


class Both(ChatParameters, Connection):
    """What both frameworks' classes inherit."""


@pytest.fixture
def emulator():
    MEMORY.forget()
    emulator = Emulator()
    yield emulator
    emulator.check_script()
    MEMORY.forget()


@pytest.fixture(params=["sync", "async"])
def speak(request, emulator):
    """Asks, whole or streamed; gives the deltas and the completion."""

    def ask(*, stream: bool, call: dict[str, Any] | None = None, in_agent: bool = False, **fields: Any):
        said = {"model": "deepseek-v4-pro", "base_url": "https://emulator.invalid/v1", "api_key": emulator.api_key}
        clients = {
            "http_client": httpx.Client(transport=emulator.transport),
            "http_async_client": httpx.AsyncClient(transport=emulator.transport),
        }
        model = Both(**said | clients | {"max_retries": 0} | fields)
        asked = Call.of(model, call or {}, stream=stream, in_agent=in_agent)
        if request.param == "async":
            return asyncio.run(aspeak(AsyncClient(model), asked))
        *deltas, completion = Client(model).ask_stream(asked, ASK) if stream else [Client(model).ask(asked, ASK)]
        return deltas, completion

    return ask


async def aspeak(client: AsyncClient, call: Call) -> tuple[list[Any], Completion]:
    items = [item async for item in client.ask_stream(call, ASK)] if call.stream else [await client.ask(call, ASK)]
    return items[:-1], items[-1]


EITHER = pytest.mark.parametrize("stream", [False, True])


@EITHER
def test_one_answer_that_stands_is_one_request(emulator, speak, stream):
    emulator.script(Answer(text="Noon."))
    _, completion = speak(stream=stream)
    assert completion.text == "Noon."
    assert len(emulator.requests) == 1
    assert "asked_again" not in completion.metadata()


@EITHER
@pytest.mark.parametrize("how", [{"in_agent": True}, {"call": {"on_invalid_call": "ask_again"}}])
def test_a_call_that_cannot_be_executed_is_asked_for_once_more(emulator, speak, stream, how):
    emulator.script(BROKEN, GOOD)
    how = {**how, "call": {**how.get("call", {}), "tools": [CLOCK]}}
    deltas, completion = speak(stream=stream, **how)
    first, second = emulator.requests
    assert second == {**first, "messages": second["messages"]}
    answer, question = second["messages"][len(first["messages"]) :]
    assert (answer["role"], answer["content"]) == ("assistant", '{"zone": }')
    assert question["role"] == "user"
    assert "`clock`" in question["content"]
    calls = completion.choice.tool_calls
    assert [call.id for call in calls if not call.error] == ["call_2"]
    assert [call.id for call in calls if call.error] == (["call_1"] if stream else [])
    assert {one.position for delta in deltas for one in delta.fragments} == ({0, 1} if stream else set())
    (told,) = completion.metadata()["asked_again"]
    assert told["question"] == question["content"]
    assert told["usage"]["completion_tokens"] > 0
    assert told["request_id"] != completion.request_id


@EITHER
def test_a_second_answer_like_the_first_is_an_error_or_kept_as_asked(emulator, speak, stream):
    emulator.script(BROKEN, BROKEN)
    with pytest.raises(InvalidResponseError, match="clock"):
        speak(stream=stream, call={"tools": [CLOCK]}, in_agent=True)
    assert len(emulator.requests) == 2
    emulator.script(BROKEN, BROKEN)
    with pytest.raises(InvalidResponseError):
        speak(stream=stream, call={"tools": [CLOCK], "on_invalid_call": "raise"})
    _, completion = speak(stream=stream, call={"tools": [CLOCK], "on_invalid_call": "keep"}, in_agent=True)
    assert completion.choice.tool_calls[0].error
    assert len(emulator.requests) == 4


@EITHER
@pytest.mark.parametrize("finish_reason", ["length", "content_filter"])
def test_what_would_end_so_again_is_not_asked_again(emulator, speak, stream, finish_reason):
    emulator.script(Answer(tool_calls=BROKEN.tool_calls, finish_reason=finish_reason))
    with pytest.raises(InvalidResponseError):
        speak(stream=stream, call={"tools": [CLOCK]}, in_agent=True)


@EITHER
def test_the_second_request_has_what_the_first_left_of_retries_and_lessons(emulator, speak, stream):
    busy, no = Failure(429, "busy", retry_after=0), Failure(400, "parallel_tool_calls is not supported")
    emulator.script(busy, no, BROKEN, busy)
    call = {"tools": [CLOCK], "parallel_tool_calls": True}
    with pytest.warns(AnyfastWarning, match="parallel_tool_calls"), pytest.raises(RateLimitError) as caught:
        speak(stream=stream, call=call, in_agent=True, max_retries=1)
    assert len(emulator.requests) == 4
    assert "parallel_tool_calls" not in emulator.requests[-1]
    assert caught.value.partial.choice.tool_calls[0].name == "clock"


def test_the_time_of_the_call_is_that_of_both_requests():
    connection = Connection(api_key="key", total_timeout=9)
    first = Exchange(connection, Request.of({"model": "gpt-4o", "messages": ASK}))
    second = Exchange(connection, Request.of({"model": "gpt-4o", "messages": ASK}), after=first)
    third = Exchange(Connection(api_key="key"), Request.of({"model": "gpt-4o", "messages": ASK}), after=first)
    with first.reporting():
        assert first.deadline.left() is not None  # the clock is looked at
    with second.reporting(), third.reporting():
        assert third.deadline.end_of("timeout") == first.deadline.end_of("timeout") is not None
        assert first.deadline.end_of("total_timeout") == second.deadline.end_of("total_timeout") is not None


@EITHER
def test_an_answer_that_reasoning_ate_is_settled_as_the_call_says(emulator, speak, stream):
    empty = Answer(reasoning="Hm.", finish_reason="length")
    emulator.script(empty, empty, empty)
    with pytest.raises(EmptyAnswerError):
        speak(stream=stream, call={"on_empty": "raise"})
    with pytest.warns(AnyfastWarning, match="spent it all on reasoning"):
        speak(stream=stream)
    assert speak(stream=stream, call={"on_empty": "keep"})[1].reasoning == "Hm."


def test_what_cannot_be_sent_is_told_before_a_stream_is_read(emulator):
    model = Both(model="deepseek-v4-pro", api_key=emulator.api_key)
    for client in (Client(model), AsyncClient(model)):
        with pytest.raises(UnsupportedParameterError, match="no message"):
            client.ask_stream(Call.of(model, {}, stream=True), [])
