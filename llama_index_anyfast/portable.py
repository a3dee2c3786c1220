"""How our classes are dumped, pickled and copied: LlamaIndex's own way would change the object at hand."""

import pickle
from typing import Any, Self

from pydantic import BaseModel, field_serializer

JSON = dict[str, Any]

_NOT_COPIED = ("http_client", "http_async_client", "callback_manager", "rate_limiter", "embeddings_cache")


class Portable(BaseModel):
    """A class with the fields of a connection that goes through dumps, pickles and copies without its secrets."""

    _lost: set[str]

    @field_serializer("timeout", check_fields=False)
    def _plain_timeout(self, timeout: Any) -> Any:
        # An `httpx.Timeout` is no JSON: the longest silence is what is kept of it.
        return getattr(timeout, "read", timeout)

    def __getstate__(self) -> JSON:
        state: JSON = super().__getstate__()
        kept = {k: v for k, v in state["__dict__"].items() if v is not None and _can_be_pickled(v)}
        return {**state, "__dict__": kept}

    def __setstate__(self, state: JSON) -> None:
        self.__init__(**state["__dict__"])  # type: ignore[misc]  # fills in the key from the environment
        self._lost = state["__pydantic_private__"]["_lost"]

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        memo = {} if memo is None else memo
        memo |= {id(value): value for name in _NOT_COPIED if (value := getattr(self, name, None)) is not None}
        return super().__deepcopy__(memo)


def _can_be_pickled(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001  # whatever an object raises, it cannot be pickled
        return False
    return True
