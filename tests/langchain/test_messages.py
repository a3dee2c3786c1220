"""LangChain's messages → the wire, exactly; and what becomes of the wire's answers."""

import copy
import json
import pickle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.load import dumps, load
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.messages.tool import invalid_tool_call, tool_call

from anyfast_emulator.answers import Answer, Raw, ToolCall
from anyfast_transport import StreamDecoder, UnsupportedParameterError, decode_completion
from anyfast_transport.errors import AuthenticationError
from anyfast_transport.response import tool_calls as calls
from langchain_anyfast.messages import (
    decode_delta,
    decode_message,
    encode_messages,
    last_chunk,
    spoiler,
    usage_metadata,
)

URL = "https://example.com/a"
DATA = "aGVsbG8="
THOUGHT = "  First:\n\n  “思考” — then 𝄞.\t "

CALL = tool_call(name="look", args={"city": "北京"}, id="call_1")
WIRE_CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"city": "北京"}'}}


def body_of(chat, emulator, messages, model="deepseek-v4-pro", **fields):
    """The body that a conversation becomes, taken by a strict gateway."""
    chat(model, **fields).invoke(messages)
    return emulator.requests[-1]


# What we send: one message after the other ---------------------------------------------------------------------------


MESSAGES = {
    "system": (SystemMessage("be brief"), {"role": "system", "content": "be brief"}),
    "user": (HumanMessage("hi"), {"role": "user", "content": "hi"}),
    "user with a name": (HumanMessage("hi", name="Ann"), {"role": "user", "content": "hi", "name": "Ann"}),
    "a piece of a user message": (HumanMessageChunk(content="hi"), {"role": "user", "content": "hi"}),
    "assistant": (AIMessage("hello"), {"role": "assistant", "content": "hello"}),
    "assistant with a name": (AIMessage("a", name="bot"), {"role": "assistant", "content": "a", "name": "bot"}),
    "assistant in pieces": (AIMessageChunk(content="hello"), {"role": "assistant", "content": "hello"}),
    "prefix": (
        AIMessage("{", additional_kwargs={"prefix": True}),
        {"role": "assistant", "content": "{", "prefix": True},
    ),
    "no prefix": (AIMessage("{", additional_kwargs={"prefix": False}), {"role": "assistant", "content": "{"}),
    "another role": (ChatMessage("be brief", role="developer"), {"role": "developer", "content": "be brief"}),
    "function": (
        FunctionMessage("1", name="f"),
        {"role": "function", "content": "1", "name": "f", "tool_call_id": "f"},
    ),
    "reasoning": (
        AIMessage("a", additional_kwargs={"reasoning_content": THOUGHT}),
        {"role": "assistant", "content": "a", "reasoning_content": THOUGHT},
    ),
    "reasoning of nothing": (
        AIMessage("a", additional_kwargs={"reasoning_content": ""}),
        {"role": "assistant", "content": "a"},
    ),
    "reasoning that is null": (
        AIMessage("a", additional_kwargs={"reasoning_content": None}),
        {"role": "assistant", "content": "a"},
    ),
    "a reasoning block": (
        AIMessage([{"type": "reasoning", "reasoning": THOUGHT}, {"type": "text", "text": "a"}]),
        {"role": "assistant", "content": "a", "reasoning_content": THOUGHT},
    ),
    "two reasoning blocks": (
        AIMessage([{"type": "reasoning", "reasoning": "a "}, {"type": "reasoning", "reasoning": "b"}]),
        {"role": "assistant", "content": "", "reasoning_content": "a b"},
    ),
    "Anthropic's thinking": (
        AIMessage([{"type": "thinking", "thinking": THOUGHT, "signature": "s"}, {"type": "text", "text": "a"}]),
        {"role": "assistant", "content": "a", "reasoning_content": THOUGHT},
    ),
    "reasoning said twice": (
        AIMessage([{"type": "reasoning", "reasoning": "block"}], additional_kwargs={"reasoning_content": "kwarg"}),
        {"role": "assistant", "content": "", "reasoning_content": "kwarg"},
    ),
    "a call": (AIMessage("", tool_calls=[CALL]), {"role": "assistant", "content": "", "tool_calls": [WIRE_CALL]}),
    "a call without arguments": (
        AIMessage("", tool_calls=[tool_call(name="now", args={}, id="c")]),
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "now", "arguments": "{}"}}],
        },
    ),
    "a call that is a block": (
        AIMessage(content_blocks=[{"type": "text", "text": "a"}, CALL]),
        {"role": "assistant", "content": "a", "tool_calls": [WIRE_CALL]},
    ),
    "Anthropic's tool_use beside the call": (
        AIMessage(
            [{"type": "text", "text": "a"}, {"type": "tool_use", "id": "call_1", "name": "look", "input": {}}],
            tool_calls=[CALL],
        ),
        {"role": "assistant", "content": "a", "tool_calls": [WIRE_CALL]},
    ),
    "what the server put on a call": (
        AIMessage("", tool_calls=[CALL], additional_kwargs={"tool_call_extras": {"call_1": {"x": {"y": 1}}}}),
        {"role": "assistant", "content": "", "tool_calls": [{**WIRE_CALL, "x": {"y": 1}}]},
    ),
    "what the server put on the message": (
        AIMessage("a", additional_kwargs={"extra_content": {"google": {"thought_signature": "s"}}}),
        {"role": "assistant", "content": "a", "extra_content": {"google": {"thought_signature": "s"}}},
    ),
    "another vendor's additional_kwargs": (
        AIMessage("a", additional_kwargs={"function_call": {}, "refusal": "no"}, response_metadata={"x": 1}),
        {"role": "assistant", "content": "a"},
    ),
    "a call with broken arguments": (
        AIMessage("", invalid_tool_calls=[invalid_tool_call(name="look", args='{"a": ', id="c", error="cut")]),
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "c",
                    "type": "function",
                    "function": {"name": "look", "arguments": '{"a": '},
                }
            ],
        },
    ),
    "a call with neither name nor arguments": (
        AIMessage("", invalid_tool_calls=[invalid_tool_call(name=None, args=None, id="c", error="?")]),
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "", "arguments": "{}"}}],
        },
    ),
    "tool": (ToolMessage("12°", tool_call_id="c"), {"role": "tool", "content": "12°", "tool_call_id": "c"}),
    "tool that failed": (
        ToolMessage("no", tool_call_id="c", name="look", status="error", artifact={"secret": 1}),
        {"role": "tool", "content": "no", "name": "look", "tool_call_id": "c"},
    ),
    "tool with a list": (
        ToolMessage([{"type": "text", "text": "a"}, "b"], tool_call_id="c"),
        {
            "role": "tool",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            "tool_call_id": "c",
        },
    ),
    "no content at all": (HumanMessage([]), {"role": "user", "content": ""}),
    "nothing that goes out": (AIMessage([{"type": "tool_use", "id": "c"}]), {"role": "assistant", "content": ""}),
    "an assistant's refusal": (
        AIMessage([{"type": "refusal", "refusal": "I will not."}]),
        {"role": "assistant", "content": "I will not."},
    ),
    "an assistant's pieces": (
        AIMessage(["a", {"type": "text", "text": "b", "annotations": []}]),
        {"role": "assistant", "content": "ab"},
    ),
    "an assistant's image": (
        AIMessage([{"type": "text", "text": "Look: "}, {"type": "image_url", "image_url": {"url": URL}}]),
        {"role": "assistant", "content": f"Look: ![image]({URL})"},
    ),
    "an assistant's image block": (
        AIMessage([{"type": "image", "base64": DATA, "mime_type": "image/webp"}]),
        {"role": "assistant", "content": f"![image](data:image/webp;base64,{DATA})"},
    ),
}


