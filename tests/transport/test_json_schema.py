"""Whether an object is what a JSON schema asked for: the same verdict as the reference, for what is looked at."""

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyfast_transport.json_schema import errors_in

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}},
    },
    "required": ["name"],
    "$defs": {"tag": {"enum": ["a", "b"]}},
}
CASES = [
    (PERSON, {"name": "Ada", "age": 36, "tags": ["a"]}, []),
    (PERSON, {"name": "Ada", "age": 36.0}, []),
    (PERSON, {"age": 36}, [(("name",), "Field required")]),
    (PERSON, {"name": "Ada", "age": "old"}, [(("age",), "should be integer")]),
    (PERSON, {"name": "Ada", "age": True}, [(("age",), "should be integer")]),
    (PERSON, {"name": "Ada", "tags": ["a", "c"]}, [(("tags", 1), "should be one of 'a', 'b'")]),
    (PERSON, [], [((), "should be object")]),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None, []),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 3, [((), "should be string")]),
    ({"type": ["string", "null"]}, 3, [((), "should be string or null")]),
    ({"type": "string", "nullable": True}, None, []),
    ({"allOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1}, [(("b",), "Field required")]),
    ({"const": 3}, 4, [((), "should be one of 3")]),
    ({"type": "string", "format": "email", "pattern": "x"}, "y", []),
    ({"type": "date"}, "y", []),
    ({"$ref": "#/nowhere"}, 3, []),
    ({"$ref": "#"}, 3, []),
    ({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, 3, []),
]


@pytest.mark.parametrize(("schema", "value", "errors"), CASES)
def test_what_is_wrong_is_said(schema, value, errors):
    assert [(one["loc"], one["msg"]) for one in errors_in(value, schema)] == errors


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | st.sampled_from(["", "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])
SCHEMAS = st.recursive(
    st.fixed_dictionaries({}, optional={"type": TYPES, "enum": st.lists(st.sampled_from(["a", "b", "c"]), min_size=1)}),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES,
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            "required": st.lists(st.sampled_from("abc"), unique=True),
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=3),
            "allOf": st.lists(inner, min_size=1, max_size=2),
        },
    ),
    max_leaves=6,
)


@given(SCHEMAS, VALUES)
def test_the_verdict_is_that_of_the_reference(schema, value):
    assert (not errors_in(value, schema)) is jsonschema.Draft202012Validator(schema).is_valid(value)
