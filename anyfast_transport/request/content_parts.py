"""Content of messages as a family takes it: strings, lists of parts, and media that it does not know. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from anyfast_transport.errors import UnsupportedParameterError
from anyfast_transport.families.table import Family
from anyfast_transport.request.changes import Note
from anyfast_transport.types import Message, Part, as_parts, text_of

_DATA_IMAGE = re.compile(r"!\[[^\]\n]*\]\(data:[^)\s]*\)")
"""An image in the text of a turn, which is how new-api hands out those of Gemini."""


_SCHEME = re.compile(r"data:|[a-zA-Z][a-zA-Z0-9+.-]+://")
"""Beginnings of a place that some gateway may read: the web, a data URI, an upstream's own store (`ms://`, `oss://`)."""


def with_media_lifted(
    messages: Sequence[Message], family: Family, *, model: str, note: Note, warn: Note
) -> list[Message]:
    """Moves images and other media of tool results behind them: a tool message holds text, a user message anything.

    What the family does not take is left out, with a word in its place: a refusal would end the thread for good, since
    the result stays in it, and its user did not send it.

    Args:
        messages: The conversation, in the wire's four roles.
        family: Whose rules hold.
        model: The model, for messages to the reader.
        note: Hears of what is left out.
        warn: The same, since the user should hear of it, too.

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
        if media and (refused := [part for part in media if not _takes(part, family)]):
            words = f"media of a tool's result: left out, since {model} takes none"
            note(words)
            warn(words)
            media = [part for part in media if part not in refused]
            parts = [_left_out(part, model) if part in refused else part for part in as_parts(message["content"])]
            message = cast("Message", {**message, "content": parts})
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
    taken = [part if _takes(part, family) else _stand_in(part, family, model, earlier) for part in parts]
    if taken != parts:
        note("media of an earlier message: left out, since this model takes none")
    parts = taken
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
    if earlier:
        return _left_out(part, model)
    kind = part.get("type")
    if _is_local(part):
        raise UnsupportedParameterError(
            f"A {kind} part names a place of this machine, which the gateway cannot read. Send what it holds as base64 "
            "in a data URI: data:image/png;base64,….",
            parameter=str(kind),
            model=model,
        )
    takes = ", ".join(sorted(family.parts or ()))
    raise UnsupportedParameterError(
        f"{model} ({family.name}) takes no {kind} parts in a message, only: {takes}. "
        "Ask a model that does, such as qwen3.6-flash or a Gemini.",
        parameter=str(kind),
        model=model,
    )


def _left_out(part: Part, model: str) -> Part:
    why = "it is at a place of another machine" if _is_local(part) else f"{model} takes none"
    return {"type": "text", "text": f"[{part.get('type')} left out: {why}]"}


def _takes(part: Part, family: Family) -> bool:
    return (family.parts is None or part.get("type") in family.parts) and not _is_local(part)


def _is_local(part: Part) -> bool:
    """Whether a picture or a film is said by a path, or a `file:` URL, which no gateway can read."""
    said = part.get(str(part.get("type")))
    url = said.get("url") if isinstance(said, Mapping) else None
    if not isinstance(url, str) or part.get("type") not in ("image_url", "video_url"):
        return False
    return url[:5].lower() == "file:" or not _SCHEME.match(url)
