"""What must go back on each assistant turn, and in what form a conversation is sent. Pure: nobody's list is changed.

DeepSeek answers 400 to a tool loop whose assistant turns have lost their reasoning
(https://api-docs.deepseek.com/guides/thinking_mode); Gemini 3 to a call that has lost its thought signature
(https://ai.google.dev/gemini-api/docs/thought-signatures). Which turns carry what is in the family's row.

What a conversation drags along (another model's turns, an old checkpoint, a message made by hand) is repaired where an
upstream would refuse it, and nowhere else. `note` hears of it.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from anyfast_transport.errors import UnsupportedParameterError
from anyfast_transport.families.table import Family
from anyfast_transport.request.changes import Note, ignore
from anyfast_transport.request.content_parts import taken_content, with_media_lifted
from anyfast_transport.request.names import is_taken, wire_name
from anyfast_transport.request.tool_results import paired
from anyfast_transport.types import ASKED_ABOUT, Message, as_parts, text_of

Replay = Literal["auto", "always", "never"]

ROLES = {
    "developer": "system",
    "function": "tool",
    "model": "assistant",
    "chatbot": "assistant",
    "bot": "assistant",
    "human": "user",
    "ai": "assistant",
}
"""Roles of other dialects → the four that the gateway's pages know. Any other is the user's."""

_ASSISTANTS = frozenset({"tool_calls", "reasoning_content", "prefix"})
_FOREIGN = {
    "system": _ASSISTANTS | {"tool_call_id"},
    "user": _ASSISTANTS | {"tool_call_id"},
    "assistant": frozenset({"tool_call_id"}),
    "tool": _ASSISTANTS,
}
"""Each of the four roles → the fields that belong to another."""


def prepared(
    messages: Sequence[Message],
    family: Family,
    *,
    model: str,
    thinking: bool,
    replay: Replay = "auto",
    note: Note = ignore,
    warn: Note = ignore,
) -> list[Message]:
    """Spells a conversation for one family, and repairs what would be refused.

    Args:
        messages: The conversation; assistant turns hold the reasoning they came with, wherever it goes.
        family: Whose rules hold.
        model: The model, for messages to the reader.
        thinking: Whether the model will think.
        replay: The user's own rule for reasoning; `"auto"` is the family's.
        note: Hears of each repair. What every conversation of this family goes through (reasoning left out by its
            rule, content as a string) is none.
        warn: Hears of what the model does not get to see.

    Returns:
        A new list. A conversation that was prepared stays as it is.

    Raises:
        UnsupportedParameterError: A content part of the question, or a prefix, that the family does not take.
    """
    messages = paired(_without_asked_about([_with_known_role(message, note) for message in messages]), family, note)
    messages = with_media_lifted(messages, family, model=model, note=note, warn=warn)
    if family.system_first:
        messages = system_first(messages, note)
    answered, loop_starts = _last(messages, _is_answer), _question_of_the_loop(messages)
    result = []
    for at, message in enumerate(messages):
        # Every message is a copy of ours since its role was looked at, so each step changes it in place.
        message["content"] = taken_content(message, family, model=model, earlier=at < answered, note=note)
        message = _with_name(message, family, note)
        if message["role"] == "assistant":
            message = _with_prefix(message, family, model, last=at == len(messages) - 1, note=note)
            message = _with_reasoning(
                message, family, thinking=thinking, replay=replay, in_loop=at >= loop_starts, note=note
            )
            message = _with_signatures(message, family, note)
        if message["role"] == "assistant" and _says_nothing(message):
            note("assistant turn that says nothing: left out")
        else:
            result.append(message)
    return result


def _with_known_role(message: Message, note: Note) -> Message:
    """A message under one of the four roles, without the fields that belong to another."""
    role = message.get("role")
    if role not in _FOREIGN:
        role = ROLES.get(said := str(role).lower(), said)
        if role not in _FOREIGN:
            note(f"unknown role {role[:20]!r}: now user")
            role = "user"
    if _FOREIGN[role].isdisjoint(message):
        return cast("Message", {**message, "role": role})
    kept = {key: value for key, value in message.items() if key not in _FOREIGN[role]}
    return cast("Message", {**kept, "role": role})


def _without_asked_about(messages: Sequence[Message]) -> list[Message]:
    """Leaves out what was shown of answers that were asked about, and what a framework said to their calls."""
    kept, calls = [], frozenset[str]()
    for message in messages:
        if message["role"] == "assistant":
            calls = _leave_out(message, cast("dict[str, Any]", message).pop(ASKED_ABOUT, None))
        if message["role"] != "tool" or message.get("tool_call_id") not in calls:
            kept.append(message)
    return kept


def _leave_out(turn: Message, told: Any) -> frozenset[str]:
    """Makes a turn what came in the end, byte for byte; the ids of the calls that it has no more."""
    if not isinstance(told, Mapping):
        return frozenset()
    calls = frozenset(map(str, told.get("calls") or ()))
    if isinstance(said := turn.get("content"), str):
        turn["content"] = said[int(told.get("text") or 0) :]
    if thought := turn.get("reasoning_content"):
        turn["reasoning_content"] = thought[int(told.get("reasoning") or 0) :]
    turn["tool_calls"] = [call for call in turn.get("tool_calls") or () if call.get("id") not in calls]
    return calls


def _question_of_the_loop(messages: Sequence[Message]) -> int:
    """Where the tool loop began that may go on; -1 if no question began it.

    What the user says right behind a tool's result (its media, or a word thrown in) belongs to the loop.
    """
    behind = zip([None, *messages], messages, strict=False)
    asked = [at for at, (before, one) in enumerate(behind) if one["role"] == "user" and not _is_result(before)]
    return asked[-1] if asked else -1


def _is_result(message: Message | None) -> bool:
    return message is not None and message["role"] == "tool"


def _is_answer(message: Message) -> bool:
    return message["role"] == "assistant" and not message.get("tool_calls") and not message.get("prefix")


def _last(messages: Sequence[Message], wanted: Any) -> int:
    return next((at for at in range(len(messages) - 1, -1, -1) if wanted(messages[at])), -1)


def _with_name(message: Message, family: Family, note: Note) -> Message:
    if message["role"] == "tool" or not family.takes_names or not message.get("name"):
        # A tool message is told by its tool_call_id; LangChain names it too, LlamaIndex does not.
        message.pop("name", None)
    elif not is_taken(name := str(message["name"])):
        note("participant's name that the wire does not take: spelled otherwise")
        message["name"] = wire_name(name)
    return message


def _with_prefix(message: Message, family: Family, model: str, *, last: bool, note: Note) -> Message:
    if not message.get("prefix"):
        message.pop("prefix", None)
    elif not last:
        note("prefix of an earlier turn: an ordinary turn now")
        del message["prefix"]
    elif not family.takes_prefix:
        raise UnsupportedParameterError(
            f"{model} ({family.name}) has no prefix completion; DeepSeek has.", parameter="prefix", model=model
        )
    return message


def _with_reasoning(
    message: Message, family: Family, *, thinking: bool, replay: Replay, in_loop: bool, note: Note
) -> Message:
    reasoning = message.pop("reasoning_content", "") or ""
    if replay == "never" or message.get("prefix") or not (message["content"] or message.get("tool_calls") or reasoning):
        return message
    if replay == "auto":
        by_rule = {"always": True, "tool_loop": in_loop, "never": False}[family.reasoning_replay]
        if not (thinking and by_rule):
            return message
    wanted = thinking and (family.placeholder_on == "all" or message.get("tool_calls"))
    if reasoning:
        message["reasoning_content"] = reasoning
    elif wanted and family.reasoning_placeholder is not None:
        note("assistant turn without reasoning: a placeholder stands in")
        message["reasoning_content"] = family.reasoning_placeholder
    return message


def _with_signatures(message: Message, family: Family, note: Note) -> Message:
    """Gives Gemini the signature it asks for on calls that it did not make; only the first of a turn needs one."""
    calls = message.get("tool_calls")
    if not family.keeps_gemini_turns:
        message.pop("extra_content", None)  # type: ignore[typeddict-item]  # Gemini's own field
    if not calls:
        message.pop("tool_calls", None)
    elif not family.keeps_gemini_turns:
        if any("extra_content" in call for call in calls):
            message["tool_calls"] = [{key: call[key] for key in call if key != "extra_content"} for call in calls]
    elif family.signature_placeholder and not calls[0].get("extra_content"):
        signature = {"google": {"thought_signature": family.signature_placeholder}}
        message["tool_calls"] = [{**calls[0], "extra_content": signature}, *calls[1:]]
        note("tool call of another model: a placeholder stands in for its thought signature")
    return message


def _says_nothing(turn: Message) -> bool:
    """Whether it is a turn that Kimi, Gemini and Anthropic refuse: "must not be empty" (kimi-code#1985)."""
    get = turn.get
    return not (get("content") or get("tool_calls") or get("reasoning_content") or get("prefix"))


def system_first(messages: Sequence[Message], note: Note = ignore) -> list[Message]:
    """Leaves one system message, at the beginning; later ones become messages of the user.

    They stay in their place: moved to the beginning, each new one would empty the upstream's prompt cache.

    Args:
        messages: The conversation, in the wire's four roles.
        note: Hears of each repair.

    Returns:
        A new list.
    """
    leading = list(itertools.takewhile(lambda message: message["role"] == "system", messages))
    result = leading[:1]
    if len(leading) > 1:
        note("several system messages: joined into one")
        texts = [text_of(as_parts(message.get("content"))) for message in leading]
        result = [cast("Message", {**leading[0], "content": "\n\n".join(filter(None, texts))})]
    for message in messages[len(leading) :]:
        if message["role"] == "system":
            note("system message not at the beginning: now a user message")
            message = cast("Message", {**message, "role": "user"})  # a copy goes on
        result.append(message)
    return result


def alternating(messages: Sequence[Message]) -> list[Message]:
    """Joins messages of the user, and turns of the assistant without calls, that follow each other.

    No family of today needs it: that a model does is learned from its refusal.

    Args:
        messages: The conversation, in the wire's four roles.

    Returns:
        A new list.
    """
    result: list[Message] = []
    for message in messages:
        before = result[-1] if result else None
        mergeable = message["role"] in {"user", "assistant"} and not message.get("tool_calls")
        if before and mergeable and before["role"] == message["role"] and not before.get("tool_calls"):
            result[-1] = cast("Message", {**before, **message, "content": _both(before, message)})
        else:
            result.append(message)
    return result


def _both(first: Message, second: Message) -> Any:
    contents = [first.get("content"), second.get("content")]
    if all(isinstance(content, str) for content in contents):
        return "\n\n".join(filter(None, contents))
    return [part for content in contents for part in as_parts(content)]


def with_instruction(messages: Sequence[Message], instruction: str) -> list[Message]:
    """Adds a line to the system message, or puts one first.

    Args:
        messages: The conversation; not changed.
        instruction: What the model should know.

    Returns:
        A new list.
    """
    first = messages[0] if messages else None
    if first and first.get("role") in {"system", "developer"} and isinstance(first.get("content"), str):
        text = f"{first['content']}\n\n{instruction}".lstrip()
        return [cast("Message", {**first, "content": text}), *messages[1:]]
    return [{"role": "system", "content": instruction}, *messages]
