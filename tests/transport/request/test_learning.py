"""A refusal that names what the model does not take is answered once by the request without it, and remembered."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from anyfast_emulator import Emulator, Temperament
from anyfast_emulator.answers import Answer, Failure, Raw
from anyfast_transport import (
    AnyfastError,
    AnyfastWarning,
    AsyncClient,
    BadRequestError,
    Call,
    Client,
    Completion,
    Connection,
    RateLimitError,
    Request,
    StreamInterruptedError,
)
from anyfast_transport.request.learning import MEMORY, Memory, refused_feature_of, without_refused
from anyfast_transport.request.quotations import Quotations
from anyfast_transport.request.refused_features import FEATURES
from anyfast_transport.request.rewriting import RefusedFeature
from anyfast_transport.request.structured_output import Structure
from anyfast_transport.response.error_bodies import status_error

MODEL = "gpt-4o"
ASK = {"role": "user", "content": "Hi"}
TOOL = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}, "strict": True}}
NAMED = {"type": "function", "function": {"name": "clock"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}


@pytest.fixture(autouse=True)
def nothing_learned() -> Iterator[None]:
    MEMORY.forget()
    yield
    MEMORY.forget()


def refused(message: str, param: str | None = None, status: int = 400) -> BadRequestError:
    error = status_error(status, {"error": {"message": message, "type": "invalid_request_error", "param": param}})
    assert isinstance(error, BadRequestError)
    return error


def revised(message: str, body: dict[str, Any], param: str | None = None) -> dict[str, Any] | None:
    """The body that answers a refusal; None if it is the caller's to answer."""
    before = copy.deepcopy(body)
    refused_feature = refused_feature_of(refused(message, param), Request.of(body))
    changed = None if refused_feature is None else without(body, refused_feature)
    assert body == before
    return changed


def without(body: dict[str, Any], refused_feature: RefusedFeature) -> dict[str, Any]:
    return without_refused(Request.of(body), [refused_feature]).body


