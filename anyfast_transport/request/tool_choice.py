"""Forced tool choices as the wire spells them, and the words that ask for a call where they are refused. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from anyfast_transport.errors import UnsupportedParameterError
from anyfast_transport.request.names import wire_name

JSON = dict[str, Any]


JSON_ALONE = "Answer with one JSON object and nothing else."
"""What asks for JSON where there is no JSON mode."""


def call_instruction(name: str | None) -> str:
    """The words that ask for a call where it cannot be forced.

    Args:
        name: The tool; None for any of those offered.

    Returns:
        A line for the system message.
    """
    which = f"the tool `{name}`" if name else "one of the tools"
    return f"You must call {which}. Do not answer in text."


def wire_tool_choice(choice: Any, tools: Sequence[Mapping[str, Any]], *, model: str | None = None) -> Any:
    """Spells a tool choice.

    Args:
        choice: None, a bool, `"auto"`, `"none"`, `"any"`, `"required"`, a tool's name, or OpenAI's object.
        tools: The tools offered, in OpenAI's shape.
        model: For the message to the reader.

    Returns:
        `"none"`, `"required"` or OpenAI's object; None for auto, which is what the gateway does unasked.

    Raises:
        UnsupportedParameterError: A name that no tool has.
    """
    if choice in (None, False, "auto"):
        return None
    if choice in (True, "any", "required"):
        return "required"
    if choice == "none":
        return "none"
    name = choice.get("function", choice).get("name") if isinstance(choice, Mapping) else choice
    names = [tool.get("function", tool).get("name") for tool in tools]
    if name not in names:
        raise UnsupportedParameterError(
            f"tool_choice names {name!r}, which is none of the tools: {', '.join(map(str, names))}.",
            parameter="tool_choice",
            model=model,
        )
    return {"type": "function", "function": {"name": wire_name(str(name))}}
