"""The key of a request: asked for, and checked before any library could print it."""

import inspect
from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from anyfast_transport.errors import AuthenticationError
from anyfast_transport.settings.connection import KEY_VARIABLE, key_from_env


def bare_key(key: SecretStr | Callable[[], str] | None) -> str:
    """The key, checked before any library could print it in an error about an illegal header.

    Args:
        key: The `api_key` field.

    Returns:
        The bare key.

    Raises:
        AuthenticationError: There is no key, or it has characters that no key has; the key is not shown.
    """
    # No local here holds the bare key: tracers print the locals of every frame of an error.
    held = _from_function(key) if callable(key) else key or key_from_env()
    wrong = _what_is_wrong_with(held.get_secret_value() if held else "")
    if wrong or held is None:
        raise AuthenticationError(wrong or "No API key.")
    return held.get_secret_value()


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
    return None