@pytest.mark.parametrize(("message", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_a_message_on_the_wire(message, expected):
    before = copy.deepcopy(message)
    assert encode_messages([message]) == [expected]
    assert message == before


def test_no_message_has_null_for_content():
    wire = encode_messages([message for message, _ in MESSAGES.values()])
    assert len(wire) == len(MESSAGES)
    assert all(isinstance(one["content"], str | list) for one in wire)


def test_a_message_that_is_none_is_refused():
    with pytest.raises(UnsupportedParameterError, match="RemoveMessage"):
        encode_messages([RemoveMessage(id="1")])


def test_a_call_without_an_id_gets_one(chat, emulator):
    history = [HumanMessage("a"), AIMessage("", tool_calls=[tool_call(name="f", args={}, id=None)])]
    assert body_of(chat, emulator, history)["messages"][1]["tool_calls"][0]["id"] == "call"


# What we send: one content block after the other ---------------------------------------------------------------------


def image(url, **more):
    return {"type": "image_url", "image_url": {"url": url, **more}}


def video(url, **more):
    return {"type": "video_url", "video_url": {"url": url, **more}}


def audio(form):
    return {"type": "input_audio", "input_audio": {"data": DATA, "format": form}}


def file(name="document.pdf", mime="application/pdf"):
    return {"type": "file", "file": {"filename": name, "file_data": f"data:{mime};base64,{DATA}"}}


def b64(mime):
    return f"data:{mime};base64,{DATA}"


BLOCKS = {
    "text": ({"type": "text", "text": "a"}, {"type": "text", "text": "a"}),
    "a string": ("a", {"type": "text", "text": "a"}),
    "text with extras": (
        {"type": "text", "text": "a", "id": "1", "index": 0, "annotations": [], "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "a"},
    ),
    "v1 image url": ({"type": "image", "url": URL}, image(URL)),
    "v1 image base64": ({"type": "image", "base64": DATA, "mime_type": "image/jpeg"}, image(b64("image/jpeg"))),
    "v1 image detail": ({"type": "image", "url": URL, "extras": {"detail": "low"}}, image(URL, detail="low")),
    "v1 image detail beside": ({"type": "image", "url": URL, "detail": "low"}, image(URL, detail="low")),
    "v1 image without a type": ({"type": "image", "base64": DATA}, image(b64("image/png"))),
    "v0 image url": ({"type": "image", "source_type": "url", "url": URL}, image(URL)),
    "v0 image base64": (
        {"type": "image", "source_type": "base64", "data": DATA, "mime_type": "image/jpeg"},
        image(b64("image/jpeg")),
    ),
    "OpenAI's image": (image(URL, detail="high"), image(URL, detail="high")),
    "OpenAI's image, cached": ({**image(URL), "cache_control": {"type": "ephemeral"}}, image(URL)),
    "Anthropic's image": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": DATA}},
        image(b64("image/gif")),
    ),
    "Anthropic's image url": ({"type": "image", "source": {"type": "url", "url": URL}}, image(URL)),
    "v1 video url": ({"type": "video", "url": URL, "extras": {"fps": 0.5}}, video(URL, fps=0.5)),
    "v1 video base64": ({"type": "video", "base64": DATA, "mime_type": "video/webm"}, video(b64("video/webm"))),
    "OpenAI-like video": (video(URL, fps=2), video(URL, fps=2)),
    "v1 audio": ({"type": "audio", "base64": DATA, "mime_type": "audio/wav"}, audio("wav")),
    "v1 audio mp3": ({"type": "audio", "base64": DATA, "mime_type": "audio/mpeg"}, audio("mp3")),
    "v0 audio": ({"type": "audio", "source_type": "base64", "data": DATA, "mime_type": "audio/wav"}, audio("wav")),
    "OpenAI's audio": (audio("mp3"), audio("mp3")),
    "v1 file": ({"type": "file", "base64": DATA, "mime_type": "application/pdf"}, file()),
    "v1 file with a name": (
        {"type": "file", "base64": DATA, "mime_type": "text/csv", "extras": {"filename": "a.csv"}},
        file("a.csv", "text/csv"),
    ),
    "v0 file": ({"type": "file", "source_type": "base64", "data": DATA, "mime_type": "application/pdf"}, file()),
    "OpenAI's file": (file("a.pdf"), file("a.pdf")),
    "Anthropic's document": (
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": DATA}},
        file(),
    ),
    "Anthropic's document of text": (
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a"}},
        {"type": "text", "text": "a"},
    ),
    "v1 plain text": (
        {"type": "text-plain", "text": "a", "mime_type": "text/plain"},
        {"type": "text", "text": "a"},
    ),
    "v0 plain text": (
        {"type": "file", "source_type": "text", "text": "a", "mime_type": "text/plain"},
        {"type": "text", "text": "a"},
    ),
    "refusal": ({"type": "refusal", "refusal": "no"}, {"type": "text", "text": "no"}),
    "what nobody knows": ({"type": "new", "x": 1, "cache_control": {}}, {"type": "new", "x": 1}),
}


@pytest.mark.parametrize(("block", "expected"), BLOCKS.values(), ids=BLOCKS)
def test_a_content_block_on_the_wire(block, expected):
    before = copy.deepcopy(block)
    assert encode_messages([HumanMessage([block])])[0]["content"] == [expected]
    assert block == before


@pytest.mark.parametrize(
    "block",
    [
        {"type": "reasoning", "reasoning": "r"},
        {"type": "thinking", "thinking": "r"},
        {"type": "redacted_thinking", "data": "r"},
        {"type": "tool_use", "id": "1", "name": "f", "input": {}},
        {"type": "tool_call", "id": "1", "name": "f", "args": {}},
        {"type": "input_json_delta", "partial_json": ""},
        {"type": "non_standard", "value": {"type": "web_search"}},
    ],
    ids=lambda block: block["type"],
)
def test_a_block_that_has_no_place_in_content_is_left_out(block):
    assert encode_messages([AIMessage(["a", block])])[0]["content"] == "a"


@pytest.mark.parametrize(
    ("block", "parameter"),
    [
        ({"type": "image", "file_id": "f"}, "image"),
        ({"type": "video", "file_id": "f"}, "video"),
        ({"type": "file", "file_id": "f"}, "file"),
        ({"type": "audio", "url": URL}, "audio"),
        ({"type": "text-plain", "url": URL}, "text-plain"),
    ],
    ids=["image", "video", "file", "audio", "text"],
)
def test_a_medium_that_the_wire_cannot_carry_is_refused_before_sending(chat, emulator, block, parameter):
    with pytest.raises(UnsupportedParameterError) as caught:
        chat("gemini-2.5-pro").invoke([HumanMessage([block])])
    assert caught.value.parameter == parameter
    assert emulator.requests == []


# What we send: whole bodies ------------------------------------------------------------------------------------------


QUESTION = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("deepseek-v4-pro", {}),
        ("deepseek-v4-flash", {}),
        ("qwen3.6-flash", {"enable_thinking": False}),
        ("doubao-seed-evolving", {}),
        ("gemini-2.5-pro", {}),
        ("gpt-4o", {}),
    ],
)
def test_the_whole_body(chat, emulator, model, fields):
    assert body_of(chat, emulator, "hi", model) == {"model": model, "messages": [QUESTION], **fields}
    list(chat(model).stream("hi"))
    streamed = {"stream": True, "stream_options": {"include_usage": True}}
    assert emulator.requests[-1] == {"model": model, "messages": [QUESTION], **fields, **streamed}


