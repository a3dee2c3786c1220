"""LangChain's middleware, LangGraph and deepagents on a model that thinks: everything an agent is made of works."""

import importlib.util

import pytest
from langchain.agents import create_agent, middleware
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, trim_messages
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command
from pydantic import BaseModel

from anyfast_emulator.answers import Answer, Failure, ToolCall
from anyfast_transport import RateLimitError

QUESTION = {"messages": [HumanMessage("What is the weather in Paris?")]}
CALL = Answer(reasoning="To the tool.", tool_calls=[ToolCall("weather", {"city": "Paris"}, id="call_1")])
DONE = Answer("Sunny.", reasoning="The tool says so.")
MODELS = {"deepseek-v4-pro": True, "deepseek-v4-flash": False, "qwen3.6-flash": True}


@tool
def weather(city: str) -> str:
    """Tells the weather in a city."""
    return f"{city}: sunny"


async def ran(agent, asynchronous, question=QUESTION, config=None):
    return await agent.ainvoke(question, config) if asynchronous else agent.invoke(question, config)


both = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
each_model = pytest.mark.parametrize(("model", "thinking"), MODELS.items())


@both
@each_model
async def test_summarization_at_a_fraction_of_the_window(chat, emulator, model, thinking, asynchronous):
    """The fraction is of the profile's window, and tokens are counted offline."""
    llm = chat(model, thinking=thinking, profile={"max_input_tokens": 2000})
    summarizer = middleware.SummarizationMiddleware(llm, trigger=("fraction", 0.5), keep=("messages", 2))
    long = [HumanMessage("word " * 500), AIMessage("yes"), HumanMessage("word " * 900), AIMessage("no")]
    emulator.script(Answer("They said word.", reasoning="Short."), DONE)
    agent = create_agent(llm, [weather], middleware=[summarizer])
    result = await ran(agent, asynchronous, {"messages": [*long, HumanMessage("And now?")]})
    assert result["messages"][-1].text == "Sunny."
    assert "They said word." in str(emulator.requests[1]["messages"][0]["content"])
    assert len(emulator.requests[1]["messages"]) < len(long)


@both
async def test_the_next_model_takes_over(chat, emulator, asynchronous):
    emulator.script(Failure(500), CALL, DONE)
    fallback = middleware.ModelFallbackMiddleware(chat("doubao-seed-evolving", thinking=True))
    agent = create_agent(chat(thinking=True), [weather], middleware=[fallback])
    assert (await ran(agent, asynchronous))["messages"][-1].text == "Sunny."
    assert [one["model"] for one in emulator.requests][:2] == ["deepseek-v4-pro", "doubao-seed-evolving"]


@both
@pytest.mark.parametrize(("status", "asked"), [(429, 3), (503, 3), (400, 1), (401, 1)])
async def test_only_what_may_pass_is_asked_again(chat, emulator, status, asked, asynchronous):
    emulator.script(*[Failure(status)] * (asked - 1 or 1), *[CALL, DONE][: (asked > 1) * 2])
    retry = middleware.ModelRetryMiddleware(max_retries=2, initial_delay=0, jitter=False, on_failure="error")
    agent = create_agent(chat(thinking=True), [weather], middleware=[retry])
    if asked == 1:
        with pytest.raises(Exception, match=str(status)):
            await ran(agent, asynchronous)
    else:
        assert (await ran(agent, asynchronous))["messages"][-1].text == "Sunny."
    assert len(emulator.requests) == (1 if asked == 1 else 4)


@both
async def test_a_limit_of_calls_ends_the_run(chat, emulator, asynchronous):
    emulator.script(CALL)
    limit = middleware.ModelCallLimitMiddleware(run_limit=1, exit_behavior="end")
    result = await ran(create_agent(chat(thinking=True), [weather], middleware=[limit]), asynchronous)
    assert "limit" in result["messages"][-1].text
    assert len(emulator.requests) == 1


@both
async def test_a_model_is_chosen_for_each_call(chat, emulator, asynchronous):
    class Chosen(middleware.AgentMiddleware):
        def _other(self, request):
            turns = any(isinstance(one, ToolMessage) for one in request.messages)
            return request.override(model=chat("deepseek-v4-flash", thinking=True)) if turns else request

        def wrap_model_call(self, request, handler):
            return handler(self._other(request))

        async def awrap_model_call(self, request, handler):
            return await handler(self._other(request))

    emulator.script(CALL, DONE)
    agent = create_agent(chat(thinking=True), [weather], middleware=[Chosen()])
    assert (await ran(agent, asynchronous))["messages"][-1].text == "Sunny."
    assert [one["model"] for one in emulator.requests] == ["deepseek-v4-pro", "deepseek-v4-flash"]
    assert emulator.requests[1]["messages"][1]["reasoning_content"] == "To the tool."


@pytest.mark.skipif(not hasattr(middleware, "ModelRouterMiddleware"), reason="new in langchain 1.5")
def test_langchain_has_a_router_of_its_own():
    assert middleware.ModelRouterMiddleware


