"""ChatAnyfast as LangChain uses it: every way to ask, every way to say what is wanted, and everything that can fail."""

import asyncio
import copy
import importlib
import json
import logging
import os
import pickle
import subprocess
import sys
import threading
import traceback

import pytest
from langchain.chat_models import base, init_chat_model
from langchain_core import exceptions as core
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, get_usage_metadata_callback
from langchain_core.load import dumpd, dumps, load
from langchain_core.messages import HumanMessage
from langchain_core.runnables import ConfigurableField
from langchain_core.tools import tool
from langchain_core.tracers.context import collect_runs
from pydantic import ValidationError

import anyfast_transport as transport
from anyfast_emulator import Emulator
from anyfast_emulator.answers import Answer, Failure, Raw, ToolCall
from langchain_anyfast import ChatAnyfast, enable_load, register
from tests.pairs import in_turn

MODELS = ["deepseek-v4-pro", "deepseek-v4-flash", "qwen3.6-flash", "doubao-seed-evolving", "gemini-2.5-pro"]
KEY = "sk-very-secret-0123456789"
CALLS = [ToolCall("look", {"city": "北京", "n": [1, {"a": None}]}, id="x"), ToolCall("now", {}, id="y")]


@tool
def look(city: str) -> str:
    """Looks at a city."""
    return city


# What we make of an answer: the same, whichever way it was asked for -------------------------------------------------


async def answers_of(llm, config=None):
    """One answer for each way to ask."""
    return {
        "invoke": llm.invoke("hi", config),
        "ainvoke": await llm.ainvoke("hi", config),
        "stream": summed(list(llm.stream("hi", config))),
        "astream": summed([chunk async for chunk in llm.astream("hi", config)]),
        "batch": llm.batch(["hi"], config)[0],
        "abatch": (await llm.abatch(["hi"], config))[0],
        "invoke, streaming": llm.invoke("hi", config, stream=True),
        "ainvoke, streaming": await llm.ainvoke("hi", config, stream=True),
        "generate": llm.generate([[HumanMessage("hi")]]).generations[0][0].message,
        "agenerate": (await llm.agenerate([[HumanMessage("hi")]])).generations[0][0].message,
    }


def summed(chunks):
    first, *rest = chunks
    return sum(rest, first)


def compared(message):
    """A message but for what differs from call to call; a broken call's text is marked as such in a stream."""
    ignored = {"index", "args", "error"} if message.invalid_tool_calls else {"index"}
    metadata = {k: v for k, v in message.response_metadata.items() if k not in {"id", "request_id", "created"}}
    return {
        "content": message.content,
        "blocks": [{k: v for k, v in block.items() if k not in ignored} for block in message.content_blocks],
        "kwargs": message.additional_kwargs,
        "calls": message.tool_calls,
        "invalid": [(one["name"], one["id"]) for one in message.invalid_tool_calls],
        "usage": message.usage_metadata,
        "metadata": metadata,
        "type": message.type.removesuffix("Chunk").replace("AIMessage", "ai"),
    }


SAID = {
    "text": Answer("Grüße, 世界 𝄞"),
    "reasoning and text": Answer("a", reasoning="  b\n"),
    "a call": Answer(tool_calls=CALLS[:1]),
    "all of it": Answer("a", reasoning="b", tool_calls=CALLS),
    "cut text": Answer("a", finish_reason="length"),
    "a filtered answer": Answer("a", finish_reason="content_filter"),
    "a stop": Answer("a", matched_stop="END"),
    "a broken call": Answer("a", tool_calls=[ToolCall("look", '{"city": ', id="x")], finish_reason="length"),
    "no usage": Answer("a", usage={}),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
async def test_every_way_to_ask_gives_the_same_message(chat, emulator, model, said):
    emulator.script(*[said] * 10)
    answers = await answers_of(chat(model, thinking=True))
    expected = compared(answers["invoke"])
    if model.startswith("gemini") and said.finish == "tool_calls":
        # new-api ends a Gemini stream with tool_calls and then stop; the last that is not empty counts.
        for how, answer in answers.items():
            if "stream" in how:
                assert answer.response_metadata.pop("finish_reason") == "stop"
                answer.response_metadata["finish_reason"] = "tool_calls"
    assert {how: compared(answer) for how, answer in answers.items()} == dict.fromkeys(answers, expected)
    assert expected["content"] == said.text
    assert expected["kwargs"] == ({"reasoning_content": said.reasoning} if said.reasoning else {})
    assert len(emulator.requests) == 10


async def test_answers_of_several_questions_keep_their_order(chat, emulator):
    questions = [f"What is number {at}?" for at in range(20)]
    answers = chat("qwen3.6-flash").batch(questions) + await chat("qwen3.6-flash").abatch(questions)
    again = [chat("qwen3.6-flash").invoke(question) for question in questions]
    assert [one.content for one in answers] == [one.content for one in again] * 2
    assert len(emulator.requests) == 60


async def test_a_stream_is_told_piece_by_piece(chat, emulator):
    emulator.script(*[Answer("abcdef", reasoning="ghijkl", pieces=2)] * 2)
    for chunks in (list(chat().stream("hi")), [one async for one in chat().astream("hi")]):
        assert [one.content for one in chunks if one.content] == ["ab", "cd", "ef"]
        thoughts = [one.additional_kwargs.get("reasoning_content") for one in chunks]
        assert [one for one in thoughts if one] == ["gh", "ij", "kl"]
        assert [one.chunk_position for one in chunks] == [None] * (len(chunks) - 1) + ["last"]
        assert [one.usage_metadata is None for one in chunks] == [True] * (len(chunks) - 1) + [False]
        assert len({one.id for one in chunks}) == 1


def test_a_stream_that_is_left_closes_its_connection():
    with Emulator(delay=0.01) as emulator:
        llm = ChatAnyfast(model="deepseek-v4-pro", base_url=emulator.base_url, api_key=emulator.api_key)
        emulator.script(Answer("a" * 10_000, pieces=1))
        stream = llm.stream("hi")
        next(stream)
        stream.close()
        assert llm.invoke("hello").text


# What we make of an answer: its blocks agree too ---------------------------------------------------------------------


def sse(*deltas, finish="stop"):
    head = {"id": "1", "model": "m", "created": 1}
    frames = [{**head, "choices": [{"index": 0, "delta": one, "finish_reason": None}]} for one in deltas]
    frames.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return Raw(b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in frames) + b"data: [DONE]\n\n")


def whole(message, finish="stop"):
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return Raw(json.dumps({"id": "1", "model": "m", "created": 1, "choices": [choice]}).encode())


def piece(at, arguments, **more):
    return {"index": at, "function": {"arguments": arguments}, **more}


