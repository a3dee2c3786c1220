import json

import pytest

from anyfast_emulator import Emulator, Failure
from anyfast_emulator.contract import MODELS

DEEPSEEK, QWEN, DOUBAO = "deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving"
GEMINI_3, GEMINI_25, GEMINI_20 = "gemini-3-pro-preview", "gemini-2.5-pro", "gemini-2.0-flash"
KIMI, GLM, MINIMAX, GROK, PLAIN = "kimi-k2.6", "glm-5.2", "MiniMax-M2.7", "grok-3", "gpt-4o-mini"
EVERY = [DEEPSEEK, QWEN, DOUBAO, GEMINI_3, GEMINI_25, GEMINI_20, KIMI, GLM, MINIMAX, GROK, PLAIN]

HELLO = {"role": "user", "content": "Hello"}
IN_JSON = {"role": "user", "content": "Hello, in JSON"}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
NAMED = {"type": "function", "function": {"name": "get_weather"}}
OFF = {
    DEEPSEEK: {"thinking": {"type": "disabled"}},
    DOUBAO: {"thinking": {"type": "disabled"}},
    KIMI: {"thinking": {"type": "disabled"}},
}


def ask(body, emulator=None, key="sk-emulator"):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    reply = (emulator or Emulator()).reply("POST", "/v1/chat/completions", headers, json.dumps(body).encode())
    return reply.status, json.loads(b"".join(reply.frames)), reply


def message_of(answer):
    answer = answer[0] if isinstance(answer, list) else answer
    return answer["error"]["message"]


def request(model, **parameters):
    return {"model": model, "messages": [HELLO], **parameters}


def tools(count):
    return [{"type": "function", "function": {"name": f"tool_{number}"}} for number in range(count)]


ACCEPTED = [
    *[(model, {}) for model in EVERY],
    *[(model, {"temperature": value}) for model in EVERY for value in (0, 0.5, 2) if (model, value) != (GLM, 2)],
    *[(model, {"top_p": value}) for model in EVERY for value in (0, 1) if (model, value) != (GLM, 0)],
    *[(model, {"tools": [TOOL], "tool_choice": value}) for model in EVERY for value in ("none", "auto")],
    *[(model, {"tools": [TOOL], "parallel_tool_calls": True}) for model in EVERY],
    *[
        (model, {"seed": 7, "metadata": {}, "prompt_cache_key": "k", "logprobs": True, "top_logprobs": 20})
        for model in EVERY
    ],
    *[(model, {"max_tokens": 1}) for model in EVERY if model != QWEN],
    *[(model, {"frequency_penalty": -2, "presence_penalty": 2}) for model in EVERY if model != DOUBAO],
    (DEEPSEEK, {"n": 1}),
    (DEEPSEEK, {"stop": [str(number) for number in range(16)]}),
    (DEEPSEEK, {"stop": "a"}),
    (DEEPSEEK, {"user_id": "a" * 512}),
    (DEEPSEEK, {"user_id": "A-z_09"}),
    (DEEPSEEK, {"thinking": {}}),
    (DEEPSEEK, {"thinking": None}),
    *[(DEEPSEEK, {"thinking": {"type": "enabled", "reasoning_effort": e}}) for e in ("low", "medium", "high", "max")],
    (DEEPSEEK, {"tools": tools(128)}),
    (DEEPSEEK, {"response_format": {"type": "text"}}),
    (DEEPSEEK, {"response_format": {"type": "json_object"}, "messages": [IN_JSON]}),
    (DEEPSEEK, {"tools": [TOOL], "tool_choice": "required", **OFF[DEEPSEEK]}),
    (DEEPSEEK, {"tools": [TOOL], "tool_choice": NAMED, **OFF[DEEPSEEK]}),
    (QWEN, {"max_completion_tokens": 1}),
    (QWEN, {"max_completion_tokens": 65536}),
    (QWEN, {"stop": ["a", "b"]}),
    (QWEN, {"tools": [TOOL], "tool_choice": "required"}),
    (QWEN, {"enable_thinking": True, "thinking_budget": 50}),
    (QWEN, {"response_format": {"type": "json_object"}, "messages": [IN_JSON]}),
    (DOUBAO, {"max_tokens": 262144}),
    (DOUBAO, {"stop": ["a", "b", "c", "d"]}),
    (DOUBAO, {"response_format": {"type": "json_object"}}),
    (DOUBAO, {"tools": [TOOL], "tool_choice": "required"}),
    *[(DOUBAO, {"reasoning_effort": effort}) for effort in ("minimal", "low", "medium", "high")],
    (DOUBAO, {"reasoning_effort": "minimal", **OFF[DOUBAO]}),
    (GEMINI_25, {"n": 2}),
    (GEMINI_25, {"stop": list("abcde")}),
    (GEMINI_25, {"reasoning_effort": "none"}),
    (GEMINI_3, {"reasoning_effort": "high"}),
    (GEMINI_3, {"extra_body": {"google": {"thinking_config": {"include_thoughts": True}}}}),
    (GEMINI_3, {"response_format": {"type": "json_object"}}),
    (GEMINI_3, {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}}),
    (GEMINI_3, {"tools": [TOOL], "tool_choice": NAMED}),
    (KIMI, {"max_completion_tokens": 5}),
    (KIMI, {"tools": [TOOL], "tool_choice": NAMED, **OFF[KIMI]}),
    (GLM, {"max_tokens": 131072}),
    (GLM, {"reasoning_effort": "xhigh", "n": 2}),
    (GLM, {"tools": [TOOL], "tool_choice": "required"}),
    (GLM, {"thinking": {"type": "disabled"}}),
    ("glm-4.7", {"reasoning_effort": "nobody reads that", "temperature": 2}),
    ("glm-5.3", {"thinking": {"type": "enabled"}, "reasoning_effort": "low"}),
    (MINIMAX, {"max_tokens": 204800}),
    ("MiniMax-M3", {"thinking": {"type": "adaptive"}, "max_tokens": 524288}),
    ("qwen3-max-thinking", {"enable_thinking": True, "max_tokens": 5}),
    ("qwen3.8-max", {"enable_thinking": True, "reasoning_effort": "xhigh"}),
    ("deepseek-flash", {"reasoning_effort": "ultra"}),
    ("gemini-3.5-flash", {"reasoning_effort": "minimal"}),
    ("grok-4.3", {"reasoning_effort": "none"}),
    (PLAIN, {"n": 2, "user": "me"}),
]


