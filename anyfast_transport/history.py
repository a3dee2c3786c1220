"""What must go back on each assistant turn, and in what form a conversation is sent. Pure: nobody's list is changed.

DeepSeek answers 400 to a tool loop whose assistant turns have lost their reasoning
(https://api-docs.deepseek.com/guides/thinking_mode); Gemini 3 to a call that has lost its thought signature
(https://ai.google.dev/gemini-api/docs/thought-signatures). Which turns carry what is in the family's row.
"""

from collections.abc import Sequence
from typing import Any, Literal, cast

from anyfast_transport.errors import UnsupportedParameterError
from anyfast_transport.families import Family
from anyfast_transport.wire import Message

Replay = Literal["auto", "always", "never"]

ROLES = {
    "developer": "system",
    "function": "tool",
    "model": "assistant",
    "chatbot": "assistant",
    "human": "user",
    "ai": "assistant",
}
"""Roles of other dialects → the four that the gateway's pages know."""


def prepared(
    messages: Sequence[Message], family: Family, *, model: str, thinking: bool, replay: Replay = "auto"
) -> list[Message]:
    """Spells a conversation for one family.

    Args:
        messages: The conversation; assistant turns hold the reasoning they came with, wherever it goes.
        family: Whose rules hold.
        model: The model, for messages to the reader.
        thinking: Whether the model will think.
        replay: The user's own rule for reasoning; `"auto"` is the family's.

    Returns:
        New messages where something changes, the same objects elsewhere.

    Raises:
        UnsupportedParameterError: A content part, or a prefix, that the family does not take.
    """
    loop_starts = _after_last_user(messages)
    result = []
    for at, message in enumerate(messages):
        message = _common(message, family, model)  # each step hands on its copy
        if message["role"] == "assistant":
            _check_prefix(message, family, model, last=at == len(messages) - 1)
            message = _with_reasoning(  # as above
                message, family, thinking=thinking, replay=replay, in_loop=at >= loop_starts
            )
            message = _with_signatures(message, family)  # as above
        result.append(message)
    return result


def _after_last_user(messages: Sequence[Message]) -> int:
    return next((at for at in range(len(messages) - 1, -1, -1) if messages[at].get("role") == "user"), -1)


def _common(message: Message, family: Family, model: str) -> Message:
    changed = dict(message)
    role = str(message.get("role"))
    changed["role"] = role = ROLES.get(role, role)
    changed["content"] = _content(message.get("content"), role, family, model)
    if role == "tool" or not family.takes_names:
        # A tool message is told by its tool_call_id; LangChain names it too, LlamaIndex does not.
        changed.pop("name", None)
    return cast("Message", changed)


def _content(content: Any, role: str, family: Family, model: str) -> Any:
    """Content as the family takes it: never null, and a string where parts are not known."""
    if content is None:
        return ""
    if not isinstance(content, list):
        return content
    types = [part.get("type") for part in content]
    if family.parts is not None:
        for kind in types:
            if kind not in family.parts:
                raise _no_part(str(kind), family, model)
    if all(kind == "text" for kind in types) and (family.flattens_text or role != "user"):
        # The parts of one answer belong together; those of a question are paragraphs.
        return ("" if role == "assistant" else "\n").join(part["text"] for part in content)
    return content


def _no_part(kind: str, family: Family, model: str) -> UnsupportedParameterError:
    takes = ", ".join(sorted(family.parts or ()))
    return UnsupportedParameterError(
        f"{model} ({family.name}) takes no {kind} parts in a message, only: {takes}. "
        "Ask a model that does, such as qwen3.6-flash or a Gemini.",
        parameter=kind,
        model=model,
    )


def _check_prefix(message: Message, family: Family, model: str, *, last: bool) -> None:
    if not message.get("prefix"):
        message.pop("prefix", None)
        return
    if not family.takes_prefix:
        raise UnsupportedParameterError(
            f"{model} ({family.name}) has no prefix completion; DeepSeek has.", parameter="prefix", model=model
        )
    if not last:
        raise UnsupportedParameterError(
            "Only the last message can be a prefix to be continued.", parameter="prefix", model=model
        )


def _with_reasoning(message: Message, family: Family, *, thinking: bool, replay: Replay, in_loop: bool) -> Message:
    reasoning = message.pop("reasoning_content", "") or ""
    if replay == "never" or message.get("prefix"):
        return message
    if replay == "auto":
        by_rule = {"always": True, "tool_loop": in_loop, "never": False}[family.reasoning_replay]
        if not (thinking and by_rule):
            return message
    if not reasoning and thinking:
        needs_one = family.placeholder_on == "all" or message.get("tool_calls")
        reasoning = (family.reasoning_placeholder or "") if needs_one else ""
    if reasoning:
        message["reasoning_content"] = reasoning
    return message


def _with_signatures(message: Message, family: Family) -> Message:
    """Gives Gemini the signature it asks for on calls that it did not make; only the first of a turn needs one."""
    calls = message.get("tool_calls")
    if not calls:
        message.pop("tool_calls", None)
        return message
    if family.signature_placeholder and not any(call.get("extra_content") for call in calls):
        signature = {"google": {"thought_signature": family.signature_placeholder}}
        message["tool_calls"] = [{**calls[0], "extra_content": signature}, *calls[1:]]
    return message


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
