"""Agents: loops of several steps with a model that thinks, against a gateway that checks every turn."""

import json

import pytest
from llama_index.core.agent.workflow import AgentStream, AgentWorkflow, CodeActAgent, FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ThinkingBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context
from pydantic import BaseModel

from anyfast_emulator import Answer, ToolCall
from anyfast_transport import (
    AnyfastWarning,
    BadRequestError,
    InvalidResponseError,
    track_usage,
)
from anyfast_transport.request.names import wire_name
from llama_index_anyfast import AnyfastLLM

# LlamaIndex's agents use what pydantic and its own workflows deprecate, and say that memory is not in a dump.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key"),
]

MODELS = ["deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving", "gemini-2.5-pro", "gemini-3-pro-preview"]
CITY = Answer(reasoning="First the city.", tool_calls=[ToolCall("get_city", {"country": "France"})])
WEATHER = Answer(reasoning="Now the weather.", tool_calls=[ToolCall("get_weather", {"city": "Paris"})])
DONE = Answer(reasoning="That is all.", text="Sunny in Paris.")


@pytest.fixture
def called() -> list:
    return []


@pytest.fixture
def tools(called) -> list[FunctionTool]:
    def get_city(country: str) -> str:
        """The capital of a country."""
        called.append(country)
        return "Paris"

    def get_weather(city: str) -> str:
        """The weather of a city."""
        called.append(city)
        return "sunny"

    return [FunctionTool.from_defaults(get_city), FunctionTool.from_defaults(get_weather)]


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("model", MODELS)
async def test_three_steps(model, streaming, make, emulator, tools, called):
    emulator.script(CITY, WEATHER, DONE)
    agent = FunctionAgent(tools=tools, llm=make(model, thinking=True), streaming=streaming)
    output = await agent.run("The weather in the capital of France?")
    assert output.response.content == "Sunny in Paris."
    assert called == ["France", "Paris"]
    assert len(emulator.requests) == 3


@pytest.mark.parametrize("streaming", [True, False])
async def test_without_its_reasoning_the_loop_fails(streaming, make, emulator, tools):
    """The test above would prove nothing if the gateway did not look."""
    emulator.script(CITY)
    blunt = make(reasoning_replay="never", learn_from_refusals=False)
    agent = FunctionAgent(tools=tools, llm=blunt, streaming=streaming)
    with pytest.raises(BadRequestError, match="reasoning_content"):
        await agent.run("The weather in the capital of France?")
    assert len(emulator.requests) == 2


async def test_a_second_question_still_carries_the_reasoning(make, emulator, tools):
    emulator.script(CITY, DONE, "You asked about France.")
    agent = FunctionAgent(tools=tools, llm=make())
    context, memory = Context(agent), ChatMemoryBuffer.from_defaults(token_limit=10_000)
    await agent.run("The capital of France?", ctx=context, memory=memory)
    kept = json.dumps(context.to_dict())
    assert emulator.api_key not in kept
    await agent.run("What did I ask?", ctx=Context.from_dict(agent, json.loads(kept)), memory=memory)
    turns = [one for one in emulator.requests[-1]["messages"] if one["role"] == "assistant"]
    assert [turn["reasoning_content"] for turn in turns] == ["First the city.", "That is all."]


async def test_events_show_reasoning_and_text_as_they_come(make, emulator, tools):
    emulator.script(CITY, DONE)
    handler = FunctionAgent(tools=tools, llm=make(), streaming=True).run("?")
    events = [event async for event in handler.stream_events() if isinstance(event, AgentStream)]
    await handler
    assert "".join(event.thinking_delta or "" for event in events) == "First the city.That is all."
    assert "".join(event.delta for event in events) == "Sunny in Paris."
    assert sum(len(event.tool_calls) for event in events) == 1


async def test_parallel_calls(make, emulator, tools, called):
    emulator.script(Answer(reasoning="Both.", tool_calls=[*CITY.tool_calls, *WEATHER.tool_calls]), DONE)
    await FunctionAgent(tools=tools, llm=make()).run("?")
    assert sorted(called) == ["France", "Paris"]


