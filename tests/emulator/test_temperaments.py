"""What each temperament does otherwise than documented, seen from outside."""

import dataclasses
import json

import pytest

from anyfast_emulator import Answer, Emulator, Failure, Temperament
from anyfast_emulator.temperaments import DOCUMENTED, TEMPERAMENTS, temperament

DEEPSEEK, QWEN, DOUBAO = "deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving"
GEMINI, KIMI, PLAIN = "gemini-3-pro-preview", "kimi-k2.6", "gpt-4o-mini"
USAGE = {"stream": True, "stream_options": {"include_usage": True}}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["city"],
        },
    },
}
CITY = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ON, OFF = {"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}


def user(content):
    return {"role": "user", "content": content}


def ask(temper, model=DEEPSEEK, words="Hello", messages=None, emulator=None, **parameters):
    """The status and the body of one request."""
    emulator = emulator or Emulator(temperament=temper)
    body = {"model": model, "messages": messages or [user(words)], **parameters}
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    reply = emulator.reply("POST", "/v1/chat/completions", headers, json.dumps(body).encode())
    return reply, b"".join(reply.frames).decode()


def message(temper, *args, **kwargs):
    reply, text = ask(temper, *args, **kwargs)
    assert reply.status == 200, text
    return json.loads(text)["choices"][0]["message"]


def usage(temper, *args, **kwargs):
    return json.loads(ask(temper, *args, **kwargs)[1])["usage"]


def frames(temper, *args, **kwargs):
    text = ask(temper, *args, stream=True, **kwargs)[1]
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]


def status(temper, *args, **kwargs):
    return ask(temper, *args, **kwargs)[0].status


def reasoning(temper, *args, **kwargs):
    return message(temper, *args, **kwargs).get("reasoning_content", "")


def with_(**facts):
    return Temperament(name="planted", **facts)


NESTED, TOP = {"thinking": {"reasoning_effort": "max"}}, {"reasoning_effort": "max"}


@pytest.mark.parametrize(
    ("read", "nested", "top"),
    [
        (None, True, False),
        ("nested", True, False),
        ("top", False, True),
        ("both", True, True),
        ("none", False, False),
    ],
)
def test_the_effort_is_read_where_it_is_planted(read, nested, top):
    temper = with_(effort_read=read)
    usual = len(reasoning(temper))
    assert (len(reasoning(temper, **NESTED)) > 1.5 * usual) == nested
    assert (len(reasoning(temper, **TOP)) > 1.5 * usual) == top
    # A level that there is not is refused where it is read.
    assert (status(temper, thinking={"reasoning_effort": "huge"}) == 400) == nested
    assert (status(temper, reasoning_effort="huge") == 400) == top


@pytest.mark.parametrize(
    ("facts", "model", "said", "thinks"),
    [
        ({}, DEEPSEEK, {}, True),
        ({}, QWEN, {}, False),
        ({"thinks": False}, DEEPSEEK, {}, False),
        ({"thinks": False}, DEEPSEEK, ON, True),
        ({"thinks": True}, QWEN, {}, True),
        ({"thinks": True}, QWEN, {"enable_thinking": False}, False),
        ({"switch_off": "ignored"}, DEEPSEEK, OFF, True),
        ({"switch_off": "ignored"}, DOUBAO, {"reasoning_effort": "minimal"}, True),
        ({"switch_on": "ignored"}, QWEN, {"enable_thinking": True}, False),
        ({"switch_on": "refused"}, QWEN, {"enable_thinking": True}, None),
        ({"switch_off": "refused"}, QWEN, {"enable_thinking": True}, True),
        ({"switch_off": "refused"}, DEEPSEEK, OFF, None),
    ],
)
def test_the_switch(facts, model, said, thinks):
    if thinks is None:
        assert status(with_(**facts), model, **said) == 400
    else:
        assert bool(reasoning(with_(**facts), model, **said)) == thinks


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("field", "key", "opening"),
    [
        ("reasoning_content", "reasoning_content", "Hello!"),
        ("reasoning", "reasoning", "Hello!"),
        ("think_tags", None, "<think>\nThe user asks"),
        ("stripped", None, "Hello!"),
    ],
)
def test_the_reasoning_stands_where_it_is_planted(field, key, opening, stream):
    temper = with_(reasoning_field=field)
    if stream:
        deltas = [one["choices"][0]["delta"] for one in frames(temper) if one["choices"]]
        told = {name: "".join(delta.get(name) or "" for delta in deltas) for name in ("content", key or "reasoning")}
    else:
        told = message(temper)
    assert told["content"].startswith(opening)
    assert bool(told.get(key)) == bool(key)
    assert usage(temper)["completion_tokens_details"]["reasoning_tokens"] > 10


