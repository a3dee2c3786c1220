"""What we send: the exact body for each parameter of the five pages, and for each combination that needs care."""

import copy
import dataclasses
import json
import warnings
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyfast_transport import (
    AnyfastWarning,
    Call,
    ChatParameters,
    Request,
    UnsupportedParameterError,
    build_body,
    build_request,
)

DEEPSEEK, QWEN, DOUBAO, GEMINI = "deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving", "gemini-2.5-pro"
KIMI, PLAIN = "kimi-k2.6", "gpt-5-4"
HELLO = [{"role": "user", "content": "Hi"}]
SEED_MODELS = [DEEPSEEK, "deepseek-v4-flash", QWEN, DOUBAO, GEMINI]
ALWAYS = {QWEN: {"enable_thinking": False}}
"""What a family says even when nothing was asked."""

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Looks out of the window.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "strict": True,
    },
}
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}


def sent(model: str, *, messages: Any = None, call: dict[str, Any] | None = None, how: Any = None, **fields: Any):
    """The body and what the user is told."""
    told: list[str] = []
    made = Call.of(ChatParameters(model=model, **fields), call or {}, **(how or {}))
    return build_body(made, messages or HELLO, warn=told.append), told


def plain_body(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": HELLO, **ALWAYS.get(model, {}), **more}


@pytest.mark.parametrize("model", [*SEED_MODELS, KIMI, PLAIN])
def test_nothing_that_was_not_asked_for_is_sent(model):
    assert sent(model) == (plain_body(model), [])


# --- one parameter at a time --------------------------------------------------------------------------------------

EVERYWHERE = {
    "temperature": [0, 0.7, 2],
    "top_p": [0, 0.5, 1],
    "seed": [7, 0, -1],
    "logprobs": [True, False],
    "top_logprobs": [0, 20],
    "response_format": [{"type": "text"}],
}
VALUES = [(name, value) for name, values in EVERYWHERE.items() for value in values]


@pytest.mark.parametrize("model", SEED_MODELS)
@pytest.mark.parametrize(("name", "value"), VALUES)
def test_a_parameter_that_all_families_share_goes_under_its_own_name(model, name, value):
    assert sent(model, **{name: value}) == (plain_body(model, **{name: value}), [])


@pytest.mark.parametrize("name", ["frequency_penalty", "presence_penalty"])
@pytest.mark.parametrize("value", [-2, 0, 0.5, 2])
def test_penalties_go_where_they_work(name, value):
    for model in (QWEN, GEMINI, DOUBAO, PLAIN):
        assert sent(model, **{name: value}) == (plain_body(model, **{name: value}), [])


@pytest.mark.parametrize("name", ["frequency_penalty", "presence_penalty"])
def test_a_penalty_that_deepseek_ignores_is_dropped_with_one_warning(name):
    body, told = sent(DEEPSEEK, **{name: 0.5})
    assert body == plain_body(DEEPSEEK)
    (line,) = told
    assert name in line
    assert DEEPSEEK in line


@pytest.mark.parametrize("model", [GEMINI, PLAIN, QWEN])
def test_n_goes_where_it_is_known(model):
    assert sent(model, n=3)[0] == plain_body(model, n=3)


@pytest.mark.parametrize("model", [DEEPSEEK, QWEN, GEMINI, PLAIN])
def test_one_answer_is_what_everybody_gives_unasked(model):
    assert sent(model, n=1) == sent(model)


def test_deepseek_answers_once():
    assert sent(DEEPSEEK, n=1) == (plain_body(DEEPSEEK), [])
    with pytest.raises(UnsupportedParameterError, match="n above 1") as caught:
        sent(DEEPSEEK, n=2)
    assert (caught.value.parameter, caught.value.model) == ("n", DEEPSEEK)


@pytest.mark.parametrize(
    ("model", "name", "most"),
    [
        (DEEPSEEK, "max_tokens", None),
        (QWEN, "max_completion_tokens", 65_536),
        (DOUBAO, "max_tokens", 262_144),
        (GEMINI, "max_tokens", None),
        (KIMI, "max_completion_tokens", None),
        (PLAIN, "max_tokens", None),
        ("qwen3-max", "max_tokens", None),
        ("qwen2-vl-72b-instruct", "max_tokens", 8_192),
        ("glm-5.2", "max_tokens", 131_072),
        ("MiniMax-M2.7", "max_tokens", 204_800),
    ],
)
def test_the_length_goes_under_the_familys_name_within_the_familys_limit(model, name, most):
    for length in (1, most or 10_000_000):
        body, told = sent(model, max_tokens=length)
        assert body[name] == length
        assert {"max_tokens", "max_completion_tokens"} & body.keys() == {name}
        assert told == []
    if most is not None:
        with pytest.raises(UnsupportedParameterError, match=f"{most:,} at most") as caught:
            sent(model, max_tokens=most + 1)
        assert (caught.value.parameter, caught.value.model) == ("max_tokens", model)


@pytest.mark.parametrize("model", [DEEPSEEK, QWEN, DOUBAO, GEMINI, PLAIN])
@pytest.mark.parametrize(
    ("given", "expected"), [("END", {"stop": ["END"]}), (["a", "b"], {"stop": ["a", "b"]}), ([], {}), (None, {})]
)
def test_stop_is_always_a_list_and_an_empty_one_is_unset(model, given, expected):
    assert sent(model, stop=given)[0] == plain_body(model, **expected)


def test_deepseek_takes_sixteen_stops_and_others_as_many_as_are_given():
    sixteen = [str(i) for i in range(16)]
    assert sent(DEEPSEEK, stop=sixteen)[0]["stop"] == sixteen
    with pytest.raises(UnsupportedParameterError, match="16 at most"):
        sent(DEEPSEEK, stop=[*sixteen, "one more"])
    for model in (QWEN, DOUBAO, GEMINI, "deepseek-chat"):
        assert len(sent(model, stop=[*sixteen, "one more"])[0]["stop"]) == 17


def test_user_id_goes_where_it_is_documented():
    assert sent(DEEPSEEK, user_id="a-Z_9") == (plain_body(DEEPSEEK, user_id="a-Z_9"), [])
    for model in (QWEN, DOUBAO, GEMINI, PLAIN):
        body, (line,) = sent(model, user_id="a-Z_9")
        assert body == plain_body(model)
        assert "user_id" in line
        assert "extra_body" in line


def test_streams_ask_for_usage_unless_told_otherwise():
    assert sent(DEEPSEEK, how={"stream": True})[0] == plain_body(
        DEEPSEEK, stream=True, stream_options={"include_usage": True}
    )
    assert sent(DEEPSEEK, how={"stream": True, "include_usage": False})[0] == plain_body(DEEPSEEK, stream=True)
    assert sent(DEEPSEEK, how={"include_usage": True})[0] == plain_body(DEEPSEEK)


def test_several_answers_cannot_be_streamed():
    with pytest.raises(UnsupportedParameterError, match="cannot be streamed") as caught:
        sent(GEMINI, n=2, how={"stream": True})
    assert caught.value.parameter == "n"
    assert sent(GEMINI, n=1, how={"stream": True})[0] == sent(GEMINI, how={"stream": True})[0]


# --- pictures that a model makes ----------------------------------------------------------------------------------

PAINTER, FLASH_PAINTER = "gemini-3-pro-image-preview", "gemini-3.1-flash-image-preview"


def test_the_shape_and_size_of_a_picture_go_where_the_row_says_beside_what_else_is_there():
    config = {"aspect_ratio": "16:9", "image_size": "2K"}
    google = {"google": {"image_config": config}}
    assert sent(PAINTER, image_config=config) == (plain_body(PAINTER, extra_body=google), [])
    assert sent(PAINTER, call={"image_config": config})[0] == plain_body(PAINTER, extra_body=google)
    said = sent(
        PAINTER, image_config=config, extra_body={"extra_body": {"google": {"image_config": {"image_size": "4K"}}}}
    )
    assert said[0]["extra_body"]["google"]["image_config"] == {"aspect_ratio": "16:9", "image_size": "4K"}
    assert sent(FLASH_PAINTER, image_config={"aspect_ratio": "8:1", "image_size": "512"})[1] == []


WRONG_PICTURES = {
    "a shape that nobody documents": (PAINTER, {"aspect_ratio": "2:1"}, "21:9"),
    "a shape of another model": (PAINTER, {"aspect_ratio": "8:1"}, "21:9"),
    "a size of another model": (PAINTER, {"image_size": "512"}, "1K, 2K, 4K"),
    "a size where none can be chosen": ("gemini-2.5-flash-image", {"image_size": "1K"}, "only aspect_ratio"),
    "a setting that nobody knows": (PAINTER, {"style": "oil"}, "only aspect_ratio, image_size"),
    "a model that makes none": (GEMINI, {"aspect_ratio": "1:1"}, "extra_body"),
    "an unknown model": (PLAIN, {"aspect_ratio": "1:1"}, "extra_body"),
}


@pytest.mark.parametrize(("model", "config", "words"), WRONG_PICTURES.values(), ids=WRONG_PICTURES)
def test_a_picture_that_the_model_does_not_make_is_refused_before_sending(model, config, words):
    with pytest.raises(UnsupportedParameterError, match=words) as caught:
        sent(model, image_config=config)
    assert (caught.value.parameter, caught.value.model) == ("image_config", model)


def test_what_an_image_model_does_not_do_is_told_before_sending():
    with pytest.raises(UnsupportedParameterError, match="calls no tools"):
        sent(PAINTER, how=None, call={"tools": [CLOCK]})
    with pytest.raises(UnsupportedParameterError, match="thinking on"):
        sent(PAINTER, thinking=True)
    body, told = sent(PAINTER, response_format={"type": "json_object"})
    assert "response_format" not in body
    assert len(told) == 1


# --- the call wins over the field ---------------------------------------------------------------------------------


def test_the_call_wins_over_the_field_and_none_unsets_it():
    body, _ = sent(DEEPSEEK, temperature=1, max_tokens=5, stop="a", call={"temperature": 0, "stop": None})
    assert body == plain_body(DEEPSEEK, temperature=0, max_tokens=5)


@pytest.mark.parametrize(
    ("field", "call", "expected"),
    [
        (True, False, {"thinking": {"type": "disabled"}}),
        (False, True, {"thinking": {"type": "enabled"}}),
        (False, None, {}),
    ],
)
def test_thinking_for_one_call(field, call, expected):
    assert sent(DEEPSEEK, thinking=field, call={"thinking": call})[0] == plain_body(DEEPSEEK, **expected)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (QWEN, {"enable_thinking": True, "max_completion_tokens": 9}),
        (DOUBAO, {"thinking": {"type": "enabled"}, "max_tokens": 9}),
        (
            GEMINI,
            {"extra_body": {"google": {"thinking_config": {"include_thoughts": True}}}, "max_tokens": 9},
        ),
    ],
)
def test_a_model_for_one_call_brings_the_spelling_of_its_own_family(model, expected):
    body, _ = sent(DEEPSEEK, thinking=True, max_tokens=9, call={"model": model})
    assert body == {"model": model, "messages": HELLO, **expected}


