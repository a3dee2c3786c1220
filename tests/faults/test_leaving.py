"""Who leaves an answer early leaves nothing running: the gateway sees the connection closed at once."""

import asyncio
import contextlib
import gc
import threading

import anyio
import httpx
import pytest

from anyfast_transport import AnyfastError, Client
from anyfast_transport.http import connections as pools
from anyfast_transport.http import size_limits as sizes
from tests.faults.fault_gateway import EVENTS, both, chunk, drip, good, head, hold, sse

BEGINNING = sse(*EVENTS[:3])


@pytest.fixture
def no_collector():
    """What is tidied up only by the garbage collector is not tidied up here."""
    gc.disable()
    yield
    gc.enable()


def breaks(face, llm):
    for _ in face.stream(llm):
        break


def closes(face, llm):
    texts = face.stream(llm)
    next(texts)
    texts.close()


def raises(face, llm):
    with contextlib.suppress(ZeroDivisionError):
        for _ in face.stream(llm):
            raise ZeroDivisionError


def drops(face, llm):
    texts = face.stream(llm)
    next(texts)
    del texts


@pytest.mark.parametrize("leave", [breaks, closes, raises, drops])
def test_the_gateway_sees_a_sync_caller_leave(leave, face, llm, gateway, no_collector):
    gateway.script((BEGINNING, hold))
    leave(face, llm())
    assert gateway.sees(lambda g: g.open == 0)


def test_an_error_that_is_kept_keeps_no_connection(mode, face, llm, gateway, no_collector, monkeypatch):
    """Its traceback holds the frames, and they hold the response."""
    monkeypatch.setattr(sizes, "BODY_LIMIT", 100)
    gateway.script((both(head(length=9999) + b"{" * 500, BEGINNING + chunk(b"data: oops\n\n")), hold))
    with pytest.raises(AnyfastError) as caught:
        face.run(mode, llm())
    assert gateway.sees(lambda g: g.open == 0)
    assert caught.tb is not None


def test_closing_does_not_wait_for_reference_counts(face, llm, gateway, monkeypatch):
    """Some interpreters have none: there, what nobody uses any more lives on. So it does here."""
    gateway.script((BEGINNING, hold))
    kept = []

    def keeping(method):
        return lambda response, size=None: kept.append(method(response, size)) or kept[-1]

    monkeypatch.setattr(httpx.Response, "iter_raw", keeping(httpx.Response.iter_raw))
    monkeypatch.setattr(httpx.Response, "aiter_raw", keeping(httpx.Response.aiter_raw))
    with httpx.Client() as client:  # those of ours are thrown away besides
        closes(face, llm(http_client=client))
        assert gateway.sees(lambda g: g.open == 0)

    async def run():
        async with httpx.AsyncClient() as client:
            await acloses(face, llm(http_async_client=client))
            assert await asyncio.to_thread(gateway.sees, lambda g: g.open == 0)
            await kept[1].aclose()

    asyncio.run(run())
    assert len(kept) == 2


async def abreaks(face, llm):
    async for _ in face.astream(llm):
        break


async def acloses(face, llm):
    texts = face.astream(llm)
    await anext(texts)
    await texts.aclose()


async def araises(face, llm):
    with contextlib.suppress(ZeroDivisionError):
        async for _ in face.astream(llm):
            raise ZeroDivisionError


async def adrops(face, llm):
    texts = face.astream(llm)
    await anext(texts)
    del texts


async def is_cancelled(face, llm):
    await cancelled(face, llm, 1)


async def is_cancelled_twice(face, llm):
    await cancelled(face, llm, 2)


async def times_out(face, llm):
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            async for _ in face.astream(llm):
                pass


async def cancelled(face, llm, times, pauses=1):
    begun = asyncio.Event()

    async def consume():
        async for _ in face.astream(llm):
            begun.set()

    task = asyncio.create_task(consume())
    await begun.wait()
    await asyncio.sleep(0.005)
    for _ in range(times):
        task.cancel()
        for _ in range(pauses):
            await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task


async def times_out_as_anyio_does(face, llm):
    with anyio.move_on_after(0.05) as scope:
        async for _ in face.astream(llm):
            pass
    assert scope.cancelled_caught


async def is_in_a_group_that_fails(face, llm):
    begun = asyncio.Event()

    async def consume():
        async for _ in face.astream(llm):
            begun.set()

    with contextlib.suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(consume())
            await begun.wait()
            raise ZeroDivisionError


LEAVING = [abreaks, acloses, araises, adrops, is_cancelled, is_cancelled_twice, times_out]
LEAVING += [times_out_as_anyio_does, is_in_a_group_that_fails]


