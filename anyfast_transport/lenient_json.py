"""JSON as servers and models write it: what strict readers refuse, but has one meaning, is read. Pure."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import from_json

BOM = b"\xef\xbb\xbf"


_DEEPEST = 200
"""Levels of nesting that JSON may have; pydantic's reader stops there, too."""


def read_json(data: bytes, *, keep_halves: bool = False) -> Any:
    """Reads JSON that may hold what strict readers refuse: a BOM, broken UTF-8, lone surrogates, NaN.

    Args:
        data: The bytes of one document.
        keep_halves: Whether lone surrogates stay, for one who has the other half; else they become U+FFFD.

    Returns:
        The value.

    Raises:
        ValueError: It is no JSON, or is nested too deeply.
    """
    try:
        return from_json(data)
    except ValueError:
        text = _decoded(data.removeprefix(BOM))
    try:
        value = json.loads(text)
        return _checked(value, _DEEPEST) if keep_halves else without_surrogates(value)
    except RecursionError:
        problem = "nested too deeply"
    except ValueError as error:
        problem = str(error)
    raise ValueError(problem)  # outside, for the error above holds the whole document


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def without_surrogates(value: Any, depth: int = _DEEPEST) -> Any:
    """Mends text that no JSON may hold: two halves of a UTF-16 pair become their character, a lone one U+FFFD.

    Args:
        value: JSON.
        depth: How deeply it may be nested.

    Returns:
        The same with every text mended.

    Raises:
        ValueError: It is nested more deeply.
    """
    return _checked(value, depth, without_halves)


def without_halves(text: str) -> str:
    """One text, mended."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _checked(value: Any, depth: int, text: Callable[[str], str] = str) -> Any:
    """A value that is nested no deeper, each text of it made another one."""
    if depth < 0:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [_checked(item, depth - 1, text) for item in value]
    if isinstance(value, dict):
        return {text(key): _checked(item, depth - 1, text) for key, item in value.items()}
    return value


written = json.JSONEncoder(ensure_ascii=False).encode
"""Writes JSON; `json.dumps` makes an encoder at each call."""

_FENCE = "```"
_TAG = re.compile(r"[\w+-]*")
_MAY_OVERFLOW = re.compile(r"\d[eE]\+?\d{3}|\d{300}")


def parsed_arguments(text: str) -> dict[str, Any] | None:
    """Reads the arguments of a finished call, also where they are JSON but for what has one meaning.

    That is a raw line end or tab inside a string, one code fence around the object, and the object as a JSON string.

    Args:
        text: The raw arguments; empty and `null` are those of a tool without any.

    Returns:
        The object, or None if the text is not one. Half a surrogate pair in it is U+FFFD.
    """
    if not text.strip():
        return {}
    value = _read(text)
    if value is _NOT_JSON:
        value = _read(_unfenced(text))
    elif isinstance(value, str):
        value = _read(value)
        return value if isinstance(value, dict) else None
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def problem_with(text: str) -> str:
    """What keeps a text from being the arguments of a call, in a few words; "" if nothing does."""
    if parsed_arguments(text) is not None:
        return ""
    try:
        json.loads(text, strict=False, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return str(error)
    return "it is JSON, but no object, or a number in it is too large"


_NOT_JSON: Any = object()


def _read(text: str) -> Any:
    """A JSON value, read as parsed_arguments says, or `_NOT_JSON`."""
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError:
        try:  # slower, and takes more: control characters, lone surrogates, deep nesting
            value = without_surrogates(json.loads(text, strict=False, parse_constant=_refuse))
        except (ValueError, RecursionError):
            return _NOT_JSON
    return _NOT_JSON if _MAY_OVERFLOW.search(text) and not _finite(value) else value


def _unfenced(text: str) -> str:
    """What one code fence is around; "" if there is none."""
    text = text.strip()
    if not (text.startswith(_FENCE) and text.endswith(_FENCE)):
        return ""
    return _TAG.sub("", text[len(_FENCE) : -len(_FENCE)], count=1)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _finite(value: Any) -> bool:
    """Whether JSON can say each number; one that is too large was read as infinite."""
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def entries_of(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list that came over the wire; anything else has none."""
    if not isinstance(value, list):
        return []
    # A dict is asked for first: asking an abstract class costs ten times as much.
    return [item for item in value if isinstance(item, dict) or isinstance(item, Mapping)]  # noqa: SIM101  # as above


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merges two JSON objects, nested objects included; neither is changed.

    Args:
        under: The object that yields.
        over: The object that wins.

    Returns:
        A new object.
    """
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = merged(below, value) if both else value  # type: ignore[arg-type]  # `both` has looked
    return result