def test_extra_body_has_the_last_word_and_merges_deeply():
    body, told = sent(
        DEEPSEEK,
        thinking=True,
        temperature=1,
        extra_body={"temperature": 0.3, "thinking": {"budget": 9}, "new_field": None, "kept": {"a": 1}},
        call={"extra_body": {"kept": {"b": 2}, "thinking": {"budget": 10}}},
    )
    assert body == plain_body(
        DEEPSEEK,
        temperature=0.3,
        thinking={"type": "enabled", "budget": 10},
        new_field=None,
        kept={"a": 1, "b": 2},
    )
    assert told == []


def test_extra_body_joins_geminis_own_extra_body():
    body, _ = sent(GEMINI, thinking=True, extra_body={"extra_body": {"google": {"thinking_config": {"budget": 3}}}})
    assert body["extra_body"] == {"google": {"thinking_config": {"include_thoughts": True, "budget": 3}}}


# --- response formats ---------------------------------------------------------------------------------------------

JSON_MODE = {"type": "json_object"}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
ASKS_JSON = [{"role": "user", "content": "Say it as JSON."}]


@pytest.mark.parametrize("model", [DEEPSEEK, QWEN, DOUBAO, GEMINI, PLAIN])
def test_json_mode_for_a_prompt_that_says_json(model):
    body, told = sent(model, messages=ASKS_JSON, response_format=JSON_MODE)
    assert body == {**plain_body(model, response_format=JSON_MODE), "messages": ASKS_JSON}
    assert told == []


