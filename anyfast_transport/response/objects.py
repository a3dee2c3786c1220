"""Objects in answers: how structured output is read, and asked for once more. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from anyfast_transport.lenient_json import parsed_arguments


def object_in(text: str) -> dict[str, Any] | None:
    """Finds the object in an answer that should be nothing else.

    Args:
        text: The answer; code fences and words around the object are forgiven.

    Returns:
        The object, or None if there is none. What is inside of a brace that never closes is a part of a cut object, and
        is not taken for the whole.
    """
    whole = parsed_arguments(text) if text.strip() else None
    if whole is not None:
        return whole
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            value, _ = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = _end_of_braces(text, at)
            at = text.find("{", end) if end else -1
            continue
        return value if isinstance(value, dict) else None
    return None


_QUOTES_AND_BRACES = re.compile(r'"(?:[^"\\]|\\.)*"|[{}"]', re.DOTALL)


def _end_of_braces(text: str, start: int) -> int | None:
    """Where the brace at `start` is closed, or None if it never is; braces in strings do not count."""
    depth = 0
    for found in _QUOTES_AND_BRACES.finditer(text, start):
        if found.group() == '"':  # a string that never ends
            return None
        depth += {"{": 1, "}": -1}.get(found.group(), 0)
        if depth == 0:
            return found.end()
    return None


def repair_request(problem: str) -> str:
    """The words that ask once more for an object, after an answer that was not valid.

    They follow the answer as the user's. The answer itself goes back as text, also where it was a tool call, since a
    call would need a result.

    Args:
        problem: What the validator said.

    Returns:
        The content of the user's message.
    """
    return f"This is not valid. {problem} Answer again, correctly."


def problems(errors: Iterable[Mapping[str, Any]]) -> str:
    """A validator's errors as words for the model.

    Args:
        errors: Each with a path, `loc`, and words, `msg`, as pydantic's `errors()` have them.

    Returns:
        A sentence for each.
    """
    return " ".join(f"{'.'.join(map(str, one['loc'])) or 'The object'}: {one['msg']}." for one in errors)
