"""Reading a request as the model sees it: who asked what, what was called since, what came back."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Message = Mapping[str, Any]
_REACT_TOOL = re.compile(r"> Tool Name: (.+)\n\s*Tool Description: ([\s\S]*?)\n\s*Tool Args: (\{.*\})")
_REACT_ACTION = re.compile(r"Action: *(\S+)[ \t]*\nAction Input: *(\{.*\})", re.DOTALL)


@dataclass(frozen=True)
class Offered:
    """A tool on offer."""

    name: str
    description: str
    schema: Mapping[str, Any]
    strict: bool = False


@dataclass(frozen=True)
class Conversation:
    """What a request says.

    Args:
        prompt: the last thing the user asked, embedded schemas taken out.
        instructions: system texts and the last user text, as they are.
        tools: what can be called.
        called: name and arguments of each call since the prompt.
        results: what the tools answered since the prompt.
        reply_format: "react" if calls are to be written as text, else "".
        prefix: the assistant text to continue.
        media: how many parts there are of each type.
        transcript: the text of all messages.
        recalled: earlier reasoning that came back and reached the model.
    """

    prompt: str
    instructions: str
    tools: Sequence[Offered] = ()
    called: Sequence[tuple[str, Mapping[str, Any]]] = ()
    results: Sequence[str] = ()
    reply_format: str = ""
    prefix: str = ""
    media: Mapping[str, int] = field(default_factory=dict)
    transcript: str = ""
    recalled: str = ""


def text_of(message: Message) -> str:
    """The text of a message, whether its content is a string or parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part["text"]) for part in parts if isinstance(part, dict) and part.get("type") == "text")


def read_conversation(body: Mapping[str, Any], recalled: str = "") -> Conversation:
    """Reads a request body, however odd its messages are.

    Args:
        body: the request's JSON object.
        recalled: earlier reasoning that the model can read.

    Returns:
        The conversation from the model's point of view.
    """
    messages = [message for message in body.get("messages") or () if isinstance(message, dict)]
    system = "\n".join(text_of(message) for message in messages if message.get("role") == "system")
    react_tools = [_react_tool(*match.groups()) for match in _REACT_TOOL.finditer(system)]
    asked = max((at for at, message in enumerate(messages) if _asks(message)), default=-1)
    question = text_of(messages[asked]) if asked >= 0 else ""
    since = messages[asked + 1 :]
    last = messages[-1] if messages else {}
    return Conversation(
        prompt=_without_schemas(question),
        instructions=f"{system}\n{question}",
        tools=react_tools or list(_tools(body)),
        called=list(_called(since)),
        results=[text_of(one).removeprefix("Observation: ") for one in since if one.get("role") in ("tool", "user")],
        reply_format="react" if react_tools else "",
        prefix=text_of(last) if last.get("prefix") else "",
        media=_media(messages),
        transcript="\n".join(text_of(message) for message in messages),
        recalled=recalled,
    )


def _asks(message: Message) -> bool:
    return message.get("role") == "user" and not text_of(message).startswith("Observation:")


def _tools(body: Mapping[str, Any]) -> Iterator[Offered]:
    for tool in body.get("tools") or ():
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and "name" in function:
            schema = function.get("parameters") or {}
            yield Offered(function["name"], function.get("description") or "", schema, bool(function.get("strict")))


def _react_tool(name: str, description: str, schema: str) -> Offered:
    return Offered(name.strip(), description, _object(schema))


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _called(since: Sequence[Message]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for message in since:
        for call in message.get("tool_calls") or ():
            yield call["function"]["name"], _object(call["function"]["arguments"])
        if message.get("role") == "assistant" and (action := _REACT_ACTION.search(text_of(message))):
            yield action.group(1), _object(action.group(2))


def _media(messages: Sequence[Message]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for message in messages:
        for part in message["content"] if isinstance(message.get("content"), list) else ():
            kind = str(part.get("type"))
            counted[kind] = counted.get(kind, 0) + 1
    return counted


def embedded_schema(text: str) -> Mapping[str, Any] | None:
    """The last JSON schema of an object that stands in a text, if one does."""
    found = [value for _, value in _objects(text) if "properties" in value or "$defs" in value]
    if not found and "{{" in text:
        return embedded_schema(text.replace("{{", "{").replace("}}", "}"))
    return found[-1] if found else None


def _objects(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
            yield text[at:end], value
        except ValueError:
            end = at + 1
        at = text.find("{", end)


def _without_schemas(text: str) -> str:
    for written, value in list(_objects(text)):
        if "properties" in value or "$defs" in value:
            text = text.replace(written, " ")
    return text
