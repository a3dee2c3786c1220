import json
from enum import StrEnum
from typing import Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field

from anyfast_emulator import model
from anyfast_emulator.contract import DEEPSEEK, DOUBAO, GEMINI_25, QWEN
from anyfast_emulator.conversation import embedded_schema
from anyfast_emulator.filling import Filling

TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}


def tool(name, description="", /, **properties):
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


MAGIC = tool("magic_function", "Apply a magic function to an input.", input=WHOLE)
NO_ARGUMENTS = tool("magic_function_no_args", "Calculate a magic function.")
WEATHER = tool("get_weather", "Get the weather in a city", city=TEXT)
TIME = tool("get_time", "Get the local time of a city", city=TEXT)
CONVERT = tool("convert_temperature", "Convert Celsius to Fahrenheit", celsius=NUMBER)
GREETING = tool("greeting_generator", "Generate a greeting in a particular style of speaking.", answer_style=TEXT)
ADDER = tool("my_adder_tool", "Takes two integers, a and b, and returns their sum.", a=WHOLE, b=WHOLE)
ADD, MULTIPLY = tool("add", "Add numbers", a=NUMBER, b=NUMBER), tool("multiply", "Multiply numbers", a=NUMBER, b=NUMBER)
CUSTOMER = tool("unicode_customer", "Create a customer with a name.", customer_name=TEXT, description=TEXT)
UNIT = tool("get_weather", "", city=TEXT, unit={"enum": ["celsius", "fahrenheit"]})
SEARCH = tool("search", "Search the web", query=TEXT)
CALCULATOR = tool("calculator", "Evaluate an expression", expression=TEXT)
TABLE = tool("book_table", "Book a table", restaurant=TEXT, people=WHOLE, date={"type": "string", "format": "date"})


def user(text):
    return {"role": "user", "content": text}


def say(*messages, family=QWEN, **parameters):
    messages = [user(one) if isinstance(one, str) else one for one in messages]
    return model.answer({"model": "any", "messages": messages, **parameters}, family)


def calls(said):
    return [(call.name, json.loads(call.arguments)) for call in said.tool_calls]


@pytest.mark.parametrize(
    ("prompt", "tools", "expected"),
    [
        ("What is the value of magic_function(3)? Use the tool.", [MAGIC], [("magic_function", {"input": 3})]),
        (
            "What is the value of magic_function_no_args()? Use the tool.",
            [MAGIC, NO_ARGUMENTS],
            [("magic_function_no_args", {})],
        ),
        (
            "Using the tool, generate a Pirate greeting.",
            [GREETING],
            [("greeting_generator", {"answer_style": "Pirate"})],
        ),
        ("What is 1 + 2", [ADDER], [("my_adder_tool", {"a": 1, "b": 2})]),
        ("What is (3 + 4) * 2?", [MULTIPLY, ADD], [("add", {"a": 3, "b": 4})]),
        ("What is the weather in San Francisco, CA?", [TIME, WEATHER], [("get_weather", {"city": "San Francisco"})]),
        ("what's the weather in tokyo?", [WEATHER], [("get_weather", {"city": "tokyo"})]),
        ("Weather, city: Lyon, fahrenheit", [UNIT], [("get_weather", {"city": "Lyon", "unit": "fahrenheit"})]),
        ("北京今天的天气怎么样？", [WEATHER], [("get_weather", {"city": "北京"})]),
        (
            "北京和上海的天气",
            [WEATHER],
            [("get_weather", {"city": "北京"}), ("get_weather", {"city": "上海"})],
        ),
        (
            "What is the weather in Paris and Rome?",
            [WEATHER],
            [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Rome"})],
        ),
        (
            "Tell me both the weather and the time in Paris",
            [WEATHER, TIME],
            [("get_weather", {"city": "Paris"}), ("get_time", {"city": "Paris"})],
        ),
        ("Search for new whales", [SEARCH], [("search", {"query": "Search for new whales"})]),
        ("What is 12 * 7?", [CALCULATOR], [("calculator", {"expression": "12 * 7"})]),
        (
            "Book a table for 4 people at 'Chez Nous' on 2026-05-01",
            [TABLE],
            [("book_table", {"restaurant": "Chez Nous", "people": 4, "date": "2026-05-01"})],
        ),
        ("Hello!", [MAGIC, WEATHER], []),
        ("What is the capital of France?", [WEATHER, ADDER], []),
    ],
)
def test_a_tool_is_called_when_the_prompt_is_about_it(prompt, tools, expected):
    assert calls(say(prompt, tools=tools)) == expected


@pytest.mark.parametrize("name", ["你好啊集团", "こんにちは株式会社"])
def test_a_name_in_any_script_is_copied(name):
    (called,) = calls(say(f"Create a customer named '{name}' (Hello Group) - a company", tools=[CUSTOMER]))
    assert called[1]["customer_name"] == name


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", []),
        ("auto", ["get_weather"]),
        ("required", ["get_weather"]),
        ({"type": "function", "function": {"name": "magic_function"}}, ["magic_function"]),
    ],
)
def test_tool_choice_is_obeyed(choice, expected):
    said = say("What is the weather in Paris?", tools=[MAGIC, WEATHER], tool_choice=choice)
    assert [name for name, _ in calls(said)] == expected
    if choice != "auto":
        assert bool(say("Hello!", tools=[MAGIC, WEATHER], tool_choice=choice).tool_calls) == bool(expected)


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("You must call the function `magic_function`.", "magic_function"),
        ("The tool magic_function must be called.", "magic_function"),
        ("Call exactly one of these tools: get_weather, magic_function.", "get_weather"),
        ("Respond by calling a tool.", "get_weather"),
    ],
)
def test_an_instruction_stands_for_a_forced_choice(instruction, expected):
    system = {"role": "system", "content": instruction}
    said = say(system, "Hello", tools=[WEATHER, MAGIC])
    assert [name for name, _ in calls(said)] == [expected]


