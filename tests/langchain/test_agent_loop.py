"""create_agent, thinking: three steps, two tools, and every earlier thought goes back as the upstream demands."""

import json

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_core.exceptions import ModelInvalidRequestError
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel

from anyfast_emulator import Emulator
from anyfast_emulator.answers import Answer, ToolCall
from anyfast_transport import BadRequestError
from langchain_anyfast import ChatAnyfast

UPSTREAM_SAYS = "`reasoning_content` in the thinking mode must be passed back to the API"
THOUGHTS = ["  First\n\n“天气”: 𝄞\t", "\nThen the second. ", 'Now\r\nI know; a\\b "c" \u2028 </think>']
HOW = ["invoke", "ainvoke", "messages", "updates", "amessages", "aupdates"]


@tool
def weather(city: str) -> str:
    """The temperature in a city."""
    return f"12 in {city}"


@tool
def convert(celsius: float) -> str:
    """Celsius to Fahrenheit."""
    return f"{celsius * 9 / 5 + 32}"


B = {"city": "b"}
STEPS = [
    Answer("One moment.", reasoning=THOUGHTS[0], tool_calls=[ToolCall("weather", {"city": "巴黎"})]),
    Answer(
        reasoning=THOUGHTS[1], tool_calls=[ToolCall("convert", {"celsius": 12}), ToolCall("weather", {"city": "b"})]
    ),
    Answer("53.6 °F", reasoning=THOUGHTS[2]),
]
QUESTION = {"messages": [("user", "How warm is it?")]}
"""A tuple: LangGraph would write an id on a message, and take the second question for the first."""


async def ask(agent, how, question=QUESTION, config=None):
    """Runs an agent to its end, and returns the messages of the run, as the mode shows them."""
    if how == "invoke":
        return agent.invoke(question, config)["messages"]
    if how == "ainvoke":
        return (await agent.ainvoke(question, config))["messages"]
    mode = how.removeprefix("a")
    if how.startswith("a"):
        seen = [one async for one in agent.astream(question, config, stream_mode=mode)]
    else:
        seen = list(agent.stream(question, config, stream_mode=mode))
    if mode == "updates":
        return [message for update in seen for node in update.values() for message in node["messages"]]
    return whole_messages([message for message, _ in seen])


def whole_messages(pieces):
    """The chunks of a run put together: one message for each id."""
    by_id = {}
    for piece in pieces:
        known = by_id.get(piece.id)
        by_id[piece.id] = known + piece if isinstance(known, AIMessageChunk) else piece
    return list(by_id.values())


def reasonings(body):
    return [one.get("reasoning_content") for one in body["messages"] if one["role"] == "assistant"]


def roles(body):
    return [one["role"] for one in body["messages"]]


def reasonings_of(messages):
    return [one.additional_kwargs.get("reasoning_content") for one in messages if isinstance(one, AIMessage)]


# DeepSeek: all earlier reasoning, or 400 -----------------------------------------------------------------------------


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("thinking", [True, None], ids=["thinking", "by default"])
@pytest.mark.parametrize("model", ["deepseek-v4-pro", "deepseek-v4-flash"])
async def test_the_loop_finishes_with_every_thought_sent_back(chat, emulator, model, thinking, how):
    emulator.script(*STEPS)
    messages = await ask(create_agent(chat(model, thinking=thinking), [weather, convert]), how)
    assert messages[-1].text == "53.6 °F"
    found = [one.content for one in messages if isinstance(one, ToolMessage)]
    assert (found[0], {*found[1:]}) == ("12 in 巴黎", {"53.6", "12 in b"})  # two at once end in any order
    assert reasonings_of(messages) == THOUGHTS
    assert [reasonings(body) for body in emulator.requests] == [[], THOUGHTS[:1], THOUGHTS[:2]]
    assert roles(emulator.requests[-1]) == ["user", "assistant", "tool", "assistant", "tool", "tool"]
    assert [bool(body.get("stream")) for body in emulator.requests] == [how.endswith("messages")] * 3


