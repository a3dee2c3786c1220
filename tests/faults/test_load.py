"""Many calls at once, in small. `make load` does it in the numbers that are promised, `make soak` for minutes."""

import asyncio
import os
import threading

import pytest

import anyfast_transport as af
from anyfast_transport.http import connections as pools
from tests.faults.fault_gateway import TEXT, Gateway, delta, good, reset, slowly, sse, whole

SLOW = slowly(0.01)  # which lets all streams run at once


def outcome(result):
    return result if isinstance(result, str) else type(result).__name__


async def collect(face, model):
    return "".join([text async for text in face.astream(model)])


def files():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # names are enough


def test_60_streams_of_which_a_third_fail(face, gateway, llm):
    refused = (whole(b'{"error":{"message":"no"}}', 400),)
    cut = (sse(*[delta(content=letter) for letter in "Hel"]), reset)
    gateway.script(*[refused, cut, (good,), (SLOW,), (good,), (SLOW,)] * 10, (good,))

    async def run():
        model = llm(timeout=30.0)
        results = await asyncio.gather(*(collect(face, model) for _ in range(60)), return_exceptions=True)
        return sorted(map(outcome, results))

    before = files()
    assert asyncio.run(run()) == sorted(["BadRequestError"] * 10 + [TEXT] * 40 + ["StreamInterruptedError"] * 10)
    assert len(gateway.requests) == 60
    assert gateway.sees(lambda g: g.open == 0, 1.0)
    assert gateway.sees(lambda g: files() <= before, 2.0)


def test_20_threads_at_once(face, gateway, llm):
    texts = []
    model = llm(timeout=30.0)
    threads = [threading.Thread(target=lambda: texts.append(face.ask(model))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == [TEXT] * 20
    pools.SHARED.close()
    assert gateway.sees(lambda g: g.open == 0, 1.0)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_server_that_is_restarted_under_way(asynchronous, face, llm):
    """Idle connections to the old one are dead; no call may be lost for that, and none be made twice."""
    first = Gateway().start()
    model = llm(base_url=first.base_url)
    port = first.port

    async def run(ask):
        assert await ask() == TEXT
        await asyncio.to_thread(first.stop)
        with pytest.raises(af.APIConnectionError):
            await ask()
        second = Gateway()
        second.port = port
        await asyncio.to_thread(second.start)
        try:
            assert await ask() == TEXT
            assert len(second.requests) == 1
        finally:
            await asyncio.to_thread(second.stop)

    if asynchronous:
        asyncio.run(run(lambda: face.aask(model)))
    else:
        asyncio.run(run(lambda: asyncio.to_thread(face.ask, model)))
