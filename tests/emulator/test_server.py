import asyncio
import json
import socket
import subprocess
import sys
import threading

import httpx
import jsonschema
import openai
import pytest
import uvicorn

from anyfast_emulator import Answer, Emulator, Failure, Raw, ToolCall
from anyfast_emulator.contract import MODELS
from anyfast_emulator.embedding import EMBEDDERS
from anyfast_emulator.temperaments import TEMPERAMENTS

MODELS_THAT_THINK = ["deepseek-v4-pro", "doubao-seed-evolving", "kimi-k2.6", "glm-5.2", "MiniMax-M2.7"]
FAMILIES = [*MODELS_THAT_THINK, "qwen3.6-flash", "gemini-3-pro-preview", "gemini-2.0-flash", "grok-3", "gpt-4o-mini"]
USAGE = {"stream": True, "stream_options": {"include_usage": True}}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = [{"role": "user", "content": "What is the weather in Paris?"}]
BOTH = [{"role": "user", "content": "What is the weather in Paris and Rome?"}]


@pytest.fixture(scope="module")
def served():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def client(served):
    with openai.OpenAI(base_url=served.base_url, api_key=served.api_key, max_retries=0) as client:
        yield client


@pytest.fixture
def in_process():
    emulator = Emulator()
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    with httpx.Client(base_url=emulator.base_url, headers=headers, transport=emulator.transport) as http:
        emulator.post = lambda **body: http.post("/chat/completions", json=body)
        yield emulator


def chunks(text):
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]


def deltas(frames):
    return [frame["choices"][0]["delta"] for frame in frames if frame["choices"]]


def finishes(frames):
    return [one["finish_reason"] for frame in frames for one in frame["choices"] if one.get("finish_reason")]


@pytest.mark.parametrize("model", FAMILIES)
def test_the_official_client_talks_to_it(client, model):
    whole = client.chat.completions.create(model=model, messages=HELLO)
    message = whole.choices[0].message
    assert message.content.startswith("Hello!")
    assert whole.choices[0].finish_reason == "stop"
    assert whole.system_fingerprint == "emulated"
    assert bool(getattr(message, "reasoning_content", "")) == (model in MODELS_THAT_THINK)
    with client.chat.completions.create(model=model, messages=HELLO, **USAGE) as stream:
        frames = list(stream)
    text = "".join(frame.choices[0].delta.content or "" for frame in frames if frame.choices)
    assert text == message.content
    usages = [frame.usage for frame in frames if frame.usage]
    assert [one.total_tokens for one in usages] == [whole.usage.total_tokens]


@pytest.mark.parametrize("model", FAMILIES)
def test_the_official_client_calls_tools(client, model):
    whole = client.chat.completions.create(model=model, messages=BOTH, tools=[TOOL])
    called = [(call.function.name, call.function.arguments) for call in whole.choices[0].message.tool_calls]
    assert called == [("get_weather", '{"city": "Paris"}'), ("get_weather", '{"city": "Rome"}')]
    assert whole.choices[0].finish_reason == "tool_calls"
    with client.chat.completions.create(model=model, messages=BOTH, tools=[TOOL], stream=True) as stream:
        pieces = [piece for frame in stream for one in frame.choices for piece in one.delta.tool_calls or ()]
    for index, (name, arguments) in enumerate(called):
        own = [piece for piece in pieces if piece.index == index]
        assert own[0].function.name == name
        assert "".join(piece.function.arguments for piece in own) == arguments
        assert len({piece.id for piece in own if piece.id}) == 1


SERVED = [
    (name, model)
    for name, temper in TEMPERAMENTS.items()
    for model in ("deepseek-v4-pro", "qwen3.6-flash", "gemini-3-pro-preview")
    if name != "documented" and model.startswith(temper.serves or "")
]