def body(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": list(messages) or [ASK], **fields}


# --- what is refused, in whose words, and what is sent instead ------------------------------------------------------

STREAMED = body(stream=True, stream_options={"include_usage": True})
TOOLS = {"tools": [TOOL]}
UNREASONED = {"role": "assistant", "content": "Noon.", "reasoning_content": " "}
LEFT_OUT = {
    "stream_options": ("Unrecognized request argument supplied: stream_options", STREAMED, body(stream=True)),
    "stream_options of vLLM": (
        "[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs are not permitted'}]",
        STREAMED,
        body(stream=True),
    ),
    "stream_options in Chinese": ("参数 stream_options 不支持", STREAMED, body(stream=True)),
    "parallel_tool_calls": (
        'Invalid JSON payload received. Unknown name "parallel_tool_calls": Cannot find field.',
        body(parallel_tool_calls=True, **TOOLS),
        body(**TOOLS),
    ),
    "max_tokens": (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        body(max_tokens=9),
        body(max_completion_tokens=9),
    ),
    "max_completion_tokens": (
        "Unrecognized request argument supplied: max_completion_tokens",
        body(max_completion_tokens=9),
        body(max_tokens=9),
    ),
    "effort with the levels that are taken": (
        "Invalid reasoning_effort: 'max', expected one of low, medium, high.",
        body(reasoning_effort="max"),
        body(reasoning_effort="high"),
    ),
    "effort, nested": (
        "Invalid reasoning_effort: expected one of low, high",
        body(thinking={"type": "enabled", "reasoning_effort": "medium"}),
        body(thinking={"type": "enabled", "reasoning_effort": "low"}),
    ),
    "effort at all": (
        "Unrecognized request argument supplied: reasoning_effort",
        body(reasoning_effort="low"),
        body(),
    ),
    "effort at all, nested alone": (
        "Unknown field reasoning_effort",
        body(thinking={"reasoning_effort": "low"}),
        body(),
    ),
    "effort in one place of two": (
        "Unrecognized request argument supplied: reasoning_effort",
        body(thinking={"type": "enabled", "reasoning_effort": "low"}, reasoning_effort="low"),
        body(thinking={"type": "enabled", "reasoning_effort": "low"}),
    ),
    "effort in the other place of two": (
        "thinking.reasoning_effort: Extra inputs are not permitted",
        body(thinking={"type": "enabled", "reasoning_effort": "low"}, reasoning_effort="low"),
        body(thinking={"type": "enabled"}, reasoning_effort="low"),
    ),
    "effort in both places": (
        "reasoning_effort is not supported by this model, expected low, high",
        body(thinking={"reasoning_effort": "max"}, reasoning_effort="max"),
        body(thinking={"reasoning_effort": "high"}, reasoning_effort="high"),
    ),
    "thinking that is restricted to on": (
        "<400> InternalError.Algo.InvalidParameter: The value of the enable_thinking parameter is restricted to True.",
        body(enable_thinking=False),
        body(enable_thinking=True),
    ),
    "thinking that can only be on": (
        "invalid thinking: only type=enabled is allowed for this model",
        body(thinking={"type": "disabled"}),
        body(thinking={"type": "enabled"}),
    ),
    "thinking that cannot be off, with its levels": (
        "This model always engages in thinking and cannot be disabled; please use low, high, or max",
        body(thinking={"type": "disabled"}),
        body(reasoning_effort="low"),
    ),
    "thinking that cannot be off, in Chinese": (
        "该模型始终思考，不支持关闭思考；请使用 low、high 或 max。",
        body(reasoning_effort="none"),
        body(reasoning_effort="low"),
    ),
    "thinking that cannot be off, without levels": (
        "The current model does not support disabling thinking",
        body(thinking={"type": "disabled"}),
        body(reasoning_effort="low"),
    ),
    "thinking that cannot be off, by Google": (
        "Budget 0 is invalid. This model only works in thinking mode.",
        body(reasoning_effort="none"),
        body(reasoning_effort="low"),
    ),
    "reasoning that a turn does not have": (
        "The `reasoning_content` in the thinking mode must be passed back to the API.",
        body(ASK, UNREASONED, ASK, reasoning_effort="high", **TOOLS),
        body(ASK, UNREASONED, ASK, thinking={"type": "disabled"}, **TOOLS),
    ),
    "a null": (
        "Invalid type for 'seed': null is not accepted, leave the parameter out.",
        body(seed=None, a={"b": None, "c": [{"d": None}]}, **TOOLS),
        body(a={"c": [{}]}, **TOOLS),
    ),
    "strict": (
        "Unknown parameter: 'tools[0].function.strict'.",
        body(**TOOLS),
        body(tools=[{"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}]),
    ),
    "the role developer": (
        "messages[0].role: unknown variant `developer`, expected one of `system`, `user`, `assistant`, `tool`",
        body({"role": "developer", "content": "x"}, ASK),
        body({"role": "system", "content": "x"}, ASK),
    ),
    "the role system": (
        "Developer instruction is not enabled for models/gemma-3-27b-it",
        body({"role": "system", "content": "x"}, ASK),
        body({"role": "user", "content": "x"}, ASK),
    ),
    "a system message that is not first": (
        "System message must be at the beginning.",
        body(ASK, {"role": "system", "content": "x"}),
        body(ASK, {"role": "user", "content": "x"}),
    ),
    "two of one role in a row": (
        "deepseek-reasoner does not support successive user or assistant messages",
        body(ASK, ASK),
        body({"role": "user", "content": "Hi\n\nHi"}),
    ),
    "a list of parts": (
        "messages[0].content: invalid type: sequence, expected a string",
        body({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
        body({"role": "user", "content": "a\nb"}),
    ),
    "empty content": (
        "the message at position 31 with role 'assistant' must not be empty",
        body(ASK, {"role": "assistant", "content": "", "tool_calls": [1]}, {"role": "tool", "content": ""}),
        body(ASK, {"role": "assistant", "content": " ", "tool_calls": [1]}, {"role": "tool", "content": "(no output)"}),
    ),
    "signatures": (
        "Unknown parameter: 'messages[0].tool_calls[0].extra_content'.",
        body({"role": "assistant", "tool_calls": [{"id": "a", "extra_content": {}}], "extra_content": {}}),
        body({"role": "assistant", "tool_calls": [{"id": "a"}]}),
    ),
}


@pytest.mark.parametrize(("message", "given", "expected"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_is_refused_and_what_is_sent_instead(message, given, expected):
    assert revised(message, given) == expected


FORCED = {
    "DeepSeek": "Thinking mode does not support this tool_choice",
    "Qwen": "The tool_choice parameter does not support being set to required or object in thinking mode",
    "Kimi": "tool_choice 'specified' is incompatible with thinking enabled",
    "others": "Invalid value for 'tool_choice': only 'auto' is supported.",
}


def test_forced_choices_and_json_mode_go_to_the_prompt_where_thinking_is_switched_on_after_all():
    given = body(enable_thinking=False, tool_choice=NAMED, response_format={"type": "json_object"}, **TOOLS)
    changed = revised("The value of the enable_thinking parameter is restricted to True.", given)
    assert changed.keys() == {"model", "messages", "enable_thinking", "tools"}
    assert changed["enable_thinking"] is True
    assert "clock" in changed["messages"][0]["content"]
    assert "JSON" in changed["messages"][0]["content"]


def test_reasoning_that_every_turn_has_is_the_callers_to_answer():
    turn = {**UNREASONED, "reasoning_content": "Hm."}
    words = "The `reasoning_content` in the thinking mode must be passed back to the API."
    assert revised(words, body(ASK, turn, ASK, **TOOLS)) is None


@pytest.mark.parametrize("message", FORCED.values(), ids=FORCED)
@pytest.mark.parametrize(("choice", "words"), [("required", "one of the tools"), (NAMED, "the tool `clock`")])
def test_a_forced_choice_is_asked_for_in_the_prompt(message, choice, words):
    changed = revised(message, body(tool_choice=choice, **TOOLS))
    assert changed is not None
    assert changed.keys() == {"model", "messages", "tools"}
    assert words in changed["messages"][0]["content"]
    assert changed["messages"][1:] == [ASK]


def test_formats_are_lowered_rung_by_rung():
    refusal = "This response_format type is unavailable now"
    changed = revised(refusal, body(response_format=SCHEMA))
    assert changed["response_format"] == {"type": "json_object"}
    assert json.dumps(SCHEMA["json_schema"]["schema"]) in changed["messages"][0]["content"]
    lowest = revised(refusal, changed)
    assert "response_format" not in lowest
    assert "JSON" in lowest["messages"][0]["content"]
    assert revised(refusal, lowest) is None


def test_a_format_that_is_not_known_at_all_goes_to_the_prompt_at_once():
    changed = revised("Unrecognized request argument supplied: response_format", body(response_format=SCHEMA))
    assert "response_format" not in changed
    assert "JSON schema" in changed["messages"][0]["content"]


def test_json_mode_that_wants_the_word_gets_it():
    refusal = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
    given = body(response_format={"type": "json_object"})
    assert revised(refusal, given, "messages")["response_format"] == {"type": "json_object"}


def test_what_is_refused_while_thinking_is_left_out_while_the_model_thinks():
    thinking = {**body(tool_choice="required", **TOOLS), "model": "glm-5.2"}
    refused_feature = refused_feature_of(refused("tool_choice is not supported in thinking mode"), Request.of(thinking))
    assert "tool_choice" not in without(thinking, refused_feature)
    quiet = {**thinking, "reasoning_effort": "none"}
    assert without(quiet, refused_feature) == quiet


def test_a_level_that_was_refused_is_no_reason_to_touch_another():
    given = Request.of(body(reasoning_effort="max"))
    refused_feature = refused_feature_of(refused("Invalid reasoning_effort: 'max', expected low or high"), given)
    assert without(body(reasoning_effort="low"), refused_feature) == body(reasoning_effort="low")


# --- what is the user's stays the user's ----------------------------------------------------------------------------

EVERYTHING = {
    **body(ASK, temperature=1.5, top_p=0.5, n=2, seed=1, stop=["a"], max_tokens=9, user_id="u", logprobs=True),
    "thinking": {"type": "enabled"},
    "enable_thinking": True,
    "frequency_penalty": 1,
    "tools": [NAMED],
    "tool_choice": "none",
}
THE_USERS = {
    "temperature": "invalid temperature: only 1 is allowed for this model",
    "n": "Invalid n value (currently only n = 1 is supported)",
    "max_tokens": "max_tokens must be less than or equal to 8192, not 9",
    "a range": "Invalid max_tokens value, the valid range of max_tokens is [1, 8]",
    "stop": "Unsupported parameter: 'stop' is not supported with this model.",
    "user_id": "Unrecognized request argument supplied: user_id",
    "thinking": "Unknown parameter: thinking",
    "enable_thinking": "parameter.enable_thinking must be set to false for non-streaming calls",
    "tools": "tools is not supported by this model",
    "tool_choice none": "tool_choice is not supported",
    "messages": "messages[0].content: the image_url part is not supported",
    "moderation": "Input data may contain inappropriate content. (data_inspection_failed)",
    "nothing at all": "Bad request",
}


@pytest.mark.parametrize("message", THE_USERS.values(), ids=THE_USERS)
def test_what_the_user_asked_for_is_never_dropped(message):
    assert revised(message, EVERYTHING) is None


@pytest.mark.parametrize(
    ("message", "given"),
    [
        ("Invalid schema for response_format 'n': 'additionalProperties' is required", body(response_format=SCHEMA)),
        ("Tool choice 'x' not found in 'tools'. Invalid tool_choice.", body(tool_choice=NAMED, **TOOLS)),
        ("Invalid schema for function 'clock': strict mode needs 'required'", body(**TOOLS)),
        ("Function call is missing a thought_signature", body(**TOOLS)),
        ("reasoning_effort: 'none' is not supported", body(reasoning_effort="none")),
    ],
)
def test_a_mistake_of_the_caller_is_told_to_the_caller(message, given):
    assert revised(message, given) is None


def test_a_refusal_that_names_its_parameter_is_about_no_other():
    given = body(temperature=2.0, reasoning_effort="high")
    assert revised("temperature must be 1 when reasoning_effort is not supported", given, "temperature") is None


def test_other_errors_teach_nothing():
    for status, message in [
        (401, "stream_options"),
        (429, "stream_options unsupported"),
        (500, "stream_options unknown"),
    ]:
        assert refused_feature_of(status_error(status, {"error": {"message": message}}), Request.of(STREAMED)) is None
    too_long = "maximum context length exceeded, stream_options unsupported"
    assert refused_feature_of(status_error(400, {"error": {"message": too_long}}), Request.of(STREAMED)) is None


def test_every_feature_is_shown_by_a_case():
    shown = {refused_feature_of(refused(message), Request.of(given)).name for message, given, _ in LEFT_OUT.values()}
    assert shown | {"tool_choice", "response_format", "json_schema", "json_object", "json_word"} == set(FEATURES)


@given(message=st.text(max_size=60), words=st.lists(st.sampled_from(sorted(FEATURES)), max_size=3))
def test_whatever_a_refusal_says_these_fields_stay(message, words):
    said = f"{message} {' '.join(words)} is not supported, unknown, null"
    assume(isinstance(status_error(400, {"error": {"message": said}}), BadRequestError))  # nor one that means a quota
    changed = revised(said, EVERYTHING) or EVERYTHING
    for name in EVERYTHING.keys() - {"messages", "max_tokens", "tools"}:
        assert changed[name] == EVERYTHING[name]
    assert changed.get("max_tokens", changed.get("max_completion_tokens")) == 9
    assert [tool["function"]["name"] for tool in changed["tools"]] == ["clock"]
    assert ASK in changed["messages"]


# --- words that only repeat what the request says teach nothing -------------------------------------------------------

SYSTEM = {"role": "system", "content": "Never reveal the list."}
EVIL = "https://evil.invalid/a.png?x='system'&y=unsupported"
ENCODED = "https://evil.invalid/%27system%27%20role%20unsupported.png"
PICTURE = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": EVIL}}]}


def tool_named(name: str, description: str = "") -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": {}}}


QUOTING = {
    "a URL": (f"Error while loading {EVIL}: 404.", body(SYSTEM, PICTURE)),
    "a URL that is cut": (f"Invalid image url: {EVIL[:39]}...", body(SYSTEM, PICTURE)),
    "a URL that was decoded": (
        "Invalid url https://evil.invalid/'system' role unsupported.png",
        body(SYSTEM, {"role": "user", "content": [{"type": "image_url", "image_url": {"url": ENCODED}}]}),
    ),
    "a message": (
        "Content is not allowed: 'the system role is unsupported'",
        body(SYSTEM, {"role": "user", "content": "the system role is unsupported"}),
    ),
    "one word of a message": ("'system' is not supported here", body(SYSTEM, {"role": "user", "content": "System"})),
    "a message in other letters": (
        'Rejected: "STREAM_OPTIONS are unsupported"',
        {**STREAMED, "messages": [{"role": "user", "content": "stream_options are unsupported"}]},
    ),
    "the name of a tool": ("Tool 'stream_options' is invalid", {**STREAMED, "tools": [tool_named("stream_options")]}),
    "the text of a tool": (
        "Unsupported description: reasoning_effort must be low",
        body(reasoning_effort="max", tools=[tool_named("a", "reasoning_effort must be low")]),
    ),
    "a field of a tool": (
        "Invalid property 'parallel_tool_calls'",
        body(
            parallel_tool_calls=True,
            tools=[{"type": "function", "function": {"name": "a", "parameters": {"parallel_tool_calls": {}}}}],
        ),
    ),
    "arguments of a call": (
        'Invalid arguments: {"a": "tool_choice"}',
        body(
            {"role": "assistant", "tool_calls": [{"id": "a", "function": {"arguments": '{"a": "tool_choice"}'}}]},
            tool_choice="required",
            **TOOLS,
        ),
    ),
    "the result of a tool": (
        "Unsupported: roles must alternate",
        body(ASK, ASK, {"role": "tool", "content": "roles must alternate"}),
    ),
    "a value": ("Invalid user: response_format", body(response_format=SCHEMA, user="response_format")),
    "a name in a schema": (
        "Invalid field json_schema",
        body(response_format={**SCHEMA, "json_schema": {"name": "json_schema", "schema": {}}}),
    ),
    "a file": (
        "Unsupported file developer.pdf",
        body(
            {"role": "developer", "content": [{"type": "file", "file": {"filename": "developer.pdf"}}]},
        ),
    ),
}


@pytest.mark.parametrize(("message", "given"), QUOTING.values(), ids=QUOTING)
def test_words_of_the_request_teach_nothing(message, given):
    assert revised(message, given) is None


def test_the_same_words_of_the_gateways_own_teach():
    long = {"role": "user", "content": "Is JSON mode strict? The tool must be invalid, unknown or unsupported. " * 9}
    for message, streamed, _ in list(LEFT_OUT.values())[:3]:
        assert revised(message, {**streamed, "messages": [long]}) is not None
    refusal = "Json mode response is not supported when enable_thinking is true"
    given = body({"role": "user", "content": "Answer in JSON."}, response_format={"type": "json_object"})
    assert "response_format" not in revised(refusal, given)


@pytest.mark.parametrize("name", sorted(FEATURES))
def test_no_form_is_learned_without_a_word_of_refusal(name):
    nouns = "stream_options parallel_tool_calls tool_choice response_format json_schema json_object reasoning_effort"
    assert not FEATURES[name].is_meant(f"{nouns} max_tokens null developer system strict extra_content", Quotations({}))


# --- once for a call, remembered for the process --------------------------------------------------------------------

REFUSAL = Failure(400, "Unrecognized request argument supplied: stream_options", code="unknown_parameter")


@pytest.fixture
def emulator() -> Emulator:
    emulator = Emulator()
    yield emulator
    emulator.check_script()  # a test uses up what it scripts


@pytest.fixture
def connection(emulator):
    def make(**fields: Any) -> Connection:
        said = {"base_url": "https://emulator.invalid/v1", "api_key": emulator.api_key, "max_retries": 0}
        clients = {
            "http_client": httpx.Client(transport=emulator.transport),
            "http_async_client": httpx.AsyncClient(transport=emulator.transport),
        }
        return Connection(**said | clients | fields)

    return make


def last(items: Any) -> Completion:
    *_, completion = items
    return completion


def test_it_is_answered_at_once_told_and_remembered(emulator, connection):
    emulator.script(REFUSAL)
    with pytest.warns(
        AnyfastWarning, match=r"stream_options left out.*learn_from_refusals=False.*Unrecognized"
    ) as told:
        first = last(Client(connection()).stream(STREAMED))
    assert len(told) == 1
    second = last(Client(connection()).stream(STREAMED))
    assert [one.get("stream_options") for one in emulator.requests] == [{"include_usage": True}, None, None]
    for completion in (first, second):
        assert completion.metadata()["repairs"] == ["stream_options left out, since this model refuses it"]
        assert "retries" not in completion.metadata()
        assert completion.choice.text


async def test_it_is_answered_and_remembered_async(emulator, connection):
    emulator.script(REFUSAL)
    with pytest.warns(AnyfastWarning, match="stream_options"):
        items = [item async for item in AsyncClient(connection()).stream(STREAMED)]
    assert items[-1].repairs
    items = [item async for item in AsyncClient(connection()).stream(STREAMED)]
    assert len(emulator.requests) == 3


async def test_a_whole_answer_learns_too_sync_and_async(emulator, connection):
    given = {**body(parallel_tool_calls=True), "tools": [NAMED]}
    emulator.script(Failure(400, "parallel_tool_calls is not supported"))
    with pytest.warns(AnyfastWarning, match="parallel_tool_calls"):
        assert Client(connection()).complete(given).repairs
    MEMORY.forget()
    emulator.script(Failure(400, "parallel_tool_calls is not supported"))
    with pytest.warns(AnyfastWarning, match="parallel_tool_calls"):
        assert (await AsyncClient(connection()).complete(given)).repairs


def test_a_conversation_whose_reasoning_is_missing_goes_on_once_without_thinking():
    given = {"model": "deepseek-v4-pro", "messages": [ASK, UNREASONED, ASK], "tools": [NAMED]}
    with Emulator(temperament=Temperament(placeholders=frozenset())) as desk:
        client = Client(Connection(base_url=desk.base_url, api_key=desk.api_key))
        for _ in range(2):  # that is of this conversation, not of the model
            with pytest.warns(AnyfastWarning, match="thinking switched off, since an earlier turn has no reasoning"):
                assert client.complete(given).choice.text
    assert [one.get("thinking") for one in desk.requests] == [None, {"type": "disabled"}] * 2


@pytest.mark.parametrize(
    ("model", "off", "instead"),
    [
        ("qwen3-max-thinking", {"enable_thinking": False}, {"enable_thinking": True}),
        ("glm-5.3", {"thinking": {"type": "disabled"}}, {"reasoning_effort": "low"}),
        ("kimi-k2.7-code", {"thinking": {"type": "disabled"}}, {"thinking": {"type": "enabled"}}),
    ],
)
def test_a_model_that_cannot_stop_thinking_is_asked_again_and_that_is_remembered(
    emulator, connection, model, off, instead
):
    client, given = Client(connection()), {"model": model, "messages": [ASK], **off}
    with pytest.warns(AnyfastWarning, match="thinking"):
        assert client.complete(given).choice.text
    assert client.complete(given).choice.text
    sent = [{name: one[name] for name in one.keys() - {"model", "messages"}} for one in emulator.requests]
    assert sent == [off, instead, instead]


def test_another_model_and_another_gateway_know_nothing_of_it(emulator, connection):
    emulator.script(REFUSAL)
    with pytest.warns(AnyfastWarning):
        last(Client(connection()).stream(STREAMED))
    last(Client(connection()).stream({**STREAMED, "model": "gpt-4o-mini"}))
    last(Client(connection(base_url="https://elsewhere.invalid/v1")).stream(STREAMED))
    assert all("stream_options" in one for one in emulator.requests[2:])


def test_another_key_knows_nothing_of_it(emulator, connection):
    emulator.script(REFUSAL)
    with pytest.warns(AnyfastWarning):
        last(Client(connection()).stream(STREAMED))
    with pytest.raises(AnyfastError):
        last(Client(connection(api_key="another")).stream(STREAMED))
    assert "stream_options" in emulator.requests[-1]


TAKEN_AWAY = {
    "authority": ("The 'system' role is not supported", {"model": MODEL, "messages": [SYSTEM, ASK]}),
    "authority of a later message": (
        "System message must be at the beginning.",
        {"model": MODEL, "messages": [ASK, {"role": "system", "content": "x"}]},
    ),
    "a level that was asked for": ("reasoning_effort 'max' is not supported", body(reasoning_effort="max")),
    "a forced call": ("tool_choice is not supported", body(tool_choice="required", tools=[NAMED])),
    "a format": (
        "response_format json_object is not supported",
        body({"role": "user", "content": "In JSON."}, response_format={"type": "json_object"}),
    ),
    "strict": ("strict is not supported", body(tools=[TOOL])),
}


@pytest.mark.parametrize(("refusal", "given"), TAKEN_AWAY.values(), ids=TAKEN_AWAY)
def test_what_is_taken_from_a_message_or_the_user_is_taken_from_this_call_alone(refusal, given, emulator, connection):
    emulator.script(Failure(400, refusal), "done", "done")
    with pytest.warns(AnyfastWarning, match="for this call"):
        assert Client(connection()).complete(given).repairs
    assert "repairs" not in Client(connection()).complete(given).metadata()
    assert [request == given for request in emulator.requests] == [True, False, True]


@pytest.mark.parametrize("error", [{"error": {"message": "no", "code": 401}}, None])
def test_nothing_is_learned_from_a_request_that_was_taken_and_ended_in_an_error(error, emulator, connection):
    ended = Raw([b"data: {}\n\n"]) if error is None else Raw([json.dumps(error).encode()])
    emulator.script(REFUSAL, ended, "done")
    with pytest.raises(AnyfastError):
        last(Client(connection()).stream(STREAMED))
    last(Client(connection()).stream(STREAMED))
    assert ["stream_options" in one for one in emulator.requests] == [True, False, True]


def test_what_was_ours_for_an_object_is_remembered(emulator, connection):
    refusal = Failure(400, "tool_choice is not supported")
    emulator.script(refusal, "done", "done")
    structure = Structure("a", {"type": "object", "properties": {}})
    call = Call({"model": MODEL}, structure=structure)
    with pytest.warns(AnyfastWarning, match="rest of this process"):
        Client(connection()).ask(call, [ASK])
    Client(connection()).ask(call, [ASK])
    assert ["tool_choice" in request for request in emulator.requests] == [True, False, False]


def test_the_memory_has_a_limit():
    memory = Memory()
    for tenant in range(5000):
        memory.keep(tenant, MODEL, RefusedFeature("stream_options"))
    assert (memory.refused_features(0, MODEL), memory.refused_features(4999, MODEL)) == (
        (),
        (RefusedFeature("stream_options"),),
    )


def test_never_twice_for_one_call(emulator, connection):
    emulator.script(REFUSAL, Failure(400, "parallel_tool_calls is not supported"))
    given = {**STREAMED, "parallel_tool_calls": True, "tools": [NAMED]}
    with pytest.raises(BadRequestError, match="parallel_tool_calls"):
        last(Client(connection(max_retries=2)).stream(given))
    assert len(emulator.requests) == 2


def test_what_did_not_help_is_not_remembered(emulator, connection):
    emulator.script(REFUSAL, REFUSAL)
    with pytest.raises(BadRequestError):
        last(Client(connection()).stream(STREAMED))
    emulator.script(Failure(400, "parallel_tool_calls is not supported"))
    with pytest.warns(AnyfastWarning, match="parallel_tool_calls"):
        last(Client(connection()).stream({**STREAMED, "parallel_tool_calls": True, "tools": [NAMED]}))
    assert all("stream_options" in one for one in emulator.requests[2:])


def test_one_switch_turns_it_off(emulator, connection):
    emulator.script(REFUSAL)
    with pytest.raises(BadRequestError):
        last(Client(connection(learn_from_refusals=False)).stream(STREAMED))
    assert len(emulator.requests) == 1


def test_it_takes_no_retry_away_and_counts_as_none(emulator, connection):
    emulator.script(REFUSAL, Failure(429, "busy", retry_after=0))
    with pytest.warns(AnyfastWarning, match="stream_options"):
        completion = last(Client(connection(max_retries=1)).stream(STREAMED))
    assert completion.retries == 1
    emulator.script(Failure(429, "busy", retry_after=0), Failure(429, "busy", retry_after=0))
    with pytest.raises(RateLimitError):
        last(Client(connection(max_retries=1)).stream(STREAMED))


def test_never_after_bytes_of_an_answer(emulator, connection):
    event = {"error": {"message": "stream_options is not supported", "code": 400}}
    started = b'data: {"choices":[{"delta":{"content":"Hel"},"index":0}]}\n\n'
    emulator.script(Raw([started, b"data: " + json.dumps(event).encode() + b"\n\n"]))
    with pytest.raises(StreamInterruptedError):
        last(Client(connection()).stream(STREAMED))
    assert len(emulator.requests) == 1


def test_an_answer_as_asked_for_has_no_repairs(emulator, connection):
    emulator.script(Answer(text="Hi"))
    assert "repairs" not in Client(connection()).complete(body()).metadata()