def named(at, arguments, name="look", call_id="x"):
    return {"index": at, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


THOUGHT = {"type": "reasoning", "reasoning": "think"}
TEXT = {"type": "text", "text": "hello"}
LOOK = {"type": "tool_call", "name": "look", "args": {"a": 1}, "id": "x"}
NOW = {"type": "tool_call", "name": "now", "args": {}, "id": "y"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a"}}

LOOK_CALL, NOW_CALL = named(0, '{"a": 1}'), named(1, "", "now", "y")

WOVEN_THOUGHTS = [{"reasoning_content": "th"}, {"content": "hel"}, {"reasoning_content": "ink"}, {"content": "lo"}]
STREAMS = {
    "text": ([{"role": "assistant", "content": ""}, {"content": "hel"}, {"content": "lo"}], [TEXT]),
    "reasoning alone": ([{"reasoning_content": "th"}, {"reasoning_content": "ink"}], [THOUGHT]),
    "reasoning, then text": (
        [
            {"role": "assistant", "content": "", "reasoning_content": ""},
            {"content": None, "reasoning_content": "think"},
            {"content": "hello", "reasoning_content": None},
        ],
        [THOUGHT, TEXT],
    ),
    "reasoning and text in one delta": ([{"reasoning_content": "think", "content": "hello"}], [THOUGHT, TEXT]),
    "text and a call in one delta": (
        [{"content": "hel", "tool_calls": [named(0, '{"a"')]}, {"content": "lo", "tool_calls": [piece(0, ": 1}")]}],
        [TEXT, LOOK],
    ),
    "a whole call and text in one delta": ([{"content": "hello", "tool_calls": [named(0, '{"a": 1}')]}], [TEXT, LOOK]),
    "reasoning and a call in one delta": (
        [{"reasoning_content": "think", "tool_calls": [named(0, '{"a"')]}, {"tool_calls": [piece(0, ": 1}")]}],
        [THOUGHT, LOOK],
    ),
    "reasoning, then a call": (
        [
            {"reasoning_content": "th"},
            {"reasoning_content": "ink"},
            {"tool_calls": [named(0, "")]},
            {"tool_calls": [piece(0, '{"a": ')]},
            {"tool_calls": [piece(0, "1}")]},
        ],
        [THOUGHT, LOOK],
    ),
    "all at once": (
        [
            {
                "reasoning_content": "think",
                "content": "hello",
                "tool_calls": [named(0, '{"a": 1}'), named(1, "", "now", "y")],
            }
        ],
        [THOUGHT, TEXT, LOOK, NOW],
    ),
    "two calls, woven into each other": (
        [
            {"tool_calls": [named(0, '{"a"'), named(1, "{", "now", "y")]},
            {"tool_calls": [piece(1, "}"), piece(0, ": 1}")]},
        ],
        [LOOK, NOW],
    ),
    "two calls under one index": (
        [{"tool_calls": [named(0, '{"a": 1}')]}, {"tool_calls": [named(0, "{}", "now", "y")]}],
        [LOOK, NOW],
    ),
    "calls without an index": (
        [{"tool_calls": [{k: v for k, v in named(0, '{"a": 1}').items() if k not in {"index", "type"}}]}],
        [LOOK],
    ),
    "reasoning that goes on between": (WOVEN_THOUGHTS, [THOUGHT, TEXT]),
    "an image": (
        [{"content": "hello"}, {"images": [IMAGE]}],
        [TEXT, {"type": "image", "url": "https://example.com/a"}],
    ),
}


def bare(blocks):
    return [{key: value for key, value in block.items() if key != "index"} for block in blocks]


@pytest.mark.filterwarnings("ignore:.*is in beta")
@pytest.mark.parametrize(("deltas", "expected"), STREAMS.values(), ids=STREAMS)
async def test_content_blocks_of_every_way_to_stream(chat, emulator, deltas, expected):
    llm, v1 = chat(on_empty="keep"), chat(on_empty="keep", output_version="v1")
    emulator.script(*[sse(*deltas)] * 7)
    streamed = summed(list(llm.stream("hi")))
    answers = {
        "stream": streamed.content_blocks,
        "astream": summed([one async for one in llm.astream("hi")]).content_blocks,
        "invoke": llm.invoke("hi", stream=True).content_blocks,
        "v1": summed(list(v1.stream("hi"))).content,
        "v1 async": summed([one async for one in v1.astream("hi")]).content,
        "v3": llm.stream_events("hi", version="v3").output.content,
        "v3 async": (await (await llm.astream_events("hi", version="v3")).output).content,
    }
    wanted = dict.fromkeys(answers, expected)
    if deltas is WOVEN_THOUGHTS:  # events tell what came in its order: what was finished is not opened again
        thoughts = [{"type": "reasoning", "reasoning": one} for one in ("th", "ink")]
        wanted["v3"] = wanted["v3 async"] = [thoughts[0], TEXT, thoughts[1]]
    assert {how: bare(blocks) for how, blocks in answers.items()} == wanted
    assert streamed.tool_calls == [block for block in expected if block["type"] == "tool_call"]
    assert streamed.invalid_tool_calls == []


@pytest.mark.parametrize("version", [None, "v1"])
def test_content_blocks_of_a_whole_answer(chat, emulator, version):
    calls = [named(0, '{"a": 1}'), named(1, "", "now", "y")]
    message = {"reasoning_content": "think", "content": "hello", "tool_calls": calls}
    emulator.script(whole(message, "tool_calls"))
    answer = chat(output_version=version).invoke("hi")
    assert answer.content_blocks == [THOUGHT, TEXT, LOOK, NOW]
    assert answer.content == ([THOUGHT, TEXT, LOOK, NOW] if version else "hello")
    assert answer.text == "hello"


@pytest.mark.filterwarnings("ignore:.*is in beta")
def test_a_broken_call_is_a_block_that_nobody_runs(chat, emulator):
    broken = {"reasoning_content": "think", "tool_calls": [named(0, '{"a": ')]}
    llm, v1 = chat(), chat(output_version="v1")
    emulator.script(whole(broken, "length"), *[sse(broken, finish="length")] * 3)
    outputs = [llm.invoke("hi"), summed(list(llm.stream("hi"))), summed(list(v1.stream("hi")))]
    outputs.append(llm.stream_events("hi", version="v3").output)
    for answer in outputs:
        assert answer.tool_calls == []
        assert [(one["name"], one["id"]) for one in answer.invalid_tool_calls] == [("look", "x")]
    kinds = [[block["type"] for block in answer.content_blocks] for answer in outputs]
    # LangChain leaves a broken call in v1 content as the pieces that it is.
    assert kinds == [
        ["reasoning", kind] for kind in ("invalid_tool_call",) * 2 + ("tool_call_chunk", "invalid_tool_call")
    ]


@pytest.mark.filterwarnings("ignore:.*is in beta")
def test_a_piece_of_a_stream_shows_no_finished_call(chat, emulator):
    """An agent that looks at pieces must not run a tool with what has come so far."""
    emulator.script(sse({"content": "a", "tool_calls": [named(0, '{"a": 1')]}, {"tool_calls": [piece(0, "2}")]}))
    *pieces, last = chat().stream("hi")
    kinds = [block["type"] for one in pieces for block in one.content_blocks]
    assert kinds == ["text", "tool_call_chunk", "tool_call_chunk"]
    assert summed([*pieces, last]).tool_calls[0]["args"] == {"a": 12}


@pytest.mark.filterwarnings("ignore:.*is in beta")
def test_v3_events_tell_reasoning_from_text(chat, emulator):
    emulator.script(Answer("hello", reasoning="think", tool_calls=CALLS))
    stream = chat().stream_events("hi", version="v3")
    assert "".join(stream.reasoning) == "think"
    assert "".join(stream.text) == "hello"
    output = stream.output
    assert [(one["name"], one["args"], one["id"]) for one in output.tool_calls] == [
        (one.name, one.arguments, one.id) for one in CALLS
    ]
    assert output.additional_kwargs["reasoning_content"] == "think"
    assert output.response_metadata["finish_reason"] == "tool_calls"
    assert output.usage_metadata["output_token_details"]["reasoning"] > 0


async def test_events_of_version_2(chat, emulator):
    emulator.script(Answer("hello", reasoning="think"))
    events = [event async for event in chat().astream_events("hi", version="v2")]
    kinds = [event["event"] for event in events]
    assert (kinds[0], kinds[-1]) == ("on_chat_model_start", "on_chat_model_end")
    pieces = summed([one["data"]["chunk"] for one in events if one["event"] == "on_chat_model_stream"])
    output = events[-1]["data"]["output"]
    assert (pieces.content, pieces.additional_kwargs) == ("hello", {"reasoning_content": "think"})
    assert compared(pieces) == compared(output)
    assert events[0]["metadata"]["ls_provider"] == "anyfast"
    assert events[0]["metadata"]["ls_model_name"] == "deepseek-v4-pro"


async def test_usage_is_counted_once_for_each_call(chat, emulator):
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    emulator.script(*[Answer("a", usage=usage)] * 5)
    llm = chat()
    with get_usage_metadata_callback() as counted:
        llm.invoke("hi")
        list(llm.stream("hi"))
        await llm.ainvoke("hi")
        assert [one async for one in llm.astream("hi")]
        llm.invoke("hi", stream=True)
    total = {"input_tokens": 50, "output_tokens": 25, "total_tokens": 75}
    assert {k: v for k, v in counted.usage_metadata["deepseek-v4-pro"].items() if k in total} == total


def test_usage_of_several_answers_is_counted_once(chat, emulator):
    emulator.script(Answer("a", usage={"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}))
    with get_usage_metadata_callback() as counted:
        chat("gpt-4o", n=3).invoke("hi")
    assert counted.usage_metadata["gpt-4o"]["total_tokens"] == 15


# What we send: fields, calls, bindings -------------------------------------------------------------------------------


SHOWN = {"extra_body": {"google": {"thinking_config": {"include_thoughts": True}}}}
FIELDS = [
    ("deepseek-v4-pro", {"temperature": 0.5}, {"temperature": 0.5}),
    ("deepseek-v4-pro", {"temperature": 0}, {"temperature": 0}),
    ("deepseek-v4-pro", {"top_p": 0.5}, {"top_p": 0.5}),
    ("deepseek-v4-pro", {"seed": 7}, {"seed": 7}),
    ("deepseek-v4-pro", {"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
    ("deepseek-v4-pro", {"max_tokens": 400}, {"max_tokens": 400}),
    ("deepseek-v4-pro", {"max_completion_tokens": 400}, {"max_tokens": 400}),
    ("qwen3.6-flash", {"max_tokens": 400}, {"max_completion_tokens": 400, "enable_thinking": False}),
    ("deepseek-v4-pro", {"stop": ["a", "b"]}, {"stop": ["a", "b"]}),
    ("deepseek-v4-pro", {"stop": "a"}, {"stop": ["a"]}),
    ("deepseek-v4-pro", {"stop_sequences": ["a"]}, {"stop": ["a"]}),
    ("deepseek-v4-pro", {"stop": []}, {}),
    ("deepseek-v4-pro", {"stop": None}, {}),
    ("deepseek-v4-pro", {"user_id": "u-1_A"}, {"user_id": "u-1_A"}),
    ("deepseek-v4-pro", {"thinking": True}, {"thinking": {"type": "enabled"}}),
    ("deepseek-v4-pro", {"thinking": False}, {"thinking": {"type": "disabled"}}),
    ("deepseek-v4-pro", {"thinking": False, "reasoning_effort": "low"}, {"thinking": {"type": "disabled"}}),
    (
        "deepseek-v4-pro",
        {"reasoning_effort": "low"},
        {"thinking": {"reasoning_effort": "low"}, "reasoning_effort": "low"},
    ),
    ("qwen3.6-flash", {"thinking": True}, {"enable_thinking": True}),
    ("qwen3.6-flash", {"thinking": False}, {"enable_thinking": False}),
    ("doubao-seed-evolving", {"thinking": False}, {"thinking": {"type": "disabled"}}),
    ("doubao-seed-evolving", {"reasoning_effort": "minimal"}, {"reasoning_effort": "minimal"}),
    ("gemini-2.5-pro", {"thinking": True}, SHOWN),
    ("gemini-2.5-pro", {"thinking": False}, {"reasoning_effort": "none"}),
    (
        "gemini-2.5-pro",
        {"frequency_penalty": 1, "presence_penalty": -1},
        {"frequency_penalty": 1, "presence_penalty": -1},
    ),
    ("gpt-4o", {"n": 2}, {"n": 2}),
    (
        "gpt-4o",
        {"response_format": {"type": "json_object"}, "extra_body": {"metadata": {"json": "x"}}},
        {"response_format": {"type": "json_object"}, "metadata": {"json": "x"}},
    ),
]


def by_field(make, model, said):
    make(model, **said).invoke("In JSON: hi")


def by_call(make, model, said):
    make(model).invoke("In JSON: hi", **said)


def by_binding(make, model, said):
    make(model).bind(**said).invoke("In JSON: hi")


def over_a_field(make, model, said):
    fields = (
        {"temperature": 1.5, "thinking": True, "max_tokens": 300, "stop": ["z"]} if model.startswith("deep") else {}
    )
    fields = {name: value for name, value in fields.items() if name in said and said[name] is not None}
    make(model, **fields).invoke("In JSON: hi", **said)


@pytest.mark.parametrize(("field", "way"), in_turn(FIELDS, [by_field, by_call, by_binding, over_a_field]))
def test_a_field_means_the_same_however_it_is_said(chat, emulator, field, way):
    model, said, expected = field
    way(chat, model, said)
    body = emulator.requests[-1]
    defaults = {"enable_thinking": False} if model.startswith("qwen") else {}
    assert body == {
        "model": model,
        "messages": [{"role": "user", "content": "In JSON: hi"}],
        **defaults,
        **expected,
    }


def test_the_stop_argument_is_langchains_own(chat, emulator):
    llm = chat("qwen3.6-flash", stop=["a"])
    llm.invoke("hi", stop=["b"])
    llm.bind(stop=["c"]).invoke("hi")
    llm.invoke("hi")
    assert [body["stop"] for body in emulator.requests] == [["b"], ["c"], ["a"]]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("qwen3.6-flash", {"enable_thinking": True, "max_completion_tokens": 400, "stop": ["a"]}),
        ("doubao-seed-evolving", {"thinking": {"type": "enabled"}, "max_tokens": 400, "stop": ["a"]}),
        ("gemini-2.5-pro", {**SHOWN, "max_tokens": 400, "stop": ["a"]}),
    ],
)
async def test_a_model_given_for_one_call_brings_its_own_spelling(chat, emulator, model, fields):
    llm = chat("deepseek-v4-pro", thinking=True, max_tokens=400, stop="a")
    expected = {"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}
    answer = llm.invoke("hi", model=model)
    assert answer.response_metadata["model_name"] == model
    assert (await llm.bind(model=model).ainvoke("hi")).response_metadata["model_name"] == model
    llm.invoke("hi", model_name=model)
    assert emulator.requests == [expected] * 3
    assert summed(list(llm.stream("hi", model=model))).response_metadata["model_name"] == model
    llm.invoke("hi")
    assert emulator.requests[-1]["model"] == "deepseek-v4-pro"


def test_extra_body_of_both_is_merged_and_the_calls_wins(chat, emulator):
    llm = chat("gpt-4o", extra_body={"metadata": {"a": "1", "b": "1"}, "seed": 1})
    llm.invoke("hi", extra_body={"metadata": {"b": "2"}, "temperature": 1}, temperature=0.5)
    body = emulator.requests[-1]
    assert (body["metadata"], body["seed"], body["temperature"]) == ({"a": "1", "b": "2"}, 1, 1)


def test_configurable_fields(chat, emulator):
    llm = chat(temperature=1).configurable_fields(
        temperature=ConfigurableField(id="t"), model=ConfigurableField(id="m"), thinking=ConfigurableField(id="think")
    )
    llm.invoke("hi")
    llm.with_config(configurable={"t": 0.5, "m": "qwen3.6-flash", "think": True}).invoke("hi")
    list(llm.stream("hi", {"configurable": {"t": 0}}))
    said = [(body["model"], body["temperature"], body.get("enable_thinking")) for body in emulator.requests]
    assert said == [("deepseek-v4-pro", 1, None), ("qwen3.6-flash", 0.5, True), ("deepseek-v4-pro", 0, None)]


def test_configurable_alternatives_and_fallbacks(chat, emulator):
    llm = chat().configurable_alternatives(ConfigurableField(id="who"), default_key="a", b=chat("qwen3.6-flash"))
    llm.with_config(configurable={"who": "b"}).invoke("hi")
    assert emulator.requests[-1]["model"] == "qwen3.6-flash"
    emulator.script(Failure(500))
    assert chat().with_fallbacks([chat("gpt-4o")]).invoke("hi").response_metadata["model_name"] == "gpt-4o"
    emulator.script(Failure(500), Failure(429))
    assert chat().with_retry(stop_after_attempt=3, wait_exponential_jitter=False).invoke("hi").text


@tool
def now() -> str:
    """The time."""
    return "12"


LOOK_TOOL = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Looks at a city.",
        "parameters": {"properties": {"city": {"type": "string"}}, "required": ["city"], "type": "object"},
    },
}
NAMED = {"type": "function", "function": {"name": "look"}}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        ("auto", None),
        (False, None),
        ("none", "none"),
        ("any", "required"),
        ("required", "required"),
        (True, "required"),
        ("look", NAMED),
        (NAMED, NAMED),
        ({"type": "tool", "name": "look"}, NAMED),
    ],
)
def test_tools_and_their_choice(chat, emulator, choice, expected):
    chat("gpt-4o").bind_tools([look], tool_choice=choice).invoke("hi")
    assert emulator.requests[-1]["tools"] == [LOOK_TOOL]
    assert emulator.requests[-1].get("tool_choice") == expected


@pytest.mark.parametrize(("model", "line"), [("deepseek-v4-pro", True), ("qwen3.6-flash", True), ("gpt-4o", False)])
@pytest.mark.parametrize(("choice", "which"), [("any", "one of the tools"), ("look", "the tool `look`")])
def test_a_choice_that_a_thinking_model_refuses_is_asked_for(chat, emulator, model, line, choice, which, recwarn):
    llm = chat(model, thinking=True if line else None).bind_tools([look, now], tool_choice=choice)
    assert llm.invoke("Look at Paris.").tool_calls[0]["name"] == "look"
    assert [str(one.message).count("refuses a forced tool_choice") for one in recwarn] == [1] * line
    first = emulator.requests[-1]["messages"][0]
    asked = {"role": "system", "content": f"You must call {which}. Do not answer in text."}
    assert (first == asked, "tool_choice" in emulator.requests[-1]) == (line, not line)


def test_no_tools_put_nothing_on_the_wire(chat, emulator):
    chat().bind_tools([]).invoke("hi")
    assert not emulator.requests[-1].keys() & {"tools", "tool_choice"}


def test_what_bind_tools_takes_beside(chat, emulator):
    chat("gpt-4o").bind_tools([look], strict=True, parallel_tool_calls=False, max_tokens=9).invoke("hi")
    body = emulator.requests[-1]
    assert (body["tools"][0]["function"]["strict"], body["parallel_tool_calls"], body["max_tokens"]) == (True, False, 9)


def test_a_choice_that_no_tool_has(chat):
    with pytest.raises(transport.UnsupportedParameterError, match="'see', which is none of the tools: look"):
        chat().bind_tools([look], tool_choice="see")


@pytest.mark.parametrize(
    ("fields", "asked", "streams", "usage"),
    [
        ({}, {}, False, None),
        ({"streaming": True}, {}, True, True),
        ({"streaming": True}, {"stream": False}, False, None),
        ({"streaming": True, "stream_usage": False}, {}, True, None),
        ({}, {"stream": True}, True, True),
        ({"disable_streaming": True}, {"stream": True}, False, None),
    ],
)
async def test_whether_invoke_streams_inside(chat, emulator, fields, asked, streams, usage):
    llm = chat(**fields)
    answers = [llm.invoke("hi", **asked), await llm.ainvoke("hi", **asked)]
    for body in emulator.requests:
        assert (body.get("stream", False), body.get("stream_options", {}).get("include_usage")) == (streams, usage)
    assert compared(answers[0]) == compared(answers[1])
    assert (answers[0].usage_metadata is None) == (streams and not usage)


def test_usage_of_a_stream_can_be_switched_off(chat, emulator):
    for llm, asked in ((chat(stream_usage=False), {}), (chat(), {"stream_usage": False})):
        answer = summed(list(llm.stream("hi", **asked)))
        assert "stream_options" not in emulator.requests[-1]
        assert (answer.usage_metadata, answer.response_metadata["finish_reason"]) == (None, "stop")
    assert summed(list(chat(stream_usage=False).stream("hi", stream_usage=True))).usage_metadata


# What is refused before anything is sent -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("temprature", "temperature"),
        ("max_token", "max_tokens"),
        ("api_keys", "api_key"),
        ("baseurl", "base_url"),
        ("timeouts", "timeout"),
        ("reasoning_efort", "reasoning_effort"),
    ],
)
def test_an_unknown_field_is_an_error_that_names_the_nearest(chat, emulator, wrong, right):
    with pytest.raises(TypeError, match=rf"unknown argument '{wrong}'; did you mean '{right}'\?.*extra_body"):
        ChatAnyfast(model="deepseek-v4-pro", **{wrong: KEY})
    if right not in {"api_key", "base_url", "timeout"}:
        with pytest.raises(transport.UnsupportedParameterError, match=rf"'{wrong}'; did you mean '{right}'") as caught:
            chat().invoke("hi", **{wrong: 1})
        assert caught.value.parameter == wrong
    assert emulator.requests == []


