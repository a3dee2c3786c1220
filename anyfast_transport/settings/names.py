"""The names under which arguments are taken, and words for one that nobody knows."""

import difflib
import functools
from collections.abc import Mapping

from pydantic import AliasChoices, BaseModel

from anyfast_transport.settings.hints import hint_for


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


_NEAR = 0.78
"""How much two names must have in common (`difflib`) for one to be taken for a slip of the other."""


def unknown_argument(name: str, known: Mapping[str, str]) -> str:
    """Words for an argument that nobody knows.

    Args:
        name: What the caller wrote.
        known: What they may have meant, as `accepted_names` gives it.

    Returns:
        A sentence that says what to write instead, if that is known, or else names the nearest argument, if there is
        one that is near, and `extra_body`.
    """
    if hint := hint_for(name, known):
        return f"unknown argument {name!r}: {hint}"
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=_NEAR)
    guess = f"; did you mean {near[0]!r}?" if near else "."
    return f"unknown argument {name!r}{guess} What the gateway knows and this class does not goes into extra_body."
