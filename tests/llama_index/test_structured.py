"""Structured output: every family, thinking and not, by every door that LlamaIndex has for it."""

import asyncio
import copy
import datetime
import itertools
from typing import Generic, TypeVar

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.selectors import PydanticSingleSelector
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, ConfigDict, RootModel, field_validator

from anyfast_emulator import Answer, ToolCall
from anyfast_transport import AnyfastWarning, InvalidResponseError, UnsupportedParameterError
from anyfast_transport.request.names import wire_name

MODELS = ["deepseek-v4-pro", "deepseek-v4-flash", "qwen3.6-flash", "doubao-seed-evolving", "gemini-2.5-pro"]
ABOUT = PromptTemplate("Tell me about {who}, aged 36.")
ADA = {"name": "Ada", "age": 36}


class Person(BaseModel):
    """A person."""

    name: str
    age: int

    @field_validator("age")
    @classmethod
    def of_age(cls, age: int) -> int:
        if age < 18:
            raise ValueError("not of age")
        return age


async def structured_predict(llm, cls, prompt, **kwargs):
    return llm.structured_predict(cls, prompt, **kwargs)


async def astructured_predict(llm, cls, prompt, **kwargs):
    return await llm.astructured_predict(cls, prompt, **kwargs)


async def stream_structured_predict(llm, cls, prompt, **kwargs):
    return list(llm.stream_structured_predict(cls, prompt, **kwargs))[-1]


async def astream_structured_predict(llm, cls, prompt, **kwargs):
    return [one async for one in await llm.astream_structured_predict(cls, prompt, **kwargs)][-1]


WAYS = [structured_predict, astructured_predict, stream_structured_predict, astream_structured_predict]
each_way = pytest.mark.parametrize("predict", WAYS)


@each_way
@pytest.mark.parametrize("thinking", [True, False])
@pytest.mark.parametrize("model", MODELS)
async def test_every_model(model, thinking, predict, make, emulator):
    llm = make(model, thinking=thinking)
    assert await predict(llm, Person, ABOUT, who="Ada") == Person(**ADA)
    assert len(emulator.requests) == 1


@each_way
@pytest.mark.parametrize("thinking", [True, False])
@pytest.mark.parametrize("model", MODELS)
async def test_every_model_without_tools(model, thinking, predict, make, emulator):
    llm = make(model, thinking=thinking, is_function_calling_model=False)
    assert await predict(llm, Person, ABOUT, who="Ada") == Person(**ADA)
    assert "tools" not in emulator.requests[0]


SENT = {
    ("deepseek-v4-pro", True, PydanticProgramMode.DEFAULT): ["response_format"],
    ("deepseek-v4-pro", False, PydanticProgramMode.DEFAULT): ["tool_choice", "tools"],
    ("qwen3.6-flash", True, PydanticProgramMode.DEFAULT): ["tools"],
    ("qwen3.6-flash", False, PydanticProgramMode.DEFAULT): ["tool_choice", "tools"],
    ("doubao-seed-evolving", True, PydanticProgramMode.DEFAULT): ["tool_choice", "tools"],
    ("deepseek-v4-pro", False, PydanticProgramMode.FUNCTION): ["tool_choice", "tools"],
    ("deepseek-v4-pro", True, PydanticProgramMode.LLM): [],
    ("gemini-2.5-pro", False, PydanticProgramMode.LLM): [],
}


@pytest.mark.parametrize(("case", "sent"), SENT.items(), ids=str)
def test_what_is_sent(case, sent, make, emulator):
    model, thinking, mode = case
    llm = make(model, thinking=thinking, pydantic_program_mode=mode)
    assert llm.structured_predict(Person, ABOUT, who="Ada") == Person(**ADA)
    assert sorted(emulator.requests[0].keys() & {"tools", "tool_choice", "response_format"}) == sent


def test_a_mode_that_must_be_lowered_says_so(make):
    llm = make(thinking=True, pydantic_program_mode=PydanticProgramMode.FUNCTION)
    with pytest.warns(AnyfastWarning, match="the prompt asks for the call instead"):
        assert llm.structured_predict(Person, ABOUT, who="Ada") == Person(**ADA)


def test_the_exact_tool(make, emulator):
    make(thinking=False).structured_predict(Person, ABOUT, who="Ada")
    body = emulator.requests[0]
    parameters = {
        "properties": {"name": {"title": "Name", "type": "string"}, "age": {"title": "Age", "type": "integer"}},
        "required": ["name", "age"],
        "type": "object",
    }
    function = {"name": "Person", "description": "A person.", "parameters": parameters}
    assert body["tools"] == [{"type": "function", "function": function}]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "Person"}}
    assert body["messages"] == [{"role": "user", "content": "Tell me about Ada, aged 36."}]


@each_way
async def test_nothing_given_is_changed_and_everything_given_is_used(predict, make, emulator):
    prompt = ChatPromptTemplate([ChatMessage(role="system", content="Be brief."), ChatMessage(content="About {who}")])
    emulator.script('{"name": "Ada", "age": 36}')
    kwargs = {"temperature": 0.5, "tool_required": True, "tool_choice": "x", "allow_parallel_tool_calls": True}
    before = copy.deepcopy((prompt.message_templates, prompt.output_parser, kwargs))
    llm = make(system_prompt="You know people.")
    assert await predict(llm, Person, prompt, llm_kwargs=kwargs, who="Ada") == Person(**ADA)
    assert (prompt.message_templates, prompt.output_parser, kwargs) == before
    body = emulator.requests[0]
    assert body["temperature"] == 0.5
    assert body["messages"][0]["content"].startswith("You know people.\n\nAnswer with one JSON object")
    assert [message["content"] for message in body["messages"][1:]] == ["Be brief.", "About Ada"]


