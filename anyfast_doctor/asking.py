"""The only file that sends: the transport's own client, and beside it what came over the wire."""

import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from anyfast_doctor.exchanges import CHAT, Ask, Exchange
from anyfast_transport import AnyfastError, Client, Completion, Connection, InvalidResponseError
from anyfast_transport.families.embedding_models import UNKNOWN
from anyfast_transport.http.api_key import bare_key
from anyfast_transport.http.connections import SHARED, ssl_context
from anyfast_transport.http.key_masking import Mask
from anyfast_transport.http.network_errors import RAISED_BY_HTTPX, typed_failure
from anyfast_transport.lenient_json import read_json
from anyfast_transport.request.embeddings import embeddings_url
from anyfast_transport.response.error_bodies import status_error

RAW_LIMIT = 1024 * 1024
"""Bytes of a body that are kept."""


class _Tee(httpx.SyncByteStream):
    """Keeps the beginning of a body that somebody else reads."""

    def __init__(self, inner: Any, kept: bytearray) -> None:
        self._inner, self._kept = inner, kept

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._inner:
            self._kept += piece[: RAW_LIMIT - len(self._kept)]
            yield piece

    def close(self) -> None:
        self._inner.close()


class Asker:
    """Sends what the probes ask.

    Args:
        connection: Where the gateway is; its refusals are not learned from here, since they are what is looked for.
        transport: Instead of the network, for tests.

    Raises:
        APIConnectionError: The environment's proxy variables make no sense, or need a package.

    Attributes:
        requests: How many chat requests were made, retries not counted.
        tokens: Tokens that they cost, as far as the gateway says.
    """

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None:
        hooks = {"response": [self._heard]}
        try:
            verify = ssl_context() if transport is None else True
            self._http = httpx.Client(event_hooks=hooks, timeout=connection.timeout, transport=transport, verify=verify)
        except (httpx.InvalidURL, ValueError, ImportError) as error:
            url = connection.base_url
            failed = typed_failure(error, url=url, host=shown_host(url), limit="", begun=False)
            raise failed from None
        # Uncompressed, so that the bytes are those of the body.
        headers = {**(connection.default_headers or {}), "accept-encoding": "identity"}
        self._connection = connection.model_copy(
            update={"http_client": self._http, "learn_from_refusals": False, "default_headers": headers}
        )
        self._client = Client(self._connection)
        self._headers: Mapping[str, str] = {}
        self._raw = bytearray()
        self.requests = self.tokens = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def _heard(self, response: httpx.Response) -> None:
        self._headers = {name.lower(): value for name, value in response.headers.items() if name != "set-cookie"}
        self._raw = bytearray()
        response.stream = _Tee(response.stream, self._raw)

    def send(self, ask: Ask) -> Exchange:
        """Makes one request, and the retries that it needs.

        Args:
            ask: The request.

        Returns:
            How it ended; whatever the gateway said in it is without the key.
        """
        self._headers, self._raw = {}, bytearray()
        completion, error = None, None
        begun = time.monotonic()
        try:
            if ask.path == CHAT:
                completion = self._completion(ask)
            else:
                self._fetch(ask)
        except AnyfastError as raised:
            error = raised
        seconds = time.monotonic() - begun
        exchange = Exchange(ask, completion, error, self._headers, bytes(self._raw), seconds)
        self._count(exchange)
        return exchange

    def _completion(self, ask: Ask) -> Completion:
        body = ask.body or {}
        if not body.get("stream"):
            return self._client.complete(body)
        *_, completion = self._client.stream(body)
        return completion  # type: ignore[return-value]  # the last item of a stream is the completion

    def _fetch(self, ask: Ask) -> None:
        """What is no chat: the answer is in the raw body."""
        url = embeddings_url(self._connection.base_url, ask.path, UNKNOWN)
        key = bare_key(self._connection)
        headers = {**(self._connection.default_headers or {}), "authorization": f"Bearer {key}"}
        # The client watches what it opens itself: the next call may come upon this connection.
        watched = {"trace": SHARED.trace}
        method = "GET" if ask.body is None else "POST"
        failed: AnyfastError | None
        try:
            response = self._http.request(method, url, json=ask.body, headers=headers, extensions=watched)
        except RAISED_BY_HTTPX as raised:
            host = shown_host(url)
            failed = typed_failure(raised, url=url, host=host, limit=f"timeout={self._connection.timeout}", begun=False)
        else:
            failed = _refusal(response)
        if failed is not None:
            Mask(key).error(failed)
            raise failed

    def _count(self, exchange: Exchange) -> None:
        self.requests += exchange.ask.path == CHAT
        self.tokens += exchange.usage.total if exchange.usage else 0


def shown_host(url: str) -> str:
    """Host and port of a URL, without what else it may hold."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _refusal(response: httpx.Response) -> AnyfastError | None:
    try:
        body: Any = read_json(response.content.strip())
    except ValueError:
        body = response.text
    if response.status_code == httpx.codes.OK:
        said = InvalidResponseError(f"No JSON came from {response.url.host}.")
        return None if isinstance(body, (dict, list)) else said
    return status_error(response.status_code, body, headers=dict(response.headers))
