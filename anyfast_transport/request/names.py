"""Names of tools and participants as the wire takes them: one spelling for each name. Pure."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

_TAKEN = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""OpenAI's pattern for a tool's name, and its first one for a participant's; newer ones forbid there only white space
and `<|\\/>`."""

_LONGEST = 48


def is_taken(name: str) -> bool:
    """Whether every upstream takes a name as it is."""
    return _TAKEN.fullmatch(name) is not None


def wire_name(name: str) -> str:
    """Spells a name.

    Args:
        name: Any name: of a class in Chinese, of a generic one (`Page[int]`), one that is too long.

    Returns:
        The name if it is taken, else what can be kept of it, and a hash of all of it.
    """
    if is_taken(name):
        return name
    kept = re.sub(r"[^a-zA-Z0-9_-]+", "_", name).strip("_")[:_LONGEST]
    return f"{kept or 'name'}_{hashlib.blake2s(name.encode('utf-8', 'replace'), digest_size=4).hexdigest()}"


def own_names(tools: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What to call the tools of an answer.

    Args:
        tools: Tools in OpenAI's shape, under their own names.

    Returns:
        The wire's name → the tool's own, where they differ.
    """
    functions = [tool.get("function") for tool in tools]
    names = [str(function.get("name")) for function in functions if isinstance(function, Mapping)]
    return {wire_name(name): name for name in names if not is_taken(name)}
