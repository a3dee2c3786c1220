"""The body of an embeddings answer → vectors, each text's own. Pure.

No object is made for a vector: pydantic's JSON reader makes lists of floats, which is what both frameworks want.
"""

import base64
import binascii
import math
import re
import sys
import uuid
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from anyfast_transport.errors import InvalidResponseError
from anyfast_transport.lenient_json import read_json
from anyfast_transport.response.error_bodies import error_in
from anyfast_transport.response.fields import EXCERPT, excerpt

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
    """Reads a whole answer; see `EmbeddingsDecoder.finish`.

    Args:
        data: The body.
        texts: How many texts were sent.
        dimensions: How many numbers each vector was asked to have, or None.
        request_id: The gateway's id of the request.

    Returns:
        The vectors, in the order of the texts, however the gateway orders them.

    Raises:
        InvalidResponseError: It is no such answer.
    """
    decoder = EmbeddingsDecoder()
    decoder.feed(data)
    return decoder.finish(texts=texts, dimensions=dimensions, request_id=request_id)


class EmbeddingsDecoder:
    """Reads an answer as it comes, each vector as soon as it is there, so that the body is never held as a whole.

    What is not a vector is kept as it came, with a mark in the place of each vector, and read as JSON at the end. So a
    vector that is none, or a form that was not thought of, is judged there.
    """

    def __init__(self) -> None:
        self._buffer, self._rest = bytearray(), bytearray()
        self._start = b""
        self._mark = uuid.uuid4().hex
        self._vectors: list[Vector] = []
        self._open, self._looked = 0, 0

    def feed(self, data: bytes) -> None:
        """Takes a piece of the body.

        Args:
            data: The bytes.
        """
        if len(self._start) < EXCERPT:
            self._start += data[:EXCERPT]
        self._buffer += data
        while self._step():
            pass

    def _step(self) -> bool:
        """Goes on to the next beginning or end of a vector; False if it has not come yet."""
        if not self._open:
            found = _KEY.search(self._buffer)
            if found is None:
                self._keep(max(0, len(self._buffer) - _LONGEST_KEY))
                return False
            self._open, self._looked = found[1][0], 1
            self._keep(found.end() - 1)
            return True
        end = self._buffer.find(b"]" if self._open == _LIST else b'"', self._looked)
        if end < 0:
            self._looked = len(self._buffer)
            return False
        vector = _read_vector(bytes(self._buffer[: end + 1]))
        if vector is None:
            self._keep(end + 1)
        else:
            del self._buffer[: end + 1]
            self._rest += b'{"%s":%d}' % (self._mark.encode(), len(self._vectors))
            self._vectors.append(vector)
        self._open = 0
        return True

    def _keep(self, size: int) -> None:
        self._rest += self._buffer[:size]
        del self._buffer[:size]

    def finish(self, *, texts: int, dimensions: int | None = None, request_id: str | None = None) -> Embeddings:
        """Judges the answer, which is at its end.

        Args:
            texts: How many texts were sent.
            dimensions: How many numbers each vector was asked to have, or None.
            request_id: The gateway's id of the request.

        Returns:
            The vectors, in the order of the texts, however the gateway orders them.

        Raises:
            InvalidResponseError: It is no such answer: an error in a 200 (`.error` is the classified one), not one
                vector for each text, an index that is missing, repeated or out of range, vectors of different lengths,
                or something that is no finite number.
        """
        self._keep(len(self._buffer))
        try:
            return self._decoded(read_json(bytes(self._rest)), texts, dimensions)
        except _NoAnswerError as problem:
            said, error = str(problem), problem.error
        except ValueError:
            page = self._start.lstrip()[:1] == b"<"
            said, error = ("an HTML page, not JSON" if page else "no JSON"), None
        failed = InvalidResponseError(
            f"The embeddings that came are none: {said}.", request_id=request_id, body=excerpt(self._start)
        )
        failed.error = error
        raise failed

    def _decoded(self, body: Any, texts: int, dimensions: int | None) -> Embeddings:
        if not isinstance(body, dict):
            raise _NoAnswerError("no JSON object")
        data = body.get("data")
        if not isinstance(data, list) or body.get("error"):
            raise _error_or_nothing(body)
        if len(data) != texts:
            raise _NoAnswerError(f"{len(data)} vectors for {texts} texts")
        vectors = self._in_order(data)
        _check_lengths({*map(len, vectors)}, dimensions)
        usage, model = body.get("usage"), body.get("model")
        return Embeddings(
            vectors, model if isinstance(model, str) else "", usage if isinstance(usage, Mapping) and usage else None
        )

    def _in_order(self, data: list[Any]) -> list[Vector]:
        vectors: list[Any] = [None] * len(data)
        for entry in data:
            place = entry.get("index") if isinstance(entry, dict) else None
            if type(place) is not int or not 0 <= place < len(data):
                raise _NoAnswerError(f"an index is missing, or wrong ({place!r})")
            if vectors[place] is not None:
                raise _NoAnswerError(f"the index {place} comes twice")
            found = entry.get("embedding")
            known = found.get(self._mark) if isinstance(found, dict) else None
            vectors[place] = _checked(found, place) if known is None else self._vectors[known]
        return vectors


