"""Objects held to a JSON schema, by the library `jsonschema`."""

import functools
from collections.abc import Mapping
from typing import Any

from anyfast_transport.response.objects import UnfitError, Validate, problems

WORDS_LIMIT = 300
"""Characters of what is said about one error; `jsonschema` repeats the whole value in it."""


def validator_of_schema(schema: Mapping[str, Any]) -> Validate:
    """Holds objects to a JSON schema.

    Args:
        schema: The schema; nothing is fetched for it.

    Returns:
        What gives an object back as it is, or raises an UnfitError. A schema that cannot be read allows everything: an
        answer is refused for a reason that can be named, or not at all.
    """
    return functools.partial(_valid, schema)  # which can be pickled


def _valid(schema: Mapping[str, Any], found: dict[str, Any]) -> Any:
    try:
        errors = _errors(schema, found)
    except Exception:  # noqa: BLE001  # unknown types, references to nowhere or to themselves, patterns that are none
        return found
    if errors:
        raise UnfitError(problems(errors))
    return found


def _errors(schema: Mapping[str, Any], found: dict[str, Any]) -> list[dict[str, Any]]:
    # Here, for only who asks for objects by a schema needs it.
    from referencing import Registry

    validator = _validator_class(str(schema.get("$schema")))(schema, registry=Registry())
    errors = map(_nearest, validator.iter_errors(found))
    return [{"loc": tuple(one.absolute_path), "msg": one.message[:WORDS_LIMIT]} for one in errors]


def _nearest(error: Any) -> Any:
    """Of several branches, what is wrong with the one that came nearest."""
    branches: dict[Any, list[Any]] = {}
    for one in error.context:
        branches.setdefault(one.relative_schema_path[0], []).append(one)
    return _nearest(min(branches.values(), key=len)[0]) if branches else error


@functools.cache
def _validator_class(dialect: str) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend, validator_for

    known = validator_for({"$schema": dialect}, default=Draft202012Validator)

    def type_or_null(validator: Any, types: Any, value: Any, schema: Any) -> Any:
        if value is None and schema.get("nullable") is True:  # OpenAPI's word for it
            return None
        return known.VALIDATORS["type"](validator, types, value, schema)

    return extend(known, {"type": type_or_null})
