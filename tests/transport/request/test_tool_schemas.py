"""Tools in the form that the strictest upstream takes."""

import pytest

from anyfast_transport.request.tool_schemas import wire_parameters, wire_tool

EMPTY = {"type": "object", "properties": {}}
CITY = {"type": "object", "properties": {"name": {"type": "string"}}}
TREE = {
    "type": "object",
    "properties": {"root": {"$ref": "#/$defs/Node"}},
    "$defs": {"Node": {"type": "object", "properties": {"kids": {"items": {"$ref": "#/$defs/Node"}}}}},
}

WRITTEN = {
    "none": (None, EMPTY),
    "no properties": ({"type": "object"}, EMPTY),
    "no properties, closed": (
        {"type": "object", "additionalProperties": False},
        {**EMPTY, "additionalProperties": False},
    ),
    "a reference": (
        {"type": "object", "properties": {"at": {"$ref": "#/$defs/City"}}, "$defs": {"City": CITY}},
        {"type": "object", "properties": {"at": CITY}},
    ),
    "a reference with words": (
        {
            "type": "object",
            "properties": {"at": {"$ref": "#/definitions/City", "description": "Where."}},
            "definitions": {"City": CITY},
        },
        {"type": "object", "properties": {"at": {**CITY, "description": "Where."}}},
    ),
    "a reference at the top": ({"$ref": "#/$defs/City", "$defs": {"City": CITY}}, CITY),
    "a circle stays": (TREE, TREE),
    "a reference to nothing stays": (
        {"type": "object", "properties": {"at": {"$ref": "#/$defs/Gone"}}},
        {"type": "object", "properties": {"at": {"$ref": "#/$defs/Gone"}}},
    ),
    "a type beside anyOf": (
        {"type": "object", "properties": {"n": {"type": "string", "anyOf": [{"type": "string"}, {"type": "null"}]}}},
        {"type": "object", "properties": {"n": {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
    ),
    "null words": (
        {
            "type": "object",
            "properties": {"n": {"type": "string", "description": None, "title": None, "default": None}},
        },
        {"type": "object", "properties": {"n": {"type": "string", "default": None}}},
    ),
    "an argument named as a keyword": (
        {"type": "object", "properties": {"description": {"type": "string"}, "$ref": {"type": "string"}}},
        {"type": "object", "properties": {"description": {"type": "string"}, "$ref": {"type": "string"}}},
    ),
    "alternatives at the top": (
        {
            "anyOf": [
                {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b"]},
                {"type": "object", "properties": {"a": {}}, "required": ["a"]},
            ]
        },
        {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"]},
    ),
    "all of them at the top": (
        {"allOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}, "required": ["b"]}]},
        {"type": "object", "properties": {"b": {}, "a": {}}, "required": ["a", "b"]},
    ),
}


@pytest.mark.parametrize(("schema", "expected"), WRITTEN.values(), ids=WRITTEN)
def test_a_schema_means_the_same_in_the_form_that_every_upstream_takes(schema, expected):
    assert wire_parameters(schema) == expected


def test_a_schema_whose_references_grow_without_end_keeps_them():
    """Each level names the one below twice: a thousand million schemas, if they were written out."""
    defs = {
        f"L{n}": {"type": "object", "properties": {k: {"$ref": f"#/$defs/L{n + 1}"} for k in "ab"}} for n in range(30)
    }
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/L0"}}, "$defs": {**defs, "L30": EMPTY}}
    assert wire_parameters(schema) == schema


def test_a_tool_without_a_description_has_none_and_one_in_form_is_left_alone():
    tool = {"type": "function", "function": {"name": "f", "description": None, "parameters": None}}
    assert wire_tool(tool) == {"type": "function", "function": {"name": "f", "parameters": EMPTY}}
    good = {"type": "function", "function": {"name": "f", "description": "d", "parameters": CITY}}
    assert wire_tool(good) is good
    other = {"type": "web_search"}
    assert wire_tool(other) is other