@pytest.mark.parametrize("model", [DEEPSEEK, QWEN])
def test_where_json_mode_needs_the_word_it_is_added(model):
    body, told = sent(model, response_format=JSON_MODE)
    assert body["messages"] == [{"role": "system", "content": "Answer in JSON."}, *HELLO]
    assert body["response_format"] == JSON_MODE
    assert told == []


def test_the_word_joins_a_system_message_that_is_there():
    messages = [{"role": "system", "content": "Be brief."}, *HELLO]
    body, _ = sent(DEEPSEEK, messages=messages, response_format=JSON_MODE)
    assert body["messages"] == [{"role": "system", "content": "Be brief.\n\nAnswer in JSON."}, *HELLO]


@pytest.mark.parametrize("model", [DOUBAO, GEMINI, PLAIN])
def test_where_the_word_is_not_needed_the_prompt_stays_as_it_is(model):
    assert sent(model, response_format=JSON_MODE)[0] == plain_body(model, response_format=JSON_MODE)


def test_qwen_has_no_json_mode_while_it_thinks():
    body, (line,) = sent(QWEN, thinking=True, response_format=JSON_MODE)
    assert "response_format" not in body
    assert "JSON" in body["messages"][0]["content"]
    assert QWEN in line


@pytest.mark.parametrize("model", [DEEPSEEK, DOUBAO, GEMINI])
def test_the_others_have_json_mode_while_they_think(model):
    body, told = sent(model, messages=ASKS_JSON, thinking=True, response_format=JSON_MODE)
    assert body["response_format"] == JSON_MODE
    assert told == []


