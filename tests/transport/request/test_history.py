"""What goes back on each assistant turn, and in what form a conversation is sent."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyfast_transport import UnsupportedParameterError, family_of
from anyfast_transport.request.history import prepared, with_instruction

DEEPSEEK, QWEN, DOUBAO, KIMI = "deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving", "kimi-k2.6"
GEMINI_3, GEMINI_25, PLAIN = "gemini-3-pro-preview", "gemini-2.5-pro", "gpt-5-4"
MODELS = [DEEPSEEK, QWEN, DOUBAO, KIMI, GEMINI_3, GEMINI_25, "gemini-2.0-flash", "glm-5.2", "MiniMax-M2.7", PLAIN]


def sent(model: str, messages: Any, *, thinking: bool = True, replay: Any = "auto") -> list[Any]:
    return prepared(messages, family_of(model), model=model, thinking=thinking, replay=replay)


def call(call_id: str = "c1", **more: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "clock", "arguments": "{}"}, **more}


# Two questions; the first was answered by way of a tool, the second is in the middle of its tool loop.
CONVERSATION = [
    {"role": "user", "content": "What time is it?"},
    {"role": "assistant", "content": "", "reasoning_content": "early call", "tool_calls": [call("c1")]},
    {"role": "tool", "content": "12:00", "tool_call_id": "c1"},
    {"role": "assistant", "content": "Noon.", "reasoning_content": "early answer"},
    {"role": "user", "content": "And now?"},
    {"role": "assistant", "content": "", "reasoning_content": "late call", "tool_calls": [call("c2")]},
    {"role": "tool", "content": "12:01", "tool_call_id": "c2"},
]
ALL = ["early call", "early answer", "late call"]
LATE = [None, None, "late call"]
NONE = [None, None, None]


def reasoning(messages: list[Any]) -> list[str | None]:
    return [message.get("reasoning_content") for message in messages if message["role"] == "assistant"]


def asked_about() -> list[Any]:
    """A streamed turn that holds an answer that was asked about, and what a framework said to its call."""
    shown = {"content": "Well. So.", "reasoning_content": "Hm.Then.", "tool_calls": [call("old"), call("new")]}
    return [
        {"role": "user", "content": "?"},
        {"role": "assistant", **shown, "asked_about": {"text": 6, "reasoning": 3, "calls": ["old"]}},
        {"role": "tool", "content": "malformed", "tool_call_id": "old"},
        {"role": "tool", "content": "12:00", "tool_call_id": "new"},
    ]


def test_what_was_asked_about_does_not_go_back():
    turn = {"role": "assistant", "content": "So.", "reasoning_content": "Then.", "tool_calls": [call("new")]}
    question, _, _, result = asked_about()
    assert sent(DEEPSEEK, asked_about()) == [question, turn, result]
    assert sent(DEEPSEEK, sent(DEEPSEEK, asked_about())) == [question, turn, result]


# (model, thinking, replay) → what the three assistant turns carry.
REPLAYED = [
    (DEEPSEEK, True, "auto", ALL),
    (DEEPSEEK, False, "auto", NONE),
    (DEEPSEEK, True, "always", ALL),
    (DEEPSEEK, False, "always", ALL),
    (DEEPSEEK, True, "never", NONE),
    ("deepseek-chat", True, "auto", ALL),
    (KIMI, True, "auto", ALL),
    (KIMI, False, "auto", NONE),
    (QWEN, True, "auto", LATE),
    (QWEN, False, "auto", NONE),
    (QWEN, True, "always", ALL),
    (QWEN, True, "never", NONE),
    ("qwen3-coder", True, "auto", NONE),
    (DOUBAO, True, "auto", LATE),
    (DOUBAO, False, "auto", NONE),
    ("glm-5.2", True, "auto", LATE),
    ("MiniMax-M2.7", True, "auto", LATE),
    (GEMINI_3, True, "auto", NONE),
    (GEMINI_3, True, "always", ALL),
    (GEMINI_25, True, "auto", NONE),
    (PLAIN, True, "auto", NONE),
    (PLAIN, False, "always", ALL),
]


@pytest.mark.parametrize(("model", "thinking", "replay", "expected"), REPLAYED)
def test_which_turns_carry_their_reasoning_back(model, thinking, replay, expected):
    assert reasoning(sent(model, CONVERSATION, thinking=thinking, replay=replay)) == expected


def test_without_any_question_every_turn_is_of_the_loop():
    assert reasoning(sent(QWEN, [m for m in CONVERSATION if m["role"] != "user"])) == ALL


def test_the_question_counts_under_any_of_its_roles():
    human = [{**message, "role": "human"} if message["role"] == "user" else message for message in CONVERSATION]
    assert reasoning(sent(QWEN, human)) == LATE


TEXTS = ["  two\n\nlines \t", "\n", "“quotes” — 思考 🤔", "<think>nested</think>", "\u2028\u0085\x00"]


@pytest.mark.parametrize("text", TEXTS)
def test_reasoning_goes_back_byte_for_byte(text):
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": text, "reasoning_content": text}]
    assert sent(DEEPSEEK, messages)[1] == {"role": "assistant", "content": text, "reasoning_content": text}


# --- turns whose reasoning is missing -----------------------------------------------------------------------------

BARE = [
    {"role": "user", "content": "?"},
    {"role": "assistant", "content": "", "tool_calls": [call()]},
    {"role": "tool", "content": "1", "tool_call_id": "c1"},
    {"role": "assistant", "content": "One."},
    {"role": "user", "content": "Sure?"},
]


@pytest.mark.parametrize(
    ("model", "thinking", "replay", "expected"),
    [
        (DEEPSEEK, True, "auto", [" ", " "]),
        (DEEPSEEK, False, "auto", [None, None]),
        (DEEPSEEK, True, "always", [" ", " "]),
        (DEEPSEEK, False, "always", [None, None]),
        (DEEPSEEK, True, "never", [None, None]),
        (KIMI, True, "auto", [" ", None]),
        (KIMI, False, "auto", [None, None]),
        (QWEN, True, "auto", [None, None]),
        (QWEN, True, "always", [None, None]),
        (GEMINI_3, True, "always", [None, None]),
    ],
)
@pytest.mark.parametrize("missing", ["", None, "left out"])
def test_what_stands_in_for_reasoning_that_a_turn_does_not_have(model, thinking, replay, expected, missing):
    messages: Any = copy.deepcopy(BARE)
    for message in messages:
        if message["role"] == "assistant" and missing != "left out":
            message["reasoning_content"] = missing
    assert reasoning(sent(model, messages, thinking=thinking, replay=replay)) == expected


@pytest.mark.parametrize("replay", ["auto", "always", "never"])
@pytest.mark.parametrize("thought", ["Hm.", ""])
def test_a_prefix_carries_no_reasoning(replay, thought):
    prefix = {"role": "assistant", "content": "{", "prefix": True}
    messages = [{"role": "user", "content": "?"}, {**prefix, "reasoning_content": thought}]
    assert sent(DEEPSEEK, messages, replay=replay)[1] == prefix


@pytest.mark.parametrize("model", [DEEPSEEK, QWEN])
def test_a_prefix_of_an_earlier_turn_is_an_ordinary_turn_now(model):
    messages = [{"role": "assistant", "content": "{", "prefix": True}, {"role": "user", "content": "?"}]
    assert sent(model, messages, thinking=False) == [{"role": "assistant", "content": "{"}, messages[1]]


def test_a_prefix_to_a_model_without_prefix_completion_is_refused():
    with pytest.raises(UnsupportedParameterError, match="prefix completion") as caught:
        sent(QWEN, [{"role": "assistant", "content": "{", "prefix": True}])
    assert (caught.value.parameter, caught.value.model) == ("prefix", QWEN)


@pytest.mark.parametrize("model", [DEEPSEEK, QWEN])
def test_a_prefix_that_is_false_is_none(model):
    messages = [{"role": "assistant", "content": "x", "prefix": False}, {"role": "user", "content": "?"}]
    assert "prefix" not in sent(model, messages)[0]


# --- thought signatures -------------------------------------------------------------------------------------------


def signed(value: str) -> dict[str, Any]:
    return {"extra_content": {"google": {"thought_signature": value}}}


DUMMY = signed("skip_thought_signature_validator")


@pytest.mark.parametrize(
    ("model", "calls", "expected"),
    [
        (GEMINI_3, [call()], [call(**DUMMY)]),
        (GEMINI_3, [call("a"), call("b")], [call("a", **DUMMY), call("b")]),
        (GEMINI_3, [call("a", **signed("s=="))], [call("a", **signed("s=="))]),
        (GEMINI_3, [call("a", **signed("s==")), call("b")], [call("a", **signed("s==")), call("b")]),
        (GEMINI_3, [call("a"), call("b", **signed("s=="))], [call("a", **DUMMY), call("b", **signed("s=="))]),
        (GEMINI_25, [call()], [call()]),
        (GEMINI_25, [call("a", **signed("s=="))], [call("a", **signed("s=="))]),
        (DEEPSEEK, [call()], [call()]),
        (PLAIN, [call()], [call()]),
    ],
)
def test_thought_signatures_go_back_and_gemini_3_gets_one_for_foreign_calls(model, calls, expected):
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "", "tool_calls": calls}]
    assert sent(model, messages)[1]["tool_calls"] == expected


@pytest.mark.parametrize("none", [[], None])
def test_an_empty_list_of_calls_is_left_out(none):
    (message,) = sent(PLAIN, [{"role": "assistant", "content": "x", "tool_calls": none}])
    assert message == {"role": "assistant", "content": "x"}


# --- the form of a message ----------------------------------------------------------------------------------------


def in_conversation(model: str, message: Any) -> Any:
    """A message as it is sent where it may stand: a result behind its call."""
    asked = {"role": "assistant", "content": "", "tool_calls": [call("c1")]}
    is_result = message["role"] in {"tool", "function"}
    messages = [asked, {**message, "tool_call_id": "c1"}] if is_result else [message]
    return sent(model, messages)[-1 if is_result else 0]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("system", "system"),
        ("user", "user"),
        ("assistant", "assistant"),
        ("tool", "tool"),
        ("developer", "system"),
        ("function", "tool"),
        ("model", "assistant"),
        ("chatbot", "assistant"),
        ("human", "user"),
        ("ai", "assistant"),
        ("bot", "assistant"),
        ("User", "user"),
        ("critic", "user"),
    ],
)
def test_roles_of_other_dialects(given, expected):
    assert in_conversation(PLAIN, {"role": given, "content": "x"})["role"] == expected


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool"])
def test_content_is_never_null(model, role):
    more = {"tool_calls": [call()]} if role == "assistant" else {}
    for message in ({"role": role, "content": None, **more}, {"role": role, **more}):
        assert in_conversation(model, message)["content"] == ""


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}}


@pytest.mark.parametrize(
    ("model", "role", "content", "expected"),
    [
        (DEEPSEEK, "user", [text("a"), text("b")], "a\nb"),
        (DEEPSEEK, "assistant", [text("a"), text("b")], "ab"),
        (DEEPSEEK, "system", [text("a"), text("b")], "a\nb"),
        (DEEPSEEK, "tool", [text("a")], "a"),
        (DEEPSEEK, "user", [], ""),
        (DEEPSEEK, "user", "plain", "plain"),
        (QWEN, "user", [text("a"), text("b")], [text("a"), text("b")]),
        (QWEN, "user", [text("a"), PICTURE], [text("a"), PICTURE]),
        (QWEN, "assistant", [text("a"), text("b")], "ab"),
        (QWEN, "system", [text("a"), text("b")], "a\nb"),
        (PLAIN, "tool", [text("a"), text("b")], "a\nb"),
        ("deepseek-v4-flash-vision", "user", [text("a")], "a"),
    ],
)
def test_lists_of_text_become_a_string_where_parts_are_not_known(model, role, content, expected):
    assert in_conversation(model, {"role": role, "content": content})["content"] == expected


@pytest.mark.parametrize("role", ["tool", "function"])
def test_media_of_a_tool_result_follow_it_in_a_message_of_the_user(role):
    seen = [
        {"role": "assistant", "content": "", "tool_calls": [call("c1"), call("c2")]},
        {"role": role, "content": [text("see"), PICTURE], "tool_call_id": "c1"},
        {"role": role, "content": "no picture", "tool_call_id": "c2"},
    ]
    before = copy.deepcopy(seen)
    lifted = {"role": "user", "content": [text("From tool call c1:"), PICTURE]}
    tools = [
        seen[0],
        {"role": "tool", "content": "see", "tool_call_id": "c1"},
        {"role": "tool", "content": "no picture", "tool_call_id": "c2"},
    ]
    assert sent(QWEN, seen) == [*tools, lifted]
    assert sent(QWEN, [*seen, {"role": "user", "content": "?"}]) == [*tools, lifted, {"role": "user", "content": "?"}]
    assert seen == before


def test_media_of_a_tool_result_do_not_end_its_loop():
    seen = [*CONVERSATION[:-1], {**CONVERSATION[-1], "content": [text("see"), PICTURE]}]
    body = sent(QWEN, seen)
    assert body[-1]["role"] == "user"
    assert [turn.get("reasoning_content") for turn in body if turn["role"] == "assistant"] == LATE
    assert sent(QWEN, body) == body


@pytest.mark.parametrize(
    ("model", "role", "kept"),
    [(DEEPSEEK, "user", True), (DEEPSEEK, "assistant", True), (PLAIN, "user", True), (DEEPSEEK, "tool", False)]
    + [(model, "user", False) for model in (QWEN, DOUBAO, GEMINI_3, KIMI)],
)
def test_names_go_where_they_are_documented_and_never_on_tool_messages(model, role, kept):
    (message,) = sent(model, [{"role": role, "content": "x", "name": "ada"}])
    assert message.get("name") == ("ada" if kept else None)


def test_unknown_fields_of_a_message_survive():
    message = {"role": "user", "content": "x", "cache_control": {"type": "ephemeral"}}
    assert sent(QWEN, [message]) == [message]


# --- instructions -------------------------------------------------------------------------------------------------

ASK = {"role": "user", "content": "?"}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], [{"role": "system", "content": "Do."}]),
        ([ASK], [{"role": "system", "content": "Do."}, ASK]),
        ([{"role": "system", "content": "Be."}, ASK], [{"role": "system", "content": "Be.\n\nDo."}, ASK]),
        ([{"role": "developer", "content": "Be."}], [{"role": "developer", "content": "Be.\n\nDo."}]),
        ([{"role": "system", "content": ""}], [{"role": "system", "content": "Do."}]),
    ],
)
def test_an_instruction_joins_the_system_message_or_comes_first(messages, expected):
    before = copy.deepcopy(messages)
    assert with_instruction(messages, "Do.") == expected
    assert messages == before


# --- for any conversation -----------------------------------------------------------------------------------------

contents = st.one_of(st.none(), st.text(max_size=8), st.lists(st.builds(text, st.text(max_size=4)), max_size=3))
tool_calls = st.lists(
    st.builds(lambda i, s: call(f"c{i}", **(signed(s) if s else {})), st.integers(0, 9), st.text(max_size=2)),
    max_size=3,
)
messages = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "developer", "user", "human", "assistant", "ai", "tool", "function"]),
        "content": contents,
    },
    optional={
        "reasoning_content": st.none() | st.text(max_size=5),
        "tool_calls": st.none() | tool_calls,
        "name": st.just("ada"),
        "tool_call_id": st.just("c1"),
    },
)


@given(
    conversation=st.lists(messages, max_size=6),
    model=st.sampled_from(MODELS),
    thinking=st.booleans(),
    replay=st.sampled_from(["auto", "always", "never"]),
)
def test_prepared_twice_is_prepared_once_and_nothing_given_is_changed(conversation, model, thinking, replay):
    before = copy.deepcopy(conversation)
    once = sent(model, conversation, thinking=thinking, replay=replay)
    assert conversation == before
    assert sent(model, once, thinking=thinking, replay=replay) == once
    assert all(message["content"] is not None for message in once)


@given(conversation=st.lists(messages, max_size=6), model=st.sampled_from(MODELS), thinking=st.booleans())
def test_reasoning_is_never_invented_but_for_the_placeholder(conversation, model, thinking):
    known = {message.get("reasoning_content") for message in conversation}
    found = {m["reasoning_content"] for m in sent(model, conversation, thinking=thinking) if "reasoning_content" in m}
    assert found <= known | {family_of(model).reasoning_placeholder}
