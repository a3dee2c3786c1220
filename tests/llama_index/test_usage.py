"""What a run uses, however the model is called: counted, and once."""

import asyncio

import pytest
from llama_index.core import Document, PromptTemplate, SummaryIndex
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.llms import MockLLM
from llama_index.core.tools import QueryEngineTool
from pydantic import BaseModel

from anyfast_emulator import Answer, Failure, ToolCall
from anyfast_transport import APIStatusError, StreamInterruptedError
from llama_index_anyfast import Price, UsageEventHandler, UsageTracker, track_usage
from tests.llama_index.reading import read

# LlamaIndex's agents look at every attribute of a pydantic object, deprecated ones too.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:inspect")

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 64},
    "completion_tokens_details": {"reasoning_tokens": 15},
}
HI = Answer("Hi", reasoning="Hm.", usage=USAGE)
PRICES = {"deepseek-v4-pro": Price(input=2.0, output=10.0, cached_input=0.5)}
COST = (36 * 2.0 + 64 * 0.5 + 20 * 10.0) / 1e6
PROMPT = PromptTemplate("A colour, in JSON")


class Colour(BaseModel):
    """A colour."""

    name: str


def counted(tracker):
    used = tracker.total
    return used.calls, used.input, used.cached, used.output, used.reasoning, used.failed


@pytest.fixture(autouse=True)
def _nothing_is_left_behind():
    before = list(get_dispatcher().event_handlers)
    yield
    assert get_dispatcher().event_handlers == before


async def test_each_way_to_chat_is_counted_once(ask, make, emulator, user):
    emulator.script(HI)
    with track_usage(PRICES) as tracker:
        await ask(make(), [user()])
    assert counted(tracker) == (1, 100, 64, 20, 15, 0)
    assert list(tracker.models) == ["deepseek-v4-pro"]
    assert tracker.cost == pytest.approx(COST)


async def test_an_answer_that_was_asked_for_again_is_counted_too(ask, make, emulator, user):
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    broken = Answer(tool_calls=[ToolCall("weather", "{")], finish_reason="tool_calls", usage=USAGE)
    emulator.script(broken, Answer(tool_calls=[ToolCall("weather", {"city": "Oslo"})], usage=USAGE))
    with track_usage(PRICES) as tracker:
        *_, last = await ask(make(on_invalid_call="ask_again"), [user()], tools=[tool])
    assert counted(tracker) == (2, 200, 128, 40, 30, 0)
    assert last.raw["usage"] == USAGE


@pytest.mark.parametrize("way", ["complete", "acomplete", "stream_complete", "astream_complete"])
async def test_each_way_to_complete_is_counted_once(way, make, emulator):
    emulator.script(HI)
    with track_usage() as tracker:
        await read(way, getattr(make(), way)("Hi"))
    assert counted(tracker) == (1, 100, 64, 20, 15, 0)


STRUCTURED = Answer(tool_calls=[ToolCall("Colour", {"name": "red"})], usage=USAGE)


@pytest.mark.parametrize(
    "way", ["structured_predict", "astructured_predict", "stream_structured_predict", "astream_structured_predict"]
)
async def test_structured_output(way, make, emulator):
    emulator.script(STRUCTURED)
    llm = make(thinking=False)
    with track_usage() as tracker:
        await read(way, getattr(llm, way)(Colour, PROMPT))
    assert counted(tracker) == (1, 100, 64, 20, 15, 0)


async def test_an_agent_with_an_engine_as_its_tool(make, emulator):
    emulator.script(Answer(reasoning="I ask.", tool_calls=[ToolCall("book", {"input": "Ada?"})], usage=USAGE), HI, HI)
    index = SummaryIndex.from_documents([Document(text="Ada was born in 1815.")])
    tool = QueryEngineTool.from_defaults(index.as_query_engine(llm=make()), name="book", description="A book.")
    with track_usage(PRICES) as tracker:
        await FunctionAgent(llm=make(), tools=[tool]).run("When was Ada born?")
    assert counted(tracker) == (3, 300, 192, 60, 45, 0)
    assert tracker.cost == pytest.approx(3 * COST)


