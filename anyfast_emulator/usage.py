"""The usage object of an answer, with each family's details."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anyfast_emulator.answers import Answer
from anyfast_emulator.contract import Family
from anyfast_emulator.conversation import text_of
from anyfast_emulator.thinking import is_thinking, shows_thoughts
from anyfast_emulator.tokens import count_tokens

_BLOCK = 128  # DeepSeek caches in blocks of about so many tokens
_IMAGE, _VIDEO = 256, 1024
_PICTURE = 1120  # ai.google.dev/gemini-api/docs/pricing: a picture of 1K or 2K that Gemini 3 made


def prompt_text(body: Mapping[str, Any]) -> str:
    """A request as one text, tools first, so that two requests of one conversation share their beginning."""
    messages = [message for message in body.get("messages") or () if isinstance(message, dict)]
    lines = [json.dumps(tool, ensure_ascii=False) for tool in body.get("tools") or ()]
    for message in messages:
        calls = json.dumps(message["tool_calls"], ensure_ascii=False) if message.get("tool_calls") else ""
        lines.append(f"{message.get('role')}: {text_of(message)} {calls}")
    return "\n".join(lines)


def cached_tokens(prompt: str, earlier: Sequence[str]) -> int:
    """How many tokens of a prompt an earlier one began with, in whole cache blocks."""
    shared = max((_shared(prompt, one) for one in earlier), default=0)
    return count_tokens(prompt[:shared]) // _BLOCK * _BLOCK


def _shared(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def count_usage(body: Mapping[str, Any], family: Family, said: Sequence[Answer], cached: int) -> dict[str, Any]:
    """Counts an answer's usage.

    Args:
        body: the request.
        family: decides which details there are.
        said: the choices of the answer.
        cached: prompt tokens read from the cache.

    Returns:
        The usage object. Gemini's unseen thoughts are in `total_tokens` alone, as upstream.
    """
    images, videos = _media(body, "image_url") * _IMAGE, _media(body, "video_url") * _VIDEO
    text = count_tokens(prompt_text(body))
    thought = sum(count_tokens(one.reasoning) for one in said)
    written = sum(_written(one) for one in said)
    unseen = thought if _is_unseen(body, family) else 0
    prompt, completion = text + images + videos, written + thought - unseen
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion + unseen,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    if thought - unseen:  # DeepSeek leaves the details out when it does not think
        usage["completion_tokens_details"] = {"reasoning_tokens": thought}
    if pictures := sum(len(one.pictures) for one in said):
        usage.setdefault("completion_tokens_details", {})["image_tokens"] = pictures * _PICTURE
    media = {"text_tokens": text, "image_tokens": images, "video_tokens": videos}
    details = _DETAILS.get(family.frames) or _DETAILS.get(family.usage)
    detailed = details(usage, media) if details else usage
    return detailed | dict(family.temper.usage_extras or {})


def _is_unseen(body: Mapping[str, Any], family: Family) -> bool:
    if family.frames == "google":  # its completion tokens never hold the thoughts (recorded: 35 + 12, total 109)
        return True
    return family.frames == "gemini" and is_thinking(body, family) and not shows_thoughts(body, family)


def _written(said: Answer) -> int:
    calls = sum(count_tokens(f"{call.name}{call.arguments}") for call in said.tool_calls)
    return count_tokens(said.text) + calls + _PICTURE * len(said.pictures)


def _media(body: Mapping[str, Any], kind: str) -> int:
    contents = [message.get("content") for message in body.get("messages") or () if isinstance(message, dict)]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return sum(isinstance(part, dict) and part.get("type") == kind for part in parts)


def _deepseek(usage: dict[str, Any], _: Mapping[str, int]) -> dict[str, Any]:
    hit = usage["prompt_tokens_details"]["cached_tokens"]
    return usage | {"prompt_cache_hit_tokens": hit, "prompt_cache_miss_tokens": usage["prompt_tokens"] - hit}


def _qwen(usage: dict[str, Any], media: Mapping[str, int]) -> dict[str, Any]:
    # Anyfast qwen3.6-flash page
    return usage | {"prompt_tokens_details": usage["prompt_tokens_details"] | dict(media)}


def _kimi(usage: dict[str, Any], _: Mapping[str, int]) -> dict[str, Any]:
    # Kimi leaves cached_tokens out on a miss
    hit = usage.pop("prompt_tokens_details")["cached_tokens"]
    return usage | ({"prompt_tokens_details": {"cached_tokens": hit}} if hit else {})


def _sglang(usage: dict[str, Any], _: Mapping[str, int]) -> dict[str, Any]:
    # recorded from Azure: no details, and the reasoning is counted at the top, wrongly
    counts = {key: usage[key] for key in ("prompt_tokens", "total_tokens", "completion_tokens")}
    return counts | {"prompt_tokens_details": None, "reasoning_tokens": 0}


def _google(usage: dict[str, Any], _: Mapping[str, int]) -> dict[str, Any]:
    return {key: usage[key] for key in ("completion_tokens", "prompt_tokens", "total_tokens")}


_DETAILS: Mapping[str, Callable[[dict[str, Any], Mapping[str, int]], dict[str, Any]]] = {
    "sglang": _sglang,
    "google": _google,
    "deepseek": _deepseek,
    "qwen": _qwen,
    "kimi": _kimi,
}
