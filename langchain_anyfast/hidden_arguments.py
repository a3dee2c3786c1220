"""Arguments of calls that may hold a secret: hidden from what LangChain tells, binds, dumps and leaves in frames."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Self, TypeVar, cast

from langchain_core.load.serializable import SerializedConstructor, SerializedNotImplemented
from langchain_core.runnables import RunnableBinding

from anyfast_transport.settings.secrets import Hidden, hidden
from langchain_anyfast._langchain import ChatModelBinding

Model = TypeVar("Model", bound=type)

_CALLS = ("invoke", "stream", "batch", "generate", "stream_events")
"""What callers call, and LangChain hands keyword arguments on from."""


def hiding_arguments(cls: Model) -> Model:
    """Hides what may hold a secret at the doors of a model, so that no frame behind them shows it.

    Args:
        cls: The class of a chat model.

    Returns:
        The class, its methods changed.
    """
    for name in (*_CALLS, *(f"a{name}" for name in _CALLS)):
        if hasattr(cls, name):  # the oldest langchain-core has no `stream_events`
            setattr(cls, name, _hiding(getattr(cls, name)))
    return cls


def _hiding(method: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def acall(model: Any, /, *args: Any, **kwargs: Any) -> Any:
            kwargs = hidden(type(model), kwargs)
            return await method(model, *args, **kwargs)

        return acall

    @functools.wraps(method)
    def call(model: Any, /, *args: Any, **kwargs: Any) -> Any:
        kwargs = hidden(type(model), kwargs)
        return method(model, *args, **kwargs)

    return call


class Binding(ChatModelBinding):  # type: ignore[no-redef]  # `kwargs`, as langchain-core says of its own subclasses
    """A model with arguments for its calls; those that may hold a secret are hidden."""

    def bind(self, **kwargs: Any) -> Self:
        """Binds more arguments; see `ChatAnyfast.bind`."""
        more = hidden(type(self.bound), kwargs)  # type: ignore[arg-type]  # what is bound is a model
        return cast("Self", super().bind(**more))

    def to_json(self) -> SerializedConstructor | SerializedNotImplemented:
        """What `dumpd` writes: nothing that is hidden."""
        dumped = super().to_json()
        said = cast("dict[str, Any]", dumped.get("kwargs") or {})
        if "kwargs" in said:
            said["kwargs"] = {name: value for name, value in said["kwargs"].items() if not isinstance(value, Hidden)}
        return dumped

    @classmethod
    def lc_id(cls) -> list[str]:
        """The id of LangChain's own class, which `load` knows."""
        return RunnableBinding.lc_id()