@pytest.mark.parametrize(("temperament", "model"), SERVED)
def test_the_official_client_talks_to_every_temperament(temperament, model):
    emulator = Emulator(temperament=temperament)
    with (
        httpx.Client(transport=emulator.transport) as http,
        openai.OpenAI(base_url=emulator.base_url, api_key=emulator.api_key, max_retries=0, http_client=http) as client,
    ):
        whole = client.chat.completions.create(model=model, messages=BOTH, tools=[TOOL])
        called = [(call.function.name, call.function.arguments) for call in whole.choices[0].message.tool_calls]
        assert called == [("get_weather", '{"city": "Paris"}'), ("get_weather", '{"city": "Rome"}')]
        with client.chat.completions.create(model=model, messages=HELLO, **USAGE) as stream:
            frames = list(stream)
    text = "".join(frame.choices[0].delta.content or "" for frame in frames if frame.choices)
    assert text.startswith("Hello!")
    assert [frame.usage.total_tokens > 0 for frame in frames if frame.usage] == [True]


async def test_the_official_async_client_talks_to_it(served):
    async with openai.AsyncOpenAI(base_url=served.base_url, api_key=served.api_key, max_retries=0) as client:
        whole = await client.chat.completions.create(model="qwen3.6-flash", messages=HELLO)
        async with await client.chat.completions.create(model="qwen3.6-flash", messages=HELLO, **USAGE) as stream:
            frames = [frame async for frame in stream]
    text = "".join(frame.choices[0].delta.content or "" for frame in frames if frame.choices)
    assert text == whole.choices[0].message.content


@pytest.mark.parametrize(
    ("body", "key", "error"),
    [
        ({"model": "nobody"}, "sk-emulator", openai.InternalServerError),
        ({"model": "qwen3.6-flash"}, "sk-other", openai.AuthenticationError),
        ({"model": "qwen3.6-flash", "top_p": 3}, "sk-emulator", openai.BadRequestError),
    ],
)
def test_refusals_reach_the_official_client(served, body, key, error):
    with (
        openai.OpenAI(base_url=served.base_url, api_key=key, max_retries=0) as client,
        pytest.raises(error) as caught,
    ):
        client.chat.completions.create(messages=HELLO, **body)
    assert caught.value.response.headers["x-oneapi-request-id"]
    assert caught.value.response.headers["x-new-api-version"] == "emulator"


# Anyfast deepseek-v4-pro page, components.schemas.ChatCompletion. Its `nullable` is written as a type here, and
# `matched_stop` also takes an integer: real upstreams send the id of their end token, which the page does not say.
COUNT = {"type": "integer"}
OR_NULL = ["string", "null"]
FUNCTION = {"type": "object", "properties": {"name": {"type": "string"}, "arguments": {"type": "string"}}}
CALL = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "type": {"enum": ["function"]}, "function": FUNCTION},
}
FINISHES = ["stop", "length", "content_filter", "tool_calls", "insufficient_system_resource", None]
PAGE = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"type": "string"},
        "created": COUNT,
        "model": {"type": "string"},
        "choices": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": COUNT,
                    "message": {
                        "type": "object",
                        "properties": {
                            "role": {"type": "string"},
                            "content": {"type": OR_NULL},
                            "reasoning_content": {"type": OR_NULL},
                            "tool_calls": {"type": ["array", "null"], "items": CALL},
                        },
                    },
                    "finish_reason": {"enum": FINISHES},
                    "matched_stop": {"type": ["string", "integer", "null"]},
                },
            },
        },
        "usage": {
            "type": "object",
            "properties": {
                **dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), COUNT),
                "prompt_tokens_details": {
                    "type": ["object", "null"],
                    "properties": dict.fromkeys(("cached_tokens", "audio_tokens", "text_tokens"), COUNT),
                },
                "completion_tokens_details": {
                    "type": "object",
                    "properties": dict.fromkeys(
                        ("reasoning_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"), COUNT
                    ),
                },
            },
        },
        "system_fingerprint": {"type": OR_NULL},
    },
    # Not on the page, which requires nothing; an answer without these would be of no use.
    "required": ["id", "object", "created", "model", "choices", "usage"],
}


