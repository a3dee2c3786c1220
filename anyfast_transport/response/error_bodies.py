"""Error bodies of any shape → the typed error. Pure.

Code, type and words come first, the status second: a gateway's operator may map any status to any other.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from anyfast_transport.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ContextWindowExceededError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    json_text,
)

MESSAGE_LIMIT = 2000
"""Characters of the gateway's own words that a message repeats; some gateways answer with megabytes of HTML."""


class _Rule(NamedTuple):
    """One line of the table below: the first rule whose words or status match gives the class."""

    kind: type[APIStatusError]
    words: str | None
    statuses: frozenset[int] = frozenset()


def _words(*alternatives: str) -> str:
    return "|".join(alternatives)  # compiled when there is an error, not by the import


# Code, type and words come first, the status second: a gateway's operator may map any status to any other
# (new-api: ResetStatusCode), an exhausted key is a 401 there, an unknown model a 503, a local refusal a 500.
_RULES = (
    _Rule(
        ContextWindowExceededError,
        _words(
            r"context_length_exceeded",
            r"exceed_context_size",
            r"maximum context length",  # DeepSeek, OpenAI
            r"exceeds the available context size",  # llama.cpp
            r"range of input length should be",  # DashScope
            r"input token count .{0,40}exceeds the maximum",  # Gemini
            r"prompt is too long",
            r"exceeds? the (?:model's )?(?:max(?:imum)? )?context (?:window|length)",
            r"total tokens of image and text exceed max message tokens",  # Ark
        ),
    ),
    _Rule(
        QuotaExceededError,
        _words(
            r"insufficient_(?:user_|token_)?quota",
            r"pre_consume_token_quota_failed",
            r"\bquota_exceeded",
            r"AccountOverdue",
            r"insufficient.?balance",
            r"insufficient_credits?",
            r"余额不足",
            r"额度不足",
            r"额度已用尽",
            r"欠费",
        ),
        frozenset({402}),
    ),
    _Rule(NotFoundError, _words(r"model_not_found", r"no available channel for model", r"无可用渠道")),
    _Rule(
        BadRequestError,
        _words(
            r"invalid_request\b(?!_error)",
            r"convert_request_failed",
            r"sensitive_words_detected",
            r"prompt_blocked",
            r"data_inspection_failed",
            r"read_request_body_failed",
        ),
    ),
    _Rule(AuthenticationError, _words(r"API_KEY_INVALID", r"invalid_api_key"), frozenset({401})),
    _Rule(NotFoundError, None, frozenset({404})),
    _Rule(PermissionDeniedError, None, frozenset({403})),
    _Rule(RateLimitError, None, frozenset({429})),
    _Rule(ServerError, None, frozenset(range(500, 600))),
    _Rule(BadRequestError, None, frozenset({400, 405, 413, 415, 422})),
    _Rule(APIStatusError, None, frozenset(range(600))),
)


_REMEDIES = {
    AuthenticationError: "Check ANYFAST_API_KEY, or the api_key argument.",
    QuotaExceededError: "The account or this key is out of credit: top up in the Anyfast console.",
    NotFoundError: "Check the model id and the base_url.",
    ContextWindowExceededError: "Shorten the conversation, or take a model with a larger context window.",
}


# OpenAI: "This model is only supported in v1/responses and not in v1/chat/completions." (goose#2564), "This is not a
# chat model and thus not supported in the v1/chat/completions endpoint." (ThunderAI#570); sub2api#885
_RESPONSES_ALONE = re.compile(
    r"(?:only|use|instead).{0,40}/responses\b|not (?:a chat model|supported).{0,60}chat/completions",
    re.IGNORECASE | re.DOTALL,
)
_OF_RESPONSES = "It is served on the Responses API alone, which this client does not speak. Take a chat model."


class ErrorWords(NamedTuple):
    """The parts of an error body, wherever the upstream put them."""

    message: str
    code: str | int | None = None
    type: str | None = None


def words_of(body: Any) -> ErrorWords:
    """Finds message, code and type in an error body of any shape.

    Known shapes: `{"error": {...}}`, `{"error": "text"}`, `[{"error": {...}}]`, `{"code", "message"}`,
    `{"detail": "text"}`, a JSON document inside the message, HTML, and plain text.

    Args:
        body: Parsed JSON, or the text if it is none.

    Returns:
        The innermost message with the codes around it; an empty message when there is none.
    """
    if isinstance(body, str):
        return ErrorWords(_text_of(body))
    if isinstance(body, list):
        return words_of(body[0]) if body else ErrorWords("")
    if not isinstance(body, Mapping):
        return ErrorWords("")
    inner = body.get("error")
    if isinstance(inner, (Mapping, list)) and inner:
        found = words_of(inner)
        return found if found.message else found._replace(message=_message_in(body))
    found = ErrorWords(_message_in(body), _scalar(body.get("code")), _text_or_none(body.get("type")))
    return _unnest(found)


def _message_in(body: Mapping[str, Any]) -> str:
    for key in ("message", "error", "detail", "msg", "error_msg"):
        value = body.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    detail = body.get("detail")
    return json_text(detail) if detail else ""


def _unnest(found: ErrorWords) -> ErrorWords:
    """Unpacks an error that a relay wrapped as a JSON document inside its own message."""
    start = found.message.find("{")
    if start < 0 or '"' not in found.message:
        return found
    try:
        inner, _ = json.JSONDecoder().raw_decode(found.message[start:])
    except (ValueError, RecursionError):
        return found
    deeper = words_of(inner)
    if not deeper.message:
        return found
    return ErrorWords(deeper.message, deeper.code or found.code, deeper.type or found.type)


