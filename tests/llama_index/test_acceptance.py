"""The acceptance list: what fails with other integrations, turned round. A test's number is its number on the list.

1 to 9 are here: what is sent, and agents. 10 to 18 are in `test_acceptance_of_answers.py`.
"""

import email.utils
import json
import time

import pytest
from llama_index.core import Document, Settings, SummaryIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import RouterQueryEngine
from llama_index.core.tools import FunctionTool, QueryEngineTool
from llama_index.core.workflow import Context
from pydantic import BaseModel

from anyfast_emulator import Answer, Failure, Raw, ToolCall
from anyfast_transport import (
    AnyfastWarning,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    InvalidResponseError,
    StreamInterruptedError,
    UnsupportedParameterError,
)
from anyfast_transport.http import sender
from llama_index_anyfast import AnyfastLLM
from tests.faults.fault_gateway import EVENTS, Gateway, hold, reset, sse

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key"),
    # Told where a named tool is asked for and the model thinks; the tests look at what was sent.
    pytest.mark.filterwarnings("ignore:.*refuses a forced tool_choice"),
]

MODELS = ["deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving", "gemini-3-pro-preview"]
LOOK = Answer(reasoning="First the city.", tool_calls=[ToolCall("get_city", {"country": "France"})])
DONE = Answer(reasoning="That is all.", text="Paris.")


def get_city(country: str) -> str:
    """The capital of a country."""
    return f"the capital of {country}"


CITY = FunctionTool.from_defaults(get_city)


class Person(BaseModel):
    """A person."""

    name: str
    age: int


ADA = Person(name="Ada", age=36)
ABOUT = PromptTemplate("Tell me about Ada, aged 36.")
AS_TEXT = Answer(reasoning="Hm.", text='{"name": "Ada", "age": 36}')


@pytest.fixture
def raw_gateway():
    gateway = Gateway().start()
    yield gateway
    gateway.stop()


def test_01_any_model_has_metadata_offline_and_goes_to_chat_completions(raw_gateway, user):
    llm = AnyfastLLM("never-heard-of-01", base_url="http://127.0.0.1:9/v1", api_key="k")
    with pytest.warns(AnyfastWarning, match="context window of never-heard-of-01"):
        metadata = llm.metadata
    assert (metadata.is_chat_model, metadata.context_window, metadata.num_output) == (True, 128_000, 4_096)
    llm = AnyfastLLM("never-heard-of-01", base_url=raw_gateway.base_url, api_key="k")
    assert llm.chat([user()]).message.content == "Hello there"  # a second warning would be an error
    assert raw_gateway.requests[0].startswith(b"POST /v1/chat/completions HTTP")


@pytest.mark.parametrize("model", MODELS)
async def test_02_the_same_blocks_by_all_four_ways(model, make, emulator, ask_all, user):
    calls = [ToolCall("get_city", {"country": one}, id=f"call_{one}") for one in ("France", "Spain")]
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    emulator.script(*[Answer(text="I look.", reasoning="A\n\nB", tool_calls=calls, usage=usage, pieces=1)] * 4)
    llm = make(model, thinking=True)
    all_responses = {name: await ask(llm, [user()]) for name, ask in ask_all.items()}
    first, *others = (responses[-1] for responses in all_responses.values())
    assert [block.block_type for block in first.message.blocks] == ["thinking", "text", "tool_call", "tool_call"]
    for other in others:
        assert other.message.blocks == first.message.blocks
        assert other.raw["usage"] == first.raw["usage"] == usage
    for name in ("stream_chat", "astream_chat"):
        responses = all_responses[name]
        assert "".join(one.delta for one in responses) == "I look."
        assert "".join(one.additional_kwargs["thinking_delta"] or "" for one in responses) == "A\n\nB"


async def test_02_nothing_is_lost_of_a_first_chunk_with_null_content(make, emulator, ask_all, user):
    deltas = [{"role": "assistant", "content": None, "reasoning_content": "A"}, {"content": "B"}]
    events = [{"choices": [{"delta": one}]} for one in deltas] + [{"choices": [{"delta": {}, "finish_reason": "stop"}]}]
    emulator.script(*[Raw(b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in events))] * 2)
    for name in ("stream_chat", "astream_chat"):
        responses = await ask_all[name](make(), [user()])
        assert responses[0].additional_kwargs["thinking_delta"] == "A"
        assert responses[-1].message.blocks[0].content == "A"


