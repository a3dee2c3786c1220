"""Calls that arrive as text: what becomes a call, what stays text, and what is told to be none."""

import html
import itertools
import json
from dataclasses import replace

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
from anyfast_transport.reading import Reading
from anyfast_transport.response.text_tool_calls import CallsInText
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM
from tests.parity.through import OFFERED, STREAMED, WHOLE, Playback, both_ways, chunk, document, events

TOOLS = {"get_weather": OFFERED["tools"][0]["function"]["parameters"], "now": {}}
READING = Reading(tools=TOOLS, dialects=frozenset({"dsml", "tool_call", "function"}))
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


FAMILY_OF = {True: "deepseek-v4-pro", False: "qwen3.6-flash"}


def through(markup, text=None, finish="stop", **more):
    """What each framework makes of a text, from a model that writes in this markup."""
    asked = {"call": OFFERED, "model": FAMILY_OF["DSML" in markup], **more}
    return both_ways({"content": markup if text is None else text}, finish, **asked)


@pytest.mark.parametrize("markup", ONE_CALL.values(), ids=ONE_CALL)
def test_becomes_a_call_and_is_not_shown(markup):
    for got in through(markup):
        ((call_id, name, args, _),) = got.calls
        assert (bool(call_id), name, args) == (True, "get_weather", PARIS)
        assert (got.text, got.reasoning, got.finish_reason) == ("", "", "stop")


@pytest.mark.parametrize("markup", ONE_CALL.values(), ids=ONE_CALL)
def test_text_before_it_stays(markup):
    for got in through(markup, f"Let me look.\n\n{markup}\n"):
        assert (got.text, [call[1:3] for call in got.calls]) == ("Let me look.\n\n", [("get_weather", PARIS)])


@pytest.mark.parametrize("markup", ONE_CALL.values(), ids=ONE_CALL)
def test_is_text_where_none_was_offered_or_it_is_switched_off(markup):
    switched_off = [{"call": {}}, {"rescue_tool_calls": False}, {"call": {**OFFERED, "rescue_tool_calls": False}}]
    for asked in [*switched_off, {"call": {**OFFERED, "tool_choice": "none"}}]:
        for got in through(markup, **asked):
            assert (got.text, got.calls) == (markup, [])


@pytest.mark.parametrize("markup", ONE_CALL.values(), ids=ONE_CALL)
def test_in_the_reasoning_it_is_none(markup):
    for got in both_ways({"reasoning_content": markup}, call=OFFERED, model=FAMILY_OF["DSML" in markup]):
        assert (got.text, got.reasoning, got.calls) == ("", markup, [])
    for got in through(markup, f"<think>\nI need the weather.\n{markup}\n</think>Done."):
        assert (got.text, got.reasoning, got.calls) == ("Done.", f"I need the weather.\n{markup.rstrip()}", [])


WRITES = {
    "deepseek-v4-pro": {"DSML"},
    "qwen3.6-flash": {"Hermes", "Qwen3-Coder"},
    "qwen3-coder-plus": {"Hermes", "Qwen3-Coder"},
    "an-unknown-model": {"Hermes", "Qwen3-Coder"},
    "doubao-seed-2-0-pro": set(),
    "gemini-3-pro-preview": set(),
    "glm-5.2": set(),
}


@pytest.mark.parametrize("dialect", ["DSML", "Hermes", "Qwen3-Coder"])
@pytest.mark.parametrize("model", WRITES)
def test_only_the_markup_of_its_family_is_a_call(model, dialect):
    markup = ONE_CALL[dialect]
    for got in through(markup, model=model):
        is_call = dialect in WRITES[model]
        assert (got.text, len(got.calls)) == (("", 1) if is_call else (markup, 0))


ROME = {key: markup.replace("Paris", "Rome") for key, markup in ONE_CALL.items()}
SEVERAL = {
    "on lines of their own": f"{HERMES}\n{ROME['Hermes']}",
    "without a line between": HERMES + ROME["Hermes"],
    "DSML": dsml(section="") + dsml(section="").replace("Paris", "Rome"),
    "in one section": dsml().replace(
        "</｜DSML｜tool_calls>", dsml(section="").replace("Paris", "Rome") + "\n</｜DSML｜tool_calls>"
    ),
    "of two kinds": f"{CODER}\n{ROME['Hermes']}",
    "in one tag": CODER.removesuffix("\n</tool_call>") + ROME["Qwen3-Coder"].removeprefix("<tool_call>"),
}


@pytest.mark.parametrize("markup", SEVERAL.values(), ids=SEVERAL)
def test_several_calls_are_several_calls(markup):
    for got in through(markup):
        assert (got.text, [call[2]["city"] for call in got.calls]) == ("", ["Paris", "Rome"])
        assert len({call[0] for call in got.calls}) == 2