@pytest.mark.parametrize(("model", "parameters"), ACCEPTED)
def test_what_the_pages_document_is_accepted(model, parameters):
    status, answer, _ = ask(request(model, **parameters))
    assert status == 200, answer
    assert answer["object"] == "chat.completion"


REFUSED = [
    *[(model, {"temperature": 2.1}, "temperature") for model in EVERY],
    *[(model, {"temperature": -0.1}, "temperature") for model in EVERY],
    *[(model, {"top_p": 1.1}, "top_p") for model in EVERY],
    *[(model, {"temperature": "1"}, "Invalid type for 'temperature'") for model in EVERY],
    *[(model, {"top_k": 3}, "Unrecognized request argument supplied: top_k") for model in EVERY],
    *[(model, {"temperature": None}, "null is not accepted") for model in EVERY],
    *[(model, {"tools": None}, "null is not accepted") for model in EVERY],
    *[(model, {"stream_options": {"include_usage": True}}, "stream = true") for model in EVERY],
    *[(model, {"tools": []}, "tools") for model in EVERY],
    *[(model, {"tool_choice": "auto"}, "`tools` must be set") for model in EVERY],
    *[(model, {"tools": [TOOL], "tool_choice": "any"}, "tool_choice") for model in EVERY],
    *[(model, {"max_tokens": 0}, "max_tokens") for model in EVERY if model != KIMI],
    *[(model, {"user_id": "me"}, "user_id") for model in EVERY if model != DEEPSEEK],
    *[(model, {"frequency_penalty": 2.1}, "frequency_penalty") for model in EVERY],
    *[(model, {"presence_penalty": -2.1}, "presence_penalty") for model in EVERY],
    *[(model, {"top_logprobs": 3}, "top_logprobs") for model in EVERY],
    (DEEPSEEK, {"n": 2}, "Invalid n value (currently only n = 1 is supported)"),
    (DEEPSEEK, {"max_completion_tokens": 5}, "max_completion_tokens"),
    (DEEPSEEK, {"enable_thinking": True}, "enable_thinking"),
    (DEEPSEEK, {"stop": [str(number) for number in range(17)]}, "at most 16"),
    (DEEPSEEK, {"user_id": "a b"}, "user_id"),
    (DEEPSEEK, {"user_id": "a" * 513}, "user_id"),
    (DEEPSEEK, {"thinking": {"type": "adaptive"}}, "thinking"),
    (DEEPSEEK, {"thinking": {"reasoning_effort": "minimal"}}, "reasoning_effort"),
    (DEEPSEEK, {"tools": tools(129)}, "at most 128"),
    (DEEPSEEK, {"tools": [TOOL, TOOL]}, "unique"),
    (DEEPSEEK, {"tools": [{"type": "function", "function": {"name": "a b"}}]}, "name"),
    (DEEPSEEK, {"tools": [{"name": "a"}]}, "only functions"),
    (DEEPSEEK, {"response_format": {"type": "json_schema"}}, "This response_format type is unavailable now"),
    (DEEPSEEK, {"response_format": {"type": "json_object"}}, "the word 'json'"),
    (DEEPSEEK, {"tools": [TOOL], "tool_choice": "required"}, "Thinking mode does not support this tool_choice"),
    (DEEPSEEK, {"tools": [TOOL], "tool_choice": NAMED}, "Thinking mode does not support this tool_choice"),
    (DEEPSEEK, {"tools": tools(1), "tool_choice": NAMED, **OFF[DEEPSEEK]}, "not found in 'tools'"),
    (QWEN, {"max_tokens": 5}, "max_tokens"),
    (QWEN, {"max_completion_tokens": 0}, "max_completion_tokens"),
    (QWEN, {"max_completion_tokens": 65537}, "max_completion_tokens"),
    (QWEN, {"stop": "a"}, "array of strings"),
    (QWEN, {"n": 1}, "n"),
    (QWEN, {"thinking": {"type": "enabled"}}, "thinking"),
    (QWEN, {"enable_thinking": "yes"}, "enable_thinking"),
    (
        QWEN,
        {"enable_thinking": True, "tools": [TOOL], "tool_choice": "required"},
        "The tool_choice parameter does not support being set to required or object in thinking mode",
    ),
    (
        QWEN,
        {"enable_thinking": True, "response_format": {"type": "json_object"}, "messages": [IN_JSON]},
        "Json mode response is not supported when enable_thinking is true",
    ),
    (DOUBAO, {"max_tokens": 262145}, "max_tokens"),
    (DOUBAO, {"stop": list("abcde")}, "at most 4"),
    (DOUBAO, {"reasoning_effort": "max"}, "reasoning_effort"),
    (
        DOUBAO,
        {"reasoning_effort": "low", **OFF[DOUBAO]},
        "Invalid combination of reasoning_effort and thinking type: low + disabled",
    ),
    (DOUBAO, {"response_format": {"type": "json_schema"}}, "is not supported by this model"),
    (GEMINI_25, {"n": 0}, "n"),
    (GEMINI_25, {"stop": list("abcdef")}, "at most 5"),
    (GEMINI_25, {"reasoning_effort": "minimal"}, "reasoning_effort"),
    (GEMINI_3, {"reasoning_effort": "none"}, "reasoning_effort"),
    (GEMINI_20, {"extra_body": {"google": {"thinking_config": {"include_thoughts": True}}}}, "thinking"),
    (
        GEMINI_3,
        {"extra_body": {"google": {"thinking_config": {"thinking_level": "low", "thinking_budget": 1}}}},
        "thinking_level",
    ),
    (KIMI, {"tools": [TOOL], "tool_choice": NAMED}, "tool_choice 'specified' is incompatible with thinking enabled"),
    (GLM, {"max_tokens": 131073}, "max_tokens"),
    (GLM, {"reasoning_effort": "huge"}, "reasoning_effort"),
    (GLM, {"temperature": 1.1}, "temperature"),
    (GLM, {"top_p": 0.001}, "top_p"),
    ("glm-5.3", {"thinking": {"type": "disabled"}}, "always engages in thinking and cannot be disabled"),
    ("glm-5.3", {"reasoning_effort": "medium"}, "reasoning_effort"),
    ("kimi-k2.7-code", {"thinking": {"type": "disabled"}}, "only type=enabled is allowed"),
    ("kimi-k3", {"thinking": {"type": "disabled"}}, "thinking"),
    ("kimi-k3", {"reasoning_effort": "medium"}, "reasoning_effort"),
    ("qwen3-max-thinking", {"enable_thinking": False}, "restricted to True"),
    ("qwen3.8-max-preview", {"enable_thinking": False}, "restricted to True"),
    ("deepseek-r1", {"thinking": {"type": "enabled"}}, "thinking"),
    ("deepseek-r1", {"messages": [{**HELLO, "role": "assistant", "reasoning_content": "hm"}]}, "reasoning_content"),
    ("gemini-3.1-pro-preview", {"reasoning_effort": "minimal"}, "reasoning_effort"),
    ("grok-4.5", {"reasoning_effort": "none"}, "reasoning_effort"),
    ("MiniMax-M3", {"thinking": {"type": "enabled"}}, "thinking"),
    (MINIMAX, {"max_tokens": 204801}, "max_tokens"),
    (GROK, {"n": 2}, "n"),
]


