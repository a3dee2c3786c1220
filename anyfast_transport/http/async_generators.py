"""Async generators within async generators, of which the event loop may close only the outermost.

A loop that ends closes all async generators that were begun in it, and all at once. One that another one reads is then
closed from two sides: asyncio logs "aclose(): asynchronous generator is already running" for each of them. So the loop
does not hear of those that we read ourselves (`sys.set_asyncgen_hooks`), and they are closed by who reads them.
"""

import functools
import sys
from collections.abc import AsyncGenerator, Callable
from typing import Any, Generic, ParamSpec, TypeVar

Item = TypeVar("Item")
Given = ParamSpec("Given")


class Owned(AsyncGenerator[Item, None]):
    """An async generator that the event loop does not close.

    Args:
        items: The generator; not begun yet.
    """

    def __init__(self, items: AsyncGenerator[Item, None]) -> None:
        self._items = items
        self._begun = False

    def __anext__(self) -> Any:
        if self._begun:
            return self._items.__anext__()
        self._begun = True
        return _unheard(self._items.__anext__)

    def asend(self, value: None) -> Any:
        """Gives the next item; what is sent is None."""
        return self.__anext__() if value is None else self._items.asend(value)

    def athrow(self, *error: Any) -> Any:
        """Raises an error in the generator."""
        return _unheard(self._items.athrow, *error)

    def aclose(self) -> Any:
        """Closes the generator."""
        return _unheard(self._items.aclose)


def _unheard(step: Callable[..., Any], *said: Any) -> Any:
    """Takes a step of a generator, which is its first perhaps, without telling the event loop of it."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=None)
    try:
        return step(*said)
    finally:
        sys.set_asyncgen_hooks(*hooks)


class closing_owned(Generic[Item]):  # noqa: N801  # it is used like `contextlib.aclosing`
    """Reads an async generator in a block, and closes it at its end, so that the event loop need not.

    Args:
        items: The generator; not begun yet.
    """

    def __init__(self, items: AsyncGenerator[Item, None]) -> None:
        self._items = Owned(items)

    async def __aenter__(self) -> Owned[Item]:
        return self._items

    async def __aexit__(self, *_: object) -> None:
        await self._items.aclose()


def owned(function: Callable[Given, AsyncGenerator[Item, None]]) -> Callable[Given, Owned[Item]]:
    """Makes an async generator function whose generators the event loop does not close.

    Args:
        function: The function.

    Returns:
        A function of the same arguments.
    """

    @functools.wraps(function)
    def make(*args: Given.args, **kwargs: Given.kwargs) -> Owned[Item]:
        return Owned(function(*args, **kwargs))

    return make