async def test_only_one_call_at_a_time_if_wanted(make, emulator, tools, called):
    emulator.script(Answer(tool_calls=[*CITY.tool_calls, *WEATHER.tool_calls]), DONE)
    await FunctionAgent(tools=tools, llm=make(thinking=False), allow_parallel_tool_calls=False).run("?")
    assert called == ["France"]


HALF = ToolCall("get_city", '{"country": "Fra')
BROKEN = Answer(reasoning="Hm.", tool_calls=[ToolCall("get_city", '{"country": "France" "x"}')])


@pytest.mark.parametrize("streaming", [True, False])
async def test_half_a_call_ends_the_run_with_an_error(streaming, make, emulator, tools, called):
    emulator.script(Answer(tool_calls=[HALF], finish_reason="length"))
    with pytest.raises(InvalidResponseError, match=r"'get_city'.*Raise max_tokens"):
        await FunctionAgent(tools=tools, llm=make(), streaming=streaming).run("?")
    assert called == []


@pytest.mark.parametrize("streaming", [True, False])
async def test_half_a_call_beside_a_whole_one_is_left_out(streaming, make, emulator, tools, called):
    emulator.script(Answer(tool_calls=[HALF, *WEATHER.tool_calls], finish_reason="length"), DONE)
    await FunctionAgent(tools=tools, llm=make(), streaming=streaming).run("?")
    assert called == ["Paris"]
    turn, result = emulator.requests[1]["messages"][-2:]
    assert [call["function"]["name"] for call in turn["tool_calls"]] == ["get_weather"]
    assert result["tool_call_id"] == turn["tool_calls"][0]["id"]


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("parallel", [True, False])
async def test_a_broken_call_is_asked_for_once_more(streaming, parallel, make, emulator, tools, called):
    emulator.script(BROKEN, CITY, DONE)
    agent = FunctionAgent(tools=tools, llm=make(), streaming=streaming, allow_parallel_tool_calls=parallel)
    with track_usage() as tracker:
        output = await agent.run("?")
    assert (output.response.content, called) == ("Sunny in Paris.", ["France"])
    question = emulator.requests[1]["messages"][-1]
    assert (question["role"], "Expecting ',' delimiter" in question["content"]) == ("user", True)
    turn, result = emulator.requests[2]["messages"][-2:]
    assert [call["function"]["arguments"] for call in turn["tool_calls"]] == ['{"country": "France"}']
    assert result["role"] == "tool"
    assert tracker.total.calls == 3


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_broken_call_that_was_asked_about_may_be_answered_in_text(streaming, make, emulator, tools, called):
    emulator.script(BROKEN, DONE)
    output = await FunctionAgent(tools=tools, llm=make(), streaming=streaming).run("?")
    assert (output.response.content, called) == ("Sunny in Paris.", [])


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_call_that_is_broken_twice_ends_the_run_with_an_error(streaming, make, emulator, tools, called):
    emulator.script(BROKEN, BROKEN)
    with pytest.raises(InvalidResponseError, match="not a JSON object"):
        await FunctionAgent(tools=tools, llm=make(), streaming=streaming).run("?")
    emulator.script(BROKEN)
    with pytest.raises(InvalidResponseError, match="not a JSON object"):
        await FunctionAgent(tools=tools, llm=make(on_invalid_call="raise"), streaming=streaming).run("?")
    emulator.script(BROKEN)
    await FunctionAgent(tools=tools, llm=make(on_invalid_call="keep"), streaming=streaming).run("?")
    assert called == []


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_forced_call_that_is_not_made_is_asked_for_once_more(streaming, make, emulator, tools, called):
    emulator.script("Which country?", CITY, DONE)
    agent = FunctionAgent(tools=tools, llm=make(thinking=False), initial_tool_choice="get_city", streaming=streaming)
    await agent.run("?")
    assert called == ["France"]
    assert "`get_city`" in emulator.requests[1]["messages"][-1]["content"]