@pytest.mark.parametrize(("model", "parameters", "words"), REFUSED)
def test_what_the_pages_do_not_document_is_refused_with_words(model, parameters, words):
    status, answer, _ = ask(request(model, **parameters))
    assert status == 400
    assert words in message_of(answer)


@pytest.mark.parametrize("model", ["gpt-5.2", "gpt-5.5"])
def test_what_the_responses_api_alone_has_is_refused_with_words(model):
    status, answer, _ = ask(request(model))
    assert status == 404
    assert "only supported in v1/responses" in message_of(answer)


def part(kind, value):
    return {"role": "user", "content": [{"type": "text", "text": "Look"}, {"type": kind, kind: value}]}


IMAGE, VIDEO = {"url": "data:image/png;base64,AA=="}, {"url": "https://example.com/a.mp4"}
TEXT_PARTS = {"role": "user", "content": [{"type": "text", "text": "Hello"}]}


@pytest.mark.parametrize(
    ("model", "message", "words"),
    [
        *[(model, TEXT_PARTS, None) for model in EVERY if model != DEEPSEEK],
        *[(model, part("image_url", IMAGE), None) for model in (QWEN, DOUBAO, GEMINI_3, KIMI, PLAIN)],
        *[(model, part("video_url", VIDEO), None) for model in (QWEN, DOUBAO, GEMINI_3, KIMI)],
        (DOUBAO, part("image_url", IMAGE | {"detail": "high"}), None),
        (DOUBAO, part("video_url", VIDEO | {"fps": 1}), None),
        (DEEPSEEK, TEXT_PARTS, "expected a string"),
        (DEEPSEEK, part("image_url", IMAGE), "unknown variant `image_url`, expected `text`"),
        *[(model, part("image_url", IMAGE), "unknown variant `image_url`") for model in (GLM, MINIMAX)],
        *[(model, part("image", "AA=="), "unknown variant `image`") for model in EVERY],
        *[(model, part("thinking", "hm"), "unknown variant `thinking`") for model in EVERY],
        (QWEN, part("image_url", IMAGE["url"]), "malformed"),
        *[(model, {"role": "user", "content": None}, "content") for model in EVERY],
        *[(model, {"role": "user"}, "content") for model in EVERY],
        *[(model, {"role": "developer", "content": "x"}, "developer") for model in EVERY],
        *[(model, {"role": "tool", "content": "x"}, "tool_call_id") for model in EVERY],
        (DEEPSEEK, {"role": "user", "content": "x", "prefix": True}, "prefix"),
        (QWEN, "Hello", "expected an object"),
    ],
)
def test_messages(model, message, words):
    status, answer, _ = ask({"model": model, "messages": [HELLO, message]})
    assert status == (200 if words is None else 400), answer
    assert words is None or words in message_of(answer)