@pytest.mark.parametrize(
    ("body", "finish", "matched"),
    [
        ({"messages": HELLO}, "stop", 1),
        ({"messages": HELLO, "thinking": {"type": "disabled"}}, "stop", 1),
        ({"messages": HELLO, "stop": "emulated"}, "stop", "emulated"),
        ({"messages": HELLO, "max_tokens": 1}, "length", None),
        ({"messages": WEATHER, "tools": [TOOL]}, "tool_calls", 1),
    ],
)
def test_deepseek_answers_are_those_of_its_page(in_process, body, finish, matched):
    answer = in_process.post(model="deepseek-v4-pro", **body).json()
    jsonschema.validate(answer, PAGE)
    choice = answer["choices"][0]
    assert (choice["finish_reason"], choice["matched_stop"]) == (finish, matched)
    usage = answer["usage"]
    assert usage["prompt_cache_hit_tokens"] + usage["prompt_cache_miss_tokens"] == usage["prompt_tokens"]
    assert ("completion_tokens_details" in usage) == ("thinking" not in body)


def test_deepseek_streams_in_its_accent(in_process):
    text = in_process.post(model="deepseek-v4-pro", messages=WEATHER, tools=[TOOL], **USAGE).text
    frames = chunks(text)
    assert text.startswith(": keep-alive\n\n")
    assert text.endswith("data: [DONE]\n\n")
    assert deltas(frames)[0] == {"role": "assistant", "content": None, "reasoning_content": ""}
    assert deltas(frames)[1]["content"] is None
    first, *later = [delta["tool_calls"][0] for delta in deltas(frames) if "tool_calls" in delta]
    assert (first["type"], first["function"]) == ("function", {"name": "get_weather", "arguments": ""})
    assert all(set(one) == {"index", "function"} and set(one["function"]) == {"arguments"} for one in later)
    assert frames[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert frames[-1]["choices"][0]["matched_stop"] == 1
    assert frames[-1]["usage"]["total_tokens"] > 0
    assert all(frame["usage"] is None for frame in frames[:-1])


def test_qwen_streams_in_its_accent(in_process):
    frames = chunks(in_process.post(model="qwen3.6-flash", messages=WEATHER, tools=[TOOL], **USAGE).text)
    assert [one["id"] for delta in deltas(frames) for one in delta.get("tool_calls", [])][1:] != []
    assert {one["id"] for delta in deltas(frames)[2:] for one in delta.get("tool_calls", [])} == {""}
    assert "finish_reason" not in frames[-3]["choices"][0]
    assert frames[-2]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "tool_calls"}
    assert frames[-1]["choices"] == []
    assert frames[-1]["usage"]["prompt_tokens_details"].keys() == {
        "cached_tokens",
        "text_tokens",
        "image_tokens",
        "video_tokens",
    }


def test_gemini_streams_in_its_accent(in_process):
    frames = chunks(in_process.post(model="gemini-3-pro-preview", messages=BOTH, tools=[TOOL], **USAGE).text)
    opening, arguments = [delta["tool_calls"] for delta in deltas(frames) if "tool_calls" in delta]
    assert ["extra_content" in one for one in opening] == [True, False]
    assert [one["function"]["arguments"] for one in opening] == ["", ""]
    assert arguments[1] == {"index": 1, "type": None, "function": {"arguments": '{"city": "Rome"}'}}
    assert finishes(frames) == ["tool_calls", "stop"]


def test_geminis_unseen_thoughts_are_in_the_total_alone(in_process):
    hidden = in_process.post(model="gemini-2.5-pro", messages=HELLO).json()
    config = {"google": {"thinking_config": {"include_thoughts": True}}}
    shown = in_process.post(model="gemini-2.5-pro", messages=HELLO, extra_body=config).json()
    usage = hidden["usage"]
    assert usage["total_tokens"] > usage["prompt_tokens"] + usage["completion_tokens"]
    assert "reasoning_content" not in hidden["choices"][0]["message"]
    assert shown["choices"][0]["message"]["reasoning_content"]
    assert shown["usage"]["total_tokens"] == usage["total_tokens"]


