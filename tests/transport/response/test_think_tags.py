"""Reasoning wherever it is: delivered once, in order, and never in the text."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyfast_transport import StreamDecoder
from anyfast_transport.response.content import ContentReader
from anyfast_transport.response.think_tags import LONGEST_WAIT, ThinkTags
from anyfast_transport.types import Reading
from tests.parity.through import both_ways, chunk, events, streamed, whole

FIELDS = {
    "reasoning_content": {"reasoning_content": "Think."},
    "reasoning": {"reasoning": "Think."},
    "reasoning_details": {"reasoning_details": [{"type": "reasoning.text", "text": "Think."}]},
    "a summary in reasoning_details": {"reasoning_details": [{"type": "reasoning.summary", "summary": "Think."}]},
    "the same in two": {"reasoning_content": "Think.", "reasoning": "Think."},
    "the same in three": {
        "reasoning_content": "Think.",
        "reasoning": "Think.",
        "reasoning_details": [{"text": "Think."}],
    },
    "an empty one beside": {"reasoning_content": "", "reasoning": "Think."},
    "a null beside": {"reasoning_content": None, "reasoning": "Think.", "reasoning_details": None},
    "details that are encrypted": {
        "reasoning": "Think.",
        "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}],
    },
}


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_in_a_field(fields):
    for got in [*whole({**fields, "content": "Answer."}), *streamed(fields, {"content": "Answer."})]:
        assert (got.reasoning, got.text) == ("Think.", "Answer.")


def test_in_one_delta_with_the_text():
    for got in streamed({"reasoning_content": "Think.", "content": "Answer."}):
        assert (got.reasoning, got.text) == ("Think.", "Answer.")


INLINE = {
    "think": ("<think>Think.</think>Answer.", "Think.", "Answer."),
    "thought": ("<thought>Think.</thought>Answer.", "Think.", "Answer."),
    "laid out by a template": ("<think>\nThink.\n</think>\n\nAnswer.", "Think.", "Answer."),
    "behind white space": ("\n<think>Think.</think>Answer.", "Think.", "Answer."),
    "never closed": ("<think>\nThink.", "Think.", ""),
    "empty": ("<think>\n\n</think>\n\nAnswer.", "", "Answer."),
    "twice": ("<think>Think.</think>\n<think> More.</think>\nAnswer.", "Think.More.", "Answer."),
    "no answer": ("<think>Think.</think>", "Think.", ""),
    "the other closing tag inside": ("<think>a</thought>b</think>Answer.", "a</thought>b", "Answer."),
}


@pytest.mark.parametrize(("content", "reasoning", "text"), INLINE.values(), ids=INLINE)
def test_in_tags(content, reasoning, text):
    for got in both_ways({"content": content}):
        assert (got.reasoning, got.text) == (reasoning, text)


@pytest.mark.parametrize(("content", "reasoning", "text"), INLINE.values(), ids=INLINE)
def test_unless_switched_off(content, reasoning, text):
    for got in both_ways({"content": content}, split_think_tags=False):
        assert (got.reasoning, got.text) == ("", content)
    for got in both_ways({"content": content}, call={"split_think_tags": False}):
        assert (got.reasoning, got.text) == ("", content)


TALK = [
    "A model thinks in <think>tags</think> like these.",
    "`<think>` opens a thought and `</think>` closes it.",
    "The </think> tag closes a thought.",
    "Answer with <thought>.",
    "<b>bold</b>",
    "<thin",
    "<",
    " leading and trailing ",
    "Hello!",
]


@pytest.mark.parametrize("content", TALK)
def test_a_text_that_talks_of_tags_is_left_alone(content):
    for got in both_ways({"content": content}):
        assert (got.reasoning, got.text) == ("", content)


LONE = {
    "on a line of its own": ("Think.\n</think>\n\nAnswer.", "Think.", "Answer."),
    "in between": ("Think.</think>Answer.", "Think.", "Answer."),
    "at the end": ("Think.</think>", "Think.", ""),
}


@pytest.mark.parametrize(("content", "reasoning", "text"), LONE.values(), ids=LONE)
def test_a_lone_closing_tag(content, reasoning, text):
    """Its chat template opened the thought in the prompt, and no server has looked for its end."""
    for got in whole({"content": content}):
        assert (got.reasoning, got.text) == (reasoning, text)
    for got in both_ways({"content": content}, model="qwen3.6-flash", thinking=True):
        assert (got.reasoning, got.text) == (reasoning, text)


def test_a_stream_waits_for_it_only_where_thinking_was_asked_for():
    """Elsewhere nothing would be shown until the end of the answer."""
    for got in streamed({"content": "Think."}, {"content": "</think>Answer."}, model="qwen3.6-flash"):
        assert (got.reasoning, got.text) == ("", "Think.</think>Answer.")


@pytest.mark.parametrize("first", [{"reasoning_content": ""}, {"reasoning_content": None}, {"reasoning": "Think."}])
def test_nor_where_the_server_has_a_field_for_reasoning(first):
    decoder = StreamDecoder(reading=Reading(waits=True))
    list(decoder.feed(events(chunk(first), done=False)))
    assert [delta.text for delta in decoder.feed(events(chunk({"content": "Shown"}), done=False))] == ["Shown"]


def test_it_does_not_wait_for_ever():
    tags = ThinkTags(waits=True)
    assert tags.feed("a" * LONGEST_WAIT) == ("", "")
    assert tags.feed("b") == ("", "a" * LONGEST_WAIT + "b")


def test_what_is_held_back_is_in_what_was_interrupted():
    decoder = StreamDecoder(reading=Reading(waits=True))
    list(decoder.feed(events(chunk({"content": "Half an"}), done=False)))
    assert decoder.completion.choice.text == "Half an"


def test_the_same_thought_in_tags_and_in_a_field_is_delivered_once():
    for got in both_ways({"reasoning_content": "Think.", "content": "<think>\nThink.\n</think>\nAnswer."}):
        assert (got.reasoning, got.text) == ("Think.", "Answer.")
    for got in streamed(
        {"reasoning_content": "Th", "content": "<think>Th"},
        {"reasoning_content": "ink.", "content": "ink."},
        {"content": "</think>A."},
    ):
        assert (got.reasoning, got.text) == ("Think.", "A.")


def test_another_thought_in_tags_is_not_lost():
    for got in both_ways({"reasoning_content": "Think.", "content": "<think>More.</think>Answer."}):
        assert (got.reasoning, got.text) == ("Think.More.", "Answer.")


PARTS = st.sampled_from(
    ["<think>", "</think>", "<thought>", "</thought>", " ", "\n", "a", "b.", "`", "<", "![", "!", ")"]
)


@given(st.lists(PARTS, max_size=9).map("".join), st.lists(st.integers(0, 90), max_size=8), st.booleans())
def test_cut_anywhere_it_reads_the_same(content, cuts, waits):
    places = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
    pieces = [content[a:b] for a, b in itertools.pairwise(places)]
    assert _read(pieces, waits=waits) == _read([content], waits=waits)


def _read(pieces, *, waits):
    text, reasoning = [], []
    reader = ContentReader(Reading(waits=waits), text, reasoning)
    for piece in pieces:
        found = reader.take(piece, "")
        text.append(found.text)
        reasoning.append(found.reasoning)
    rest = reader.flush("stop", [])
    return "".join([*text, rest.text]), "".join([*reasoning, rest.reasoning])