@pytest.mark.parametrize("how", HOW)
async def test_without_its_thoughts_the_upstream_refuses_the_loop(chat, emulator, how):
    """What every other integration runs into: the words are the upstream's own."""
    emulator.script(STEPS[0])
    blunt = chat(thinking=True, reasoning_replay="never", learn_from_refusals=False)
    agent = create_agent(blunt, [weather, convert])
    with pytest.raises(BadRequestError, match=UPSTREAM_SAYS) as caught:
        await ask(agent, how)
    assert isinstance(caught.value, ModelInvalidRequestError)
    assert caught.value.status_code == 400
    assert [reasonings(body) for body in emulator.requests] == [[], [None]]


async def test_a_thought_that_was_changed_on_the_way_is_refused_too(chat, emulator):
    emulator.script(STEPS[0])
    first = chat().bind_tools([weather]).invoke("How warm is it?")
    first.additional_kwargs["reasoning_content"] = first.additional_kwargs["reasoning_content"].strip()
    answered = ToolMessage("12", tool_call_id=first.tool_calls[0]["id"])
    with pytest.raises(BadRequestError, match="changed on the way"):
        chat().invoke([*QUESTION["messages"], first, answered])


@pytest.mark.parametrize("how", HOW)
async def test_a_checkpointer_keeps_the_thoughts(chat, emulator, how):
    """The saver writes messages down, and another run, of another agent, reads them again."""
    saver, config = InMemorySaver(), {"configurable": {"thread_id": "1"}}
    emulator.script(*STEPS, Answer("You are welcome.", reasoning="Politeness."))
    await ask(create_agent(chat(), [weather, convert], checkpointer=saver), how, config=config)
    another = create_agent(chat(), [weather, convert], checkpointer=saver)
    messages = await ask(another, how, {"messages": [HumanMessage("Thanks!")]}, config)
    assert messages[-1].text == "You are welcome."
    assert reasonings(emulator.requests[-1]) == THOUGHTS


async def test_a_run_that_was_interrupted_goes_on_with_its_thoughts(chat, emulator):
    saver, config = InMemorySaver(), {"configurable": {"thread_id": "1"}}
    emulator.script(*STEPS)
    agent = create_agent(chat(), [weather, convert], checkpointer=saver, interrupt_before=["tools"])
    agent.invoke(QUESTION, config)
    assert len(emulator.requests) == 1
    agent.invoke(None, config)
    messages = (await agent.ainvoke(None, config))["messages"]
    assert messages[-1].text == "53.6 °F"
    assert reasonings(emulator.requests[-1]) == THOUGHTS[:2]


def through_dicts(messages):
    return messages_from_dict(messages_to_dict(messages))


def through_json(messages):
    return messages_from_dict(json.loads(json.dumps(messages_to_dict(messages))))


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("way", [through_dicts, through_json])
async def test_a_stored_conversation_goes_on_with_its_thoughts(chat, emulator, way, how):
    emulator.script(*STEPS)
    agent = create_agent(chat(), [weather, convert])
    messages = [
        HumanMessage("How warm is it?"),
        *(one for one in await ask(agent, how) if not isinstance(one, HumanMessage)),
    ]
    await ask(agent, how, {"messages": [*way(messages), HumanMessage("Thanks!")]})
    assert reasonings(emulator.requests[-1]) == THOUGHTS


async def test_output_in_v1_blocks_goes_on_with_its_thoughts(chat, emulator):
    for how in HOW:
        emulator.requests.clear()
        emulator.script(*STEPS)
        messages = await ask(create_agent(chat(output_version="v1"), [weather, convert]), how)
        assert messages[-1].content == [
            {"type": "reasoning", "reasoning": THOUGHTS[2], **_index(messages[-1], 0)},
            {"type": "text", "text": "53.6 °F", **_index(messages[-1], 1)},
        ]
        assert [reasonings(body) for body in emulator.requests] == [[], THOUGHTS[:1], THOUGHTS[:2]]