async def test_no_tools_means_no_tools_on_the_wire(make, emulator):
    emulator.script("Hi")
    await FunctionAgent(tools=[], llm=make()).run("Hi")
    assert emulator.requests[0].keys() == {"model", "messages", "stream", "stream_options"}


async def test_a_forced_first_tool(make, emulator, tools, called):
    emulator.script(CITY, DONE)
    with pytest.warns(AnyfastWarning, match="refuses a forced tool_choice"):
        await FunctionAgent(tools=tools, llm=make(), initial_tool_choice="get_city").run("?")
    assert called == ["France"]
    assert "tool_choice" not in emulator.requests[0]
    assert "`get_city`" in emulator.requests[0]["messages"][0]["content"]
    emulator.script(CITY, DONE)
    llm = make(thinking=False)
    await FunctionAgent(tools=tools, llm=llm, initial_tool_choice="get_city").run("?")
    assert [body.get("tool_choice") for body in emulator.requests[2:]] == [
        {"type": "function", "function": {"name": "get_city"}},
        None,
    ]


async def test_react(make, emulator, tools, called):
    emulator.script(
        Answer(
            reasoning="Hm.", text='Thought: I need the city.\nAction: get_city\nAction Input: {"country": "France"}'
        ),
        Answer(reasoning="Hm.", text="Thought: I can answer.\nAnswer: Paris."),
    )
    output = await ReActAgent(tools=tools, llm=make()).run("The capital of France?")
    assert output.response.content == "Paris."
    assert called == ["France"]


async def test_code_act(make, emulator):
    emulator.script(Answer(reasoning="Hm.", text="<execute>\nprint(2)\n</execute>"), "It is 2.")
    agent = CodeActAgent(code_execute_fn=lambda code: f"ran {code.strip()}", llm=make())
    assert (await agent.run("1 + 1?")).response.content == "It is 2."


async def test_handing_off_to_another_agent(make, emulator, tools):
    llm = make()
    first = FunctionAgent(name="first", description="Hands off.", llm=llm, can_handoff_to=["second"])
    second = FunctionAgent(name="second", description="Knows cities.", tools=tools, llm=llm)
    handoff = ToolCall("handoff", {"to_agent": "second", "reason": "It knows cities."})
    emulator.script(Answer(reasoning="Not mine.", tool_calls=[handoff]), CITY, DONE)
    output = await AgentWorkflow(agents=[first, second], root_agent="first").run(user_msg="The capital of France?")
    assert output.response.content == "Sunny in Paris."
    assert output.current_agent_name == "second"


class Weather(BaseModel):
    """The weather somewhere."""

    city: str
    sky: str


async def test_an_agents_structured_answer(make, emulator, tools):
    emulator.script(CITY, DONE, '{"city": "Paris", "sky": "sunny"}')
    output = await FunctionAgent(tools=tools, llm=make(), output_cls=Weather).run("?")
    assert output.get_pydantic_model(Weather) == Weather(city="Paris", sky="sunny")


async def test_an_image_as_a_tools_result(make, emulator):
    def look() -> list:
        """Looks out of the window."""
        return [TextBlock(text="A picture:"), ImageBlock(url="https://example.com/sky.png")]

    emulator.script(Answer(reasoning="I look.", tool_calls=[ToolCall("look")]), DONE)
    tool = FunctionTool.from_defaults(look)
    await FunctionAgent(tools=[tool], llm=make("doubao-seed-evolving")).run("?")
    result, seen = emulator.requests[1]["messages"][-2:]
    assert (result["role"], result["content"]) == ("tool", "A picture:")
    assert (seen["role"], [part["type"] for part in seen["content"]]) == ("user", ["text", "image_url"])


