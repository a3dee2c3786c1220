"""Which way to structured output works for a family, thinking or not, and how its answer is read. Pure.

Thinking models refuse a forced tool choice, and most of the gateway's pages know no JSON schema; so the way is chosen
by the row, and never sent to be refused.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from anyfast_transport.families.table import Family
from anyfast_transport.request.names import wire_name

Method = Literal["auto", "function_calling", "json_mode", "json_schema"]
AnyMethod = Literal["auto", "function_calling", "json_mode", "json_schema", "text", "prompt"]
"""Those that users name, and two that stand for what LlamaIndex's users set: text: no tools, JSON mode where there is
one. prompt: only the prompt."""

OutputMode = Literal["forced_tool", "asked_tool", "json_mode", "json_schema", "prompt"]
"""forced_tool: `tool_choice` names the tool. asked_tool: the prompt asks for the call. json_mode: `json_object` with
the schema in the prompt. json_schema: the gateway's own. prompt: only the prompt asks for JSON."""


@dataclass(frozen=True, slots=True)
class Structure:
    """An object that a call asks for.

    Attributes:
        name: Name of the object, and of the tool that stands for it.
        schema: Its JSON schema, without its title and description.
        description: What it is, or "".
        method: What was asked for.
        strict: Whether the schema binds the model, where the upstream knows that; None leaves it out.
    """

    name: str
    schema: Mapping[str, Any]
    description: str = ""
    method: AnyMethod = "auto"
    strict: bool | None = None

    @property
    def described(self) -> dict[str, Any]:
        """The schema with its description."""
        return {**({"description": self.description} if self.description else {}), **self.schema}

    def tool(self) -> dict[str, Any]:
        """The tool whose arguments are the object."""
        function = {"name": self.name, "description": self.description, "parameters": self.schema}
        return {"type": "function", "function": {**function, **self._strict()}}

    def response_format(self) -> dict[str, Any]:
        """The response format of the object."""
        said = {"name": wire_name(self.name), "schema": self.described, **self._strict()}
        return {"type": "json_schema", "json_schema": said}

    def _strict(self) -> dict[str, Any]:
        return {} if self.strict is None else {"strict": self.strict}


def output_mode_for(family: Family, *, thinking: bool, method: AnyMethod = "auto") -> tuple[OutputMode, str | None]:
    """Chooses how to ask for an object.

    Args:
        family: The model's row.
        thinking: Whether it will think.
        method: What was asked for; `"auto"` leaves the choice to the row.

    Returns:
        The way, and a sentence for the user if an explicit method had to be lowered.
    """
    can_force = family.takes_tools and (family.forces_tools_while_thinking or not thinking)
    json_works = json_mode_works(family, thinking=thinking)
    if method in ("text", "prompt"):
        return "json_mode" if json_works and method == "text" else "prompt", None
    if method == "json_schema" and family.json_schema:
        return "json_schema", None
    if method in ("auto", "function_calling") and can_force:
        return "forced_tool", None
    if method in ("auto", "json_mode", "json_schema") and json_works:
        lowered = f"{family.name} documents no json_schema: JSON mode with the schema in the prompt is used."
        return "json_mode", lowered if method == "json_schema" else None
    if method == "json_mode" or method == "json_schema" or not family.takes_tools:
        lowered = f"{family.name} has no JSON mode{_while(thinking)}: only the prompt asks for JSON."
        return "prompt", lowered if method != "auto" else None
    lowered = f"{family.name} refuses a forced tool_choice while it thinks: the prompt asks for the call instead."
    return "asked_tool", lowered if method == "function_calling" else None


def _while(thinking: bool) -> str:
    return " while it thinks" if thinking else ""


def json_mode_works(family: Family, *, thinking: bool) -> bool:
    """Whether `response_format: json_object` is taken.

    Args:
        family: The model's row.
        thinking: Whether it will think.

    Returns:
        False where the upstream would answer 400.
    """
    return family.json_object == "always" or (family.json_object == "not_thinking" and not thinking)


def schema_instruction(schema: Mapping[str, Any]) -> str:
    """The words that ask for an object of a schema.

    Args:
        schema: A JSON schema.

    Returns:
        A paragraph for the system message; it says "JSON", as JSON modes demand.
    """
    return "Answer with one JSON object that is valid against this JSON schema, and with nothing else:\n" + json.dumps(
        schema, ensure_ascii=False
    )
