"""What LangChain's `dumpd` writes of a model, kept until a field changes: it is asked for at each call."""

import operator
from collections.abc import Callable
from typing import Any, cast

from langchain_core.load import dumpd
from pydantic import BaseModel


class Dump:
    """The dump of one model, with the values of the fields that it was written of.

    A copy or a pickle of the model begins without it, and it makes no difference between equal models.
    """

    def __init__(self) -> None:
        self._kept: tuple[list[Any], dict[str, Any]] | None = None

    def of(self, model: BaseModel, write: Callable[[Any], Any] = dumpd) -> dict[str, Any]:
        """What `dumpd` writes of a model as it is now.

        Args:
            model: The model.
            write: What writes it.

        Returns:
            The dump; the same object until a field is set.
        """
        values, kept = list(model.__dict__.values()), self._kept
        if kept is None or len(values) != len(kept[0]) or not all(map(operator.is_, values, kept[0])):
            self._kept = kept = values, cast("dict[str, Any]", write(model))
        return kept[1]

    def __reduce__(self) -> tuple[type["Dump"], tuple[()]]:
        return Dump, ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dump)

    def __hash__(self) -> int:
        return hash(Dump)
