"""Which requests embed a list of texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyfast_transport import ContextWindowExceededError, UnsupportedParameterError, embedding_model_of
from anyfast_transport.families.embedding_models import ARK_PATH, OPENAI_PATH
from anyfast_transport.request.embeddings import (
    Asked,
    embedding_plan,
    embeddings_url,
    named,
    texts_a_request,
    texts_that_would_pass,
)


def asked(model="text-embedding-v4", **said):
    return Asked(model, embedding_model_of(model), **said)


def test_the_body_holds_strings_and_asks_for_floats():
    plan = embedding_plan(["a", "b"], asked(dimensions=512, extra_body={"user": "u1"}))
    assert [batch.body for batch in plan.batches] == [
        {"model": "text-embedding-v4", "input": ["a", "b"], "encoding_format": "float", "dimensions": 512, "user": "u1"}
    ]
    assert not plan.changes


def test_extra_body_has_the_last_word():
    plan = embedding_plan(["a"], asked(extra_body={"encoding_format": "base64"}))
    assert plan.batches[0].body["encoding_format"] == "base64"


@pytest.mark.parametrize(
    ("model", "batch_size", "most"),
    [
        ("text-embedding-v4", None, 10),
        ("text-embedding-v4", 3, 3),
        ("text-embedding-v4", 1000, 10),  # what the vendor documents is the most
        ("text-embedding-v2", None, 25),
        ("nobody-knows-it", None, 10),
        ("nobody-knows-it", 64, 64),  # what is only guessed is not
        ("text-embedding-3-small", None, 682),  # a million numbers in an answer
        ("text-embedding-3-small", 1000, 682),
        ("doubao-embedding", None, 256),
    ],
)
def test_a_request_takes_as_many_texts_as_the_row_the_caller_and_the_answer_allow(model, batch_size, most):
    assert texts_a_request(asked(model, batch_size=batch_size)) == most


@given(st.lists(st.text(max_size=30), max_size=70), st.integers(1, 20))
def test_each_text_is_sent_once_and_in_order(texts, batch_size):
    plan = embedding_plan(texts, asked(batch_size=batch_size))
    assert [place for batch in plan.batches for place in batch.places] == list(range(len(texts)))
    assert all(0 < len(batch.body["input"]) == len(batch.places) <= min(batch_size, 10) for batch in plan.batches)
    assert [text for batch in plan.batches for text in batch.body["input"]] == [text or " " for text in texts]


def test_a_request_stays_below_the_tokens_that_it_may_have():
    plan = embedding_plan(["word " * 1600] * 100, asked("text-embedding-3-small"))  # 8,000 bytes each
    assert [len(batch.places) for batch in plan.batches] == [37, 37, 26]


def test_empty_texts_and_half_characters_are_told_once_each():
    plan = embedding_plan(["", "a", "", "x\ud83dy"], asked())
    assert plan.batches[0].body["input"] == [" ", "a", " ", "x\ufffdy"]
    assert plan.changes == [
        "text-embedding-v4: empty texts are sent as one blank: texts 0, 2 of 4.",
        "text-embedding-v4: half characters are sent as U+FFFD: in text 3 of 4.",
    ]


@pytest.mark.parametrize("texts", ["one text", b"bytes", [[1, 2, 3]], ["a", 7], ["a", None]])
def test_what_is_no_list_of_texts_is_told(texts):
    with pytest.raises(UnsupportedParameterError, match=r"not one text|is no text but"):
        embedding_plan(texts, asked())


def test_texts_that_are_too_long_are_told_by_their_places_before_anything_is_sent():
    with pytest.raises(
        ContextWindowExceededError, match=r"8,192 tokens a text.*texts 1, 3 of 4 are longer: text 1 has"
    ):
        embedding_plan(["a", "word " * 20_000, "b", "word " * 30_000], asked())


def test_a_text_that_may_fit_is_sent():
    assert embedding_plan(["word " * 8500], asked()).batches
    assert embedding_plan(["word " * 100_000], asked("nobody-knows-it")).batches


@pytest.mark.parametrize(
    ("words", "sent", "most"),
    [
        ("Value error, batch size is invalid, it should not be larger than 10.: input.contents", 25, 10),
        ("* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch", 250, 100),
        ("input batch size 65 > maximum allowed batch size 64", 65, 64),
        ("The maximum batch size is 32", 100, 32),
        ("too many inputs", 9, 4),
        ("batch size is invalid, it should not be larger than 10", 10, 5),  # it says so, and refuses 10
        ("batch size is invalid", 1, None),
        ("The maximum number of tokens is 8192", 25, None),
        ("Invalid API parameter", 25, None),
    ],
)
def test_a_refusal_of_many_texts_tells_how_many_would_pass(words, sent, most):
    assert texts_that_would_pass(words, sent) == most


@pytest.mark.parametrize(
    ("model", "dimensions", "words"),
    [
        ("text-embedding-v4", 100, "it makes 64, 128"),
        ("text-embedding-v2", 512, "its vectors have 1,536 numbers"),
        ("gemini-embedding-001", 4096, "it makes 128 to 3072"),
    ],
)
def test_dimensions_that_the_model_does_not_make_are_refused(model, dimensions, words):
    with pytest.raises(UnsupportedParameterError, match=words):
        embedding_plan(["a"], asked(model, dimensions=dimensions))


@pytest.mark.parametrize(
    ("model", "dimensions"), [("text-embedding-v2", 1536), ("doubao-embedding", 512), ("nobody-knows-it", 7)]
)
def test_dimensions_that_nobody_rules_out_are_sent(model, dimensions):
    assert embedding_plan(["a"], asked(model, dimensions=dimensions)).batches[0].body["dimensions"] == dimensions


@pytest.mark.parametrize(
    ("base_url", "path", "model", "url"),
    [
        ("https://g/v1", None, "text-embedding-v4", "https://g/v1/embeddings"),
        ("https://g/v1", None, "doubao-embedding", "https://g/api/v3/embeddings"),
        ("https://g/proxy/v1", None, "doubao-embedding", "https://g/proxy/api/v3/embeddings"),
        ("https://ark/api/v3", None, "doubao-embedding", "https://ark/api/v3/embeddings"),
        ("https://ark/api/v3", None, "nobody-knows-it", "https://ark/api/v3/embeddings"),
        ("https://g/v1", "/v1/embeddings", "doubao-embedding", "https://g/v1/embeddings"),
        ("https://g/api/v3", "/v1/embeddings", "doubao-embedding", "https://g/v1/embeddings"),
        ("https://g/v1", "vectors", "doubao-embedding", "https://g/v1/vectors"),
    ],
)
def test_the_path_is_the_rows_unless_another_is_given(base_url, path, model, url):
    assert embeddings_url(base_url, path, embedding_model_of(model)) == url


def test_the_paths_are_those_of_the_contract():
    assert (OPENAI_PATH, ARK_PATH) == ("/v1/embeddings", "/api/v3/embeddings")


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ([3], "text 3"),
        (range(4, 9), "texts 4 to 8"),
        ([1, 5], "texts 1, 5"),
        (range(0, 20, 2), "texts 0, 2, 4, 6, 8 and 5 more"),
    ],
)
def test_places_are_named_briefly(places, words):
    assert named(list(places)) == words
