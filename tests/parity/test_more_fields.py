"""What else an answer holds reaches its reader: sources, sound, thoughts in parts, older calls, fields nobody knows."""

import base64
import json

import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import AudioBlock, ChatMessage, TextBlock

from tests.parity.through import (
    ASKED,
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

URL = "https://example.org/page"
ANNOTATION = {"type": "url_citation", "url_citation": {"url": URL, "title": "A page", "start_index": 0, "end_index": 4}}
CITATION = {"type": "citation", "url": URL, "title": "A page", "start_index": 0, "end_index": 4}


def of_lang_chain(body, stream):
    chat = chat_of(Playback([body]))
    return added_up(list(chat.stream("?"))) if stream else chat.invoke("?")


def of_llama_index(body, stream):
    llm = llm_of(Playback([body]))
    return list(llm.stream_chat(ASKED))[-1] if stream else llm.chat(ASKED)


def body_of(message, stream, entry=None, **top):
    """An answer that holds these fields, in the message, in the entry of `choices`, and beside it."""
    if not stream:
        answer = json.loads(document(message, **top))
        answer["choices"][0] |= entry or {}
        return json.dumps(answer).encode()
    last = chunk({}, "stop", **top)
    last["choices"][0] |= entry or {}
    content = message.get("content") or ""
    rest = {key: value for key, value in message.items() if key != "content"}
    return events(chunk({"content": content[:2]}), chunk({"content": content[2:]}), chunk(rest), last)


BOTH = pytest.mark.parametrize("stream", [False, True])
UNKNOWN = {
    "of the answer": ({}, {}, {"service_tier": "default", "search_results": [{"url": URL}], "x_new": {"a": [1]}}),
    "of the entry": ({}, {"content_filter_results": {"hate": {"filtered": False}}, "native_finish_reason": "STOP"}, {}),
    "of the message": ({"annotations": [ANNOTATION], "x_new": 0}, {}, {}),
}


@BOTH
@pytest.mark.parametrize(("message", "entry", "top"), UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_fields_survive(message, entry, top, stream):
    body = body_of({"content": "Fact.", **message}, stream, entry, **top)
    said = of_lang_chain(body, stream)
    every = {**message, **entry, **top}
    assert every.items() <= said.response_metadata.items()
    assert message.items() <= said.additional_kwargs.items()
    response = of_llama_index(body, stream)
    assert every.items() <= response.additional_kwargs.items()
    assert message.items() <= response.message.additional_kwargs.items()
    (choice,) = response.raw["choices"]
    assert (top.items() <= response.raw.items(), entry.items() <= choice.items()) == (True, True)
    assert {"role": "assistant", "content": "Fact.", **message} == choice["message"]
    assert said.text == response.message.content == "Fact."


def test_what_is_said_of_nothing_is_left_out():
    nothing = {"annotations": [], "audio": None, "function_call": None, "x": "", "y": {}}
    for stream in (False, True):
        body = body_of({"content": "Fact.", **nothing}, stream, service_tier=None)
        assert not of_lang_chain(body, stream).additional_kwargs
        assert not (nothing.keys() | {"service_tier"}) & of_llama_index(body, stream).additional_kwargs.keys()


SOURCES = {
    "annotations": ({"annotations": [ANNOTATION]}, {}, [CITATION]),
    "annotations of one form": ({"annotations": [{"type": "url_citation", "url": URL}]}, {}, ["url"]),
    "other annotations": (
        {"annotations": [{"type": "file_path", "file_path": {"file_id": "f"}}]},
        {},
        [{"type": "non_standard_annotation", "value": {"type": "file_path", "file_path": {"file_id": "f"}}}],
    ),
    "Perplexity": (
        {},
        {"citations": [URL], "search_results": [{"url": URL, "title": "A page", "date": "x"}]},
        ["title"],
    ),
    "xAI": ({}, {"citations": [URL, URL]}, ["url"]),
    "DashScope": ({}, {"search_info": {"search_results": [{"index": 1, "url": URL, "title": "A page"}]}}, ["title"]),
    "GLM": ({}, {"web_search": [{"link": URL, "title": "A page", "refer": "ref_1"}]}, ["title"]),
    "what is none": ({"annotations": "x"}, {"citations": [1, None, {}], "search_info": []}, []),
}
SHORT = {"url": {"type": "citation", "url": URL}, "title": {"type": "citation", "url": URL, "title": "A page"}}


@BOTH
@pytest.mark.parametrize(("message", "top", "expected"), SOURCES.values(), ids=SOURCES)
def test_sources_annotate_the_text(message, top, expected, stream):
    said = of_lang_chain(body_of({"content": "Fact.", **message}, stream, **top), stream)
    (block,) = said.content_blocks
    assert block.get("annotations", []) == [SHORT.get(one, one) if isinstance(one, str) else one for one in expected]
    assert block["text"] == "Fact."


def test_sources_in_messages_of_version_one():
    body = body_of({"content": "Fact.", "annotations": [ANNOTATION]}, True)
    said = added_up(list(chat_of(Playback([body]), output_version="v1").stream("?")))
    assert [(one["text"], one["annotations"]) for one in said.content_blocks] == [("Fact.", [CITATION])]


def test_the_events_of_version_three_have_them_too():
    payloads = [chunk({"content": "Fact.", "annotations": [ANNOTATION]}), chunk({"audio": AUDIO}), chunk({}, "stop")]
    said = chat_of(Playback([events(*payloads)])).stream_events("?", version="v3").output
    assert said.content_blocks[0]["annotations"] == [CITATION]
    assert said.content_blocks[1] == {**sound(WAV, "wav"), "index": 1}


def test_lists_that_come_again_are_there_once():
    two = [URL, "https://example.org/2"]
    payloads = [chunk({"content": "a"}, citations=two[:1]), chunk({"content": "b"}, citations=two), chunk({}, "stop")]
    assert of_lang_chain(events(*payloads), True).response_metadata["citations"] == two
    parts = [chunk({"content": "a", "annotations": [{"type": "a"}]}), chunk({"annotations": [{"type": "b"}]}, "stop")]
    assert of_lang_chain(events(*parts), True).response_metadata["annotations"] == [{"type": "a"}, {"type": "b"}]


def test_nothing_of_it_goes_back_with_the_message():
    body = body_of({"content": "{", "annotations": [ANNOTATION], "prefix": True, "name": "x"}, False)
    playback = Playback([document({"content": "Done."})])
    chat_of(playback).invoke([HumanMessage("?"), of_lang_chain(body, False), HumanMessage("More.")])
    assert playback.requests[0]["messages"][1] == {"role": "assistant", "content": "{"}
    llm_of(playback).chat([*ASKED, of_llama_index(body, False).message, ChatMessage(content="More.")])
    assert playback.requests[1]["messages"][1] == {"role": "assistant", "content": "{"}


# --- sound --------------------------------------------------------------------------------------------------------

WAV = base64.b64encode(b"RIFF\x00\x00\x00\x00WAVE").decode()
AUDIO = {"id": "s1", "data": WAV, "expires_at": 9, "transcript": "Good morning."}


def sound(data, kind):
    extras = {"id": "s1", "expires_at": 9, "transcript": "Good morning."}
    return {"type": "audio", "base64": data, "mime_type": f"audio/{kind}", "extras": extras}


def test_sound_is_a_block_and_its_transcript_the_content():
    body = document({"content": None, "audio": AUDIO})
    said = of_lang_chain(body, False)
    assert said.content == "Good morning."
    assert said.content_blocks == [{"type": "text", "text": "Good morning."}, sound(WAV, "wav")]
    blocks = of_llama_index(body, False).message.blocks
    assert blocks == [TextBlock(text="Good morning."), AudioBlock.model_construct(audio=WAV.encode(), format="wav")]


def test_sound_that_comes_in_pieces():
    first, second = base64.b64encode(b"\x00\x01\x02\x03").decode(), base64.b64encode(b"\x04\x05").decode()
    pieces = [{"id": "s1"}, {"transcript": "Good "}, {"data": first}, {"transcript": "morning."}, {"data": second}]
    payloads = [chunk({"audio": one}) for one in [*pieces, {"expires_at": 9}]]
    body = events(*payloads, chunk({}, "stop"))
    joined = base64.b64encode(bytes(range(6))).decode()
    said = of_lang_chain(body, True)
    assert said.content == "Good morning."
    assert said.content_blocks == [{"type": "text", "text": "Good morning."}, sound(joined, "pcm")]
    response = of_llama_index(body, True)
    assert response.message.content == "Good morning."
    assert response.message.blocks[1].audio == joined.encode()


def test_a_transcript_beside_a_text_is_not_said_twice():
    for got in both_ways({"content": "Hi.", "audio": AUDIO}):
        assert got.text == "Hi."


# --- thoughts in parts, and calls of the older form ---------------------------------------------------------------

THOUGHTS = {
    "Mistral": {"type": "thinking", "thinking": [{"type": "text", "text": "Think."}], "closed": True},
    "Anthropic": {"type": "thinking", "thinking": "Think.", "signature": "x"},
    "LangChain": {"type": "reasoning", "reasoning": "Think."},
    "as text": {"type": "reasoning", "text": "Think."},
}


@pytest.mark.parametrize("part", THOUGHTS.values(), ids=THOUGHTS)
def test_thoughts_in_parts_of_the_content(part):
    content = [part, {"type": "text", "text": "Answer."}]
    for got in [*whole({"content": content}), *streamed({"content": content[:1]}, {"content": content[1:]})]:
        assert (got.reasoning, got.text) == ("Think.", "Answer.")


OLDER = {"name": "f", "arguments": '{"a": 1}'}


def test_a_function_call_of_the_older_form_is_a_tool_call():
    deltas = [{"function_call": {"name": "f", "arguments": ""}}]
    deltas += [{"function_call": {"arguments": piece}} for piece in ('{"a"', ": 1}")]
    message = {"content": None, "function_call": OLDER}
    for got in [*whole(message, "function_call"), *streamed(*deltas, finish="function_call")]:
        ((call_id, name, args, _),) = got.calls
        assert (bool(call_id), name, args, got.text, got.finish_reason) == (True, "f", {"a": 1}, "", "function_call")