@pytest.mark.parametrize("fields", [{}, {"model": ""}, {"model": None}])
def test_a_model_is_required(fields):
    with pytest.raises(ValidationError):
        ChatAnyfast(**fields)


RANGES = [
    ("temperature", -0.1),
    ("temperature", 2.1),
    ("top_p", 1.1),
    ("n", 0),
    ("frequency_penalty", 2.1),
    ("presence_penalty", -2.1),
    ("top_logprobs", 21),
    ("max_tokens", 0),
    ("reasoning_effort", "extreme"),
    ("reasoning_replay", "sometimes"),
    ("user_id", "a b"),
    ("user_id", "a" * 513),
    ("on_empty", "ignore"),
    ("stop", 5),
    ("thinking", "perhaps"),
]


@pytest.mark.parametrize(("name", "value"), RANGES)
async def test_a_value_out_of_its_range_is_refused(chat, emulator, name, value):
    with pytest.raises(ValidationError, match=name):
        chat(**{name: value})
    with pytest.raises(transport.UnsupportedParameterError, match=name) as caught:
        chat().invoke("hi", **{name: value})
    assert isinstance(caught.value, core.ModelInvalidRequestError)
    with pytest.raises(transport.UnsupportedParameterError, match=name):
        await chat().ainvoke("hi", **{name: value})
    assert emulator.requests == []


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        ("qwen3.6-flash", {"max_tokens": 65_537}, "65,536 at most"),
        ("doubao-seed-evolving", {"max_tokens": 262_145}, "262,144 at most"),
        ("deepseek-v4-pro", {"stop": ["a"] * 17}, "16 at most"),
        ("deepseek-v4-pro", {"n": 2}, "it answers once"),
        ("gpt-4o", {"thinking": True}, "extra_body"),
        ("gpt-4o", {"thinking": False}, "extra_body"),
        ("deepseek-v4-pro", {"extra_body": {"x": object()}}, "cannot be written as JSON"),
    ],
)
def test_what_the_model_cannot_do_is_refused_before_sending(chat, emulator, model, fields, words):
    with pytest.raises(transport.UnsupportedParameterError, match=words):
        chat(model, **fields).invoke("hi")
    assert emulator.requests == []


