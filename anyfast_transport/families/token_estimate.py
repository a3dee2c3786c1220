"""How many tokens a conversation has, estimated: offline, without any vendor's vocabulary.

The figures, and those of chat templates in the rows of families, are fitted to the usage of recorded exchanges, so they
are averages: within 15 % on English and Chinese prose, less sure on code and other scripts.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anyfast_transport.families.table import family_of
from anyfast_transport.types import as_parts

JSON = Mapping[str, Any]

_PIECE = re.compile(
    r"(?P<word>[A-Za-z]+)"
    r"|(?P<digits>[0-9]+)"
    r"|(?P<wide>[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]+)"
    r"|(?P<blank>\n+|[^\S\n]{2,})"
    r"|(?P<quote>\")"
    r"|(?P<letters>[^\W\d_]+)"
    r"|(?P<sign>\S)"
)
_TOKENS: Mapping[str, Callable[[int], float]] = {
    "word": lambda length: 1 + 0.1 * max(0, length - 6),
    "digits": lambda length: math.ceil(length / 3),
    "wide": lambda length: 0.62 * length,
    "blank": lambda _: 1,
    "quote": lambda _: 0.6,
    "letters": lambda length: 0.4 + 0.35 * length,  # Cyrillic, Arabic and others: a guess, none was recorded
    "sign": lambda _: 1,
}


_MEDIA: Mapping[str, int] = {
    # Gemini: 258 for a picture or a second of video (upstream; recorded: 258 for one second). A guess for the others.
    "image_url": 258,
    "video_url": 258 * 10,  # ten seconds: how long it is cannot be seen
    "input_audio": 32 * 10,  # Gemini: 32 a second (upstream)
    "file": 258 * 4,  # Gemini: 258 a page (upstream)
}


def text_tokens(text: str) -> int:
    """Estimates the tokens of a text.

    Args:
        text: The text.

    Returns:
        How many there are, about; 0 for "".
    """
    return math.ceil(_tokens(text))


def _tokens(text: str) -> float:
    return sum(_TOKENS[str(found.lastgroup)](found.end() - found.start()) for found in _PIECE.finditer(text))


def prompt_tokens(
    model: str, messages: Sequence[JSON], tools: Sequence[JSON] = (), *, effort: str | None = None
) -> int:
    """Estimates the tokens of a prompt, as the gateway's `usage.prompt_tokens` would count them.

    Args:
        model: Model id; its family's chat template counts, too.
        messages: The conversation in the wire's shape.
        tools: The tools offered, in OpenAI's shape.
        effort: The effort of reasoning that is asked for; some templates say it in words.

    Returns:
        How many there are, about.
    """
    overhead = family_of(model).template_tokens
    total = overhead.request + sum(overhead.message + _message(message) for message in messages)
    if tools:
        total += overhead.tools + overhead.schema * sum(_tokens(_dumped(tool)) for tool in tools)
    return math.ceil(total + (overhead.deep if effort in ("high", "max") else 0))


def _message(message: JSON) -> float:
    total = sum(_part(part) for part in as_parts(message.get("content")))
    total += _tokens(str(message.get("reasoning_content") or ""))
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        total += 8 + _tokens(str(function.get("name") or "")) + _tokens(str(function.get("arguments") or ""))
    return total


def _part(part: JSON) -> float:
    media = _MEDIA.get(str(part.get("type")))
    return media if media is not None else _tokens(str(part.get("text") or ""))


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