@pytest.mark.parametrize("leave", LEAVING)
def test_the_gateway_sees_an_async_caller_leave(leave, face, llm, gateway, no_collector):
    gateway.script((BEGINNING, hold))

    async def run():
        await leave(face, llm())
        assert await asyncio.to_thread(gateway.sees, lambda g: g.open == 0)

    asyncio.run(run())


@pytest.mark.parametrize("steps", [(hold,), (sse(), hold), (sse(), drip(chunk(b": PING\n\n")))])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("whole", [True, False])
def test_a_call_that_is_cancelled_before_its_first_text(steps, times, whole, face, llm, gateway, no_collector):
    gateway.script(steps)

    async def stream(model):
        async for _ in face.astream(model):
            pass

    async def run():
        task = asyncio.create_task(face.aask(llm()) if whole else stream(llm()))
        assert await asyncio.to_thread(gateway.sees, lambda g: g.requests, 5.0)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(gateway.sees, lambda g: g.open == 0)

    asyncio.run(run())


@pytest.mark.parametrize("pauses", [0, 1, 2, 3])
def test_the_pool_never_runs_dry(pauses, face, llm, gateway):
    """Httpcore loses a connection when its own cleaning is broken into, wherever that happens (httpx#3782)."""

    async def run():
        gateway.script((BEGINNING, hold))
        await asyncio.gather(*(cancelled(face, llm(), 2, pauses) for _ in range(5)))
        assert await asyncio.to_thread(gateway.sees, lambda g: g.open == 0)
        pool = await pools.SHARED.for_loop()
        assert not pool._busy
        gateway.script((good,))
        assert await face.aask(llm()) == "Hello there"

    asyncio.run(run())


@pytest.mark.faces("transport")
def test_a_hundred_ends_leave_nothing(gateway, llm, face):
    """A bounded pool, so that a lost connection is missed. `make load` does it a thousand times."""
    gateway.script((BEGINNING, hold))
    with httpx.Client(limits=httpx.Limits(max_connections=2)) as client:
        for at in range(100):
            (breaks, closes, raises, drops)[at % 4](face, llm(http_client=client))
        gateway.script((good,))
        assert face.ask(llm(http_client=client)) == "Hello there"
    assert gateway.sees(lambda g: g.open == 0)
    assert len(gateway.requests) == 101


def test_close_shuts_idle_connections_and_spares_those_at_work(gateway, llm, face):
    gateway.script((good,), (BEGINNING, hold), (good,))
    model = llm()
    face.ask(model)
    assert gateway.open == 1
    texts = face.stream(model)
    next(texts)
    pools.SHARED.close()
    assert not gateway.sees(lambda g: g.open == 0, 0.1), "the call at work goes on"
    assert face.ask(model) == "Hello there"
    texts.close()
    pools.SHARED.close()
    assert gateway.sees(lambda g: g.open == 0)


def test_aclose_does_the_same(gateway, llm, face):
    async def run():
        gateway.script((good,), (BEGINNING, hold), (good,))
        model = llm()
        await face.aask(model)
        texts = face.astream(model)
        await anext(texts)
        await pools.SHARED.aclose()
        assert await face.aask(model) == "Hello there"
        await texts.aclose()
        await pools.SHARED.aclose()
        assert await asyncio.to_thread(gateway.sees, lambda g: g.open == 0)

    asyncio.run(run())


def test_both_classes_are_context_managers(gateway, llm, face):
    with llm() as model:
        face.ask(model)
    assert gateway.sees(lambda g: g.open == 0)

    async def run():
        async with llm() as model:
            await face.aask(model)
        assert await asyncio.to_thread(gateway.sees, lambda g: g.open == 0)

    asyncio.run(run())


def test_idle_connections_are_swept_without_another_call(gateway, llm, face, monkeypatch):
    monkeypatch.setattr(pools, "KEEP_SECONDS", 0.02)

    async def run():
        await asyncio.gather(*(face.aask(llm()) for _ in range(3)))
        assert await asyncio.to_thread(gateway.sees, lambda g: g.open == 0, 1.0)

    asyncio.run(run())


def test_a_generator_that_another_thread_drops(gateway, llm, face):
    gateway.script((BEGINNING, hold))
    texts = [face.stream(llm())]
    next(texts[0])
    thread = threading.Thread(target=texts.clear)
    thread.start()
    thread.join()
    assert gateway.sees(lambda g: g.open == 0)


@pytest.mark.faces("transport")
def test_the_client_is_not_needed_for_its_stream_to_live(gateway, face, llm):
    items = Client(llm()).stream({"model": "m", "messages": [], "stream": True})
    assert len(list(items)) == 4
