"""Whether the messages of a body keep to the contract: shapes, pairs of call and answer, reasoning, signatures."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from anyfast_emulator.contract import ROLES, Family
from anyfast_emulator.refusals import RefusedError
from anyfast_emulator.thinking import is_thinking

Message = Mapping[str, Any]
DUMMY_SIGNATURE = "skip_thought_signature_validator"  # ai.google.dev/gemini-api/docs/thought-signatures
_PASS_BACK = "The `reasoning_content` in the thinking mode must be passed back to the API."  # noqa: S105 no password


class Remembers(Protocol):
    """What the emulator knows of its own earlier answers."""

    def reasonings(self, messages: Sequence[Message], index: int) -> frozenset[str]:
        """The reasoning that it gave with this assistant turn; several if it said the same words twice."""


def check_history(body: Mapping[str, Any], family: Family, memory: Remembers) -> None:
    """Refuses messages that break the family's page, or the upstream's rules about turns.

    Args:
        body: the request's JSON object.
        family: the row that the model belongs to.
        memory: the emulator's own earlier answers.

    Raises:
        RefusedError: naming the message.
    """
    messages = body["messages"]
    for index, message in enumerate(messages):
        _check_message(message, f"messages[{index}]", family)
    _check_pairs(messages)
    _check_prefix(messages, family)
    if family.refuses_reasoning and any(message.get("reasoning_content") for message in messages):
        raise RefusedError(family.refuses_reasoning, "messages")
    if is_thinking(body, family):
        if family.demands_reasoning == "own":
            _check_own_reasoning(body, family, memory)
        elif family.demands_reasoning == "any":
            _check_any_reasoning(messages)
    if family.signs_calls:
        _check_signatures(messages)


def _check_message(message: Any, where: str, family: Family) -> None:
    if not isinstance(message, dict):
        raise RefusedError(f"Invalid type for '{where}': expected an object.", "messages")
    role = message.get("role")
    if role not in ROLES:
        raise RefusedError(f"{where}.role: unknown variant `{role}`, expected one of {', '.join(ROLES)}", "messages")
    if "content" not in message:
        raise RefusedError(f"Missing required parameter: '{where}.content'.", "messages")
    # The page wants a string. Upstreams take null beside calls: DeepSeek says "content or tool_calls must be set".
    if not (message["content"] is None and role == "assistant" and message.get("tool_calls")):
        _check_content(message["content"], where, family)
    if role == "tool" and not (isinstance(message.get("tool_call_id"), str) and message["tool_call_id"]):
        raise RefusedError(f"Missing required parameter: '{where}.tool_call_id'.", "messages")
    for key, kind in (("name", str), ("prefix", bool)):
        if not isinstance(message.get(key), kind | None):
            raise RefusedError(f"Invalid type for '{where}.{key}': expected {kind.__name__}.", "messages")
    for number, call in enumerate(_calls(message, where)):
        _check_call(call, f"{where}.tool_calls[{number}]", family)


def _check_content(content: Any, where: str, family: Family) -> None:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise RefusedError(f"Invalid type for '{where}.content': expected a string.", "messages")
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(kind, str) or kind not in (family.parts or {"text"}):
            expected = ", ".join(f"`{one}`" for one in sorted(family.parts)) or "`text`"
            raise RefusedError(f"{where}: unknown variant `{kind}`, expected {expected}", "messages")
        if not _PARTS[kind](part):
            raise RefusedError(f"Invalid '{where}.content': the {kind} part is malformed.", "messages")
    if not family.parts:  # Anyfast deepseek-v4-pro page: `content: string`
        raise RefusedError(f"{where}.content: invalid type: sequence, expected a string", "messages")


_PLACES = ("https://", "http://", "data:", "asset://", "gs://")
"""A gateway cannot read a path or a `file:` URL of its caller."""


def _has_url(key: str) -> Callable[[Message], bool]:
    # Anyfast qwen3.6-flash and Doubao endpoint pages: {url}, with detail or fps beside it
    def check(part: Message) -> bool:
        inner = part.get(key)
        url = inner.get("url") if isinstance(inner, dict) else None
        return isinstance(url, str) and url.startswith(_PLACES)

    return check


def _has_object(key: str, *fields: str) -> Callable[[Message], bool]:
    def check(part: Message) -> bool:
        inner = part.get(key)
        return isinstance(inner, dict) and all(isinstance(inner.get(one), str) for one in fields)

    return check


_PARTS: Mapping[str, Callable[[Message], bool]] = {
    "text": lambda part: isinstance(part.get("text"), str),
    "image_url": _has_url("image_url"),
    "video_url": _has_url("video_url"),
    "input_audio": _has_object("input_audio", "data", "format"),
    "file": _has_object("file"),
}


def _calls(message: Message, where: str) -> Sequence[Any]:
    calls = message.get("tool_calls")
    if calls is None:
        return ()
    if not isinstance(calls, list) or not calls or message["role"] != "assistant":
        raise RefusedError(f"Invalid '{where}.tool_calls': expected an array on an assistant turn.", "messages")
    return calls


def _check_call(call: Any, where: str, family: Family) -> None:
    function = call.get("function") if isinstance(call, dict) and call.get("type") == "function" else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise RefusedError(f"Invalid '{where}': expected a function.", "messages")
    if not isinstance(call.get("id"), str) or not call["id"]:
        raise RefusedError(f"Missing required parameter: '{where}.id'.", "messages")
    if not isinstance(function.get("arguments"), str):
        raise RefusedError(f"Invalid type for '{where}.function.arguments': expected a string.", "messages")
    if family.accent == "gemini" and not _is_object(function["arguments"]):  # new-api relayconvert: a Go map or nothing
        words = f"{where}.function.arguments: not a JSON object"
        raise RefusedError(words, status=500, code="convert_request_failed", by_gateway=True)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _check_pairs(messages: Sequence[Message]) -> None:
    """OpenAI's rule, which every upstream keeps: a call is answered at once, an answer follows its call."""
    waiting: list[str] = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                words = f"messages[{index}]: messages with role 'tool' must be a response to a preceding 'tool_calls'."
                raise RefusedError(words, "messages")
            waiting.remove(message["tool_call_id"])
            continue
        _check_answered(waiting)
        waiting = [call["id"] for call in message.get("tool_calls") or ()]
    _check_answered(waiting)


