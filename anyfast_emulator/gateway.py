"""What the gateway says itself: its list of models, its front page, refusals, and what it is told to send."""

import json
from collections.abc import Mapping

from anyfast_emulator.answers import Failure, Raw
from anyfast_emulator.contract import Family
from anyfast_emulator.embedding import Embedder
from anyfast_emulator.refusals import JSON_TYPE, RefusedError, refusal_body
from anyfast_emulator.replies import DONE, SSE_TYPE, Reply

_FRONT_PAGE = b"<!doctype html><html><head><title>Emulated gateway</title></head><body></body></html>"
_CREATED = 1626777600  # Anyfast models-list page: the same for every model


def front_page() -> Reply:
    """What every path outside the API shows, with status 200."""
    return Reply(200, {"content-type": "text/html; charset=utf-8"}, (_FRONT_PAGE,))


def model_list(served: Mapping[str, Family], embedders: Mapping[str, Embedder]) -> Reply:
    """The models that can be asked, as on Anyfast's models-list page."""
    owners = {name: (family.served_by, "openai") for name, family in served.items()}
    # new-api constant/endpoint_type.go
    owners |= {name: (embedder.served_by, "embeddings") for name, embedder in embedders.items()}
    listed = [
        {
            "id": name,
            "object": "model",
            "created": _CREATED,
            "owned_by": owner,
            "supported_endpoint_types": [kind],
        }
        for name, (owner, kind) in owners.items()
    ]
    return Reply(200, JSON_TYPE, (json.dumps({"data": listed}).encode(),))


def refused(refusal: RefusedError, family: Family, request_id: str, *, streams: bool = False) -> Reply:
    """A refusal, in the words of who refuses and the shape that the gateway's temperament gives it.

    Args:
        refusal: what was wrong.
        family: the row of the model that was asked, tempered.
        request_id: the gateway's id of this request.
        streams: whether a stream was asked for.

    Returns:
        The reply.
    """
    shape = family.temper.errors
    body, headers = refusal_body(refusal, family.accent, request_id, shape)
    if shape != "in_200":
        return Reply(refusal.status, headers, (body,) if body else ())
    # new-api stream_scanner.go and OpenaiHandler: an upstream's error under 200 stays under 200
    return Reply(200, SSE_TYPE, (b"data: " + body + b"\n\n", DONE)) if streams else Reply(200, headers, (body,))


def failed(said: Failure, family: Family, request_id: str, *, streams: bool = False) -> Reply:
    """A scripted failure.

    Args:
        said: the failure.
        family: the row of the model that was asked, tempered.
        request_id: the gateway's id of this request.
        streams: whether a stream was asked for.

    Returns:
        The gateway's envelope, or the failure's own body.
    """
    reply = refused(_as_refusal(said), family, request_id, streams=streams)
    if said.body is not None:
        body = said.body.encode() if isinstance(said.body, str) else said.body
        reply = Reply(said.status, JSON_TYPE, (body,) if body else ())
    headers = dict(reply.headers)
    if said.retry_after is not None:
        headers["retry-after"] = str(said.retry_after)
    headers |= {name.lower(): value for name, value in (said.headers or {}).items()}
    return Reply(reply.status, headers, reply.frames)


def error_event(said: Failure, family: Family, request_id: str) -> bytes:
    """The data of an event that ends a stream in this failure."""
    shape = family.temper.errors
    as_shape = None if shape in ("html", "empty") else shape  # a proxy's page does not come inside a stream
    return refusal_body(_as_refusal(said), family.accent, request_id, as_shape)[0]


def _as_refusal(said: Failure) -> RefusedError:
    """A failure as the gateway's own refusal."""
    code = "bad_response_status_code" if said.code is None else said.code
    kind = said.type or "upstream_error"
    return RefusedError(said.message, status=said.status, code=code, type=kind, by_gateway=True)


def recorded(said: Raw) -> Reply:
    """Recorded bytes, piece by piece."""
    whole = b"".join(said.parts).lstrip()
    kind = SSE_TYPE if whole.startswith((b"data:", b":", b"event:", b"id:")) else JSON_TYPE
    headers = kind | {name.lower(): value for name, value in (said.headers or {}).items()}
    return Reply(said.status, headers, said.parts, said.cut)
