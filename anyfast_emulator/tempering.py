"""What a temperament makes of a family's row, and of a request before its model reads it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from anyfast_emulator.answers import Answer
from anyfast_emulator.contract import Family, Range
from anyfast_emulator.temperaments import DOCUMENTED, Temperament, Treatment
from anyfast_emulator.thinking import is_thinking, shows_thoughts

Body = Mapping[str, Any]
_LENGTHS = ("max_tokens", "max_completion_tokens")
_REFUSED_N = "Invalid n value: this gateway answers once."
_REFUSED_CHOICE = "Thinking mode does not support this tool_choice"


def tempered(family: Family, temper: Temperament) -> Family:
    """A family's row behind a gateway of this temperament.

    Args:
        family: the row as documented.
        temper: what the gateway does otherwise.

    Returns:
        The row, which carries the temperament in `temper`.
    """
    lengths, unread = _lengths(family, temper)
    parameters, ignored, refuses_n = _n(family, temper)
    return replace(
        family,
        temper=temper,
        parameters=parameters,
        ignored=ignored | unread,
        refuses_n=refuses_n,
        lengths=lengths,
        thinks=family.thinks if temper.thinks is None else temper.thinks,
        parts=_parts(family, temper),
        formats=_formats(family, temper),
        stop_list_only=family.stop_list_only if temper.stop_list_only is None else temper.stop_list_only,
        refuses_forced=_refuses_forced(family, temper.forced_choice),
        demands_reasoning=_demands_reasoning(family, temper.reasoning_required),
        signs_calls=family.signs_calls and temper.signatures,
    )


def _demands_reasoning(family: Family, required: bool | None) -> Literal["own", "any", "none"]:
    if required is None or (required and family.demands_reasoning != "none"):
        return family.demands_reasoning
    return "own" if required else "none"


def _lengths(family: Family, temper: Temperament) -> tuple[Mapping[str, Range], frozenset[str]]:
    if temper.length is None:
        return family.lengths, frozenset()
    span = next(iter(family.lengths.values()))
    read = _LENGTHS if temper.length == "both" else (temper.length,)
    return dict.fromkeys(read, span), frozenset(_LENGTHS) - frozenset(read)


def _n(family: Family, temper: Temperament) -> tuple[frozenset[str], frozenset[str], str]:
    n = frozenset({"n"})
    if temper.n is None:
        return family.parameters, family.ignored, family.refuses_n
    if temper.n == "ignored":
        return family.parameters - n, family.ignored | n, ""
    refused = (family.refuses_n or _REFUSED_N) if temper.n == "refused" else ""
    return family.parameters | n, family.ignored - n, refused


def _parts(family: Family, temper: Temperament) -> frozenset[str]:
    parts = family.parts | ({"text"} if temper.text_parts else frozenset())
    for kind, treatment in (("image_url", temper.images), ("video_url", temper.videos)):
        if treatment is not None:
            parts = parts - {kind} if treatment == "refused" else parts | {kind, "text"}
    return parts


def _formats(family: Family, temper: Temperament) -> frozenset[str]:
    formats = family.formats
    for kind, treatment in (("json_object", temper.json_object), ("json_schema", temper.json_schema)):
        if treatment is not None:
            formats = formats - {kind} if treatment == "refused" else formats | {kind}
    return formats


def _refuses_forced(family: Family, treatment: Treatment | None) -> str:
    if treatment is None:
        return family.refuses_forced
    return (family.refuses_forced or _REFUSED_CHOICE) if treatment == "refused" else ""


def perceived(body: Body, family: Family) -> dict[str, Any]:
    """A request without what this gateway drops or its model ignores.

    Args:
        body: the request's JSON object, as it came.
        family: the model's row, tempered.

    Returns:
        What is left to check and to answer.
    """
    temper = family.temper
    if temper is DOCUMENTED:
        return dict(body)
    seen = {key: value for key, value in body.items() if not _vanishes(key, value, family)}
    if temper.greedy and family.served_by == "ali":
        seen.setdefault("top_p", 0.001)
    seen["messages"] = [_message(one, temper) for one in body["messages"]]
    if temper.forced_choice == "ignored" and seen.get("tool_choice") != "none" and is_thinking(seen, family):
        seen.pop("tool_choice", None)
    return seen


def _vanishes(key: str, value: Any, family: Family) -> bool:
    temper = family.temper
    if temper.unknown == "ignored" and key not in family.accepted:
        return True
    if temper.drops_zeros and value == 0 and not isinstance(value, bool):
        return True
    if key == "response_format" and isinstance(value, Mapping):
        treatments = {"json_object": temper.json_object, "json_schema": temper.json_schema}
        return treatments.get(str(value.get("type"))) == "ignored"
    return key == "stop" and temper.stop == "ignored"


def _message(message: Any, temper: Temperament) -> Any:
    if not isinstance(message, dict):
        return message
    kept = {key: value for key, value in message.items() if not (key == "prefix" and temper.prefix == "ignored")}
    if temper.drops_zeros and kept.get("reasoning_content") == "":
        del kept["reasoning_content"]
    if isinstance(kept.get("content"), list):
        kept["content"] = list(_seen_parts(kept["content"], temper))
    return kept


def _seen_parts(parts: Sequence[Any], temper: Temperament) -> Iterator[Any]:
    treatments = {"image_url": temper.images, "video_url": temper.videos}
    for part in parts:
        if not isinstance(part, Mapping) or treatments.get(str(part.get("type"))) != "ignored":
            yield part


def revealed(said: Answer, body: Body, family: Family) -> Answer:
    """An answer without the reasoning that this gateway does not show."""
    silent = family.thinks and not family.shows_thoughts and not shows_thoughts(body, family)
    hides = silent or family.temper.reasoning_field == "stripped"
    return replace(said, reasoning="") if hides else said


def with_think_tags(said: Answer, family: Family) -> Answer:
    """An answer with its reasoning inside the text, if the gateway tells it so."""
    if not said.reasoning or family.temper.reasoning_field != "think_tags":
        return said
    if family.frames == "google":  # recorded
        return replace(said, text=f"<thought>{said.reasoning}\n</thought>{said.text}", reasoning="")
    # new-api ThinkingToContent
    return replace(said, text=f"<think>\n{said.reasoning}\n</think>\n{said.text}", reasoning="")


def asks_for_usage(body: Body) -> bool:
    """Whether a request asks for usage while streaming."""
    return bool((body.get("stream_options") or {}).get("include_usage"))


def streams_usage(body: Body, family: Family) -> bool:
    """Whether a stream carries usage."""
    wanted = family.temper.stream_usage
    return wanted == "always" or (wanted == "asked" and asks_for_usage(body))
