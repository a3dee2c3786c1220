"""Native v3 events: in LangChain's own order, and adding up to the message that invoke gives."""

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import ModelError
from langchain_core.messages import HumanMessage
from langchain_tests.utils.stream_lifecycle import assert_valid_event_stream

from anyfast_emulator.answers import Answer, ToolCall
from anyfast_transport import StreamInterruptedError

pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta")

CALLS = [ToolCall("look", {"city": "北京", "n": [1, {"a": None}]}, id="x"), ToolCall("now", {}, id="y")]
SAID = {
    "text": Answer("Grüße, 世界 𝄞", pieces=3),
    "reasoning and text": Answer("answer", reasoning="  thought\n", pieces=2),
    "calls": Answer(tool_calls=CALLS),
    "all of it": Answer("a", reasoning="b", tool_calls=CALLS),
    "cut text": Answer("a", finish_reason="length"),
    "a broken call": Answer("a", tool_calls=[ToolCall("look", '{"city": ', id="x")], finish_reason="length"),
    "no usage": Answer("a", usage={}),
    "reasoning alone": Answer(reasoning="b"),
    "nothing": Answer(),
}
MODELS = {"deepseek-v4-pro": True, "deepseek-v4-flash": False, "qwen3.6-flash": True, "doubao-seed-evolving": True}


def said_by(message):
    return {
        "blocks": [{k: v for k, v in block.items() if k != "index"} for block in message.content_blocks],
        "kwargs": message.additional_kwargs,
        "calls": message.tool_calls,
        "invalid": [(one["id"], one["name"], one["args"], one["error"]) for one in message.invalid_tool_calls],
        "usage": message.usage_metadata,
        "metadata": {
            key: value
            for key, value in message.response_metadata.items()
            if key not in {"id", "request_id", "created", "output_version"}
        },
    }


@pytest.mark.parametrize(("model", "thinking"), MODELS.items())
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
async def test_the_events_add_up_to_the_message_of_invoke(chat, emulator, model, thinking, said):
    emulator.script(*[said] * 3)
    llm = chat(model, thinking=thinking, on_empty="keep", split_think_tags=False)
    expected = llm.invoke("hi")
    stream, asynchronous = llm.stream_events("hi", version="v3"), await llm.astream_events("hi", version="v3")
    for events, output in (
        (list(stream), stream.output),
        ([event async for event in asynchronous], await asynchronous.output),
    ):
        assert_valid_event_stream(events)
        assert said_by(output) == said_by(expected)
        assert output.id.startswith("lc_run--")


async def test_reasoning_is_finished_before_text_begins(chat, emulator):
    emulator.script(Answer("answer", reasoning="thought", tool_calls=CALLS[:1], pieces=3))
    events = list(chat().stream_events("hi", version="v3"))
    told = [
        (event["event"].removeprefix("content-block-"), (event.get("content") or event["delta"])["type"])
        for event in events
        if "index" in event
    ]
    kinds = [one for one in told if one != ("delta", "tool-call-delta")]
    assert kinds == [
        ("start", "reasoning"),
        *[("delta", "reasoning-delta")] * 3,
        ("finish", "reasoning"),
        ("start", "text"),
        *[("delta", "text-delta")] * 2,
        ("start", "tool_call_chunk"),
        ("finish", "text"),
        ("finish", "tool_call"),
    ]
    arguments = "".join(event["delta"]["args"] for event in events if "args" in event.get("delta", {}))
    assert arguments == '{"city": "北京", "n": [1, {"a": null}]}'
    assert events[0]["metadata"] == {"provider": "anyfast", "model": "deepseek-v4-pro"}


async def test_a_message_has_langchains_id_and_the_servers_is_in_the_metadata(chat, emulator):
    stream = chat().stream_events("hi", version="v3")
    with_id = await (await chat().astream_events("hi", version="v3")).output
    for message in (stream.output, with_id):
        assert message.id.startswith("lc_run--")
        assert message.response_metadata["id"]


class Tokens(BaseCallbackHandler):
    def __init__(self):
        self.tokens = []

    def on_llm_new_token(self, token, **_):
        self.tokens.append(token)


def test_callbacks_hear_each_token(chat, emulator):
    emulator.script(Answer("abcdef", pieces=2))
    heard = Tokens()
    list(chat().stream_events("hi", {"callbacks": [heard]}, version="v3"))
    assert [token for token in heard.tokens if token] == ["ab", "cd", "ef"]


async def test_errors_are_typed_here_too(chat, emulator):
    emulator.script(*[Answer("abcdef", pieces=2, cut_after=2)] * 2)
    with pytest.raises(StreamInterruptedError) as caught:
        list(chat().stream_events("hi", version="v3"))
    assert isinstance(caught.value, ModelError)
    with pytest.raises(StreamInterruptedError):
        await (await chat().astream_events("hi", version="v3")).output


async def test_what_came_by_events_goes_back_with_its_reasoning(chat, emulator):
    """An agent that streams by events sends v1 blocks back, and the model wants its thoughts with them."""
    emulator.script(Answer("answer", reasoning="thought"), Answer("ok"))
    llm = chat()
    output = llm.stream_events("hi", version="v3").output
    llm.invoke([HumanMessage("hi"), output, HumanMessage("and?")])
    assert emulator.requests[-1]["messages"][1] == {
        "role": "assistant",
        "content": "answer",
        "reasoning_content": "thought",
    }
