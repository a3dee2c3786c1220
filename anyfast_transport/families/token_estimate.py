"""How many tokens a conversation has, estimated: offline, without any vendor's vocabulary.

The figures are fitted to the usage of recorded exchanges of the families below (DeepSeek, Qwen, Doubao, Gemini, Kimi,
GLM), so they are averages: within 15 % on English and Chinese prose, less sure on code and other scripts.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Overhead:
    """What a family's chat template adds, in tokens.

    Attributes:
        request: To every request.
        message: To every message.
        tools: To a request with tools.
        schema: For each token of a tool's JSON: templates leave out or repeat some of it.
        deep: To a request with an effort of high or max.
    """

    request: float = 3
    message: float = 3
    tools: float = 20
    schema: float = 0.75
    deep: float = 0


_PLAIN = Overhead()
_OVERHEADS: Mapping[str, Overhead] = {
    # Recorded of deepseek-v4-flash: 230 for its words on tools, 79 for those on effort.
    "DeepSeek": Overhead(request=3, message=0.8, tools=230, schema=0.73, deep=79),
    "Qwen": Overhead(request=6, message=4, tools=90, schema=0.87),  # recorded of qwen-turbo, qwen-plus and qwen3
    "Qwen 3.6": Overhead(request=6, message=4, tools=190, schema=0.87),  # recorded of qwen3.5-397b: one template
    "Doubao": Overhead(request=30, message=4, tools=90),  # recorded of doubao-seed-1-6-lite; its tools are a guess
    "Gemini": Overhead(request=0, message=1, tools=0, schema=0.55),  # recorded of gemini-2.5 and gemini-3
    "Kimi": Overhead(request=3, message=3, tools=10),  # recorded of kimi-k2.5
    "GLM": Overhead(request=3, message=3, tools=85),  # recorded of glm-4.7
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
    overhead = _overhead(model)
    total = overhead.request + sum(overhead.message + _message(message) for message in messages)
    if tools:
        total += overhead.tools + overhead.schema * sum(_tokens(_dumped(tool)) for tool in tools)
    return math.ceil(total + (overhead.deep if effort in ("high", "max") else 0))


def _overhead(model: str) -> Overhead:
    name = family_of(model).name
    return _OVERHEADS.get(name) or _OVERHEADS.get(name.partition(" ")[0]) or _PLAIN


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
