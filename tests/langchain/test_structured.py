"""with_structured_output: every model, thinking or not, every method, every kind of schema; and never a refusal."""

import json
import warnings
from itertools import pairwise
from typing import Annotated, TypedDict

import pydantic.v1
import pytest
from langchain_core import exceptions as core
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tracers.context import collect_runs
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, Field

from anyfast_emulator.answers import Answer, Raw, ToolCall
from anyfast_transport import AnyfastWarning, InvalidResponseError
from tests.pairs import pairs

MODELS = ["deepseek-v4-pro", "deepseek-v4-flash", "qwen3.6-flash", "doubao-seed-evolving", "gemini-2.5-pro"]
METHODS = ["auto", "function_calling", "json_mode", "json_schema"]


class Person(BaseModel):
    """Somebody."""

    name: str = Field(description="What they are called")
    age: int


class PersonV1(pydantic.v1.BaseModel):
    """Somebody."""

    name: str
    age: int


class PersonDict(TypedDict):
    """Somebody."""

    name: Annotated[str, ..., "What they are called"]
    age: Annotated[int, ..., "In years"]


class Address(BaseModel):
    """Where somebody lives."""

    city: str
    zip_code: str | None = None


class Resident(BaseModel):
    """Somebody who lives somewhere."""

    name: str
    address: Address
    nickname: str | None = None


class ResidentDict(TypedDict):
    """Somebody who may have a nickname."""

    name: str
    nickname: str | None


PERSON_SCHEMA = {
    "title": "Person",
    "description": "Somebody.",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
PERSON_TOOL = convert_to_openai_tool(PERSON_SCHEMA)
ADA = {"name": "Ada", "age": 36}
ADA_SAYS = "I am somebody. name: Ada, age: 36"
RESIDENT = {"name": "Ada", "address": {"city": "Paris", "zip_code": None}, "nickname": None}

SCHEMAS = {
    "pydantic": (Person, ADA_SAYS, Person(**ADA)),
    "pydantic v1": (PersonV1, ADA_SAYS, PersonV1(**ADA)),
    "TypedDict": (PersonDict, ADA_SAYS, ADA),
    "JSON schema": (PERSON_SCHEMA, ADA_SAYS, ADA),
    "OpenAI tool": (PERSON_TOOL, ADA_SAYS, ADA),
    "nested": (Resident, "name: Ada, city: Paris", Resident(**RESIDENT)),
    "optional field, said": (
        Resident,
        "name: Ada, city: Paris, nickname: Bee",
        Resident(**{**RESIDENT, "nickname": "Bee"}),
    ),
    "optional dict": (ResidentDict, "name: Ada, nickname: Bee", {"name": "Ada", "nickname": "Bee"}),
}

WAYS = {
    # (model, thinking): the way for auto, function_calling, json_mode, json_schema; "!" where the user is told.
    ("deepseek-v4-pro", True): "json_mode asked_tool! json_mode json_mode!",
    ("deepseek-v4-pro", False): "forced_tool forced_tool json_mode json_mode!",
    ("deepseek-v4-flash", True): "json_mode asked_tool! json_mode json_mode!",
    ("deepseek-v4-flash", False): "forced_tool forced_tool json_mode json_mode!",
    ("qwen3.6-flash", True): "asked_tool asked_tool! prompt! prompt!",
    ("qwen3.6-flash", False): "forced_tool forced_tool json_mode json_mode!",
    ("doubao-seed-evolving", True): "forced_tool forced_tool json_mode json_mode!",
    ("doubao-seed-evolving", False): "forced_tool forced_tool json_mode json_mode!",
    ("gemini-2.5-pro", True): "forced_tool forced_tool json_mode json_schema",
    ("gemini-2.5-pro", False): "forced_tool forced_tool json_mode json_schema",
}
CASES = [
    (model, thinking, method, way)
    for (model, thinking), ways in WAYS.items()
    for method, way in zip(METHODS, ways.split(), strict=True)
]


def way_of(body):
    """Which way a body takes, told from what is in it."""
    wanted, said = body.get("response_format", {}).get("type"), str(body["messages"][0]["content"])
    if "tools" in body:
        return "forced_tool" if "tool_choice" in body else "asked_tool"
    return {"json_object": "json_mode", "json_schema": "json_schema"}.get(wanted, "prompt" if "JSON" in said else "")


# What we send --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "thinking", "method", "way"), CASES)
def test_the_way_that_the_model_does_not_refuse(chat, emulator, model, thinking, method, way):
    llm = chat(model, thinking=thinking)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        structured = llm.with_structured_output(Person, method=method)
        assert structured.invoke(ADA_SAYS) == Person(**ADA)
    assert way_of(emulator.requests[-1]) == way.rstrip("!")
    assert [one.category for one in told] == [AnyfastWarning] * way.endswith("!")


@pairs(schema=SCHEMAS, model=MODELS, thinking=[True, False], method=METHODS)
@pytest.mark.filterwarnings("ignore::anyfast_transport.AnyfastWarning")
async def test_the_right_object(chat, emulator, model, thinking, method, schema):
    kind, prompt, expected = SCHEMAS[schema]
    structured = chat(model, thinking=thinking).with_structured_output(kind, method=method)
    answers = [structured.invoke(prompt), list(structured.stream(prompt))[-1]]
    if method == "auto":
        answers += [await structured.ainvoke(prompt), [one async for one in structured.astream(prompt)][-1]]
    assert [_complete(one, expected) for one in answers] == [expected] * len(answers)
    assert len(emulator.requests) == len(answers)


def _complete(answer, expected):
    """The object, whose optional fields a dict may leave out."""
    return {**dict.fromkeys(expected), **answer} if isinstance(expected, dict) else answer


DESCRIBED = {"description": "Somebody.", **PERSON_TOOL["function"]["parameters"]}
SCHEMA_TEXT = json.dumps(DESCRIBED)
SCHEMA_LINE = (
    "Answer with one JSON object that is valid against this JSON schema, and with nothing else:\n" + SCHEMA_TEXT
)
CALL_LINE = "You must call the tool `Person`. Do not answer in text."
ASKED = {"role": "user", "content": ADA_SAYS}
NAMED = {"type": "function", "function": {"name": "Person"}}
JSON_OBJECT = {"response_format": {"type": "json_object"}}
JSON_SCHEMA = {
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "Person", "schema": DESCRIBED},
    }
}

