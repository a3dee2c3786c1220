"""Names that the wire does not take: spelled otherwise, each still distinct, and back in the answer."""

import json
import re

import pytest

from anyfast_transport import Call, ChatParameters, StreamDecoder, build_request, decode_completion
from anyfast_transport.request.names import wire_name
from anyfast_transport.request.structured_output import Structure

OWN = ["get_weather", "人物", "张三", "Page[int]", "Page(int)", "x" * 80, "x" * 81, "a.b", "", "name"]
TAKEN = re.compile(r"[a-zA-Z0-9_-]{1,64}")
ASK = [{"role": "user", "content": "Hi"}]


def tool(name):
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def test_each_name_has_a_spelling_of_its_own_that_is_taken():
    spelled = [wire_name(name) for name in OWN]
    assert all(TAKEN.fullmatch(name) for name in spelled)
    assert len(set(spelled)) == len(OWN)
    assert [wire_name(name) for name in spelled] == spelled


def called(name):
    function = {"name": name, "arguments": "{}"}
    return {"index": 0, "id": "call_1", "type": "function", "function": function}


@pytest.mark.parametrize("own", ["get_weather", "人物", "Page[int]", "x" * 80])
def test_a_tool_is_offered_chosen_called_and_remembered_under_one_name(own):
    history = [*ASK, {"role": "assistant", "tool_calls": [called(own)]}, {"role": "tool", "tool_call_id": "call_1"}]
    call = Call.of(ChatParameters(model="some-model"), {"tools": [tool(own), tool("b")], "tool_choice": own})
    request = build_request(call, history)
    wire = request.body["tools"][0]["function"]["name"]
    assert wire == wire_name(own)
    assert request.body["tool_choice"]["function"]["name"] == wire
    assert request.body["messages"][1]["tool_calls"][0]["function"]["name"] == wire
    choice = {"index": 0, "finish_reason": "tool_calls"}
    whole = {"choices": [{**choice, "message": {"content": None, "tool_calls": [called(wire)]}}]}
    assert decode_completion(json.dumps(whole).encode(), reading=request.reading).choice.tool_calls[0].name == own
    event = {"choices": [{**choice, "delta": {"tool_calls": [called(wire)]}}]}
    decoder = StreamDecoder(reading=request.reading)
    deltas = [*decoder.feed(b"data: " + json.dumps(event).encode() + b"\n\n"), *decoder.finish()]
    assert [fragment.name for delta in deltas for fragment in delta.fragments if fragment.name] == [own]
    assert [call.name for call in decoder.completion.choice.tool_calls] == [own]


@pytest.mark.parametrize(("model", "thinking"), [("qwen3.6-flash", False), ("qwen3.6-flash", True)])
def test_an_object_is_asked_for_under_the_name_that_is_sent(model, thinking):
    structure = Structure("人物", {"type": "object", "properties": {}})
    body = build_request(Call.of(ChatParameters(model=model, thinking=thinking), {"structure": structure}), ASK).body
    assert body["tools"][0]["function"]["name"] == wire_name("人物")
    named = str(body.get("tool_choice")) + str(body["messages"])
    assert wire_name("人物") in named
    assert "人物" not in named