@pytest.mark.parametrize("model", [GEMINI, PLAIN, "grok-3"])
def test_a_schema_goes_where_it_is_known(model):
    assert sent(model, response_format=JSON_SCHEMA) == (plain_body(model, response_format=JSON_SCHEMA), [])


@pytest.mark.parametrize("model", [DEEPSEEK, QWEN, DOUBAO, KIMI, "glm-5.2"])
def test_elsewhere_a_schema_becomes_json_mode_with_the_schema_in_the_prompt(model):
    body, (line,) = sent(model, response_format=JSON_SCHEMA)
    assert body["response_format"] == JSON_MODE
    assert json.dumps(SCHEMA) in body["messages"][0]["content"]
    assert "json_schema" in line


# --- tools --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", SEED_MODELS)
def test_tools_go_as_they_are_strict_included(model):
    assert sent(model, call={"tools": [WEATHER, CLOCK]}) == (plain_body(model, tools=[WEATHER, CLOCK]), [])


@pytest.mark.parametrize("tools", [None, [], ()])
def test_without_tools_nothing_is_said_about_them(tools):
    body, _ = sent(DEEPSEEK, call={"tools": tools, "tool_choice": "required", "parallel_tool_calls": True})
    assert body == plain_body(DEEPSEEK)


@pytest.mark.parametrize("value", [True, False])
def test_parallel_tool_calls_is_sent_if_given(value):
    body, _ = sent(DOUBAO, call={"tools": [CLOCK], "parallel_tool_calls": value})
    assert body == plain_body(DOUBAO, tools=[CLOCK], parallel_tool_calls=value)


NAMED = {"type": "function", "function": {"name": "clock"}}
CHOICES = [
    (None, {}),
    ("auto", {}),
    (False, {}),
    ("none", {"tool_choice": "none"}),
    ("required", {"tool_choice": "required"}),
    ("any", {"tool_choice": "required"}),
    (True, {"tool_choice": "required"}),
    ("clock", {"tool_choice": NAMED}),
    (NAMED, {"tool_choice": NAMED}),
    ({"name": "clock"}, {"tool_choice": NAMED}),
]


@pytest.mark.parametrize("model", [DOUBAO, GEMINI, PLAIN])
@pytest.mark.parametrize(("given", "expected"), CHOICES)
def test_each_spelling_of_a_tool_choice(model, given, expected):
    body, told = sent(model, call={"tools": [WEATHER, CLOCK], "tool_choice": given})
    assert body == plain_body(model, tools=[WEATHER, CLOCK], **expected)
    assert told == []


@pytest.mark.parametrize("given", ["cluck", {"type": "function", "function": {"name": "cluck"}}])
def test_a_choice_of_no_tool_is_refused_and_names_those_there_are(given):
    with pytest.raises(UnsupportedParameterError, match=r"'cluck'.*weather, clock") as caught:
        sent(DOUBAO, call={"tools": [WEATHER, CLOCK], "tool_choice": given})
    assert caught.value.parameter == "tool_choice"


