"""The names under which arguments are taken, and words for one that nobody knows."""

import difflib
import functools
from collections.abc import Iterable, Mapping

from pydantic import AliasChoices, BaseModel


@functools.cache
def accepted_names(cls: type[BaseModel]) -> Mapping[str, str]:
    """All names under which a class takes its fields.

    Args:
        cls: A pydantic model.

    Returns:
        Accepted name → field name.
    """
    names = {}
    for field_name, info in cls.model_fields.items():
        names[field_name] = field_name
        if isinstance(info.validation_alias, AliasChoices):
            names.update({str(choice): field_name for choice in info.validation_alias.choices})
        elif info.alias:
            names[info.alias] = field_name
    return names


def unknown_argument(name: str, known: Iterable[str]) -> str:
    """Words for an argument that nobody knows.

    Args:
        name: What the caller wrote.
        known: What they may have meant.

    Returns:
        A sentence that names the nearest known argument and `extra_body`.
    """
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    guess = f"; did you mean {near[0]!r}?" if near else "."
    return f"unknown argument {name!r}{guess} What the gateway knows and this class does not goes into extra_body."