async def test_several_answers_cannot_be_streamed(chat, emulator):
    llm = chat("gpt-4o", n=2)
    with pytest.raises(transport.UnsupportedParameterError, match="cannot be streamed"):
        list(llm.stream("hi"))
    with pytest.raises(transport.UnsupportedParameterError, match="cannot be streamed"):
        [one async for one in llm.astream("hi")]
    assert emulator.requests == []
    assert len(llm.generate([[HumanMessage("hi")]]).generations[0]) == 2
    assert len(llm.generate([[HumanMessage("hi")]], n=3).generations[0]) == 3


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        ("deepseek-v4-pro", {"frequency_penalty": 1}, "ignores frequency_penalty"),
        ("qwen3.6-flash", {"user_id": "u"}, "documents no user_id"),
        ("qwen3.6-flash", {"thinking": True, "reasoning_effort": "low"}, "no reasoning_effort"),
        ("deepseek-v4-pro", {"reasoning_effort": "minimal"}, "'low', its nearest"),
        ("gemini-3-pro-preview", {"thinking": False}, "cannot stop thinking"),
    ],
)
async def test_what_is_left_out_is_told_once(chat, model, fields, words):
    llm = chat(model, **fields)
    with pytest.warns(transport.AnyfastWarning) as told:
        llm.invoke("hi")
    assert [words in str(one.message) for one in told] == [True]
    with pytest.warns(transport.AnyfastWarning) as told:  # a recorder of its own: Python shows a warning once
        await llm.ainvoke("hi")
    assert [words in str(one.message) for one in told] == [True]


