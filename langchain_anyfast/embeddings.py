"""AnyfastEmbeddings, LangChain's embeddings over the transport."""

from typing import Annotated, ClassVar

from langchain_core.embeddings import Embeddings
from pydantic import AliasChoices, Field

from anyfast_transport.families.profile_file import embedding_model_with
from anyfast_transport.http.connections import SharesConnections
from anyfast_transport.http.embeddings import Embedder
from anyfast_transport.http.listing import ListsModels
from anyfast_transport.request.embeddings import Asked
from anyfast_transport.response.model_list import Endpoint
from anyfast_transport.settings.connection import Connection
from anyfast_transport.settings.embedding_parameters import EmbeddingParameters
from langchain_anyfast.errors import model_errors


class AnyfastEmbeddings(EmbeddingParameters, Connection, SharesConnections, ListsModels, Embeddings):
    """The embedding models of the Anyfast gateway in LangChain.

    Args:
        model: Any embedding model that the gateway serves.
        dimensions: Numbers in each vector, where the model lets you choose.
        batch_size: Most texts in one request; as many as the model takes unless given.
        max_concurrency: Requests at once. 4 by default.
        embeddings_path: Where embeddings are asked for, in place of what is known of the model.
        extra_body: Merged into the body of each request last.
        api_key: The gateway's key; from the environment variable ANYFAST_API_KEY unless given.
        base_url: Where the gateway is; `api_base` is the same.

    Examples:
        ```python
        from langchain_anyfast import AnyfastEmbeddings

        embeddings = AnyfastEmbeddings(model="doubao-embedding")
        vector = embeddings.embed_query("How much does the lens weigh?")
        ```
    """

    _endpoint: ClassVar[Endpoint] = "embeddings"

    model: str = Field(validation_alias=AliasChoices("model", "model_name"), min_length=1)
    """Any embedding model that the gateway serves; an unknown one is asked in small requests, and works."""

    batch_size: Annotated[int, Field(ge=1)] | None = None
    """Most texts in one request. As many as the model's row knows unless given, and never more than it documents."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embeds texts, in as many requests as they need, `max_concurrency` of them at once.

        Args:
            texts: The texts. An empty one is sent as one blank, with a warning.

        Returns:
            A vector for each text, in order.

        Raises:
            AnyfastError: Every end but an answer; see `anyfast_transport.errors`. Where one of several requests
                failed, `failed_texts` tells its texts, and `partial` has the vectors of the others.
        """
        with model_errors():
            return self._embedder().embed(texts)

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embeds texts, asynchronously; see `embed_documents`."""
        with model_errors():
            return await self._embedder().aembed(texts)

    def embed_query(self, text: str) -> list[float]:
        """Embeds one text.

        Args:
            text: The text.

        Returns:
            Its vector.

        Raises:
            AnyfastError: Every end but an answer; see `anyfast_transport.errors`.
        """
        return self.embed_documents([text])[0]

    async def aembed_query(self, text: str) -> list[float]:
        """Embeds one text, asynchronously; see `embed_query`."""
        return (await self.aembed_documents([text]))[0]

    def _embedder(self) -> Embedder:
        row = embedding_model_with(self.model, self.profile_file)
        asked = Asked(self.model, row, self.dimensions, self.batch_size, self.extra_body)
        return Embedder(self, asked, self.embeddings_path, self.max_concurrency)
