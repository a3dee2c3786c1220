"""Everything that rests on pydantic's insides: objects without validation, and the state of a pickle. Pure.

Validation would be most of what a streamed piece costs.

`BaseModel.model_construct` looks at every field and takes longer than validating does, so what is left of it here is
what an object consists of: the values, the set of the fields that were given, and pydantic's two other slots. Whoever
builds a framework's object by this has a test that compares it with what the constructor builds, field by field.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

Built = TypeVar("Built", bound=BaseModel)

_new = object.__new__
# The slots themselves: `BaseModel.__setattr__` is for fields, and `object.__setattr__` looks for them each time.
_set_fields_set, _set_extra, _set_private = (
    vars(BaseModel)[f"__pydantic_{slot}__"].__set__ for slot in ("fields_set", "extra", "private")
)


def unvalidated(
    cls: type[Built], values: Mapping[str, Any], fields_set: set[str], extra: dict[str, Any] | None = None
) -> Built:
    """Builds an object of values that are known to be right.

    Args:
        cls: Its class.
        values: The value of each field, in the order of the class. They are copied, and no deeper: the caller writes
            what differs, and everything mutable, into the object's `__dict__`.
        fields_set: What `model_fields_set` will be; it becomes the object's.
        extra: Further values, of a class that allows them; they become the object's.

    Returns:
        The object.
    """
    made = _new(cls)
    made.__dict__.update(values)
    _set_fields_set(made, fields_set)
    _set_extra(made, extra)
    _set_private(made, None)
    return made


def state_with(state: Mapping[Any, Any], values: Mapping[str, Any], private: Mapping[str, Any]) -> dict[Any, Any]:
    """The state that a pickle keeps of an object, with other values.

    Args:
        state: What `BaseModel.__getstate__` gives; it is not changed, and nothing that it holds either.
        values: Fields that are to be others.
        private: Private attributes that are to be others.

    Returns:
        A new state.
    """
    return {
        **state,
        "__dict__": {**state["__dict__"], **values},
        "__pydantic_private__": {**(state["__pydantic_private__"] or {}), **private},
    }


def private_in(state: Mapping[Any, Any], name: str) -> Any:
    """A private attribute in the state that a pickle keeps."""
    return state["__pydantic_private__"][name]
