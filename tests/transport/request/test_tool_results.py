"""What a conversation drags along, and what is sent instead: each case is one thing that some upstream refuses."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyfast_emulator import Emulator
from anyfast_emulator.contract import MODELS as SERVED
from anyfast_emulator.history import check_history
from anyfast_emulator.memory import Memory
from anyfast_transport import Call, ChatParameters, build_body, build_request, family_of
from anyfast_transport.request.history import alternating, prepared, system_first
from anyfast_transport.request.names import wire_name
from anyfast_transport.request.tool_results import NO_RESULT, ORPHAN

DEEPSEEK, QWEN, DOUBAO, KIMI = "deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving", "kimi-k2.6"
GEMINI, PLAIN, GLM = "gemini-3-pro-preview", "gpt-4o", "glm-5.2"
MODELS = [DEEPSEEK, QWEN, DOUBAO, KIMI, GEMINI, PLAIN, GLM]

ASK = {"role": "user", "content": "?"}


def repaired(messages: list[Any], model: str = PLAIN, *, thinking: bool = False) -> tuple[list[Any], list[str]]:
    """What is sent, and what was noted; the caller's own objects are as before."""
    notes: list[str] = []
    before = copy.deepcopy(messages)
    sent = prepared(messages, family_of(model), model=model, thinking=thinking, note=notes.append)
    assert messages == before
    return sent, notes


def call(call_id: Any = "c1", name: str = "clock", arguments: Any = "{}", **more: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def turn(*calls: dict[str, Any], content: Any = "") -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def result(call_id: Any, content: Any = "12:00", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "content": content, **({} if call_id is None else {"tool_call_id": call_id}), **more}


SAYS_NONE = result("c1", NO_RESULT)
SOUND = [ASK, turn(call("c1"), call("c2")), result("c1"), result("c2"), {"role": "assistant", "content": "Noon."}]


def test_a_sound_conversation_goes_as_it_is():
    sent, notes = repaired(SOUND)
    assert sent == SOUND
    assert notes == []


def test_results_may_come_in_another_order():
    messages = [ASK, turn(call("a"), call("b")), result("b"), result("a")]
    assert repaired(messages) == (messages, [])


# --- calls and results that have lost each other ------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_a_call_without_a_result_gets_one_that_says_so(model):
    sent, notes = repaired([ASK, turn(call("c1")), ASK], model)
    assert sent[2:] == [SAYS_NONE, ASK]
    assert "tool call without a result: one added that says so" in notes


def test_of_several_calls_those_without_a_result_get_one():
    sent, _ = repaired([ASK, turn(call("a"), call("b"), call("c")), result("b", "2"), ASK])
    assert [(m["tool_call_id"], m["content"]) for m in sent[2:5]] == [("b", "2"), ("a", NO_RESULT), ("c", NO_RESULT)]


def test_a_call_at_the_very_end_gets_one_too():
    assert repaired([ASK, turn(call("c1"))])[0][2:] == [SAYS_NONE]


@pytest.mark.parametrize("model", MODELS)
def test_a_result_without_its_call_is_told_by_the_user(model):
    sent, notes = repaired([result("gone", "12:00"), ASK], model)
    assert sent == [{"role": "user", "content": f"{ORPHAN}\n12:00"}, ASK]
    assert notes == ["tool result without its call: now a user message"]


def test_a_second_result_of_one_call_is_an_orphan():
    sent, _ = repaired([ASK, turn(call("a")), result("a", "1"), result("a", "2"), ASK])
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "user", "user"]
    assert sent[3]["content"].endswith("2")


def test_a_result_that_comes_late_is_moved_behind_its_call():
    sent, notes = repaired([ASK, turn(call("a")), ASK, turn(call("b")), result("a", "1"), result("b", "2")])
    assert [m.get("tool_call_id") or m["role"] for m in sent] == ["user", "assistant", "a", "user", "assistant", "b"]
    assert notes.count("tool result not behind its call: moved there") == 1