# Errors --------------------------------------------------------------------------------------------------------------


FAILURES = {
    "400": (Failure(400), transport.BadRequestError, core.ModelInvalidRequestError),
    "413": (Failure(413), transport.BadRequestError, core.ModelInvalidRequestError),
    "422": (Failure(422), transport.BadRequestError, core.ModelInvalidRequestError),
    "context": (
        Failure(400, "This model's maximum context length is 131072 tokens."),
        transport.ContextWindowExceededError,
        core.ContextOverflowError,
    ),
    "context by code": (
        Failure(400, "no", code="context_length_exceeded"),
        transport.ContextWindowExceededError,
        core.ContextOverflowError,
    ),
    "401": (Failure(401), transport.AuthenticationError, core.ModelAuthenticationError),
    "402": (Failure(402, "Insufficient Balance"), transport.QuotaExceededError, core.ModelPermissionDeniedError),
    "403 quota": (
        Failure(403, "用户额度不足, 剩余额度: ¥0", code="insufficient_user_quota"),
        transport.QuotaExceededError,
        core.ModelPermissionDeniedError,
    ),
    "401 quota": (
        Failure(401, "该令牌额度已用尽"),
        transport.QuotaExceededError,
        core.ModelPermissionDeniedError,
    ),
    "403": (Failure(403, "no access"), transport.PermissionDeniedError, core.ModelPermissionDeniedError),
    "404": (Failure(404), transport.NotFoundError, core.ModelNotFoundError),
    "503 model": (
        Failure(503, "No available channel for model x", code="model_not_found"),
        transport.NotFoundError,
        core.ModelNotFoundError,
    ),
    "429": (Failure(429, retry_after=7), transport.RateLimitError, core.ModelRateLimitError),
    "500": (Failure(500), transport.ServerError, core.ModelAPIError),
    "503": (Failure(503), transport.ServerError, core.ModelAPIError),
    "418": (Failure(418), transport.APIStatusError, core.ModelError),
    "an HTML page": (
        Failure(502, body="<html><title>Bad Gateway</title></html>"),
        transport.ServerError,
        core.ModelAPIError,
    ),
    "no body": (Failure(504, body=""), transport.ServerError, core.ModelAPIError),
    "an error under 200": (
        Raw(b'{"error": {"message": "Insufficient Balance", "code": "402"}}'),
        transport.QuotaExceededError,
        core.ModelPermissionDeniedError,
    ),
    "HTML under 200": (Raw(b"<html></html>"), transport.InvalidResponseError, core.ModelError),
    "nothing under 200": (Raw(b"{}"), transport.InvalidResponseError, core.ModelError),
}


async def errors_of(llm, **fields):
    """What each way to ask fails with."""
    found = []
    with pytest.raises(transport.AnyfastError) as caught:
        llm.invoke("hi", **fields)
    found.append(caught.value)
    with pytest.raises(transport.AnyfastError) as caught:
        await llm.ainvoke("hi", **fields)
    found.append(caught.value)
    with pytest.raises(transport.AnyfastError) as caught:
        list(llm.stream("hi", **fields))
    found.append(caught.value)
    with pytest.raises(transport.AnyfastError) as caught:
        assert [one async for one in llm.astream("hi", **fields)]
    return [*found, caught.value]


@pytest.mark.parametrize(("said", "kind", "model_kind"), FAILURES.values(), ids=FAILURES)
async def test_an_error_is_of_both_kinds_at_once(chat, emulator, said, kind, model_kind):
    emulator.script(*[said] * 4)
    for error in await errors_of(chat()):
        assert isinstance(error, kind)
        assert isinstance(error, model_kind)
        assert isinstance(error, core.LangChainException)
        assert not isinstance(error, ValueError | TypeError)
        assert type(error).__bases__[0] is kind
        again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
        if isinstance(said, Failure):
            assert error.status_code == said.status
            assert error.response.status_code == said.status
            assert error.request_id
            assert error.retry_after == said.retry_after
            assert error.is_retryable == (said.status == 429 or kind is transport.ServerError)
    assert len(emulator.requests) == 4


@pytest.mark.parametrize(
    ("said", "kind", "model_kind"),
    [
        (Answer("abc", finish_reason=""), transport.StreamInterruptedError, core.ModelConnectionError),
        (Answer("abc", cut_after=2), transport.StreamInterruptedError, core.ModelConnectionError),
        (
            Raw(b'data: {"choices": [{"delta": {"content": "abc"}}]}\n\ndata: {"error": {"message": "busy"}}\n\n'),
            transport.StreamInterruptedError,
            core.ModelConnectionError,
        ),
        (Raw(b"data: nonsense\n\n"), transport.StreamInterruptedError, core.ModelConnectionError),
    ],
    ids=["no finish", "cut", "an error event", "no JSON"],
)
async def test_a_stream_that_breaks_off(chat, emulator, said, kind, model_kind):
    emulator.script(*[said] * 3)
    seen = []
    with pytest.raises(kind) as caught:
        seen.extend(chat().stream("hi"))
    assert isinstance(caught.value, model_kind)
    assert caught.value.partial.choice.text == "".join(one.content for one in seen)
    with pytest.raises(kind):
        assert [one async for one in chat().astream("hi")]
    with pytest.raises(kind):
        chat(streaming=True).invoke("hi")


