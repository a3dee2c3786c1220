"""The profile file: what it may say, what it changes in what is sent, and how models carry it."""

import copy
import json
import os
import pickle
from pathlib import Path

import pytest
from langchain_core.load import dumpd

from anyfast_emulator import Emulator
from anyfast_emulator.temperaments import Temperament
from anyfast_transport import (
    ChatParameters,
    Client,
    Connection,
    UnsupportedParameterError,
    build_body,
    build_request,
    family_of,
)
from anyfast_transport.families.profile_file import (
    LONGEST_PROFILE,
    family_with,
    parsed_profile,
    read_profile,
    written_profile,
)
from anyfast_transport.families.table import FAMILIES, PLAIN
from anyfast_transport.request.call import Call
from anyfast_transport.request.structured_output import Structure
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM

D, Q, G = "deepseek-v4-flash", "qwen3.6-flash", "gemini-2.5-flash"
HI = [{"role": "user", "content": "Hi"}]
KEY = "sk-emulator"


@pytest.fixture
def profile(tmp_path):
    """Writes a profile, and gives its path."""

    def write(models, name="profile.json"):
        path = tmp_path / name
        path.write_text(models if isinstance(models, str) else json.dumps({"format": 1, "models": models}))
        return str(path)

    return write


# What it may say ------------------------------------------------------------------------------------------------------

WRONG = [
    ("", "is no JSON"),
    ("[]", "is no profile"),
    ('{"models": {}}', "is no profile"),
    ('{"format": true, "models": {}}', "is no profile"),
    ('{"format": 2, "models": {}}', "Update anyfast-integrations"),
    ('{"format": 1, "models": {"m": []}}', "should be an object of facts"),
    ('{"format": 1, "models": {"": {}}}', "should be an object of facts"),
    ({"m": {"efort_path": "x"}}, "has no fact 'efort_path'; did you mean 'effort_path'?"),
    ({"m": {"name": "x"}}, "has no fact 'name'"),
    ({"m": {"thinks_by_default": "yes"}}, "wrong thinks_by_default"),
    ({"m": {"thinks_by_default": 1}}, "wrong thinks_by_default"),
    ({"m": {"max_output": "9"}}, "wrong max_output"),
    ({"m": {"max_output": 0}}, "wrong max_output"),
    ({"m": {"effort_levels": ["low", "extreme"]}}, "wrong effort_levels.1"),
    ({"m": {"effort_path": ""}}, "wrong effort_path"),
    ({"m": {"reasoning_replay": "sometimes"}}, "wrong reasoning_replay"),
    ({"m": {"thinking": {"yes": {}}}}, "wrong thinking.yes"),
    ({"m": {"thinking": {"on": True}}}, "wrong thinking.on"),
    ({"m": {"call_ids": "("}}, "wrong call_ids"),
]


@pytest.mark.parametrize(("models", "words"), WRONG)
def test_a_broken_file_is_a_plain_error_that_names_it(profile, models, words):
    path = profile(models)
    with pytest.raises(UnsupportedParameterError) as caught:
        family_with(D, path)
    assert path in caught.value.message
    assert words in caught.value.message
    assert caught.value.parameter == "profile_file"


def test_a_missing_file_is_one_too(tmp_path):
    with pytest.raises(UnsupportedParameterError, match=r"nowhere\.json cannot be read \(No such file"):
        family_with(D, str(tmp_path / "nowhere.json"))
    with pytest.raises(UnsupportedParameterError, match="cannot be read"):
        family_with(D, str(tmp_path))


def test_every_row_can_be_written_and_read_again():
    for row in (*FAMILIES, PLAIN):
        facts = {name: getattr(row, name) for name in row.__slots__ if name not in ("name", "ids")}
        assert parsed_profile(written_profile({"m": facts}), source="") == {"m": facts}


def test_the_longer_beginning_lies_above_and_a_vendor_does_not_matter(profile):
    facts = {
        "deepseek-v4-": {"max_output": 1, "stop_limit": 3},
        "Some/DeepSeek-V4-Flash": {"max_output": 2},
        "deepseek": {"max_output": 3, "context_window": 4},
    }
    found = family_with("deepseek-ai/deepseek-v4-flash", profile(facts))
    assert (found.max_output, found.stop_limit, found.context_window) == (2, 3, 4)
    assert (found.name, found.ids) == (family_of(D).name, family_of(D).ids)
    assert family_with(Q, profile(facts)) == family_of(Q)


