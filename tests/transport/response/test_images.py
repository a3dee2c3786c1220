"""Gemini: thought signatures live on the call that they came with, and images become image blocks."""

import json
import pickle
import tracemalloc

import pytest
from langchain_core.load import dumpd, dumps, load, loads
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, messages_from_dict, messages_to_dict
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.workflow import JsonSerializer

from anyfast_transport import StreamDecoder
from anyfast_transport.response.images import MarkdownImages
from tests.parity.through import (
    ASKED,
    OFFERED,
    Playback,
    added_up,
    both_ways,
    chat_of,
    chunk,
    document,
    events,
    llm_of,
    streamed,
    whole,
)

MODEL = "gemini-3-pro-preview"
SIGNED = {"google": {"thought_signature": "c2lnbmF0dXJl"}}
OF_MESSAGE = {"google": {"thought": True, "thought_signature": "bWVzc2FnZQ=="}}
CALLS = [
    {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
        "extra_content": SIGNED,
    },
    {
        "index": 1,
        "id": "call_2",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'},
    },
]
MESSAGE = {"content": "", "tool_calls": CALLS, "extra_content": OF_MESSAGE}


def answers():
    """The signed answer from each framework, whole and streamed."""
    body = events(
        chunk({"extra_content": OF_MESSAGE, "tool_calls": CALLS[:1]}),
        chunk({"tool_calls": CALLS[1:]}),
        chunk({}, "stop"),
    )
    whole_one = Playback([document(MESSAGE)])
    in_stream = Playback([body])
    return [
        chat_of(whole_one, model=MODEL).invoke("?", **OFFERED),
        added_up(list(chat_of(in_stream, model=MODEL).stream("?", **OFFERED))),
        llm_of(whole_one, model=MODEL).chat(ASKED, **OFFERED).message,
        list(llm_of(in_stream, model=MODEL).stream_chat(ASKED, **OFFERED))[-1].message,
    ]


def _sent_back(message):
    playback = Playback([document({"content": "Done."})])
    if isinstance(message, AIMessage):
        results = [ToolMessage("sunny", tool_call_id=call) for call in ("call_1", "call_2")]
        chat_of(playback, model=MODEL).invoke([HumanMessage("?"), message, *results])
    else:
        results = [
            ChatMessage(role="tool", content="sunny", additional_kwargs={"tool_call_id": call})
            for call in ("call_1", "call_2")
        ]
        llm_of(playback, model=MODEL).chat([*ASKED, message, *results])
    return playback.requests[0]["messages"][1]


def _through_context(message):
    serializer = JsonSerializer()
    return serializer.deserialize(serializer.serialize(message))


def _through_checkpoint(message):
    serde = JsonPlusSerializer()
    return serde.loads_typed(serde.dumps_typed(message))


TRAVELS = {
    "as it is": lambda message: message,
    "pickle": lambda message: pickle.loads(pickle.dumps(message)),  # noqa: S301  # our own
    "copy": lambda message: message.model_copy(deep=True),
}
OF_LANGCHAIN = {
    "dumpd and load": lambda message: load(dumpd(message), allowed_objects="messages"),
    "dumps and loads": lambda message: loads(dumps(message), allowed_objects="messages"),
    "dicts": lambda message: messages_from_dict(json.loads(json.dumps(messages_to_dict([message]))))[0],
    "checkpoint": _through_checkpoint,
}
OF_LLAMA_INDEX = {
    "JSON": lambda message: ChatMessage.model_validate_json(message.model_dump_json()),
    "context of a workflow": _through_context,
}


