"""AnyfastEmbedding, a LlamaIndex embedding model for the Anyfast gateway."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]  # offered without __all__
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent, EmbeddingStartEvent
from llama_index.core.utils import get_tqdm_iterable
from pydantic import AliasChoices, Field, model_validator

from anyfast_transport.errors import AnyfastError, add_words
from anyfast_transport.families.embedding_models import ASSUMED_TEXTS, EmbeddingModel
from anyfast_transport.families.profile_file import embedding_model_with
from anyfast_transport.http.connections import SharesConnections
from anyfast_transport.http.embeddings import Embedder
from anyfast_transport.http.listing import ListsModels
from anyfast_transport.request.embeddings import Asked
from anyfast_transport.response.model_list import Endpoint
from anyfast_transport.settings.connection import Connection
from anyfast_transport.settings.embedding_parameters import EmbeddingParameters
from llama_index_anyfast.portable import Portable

Vector = list[float]

_COLLECTION = "embeddings"
"""Where LlamaIndex' base class keeps vectors in an `embeddings_cache`."""

_dispatcher = get_dispatcher(__name__)


class AnyfastEmbedding(Portable, EmbeddingParameters, Connection, SharesConnections, ListsModels, BaseEmbedding):
    """The embedding models of the Anyfast gateway in LlamaIndex.

    Args:
        model: Any embedding model that the gateway serves.
        dimensions: Numbers in each vector, where the model lets you choose.
        embed_batch_size: Most texts in one request; as many as the model takes unless given.
        max_concurrency: Requests at once. 4 by default; `num_workers`, LlamaIndex' name for it, wins if given.
        embeddings_path: Where embeddings are asked for, in place of what is known of the model.
        extra_body: Merged into the body of each request last.
        api_key: The gateway's key; from the environment variable ANYFAST_API_KEY unless given.
        base_url: Where the gateway is; `api_base` is the same.

    Examples:
        `pip install "anyfast-integrations[llama-index]"`

        ```python
        from llama_index_anyfast import AnyfastEmbedding

        embed_model = AnyfastEmbedding(model="doubao-embedding")
        vector = embed_model.get_query_embedding("How much does the lens weigh?")
        ```
    """

    _endpoint: ClassVar[Endpoint] = "embeddings"

    model_name: str = Field(validation_alias=AliasChoices("model", "model_name"), min_length=1)
    """Any embedding model that the gateway serves, LlamaIndex' name for `model`."""

    def __init__(self, model: str | None = None, **arguments: Any) -> None:
        super().__init__(**({} if model is None else {"model": model}), **arguments)

    @model_validator(mode="after")
    def _batches_as_the_model_takes(self) -> Self:
        if "embed_batch_size" not in self.model_fields_set:
            self.__dict__["embed_batch_size"] = self._row().max_texts or ASSUMED_TEXTS
        return self

    @classmethod
    def class_name(cls) -> str:
        """The id that LlamaIndex writes into dumps."""
        return "AnyfastEmbedding"

    @property
    def model(self) -> str:
        """The model."""
        return self.model_name

    @model.setter
    def model(self, model: str) -> None:
        self.model_name = model

    # Many texts

    def get_text_embedding_batch(self, texts: list[str], show_progress: bool = False, **_: Any) -> list[Vector]:
        """Embeds texts, in as many requests as they need, `max_concurrency` of them at once.

        Args:
            texts: The texts. An empty one is sent as one blank, with a warning. What is in `embeddings_cache` is not
                sent, and what was embedded is kept there even if a later request fails.
            show_progress: Whether to show a progress bar.

        Returns:
            A vector for each text, in order.

        Raises:
            AnyfastError: Every end but an answer; see `anyfast_transport.errors`. Where one of several requests
                failed, `failed_texts` tells its texts, and `partial` has the vectors of the others.
        """
        cache = self.embeddings_cache
        found = [_cached(cache.get(key=text, collection=_COLLECTION)) if cache else None for text in texts]
        run = _Run(self, texts, found, show_progress)

        def before(places: range) -> None:
            if self.rate_limiter is not None:
                self.rate_limiter.acquire()
            run.begin(places)

        def done(places: range, vectors: list[Vector]) -> None:
            for text, vector in run.took(places, vectors):
                if cache:
                    cache.put(key=text, val={str(uuid.uuid4()): vector}, collection=_COLLECTION)

        with run:
            self._embedder().embed(run.missing_texts, before=before, done=done)
        return run.vectors()

    async def aget_text_embedding_batch(self, texts: list[str], show_progress: bool = False, **_: Any) -> list[Vector]:
        """Embeds texts, asynchronously; see `get_text_embedding_batch`."""
        cache = self.embeddings_cache
        found = [_cached(await cache.aget(key=text, collection=_COLLECTION)) if cache else None for text in texts]
        run = _Run(self, texts, found, show_progress)
        kept: list[tuple[str, Vector]] = []

        async def before(places: range) -> None:
            if self.rate_limiter is not None:
                await self.rate_limiter.async_acquire()
            run.begin(places)

        def done(places: range, vectors: list[Vector]) -> None:
            kept.extend(run.took(places, vectors))

        try:
            with run:
                await self._embedder().aembed(run.missing_texts, before=before, done=done)
        finally:
            for text, vector in kept:
                if cache:
                    await cache.aput(key=text, val={str(uuid.uuid4()): vector}, collection=_COLLECTION)
        return run.vectors()

    # What LlamaIndex' base class calls for one text, and others for a few

    def _get_text_embedding(self, text: str) -> Vector:
        return self._embedder().embed([text])[0]

    async def _aget_text_embedding(self, text: str) -> Vector:
        return (await self._embedder().aembed([text]))[0]

    def _get_query_embedding(self, query: str) -> Vector:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> Vector:
        return await self._aget_text_embedding(query)

    def _get_text_embeddings(self, texts: list[str]) -> list[Vector]:
        return self._embedder().embed(texts)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Vector]:
        return await self._embedder().aembed(texts)

    def _row(self) -> EmbeddingModel:
        return embedding_model_with(self.model_name, self.profile_file)

    def _embedder(self) -> Embedder:
        asked = Asked(self.model_name, self._row(), self.dimensions, self.embed_batch_size, self.extra_body)
        return Embedder(self, asked, self.embeddings_path, self.num_workers or self.max_concurrency)