@pytest.mark.filterwarnings("ignore:.*is in beta")
def test_errors_come_through_v3_events_too(chat, emulator):
    emulator.script(Failure(429))
    with pytest.raises(transport.RateLimitError):
        _ = chat().stream_events("hi", version="v3").output


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9", "http://127.0.0.1:9/v1/"])
async def test_nobody_answers(base_url):
    llm = ChatAnyfast(model="deepseek-v4-pro", base_url=base_url, api_key=KEY, max_retries=0)
    for error in await errors_of(llm):
        assert isinstance(error, transport.APIConnectionError)
        assert isinstance(error, core.ModelConnectionError)
        assert KEY not in _everything(error)


async def test_no_key_is_an_authentication_error_of_the_call(monkeypatch, chat, emulator):
    monkeypatch.delenv("ANYFAST_API_KEY", raising=False)
    for error in await errors_of(chat(api_key=None)):
        assert isinstance(error, core.ModelAuthenticationError)
        assert "ANYFAST_API_KEY" in str(error)
    assert emulator.requests == []


class Listener(BaseCallbackHandler):
    """Keeps all that a tracer hears."""

    def __init__(self):
        self.heard, self.errors, self.tokens = [], [], []

    def on_chat_model_start(self, *args, **kwargs):
        self.heard.append((args, kwargs))

    def on_llm_new_token(self, token, **kwargs):
        self.tokens.append((token, kwargs.get("chunk")))

    def on_llm_end(self, *args, **kwargs):
        self.heard.append((args, kwargs))

    def on_llm_error(self, error, **kwargs):
        self.errors.append(kwargs["response"].generations[0][0].message.response_metadata)


async def test_a_tracer_sees_what_the_gateway_answered(chat, emulator):
    emulator.script(*[Failure(429, "slow down", retry_after=7, headers={"x-extra": "1"})] * 2)
    listener = Listener()
    for ask in (chat().invoke, lambda *args: list(chat().stream(*args))):
        with pytest.raises(transport.RateLimitError) as caught:
            ask("hi", {"callbacks": [listener]})
        seen = listener.errors.pop()
        assert (seen["status_code"], seen["request_id"]) == (429, caught.value.request_id)
        assert "slow down" in seen["body"]["error"]["message"]
        assert (seen["headers"]["retry-after"], seen["headers"]["x-extra"]) == ("7", "1")


async def test_tokens_are_told_to_callbacks(chat, emulator):
    listener, said = Listener(), Answer("abcd", reasoning="efgh", pieces=2)
    emulator.script(*[said] * 4)
    config = {"callbacks": [listener]}
    list(chat().stream("hi", config))
    assert [one async for one in chat().astream("hi", config)]
    chat(streaming=True).invoke("hi", config)
    await chat(streaming=True).ainvoke("hi", config)
    assert [token for token, _ in listener.tokens if token] == ["ab", "cd"] * 4
    thoughts = [chunk.message.additional_kwargs.get("reasoning_content") for _, chunk in listener.tokens]
    assert [one for one in thoughts if one] == ["ef", "gh"] * 4


EMPTY = Answer(reasoning="r" * 30, finish_reason="length")


async def test_an_empty_answer_warns(chat, emulator):
    emulator.script(*[EMPTY] * 4)
    llm = chat()
    for ask in (llm.invoke, lambda prompt: summed(list(llm.stream(prompt)))):
        with pytest.warns(transport.AnyfastWarning, match="spent it all on reasoning .30 characters"):
            answer = ask("hi")
        assert (answer.content, answer.additional_kwargs["reasoning_content"]) == ("", EMPTY.reasoning)
    with pytest.warns(transport.AnyfastWarning, match="raise max_tokens"):
        await llm.ainvoke("hi")
    with pytest.warns(transport.AnyfastWarning, match="raise max_tokens"):
        assert [one async for one in llm.astream("hi")]


@pytest.mark.parametrize("fields", [{"on_empty": "raise"}, {}], ids=["field", "call"])
async def test_an_empty_answer_raises(chat, emulator, fields):
    emulator.script(*[EMPTY] * 4)
    said = {} if fields else {"on_empty": "raise"}
    for error in await errors_of(chat(**fields), **said):
        assert isinstance(error, transport.EmptyAnswerError)
        assert isinstance(error, core.ModelError)
        assert error.completion.choice.reasoning == EMPTY.reasoning
        assert error.completion.usage


async def test_an_empty_answer_is_kept(chat, emulator):
    emulator.script(*[EMPTY] * 10)
    answers = await answers_of(chat(on_empty="keep"))
    assert {one.content for one in answers.values()} == {""}
    assert {one.response_metadata["finish_reason"] for one in answers.values()} == {"length"}


@pytest.mark.parametrize("said", [Answer(reasoning="r", tool_calls=CALLS[:1]), Answer("", usage={})])
def test_an_answer_that_is_not_lost_to_reasoning_is_no_matter(chat, emulator, said):
    emulator.script(said, said)
    llm = chat(on_empty="raise")
    assert len(llm.invoke("hi").tool_calls) == len(summed(list(llm.stream("hi"))).tool_calls) == len(said.tool_calls)


# Copies and secrets --------------------------------------------------------------------------------------------------


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda llm: llm.model_copy(),
    "deep model_copy": lambda llm: llm.model_copy(deep=True),
    "pickle": lambda llm: pickle.loads(pickle.dumps(llm)),  # noqa: S301  # our own
}


@pytest.fixture
def served(monkeypatch):
    """A model on a socket, whose key is in the environment."""
    with Emulator(api_key=KEY) as running:
        monkeypatch.setenv("ANYFAST_API_KEY", KEY)
        monkeypatch.setenv("ANYFAST_BASE_URL", running.base_url)
        yield running


@pytest.mark.parametrize("used", [False, True], ids=["before use", "after use"])
@pytest.mark.parametrize("way", COPIES.values(), ids=COPIES)
async def test_copies_work(served, way, used):
    llm = ChatAnyfast(model="deepseek-v4-pro", temperature=0.5, thinking=True)
    if used:
        llm.invoke("hi")
        await llm.ainvoke("hi")
    other = way(llm)
    assert other.model_dump() == llm.model_dump()
    assert other.invoke("hi").text == (await other.ainvoke("hi")).text == llm.invoke("hi").text
    assert served.requests[-1] == served.requests[-2]
    with pytest.raises(TypeError, match="unknown argument"):
        type(other)(model="x", modle="y")


def test_a_copy_keeps_the_key_and_the_clients_of_its_owner(chat, emulator):
    for llm in (copy.copy(chat()), copy.deepcopy(chat()), chat().model_copy(deep=True)):
        assert llm.invoke("hi").text
    assert len(emulator.requests) == 3