async def test_a_workflow_with_a_handoff(make, emulator):
    handoff = ToolCall("handoff", {"to_agent": "second", "reason": "It knows."})
    emulator.script(Answer(reasoning="Not mine.", tool_calls=[handoff], usage=USAGE), HI)
    first = FunctionAgent(name="first", description="First.", llm=make(), can_handoff_to=["second"])
    second = FunctionAgent(name="second", description="Second.", llm=make())
    with track_usage() as tracker:
        await AgentWorkflow(agents=[first, second], root_agent="first").run("?")
    assert counted(tracker)[0] == 2


async def test_tasks_side_by_side_are_kept_apart(make, emulator, user):
    emulator.script(*[HI] * 3)

    async def work(calls):
        with track_usage() as tracker:
            await asyncio.gather(*(make().achat([user()]) for _ in range(calls)))
        return counted(tracker)[0]

    assert await asyncio.gather(work(1), work(2)) == [1, 2]


def test_a_block_inside_of_another(make, emulator, user):
    emulator.script(HI, HI)
    with track_usage() as outer:
        make().chat([user()])
        with track_usage() as inner:
            make().chat([user()])
    assert (counted(outer)[0], counted(inner)[0]) == (2, 1)


def test_nothing_is_counted_behind_the_block_nor_after_an_error(make, emulator, user):
    emulator.script(HI)
    with pytest.raises(KeyError), track_usage() as tracker:
        raise KeyError
    make().chat([user()])
    assert tracker.models == {}


async def test_what_fails_is_counted_as_such(make, emulator, user, ask_all):
    cut = Answer("Hello there", cut_after=2, pieces=2)
    emulator.script(Failure(500), Failure(500), cut, cut, Failure(500), HI)
    llm = make()
    with track_usage(PRICES) as tracker:
        for way in ("chat", "achat"):
            with pytest.raises(APIStatusError):
                await ask_all[way](llm, [user()])
        for way in ("stream_chat", "astream_chat"):
            with pytest.raises(StreamInterruptedError):
                await ask_all[way](llm, [user()])
        with pytest.raises(APIStatusError):
            await ask_all["stream_chat"](llm, [user()])
        llm.chat([user()])
    assert counted(tracker) == (1, 100, 64, 20, 15, 5)


def test_a_stream_that_is_left_is_not_passed_over(make, emulator, user):
    emulator.script(Answer("Hello there", usage=USAGE, pieces=2))
    with track_usage(PRICES) as tracker:
        stream = make().stream_chat([user()])
        next(stream)
        stream.close()
    assert (tracker.total.calls, tracker.total.unmetered, tracker.cost) == (1, 1, None)


def test_models_are_told_apart(make, emulator, user):
    emulator.script(HI, HI, HI)
    with track_usage(PRICES) as tracker:
        make().chat([user()])
        make("MiniMax-M2.7").chat([user()])
        make("qwen3.6-flash").chat([user()], model="kimi-k2.6")
    assert list(tracker.models) == ["deepseek-v4-pro", "MiniMax/MiniMax-M2.7", "kimi-k2.6"]


def test_other_classes_are_counted_once_too(user):
    with track_usage() as tracker:
        MockLLM().chat([user()])
        MockLLM().complete("Hi")
    assert tracker.total.calls <= 2
    assert tracker.total.unmetered == tracker.total.calls


def test_a_handler_counts_the_whole_process_until_it_is_removed(make, emulator, user):
    emulator.script(HI)
    tracker, root = UsageTracker(), get_dispatcher()
    handler = UsageEventHandler(tracker)
    root.add_event_handler(handler)
    try:
        make().chat([user()])
    finally:
        root.event_handlers.remove(handler)
    assert counted(tracker)[0] == 1