BODIES = {
    "forced_tool": ("doubao-seed-evolving", "auto", None, {"tools": [PERSON_TOOL], "tool_choice": NAMED}),
    "asked_tool": ("qwen3.6-flash", "auto", CALL_LINE, {"enable_thinking": True, "tools": [PERSON_TOOL]}),
    "json_mode": ("deepseek-v4-pro", "auto", SCHEMA_LINE, JSON_OBJECT),
    "json_schema": ("gemini-2.5-pro", "json_schema", None, JSON_SCHEMA),
    "prompt": ("qwen3.6-flash", "json_mode", SCHEMA_LINE, {"enable_thinking": True}),
}


@pytest.mark.filterwarnings("ignore::anyfast_transport.AnyfastWarning")
@pytest.mark.parametrize(("model", "method", "line", "fields"), BODIES.values(), ids=BODIES)
def test_the_exact_body(chat, emulator, model, method, line, fields):
    llm = chat(model, thinking=True if model.startswith("qwen") else None)
    assert llm.with_structured_output(PERSON_SCHEMA, method=method).invoke(ADA_SAYS) == ADA
    system = [{"role": "system", "content": line}] if line else []
    assert emulator.requests == [{"model": model, "messages": [*system, ASKED], **fields}]


def test_the_instruction_joins_the_system_message(chat, emulator):
    structured = chat().with_structured_output(PERSON_SCHEMA)
    structured.invoke([("system", "Be brief."), ("user", ADA_SAYS)])
    assert emulator.requests[0]["messages"] == [
        {"role": "system", "content": f"Be brief.\n\n{SCHEMA_LINE}"},
        ASKED,
    ]


@pytest.mark.parametrize(
    ("model", "method", "path"),
    [
        ("doubao-seed-evolving", "auto", ("tools", 0, "function")),
        ("gemini-2.5-pro", "json_schema", ("response_format", "json_schema")),
    ],
)
@pytest.mark.parametrize("strict", [None, True, False])
def test_strict_goes_where_a_schema_goes(chat, emulator, model, method, path, strict):
    chat(model).with_structured_output(Person, method=method, strict=strict).invoke(ADA_SAYS)
    found = emulator.requests[-1]
    for key in path:
        found = found[key]
    assert found.get("strict") is strict


