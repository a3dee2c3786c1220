"""The 26 traps of the gateway's wire, in the order of probability times damage; each survived in both frameworks."""

import json

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from pydantic import BaseModel

from anyfast_emulator import Answer, Emulator, Failure, ToolCall
from anyfast_transport import (
    AnyfastWarning,
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    EmptyAnswerError,
    InvalidResponseError,
    NotFoundError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    UnsupportedParameterError,
)
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM
from tests.parity.through import (
    ASKED,
    OFFERED,
    STREAMED,
    WHOLE,
    Playback,
    both_ways,
    chat_of,
    chunk,
    document,
    events,
    llm_of,
    streamed,
    whole,
)

DONE = document({"content": "Done."})
USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}


def sent(call=None, body=DONE, ways=WHOLE, **fields):
    """What each framework sends."""
    playbacks = [Playback([body]) for _ in ways]
    for ask, playback in zip(ways.values(), playbacks, strict=True):
        answer = ask(playback, call, **fields)
        assert answer.error is None, answer.error
    return [playback.requests[-1] for playback in playbacks]


def sent_history(model, ours, theirs, **fields):
    """The messages that each framework sends of a conversation."""
    playback = Playback([DONE])
    chat_of(playback, model=model, **fields).invoke(ours)
    llm_of(playback, model=model, **fields).chat(theirs)
    return [request["messages"] for request in playback.requests]


def test_trap_01_a_stream_asks_for_usage_or_loses_its_last_frame():
    body = events(chunk({"content": "Hi"}), chunk({}, "stop") | {"usage": USAGE})
    for request in sent(body=body, ways=STREAMED):
        assert request["stream_options"] == {"include_usage": True}
    assert "stream_options" not in sent()[0]
    playback = Playback([body])
    list(chat_of(playback, stream_usage=False).stream("?"))
    assert "stream_options" not in playback.requests[0], "it can be switched off knowingly"


def test_trap_02_a_cut_stream_that_looks_complete_is_an_error():
    body = events(chunk({"content": "Half an"}), {"choices": [], "usage": USAGE})
    for ask in STREAMED.values():
        got = ask(Playback([body]))
        assert isinstance(got.error, StreamInterruptedError)
        assert got.error.partial.choice.text == "Half an"


def test_trap_03_an_error_inside_a_200_is_an_error():
    error = {"error": {"message": "upstream went away", "type": "upstream_error", "code": 502}}
    for ask in STREAMED.values():
        got = ask(Playback([events(chunk({"content": "Half"}), error, {"choices": [], "usage": USAGE})]))
        assert isinstance(got.error, StreamInterruptedError)
        assert isinstance(got.error.error, ServerError)
    for ask in WHOLE.values():
        playback = Playback([json.dumps(error).encode()])
        assert isinstance(ask(playback).error, ServerError)
        assert len(playback.requests) == 1


def test_trap_04_deepseek_gets_its_reasoning_back_byte_for_byte():
    reasoning = " First\n\tthe city. \u3000"
    first = document({"content": "Hm.", "reasoning_content": reasoning})
    for model, back in (("deepseek-v4-pro", reasoning), ("doubao-seed-evolving", None)):
        answer = chat_of(Playback([first]), model=model).invoke("?")
        response = llm_of(Playback([first]), model=model).chat(ASKED)
        ours = [HumanMessage("?"), answer, HumanMessage("And?")]
        theirs = [*ASKED, response.message, ChatMessage(role="user", content="And?")]
        for messages in sent_history(model, ours, theirs):
            assert messages[1].get("reasoning_content") == back
            assert messages[1]["content"] == "Hm."
    ours = [HumanMessage("?"), AIMessage("Hm."), HumanMessage("And?")]
    theirs = [*ASKED, ChatMessage(role="assistant", content="Hm."), ChatMessage(role="user", content="And?")]
    for messages in sent_history("deepseek-v4-pro", ours, theirs):
        assert messages[1]["reasoning_content"] == " ", "a turn without any has a placeholder"


class City(BaseModel):
    """A city."""

    name: str


@pytest.mark.parametrize("model", ["deepseek-v4-pro", "qwen3.6-flash", "kimi-k2.6"])
def test_trap_05_a_thinking_model_is_never_forced_to_call(model):
    forced = {**OFFERED, "tool_choice": "get_weather"}
    for ask in WHOLE.values():
        playback = Playback([DONE])
        with pytest.warns(AnyfastWarning, match="refuses a forced tool_choice"):
            ask(playback, forced, model=model, thinking=True)
        assert "tool_choice" not in playback.requests[0]
    playback = Playback([document({"content": '{"name": "Paris"}'})])
    assert chat_of(playback, model=model, thinking=True).with_structured_output(City).invoke("?") == City(name="Paris")
    assert playback.requests[0].get("tool_choice") in (None, "auto")