def test_a_file_that_has_changed_is_read_again(profile):
    path = profile({D: {"max_output": 1}})
    assert family_with(D, path).max_output == 1
    assert family_with(D, path) is family_with(D, path)
    profile({D: {"max_output": 20}})
    assert family_with(D, path).max_output == 20
    assert read_profile(path) == {D: {"max_output": 20}}


DEEP = "[" * 100_000
HOSTILE = {
    "deep": DEEP,
    "deep and whole": '{"format": 1, "models": ' + DEEP + "]" * 100_000 + "}",
    "deep in a fact": '{"format": 1, "models": {"a": {"thinking": ' + '{"on":' * 5000 + "1" + "}" * 5002 + "}}",
    "huge": " " * (LONGEST_PROFILE + 1),
    "a huge name of a fact": '{"format": 1, "models": {"a": {"' + "x" * 1_000_000 + '": 1}}}',
    "half a character": '{"format": 1, "models": {"a": {"\\ud83d": 1}}}',
    "a number that is none": '{"format": 1, "models": {"a": {"max_output": NaN}}}',
    "a number without end": '{"format": 1, "models": {"a": {"max_output": ' + "9" * 5000 + "}}}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_whatever_is_in_the_file_is_a_typed_error(tmp_path, text):
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(UnsupportedParameterError, match=r"profile\.json") as caught:
        family_with(D, str(path))
    assert len(caught.value.message) < 1000


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero", "a\0b"):
        with pytest.raises(UnsupportedParameterError, match="cannot be read"):
            family_with(D, str(path))


# What it changes: one case for each fact that the doctor can write ----------------------------------------------------

ON, OFF = {"type": "enabled"}, {"type": "disabled"}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
CALLED = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "21"}
LOOP = [*HI, CALLED, RESULT]
THOUGHT = [*HI, {**CALLED, "reasoning_content": "Hm."}, RESULT]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
LATE = [*HI, {"role": "system", "content": "Be brief."}]
PICTURE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]
FORCED = {"type": "function", "function": {"name": "look"}}
FORCE = {"tools": [TOOL], "tool_choice": "look"}
BEGUN = [*HI, {"role": "assistant", "content": "He", "prefix": True}]
JSON_MODE = {"type": "json_object"}
BY_SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}


def tool_choice(body):
    return body.get("tool_choice")


def field(name):
    return lambda body: body.get(name)


def reasoning(body):
    return body["messages"][1].get("reasoning_content")


def roles(body):
    return [message["role"] for message in body["messages"]]


def refused(words):
    return ("refused", words)