def _text_of(text: str) -> str:
    stripped = text.strip()
    if stripped[:1] != "<":
        return stripped
    # Only the beginning of a page is searched: the search for a title that never ends is slow in long ones.
    title = re.search(r"<title[^<>]*>([^<]+)", stripped[:MESSAGE_LIMIT], re.IGNORECASE)
    return f"an HTML page titled “{title.group(1).strip()}”" if title else "an HTML page"


def _scalar(value: Any) -> str | int | None:
    return value if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "" else None


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def classify(status: int, words: ErrorWords) -> type[APIStatusError]:
    """Chooses the class of a refusal: by its code, type and words first, by its status second.

    Args:
        status: HTTP status, or the status that an error event names.
        words: What `words_of` found in the body.

    Returns:
        A subclass of `APIStatusError`, or that class itself for an unknown status.
    """
    text = f"{words.code} {words.type} {words.message}"
    for rule in _RULES:
        if (rule.words and re.search(rule.words, text, re.IGNORECASE)) or status in rule.statuses:
            return rule.kind
    return APIStatusError


def status_error(
    status: int,
    body: Any,
    *,
    headers: Mapping[str, str] | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> APIStatusError:
    """Makes the typed error for a refusal.

    Args:
        status: HTTP status.
        body: Parsed JSON, or the text if it is none.
        headers: Response headers.
        request_id: The gateway's id for this request; also looked for in the message.
        retry_after: Seconds the gateway asked to wait.

    Returns:
        The error, ready to be raised.
    """
    words = words_of(body)
    kind = classify(status, words)
    request_id = request_id or _request_id_in(words.message)
    said = _shortened(words.message) or ("the answer names no reason" if body else "the answer has no body")
    parts = [f"{status}: {said}"]
    if words.code and str(words.code) != str(status):
        parts.append(f"(code {words.code})")
    if request_id and request_id not in said:
        parts.append(f"(request id {request_id})")
    remedy = _OF_RESPONSES if _RESPONSES_ALONE.search(words.message) else _REMEDIES.get(kind)
    if remedy:
        parts.append(f"— {remedy}")
    return kind(
        " ".join(parts),
        status_code=status,
        code=words.code,
        type=words.type,
        request_id=request_id,
        retry_after=retry_after,
        body=body,
        headers=headers,
    )


def _request_id_in(message: str) -> str | None:
    found = re.search(r"request id:\s*([\w-]+)", message, re.IGNORECASE)
    return found.group(1) if found else None


def _shortened(message: str) -> str:
    return message if len(message) <= MESSAGE_LIMIT else message[:MESSAGE_LIMIT] + "…"


# Error types of OpenAI, Anthropic and Google, for errors under HTTP 200 that name no status. Words that say more are in
# errors.py, and count first.
_STATUS_OF_TYPE = (
    ("rate_?limit|too_many|resource_exhausted", 429),
    ("authentication|unauthenticated", 401),
    ("permission", 403),
    ("not_?found", 404),
    ("overloaded|unavailable|saturated", 503),
    ("timeout|deadline", 504),
    ("invalid|bad_?request|failed_precondition", 400),
    ("server|internal|upstream|api_error", 500),
)


def error_in(body: Mapping[str, Any], *, request_id: str | None) -> APIStatusError | None:
    """The error inside a body under HTTP 200, classified by the status or the type that it names.

    Args:
        body: A whole answer, or an event.
        request_id: The gateway's id of the request.

    Returns:
        The error, or None if there is none.
    """
    if words := _words_of_minimax(body.get("base_resp")):
        found = status_error(200, words, request_id=request_id)
        found.__class__ = classify(_STATUS_OF_MINIMAX.get(words["code"], 200), words_of(words))
        return found
    error = body.get("error")
    if not error:
        if "choices" in body or not _is_bare_error(body):
            return None
        error = body
    inner = error[0] if isinstance(error, list) else error
    named = [str(inner.get(key)) for key in ("status_code", "code", "status")] if isinstance(inner, Mapping) else []
    status = next((int(value) for value in named if re.fullmatch("[45][0-9][0-9]", value)), 200)
    found = status_error(status, body, request_id=request_id)
    if type(found) is APIStatusError:
        # The kind that its type means; the status stays the one that came.
        found.__class__ = classify(_status_of(words_of(body)), words_of(body))
    return found


_STATUS_OF_MINIMAX = {
    1000: 500,
    1001: 504,
    1002: 429,
    1004: 401,
    1008: 402,
    1013: 500,
    1024: 500,
    1026: 400,
    1027: 400,
    1033: 500,
    1039: 429,
    1041: 429,
    1042: 400,
    2013: 400,
    2049: 401,
    2056: 429,
}
"""MiniMax's codes, which come under a 200 (https://platform.minimax.io/docs/api-reference/errorcode)."""


def _words_of_minimax(said: Any) -> dict[str, Any] | None:
    """The error in MiniMax's `base_resp`, whose status_code is 0 where all is well."""
    code = said.get("status_code") if isinstance(said, Mapping) else None
    if not re.fullmatch("[1-9][0-9]{0,5}", str(code)):
        return None
    return {"message": str(said.get("status_msg") or ""), "code": int(str(code))}


def _status_of(words: ErrorWords) -> int:
    text = f"{words.code} {words.type}"
    return next((status for pattern, status in _STATUS_OF_TYPE if re.search(pattern, text, re.IGNORECASE)), 200)


def _is_bare_error(body: Mapping[str, Any]) -> bool:
    """Whether a body without choices is an error of its own, as `{"code": ..., "message": ...}` is."""
    says = any(isinstance(body.get(key), str) and body[key] for key in ("message", "detail", "msg", "error_msg"))
    return says and "usage" not in body and "object" not in body
