"""The body of an embeddings answer → vectors, each text's own. Pure.

No object is made for a vector: pydantic's JSON reader makes lists of floats, which is what both frameworks want.
"""

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anyfast_transport.errors import InvalidResponseError
from anyfast_transport.lenient_json import read_json
from anyfast_transport.response.error_bodies import error_in
from anyfast_transport.response.fields import excerpt

Vector = list[float]


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The answer to one request.

    Attributes:
        vectors: One for each text, in the order of the texts.
        model: The model that answered, or "".
        usage: The raw usage object, or None.
    """

    vectors: list[Vector]
    model: str = ""
    usage: Mapping[str, Any] | None = None


def decode_embeddings(
    data: bytes, *, texts: int, dimensions: int | None = None, request_id: str | None = None
) -> Embeddings:
    """Reads a whole answer.

    Args:
        data: The body.
        texts: How many texts were sent.
        dimensions: How many numbers each vector was asked to have, or None.
        request_id: The gateway's id of the request.

    Returns:
        The vectors, in the order of the texts, however the gateway orders them.

    Raises:
        InvalidResponseError: It is no such answer: an error in a 200 (`.error` is the classified one), not one vector
            for each text, an index that is missing, repeated or out of range, vectors of different lengths, or
            something that is no finite number.
    """
    try:
        return _decoded(read_json(data), texts, dimensions)
    except _NoAnswerError as problem:
        said, error = str(problem), problem.error
    except ValueError:
        page = data[:64].lstrip()[:1] == b"<"
        said, error = ("an HTML page, not JSON" if page else "no JSON"), None
    shown = excerpt(data)
    failed = InvalidResponseError(f"The embeddings that came are none: {said}.", request_id=request_id, body=shown)
    failed.error = error
    raise failed


class _NoAnswerError(Exception):
    """What is wrong, in words."""

    error: Any = None


def _decoded(body: Any, texts: int, dimensions: int | None) -> Embeddings:
    if not isinstance(body, dict):
        raise _NoAnswerError("no JSON object")
    data = body.get("data")
    if not isinstance(data, list):
        raise _error_or_nothing(body)
    if len(data) != texts:
        raise _NoAnswerError(f"{len(data)} vectors for {texts} texts")
    vectors = _in_order(data)
    lengths = {*map(len, vectors)}
    if dimensions is not None and lengths != {dimensions}:
        raise _NoAnswerError(
            f"vectors of {_listed(lengths)} numbers, where dimensions={dimensions} was asked for. The model ignores "
            "dimensions, or the gateway does not pass it on"
        )
    if len(lengths) > 1 or 0 in lengths:
        raise _NoAnswerError(f"vectors of {_listed(lengths)} numbers side by side")
    usage, model = body.get("usage"), body.get("model")
    return Embeddings(
        vectors, model if isinstance(model, str) else "", usage if isinstance(usage, Mapping) and usage else None
    )


def _listed(lengths: set[int]) -> str:
    return " and ".join(map(str, sorted(lengths)[:4]))


def _error_or_nothing(body: Mapping[str, Any]) -> _NoAnswerError:
    error = error_in(body, request_id=None)
    problem = _NoAnswerError(f"an error under status 200, {error}" if error else "there is no list `data`")
    problem.error = error
    return problem


def _in_order(data: list[Any]) -> list[Vector]:
    vectors: list[Any] = [None] * len(data)
    for entry in data:
        place = entry.get("index") if isinstance(entry, dict) else None
        if type(place) is not int or not 0 <= place < len(data):
            raise _NoAnswerError(f"an index is missing, or wrong ({place!r})")
        if vectors[place] is not None:
            raise _NoAnswerError(f"the index {place} comes twice")
        vectors[place] = _vector(entry.pop("embedding", None), place)
    return vectors


def _vector(found: Any, place: int) -> Vector:
    if isinstance(found, str):
        found = _of_base64(found, place)
    if not isinstance(found, list):
        raise _NoAnswerError(f"the vector of text {place} is no list of numbers")
    if {*map(type, found)} == {float} and math.isfinite(sum(found)):  # a NaN anywhere makes the sum one
        return found
    return _checked(found, place)


def _checked(found: list[Any], place: int) -> Vector:
    """Number by number: whole numbers become floats, and a sum that is too large need not mean that a number is."""
    try:
        if all(type(number) in (int, float) and math.isfinite(number) for number in found):
            return [float(number) for number in found]
    except OverflowError:
        pass
    raise _NoAnswerError(f"the vector of text {place} holds what is no finite number")


def _of_base64(text: str, place: int) -> list[float]:
    """Little-endian floats of 32 bits, as OpenAI's API sends them for `encoding_format: base64`."""
    numbers = array("f")
    try:
        numbers.frombytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise _NoAnswerError(f"the vector of text {place} is no base64 of 32-bit floats") from None
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()
