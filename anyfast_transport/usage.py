"""Tokens of one call, in whichever shape the upstream counts them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, frozen=True)
class Usage:
    """Tokens of one call; None is "not given", which is not 0.

    Attributes:
        input: Tokens of the prompt, cached ones included.
        output: Tokens of the answer, reasoning included where the upstream counts it there.
        total: As given: never added up here, since hidden thoughts make it larger than the two.
        cached: Prompt tokens read from the cache.
        reasoning: Tokens spent thinking.
        images: Tokens of the pictures that the model made.
    """

    input: int
    output: int
    total: int
    cached: int | None = None
    reasoning: int | None = None
    images: int | None = None


def usage_of(raw: Mapping[str, Any] | None) -> Usage | None:
    """Reads usage in any of its shapes.

    Args:
        raw: The `usage` object as it came, or None.

    Returns:
        The counts, or None if there are none.
    """
    if not raw:
        return None
    prompt, answer = _count(raw, "prompt_tokens", "input_tokens"), _count(raw, "completion_tokens", "output_tokens")
    if prompt is None and answer is None:
        return None
    prompt_details, answer_details = _object(raw, "prompt_tokens_details"), _object(raw, "completion_tokens_details")
    cached = _count(prompt_details, "cached_tokens")
    if cached is None:  # DeepSeek's name; at the top of Kimi's and Together's (recorded)
        cached = _count(raw, "prompt_cache_hit_tokens", "cached_tokens")
    reasoning = _count(answer_details, "reasoning_tokens")
    total = _count(raw, "total_tokens")
    return Usage(
        input=prompt or 0,
        output=answer or 0,
        total=(prompt or 0) + (answer or 0) if total is None else total,
        cached=cached,
        reasoning=_count(raw, "reasoning_tokens") if reasoning is None else reasoning,
        images=_count(answer_details, "image_tokens") or None,
    )


def _object(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, Mapping) else {}


def _count(raw: Mapping[str, Any], *keys: str) -> int | None:
    for key in keys:
        if isinstance(value := raw.get(key), int):
            return value
    return None