def test_each_result_that_comes_late_is_told_though_they_come_together():
    sent, notes = repaired([ASK, turn(call("a"), call("b")), ASK, result("a", "1"), result("b", "2")])
    assert [m.get("tool_call_id") or m["role"] for m in sent] == ["user", "assistant", "a", "b", "user"]
    assert notes.count("tool result not behind its call: moved there") == 2


def test_an_orphan_between_a_call_and_its_result_comes_behind_both():
    sent, _ = repaired([ASK, turn(call("a")), result("x", "lost"), result("a", "1")])
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "user"]


# --- ids ----------------------------------------------------------------------------------------------------------


def ids(messages: list[Any]) -> list[Any]:
    return [
        [entry["id"] for entry in message["tool_calls"]] if "tool_calls" in message else message["tool_call_id"]
        for message in messages
        if message["role"] == "tool" or "tool_calls" in message
    ]


REUSED = [
    *(ASK, turn(call("get_weather_0", arguments='{"city":"Oslo"}')), result("get_weather_0", "1")),
    *(ASK, turn(call("get_weather_0", arguments='{"city":"Rome"}')), result("get_weather_0", "2")),
]


@pytest.mark.parametrize("model", MODELS)
def test_ids_that_repeat_across_turns_are_paired_by_position_and_told_apart(model):
    sent, notes = repaired(REUSED, model)
    assert ids(sent) == [["get_weather_0"], "get_weather_0", ["get_weather_0_2"], "get_weather_0_2"]
    assert [message["content"] for message in sent if message["role"] == "tool"] == ["1", "2"]
    assert notes.count("tool call id missing, reused or malformed: rewritten") == 1


def test_a_reused_id_whose_first_call_has_no_result():
    sent, _ = repaired([ASK, turn(call("x")), ASK, turn(call("x")), result("x", "second")])
    assert [message["content"] for message in sent if message["role"] == "tool"] == [NO_RESULT, "second"]


def test_one_id_for_two_calls_of_a_turn():
    sent, _ = repaired([ASK, turn(call("x", "f"), call("x", "g")), result("x", "of f"), result("x", "of g")])
    assert ids(sent) == [["x", "x_2"], "x", "x_2"]
    assert [message["content"] for message in sent[2:]] == ["of f", "of g"]


@pytest.mark.parametrize("none", [None, ""])
def test_calls_and_results_without_ids_are_paired_by_position(none):
    sent, _ = repaired([ASK, turn(call(none, "f"), call(none, "g")), result(none, "1"), result(none, "2")])
    assert ids(sent) == [["call", "call_2"], "call", "call_2"]
    assert [message["content"] for message in sent[2:]] == ["1", "2"]


def test_results_without_ids_are_told_by_the_names_of_their_tools():
    sent, _ = repaired(
        [ASK, turn(call("a", "f"), call("b", "g")), result(None, "of g", name="g"), result(None, "of f")]
    )
    assert [(message["tool_call_id"], message["content"]) for message in sent[2:]] == [("b", "of g"), ("a", "of f")]


LONG = "call_1__thought__" + "A" * 400


@pytest.mark.parametrize(
    ("model", "call_id", "expected"),
    [
        (PLAIN, LONG, LONG[:32]),
        (DEEPSEEK, LONG, LONG[:32]),
        (DEEPSEEK, "call_" + "f" * 35, "call_" + "f" * 35),
        (DEEPSEEK, "call_" + "f" * 36, "call_" + "f" * 27),
        (PLAIN, "functions.get_weather:0", "functions_get_weather_0"),
        (PLAIN, "call 1\n", "call_1_"),
        (PLAIN, "调用", "__"),
        (PLAIN, 7, "7"),
        (KIMI, "functions.get_weather:0", "functions.get_weather:0"),
        (GEMINI, LONG, LONG),
    ],
)
def test_ids_that_are_too_long_or_malformed_are_rewritten_on_both_sides(model, call_id, expected):
    sent, _ = repaired([ASK, turn(call(call_id)), result(call_id), ASK], model)
    assert ids(sent) == [[expected], expected]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["a", "a_2", "a", "a"], ["a", "a_2", "a_3", "a_4"]),
        (["f" * 40, "f" * 40, "f" * 40], ["f" * 40, "f" * 32 + "_2", "f" * 32 + "_3"]),
    ],
)
def test_an_id_that_is_taken_gets_the_next_free_number(given, expected):
    turns = [message for one in given for message in (turn(call(one)), result(one))]
    sent, _ = repaired([ASK, *turns, ASK])
    assert ids(sent) == [found for one in expected for found in ([one], one)]


