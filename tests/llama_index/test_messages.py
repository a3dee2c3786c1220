"""What we send: LlamaIndex's messages, exactly as they stand on the wire."""

import base64
import copy
import io
import json

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from pydantic import BaseModel

from anyfast_transport import UnsupportedParameterError
from llama_index_anyfast.messages import encode_messages

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
PNG_64 = base64.b64encode(PNG).decode()
PNG_URI = f"data:image/png;base64,{PNG_64}"
URL = "https://example.com/cat.png"
MP4 = b"\0\0\0\x18ftypmp42" + b"\0" * 20
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}


def text(words: str) -> dict:
    return {"type": "text", "text": words}


def image(url: str, **more) -> dict:
    return {"type": "image_url", "image_url": {"url": url, **more}}


SIMPLE = {
    "user": (ChatMessage(role="user", content="Hi"), {"role": "user", "content": "Hi"}),
    "system": (ChatMessage(role="system", content="Hi"), {"role": "system", "content": "Hi"}),
    "developer is mapped later": (ChatMessage(role="developer", content=""), {"role": "developer", "content": ""}),
    "no blocks": (ChatMessage(role="user", blocks=[]), {"role": "user", "content": ""}),
    "empty block": (ChatMessage(role="user", content=""), {"role": "user", "content": ""}),
    "several blocks": (
        ChatMessage(role="user", blocks=[TextBlock(text="a"), TextBlock(text="b")]),
        {"role": "user", "content": [text("a"), text("b")]},
    ),
    "name": (
        ChatMessage(role="user", content="Hi", additional_kwargs={"name": "Ada"}),
        {"role": "user", "content": "Hi", "name": "Ada"},
    ),
    "cache point": (
        ChatMessage(
            role="user", blocks=[TextBlock(text="a"), CachePoint(cache_control=CacheControl(type="ephemeral"))]
        ),
        {"role": "user", "content": "a"},
    ),
    "citations": (
        ChatMessage(
            role="user",
            blocks=[
                CitableBlock(title="t", source="s", content="a"),
                CitationBlock(cited_content="b", source="s", title="t", additional_location_info={}),
            ],
        ),
        {"role": "user", "content": [text("a"), text("b")]},
    ),
    "answer": (ChatMessage(role="assistant", content="Hi"), {"role": "assistant", "content": "Hi"}),
    "answer in pieces": (
        ChatMessage(role="assistant", blocks=[TextBlock(text="a"), TextBlock(text="b")]),
        {"role": "assistant", "content": "ab"},
    ),
    "answer with reasoning": (
        ChatMessage(
            role="assistant",
            blocks=[ThinkingBlock(content=" \nA"), ThinkingBlock(content="B\n"), TextBlock(text="c")],
            additional_kwargs={"reasoning_content": "not this"},
        ),
        {"role": "assistant", "content": "c", "reasoning_content": " \nAB\n"},
    ),
    "reasoning of other integrations": (
        ChatMessage(role="assistant", content="c", additional_kwargs={"reasoning_content": "A"}),
        {"role": "assistant", "content": "c", "reasoning_content": "A"},
    ),
    "prefix": (
        ChatMessage(role="assistant", content="{", additional_kwargs={"prefix": True}),
        {"role": "assistant", "content": "{", "prefix": True},
    ),
    "call": (
        ChatMessage(
            role="assistant",
            blocks=[ToolCallBlock(tool_call_id="call_1", tool_name="add", tool_kwargs={"a": 1})],
            additional_kwargs={"tool_calls": ["ignored: the blocks say it"]},
        ),
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
    ),
    "call with text arguments": (
        ChatMessage(
            role="assistant",
            blocks=[ToolCallBlock(tool_call_id="call_1", tool_name="add", tool_kwargs='{"a": 1}')],
        ),
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
    ),
    "call that was cut off": (
        ChatMessage(
            role="assistant", blocks=[ToolCallBlock(tool_call_id="call_1", tool_name="add", tool_kwargs='{"a": ')]
        ),
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{**CALL, "function": {"name": "add", "arguments": '{"a": '}}],
        },
    ),
    "call not in English": (
        ChatMessage(
            role="assistant",
            blocks=[ToolCallBlock(tool_call_id="call_1", tool_name="G[int]", tool_kwargs={"城市": "北京"})],
        ),
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{**CALL, "function": {"name": "G[int]", "arguments": '{"城市": "北京"}'}}],
        },
    ),
    "signatures": (
        ChatMessage(
            role="assistant",
            blocks=[ToolCallBlock(tool_call_id="call_1", tool_name="add", tool_kwargs={"a": 1})],
            additional_kwargs={
                "tool_call_extras": {"call_1": {"extra_content": {"google": {"thought_signature": "s"}}}},
                "extra_content": {"google": {"x": 1}},
            },
        ),
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{**CALL, "extra_content": {"google": {"thought_signature": "s"}}}],
            "extra_content": {"google": {"x": 1}},
        },
    ),
    "legacy call": (
        ChatMessage(role="assistant", content=None, additional_kwargs={"tool_calls": [CALL]}),
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
    ),
    "image that the model made": (
        ChatMessage(role="assistant", blocks=[TextBlock(text="See: "), ImageBlock(url=URL)]),
        {"role": "assistant", "content": f"See: ![image]({URL})"},
    ),
    "result": (
        ChatMessage(role="tool", content="5", additional_kwargs={"tool_call_id": "call_1", "name": "add"}),
        {"role": "tool", "content": "5", "tool_call_id": "call_1"},
    ),
}


