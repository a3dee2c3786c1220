"""Histories that LlamaIndex's own parts make and models refuse: repaired before they are sent."""

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, CodeActAgent, FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import ChatMessage, TextBlock, ThinkingBlock
from llama_index.core.tools import FunctionTool

from anyfast_emulator import Answer, ToolCall
from tests.pairs import pairs

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]

MODELS = ["deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving", "gemini-3-pro-preview"]
each_model = pytest.mark.parametrize("model", MODELS)


def get_city(country: str) -> str:
    """The capital of a country."""
    return "Paris"


CITY = FunctionTool.from_defaults(get_city)
HANDOFF = ToolCall("handoff", {"to_agent": "second", "reason": "It knows cities."})


def _results(*texts: str) -> list[ChatMessage]:
    return [ChatMessage(role="tool", content=text, additional_kwargs={"tool_call_id": "call_1"}) for text in texts]


ODD = {
    "an orphan tool message": [ChatMessage(role="user", content="Hi"), *_results("5")],
    "an empty turn": [
        ChatMessage(role="user", content="Hi"),
        ChatMessage(role="assistant", content=""),
        ChatMessage(role="user", content="Hello?"),
    ],
    "a system message at the end": [
        ChatMessage(role="user", content="Hi"),
        ChatMessage(role="system", content="Answer now."),
    ],
    "foreign roles": [
        ChatMessage(role="developer", content="Be brief."),
        ChatMessage(role="user", content="Hi"),
        ChatMessage(role="model", content="Hello."),
        ChatMessage(role="user", content="And?"),
        ChatMessage(role="chatbot", content="Yes."),
        ChatMessage(role="user", content="Well?"),
    ],
    "the same question twice, after a turn of thoughts alone": [
        ChatMessage(role="user", content="Hi"),
        ChatMessage(role="assistant", blocks=[ThinkingBlock(content="Hm.")]),
        ChatMessage(role="user", content="Hi"),
    ],
}


@pairs(name=ODD, model=MODELS, way=["chat", "achat", "stream_chat", "astream_chat"])
async def test_odd_histories_are_taken(name, model, way, ask_all, make, emulator):
    history = ODD[name]
    emulator.script("Fine.")
    before = [message.model_copy(deep=True) for message in history]
    response = (await ask_all[way](make(model, thinking=True), history))[-1]
    assert response.message.content == "Fine."
    assert {message["role"] for message in emulator.requests[0]["messages"]} <= {"system", "user", "assistant", "tool"}
    assert history == before


@each_model
async def test_a_code_agent_that_hands_off_leaves_an_orphan(model, make, emulator):
    """It builds its turn from the text anew, so that the call of the handoff is lost and its result is not."""
    llm = make(model, thinking=True)
    first = CodeActAgent(
        name="first", description="Runs code.", llm=llm, code_execute_fn=lambda code: code, can_handoff_to=["second"]
    )
    second = FunctionAgent(name="second", description="Knows cities.", tools=[CITY], llm=llm)
    emulator.script(
        Answer(reasoning="Not mine.", tool_calls=[HANDOFF]),
        Answer(reasoning="The city.", tool_calls=[ToolCall("get_city", {"country": "France"})]),
        Answer(reasoning="That is all.", text="Paris."),
    )
    output = await AgentWorkflow(agents=[first, second], root_agent="first").run(user_msg="The capital of France?")
    assert (output.response.content, output.current_agent_name) == ("Paris.", "second")


@each_model
async def test_an_agent_that_runs_out_of_steps_and_answers_all_the_same(model, make, emulator):
    look = Answer(reasoning="Hm.", tool_calls=[ToolCall("get_city", {"country": "France"})])
    emulator.script(look, look, Answer(reasoning="Enough.", text="Paris."))
    agent = FunctionAgent(tools=[CITY], llm=make(model, thinking=True), early_stopping_method="generate")
    output = await agent.run("The capital of France?", max_iterations=2)
    assert output.response.content == "Paris."


@pytest.mark.filterwarnings("ignore:The answer is empty")
@each_model
async def test_react_asks_again_after_an_empty_answer(model, make, emulator):
    emulator.script(Answer(reasoning="Hm."), Answer(reasoning="Ah.", text="Thought: I can answer.\nAnswer: Paris."))
    output = await ReActAgent(tools=[CITY], llm=make(model, thinking=True)).run("The capital of France?")
    assert output.response.content == "Paris."


@each_model
async def test_another_models_turns_are_taken(model, make, emulator, user):
    """A conversation that DeepSeek began goes on with each of the others."""
    emulator.script(Answer(reasoning="The city.", tool_calls=[ToolCall("get_city", {"country": "France"})]), "Paris.")
    llm = make("deepseek-v4-pro")
    called = llm.chat_with_tools([CITY], "The capital of France?")
    [call] = llm.get_tool_calls_from_response(called)
    result = ChatMessage(
        role="tool", blocks=[TextBlock(text="Paris")], additional_kwargs={"tool_call_id": call.tool_id}
    )
    history = [user("The capital of France?"), called.message, result]
    assert make(model, thinking=True).chat_with_tools([CITY], chat_history=history).message.content == "Paris."
