"""LlamaIndex's events around a call: made where anybody listens, and ended properly by who leaves a stream early.

`llm_chat_callback` makes an event of every piece of a stream, heard or not, which costs as much as the piece itself.
Where it could do nothing that anybody would notice, a call here goes without it.

It also ends the event of an abandoned stream with a GeneratorExit and no response, so that a token counter counts
nothing although every token is paid. Here the stream itself is ended first, and the callbacks see it end.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import aclosing, closing
from typing import Any

from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation.event_handlers import NullEventHandler
from llama_index.core.llms.callbacks import dispatcher

Method = Callable[..., Any]
AsyncMethod = Callable[..., Coroutine[Any, Any, Any]]
Observe = Callable[[Callable[..., Any]], Callable[..., Any]]
"""`llm_chat_callback()` or `llm_completion_callback()`."""


def is_observed(llm: Any) -> bool:
    """Whether LlamaIndex's decorator would do anything for a call.

    Args:
        llm: The LLM that is called.

    Returns:
        True if it has a callback or a rate limiter, or anybody listens to LlamaIndex's events.
    """
    manager = llm.callback_manager
    if llm.rate_limiter is not None or not isinstance(manager, CallbackManager) or manager.handlers:
        return True
    at = dispatcher
    while not any(type(handler) is not NullEventHandler for handler in at.event_handlers):
        if not at.propagate:
            return False
        at = at.parent
    return True


def observed(observe: Observe) -> Callable[[Method], Method]:
    """Puts LlamaIndex's callbacks around a method, for where they are heard.

    Args:
        observe: The decorator that makes the events.

    Returns:
        A decorator.
    """
    return lambda method: _where_heard(observe(method), method)


def observed_async(observe: Observe) -> Callable[[AsyncMethod], AsyncMethod]:
    """The same for an async method; see `observed`."""
    return lambda method: _where_heard_async(observe(method), method)


def observed_stream(observe: Observe) -> Callable[[Method], Method]:
    """The same for a method that returns a generator, whose event ends well however it is left; see `observed`."""

    def decorate(stream: Method) -> Method:
        def read(llm: Any, *args: Any, **kwargs: Any) -> Generator[Any, None, None]:
            reader = _Reader()

            def ending(llm: Any, *args: Any, **kwargs: Any) -> Generator[Any, None, None]:
                return _until_left(stream(llm, *args, **kwargs), reader)

            return _read(observe(ending)(llm, *args, **kwargs), reader)

        return _where_heard(read, stream)

    return decorate


def observed_astream(observe: Observe) -> Callable[[AsyncMethod], AsyncMethod]:
    """The same for an async method that returns an async generator; see `observed_stream`."""

    def decorate(stream: AsyncMethod) -> AsyncMethod:
        async def read(llm: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
            reader = _Reader()

            async def ending(llm: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
                return _until_left_async(await stream(llm, *args, **kwargs), reader)

            return _read_async(await observe(ending)(llm, *args, **kwargs), reader)

        return _where_heard_async(read, stream)

    return decorate


def _where_heard(heard: Method, plain: Method) -> Method:
    @functools.wraps(plain)
    def call(llm: Any, *args: Any, **kwargs: Any) -> Any:
        return (heard if _needs_observing(llm, args, kwargs) else plain)(llm, *args, **kwargs)

    return _with_the_signature_of(heard, call)


def _where_heard_async(heard: AsyncMethod, plain: AsyncMethod) -> AsyncMethod:
    @functools.wraps(plain)
    async def call(llm: Any, *args: Any, **kwargs: Any) -> Any:
        return await (heard if _needs_observing(llm, args, kwargs) else plain)(llm, *args, **kwargs)

    return _with_the_signature_of(heard, call)


def _needs_observing(llm: Any, args: Any, kwargs: Any) -> bool:
    """Whether LlamaIndex's decorator is needed; it also has the words for a call without a prompt."""
    return is_observed(llm) or not (args or kwargs)


def _with_the_signature_of(heard: Method, call: Method) -> Method:
    # LlamaIndex's span asks for it at each call, and takes long to work it out (PEP 362 lets a function say it).
    vars(call)["__signature__"] = inspect.Signature.from_callable(heard, follow_wrapped=False)
    del vars(call)["__wrapped__"]  # set by `wraps`, and not what is called
    return call


class _Reader:
    """Who reads one stream."""

    left = False


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
