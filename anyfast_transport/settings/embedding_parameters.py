"""The fields of both embedding classes, but for the model and the batch size, which each framework names otherwise."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from anyfast_transport.settings.names import accepted_names, unknown_argument
from anyfast_transport.settings.secrets import MayHoldSecret


def _as_path(value: Any) -> Any:
    if isinstance(value, str) and ("://" in value or value.startswith("//")):
        raise ValueError("a path is wanted, such as /v1/embeddings; base_url names the host")
    return value


class EmbeddingParameters(BaseModel):
    """Fields of an embedding model. None means "not sent": the model's own default holds."""

    model_config = ConfigDict(populate_by_name=True, hide_input_in_errors=True, protected_namespaces=())

    dimensions: Annotated[int, Field(ge=1)] | None = None
    """Numbers in each vector, 1 or more, where the model lets you choose; an answer of another length is an error."""

    max_concurrency: Annotated[int, Field(ge=1)] = 4
    """Requests at once, when there are more texts than one request takes."""

    embeddings_path: Annotated[str, BeforeValidator(_as_path), Field(min_length=1)] | None = None
    """Where embeddings are asked for, in place of the path that the model's row knows: from the root of the gateway
    with a slash in front (`"/v1/embeddings"`, `"/api/v3/embeddings"`), from `base_url` without one."""

    extra_body: MayHoldSecret[dict[str, Any] | None] = None
    """Merged into the body of each request last: the way to anything the gateway knows and this class does not."""

    @model_validator(mode="before")
    @classmethod
    def _known_arguments_only(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            known = accepted_names(cls)
            for name in values:
                if name not in known:
                    raise TypeError(f"{cls.__name__}: {unknown_argument(name, known)}")
        return values