@pytest.mark.parametrize(("model", "named"), [("deepseek-v4-pro", True), ("qwen3.6-flash", False), ("gpt-4o", True)])
def test_names_go_where_they_are_documented(chat, emulator, model, named):
    history = [HumanMessage("hi", name="Ann"), AIMessage("a", name="bot"), HumanMessage("b", name="Ann")]
    sent = body_of(chat, emulator, history, model)["messages"]
    assert [one.get("name") for one in sent] == (["Ann", "bot", "Ann"] if named else [None] * 3)


def test_a_prefix_goes_last_and_without_reasoning(chat, emulator):
    prefix = AIMessage("{", additional_kwargs={"prefix": True, "reasoning_content": "r"})
    sent = body_of(chat, emulator, [HumanMessage("hi"), prefix])["messages"]
    assert sent == [QUESTION, {"role": "assistant", "content": "{", "prefix": True}]


def test_a_prefix_of_an_earlier_turn_is_an_ordinary_turn(chat, emulator):
    history = [HumanMessage("hi"), AIMessage("{", additional_kwargs={"prefix": True}), HumanMessage("on")]
    turn = body_of(chat, emulator, history, thinking=False)["messages"][1]
    assert turn == {"role": "assistant", "content": "{"}


@pytest.mark.parametrize(
    ("model", "messages", "words"),
    [
        ("qwen3.6-flash", [HumanMessage("hi"), AIMessage("{", additional_kwargs={"prefix": True})], "no prefix"),
        ("deepseek-v4-pro", [HumanMessage([{"type": "image", "url": URL}])], "image_url"),
        ("glm-5.2", [HumanMessage(["see", image(URL)])], "image_url"),
        ("deepseek-v4-pro", [HumanMessage([{"type": "video", "url": URL}])], "video_url"),
        ("qwen3.6-flash", [HumanMessage([audio("wav")])], "input_audio"),
        ("doubao-seed-evolving", [HumanMessage([file()])], "file"),
        ("deepseek-v4-pro", [], "no message"),
    ],
)
async def test_what_the_model_does_not_take_is_refused_before_sending(chat, emulator, model, messages, words):
    with pytest.raises(UnsupportedParameterError, match=words):
        chat(model).invoke(messages)
    with pytest.raises(UnsupportedParameterError, match=words):
        await chat(model).ainvoke(messages)
    with pytest.raises(UnsupportedParameterError, match=words):
        list(chat(model).stream(messages))
    assert emulator.requests == []