@both
async def test_a_human_decides_about_a_call(chat, emulator, asynchronous):
    emulator.script(CALL, DONE)
    human = middleware.HumanInTheLoopMiddleware(interrupt_on={"weather": True})
    agent = create_agent(chat(thinking=True), [weather], middleware=[human], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    assert "__interrupt__" in await ran(agent, asynchronous, config=config)
    result = await ran(agent, asynchronous, Command(resume={"decisions": [{"type": "approve"}]}), config)
    assert result["messages"][-1].text == "Sunny."
    assert emulator.requests[1]["messages"][1]["reasoning_content"] == "To the tool."


class Report(BaseModel):
    """The weather, as a report."""

    city: str
    degrees: float


REPORT = Report(city="Paris", degrees=21.5)


@both
@pytest.mark.filterwarnings("ignore::anyfast_transport.AnyfastWarning")
@pytest.mark.parametrize("strategy", [ProviderStrategy, ToolStrategy])
@pytest.mark.parametrize("model", ["deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving", "gemini-3-pro-preview"])
@pytest.mark.parametrize("thinking", [True, False])
async def test_both_strategies_for_a_structured_response(chat, model, strategy, thinking, asynchronous):
    """The emulator makes the object itself, and refuses what the model's page does not document."""
    llm = chat(model, thinking=thinking) if (model, thinking) != ("gemini-3-pro-preview", False) else chat(model)
    agent = create_agent(llm, [], response_format=strategy(Report))
    question = {"messages": [HumanMessage("Report the weather. city: Paris, degrees: 21.5")]}
    assert (await ran(agent, asynchronous, question))["structured_response"] == REPORT


@each_model
async def test_messages_are_streamed_out_of_a_graph(chat, emulator, model, thinking):
    emulator.script(*[CALL, Answer("Sunny.", reasoning="Well.", pieces=2)] * 2)
    agent = create_agent(chat(model, thinking=thinking), [weather])
    told = [one for one, _ in agent.stream(QUESTION, stream_mode="messages") if one.type == "AIMessageChunk"]
    told_async = [
        one async for one, _ in agent.astream(QUESTION, stream_mode="messages") if one.type == "AIMessageChunk"
    ]
    for chunks in (told, told_async):
        assert [one.content for one in chunks if one.content] == ["Su", "nn", "y."]
        thoughts = "".join(one.additional_kwargs.get("reasoning_content", "") for one in chunks)
        assert thoughts == "To the tool.Well."
        assert [bool(one.usage_metadata) for one in chunks].count(True) == 2


@both
async def test_an_agent_asks_another(chat, emulator, asynchronous):
    inner = create_agent(chat("deepseek-v4-flash", thinking=True), [weather], name="inner")

    @tool
    async def expert(question: str) -> str:
        """Asks an expert."""
        return (await inner.ainvoke({"messages": [HumanMessage(question)]}))["messages"][-1].text

    @tool
    def expert_sync(question: str) -> str:
        """Asks an expert."""
        return inner.invoke({"messages": [HumanMessage(question)]})["messages"][-1].text

    asked = expert if asynchronous else expert_sync
    delegate = Answer(reasoning="Ask.", tool_calls=[ToolCall(asked.name, {"question": "Weather?"}, id="call_0")])
    emulator.script(delegate, CALL, DONE, Answer("It is sunny.", reasoning="So."))
    agent = create_agent(chat(thinking=True), [asked], name="outer")
    assert (await ran(agent, asynchronous))["messages"][-1].text == "It is sunny."
    assert [one["model"].rpartition("-")[2] for one in emulator.requests] == ["pro", "flash", "flash", "pro"]


@both
async def test_a_graph_of_langgraph(chat, emulator, asynchronous):
    llm = chat(thinking=True)

    async def ask(state):
        return {"messages": [await llm.ainvoke(state["messages"])]}

    def ask_sync(state):
        return {"messages": [llm.invoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("ask", ask if asynchronous else ask_sync).add_edge(START, "ask")
    compiled, config = graph.compile(checkpointer=InMemorySaver()), {"configurable": {"thread_id": "1"}}
    emulator.script(Answer("One.", reasoning="First."), Answer("Two.", reasoning="Second."))
    await ran(compiled, asynchronous, config=config)
    result = await ran(compiled, asynchronous, {"messages": [HumanMessage("And?")]}, config)
    assert [one.text for one in result["messages"] if one.type == "ai"] == ["One.", "Two."]
    assert emulator.requests[1]["messages"][1]["reasoning_content"] == "First."


@pytest.mark.skipif(importlib.util.find_spec("deepagents") is None, reason="deepagents is not installed")
@pytest.mark.filterwarnings("ignore")  # it brings other vendors' packages, and they their warnings
@both
async def test_an_agent_of_deepagents(chat, emulator, asynchronous):
    from deepagents import create_deep_agent

    emulator.script(CALL, DONE)
    result = await ran(create_deep_agent(model=chat(thinking=True), tools=[weather]), asynchronous)
    assert result["messages"][-1].text == "Sunny."
    assert emulator.requests[1]["messages"][-2]["reasoning_content"] == "To the tool."


def test_a_rate_limit_inside_an_agent_keeps_its_type(chat, emulator):
    emulator.script(Failure(429, retry_after=7))
    with pytest.raises(RateLimitError) as caught:
        create_agent(chat(), [weather]).invoke(QUESTION)
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("model", MODELS)
def test_messages_are_trimmed_with_the_model_as_counter(chat, model):
    messages = [HumanMessage("word " * 100), AIMessage("yes"), HumanMessage("今天天气怎么样？" * 10), AIMessage("no")]
    llm = chat(model)
    kept = trim_messages(messages, max_tokens=120, token_counter=llm, strategy="last", start_on="human")
    assert kept == messages[2:]
    assert llm.get_num_tokens_from_messages(kept) <= 120