@pytest.mark.parametrize(("message", "wire"), SIMPLE.values(), ids=SIMPLE)
def test_messages(message, wire):
    before = message.model_dump()
    assert encode_messages([message]) == [wire]
    assert message.model_dump() == before


def test_legacy_calls_of_the_openai_sdk():
    class SdkCall(BaseModel, extra="allow"):
        index: int | None = None

    message = ChatMessage(role="assistant", content="", additional_kwargs={"tool_calls": [SdkCall(**CALL)]})
    assert encode_messages([message])[0]["tool_calls"] == [CALL]


MEDIA = {
    "image url": (ImageBlock(url=URL), image(URL)),
    "image url with detail": (ImageBlock(url=URL, detail="low"), image(URL, detail="low")),
    "image data uri": (ImageBlock(url=PNG_URI), image(PNG_URI)),
    "image bytes": (ImageBlock(image=PNG), image(PNG_URI)),
    "image bytes and type": (
        ImageBlock(image=b"unknown", image_mimetype="image/webp"),
        image(f"data:image/webp;base64,{base64.b64encode(b'unknown').decode()}"),
    ),
    "image stream": (ImageBlock(image=io.BytesIO(PNG)), image(PNG_URI)),
    "video url": (
        VideoBlock(url="https://example.com/v.mp4"),
        {"type": "video_url", "video_url": {"url": "https://example.com/v.mp4"}},
    ),
    "video with fps": (
        VideoBlock(url="https://example.com/v.mp4", fps=2),
        {"type": "video_url", "video_url": {"url": "https://example.com/v.mp4", "fps": 2}},
    ),
    "video bytes": (
        VideoBlock(video=MP4),
        {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{base64.b64encode(MP4).decode()}"}},
    ),
    "audio bytes": (
        AudioBlock(audio=b"RIFF\0", format="wav"),
        {"type": "input_audio", "input_audio": {"data": base64.b64encode(b"RIFF\0").decode(), "format": "wav"}},
    ),
    "audio data uri": (
        AudioBlock(url="data:audio/mp3;base64,UklGRg=="),
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "mp3"}},
    ),
    "document bytes": (
        DocumentBlock(data=b"%PDF-1.4", title="a.pdf", document_mimetype="application/pdf"),
        {
            "type": "file",
            "file": {
                "filename": "a.pdf",
                "file_data": f"data:application/pdf;base64,{base64.b64encode(b'%PDF-1.4').decode()}",
            },
        },
    ),
}


@pytest.mark.parametrize(("block", "part"), MEDIA.values(), ids=MEDIA)
def test_media(block, part):
    [wire] = encode_messages([ChatMessage(role="user", blocks=[TextBlock(text="What?"), block])])
    assert wire["content"] == [text("What?"), part]
    [wire] = encode_messages([ChatMessage(role="user", blocks=[block])])
    assert wire["content"] == [part]


def test_files_of_the_disk(tmp_path):
    picture, paper = tmp_path / "cat.png", tmp_path / "paper.pdf"
    picture.write_bytes(PNG)
    paper.write_bytes(b"%PDF-1.4")
    [wire] = encode_messages([ChatMessage(role="user", blocks=[ImageBlock(path=picture), DocumentBlock(path=paper)])])
    assert wire["content"][0] == image(PNG_URI)
    assert wire["content"][1]["file"]["filename"] == "paper.pdf"


def test_a_stream_is_left_where_it_was():
    stream = io.BytesIO(PNG)
    stream.seek(3)
    for _ in range(2):
        assert encode_messages([ChatMessage(role="user", blocks=[ImageBlock(image=stream)])])[0]["content"][0]
        assert stream.tell() == 3