def test_fields_for_these_calls_alone(chat, emulator):
    llm = chat()
    llm.with_structured_output(Person, thinking=False, max_tokens=500).invoke(ADA_SAYS)
    assert emulator.requests[-1]["thinking"] == {"type": "disabled"}
    assert emulator.requests[-1]["max_tokens"] == 500
    assert way_of(emulator.requests[-1]) == "forced_tool"


@pytest.mark.parametrize(("thinking", "way"), [(None, "json_mode"), (True, "json_mode"), (False, "forced_tool")])
def test_the_way_follows_the_thinking_of_the_call(chat, emulator, thinking, way):
    structured = chat().with_structured_output(Person)
    assert structured.invoke(ADA_SAYS, thinking=thinking) == Person(**ADA)
    assert way_of(emulator.requests[-1]) == way


def test_the_way_follows_the_model_of_the_call(chat, emulator):
    structured = chat(thinking=True).with_structured_output(Person)
    for model, way in (("qwen3.6-flash", "asked_tool"), ("doubao-seed-evolving", "forced_tool")):
        assert structured.invoke(ADA_SAYS, model=model) == Person(**ADA)
        assert way_of(emulator.requests[-1]) == way


@pytest.mark.parametrize("model", MODELS)
def test_the_model_itself_stays_as_it_was(chat, emulator, model):
    llm = chat(model, thinking=True)
    before = llm.model_dump()
    llm.with_structured_output(Person).invoke(ADA_SAYS)
    assert llm.model_dump() == before
    llm.invoke("hi")
    assert not emulator.requests[-1].keys() & {"tools", "tool_choice", "response_format"}
    assert emulator.requests[-1]["messages"] == [{"role": "user", "content": "hi"}]


# What we make of an answer -------------------------------------------------------------------------------------------


NONE, NOT_VALID = "There is no JSON object", "The answer holds no valid Person"
CUT = '{"name": "Ada", "a'
BAD = {
    "no object": (Answer("I would rather not."), NONE),
    "cut": (Answer(CUT, finish_reason="length"), NONE),
    "an array": (Answer("[1, 2]"), NONE),
    "another object": (Answer('{"name": "Ada"}'), NOT_VALID),
    "a call that lacks a field": (Answer(tool_calls=[ToolCall("Person", {"name": "Ada"})]), NOT_VALID),
    "a call that was cut": (Answer(tool_calls=[ToolCall("Person", CUT)], finish_reason="length"), NONE),
    "a call of something else": (Answer(tool_calls=[ToolCall("other", ADA)]), NONE),
}


