"""Embeds any number of texts: their requests, some at once, each with retries of its own."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from itertools import chain
from urllib.parse import urlsplit

import httpx
from pydantic_core import to_json

from anyfast_transport.errors import AnyfastError, BadRequestError, InvalidResponseError, NotFoundError, add_words
from anyfast_transport.http.headers import request_id
from anyfast_transport.http.http_call import HttpCall
from anyfast_transport.http.sender import AsyncSender, Sender
from anyfast_transport.request.changes import warn
from anyfast_transport.request.embeddings import (
    Asked,
    EmbeddingBatch,
    embedding_plan,
    embeddings_url,
    longest,
    named,
    other_path,
    parted,
    texts_that_would_pass,
)
from anyfast_transport.response.embeddings import Embeddings, EmbeddingsDecoder, Vector
from anyfast_transport.settings.connection import Connection
from anyfast_transport.usage import usage_of
from anyfast_transport.usage_tracking import count_answered, count_failed

Before = Callable[[range], None]
"""Hears of each request before it is sent: the places of its texts."""

BeforeAsync = Callable[[range], Awaitable[None]]

Done = Callable[[range, list[Vector]], None]
"""Hears of each request that was answered: the places of its texts, and their vectors."""


def _nothing(*_: object) -> None: ...


async def _nothing_async(_: range) -> None: ...


@dataclass(frozen=True, slots=True)
class Embedder:
    """How texts are embedded.

    Attributes:
        connection: Where the gateway is, and how to speak to it.
        asked: What is the same in each request.
        path: The user's `embeddings_path`, or None.
        max_concurrency: Requests at once.
    """

    connection: Connection
    asked: Asked
    path: str | None = None
    max_concurrency: int = 4

    def embed(self, texts: Iterable[str], *, before: Before = _nothing, done: Done = _nothing) -> list[Vector]:
        """Embeds texts.

        Args:
            texts: The texts.
            before: Called in this thread before each request.
            done: Called in this thread after each that was answered.

        Returns:
            A vector for each text, in order.

        Raises:
            AnyfastError: A request has failed for good. No further one is sent then, and what was embedded is not
                lost: `partial` has the vectors, None where there is none, `failed_texts` the places of that request.
        """
        gathering, client = _Gathering(self, texts, done), Sender(self.connection)

        def send(batch: EmbeddingBatch) -> Embeddings:
            call = gathering.call(batch)
            return client.fetch(call, call.read)

        if self.max_concurrency == 1 or len(gathering.batches) < 2:
            while batch := gathering.next():
                before(batch.places)
                gathering.hear(batch, partial(send, batch))
            return gathering.end()
        running: dict[Future[Embeddings], EmbeddingBatch] = {}
        threads = ThreadPoolExecutor(min(self.max_concurrency, len(gathering.batches)), "anyfast-embeddings")
        try:
            while True:
                while len(running) < self.max_concurrency and (batch := gathering.next()):
                    before(batch.places)
                    running[threads.submit(contextvars.copy_context().run, send, batch)] = batch
                if not running:
                    return gathering.end()
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    gathering.hear(running.pop(future), future.result)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)  # Ctrl-C does not wait for what is under way

    async def aembed(
        self, texts: Iterable[str], *, before: BeforeAsync = _nothing_async, done: Done = _nothing
    ) -> list[Vector]:
        """Embeds texts, asynchronously; see `embed`."""
        gathering, client = _Gathering(self, texts, done), AsyncSender(self.connection)

        async def work() -> None:
            while batch := gathering.next():
                await before(batch.places)
                call = gathering.call(batch)
                try:
                    answer = await client.fetch(call, call.read)
                except AnyfastError as error:
                    gathering.failed(batch, error)
                else:
                    gathering.took(batch, answer)

        await asyncio.gather(*(work() for _ in range(min(self.max_concurrency, len(gathering.batches)))))
        return gathering.end()


class EmbeddingCall(HttpCall):
    """One request of a call.

    Args:
        connection: Where the gateway is, and how to speak to it.
        url: Where embeddings are asked for.
        batch: Its texts.
        dimensions: How many numbers each vector shall have, or None.
    """

    def __init__(self, connection: Connection, url: str, batch: EmbeddingBatch, dimensions: int | None) -> None:
        super().__init__(connection, url, to_json(batch.body), model=str(batch.body["model"]))
        self._texts, self._dimensions = len(batch.places), dimensions

    def taker(self) -> Callable[[bytes], bytes]:
        """Reads each piece as it comes, and keeps none of it."""
        self._decoder = decoder = EmbeddingsDecoder()

        def take(piece: bytes) -> bytes:
            decoder.feed(piece)
            return b""

        return take

    def read(self, response: httpx.Response, _: bytes) -> Embeddings:
        """The vectors in the body of a 200."""
        said = request_id(response)
        return self._decoder.finish(texts=self._texts, dimensions=self._dimensions, request_id=said)


class _Gathering:
    """The requests of one call, and what became of them."""

    def __init__(self, embedder: Embedder, texts: Iterable[str], done: Done) -> None:
        self._embedder, self._done = embedder, done
        texts = texts if isinstance(texts, (str, bytes)) else list(texts)
        plan = embedding_plan(texts, embedder.asked)
        for change in plan.changes:
            warn(change)
        self.batches, self._left = plan.batches, iter(plan.batches)
        self._most = len(texts)
        self.error: AnyfastError | None = None
        self._url = embeddings_url(embedder.connection.base_url, embedder.path, embedder.asked.row)
        self._vectors: list[Vector | None] = [None] * len(texts)

    def next(self) -> EmbeddingBatch | None:
        """The texts of the next request; None if there are no more, or one has failed."""
        batch = None if self.error else next(self._left, None)
        if batch is None or len(batch.places) <= self._most:
            return batch
        self._left = chain(parted(batch, self._most), self._left)
        return next(self._left)

    def call(self, batch: EmbeddingBatch) -> EmbeddingCall:
        """A request that is to be sent now: its clock begins to run."""
        return EmbeddingCall(self._embedder.connection, self._url, batch, self._embedder.asked.dimensions)

    def hear(self, batch: EmbeddingBatch, answer: Callable[[], Embeddings]) -> None:
        """Takes what became of a request."""
        try:
            found = answer()
        except AnyfastError as error:
            self.failed(batch, error)
        else:
            self.took(batch, found)

    def took(self, batch: EmbeddingBatch, answer: Embeddings) -> None:
        """Keeps the vectors of a request, which must be as long as those of the others."""
        count_answered(self._embedder.asked.model, answer.model, usage_of(answer.usage))
        places, vectors = batch.places, answer.vectors
        known = next((len(vector) for vector in self._vectors if vector is not None), len(vectors[0]))
        if len(vectors[0]) != known:
            said = f"The embeddings that came are none: vectors of {len(vectors[0])} numbers, after such of {known}."
            self._end_with(batch, InvalidResponseError(said))
            return
        self._vectors[places.start : places.stop] = vectors
        self._done(places, vectors)

    def failed(self, batch: EmbeddingBatch, error: AnyfastError) -> None:
        """Keeps the first error, which ends the call, unless the same texts may pass in smaller requests."""
        asked, sent = self._embedder.asked, len(batch.places)
        most = texts_that_would_pass(error.message, sent) if isinstance(error, BadRequestError) else None
        if most is None or not self._embedder.connection.learn_from_refusals:
            count_failed(asked.model)
            self._end_with(batch, error)
            return
        warn(f"{asked.model} refuses {sent} texts in a request, so they are sent in smaller ones: batch_size={most}.")
        self._most = min(self._most, most)
        self._left = chain([batch], self._left)

    def _end_with(self, batch: EmbeddingBatch, error: AnyfastError) -> None:
        if self.error is None:
            self.error, error.failed_texts = error, batch.places
            add_words(error, *self._words(batch, error))

    def _words(self, batch: EmbeddingBatch, error: AnyfastError) -> list[str]:
        words = []
        if len(self.batches) > 1:
            words.append(f"This was the request for {named(batch.places)} of {len(self._vectors)}.")
        if isinstance(error, BadRequestError) and len(batch.places) > 1:
            words.append(f"The longest of its texts: {longest(batch)}.")
        if _has_no_such_path(error):
            path, other = urlsplit(self._url).path, other_path(self._url)
            words.append(f"Asked at {path}; if the gateway has embeddings elsewhere, try embeddings_path={other!r}.")
        return words

    def end(self) -> list[Vector]:
        """The vectors, or the error."""
        if self.error is None:
            return self._vectors  # type: ignore[return-value]  # each of them came
        kept = sum(vector is not None for vector in self._vectors)
        if kept:
            self.error.partial = self._vectors
            add_words(self.error, f"The vectors of {kept} other texts are in .partial.")
        raise self.error


def _has_no_such_path(error: AnyfastError) -> bool:
    """Whether an error may come of the path: a 404, or a page where JSON should be."""
    if isinstance(error, InvalidResponseError):
        return (error.body or "").startswith("<")
    return isinstance(error, NotFoundError) and error.status_code in (404, 405)
