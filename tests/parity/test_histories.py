"""The same rules in both frameworks: foreign turns, switches of the model, and answers that go back as they came."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.load import dumpd, load
from langchain_core.messages import AIMessage, ChatMessage, FunctionMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.tool import invalid_tool_call, tool_call
from llama_index.core.base.llms.types import ChatMessage as LlamaMessage
from llama_index.core.base.llms.types import TextBlock, ThinkingBlock, ToolCallBlock

from anyfast_emulator import Emulator
from anyfast_transport.types import Choice, Completion, ToolCall
from langchain_anyfast import ChatAnyfast
from langchain_anyfast import messages as langchain
from llama_index_anyfast import AnyfastLLM
from llama_index_anyfast import messages as llama_index

MODELS = ["deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving", "gemini-3-pro-preview", "kimi-k2.6", "gpt-4o"]
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}

pytestmark = [
    pytest.mark.filterwarnings("ignore::anyfast_transport.AnyfastWarning"),
    pytest.mark.filterwarnings("ignore:The function `load` is in beta"),
]


@pytest.fixture
def emulator() -> Emulator:
    emulator = Emulator()
    yield emulator
    emulator.check_script()  # a test uses up what it scripts


@pytest.fixture
def where(emulator) -> Iterator[dict[str, Any]]:
    with httpx.Client(transport=emulator.transport) as client:
        yield {"base_url": "https://emulator.invalid/v1", "api_key": emulator.api_key, "http_client": client}


def chat(model: str, where: dict[str, Any]) -> Any:
    return ChatAnyfast(model=model, **where).bind_tools([TOOL])


# --- what other integrations leave in a history, LangChain ----------------------------------------------------------

CALL = tool_call(name="clock", args={"zone": "CET"}, id="toolu_1")
RESULT = ToolMessage("12:00", tool_call_id="toolu_1")
FOREIGN = {
    "Anthropic's blocks": [
        AIMessage(
            [
                {"type": "thinking", "thinking": "Hm.", "signature": "s"},
                {"type": "redacted_thinking", "data": "x"},
                {"type": "tool_use", "id": "toolu_1", "name": "clock", "input": {"zone": "CET"}},
            ],
            tool_calls=[CALL],
        ),
        RESULT,
    ],
    "Anthropic's blocks, as they are on its wire": [
        AIMessage([{"type": "tool_use", "id": "toolu_1", "name": "clock", "input": {"zone": "CET"}}]),
        HumanMessage(
            [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "12:00"}]}]
        ),
    ],
    "LangChain's v1 blocks": [
        AIMessage(
            content_blocks=[{"type": "reasoning", "reasoning": "Hm."}, CALL],
            response_metadata={"output_version": "v1", "model_provider": "openai"},
        ),
        RESULT,
    ],
    "OpenAI's Responses": [
        AIMessage(
            [
                {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
                {"type": "function_call", "call_id": "toolu_1", "name": "clock", "arguments": '{"zone": "CET"}'},
            ]
        ),
        RESULT,
    ],
    "OpenAI's functions": [
        AIMessage("", additional_kwargs={"function_call": {"name": "clock", "arguments": '{"zone": "CET"}'}}),
        FunctionMessage("12:00", name="clock"),
    ],
    "an id that nobody takes": [
        AIMessage("", tool_calls=[{**CALL, "id": "x" * 70}]),
        ToolMessage("12:00", tool_call_id="x" * 70),
    ],
    "a call without an id": [
        AIMessage("", tool_calls=[{**CALL, "id": None}]),
        ToolMessage("12:00", tool_call_id=""),
    ],
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("turns", FOREIGN.values(), ids=FOREIGN)
def test_a_tool_turn_of_another_integration_goes_through(model, turns, where, emulator):
    chat(model, where).invoke([HumanMessage("What time is it?"), *turns])
    _, asked, told = emulator.requests[-1]["messages"]
    assert json.loads(asked["tool_calls"][0]["function"]["arguments"]) == {"zone": "CET"}
    assert (told["role"], told["content"]) == ("tool", "12:00")
    assert asked["tool_calls"][0]["id"] == told["tool_call_id"]


ODD = {
    "an unanswered call": [AIMessage("", tool_calls=[CALL]), HumanMessage("Never mind.")],
    "an orphan": [ToolMessage("12:00", tool_call_id="gone"), HumanMessage("?")],
    "a broken call": [
        AIMessage("", invalid_tool_calls=[invalid_tool_call(name="clock", args='{"a', id="c", error="cut")]),
        ToolMessage("no JSON", tool_call_id="c"),
    ],
    "an empty turn": [AIMessage(""), HumanMessage("?")],
    "a system message in the middle": [SystemMessage("Be brief."), AIMessage("a"), SystemMessage("Be kind.")],
    "a role of somebody's own": [ChatMessage("x", role="critic")],
    "media that another model kept": [AIMessage([{"type": "file", "file_id": "f"}, "Here."]), HumanMessage("?")],
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("turns", ODD.values(), ids=ODD)
def test_what_breaks_elsewhere_goes_through_and_is_named(model, turns, where, emulator):
    answer = chat(model, where).invoke([HumanMessage("Hi"), *turns])
    refusable = model == "qwen3.6-flash" or turns is not ODD["a system message in the middle"]
    if refusable and turns is not ODD["media that another model kept"]:
        assert answer.response_metadata["repairs"]


def test_repairs_come_with_a_stream_too(where):
    stream = list(chat("gpt-4o", where).stream([ToolMessage("12:00", tool_call_id="gone"), HumanMessage("?")]))
    assert sum(stream[1:], stream[0]).response_metadata["repairs"] == [
        "tool result without its call: now a user message"
    ]
    sound = chat("gpt-4o", where).invoke("Hi")
    assert "repairs" not in sound.response_metadata


# --- the same, LlamaIndex -------------------------------------------------------------------------------------------


def llama(role: str, *blocks: Any, **kwargs: Any) -> LlamaMessage:
    return LlamaMessage(role=role, blocks=list(blocks), additional_kwargs=kwargs)


ASKED = ToolCallBlock(tool_call_id="toolu_1", tool_name="clock", tool_kwargs={"zone": "CET"})
LLAMA_FOREIGN = {
    "Anthropic's tool_use": llama(
        "assistant", tool_calls=[{"type": "tool_use", "id": "toolu_1", "name": "clock", "input": {"zone": "CET"}}]
    ),
    "Gemini's function call": llama("assistant", tool_calls=[{"name": "clock", "args": {"zone": "CET"}}]),
    "OpenAI's legacy dict": llama(
        "assistant",
        tool_calls=[
            {"id": "toolu_1", "type": "function", "function": {"name": "clock", "arguments": '{"zone": "CET"}'}}
        ],
    ),
    "a thinking block": llama("assistant", ThinkingBlock(content="Hm."), ASKED),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("turn", LLAMA_FOREIGN.values(), ids=LLAMA_FOREIGN)
def test_a_tool_turn_of_another_llama_index_integration_goes_through(model, turn, where, emulator):
    told = llama("tool", TextBlock(text="12:00"))
    AnyfastLLM(model=model, **where).chat([llama("user", TextBlock(text="?")), turn, told], tools=[TOOL])
    _, asked, told = emulator.requests[-1]["messages"]
    assert json.loads(asked["tool_calls"][0]["function"]["arguments"]) == {"zone": "CET"}
    assert (told["role"], told["content"], told["tool_call_id"]) == ("tool", "12:00", asked["tool_calls"][0]["id"])


def test_repairs_are_in_the_metadata_of_llama_index_too(where):
    orphan = llama("tool", TextBlock(text="12:00"), tool_call_id="gone")
    llm = AnyfastLLM(model="gpt-4o", **where)
    said = ["tool result without its call: now a user message"]
    assert llm.chat([orphan]).additional_kwargs["repairs"] == said
    *_, last = llm.stream_chat([orphan])
    assert last.additional_kwargs["repairs"] == said
    assert "repairs" not in llm.chat([llama("user", TextBlock(text="Hi"))]).additional_kwargs


# --- switching the model in mid-conversation, in every direction ----------------------------------------------------

SWITCHES = [(one, other) for one in MODELS for other in MODELS if one != other]
QUESTION = "What time is it? Call clock."


@pytest.mark.parametrize(("one", "other"), SWITCHES)
def test_langchain_switches_in_the_middle_of_a_tool_loop(one, other, where):
    messages = [HumanMessage(QUESTION)]
    for model in (one, other, one, other):
        messages.append(chat(model, where).invoke(messages))
        called = [ToolMessage("12:00", tool_call_id=call["id"]) for call in messages[-1].tool_calls]
        messages += called or [HumanMessage(QUESTION)]


@pytest.mark.parametrize(("one", "other"), SWITCHES)
def test_llama_index_switches_in_the_middle_of_a_tool_loop(one, other, where):
    messages = [llama("user", TextBlock(text=QUESTION))]
    for model in (one, other, one, other):
        messages.append(AnyfastLLM(model=model, **where).chat(messages, tools=[TOOL]).message)
        calls = [block for block in messages[-1].blocks if isinstance(block, ToolCallBlock)]
        told = [llama("tool", TextBlock(text="12:00"), tool_call_id=call.tool_call_id) for call in calls]
        messages += told or [llama("user", TextBlock(text=QUESTION))]


# --- encode and decode are inverse ----------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | texts, lambda v: st.lists(v, max_size=2), max_leaves=4
)
arguments = st.dictionaries(texts, json_values, max_size=3)
signatures = st.none() | st.builds(lambda s: {"google": {"thought_signature": s}}, texts)
tool_calls = st.lists(
    st.builds(
        lambda i, n, a, s: ToolCall(i, n, json.dumps(a, ensure_ascii=False), {"extra_content": s} if s else {}),
        st.from_regex(r"call_[a-z0-9]{4}", fullmatch=True),
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
        arguments,
        signatures,
    ),
    max_size=3,
    unique_by=lambda call: call.id,
)
choices = st.builds(
    lambda text, reasoning, calls, extra: Choice(
        text=text,
        reasoning=reasoning,
        tool_calls=calls,
        extra={"extra_content": extra} if extra else {},
        finish_reason="stop",
    ),
    texts,
    texts,
    tool_calls,
    signatures,
)


def on_the_wire(choice: Choice) -> dict[str, Any]:
    """The turn that must go back."""
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.parsed()}, **call.extra}
        for call in choice.tool_calls
    ]
    wire: dict[str, Any] = {"role": "assistant", "content": choice.text, **choice.extra}
    wire |= {"reasoning_content": choice.reasoning} if choice.reasoning else {}
    return wire | ({"tool_calls": calls} if calls else {})


def parsed(wire: Any) -> dict[str, Any]:
    """A turn with its arguments read, for their spaces are nobody's."""
    calls = [
        {**call, "function": {**call["function"], "arguments": json.loads(call["function"]["arguments"])}}
        for call in wire.get("tool_calls", [])
    ]
    return {**wire, "tool_calls": calls} if calls else wire


@given(choices)
def test_langchain_gives_back_what_came_even_through_a_checkpoint(choice):
    message = langchain.decode_message(Completion(choices=[choice]), choice)
    revived = load(dumpd(message), allowed_objects=[AIMessage])
    for one in (message, revived):
        assert parsed(langchain.encode_messages([one])[0]) == on_the_wire(choice)


@given(choices)
def test_llama_index_gives_back_what_came_even_through_a_checkpoint(choice):
    message = llama_index.decode_message(Completion(choices=[choice]), choice)
    revived = LlamaMessage.model_validate_json(message.model_dump_json())
    for one in (message, revived):
        assert parsed(llama_index.encode_messages([one])[0]) == on_the_wire(choice)