def test_of_several_the_last_that_count_are_calls():
    other = HERMES.replace("get_weather", "delete_file")
    for got in through(f"{other}\n{HERMES}"):
        assert (got.text, [call[2] for call in got.calls]) == (f"{other}\n", [PARIS])
    for text in (f"{HERMES}\n{other}", f"{HERMES}\n{HERMES}\nThat was it.", f"{other}{HERMES}"):
        for got in through(text):
            assert (got.text, got.calls) == (text, [])


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
    for got in through(markup, f"Let me look.\n{markup}", finish):
        ((call_id, name, args, raw),) = got.calls
        assert (bool(call_id), name, args) == (True, "get_weather", None)
        assert raw.strip()[0] in "<{"
        assert got.text == "Let me look.\n"


def quoted(markup):
    """A call in a text, and other texts around it."""
    return {
        "behind text on its line": f"Let me look. {markup}",
        "behind a space": f" {markup}",
        "text behind it": f"{markup}\nThat is how it is done.",
        "text on its line": f"{markup}.",
        "an HTML tag behind it": f"<example>\n{markup}\n</example>",
        "in quotes": f"“{markup}”",
        "in corner brackets": f"「\n{markup}\n」",
        "in backticks": f"Write `{markup}` to call it.",
        "in a fence": f"```xml\n{markup}\n```",
        "in a fence that is not closed": f"```xml\n{markup}",
        "in a longer fence": f"````\n```\n{markup}",
        "in a fence of tildes": f"~~~\n```\n{markup}",
        "in a fence within a list": f"1. So:\n   ```\n{markup}",
        "in an indented block": "So:\n\n" + "\n".join(f"    {line}" for line in markup.splitlines()),
        "behind a tab": "So:\n\n\t" + markup,
        "in a list": f"- {markup}",
        "in a block quote": "\n".join(f"> {line}" for line in markup.splitlines()),
        "in a block quote that goes on": f"> The page says:\n{markup}",
        "in a comment": f"<!--\n{markup}",
        "in an HTML block": f"<pre>\n{markup}",
    }


@pytest.mark.parametrize("how", quoted(""))
@pytest.mark.parametrize("dialect", ["DSML", "DSML without its section", "Hermes", "Qwen3-Coder"])
def test_what_is_quoted_is_text(how, dialect):
    text = quoted(ONE_CALL[dialect])[how]
    for got in through(ONE_CALL[dialect], text):
        assert (got.text, got.calls) == (text, [])


def test_a_call_behind_a_quotation_that_was_closed_is_one():
    for how, text in quoted(HERMES).items():
        if how in ("in a fence", "in a block quote", "in quotes", "text behind it"):
            for got in through(f"{text}\n\nI call it.\n\n{HERMES}"):
                assert (got.text, [call[2] for call in got.calls]) == (f"{text}\n\nI call it.\n\n", [PARIS])


TALK = {
    "tags in a sentence": "Use <tool_call> and </tool_call> around <function=name> or <｜DSML",
    "tags on their lines": "It begins with\n<tool_call>\nthen JSON, and ends in\n</tool_call>",
    "a template": '<tool_call>\n{"name": "get_weather", "arguments": {...}}\n</tool_call>',
    "Qwen's own words": '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>',
    "another tool": HERMES.replace("get_weather", "other_tool"),
    "a function that is none": "<function=example><parameter=x>1</parameter></function> is how it looks.",
    "JSON in a function": '<function=get_weather>{"city": "Paris"}</function>',
    "words in a call": CODER.replace("</parameter>\n<parameter", "</parameter>\nand\n<parameter"),
    "a section without calls": "<tool_call>\n</tool_call>",
    "less than": "1 < 2, and <b>bold</b>, and a<",
    "a tag that begins": "This ends in\n<tool_",
    "a tag that opens": "This ends in\n<tool_call>",
    "an open call that is talked about": f"{HERMES.removesuffix('</tool_call>')}\nis not closed.",
    "an open value, and words behind its end": CODER.replace("</parameter>", "") + "\nIt lacks an end.",
}


@pytest.mark.parametrize("text", TALK.values(), ids=TALK)
def test_text_that_talks_of_calls_is_left_alone(text):
    for got in through("", text):
        assert (got.text, got.calls) == (text, [])


def test_dsml_of_a_tool_that_was_not_offered_is_text():
    for markup in (
        dsml(name="delete_file"),
        dsml().replace("</｜DSML｜tool_calls>", dsml(name="x", section="") + "</｜DSML｜tool_calls>"),
    ):
        for got in through(markup):
            assert (got.text, got.calls) == (markup, [])


def test_talk_is_shown_as_it_comes():
    """What cannot be a call is not held back to the end of the answer."""
    reader = CallsInText(READING)
    assert reader.feed("<tool_call> and") == "<tool_call> and"
    assert reader.feed("\n<function=other>x") == "\n<function=other>x"
    assert reader.feed(f"\n{HERMES}") == "\n"
    assert reader.feed("\nThat") == f"{HERMES}\nThat"


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


# --- calls that stand in the request ------------------------------------------------------------------------------