def called(**more):
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}}
    return {"role": "assistant", "content": "", "tool_calls": [call], **more}


ANSWERED = {"role": "tool", "tool_call_id": "c1", "content": "Sunny"}


@pytest.mark.parametrize(
    ("facts", "model", "reasoning_content", "expected"),
    [
        ({}, DEEPSEEK, None, 400),
        ({}, DEEPSEEK, "", 400),
        ({}, DEEPSEEK, " ", 200),
        ({"placeholders": frozenset({""})}, DEEPSEEK, "", 200),
        ({"placeholders": frozenset({""})}, DEEPSEEK, " ", 400),
        ({"placeholders": frozenset()}, DEEPSEEK, " ", 400),
        ({"placeholders": frozenset()}, DEEPSEEK, "Hm.", 200),
        ({"reasoning_required": False}, DEEPSEEK, None, 200),
        ({"reasoning_required": True}, DOUBAO, None, 400),
        ({"reasoning_required": False}, KIMI, None, 200),
        # What is empty counts as not sent.
        ({"drops_zeros": True, "placeholders": frozenset({""})}, DEEPSEEK, "", 400),
    ],
)
def test_what_has_to_come_back(facts, model, reasoning_content, expected):
    turn = called() if reasoning_content is None else called(reasoning_content=reasoning_content)
    assert status(with_(**facts), model, messages=[user("Weather in Oslo?"), turn, ANSWERED]) == expected


SECRET = "Nobody is told, but the code word is heron-42."
IN_A_LOOP = [user("Look, then tell the code word."), called(reasoning_content=SECRET), ANSWERED]
LATER = [
    *IN_A_LOOP,
    {"role": "assistant", "content": "Done.", "reasoning_content": " "},
    user("What is the code word?"),
]


@pytest.mark.parametrize(
    ("reaches", "model", "messages", "parameters", "known"),
    [
        (None, DEEPSEEK, IN_A_LOOP, {}, True),
        (None, DEEPSEEK, LATER, {}, True),
        (None, DEEPSEEK, LATER, OFF, False),
        (False, DEEPSEEK, LATER, {}, False),
        (None, QWEN, IN_A_LOOP, {"enable_thinking": True}, True),
        (None, QWEN, LATER, {"enable_thinking": True}, False),
        (True, QWEN, LATER, {"enable_thinking": True}, True),
        (None, PLAIN, IN_A_LOOP, {}, False),
    ],
)
def test_the_model_knows_what_reaches_it(reaches, model, messages, parameters, known):
    said = message(with_(reasoning_reaches=reaches), model, messages=messages, **parameters)["content"]
    assert said == ("The code word is heron-42." if known else "I do not know the code word.")


def test_without_tools_deepseek_ignores_earlier_reasoning():
    turns = [user("Hello"), {"role": "assistant", "content": "Hi", "reasoning_content": SECRET}, user("The code word?")]
    assert message(DOCUMENTED, messages=turns)["content"] == "I do not know the code word."
    assert "heron" in message(DOCUMENTED, messages=turns, tools=[WEATHER])["content"]


FORCED = {"words": "Hello", "tools": [WEATHER], "tool_choice": "required"}
PARTS = [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]
FILM = [{"type": "text", "text": "Look"}, {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}]
IN_JSON = {"words": "Paris? A word on JSON.", "response_format": {"type": "json_object"}}
CODE = {"type": "object", "properties": {"code": {"enum": ["K7"]}}, "required": ["code"]}
BY_SCHEMA = {"words": "Paris?", "response_format": {"type": "json_schema", "json_schema": {"schema": CODE}}}
SAY = "Say exactly: one two three four"
PREFIX = {"messages": [user(SAY), {"role": "assistant", "content": "one two", "prefix": True}]}


def is_json(text):
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


