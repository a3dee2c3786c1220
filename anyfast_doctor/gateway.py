"""What is told of the gateway itself: its key, its list of models, its headers, its errors."""

from collections.abc import Mapping, Sequence
from typing import Any

from anyfast_doctor.exchanges import Ask, Exchange
from anyfast_doctor.findings import Finding, Line, Probing, Status, Subject, fails, works
from anyfast_transport import (
    AnyfastError,
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
)
from anyfast_transport.families.embedding_models import ARK_PATH, OPENAI_PATH
from anyfast_transport.response.embeddings import decode_embeddings
from anyfast_transport.response.model_list import decode_model_list, nearest_ids

MODELS = Ask(path="models", errs=True)
_HELLO = "Say hello."
_NO_MODEL = "anyfast-doctor-no-such-model"
_REQUEST_ID = ("x-oneapi-request-id", "x-request-id")
_VERSION = "x-new-api-version"
_LIMITS = ("ratelimit", "retry-after")
_ALONE = "Quote time and model to the support instead."


def lines_of(exchange: Exchange, wanted: Sequence[str]) -> list[Line]:
    """What the list of models says of the gateway.

    Args:
        exchange: `MODELS`, asked.
        wanted: The models that are to be examined.

    Returns:
        A line for the key, one for the list, one for the headers; the first alone where the key or the URL is wrong.
    """
    key = Line("key", "URL and key", _key(exchange), (exchange,))
    if key.finding.status is Status.UNUSABLE:
        return [key]
    models = Line("models", "GET /models", _list(exchange, wanted))
    return [key, models, Line("headers", "Headers", _headers(exchange.headers))]


def _key(exchange: Exchange) -> Finding:
    error = exchange.error
    if isinstance(error, InvalidResponseError) or (error is None and listed(exchange) is None):
        remedy = "Correct base_url: it should end in /v1, as https://www.anyfast.ai/v1 does."
        return Finding(Status.UNUSABLE, "what answers is no gateway, but a page or another service", remedy)
    if error is None:
        return works("the key is taken")
    fatal = hindrance(exchange) if isinstance(error, _ENDS_EVERYTHING) else None
    # Whatever else is wrong with the list of models, chat may work: the plain answer tells.
    return fatal or works("the gateway answers; whether the key is taken shows below")


_REMEDIES: tuple[tuple[type[Exception], str], ...] = (
    (QuotaExceededError, "Top up, or give this key more quota, in the Anyfast console."),
    (AuthenticationError, "Make a key in the Anyfast console, and put it into ANYFAST_API_KEY, bare."),
    (PermissionDeniedError, "Look in the Anyfast console at what this key, its group and your address may do."),
    (APIConnectionError, "Check base_url, the network and the proxy. Nothing was billed."),
    (InvalidResponseError, "Check base_url: something else than the gateway may answer there."),
)


_ENDS_EVERYTHING = (AuthenticationError, QuotaExceededError, APIConnectionError)


def hindrance(exchange: Exchange) -> Finding | None:
    """Why nothing at all can be asked with this key at this URL.

    Args:
        exchange: How a request ended.

    Returns:
        The finding, with the remedy; None if the error is no such.
    """
    remedy = next((remedy for kind, remedy in _REMEDIES if isinstance(exchange.error, kind)), None)
    return Finding(Status.UNUSABLE, exchange.words, remedy) if remedy else None


def listed(exchange: Exchange) -> list[str] | None:
    """The ids on the list of models.

    Args:
        exchange: `MODELS`, asked.

    Returns:
        The ids of those that chat, in their order; None where there is no list.
    """
    try:
        models = decode_model_list(exchange.raw)
    except AnyfastError:
        return None
    return [model.id for model in models if model.serves("chat")]


def _list(exchange: Exchange, wanted: Sequence[str]) -> Finding:
    models = listed(exchange)
    if models is None:
        return fails(exchange.words, "Name the models yourself: --model.")
    missing = [model for model in wanted if model not in models]
    if not missing:
        return works(f"{len(models)} models that chat")
    near = nearest_ids(missing[0], models)
    words = f"{len(models)} models that chat, without {', '.join(missing)}"
    return fails(words, f"Listed are {', '.join(near)}." if near else "This key's group may not have it.")