SHAPES = {
    "id empty later": [
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "id": "", "function": {"arguments": '{"x": 1}'}},
    ],
    "id null later, name null": [
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}},
        {"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": ": 1}"}},
    ],
    "no index": [{"id": "a", "function": {"name": "f", "arguments": '{"x": 1}'}}],
    "index null": [{"index": None, "id": "a", "function": {"name": "f", "arguments": '{"x": 1}'}}],
    "name repeated": [
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}},
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": ": 1}"}},
    ],
    "arguments null": [
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": None}},
        {"index": 0, "function": {"arguments": '{"x": 1}'}},
    ],
    "an object": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}}],
    "an index that changes": [
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}},
        {"index": 1, "id": "a", "function": {"arguments": ": 1}"}},
    ],
}


@pytest.mark.parametrize("entries", SHAPES.values(), ids=SHAPES)
def test_trap_06_whatever_a_tool_delta_looks_like(entries):
    for deltas in ([{"tool_calls": [entry]} for entry in entries], [{"tool_calls": entries}]):
        for got in streamed({"role": "assistant", "tool_calls": None}, *deltas, finish="tool_calls"):
            assert [call[:3] for call in got.calls] == [("a", "f", {"x": 1})]


def test_trap_06_several_calls_under_one_index_or_without_ids():
    same = [{"index": 0, "id": name, "function": {"name": "f", "arguments": json.dumps({"x": name})}} for name in "ab"]
    glued = [{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x": "a"}{"x": "b"}'}}]
    nameless = [
        {"index": 0, "id": "", "function": {"name": "f", "arguments": json.dumps({"x": name})}} for name in "ab"
    ]
    for got in streamed({"tool_calls": glued}, finish="tool_calls"):
        assert [call[2] for call in got.calls] == [None], "nobody can tell what the second object is"
    for entries in (same, nameless):
        for got in streamed(*({"tool_calls": [entry]} for entry in entries), finish="tool_calls"):
            assert [call[1:3] for call in got.calls] == [("f", {"x": "a"}), ("f", {"x": "b"})]
            assert len({call[0] for call in got.calls}) == 2
            assert all(call[0] for call in got.calls)


def test_trap_07_finish_reasons_that_lie():
    call = [{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x": 1}'}}]
    body = events(chunk({"tool_calls": call}), chunk({}, "tool_calls"), chunk({}, "stop"))
    for ask in STREAMED.values():
        got = ask(Playback([body]))
        assert (got.finish_reason, [one[2] for one in got.calls]) == ("stop", [{"x": 1}])
    for arguments in ("", '{"x": "half', "{"):
        cut = [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}]
        for got in both_ways({"tool_calls": cut}, "length"):
            assert [one[2] for one in got.calls] == [None]
    for got in both_ways({"tool_calls": call}, "length"):
        assert [one[2] for one in got.calls] == [{"x": 1}], "whole arguments under length are whole"


def test_trap_08_matched_stop_is_an_int_and_details_are_null():
    last = chunk({}, "stop") | {"usage": {**USAGE, "prompt_tokens_details": None, "reasoning_tokens": 0}}
    last["choices"][0]["matched_stop"] = 1
    first = chunk({"role": None, "content": "Hi", "tool_calls": None}) | {"usage": None}
    chat, llm = chat_of(Playback([events(first, last)])), llm_of(Playback([events(first, last)]))
    total = next(chunks := chat.stream("?"))
    for one in chunks:
        total += one
    assert total.response_metadata["matched_stop"] == 1
    assert list(llm.stream_chat(ASKED))[-1].additional_kwargs["matched_stop"] == 1


def test_trap_09_error_bodies_of_any_shape():
    request_id = "202611211215abcdef"
    bodies = [
        json.dumps({"error": {"message": f"Wrong (request id: {request_id})", "code": 400, "type": ""}}),
        json.dumps({"code": "x", "message": json.dumps({"error": {"message": f"Wrong (request id: {request_id})"}})}),
        json.dumps({"error": f"Wrong (request id: {request_id})"}),
    ]
    for body in bodies:
        for ask in (*WHOLE.values(), *STREAMED.values()):
            error = ask(Playback([body.encode()], 400)).error
            assert isinstance(error, BadRequestError)
            assert "Wrong" in str(error)
            assert error.request_id == request_id
    for status, body, kind in (
        (429, b"", RateLimitError),
        (502, b"<html>", ServerError),
        (200, b"<html>", InvalidResponseError),
    ):
        for ask in WHOLE.values():
            assert isinstance(ask(Playback([body], status)).error, kind)
    got = WHOLE["ChatAnyfast.invoke"](Playback([b"<html>"], 200))
    assert "base_url" in str(got.error)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (503, "model_not_found", NotFoundError),
        (403, "insufficient_user_quota", QuotaExceededError),
        (401, "pre_consume_token_quota_failed", QuotaExceededError),
        (500, "convert_request_failed", BadRequestError),
        (401, "invalid_api_key", AuthenticationError),
    ],
)
def test_trap_10_the_status_is_not_the_meaning(status, code, kind):
    body = json.dumps({"error": {"message": "No.", "type": "new_api_error", "code": code}}).encode()
    for ask in (*WHOLE.values(), *STREAMED.values()):
        playback = Playback([body], status)
        assert isinstance(ask(playback, max_retries=2).error, kind)
        assert len(playback.requests) == 1, "none of these gets better when it is sent again"


def test_trap_11_frames_without_choices_and_usage_in_several_places():
    nothing = {"id": "", "created": 0, "model": "", "choices": [], "usage": None}
    hidden = {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}
    body = events(nothing, chunk({"content": "Hi"}), chunk({}, "stop") | {"usage": hidden}, nothing | {"usage": hidden})
    for ask in STREAMED.values():
        usage = ask(Playback([body])).usage
        assert usage == {"input": 35, "output": 12, "total": 109, "cached": None, "reasoning": None}


SPELLINGS = {
    "deepseek-v4-pro": ({"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}),
    "qwen3.6-flash": ({"enable_thinking": True}, {"enable_thinking": False}),
    "doubao-seed-evolving": ({"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}),
    "gemini-2.5-pro": (
        {"extra_body": {"google": {"thinking_config": {"include_thoughts": True}}}},
        {"reasoning_effort": "none"},
    ),
}


@pytest.mark.parametrize("model", SPELLINGS)
def test_trap_12_thinking_is_spelled_as_the_family_wants_it(model):
    on, off = SPELLINGS[model]
    for wanted, fields in ((True, on), (False, off)):
        for request in sent(model=model, thinking=wanted):
            assert {key: request.get(key) for key in fields} == fields
    for request in sent(model=model, thinking=False, reasoning_effort="high"):
        assert request.get("reasoning_effort") in (None, "none"), "no effort while thinking is off"
    assert sent(model="qwen3.6-flash")[0]["enable_thinking"] is False, "always said, since upstreams differ"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("deepseek-v4-pro", "max_tokens"),
        ("qwen3.6-flash", "max_completion_tokens"),
        ("kimi-k2.6", "max_completion_tokens"),
    ],
)
def test_trap_13_the_length_has_the_familys_name_and_never_two(model, name):
    for request in sent(model=model, max_tokens=50):
        assert {key: value for key, value in request.items() if key.startswith("max_")} == {name: 50}


def test_trap_14_an_answer_that_reasoning_ate_is_told():
    for ask in (*WHOLE.values(), *STREAMED.values()):
        body = document({"content": "", "reasoning_content": "Hm."}, "length")
        assert isinstance(ask(Playback([body]), on_empty="raise").error, EmptyAnswerError)
        with pytest.warns(AnyfastWarning, match="The answer is empty"):
            got = ask(Playback([body]), on_empty="warn")
        assert (got.text, got.reasoning, got.finish_reason) == ("", "Hm.", "length")
    assert "max_tokens" not in sent()[0], "nothing is said about the length unless the user does"


def test_trap_15_keep_alives():
    for before in (b"\n\n", b"\r\n"):
        for ask in WHOLE.values():
            assert ask(Playback([before, before, before + DONE])).text == "Done."
    body = events(b": PING\n\n", chunk({"content": "Hi"}), b": keep-alive\n\n", chunk({}, "stop"))
    for ask in STREAMED.values():
        assert ask(Playback([b"\n", body])).text == "Hi"
    assert ChatAnyfast(model="m").timeout == AnyfastLLM(model="m", context_window=1).timeout == 600


def test_trap_16_stop_is_a_list_and_not_too_long():
    for request in sent(model="qwen3.6-flash", stop="END"):
        assert request["stop"] == ["END"]
    for ask in WHOLE.values():
        playback = Playback([DONE])
        assert isinstance(
            ask(playback, model="deepseek-v4-pro", stop=list("abcdefghijklmnopq")).error, UnsupportedParameterError
        )
        assert playback.requests == []


def test_trap_17_reasoning_elsewhere():
    for message in (
        {"reasoning": "Hm."},
        {"reasoning_details": [{"text": "Hm."}]},
        {"content": "<think>\nHm.\n</think>\n\nHi"},
    ):
        for got in [*whole({"content": "Hi"} | message), *streamed({"role": None, "reasoning_content": ""}, message)]:
            assert got.reasoning == "Hm."
            assert "Hm." not in got.text


def test_trap_18_images_of_megabytes_in_one_line_and_signatures():
    url = "data:image/png;base64," + "A" * 3_000_000
    for ask in STREAMED.values():
        got = ask(Playback([events(chunk({"content": f"Here:\n![image]({url})"}), chunk({}, "stop"))]))
        assert (got.text, got.images) == ("Here:\n", 1)
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    signed = {**call, "extra_content": {"google": {"thought_signature": "c2ln"}}}
    first = document({"content": "", "tool_calls": [signed]})
    answer = chat_of(Playback([first])).invoke("?")
    response = llm_of(Playback([first])).chat(ASKED)
    ours = [HumanMessage("?"), answer, ToolMessage("1", tool_call_id="a")]
    theirs = [*ASKED, response.message, ChatMessage(role="tool", content="1", additional_kwargs={"tool_call_id": "a"})]
    for messages in sent_history("gemini-3-pro-preview", ours, theirs):
        assert messages[1]["tool_calls"] == [signed]


def test_trap_19_what_is_given_is_sent_and_extra_body_has_the_last_word():
    for request in sent(model="deepseek-v4-pro", temperature=0, top_p=0):
        assert (request["temperature"], request["top_p"]) == (0, 0)
    for request in sent(
        model="deepseek-v4-pro", temperature=0, extra_body={"temperature": 1, "preserve_thinking": True}
    ):
        assert (request["temperature"], request["preserve_thinking"]) == (1, True)


def test_trap_20_a_text_model_is_not_shown_images():
    url = "https://example.com/photo.jpg"
    picture = [{"type": "text", "text": "What is this?"}, {"type": "image", "url": url}]
    blocks = [TextBlock(text="What is this?"), ImageBlock(url=url)]
    playback = Playback([DONE])
    with pytest.raises(UnsupportedParameterError, match="image_url"):
        chat_of(playback, model="deepseek-v4-pro").invoke([HumanMessage(picture)])
    with pytest.raises(UnsupportedParameterError, match="image_url"):
        llm_of(playback, model="deepseek-v4-pro").chat([ChatMessage(role="user", blocks=blocks)])
    assert playback.requests == []
    two = [HumanMessage([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])]
    theirs = [ChatMessage(role="user", blocks=[TextBlock(text="a"), TextBlock(text="b")])]
    assert [messages[0]["content"] for messages in sent_history("deepseek-v4-pro", two, theirs)] == ["a\nb", "a\nb"]


def test_trap_21_json_mode_has_its_word_and_forgives_fences():
    for request in sent(model="deepseek-v4-pro", response_format={"type": "json_object"}):
        assert "json" in str(request["messages"]).lower()
    playback = Playback([document({"content": 'Here:\n```json\n{"name": "Paris"}\n```'})])
    chat = chat_of(playback, model="deepseek-v4-pro", thinking=True)
    assert chat.with_structured_output(City).invoke("?") == City(name="Paris")
    assert playback.requests[0].get("response_format", {}).get("type") != "json_schema"


def test_trap_22_the_model_that_answers_may_have_another_name():
    for named in ("MiniMax/MiniMax-M2.7", "", None):
        body = document({"content": "Hi"}, model=named, system_fingerprint=None, id="")
        chat, llm = chat_of(Playback([body]), model="MiniMax-M2.7"), llm_of(Playback([body]), model="MiniMax-M2.7")
        assert chat.invoke("?").response_metadata.get("model_name") == (named or None)
        assert llm.chat(ASKED).additional_kwargs.get("model_name") == (named or None)
        assert (chat.model, llm.model) == ("MiniMax-M2.7", "MiniMax-M2.7")


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://www.anyfast.ai", "https://www.anyfast.ai/v1"),
        ("https://www.anyfast.ai/v1/", "https://www.anyfast.ai/v1"),
        ("https://www.anyfast.com.cn/v1/chat/completions", "https://www.anyfast.com.cn/v1"),
        ("https://ark.example/api/v3", "https://ark.example/api/v3"),
    ],
)
def test_trap_23_base_urls_and_keys_as_people_paste_them(given, url):
    playback = Playback([DONE])
    asked = []
    playback_answer = playback.fields()["http_client"]
    playback_answer.event_hooks = {"request": [lambda request: asked.append(str(request.url))]}
    for model in (ChatAnyfast, AnyfastLLM):
        more = {} if model is ChatAnyfast else {"context_window": 1}
        llm = model(model="m", base_url=given, api_key="no-key-needed", http_client=playback_answer, **more)
        llm.invoke("?") if model is ChatAnyfast else llm.chat(ASKED)
    assert asked == [f"{url}/chat/completions"] * 2
    for ask in WHOLE.values():
        unused = Playback([DONE])
        assert isinstance(ask(unused, api_key="Bearer no-key-needed").error, AuthenticationError)
        assert unused.requests == []
        moved = Playback([b""], 302, {"location": "https://elsewhere.invalid/"})
        assert ask(moved).error is not None
        assert len(moved.requests) == 1, "the key does not follow a redirect"


def test_trap_24_a_model_id_is_never_checked_against_a_list():
    for model in ("some-model-of-tomorrow", "gpt-5-2", "gpt-5.2-chat-latest", "ep-20260101"):
        assert [request["model"] for request in sent(model=model)] == [model, model]
    refused = json.dumps(
        {"error": {"message": "This model is only served on /v1/responses", "code": "invalid_request"}}
    )
    for ask in WHOLE.values():
        error = ask(Playback([refused.encode()], 400)).error
        assert isinstance(error, BadRequestError)
        assert "/v1/responses" in str(error)


def test_trap_25_nothing_is_sent_again_once_the_answer_has_begun():
    class Breaking(httpx.SyncByteStream):
        def __iter__(self):
            yield events(chunk({"content": "Half"}), done=False)
            raise httpx.ReadError("reset")

    asked = []

    def answer(request):
        asked.append(request)
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Breaking())

    client = httpx.Client(transport=httpx.MockTransport(answer))
    for ask in STREAMED.values():
        got = ask(Playback([]), http_client=client, max_retries=2)
        assert isinstance(got.error, (StreamInterruptedError, APIConnectionError))
        assert got.text == "Half"
    assert len(asked) == 2
    assert ChatAnyfast(model="m").max_retries == AnyfastLLM(model="m", context_window=1).max_retries == 2


