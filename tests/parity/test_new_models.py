"""One model of each row that is new since the contract was written: agents and objects, in both frameworks.

The emulator refuses what their upstreams refuse.
"""

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from anyfast_emulator import Answer, Emulator, ToolCall
from anyfast_transport import AnyfastWarning, UnsupportedParameterError
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM

# Whether thinking can be switched off: yes, not (its lowest level is sent, and that is told), or in no way.
OFF = {
    "deepseek-flash": "yes",
    "deepseek-r1": "in no way",
    "qwen3-max-thinking": "in no way",
    "qwen3.8-max-preview": "in no way",
    "qwen3.8-max": "yes",
    "glm-4.7": "yes",
    "glm-5.3": "not",
    "kimi-k2.7-code": "in no way",
    "kimi-k3": "not",
    "MiniMax-M3": "yes",
    "gemini-3.5-flash": "not",
    "grok-4.5": "not",
}
pytestmark = [
    pytest.mark.filterwarnings("ignore:The context window of"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the agents of LlamaIndex
]
each = pytest.mark.parametrize("model", OFF)


class Person(BaseModel):
    """A person."""

    name: str
    age: int


ADA, SAYS = Person(name="Ada", age=36), "Ada, aged 36"
CALL = Answer(reasoning="I look it up.", tool_calls=[ToolCall("weather", {"city": "Paris"})])


def weather(city: str) -> str:
    """Tells the weather in a city."""
    return f"sunny in {city}"


@pytest.fixture(scope="module")
def desk():
    with Emulator() as running:
        yield running


@pytest.fixture
def emulator(desk):
    yield desk
    desk.check_script()
    desk.reset()


@pytest.fixture
def both(emulator):
    def make(model, **fields):
        said = {"model": model, "base_url": emulator.base_url, "api_key": emulator.api_key, **fields}
        return ChatAnyfast(**said), AnyfastLLM(**said)

    return make


@each
async def test_an_agent_takes_its_steps(both, emulator, model):
    chat, llm = both(model)
    emulator.script(CALL, Answer("It is sunny.", reasoning="Done."), CALL, Answer("It is sunny.", reasoning="Done."))
    state = await create_agent(chat, [tool(weather)]).ainvoke({"messages": [("user", "The weather in Paris?")]})
    assert state["messages"][-1].text == "It is sunny."
    assert isinstance(state["messages"][1], AIMessage)
    result = await FunctionAgent(tools=[FunctionTool.from_defaults(weather)], llm=llm).run("The weather in Paris?")
    assert result.response.content == "It is sunny."
    assert len(emulator.requests) == 4


@each
async def test_an_object_comes_as_it_was_asked_for(both, model):
    chat, llm = both(model)
    assert chat.with_structured_output(Person).invoke(SAYS) == ADA
    assert await chat.with_structured_output(Person).ainvoke(SAYS) == ADA
    assert llm.structured_predict(Person, PromptTemplate(SAYS)) == ADA
    assert await llm.astructured_predict(Person, PromptTemplate(SAYS)) == ADA


@each
def test_thinking_is_switched_off_or_it_is_told_why_not(both, emulator, model):
    asked = [
        lambda chat, llm: chat.invoke(SAYS),
        lambda chat, llm: llm.chat([ChatMessage(role="user", content=SAYS)]),
    ]
    for ask in asked:
        if OFF[model] == "yes":
            ask(*both(model, thinking=False))
        elif OFF[model] == "not":
            with pytest.warns(AnyfastWarning, match="cannot stop thinking"):
                ask(*both(model, thinking=False))
        else:
            with pytest.raises(UnsupportedParameterError, match="always thinks, and has no lower level"):
                ask(*both(model, thinking=False))
    assert len(emulator.requests) == (0 if OFF[model] == "in no way" else 2)
