"""What a request says before its body, and what is read from the head of an answer. Without I/O."""

import re
from collections.abc import Collection, Mapping

import httpx

from anyfast_transport.errors import InvalidResponseError, UnsupportedParameterError

# httpx inflates each network read in one go: a read of 64 KiB becomes 64 MiB at most in these, and no bound is known
# for brotli, zstd, or one coding over another.
_UNCODED = frozenset({"", "identity"})
_CODINGS = _UNCODED | {"gzip", "x-gzip", "deflate"}

_FRAMING = frozenset({"content-length", "transfer-encoding"})
_REQUEST_ID_HEADERS = ("x-oneapi-request-id", "x-request-id")


_SECRET_NAME = re.compile(r"auth|cookie|key|token|secret|passw|credential|session|signature", re.IGNORECASE)
_PARTS = re.compile(r"[\s;,]+|(?<=\w)=(?=[^=\s;,])")
"""What lies between the parts of a value: `Bearer abc`, `id=abc; theme=dark`."""

_SHORTEST_SECRET = 6
"""Characters. What is shorter is a word that many texts hold."""


def secret_values(headers: Mapping[str, str], named: Collection[str]) -> list[str]:
    """What must not be shown of headers.

    Args:
        headers: Name → value.
        named: Names whose values are secret, in any case; those of keys, tokens, cookies and the like always are.

    Returns:
        The values, and the parts of each: a gateway that says a token back leaves out the “Bearer ”.
    """
    also = {name.lower() for name in named}
    secret = [value for name, value in headers.items() if name.lower() in also or _SECRET_NAME.search(name)]
    return [
        part for value in secret for part in (value, *_PARTS.split(value)) if part and len(part) >= _SHORTEST_SECRET
    ]


def request_headers(more: Mapping[str, str], *, streams: bool) -> dict[str, str]:
    """The headers of a request, but for its key.

    Args:
        more: The user's `default_headers`, which count more than ours.
        streams: Whether a stream is asked for.

    Returns:
        Lower-case name → value.

    Raises:
        UnsupportedParameterError: A header that frames the request, or a value that no header may have.
    """
    return {
        "content-type": "application/json",
        "accept": "text/event-stream" if streams else "application/json",
        "accept-encoding": "gzip, deflate",
        **_sendable(more),
    }


def _sendable(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Headers by their names in lower case, looked through before h11 does, which would quote a value in its error."""
    for name, value in headers.items():
        if name.lower() in _FRAMING:
            raise UnsupportedParameterError(
                f"default_headers: {name!r} is told from the request itself.", parameter="default_headers"
            )
        if not (value.isascii() and value.isprintable()):
            raise UnsupportedParameterError(
                f"default_headers: the value of {name!r} holds characters that no header may.",
                parameter="default_headers",
            )
    return {name.lower(): value for name, value in headers.items()}


def comes_raw(response: httpx.Response, host: str) -> bool:
    """Whether the bytes of a body can be taken as they come, which is cheaper: not compressed, and not read yet.

    Args:
        response: The response, its body unread.
        host: Who sends it, for the error.

    Returns:
        False if httpx must inflate it, or holds it already.

    Raises:
        InvalidResponseError: It has a compression whose bombs have no bound.
    """
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS:
        raise InvalidResponseError(
            f"The answer of {host} is compressed in a way that was not asked for (content-encoding {coding}).",
            status_code=response.status_code,
            request_id=request_id(response),
        )
    return coding in _UNCODED and not response.is_stream_consumed


def request_id(response: httpx.Response) -> str | None:
    """The gateway's id of the request.

    Args:
        response: The response.

    Returns:
        The id, or None if no header tells it.
    """
    return next((said for name in _REQUEST_ID_HEADERS if (said := response.headers.get(name))), None)
