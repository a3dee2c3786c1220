"""What LlamaIndex's events, callbacks and spans see of a call: nothing secret, and the proper end of a stream.

LlamaIndex tells them the keyword arguments of each call. Those that may hold a secret are therefore made fields of a
copy of the LLM, which tells them nowhere, before anything hears of the call.

`llm_chat_callback` ends the event of an abandoned stream with a GeneratorExit and no response, so that a token counter
counts nothing although every token is paid. Here the stream itself is ended first, and the callbacks see it end.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from contextlib import closing
from typing import Any, TypeVar, cast

from anyfast_transport.http.async_generators import Owned, closing_owned, owned
from llama_index_anyfast.messages import check_messages, check_prompt

Method = Callable[..., Any]
AsyncMethod = Callable[..., Coroutine[Any, Any, Any]]
Observe = Callable[[Callable[..., Any]], Callable[..., Any]]
"""`llm_chat_callback()` or `llm_completion_callback()`."""

LLM = TypeVar("LLM", bound=type)
Typed = TypeVar("Typed", bound=Callable[..., Any])

_CHECKS: Mapping[str, Callable[[Any], None]] = {
    "chat": check_messages,
    "stream_chat": check_messages,
    "complete": check_prompt,
    "stream_complete": check_prompt,
}
"""Method → what looks at its first argument before LlamaIndex's events take it apart."""

_ASK = (*_CHECKS, "predict_and_call")
_ASK_FOR_OBJECTS = ("structured_predict", "stream_structured_predict")


def keeping_secrets(cls: LLM) -> LLM:
    """Keeps what a caller gives for one call, and what may hold a secret, from all that LlamaIndex tells of the call.

    Args:
        cls: A class with a method `keeping(arguments)`, which gives an LLM that holds what is secret among keyword
            arguments, and the other arguments.

    Returns:
        The class, its methods changed.
    """
    for name in (*_ASK, *(f"a{name}" for name in _ASK)):
        setattr(cls, name, _keeping_arguments(getattr(cls, name), _CHECKS.get(name.removeprefix("a"))))
    for name in (*_ASK_FOR_OBJECTS, *(f"a{name}" for name in _ASK_FOR_OBJECTS)):
        setattr(cls, name, _keeping_llm_kwargs(getattr(cls, name)))
    return cls


def _keeping_arguments(method: Method, check: Callable[[Any], None] | None) -> Method:
    def keep(llm: Any, args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
        if check is not None:
            check(args[0] if args else kwargs.get("messages", kwargs.get("prompt")))
        llm, kwargs = llm.keeping(kwargs)
        return llm, args, kwargs

    return _after(keep, method)


def _keeping_llm_kwargs(method: Method) -> Method:
    def keep(llm: Any, args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
        if len(args) > 2:  # the third of those that LlamaIndex names
            llm, said = llm.keeping(args[2] or {})
            return llm, (*args[:2], said, *args[3:]), kwargs
        llm, said = llm.keeping(kwargs.get("llm_kwargs") or {})
        return llm, args, {**kwargs, "llm_kwargs": said}

    return _after(keep, method)


def _after(keep: Callable[[Any, Any, Any], tuple[Any, Any, Any]], method: Method) -> Method:
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def acall(llm: Any, /, *args: Any, **kwargs: Any) -> Any:
            llm, args, kwargs = keep(llm, args, kwargs)
            return await method(llm, *args, **kwargs)

        return acall

    @functools.wraps(method)
    def call(llm: Any, /, *args: Any, **kwargs: Any) -> Any:
        llm, args, kwargs = keep(llm, args, kwargs)
        return method(llm, *args, **kwargs)

    return call


def observed(observe: Observe) -> Callable[[Typed], Typed]:
    """LlamaIndex's callbacks around a method, whose types LlamaIndex forgets.

    Args:
        observe: The decorator that makes the events.

    Returns:
        A decorator.
    """
    return cast("Callable[[Typed], Typed]", observe)


def observed_stream(observe: Observe) -> Callable[[Typed], Typed]:
    """Puts LlamaIndex's callbacks around a method that returns a generator, whose event ends well however it is left.

    Args:
        observe: The decorator that makes the events.

    Returns:
        A decorator.
    """

    def decorate(stream: Method) -> Method:
        @functools.wraps(stream)
        def read(llm: Any, *args: Any, **kwargs: Any) -> Generator[Any, None, None]:
            reader = _Reader()

            def ending(llm: Any, *args: Any, **kwargs: Any) -> Generator[Any, None, None]:
                return _until_left(stream(llm, *args, **kwargs), reader)

            return _read(observe(ending)(llm, *args, **kwargs), reader)

        del vars(read)["__wrapped__"]  # the callbacks take other arguments, and have the words for a missing one
        return read

    return cast("Callable[[Typed], Typed]", decorate)


def observed_astream(observe: Observe) -> Callable[[Typed], Typed]:
    """The same for an async method that returns an async generator; see `observed_stream`."""

    def decorate(stream: AsyncMethod) -> AsyncMethod:
        @functools.wraps(stream)
        async def read(llm: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
            reader = _Reader()

            async def ending(llm: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
                return _until_left_async(await stream(llm, *args, **kwargs), reader)

            return _read_async(await observe(ending)(llm, *args, **kwargs), reader)

        del vars(read)["__wrapped__"]  # as above
        return read

    return cast("Callable[[Typed], Typed]", decorate)


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


@owned
async def _until_left_async(items: AsyncGenerator[Any, None], reader: _Reader) -> AsyncGenerator[Any, None]:
    async with closing_owned(items) as read:
        async for item in read:
            yield item
            if reader.left:
                return


async def _read_async(items: AsyncGenerator[Any, None], reader: _Reader) -> AsyncGenerator[Any, None]:
    read = Owned(items)
    try:
        async for item in read:
            yield item
    except GeneratorExit:
        reader.left = True
        await anext(read, None)  # the event ends here
        raise