def test_gemini_makes_n_choices(in_process):
    assert [one["index"] for one in in_process.post(model="gemini-2.5-pro", messages=HELLO, n=2).json()["choices"]] == [
        0,
        1,
    ]
    frames = chunks(in_process.post(model="gemini-2.5-pro", messages=HELLO, n=2, stream=True).text)
    assert {one["index"] for frame in frames for one in frame["choices"]} == {0, 1}


@pytest.mark.parametrize("stream", [False, True])
def test_log_probabilities(in_process, stream):
    body = {"model": "deepseek-v4-pro", "messages": HELLO, "logprobs": True, "top_logprobs": 1, "stream": stream}
    answer = in_process.post(**body)
    frames = chunks(answer.text) if stream else [answer.json()]
    given = [token for frame in frames for token in (frame["choices"][0]["logprobs"] or {"content": []})["content"]]
    assert "".join(token["token"] for token in given).startswith("Hello!")
    assert all(len(token["top_logprobs"]) == 1 for token in given)


def test_a_shared_beginning_is_read_from_the_cache(in_process):
    system = {"role": "system", "content": "Be kind. " * 200}
    first = in_process.post(model="deepseek-v4-flash", messages=[system, *HELLO]).json()["usage"]
    second = in_process.post(model="deepseek-v4-flash", messages=[system, *WEATHER]).json()["usage"]
    assert first["prompt_tokens_details"]["cached_tokens"] == 0
    assert second["prompt_cache_hit_tokens"] >= 384
    assert second["prompt_cache_hit_tokens"] % 128 == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", ["你好 \u2028 🎉 e\u0301", "half a pair: \ud83d"])
def test_any_text_survives(in_process, text, stream):
    in_process.script(Answer(text=text, reasoning=text, pieces=1))
    answer = in_process.post(model="deepseek-v4-pro", messages=HELLO, stream=stream)
    expected = text.encode("utf-8", "replace").decode()
    if stream:
        frames = [json.loads(line[6:]) for line in answer.content.split(b"\n") if line.startswith(b"data: {")]
        assert "".join(delta.get("content") or "" for delta in deltas(frames)) == expected
    else:
        assert answer.json()["choices"][0]["message"]["content"] == expected


def test_minimax_answers_under_another_name(in_process):
    assert in_process.post(model="MiniMax-M2.7", messages=HELLO).json()["model"] == "MiniMax/MiniMax-M2.7"


def test_images_cost_qwen_tokens(in_process):
    parts = [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]
    answer = in_process.post(model="qwen3.6-flash", messages=[{"role": "user", "content": parts}]).json()
    assert answer["usage"]["prompt_tokens_details"]["image_tokens"] > 0
    assert "1 image_url" in answer["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("POST", "/v1/embeddings", 401, "No token provided"),
        ("POST", "/v1/rerank", 404, "Invalid URL (POST /v1/rerank)"),
        ("GET", "/v1/chat/completions", 404, "Invalid URL (GET /v1/chat/completions)"),
        ("POST", "/chat/completions", 200, "<html>"),
        ("GET", "/", 200, "<html>"),
        ("GET", "/v1/models", 401, "No token provided"),
    ],
)
def test_other_paths(served, method, path, status, words):
    answer = httpx.request(method, served.base_url.removesuffix("/v1") + path)
    assert answer.status_code == status
    assert words in answer.text
    assert answer.headers["x-oneapi-request-id"]


def test_the_list_of_models(client):
    listed = {one.id: one for one in client.models.list()}
    assert listed.keys() == MODELS.keys() | EMBEDDERS.keys()
    assert listed["gemini-2.5-pro"].owned_by == "vertex-ai"


@pytest.mark.parametrize("stream", [False, True])
def test_in_process_equals_the_server(stream):
    body = {"model": "deepseek-v4-pro", "messages": WEATHER, "tools": [TOOL], "stream": stream}

    def told(emulator, transport=None):
        with httpx.Client(transport=transport, headers={"Authorization": "Bearer sk-emulator"}) as http:
            answer = http.post(f"{emulator.base_url}/chat/completions", json=body)
        return [frame | {"created": 0} for frame in (chunks(answer.text) if stream else [answer.json()])]

    alone = Emulator()
    with Emulator() as emulator:
        assert told(emulator) == told(alone, alone.transport)


