"""The body of an embeddings answer → vectors."""

import base64
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyfast_transport import APIStatusError, InvalidResponseError, RateLimitError
from anyfast_transport.response.embeddings import EmbeddingsDecoder, decode_embeddings


def body(*vectors, indices=None, **more):
    places = indices or range(len(vectors))
    data = [{"object": "embedding", "index": at, "embedding": one} for at, one in zip(places, vectors, strict=True)]
    return json.dumps({"object": "list", "data": data, **more}).encode()


def packed(*numbers):
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def test_vectors_come_in_the_order_of_the_texts_however_the_gateway_orders_them():
    data = body([1.5], [2.5], [3.5], indices=[2, 0, 1], model="m", usage={"prompt_tokens": 3, "total_tokens": 3})
    answer = decode_embeddings(data, texts=3)
    assert answer.vectors == [[2.5], [3.5], [1.5]]
    assert (answer.model, answer.usage) == ("m", {"prompt_tokens": 3, "total_tokens": 3})


def test_whole_numbers_become_floats():
    [vector] = decode_embeddings(body([0, 1, -2.5]), texts=1).vectors
    assert vector == [0.0, 1.0, -2.5]
    assert {type(number) for number in vector} == {float}


def test_numbers_whose_sum_is_too_large_are_numbers():
    assert decode_embeddings(body([1.7e308, 1.7e308]), texts=1).vectors == [[1.7e308, 1.7e308]]


def test_base64_is_read_where_a_gateway_insists_on_it():
    answer = decode_embeddings(body(packed(0.5, -1.25), packed(2.0, 0.0)), texts=2)
    assert answer.vectors == [[0.5, -1.25], [2.0, 0.0]]


@given(
    st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4), min_size=1, max_size=5)
)
def test_what_was_sent_is_what_is_read(vectors):
    assert decode_embeddings(body(*vectors), texts=len(vectors)).vectors == vectors


ANSWERS = [
    body([1.5, -2.0], [0.25, 3.0], model="m"),
    body(packed(0.5, 1.0), packed(2.0, 3.0)),
    b'{"data":[{"embedding":[1.0,2.0],"index":1},\n{"index":0, "embedding" : [ 3.0 , 4.5e-1 ]}]}',
    b'{"a": "\\"embedding\\": [1]", "data": [{"index": 0, "embedding": [1, 2]}, {"index": 1, "embedding": [1.0, 2]}]}',
    b'{"data": [{"index": 0, "embedding": "AAAAPwAAgD8="}, {"index": 1, "embedding": "AAAAPwAA\\/z8="}]}',
]


@pytest.mark.parametrize("data", ANSWERS)
def test_it_does_not_matter_in_which_pieces_a_body_comes(data):
    whole = decode_embeddings(data, texts=2)
    for size in (1, 2, 3, 7, 50):
        decoder = EmbeddingsDecoder()
        for at in range(0, len(data), size):
            decoder.feed(data[at : at + size])
        assert decoder.finish(texts=2) == whole


def test_the_numbers_of_a_body_are_not_held_beside_the_vectors():
    decoder, data = EmbeddingsDecoder(), body(*[[0.125] * 1000] * 50)
    for at in range(0, len(data), 4096):
        decoder.feed(data[at : at + 4096])
    assert len(decoder._rest) + len(decoder._buffer) < len(data) / 30
    assert len(decoder.finish(texts=50).vectors) == 50


NO_ANSWERS = {
    "fewer vectors than texts": (body([1.0]), 2, "1 vectors for 2 texts"),
    "more vectors than texts": (body([1.0], [2.0]), 1, "2 vectors for 1 texts"),
    "a vector of another length": (body([1.0], [2.0, 3.0]), 2, "vectors of 1 and 2 numbers"),
    "an empty vector": (body([]), 1, "vectors of 0 numbers"),
    "NaN": (b'{"data": [{"index": 0, "embedding": [1.0, NaN]}]}', 1, "no finite number"),
    "Infinity": (b'{"data": [{"index": 0, "embedding": [1e999, 1.0]}]}', 1, "no finite number"),
    "null in a vector": (body([1.0, None]), 1, "no finite number"),
    "text in a vector": (body([1.0, "2"]), 1, "no finite number"),
    "true in a vector": (body([1.0, True]), 1, "no finite number"),
    "a whole number without end": (b'{"data": [{"index": 0, "embedding": [1%s]}]}' % (b"0" * 400), 1, "no finite"),
    "no vector": (b'{"data": [{"index": 0}]}', 1, "no list of numbers"),
    "no base64": (body("???"), 1, "no base64"),
    "half a float": (body(base64.b64encode(b"abc").decode()), 1, "no base64 of finite 32-bit floats"),
    "NaN in base64": (body(packed(float("nan"))), 1, "no base64 of finite"),
    "a missing index": (b'{"data": [{"embedding": [1.0]}]}', 1, "an index is missing"),
    "an index that is none": (body([1.0], indices=["0"]), 1, "an index is missing, or wrong"),
    "an index out of range": (body([1.0], [2.0], indices=[0, 2]), 2, r"wrong \(2\)"),
    "an index below 0": (body([1.0], [2.0], indices=[0, -1]), 2, r"wrong \(-1\)"),
    "an index twice": (body([1.0], [2.0], indices=[1, 1]), 2, "the index 1 comes twice"),
    "an entry that is none": (b'{"data": [7]}', 1, "an index is missing"),
    "no data": (b'{"object": "list"}', 1, "no list `data`"),
    "a chat": (b'{"choices": []}', 1, "no list `data`"),
    "a list": (b"[1, 2]", 1, "no JSON object"),
    "a page": (b"<!doctype html><title>x</title>", 1, "an HTML page"),
    "half a body": (body([1.0])[:-3], 1, "no JSON"),
    "nothing": (b"", 1, "no JSON"),
}


@pytest.mark.parametrize(("data", "texts", "words"), NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_an_answer_that_is_none_is_told(data, texts, words):
    with pytest.raises(InvalidResponseError, match=words) as caught:
        decode_embeddings(data, texts=texts, request_id="r1")
    assert (caught.value.request_id, caught.value.retryable) == ("r1", False)


def test_dimensions_that_were_asked_for_are_held_to():
    assert decode_embeddings(body([1.0, 2.0]), texts=1, dimensions=2).vectors
    with pytest.raises(InvalidResponseError, match="of 2 numbers, where dimensions=3 was asked for"):
        decode_embeddings(body([1.0, 2.0]), texts=1, dimensions=3)


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        ({"message": "slow down", "type": "rate_limit_error"}, RateLimitError, True),
        ({"message": "no such thing", "code": "weird"}, APIStatusError, False),
    ],
)
def test_an_error_in_a_200_is_told_and_classified(error, kind, retryable):
    with pytest.raises(InvalidResponseError, match=error["message"]) as caught:
        decode_embeddings(json.dumps({"error": error}).encode(), texts=1)
    assert isinstance(caught.value.error, kind)
    with pytest.raises(InvalidResponseError, match=error["message"]):
        decode_embeddings(json.dumps({"data": [], "error": error}).encode(), texts=1)
    assert caught.value.retryable is retryable


@given(st.binary(max_size=200))
def test_no_bytes_end_otherwise(data):
    with pytest.raises(InvalidResponseError):
        decode_embeddings(b'{"data": [' + data, texts=1)
