"""Whether an object is what a JSON schema asked for, and in words what is wrong with it. Pure.

Only what models get wrong is looked at: types, required fields, enums, and what is nested. A keyword that is not known
here allows everything: an answer is refused for a reason that can be named, or not at all.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

JSON = Mapping[str, Any]
Path = tuple[str | int, ...]
_DEPTH = 64
"""How deep an answer is looked at: schemas may refer to themselves, and answers are data from outside."""

_IS: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    # JSON knows one kind of number: 3.0 is an integer (JSON Schema 2020-12, 6.1.1).
    "integer": lambda value: (
        not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
}


def errors_in(value: Any, schema: JSON) -> list[dict[str, Any]]:
    """Checks a value against a JSON schema.

    Args:
        value: The value, as `json.loads` gives it.
        schema: The schema; local `$ref`s are followed, other keywords that are not known are ignored.

    Returns:
        Each error with its path, `loc`, and its words, `msg`; the shape of pydantic's own.
    """
    return list(_errors(schema, value, schema, ()))


def _errors(schema: Any, value: Any, root: JSON, path: Path) -> Iterator[dict[str, Any]]:
    if not isinstance(schema, Mapping) or len(path) > _DEPTH:
        return
    schema = _resolved(schema, root)
    for check in (_type, _choices, _branches, _fields, _items):
        found = list(check(schema, value, root, path))
        yield from found
        if found and check is _type:
            return


def _resolved(schema: JSON, root: JSON) -> JSON:
    for _ in range(_DEPTH):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return schema
        target: Any = root
        for key in reference[2:].split("/"):
            target = target.get(key) if isinstance(target, Mapping) else None
        schema = target if isinstance(target, Mapping) else {}
    return {}


def _error(path: Path, message: str) -> dict[str, Any]:
    return {"loc": path, "msg": message}


def _type(schema: JSON, value: Any, root: JSON, path: Path) -> Iterator[dict[str, Any]]:  # noqa: ARG001  # one shape
    wanted = schema.get("type")
    names = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []
    known = [name for name in names if name in _IS]
    if schema.get("nullable") is True:  # OpenAPI's word for it
        known.append("null")
    if names and len(known) >= len(names) and not any(_IS[name](value) for name in known):
        yield _error(path, f"should be {' or '.join(known)}")


def _choices(schema: JSON, value: Any, root: JSON, path: Path) -> Iterator[dict[str, Any]]:  # noqa: ARG001  # one shape
    enum = schema.get("enum")
    allowed = enum if isinstance(enum, list) else [schema["const"]] if "const" in schema else None
    if allowed is not None and value not in allowed:
        yield _error(path, f"should be one of {', '.join(map(repr, allowed))}")


def _branches(schema: JSON, value: Any, root: JSON, path: Path) -> Iterator[dict[str, Any]]:
    for part in _listed(schema, "allOf"):
        yield from _errors(part, value, root, path)
    for key in ("anyOf", "oneOf"):
        found = [list(_errors(part, value, root, path)) for part in _listed(schema, key)]
        if found and all(found):
            # The branch that came nearest says most.
            yield from min(found, key=len)


def _listed(schema: JSON, key: str) -> list[Any]:
    value = schema.get(key)
    return value if isinstance(value, list) else []


def _fields(schema: JSON, value: Any, root: JSON, path: Path) -> Iterator[dict[str, Any]]:
    if not isinstance(value, Mapping):
        return
    for name in _listed(schema, "required"):
        if name not in value:
            yield _error((*path, name), "Field required")
    properties = schema.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    for name in (name for name in properties if name in value):
        yield from _errors(properties[name], value[name], root, (*path, name))


def _items(schema: JSON, value: Any, root: JSON, path: Path) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for at, item in enumerate(value):
            yield from _errors(schema.get("items"), item, root, (*path, at))