# model, facts, what is asked, what is looked at, before, after
CHANGES = [
    (D, {"length_parameter": "max_completion_tokens"}, {"max_tokens": 5}, field("max_completion_tokens"), None, 5),
    (D, {"second_effort_path": None}, {"reasoning_effort": "low"}, field("reasoning_effort"), "low", None),
    (
        D,
        {"effort_path": "reasoning_effort"},
        {"reasoning_effort": "low"},
        field("thinking"),
        {"reasoning_effort": "low"},
        None,
    ),
    (
        D,
        {"effort_levels": ["low", "max"]},
        {"reasoning_effort": "medium"},
        field("thinking"),
        {"reasoning_effort": "medium"},
        {"reasoning_effort": "low"},
    ),
    (Q, {"thinking": {"on": {"think": 1}, "off": {}}}, {"thinking": True}, field("think"), None, 1),
    (Q, {"thinking": {"on": {"think": 1}, "off": {}}}, {}, field("enable_thinking"), False, None),
    (D, {"thinking": {"on": {"thinking": ON}}}, {"thinking": False}, field("thinking"), OFF, refused("thinking off")),
    (D, {"thinks_by_default": False}, FORCE, tool_choice, None, FORCED),
    (D, {"reasoning_placeholder": ""}, {"messages": LOOP}, reasoning, " ", ""),
    (D, {"reasoning_placeholder": None}, {"messages": LOOP}, reasoning, " ", None),
    (D, {"reasoning_replay": "never", "reasoning_placeholder": None}, {"messages": THOUGHT}, reasoning, "Hm.", None),
    (
        "doubao-seed-evolving",
        {"reasoning_replay": "always", "reasoning_placeholder": " "},
        {"messages": LOOP},
        reasoning,
        None,
        " ",
    ),
    (D, {"forces_tools_while_thinking": True}, FORCE, tool_choice, None, FORCED),
    (D, {"json_object": "never"}, {"response_format": JSON_MODE}, field("response_format"), JSON_MODE, None),
    (
        Q,
        {"json_object": "always"},
        {"response_format": JSON_MODE, "thinking": True},
        field("response_format"),
        None,
        JSON_MODE,
    ),
    (D, {"json_schema": True}, {"response_format": BY_SCHEMA}, field("response_format"), JSON_MODE, BY_SCHEMA),
    (G, {"json_schema": False}, {"response_format": BY_SCHEMA}, field("response_format"), BY_SCHEMA, JSON_MODE),
    (G, {"json_needs_the_word": True}, {"response_format": JSON_MODE}, roles, ["user"], ["system", "user"]),
    (
        D,
        {"takes_prefix": False},
        {"messages": BEGUN},
        lambda body: body["messages"][-1].get("prefix"),
        True,
        refused("prefix"),
    ),
    (D, {"ignores": ["stop"]}, {"stop": ["x"]}, field("stop"), ["x"], None),
    (
        Q,
        {"refuses": {"stop": "it refuses stop sequences"}},
        {"stop": ["x"]},
        field("stop"),
        ["x"],
        refused("it refuses stop sequences"),
    ),
    (G, {"ignores": ["n"]}, {"n": 2}, field("n"), 2, None),
    (G, {"refuses": {"n": "it refuses n above 1"}}, {"n": 2}, field("n"), 2, refused("it refuses n")),
    (D, {"refuses": {}}, {"n": 2}, field("n"), refused("n above 1"), 2),
    (D, {"system_first": True}, {"messages": LATE}, roles, ["user", "system"], ["user", "user"]),
    (Q, {"parts": ["text"]}, {"messages": PICTURE}, lambda body: body["messages"], PICTURE, refused("image")),
    (D, {"top_p": {"on": 0.95, "off": 0.8}}, {}, field("top_p"), None, 0.95),
    (Q, {"top_p": {"on": 0.95, "off": 0.8}}, {}, field("top_p"), None, 0.8),
    (Q, {"top_p": {"on": 0.95, "off": 0.8}}, {"top_p": 0.5}, field("top_p"), 0.5, 0.5),
    (Q, {"top_p": {"on": 0.95}}, {}, field("top_p"), None, None),
    (
        "deepseek-v4-pro",
        {"parts": ["text", "image_url"], "flattens_text": False},
        {"messages": PICTURE},
        lambda body: body["messages"],
        refused("image"),
        PICTURE,
    ),
]


def seen(model, profile_file, asked, look):
    asked = dict(asked)
    messages = asked.pop("messages", HI)
    model = Both(model=model, profile_file=profile_file)
    try:
        return look(build_body(Call.of(model, asked), messages, warn=lambda _: None))
    except UnsupportedParameterError as error:
        return refused(error.message)


class Both(ChatParameters, Connection):
    """What both classes inherit."""


@pytest.mark.parametrize(("model", "facts", "asked", "look", "before", "after"), CHANGES)
def test_a_fact_changes_what_is_sent(profile, model, facts, asked, look, before, after):
    for path, expected in ((None, before), (profile({model: facts}), after)):
        found = seen(model, path, asked, look)
        if isinstance(expected, tuple):
            assert found[0] == "refused"
            assert expected[1] in found[1]
        else:
            assert found == expected


def test_every_fact_that_the_doctor_writes_is_among_them():
    source = "".join(path.read_text() for path in Path("anyfast_doctor").glob("*.py"))
    facts = {name for row in CHANGES for name in row[1]}
    written = {name for name in family_of(D).__slots__ if f"{name}=" in source or f'"{name}":' in source}
    assert written - {"name", "placeholder_on"} <= facts | {"ids"}


# How models carry it --------------------------------------------------------------------------------------------------


@pytest.fixture(params=[ChatAnyfast, AnyfastLLM], ids=["LangChain", "LlamaIndex"])
def kind(request):
    return request.param


def body_of(emulator, model, words="Hi", **said):
    model.invoke(words, **said) if isinstance(model, ChatAnyfast) else model.complete(words, **said)
    return emulator.requests[-1]