def _index(message, at):
    """A streamed block keeps the index by which its pieces were put together."""
    return {"index": message.content[at]["index"]} if "index" in message.content[at] else {}


@pytest.mark.filterwarnings("ignore::anyfast_transport.AnyfastWarning")
async def test_the_built_in_model_finishes_a_loop_of_its_own(chat, emulator):
    """Nothing is scripted here: the emulator's own rules choose the tools and the arguments."""
    question = {"messages": [HumanMessage("First get the weather in Paris, then convert 12 celsius.")]}
    messages = await ask(create_agent(chat(), [weather, convert]), "invoke", question)
    assert {one.name for one in messages if isinstance(one, ToolMessage)} == {"weather", "convert"}
    assert len(emulator.requests) == 3
    assert all(reasonings(emulator.requests[-1]))


# The other families --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    ("model", "sent_back"),
    [
        ("qwen3.6-flash", True),
        ("doubao-seed-evolving", True),
        ("gemini-3-pro-preview", False),
        ("gemini-2.5-pro", False),
        ("kimi-k2.6", True),
        ("glm-5.2", True),
    ],
)
async def test_other_families_finish_too(chat, emulator, model, sent_back, how):
    emulator.script(*STEPS)
    messages = await ask(create_agent(chat(model, thinking=True), [weather, convert]), how)
    assert messages[-1].text == "53.6 °F"
    assert reasonings_of(messages) == THOUGHTS
    expected = THOUGHTS[:2] if sent_back else [None, None]
    assert reasonings(emulator.requests[-1]) == expected


async def test_qwen_leaves_out_the_thoughts_of_earlier_questions(chat, emulator):
    saver, config = InMemorySaver(), {"configurable": {"thread_id": "1"}}
    emulator.script(*STEPS, *STEPS)
    agent = create_agent(chat("qwen3.6-flash", thinking=True), [weather, convert], checkpointer=saver)
    for _ in range(2):
        await ask(agent, "invoke", config=config)
    assert reasonings(emulator.requests[-1]) == [None, None, None, *THOUGHTS[:2]]


@pytest.mark.parametrize("how", HOW)
async def test_gemini_3_gets_its_signatures_back(chat, emulator, how):
    emulator.script(*STEPS)
    messages = await ask(create_agent(chat("gemini-3-pro-preview"), [weather, convert]), how)
    given = [
        extra["extra_content"]["google"]["thought_signature"]
        for message in messages
        if isinstance(message, AIMessage)
        for extra in message.additional_kwargs.get("tool_call_extras", {}).values()
    ]
    turns = [one["tool_calls"] for one in emulator.requests[-1]["messages"] if one.get("tool_calls")]
    sent = [
        [call.get("extra_content", {}).get("google", {}).get("thought_signature") for call in turn] for turn in turns
    ]
    assert len(given) == 2
    assert sent == [[given[0]], [given[1], None]]


SWITCHES = [
    ("deepseek-v4-pro", "qwen3.6-flash", "deepseek-v4-pro"),
    ("qwen3.6-flash", "deepseek-v4-pro", "qwen3.6-flash"),
    ("deepseek-v4-pro", "gemini-3-pro-preview", "deepseek-v4-flash"),
    ("gemini-3-pro-preview", "doubao-seed-evolving", "gemini-3-pro-preview"),
    ("doubao-seed-evolving", "deepseek-v4-flash", "kimi-k2.6"),
]