async def test_the_transport_streams_frame_by_frame(in_process):
    headers = {"Authorization": "Bearer sk-emulator"}
    body = {"model": "qwen3.6-flash", "messages": HELLO, "stream": True}
    async with (
        httpx.AsyncClient(transport=in_process.transport, headers=headers) as http,
        http.stream("POST", f"{in_process.base_url}/chat/completions", json=body) as answer,
    ):
        pieces = [piece async for piece in answer.aiter_raw()]
    assert len(pieces) > 10


def test_what_it_received_is_kept_without_the_key(in_process):
    body = {"model": "qwen3.6-flash", "messages": HELLO, "top_p": 3}
    in_process.post(**body)
    assert in_process.requests == [body]
    assert in_process.headers[0]["authorization"] == "[key]"
    assert "sk-emulator" not in json.dumps(in_process.headers)


SCRIPTED_CALL = ToolCall("f", '{"broken', id="mine", extra_content={"a": 1})


@pytest.mark.parametrize("stream", [False, True])
def test_a_script_is_followed(in_process, stream):
    in_process.script("text", Answer(text="a", reasoning="b", finish_reason="content_filter", usage={"x": 1}, pieces=1))
    in_process.script(Answer(tool_calls=[SCRIPTED_CALL]), Answer(text="open", finish_reason=""))
    bodies = [{"model": "deepseek-v4-pro", "messages": HELLO, "stream": stream}] * 4
    if stream:
        bodies = [body | {"stream_options": {"include_usage": True}} for body in bodies]
    answers = [in_process.post(**body) for body in bodies]
    if stream:
        whole = [chunks(answer.text) for answer in answers]
        assert [finishes(frames) for frames in whole] == [["stop"], ["content_filter"], ["tool_calls"], []]
        assert "".join(delta.get("content") or "" for delta in deltas(whole[0])) == "text"
        assert whole[1][-1]["usage"] == {"x": 1}
        assert answers[3].text.endswith("data: [DONE]\n\n")
        return
    choices = [answer.json()["choices"][0] for answer in answers]
    assert [one["finish_reason"] for one in choices] == ["stop", "content_filter", "tool_calls", None]
    assert choices[1]["message"] == {"role": "assistant", "content": "a", "reasoning_content": "b"}
    assert choices[2]["message"]["tool_calls"][0] == {
        "id": "mine",
        "type": "function",
        "function": {"name": "f", "arguments": '{"broken'},
        "extra_content": {"a": 1},
        "index": 0,
    }


@pytest.mark.parametrize(
    ("failure", "status", "headers", "words"),
    [
        (Failure(), 500, {}, '"code": "bad_response_status_code"'),
        (Failure(429, "busy", retry_after=2), 429, {"retry-after": "2"}, "busy (request id: "),
        (Failure(403, "empty", code="insufficient_user_quota", type="t"), 403, {}, '"type": "t"'),
        (Failure(429, body=""), 429, {}, ""),
        (
            Failure(502, body="<html>", headers={"Content-Type": "text/html"}),
            502,
            {"content-type": "text/html"},
            "<html>",
        ),
        (Raw(b'data: {"a": 1}\n\n'), 200, {"content-type": "text/event-stream"}, '{"a": 1}'),
        (Raw([b'{"a"', b": 1}"], status=201, headers={"X-Y": "z"}), 201, {"x-y": "z"}, '{"a": 1}'),
    ],
)
def test_failures_and_recorded_bytes(served, failure, status, headers, words):
    served.script(failure)
    answer = httpx.post(
        f"{served.base_url}/chat/completions",
        headers={"Authorization": "Bearer sk-emulator"},
        json={"model": "qwen3.6-flash", "messages": HELLO},
    )
    assert answer.status_code == status
    assert headers.items() <= answer.headers.items()
    assert words in answer.text
    assert (answer.text == "") == (words == "")


