"""What the gateway says itself: its list of models, its front page, the failures and bytes it is told to send."""

import json

from anyfast_emulator.answers import Failure, Raw
from anyfast_emulator.contract import MODELS
from anyfast_emulator.refusals import JSON_TYPE, RefusedError, refusal_body
from anyfast_emulator.replies import Reply

SSE_TYPE = {"content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no"}
_FRONT_PAGE = b"<!doctype html><html><head><title>Emulated gateway</title></head><body></body></html>"
_CREATED = 1626777600  # Anyfast models-list page: the same for every model


def front_page() -> Reply:
    """What every path outside the API shows, with status 200."""
    return Reply(200, {"content-type": "text/html; charset=utf-8"}, (_FRONT_PAGE,))


def model_list() -> Reply:
    """The models that can be asked, as on Anyfast's models-list page."""
    listed = [
        {
            "id": name,
            "object": "model",
            "created": _CREATED,
            "owned_by": family.served_by,
            "supported_endpoint_types": ["openai"],
        }
        for name, family in MODELS.items()
    ]
    return Reply(200, JSON_TYPE, (json.dumps({"data": listed}).encode(),))


def failed(said: Failure, request_id: str) -> Reply:
    """A scripted failure.

    Args:
        said: the failure.
        request_id: the gateway's id of this request.

    Returns:
        The gateway's envelope, or the failure's own body.
    """
    code = "bad_response_status_code" if said.code is None else said.code
    refusal = RefusedError(said.message, code=code, type=said.type or "upstream_error", by_gateway=True)
    body, headers = refusal_body(refusal, "openai", request_id)
    if said.body is not None:
        body = said.body.encode() if isinstance(said.body, str) else said.body
    if said.retry_after is not None:
        headers["retry-after"] = str(said.retry_after)
    headers |= {name.lower(): value for name, value in (said.headers or {}).items()}
    return Reply(said.status, headers, (body,) if body else ())


def recorded(said: Raw) -> Reply:
    """Recorded bytes, piece by piece."""
    whole = b"".join(said.parts).lstrip()
    kind = SSE_TYPE if whole.startswith((b"data:", b":", b"event:", b"id:")) else JSON_TYPE
    headers = kind | {name.lower(): value for name, value in (said.headers or {}).items()}
    return Reply(said.status, headers, said.parts, said.cut)
