"""Ctrl-C, cancelling and closing, at whatever point a call has come to."""

import asyncio
import signal
import threading

import pytest

from anyfast_transport.http import connections as pools
from anyfast_transport.http import retries
from tests.faults.fault_gateway import bare, good, hold, part, wait, whole


@pytest.fixture
def hears_ctrl_c():
    """A shell starts what runs in its background with the signal switched off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("steps", [(hold,), (bare, hold), (part, hold)], ids=["before the head", "behind it", "within"])
@pytest.mark.parametrize("mode", ["invoke", "stream"])
def test_ctrl_c(steps, mode, face, llm, gateway, hears_ctrl_c):
    """The signal comes while the main thread waits in a socket."""
    begun, main = threading.Event(), threading.main_thread().ident

    async def tell(_):
        begun.set()

    def interrupt():
        begun.wait(5)
        gateway.sees(lambda _: False, 0.02)  # until the caller waits again
        signal.pthread_kill(main, signal.SIGINT)

    gateway.script((*steps[:-1], tell, hold))
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        face.run(mode, llm())
    thread.join()
    assert gateway.sees(lambda g: g.open == 0)
    gateway.script((good,))
    assert face.run(mode, llm()) == "Hello there"


def test_a_call_that_is_cancelled_between_two_attempts(face, llm, gateway, monkeypatch):
    monkeypatch.setattr(retries, "FIRST_DELAY", 60.0)
    gateway.script((whole(b"", 503),))

    async def run():
        task = asyncio.create_task(face.aask(llm(timeout=600.0)))
        assert await asyncio.to_thread(gateway.sees, lambda g: g.requests, 5.0)
        await asyncio.to_thread(gateway.sees, lambda _: False, 0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert len(gateway.requests) == 1
    assert gateway.sees(lambda g: g.open == 0)


def test_a_call_that_is_cancelled_in_its_handshake(face, llm, gateway):
    gateway.greeting = (hold,)

    async def run():
        task = asyncio.create_task(face.aask(llm(base_url=gateway.base_url.replace("http:", "https:"))))
        assert await asyncio.to_thread(gateway.sees, lambda g: g.open, 5.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(gateway.sees, lambda g: g.open == 0)

    asyncio.run(run())


def test_closing_while_a_sync_call_waits(face, llm, gateway):
    """Another thread closes the shared connections; the call goes on, and its connection is not kept."""
    gateway.script((wait, good))
    texts = []
    thread = threading.Thread(target=lambda: texts.append(face.ask(llm())))
    thread.start()
    assert gateway.sees(lambda g: g.requests, 5.0)
    pools.SHARED.close()
    gateway.go_on()
    thread.join()
    assert texts == ["Hello there"]
    assert gateway.sees(lambda g: g.open == 0)


def test_closing_while_a_call_waits(face, llm, gateway):
    """Another task closes the shared connections; the call goes on, and ends as it would."""

    gateway.script((wait, good))

    async def run():
        task = asyncio.create_task(face.aask(llm()))
        assert await asyncio.to_thread(gateway.sees, lambda g: g.requests, 5.0)
        await pools.SHARED.aclose()
        gateway.go_on()
        assert await task == "Hello there"
        assert await asyncio.to_thread(gateway.sees, lambda g: g.open == 0)

    asyncio.run(run())
