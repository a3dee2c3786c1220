"""LangChain's messages → the wire, and the wire's answers → LangChain's messages."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk

from anyfast_transport.errors import UnsupportedParameterError
from anyfast_transport.types import (
    ASKED_ABOUT,
    CALL_EXTRAS,
    MESSAGE_EXTRA,
    Choice,
    Completion,
    Delta,
    Message,
    ToolCall,
    in_order,
    wire_call,
)
from anyfast_transport.usage import usage_of
from langchain_anyfast.content_parts import wire_content, wire_part

REASONING = "reasoning_content"
JSON = dict[str, Any]


def encode_messages(messages: Sequence[BaseMessage]) -> list[Message]:
    """Spells a conversation in the wire's shape; what a family makes of it is decided later.

    Args:
        messages: The conversation; not changed.

    Returns:
        One wire message for each; Anthropic's tool results, which stand in a message of the user, become messages.
    """
    encoded: list[Message] = []
    for message in messages:
        if not isinstance(message.content, str):
            encoded.extend(_results_in(message))
        if wire := _encoded(message):
            encoded.append(wire)
    return encoded


def _results_in(message: BaseMessage) -> list[Message]:
    """The tool results among the blocks of a message, which is where Anthropic's histories have them."""
    return [
        {
            "role": "tool",
            "tool_call_id": str(block.get("tool_use_id") or ""),
            "content": wire_content(block.get("content") or "", of_tool=True),
        }
        for block in _blocks(message, "tool_result")
    ]


def _blocks(message: BaseMessage, *kinds: str) -> list[JSON]:
    content = message.content
    if not isinstance(content, list):
        return []
    return [block for block in content if isinstance(block, dict) and block.get("type") in kinds]


def _encoded(message: BaseMessage) -> Message | None:
    """A message as a whole; None for one that held nothing but tool results."""
    content: Any = message.content
    if not isinstance(content, str):
        of_tool = isinstance(message, (ToolMessage, FunctionMessage))
        content = wire_content(_carried(content) if isinstance(message, AIMessage) else content, of_tool=of_tool)
        if not content and _blocks(message, "tool_result"):
            return None
    wire: JSON = {"role": _role(message), "content": content}
    if message.name:
        wire["name"] = message.name
    if isinstance(message, AIMessage):
        wire |= _assistant(message, content)
    elif isinstance(message, ToolMessage):
        wire["tool_call_id"] = message.tool_call_id
    elif isinstance(message, FunctionMessage):
        wire["tool_call_id"] = message.additional_kwargs.get("tool_call_id") or message.name
    return cast("Message", wire)


_ROLES: Mapping[type[BaseMessage], str] = {
    HumanMessage: "user",
    AIMessage: "assistant",
    SystemMessage: "system",
    ToolMessage: "tool",
    FunctionMessage: "function",
}


def _role(message: BaseMessage) -> str:
    if role := _ROLES.get(type(message)):
        return role
    if isinstance(message, ChatMessage):
        return message.role
    role = next((role for kind, role in _ROLES.items() if isinstance(message, kind)), None)
    if role is None:
        raise UnsupportedParameterError(f"No role is known for a {type(message).__name__}.", parameter="messages")
    return role


def _assistant(message: AIMessage, content: Any) -> JSON:
    """The fields that only an assistant turn has."""
    more: JSON = {}
    if isinstance(content, list):
        more["content"] = "".join(_as_text(part) for part in content)
    if reasoning := _reasoning_of(message):
        more[REASONING] = reasoning
    if calls := _calls(message):
        more["tool_calls"] = calls
    for key in ("prefix", MESSAGE_EXTRA, ASKED_ABOUT):
        if message.additional_kwargs.get(key):
            more[key] = message.additional_kwargs[key]
    return more


def _as_text(part: Mapping[str, Any]) -> str:
    """A part of an assistant turn as text: the gateway reads images there as markdown (new-api)."""
    if part.get("type") == "image_url":
        return f"![image]({part['image_url']['url']})"
    return str(part.get("text") or "")


def _calls(message: AIMessage) -> list[JSON]:
    """The calls of a turn: where LangChain keeps them, or else where a message made by hand may have them."""
    extras = message.additional_kwargs.get(CALL_EXTRAS) or {}
    kept = [*message.tool_calls, *message.invalid_tool_calls]
    if kept:
        return [wire_call(c["id"], c["name"] or "", c["args"] or "", extras.get(c["id"])) for c in kept]
    calls = [
        wire_call(block.get("call_id") or block.get("id"), str(block["name"]), _arguments_of(block))
        for block in _blocks(message, "tool_use", "tool_call", "function_call")
        if block.get("name")
    ]
    function = message.additional_kwargs.get("function_call")
    if function and not calls:
        # OpenAI's functions had no ids, and their results have the name in its place.
        calls = [wire_call(function.get("name"), function.get("name") or "", _arguments_of(function))]
    return calls


def _arguments_of(block: Mapping[str, Any]) -> Any:
    return block.get("input") or block.get("args") or block.get("arguments") or {}


def _reasoning_of(message: AIMessage) -> str:
    reasoning = message.additional_kwargs.get(REASONING)
    if isinstance(reasoning, str) and reasoning:
        return reasoning
    if isinstance(message.content, str):
        return ""
    return "".join(
        str(block.get("reasoning") or block.get("thinking") or _summary(block))
        for block in _blocks(message, "reasoning", "thinking")
    )


def _summary(block: Mapping[str, Any]) -> str:
    """OpenAI's reasoning, of which it gives summaries alone."""
    summary = block.get("summary")
    pieces = summary if isinstance(summary, list) else []
    return "".join(str(piece.get("text") or "") for piece in pieces if isinstance(piece, dict))


