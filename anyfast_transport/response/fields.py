"""One JSON object that came over the wire, whole answer or event: its text, its reasoning, its error. Pure."""

from collections.abc import Mapping
from typing import Any

from anyfast_transport.lenient_json import entries_of, merged
from anyfast_transport.types import Choice, Completion, Part

EXCERPT = 500
"""Characters of an answer that an error shows."""


def reasoning_in(message: Mapping[str, Any]) -> str:
    """Reasoning under the first of its names that has any; gateways send the same text under several.

    Args:
        message: A message, or a delta of one.

    Returns:
        The text, or "".
    """
    for key in ("reasoning_content", "reasoning"):
        value = message.get(key)
        if value and isinstance(value, str):
            return value
    details = message.get("reasoning_details")
    if not isinstance(details, list):
        return ""
    return "".join(str(item.get("text") or item.get("summary") or "") for item in details if isinstance(item, Mapping))


def content_of(message: Mapping[str, Any]) -> list[str | Part]:
    """Text and images of a message, in their order; its content may be a list of parts.

    Args:
        message: A message, or a delta of one.

    Returns:
        Texts, and images as parts; those of the `images` field come last.
    """
    content = message.get("content")
    pieces: list[str | Part] = [content] if isinstance(content, str) else []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and part.get("type") == "text":
            pieces.append(str(part.get("text") or ""))
        elif isinstance(part, dict) and part.get("type") == "image_url":
            pieces.append(part)
    return [*pieces, *(dict(image) for image in entries_of(message.get("images")))]


def take_metadata(completion: Completion, body: Mapping[str, Any]) -> None:
    """Takes over what a body says of the whole completion: its id, model, time, fingerprint and usage.

    Args:
        completion: The completion, which is changed.
        body: A whole answer, or an event.
    """
    get = body.get
    if not completion.id:
        completion.id = str(get("id") or "")
    if model := get("model"):
        completion.model = str(model)
    if isinstance(created := get("created"), int) and created:
        completion.created = created
    if isinstance(fingerprint := get("system_fingerprint"), str) and fingerprint:
        completion.system_fingerprint = fingerprint
    if isinstance(usage := get("usage"), dict) and usage:
        completion.usage = usage


def take_end(choice: Choice, raw: Mapping[str, Any]) -> None:
    """Takes over how an answer ended, if it has.

    Args:
        choice: The answer, which is changed.
        raw: An entry of `choices`.
    """
    if reason := raw.get("finish_reason"):
        choice.finish_reason = str(reason)
    if (matched := raw.get("matched_stop")) is not None and isinstance(matched, (str, int)):
        choice.matched_stop = matched


def take_extra(choice: Choice, message: Mapping[str, Any]) -> None:
    """Keeps what must go back with the message although no framework has a place for it.

    Args:
        choice: The answer, which is changed.
        message: A message, or a delta of one.
    """
    extra = message.get("extra_content")
    if isinstance(extra, Mapping):
        choice.extra["extra_content"] = merged(choice.extra.get("extra_content", {}), extra)


def excerpt(data: bytes) -> str:
    """The beginning of a body or event, for an error.

    Args:
        data: The bytes.

    Returns:
        At most `EXCERPT` characters.
    """
    return data[:EXCERPT].decode("utf-8", "replace").strip()
