"""Where the gateway is and how to speak to it: the fields of both classes that say nothing about the answer."""

import functools
import ipaddress
import os
import warnings
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

import httpx
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    model_validator,
)

from anyfast_transport.errors import AnyfastWarning, UnsupportedParameterError
from anyfast_transport.families.profile_file import as_path, profile_from_env
from anyfast_transport.settings.secrets import MayHoldSecret, secret_fields, warn_of_lost
from anyfast_transport.unvalidated import state_with

DEFAULT_BASE_URL = "https://www.anyfast.ai/v1"
"""The gateway's global host (Anyfast guide deepseek-v4-flash)."""

KEY_VARIABLE = "ANYFAST_API_KEY"
BASE_URL_VARIABLES = ("ANYFAST_BASE_URL", "ANYFAST_API_BASE")

_LOOPBACK = ("localhost", "127.", "[::1]")


def normal_base_url(value: Any) -> Any:
    """Mends what people paste: a bare host gets `/v1`, a `/chat/completions` and slashes at the end are taken off.

    Another path is left alone (Ark's `/api/v3` must not get a `/v1`). None and "" are what the environment says, else
    the default.

    Args:
        value: What the user wrote.

    Returns:
        The base URL, without a slash at its end.

    Raises:
        ValueError: It is no URL of a host, or holds what would swallow the path, or a password.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return base_url_from_env()
    if not isinstance(value, str):
        return value
    url = value.strip().rstrip("/?#").removesuffix("/chat/completions").rstrip("/")
    if "://" not in url:
        url = ("http://" if url.startswith(_LOOPBACK) else "https://") + url
    parts = urlsplit(url)
    if parts.port == 0:  # `port` itself complains of one that is no number, or too large
        raise ValueError("Port out of range 0-65535")
    if "@" in parts.netloc:  # httpx would send them in place of the key, and every repr would show them
        raise ValueError("base_url holds a user name or password. The gateway's key goes into api_key.")
    if not parts.hostname:
        raise ValueError("base_url names no host")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("base_url holds a query or a fragment (?, #), which would swallow the path: leave it out")
    try:
        httpx.URL(url).host  # noqa: B018  # both can fail
    except (httpx.InvalidURL, ValueError) as error:  # ValueError: a host or a path that cannot be encoded
        raise ValueError(f"base_url is no URL: {str(error)[:200]}") from None
    return url if parts.path else url + "/v1"


def _waitable(timeout: httpx.Timeout) -> httpx.Timeout:
    """Sockets refuse less than nothing, and what is no number, when they are open already."""
    for name, seconds in timeout.as_dict().items():
        if seconds is not None and not seconds >= 0:
            raise ValueError(f"{name} is {seconds}, which is no time to wait")
    return timeout


def base_url_from_env() -> str:
    """Where the gateway is unless it is said: what the environment says, else its global host."""
    name = next((name for name in BASE_URL_VARIABLES if os.environ.get(name, "").strip()), "")
    try:
        return str(normal_base_url(os.environ.get(name) or DEFAULT_BASE_URL))
    except ValueError as error:  # pydantic tells of no default's error, so it would be raised as it is
        problem = str(error)
    raise UnsupportedParameterError(f"The environment variable {name}: {problem}.", parameter="base_url")


def key_from_env() -> SecretStr | None:
    """The key of the environment, or None."""
    key = os.environ.get(KEY_VARIABLE)
    return SecretStr(key) if key else None


class Connection(BaseModel):
    """Fields about the connection. What may hold a secret is left out of dumps, pickles and reprs."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True, populate_by_name=True, hide_input_in_errors=True, validate_assignment=True
    )

    api_key: MayHoldSecret[SecretStr | Callable[[], str] | None] = Field(default_factory=key_from_env)
    """The gateway's key, bare; from the environment variable ANYFAST_API_KEY unless given. A function is asked for the
    key at each request, so that keys can rotate."""

    base_url: Annotated[str, BeforeValidator(normal_base_url)] = Field(
        default_factory=base_url_from_env, validation_alias=AliasChoices("base_url", "api_base")
    )
    """Where the gateway is; from ANYFAST_BASE_URL or ANYFAST_API_BASE unless given, else its global host."""

    timeout: Annotated[float, Field(gt=0)] | Annotated[httpx.Timeout, AfterValidator(_waitable)] | None = 600.0
    """Seconds. No byte, and no data event, for so long is an APITimeoutError; a call that does not stream ends within
    it. Connecting has a limit of its own, 10 seconds, unless an `httpx.Timeout` says otherwise. None waits for ever."""

    first_token_timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds to the first data of a stream, waiting and retries included, in place of `timeout`: upstreams queue for
    minutes and send only comments meanwhile. `timeout` unless given."""

    total_timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds for the whole call, waiting, retries and the last byte of a stream included. No limit unless given."""

    max_reasoning_seconds: Annotated[float, Field(gt=0)] | None = None
    """Seconds that a model may reason, from the head of its answer, before text or a tool call comes; then the request
    is ended with a StreamInterruptedError. A call that does not stream is streamed inside. No limit unless given."""

    max_reasoning_chars: Annotated[int, Field(ge=0)] | None = None
    """The same, counted in characters of reasoning. Reasoning that the model does not show cannot be counted."""

    max_retries: Annotated[int, Field(ge=0)] = 2
    """Exactly that many more requests after one that may pass when repeated; never after the first byte of a stream."""

    learn_from_refusals: bool = True
    """Whether a refusal that names a parameter or form which the model does not take (`stream_options`, a forced
    `tool_choice`, a `response_format`, a level of effort and the like) is answered once by the request without it. If
    that goes through, a warning says so, and the process remembers it for this base_url and model. It is no retry:
    `max_retries` does not count it, `repairs` in the metadata names it. What you asked for is never dropped."""

    profile_file: Annotated[str, BeforeValidator(as_path)] | None = Field(default_factory=profile_from_env)
    """Path of a file of facts that lie over the rows of the model families, as `anyfast-doctor` writes it; from the
    environment variable ANYFAST_PROFILE unless given. It is read when it is first needed, and when it has changed."""

    default_headers: MayHoldSecret[Mapping[str, str] | None] = None
    """Headers sent with every request. Where a gateway says the value of one back that is named like a secret
    (`authorization`, `cookie`, `x-api-key`, `…token…` and the like), it is masked like the key."""

    secret_headers: tuple[str, ...] = ()
    """Names of further headers whose values are masked in errors, metadata and logs."""

    http_client: MayHoldSecret[httpx.Client | None] = None
    """A client of your own for sync calls (proxies, certificates, tests); it stays yours to close."""

    http_async_client: MayHoldSecret[httpx.AsyncClient | None] = None
    """A client of your own for async calls; it belongs to the event loop that it was made for."""

    _lost: set[str] = PrivateAttr(default_factory=set)
    """Fields that a pickle has left behind."""

    @property
    def caps_reasoning(self) -> bool:
        """Whether reasoning has a limit."""
        return self.max_reasoning_seconds is not None or self.max_reasoning_chars is not None

    @model_validator(mode="after")
    def _warn_of_plain_http(self) -> Self:
        url = urlsplit(self.base_url)
        if url.scheme == "http" and not is_loopback(url.hostname or ""):
            warn_of_plain_http(url.hostname or "")
        return self

    def __getstate__(self) -> dict[Any, Any]:
        # A pickle travels: it takes no secret along, and no socket. The key is read from the environment again.
        # Not LlamaIndex's own, which takes what cannot be pickled off the living object.
        state, secret = BaseModel.__getstate__(self), secret_fields(type(self))
        lost = {*self._lost, *(name for name in secret if getattr(self, name) is not None)}
        return state_with(state, dict.fromkeys(secret), {"_lost": lost})

    @property
    def lost_key(self) -> bool:
        """Whether this came out of a pickle, which has left the key behind."""
        return "api_key" in self._lost

    def warn_of_lost(self) -> None:
        """Says once what a pickle has left behind, unless it was set again. Of the key, an error tells."""
        lost = [name for name in sorted(self._lost) if name != "api_key" and getattr(self, name) is None]
        self._lost &= {"api_key"}
        if lost:
            warn_of_lost(lost)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        memo = {} if memo is None else memo
        for client in (self.http_client, self.http_async_client):
            memo[id(client)] = client
        return super().__deepcopy__(memo)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, as far as its name tells.

    Args:
        host: A name or an address.

    Returns:
        True for `localhost`, what ends in `.localhost`, 127.0.0.0/8 and ::1.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@functools.cache
def warn_of_plain_http(host: str) -> None:
    """Says once for each host that a key sent to it can be read on the way.

    Args:
        host: The host.
    """
    warnings.warn(
        f"base_url is http://{host}…: the API key and the conversation can be read on the way. Use https://.",
        AnyfastWarning,
        stacklevel=2,
    )