def read_until_cut(answer):
    received = []
    with pytest.raises(httpx.RemoteProtocolError):
        received.extend(answer.iter_raw())  # keeps what it got before the error
    return b"".join(received)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("in_thread", [False, True])
def test_a_connection_breaks_where_it_is_told_to(stream, in_thread):
    emulator = Emulator()
    emulator.script(Answer(text="one two three", cut_after=2))
    if in_thread:
        emulator.start()
    headers = {"Authorization": "Bearer sk-emulator"}
    body = {"model": "qwen3.6-flash", "messages": HELLO, "stream": stream}
    with (
        httpx.Client(transport=None if in_thread else emulator.transport, headers=headers) as http,
        http.stream("POST", f"{emulator.base_url}/chat/completions", json=body) as answer,
    ):
        received = read_until_cut(answer)
    emulator.stop()
    if stream:
        assert received.count(b"data: ") == 2
        assert b'"finish_reason": "stop"' not in received
    else:
        with pytest.raises(ValueError, match="char"):
            json.loads(received)


def test_stopping_leaves_nothing_behind():
    before = set(threading.enumerate())
    emulator = Emulator().start()
    with httpx.Client(headers={"Authorization": "Bearer sk-emulator"}) as http:
        for _ in range(3):
            http.get(f"{emulator.base_url}/models")
        assert emulator.connections == 1
        address = emulator.base_url
        emulator.stop()
    assert set(threading.enumerate()) == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)
    emulator.stop()


def test_stopping_an_idle_server_is_none_of_uvicorns_waits(monkeypatch):
    waited = []
    monkeypatch.setattr(uvicorn.Server, "shutdown", lambda *_, **__: waited.append(1))
    with Emulator() as emulator, httpx.Client() as http:
        assert http.get(f"{emulator.base_url}/models").status_code == 401
        emulator.stop()
    assert not waited


def test_the_body_of_an_answer_does_not_wait_for_the_receipt_of_its_head():
    with Emulator() as emulator:
        assert emulator._server._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_stopping_does_not_wait_for_an_open_stream(caplog):
    emulator = Emulator(delay=30).start()
    headers = {"Authorization": "Bearer sk-emulator"}
    body = {"model": "qwen3.6-flash", "messages": HELLO, "stream": True}
    with httpx.stream("POST", f"{emulator.base_url}/chat/completions", headers=headers, json=body) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b": PING\n\n"
        emulator.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            next(pieces)
    assert not caplog.records


def test_two_serve_side_by_side():
    with Emulator() as one, Emulator(api_key="sk-two") as other:
        assert one.base_url != other.base_url
        assert httpx.get(f"{other.base_url}/models", headers={"Authorization": "Bearer sk-two"}).status_code == 200


async def test_many_requests_at_once(served):
    async with httpx.AsyncClient(headers={"Authorization": "Bearer sk-emulator"}) as http:
        url = f"{served.base_url}/chat/completions"
        body = {"model": "qwen3.6-flash", "messages": HELLO}
        answers = await asyncio.gather(*(http.post(url, json=body) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 20


def test_the_fixture_is_a_running_emulator(anyfast_emulator):
    assert httpx.get(f"{anyfast_emulator.base_url}/models").status_code == 401


def test_the_plugin_imports_no_server():
    code = "import sys, anyfast_emulator.pytest_plugin; print({'starlette', 'uvicorn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 our own
    assert done.stdout.strip() == "set()"


def test_without_the_extra_the_error_names_it():
    code = "import sys; sys.modules['uvicorn'] = None\nfrom anyfast_emulator import Emulator\nEmulator().start()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 our own
    assert 'pip install "anyfast-integrations[emulator]"' in done.stderr


def test_the_command_line_serves():
    command = [sys.executable, "-m", "anyfast_emulator", "--port", "0", "--temperament", "google"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 our own command
        base_url = process.stdout.readline().split()[-1]
        key = process.stdout.readline().split()[-1]
        answer = httpx.get(f"{base_url}/models", headers={"Authorization": f"Bearer {key}"})
        process.terminate()
    assert answer.status_code == 200
    assert all(one["id"].startswith("gemini") for one in answer.json()["data"])
