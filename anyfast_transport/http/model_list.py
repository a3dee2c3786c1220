"""The gateway's list of models: its request, and the ids that errors about an unknown model name. Without I/O."""

import re
import time
from collections.abc import Sequence

import httpx

from anyfast_transport.errors import AnyfastError, NotFoundError, add_words
from anyfast_transport.http.headers import request_id
from anyfast_transport.http.http_call import HttpCall
from anyfast_transport.response.model_list import ListedModel, decode_model_list, nearest_ids
from anyfast_transport.settings.connection import Connection

KEPT_SECONDS = 600.0
"""So long a list counts for errors; after that, the next unknown model asks for it anew."""

_MOST_LISTS = 256
_SECONDS_FOR_AN_ERROR = 5.0


class ModelListCall(HttpCall):
    """`GET /v1/models`.

    Args:
        connection: Where the gateway is, and how to speak to it.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, f"{connection.base_url}/models", None)

    def read(self, response: httpx.Response, data: bytes) -> list[ListedModel]:
        """The models in the body of a 200."""
        models = decode_model_list(data, request_id=request_id(response))
        KNOWN_IDS.keep(self, [model.id for model in models])
        return models


class KnownIds:
    """Ids of models by gateway and key, as they were last listed. Safe for threads: each step is done at once."""

    def __init__(self) -> None:
        self._lists: dict[int, tuple[float, Sequence[str]]] = {}

    def keep(self, call: HttpCall, ids: Sequence[str]) -> None:
        """Keeps what was listed, or that nothing could be."""
        if len(self._lists) >= _MOST_LISTS:
            self._lists.clear()
        self._lists[call.tenant] = time.monotonic() + KEPT_SECONDS, ids

    def of(self, call: HttpCall) -> Sequence[str] | None:
        """The ids, or None if they are to be asked for."""
        until, ids = self._lists.get(call.tenant, (0.0, ()))
        return ids if time.monotonic() < until else None


KNOWN_IDS = KnownIds()


def _is_of_unknown_model(error: AnyfastError, call: HttpCall) -> bool:
    """Whether an error says, in words that name it, that there is no such model; another 404 may mean the path."""
    if not (call.model and isinstance(error, NotFoundError)):
        return False
    return bool(re.search(rf"(?<![\w./-]){re.escape(call.model)}(?![\w/-])", error.message))


def wants_ids(error: AnyfastError, call: HttpCall) -> bool:
    """Whether the list of models is to be asked for, so that an error can name ids: once, if it cannot be had.

    Args:
        error: What a call ended with.
        call: The call.

    Returns:
        Whether it is.
    """
    if not _is_of_unknown_model(error, call) or KNOWN_IDS.of(call) is not None:
        return False
    KNOWN_IDS.keep(call, ())
    return True


def naming_nearest(error: AnyfastError, call: HttpCall) -> AnyfastError:
    """The error of a call, which names the ids nearest to one that the gateway does not list."""
    if _is_of_unknown_model(error, call):
        ids, model = KNOWN_IDS.of(call) or (), str(call.model)
        if model not in ids and (near := nearest_ids(model, ids)):
            add_words(error, f"Nearest on its list: {', '.join(near)}.")
    return error


def in_haste(connection: Connection) -> Connection:
    """The connection by which the list is asked for when an error waits for it."""
    return connection.model_copy(
        update={"timeout": _SECONDS_FOR_AN_ERROR, "total_timeout": _SECONDS_FOR_AN_ERROR, "max_retries": 0}
    )
