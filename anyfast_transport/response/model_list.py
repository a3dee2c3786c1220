"""The gateway's list of models, and what our rows know of each. Pure."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from anyfast_transport.errors import InvalidResponseError
from anyfast_transport.families.embedding_models import UNKNOWN, EmbeddingModel, embedding_model_of, is_embedding_model
from anyfast_transport.families.table import PLAIN, Family, family_of
from anyfast_transport.lenient_json import read_json
from anyfast_transport.response.error_bodies import error_in
from anyfast_transport.response.fields import excerpt

Endpoint = Literal["chat", "embeddings"]

_NAMED = 3
_NEAR = 0.6


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model on the gateway's list.

    Attributes:
        id: What to give as `model`.
        owner: Who serves it behind the gateway (`owned_by`), or None.
        endpoints: What it can be asked for (`supported_endpoint_types`), as the gateway says it; empty where it does
            not.
        family: What is known of a chat model: its row; None for an id that no row knows, and for an embedding model.
        embedding: What is known of an embedding model: its row; None likewise.
    """

    id: str
    owner: str | None = None
    endpoints: tuple[str, ...] = ()
    family: Family | None = field(default=None, repr=False)
    embedding: EmbeddingModel | None = field(default=None, repr=False)

    def serves(self, endpoint: Endpoint) -> bool:
        """Whether it can be asked for this, as far as the gateway says.

        Args:
            endpoint: `"chat"` or `"embeddings"`.

        Returns:
            True where the gateway says so, or says nothing. A gateway that lists an embedding model as `openai`, as
            new-api does of channels that it does not know better, means its embeddings.
        """
        if not self.endpoints:
            return True
        embeds = is_embedding_model(self.id)
        if endpoint == "embeddings":
            return "embeddings" in self.endpoints or ("openai" in self.endpoints and embeds)
        return "openai" in self.endpoints and not embeds


def decode_model_list(data: bytes, *, request_id: str | None = None) -> list[ListedModel]:
    """Reads the answer to `GET /v1/models`.

    Args:
        data: The body.
        request_id: The gateway's id of the request.

    Returns:
        The models, in the gateway's order.

    Raises:
        APIStatusError: The body is an error, in spite of its 200.
        InvalidResponseError: It is no such list.
    """
    try:
        body = read_json(data.strip())
    except ValueError:
        body = None
    if isinstance(body, dict) and (error := error_in({"choices": [], **body}, request_id=request_id)):
        raise error
    found = body.get("data") if isinstance(body, dict) else None
    if not isinstance(found, list):
        shown = excerpt(data)
        raise InvalidResponseError(f"The list of models is none: {shown}", request_id=request_id, body=shown)
    return [_listed(entry) for entry in found if isinstance(entry, Mapping) and _text(entry.get("id"))]


def _listed(entry: Mapping[str, Any]) -> ListedModel:
    model, kinds = str(entry["id"]), entry.get("supported_endpoint_types")
    family, embedding = family_of(model), embedding_model_of(model)
    embeds = is_embedding_model(model)
    return ListedModel(
        id=model,
        owner=_text(entry.get("owned_by")),
        endpoints=tuple(map(str, kinds)) if isinstance(kinds, list) else (),
        family=None if embeds or family is PLAIN else family,
        embedding=None if embedding is UNKNOWN else embedding,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def nearest_ids(model: str, known: Iterable[str]) -> Sequence[str]:
    """The ids that come nearest to one that the gateway does not know.

    Args:
        model: The id.
        known: Those that the gateway knows.

    Returns:
        Three at most, the nearest first.
    """
    by_name = {one.lower(): one for one in known}
    near = difflib.get_close_matches(model.lower(), by_name, n=_NAMED, cutoff=_NEAR)
    return [by_name[name] for name in near]
