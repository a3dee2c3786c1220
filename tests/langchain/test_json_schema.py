"""Whether an object is what a JSON schema asked for, and what is said where it is not."""

import pickle

import pytest

from anyfast_transport.response.objects import UnfitError
from langchain_anyfast.json_schema import WORDS_LIMIT, validator_of_schema

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0},
        "nick": {"type": "string", "nullable": True},
        "home": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"tag": {"enum": ["a", "b"]}},
}


@pytest.mark.parametrize(
    "found", [{"name": "Ada", "age": 36.0, "tags": ["a"]}, {"name": "Ada", "nick": None}, {"name": "Ada", "home": None}]
)
def test_an_object_that_fits_stays_as_it_is(found):
    assert pickle.loads(pickle.dumps(validator_of_schema(PERSON)))(found) is found  # noqa: S301  # our own


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"age": 36}, "'name' is a required property"),
        ({"name": "Ada", "age": "old"}, "age: 'old' is not of type 'integer'"),
        ({"name": "Ada", "age": True}, "age: True is not of type 'integer'"),
        ({"name": "Ada", "age": -1}, "age: -1 is less than the minimum of 0"),
        ({"name": None}, "name: None is not of type 'string'"),
        ({"name": "Ada", "tags": ["a", "c"]}, r"tags.1: 'c' is not one of \['a', 'b'\]"),
        ({"name": "Ada", "home": 3}, "home: 3 is not of type"),
        ({"name": "Ada", "more": 1}, "'more' was unexpected"),
    ],
)
def test_what_is_wrong_is_said(found, words):
    with pytest.raises(UnfitError, match=words):
        validator_of_schema(PERSON)(found)


def test_what_is_said_has_an_end():
    with pytest.raises(UnfitError) as caught:
        validator_of_schema(PERSON)({"name": ["x" * 99_999]})
    assert len(str(caught.value)) < 2 * WORDS_LIMIT


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"type": "date"}}},
        {"$ref": "#/nowhere"},
        {"$ref": "https://schemas.invalid/a.json"},
        {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"properties": {"a": {"pattern": "["}}},
        {"properties": {"a": {"minimum": "3"}}},
        {"$schema": "https://schemas.invalid/dialect", "type": "object"},
    ],
)
def test_a_schema_that_cannot_be_read_allows_everything(schema):
    assert validator_of_schema(schema)({"a": "b"}) == {"a": "b"}


def test_the_dialect_of_a_schema_counts():
    old = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "properties": {"a": {"minimum": 3, "exclusiveMinimum": True}},
    }
    with pytest.raises(UnfitError, match="minimum"):
        validator_of_schema(old)({"a": 3})