def call(identifier="c1", arguments='{"city": "Paris"}', **more):
    return {"id": identifier, "type": "function", "function": {"name": "get_weather", "arguments": arguments}, **more}


def called(*calls, **more):
    return {"role": "assistant", "content": "", "tool_calls": list(calls), **more}


def answered(identifier="c1"):
    return {"role": "tool", "tool_call_id": identifier, "content": "Sunny"}


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([called(call()), answered()], None),
        ([called(call(), call("c2")), answered("c2"), answered(), HELLO], None),
        ([called(call()), answered(), called(call()), answered()], None),  # an id may come again in a later turn
        ([called(call(), content=None), answered()], None),  # as many clients send it
        ([{"role": "assistant", "content": None}, HELLO], "expected a string"),
        ([answered()], "must be a response to a preceding 'tool_calls'"),
        ([called(call()), answered("other")], "must be a response to a preceding 'tool_calls'"),
        ([called(call()), answered(), answered()], "must be a response to a preceding 'tool_calls'"),
        ([called(call())], "must be followed by tool messages responding to each 'tool_call_id'"),
        ([called(call()), HELLO, answered()], "must be followed by tool messages"),
        ([called(call(), call("c2")), answered(), HELLO], "must be followed by tool messages"),
        ([called()], "tool_calls"),
        ([called(call(""))], "id"),
        ([called(call(arguments={}))], "arguments"),
        ([called({"id": "c1", "name": "x"})], "expected a function"),
    ],
)
@pytest.mark.parametrize("model", [QWEN, DOUBAO, PLAIN])
def test_calls_and_answers_come_in_pairs(model, messages, words):
    status, answer, _ = ask({"model": model, "messages": [HELLO, *messages]})
    assert status == (200 if words is None else 400), answer
    assert words is None or words in message_of(answer)


