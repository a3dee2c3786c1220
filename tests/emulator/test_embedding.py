"""The emulator's embeddings: what it accepts and refuses, and that near texts are near."""

import base64
import json
import re
import struct

import pytest

from anyfast_emulator import Emulator, Failure
from anyfast_emulator.embedding import vector
from anyfast_emulator.temperaments import Temperament

HEADERS = {"Authorization": "Bearer sk-emulator"}


def ask(emulator, path="/v1/embeddings", **body):
    reply = emulator.reply("POST", path, HEADERS, json.dumps(body).encode())
    return reply.status, json.loads(b"".join(reply.frames))


def near(one, other):
    return sum(a * b for a, b in zip(vector(one, 1024), vector(other, 1024), strict=True))


def test_near_texts_are_near():
    question, right, wrong = "How heavy is the lens?", "The lens weighs three tonnes.", "Dogs wait at the gate."
    assert near(question, right) > 0.2 > near(question, wrong)
    assert near("灯塔的透镜有多重", "透镜重三吨") > near("灯塔的透镜有多重", "狗在门口等") + 0.1
    assert near("Сколько весит линза", "линза весит три тонны") > 0.2


@pytest.mark.parametrize("text", ["", "   ", "the", "A lens.", "透镜", "7"])
def test_a_vector_has_the_length_1(text):
    assert sum(one * one for one in vector(text, 256)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("path", "model", "size"),
    [("/v1/embeddings", "text-embedding-v4", 1024), ("/api/v3/embeddings", "doubao-embedding", 2048)],
)
def test_an_answer_has_openais_form(path, model, size):
    status, answer = ask(Emulator(), path, model=model, input=["a", "b"])
    assert (status, answer["object"], answer["model"]) == (200, "list", model)
    assert [entry["index"] for entry in answer["data"]] == [0, 1]
    assert {len(entry["embedding"]) for entry in answer["data"]} == {size}
    assert answer["usage"] == {"prompt_tokens": 2, "total_tokens": 2}


def test_one_text_need_not_be_in_a_list():
    emulator = Emulator()
    assert (
        ask(emulator, model="text-embedding-v4", input="a")[1]["data"]
        == ask(emulator, model="text-embedding-v4", input=["a"])[1]["data"]
    )


REFUSED = {
    "too many": ({"input": ["a"] * 11}, 400, "batch size is invalid, it should not be larger than 10"),
    "too many for Gemini": ({"model": "gemini-embedding-001", "input": ["a"] * 101}, 400, "at most 100 requests"),
    "tokens": ({"input": [1, 2, 3]}, 400, "neither str nor list of str"),
    "lists of tokens": ({"input": [[1, 2], [3]]}, 400, "neither str nor list of str"),
    "base64": ({"encoding_format": "base64"}, 400, "encoding_format"),
    "an empty text": ({"input": ["a", ""]}, 400, "empty string"),
    "no texts": ({"input": []}, 400, "input is required"),
    "a text that is too long": ({"input": ["word " * 9000]}, 400, r"Range of input length should be \[1, 8192\]"),
    "dimensions": ({"dimensions": 100}, 400, "Dimension 100 is not supported"),
    "a model": ({"model": "nobody"}, 503, "No available channel for model nobody"),
    "a chat model": ({"model": "deepseek-v4-pro"}, 503, "No available channel"),
    "no model": ({"model": ""}, 400, "model is required"),
}


@pytest.mark.parametrize(("said", "status", "words"), REFUSED.values(), ids=REFUSED)
def test_it_refuses_what_upstreams_refuse(said, status, words):
    found, answer = ask(Emulator(), **{"model": "text-embedding-v4", "input": ["a"], **said})
    assert found == status
    assert re.search(words, json.dumps(answer))


def test_the_path_of_ark_knows_its_own_model_alone():
    status, answer = ask(Emulator(), "/api/v3/embeddings", model="text-embedding-v4", input=["a"])
    assert (status, answer["error"]["code"]) == (404, "InvalidEndpointOrModel.NotFound")


def test_openais_model_takes_base64():
    emulator = Emulator()
    [entry] = ask(emulator, model="text-embedding-3-small", input=["a"], encoding_format="base64")[1]["data"]
    [plain] = ask(emulator, model="text-embedding-3-small", input=["a"])[1]["data"]
    packed = base64.b64decode(entry["embedding"])
    assert struct.unpack(f"<{len(packed) // 4}f", packed) == pytest.approx(plain["embedding"], abs=1e-6)


@pytest.mark.parametrize(
    ("where", "openai", "ark"), [("both", 200, 200), ("openai", 200, 404), ("ark", 404, 200), ("none", 404, 404)]
)
def test_a_temperament_takes_a_path_away(where, openai, ark):
    emulator = Emulator(temperament=Temperament(name="planted", embeddings=where))
    assert ask(emulator, "/v1/embeddings", model="doubao-embedding", input=["a"])[0] == openai
    assert ask(emulator, "/api/v3/embeddings", model="doubao-embedding", input=["a"])[0] == ark


def test_a_scripted_failure_is_for_any_request_and_an_answer_for_a_chat():
    emulator = Emulator()
    emulator.script(Failure(429), "Hello.")
    assert [ask(emulator, model="text-embedding-v4", input=["a"])[0] for _ in range(2)] == [429, 200]
    assert emulator.unused == ("Hello.",)
    assert len(emulator.requests) == 2