def test_ids_stay_the_same_while_the_conversation_grows():
    grown = [*REUSED, {"role": "assistant", "content": "!"}, ASK, turn(call("get_weather_0")), result("get_weather_0")]
    for end in range(1, len(grown) + 1):
        sent = ids(repaired(grown[:end])[0])
        final = ids(repaired(grown)[0])
        assert [one for one in sent if one != []] == final[: len(sent)]


# --- calls that cannot be read ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected", "notes"),
    [
        ({"name": "f", "arguments": '{"a": 1}'}, {"name": "f", "arguments": '{"a": 1}'}, 0),
        ({"name": "f", "arguments": {"a": "ü"}}, {"name": "f", "arguments": '{"a": "ü"}'}, 0),
        ({"name": "f", "arguments": None}, {"name": "f", "arguments": "{}"}, 0),
        ({"name": "f", "arguments": " "}, {"name": "f", "arguments": "{}"}, 0),
        ({"name": "f"}, {"name": "f", "arguments": "{}"}, 0),
        ({"name": "f", "arguments": '{"a'}, {"name": "f", "arguments": '{"unreadable": "{\\"a"}'}, 1),
        ({"name": "f", "arguments": "[1]"}, {"name": "f", "arguments": '{"unreadable": "[1]"}'}, 1),
        ({"name": "f", "arguments": [1]}, {"name": "f", "arguments": '{"unreadable": "[1]"}'}, 1),
        ({"name": "", "arguments": "{}"}, {"name": "unknown", "arguments": "{}"}, 1),
        ({"name": "do it/now", "arguments": "{}"}, {"name": wire_name("do it/now"), "arguments": "{}"}, 1),
        (None, {"name": "unknown", "arguments": "{}"}, 1),
    ],
)
def test_a_call_in_the_form_that_every_upstream_takes(given, expected, notes):
    sent, told = repaired([ASK, turn({"id": "c1", "function": given}), result("c1")])
    assert sent[1]["tool_calls"] == [{"id": "c1", "type": "function", "function": expected}]
    assert len(told) == notes


# --- roles --------------------------------------------------------------------------------------------------------


def test_a_role_that_nobody_knows_is_the_users_and_noted():
    assert repaired([{"role": "critic", "content": "x"}]) == (
        [{"role": "user", "content": "x"}],
        ["unknown role 'critic': now user"],
    )


def test_fields_of_another_role_are_left_out():
    odd = {"role": "user", "content": "x", "tool_calls": [call()], "reasoning_content": "r", "tool_call_id": "c"}
    assert repaired([odd])[0] == [{"role": "user", "content": "x"}]


SYSTEM = {"role": "system", "content": "Be brief."}
LAST_WORDS = {"role": "system", "content": "Answer now."}


@pytest.mark.parametrize("model", [DEEPSEEK, DOUBAO, KIMI, GEMINI, PLAIN, GLM, "qwen2.5-72b-instruct"])
@pytest.mark.parametrize("messages", [[SYSTEM, ASK, LAST_WORDS], [SYSTEM, SYSTEM, ASK], [ASK, SYSTEM, ASK]])
def test_a_system_message_stays_where_it_is_for_families_that_take_it_there(model, messages):
    assert repaired(messages, model) == (messages, [])


