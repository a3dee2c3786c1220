"""Which requests embed a list of texts. Pure: what was changed on the way is told by whoever sends."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anyfast_transport.errors import ContextWindowExceededError, UnsupportedParameterError
from anyfast_transport.families.embedding_models import ARK_PATH, ASSUMED_TEXTS, OPENAI_PATH, EmbeddingModel
from anyfast_transport.families.token_estimate import text_tokens
from anyfast_transport.lenient_json import merged

MOST_NUMBERS = 1024 * 1024
"""Numbers in one answer: a thousand vectors of 1,024, some 20 MB of JSON. Larger requests are split."""

ASSUMED_DIMENSIONS = 4096
"""Numbers in a vector of which nothing is known; few models make more."""

SURELY_TOO_LONG = 1.3
"""A text is refused before sending when it is estimated at so many times the limit: the estimate is 15 % off at most on
prose, so what is refused here would be refused, or cut without a word, by the model."""

BLANK = " "
"""What an empty text is sent as: upstreams refuse an empty one, and one empty page would end an ingestion."""

_VERSION = re.compile(r"(/api)?/v\d+$")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is the same in each request of a call.

    Attributes:
        model: Model id.
        row: What is known of the model.
        dimensions: Numbers in each vector, or None for the model's own.
        batch_size: Most texts in a request, or None for the row's.
        extra_body: Merged into each body last.
    """

    model: str
    row: EmbeddingModel
    dimensions: int | None = None
    batch_size: int | None = None
    extra_body: Mapping[str, Any] | None = field(default=None, repr=False)  # it may hold a secret


@dataclass(frozen=True, slots=True)
class EmbeddingBatch:
    """The texts of one request.

    Attributes:
        places: Which of the call's texts they are, from 0.
        body: The request body.
    """

    places: range
    body: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class EmbeddingPlan:
    """The requests of one call.

    Attributes:
        batches: Each request, in the order of its texts.
        changes: What is sent otherwise than it was given, in words; one for each kind.
    """

    batches: Sequence[EmbeddingBatch]
    changes: Sequence[str]


def embedding_plan(texts: Sequence[str], asked: Asked) -> EmbeddingPlan:
    """Decides about the requests of one call.

    Args:
        texts: What is to be embedded.
        asked: What is the same in each request.

    Returns:
        The requests, and what was changed.

    Raises:
        UnsupportedParameterError: Something that is no text, or dimensions that the model does not make.
        ContextWindowExceededError: Texts that are surely too long, each told by its place.
    """
    _check_dimensions(asked)
    sendable, changes = _sendable(texts, asked.model)
    _check_lengths(sendable, asked)
    rest: dict[str, Any] = {"encoding_format": "float"}  # Ark and DashScope take no other
    if asked.dimensions is not None:
        rest["dimensions"] = asked.dimensions
    batches = [
        EmbeddingBatch(places, merged({"model": asked.model, "input": list(part), **rest}, asked.extra_body or {}))
        for places, part in _parts(sendable, asked)
    ]
    return EmbeddingPlan(batches, changes)


def texts_a_request(asked: Asked) -> int:
    """Most texts in a request: what the row, the caller and the size of the answer allow."""
    known = asked.row.max_texts
    wanted = asked.batch_size or known or ASSUMED_TEXTS
    in_answer = MOST_NUMBERS // (asked.dimensions or asked.row.dimensions or ASSUMED_DIMENSIONS)
    return max(1, min(wanted, known or wanted, in_answer))


def _parts(texts: Sequence[str], asked: Asked) -> Iterator[tuple[range, Sequence[str]]]:
    most, budget = texts_a_request(asked), asked.row.max_request_tokens
    begin, size = 0, 0
    for place, text in enumerate(texts):
        # No tokenizer makes more tokens than there are bytes.
        length = len(text.encode()) if budget else 0
        if place - begin == most or (budget and place > begin and size + length > budget):
            yield range(begin, place), texts[begin:place]
            begin, size = place, 0
        size += length
    if texts:
        yield range(begin, len(texts)), texts[begin:]


_TOO_MANY = re.compile(
    # DashScope: "batch size is invalid, it should not be larger than 10"; Google: "at most 100 requests can be in one
    # batch"; SiliconFlow: "input batch size 65 > maximum allowed batch size 64"
    r"batch[ _-]?size|in one batch|too many (?:inputs|texts|items)|(?:inputs?|texts?) (?:array|list)",
    re.IGNORECASE,
)
_MOST = re.compile(
    r"(?:larger|greater|more) than\D{0,20}(\d+)|(?:at most|max\w*|limit\w*|exceeds?)\D{0,30}(\d+)", re.IGNORECASE
)