def test_a_pickle_in_a_new_process(served):
    llm = ChatAnyfast(model="deepseek-v4-pro")
    unused, said, used = pickle.dumps(llm), llm.invoke("hi"), pickle.dumps(llm)
    script = "import pickle, sys; print([one.invoke('hi').text for one in pickle.load(sys.stdin.buffer)[:2]])"
    run = subprocess.run(  # noqa: S603  # our own interpreter, our own words
        [sys.executable, "-c", script],
        input=pickle.dumps([pickle.loads(unused), pickle.loads(used), said]),  # noqa: S301  # our own
        capture_output=True,
        check=True,
        env=dict(os.environ),
    )
    assert run.stdout.decode().strip() == repr([said.text] * 2)
    assert KEY.encode() not in unused + used


def _everything(error):
    """An error as anything may print it, the locals of its frames included."""
    told = traceback.TracebackException.from_exception(error, capture_locals=False)
    return "".join(told.format()) + repr(error) + repr(vars(error)) + repr(error.args)


SECRET = "header-secret-42"


@pytest.fixture
def secretive():
    with Emulator(api_key=KEY) as running:
        headers = {"x-secret": SECRET}
        yield (
            running,
            ChatAnyfast(model="deepseek-v4-pro", base_url=running.base_url, api_key=KEY, default_headers=headers),
        )


async def test_no_secret_is_shown(secretive, caplog):
    emulator, llm = secretive
    listener = Listener()
    config = {"callbacks": [listener]}
    with caplog.at_level(logging.DEBUG):
        llm.invoke("hi", config)
        await llm.ainvoke("hi", config)
        assert list(llm.stream("hi", config))
        assert [one async for one in llm.astream_events("hi", version="v2")]
    assert emulator.headers[-1]["x-secret"] == SECRET
    shown = {
        "repr": repr(llm),
        "str": str(llm),
        "rich": repr(list(llm.__rich_repr__())),
        "dumpd": repr(dumpd(llm)),
        "dumps": dumps(llm),
        "pickle": repr(pickle.dumps(llm)),
        "model_dump": repr(llm.model_dump()),
        "model_dump_json": llm.model_dump_json(),
        "python, all": repr(llm.model_dump(exclude_none=True, by_alias=True)),
        "identifying": repr(llm._identifying_params),
        "asdict": repr(llm.asdict()),
        "schema": repr(llm.get_lc_namespace()) + repr(llm.lc_attributes),
        "bound": repr(llm.bind_tools([look])) + dumps(llm.bind_tools([look])),
        "events": repr(listener.heard),
        "logs": caplog.text,
        "cache key": llm._get_llm_string(),
        "config schema": repr(llm.config_schema().model_json_schema()),
    }
    assert {how for how, text in shown.items() if KEY in text or SECRET in text} == set()
    assert shown["dumps"].count("ANYFAST_API_KEY") == 1


@pytest.mark.parametrize(
    "said",
    [Failure(401), Failure(400), Failure(500), Answer("a", cut_after=1), Raw(b"<html>")],
    ids=["401", "400", "500", "cut", "HTML"],
)
async def test_no_secret_is_in_an_error(secretive, caplog, said):
    emulator, llm = secretive
    emulator.script(*[said] * 4)
    with caplog.at_level(logging.DEBUG):
        for error in await errors_of(llm.model_copy(update={"max_retries": 0})):
            assert KEY not in _everything(error)
            assert SECRET not in _everything(error)
            assert KEY.encode() not in pickle.dumps(error)
    assert KEY not in caplog.text


@pytest.mark.parametrize("key", [f"Bearer {KEY}", f"{KEY}\n", f"{KEY} {KEY}", f"{KEY}é", ""])
async def test_a_key_that_is_none_is_told_without_being_shown(monkeypatch, chat, emulator, key):
    monkeypatch.delenv("ANYFAST_API_KEY", raising=False)
    for error in await errors_of(chat(api_key=key)):
        assert isinstance(error, transport.AuthenticationError)
        assert KEY not in _everything(error)
    assert emulator.requests == []


@pytest.mark.parametrize("fields", [{"api_key": KEY, "timeout": "soon"}, {"api_key": {"a": KEY}}, {"temperature": KEY}])
def test_no_secret_is_in_a_validation_error(fields):
    with pytest.raises(ValidationError) as caught:
        ChatAnyfast(model="deepseek-v4-pro", **fields)
    assert KEY not in _everything(caught.value)


def test_a_cache_tells_parameters_apart(chat, emulator):
    cache = InMemoryCache()
    for fields in ({}, {"thinking": False}, {"temperature": 0.5}, {"model": "qwen3.6-flash"}, {}):
        chat(**fields, cache=cache).invoke("hi")
    assert len(emulator.requests) == 4
    llm = chat(cache=cache)
    llm.invoke("hi", max_tokens=400)
    llm.invoke("hi", max_tokens=400)
    assert len(emulator.requests) == 5
    llm.temperature = 1.5
    llm.invoke("hi")
    llm.model_copy(update={"temperature": 1.6}).invoke("hi")
    assert [body.get("temperature") for body in emulator.requests[5:]] == [1.5, 1.6]


def test_a_cache_tells_extra_bodies_apart(chat, emulator):
    cache, bodies = InMemoryCache(), [{"a": 1}, {"a": 2}, {"a": 1}]
    for extra in bodies:
        chat("gpt-4o", extra_body={"metadata": {"k": str(extra["a"])}}, cache=cache).invoke("hi")
        chat("gpt-4o", cache=cache).invoke("hi", extra_body={"metadata": {"k": str(extra["a"])}})
    assert len(emulator.requests) == 4


def test_headers_for_one_call(chat, emulator):
    llm = chat(default_headers={"x-a": "1"})
    llm.invoke("hi", extra_headers={"x-b": "2"})
    llm.invoke("hi")
    assert [(one.get("x-a"), one.get("x-b")) for one in emulator.headers] == [("1", "2"), ("1", None)]


def test_what_may_hold_a_secret_is_not_told(chat, emulator):
    hidden = {"token": SECRET}
    llm = chat("gpt-4o", extra_body={"metadata": hidden}, default_headers=hidden)
    with collect_runs() as runs:
        llm.invoke("hi", extra_headers=hidden, extra_body={"metadata": hidden})
    shown = [dumps(llm), repr(llm), str(llm), repr(llm._identifying_params), llm._get_llm_string()]
    (run,) = runs.traced_runs
    assert not any(SECRET in one for one in [*shown, run.model_dump_json(exclude={"events"})])
    assert emulator.requests[0]["metadata"] == hidden


# Where the gateway is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://gw.example/v1", "https://gw.example/v1"),
        ("https://gw.example/v1/", "https://gw.example/v1"),
        ("https://gw.example", "https://gw.example/v1"),
        ("https://gw.example/", "https://gw.example/v1"),
        ("gw.example", "https://gw.example/v1"),
        ("localhost:8000", "http://localhost:8000/v1"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("https://gw.example/v1/chat/completions", "https://gw.example/v1"),
        ("https://gw.example/v1/chat/completions/", "https://gw.example/v1"),
        ("https://gw.example/api/v3", "https://gw.example/api/v3"),
        (" https://gw.example/v1 ", "https://gw.example/v1"),
    ],
)
def test_forms_of_the_base_url(monkeypatch, given, expected):
    assert ChatAnyfast(model="m", base_url=given).base_url == expected
    assert ChatAnyfast(model="m", api_base=given).base_url == expected
    monkeypatch.setenv("ANYFAST_API_BASE", given)
    assert ChatAnyfast(model="m").base_url == expected
    monkeypatch.setenv("ANYFAST_BASE_URL", given)
    monkeypatch.setenv("ANYFAST_API_BASE", "https://other.example")
    assert ChatAnyfast(model="m").base_url == expected