class _Run:
    """One call for many texts: what is in the cache, what is missing, and who hears of what came."""

    def __init__(
        self, model: AnyfastEmbedding, texts: Sequence[str], found: list[Vector | None], show_progress: bool
    ) -> None:
        self._callbacks, self._payload = model.callback_manager, model.to_payload()
        self._missing = [place for place, vector in enumerate(found) if vector is None]
        self.missing_texts = [texts[place] for place in self._missing]
        self._found = found
        self._open: dict[int, str] = {}
        self._bar = iter(get_tqdm_iterable(self._missing, show_progress, "Generating embeddings"))

    def begin(self, places: range) -> None:
        """Tells of a request before it is sent."""
        _dispatcher.event(EmbeddingStartEvent(model_dict=self._payload))
        self._open[places.start] = self._callbacks.on_event_start(
            CBEventType.EMBEDDING, payload={EventPayload.SERIALIZED: self._payload}
        )

    def took(self, places: range, vectors: list[Vector]) -> list[tuple[str, Vector]]:
        """Keeps what a request brought, and tells of it; each text with its vector."""
        chunks = self.missing_texts[places.start : places.stop]
        for place, vector in zip(places, vectors, strict=True):
            self._found[self._missing[place]] = vector
            next(self._bar)
        # Not by the constructor, which would copy each number to check it.
        _dispatcher.event(EmbeddingEndEvent.model_construct(chunks=chunks, embeddings=vectors))
        self._callbacks.on_event_end(
            CBEventType.EMBEDDING,
            payload={EventPayload.CHUNKS: chunks, EventPayload.EMBEDDINGS: vectors},
            event_id=self._open.pop(places.start),
        )
        return list(zip(chunks, vectors, strict=True))

    def vectors(self) -> list[Vector]:
        """All vectors, in order."""
        return self._found  # type: ignore[return-value]  # each of them is there

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        next(self._bar, None)  # at its end the bar is closed
        for event_id in self._open.values():
            self._callbacks.on_event_end(
                CBEventType.EMBEDDING, payload={EventPayload.EXCEPTION: error}, event_id=event_id
            )
        if isinstance(error, AnyfastError) and len(self._missing) < len(self._found):
            add_words(error, f"Places are counted among the {len(self._missing)} texts that were not in the cache.")
            error.partial = self._found
            error.failed_texts = [self._missing[place] for place in error.failed_texts or ()]


def _cached(found: Mapping[str, Vector] | None) -> Vector | None:
    return next(iter(found.values())) if found else None