WAYS = [
    ("forced_choice", DEEPSEEK, FORCED, lambda said: bool(said.get("tool_calls")), "refused"),
    ("forced_choice", DOUBAO, FORCED, lambda said: bool(said.get("tool_calls")), "works"),
    ("json_object", DEEPSEEK, IN_JSON, lambda said: is_json(said["content"]), "works"),
    ("json_object", QWEN, {**IN_JSON, "enable_thinking": True}, lambda said: is_json(said["content"]), "refused"),
    ("json_schema", DEEPSEEK, BY_SCHEMA, lambda said: said["content"] == '{"code": "K7"}', "refused"),
    ("json_schema", PLAIN, BY_SCHEMA, lambda said: said["content"] == '{"code": "K7"}', "works"),
    ("prefix", DEEPSEEK, PREFIX, lambda said: said["content"] == " three four", "works"),
    ("stop", DEEPSEEK, {"words": SAY, "stop": ["three"]}, lambda said: said["content"] == "one two ", "works"),
    ("images", QWEN, {"words": PARTS}, lambda said: "1 image_url" in said["content"], "works"),
    ("images", DEEPSEEK, {"words": PARTS}, lambda said: "1 image_url" in said["content"], "refused"),
    ("videos", DOUBAO, {"words": FILM}, lambda said: "1 video_url" in said["content"], "works"),
]


@pytest.mark.parametrize("way", [None, "works", "refused", "ignored"])
@pytest.mark.parametrize(("field", "model", "parameters", "has_effect", "documented"), WAYS)
def test_a_parameter_works_or_is_refused_or_ignored(field, model, parameters, has_effect, documented, way):
    temper = with_(**({field: way} if way else {}))
    way = way or documented
    if way == "refused":
        assert status(temper, model, **parameters) == 400
    else:
        assert has_effect(message(temper, model, **parameters)) == (way == "works")


def test_a_dropped_image_costs_nothing():
    seen = usage(DOCUMENTED, QWEN, PARTS)["prompt_tokens"]
    assert usage(with_(images="ignored"), QWEN, PARTS)["prompt_tokens"] < seen - 200


@pytest.mark.parametrize(
    ("n", "model", "expected"),
    [
        (None, DEEPSEEK, None),
        (None, GEMINI, 2),
        ("works", DEEPSEEK, 2),
        ("refused", GEMINI, None),
        ("ignored", GEMINI, 1),
    ],
)
def test_n(n, model, expected):
    reply, text = ask(with_(n=n), model, n=2)
    assert reply.status == (200 if expected else 400)
    assert expected is None or len(json.loads(text)["choices"]) == expected


@pytest.mark.parametrize(
    ("length", "cut_by"),
    [
        ("max_tokens", {"max_tokens"}),
        ("max_completion_tokens", {"max_completion_tokens"}),
        ("both", {"max_tokens", "max_completion_tokens"}),
    ],
)
@pytest.mark.parametrize("model", [DEEPSEEK, QWEN])
def test_the_length_parameter(length, cut_by, model):
    for name in ("max_tokens", "max_completion_tokens"):
        told = json.loads(ask(with_(length=length), model, **{name: 3})[1])
        assert (told["choices"][0]["finish_reason"] == "length") == (name in cut_by)


def test_stop_as_a_bare_string():
    assert status(with_(stop_list_only=True), DEEPSEEK, stop="x") == 400
    assert status(with_(stop_list_only=False), QWEN, stop="x") == 200


@pytest.mark.parametrize(("ways", "expected"), [({}, 2), ({"parallel_calls": False}, 1)])
def test_parallel_calls(ways, expected):
    said = message(with_(**ways), QWEN, "What is the weather in Paris and Rome?", tools=[CITY])
    assert len(said["tool_calls"]) == expected
    one = {"tools": [CITY], "parallel_tool_calls": False}
    assert len(message(with_(**ways), QWEN, "What is the weather in Paris and Rome?", **one)["tool_calls"]) == 1


@pytest.mark.parametrize(("strict", "unit"), [("works", "celsius"), ("ignored", "kelvin"), ("refused", None)])
def test_strict_keeps_a_call_to_its_schema(strict, unit):
    tool = {"type": "function", "function": WEATHER["function"] | {"strict": True}}
    words = "What is the weather in Oslo? unit: kelvin"
    if unit is None:
        assert status(with_(strict_tools=strict), words=words, tools=[tool]) == 400
        assert status(with_(strict_tools=strict), words=words, tools=[WEATHER]) == 200
        return
    [call] = message(with_(strict_tools=strict), words=words, tools=[tool])["tool_calls"]
    assert json.loads(call["function"]["arguments"])["unit"] == unit


def test_a_parameter_that_no_page_has_may_vanish():
    assert status(DOCUMENTED, top_k=3) == 400
    assert status(with_(unknown="ignored"), top_k=3, enable_thinking="nonsense") == 200


def finishes(chunks):
    return [one["finish_reason"] for chunk in chunks for one in chunk["choices"] if one.get("finish_reason")]