def run_agent(prompt, tools, results, family=QWEN, **parameters):
    """Runs the loop that an agent would, and tells the steps."""
    messages, steps = [user(prompt)], []
    for step in range(5):
        said = say(*messages, family=family, tools=tools, **parameters)
        steps.append(calls(said) or said.text)
        if not said.tool_calls:
            return steps
        entries = [
            {"id": f"{step}-{at}", "function": {"name": call.name, "arguments": call.arguments}}
            for at, call in enumerate(said.tool_calls)
        ]
        messages.append({"role": "assistant", "content": "", "tool_calls": entries})
        for entry in entries:
            result = results[entry["function"]["name"]]
            messages.append({"role": "tool", "tool_call_id": entry["id"], "content": result})
    return steps


@pytest.mark.parametrize("family", [QWEN, DEEPSEEK, GEMINI_25])
def test_an_agent_of_three_steps(family):
    results = {"get_weather": "Sunny, 22 degrees Celsius", "convert_temperature": "71.6"}
    steps = run_agent("What is the weather in Paris, in Fahrenheit?", [CONVERT, WEATHER], results, family)
    assert steps[0] == [("get_weather", {"city": "Paris"})]
    assert steps[1] == [("convert_temperature", {"celsius": 22})]
    assert "Sunny, 22 degrees Celsius" in steps[2]
    assert "71.6" in steps[2]


def test_a_result_is_worked_on():
    steps = run_agent("Add 3 and 4, then multiply the result by 2", [MULTIPLY, ADD], {"add": "7", "multiply": "14"})
    assert steps[:2] == [[("add", {"a": 3, "b": 4})], [("multiply", {"a": 7, "b": 2})]]
    assert "14" in steps[2]


def test_an_instruction_to_call_ends_when_every_tool_was_called():
    prompt = "What is the weather in Paris? You must call one of the tools."
    steps = run_agent(prompt, [WEATHER, MAGIC], {"get_weather": "Sunny", "magic_function": "5"})
    assert [isinstance(step, str) for step in steps] == [False, False, True]


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    barks: bool


class Song(BaseModel):
    title: str = Field(min_length=3, max_length=30)
    seconds: float = Field(gt=0)


class Album(BaseModel):
    name: str
    artist: str | None
    songs: list[Song] = Field(min_length=2)
    colour: Colour = Colour.RED
    pet: Cat | Dog
    tags: dict[str, str] = {}
    next: "Album | None" = None


class Tree(BaseModel):
    value: int
    children: "list[Tree]"


@pytest.mark.parametrize("cls", [Album, Tree, Song, Cat, Dog])
@pytest.mark.parametrize(
    "prompt", ["", "A blue album named Night by Nina with 3 songs and a dog", "lives: 12, seconds: -4", "「夜」"]
)
def test_any_schema_is_filled_validly(cls, prompt):
    schema = cls.model_json_schema()
    filled = Filling(prompt).fill(schema)
    jsonschema.validate(filled, schema)
    cls.model_validate(filled)


JOKE = {"type": "object", "properties": {"setup": TEXT, "punchline": TEXT}, "required": ["setup", "punchline"]}
PERSON = {"type": "object", "properties": {"name": TEXT, "age": WHOLE}, "required": ["name", "age"]}


