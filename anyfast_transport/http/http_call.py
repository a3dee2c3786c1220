"""One call over HTTP, whatever it asks: its URL, its key, its clocks, its retries. Without I/O."""

import contextlib
import functools
import logging
from collections.abc import Callable
from typing import Any

import httpx

from anyfast_transport.errors import AnyfastError
from anyfast_transport.http import deadline
from anyfast_transport.http import key_masking as masking
from anyfast_transport.http.api_key import bare_key
from anyfast_transport.http.deadline import DATA, Deadline, timeouts
from anyfast_transport.http.headers import request_headers, request_id, secret_values
from anyfast_transport.http.key_masking import Mask, mask_metadata
from anyfast_transport.http.network_errors import typed_failure
from anyfast_transport.http.retries import delay_before_retry, retry_after
from anyfast_transport.http.size_limits import Size
from anyfast_transport.lenient_json import read_json
from anyfast_transport.response.error_bodies import status_error
from anyfast_transport.settings.connection import Connection
from anyfast_transport.types import Completion

FIRST_TOKEN, TOTAL = "first_token_timeout", "total_timeout"

_log = logging.getLogger("anyfast")

_parsed = functools.lru_cache(maxsize=64)(httpx.URL)
"""The URL of every call to one gateway; httpx takes as long to read it as for the rest of a request."""


@functools.lru_cache(maxsize=64)
def host_of(url: str) -> str:
    """Host and port, without what else a URL may hold."""
    with contextlib.suppress(httpx.InvalidURL, ValueError):
        return _parsed(url).netloc.decode("ascii", "replace") or url
    return url