def _headers(headers: Mapping[str, str]) -> Finding:
    version, limits = headers.get(_VERSION), [name for name in headers if any(part in name for part in _LIMITS)]
    words = f"new-api {version}" if version else "no version"
    words += ", rate limits: " + (", ".join(f"{name} {headers[name]}" for name in limits) or "none told")
    if not any(name in headers for name in _REQUEST_ID):
        return fails(f"no request id; {words}", _ALONE)
    return works(f"request id; {words}")


def errors(subject: Subject) -> Probing:
    """What an unknown model, a parameter out of its range and an unknown one are answered with."""
    lost = yield Ask({"model": _NO_MODEL, "messages": [{"role": "user", "content": _HELLO}]}, errs=True)
    wrong = yield Ask(subject.ask(_HELLO, limit=8, temperature=9).body, errs=True)
    odd = yield Ask(subject.ask(_HELLO, limit=8, anyfast_doctor=1).body, errs=True)
    said = f"unknown model: {_shape(lost)}; temperature 9: {_shape(wrong)}; unknown parameter: {_shape(odd)}"
    if lost.answered:
        return fails("an unknown model is answered", "Check the ids of your models: a wrong one goes unnoticed.")
    if getattr(lost.error, "retryable", True):
        return fails(said, "A wrong model id is asked for several times before it fails. Check your ids.")
    if not isinstance(lost.error, (NotFoundError, BadRequestError)):
        return fails(said, "A wrong model id looks like another error. Check your ids.")
    if _status(lost) == 200:
        return fails(said, "This client tells it from an answer; others take it for one.")
    if not _has_words(lost):
        return fails(said, "Errors say nothing: look at the status.")
    return works(said)


def _status(exchange: Exchange) -> int | None:
    return getattr(exchange.error, "status_code", None)


def _has_words(exchange: Exchange) -> bool:
    return bool(exchange.raw.strip()) and not exchange.raw.lstrip().startswith(b"<")


def _shape(exchange: Exchange) -> str:
    if exchange.answered:
        return "taken"
    code = getattr(exchange.error, "code", None)
    kind = f"{type(exchange.error).__name__} {_status(exchange)}" + (f" {code}" if code else "")
    form = _form(exchange.document)
    return kind + (f" ({form})" if form else "")


def _form(document: Any) -> str:
    """How an error body departs from the documented `{"error": {…}}`; this client reads all of these."""
    if isinstance(document, list):
        return "within a list"
    inner = document.get("error") if isinstance(document, Mapping) else None
    if isinstance(inner, Mapping):
        return ""
    return "error is a text" if isinstance(inner, str) else "no error object"


_EMBEDDING_MODEL = "doubao-embedding"  # page text-embedding
_TEXTS = ("The lens is heavy.", "Dogs bark.")


def embeddings(_: Subject) -> Probing:
    """At which of the two paths there are embeddings: that of the page, or that of new-api (open point 6)."""
    body = {"model": _EMBEDDING_MODEL, "input": list(_TEXTS), "encoding_format": "float"}
    found, missed = {}, []
    for path in (ARK_PATH, OPENAI_PATH):
        exchange = yield Ask(body, path=path, errs=True)
        said = _vectors(exchange)
        if isinstance(said, int):
            found[path] = said
        else:
            missed.append(f"{path}: {said}")
    if not found:
        return works(f"none of {_EMBEDDING_MODEL} with this key ({'; '.join(missed)})")
    told = ", ".join(f"{path}: vectors of {size} numbers" for path, size in found.items())
    if ARK_PATH not in found:
        return fails(f"{told}; {missed[0]}", f'Say embeddings_path="{OPENAI_PATH}" for {_EMBEDDING_MODEL}.')
    return works("; ".join([told, *missed]))


def _vectors(exchange: Exchange) -> int | str:
    """How many numbers the vectors of an answer have, or what is wrong with it."""
    if not exchange.answered:
        return _shape(exchange)
    try:
        return len(decode_embeddings(exchange.raw, texts=len(_TEXTS)).vectors[0])
    except InvalidResponseError as error:
        return error.message