@pytest.mark.parametrize(
    ("role", "block", "named"),
    [
        ("user", AudioBlock(url="https://example.com/a.wav"), "AudioBlock"),
        ("user", ImageBlock(), "ImageBlock"),
        ("assistant", VideoBlock(url="https://example.com/v.mp4"), "VideoBlock"),
    ],
)
def test_what_has_no_place_is_named(role, block, named):
    with pytest.raises(UnsupportedParameterError, match=named):
        encode_messages([ChatMessage(role=role, blocks=[block])])


def test_a_block_of_another_day_is_named():
    class HologramBlock(TextBlock.__mro__[1]):
        block_type: str = "hologram"

    message = ChatMessage(role="user", content="")
    message.blocks = [HologramBlock()]
    with pytest.raises(UnsupportedParameterError, match="HologramBlock"):
        encode_messages([message])


def test_media_of_tool_results_stay_there_for_the_transport_to_lift():
    def result(call_id: str, *blocks) -> ChatMessage:
        return ChatMessage(role="tool", blocks=list(blocks), additional_kwargs={"tool_call_id": call_id})

    wire = encode_messages(
        [
            result("call_1", TextBlock(text="a cat"), ImageBlock(url=URL)),
            result("call_2", ImageBlock(image=PNG)),
            result("call_3", ImageBlock()),
        ]
    )
    assert wire[:2] == [
        {"role": "tool", "content": [{"type": "text", "text": "a cat"}, image(URL)], "tool_call_id": "call_1"},
        {"role": "tool", "content": [image(PNG_URI)], "tool_call_id": "call_2"},
    ]
    assert json.loads(wire[2]["content"])["block_type"] == "image"  # one without a picture is told as JSON


async def test_media_reach_models_that_take_them(make, emulator):
    blocks = [TextBlock(text="What?"), ImageBlock(url=URL), VideoBlock(url="https://example.com/v.mp4", fps=2)]
    await make("qwen3.6-flash").achat([ChatMessage(role="user", blocks=blocks)])
    kinds = [part["type"] for part in emulator.requests[0]["messages"][0]["content"]]
    assert kinds == ["text", "image_url", "video_url"]


def test_media_are_refused_for_models_that_do_not(make, emulator):
    with pytest.raises(UnsupportedParameterError, match="ImageBlock"):
        make("deepseek-v4-pro").chat([ChatMessage(role="user", blocks=[ImageBlock(url=URL)])])
    assert emulator.requests == []


BODIES = {
    "nothing but the messages": ("gemini-2.5-pro", {}, {}),
    "length under the family's name": ("qwen3.6-flash", {"max_tokens": 9}, {"max_completion_tokens": 9}),
    "thinking as DeepSeek spells it": (
        "deepseek-v4-pro",
        {"thinking": True, "reasoning_effort": "high"},
        {"thinking": {"type": "enabled", "reasoning_effort": "high"}, "reasoning_effort": "high"},
    ),
    "thinking as Doubao spells it": ("doubao-seed-evolving", {"thinking": False}, {"thinking": {"type": "disabled"}}),
    "stop is a list": ("doubao-seed-evolving", {"stop": "x"}, {"stop": ["x"]}),
    "extra_body is merged": ("gemini-2.5-pro", {"extra_body": {"metadata": {"a": 1}}}, {"metadata": {"a": 1}}),
    "additional_kwargs, too": ("gemini-2.5-pro", {"additional_kwargs": {"metadata": {"a": 1}}}, {"metadata": {"a": 1}}),
    "user_id": ("deepseek-v4-pro", {"user_id": "u-1"}, {"user_id": "u-1"}),
}


@pytest.mark.parametrize("given", ["field", "call"])
@pytest.mark.parametrize(("model", "said", "sent"), BODIES.values(), ids=BODIES)
def test_bodies(model, said, sent, given, make, emulator, user):
    llm = make(model, **(said if given == "field" else {}))
    kwargs = copy.deepcopy(said) if given == "call" else {}
    llm.chat([user()], **kwargs)
    extra = {"enable_thinking": False} if model.startswith("qwen") else {}
    assert emulator.requests[0] == {
        "model": model,
        "messages": [{"role": "user", "content": "Hi"}],
        **extra,
        **sent,
    }
    assert not kwargs or kwargs == said


def test_a_call_beats_a_field_even_in_additional_kwargs(make, emulator, user):
    make("gemini-2.5-pro", additional_kwargs={"temperature": 0.1}).chat([user()], temperature=0.7)
    assert emulator.requests[0]["temperature"] == 0.7


def test_another_model_for_one_call_brings_its_own_spelling(make, emulator, user):
    make("deepseek-v4-pro", thinking=False, max_tokens=9).chat([user()], model="qwen3.6-flash")
    body = emulator.requests[0]
    assert (body["model"], body["enable_thinking"], body["max_completion_tokens"]) == ("qwen3.6-flash", False, 9)
