"""Which row a model id belongs to."""

import re
from fnmatch import fnmatchcase
from functools import lru_cache

from anyfast_transport.families.family import Family
from anyfast_transport.families.rows import deepseek, doubao, gemini, glm, grok, kimi, minimax, openai, qwen

__all__ = ["FAMILIES", "PLAIN", "Family", "family_of", "pattern_fits"]

PLAIN = openai.PLAIN
FAMILIES: tuple[Family, ...] = tuple(
    row
    for vendor in (deepseek, qwen, doubao, gemini, kimi, glm, minimax, grok, openai)
    for row in vars(vendor).values()
    if isinstance(row, Family) and row is not PLAIN
)
"""Every row but `PLAIN`."""

# How aggregators say whose model it is: `coding-glm-5.1`, `alicloud-deepseek-v4-pro` (models.dev, 2026-10).
_VENDOR = re.compile(
    r"(?:ali(?:baba|cloud|yun)?|ark|azure|bai|bailian|bedrock|byteplus|bytedance|cc|cloudflare|coding|dashscope|deep|"
    r"deepinfra|fireworks|google|groq|moonshot(?:ai)?|novita|openrouter|siliconflow|tencent|together|vertex|"
    r"volc(?:engine)?|x-?ai|z-?ai(?:-org)?|zhipu(?:ai)?)-(?=[a-z])"
)
_VERSION = re.compile(r"(?<=\d)[-p](?=\d(?:-|$))")


@lru_cache(maxsize=1024)
def _spellings(model: str) -> tuple[str, ...]:
    """The ways to read an id, in lower case: as it is, without an aggregator's vendor, with a dot in its version."""
    name, spellings = model.rsplit("/", 1)[-1].lower(), []
    for read in (name.replace(":", "-"), name.partition(":")[2]):
        spellings.append(read)
        while (found := _VENDOR.match(read)) is not None:
            read = read[found.end() :]
            spellings.append(read)
        spellings.append(_VERSION.sub(".", read))  # 4-7 and 4p7 are 4.7
    return tuple(spellings)


def specificity(pattern: str) -> tuple[int, int]:
    """What orders patterns: one of more pieces is more specific, of those with as many the longer one."""
    return pattern.count("*"), len(pattern)


def pattern_fits(pattern: str, model: str) -> bool:
    """Whether a pattern of `Family.ids` fits a model id.

    Args:
        pattern: The pattern.
        model: Model id as the caller wrote it.

    Returns:
        Whether it fits in one of its spellings; a whole id (`$`) as it is written alone.
    """
    names = _spellings(model)
    if pattern.endswith("$"):
        return names[0] == pattern[:-1]
    return any(fnmatchcase(name, f"{pattern}*") for name in names)


_PATTERNS = sorted(((one, row) for row in FAMILIES for one in row.ids), key=lambda each: specificity(each[0]))[::-1]


@lru_cache(maxsize=1024)
def family_of(model: str) -> Family:
    """Finds the row of a model by the most specific pattern that fits its id.

    Args:
        model: Model id as the caller wrote it. Case does not count, nor does a vendor in front (`MiniMax/MiniMax-M2.7`,
            `zai-org:glm-5.3`, `coding-glm-5.1`); `4-7` and `4p7` are 4.7.

    Returns:
        The family, or `PLAIN` for an id that no row knows.
    """
    return next((row for pattern, row in _PATTERNS if pattern_fits(pattern, model)), PLAIN)