def test_as_a_field_for_one_call_and_from_the_environment(kind, profile, anyfast_emulator, monkeypatch):
    path = profile({Q: {"length_parameter": "max_completion_tokens"}, D: {"thinking": {"off": {}}}})
    other = profile({Q: {"thinking": {}}}, "other.json")
    where = {"base_url": anyfast_emulator.base_url, "api_key": anyfast_emulator.api_key}
    assert "enable_thinking" in body_of(anyfast_emulator, kind(model=Q, **where))
    assert "enable_thinking" not in body_of(anyfast_emulator, kind(model=Q, **where, profile_file=other))
    assert "enable_thinking" not in body_of(anyfast_emulator, kind(model=Q, **where), profile_file=Path(other))
    assert "enable_thinking" in body_of(anyfast_emulator, kind(model=Q, **where, profile_file=other), profile_file=path)
    monkeypatch.setenv("ANYFAST_PROFILE", other)
    assert "enable_thinking" not in body_of(anyfast_emulator, kind(model=Q, **where))
    monkeypatch.setenv("ANYFAST_PROFILE", "")
    assert "enable_thinking" in body_of(anyfast_emulator, kind(model=Q, **where))


def test_copies_and_pickles_take_it_along(kind, profile, monkeypatch):
    path = profile({Q: {"context_window": 77_000}})
    monkeypatch.setenv("ANYFAST_API_KEY", KEY)
    model = kind(model=Q, profile_file=Path(path))
    for one in (model, copy.copy(model), copy.deepcopy(model), model.model_copy(), pickle.loads(pickle.dumps(model))):  # noqa: S301  # our own
        assert one.profile_file == path
        assert window(one) == 77_000


def window(model):
    return model.profile["max_input_tokens"] if isinstance(model, ChatAnyfast) else model.metadata.context_window


def test_a_file_that_is_not_there_is_told_when_it_is_needed(kind, tmp_path):
    model = kind(model=Q, api_key=KEY, base_url="https://emulator.invalid/v1", profile_file=tmp_path / "nowhere.json")
    with pytest.raises(UnsupportedParameterError, match="cannot be read"):
        model.invoke("Hi") if isinstance(model, ChatAnyfast) else model.complete("Hi")


def test_llama_index_dumps_it():
    assert AnyfastLLM(model=Q, api_key=KEY, profile_file="mine.json").to_dict()["profile_file"] == "mine.json"


def test_langchain_dumps_it_and_keeps_answers_of_other_profiles_apart(profile):
    path = profile({})
    plain, own = ChatAnyfast(model=Q, api_key=KEY), ChatAnyfast(model=Q, api_key=KEY, profile_file=path)
    assert dumpd(own)["kwargs"]["profile_file"] == path
    assert plain._get_llm_string() != own._get_llm_string()


# A client with the file works against the gateway that it was written for ---------------------------------------------


def test_a_gateway_that_reads_the_effort_at_the_top_level(kind, profile):
    with Emulator(temperament=Temperament(effort_read="top")) as emulator:
        where = {"base_url": emulator.base_url, "api_key": emulator.api_key, "thinking": True}
        sizes = []
        for path in (profile({D: {"second_effort_path": None}}), None):
            for level in ("low", "max"):
                model = kind(model=D, **where, profile_file=path, reasoning_effort=level)
                body = body_of(emulator, model)
                sizes.append(len(Client(model).complete(body).reasoning))
    assert sizes[0] == sizes[1]
    assert sizes[2] < sizes[3]


def test_a_gateway_that_takes_only_an_empty_placeholder(kind, profile):
    path = profile({D: {"reasoning_placeholder": ""}})
    with Emulator(temperament=Temperament(placeholders=frozenset({""}))) as emulator:
        model = kind(model=D, base_url=emulator.base_url, api_key=emulator.api_key, profile_file=path)
        call = Call.of(model, {"tools": [TOOL]})
        assert Client(model).complete(build_request(call, LOOP)).text


def test_a_gateway_that_takes_a_forced_choice_while_it_thinks(profile):
    path = profile({D: {"forces_tools_while_thinking": True}})
    with Emulator(temperament=Temperament(forced_choice="works")) as emulator:
        model = ChatAnyfast(model=D, base_url=emulator.base_url, api_key=emulator.api_key, profile_file=path)
        call = Call.of(model, {"structure": Structure("look", SCHEMA)})
        request = build_request(call, HI)
        assert request.output_mode == "forced_tool"
        assert Client(model).complete(request).choice.tool_calls
