"""Event loops, threads and processes: each call sends one request, on a connection that nobody else has."""

import asyncio
import contextlib
import gc
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import warnings
from pathlib import Path

import pytest

from anyfast_transport import AnyfastError
from anyfast_transport.http import connections as pools
from tests.faults.fault_faces import KEY
from tests.faults.fault_gateway import END, EVENTS, TEXT, chunk, good, hold, sse, wait


def test_ten_loops_in_a_row(face, gateway, llm):
    model = llm()
    for _ in range(10):
        assert asyncio.run(face.aask(model)) == TEXT
        assert gateway.sees(lambda g: g.open == 0), "the loop took its connections along"
    assert len(gateway.requests) == 10


def test_one_loop_keeps_its_connection(face, gateway, llm):
    async def run():
        for _ in range(5):
            assert await face.aask(llm()) == TEXT
            assert "".join([text async for text in face.astream(llm())]) == TEXT

    asyncio.run(run())
    assert len(gateway.requests) == 10
    assert gateway.connections == 1


def test_eight_threads_with_a_loop_each(face, gateway, llm):
    model, texts = llm(), []

    async def several():
        return await asyncio.gather(*(face.aask(model) for _ in range(5)))

    def work():
        texts.extend(asyncio.run(several()))
        texts.append(face.ask(model))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert texts == [TEXT] * 48
    assert len(gateway.requests) == 48


def test_sync_within_a_running_loop(face, gateway, llm):
    async def run():
        assert face.ask(llm()) == TEXT
        assert "".join(face.stream(llm())) == TEXT
        assert await face.aask(llm()) == TEXT

    asyncio.run(run())
    assert len(gateway.requests) == 3


def test_a_loop_that_is_closed_without_ceremony(face, gateway, llm):
    """As LlamaIndex's `asyncio_run` closes its loops. The next loop closes what that one left behind."""
    warnings.simplefilter("ignore", ResourceWarning)  # asyncio's own, of transports whose loop is gone
    for _ in range(3):
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(face.aask(llm())) == TEXT
        loop.close()
    assert asyncio.run(face.aask(llm())) == TEXT
    assert len(gateway.requests) == 4
    assert gateway.sees(lambda g: g.open == 0)
    gc.collect()


def _in_a_child(work):
    """Runs `work` after a fork, and says whether it was well."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_fork_after_use(face, gateway, llm):
    pools.SHARED.close()
    model = llm()
    face.ask(model)
    (mine,) = {
        str(Path(f"/proc/self/fd/{sock.fileno()}").readlink()) for sock in pools.SHARED._sockets if sock.fileno() >= 0
    }

    def child():
        theirs = {str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.exists()}
        assert mine not in theirs, "the parent's socket is still open"
        assert face.ask(model) == TEXT
        assert asyncio.run(face.aask(model)) == TEXT

    assert _in_a_child(child) == 0
    assert face.ask(model) == TEXT
    assert len(gateway.requests) == 4
    assert gateway.connections == 3, "the parent's connection was kept"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_parent_can_hang_up_while_its_child_lives(face, gateway, llm):
    gateway.script((sse(*EVENTS[:3]), hold), (good,))
    texts = face.stream(llm())
    next(texts)
    with _living_child():
        texts.close()
        assert gateway.sees(lambda g: g.open == 0)

    async def run():
        gateway.script((sse(*EVENTS[:3]), hold), (good,))
        texts = face.astream(llm())
        await anext(texts)
        with _living_child():
            await texts.aclose()
            assert await asyncio.to_thread(gateway.sees, lambda g: g.open == 0)

    asyncio.run(run())


@contextlib.contextmanager
def _living_child():
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    try:
        yield
    finally:
        os.write(writing, b"x")
        os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_child_does_not_read_its_parents_stream(face, gateway, llm):
    """What the child does with the generator that it inherited takes nothing from the parent."""
    half, rest = sse(*EVENTS[:2]), b"".join(map(chunk, EVENTS[2:])) + END

    gateway.script((half, wait, rest))
    texts = face.stream(llm())
    begun = next(texts)

    def child():
        with contextlib.suppress(AnyfastError):
            "".join(texts)
            raise AssertionError

    assert _in_a_child(child) == 0
    gateway.go_on()
    assert begun + "".join(texts) == TEXT


@pytest.mark.faces("ChatAnyfast")  # one new process is enough
def test_spawn(face, gateway, llm):
    """A pickle holds no key: the new process reads it from its own environment.

    It ends without a word about an unclosed client or a coroutine that nobody awaited, however it leaves.
    """
    program = textwrap.dedent("""
        import asyncio, pickle, sys

        model = pickle.load(sys.stdin.buffer)
        print(model.invoke("hi").text)
        for _ in model.stream("hi"):
            break
        async def run():
            await model.ainvoke("hi")
            async for _ in model.astream("hi"):
                break
            dropped = model.astream("hi")
            await anext(dropped)
        asyncio.run(run())
        asyncio.run(run())
        kept = model.stream("hi")
        next(kept)
    """)
    pickled = pickle.dumps(llm(timeout=50.0))
    assert KEY.encode() not in pickled
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        input=pickled,
        capture_output=True,
        env={**os.environ, "ANYFAST_API_KEY": KEY},
        check=False,
    )
    # Asyncio's debug mode also tells of whatever took long, which is this machine's affair.
    said = [line for line in done.stderr.decode().splitlines() if not line.startswith("Executing <")]
    assert (done.returncode, said) == (0, [])
    assert done.stdout.decode().strip() == TEXT
    assert len(gateway.requests) == 9