@pytest.mark.parametrize(("said", "words"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("schema", [Person, pydantic.v1.create_model("Person", name=(str, ...), age=(int, ...))])
async def test_an_answer_without_the_object(chat, emulator, said, words, schema):
    asked = 1 if said.finish == "length" else 2  # what was cut off would be cut off again
    structured, with_raw = (chat().with_structured_output(schema, include_raw=raw) for raw in (False, True))
    for ask in (structured.invoke, lambda _: list(structured.stream("hi"))):
        emulator.script(*[said] * asked)
        with pytest.raises(OutputParserException, match=words) as caught:
            ask("hi")
        assert caught.value.llm_output is not None
    emulator.script(*[said] * asked)
    with pytest.raises(OutputParserException, match=words):
        await structured.ainvoke("hi")
    emulator.script(*[said] * asked)
    answer = with_raw.invoke("hi")
    assert answer["parsed"] is None
    assert isinstance(answer["raw"], AIMessage)
    assert isinstance(answer["parsing_error"], OutputParserException)
    assert len(emulator.requests) == 4 * asked


def test_an_object_that_was_cut_behind_an_inner_one_is_none(chat, emulator):
    emulator.script(Answer('{"name": "Ada", "address": {"city": "Paris"}, "nick', finish_reason="length"))
    with pytest.raises(OutputParserException, match=NONE):
        chat().with_structured_output(convert_to_openai_tool(Resident)).invoke("hi")


def gathered(chunks):
    """What a stream with include_raw adds up to: the raw message in pieces, the rest as it is said last."""
    first, *rest = [chunk["raw"] for chunk in chunks if "raw" in chunk]
    return {key: value for chunk in chunks for key, value in chunk.items()} | {"raw": sum(rest, first)}


@pytest.mark.filterwarnings("ignore::anyfast_transport.AnyfastWarning")
@pytest.mark.parametrize("method", METHODS)
async def test_the_raw_message_keeps_its_reasoning(chat, emulator, method):
    structured = chat(thinking=True).with_structured_output(Person, method=method, include_raw=True)
    streamed = gathered(list(structured.stream(ADA_SAYS)))
    for answer in (structured.invoke(ADA_SAYS), await structured.ainvoke(ADA_SAYS), streamed):
        assert answer["parsed"] == Person(**ADA)
        assert answer["parsing_error"] is None
        assert answer["raw"].additional_kwargs["reasoning_content"].startswith("The user asks")
        assert answer["raw"].usage_metadata["total_tokens"] > 0


@pytest.mark.parametrize(
    "said",
    [Answer(json.dumps(ADA), pieces=4), Answer(tool_calls=[ToolCall("Person", ADA)], pieces=4)],
    ids=["in text", "in a call"],
)
async def test_partial_objects_while_the_stream_goes_on(chat, emulator, said):
    emulator.script(said, said)
    structured = chat().with_structured_output(PERSON_SCHEMA)
    for seen in (list(structured.stream("hi")), [one async for one in structured.astream("hi")]):
        assert seen[-1] == ADA
        assert {} in seen or {"name": ""} in seen
        assert any(one.get("name") == "Ada" and "age" not in one for one in seen)
        assert all(one != after for one, after in pairwise(seen))


async def test_instances_while_the_stream_goes_on_are_valid_ones(chat, emulator):
    emulator.script(Answer(json.dumps(ADA), pieces=3))
    seen = list(chat().with_structured_output(Person).stream("hi"))
    assert all(isinstance(one, Person) for one in seen)
    assert seen[-1] == Person(**ADA)


def test_a_tracer_hears_the_schema(chat):
    """LangChain's own tests look for it; the wire does not know it."""
    structured = chat().with_structured_output(Person, method="json_mode", strict=True)
    told = structured.model.kwargs["ls_structured_output_format"]
    assert told["kwargs"] == {"method": "json_mode", "strict": True}
    assert told["schema"]["properties"].keys() == {"name", "age"}


def test_a_chain_with_structured_output_can_be_configured_and_bound(chat, emulator):
    structured = chat().with_structured_output(Person)
    assert structured.with_retry(stop_after_attempt=2).invoke(ADA_SAYS) == Person(**ADA)
    assert structured.batch([ADA_SAYS, ADA_SAYS]) == [Person(**ADA)] * 2
    assert len(emulator.requests) == 3


# Asking once more ----------------------------------------------------------------------------------------------------


BAD_ADA, GOOD_ADA = {"name": "Ada", "age": "old"}, Answer(json.dumps(ADA), reasoning="Now.")
WORDS = {
    Person: "age: Input should be a valid integer, unable to parse string as an integer",
    PersonV1: "age: value is not a valid integer",
}
AS_TEXT = Answer(json.dumps(BAD_ADA), reasoning="Hm.")


async def ways_to_get(structured):
    """The object for each way to ask."""
    yield structured.invoke("hi")
    yield await structured.ainvoke("hi")
    yield list(structured.stream("hi"))[-1]
    yield [one async for one in structured.astream("hi")][-1]


@pytest.mark.parametrize("thinking", [True, False], ids=["thinking", "not thinking"])
@pytest.mark.parametrize("called", [False, True], ids=["in text", "in a call"])
@pytest.mark.parametrize("schema", [Person, PersonV1, PersonDict, PERSON_SCHEMA])
async def test_an_answer_that_is_not_valid_is_asked_for_once_more(chat, emulator, thinking, called, schema):
    name = convert_to_openai_tool(schema)["function"]["name"]
    bad = Answer(reasoning="Hm.", tool_calls=[ToolCall(name, BAD_ADA)]) if called else AS_TEXT
    emulator.script(*[bad, GOOD_ADA] * 4)
    structured = chat(thinking=thinking).with_structured_output(schema)
    expected = schema(**ADA) if any(schema is kind for kind in WORDS) else ADA
    words = next((words for kind, words in WORDS.items() if kind is schema), "age: 'old' is not of type 'integer'")
    assert [one async for one in ways_to_get(structured)] == [expected] * 4
    for first, second in zip(emulator.requests[::2], emulator.requests[1::2], strict=True):
        *before, answer, problem = second["messages"]
        assert before == first["messages"]
        assert (answer["role"], json.loads(answer["content"])) == ("assistant", BAD_ADA)
        assert answer.get("reasoning_content") == ("Hm." if thinking else None)
        assert "tool_calls" not in answer
        assert problem == {"role": "user", "content": f"This is not valid. {words}. Answer again, correctly."}


@pytest.mark.parametrize(("model", "way"), [("deepseek-v4-pro", "json_mode"), ("qwen3.6-flash", "asked_tool")])
@pytest.mark.parametrize("bad", [False, True], ids=["at once", "repaired"])
async def test_the_message_tells_which_way_it_went(chat, emulator, model, way, bad):
    emulator.script(*[*([AS_TEXT] * bad), GOOD_ADA] * 2)
    structured = chat(model, thinking=True).with_structured_output(Person, include_raw=True)
    for answer in (structured.invoke("hi"), await structured.ainvoke("hi")):
        assert answer["parsed"] == Person(**ADA)
        assert answer["raw"].response_metadata["structured_output"] == {"way": way, "repaired": bad}
        assert answer["raw"].additional_kwargs["reasoning_content"] == "Now."
    assert "structured_output" not in chat(model).invoke("hi").response_metadata


async def test_a_number_that_is_cut_is_never_the_last_word(chat, emulator):
    cut = Answer('{"name": "Ada", "age": 3', finish_reason="length", pieces=3)
    for schema in (Person, PERSON_SCHEMA):
        emulator.script(cut, cut)
        structured, seen = chat().with_structured_output(schema), []
        with pytest.raises(OutputParserException, match="cut off by the token limit: raise max_tokens"):
            seen.extend(structured.stream("hi"))
        with pytest.raises(OutputParserException, match="cut off"):
            seen.extend([one async for one in structured.astream("hi")])
        assert not any(isinstance(one, Person) or "age" in one for one in seen)


def test_a_stream_with_raw_is_not_asked_for_again(chat, emulator):
    """The pieces of two answers would not add up."""
    emulator.script(AS_TEXT)
    seen = gathered(list(chat().with_structured_output(Person, include_raw=True).stream("hi")))
    assert isinstance(seen["parsing_error"], OutputParserException)
    assert seen["parsed"] is None
    assert seen["raw"].additional_kwargs["reasoning_content"] == "Hm."


@pytest.mark.parametrize("finish", ["content_filter", "stop"])
async def test_a_refusal_is_not_asked_again(chat, emulator, finish):
    message = {"content": "", "refusal": "I will not." if finish == "stop" else None}
    body = {"id": "1", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    emulator.script(*[Raw(json.dumps(body).encode())] * 2)
    structured = chat(on_empty="keep").with_structured_output(Person)
    kind = getattr(core, "ModelRefusalError", InvalidResponseError)
    with pytest.raises(kind, match="I will not" if finish == "stop" else "withheld by a content filter"):
        structured.invoke("hi")
    with pytest.raises(kind):
        await structured.ainvoke("hi")
    assert len(emulator.requests) == 2


def test_it_takes_a_prompt_and_a_piece_of_the_chain_before_it(chat, emulator):
    structured = chat().with_structured_output(Person)
    chain = ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", "{question}")]) | structured
    emulator.script(*[AS_TEXT, GOOD_ADA] * 2)
    assert chain.invoke({"question": "who?"}) == Person(**ADA)
    assert list(chain.stream({"question": "who?"}))[-1] == Person(**ADA)
    assert [one["role"] for one in emulator.requests[-1]["messages"]] == ["system", "user", "assistant", "user"]


def test_a_tracer_sees_both_answers(chat, emulator):
    emulator.script(AS_TEXT, GOOD_ADA)
    with collect_runs() as runs:
        chat().with_structured_output(Person).invoke("hi")
    (run,) = runs.traced_runs
    assert [child.name for child in run.child_runs] == ["ChatAnyfast"] * 2