class HttpCall:
    """One call: its request, and the same one again where that may help.

    Args:
        connection: Where the gateway is, and how to speak to it.
        url: Where the request goes.
        content: The body as it is sent, the same bytes each time; None sends none.
        streams: Whether a stream is asked for.
        model: The model that is asked, for an error that does not know it; None where none is.

    Attributes:
        tenant: Tells the gateway and the key of the last attempt from others.
        host: The gateway's host and port, for its errors.
        retries: Requests sent again so far.
    """

    def __init__(
        self,
        connection: Connection,
        url: str,
        content: bytes | None,
        *,
        streams: bool = False,
        model: str | None = None,
    ) -> None:
        self.connection, self.url, self.content, self.streams = connection, url, content, streams
        self.method = "GET" if content is None else "POST"
        self.model, self.tenant = model, 0
        self.host = host_of(url)
        self.retries = 0
        timeout = connection.timeout
        self.deadline = Deadline(timeout.read if isinstance(timeout, httpx.Timeout) else timeout)
        self.first_token = connection.first_token_timeout if streams else None
        self._mask: Mask | None = None
        self.size = Size(self.host)

    def begin(self) -> None:
        """Starts the clocks."""
        self.connection.warn_of_lost()
        self.deadline.limit(TOTAL, self.connection.total_timeout)
        if self.first_token is not None:
            self.deadline.lift(DATA)
            self.deadline.limit(FIRST_TOKEN, self.first_token)

    # The request

    def request(self, client: httpx.Client | httpx.AsyncClient, trace: Callable[..., Any]) -> httpx.Request:
        """The request of one attempt.

        Args:
            client: Who will send it.
            trace: Told of each network stream that is opened.

        Returns:
            The request.

        Raises:
            AuthenticationError: There is no key, or none that could be one.
        """
        self.deadline.next_attempt()
        key, more = bare_key(self.connection), self.connection.default_headers or {}
        self._mask = Mask(key, secret_values({**client.headers, **more}, self.connection.secret_headers))
        self.tenant = hash((self.connection.base_url, key))
        self.key_is_known()
        headers = {**request_headers(more, streams=self.streams), "authorization": f"Bearer {key}"}
        extensions = {
            "trace": trace,
            "timeout": timeouts(self.connection.timeout, first=self.first_token, left=self.deadline.left()),
        }
        url = _parsed(self.url)
        return client.build_request(self.method, url, content=self.content, headers=headers, extensions=extensions)

    def key_is_known(self) -> None:
        """What hangs on whose key it is; the request is made next."""

    def waiting(self) -> "_Waiting":
        """A context in which the network is waited for: within the deadline, and with the logs masked."""
        return _Waiting(self.deadline, self._mask)

    # Again?

    def delay(self, error: AnyfastError) -> float | None:
        """Decides about a failed attempt, and says so in the log.

        Args:
            error: What it ended with.

        Returns:
            Seconds to wait before the next attempt, or None to give up.
        """
        delay = delay_before_retry(error, retries_done=self.retries, max_retries=self.connection.max_retries)
        left = self.deadline.left()
        if delay is None or (left is not None and left <= delay):
            return None
        self.retries += 1
        _log.info(
            "%s %s: attempt %d ended with %s (status %s, request id %s); trying again in %.2f s",
            self.method,
            self.host,
            self.retries,
            type(error).__name__,
            getattr(error, "status_code", None),
            getattr(error, "request_id", None),
            delay,
        )
        return delay

    # The answer

    def refusal(self, response: httpx.Response, data: bytes) -> AnyfastError:
        """The typed error for a status that is not 200."""
        try:
            body: Any = read_json(_unframed(data))
        except ValueError:
            body = data.decode("utf-8", "replace")
        if response.has_redirect_location:
            target = httpx.URL(response.headers["location"]).host or self.host
            body = f"a redirect to {target}, which is not followed, for the key must not go along. Check base_url."
        error = status_error(
            response.status_code,
            body,
            headers={name: value for name, value in response.headers.items() if name != "set-cookie"},
            request_id=request_id(response),
            retry_after=retry_after(response.headers),
        )
        self.mask(error)  # before the log sees it
        return error

    def count(self, piece: bytes) -> bytes:
        """Counts a piece of a body, after inflating.

        Args:
            piece: The piece.

        Returns:
            The same piece.

        Raises:
            InvalidResponseError: The body, or what should be one event of it, is too large.
        """
        self.size.add(piece)
        return piece

    def taker(self) -> Callable[[bytes], bytes]:
        """What each piece of the body of a 200 goes through; what it gives is kept for who reads the whole."""
        return bytes

    @property
    def finished(self) -> bool:
        """Whether the answer is whole, so that whatever happens to the connection no longer matters."""
        return False

    def interrupted(self, error: AnyfastError) -> AnyfastError:
        """The error of a broken body."""
        return error

    def failure(self, error: Exception, *, begun: bool) -> AnyfastError:
        """The typed error for what httpx raised.

        Args:
            error: What it raised.
            begun: Whether the answer had begun.

        Returns:
            An error that holds nothing of the request; the cause is chained.
        """
        limit = self.deadline.nearest()
        known = limit if limit in (FIRST_TOKEN, TOTAL) else DATA
        said = f"{known}={getattr(self.connection, known)}"
        return typed_failure(error, url=self.url, host=self.host, limit=said, begun=begun)

    # Secrets

    def mask(self, error: AnyfastError) -> None:
        """Takes the key out of an error that repeats what the gateway said."""
        if self._mask is not None:
            self._mask.error(error)
            if isinstance(partial := getattr(error, "partial", None), Completion):
                mask_metadata(partial, self._mask.text)

    def masked(self, completion: Completion) -> Completion:
        """Takes the key out of the metadata of an answer."""
        if self._mask is not None:
            mask_metadata(completion, self._mask.metadata)
        return completion

    def reporting(self) -> "_Reporting":
        """A context that lets errors out without the key, and without frames in which a logger would find it."""
        return _Reporting(self)


class _Reporting:
    # Not a generator's context manager: contextlib puts back the traceback that is taken off here.

    def __init__(self, call: HttpCall) -> None:
        self._call = call

    def __enter__(self) -> None:
        self._call.begin()

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, AnyfastError):
            self._call.mask(error)
            chained: BaseException | None = error
            while chained is not None:
                chained.__traceback__ = chained.__context__ = None  # their frames hold what the gateway sent
                chained = chained.__cause__


class _Waiting:
    """Puts a call's deadline and mask where the network streams and the log filter find them."""

    __slots__ = ("_deadline", "_mask", "_tokens")

    def __init__(self, limit: Deadline, mask: Mask | None) -> None:
        self._deadline, self._mask = limit, mask

    def __enter__(self) -> None:
        self._tokens = deadline.CURRENT.set(self._deadline), masking.CURRENT.set(self._mask)

    def __exit__(self, *_: object) -> None:
        deadline.CURRENT.reset(self._tokens[0])
        masking.CURRENT.reset(self._tokens[1])


def _unframed(data: bytes) -> bytes:
    """An error body without the `data:` that some gateways put before it, even under a 400."""
    return data.strip().removeprefix(b"data:").strip()