async def _agent(llm, emulator, **fields):
    emulator.script(LOOK, DONE)
    output = await FunctionAgent(tools=[CITY], llm=llm, **fields).run("The capital of France?")
    assert output.response.content == "Paris."


async def _agent_with_object(llm, emulator):
    emulator.script(LOOK, DONE, AS_TEXT)
    output = await FunctionAgent(tools=[CITY], llm=llm, output_cls=Person).run("?")
    assert output.get_pydantic_model(Person) == ADA


async def _whole(llm, emulator):
    assert llm.structured_predict(Person, ABOUT) == await llm.astructured_predict(Person, ABOUT) == ADA


async def _streamed(llm, emulator):
    assert list(llm.stream_structured_predict(Person, ABOUT))[-1] == ADA
    assert [one async for one in await llm.astream_structured_predict(Person, ABOUT)][-1] == ADA


async def _wrapped(llm, emulator):
    assert llm.as_structured_llm(Person).complete("Ada, aged 36").raw == ADA


async def _router(llm, emulator):
    index = SummaryIndex.from_documents([Document(text="Paris.")])
    tools = [
        QueryEngineTool.from_defaults(index.as_query_engine(llm=llm), name=name, description=name)
        for name in ("countries", "rivers")
    ]
    emulator.script(
        Answer(reasoning="Hm.", tool_calls=[ToolCall("SingleSelection", {"index": 1, "reason": "It fits."})]), DONE
    )
    assert str(RouterQueryEngine.from_defaults(tools, llm=llm).query("The capital of France?")) == "Paris."


async def _query_engine(llm, emulator):
    emulator.script(AS_TEXT)
    index = SummaryIndex.from_documents([Document(text="Ada is 36.")])
    assert index.as_query_engine(llm=llm, output_cls=Person).query("Who?").response == ADA