@pytest.mark.parametrize(
    ("prompt", "wanted", "expected"),
    [
        (
            "Tell me a joke. Return JSON with 'setup' and 'punchline' keys.",
            {"type": "json_object"},
            {"setup", "punchline"},
        ),
        ("Tell me a joke", {"type": "json_schema", "json_schema": {"schema": JOKE}}, {"setup", "punchline"}),
        (f"A joke. Here's a JSON schema to follow:\n{json.dumps(JOKE)}", None, {"setup", "punchline"}),
        (
            f"A joke, in JSON:\n```json\n{json.dumps(JOKE, indent=1)}\n```\nNow!",
            {"type": "json_object"},
            set(JOKE["required"]),
        ),
        ("Anything, in JSON", {"type": "json_object"}, {"answer"}),
        ("Anything. Answer with one JSON object and nothing else.", None, {"answer"}),
    ],
)
def test_json_is_answered_where_it_is_asked_for(prompt, wanted, expected):
    parameters = {"response_format": wanted} if wanted else {}
    assert json.loads(say(prompt, **parameters).text).keys() == expected


def test_facts_of_the_prompt_fill_the_schema():
    prompt = f"Alice is 30 years old. Answer in JSON with this schema: {json.dumps(PERSON)}"
    assert json.loads(say(prompt).text) == {"name": "Alice", "age": 30}


def test_the_schema_in_a_text_may_have_doubled_braces():
    assert embedded_schema(json.dumps(JOKE).replace("{", "{{").replace("}", "}}")) == JOKE
    assert embedded_schema('{"a": 1} and {broken') is None


RAG = """Context information is below.
---------------------
file_path: life.txt

The author grew up in Oslo. He later wrote a book on whales. It sold well.
---------------------
Given the context information and not prior knowledge, answer the query.
Query: What did he write a book on?
Answer: """


def test_a_question_on_a_context_is_answered_with_its_sentence():
    assert say(RAG).text == "He later wrote a book on whales."


REACT = {
    "role": "system",
    "content": "You are designed to help.\n> Tool Name: get_weather\nTool Description: get_weather(city: str)\nWeather."
    '\nTool Args: {"properties": {"city": {"type": "string"}}, "required": ["city"], "type": "object"}\n\n'
    "Thought: ...\nAction: tool name (one of get_weather)\nAction Input: JSON. You MUST answer in this format.",
}


def test_react_is_spoken_in_text():
    asked = user("What is the weather in Paris?")
    step = say(REACT, asked).text
    assert step.startswith("Thought: ")
    assert step.endswith('Action: get_weather\nAction Input: {"city": "Paris"}')
    end = say(REACT, asked, {"role": "assistant", "content": step}, user("Observation: Sunny")).text
    assert end.startswith("Thought: ")
    assert end.endswith("Answer: Here is what I found: Sunny")


@pytest.mark.parametrize(("stop", "hit"), [("emulated", "emulated"), (["zzz", "an "], "an "), (["zzz"], None)])
def test_stop_cuts_the_text(stop, hit):
    said = say("Write", stop=stop)
    assert said.matched_stop == hit
    assert hit is None or (hit not in said.text and said.text)
    assert said.finish == "stop"


@pytest.mark.parametrize(
    ("family", "parameters", "reasons", "speaks"),
    [
        (QWEN, {"max_completion_tokens": 2}, False, True),
        (DEEPSEEK, {"max_tokens": 2}, True, False),  # reasoning ate the budget
        (DOUBAO, {"max_tokens": 2}, True, True),  # Doubao's limit does not count it
    ],
)
def test_the_length_limit(family, parameters, reasons, speaks):
    said = say("Hello", family=family, **parameters)
    assert said.finish == "length"
    assert (bool(said.reasoning), bool(said.text)) == (reasons, speaks)


def test_a_call_may_be_cut_by_the_length_limit():
    said = say("What is the weather in Paris?", tools=[WEATHER], max_completion_tokens=7)
    assert said.finish == "length"
    with pytest.raises(ValueError, match="line 1"):
        json.loads(said.tool_calls[0].arguments)


def test_a_prefix_is_continued():
    prefix = {"role": "assistant", "content": "Hello! I am", "prefix": True}
    assert say("Hello", prefix).text == " an emulated model. How can I help you today?"


@pytest.mark.parametrize("parameters", [{}, {"messages": []}, {"messages": [{"role": "user"}, "x"]}])
def test_odd_requests_get_an_answer_too(parameters):
    assert model.answer({"model": "any", **parameters}, QWEN).text