@pytest.mark.filterwarnings("ignore::anyfast_transport.AnyfastWarning")
def test_an_image_of_a_tool_is_left_out_for_a_model_that_sees_nothing(chat, emulator):
    result = ToolMessage(["a screen", image(URL)], tool_call_id="call_1")
    answer = chat().invoke([HumanMessage("hi"), AIMessage("", tool_calls=[CALL]), result])
    assert emulator.last_request["messages"][-1] == {
        "role": "tool",
        "tool_call_id": "call_1",
        "content": "a screen\n[image_url left out: deepseek-v4-pro takes none]",
    }
    assert answer.response_metadata["repairs"]


def test_an_image_of_a_tool_goes_behind_the_results(chat, emulator):
    history = [
        HumanMessage("hi"),
        AIMessage("", tool_calls=[CALL, {**CALL, "id": "call_2"}]),
        ToolMessage([{"type": "text", "text": "see"}, {"type": "image", "url": URL}], tool_call_id="call_1"),
        ToolMessage("nothing", tool_call_id="call_2", status="error"),
    ]
    before = copy.deepcopy(history)
    assert body_of(chat, emulator, history, "qwen3.6-flash")["messages"] == [
        QUESTION,
        {"role": "assistant", "content": "", "tool_calls": [WIRE_CALL, {**WIRE_CALL, "id": "call_2"}]},
        {"role": "tool", "content": "see", "tool_call_id": "call_1"},
        {"role": "tool", "content": "nothing", "tool_call_id": "call_2"},
        {"role": "user", "content": [{"type": "text", "text": "From tool call call_1:"}, image(URL)]},
    ]
    assert history == before


def test_text_in_parts_is_one_string_for_a_model_that_knows_no_parts(chat, emulator):
    question = [HumanMessage(["a", {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}])]
    assert body_of(chat, emulator, question)["messages"] == [{"role": "user", "content": "a\nb"}]
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert body_of(chat, emulator, question, "qwen3.6-flash")["messages"] == [{"role": "user", "content": parts}]


