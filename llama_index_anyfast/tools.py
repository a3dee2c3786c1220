"""LlamaIndex's tools → the wire, each converted once: pydantic writes a schema anew whenever it is asked."""

import operator
import weakref
from collections.abc import Sequence
from typing import Any

from llama_index.core.tools.types import BaseTool, ToolMetadata

from llama_index_anyfast.messages import JSON

_CONVERTED: dict[int, tuple[weakref.ref[ToolMetadata], list[Any], JSON]] = {}
"""Id of a tool's metadata → a reference that does not keep it alive, the values it had, and the tool on the wire."""


def wire_tools(tools: Sequence[BaseTool], *, strict: bool | None) -> list[JSON]:
    """Tools in OpenAI's shape.

    Args:
        tools: The tools.
        strict: Whether the schemas bind the model, where the upstream knows that.

    Returns:
        One object for each. They are shared between calls: whoever changes one must copy it first.
    """
    converted = [_converted(tool.metadata) for tool in tools]
    if not strict:
        return converted
    return [{**tool, "function": {**tool["function"], "strict": True}} for tool in converted]


def _converted(metadata: ToolMetadata) -> JSON:
    values, known = list(vars(metadata).values()), _CONVERTED.get(id(metadata))
    # An id is used again once its object is gone, and metadata may be changed after they were used.
    if known and known[0]() is metadata and len(values) == len(known[1]) and all(map(operator.is_, values, known[1])):
        return known[2]
    tool: JSON = metadata.to_openai_tool(skip_length_check=True)
    tool["function"]["name"] = metadata.get_name()  # which LlamaIndex spells so that names can become one
    key = id(metadata)
    _CONVERTED[key] = weakref.ref(metadata, lambda _: _CONVERTED.pop(key, None)), values, tool
    return tool
