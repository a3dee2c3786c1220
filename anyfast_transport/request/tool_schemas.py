"""Tools as the strictest upstream takes them. Pure.

MCP servers and generators of schemas write what JSON Schema allows and some upstream refuses: an object without
`properties` (OpenAI: "object schema missing properties"; langchain-mcp-adapters#137), a `$ref` (Gemini's schemas have
none, ai.google.dev/gemini-api/docs/function-calling), a `type` beside `anyOf` (Moonshot: "type should be defined in
anyOf items instead of the parent schema"), a null description (new-api reads it as a string).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from anyfast_transport.request.names import wire_name

JSON = dict[str, Any]

_DEFINITIONS = ("$defs", "definitions")
_BRANCHES = ("anyOf", "oneOf", "allOf")
_WORDS = ("description", "title")
_SCHEMAS_BY_NAME = ("properties", "patternProperties", "dependentSchemas", *_DEFINITIONS)
"""Keywords whose value is an object of schemas: its keys are names, not keywords."""
_VALUES = ("default", "const", "enum", "examples", "example")
"""Keywords whose value is data, in which nothing is changed."""

_LARGEST = 10_000
"""Schemas that one tool may have once its references are written out; what has more keeps them."""


def wire_tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool in the form that every upstream takes.

    Args:
        tool: A tool in OpenAI's shape; another kind of tool goes as it is.

    Returns:
        The same object if it is in form already, else a copy.
    """
    function = tool.get("function")
    if not isinstance(function, Mapping):
        return tool
    changed = {key: value for key, value in function.items() if value is not None}
    changed["name"] = wire_name(str(function.get("name") or ""))
    changed["parameters"] = wire_parameters(function.get("parameters"))
    return tool if changed == function else {**tool, "function": changed}


def wire_parameters(schema: Any) -> JSON:
    """The schema of a tool's arguments: an object with `properties`, without references and nulls for words.

    Args:
        schema: A JSON schema, or None.

    Returns:
        A schema of the same meaning. A reference that is part of a circle stays, with what it names.
    """
    schema = schema if isinstance(schema, Mapping) else {}
    definitions = {
        f"#/{place}/{name}": inner
        for place in _DEFINITIONS
        if isinstance(schema.get(place), Mapping)
        for name, inner in schema[place].items()
    }
    writer = _Writer(definitions)
    written = writer.written(schema, ())
    if writer.circular or writer.left < 0:
        written = _Writer({}).written(schema, ())
    else:
        written = {key: value for key, value in written.items() if key not in _DEFINITIONS}
    return _as_object(written)


class _Writer:
    """Writes one schema out.

    Attributes:
        circular: Whether a reference was met within what it names.
        left: How many more schemas may be written.
    """

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self.circular = False
        self.left = _LARGEST

    def written(self, schema: Mapping[str, Any], within: tuple[str, ...]) -> JSON:
        """A schema without references and null words; `within` are the references that led to it."""
        self.left -= 1
        if self.circular or self.left < 0:
            return {}
        reference = schema.get("$ref")
        if isinstance(reference, str) and isinstance(named := self._definitions.get(reference), Mapping):
            if reference in within:
                self.circular = True
                return {}
            # What stands beside the reference (a description, a default) says more than what it names.
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            return self.written({**named, **beside}, (*within, reference))
        result = {
            key: self._value(key, value, within)
            for key, value in schema.items()
            if not (key in _WORDS and value is None)
        }
        branches = result.get("anyOf")
        if isinstance(branches, list) and all(isinstance(one, Mapping) and "type" in one for one in branches):
            result.pop("type", None)
        return result

    def _value(self, key: str, value: Any, within: tuple[str, ...]) -> Any:
        if key in _VALUES:
            return value
        if key in _DEFINITIONS and self._definitions:
            return value  # they stand where they are referred to
        if isinstance(value, Mapping):
            if key not in _SCHEMAS_BY_NAME:
                return self.written(value, within)
            return {name: self._item(inner, within) for name, inner in value.items()}
        return [self._item(inner, within) for inner in value] if isinstance(value, list) else value

    def _item(self, value: Any, within: tuple[str, ...]) -> Any:
        return self.written(value, within) if isinstance(value, Mapping) else value


def _as_object(schema: JSON) -> JSON:
    """A schema whose top is an object: alternatives there (OpenAI refuses them) become one object that allows each."""
    found = {key: value for key in _BRANCHES if isinstance(value := schema.get(key), list)}
    if found:
        schema = {key: value for key, value in schema.items() if key not in found}
        for key, branches in found.items():
            schema = _united(schema, [one for one in branches if isinstance(one, Mapping)], each=key == "allOf")
    properties = schema.get("properties")
    if schema.get("type") == "object" and isinstance(properties, Mapping):
        return schema
    return {**schema, "type": "object", "properties": properties if isinstance(properties, Mapping) else {}}


def _united(schema: JSON, branches: Sequence[Mapping[str, Any]], *, each: bool) -> JSON:
    """An object with the properties of its branches; it requires what each of them does, or (`each`) what any does."""
    properties = dict(schema.get("properties") or {})
    demands = []
    for branch in branches:
        own = branch.get("properties")
        properties = {**(own if isinstance(own, Mapping) else {}), **properties}
        demands.append([name for name in branch.get("required") or () if isinstance(name, str)])
    names = dict.fromkeys(name for demand in demands for name in demand)
    required = [name for name in names if each or all(name in demand for demand in demands)]
    required = list(dict.fromkeys([*(schema.get("required") or ()), *required]))
    return {**schema, "properties": properties, **({"required": required} if required else {})}