def _check_answered(waiting: Sequence[str]) -> None:
    if waiting:
        words = "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
        raise RefusedError(f"{words}'tool_call_id'. Missing: {', '.join(waiting)}", "messages")


def _check_prefix(messages: Sequence[Message], family: Family) -> None:
    for index, message in enumerate(messages):
        if message.get("prefix") and family.temper.prefix == "refused":
            raise RefusedError(f"messages[{index}].prefix: unknown field `prefix`", "messages")
        last = index == len(messages) - 1
        if message.get("prefix") and not (last and message["role"] == "assistant"):
            raise RefusedError(f"messages[{index}].prefix: only the last, an assistant turn, can be one", "messages")


def _check_own_reasoning(body: Mapping[str, Any], family: Family, memory: Remembers) -> None:
    """DeepSeek thinking_mode guide: with tools in play, every assistant turn brings its reasoning back."""
    messages = body["messages"]
    turns = {at: one for at, one in enumerate(messages) if one["role"] == "assistant" and not one.get("prefix")}
    if not body.get("tools") and not any(turn.get("tool_calls") for turn in turns.values()):
        return
    for index, turn in turns.items():
        reasoning = turn.get("reasoning_content")
        if not isinstance(reasoning, str) or (not reasoning.strip() and reasoning not in family.temper.placeholders):
            raise RefusedError(_PASS_BACK, "messages")
        given = memory.reasonings(messages, index)
        if given and "" not in given and reasoning not in given:
            raise RefusedError(f"{_PASS_BACK} It was changed on the way.", "messages")


def _check_any_reasoning(messages: Sequence[Message]) -> None:
    for index, message in enumerate(messages):
        if message.get("tool_calls") and not message.get("reasoning_content"):
            words = "thinking is enabled but reasoning_content is missing in assistant tool call message at index"
            raise RefusedError(f"{words} {index}", "messages")


def _check_signatures(messages: Sequence[Message]) -> None:
    for index, message in enumerate(messages):
        calls = message.get("tool_calls") or ()
        # Only the first call of a parallel group carries one.
        if calls and not signature_of(calls[0]):
            words = "Function call is missing a thought_signature in functionCall parts. Position"
            raise RefusedError(f"{words} {index}, function call `{calls[0]['function']['name']}`.", "messages")


def signature_of(call: Message) -> str:
    """The thought signature that a call carries, or ""."""
    found: Any = call
    for key in ("extra_content", "google", "thought_signature"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""
