"""Agents whose model makes a call that cannot be executed, or none where it had to."""

import asyncio
import contextlib
import json
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from pydantic import BaseModel

from anyfast_emulator.answers import Answer, Raw, ToolCall
from anyfast_transport import AnyfastWarning, InvalidResponseError, track_usage

BROKEN = Answer(reasoning="Hm.", text="Well. ", tool_calls=[ToolCall("look", '{"place": "Paris" "x"}', id="broken")])
LOOK = Answer(reasoning="Again.", tool_calls=[ToolCall("look", {"place": "Paris"}, id="good")])
SEEN: list[str] = []


def look(place: str = "DEFAULT") -> str:
    """Looks at a place."""
    SEEN.append(place)
    return "sunny"


@pytest.fixture
def looking(chat):
    """Runs an agent, whole or streamed, sync or async; gives its messages."""
    SEEN.clear()

    def run(how: str, **fields: Any) -> list[Any]:
        agent = create_agent(chat(streaming="streamed" in how, **fields), [look])
        asked = {"messages": [("user", "?")]}
        return (asyncio.run(agent.ainvoke(asked)) if how[0] == "a" else agent.invoke(asked))["messages"]

    return run


HOW = ["whole", "streamed", "async whole", "async streamed"]


@pytest.mark.parametrize("how", HOW)
def test_a_broken_call_is_asked_for_once_more_and_left_out_then(looking, emulator, how):
    emulator.script(BROKEN, LOOK, "Sunny.")
    with track_usage() as tracker:
        messages = looking(how)
    assert (messages[-1].text, SEEN) == ("Sunny.", ["Paris"])
    called = messages[1]
    assert [call["id"] for call in called.tool_calls] == ["good"]
    assert [call["name"] for call in called.invalid_tool_calls] == (["look"] if "streamed" in how else [])
    (told,) = called.response_metadata["asked_again"]
    assert told["question"] == emulator.requests[1]["messages"][-1]["content"]
    assert "Expecting ',' delimiter" in told["question"]
    assert called.usage_metadata["output_tokens"] != told["usage"]["completion_tokens"]
    assert tracker.total.calls == 3
    _, turn, result = emulator.requests[2]["messages"]
    assert (turn["content"], turn["reasoning_content"]) == ("", "Again.")
    assert ([call["id"] for call in turn["tool_calls"]], result["content"]) == (["good"], "sunny")


@pytest.mark.parametrize("how", HOW)
def test_a_second_call_under_the_id_of_the_first_is_another(looking, emulator, how):
    first, second = (ToolCall("look", text, id="call_0") for text in ("{", '{"place": "Paris"}'))
    emulator.script(*(Answer(reasoning="R", tool_calls=[one]) for one in (first, second)), "Sunny.")
    assert (looking(how)[-1].text, SEEN) == ("Sunny.", ["Paris"])
    _, turn, result = emulator.requests[2]["messages"]
    assert [call["id"] for call in turn["tool_calls"]] == [result["tool_call_id"]]


@pytest.mark.parametrize("how", HOW)
def test_a_call_that_is_broken_twice_is_an_error(looking, emulator, how):
    emulator.script(BROKEN, BROKEN)
    with pytest.raises(InvalidResponseError, match="not a JSON object"):
        looking(how)
    emulator.script(BROKEN)
    with pytest.raises(InvalidResponseError, match="not a JSON object"):
        looking(how, on_invalid_call="raise")
    emulator.script(BROKEN)
    assert looking(how, on_invalid_call="keep")[-1].invalid_tool_calls
    assert SEEN == []


@pytest.mark.parametrize("how", HOW)
def test_a_broken_call_beside_a_good_one_hinders_nothing(looking, emulator, how):
    emulator.script(Answer(reasoning="R", tool_calls=[*BROKEN.tool_calls, *LOOK.tool_calls]), "Sunny.")
    assert (looking(how)[-1].text, SEEN) == ("Sunny.", ["Paris"])
    _, _, *results = emulator.requests[1]["messages"]
    assert {one["tool_call_id"]: one["content"] for one in results}["good"] == "sunny"


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("pieces", [[" "], ["", "\n"], ["nu", "ll"], ["{", "}"], [""], [None]])
def test_a_call_without_arguments_runs_however_that_is_written(looking, emulator, how, pieces):
    entry = {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": pieces[0]}}
    deltas = [entry, *({"index": 0, "function": {"arguments": piece}} for piece in pieces[1:])]
    if "streamed" in how:
        frames = [{"choices": [{"index": 0, "delta": {"tool_calls": [one]}}]} for one in deltas]
        frames.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
        body = b"".join(b"data: " + json.dumps(frame).encode() + b"\n\n" for frame in frames)
    else:
        entry["function"]["arguments"] = pieces[0] and "".join(pieces)
        choice = {"index": 0, "message": {"content": "", "tool_calls": [entry]}, "finish_reason": "tool_calls"}
        body = json.dumps({"choices": [choice]}).encode()
    emulator.script(Raw(body), "Sunny.")
    assert (looking(how, model="qwen3.6-flash")[-1].text, SEEN) == ("Sunny.", ["DEFAULT"])


class Person(BaseModel):
    """A person."""

    name: str


PERSON = Answer(reasoning="So.", tool_calls=[ToolCall("Person", {"name": "Ada"})])


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("thinking", [True, False])
def test_a_forced_call_that_is_not_made_is_asked_for_once_more(chat, emulator, how, thinking):
    llm = chat(streaming="streamed" in how, thinking=thinking)
    agent = create_agent(llm, [look], response_format=ToolStrategy(Person))
    asked = {"messages": [("user", "Who?")]}
    run = (lambda: asyncio.run(agent.ainvoke(asked))) if how[0] == "a" else lambda: agent.invoke(asked)
    lowered = pytest.warns(AnyfastWarning, match="refuses a forced") if thinking else contextlib.nullcontext()
    emulator.script("It was Ada.", PERSON)
    with lowered:
        assert run()["structured_response"] == Person(name="Ada")
    assert "must call one of the tools" in emulator.requests[1]["messages"][-1]["content"]
    emulator.script("It was Ada.", "Ada, I said.")
    with lowered, pytest.raises(InvalidResponseError, match="Ada, I said"):
        run()
    emulator.script(Answer("It was", finish_reason="length"))
    with lowered, pytest.raises(InvalidResponseError, match="Raise max_tokens"):
        run()
    emulator.script(Answer("It was", finish_reason="content_filter"))
    with lowered:
        assert run().get("structured_response") is None


def test_a_plain_call_with_a_forced_tool_stays_an_answer(chat, emulator):
    emulator.script("It was Ada.")
    assert chat(thinking=False).bind_tools([look], tool_choice="any").invoke("Who?").text == "It was Ada."
