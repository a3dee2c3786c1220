"""Where the gateway is and how to speak to it: the fields of both classes that say nothing about the answer."""

import os
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from anyfast_transport.errors import AuthenticationError

DEFAULT_BASE_URL = "https://www.anyfast.ai/v1"
"""The gateway's global host (Anyfast guide deepseek-v4-flash)."""

KEY_VARIABLE = "ANYFAST_API_KEY"
BASE_URL_VARIABLES = ("ANYFAST_BASE_URL", "ANYFAST_API_BASE")

_LOOPBACK = ("localhost", "127.", "[::1]")


def normal_base_url(value: Any) -> Any:
    """Mends what people paste: a bare host gets `/v1`, a `/chat/completions` and slashes at the end are taken off.

    Another path is left alone (Ark's `/api/v3` must not get a `/v1`).

    Args:
        value: What the user wrote.

    Returns:
        The base URL, without a slash at its end.
    """
    if not isinstance(value, str):
        return value
    url = value.strip().rstrip("/").removesuffix("/chat/completions").rstrip("/")
    if "://" not in url:
        url = ("http://" if url.startswith(_LOOPBACK) else "https://") + url
    return url if urlsplit(url).path else url + "/v1"


def _base_url_from_env() -> str:
    found = next((os.environ[name] for name in BASE_URL_VARIABLES if os.environ.get(name)), DEFAULT_BASE_URL)
    return str(normal_base_url(found))


def _key_from_env() -> SecretStr | None:
    key = os.environ.get(KEY_VARIABLE)
    return SecretStr(key) if key else None


class Connection(BaseModel):
    """Fields about the connection. What may hold a secret is left out of dumps, pickles and reprs."""

    model_config = ConfigDict(arbitrary_types_allowed=True, populate_by_name=True, hide_input_in_errors=True)

    api_key: SecretStr | None = Field(default_factory=_key_from_env, exclude=True, repr=False)
    """The gateway's key, bare; from the environment variable ANYFAST_API_KEY unless given."""

    base_url: Annotated[str, BeforeValidator(normal_base_url)] = Field(
        default_factory=_base_url_from_env, validation_alias=AliasChoices("base_url", "api_base")
    )
    """Where the gateway is; from ANYFAST_BASE_URL or ANYFAST_API_BASE unless given, else its global host."""

    timeout: float | httpx.Timeout | None = Field(default=600.0)
    """Seconds. No byte, and no data event, for so long is an APITimeoutError; a call that does not stream ends within
    it. Connecting has a limit of its own, 10 seconds, unless an `httpx.Timeout` says otherwise. None waits for ever."""

    max_retries: Annotated[int, Field(ge=0)] = 2
    """Exactly that many more requests after one that may pass when repeated; never after the first byte of a stream."""

    default_headers: Mapping[str, str] | None = Field(default=None, exclude=True, repr=False)
    """Headers sent with every request."""

    http_client: httpx.Client | None = Field(default=None, exclude=True, repr=False)
    """A client of your own for sync calls (proxies, certificates, tests); it stays yours to close."""

    http_async_client: httpx.AsyncClient | None = Field(default=None, exclude=True, repr=False)
    """A client of your own for async calls; it belongs to the event loop that it was made for."""


def bare_key(key: SecretStr | None) -> str:
    """The key, checked before any library could print it in an error about an illegal header.

    Args:
        key: The `api_key` field.

    Returns:
        The bare key.

    Raises:
        AuthenticationError: There is no key, or it has characters that no key has; the key is not shown.
    """
    secret = key or _key_from_env()
    value = secret.get_secret_value() if secret else ""
    if not value:
        raise AuthenticationError(
            f"No API key: set the environment variable {KEY_VARIABLE}, or pass api_key=. "
            "Keys are made in the Anyfast console."
        )
    wrong = _what_is_wrong_with(value)
    if wrong:
        raise AuthenticationError(f"The API key {wrong}. Pass the bare key, as the Anyfast console shows it.")
    return value


def _what_is_wrong_with(key: str) -> str | None:
    if key.lower().startswith("bearer "):
        return "begins with “Bearer ”, which is added for you"
    if "\n" in key or "\r" in key:
        return "holds a line break"
    if any(c.isspace() for c in key):
        return "holds a space"
    if not (key.isascii() and key.isprintable()):
        return "holds characters that no key has"
    return None