THINKING = {
    "FunctionAgent, streamed": lambda *on: _agent(*on, streaming=True),
    "FunctionAgent": lambda *on: _agent(*on, streaming=False),
    "initial_tool_choice": lambda *on: _agent(*on, initial_tool_choice="get_city"),
    "an agent's output_cls": _agent_with_object,
    "structured_predict": _whole,
    "stream_structured_predict": _streamed,
    "as_structured_llm": _wrapped,
    "a router": _router,
    "a query engine's output_cls": _query_engine,
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("way", THINKING.values(), ids=THINKING)
async def test_03_everything_ends_while_thinking(way, model, make, emulator, monkeypatch):
    monkeypatch.setattr(Settings, "_llm", None)
    await way(make(model, thinking=True), emulator)


async def test_04_reasoning_survives_context_dumps_and_memory_and_goes_back(make, emulator):
    agent = FunctionAgent(tools=[CITY], llm=make())
    context, memory = Context(agent), ChatMemoryBuffer.from_defaults(token_limit=10_000)
    emulator.script(LOOK, DONE, "You asked about France.")
    await agent.run("The capital of France?", ctx=context, memory=memory)
    kept = json.loads(json.dumps(context.to_dict()))
    dumped = [ChatMessage.model_validate_json(one.model_dump_json()) for one in memory.get_all()]
    memory = ChatMemoryBuffer.from_defaults(chat_history=dumped, token_limit=10_000)
    await agent.run("What did I ask?", ctx=Context.from_dict(agent, kept), memory=memory)
    turns = [one for one in emulator.requests[-1]["messages"] if one["role"] == "assistant"]
    assert [turn["reasoning_content"] for turn in turns] == ["First the city.", "That is all."]


@pytest.mark.parametrize("model", MODELS)
async def test_04_a_history_without_reasoning_is_no_error(model, make, emulator, user):
    call = ToolCallBlock(tool_call_id="call_of_another", tool_name="get_city", tool_kwargs={"country": "France"})
    result = ChatMessage(role="tool", content="Paris", additional_kwargs={"tool_call_id": "call_of_another"})
    history = [user("?"), ChatMessage(role="assistant", blocks=[call]), result, user("And now?")]
    response = await make(model, thinking=True).achat_with_tools([CITY], chat_history=history)
    assert response.additional_kwargs["finish_reason"]


def _entry(**fields) -> dict:
    function = {name: fields.pop(name) for name in ("name", "arguments") if name in fields}
    return {**fields, "function": function}


A, B = {"name": "get_city", "arguments": '{"country": "A"}'}, {"name": "get_city", "arguments": '{"country": "B"}'}
SHAPES = {
    "several in one chunk": [[_entry(index=0, id="a", **A), _entry(index=1, id="b", **B)]],
    "index always 0": [[_entry(index=0, id="a", **A)], [_entry(index=0, id="b", **B)]],
    "no index": [[_entry(id="a", **A)], [_entry(id="b", **B)]],
    "name and id repeated": [
        [_entry(index=0, id="a", name="get_city", arguments='{"country"')],
        [_entry(index=0, id="a", name="get_city", arguments=': "A"}')],
        [_entry(index=1, id="b", **B)],
    ],
    "interleaved": [
        [_entry(index=0, id="a", name="get_city", arguments='{"country"')],
        [_entry(index=1, id="b", name="get_city", arguments='{"country"')],
        [_entry(index=0, arguments=': "A"}')],
        [_entry(index=1, arguments=': "B"}')],
    ],
}


def _streamed_calls(chunks: list, finish: str = "tool_calls") -> Raw:
    choices = [{"delta": {"tool_calls": chunk}} for chunk in chunks] + [{"delta": {}, "finish_reason": finish}]
    return Raw(b"".join(b"data: " + json.dumps({"choices": [one]}).encode() + b"\n\n" for one in choices))


@pytest.mark.parametrize("chunks", SHAPES.values(), ids=SHAPES)
async def test_05_every_shape_of_a_stream_gives_two_calls(chunks, make, emulator):
    emulator.script(_streamed_calls(chunks))
    llm = make()
    *_, last = llm.stream_chat_with_tools([CITY], "?", allow_parallel_tool_calls=True)
    found = llm.get_tool_calls_from_response(last)
    assert [(one.tool_id, one.tool_kwargs) for one in found] == [("a", {"country": "A"}), ("b", {"country": "B"})]


@pytest.mark.parametrize(("arguments", "finish"), [('{"country": "Fra', "length"), ("country=France", "tool_calls")])
@pytest.mark.parametrize("streaming", [True, False])
async def test_05_unreadable_arguments_never_execute(streaming, arguments, finish, make, emulator):
    ran = []
    tool = FunctionTool.from_defaults(lambda country: ran.append(country), name="get_city", description="?")
    asked = 1 if finish == "length" else 2  # what was cut off would be cut off again
    emulator.script(*[Answer(tool_calls=[ToolCall("get_city", arguments)], finish_reason=finish)] * asked)
    with pytest.raises(InvalidResponseError, match="get_city"):
        await FunctionAgent(tools=[tool], llm=make(thinking=False), streaming=streaming).run("?")
    assert (ran, len(emulator.requests)) == ([], asked)


async def test_05_a_long_argument_is_parsed_a_fixed_number_of_times(make, emulator, monkeypatch):
    """1,250 chunks of 16 characters: what is parsed at every chunk would be parsed 12 million characters long."""
    from anyfast_transport.response import tool_calls
    from llama_index_anyfast import responses

    arguments = json.dumps({"country": "x" * 20_000})
    read = []

    def counted(text: str):
        read.append(len(text))
        return parse(text)

    parse = tool_calls.parsed_arguments
    monkeypatch.setattr(tool_calls, "parsed_arguments", counted)
    monkeypatch.setattr(responses, "parsed_arguments", counted)
    pieces = [[_entry(index=0, arguments=arguments[at : at + 16])] for at in range(0, len(arguments), 16)]
    emulator.script(_streamed_calls([[_entry(index=0, id="a", name="get_city", arguments="")], *pieces]), DONE)
    output = await FunctionAgent(tools=[CITY], llm=make(thinking=False), streaming=True).run("?")
    assert output.tool_calls[0].tool_kwargs == json.loads(arguments)
    assert 0 < sum(read) <= 4 * len(arguments)


@pytest.mark.parametrize("streaming", [True, False])
async def test_06_a_thought_signature_goes_back_on_its_call(streaming, make, emulator):
    signed = ToolCall("get_city", {"country": "France"}, extra_content={"google": {"thought_signature": "sig"}})
    emulator.script(Answer(tool_calls=[signed, ToolCall("get_city", {"country": "Spain"})]), DONE)
    await FunctionAgent(tools=[CITY], llm=make("gemini-3-pro-preview"), streaming=streaming).run("?")
    first, second = next(one for one in emulator.requests[1]["messages"] if one.get("tool_calls"))["tool_calls"]
    assert first["extra_content"] == {"google": {"thought_signature": "sig"}}
    assert "extra_content" not in second


def test_07_the_call_beats_the_field_and_bodies_are_merged(make, emulator, user):
    llm = make("gemini-2.5-pro", temperature=0.1, max_tokens=900, extra_body={"metadata": {"a": 1, "b": 1}})
    llm.chat([user()], temperature=0.9, extra_body={"metadata": {"b": 2}})
    body = emulator.requests[0]
    assert (body["temperature"], body["max_tokens"], body["metadata"]) == (0.9, 900, {"a": 1, "b": 2})
    with pytest.raises(TypeError, match="did you mean 'reasoning_effort'"):
        AnyfastLLM("x", reasoning_efort="high")


SPELLED = {
    "deepseek-v4-pro": (
        {"thinking": True, "reasoning_effort": "max"},
        {"thinking": {"type": "enabled", "reasoning_effort": "max"}, "reasoning_effort": "max"},
    ),
    "qwen3.6-flash": ({"thinking": True}, {"enable_thinking": True}),
    "doubao-seed-evolving": (
        {"thinking": True, "reasoning_effort": "high"},
        {"thinking": {"type": "enabled"}, "reasoning_effort": "high"},
    ),
    "gemini-2.5-pro": ({"thinking": False}, {"reasoning_effort": "none"}),
}


@pytest.mark.parametrize("model", SPELLED)
def test_08_thinking_is_spelled_as_each_family_wants_it(model, make, emulator, user):
    fields, sent = SPELLED[model]
    make(model, **fields).chat([user()])
    assert emulator.requests[0] == {"model": model, "messages": [{"role": "user", "content": "Hi"}], **sent}


def test_08_lengths_stops_and_user_ids(make, emulator, user):
    make("qwen3.6-flash", max_tokens=9, stop="x").chat([user()])
    assert emulator.requests[0].items() >= {"max_completion_tokens": 9, "stop": ["x"]}.items()
    with pytest.raises(UnsupportedParameterError, match="user_id"):
        make().chat([user()], user_id="not an id")


@pytest.fixture
def slept(monkeypatch) -> list:
    """The waits between attempts, which are not waited."""
    waits: list[float] = []
    monkeypatch.setattr(sender.time, "sleep", waits.append)
    return waits


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
@pytest.mark.parametrize("way", ["chat", "stream_chat"])
async def test_09_one_authority_for_retries(way, status, make, emulator, ask_all, user, slept):
    emulator.script(*[Failure(status)] * 4)
    with pytest.raises(APIStatusError):
        await ask_all[way](make(max_retries=3), [user()])
    assert len(emulator.requests) == 4
    assert len(slept) == 3


async def test_09_what_cannot_pass_is_not_repeated(make, emulator, ask, user, slept):
    emulator.script(Failure(400, "No."))
    with pytest.raises(APIStatusError):
        await ask(make(max_retries=3), [user()])
    assert len(emulator.requests) == 1


def test_09_failed_connections_are_repeated(user, slept):
    llm = AnyfastLLM("deepseek-v4-pro", base_url="http://127.0.0.1:9/v1", api_key="k", max_retries=3)
    with pytest.raises(APIConnectionError):
        llm.chat([user()])
    assert len(slept) == 3


@pytest.mark.parametrize("spelled", ["seconds", "date"])
def test_09_retry_after_is_honoured(spelled, make, emulator, user, slept):
    asked = 30 if spelled == "seconds" else email.utils.formatdate(time.time() + 31, usegmt=True)
    emulator.script(Failure(429, retry_after=asked), "Hi")
    make(max_retries=1).chat([user()])
    assert 25 < slept[0] <= 31


def test_09_retry_after_in_milliseconds_and_beyond_all_patience(make, emulator, user, slept):
    emulator.script(Failure(429, headers={"retry-after-ms": "250"}), "Hi", Failure(429, retry_after=3600))
    make(max_retries=1).chat([user()])
    with pytest.raises(APIStatusError):
        make(max_retries=1).chat([user()])
    assert slept == [0.25]


def test_09_nothing_is_repeated_after_the_first_token_and_a_stall_is_typed(raw_gateway, user, slept):
    llm = AnyfastLLM("deepseek-v4-pro", base_url=raw_gateway.base_url, api_key="k", max_retries=3, timeout=0.1)
    raw_gateway.script((sse(*EVENTS[:2]), reset))
    with pytest.raises(StreamInterruptedError):
        list(llm.stream_chat([user()]))
    raw_gateway.script((sse(*EVENTS[:2]), hold))
    with pytest.raises(APITimeoutError):
        list(llm.stream_chat([user()]))
    assert (len(raw_gateway.requests), slept) == (2, [])