@pytest.mark.parametrize(
    ("facts", "asked", "usages", "finish"),
    [
        ({}, False, 0, ["stop"]),
        ({}, True, 1, ["stop"]),
        ({"stream_usage": "always"}, False, 1, ["stop"]),
        ({"stream_usage": "never"}, True, 0, ["stop"]),
        ({"finish_needs_usage": True}, False, 0, []),  # new-api#7489
        ({"finish_needs_usage": True}, True, 1, ["stop"]),
    ],
)
def test_the_usage_of_a_stream(facts, asked, usages, finish):
    options = {"stream_options": {"include_usage": True}} if asked else {}
    chunks = frames(with_(**facts), **options)
    assert sum(bool(chunk["usage"]) for chunk in chunks) == usages
    assert finishes(chunks) == finish


def test_only_a_frame_that_has_both_is_lost():
    assert finishes(frames(with_(finish_needs_usage=True), QWEN)) == ["stop"]


def test_an_upstream_that_breaks_off_may_look_done():
    for temper, cut in ((DOCUMENTED, True), (with_(cut_looks_done=True), False)):
        emulator = Emulator(temperament=temper)
        emulator.script(Answer("One two three", cut_after=3))
        reply, text = ask(temper, emulator=emulator, stream=True)
        assert reply.cut == cut
        assert text.endswith("data: [DONE]\n\n") == (not cut)
        assert '"finish_reason": "stop"' not in text


def test_keep_alives():
    for stream in (True, False):
        assert ask(DOCUMENTED, stream=stream)[1][0] in ":\n"
        assert ask(with_(keep_alives=False), stream=stream)[1][0] in "d{"


def test_the_request_id_may_be_missing():
    assert "x-oneapi-request-id" in ask(DOCUMENTED)[0].headers
    assert "x-oneapi-request-id" not in ask(with_(request_id_header=False))[0].headers


WRONG = "Invalid top_p value, the valid range of top_p is [0, 1]"


@pytest.mark.parametrize(
    ("errors", "expected", "kind", "body"),
    [
        ("openai", 400, "application/json", '"param": "top_p", "code": null'),
        ("deepseek", 400, "application/octet-stream", '"code": "invalid_request_error"'),
        ("new-api", 400, "application/json", f"{WRONG} (request id: "),
        ("google", 400, "application/json", '[{"error": {"code": 400'),
        ("string", 400, "application/json", f'{{"error": "{WRONG}"}}'),
        ("flat", 400, "application/json", '"data": null'),
        ("html", 400, "text/html", "<h1>400 Error</h1>"),
        ("empty", 400, None, ""),
        ("in_200", 200, "application/json", f'{{"error": {{"message": "{WRONG}"'),
    ],
)
def test_the_shape_of_refusals(errors, expected, kind, body):
    reply, text = ask(with_(errors=errors), top_p=3)
    assert (reply.status, reply.headers.get("content-type")) == (expected, kind)
    assert body in text
    assert bool(text) == bool(body)


def test_an_error_inside_a_stream_of_200():
    emulator = Emulator(temperament=with_(errors="in_200"))
    emulator.script(Failure(429, "busy", code="rate_limited"))
    reply, text = ask(None, emulator=emulator, stream=True)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/event-stream")
    assert text.startswith('data: {"error": {"message": "busy"')
    assert text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("key", ["", "sk-other", "sk-emulator"])
@pytest.mark.parametrize(
    ("temper", "quota", "expected", "words"),
    [
        ("documented", "token", 401, "[sk-emu***tor] 该令牌额度已用尽"),
        ("documented", "user", 403, "用户额度不足"),
        ("new-api", "user", 403, "insufficient_user_quota"),
        ("deepseek", "user", 402, "Insufficient Balance"),
    ],
)
def test_keys_and_credit(temper, quota, expected, words, key):
    emulator = Emulator(temperament=dataclasses.replace(temperament(temper), quota=quota))
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body = json.dumps({"model": DEEPSEEK, "messages": [user("Hello")]}).encode()
    reply = emulator.reply("POST", "/v1/chat/completions", headers, body)
    text = b"".join(reply.frames).decode()
    if key == emulator.api_key:
        assert (reply.status, words in text) == (expected, True)
    else:
        assert (reply.status, "额度" in text) == (401, False)
    assert "sk-emulator" not in text


def test_new_api_words_its_key_errors_in_chinese():
    emulator = Emulator(temperament="new-api")
    reply = emulator.reply("GET", "/v1/models", {"Authorization": "Bearer no"}, b"")
    error = json.loads(b"".join(reply.frames))["error"]
    assert error == {
        "message": f"无效的令牌 (request id: {reply.headers['x-oneapi-request-id']})",
        "type": "new_api_error",
        "param": "",
        "code": "",
    }