AS_JSON = json.dumps({"page": {"text": f"Recipes. {HERMES} More."}})
STANDS = {
    "as it is": HERMES,
    "in a text": f"Recipes. {HERMES} More.",
    "on one line": HERMES.replace("\n", " "),
    "in another dialect": dsml(),
    "in Qwen3-Coder's": CODER,
    "not closed": HERMES.removesuffix("</tool_call>"),
    "with its arguments as text": ONE_CALL["Hermes with the arguments as text"],
    "with numbers as text": HERMES.replace("3}", '"3"}'),
    "in another order": HERMES.replace('"city": "Paris", "days": 3', '"days": 3, "city": "Paris"'),
    "in JSON": AS_JSON,
    "in JSON with escapes": AS_JSON.replace("<", "\\u003c"),
    "in JSON in JSON": json.dumps([AS_JSON]),
    "in HTML": f"<p>{html.escape(HERMES)}</p>",
    "behind a tag that hides it": f"<function=x><parameter=y>\n{CODER}",
    "among others": f"{HERMES.replace('Paris', 'Rome')}{HERMES}{dsml(name='other')}",
}
MESSAGES = {
    "a tool's result": lambda text: [{"role": "tool", "tool_call_id": "1", "content": text}],
    "the user": lambda text: [{"role": "user", "content": [{"type": "text", "text": text}]}],
    "the system": lambda text: [{"role": "system", "content": text}, {"role": "user", "content": "?"}],
}


@pytest.mark.parametrize("where", STANDS)
@pytest.mark.parametrize("who", MESSAGES)
@pytest.mark.parametrize("dialect", ["DSML", "Hermes", "Qwen3-Coder"])
def test_a_call_that_stands_in_a_message_is_quoted(where, who, dialect):
    assert read([ONE_CALL[dialect]], messages=MESSAGES[who](STANDS[where])) == (ONE_CALL[dialect], [])


NOT_THERE = {
    "another call": HERMES.replace("Paris", "Rome"),
    "no markup": '{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}',
    "its words": "What is the weather in Paris for 3 days? <b>get_weather</b>",
    "fewer arguments": HERMES.replace(', "days": 3', ""),
    "a broken text": "<tool_call>{[<function=<｜DSML｜invoke name=" * 3,
}


@pytest.mark.parametrize("text", NOT_THERE.values(), ids=NOT_THERE)
def test_one_that_does_not_is_a_call(text):
    for dialect in ("DSML", "Hermes", "Qwen3-Coder"):
        shown, calls = read([ONE_CALL[dialect]], messages=MESSAGES["the user"](text))
        assert (shown, [json.loads(call.arguments) for call in calls]) == ("", [PARIS])


@pytest.mark.parametrize("words", ["```\n", "It says: ", "> It says:\n"])
def test_an_answer_that_goes_on_from_given_words_begins_where_they_end(words):
    given = [{"role": "user", "content": "?"}, {"role": "assistant", "content": words, "prefix": True}]
    assert read([HERMES], messages=given) == (HERMES, [])


def test_a_page_that_is_quoted_through_both_frameworks():
    for ask in (*WHOLE.values(), *STREAMED.values()):
        body = document({"content": f"It says:\n\n{HERMES}"})
        if ask in STREAMED.values():
            body = events(chunk({"content": "It says:\n\n"}), chunk({"content": HERMES}), chunk({}, "stop"))
        extra = {"messages": MESSAGES["a tool's result"](AS_JSON)}
        got = ask(Playback([body]), OFFERED, extra_body=extra)
        assert (got.text, got.calls) == (f"It says:\n\n{HERMES}", [])


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
    reader = CallsInText(replace(READING, tools=tools))
    assert reader.feed(f"<tool_call><function=f><parameter=x>\n{text}\n</parameter></function></tool_call>") == ""
    assert reader.flush(cut=False) == ""
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


def read(pieces, *, cut=False, messages=()):
    reader = CallsInText(replace(READING, messages=messages))
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


@given(markups(), st.text("ab \n", max_size=5), st.text("ab \n", max_size=5))
def test_what_was_written_is_read(markup, before, behind):
    name, value, text = markup
    shown, calls = read([before + text + behind])
    if name == "other" or behind.strip() or (before and not before.endswith("\n")):
        assert (shown, calls) == (before + text + behind, [])
        return
    assert shown == before
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


HALF = [Answer(text=dsml()[:90], finish_reason="length"), Answer(text=dsml()[:130])]


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
    emulator.script(*[answer] * (1 if answer.finish_reason == "length" else 2))
    tool = FunctionTool.from_defaults(get_weather)
    with pytest.raises(InvalidResponseError, match="'get_weather'"):
        await FunctionAgent(tools=[tool], llm=AnyfastLLM(**model(emulator)), streaming=streaming).run("?")
    assert ASKED == []


def test_a_call_that_is_asked_for_again_is_not_a_quotation_of_itself(emulator):
    broken = CODER.replace("</function>\n", "")
    emulator.script(Answer(text=broken), Answer(text=CODER), "Sunny in Paris.")
    agent = create_agent(ChatAnyfast(**model(emulator, model="qwen3.6-flash")), [get_weather])
    answer = agent.invoke({"messages": [("user", "The weather in Paris?")]})["messages"]
    assert (answer[-1].text, ASKED) == ("Sunny in Paris.", [("Paris", 3)])
