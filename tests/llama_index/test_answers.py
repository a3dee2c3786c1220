"""What we make of answers: the same bytes, by all four ways."""

import json

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ThinkingBlock, ToolCallBlock
from llama_index.core.memory import ChatMemoryBuffer

from anyfast_emulator import Answer, Raw, ToolCall
from anyfast_transport import (
    AnyfastError,
    AnyfastWarning,
    APIConnectionError,
    EmptyAnswerError,
    InvalidResponseError,
    RateLimitError,
    StreamInterruptedError,
)
from llama_index_anyfast.messages import encode_messages

USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


def stream_of(*deltas: dict, finish: str | None = "stop", usage: dict | None = USAGE, done: bool = True) -> Raw:
    """Recorded bytes of a stream whose events have these deltas."""
    events: list[dict] = [{"id": "c1", "model": "m-1", "choices": [{"index": 0, "delta": d}]} for d in deltas]
    if finish:
        events.append({"id": "c1", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    if usage:
        events.append({"id": "c1", "choices": [], "usage": usage})
    return Raw([b"data: " + json.dumps(e).encode() + b"\n\n" for e in events] + [b"data: [DONE]\n\n"] * done)


def whole(message: dict, finish: str = "stop", usage: dict | None = USAGE) -> Raw:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return Raw(json.dumps({"id": "c1", "model": "m-1", "choices": [choice], "usage": usage}).encode())


def call(index=None, call_id=None, name=None, arguments="", **more) -> dict:
    entry = {"function": {"name": name, "arguments": arguments}, "id": call_id, "index": index, **more}
    return {"tool_calls": [{key: value for key, value in entry.items() if value is not None}]}


STREAMS = {
    "reasoning in the first chunk, beside a null content": (
        [
            {"role": "assistant", "content": None, "reasoning_content": "A"},
            {"reasoning_content": "B"},
            {"content": "C"},
        ],
        "AB",
        "C",
        [],
    ),
    "reasoning under its other name": ([{"reasoning": "A"}, {"content": "C"}], "A", "C", []),
    "text before a call": (
        [{"content": "I add."}, call(0, "x", "add", '{"a": '), call(0, None, None, "1}")],
        "",
        "I add.",
        [("add", {"a": 1})],
    ),
    "two calls in one chunk": (
        [{"tool_calls": [call(0, "x", "add", "{}")["tool_calls"][0], call(1, "y", "sub", "{}")["tool_calls"][0]]}],
        "",
        "",
        [("add", {}), ("sub", {})],
    ),
    "two calls, both of index 0": (
        [call(0, "x", "add", '{"a": 1}'), call(0, "y", "add", '{"a": 2}')],
        "",
        "",
        [("add", {"a": 1}), ("add", {"a": 2})],
    ),
    "no index at all": (
        [call(None, "x", "add", '{"a"'), call(None, None, None, ": 1}"), call(None, "y", "sub", "{}")],
        "",
        "",
        [("add", {"a": 1}), ("sub", {})],
    ),
    "name and id repeated": (
        [call(0, "x", "add", '{"a"'), call(0, "x", "add", ": 1}"), call(1, "y", "sub", "{}")],
        "",
        "",
        [("add", {"a": 1}), ("sub", {})],
    ),
    "interleaved": (
        [call(0, "x", "add", '{"a"'), call(1, "y", "sub", "{"), call(0, None, None, ": 1}"), call(1, None, None, "}")],
        "",
        "",
        [("add", {"a": 1}), ("sub", {})],
    ),
    "ids are null": ([call(0, None, "add", "{}"), call(1, None, "sub", "{}")], "", "", [("add", {}), ("sub", {})]),
}


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
@pytest.mark.parametrize(("deltas", "reasoning", "text", "calls"), STREAMS.values(), ids=STREAMS)
async def test_streams(way, deltas, reasoning, text, calls, ask_all, make, emulator, user):
    emulator.script(stream_of(*deltas, finish="tool_calls" if calls else "stop"))
    llm = make()
    responses = await ask_all[way](llm, [user()])
    last = responses[-1]
    assert "".join(response.delta for response in responses) == text
    assert "".join(r.additional_kwargs["thinking_delta"] or "" for r in responses) == reasoning
    assert [b.content for b in last.message.blocks if isinstance(b, ThinkingBlock)] == [reasoning] * bool(reasoning)
    assert (last.message.content or "") == text
    selected = llm.get_tool_calls_from_response(last, error_on_no_tool_call=False)
    assert [(one.tool_name, one.tool_kwargs) for one in selected] == calls
    assert len({one.tool_id for one in selected} - {""}) == len(calls)
    assert last.raw["usage"] == USAGE
    for earlier in responses[:-1]:
        assert llm.get_tool_calls_from_response(earlier) == []
        for block in earlier.message.blocks:
            assert not isinstance(block, ToolCallBlock) or isinstance(block.tool_kwargs, str)


async def test_a_call_grows_under_one_id(make, emulator, user):
    emulator.script(stream_of(call(0, None, "add", '{"a"'), call(0, None, None, ": 1}"), finish="tool_calls"))
    responses = list(make().stream_chat([user()]))
    blocks = [response.message.blocks[0] for response in responses]
    assert [block.tool_kwargs for block in blocks] == ['{"a"', '{"a": 1}', {"a": 1}]
    assert len({block.tool_call_id for block in blocks}) == 1
    legacy = [response.message.additional_kwargs["tool_calls"][0] for response in responses]
    assert [one["function"]["arguments"] for one in legacy] == ['{"a"', '{"a": 1}', '{"a": 1}']
    assert {one["id"] for one in legacy} == {blocks[0].tool_call_id}


CUT = {
    "cut off": ('{"amount": 100', "length", "cut off by the token limit. Raise max_tokens"),
    "cut off before the first": ("", "length", "cut off by the token limit"),
    "no JSON": ("amount=100", "tool_calls", "not a JSON object"),
    "a list": ("[100]", "tool_calls", "not a JSON object"),
}


@pytest.mark.parametrize(("arguments", "finish", "why"), CUT.values(), ids=CUT)
async def test_unreadable_calls_are_never_executed(arguments, finish, why, ask, make, emulator, user):
    emulator.script(Answer(tool_calls=[ToolCall("pay", arguments, id="call_1")], finish_reason=finish))
    llm = make()
    last = (await ask(llm, [user()]))[-1]
    [block] = [block for block in last.message.blocks if isinstance(block, ToolCallBlock)]
    assert block.tool_kwargs == arguments
    assert list(last.additional_kwargs["invalid_tool_calls"]) == ["call_1"]
    for needed in (True, False):
        with pytest.raises(InvalidResponseError, match=f"'pay'.*{why}"):
            llm.get_tool_calls_from_response(last, error_on_no_tool_call=needed)


def test_an_unnamed_call_is_not_executed(make, emulator, user):
    emulator.script(whole(call(0, "x", "", "{}"), finish="tool_calls"))
    llm = make()
    with pytest.raises(InvalidResponseError, match="names no tool"):
        llm.get_tool_calls_from_response(llm.chat([user()]))


def test_no_call_where_one_is_needed(make, emulator, user):
    llm = make()
    emulator.script("I would rather not.")
    with pytest.raises(InvalidResponseError, match="I would rather not"):
        llm.get_tool_calls_from_response(llm.chat([user()]))


async def test_extras_of_calls_and_messages_come_back_on_them(ask, make, emulator, user):
    signature = {"google": {"thought_signature": "sig"}}
    emulator.script(Answer(tool_calls=[ToolCall("add", {"a": 1}, extra_content=signature), ToolCall("sub")]))
    message = (await ask(make("gemini-2.5-pro"), [user()]))[-1].message
    copied = ChatMessage.model_validate_json(message.model_dump_json())
    memory = ChatMemoryBuffer.from_defaults(chat_history=[user(), copied], token_limit=10_000)
    [wire] = encode_messages(memory.get()[1:])
    assert wire["tool_calls"][0]["extra_content"] == signature
    assert "extra_content" not in wire["tool_calls"][1]


async def test_reasoning_survives_dumps_and_memory(ask, make, emulator, user):
    emulator.script(Answer(text="C", reasoning=" A\n\nB "))
    message = (await ask(make(), [user()]))[-1].message
    copied = ChatMessage.model_validate_json(message.model_dump_json())
    memory = ChatMemoryBuffer.from_defaults(chat_history=[user(), copied], token_limit=10_000)
    assert encode_messages(memory.get())[-1] == {"role": "assistant", "content": "C", "reasoning_content": " A\n\nB "}


@pytest.mark.parametrize("way", ["chat", "stream_chat"])
async def test_images_that_the_model_made(way, ask_all, make, emulator, user):
    images = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
        {"type": "image_url", "image_url": {"url": "https://example.com/i.png"}},
    ]
    message = {"content": "Look:", "images": images}
    emulator.script(whole(message) if way == "chat" else stream_of(message))
    responses = await ask_all[way](make(), [user()])
    for response in responses:
        text, inline, linked = response.message.blocks
        assert isinstance(text, TextBlock)
        assert isinstance(inline, ImageBlock)
        assert (inline.image, inline.image_mimetype) == (b"iVBORw0KGgo=", "image/png")
        assert inline.inline_url() == images[0]["image_url"]["url"]
        assert str(linked.url) == images[1]["image_url"]["url"]


async def test_a_refusal_is_the_text(ask, make, emulator, user):
    refused = {"content": None, "refusal": "I will not."}
    emulator.script(stream_of(refused) if "stream" in ask.__name__ else whole(refused))
    responses = await ask(make(), [user()])
    assert responses[-1].message.content == "I will not."
    assert responses[-1].message.additional_kwargs["refusal"] == "I will not."


async def test_log_probabilities(ask, make, emulator, user):
    token = {"token": "Hi", "logprob": -0.1, "bytes": None, "top_logprobs": []}
    other = {"token": "!", "logprob": -0.2, "top_logprobs": [{"token": "!", "logprob": -0.2}, {"token": "?"}]}
    told = {"content": [token, other]}
    event = {"choices": [{"index": 0, "delta": {"content": "Hi!"}, "logprobs": told, "finish_reason": "stop"}]}
    answer = {"choices": [{"message": {"content": "Hi!"}, "logprobs": told, "finish_reason": "stop"}]}
    streams = "stream" in ask.__name__
    emulator.script(Raw(b"data: " + json.dumps(event).encode() + b"\n\n" if streams else json.dumps(answer).encode()))
    response = (await ask(make(), [user()], logprobs=True))[-1]
    assert [[one.token for one in alike] for alike in response.logprobs] == [["Hi"], ["!", "?"]]


async def test_usage_that_did_not_come_is_none(ask, make, emulator, user):
    emulator.script(
        stream_of({"content": "Hi"}, usage=None) if "stream" in ask.__name__ else whole({"content": "Hi"}, usage=None)
    )
    response = (await ask(make(), [user()]))[-1]
    assert response.raw["usage"] is None
    assert "prompt_tokens" not in response.additional_kwargs


async def test_details_of_usage(ask, make, emulator, user):
    usage = {
        **USAGE,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    emulator.script(Answer(text="Hi", reasoning="Hm", usage=usage))
    response = (await ask(make(), [user()]))[-1]
    assert response.additional_kwargs.items() >= {"reasoning_tokens": 4, "cached_tokens": 3}.items()
    assert response.message.blocks[0].num_tokens == 4


EATEN = Answer(reasoning="Hm, hm, hm", finish_reason="length")


async def test_an_answer_that_reasoning_ate_warns(ask, make, emulator, user):
    emulator.script(EATEN)
    with pytest.warns(AnyfastWarning, match="max_tokens"):
        response = (await ask(make(), [user()]))[-1]
    assert response.message.content == ""
    assert response.message.blocks[0].content == "Hm, hm, hm"


async def test_an_answer_that_reasoning_ate_raises_if_wanted(ask, make, emulator, user):
    emulator.script(EATEN, EATEN)
    with pytest.raises(EmptyAnswerError):
        await ask(make(on_empty="raise"), [user()])
    assert (await ask(make(), [user()], on_empty="keep"))[-1].message.content == ""


FAILURES = {
    "an error inside a 200": (Raw(b'{"error": {"message": "slow down", "code": 429}}'), RateLimitError),
    "a page": (Raw(b"<html></html>"), InvalidResponseError),
    "no choices": (Raw(b'{"choices": null}'), InvalidResponseError),
    "an error event": (Raw(b'data: {"error": {"message": "slow down", "code": 429}}\n\n'), RateLimitError),
    "an error event behind text": (
        Raw(b'data: {"choices": [{"delta": {"content": "Hi"}}]}\n\ndata: {"error": {"message": "slow down"}}\n\n'),
        StreamInterruptedError,
    ),
    "no end": (stream_of({"content": "Hi"}, finish=None), StreamInterruptedError),
    "an empty stream": (Raw(b"data: [DONE]\n\n"), StreamInterruptedError),
    "a cut connection": (Answer(text="Hello, world", cut_after=1), (StreamInterruptedError, APIConnectionError)),
}


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
@pytest.mark.parametrize(("answer", "error"), FAILURES.values(), ids=FAILURES)
async def test_failures_of_streams(way, answer, error, ask_all, make, emulator, user):
    emulator.script(answer)
    with pytest.raises(error) as raised:
        await ask_all[way](make(), [user()])
    assert isinstance(raised.value, AnyfastError)
    assert not isinstance(raised.value, ValueError | TypeError)
    assert emulator.api_key not in repr(raised.value)