def texts_that_would_pass(words: str, sent: int) -> int | None:
    """How many texts a request may have, learned from a refusal.

    Args:
        words: The refusal's.
        sent: How many the refused request had.

    Returns:
        The number that it names, or half of what was sent; None if it is about something else.
    """
    if sent < 2 or not _TOO_MANY.search(words):
        return None
    named = [int(found[1] or found[2]) for found in _MOST.finditer(words)]
    return next((most for most in named if 0 < most < sent), sent // 2)


def parted(batch: EmbeddingBatch, most: int) -> Iterator[EmbeddingBatch]:
    """The same texts in smaller requests.

    Args:
        batch: A request.
        most: Most texts in each.

    Yields:
        The requests, in the order of their texts.
    """
    texts = batch.body["input"]
    for at in range(0, len(texts), most):
        yield EmbeddingBatch(batch.places[at : at + most], {**batch.body, "input": texts[at : at + most]})


def _sendable(texts: Sequence[str], model: str) -> tuple[Sequence[str], list[str]]:
    """The texts without what an upstream refuses: nothing at all, and halves of characters."""
    if isinstance(texts, (str, bytes)):
        raise UnsupportedParameterError("texts: a list of texts is wanted, not one text.", parameter="texts")
    sent, empty, broken = list(texts), [], []
    for place, text in enumerate(sent):
        if not isinstance(text, str):
            raise UnsupportedParameterError(
                f"Text {place} of {len(sent)} is no text but {type(text).__name__}. Embedding models are sent strings, "
                "never tokens.",
                parameter="texts",
                model=model,
            )
        if not text:
            sent[place] = BLANK
            empty.append(place)
        elif not text.isascii() and _is_broken(text):
            sent[place] = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            broken.append(place)
    changes = []
    if empty:
        changes.append(f"{model}: empty texts are sent as one blank: {named(empty)} of {len(sent)}.")
    if broken:
        changes.append(f"{model}: half characters are sent as U+FFFD: in {named(broken)} of {len(sent)}.")
    return sent, changes


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _check_lengths(texts: Sequence[str], asked: Asked) -> None:
    limit = asked.row.max_tokens
    if limit is None:
        return
    long = {
        place: tokens
        for place, text in enumerate(texts)
        if len(text) * 4 > limit and len(text.encode()) > limit
        if (tokens := text_tokens(text)) > limit * SURELY_TOO_LONG
    }
    if long:
        first, tokens = next(iter(long.items()))
        raise ContextWindowExceededError(
            f"{asked.model} takes {limit:,} tokens a text ({asked.row.name}), and {named([*long])} of {len(texts)} "
            f"{'is' if len(long) == 1 else 'are'} longer: text {first} has about {tokens:,}. Nothing was sent, and "
            "nothing is cut here: split the texts into smaller ones."
        )


def _check_dimensions(asked: Asked) -> None:
    wanted, row = asked.dimensions, asked.row
    if wanted is None or wanted == row.dimensions:
        return
    said = None
    if row.takes_dimensions is False:
        said = f"its vectors have {row.dimensions:,} numbers" if row.dimensions else "it takes none"
    elif row.dimension_choices and wanted not in row.dimension_choices:
        said = f"it makes {', '.join(map(str, row.dimension_choices))}"
    elif row.dimension_range and not row.dimension_range[0] <= wanted <= row.dimension_range[1]:
        said = "it makes {} to {}".format(*row.dimension_range)
    if said:
        raise UnsupportedParameterError(
            f"{asked.model} ({row.name}) takes no dimensions={wanted}: {said}. extra_body sends it all the same.",
            parameter="dimensions",
            model=asked.model,
        )


def named(places: Sequence[int]) -> str:
    """Places of texts in words, the first few of many.

    Args:
        places: Some, from 0, in their order.

    Returns:
        Such as `text 3`, `texts 0 to 9`, `texts 1, 5, 8 and 12 more`.
    """
    if len(places) == 1:
        return f"text {places[0]}"
    if places[-1] - places[0] == len(places) - 1:
        return f"texts {places[0]} to {places[-1]}"
    shown = ", ".join(map(str, places[:_SHOWN]))
    return f"texts {shown} and {len(places) - _SHOWN} more" if len(places) > _SHOWN else f"texts {shown}"


_SHOWN = 5


def longest(batch: EmbeddingBatch) -> str:
    """The longest texts of a request, in words: where a model refuses one, these are the ones to look at."""
    texts = batch.body["input"]
    ranked = sorted(range(len(texts)), key=lambda at: -len(texts[at]))[:3]
    return ", ".join(f"text {batch.places[at]} with {len(texts[at]):,} characters" for at in ranked)


def embeddings_url(base_url: str, path: str | None, row: EmbeddingModel) -> str:
    """Where embeddings are asked for.

    Args:
        base_url: The gateway's base URL, without a slash at its end.
        path: The user's `embeddings_path`, or None.
        row: What is known of the model.

    Returns:
        The URL. A row's path is from the root of a gateway whose `base_url` ends in `/v1`; below any other base URL
        (Ark's own `/api/v3`) it is `/embeddings`.
    """
    if path is not None and not path.startswith("/"):
        return f"{base_url}/{path}"
    if path is None and not base_url.endswith("/v1"):
        return f"{base_url}/embeddings"
    return _VERSION.sub("", base_url) + (path or row.path)


def other_path(url: str) -> str:
    """The path to try where there are no embeddings at a URL.

    Args:
        url: Where there were none.

    Returns:
        What `embeddings_path` should be.
    """
    return OPENAI_PATH if url.endswith(ARK_PATH) else ARK_PATH
