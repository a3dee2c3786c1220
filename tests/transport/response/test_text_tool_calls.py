"""Calls that arrive as text: what becomes a call, what stays text, and what is told to be none."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.tools import FunctionTool

from anyfast_emulator import Answer, Emulator
from anyfast_transport import InvalidResponseError
from anyfast_transport.lenient_json import parsed_arguments
from anyfast_transport.response.text_tool_calls import CallsInText
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM
from tests.parity.through import OFFERED, both_ways, streamed, whole

TOOLS = {"get_weather": OFFERED["tools"][0]["function"]["parameters"], "now": {}}
PARIS = {"city": "Paris", "days": 3}


def dsml(bar: str = "｜", name: str = "get_weather", section: str = "tool_calls") -> str:
    tag = f"{bar}DSML{bar}"
    call = (
        f'<{tag}invoke name="{name}">\n<{tag}parameter name="city" string="true">Paris</{tag}parameter>\n'
        f'<{tag}parameter name="days" string="false">3</{tag}parameter>\n</{tag}invoke>'
    )
    return f"<{tag}{section}>\n{call}\n</{tag}{section}>" if section else call


HERMES = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}\n</tool_call>'
CODER = (
    "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
    "</function>\n</tool_call>"
)
ONE_CALL = {
    "DSML": dsml(),
    "DSML with half-width bars": dsml("|"),
    "DSML with double bars": dsml("｜｜"),
    "DSML with a parallel bar": dsml("‖"),
    "DSML as V3.2 calls it": dsml(section="function_calls"),
    "DSML without its section": dsml(section=""),
    "DSML whose section is never closed": dsml().removesuffix("</｜DSML｜tool_calls>"),
    "DSML on one line": dsml().replace("\n", " "),
    "DSML in one piece": dsml().replace("\n", ""),
    "DSML whose section lacks its bracket": dsml().replace("tool_calls>", "tool_calls", 1),
    "Hermes": HERMES,
    "Hermes with parameters": HERMES.replace("arguments", "parameters"),
    "Hermes with the arguments as text": HERMES.replace('{"city": "Paris", "days": 3}', json.dumps(json.dumps(PARIS))),
    "Hermes in a list": HERMES.replace('{"name', '[{"name').replace("3}}", "3}}]"),
    "Qwen3-Coder": CODER,
    "Qwen3-Coder without its first tag": CODER.removeprefix("<tool_call>\n"),
}


@pytest.mark.parametrize("where", ["content", "reasoning_content"])
@pytest.mark.parametrize("markup", ONE_CALL.values(), ids=ONE_CALL)
def test_becomes_a_call_and_is_not_shown(markup, where):
    for got in both_ways({where: markup}, call=OFFERED):
        ((call_id, name, args, _),) = got.calls
        assert (bool(call_id), name, args) == (True, "get_weather", PARIS)
        assert (got.text, got.reasoning, got.finish_reason) == ("", "", "stop")


@pytest.mark.parametrize("markup", ONE_CALL.values(), ids=ONE_CALL)
def test_text_before_and_behind_it_stays(markup):
    for got in both_ways({"content": f"Let me look.{markup}\nDone."}, call=OFFERED):
        if "section is never closed" not in markup and markup.count("tool_calls") != 1:
            assert got.text == "Let me look.Done."
        assert got.text.startswith("Let me look.")
        assert "DSML" not in got.text
        assert [call[1:3] for call in got.calls] == [("get_weather", PARIS)]


@pytest.mark.parametrize("markup", ONE_CALL.values(), ids=ONE_CALL)
def test_only_where_tools_were_offered_and_unless_switched_off(markup):
    for got in both_ways({"content": markup}):
        assert (got.text, got.calls) == (markup, [])
    for got in both_ways({"content": markup}, call=OFFERED, rescue_tool_calls=False):
        assert (got.text, got.calls) == (markup, [])
    for got in both_ways({"content": markup}, call={**OFFERED, "rescue_tool_calls": False}):
        assert (got.text, got.calls) == (markup, [])
    for got in both_ways({"content": markup}, call={**OFFERED, "tool_choice": "none"}):
        assert (got.text, got.calls) == (markup, [])


def test_several_calls_are_several_calls():
    for markup in (
        HERMES + "\n" + HERMES.replace("Paris", "Rome"),
        dsml(section="") + dsml(section="").replace("Paris", "Rome"),
    ):
        for got in both_ways({"content": markup}, call=OFFERED):
            assert [call[2]["city"] for call in got.calls] == ["Paris", "Rome"]
            assert len({call[0] for call in got.calls}) == 2


BROKEN = {
    "JSON that is none": HERMES.replace(": 3", ": "),
    "JSON that is cut": HERMES[:60],
    "an unclosed tag, the JSON whole": HERMES.removesuffix("</tool_call>"),
    "DSML within a value": dsml()[:90],
    "DSML between two values": dsml()[:130],
    "DSML whose JSON is none": dsml().replace(">3<", ">3,<"),
    "Qwen3-Coder within a value": CODER[:50],
    "no arguments where some are needed": '<tool_call>{"name": "get_weather"}</tool_call>',
    "arguments that are a list": '<tool_call>{"name": "get_weather", "arguments": [1]}</tool_call>',
}


@pytest.mark.parametrize("finish", ["stop", "length"])
@pytest.mark.parametrize("markup", BROKEN.values(), ids=BROKEN)
def test_a_broken_one_is_told_to_be_none(markup, finish):
    for got in both_ways({"content": "Let me look. " + markup}, finish, call=OFFERED):
        ((call_id, name, args, raw),) = got.calls
        assert (bool(call_id), name, args) == (True, "get_weather", None)
        assert raw.strip()[0] in "<{"
        assert got.text == "Let me look. "


TALK = {
    "tags in a sentence": "Use <tool_call> and </tool_call> around <function=name> or <｜DSML",
    "tags in backticks": f"Write `{HERMES}` to call it.",
    "another tool": HERMES.replace("get_weather", "other_tool"),
    "a function that is none": "<function=example><parameter=x>1</parameter></function> is how it looks.",
    "less than": "1 < 2, and <b>bold</b>, and a<",
    "a tag that begins": "This ends in <tool_",
    "a tag that opens": "This ends in <tool_call>",
}


@pytest.mark.parametrize("text", TALK.values(), ids=TALK)
def test_text_that_talks_of_calls_is_left_alone(text):
    for got in both_ways({"content": text}, call=OFFERED):
        assert (got.text, got.calls) == (text, [])


def test_talk_is_shown_as_it_comes():
    """What cannot be a call is not held back to the end of the answer."""
    reader = CallsInText(TOOLS)
    assert reader.feed("Use <tool_call> and") == "Use <tool_call> and"
    assert reader.feed("<function=other>x") == "<function=other>x"


def test_a_planned_call_is_none_if_something_else_answers():
    plan = f"I could write {HERMES} or just answer."
    native = [
        {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
    ]
    for got in both_ways({"reasoning_content": plan, "content": "It is sunny."}, call=OFFERED):
        assert (got.reasoning, got.text, got.calls) == (plan, "It is sunny.", [])
    for got in both_ways({"reasoning_content": plan, "tool_calls": native}, "tool_calls", call=OFFERED):
        assert (got.reasoning, [call[:3] for call in got.calls]) == (
            plan,
            [("call_1", "get_weather", {"city": "Rome"})],
        )
    for got in both_ways({"reasoning_content": plan}, "length", call=OFFERED):
        assert (got.reasoning, got.calls) == (plan, [])


def test_a_call_that_came_both_ways_is_one_call():
    native = [
        {
            "index": 0,
            "id": "call_1",
            "type": "function",
            "function": {"name": "get_weather", "arguments": json.dumps(PARIS)},
        }
    ]
    for got in both_ways({"content": HERMES, "tool_calls": native}, call=OFFERED):
        assert [call[:3] for call in got.calls] == [("call_1", "get_weather", PARIS)]
        assert got.text == ""


def test_inside_a_thought_that_is_never_closed():
    for got in both_ways({"content": f"<think>\nI need the weather. {HERMES}"}, call=OFFERED):
        assert (got.text, got.reasoning) == ("", "I need the weather. ")
        assert [call[2] for call in got.calls] == [PARIS]


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "string"}, "3", "3"),
        ({"type": "string"}, "null", "null"),
        ({"type": ["string", "null"]}, "null", None),
        ({"type": "integer"}, "3", 3),
        ({"type": "number"}, "2.5", 2.5),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "True", True),
        ({"type": "array"}, '["a", 1]', ["a", 1]),
        ({"type": "object"}, '{"a": {}}', {"a": {}}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "null", None),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "3", "3"),
        ({"enum": ["1", "2"]}, "1", "1"),
        ({"$ref": "#/$defs/Place"}, '{"a": 1}', {"a": 1}),
        ({"type": "integer"}, "three", "three"),
        (None, "3", "3"),
    ],
)
def test_a_value_in_tags_is_what_the_schema_says(schema, text, value):
    tools = {"f": {"properties": {"x": schema} if schema else {}}}
    reader = CallsInText(tools)
    assert reader.feed(f"<tool_call><function=f><parameter=x>\n{text}\n</parameter></function></tool_call>") == ""
    assert json.loads(reader.calls[0].arguments) == {"x": value}


# --- any text, cut anywhere ---------------------------------------------------------------------------------------

NAMES = st.sampled_from(["get_weather", "now", "other"])
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<>"), max_size=12)
PROSE = st.one_of(
    VALUES, st.sampled_from(["<", "<tool_call>", "</tool_call>", "<｜DSML｜", "`", "\n", "<function=", "{"])
)


@st.composite
def markups(draw):
    name, value = draw(NAMES), draw(VALUES)
    bar = draw(st.sampled_from(["｜", "|", "‖", "｜｜"]))
    tag = f"{bar}DSML{bar}"
    call = json.dumps({"name": name, "arguments": {"city": value}})
    element = (
        f'<{tag}invoke name="{name}"><{tag}parameter name="city" string="true">{value}</{tag}parameter></{tag}invoke>'
    )
    kind = draw(st.sampled_from(["hermes", "dsml", "bare", "coder"]))
    return (
        name,
        value,
        {
            "hermes": f"<tool_call>{call}</tool_call>",
            "dsml": f"<{tag}tool_calls>{element}</{tag}tool_calls>",
            "bare": element,
            "coder": f"<tool_call><function={name}><parameter=city>{value}</parameter></function></tool_call>",
        }[kind],
    )


def read(pieces, *, cut=False):
    reader = CallsInText(TOOLS)
    text = "".join(reader.feed(piece) for piece in pieces) + reader.flush(cut=cut)
    return text, reader.calls


def cut_up(text, cuts):
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in itertools.pairwise(places)]


@given(
    st.lists(st.one_of(PROSE, markups().map(lambda one: one[2])), max_size=6),
    st.lists(st.integers(0, 2000), max_size=12),
)
def test_cut_anywhere_it_reads_the_same(parts, cuts):
    text = "".join(parts)
    assert read(cut_up(text, cuts)) == read([text])


@given(markups(), st.text("ab \n", max_size=5), st.text("ab", max_size=5))
def test_what_was_written_is_read(markup, before, behind):
    name, value, text = markup
    shown, calls = read([before + text + behind])
    if name == "other" and "tool_calls>" not in text:
        assert (shown, calls) == (before + text + behind, [])
        return
    assert shown == before + behind
    (call,) = calls
    assert (call.name, call.error) == (name, None)
    assert parsed_arguments(call.arguments) == {
        "city": value.removeprefix("\n").removesuffix("\n") if "<function" in text else value
    }


@given(st.lists(st.one_of(PROSE, markups().map(lambda one: one[2])), max_size=4), st.integers(0, 400))
def test_a_cut_text_never_makes_a_call_of_half_a_call(parts, end):
    text = "".join(parts)
    whole_ones = {call.arguments for call in read([text])[1] if not call.error}
    for call in read([text[:end]], cut=True)[1]:
        assert call.error or call.arguments in whole_ones


def test_it_is_linear():
    """A counter in place of a clock: characters that are looked at for the closing tag."""
    seen = []

    class Counting(str):
        __slots__ = ()

        def __radd__(self, other):
            seen.append(len(other) + len(self))
            return str(other) + str(self)

    pieces = ["<tool_call>", '{"name": "get_weather", "arguments": {"city": "', *["x" * 100] * 400, '"}}</tool_call>']
    reader = CallsInText(TOOLS)
    for piece in pieces:
        reader.feed(Counting(piece))
    assert len(reader.calls) == 1
    assert sum(seen) < 4 * sum(map(len, pieces))


# --- in agents ----------------------------------------------------------------------------------------------------

OF_LLAMA_INDEX = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of its workflows, on their own fields


def get_weather(city: str, days: int = 1) -> str:
    """The weather in a city."""
    ASKED.append((city, days))
    return "sunny"


ASKED: list = []


@pytest.fixture
def emulator():
    ASKED.clear()
    with Emulator() as running:
        yield running


def model(emulator, **fields):
    return {
        "model": "deepseek-v4-pro",
        "base_url": emulator.base_url,
        "api_key": emulator.api_key,
        "max_retries": 0,
        **fields,
    }


def test_a_langchain_agent_goes_on_with_it(emulator):
    emulator.script(Answer(text=dsml(), finish_reason="stop"), "Sunny in Paris.")
    agent = create_agent(ChatAnyfast(**model(emulator)), [get_weather])
    answer = agent.invoke({"messages": [("user", "The weather in Paris?")]})["messages"]
    assert (answer[-1].text, ASKED) == ("Sunny in Paris.", [("Paris", 3)])
    assert [one.content for one in answer if isinstance(one, ToolMessage)] == ["sunny"]


@OF_LLAMA_INDEX
@pytest.mark.parametrize("streaming", [True, False])
async def test_a_llama_index_agent_goes_on_with_it(emulator, streaming):
    emulator.script(Answer(text=dsml(), finish_reason="stop"), "Sunny in Paris.")
    tool = FunctionTool.from_defaults(get_weather)
    output = await FunctionAgent(tools=[tool], llm=AnyfastLLM(**model(emulator)), streaming=streaming).run("?")
    assert (output.response.content, ASKED) == ("Sunny in Paris.", [("Paris", 3)])


HALF = [Answer(text=dsml()[:90], finish_reason="length"), Answer(text=HERMES[:60])]


@pytest.mark.parametrize("answer", HALF)
@pytest.mark.parametrize("streaming", [True, False])
def test_half_a_call_does_not_end_a_langchain_agent_as_if_it_were_done(emulator, answer, streaming):
    emulator.script(*[answer] * (1 if answer.finish_reason == "length" else 2))  # the other is asked for again
    agent = create_agent(ChatAnyfast(**model(emulator, streaming=streaming)), [get_weather])
    with pytest.raises(InvalidResponseError, match="'get_weather'"):
        agent.invoke({"messages": [("user", "?")]})
    assert ASKED == []


def test_that_can_be_switched_off(emulator):
    emulator.script(HALF[0])
    agent = create_agent(ChatAnyfast(**model(emulator, on_invalid_call="keep")), [get_weather])
    last = agent.invoke({"messages": [("user", "?")]})["messages"][-1]
    assert last.invalid_tool_calls[0]["error"] == "the arguments were cut off by the token limit"


def test_outside_an_agent_it_is_in_the_message(emulator):
    emulator.script(HALF[0], HALF[0])
    chat = ChatAnyfast(**model(emulator)).bind_tools([get_weather])
    assert chat.invoke("?").invalid_tool_calls[0]["name"] == "get_weather"
    with pytest.raises(InvalidResponseError, match="Raise max_tokens"):
        chat.invoke("?", on_invalid_call="raise")


@OF_LLAMA_INDEX
@pytest.mark.parametrize("answer", HALF)
@pytest.mark.parametrize("streaming", [True, False])
async def test_nor_a_llama_index_agent(emulator, answer, streaming):
    emulator.script(answer)
    tool = FunctionTool.from_defaults(get_weather)
    with pytest.raises(InvalidResponseError, match="'get_weather'"):
        await FunctionAgent(tools=[tool], llm=AnyfastLLM(**model(emulator)), streaming=streaming).run("?")
    assert ASKED == []


def test_what_is_not_streamed_is_read_the_same():
    for markup in ONE_CALL.values():
        first, second = whole({"content": markup}, call=OFFERED), streamed({"content": markup}, call=OFFERED)
        assert [(one.text, [call[1:] for call in one.calls]) for one in first] == [
            (one.text, [call[1:] for call in one.calls]) for one in second
        ]