REFUSES_FORCE = [(DEEPSEEK, None), (DEEPSEEK, True), (QWEN, True), (KIMI, None)]
TAKES_FORCE = [(DEEPSEEK, False), (QWEN, None), (QWEN, False), (KIMI, False), (DOUBAO, True), (GEMINI, True)]


@pytest.mark.parametrize(("model", "thinking"), REFUSES_FORCE)
@pytest.mark.parametrize(("choice", "words"), [("required", "one of the tools"), ("clock", "`clock`")])
def test_a_forced_choice_while_thinking_becomes_a_request_in_the_prompt(model, thinking, choice, words):
    body, (line,) = sent(model, thinking=thinking, call={"tools": [CLOCK], "tool_choice": choice})
    assert "tool_choice" not in body
    assert body["tools"] == [CLOCK]
    assert words in body["messages"][0]["content"]
    assert body["messages"][1:] == HELLO
    assert "tool_choice" in line


@pytest.mark.parametrize(("model", "thinking"), TAKES_FORCE)
def test_a_forced_choice_goes_as_it_is_where_it_is_taken(model, thinking):
    body, told = sent(model, thinking=thinking, call={"tools": [CLOCK], "tool_choice": "required"})
    assert body["tool_choice"] == "required"
    assert body["messages"] == HELLO
    assert told == []


@pytest.mark.parametrize(("model", "thinking"), REFUSES_FORCE)
@pytest.mark.parametrize("choice", ["auto", "none", None])
def test_other_choices_are_fine_while_thinking(model, thinking, choice):
    body, told = sent(model, thinking=thinking, call={"tools": [CLOCK], "tool_choice": choice})
    assert body.get("tool_choice") == ("none" if choice == "none" else None)
    assert told == []


def test_thinking_switched_off_in_extra_body_frees_the_choice():
    body, told = sent(
        DEEPSEEK,
        extra_body={"thinking": {"type": "disabled"}},
        call={"tools": [CLOCK], "tool_choice": "required"},
    )
    assert body["tool_choice"] == "required"
    assert told == []


# --- messages -----------------------------------------------------------------------------------------------------

TEXT = {"type": "text", "text": "What is this?"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}}
VIDEO = {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        (QWEN, [TEXT, IMAGE]),
        (QWEN, [TEXT, VIDEO]),
        (DOUBAO, [TEXT, IMAGE, VIDEO]),
        (KIMI, [IMAGE, VIDEO]),
        (GEMINI, [TEXT, IMAGE, AUDIO]),
        (PLAIN, [AUDIO]),
        ("deepseek-v4-flash-vision", [TEXT, IMAGE]),
        ("qwen2-vl-72b-instruct", [TEXT, IMAGE]),
        (QWEN, [TEXT]),
    ],
)
def test_parts_go_as_they_are_where_they_are_taken(model, parts):
    messages = [{"role": "user", "content": parts}]
    assert sent(model, messages=messages)[0]["messages"] == messages


@pytest.mark.parametrize(
    ("model", "part", "kind"),
    [
        (DEEPSEEK, IMAGE, "image_url"),
        (DEEPSEEK, VIDEO, "video_url"),
        ("deepseek-chat", IMAGE, "image_url"),
        (QWEN, AUDIO, "input_audio"),
        (DOUBAO, AUDIO, "input_audio"),
        (KIMI, AUDIO, "input_audio"),
        ("glm-5.2", IMAGE, "image_url"),
    ],
)
def test_a_part_that_a_model_does_not_take_is_refused_by_both_their_names(model, part, kind):
    with pytest.raises(UnsupportedParameterError, match=kind) as caught:
        sent(model, messages=[{"role": "user", "content": [TEXT, part]}])
    assert model in caught.value.message
    assert (caught.value.parameter, caught.value.model) == (kind, model)


def test_names_and_prefix_go_where_they_are_documented():
    messages = [
        {"role": "user", "content": "Write a dict.", "name": "ada"},
        {"role": "assistant", "content": "{", "prefix": True},
    ]
    assert sent(DEEPSEEK, messages=messages)[0]["messages"] == messages
    with pytest.raises(UnsupportedParameterError, match="prefix") as caught:
        sent(QWEN, messages=messages)
    assert caught.value.parameter == "prefix"
    assert sent(QWEN, messages=messages[:1])[0]["messages"] == [{"role": "user", "content": "Write a dict."}]