def test_trap_26_empty_tool_results_and_ids_that_are_used_again():
    call = {"name": "get_weather", "args": {"city": "Paris"}, "id": "get_weather_0"}
    ours = [HumanMessage("?")]
    for _ in range(2):
        ours += [AIMessage("", tool_calls=[call]), ToolMessage("", tool_call_id="get_weather_0")]
    playback = Playback([DONE])
    chat_of(playback, model="deepseek-v4-pro").invoke(ours)
    messages = playback.requests[0]["messages"]
    results = [one for one in messages if one["role"] == "tool"]
    assert [one["content"] for one in results] == ["", ""]
    called = [one["tool_calls"][0]["id"] for one in messages if one.get("tool_calls")]
    assert called == [one["tool_call_id"] for one in results]
    broken = chat_of(
        Playback([document({"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{oops"}}]})])
    ).invoke("?")
    chat_of(playback, model="gemini-3-pro-preview").invoke(
        [HumanMessage("?"), broken, ToolMessage("no", tool_call_id="a")]
    )
    arguments = playback.requests[1]["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert isinstance(json.loads(arguments), dict), "Gemini takes nothing but an object back"


def test_the_emulator_falls_into_none_of_them():
    """The same over a socket, where the gateway looks at what it is sent."""
    with Emulator() as emulator:
        emulator.script(
            Answer(reasoning="Hm.", tool_calls=[ToolCall("get_weather", {"city": "Paris"})]),
            Failure(503, "busy"),
            Answer(reasoning="So.", text="Sunny."),
        )
        fields = {"model": "deepseek-v4-pro", "base_url": emulator.base_url, "api_key": emulator.api_key}
        chat = ChatAnyfast(**fields)
        first = chat.invoke("?", **OFFERED)
        result = ToolMessage("sunny", tool_call_id=first.tool_calls[0]["id"])
        assert chat.invoke([HumanMessage("?"), first, result], **OFFERED).text == "Sunny."