MEDIA = [
    ("qwen3.6-flash", {"type": "image", "url": URL, "extras": {"detail": "low"}}, image(URL, detail="low")),
    ("qwen3.6-flash", {"type": "video", "url": URL, "extras": {"fps": 2}}, video(URL, fps=2)),
    ("doubao-seed-evolving", {"type": "image", "base64": DATA, "mime_type": "image/png"}, image(b64("image/png"))),
    ("doubao-seed-evolving", {"type": "video", "base64": DATA, "mime_type": "video/mp4"}, video(b64("video/mp4"))),
    ("gemini-2.5-pro", {"type": "audio", "base64": DATA, "mime_type": "audio/wav"}, audio("wav")),
    ("gemini-2.5-pro", audio("wav"), audio("wav")),
    ("gemini-2.5-pro", {"type": "file", "base64": DATA, "mime_type": "application/pdf", "filename": "a"}, file("a")),
    ("gemini-2.5-pro", file("a.pdf"), file("a.pdf")),
]


@pytest.mark.parametrize(("model", "block", "part"), MEDIA)
def test_media_reach_the_models_that_take_them(chat, emulator, model, block, part):
    question = [HumanMessage(["see", block])]
    before = copy.deepcopy(question)
    sent = body_of(chat, emulator, question, model)["messages"]
    assert sent == [{"role": "user", "content": [{"type": "text", "text": "see"}, part]}]
    assert question == before


REASONED = [
    HumanMessage("a"),
    AIMessage("b", additional_kwargs={"reasoning_content": "old"}),
    HumanMessage("c"),
    AIMessage([{"type": "reasoning", "reasoning": "new"}], tool_calls=[CALL]),
    ToolMessage("12°", tool_call_id="call_1"),
]


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        ("deepseek-v4-pro", {}, ["old", "new"]),
        ("deepseek-v4-pro", {"thinking": False}, [None, None]),
        ("deepseek-v4-pro", {"thinking": False, "reasoning_replay": "always"}, ["old", "new"]),
        ("qwen3.6-flash", {"thinking": True}, [None, "new"]),
        ("qwen3.6-flash", {"thinking": True, "reasoning_replay": "never"}, [None, None]),
        ("qwen3.6-flash", {}, [None, None]),
        ("doubao-seed-evolving", {}, [None, "new"]),
        ("gemini-2.5-pro", {}, [None, None]),
        ("gemini-2.5-pro", {"reasoning_replay": "always"}, ["old", "new"]),
        ("gpt-4o", {}, [None, None]),
    ],
)
def test_reasoning_goes_back_by_the_familys_rule(chat, emulator, model, fields, expected):
    sent = body_of(chat, emulator, REASONED, model, **fields)["messages"]
    assert [one.get("reasoning_content") for one in sent if one["role"] == "assistant"] == expected


def test_a_turn_that_never_had_reasoning_gets_a_placeholder_where_one_is_demanded(chat, emulator):
    history = [HumanMessage("a"), AIMessage("", tool_calls=[CALL]), ToolMessage("12°", tool_call_id="call_1")]
    assert body_of(chat, emulator, history)["messages"][1]["reasoning_content"] == " "


@pytest.mark.parametrize("model", ["deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving", "gemini-3-pro-preview"])
def test_a_broken_call_and_its_answer_go_back(chat, emulator, model):
    history = [
        HumanMessage("hi"),
        AIMessage("", invalid_tool_calls=[invalid_tool_call(name="look", args='{"a', id="c", error="cut")]),
        ToolMessage("That was no JSON.", tool_call_id="c", status="error"),
    ]
    sent = body_of(chat, emulator, history, model)["messages"]
    assert sent[1]["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"unreadable": "{\\"a"}'}


def test_a_foreign_history_goes_through(chat, emulator):
    """Anthropic's, as LangChain's own suite writes it."""
    history = [
        SystemMessage([{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}]),
        HumanMessage([{"type": "text", "text": "weather?", "cache_control": {"type": "ephemeral"}}]),
        AIMessage(
            [
                {"type": "thinking", "thinking": "Let me look.", "signature": "s"},
                {"type": "text", "text": "One moment."},
                {"type": "tool_use", "id": "call_1", "name": "look", "input": {"city": "北京"}},
            ],
            tool_calls=[CALL],
            response_metadata={"model_provider": "anthropic"},
        ),
        ToolMessage([{"type": "text", "text": "12°"}], tool_call_id="call_1", name="look"),
    ]
    assert body_of(chat, emulator, history)["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": "One moment.",
            "reasoning_content": "Let me look.",
            "tool_calls": [WIRE_CALL],
        },
        {"role": "tool", "content": "12°", "tool_call_id": "call_1"},
    ]


# What we make of an answer -------------------------------------------------------------------------------------------


def whole(message, finish="stop", **more):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return decode_completion(json.dumps({"id": "1", "model": "m", "choices": [choice], **more}).encode())


def decoded(message, finish="stop", **more):
    completion = whole(message, finish, **more)
    return decode_message(completion, completion.choice)