def test_no_message_is_an_error_before_sending():
    with pytest.raises(UnsupportedParameterError, match="no message") as caught:
        build_body(Call.of(ChatParameters(model=QWEN), {}), [])
    assert caught.value.parameter == "messages"


# --- warnings, nulls, and whose objects these are -----------------------------------------------------------------


def test_the_user_is_told_by_an_anyfast_warning():
    call = Call.of(ChatParameters(model=DEEPSEEK, presence_penalty=1), {})
    with pytest.warns(AnyfastWarning, match="presence_penalty"):
        build_body(call, HELLO)


def test_warnings_can_be_made_errors():
    call = Call.of(ChatParameters(model=DEEPSEEK, presence_penalty=1), {})
    with warnings.catch_warnings():
        warnings.simplefilter("error", AnyfastWarning)
        with pytest.raises(AnyfastWarning):
            build_body(call, HELLO)


def holds_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(holds_null(item) for item in value.values())
    return any(holds_null(item) for item in value) if isinstance(value, list) else value is None


HISTORY = [
    {"role": "system", "content": None},
    {"role": "user", "content": [TEXT], "name": "ada"},
    {
        "role": "assistant",
        "content": None,
        "reasoning_content": "Hm.",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}],
    },
    {"role": "tool", "content": None, "tool_call_id": "c1"},
    {"role": "assistant", "content": "Noon.", "tool_calls": None},
]
FULL = {
    "temperature": 1.0,
    "top_p": 0.5,
    "max_tokens": 10,
    "stop": ["a"],
    "response_format": JSON_SCHEMA,
    "reasoning_effort": "max",
    "extra_body": {"deep": {"er": [1, {"x": 2}]}},
}
# One of each way of saying what a family wants said.
MODELS = [DEEPSEEK, "deepseek-r1", QWEN, "qwen3-max-thinking", "qwen3.8-max", DOUBAO, GEMINI, KIMI, "glm-5.3", PLAIN]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("how", [{}, {"stream": True}])
def test_no_null_is_sent_and_nothing_that_was_given_is_changed(model, how):
    parameters, messages, call = ChatParameters(model=model, **FULL), copy.deepcopy(HISTORY), {"tools": [WEATHER]}
    body = build_body(Call.of(parameters, call, **how), messages, warn=lambda _: None)
    assert not holds_null(body)
    assert messages == HISTORY
    assert call == {"tools": [WEATHER]}
    assert parameters == ChatParameters(model=model, **FULL)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("thinking", [True, False, None])
def test_a_body_that_its_owner_changes_changes_no_family(model, thinking):
    def body() -> Any:
        try:
            return sent(model, thinking=thinking, reasoning_effort="high", response_format=JSON_MODE)[0]
        except UnsupportedParameterError as error:
            return error.message

    def spoil(value: Any) -> None:
        for item in list(value.values()):
            if isinstance(item, dict):
                spoil(item)
        value["spoilt"] = True

    first = body()
    before = copy.deepcopy(first)
    if isinstance(first, dict):
        spoil({key: value for key, value in first.items() if key not in {"messages", "response_format"}})
    assert body() == before


def test_the_same_call_gives_equal_bodies_again_and_again():
    call = Call.of(ChatParameters(model=DEEPSEEK, thinking=True, reasoning_effort="max"), {"tools": [CLOCK]})
    assert build_body(call, HELLO) == build_body(call, HELLO)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(extra=st.dictionaries(st.text(max_size=8), json_values, max_size=4), model=st.sampled_from(MODELS))
def test_whatever_is_in_extra_body_is_in_the_body(extra, model):
    def agrees(given: Any, found: Any) -> bool:
        if isinstance(given, dict) and isinstance(found, dict):
            return all(key in found and agrees(value, found[key]) for key, value in given.items())
        return bool(given == found)

    assert agrees(extra, sent(model, extra_body=extra)[0])


FIELDS_IN_THE_BODY = {
    "model": "deepseek-v4-flash",
    "thinking": True,
    "reasoning_effort": "low",
    "temperature": 0.5,
    "top_p": 0.5,
    "n": 2,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "seed": 7,
    "logprobs": True,
    "top_logprobs": 3,
    "max_tokens": 9,
    "stop": ["END"],
    "response_format": {"type": "text"},
    "user_id": "ada",
    "extra_body": {"metadata": {}},
    "image_config": {"image_size": "2K"},
}
FIELDS_ABOUT_THE_ANSWER = {"reasoning_replay", "on_empty", "on_invalid_call", "rescue_tool_calls", "split_think_tags"}


