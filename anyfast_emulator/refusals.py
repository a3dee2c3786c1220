"""How each upstream words a refusal: one envelope per accent."""

import json
from collections.abc import Callable, Mapping
from typing import Any

JSON_TYPE = {"content-type": "application/json"}


class RefusedError(Exception):
    """The request breaks the contract.

    Args:
        message: the refusal's words.
        param: the parameter at fault, or "".
        status: HTTP status.
        code: overrides the accent's usual code.
        type: overrides the accent's usual type.
        by_gateway: the gateway itself refuses, before any upstream sees the request.
        error: the whole error object, where Anyfast documents it.
    """

    def __init__(
        self,
        message: str,
        param: str = "",
        *,
        status: int = 400,
        code: str | int | None = None,
        type: str | None = None,  # noqa: A002 the envelope's own name
        by_gateway: bool = False,
        error: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.param, self.status = message, param, status
        self.code, self.type, self.by_gateway, self.error = code, type, by_gateway, error


def json_bytes(value: Any) -> bytes:
    """JSON in UTF-8; half of a surrogate pair, which a request may have held, becomes a question mark."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


Envelope = Callable[[RefusedError, str], Any]


def _gateway(refusal: RefusedError, request_id: str) -> Any:
    if refusal.error is not None:
        return {"error": refusal.error}
    # new-api types/error.go
    message = f"{refusal.message} (request id: {request_id})"
    return {
        "error": {
            "message": message,
            "type": refusal.type or "new_api_error",
            "param": "",
            "code": "invalid_request" if refusal.code is None else refusal.code,
        }
    }


def _openai(refusal: RefusedError, _: str) -> Any:
    error = {"message": refusal.message, "type": "invalid_request_error", "param": refusal.param or None}
    return {"error": error | {"code": refusal.code}}


def _deepseek(refusal: RefusedError, _: str) -> Any:
    # DeepSeek quick_start/error_codes
    error = {"message": refusal.message, "type": "invalid_request_error", "param": None}
    return {"error": error | {"code": refusal.code or "invalid_request_error"}}


def _qwen(refusal: RefusedError, request_id: str) -> Any:
    # cloudwego/eino#994: request_id beside error
    error = {"message": refusal.message, "type": "invalid_request_error", "param": None}
    return {"error": error | {"code": refusal.code or "invalid_parameter_error"}, "request_id": request_id}


def _doubao(refusal: RefusedError, request_id: str) -> Any:
    # volcengine.com/docs/82379/1299023
    return {
        "error": {
            "code": refusal.code or "InvalidParameter",
            "message": f"{refusal.message} Request id: 02{request_id}",
            "param": refusal.param,
            "type": "BadRequest",
        }
    }


def _gemini(refusal: RefusedError, _: str) -> Any:
    # Google's OpenAI endpoint answers with an array, and an int as code
    return [{"error": {"code": refusal.status, "message": refusal.message, "status": "INVALID_ARGUMENT"}}]


def _glm(refusal: RefusedError, _: str) -> Any:
    return {"error": {"code": "1214", "message": refusal.message}}


_ENVELOPES: Mapping[str, Envelope] = {
    "openai": _openai,
    "deepseek": _deepseek,
    "qwen": _qwen,
    "doubao": _doubao,
    "gemini": _gemini,
    "glm": _glm,
}


def _deepseek_own(refusal: RefusedError, request_id: str) -> Any:
    # recorded: the key's error has a type of its own
    error = _deepseek(refusal, request_id)["error"]
    return {"error": error | ({"type": "authentication_error"} if refusal.status == 401 else {})}


def _relayed(refusal: RefusedError, request_id: str) -> Any:
    # new-api types/error.go: an upstream's own type and code are kept, and every message ends in the request id
    if refusal.by_gateway:
        return _gateway(RefusedError(**_worded(refusal)), request_id)
    error = _openai(refusal, request_id)["error"]
    return {"error": error | {"message": f"{refusal.message} (request id: {request_id})", "param": ""}}


def _worded(refusal: RefusedError) -> dict[str, Any]:
    """The gateway's refusal as new-api itself words it (model/token.go); Anyfast documents another one for its key."""
    said = dict(refusal.error or {})
    message = {"No token provided": "未提供令牌", "Invalid API key provided.": "无效的令牌"}.get(refusal.message)
    return {
        "message": message or refusal.message,
        "status": refusal.status,
        "type": None if said else refusal.type,
        "code": "" if said else refusal.code,
        "by_gateway": True,
    }


def _flat(refusal: RefusedError, request_id: str) -> Any:
    # wire-contract 1.4: relayed upstream, with the error as JSON in a string
    return {
        "code": refusal.code or "fail_to_fetch_task",
        "message": json.dumps(_openai(refusal, request_id)),
        "data": None,
    }


_SHAPES: Mapping[str, Envelope] = {
    "openai": _openai,
    "deepseek": _deepseek_own,
    "new-api": _relayed,
    "google": _gemini,
    "string": lambda refusal, _: {"error": refusal.message},
    "flat": _flat,
    "in_200": _openai,
}
_PAGE = "<html>\r\n<head><title>{0} Error</title></head>\r\n<body><h1>{0} Error</h1></body>\r\n</html>\r\n"


def refusal_body(
    refusal: RefusedError, accent: str, request_id: str, shape: str | None = None
) -> tuple[bytes, dict[str, str]]:
    """The body of a refusal and its content type, in the words of who refuses.

    Args:
        refusal: what was wrong.
        accent: the family's accent.
        request_id: the gateway's id of this request.
        shape: what the gateway's temperament makes of every refusal; None = as documented.

    Returns:
        The bytes and the headers that describe them.
    """
    if shape == "html":
        return _PAGE.format(refusal.status).encode(), {"content-type": "text/html"}
    if shape == "empty":
        return b"", {}
    envelope = _gateway if refusal.by_gateway else _ENVELOPES[accent]
    body = json_bytes(_SHAPES.get(shape or "", envelope)(refusal, request_id))
    # DeepSeek's 400 arrives as octet-stream; clients must parse by content
    octets = accent == "deepseek" and not refusal.by_gateway and shape in (None, "deepseek")
    return body, {"content-type": "application/octet-stream"} if octets else dict(JSON_TYPE)
