"""One JSON object that came over the wire, whole answer or event: its text, its reasoning, its error. Pure."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from anyfast_transport.lenient_json import entries_of, merged
from anyfast_transport.types import Choice, Completion, Part

HEAD = frozenset(
    {"id", "object", "created", "model", "system_fingerprint", "choices", "usage", "error", "base_resp", "obfuscation"}
)
"""Fields of an answer, or of an event, that have a place of their own; OpenAI's `obfuscation` is padding."""

ENTRY = frozenset({"index", "message", "delta", "finish_reason", "matched_stop", "logprobs", "error"})
"""Fields of an entry of `choices` that have a place of their own."""

MESSAGE = frozenset(
    {
        *("role", "content", "tool_calls", "refusal", "images", "extra_content"),
        *("reasoning_content", "reasoning", "reasoning_details"),
    }
)
"""Fields of a message that have a place of their own."""

_OF_A_REQUEST = frozenset({"audio", "function_call", "name", "prefix", "tool_call_id"})
"""Fields of a message that are read otherwise, or would say something in a request, if they went back with it."""

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
    if isinstance(details, list) and details:
        return "".join(str(item.get("text") or item.get("summary") or "") for item in entries_of(details))
    content = message.get("content")
    return "".join(map(_thought_in, entries_of(content))) if isinstance(content, list) else ""


def _thought_in(part: Mapping[str, Any]) -> str:
    """The thought that a part of a content holds, as Mistral and Anthropic write them."""
    if part.get("type") not in ("thinking", "reasoning"):
        return ""
    said = part.get("thinking") or part.get("reasoning") or part.get("text") or ""
    if isinstance(said, list):
        return "".join(str(piece.get("text") or "") for piece in entries_of(said))
    return str(said)


_TEXT = ("text", "output_text")


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
        if isinstance(part, dict) and part.get("type") in _TEXT:
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


def take_more(kept: dict[str, Any], raw: Mapping[str, Any], known: AbstractSet[str]) -> None:
    """Keeps the fields that have no place of their own: citations, search results, service tiers, whatever comes next.

    Args:
        kept: What was kept so far, which grows: lists go on, objects merge, of anything else the last one counts.
        raw: An answer, an event, an entry of `choices`, or a message.
        known: The fields that have a place.
    """
    for key, value in raw.items():
        if key in known or key in _OF_A_REQUEST or value is None or value in ("", [], {}):
            continue
        kept[key] = _grown(kept.get(key), value)


def _grown(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in new.items():
            old[key] = _grown(old.get(key), value)
        return old
    if isinstance(new, dict):
        return dict(new)
    if not isinstance(new, list):
        return new
    if not isinstance(old, list) or new[: len(old)] == old:  # the first, or all of it once more
        return list(new)
    old.extend(new)
    return old


def calls_in(message: Mapping[str, Any]) -> Any:
    """The calls of a message: its `tool_calls`, or the one `function_call` of OpenAI's older form.

    Args:
        message: A message, or a delta of one.

    Returns:
        A list of entries, or whatever stands in its place.
    """
    calls, function = message.get("tool_calls"), message.get("function_call")
    return [{"index": 0, "type": "function", "function": function}] if function and not calls else calls


def excerpt(data: bytes) -> str:
    """The beginning of a body or event, for an error.

    Args:
        data: The bytes.

    Returns:
        At most `EXCERPT` characters.
    """
    return data[:EXCERPT].decode("utf-8", "replace").strip()