def _carried(content: list[Any]) -> list[Any]:
    """The content of a turn, with a word in place of media that its model kept (file ids), which nobody else has."""
    return [_or_left_out(block) for block in content]


def _or_left_out(block: Any) -> Any:
    try:
        wire_part(block)
    except UnsupportedParameterError:
        return f"[{block.get('type')} left out]"
    return block


def usage_metadata(raw: Mapping[str, Any] | None) -> UsageMetadata | None:
    """Usage under LangChain's names.

    Args:
        raw: The gateway's usage object.

    Returns:
        The counts; details that were not given are left out, which is not 0.
    """
    usage = usage_of(raw)
    if usage is None:
        return None
    metadata = UsageMetadata(input_tokens=usage.input, output_tokens=usage.output, total_tokens=usage.total)
    if usage.cached is not None:
        metadata["input_token_details"] = InputTokenDetails(cache_read=usage.cached)
    # LangChain's type names audio and reasoning, and lets others be there.
    details = known(reasoning=usage.reasoning, image=usage.images)
    if details:
        metadata["output_token_details"] = cast("OutputTokenDetails", details)
    return metadata


def response_metadata(completion: Completion, choice: Choice) -> JSON:
    """What else is known about an answer, raw usage included."""
    metadata = completion.metadata(choice)
    if completion.usage:
        metadata["token_usage"] = completion.usage
    return metadata


def known(**values: Any) -> JSON:
    """Those of the values that are known."""
    return {name: value for name, value in values.items() if value is not None}


def generation_info(choice: Choice) -> JSON:
    """What LangChain's own classes tell of an answer beside its message."""
    return known(finish_reason=choice.finish_reason, logprobs=choice.logprobs)


def additional_kwargs(choice: Choice) -> JSON:
    """The reasoning of an answer, and what else is no part of its content."""
    return {**({REASONING: choice.reasoning} if choice.reasoning else {}), **choice.kept()}


def _message_content(choice: Choice) -> str | list[str | JSON]:
    """Text, which is a str unless the model made images."""
    if not choice.images:
        return choice.text
    parts = in_order(choice.text, choice.images, choice.image_places)
    return [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]


def _chunk_content(delta: Delta) -> str | list[str | JSON]:
    """The same of a piece; its blocks have indexes, by which LangChain adds them up, once there was an image."""
    if not (delta.images or delta.images_before):
        return delta.text
    blocks: list[str | JSON] = []
    images = delta.images_before
    for part in in_order(delta.text, delta.images, delta.image_places):
        if not isinstance(part, str):
            blocks.append({**part, "index": f"lc_img_{images}"})
            images += 1
        else:
            blocks.append({"type": "text", "text": part, "index": f"lc_txt_{images}"})
    return blocks


def decode_message(completion: Completion, choice: Choice) -> AIMessage:
    """One answer as LangChain's message.

    Args:
        completion: The whole completion.
        choice: Which of its answers. Usage goes onto the first alone, so that it is counted once.

    Returns:
        The message, without an id: LangChain gives it one of its own. Servers reuse theirs, and LangGraph replaces
        messages of one id (ogx-ai/ogx#2315).
    """
    first = choice is completion.choices[0]
    return AIMessage(
        content=_message_content(choice),
        additional_kwargs=additional_kwargs(choice),
        tool_calls=[tool_call(name=c.name, args=c.parsed(), id=c.id) for c in choice.tool_calls if not c.error],
        invalid_tool_calls=[
            invalid_tool_call(name=c.name, args=c.arguments, id=c.id, error=c.error)
            for c in choice.tool_calls
            if c.error
        ],
        response_metadata=response_metadata(completion, choice),
        usage_metadata=usage_metadata(completion.usage) if first else None,
    )


def decode_delta(delta: Delta) -> AIMessageChunk:
    """One piece of a stream as LangChain's chunk.

    Args:
        delta: The piece.

    Returns:
        A chunk that adds up with the others; what is said once (usage, metadata) is in `last_chunk`.
    """
    chunks = [tool_call_chunk(name=f.name, args=f.arguments, id=f.id, index=f.position) for f in delta.fragments]
    return AIMessageChunk(
        content=_chunk_content(delta),
        additional_kwargs={REASONING: delta.reasoning} if delta.reasoning else {},
        response_metadata={"model_provider": "anyfast"},
        **({"tool_call_chunks": chunks} if chunks else {}),
    )


def last_chunk(completion: Completion) -> AIMessageChunk:
    """The end of a stream: everything that is said once.

    Args:
        completion: The whole completion.

    Returns:
        A chunk without text.
    """
    choice = completion.choice
    return AIMessageChunk(
        content="",
        additional_kwargs=choice.kept(),
        tool_call_chunks=[
            tool_call_chunk(name=None, args=spoiler(call), id=None, index=at)
            for at, call in enumerate(choice.tool_calls)
            if call.error
        ],
        response_metadata=response_metadata(completion, choice),
        usage_metadata=usage_metadata(completion.usage),
        chunk_position="last",
    )


def spoiler(call: ToolCall) -> str:
    """What makes LangChain see that a streamed call must not be executed.

    LangChain completes cut arguments to some object (`parse_partial_json`), and would run the tool with it. Its parser
    gives up on a bracket that closes what was never opened, so the last fragment of such a call is one.

    Args:
        call: A call with an `error`.

    Returns:
        Characters to be appended to its arguments.
    """
    in_string = escaped = False
    open_brackets: list[str] = []
    for char in call.arguments:
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in "{[":
            open_brackets.append("}" if char == "{" else "]")
        elif char in "}]" and open_brackets:
            open_brackets.pop()
    wrong = "}" if open_brackets[-1:] == ["]"] else "]"
    close = ('\\"' if escaped else '"') if in_string else ""
    return close + wrong