@pytest.mark.parametrize("model", [QWEN, "qwen3.5-397b-a17b"])
def test_qwen_takes_one_system_message_and_that_first(model):
    sent, notes = repaired(
        [SYSTEM, {"role": "developer", "content": [{"type": "text", "text": "In Norse."}]}, ASK, LAST_WORDS], model
    )
    assert sent == [
        {"role": "system", "content": "Be brief.\n\nIn Norse."},
        ASK,
        {"role": "user", "content": "Answer now."},
    ]
    assert len(notes) == 2


def test_messages_of_one_role_in_a_row_stay_apart():
    messages = [ASK, ASK, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}, ASK]
    for model in MODELS:
        assert repaired(messages, model)[0] == messages


def test_messages_of_one_role_in_a_row_can_be_joined():
    parts = {"role": "user", "content": [{"type": "text", "text": "b"}]}
    answer = {"role": "assistant", "content": "x"}
    assert alternating([{"role": "user", "content": "a"}, parts, answer, answer, turn(call()), result("c1")]) == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "x\n\nx"},
        turn(call()),
        result("c1"),
    ]


# --- turns that say nothing, and what other models left -----------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("empty", [{"content": ""}, {"content": None}, {"content": []}, {}])
def test_an_empty_assistant_turn_is_left_out(model, empty):
    sent, notes = repaired([ASK, {"role": "assistant", **empty}, ASK], model, thinking=True)
    assert sent == [ASK, ASK]
    assert notes == ["assistant turn that says nothing: left out"]


def test_a_turn_of_reasoning_alone_goes_where_reasoning_goes():
    thought = {"role": "assistant", "content": None, "reasoning_content": "Hm."}
    assert repaired([ASK, thought, ASK], DEEPSEEK, thinking=True)[0][1] == {**thought, "content": ""}
    assert repaired([ASK, thought, ASK], GEMINI, thinking=True)[0] == [ASK, ASK]


def test_a_turn_of_another_model_gets_what_the_family_misses_in_it():
    foreign = [ASK, turn(call("c1")), result("c1"), {"role": "assistant", "content": "Noon."}, ASK]
    sent, notes = repaired(foreign, DEEPSEEK, thinking=True)
    assert [sent[at]["reasoning_content"] for at in (1, 3)] == [" ", " "]
    assert notes == ["assistant turn without reasoning: a placeholder stands in"] * 2
    sent, notes = repaired(foreign, GEMINI, thinking=True)
    signature = sent[1]["tool_calls"][0]["extra_content"]["google"]["thought_signature"]
    assert signature == "skip_thought_signature_validator"
    assert notes == ["tool call of another model: a placeholder stands in for its thought signature"]


SIGNED = {"extra_content": {"google": {"thought_signature": "c2ln"}}}


@pytest.mark.parametrize(
    ("model", "kept"),
    [
        (GEMINI, True),
        ("gemini-2.5-pro", True),
        (PLAIN, True),
        (DEEPSEEK, False),
        (QWEN, False),
        (DOUBAO, False),
        (KIMI, False),
        (GLM, False),
    ],
)
def test_signatures_of_gemini_go_to_gemini_alone(model, kept):
    sent, notes = repaired([ASK, {**turn(call("c1", **SIGNED)), **SIGNED}, result("c1"), ASK], model)
    assert ("extra_content" in sent[1]["tool_calls"][0], "extra_content" in sent[1]) == (kept, kept)
    assert notes == []


PICTURE = "![image](data:image/png;base64," + "A" * 3000 + ")"


def test_an_image_that_gemini_made_is_not_sent_to_models_that_would_read_it_as_text():
    history = [ASK, {"role": "assistant", "content": f"Here: {PICTURE} Nice?"}, ASK]
    assert repaired(history, GEMINI) == (history, [])
    sent, notes = repaired(history, DEEPSEEK)
    assert sent[1]["content"] == "Here: [image] Nice?"
    assert notes == ["image in the text of another model's turn: left out"]