def test_the_list_of_models_may_be_missing():
    headers = {"Authorization": "Bearer sk-emulator"}
    for temper, expected in ((DOCUMENTED, 200), (with_(models_list=False), 404)):
        assert Emulator(temperament=temper).reply("GET", "/v1/models", headers, b"").status == expected


@pytest.mark.parametrize("name", TEMPERAMENTS)
def test_a_known_kind_serves_its_models_and_no_other(name):
    emulator = Emulator(temperament=name)
    listed = json.loads(b"".join(emulator.reply("GET", "/v1/models", {"Authorization": "sk-emulator"}, b"").frames))
    served = {one["id"] for one in listed["data"]}
    for model in (DEEPSEEK, QWEN, GEMINI):
        assert (status(name, model) == 200) == (model in served)
        assert (model in served) == (not emulator.temperament.serves or model.startswith(emulator.temperament.serves))


def test_there_is_no_other_kind():
    with pytest.raises(LookupError, match="No temperament 'mild'; there are documented, deepseek, sglang"):
        Emulator(temperament="mild")


def test_deepseek_itself():
    reply, text = ask("deepseek", "deepseek-v9")
    assert reply.status == 400
    assert "The supported API model names are deepseek-v4-pro or deepseek-v4-flash, but you passed deepseek-v9" in text
    assert message("deepseek", words=PARTS[:1])["content"]
    chunks = frames("deepseek", stream_options={"include_usage": True})
    assert "matched_stop" not in chunks[-1]["choices"][0]
    assert chunks[-1]["usage"]
    assert "x-oneapi-request-id" not in ask("deepseek")[0].headers


def test_deepseek_behind_sglang():
    asked = {"words": "What is the weather in Paris?", "tools": [CITY], "stream_options": {"include_usage": True}}
    chunks = frames("sglang", **asked)
    first, *rest = [one["choices"][0] for one in chunks if one["choices"]]
    assert first["delta"] == {"role": "assistant", "content": "", "reasoning_content": None, "tool_calls": None}
    assert all(one["delta"]["role"] is None and "tool_calls" in one["delta"] for one in rest)
    assert [one["matched_stop"] for one in (first, *rest)] == [None] * len(rest) + [1]
    assert (chunks[-1]["choices"], chunks[-1]["usage"].keys()) == (
        [],
        {"prompt_tokens", "total_tokens", "completion_tokens", "prompt_tokens_details", "reasoning_tokens"},
    )
    assert chunks[-1]["usage"]["prompt_tokens_details"] is None
    assert status("sglang", messages=[user("Weather?"), called(), ANSWERED]) == 200


def test_new_api():
    options = {"stream_options": {"include_usage": True}}
    assert finishes(frames("new-api")) == []
    assert finishes(frames("new-api", **options)) == ["stop"]
    assert "input_tokens_details" in frames("new-api", **options)[-1]["usage"]
    assert "matched_stop" not in ask("new-api")[1]
    asked = {"words": "What is the weather in Paris?", "tools": [CITY]}
    assert finishes(frames("new-api", GEMINI, **asked)) == ["tool_calls", "stop"]
    assert "extra_content" not in message("new-api", GEMINI, **asked)["tool_calls"][0]
    assert status("new-api", temperature=0, nonsense=1) == 200


def test_gemini_by_google():
    asked = {"words": "What is the weather in Paris and Rome?", "tools": [CITY]}
    said = message("google", GEMINI, **asked)
    assert "content" not in said
    assert [one["id"] for one in said["tool_calls"]] == ["", ""]
    assert said["tool_calls"][0]["extra_content"]["google"]["thought_signature"]
    chunks = frames("google", GEMINI, **asked)
    calls = [one for chunk in chunks for one in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert [("index" in one, one["function"]["arguments"]) for one in calls] == [
        (False, '{"city": "Paris"}'),
        (False, '{"city": "Rome"}'),
    ]
    assert finishes(chunks) == ["stop"]
    counted = usage("google", GEMINI)
    assert counted.keys() == {"prompt_tokens", "completion_tokens", "total_tokens"}
    assert counted["total_tokens"] > counted["prompt_tokens"] + counted["completion_tokens"]
    shown = {"extra_body": {"google": {"thinking_config": {"include_thoughts": True}}}}
    assert message("google", GEMINI, **shown)["content"].startswith("<thought>The user asks")
