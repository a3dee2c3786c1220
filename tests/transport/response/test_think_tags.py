"""Reasoning wherever it is: delivered once, in order, and never in the text."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyfast_transport import StreamDecoder, StreamInterruptedError, decode_completion
from anyfast_transport.reading import Reading
from anyfast_transport.response.think_tags import LONGEST_WAIT, ThinkTags
from tests.parity.through import both_ways, chunk, document, events, streamed, whole

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


@pytest.mark.parametrize("opened", ["<think>\nThink.", "\n<think>Think.", "<thought>Think."])
def test_a_tag_that_is_never_closed_is_a_thought_only_where_the_answer_was_cut(opened):
    for got in both_ways({"content": opened}, "length"):
        assert (got.reasoning, got.text) == ("Think.", "")
    for got in both_ways({"content": opened}):
        assert (got.reasoning, got.text) == ("", opened)
    decoder = StreamDecoder()
    list(decoder.feed(events(chunk({"content": opened}), done=False)))
    with pytest.raises(StreamInterruptedError) as caught:
        list(decoder.finish())
    assert (caught.value.partial.reasoning, caught.value.partial.text) == ("Think.", "")


TALK = [
    "A model thinks in <think>tags</think> like these.",
    "`<think>` opens a thought and `</think>` closes it.",
    "The </think> tag closes a thought.",
    "<think> is the tag that opens a thought.",
    "<think>标签表示思考的开始。",
    "A thought ends in\n</think>\n\nand the answer follows.",
    "</think>",
    "\n</think>\n",
    "```\n</think>\n```\nis all that is left of it.",
    "Answer with <thought>.",
    "<b>bold</b>",
    "<thin",
    "<",
    " leading and trailing ",
    "Hello!",
]
MODELS = ["deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-2-0-pro", "gemini-2.5-flash", "an-unknown-model"]


@pytest.mark.parametrize("content", TALK)
def test_a_text_that_talks_of_tags_is_left_alone(content):
    for model in MODELS:
        for fields in ({}, {"thinking": False}) if model != "an-unknown-model" else ({},):
            for got in both_ways({"content": content}, model=model, **fields):
                assert (got.reasoning, got.text) == ("", content)


THINKS: dict = {"model": "qwen3.6-flash", "thinking": True}
LONE = {
    "on a line of its own": ("Think.\n</think>\n\nAnswer.", "Think.", "Answer."),
    "on the line of the answer": ("Think.\n</think>Answer.", "Think.", "Answer."),
    "at the end": ("Think.\n</think>", "Think.", ""),
    "at the beginning": ("</think>\n\nAnswer.", "", "Answer."),
    "behind one that is talked about": (
        "It asks for </think> tags, `</think>`, and\n```\n</think>\n```\n</think>\nAnswer.",
        "It asks for </think> tags, `</think>`, and\n```\n</think>\n```",
        "Answer.",
    ),
}


@pytest.mark.parametrize(("content", "reasoning", "text"), LONE.values(), ids=LONE)
def test_a_lone_closing_tag(content, reasoning, text):
    """Its chat template opened the thought in the prompt, and no server has looked for its end."""
    for got in both_ways({"content": content}, **THINKS):
        assert (got.reasoning, got.text) == (reasoning, text)
    for got in whole({"content": content}, model="qwq-plus", thinking=True):  # always thinks, and is not told to
        assert (got.reasoning, got.text) == (reasoning, text)
    for fields in ({"thinking": False}, {}, {"model": "gemini-2.5-flash", "thinking": True}):
        for got in both_ways({"content": content}, **{"model": "qwen3.6-flash", **fields}):
            assert (got.reasoning, got.text) == ("", content)


@pytest.mark.parametrize(
    "content",
    [
        "Think.</think>Answer.",
        "It ends in\n</think>, which is a tag.",
        "It ends in\n</think> alone.",
        "```\n</think>\n```",
        "~~~~\n```\n</think>",
        "It opens with <think> and ends in\n</think>\n",
    ],
)
def test_one_that_is_talked_about_is_none_while_it_thinks(content):
    for got in both_ways({"content": content}, **THINKS):
        assert (got.reasoning, got.text) == ("", content)


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
    tags = ThinkTags()
    assert tags.feed("<think>" + "a" * (LONGEST_WAIT - 7)) == ("", "")
    assert tags.feed("b") == ("a" * (LONGEST_WAIT - 7) + "b", "")
    assert tags.flush(cut=False) == ("", "")


@pytest.mark.parametrize("distance", [-1, 0, 1])
def test_a_whole_answer_waits_as_long_as_a_stream(distance):
    thought = "a" * (LONGEST_WAIT - len("\n</think>") + distance)
    for got in whole({"content": f"{thought}\n</think>\nAnswer."}, **THINKS):
        assert (got.reasoning, got.text) == (
            (thought, "Answer.") if distance <= 0 else ("", f"{thought}\n</think>\nAnswer.")
        )


def test_only_so_many_thoughts_are_taken_out():
    for got in whole({"content": "<think>a</think>" * 2000 + "b"}):
        assert (got.reasoning, got.text) == ("a" * 8, "<think>a</think>" * 1992 + "b")


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
    [
        *("<think>", "</think>", "<thought>", "</thought>", " ", "\n", "a", "b.", "`", "<", "![", "!", ")"),
        *(
            "\n</think>",
            "\n</think>\n",
            "```\n",
            "\n```\n",
            "~~~\n",
            "> ",
            "思考",
            "<tool_call>",
            "x" * 3000,
            "<think>a</think>" * 7,
        ),
    ]
)


@given(
    st.lists(PARTS, max_size=9).map("".join),
    st.lists(st.integers(0, 9000), max_size=8),
    st.booleans(),
    st.sampled_from(["stop", "length"]),
)
def test_a_stream_cut_anywhere_and_a_whole_answer_are_the_same(content, cuts, waits, finish):
    places = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
    reading = Reading(waits=waits)
    answer = decode_completion(document({"content": content}, finish), reading=reading)
    decoder = StreamDecoder(reading=reading)
    deltas = [chunk({"content": content[a:b]}) for a, b in itertools.pairwise(places)]
    list(decoder.feed(events(*deltas, chunk({}, finish))))
    list(decoder.finish())
    assert (decoder.completion.text, decoder.completion.reasoning) == (answer.text, answer.reasoning)
    if not waits and not content.lstrip().startswith(("<think>", "<thought>")):
        assert (answer.text, answer.reasoning) == (content, "")
