"""What a run uses, however the model is called: counted, and once."""

import asyncio

import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableLambda
from pydantic import BaseModel

from anyfast_emulator import Answer, Failure, ToolCall
from anyfast_transport import APIStatusError, StreamInterruptedError
from langchain_anyfast import Price, UsageCallbackHandler, UsageTracker, track_usage

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 64},
    "completion_tokens_details": {"reasoning_tokens": 15},
}
HI = Answer("Hi", reasoning="Hm.", usage=USAGE)
CALL = Answer(reasoning="I look.", tool_calls=[ToolCall("weather", {"city": "Oslo"})], usage=USAGE)
PRICES = {"deepseek-v4-pro": Price(input=2.0, output=10.0, cached_input=0.5)}
COST = (36 * 2.0 + 64 * 0.5 + 20 * 10.0) / 1e6


def weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


def counted(tracker):
    used = tracker.total
    return used.calls, used.input, used.cached, used.output, used.reasoning, used.failed


class Colour(BaseModel):
    """A colour."""

    name: str


async def stream(model):
    return list(model.stream("Hi"))


async def astream(model):
    return [chunk async for chunk in model.astream("Hi")]


async def invoke(model):
    return model.invoke("Hi")


async def batch(model):
    return model.batch(["Hi"])


async def in_a_chain(model):
    return (RunnableLambda(lambda x: x) | model).invoke("Hi")


async def ainvoke(model):
    return await model.ainvoke("Hi")


async def abatch(model):
    return await model.abatch(["Hi"])


async def generate(model):
    return model.generate_prompt([model._convert_input("Hi")])


WAYS = [invoke, ainvoke, stream, astream, batch, abatch, in_a_chain, generate]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("fields", [{}, {"streaming": True}], ids=["plain", "streaming"])
async def test_each_way_to_call_is_counted_once(chat, emulator, way, fields):
    emulator.script(HI)
    with track_usage(PRICES) as tracker:
        await way(chat(**fields))
    assert counted(tracker) == (1, 100, 64, 20, 15, 0)
    assert list(tracker.models) == ["deepseek-v4-pro"]
    assert tracker.cost == pytest.approx(COST)


async def test_nothing_is_counted_behind_the_block(chat, emulator):
    emulator.script(HI, HI)
    with track_usage() as tracker:
        chat().invoke("Hi")
    chat().invoke("Hi")
    assert counted(tracker)[0] == 1


def test_a_stream_is_counted_that_is_read_behind_the_block(chat, emulator):
    emulator.script(HI)
    with track_usage() as tracker:
        chunks = chat().stream("Hi")
        next(chunks)
    list(chunks)
    assert counted(tracker) == (1, 100, 64, 20, 15, 0)


def test_a_batch_counts_each_of_its_calls(chat, emulator):
    emulator.script(*[HI] * 5)
    with track_usage() as tracker:
        chat().batch(["Hi"] * 5)
    assert counted(tracker) == (5, 500, 320, 100, 75, 0)


async def test_tasks_side_by_side_are_kept_apart(chat, emulator):
    emulator.script(*[HI] * 3)

    async def work(calls):
        with track_usage() as tracker:
            await asyncio.gather(*(chat().ainvoke("Hi") for _ in range(calls)))
        return counted(tracker)[0]

    assert await asyncio.gather(work(1), work(2)) == [1, 2]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_agent_in_an_agent_is_counted_by_every_block_around_it(chat, emulator, asynchronous):
    emulator.script(
        Answer(reasoning="I ask.", tool_calls=[ToolCall("expert", {"question": "Oslo?"})], usage=USAGE), CALL, HI, HI
    )
    inner = []

    async def expert(question: str) -> str:
        """Knows the weather."""
        with track_usage() as tracker:
            result = await create_agent(chat(), [weather]).ainvoke({"messages": [("user", question)]})
        inner.append(counted(tracker)[0])
        return result["messages"][-1].text

    def sync_expert(question: str) -> str:
        """Knows the weather."""
        with track_usage() as tracker:
            result = create_agent(chat(), [weather]).invoke({"messages": [("user", question)]})
        inner.append(counted(tracker)[0])
        return result["messages"][-1].text

    sync_expert.__name__ = "expert"
    agent = create_agent(chat(), [expert if asynchronous else sync_expert])
    asked = {"messages": [("user", "Weather?")]}
    with track_usage(PRICES) as outer:
        result = await agent.ainvoke(asked) if asynchronous else agent.invoke(asked)
    assert any(isinstance(one, ToolMessage) for one in result["messages"])
    assert inner == [2]
    assert counted(outer) == (4, 400, 256, 80, 60, 0)
    assert outer.cost == pytest.approx(4 * COST)