def events(*deltas, finish="stop", **last):
    """The bytes of a stream whose every event repeats what gateways repeat."""
    head = {"id": "1", "object": "chat.completion.chunk", "created": 7, "model": "m", "system_fingerprint": "f"}
    frames = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    ends = [{**head, "choices": [{"index": 0, "delta": {}, "finish_reason": one}], **last} for one in finish.split()]
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in [*frames, *ends]) + b"data: [DONE]\n\n"


def chunks(data):
    decoder = StreamDecoder()
    pieces = [decode_delta(delta) for delta in decoder.feed(data)]
    return [*pieces, *(decode_delta(delta) for delta in decoder.finish()), last_chunk(decoder.completion)]


def summed(data):
    first, *rest = chunks(data)
    return sum(rest, first)


def wire_call(arguments, **more):
    return {"id": "c", "type": "function", "function": {"name": "look", "arguments": arguments}, **more}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"content": "a", "reasoning_content": THOUGHT}, ("a", THOUGHT)),
        ({"content": "a", "reasoning": THOUGHT}, ("a", THOUGHT)),
        ({"content": "a", "reasoning_content": THOUGHT, "reasoning": THOUGHT}, ("a", THOUGHT)),
        ({"content": "a", "reasoning_content": ""}, ("a", None)),
        ({"content": "a", "reasoning_content": None}, ("a", None)),
        ({"content": None, "reasoning_content": THOUGHT}, ("", THOUGHT)),
        ({"content": [{"type": "text", "text": "a"}]}, ("a", None)),
    ],
)
def test_text_and_reasoning(message, expected):
    for answer in (decoded(message), summed(events(message))):
        assert (answer.content, answer.additional_kwargs.get("reasoning_content")) == expected


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize(
    ("arguments", "args"), [('{"a": 1}', {"a": 1}), ("", {}), (None, {}), ({"a": "é"}, {"a": "é"}), ("null", {})]
)
def test_a_call(arguments, args, how):
    message = {"content": None, "tool_calls": [wire_call(arguments)]}
    answer = decoded(message, "tool_calls") if how == "whole" else summed(events(message, finish="tool_calls"))
    expected = [{"type": "tool_call", "name": "look", "args": args, "id": "c"}]
    assert (answer.content, answer.tool_calls, answer.invalid_tool_calls) == ("", expected, [])


@pytest.mark.parametrize("arguments", ['{"a": ', '{"a": "b', "[1]", '"a"', "{'a': 1}", "nonsense", '{"a": [{"b": "\\'])
@pytest.mark.parametrize("finish", ["tool_calls", "length"])
def test_a_call_that_must_not_be_executed(arguments, finish):
    message = {"content": None, "tool_calls": [wire_call(arguments), {**wire_call("{}"), "id": "d", "index": 1}]}
    answer = decoded(message, finish)
    assert [(one["name"], one["args"], one["id"]) for one in answer.invalid_tool_calls] == [("look", arguments, "c")]
    assert ("token limit" if finish == "length" else "not a JSON object") in answer.invalid_tool_calls[0]["error"]
    streamed = summed(events(message, finish=finish))
    assert [(one["name"], one["id"]) for one in streamed.invalid_tool_calls] == [("look", "c")]
    assert [one["id"] for one in answer.tool_calls] == [one["id"] for one in streamed.tool_calls] == ["d"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
UNHURRIED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
OBJECTS = st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=4)


def in_pieces(arguments, size, finish="length"):
    """A stream whose one call has its arguments in pieces."""
    first = {"tool_calls": [{"index": 0, **wire_call("")}]}
    rest = [arguments[at : at + size] for at in range(0, len(arguments), size)]
    deltas = [{"tool_calls": [{"index": 0, "function": {"arguments": one}}]} for one in rest]
    return events(first, *deltas, finish=finish)


@UNHURRIED
@given(OBJECTS, st.data(), st.booleans(), st.integers(2, 20))
def test_a_call_whose_arguments_were_cut_is_never_a_call(value, data, ascii_only, size):
    text = json.dumps(value, ensure_ascii=ascii_only)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    answer = summed(in_pieces(cut, size))
    assert answer.tool_calls == []
    assert [(one["name"], one["id"]) for one in answer.invalid_tool_calls] == [("look", "c")]
    assert answer.invalid_tool_calls[0]["args"].startswith(cut)


@UNHURRIED
@given(st.text() | st.text('{}[]":,\\ ', max_size=8))
def test_a_call_with_any_other_text_is_never_a_call(text):
    call = calls.checked(calls.ToolCall("c", "look", text), "tool_calls")
    chunk = AIMessageChunk(
        content="",
        tool_call_chunks=[
            {"type": "tool_call_chunk", "name": "look", "id": "c", "index": 0, "args": text + spoiler(call)}
        ],
    )
    assert chunk.tool_calls == []
    assert len(chunk.invalid_tool_calls) == 1


