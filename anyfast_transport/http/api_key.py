"""The key of a request: asked for, and checked before any library could print it."""

import hashlib
import inspect
from collections.abc import Callable
from typing import Any

from pydantic import SecretStr
from pydantic_core import to_json

from anyfast_transport.errors import AuthenticationError
from anyfast_transport.settings.connection import KEY_VARIABLE, Connection, key_from_env

_LONGEST_KEY = 8192
"""Characters. Servers take no longer head, and the search for the key in errors would take seconds."""


def bare_key(connection: Connection) -> str:
    """The key, checked before any library could print it in an error about an illegal header.

    Args:
        connection: Has the `api_key`, or leaves it to the environment.

    Returns:
        The bare key.

    Raises:
        AuthenticationError: There is no key, or it has characters that no key has; the key is not shown.
    """
    # No local here holds the bare key: tracers print the locals of every frame of an error.
    held = _held(connection)
    wrong = _what_is_wrong_with(held.get_secret_value() if held else "")
    if wrong or held is None:
        if connection.lost_key and connection.api_key is None:
            wrong = f"{wrong} The model was unpickled, and no pickle takes a key along."
        raise AuthenticationError(wrong or "No API key.")
    return held.get_secret_value()


def digest_of_secrets(connection: Connection, *more: Any) -> str:
    """Tells calls apart by what is secret. The key is the key of the digest, so that nobody can guess at the rest.

    Args:
        connection: Where the call goes, and with which key and headers.
        more: What else may hold a secret, as JSON.

    Returns:
        A digest (blake2b) in hexadecimal.

    Raises:
        AuthenticationError: The function given as `api_key` fails.
    """
    clients = (connection.http_client, connection.http_async_client)
    told = [
        {name.lower(): value for name, value in (connection.default_headers or {}).items()},
        [list(client.headers.multi_items()) if client else None for client in clients],
        more,
    ]
    held = _held(connection)
    key = hashlib.blake2b((held.get_secret_value() if held else "").encode()).digest()
    return hashlib.blake2b(to_json(told, fallback=str), key=key).hexdigest()


def _held(connection: Connection) -> SecretStr | None:
    key = connection.api_key
    return _from_function(key) if callable(key) else key or key_from_env()


def _from_function(function: Callable[[], Any]) -> SecretStr:
    try:
        held = function()
    except Exception as error:  # whatever a vault's client raises
        raise AuthenticationError(f"The function given as api_key failed with {type(error).__name__}.") from error
    if isinstance(held, str):
        held = SecretStr(held)
    if isinstance(held, SecretStr):
        return held
    if inspect.iscoroutine(held):
        held.close()
    kind, held = type(held).__name__, None  # it may be the key, as bytes
    raise AuthenticationError(f"The function given as api_key returned no str, but: {kind}.")


def _what_is_wrong_with(key: str) -> str | None:
    if not key:
        return (
            f"No API key: set the environment variable {KEY_VARIABLE}, or pass api_key=. "
            "Keys are made in the Anyfast console."
        )
    fault = _fault_of(key)
    return f"The API key {fault}. Pass the bare key, as the Anyfast console shows it." if fault else None


def _fault_of(key: str) -> str | None:
    if key.lower().startswith("bearer "):
        return "begins with “Bearer ”, which is added for you"
    if "\n" in key or "\r" in key:
        return "holds a line break"
    if any(c.isspace() for c in key):
        return "holds a space"
    if not (key.isascii() and key.isprintable()):
        return "holds characters that no key has"
    if len(key) > _LONGEST_KEY:
        return f"has {len(key):,} characters, and none has more than {_LONGEST_KEY:,}"
    return None