PASS_BACK = "The `reasoning_content` in the thinking mode must be passed back to the API."
SAID = {"role": "assistant", "content": "Hi"}


@pytest.mark.parametrize(
    ("messages", "parameters", "refused"),
    [
        ([SAID, HELLO], {}, False),  # no tools in play: ignored
        ([SAID, HELLO], {"tools": [TOOL]}, True),
        ([SAID | {"reasoning_content": "hm"}, HELLO], {"tools": [TOOL]}, False),
        ([SAID | {"reasoning_content": " "}, HELLO], {"tools": [TOOL]}, False),
        ([SAID | {"reasoning_content": ""}, HELLO], {"tools": [TOOL]}, True),
        ([SAID | {"reasoning_content": None}, HELLO], {"tools": [TOOL]}, True),
        ([SAID, HELLO], {"tools": [TOOL], **OFF[DEEPSEEK]}, False),
        ([called(call()), answered()], {}, True),
        ([called(call(), reasoning_content="hm"), answered()], {}, False),
        ([called(call(), reasoning_content="hm"), answered(), SAID, HELLO], {}, True),
        ([SAID | {"prefix": True}], {"tools": [TOOL]}, False),
    ],
)
def test_deepseek_wants_its_reasoning_back(messages, parameters, refused):
    status, answer, _ = ask({"model": DEEPSEEK, "messages": [HELLO, *messages], **parameters})
    assert status == (400 if refused else 200)
    assert not refused or message_of(answer) == PASS_BACK


@pytest.mark.parametrize("prompt", ["What is the weather in Paris?", "Hello"])
def test_deepseek_wants_its_reasoning_back_unchanged(prompt):
    emulator = Emulator()
    first = {"model": DEEPSEEK, "messages": [{"role": "user", "content": prompt}], "tools": [TOOL]}
    turn = ask(first, emulator)[1]["choices"][0]["message"]
    results = [answered(one["id"]) for one in turn.get("tool_calls", [])]

    def again(changed):
        return ask(first | {"messages": [*first["messages"], turn | changed, *results, HELLO]}, emulator)

    assert again({})[0] == 200
    for changed in (turn["reasoning_content"] + " ", " "):
        status, answer, _ = again({"reasoning_content": changed})
        assert status == 400
        assert message_of(answer).startswith(PASS_BACK)
        assert "changed" in message_of(answer)


def test_a_turn_of_another_family_may_go_back_with_a_placeholder():
    emulator = Emulator()
    for model in (DEEPSEEK, QWEN):  # both say the same words
        turn = ask({"model": model, "messages": [HELLO]}, emulator)[1]["choices"][0]["message"]
    messages = [HELLO, turn | {"reasoning_content": " "}, HELLO]
    assert ask({"model": DEEPSEEK, "messages": messages, "tools": [TOOL]}, emulator)[0] == 200


def test_kimi_names_the_turn_without_reasoning():
    status, answer, _ = ask({"model": KIMI, "messages": [HELLO, called(call()), answered()]})
    assert status == 400
    assert "reasoning_content is missing in assistant tool call message at index 1" in message_of(answer)
    kept = called(call(), reasoning_content="hm")
    assert ask({"model": KIMI, "messages": [HELLO, kept, answered()]})[0] == 200


def signed(signature):
    return call(extra_content={"google": {"thought_signature": signature}})