_KEY = re.compile(rb'"embedding"\s*:\s*([\["])')
_LONGEST_KEY = 64
_LIST = ord("[")


def _read_vector(raw: bytes) -> Vector | None:
    """A vector out of its own bytes; None if it is none, or one that has to be looked at."""
    if raw[0] != _LIST:
        return _of_base64(raw[1:-1])
    try:
        found: Any = from_json(raw)
    except ValueError:
        return None
    # A NaN anywhere makes the sum one; a sum that is too large need not mean that a number is.
    return found if {*map(type, found)} == {float} and math.isfinite(sum(found)) else None


def _of_base64(text: bytes | str) -> Vector | None:
    """Little-endian floats of 32 bits, as OpenAI's API sends them for `encoding_format: base64`."""
    numbers = array("f")
    try:
        numbers.frombytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return None
    if sys.byteorder == "big":
        numbers.byteswap()
    vector = numbers.tolist()
    return vector if math.isfinite(sum(vector)) else None


def _checked(found: Any, place: int) -> Vector:
    """A vector that was not read at once: whole numbers become floats, and what is none is told."""
    if isinstance(found, str):
        if (vector := _of_base64(found)) is None:
            raise _NoAnswerError(f"the vector of text {place} is no base64 of finite 32-bit floats")
        return vector
    if not isinstance(found, list):
        raise _NoAnswerError(f"the vector of text {place} is no list of numbers")
    try:
        if all(type(number) in (int, float) and math.isfinite(number) for number in found):
            return [float(number) for number in found]
    except OverflowError:
        pass
    raise _NoAnswerError(f"the vector of text {place} holds what is no finite number")


def _check_lengths(lengths: set[int], dimensions: int | None) -> None:
    if dimensions is not None and lengths - {dimensions}:
        raise _NoAnswerError(
            f"vectors of {_listed(lengths)} numbers, where dimensions={dimensions} was asked for. The model ignores "
            "dimensions, or the gateway does not pass it on"
        )
    if len(lengths) > 1 or 0 in lengths:
        raise _NoAnswerError(f"vectors of {_listed(lengths)} numbers side by side")


class _NoAnswerError(Exception):
    """What is wrong, in words."""

    error: Any = None


def _listed(lengths: set[int]) -> str:
    return " and ".join(map(str, sorted(lengths)[:4]))


def _error_or_nothing(body: Mapping[str, Any]) -> _NoAnswerError:
    error = error_in(body, request_id=None)
    problem = _NoAnswerError(f"an error under status 200, {error}" if error else "there is no list `data`")
    problem.error = error
    return problem