@pytest.mark.parametrize("method", ["function_calling", "json_mode"])
def test_structured_output(chat, emulator, method):
    emulator.script(Answer(text='{"name": "red"}', usage=USAGE))
    with track_usage() as tracker:
        chat(thinking=False).with_structured_output(Colour, method=method).invoke("A colour, in JSON")
    assert counted(tracker)[0] == 1


async def test_what_fails_is_counted_as_such(chat, emulator):
    emulator.script(Failure(500), Failure(500), Answer("Hello there", cut_after=2, pieces=2), HI, HI)
    model = chat()
    with track_usage(PRICES) as tracker:
        for ask in (invoke, ainvoke):
            with pytest.raises(APIStatusError):
                await ask(model)
        with pytest.raises(StreamInterruptedError):
            await stream(model)
        left = model.stream("Hi")
        next(left)
        left.close()
        await invoke(model)
    assert counted(tracker) == (1, 100, 64, 20, 15, 4)
    assert "Calls that failed or were left, whose tokens are not known: 4 of deepseek-v4-pro." in str(tracker)


def test_a_call_that_succeeds_after_retries_is_one(chat, emulator):
    emulator.script(Failure(500, retry_after=0), Failure(429, retry_after=0), HI)
    with track_usage() as tracker:
        chat(max_retries=2).invoke("Hi")
    assert counted(tracker) == (1, 100, 64, 20, 15, 0)


@pytest.mark.parametrize("streaming", [False, True])
def test_an_answer_that_was_asked_for_again_is_counted_too(chat, emulator, streaming):
    emulator.script(Answer(tool_calls=[ToolCall("weather", "{")], finish_reason="tool_calls", usage=USAGE), CALL)
    model = chat(on_invalid_call="ask_again", streaming=streaming).bind_tools([weather])
    with track_usage(PRICES) as tracker:
        answer = model.invoke("Weather?")
    assert counted(tracker) == (2, 200, 128, 40, 30, 0)
    assert answer.usage_metadata["total_tokens"] == 120
    assert answer.tool_calls[0]["args"] == {"city": "Oslo"}


def test_what_a_cache_answers_costs_nothing(chat, emulator):
    emulator.script(HI)
    model = chat(cache=InMemoryCache())
    with track_usage(PRICES) as tracker:
        assert [model.invoke("Hi").text for _ in range(3)] == ["Hi"] * 3
    assert counted(tracker)[0] == 1
    assert tracker.cost == pytest.approx(COST)


def test_several_answers_of_one_call(chat, emulator):
    emulator.script(HI)
    with track_usage() as tracker:
        chat("gemini-2.5-pro", n=2).invoke("Hi")
    assert counted(tracker)[:2] == (1, 100)


def test_models_are_told_apart(chat, emulator):
    emulator.script(HI, HI, HI)
    with track_usage(PRICES) as tracker:
        chat().invoke("Hi")
        chat("MiniMax-M2.7").invoke("Hi")
        chat("qwen3.6-flash").invoke("Hi", model="kimi-k2.6")
    assert list(tracker.models) == ["deepseek-v4-pro", "MiniMax/MiniMax-M2.7", "kimi-k2.6"]
    assert tracker.cost is None


def test_a_stream_without_usage_is_not_passed_over(chat, emulator):
    emulator.script(Answer("Hi"))
    with track_usage(PRICES) as tracker:
        list(chat("qwen3.6-flash", stream_usage=False).stream("Hi"))
    assert (tracker.total.calls, tracker.total.unmetered, tracker.cost) == (1, 1, None)


def test_a_handler_counts_for_as_long_as_it_is_a_callback(chat, emulator):
    emulator.script(HI, HI)
    tracker = UsageTracker()
    model = chat().with_config(callbacks=[UsageCallbackHandler(tracker)])
    with track_usage() as block:
        model.invoke("Hi")
    model.invoke("Hi")
    assert (counted(tracker)[0], counted(block)[0]) == (2, 1)


def test_several_blocks_may_count_into_one(chat, emulator):
    emulator.script(HI, HI)
    tracker = UsageTracker(PRICES)
    for _ in range(2):
        with track_usage(tracker=tracker) as same:
            chat().invoke("Hi")
        assert same is tracker
    assert counted(tracker)[0] == 2
    assert tracker.cost == pytest.approx(2 * COST)
