"""Event loops of every make: streams that are left unread, and loops that are closed over us, end quietly."""

import asyncio
import gc
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import anyio
import pytest
from llama_index.core.llms import ChatMessage

from anyfast_emulator import Answer, Emulator
from anyfast_transport import AsyncClient
from anyfast_transport.http.sockets import AsyncSocket
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM

BODY = {"model": "deepseek-v4-pro", "messages": [{"role": "user", "content": "hi"}], "stream": True}


def _uvloop():
    return pytest.importorskip("uvloop")  # not on Windows


RUN = {
    "asyncio": lambda main: asyncio.run(main()),
    "uvloop": lambda main: _uvloop().run(main()),
    "anyio": anyio.run,
    "anyio on uvloop": lambda main: _uvloop() and anyio.run(main, backend_options={"use_uvloop": True}),
}
NEW_LOOP = {"asyncio": asyncio.new_event_loop, "uvloop": lambda: _uvloop().new_event_loop()}


@pytest.fixture(scope="module")
def gateway():
    with Emulator() as running:
        yield running


@pytest.fixture
def fields(gateway):
    gateway.reset()
    return {"model": BODY["model"], "base_url": gateway.base_url, "api_key": gateway.api_key, "max_retries": 0}


async def _chat(llm):
    return await llm.astream_chat([ChatMessage("hi")])


async def _complete(llm):
    return await llm.astream_complete("hi")


async def _astream(llm):
    return llm.astream("hi")


async def _stream(connection):
    return AsyncClient(connection).stream(BODY)


STREAMS = {
    "astream": (ChatAnyfast, _astream),
    "astream_chat": (AnyfastLLM, _chat),
    "astream_complete": (AnyfastLLM, _complete),
    "AsyncClient.stream": (ChatAnyfast, _stream),
}


@pytest.mark.parametrize("held", [True, False], ids=["held", "dropped"])
@pytest.mark.parametrize("way", STREAMS)
@pytest.mark.parametrize("loop", RUN)
def test_a_stream_that_is_left_unread_ends_quietly(loop, way, held, fields, gateway, monkeypatch):
    cls, stream = STREAMS[way]
    said, kept = [], []
    gc.collect()  # what other tests have left is not of this one
    monkeypatch.setattr(sys, "unraisablehook", lambda told: said.append(repr(told.exc_value)))

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, told: said.append(told["message"]))
        gateway.script(Answer(reasoning="abc", text="hello there " * 5))
        items = await stream(cls(**fields))
        async for _ in items:
            break
        if held:
            kept.append(items)

    RUN[loop](main)
    kept.clear()
    gc.collect()
    assert not said


@pytest.mark.parametrize("cls", [ChatAnyfast, AnyfastLLM])
@pytest.mark.parametrize("make", NEW_LOOP.values(), ids=NEW_LOOP)
def test_a_loop_that_is_closed_over_us_does_not_reach_the_next(make, cls, fields):
    llm = cls(**fields)
    for _ in range(4):
        loop = make()
        try:
            assert loop.run_until_complete(llm.ainvoke("hi") if cls is ChatAnyfast else llm.acomplete("hi")).text
        finally:
            loop.close()  # without shutting its async generators down


NESTED = """
import asyncio, sys, nest_asyncio
nest_asyncio.apply()
from langchain_anyfast import ChatAnyfast
llm = ChatAnyfast(model="deepseek-v4-pro", base_url=sys.argv[1], api_key=sys.argv[2])
async def read():
    return "".join([chunk.text async for chunk in llm.astream("hi")])
async def main():
    print(asyncio.run(read()) == (await read()))
    asyncio.get_running_loop().run_until_complete(read())
    print(bool((await llm.ainvoke("hi")).text))
asyncio.run(main())
print(bool(asyncio.run(llm.ainvoke("hi")).text))
"""


def test_loops_within_loops(gateway):
    pytest.importorskip("nest_asyncio")
    gateway.reset()
    command = [sys.executable, "-c", NESTED, gateway.base_url, gateway.api_key]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own words
    assert (done.stdout.split(), done.stderr) == (["True"] * 3, "")


def test_a_socket_is_not_taken_for_the_next_of_its_number(tmp_path):
    """uvloop's go on to tell their number after they were closed."""
    first = (tmp_path / "first").open("w")
    sock = AsyncSocket(SimpleNamespace(fileno=partial(int, first.fileno())))
    assert sock.is_open
    first.close()
    with (tmp_path / "second").open("w") as second:
        assert second.fileno() == sock._handed_out.fileno()
        assert not sock.is_open
        sock.hang_up()
        sock.let_go(-1)
        assert second.write("still here")
