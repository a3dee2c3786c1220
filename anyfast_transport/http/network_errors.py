"""What httpx raises → the typed error, with a cause that shows nothing of the request. Pure."""

import httpx

from anyfast_transport.errors import AnyfastError, APIConnectionError, APITimeoutError, InvalidResponseError

RAISED_BY_HTTPX = (
    httpx.HTTPError,
    httpx.StreamError,
    httpx.InvalidURL,
    OSError,
    RuntimeError,
    ValueError,
    ImportError,
    OverflowError,
    ExceptionGroup,
)
"""What sending can raise: RuntimeError for a client of another loop or a closed one, ValueError and ImportError for
proxy variables that make no sense or need a package, OverflowError for a port out of range, which anyio's tasks put in
an ExceptionGroup."""

_TOO_LONG = "too long"
"""In the words of h11 ("Receive buffer too long") and of `deadline.py` about a head without end."""


def typed_failure(error: Exception, *, url: str, host: str, limit: str, begun: bool) -> AnyfastError:
    """Makes the typed error.

    Args:
        error: What httpx raised.
        url: Where the request went.
        host: The same for readers.
        limit: The nearest limit in time, as `name=seconds`.
        begun: Whether the answer had begun.

    Returns:
        An error that holds nothing of the request; the cause is chained.
    """
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    cause = _bare(error, url)
    kind = f"{type(error).__name__}: {cause}".rstrip(": ")
    typed: AnyfastError
    if isinstance(error, httpx.TimeoutException):
        typed = APITimeoutError(f"{host} took too long to {_what_took_long(error)} ({limit}).", begun=begun)
    elif isinstance(error, httpx.DecodingError):
        typed = InvalidResponseError(f"The answer of {host} is wrongly compressed ({kind}).")
    elif isinstance(error, httpx.RemoteProtocolError) and _TOO_LONG in str(error):
        typed = InvalidResponseError(f"The headers that {host} sends have no end ({kind}).")
    elif begun:
        typed = APIConnectionError(f"The connection to {host} broke off within the answer ({kind}).", begun=True)
    else:
        typed = APIConnectionError(f"No connection to {host} ({kind}). Check base_url, network and proxy.")
    typed.__cause__ = cause
    return typed


def _what_took_long(error: httpx.TimeoutException) -> str:
    if isinstance(error, httpx.PoolTimeout):
        return "free a connection: all are in use"
    if isinstance(error, httpx.ConnectTimeout):
        return "connect"
    return "take the request" if isinstance(error, httpx.WriteTimeout) else "send any data"


def _bare(error: Exception, url: str) -> Exception:
    """An exception without what would carry a secret along: the request, and the frames whose locals hold headers."""
    if isinstance(error, (httpx.LocalProtocolError, UnicodeError)):
        return httpx.LocalProtocolError("a header, or the host, holds what it may not")  # their words quote the header
    if isinstance(error, httpx.RequestError):
        error.request = httpx.Request("POST", url)
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
