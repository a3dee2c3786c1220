"""Content of messages as a family takes it: strings, lists of parts, and media that it does not know. Pure."""

import re
from collections.abc import Sequence
from typing import Any, cast

from anyfast_transport.errors import UnsupportedParameterError
from anyfast_transport.families.table import Family
from anyfast_transport.request.tool_results import Note
from anyfast_transport.types import Message, Part, as_parts, text_of

_DATA_IMAGE = re.compile(r"!\[[^\]\n]*\]\(data:[^)\s]*\)")
"""An image in the text of a turn, which is how new-api hands out those of Gemini."""


def with_media_lifted(messages: Sequence[Message]) -> list[Message]:
    """Moves images and other media of tool results behind them: a tool message holds text, a user message anything.

    Args:
        messages: The conversation, in the wire's four roles.

    Returns:
        A new list; messages that need no change are the same objects.
    """
    result: list[Message] = []
    waiting: list[Part] = []
    for message in messages:
        if message["role"] != "tool" and waiting:
            result.append({"role": "user", "content": waiting})
            waiting = []
        media = _media_of(message) if message["role"] == "tool" else []
        if media:
            waiting = [*waiting, {"type": "text", "text": f"From tool call {message.get('tool_call_id')}:"}, *media]
            rest = [part for part in as_parts(message["content"]) if part not in media]
            message = cast("Message", {**message, "content": rest})  # a copy goes on
        result.append(message)
    return [*result, {"role": "user", "content": waiting}] if waiting else result


def _media_of(message: Message) -> list[Part]:
    content = message.get("content")
    return [part for part in as_parts(content) if part.get("type") != "text"] if isinstance(content, list) else []


def taken_content(message: Message, family: Family, *, model: str, earlier: bool, note: Note) -> Any:
    """Content as the family takes it: never null, and a string where parts are not known.

    Args:
        message: A message in one of the wire's four roles.
        family: Whose rules hold.
        model: The model, for messages to the reader.
        earlier: Whether an answer has been given since. Media that another model saw are then left out with a note;
            those of the question itself are what the user asks about, so they are refused.
        note: Hears of each repair.

    Returns:
        A string, or a list of parts.

    Raises:
        UnsupportedParameterError: The question holds a part that the family does not take.
    """
    content, role = message.get("content"), message["role"]
    if isinstance(content, str):
        return content if role != "assistant" else _without_images(content, family, note)
    parts = as_parts(content)
    if family.parts is not None:
        parts = [
            part if part.get("type") in family.parts else _stand_in(part, family, model, earlier) for part in parts
        ]
        if earlier and parts != as_parts(content):
            note("media of an earlier message: left out, since this model takes none")
    only_text = all(part.get("type") == "text" for part in parts)
    if only_text and (family.flattens_text or role != "user" or not parts):
        # The parts of one answer belong together; those of a question are paragraphs.
        return text_of(parts, "" if role == "assistant" else "\n")
    return parts


def _without_images(text: str, family: Family, note: Note) -> str:
    if family.keeps_gemini_turns or "](data:" not in text:
        return text
    shorter = _DATA_IMAGE.sub("[image]", text)
    if shorter != text:
        note("image in the text of another model's turn: left out")
    return shorter


def _stand_in(part: Part, family: Family, model: str, earlier: bool) -> Part:
    kind = part.get("type")
    if earlier:
        return {"type": "text", "text": f"[{kind} left out: {model} takes none]"}
    takes = ", ".join(sorted(family.parts or ()))
    raise UnsupportedParameterError(
        f"{model} ({family.name}) takes no {kind} parts in a message, only: {takes}. "
        "Ask a model that does, such as qwen3.6-flash or a Gemini.",
        parameter=str(kind),
        model=model,
    )