def test_the_environment(monkeypatch):
    for name in ("ANYFAST_API_KEY", "ANYFAST_BASE_URL", "ANYFAST_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    llm = ChatAnyfast(model="m")
    assert (llm.api_key, llm.base_url) == (None, "https://www.anyfast.ai/v1")
    with Emulator(api_key=KEY) as emulator:
        monkeypatch.setenv("ANYFAST_API_KEY", KEY)
        assert llm.model_copy(update={"base_url": emulator.base_url, "model": "gpt-4o"}).invoke("hi").text
        assert ChatAnyfast(model="m").api_key.get_secret_value() == KEY
        assert ChatAnyfast(model="m", api_key="mine").api_key.get_secret_value() == "mine"


def test_model_name_is_another_name_of_model():
    llm = ChatAnyfast(model_name="gpt-4o")
    assert (llm.model, llm.model_name) == ("gpt-4o", "gpt-4o")


def test_default_headers_are_sent(chat, emulator):
    chat(default_headers={"X-Team": "a"}).invoke("hi")
    assert emulator.headers[-1]["x-team"] == "a"


# LangChain's lists ---------------------------------------------------------------------------------------------------


@pytest.fixture
def _lists_as_they_were(monkeypatch):
    loading = importlib.import_module("langchain_core.load.load")
    monkeypatch.setattr(base, "_BUILTIN_PROVIDERS", dict(base._BUILTIN_PROVIDERS))
    monkeypatch.setattr(loading, "ALL_SERIALIZABLE_MAPPINGS", dict(loading.ALL_SERIALIZABLE_MAPPINGS))
    monkeypatch.setattr(loading, "DEFAULT_NAMESPACES", list(loading.DEFAULT_NAMESPACES))
    monkeypatch.setattr(loading, "_default_class_paths_cache", {})


@pytest.mark.usefixtures("_lists_as_they_were")
def test_init_chat_model_finds_it_once_registered(served):
    base._BUILTIN_PROVIDERS.pop("anyfast", None)
    with pytest.raises(ValueError, match="upported provider"):
        init_chat_model("anyfast:deepseek-v4-pro")
    register()
    llm = init_chat_model("anyfast:deepseek-v4-pro", temperature=0.5)
    assert isinstance(llm, ChatAnyfast)
    assert llm.invoke("hi").text
    assert init_chat_model("qwen3.6-flash", model_provider="anyfast").model == "qwen3.6-flash"
    configurable = init_chat_model(model_provider="anyfast")
    assert configurable.invoke("hi", {"configurable": {"model": "gpt-4o"}}).text
    assert served.requests[0]["temperature"] == 0.5
    assert served.requests[-1]["model"] == "gpt-4o"


@pytest.mark.filterwarnings("ignore:.*is in beta")
@pytest.mark.usefixtures("_lists_as_they_were")
def test_load_accepts_it_once_enabled(monkeypatch):
    monkeypatch.setenv("ANYFAST_API_KEY", KEY)
    llm = ChatAnyfast(
        model="deepseek-v4-pro",
        thinking=True,
        stop="a",
        timeout=5,
        streaming=True,
    )
    enable_load()
    again = load(json.loads(dumps(llm)), allowed_objects="all", secrets_from_env=True)
    assert again.model_dump() == llm.model_dump()
    assert again.api_key.get_secret_value() == KEY


@pytest.mark.parametrize(
    ("do", "module", "name"),
    [
        (register, "langchain.chat_models.base", "_BUILTIN_PROVIDERS"),
        (enable_load, "langchain_core.load.load", "ALL_SERIALIZABLE_MAPPINGS"),
    ],
)
def test_a_langchain_that_has_changed_is_told_plainly(monkeypatch, do, module, name):
    monkeypatch.delattr(importlib.import_module(module), name)
    with pytest.raises(RuntimeError, match=r"keeps its list of .* elsewhere"):
        do()


@pytest.mark.filterwarnings("ignore:.*is in beta")
def test_load_accepts_it_when_it_is_named(monkeypatch):
    llm = ChatAnyfast(model="deepseek-v4-pro", thinking=True, api_key=KEY)
    again = load(
        dumpd(llm),
        allowed_objects=[ChatAnyfast],
        valid_namespaces=["langchain_anyfast"],
        secrets_map={"ANYFAST_API_KEY": KEY},
    )
    assert again.model_dump() == llm.model_dump()
    assert again.api_key == llm.api_key


def test_what_a_tracer_is_told(chat):
    llm = chat(temperature=0.5, max_tokens=400, stop=["a"])
    told = llm._get_ls_params(stop=["b"], model="gpt-4o", max_tokens=9)
    assert (told["ls_provider"], told["ls_model_name"], told["ls_max_tokens"], told["ls_stop"]) == (
        "anyfast",
        "gpt-4o",
        9,
        ["b"],
    )
    told = llm._get_ls_params()
    assert (told["ls_model_name"], told["ls_temperature"], told["ls_max_tokens"]) == ("deepseek-v4-pro", 0.5, 400)
    assert llm._llm_type == "anyfast-chat"


# Threads and loops ---------------------------------------------------------------------------------------------------


def test_ten_loops_one_after_the_other(served):
    llm = ChatAnyfast(model="deepseek-v4-pro", max_retries=0)

    async def ask():
        pieces = [one async for one in llm.astream("hi")]
        return summed(pieces).text, (await llm.ainvoke("hi")).text, llm.invoke("hi").text

    said = {text for _ in range(10) for text in asyncio.run(ask())}
    assert len(said) == 1
    assert len(served.requests) == 30


def test_eight_threads_with_a_loop_each(served):
    llm, said = ChatAnyfast(model="deepseek-v4-pro", max_retries=0), []

    async def ask():
        answers = await asyncio.gather(*(llm.ainvoke("hi") for _ in range(5)))
        said.extend([*(one.text for one in answers), llm.invoke("hi").text])

    threads = [threading.Thread(target=lambda: asyncio.run(ask())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(said), len(set(said))) == (48, 1)
    assert len(served.requests) == 48


async def test_connections_are_shared_and_can_be_closed(served):
    with ChatAnyfast(model="deepseek-v4-pro") as llm:
        for _ in range(3):
            llm.invoke("hi")
            ChatAnyfast(model="qwen3.6-flash").invoke("hi")
    assert served.connections == 1
    async with ChatAnyfast(model="deepseek-v4-pro") as llm:
        for _ in range(3):
            await llm.ainvoke("hi")
    assert served.connections == 2
    assert llm.invoke("hi").text
    assert (await llm.ainvoke("hi")).text
    llm.close()
    await llm.aclose()


def test_retries_are_exactly_as_many_as_were_asked_for(chat, emulator, monkeypatch):
    monkeypatch.setattr("anyfast_transport.http.sender.time.sleep", lambda _: None)
    emulator.script(Failure(500), Failure(429), Answer("a"), Failure(500), Failure(500), Failure(500))
    answer = chat(max_retries=2).invoke("hi")
    assert (answer.text, answer.response_metadata["retries"], len(emulator.requests)) == ("a", 2, 3)
    with pytest.raises(core.ModelAPIError):
        list(chat(max_retries=2).stream("hi"))
    assert len(emulator.requests) == 6
