"""Embeddings: what the pages document of them, what upstreams refuse, and vectors made from the words."""

import base64
import math
import re
import struct
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anyfast_emulator.refusals import JSON_TYPE, RefusedError, json_bytes
from anyfast_emulator.replies import Reply
from anyfast_emulator.temperaments import Temperament
from anyfast_emulator.tokens import count_tokens
from anyfast_emulator.words import stems

OPENAI_PATH = "/v1/embeddings"  # new-api router/relay-router.go
ARK_PATH = "/api/v3/embeddings"  # Anyfast text-embedding page
PATHS = {"both": (OPENAI_PATH, ARK_PATH), "openai": (OPENAI_PATH,), "ark": (ARK_PATH,), "none": ()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedder:
    """One embedding model.

    Args:
        accent: whose errors it speaks.
        most_texts: texts in one request.
        most_tokens: tokens of one text.
        size: numbers in a vector.
        sizes: values of `dimensions`; none = it is not taken.
        takes_base64: whether `encoding_format: base64` is taken.
        served_by: `owned_by` in the list of models.
        ark: whether the path of Ark knows it.
    """

    accent: str
    most_texts: int
    most_tokens: int
    size: int
    sizes: tuple[int, ...] = ()
    takes_base64: bool = False
    served_by: str = "custom"
    ark: bool = False


# Anyfast text-embedding page; the limits are those of Volcengine's Doubao-embedding API (docs/82379/1302003).
DOUBAO = Embedder(
    accent="doubao", most_texts=256, most_tokens=4096, size=2048, served_by="volcengine", ark=True
)  # the size is a guess
# Alibaba Cloud Model Studio, text-embedding synchronous API.
QWEN_V4 = Embedder(
    accent="qwen",
    most_texts=10,
    most_tokens=8192,
    size=1024,
    sizes=(2048, 1536, 1024, 768, 512, 256, 128, 64),
    served_by="ali",
)
QWEN_V3 = Embedder(
    accent="qwen", most_texts=10, most_tokens=8192, size=1024, sizes=(1024, 768, 512, 256, 128, 64), served_by="ali"
)
# ai.google.dev/gemini-api/docs/models/gemini-embedding-001, and the batch limit that Google's errors name.
GEMINI = Embedder(
    accent="gemini",
    most_texts=100,
    most_tokens=2048,
    size=3072,
    sizes=tuple(range(128, 3073)),
    served_by="vertex-ai",
)
# OpenAI API reference, embeddings.
OPENAI = Embedder(
    accent="openai",
    most_texts=2048,
    most_tokens=8192,
    size=1536,
    sizes=tuple(range(1, 1537)),
    takes_base64=True,
    served_by="openai",
)
EMBEDDERS: Mapping[str, Embedder] = {
    "doubao-embedding": DOUBAO,
    "text-embedding-v4": QWEN_V4,
    "text-embedding-v3": QWEN_V3,
    "gemini-embedding-001": GEMINI,
    "text-embedding-3-small": OPENAI,
}


def is_embeddings(method: str, path: str, temper: Temperament) -> bool:
    """Whether a request is for embeddings, at a path that this gateway has."""
    return method == "POST" and path in PATHS[temper.embeddings]


def check(request: Mapping[str, Any], path: str) -> None:
    """Refuses what the upstream refuses.

    Args:
        request: the body; its model is one of `EMBEDDERS`.
        path: where it came.

    Raises:
        RefusedError: what is wrong.
    """
    embedder = EMBEDDERS[request["model"]]
    if path == ARK_PATH and not embedder.ark:
        words = f"The model or endpoint {request['model']} does not exist or you do not have access to it."
        raise RefusedError(words, "model", status=404, code="InvalidEndpointOrModel.NotFound")
    given = request.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        raise RefusedError("field input is required", by_gateway=True)
    _check_texts(texts, embedder)
    if request.get("encoding_format", "float") != "float" and not embedder.takes_base64:
        raise RefusedError("encoding_format only support with [float]", "encoding_format")
    wanted = request.get("dimensions")
    if wanted is not None and wanted not in embedder.sizes:
        raise RefusedError(f"Dimension {wanted} is not supported for {request['model']}", "dimensions")


def _check_texts(texts: Sequence[Any], embedder: Embedder) -> None:
    if len(texts) > embedder.most_texts:  # in DashScope's words and in Google's
        said = (
            f"Value error, batch size is invalid, it should not be larger than {embedder.most_texts}.: input.contents"
        )
        if embedder.accent == "gemini":
            said = f"* BatchEmbedContentsRequest.requests: at most {embedder.most_texts} requests can be in one batch"
        raise RefusedError(said, "input")
    if not all(isinstance(text, str) for text in texts):  # tokens: one list of numbers, or several
        raise RefusedError("Value error, contents is neither str nor list of str.: input.contents", "input")
    if not all(texts):
        raise RefusedError("input can not contain empty string", "input")
    if any(count_tokens(text) > embedder.most_tokens for text in texts):
        raise RefusedError(f"Range of input length should be [1, {embedder.most_tokens}]", "input")


def embeddings(request: Mapping[str, Any]) -> Reply:
    """The answer: the vectors, in order, each with its index.

    Args:
        request: the body.

    Returns:
        The reply.
    """
    given = request.get("input")
    texts = [str(text) for text in (given if isinstance(given, list) else [given])]
    size = request.get("dimensions") or EMBEDDERS.get(request["model"], QWEN_V4).size
    used = sum(map(count_tokens, texts))
    vectors = [vector(text, size) for text in texts]
    written = [_packed(one) for one in vectors] if request.get("encoding_format") == "base64" else vectors
    body = {
        "object": "list",
        "created": int(time.time()),
        "model": request["model"],
        "data": [{"object": "embedding", "index": place, "embedding": one} for place, one in enumerate(written)],
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }
    return Reply(200, dict(JSON_TYPE), (json_bytes(body),))


def _packed(numbers: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def vector(text: str, size: int) -> list[float]:
    """A vector of length 1 whose direction is that of the words, so that near texts are near.

    Args:
        text: the text.
        size: how many numbers.

    Returns:
        The numbers, to six places.
    """
    sums = [0.0] * size
    for feature, weight in _features(text):
        hashed = zlib.crc32(feature.encode("utf-8", "replace"))
        sums[hashed % size] += weight if hashed & 0x8000_0000 else -weight
    length = math.sqrt(sum(one * one for one in sums))
    return [round(one / length, 6) for one in sums] if length else [1.0, *sums[1:]]


def _features(text: str) -> Iterator[tuple[str, float]]:
    """The telling words and their trigrams; words of other scripts and numbers as they are, and theirs."""
    words = [*stems(text), *(word for word in re.findall(r"\w+", text.casefold()) if not re.fullmatch("[a-z]+", word))]
    for word in words:
        yield word, 1.0
        marked = f"<{word}>"
        yield from ((marked[at : at + 3], 0.3) for at in range(len(marked) - 2))