async def test_history_without_reasoning_is_no_error(make, emulator, tools):
    """Chat engines keep only the text of a streamed answer; other models gave none."""
    history = [ChatMessage(role="user", content="Hi"), ChatMessage(role="assistant", content="Hello!")]
    emulator.script(CITY, DONE)
    memory = ChatMemoryBuffer.from_defaults(chat_history=history, token_limit=10_000)
    output = await FunctionAgent(tools=tools, llm=make()).run("?", memory=memory)
    assert isinstance(output.response.blocks[0], ThinkingBlock)


async def test_a_tool_with_a_name_that_the_wire_does_not_take(make, emulator):
    def weather(city: str) -> str:
        """The weather."""
        return f"sunny in {city}"

    tool = FunctionTool.from_defaults(weather, name="weather[now]")
    emulator.script(Answer(reasoning="Hm.", tool_calls=[ToolCall(wire_name("weather[now]"), {"city": "Paris"})]), DONE)
    output = await FunctionAgent(tools=[tool], llm=make()).run("?")
    assert output.tool_calls[0].tool_output.content == "sunny in Paris"
    assert emulator.requests[1]["messages"][1]["tool_calls"][0]["function"]["name"] == wire_name("weather[now]")
    emulator.script(Answer(tool_calls=[ToolCall(wire_name("weather[now]"), {"city": "Paris"})]))
    assert make().predict_and_call([tool], "?").response == "sunny in Paris"


def test_tools_whose_names_llamaindex_spells_alike_are_told_apart(make, emulator):
    tools = [FunctionTool.from_defaults(lambda: "", name=name, description="?") for name in ("天气", "股票", "x" * 80)]
    for tool in tools:
        emulator.script(Answer(tool_calls=[ToolCall(wire_name(tool.metadata.get_name()), {})]))
        response = make().chat_with_tools(tools, user_msg="?", tool_choice=tool.metadata.get_name(), thinking=False)
        (call,) = make().get_tool_calls_from_response(response)
        assert call.tool_name == tool.metadata.get_name()
        assert emulator.requests[-1]["tool_choice"]["function"]["name"] == wire_name(call.tool_name)


def test_a_model_that_does_not_call_tools_says_so(make):
    assert not AnyfastLLM("x", is_function_calling_model=False, context_window=1000).metadata.is_function_calling_model


PREPARED = {
    "nothing": ({}, {}),
    "required": ({"tool_required": True}, {"tool_choice": "required"}),
    "named": ({"tool_choice": "get_city"}, {"tool_choice": {"type": "function", "function": {"name": "get_city"}}}),
    "named beats required": (
        {"tool_choice": "get_city", "tool_required": True},
        {"tool_choice": {"type": "function", "function": {"name": "get_city"}}},
    ),
    "any": ({"tool_choice": "any"}, {"tool_choice": "required"}),
    "none": ({"tool_choice": "none"}, {"tool_choice": "none"}),
    "auto": ({"tool_choice": "auto"}, {}),
    "parallel, said": ({"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
}


@pytest.mark.parametrize(("given", "sent"), PREPARED.values(), ids=PREPARED)
@pytest.mark.parametrize("model", ["deepseek-v4-flash", "qwen3.6-flash", "doubao-seed-evolving", "gemini-2.5-pro"])
def test_tool_choice(model, given, sent, make, emulator, tools):
    history = [ChatMessage(role="system", content="Be brief.")]
    make(model, thinking=False).chat_with_tools(
        tools, user_msg=ChatMessage(role="user", content="?"), chat_history=history, **given
    )
    body = emulator.requests[0]
    assert {key: body[key] for key in ("tool_choice", "parallel_tool_calls") if key in body} == sent
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["tools"][0]["function"].keys() == {"name", "description", "parameters"}
    assert len(history) == 1


def test_strict_is_sent_if_said(make, emulator, tools):
    make(thinking=False).chat_with_tools(tools, user_msg="?", strict=True)
    assert [tool["function"]["strict"] for tool in emulator.requests[0]["tools"]] == [True, True]