@UNHURRIED
@given(OBJECTS, st.integers(2, 20))
def test_a_whole_call_is_a_call_however_it_is_cut_into_pieces(value, size):
    text = json.dumps(value, ensure_ascii=False)
    answer = summed(in_pieces(text, size, "tool_calls"))
    assert (answer.tool_calls[0]["args"], answer.invalid_tool_calls) == (json.loads(text), [])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (None, None),
        ({}, None),
        ({"total_tokens": 3}, None),
        (
            {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
            {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        ),
        ({"input_tokens": 1, "output_tokens": 2}, {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 5,
                "total_tokens": 14,
                "prompt_tokens_details": {"cached_tokens": 4, "text_tokens": 9},
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            {
                "input_tokens": 9,
                "output_tokens": 5,
                "total_tokens": 14,
                "input_token_details": {"cache_read": 4},
                "output_token_details": {"reasoning": 3},
            },
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 5, "prompt_cache_hit_tokens": 0, "prompt_tokens_details": None},
            {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14, "input_token_details": {"cache_read": 0}},
        ),
    ],
)
def test_usage(raw, expected):
    assert usage_metadata(raw) == expected
    answer = decoded({"content": "a"}, usage=raw)
    assert answer.usage_metadata == expected
    assert answer.response_metadata.get("token_usage") == (raw or None)
    streamed = summed(events({"content": "a"}, usage=raw))
    assert (streamed.usage_metadata, streamed.response_metadata.get("token_usage")) == (expected, raw or None)


