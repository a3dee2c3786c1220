"""Many calls at once. The soak (`make soak`) does the same for minutes, with a ledger."""

import asyncio
import os
import threading

import pytest
from fault_gateway import DONE, END, TEXT, Gateway, chunk, delta, finish, good, reset, sse, whole

import anyfast_transport as af
from anyfast_transport import pools

LETTERS = [chunk(delta(content=letter)) for letter in TEXT]


@pytest.fixture(autouse=True)
def nothing_left(face):
    if face.name == "AnyfastLLM":
        pytest.skip("the same transport, and slow")


async def slow(caller):
    """A letter at a time, with a pause that lets all streams run at once."""
    await caller.send(sse())
    for letter in LETTERS:
        await caller.send(letter)
        await asyncio.sleep(0.02)
    await caller.send(chunk(finish()) + chunk(DONE) + END)


def outcome(result):
    return result if isinstance(result, str) else type(result).__name__


async def collect(face, model):
    return "".join([text async for text in face.astream(model)])


def files():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # names are enough


def test_300_streams_of_which_a_third_fail(face, gateway, llm):
    refused = (whole(b'{"error":{"message":"no"}}', 400),)
    cut = (sse(*[delta(content=letter) for letter in "Hel"]), reset)
    gateway.script(*[refused, cut, (good,), (slow,), (good,), (slow,)] * 50, (good,))

    async def run():
        results = await asyncio.gather(*(collect(face, llm()) for _ in range(300)), return_exceptions=True)
        return sorted(map(outcome, results))

    before = files()
    got = asyncio.run(run())
    expected = ["BadRequestError"] * 50 + [TEXT] * 200 + ["StreamInterruptedError"] * 50
    assert got == sorted(expected)
    assert len(gateway.requests) == 300
    assert gateway.sees(lambda g: g.open == 0, 1.0)
    assert gateway.sees(lambda g: files() <= before, 2.0)


def test_500_slow_streams(face, gateway, llm):
    if face.name != "transport":
        pytest.skip("the same transport, and slow")
    gateway.script((slow,))

    async def run():
        model = llm(timeout=30.0)
        return set(await asyncio.gather(*(collect(face, model) for _ in range(500))))

    before = files()
    assert asyncio.run(run()) == {TEXT}
    assert gateway.connections == 500
    assert gateway.sees(lambda g: g.open == 0, 1.0)
    assert gateway.sees(lambda g: files() <= before, 2.0)


def test_50_threads_at_once(face, gateway, llm):
    texts = []
    model = llm(timeout=30.0)
    threads = [threading.Thread(target=lambda: texts.append(face.ask(model))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == [TEXT] * 50
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
