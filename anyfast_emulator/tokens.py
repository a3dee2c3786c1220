"""Counting and cutting text in tokens, consistently if not as any vendor does."""

import re
from itertools import islice

_TOKEN = re.compile(r"\s*(?:[A-Za-z0-9_]{1,8}|[^\s])|\s+")


def count_tokens(text: str) -> int:
    """How many tokens a text has: word pieces of up to eight letters, else one per character."""
    return sum(1 for _ in _TOKEN.finditer(text))


def first_tokens(text: str, limit: int) -> str:
    """The beginning of a text, at most so many tokens long."""
    return "".join(match.group() for match in islice(_TOKEN.finditer(text), max(limit, 0)))
