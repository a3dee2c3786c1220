"""Streams whose reader leaves early: their event ends as that of any other, with what had arrived.

LlamaIndex's callbacks end the event of an abandoned stream with a GeneratorExit and no response, so that a token
counter counts nothing although every token is paid. Here the stream itself is ended first, and the callbacks see it
end.
"""

import functools
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import aclosing, closing
from typing import Any

Observe = Callable[[Callable[..., Any]], Callable[..., Any]]
"""`llm_chat_callback()` or `llm_completion_callback()`."""


class _Reader:
    """Who reads one stream."""

    left = False


def observed_stream(observe: Observe) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Puts LlamaIndex's callbacks around a method that returns a generator.

    Args:
        observe: The decorator that makes the events.

    Returns:
        A decorator.
    """

    def decorate(stream: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(stream)
        def read(llm: Any, *args: Any, **kwargs: Any) -> Generator[Any, None, None]:
            reader = _Reader()

            def ending(llm: Any, *args: Any, **kwargs: Any) -> Generator[Any, None, None]:
                return _until_left(stream(llm, *args, **kwargs), reader)

            return _read(observe(ending)(llm, *args, **kwargs), reader)

        del read.__wrapped__  # or LlamaIndex's span binds the arguments itself, and a missing prompt is its TypeError
        return read

    return decorate


def _until_left(items: Generator[Any, None, None], reader: _Reader) -> Generator[Any, None, None]:
    with closing(items):
        for item in items:
            yield item
            if reader.left:
                return


def _read(items: Generator[Any, None, None], reader: _Reader) -> Generator[Any, None, None]:
    try:
        for item in items:  # noqa: UP028  # `yield from` would close the callbacks before they see the end
            yield item
    except GeneratorExit:
        reader.left = True
        next(items, None)  # the event ends here
        raise


def observed_astream(
    observe: Observe,
) -> Callable[[Callable[..., Coroutine[Any, Any, Any]]], Callable[..., Coroutine[Any, Any, Any]]]:
    """The same for an async method that returns an async generator; see `observed_stream`."""

    def decorate(stream: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
        @functools.wraps(stream)
        async def read(llm: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
            reader = _Reader()

            async def ending(llm: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
                return _until_left_async(await stream(llm, *args, **kwargs), reader)

            return _read_async(await observe(ending)(llm, *args, **kwargs), reader)

        del read.__wrapped__
        return read

    return decorate


async def _until_left_async(items: AsyncGenerator[Any, None], reader: _Reader) -> AsyncGenerator[Any, None]:
    async with aclosing(items):
        async for item in items:
            yield item
            if reader.left:
                return


async def _read_async(items: AsyncGenerator[Any, None], reader: _Reader) -> AsyncGenerator[Any, None]:
    try:
        async for item in items:
            yield item
    except GeneratorExit:
        reader.left = True
        await anext(items, None)  # the event ends here
        raise