@pytest.mark.parametrize("models", SWITCHES, ids=" ".join)
@pytest.mark.parametrize("thinking", [True, None], ids=["thinking", "by default"])
async def test_the_model_is_switched_between_questions(chat, emulator, models, thinking):
    messages = []
    for model in models:
        emulator.script(*STEPS)
        agent = create_agent(chat(model, thinking=thinking), [weather, convert])
        messages = agent.invoke({"messages": [*messages, *QUESTION["messages"]]})["messages"]
        assert messages[-1].text == "53.6 °F"
    assert len(emulator.requests) == 9


@pytest.mark.parametrize("models", SWITCHES, ids=" ".join)
async def test_the_model_is_switched_within_the_loop(chat, emulator, models):
    emulator.script(*STEPS)
    messages, tools = [HumanMessage("How warm is it?")], {"weather": weather, "convert": convert}
    for model in models:
        answer = chat(model, thinking=True).bind_tools(list(tools.values())).invoke(messages)
        messages += [answer, *(tools[call["name"]].invoke({**call, "type": "tool_call"}) for call in answer.tool_calls)]
    assert messages[-1].text == "53.6 °F"
    assert [body["model"] for body in emulator.requests] == list(models)


# Structured answers --------------------------------------------------------------------------------------------------


class Report(BaseModel):
    """The weather, as a report."""

    city: str
    degrees: float


REPORT = Report(city="巴黎", degrees=53.6)
REPORT_CALL = Answer(reasoning=THOUGHTS[2], tool_calls=[ToolCall("Report", REPORT.model_dump())])


@pytest.mark.filterwarnings("ignore:.*refuses a forced tool_choice while it thinks")
@pytest.mark.parametrize("form", [Report, ToolStrategy(Report)], ids=["bare", "ToolStrategy"])
@pytest.mark.parametrize(
    "model", ["deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving", "gemini-2.5-pro", "gemini-3-pro-preview"]
)
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_an_agent_with_a_response_format_finishes(chat, emulator, model, form, asynchronous):
    # By its profile Gemini 3 takes a schema beside tools: LangChain then asks for JSON, not for a call.
    by_schema = form is Report and model.startswith("gemini-3")
    emulator.script(*STEPS[:2], Answer(REPORT.model_dump_json()) if by_schema else REPORT_CALL)
    agent = create_agent(chat(model, thinking=True), [weather, convert], response_format=form)
    result = await agent.ainvoke(QUESTION) if asynchronous else agent.invoke(QUESTION)
    assert result["structured_response"] == REPORT
    assert len(emulator.requests) == 3


@pytest.mark.filterwarnings("ignore:.*refuses a forced tool_choice while it thinks")
def test_an_agent_with_a_response_format_finishes_without_a_script(chat):
    agent = create_agent(chat(thinking=True), [weather], response_format=Report)
    result = agent.invoke({"messages": [HumanMessage("Report the weather. city: Paris, degrees: 12")]})
    assert result["structured_response"] == Report(city="Paris", degrees=12)


def test_the_user_is_told_that_the_call_could_not_be_forced(chat, emulator):
    emulator.script(REPORT_CALL)
    agent = create_agent(chat(thinking=True), [], response_format=Report)
    with pytest.warns(UserWarning, match="refuses a forced tool_choice while it thinks"):
        assert agent.invoke(QUESTION)["structured_response"] == REPORT
    assert "tool_choice" not in emulator.requests[0]
    assert emulator.requests[0]["messages"][0] == {
        "role": "system",
        "content": "You must call one of the tools. Do not answer in text.",
    }


# Over a socket, too --------------------------------------------------------------------------------------------------


async def test_a_loop_over_a_real_connection():
    with Emulator() as emulator:
        llm = ChatAnyfast(model="deepseek-v4-pro", base_url=emulator.base_url, api_key=emulator.api_key)
        for how in HOW:
            emulator.script(*STEPS)
            emulator.requests.clear()
            assert (await ask(create_agent(llm, [weather, convert]), how))[-1].text == "53.6 °F"
            assert [reasonings(body) for body in emulator.requests] == [[], THOUGHTS[:1], THOUGHTS[:2]]