@pytest.mark.parametrize(
    ("model", "turn", "status"),
    [
        (GEMINI_3, called(call()), 400),
        (GEMINI_3, called(signed("")), 400),
        (GEMINI_3, called(signed("c2ln")), 200),
        (GEMINI_3, called(signed("skip_thought_signature_validator")), 200),
        (GEMINI_3, called(signed("c2ln"), call("c2")), 200),  # the first of a group carries it
        (GEMINI_25, called(call()), 200),
        ("gemini-3-pro-image-preview", called(call()), 200),
        (GEMINI_25, called(call(arguments="[]")), 500),
        (GEMINI_25, called(call(arguments="")), 500),
    ],
)
def test_gemini_calls(model, turn, status):
    results = [answered(one["id"]) for one in turn["tool_calls"]]
    got, answer, _ = ask({"model": model, "messages": [HELLO, turn, *results]})
    assert got == status, answer
    if status == 400:
        assert "missing a thought_signature" in message_of(answer)
    if status == 500:
        assert answer["error"]["code"] == "convert_request_failed"


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (DEEPSEEK, {"type": "invalid_request_error", "param": None, "code": "invalid_request_error"}),
        (QWEN, {"type": "invalid_request_error", "param": None, "code": "invalid_parameter_error"}),
        (DOUBAO, {"type": "BadRequest", "param": "top_p", "code": "InvalidParameter"}),
        (GEMINI_3, {"status": "INVALID_ARGUMENT", "code": 400}),
        (GLM, {"code": "1214"}),
        (PLAIN, {"type": "invalid_request_error", "param": "top_p", "code": None}),
    ],
)
def test_refusals_have_the_upstreams_shape(model, error):
    _, answer, reply = ask(request(model, top_p=3))
    whole = answer[0] if model == GEMINI_3 else answer
    assert {key: value for key, value in whole["error"].items() if key != "message"} == error
    assert ("request_id" in whole) == (model == QWEN)
    assert ("Request id: " in message_of(answer)) == (model == DOUBAO)
    octets = reply.headers["content-type"] == "application/octet-stream"
    assert octets == (model == DEEPSEEK)


@pytest.mark.parametrize(
    ("body", "key", "status", "error"),
    [
        (request(QWEN), "", 401, {"message": "No token provided"}),
        (
            request(QWEN),
            "sk-secret",
            401,
            {"message": "Invalid API key provided.", "type": "authentication_error", "code": "invalid_api_key"},
        ),
        (request("nobody"), "sk-emulator", 503, {"type": "new_api_error", "param": "", "code": "model_not_found"}),
        ([], "sk-emulator", 400, {"type": "new_api_error", "code": "invalid_request"}),
        ({"messages": [HELLO]}, "sk-emulator", 400, {"type": "new_api_error"}),
        ({"model": QWEN, "messages": []}, "sk-emulator", 400, {"type": "new_api_error"}),
    ],
)
def test_the_gateways_own_refusals(body, key, status, error):
    got, answer, reply = ask(body, key=key)
    assert got == status
    assert answer["error"] | error == answer["error"]
    assert "sk-" not in json.dumps(answer)
    if status != 401:
        assert f"(request id: {reply.headers['x-oneapi-request-id']})" in answer["error"]["message"]


def test_a_refused_request_uses_no_scripted_answer_up():
    emulator = Emulator()
    emulator.script(Failure(status=429, retry_after=3), "scripted")
    assert ask(request(QWEN, top_p=3), emulator)[0] == 400
    status, _, reply = ask(request(QWEN), emulator)
    assert (status, reply.headers["retry-after"]) == (429, "3")
    assert ask(request(QWEN), emulator)[1]["choices"][0]["message"]["content"] == "scripted"
    assert ask(request(QWEN), emulator)[1]["choices"][0]["message"]["content"] != "scripted"


def test_without_strictness_nothing_is_refused_but_the_key():
    emulator = Emulator(strict=False)
    assert ask(request("nobody", top_p=3, tools=[{}]), emulator)[0] == 200
    assert ask(request(QWEN), emulator, key="other")[0] == 401


def test_every_model_of_the_seed_pages_is_served():
    pages = """deepseek-v4-flash deepseek-v4-pro qwen3.6-flash doubao-seed-evolving gemini-3.1-pro-preview
    gemini-3.1-flash-image-preview gemini-3.1-flash-lite-preview gemini-3-pro-preview gemini-3-pro-image-preview
    gemini-3-flash-preview gemini-2.5-pro gemini-2.5-flash gemini-2.5-flash-lite gemini-2.0-flash"""
    assert set(pages.split()) <= MODELS.keys()
    assert all(ask(request(model))[0] == 200 for model, row in MODELS.items() if not row.only_responses)