SEEN = {
    "role": "user",
    "content": [
        {"type": "text", "text": "This?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}},
    ],
}


def test_an_image_that_was_asked_about_before_does_not_break_the_next_question():
    sent, notes = repaired([SEEN, {"role": "assistant", "content": "A cat."}, ASK], DEEPSEEK)
    assert sent[0]["content"] == "This?\n[image_url left out: deepseek-v4-pro takes none]"
    assert notes == ["media of an earlier message: left out, since this model takes none"]
    assert repaired([SEEN, {"role": "assistant", "content": "A cat."}, ASK], QWEN)[0][0] == SEEN


def test_strings_among_parts_are_parts():
    assert (
        repaired([{"role": "user", "content": ["a", {"type": "text", "text": "b"}]}], DEEPSEEK)[0][0]["content"]
        == "a\nb"
    )


# --- for any conversation -----------------------------------------------------------------------------------------

contents = (
    st.none()
    | st.text(max_size=6)
    | st.lists(st.builds(lambda t: {"type": "text", "text": t}, st.text(max_size=4)), max_size=2)
)
some_ids = st.sampled_from([None, "", "a", "b", "get_weather_0", "x" * 60, "ä b", "call", "call_2"])
some_calls = st.builds(
    lambda i, n, a, s: call(i, n, a, **(SIGNED if s else {})),
    some_ids,
    st.sampled_from(["", "f", "g", "bad name"]),
    st.sampled_from(["{}", '{"a":1}', "", None, "{", {"a": 1}]),
    st.booleans(),
)
messages = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "developer", "user", "assistant", "ai", "tool", "function", "critic"]),
        "content": contents,
    },
    optional={
        "reasoning_content": st.none() | st.text(max_size=4),
        "tool_calls": st.none() | st.lists(some_calls, max_size=3),
        "name": st.sampled_from(["f", "g"]),
        "tool_call_id": some_ids,
    },
)
conversations = st.lists(messages, max_size=7)


@given(conversations, st.sampled_from(MODELS), st.booleans())
def test_repair_is_idempotent(conversation, model, thinking):
    once, _ = repaired(conversation, model, thinking=thinking)
    assert repaired(once, model, thinking=thinking) == (once, [])


@given(conversations, st.sampled_from(MODELS))
def test_the_strict_gateway_takes_whatever_was_repaired(conversation, model):
    body = build_body(Call.of(ChatParameters(model=model), {}), [*conversation, ASK], warn=lambda _: None)
    check_history(body, SERVED[model], Memory())


@given(conversations, st.sampled_from(MODELS))
def test_no_word_of_a_result_is_lost(conversation, model):
    said = [m["content"] for m in conversation if m["role"] in {"tool", "function"} and isinstance(m["content"], str)]
    sent = "\n".join(str(message["content"]) for message in repaired(conversation, model)[0])
    assert all(words in sent for words in said)


# --- what was changed can be seen ---------------------------------------------------------------------------------


def test_the_request_says_what_was_repaired_and_so_does_the_log(caplog):
    call_of = Call.of(ChatParameters(model=PLAIN), {})
    with caplog.at_level("DEBUG", "anyfast"):
        request = build_request(call_of, [ASK, turn(call("a"), call("b")), ASK])
    assert request.repairs == ("tool call without a result: one added that says so (×2)",)
    assert request.repairs[0] in caplog.text
    caplog.clear()
    with caplog.at_level("DEBUG", "anyfast"):
        assert build_request(call_of, SOUND).repairs == ()
    assert caplog.text == ""


def test_system_first_leaves_one_that_is_first():
    assert system_first([SYSTEM, ASK]) == [SYSTEM, ASK]


def test_the_emulator_refuses_what_is_repaired_here():
    """Or these tests would prove nothing."""
    import httpx

    emulator = Emulator()
    for broken in ([ASK, turn(call("a")), ASK], [result("a"), ASK], [{"role": "critic", "content": "x"}]):
        answer = httpx.Client(transport=emulator.transport).post(
            f"{emulator.base_url}/chat/completions",
            json={"model": PLAIN, "messages": broken},
            headers={"authorization": f"Bearer {emulator.api_key}"},
        )
        assert answer.status_code == 400
