"""What may hold a secret: marked at the field, and asked for here by whatever tells, dumps, hashes, logs or pickles."""

import functools
import warnings
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field

from anyfast_transport.errors import AnyfastWarning, AuthenticationError
from anyfast_transport.settings.names import accepted_names

T = TypeVar("T")


class _Mark:
    """What the marker puts among the metadata of a field."""


MayHoldSecret = Annotated[T, Field(exclude=True, repr=False), _Mark()]
"""The type of a field that may hold a secret: `MayHoldSecret[str | None]`. No dump and no repr of pydantic shows it."""

EXTRA_HEADERS = "extra_headers"
"""Headers for one call, over `default_headers`. They are an argument of calls alone, and no field."""


@functools.cache
def secret_fields(cls: type[BaseModel]) -> tuple[str, ...]:
    """The fields of a class that may hold a secret.

    Args:
        cls: A pydantic model.

    Returns:
        Their names, in the order of the class.
    """
    return tuple(
        name for name, field in cls.model_fields.items() if any(isinstance(mark, _Mark) for mark in field.metadata)
    )


@functools.cache
def secret_names(cls: type[BaseModel]) -> frozenset[str]:
    """The arguments of a call that may hold a secret.

    Args:
        cls: The class of the model that is called.

    Returns:
        Every name under which such a field is taken, and `extra_headers`.
    """
    names, secret = accepted_names(cls), secret_fields(cls)
    return frozenset({EXTRA_HEADERS, *(given for given, name in names.items() if name in secret)})


def without_secrets(cls: type[BaseModel], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a call without those that may hold a secret.

    Args:
        cls: The class of the model that is called.
        arguments: Name → value.

    Returns:
        A new dict.
    """
    secret = secret_names(cls)
    return {name: value for name, value in arguments.items() if name not in secret}


class Hidden:
    """A value that is kept for later calls, and that no repr, dump or pickle shows.

    Args:
        name: The argument that it was given for.
        value: The value; left out where a pickle has left it behind.
    """

    __slots__ = ("_name", "_reveal")

    def __init__(self, name: str, *value: Any) -> None:
        self._name = name
        self._reveal = (lambda: value) if value else None

    @property
    def is_lost(self) -> bool:
        """Whether a pickle has left the value behind."""
        return self._reveal is None

    def reveal(self) -> Any:
        """The value."""
        return self._reveal()[0] if self._reveal else None

    def __repr__(self) -> str:
        return "**********"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hidden) and (self.is_lost, self.reveal()) == (other.is_lost, other.reveal())

    __hash__ = None  # type: ignore[assignment]  # it may hold a dict

    def __copy__(self) -> "Hidden":
        return self

    def __deepcopy__(self, _: Any) -> "Hidden":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Hidden, (self._name,)


def hidden(cls: type[BaseModel], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that are kept for later calls, with what may hold a secret hidden.

    Args:
        cls: The class of the model that is called.
        arguments: Name → value.

    Returns:
        A new dict.
    """
    secret = secret_names(cls)
    return {
        name: Hidden(name, value) if name in secret and not (value is None or isinstance(value, Hidden)) else value
        for name, value in arguments.items()
    }


def without_lost(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments without what a pickle has left behind, of which a warning tells.

    Args:
        arguments: Name → value, hidden or not.

    Returns:
        A new dict.

    Raises:
        AuthenticationError: A pickle has left the key behind.
    """
    lost = [name for name, value in arguments.items() if isinstance(value, Hidden) and value.is_lost]
    if "api_key" in lost:
        raise AuthenticationError("The api_key that was bound is not in the pickle that this came from: bind it again.")
    if lost:
        warn_of_lost(lost)
    return {name: value for name, value in arguments.items() if name not in lost}


def warn_of_lost(names: list[str]) -> None:
    """Says that a pickle has left something behind, without which requests go out now.

    Args:
        names: The fields or arguments.
    """
    warnings.warn(
        f"This call goes out without {' and '.join(names)}: they may hold secrets, so no pickle takes them along. "
        "Set them again where the model is unpickled, or make the model there.",
        AnyfastWarning,
        stacklevel=2,
    )