def test_every_field_is_accounted_for():
    assert FIELDS_IN_THE_BODY.keys() | FIELDS_ABOUT_THE_ANSWER == set(ChatParameters.model_fields)


@pytest.mark.parametrize("name", FIELDS_IN_THE_BODY)
def test_every_field_reaches_the_wire_somewhere(name):
    takers = {"user_id": "deepseek-v4-pro", "image_config": PAINTER}
    model = takers.get(name, "doubao-seed-evolving")
    parameters = ChatParameters(model=model)
    question = [{"role": "user", "content": "hi"}]
    bare = build_body(Call.of(parameters, {}), question)
    assert build_body(Call.of(parameters, {name: FIELDS_IN_THE_BODY[name]}), question) != bare


# --- a request, and what a plain mapping says of itself ------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("thinking", [True, False, None])
def test_a_request_made_of_a_body_knows_all_that_the_body_says(model, thinking):
    call = Call.of(ChatParameters(model=model), {"thinking": thinking, "tools": [CLOCK]})
    try:
        request = build_request(call, HELLO, warn=lambda _: None)
    except UnsupportedParameterError:
        return
    said = request.family.thinking.get(True)  # nothing, of a model that always thinks
    known = request if said else replace(request, reading=replace(request.reading, waits=False))
    for copied in ({**request.body}, request.body | {}, copy.deepcopy(request.body)):
        assert Request.of(copied) == known
    assert Request.of(request) is request
    assert request.body == build_body(call, HELLO, warn=lambda _: None)


def test_a_request_does_not_change():
    request = Request.of({"model": PLAIN, "messages": HELLO})
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.repairs = ("x",)
    changed = request.rewritten({**request.body, "seed": 1}, "a seed")
    assert (request.body.get("seed"), changed.body["seed"], changed.repairs) == (None, 1, ("a seed",))


def test_what_is_no_json_is_told_before_sending():
    with pytest.raises(UnsupportedParameterError, match="cannot be written as JSON"):
        Request.of({"model": PLAIN, "messages": [object()]}).written()


HALF_A_CHARACTER = {
    "a text": ("cut \ud83d", "cut \ufffd"),
    "the second half": ("\ude00 cut", "\ufffd cut"),
    "halves of two": ("\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
    "a pair that came in two halves": ("\ud83d\ude00", "\U0001f600"),
    "a part": ([{"type": "text", "text": "\ud835"}], [{"type": "text", "text": "\ufffd"}]),
}


@pytest.mark.parametrize(("given", "expected"), HALF_A_CHARACTER.values(), ids=HALF_A_CHARACTER)
def test_half_a_character_is_sent_as_one_and_told(given, expected):
    tool = {"type": "function", "function": {"name": "clock", "description": "\ud83d", "parameters": {"\ud83d": 1}}}
    request = Request.of({"model": PLAIN, "messages": [{"role": "tool", "content": given}], "tools": [tool]})
    sent, content = request.written()
    assert json.loads(content) == sent.body
    assert sent.body["messages"][0]["content"] == expected
    assert sent.body["tools"][0]["function"] == {"name": "clock", "description": "\ufffd", "parameters": {"\ufffd": 1}}
    assert sent.repairs == ("half a character (a lone surrogate) in a text: now U+FFFD",)
    assert request.body["messages"][0]["content"] == given


def test_a_parameter_that_nobody_thought_of_goes_under_its_own_name():
    assert build_body(Call({"model": PLAIN, "new_knob": 3}), HELLO)["new_knob"] == 3


def test_the_system_message_is_added_to_once_with_all_it_has_to_say():
    call = {"tools": [CLOCK], "tool_choice": "required", "response_format": JSON_SCHEMA, "thinking": True}
    messages, told = [{"role": "system", "content": "Be brief."}, *HELLO], []
    body = build_body(Call.of(ChatParameters(model=QWEN), call), messages, warn=told.append)
    first, *rest = body["messages"]
    assert rest == HELLO
    assert [part.split()[0] for part in first["content"].split("\n\n")] == ["Be", "Answer", "Answer", "You"]
    assert len(told) == 3