def test_partial_objects(make, emulator):
    emulator.script(Answer(tool_calls=[ToolCall("Person", '{"name": "Ada Lovelace", "age": 36}')], pieces=2))
    partial = list(make(thinking=False).stream_structured_predict(Person, ABOUT, who="Ada"))
    names = [one.name for one in partial]
    assert names[-1] == "Ada Lovelace"
    assert all(later.startswith(earlier or "") for earlier, later in itertools.pairwise(names))
    assert len(set(names)) > 3
    assert partial[-1] == Person(name="Ada Lovelace", age=36)


@each_way
async def test_events(predict, make, events):
    await predict(make(), Person, ABOUT, who="Ada")
    names = [type(event).__name__ for event in events]
    assert names.count("LLMStructuredPredictStartEvent") == 1
    assert names.count("LLMStructuredPredictEndEvent") == 1
    assert names.count("LLMChatEndEvent") == 1


@pytest.mark.filterwarnings("ignore:The `json` method is deprecated")  # LlamaIndex's StructuredLLM calls it
@pytest.mark.parametrize("thinking", [True, False])
@pytest.mark.parametrize("model", MODELS)
async def test_as_structured_llm(model, thinking, make):
    llm = make(model, thinking=thinking).as_structured_llm(Person)
    messages = [ChatMessage(role="user", content="Ada, aged 36 {braces}")]
    assert llm.chat(messages).raw == Person(**ADA)
    assert (await llm.achat(messages)).raw == Person(**ADA)
    assert list(llm.stream_chat(messages))[-1].raw == Person(**ADA)
    assert llm.complete("Ada, aged 36").raw == Person(**ADA)


@pytest.mark.parametrize("model", MODELS)
def test_llamaindex_programs_that_force_a_call(model, make, emulator):
    """They do not force it while they stream."""
    llm = make(model, thinking=False)
    program = FunctionCallingProgram.from_defaults(Person, "Tell me about {who}, aged 36.", llm=llm)
    assert program(who="Ada") == Person(**ADA)
    assert asyncio.run(program.acall(who="Ada")) == Person(**ADA)
    emulator.script(Answer(tool_calls=[ToolCall("Person", ADA)]))
    assert list(program.stream_call(who="Ada"))[-1] == Person(**ADA)


@pytest.mark.parametrize("answer", [Answer(tool_calls=[ToolCall("Person", ADA)]), '{"name": "Ada", "age": 36}'])
def test_a_forced_call_of_a_thinking_model_may_come_as_text(answer, make, emulator):
    program = FunctionCallingProgram.from_defaults(Person, "Tell me about {who}.", llm=make(thinking=True))
    emulator.script(answer)
    with pytest.warns(AnyfastWarning, match="refuses a forced tool_choice"):
        assert program(who="Ada") == Person(**ADA)


@pytest.mark.parametrize("said", ["Ada is 36.", '{"first_name": "Ada"}', '{"name": "Ada", "age": 36, "x": 1}'])
def test_text_that_does_not_fit_is_no_call(said, make, emulator):
    program = FunctionCallingProgram.from_defaults(Person, "Tell me about {who}.", llm=make(thinking=False))
    emulator.script(said, said)
    with pytest.raises(InvalidResponseError, match="was to call a tool"):
        program(who="Ada")
    emulator.script(said, Answer(tool_calls=[ToolCall("Person", ADA)]))
    assert program(who="Ada") == Person(**ADA)


def test_a_router(make, emulator):
    emulator.script(Answer(tool_calls=[ToolCall("SingleSelection", {"index": 1, "reason": "It fits."})]))
    selector = PydanticSingleSelector.from_defaults(llm=make(thinking=False))
    assert selector.select(["Weather", "News"], "What is new?").ind == 0


T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    """A box."""

    content: T


class Node(BaseModel):
    """A tree."""

    name: str
    children: list["Node"] = []


class Strict(BaseModel):
    """Takes a date only from JSON."""

    model_config = ConfigDict(strict=True)
    day: datetime.date


CLASSES = {
    "generic": (Box[int], {"content": 3}),
    "recursive": (Node, {"name": "a", "children": [{"name": "b", "children": []}]}),
    "strict": (Strict, {"day": "2026-11-20"}),
}


@pytest.mark.parametrize("thinking", [True, False])
@pytest.mark.parametrize(("cls", "data"), CLASSES.values(), ids=CLASSES)
def test_classes(cls, data, thinking, make, emulator):
    said = Answer(tool_calls=[ToolCall(wire_name(cls.model_json_schema().get("title", cls.__name__)), data)])
    emulator.script(said)
    found = make("doubao-seed-evolving", thinking=thinking).structured_predict(cls, PromptTemplate("?"))
    assert found.model_dump(mode="json") == data


def test_a_class_that_is_no_object_is_refused(make, emulator):
    with pytest.raises(UnsupportedParameterError, match="no JSON object"):
        make().structured_predict(RootModel[list[int]], PromptTemplate("?"))
    assert emulator.requests == []


def test_other_packages_modes_are_left_to_them(make):
    llm = make(pydantic_program_mode=PydanticProgramMode.LM_FORMAT_ENFORCER)
    with pytest.raises(ImportError, match="lmformatenforcer"):
        llm.structured_predict(Person, ABOUT, who="Ada")