def test_what_is_said_once_is_said_once():
    """Gateways repeat id, model, fingerprint, finish_reason and usage; LangChain would put them behind each other."""
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cost": 0.5, "free": False}
    frames = [{"content": "a"}, {"content": "b"}]
    answer = summed(events(*frames, finish="stop stop stop", usage=usage))
    assert answer.response_metadata == {
        "finish_reason": "stop",
        "model_name": "m",
        "model_provider": "anyfast",
        "system_fingerprint": "f",
        "id": "1",
        "created": 7,
        "token_usage": usage,
    }
    assert answer.usage_metadata == {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    assert (answer.id, answer.content, answer.chunk_position) == (None, "ab", "last")


@pytest.mark.parametrize(("scripted", "expected"), [(None, 1), ("END", "END"), (128799, 128799)])
def test_the_stop_that_was_met(chat, emulator, scripted, expected):
    emulator.script(Answer("a", matched_stop=scripted), Answer("a", matched_stop=scripted))
    first, *rest = chat().stream("hi")
    for answer in (chat().invoke("hi"), sum(rest, first)):
        assert answer.response_metadata["matched_stop"] == expected


def test_metadata_of_a_real_answer(chat, emulator):
    answer = chat("MiniMax-M2.7").invoke("hi")
    assert answer.response_metadata.keys() == {
        "finish_reason",
        "model_name",
        "model_provider",
        "system_fingerprint",
        "id",
        "created",
        "request_id",
        "token_usage",
    }
    assert answer.response_metadata["model_name"] == "MiniMax/MiniMax-M2.7"
    assert answer.response_metadata["model_provider"] == "anyfast"
    assert answer.id.startswith("lc_run--")  # servers reuse theirs


def test_images_that_the_model_made():
    made = {"type": "image_url", "image_url": {"url": b64("image/png")}}
    for message in ({"content": "Here: ", "images": [made]}, {"content": [{"type": "text", "text": "Here: "}, made]}):
        for answer in (decoded(message), summed(events(message))):
            bare = [{key: value for key, value in part.items() if key != "index"} for part in answer.content]
            assert bare == [{"type": "text", "text": "Here: "}, made]
            assert answer.text == "Here: "
            assert [block["type"] for block in answer.content_blocks] == ["text", "image"]
            assert answer.content_blocks[1] == {"type": "image", "base64": DATA, "mime_type": "image/png"}


def test_text_after_an_image_of_a_stream_stays_in_order():
    made = {"type": "image_url", "image_url": {"url": URL}}
    pieces = [{"content": "a"}, {"content": "", "images": [made]}, {"content": "b"}, {"content": "c", "images": [made]}]
    whole = {"content": [*({"type": "text", "text": one} for one in "a"), made, {"type": "text", "text": "bc"}, made]}
    expected = [
        {"type": "text", "text": "a"},
        {"type": "image", "url": URL},
        {"type": "text", "text": "bc"},
        {"type": "image", "url": URL},
    ]
    for answer in (summed(events(*pieces)), decoded(whole)):
        assert answer.text == "abc"
        assert answer.content_blocks == expected


def test_a_refusal_is_kept():
    message = {"content": None, "refusal": "I will not."}
    for answer in (decoded(message), summed(events(message))):
        assert (answer.content, answer.additional_kwargs) == ("", {"refusal": "I will not."})


def test_several_answers(chat, emulator):
    emulator.script(Answer("a", reasoning="r"))
    result = chat("gemini-2.5-pro", thinking=True, n=3).generate([[HumanMessage("hi")]])
    messages = [one.message for one in result.generations[0]]
    assert [(one.content, one.additional_kwargs["reasoning_content"]) for one in messages] == [("a", "r")] * 3
    assert [one.usage_metadata is None for one in messages] == [False, True, True]
    for one in messages:
        assert (one.response_metadata["model_provider"], one.response_metadata["finish_reason"]) == ("anyfast", "stop")
    assert len({one.id for one in messages}) == 3


# What must survive until it goes back --------------------------------------------------------------------------------


def through_dicts(message):
    return messages_from_dict(messages_to_dict([message]))[0]


def through_json(message):
    return messages_from_dict(json.loads(json.dumps(messages_to_dict([message]))))[0]


def through_pickle(message):
    return pickle.loads(pickle.dumps(message))  # noqa: S301  # our own


def through_load(message):
    return load(json.loads(dumps(message)), allowed_objects="all")


def through_a_copy(message):
    return copy.deepcopy(message.model_copy())


def as_it_is(message):
    return message


WAYS = [as_it_is, through_dicts, through_json, through_pickle, through_load, through_a_copy]


def asked(chat, how):
    llm = chat("gemini-3-pro-preview", thinking=True, output_version="v1" if how == "v1" else None)
    if how == "invoke":
        return llm.invoke("hi")
    if how == "v3":
        return llm.stream_events("hi", version="v3").output
    first, *rest = llm.stream("hi")
    return sum(rest, first)


@pytest.mark.filterwarnings("ignore:.*is in beta")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("how", ["invoke", "stream", "v1", "v3"])
def test_thought_signatures_go_back_on_the_calls_that_they_came_with(chat, emulator, how, way):
    emulator.script(Answer(reasoning="r", tool_calls=[ToolCall("look", {"a": 1}, id="x"), ToolCall("see", {}, id="y")]))
    answer = way(asked(chat, how))
    signature = answer.additional_kwargs["tool_call_extras"]["x"]["extra_content"]["google"]["thought_signature"]
    assert [one["id"] for one in answer.tool_calls] == ["x", "y"]
    results = [ToolMessage("1", tool_call_id="x"), ToolMessage("2", tool_call_id="y")]
    sent = body_of(chat, emulator, [HumanMessage("hi"), answer, *results], "gemini-3-pro-preview")
    first, second = sent["messages"][1]["tool_calls"]
    assert first == {
        "id": "x",
        "type": "function",
        "function": {"name": "look", "arguments": '{"a": 1}'},
        "extra_content": {"google": {"thought_signature": signature}},
    }
    assert "extra_content" not in second


@pytest.mark.filterwarnings("ignore:.*is in beta")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("stream", [False, True], ids=["invoke", "stream"])
def test_what_the_server_put_on_the_message_goes_back(chat, emulator, stream, way):
    extra = {"google": {"thought_signature": "s"}}
    message = {"role": "assistant", "content": "a", "extra_content": extra}
    said = {"id": "1", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    emulator.script(Raw(events(message)) if stream else Raw(json.dumps(said).encode()))
    first, *rest = chat("gemini-3-pro-preview").stream("hi") if stream else [chat("gemini-3-pro-preview").invoke("hi")]
    answer = way(sum(rest, first))
    assert answer.additional_kwargs == {"extra_content": extra}
    sent = body_of(chat, emulator, [HumanMessage("hi"), answer, HumanMessage("b")], "gemini-3-pro-preview")
    assert sent["messages"][1] == {"role": "assistant", "content": "a", "extra_content": extra}


@pytest.mark.filterwarnings("ignore:.*is in beta")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("how", ["invoke", "stream", "v1", "v3"])
def test_reasoning_goes_back_byte_for_byte(chat, emulator, how, way):
    emulator.script(Answer(reasoning=THOUGHT, tool_calls=[ToolCall("look", {}, id="x")]))
    llm = chat(output_version="v1" if how == "v1" else None)
    if how == "v3":
        answer = llm.stream_events("hi", version="v3").output
    elif how == "invoke":
        answer = llm.invoke("hi")
    else:
        first, *rest = llm.stream("hi")
        answer = sum(rest, first)
    sent = body_of(chat, emulator, [HumanMessage("hi"), way(answer), ToolMessage("1", tool_call_id="x")])
    assert sent["messages"][1]["reasoning_content"] == THOUGHT


def test_strict_reaches_a_tool_that_is_in_openais_shape_already(chat, emulator):
    schema = {"type": "object", "properties": {}}
    tool = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": schema}}
    emulator.script("x")
    chat("deepseek-v4-flash", thinking=False).bind_tools([tool], strict=True).invoke("hi")
    assert emulator.requests[-1]["tools"] == [{**tool, "function": {**tool["function"], "strict": True}}]


def test_a_function_is_asked_for_the_key_at_each_request(chat, emulator):
    keys = iter(["stale", emulator.api_key])
    model = chat("qwen3.6-flash", api_key=lambda: next(keys))
    with pytest.raises(AuthenticationError):
        model.invoke("hi")
    assert model.invoke("Hello").content
    assert "lambda" not in repr(model)