@pytest.mark.filterwarnings("ignore:The function `load:langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("travel", [*TRAVELS, *OF_LANGCHAIN, *OF_LLAMA_INDEX])
def test_signatures_come_back_on_the_same_call(travel):
    for message in answers():
        ways = TRAVELS | (OF_LANGCHAIN if isinstance(message, AIMessage) else OF_LLAMA_INDEX)
        if travel in ways:
            sent = _sent_back(ways[travel](message))
            assert [call.get("extra_content") for call in sent["tool_calls"]] == [SIGNED, None]
            assert sent["extra_content"] == OF_MESSAGE


def test_a_call_that_gemini_did_not_make_gets_the_placeholder():
    calls = [
        {"name": "get_weather", "args": {"city": city}, "id": f"call_{at}"} for at, city in ((1, "Paris"), (2, "Rome"))
    ]
    sent = _sent_back(AIMessage("", tool_calls=calls))
    placeholder = {"google": {"thought_signature": "skip_thought_signature_validator"}}
    assert [call.get("extra_content") for call in sent["tool_calls"]] == [placeholder, None]


def test_a_signature_is_not_lost_to_what_comes_later():
    later = {"google": {"thought": False}}
    for got in streamed({"extra_content": OF_MESSAGE}, {"extra_content": later, "content": "Hi"}, model=MODEL):
        assert got.signatures == {"bWVzc2FnZQ=="}


# --- images -------------------------------------------------------------------------------------------------------

PNG = "data:image/png;base64,iVBORw0KGgo="
IMAGES = {
    "markdown": {"content": f"Here it is:\n![image]({PNG})"},
    "markdown, text behind": {"content": f"Here it is:\n![a picture]({PNG})"},
    "images": {"content": "Here it is:\n", "images": [{"type": "image_url", "image_url": {"url": PNG}, "index": 0}]},
    "parts": {"content": [{"type": "text", "text": "Here it is:\n"}, {"type": "image_url", "image_url": {"url": PNG}}]},
}


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("message", IMAGES.values(), ids=IMAGES)
def test_images_become_image_blocks(message, is_streamed):
    body = events(chunk(message), chunk({}, "stop")) if is_streamed else document(message)
    chat, llm = chat_of(Playback([body]), model=MODEL), llm_of(Playback([body]), model=MODEL)
    answer = added_up(list(chat.stream("?"))) if is_streamed else chat.invoke("?")
    text, image = answer.content_blocks
    assert (text["type"], text["text"]) == ("text", "Here it is:\n")
    assert (image["type"], image["base64"], image["mime_type"]) == ("image", "iVBORw0KGgo=", "image/png")
    response = list(llm.stream_chat(ASKED))[-1] if is_streamed else llm.chat(ASKED)
    text, image = response.message.blocks
    assert isinstance(text, TextBlock)
    assert text.text == "Here it is:\n"
    assert isinstance(image, ImageBlock)
    assert (image.image, image.image_mimetype) == (b"iVBORw0KGgo=", "image/png")


@pytest.mark.parametrize(
    "content",
    [
        "![logo](https://example.com/logo.png) is a link.",
        "Watch out! [This](data:text/plain,x) is no image.",
        "![never closed](data:image/png;base64,iVBO",
        "![",
        "!",
        "Hello!![",
    ],
)
def test_what_is_no_image_stays_text(content):
    for got in both_ways({"content": content}):
        assert (got.text, got.images) == (content, 0)


def test_several_and_cut_anywhere():
    content = f"a![1]({PNG})b![2]({PNG})c"
    for got in both_ways({"content": content}):
        assert (got.text, got.images) == ("abc", 2)


def _decoded(size, piece):
    url = "data:image/png;base64," + "A" * size
    body = events(chunk({"content": f"![image]({url})"}), chunk({}, "stop"))
    pieces = [body[at : at + piece] for at in range(0, len(body), piece)]
    tracemalloc.start()
    try:
        decoder = StreamDecoder()
        for one in pieces:
            for _ in decoder.feed(one):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert decoder.completion.choice.images[0]["image_url"]["url"] == url
    assert decoder.completion.choice.text == ""
    return peak / len(body)


def test_megabytes_in_one_line_are_held_a_few_times_over():
    """The line, its pieces joined, its lines, the JSON text, and the url."""
    assert _decoded(8_000_000, 65536) < 6


def test_characters_of_an_image_are_looked_at_once():
    looks = []

    class Counting(str):
        __slots__ = ()

        def find(self, *args):
            looks.append(len(self))
            return str.find(self, *args)

    images, size, step = MarkdownImages(), 1_000_000, 1000
    images.feed("![image](data:image/png;base64,")
    for _ in range(size // step):
        images.feed(Counting("A" * step))
    assert images.feed(")") == [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * size}}]
    assert sum(looks) == size


def test_images_go_back_to_gemini_as_they_came():
    answer = chat_of(Playback([document(IMAGES["markdown"])]), model=MODEL).invoke("?")
    playback = Playback([document({"content": "Done."})])
    chat_of(playback, model=MODEL).invoke([HumanMessage("?"), answer, HumanMessage("More.")])
    assert playback.requests[0]["messages"][1]["content"] == f"Here it is:\n![image]({PNG})"


def test_a_message_with_images_still_has_its_text():
    for got in whole(IMAGES["markdown"]):
        assert (got.text, got.images) == ("Here it is:\n", 1)
