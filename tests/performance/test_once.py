"""What happens once: requests, connections, clients, conversions of tools, imports. Counted, without a clock."""

import asyncio
import gc
import socket
import subprocess
import sys
import threading

import httpx
import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.core.tools.types import ToolMetadata
from pydantic_core import to_json

from anyfast_transport import close_shared_connections
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM, tools
from tests.performance.streams import DOCUMENT, URL, InMemory, text


def models(answers, **more):
    clients = {
        "http_client": httpx.Client(transport=answers),
        "http_async_client": httpx.AsyncClient(transport=answers),
    }
    said = {"model": "m", "api_key": "k", "base_url": URL, **clients, **more}
    return ChatAnyfast(**said), AnyfastLLM(**said, context_window=1000)


async def each_way(chat, llm):
    """A whole answer by each way of asking for one."""
    asked, turn = [HumanMessage("hi")], [ChatMessage(content="hi")]
    yield chat.invoke(asked)
    yield await chat.ainvoke(asked)
    yield llm.chat(turn)
    yield await llm.achat(turn)
    yield llm.complete("hi")
    yield await llm.acomplete("hi")


async def each_stream(chat, llm):
    asked, turn = [HumanMessage("hi")], [ChatMessage(content="hi")]
    yield list(chat.stream(asked))
    yield [one async for one in chat.astream(asked)]
    yield list(llm.stream_chat(turn))
    yield [one async for one in await llm.astream_chat(turn)]
    yield list(llm.stream_complete("hi"))
    yield [one async for one in await llm.astream_complete("hi")]


@pytest.mark.parametrize(
    ("ways", "answers"), [(each_way, InMemory(document=DOCUMENT)), (each_stream, InMemory(events=text(4)))]
)
async def test_a_call_is_one_request(ways, answers):
    asked = 0
    async for _ in ways(*models(answers)):
        asked += 1
        assert answers.requests == asked
    assert asked == 6


# Connections


class Counting:
    """A server on loopback that answers every request alike, and counts its connections."""

    def __init__(self):
        body = to_json(DOCUMENT)
        self._answer = (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self.connections, self.requests = 0, 0
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=[connection], daemon=True))
            self._threads[-1].start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as lines:
            while head := lines.readline():
                length = 0
                while head.strip():
                    name, _, value = head.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                    head = lines.readline()
                lines.read(length)
                self.requests += 1
                connection.sendall(self._answer)

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=10)


@pytest.fixture
def counting():
    close_shared_connections()
    server = Counting()
    yield server
    close_shared_connections()
    server.stop()


def test_calls_in_a_row_take_one_connection(counting):
    chat = ChatAnyfast(model="m", api_key="k", base_url=counting.url)
    llm = AnyfastLLM(model="m", api_key="k", base_url=counting.url, context_window=1000)
    for _ in range(100):
        chat.invoke("hi")
        llm.chat([ChatMessage(content="hi")])
    assert (counting.requests, counting.connections) == (200, 1)


def test_async_calls_take_as_many_connections_as_there_are_at_once(counting):
    chat = ChatAnyfast(model="m", api_key="k", base_url=counting.url)

    async def waves():
        for _ in range(10):
            await asyncio.gather(*(chat.ainvoke("hi") for _ in range(20)))

    asyncio.run(waves())
    assert counting.requests == 200
    assert counting.connections <= 20


# Clients


def test_a_hundred_models_make_no_client_and_read_no_certificates(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("made before it was needed")

    for name in ("Client.__init__", "AsyncClient.__init__", "create_ssl_context"):
        monkeypatch.setattr(f"httpx.{name}", refuse)
    for _ in range(100):
        ChatAnyfast(model="m", api_key="k", base_url=URL)
        AnyfastLLM(model="m", api_key="k", base_url=URL)


NOT_NEEDED = ("openai", "starlette", "uvicorn", "anyfast_emulator", "anyfast_doctor", "tiktoken_ext", "langgraph")


@pytest.mark.parametrize(
    ("package", "framework", "other"),
    [
        ("langchain_anyfast", "langchain_core.language_models.chat_models", "llama_index"),
        ("llama_index_anyfast", "llama_index.core.llms.function_calling", "langchain_core"),
    ],
)
def test_an_import_brings_its_frameworks_core_and_httpx_and_no_more(package, framework, other):
    program = (
        f"import sys, httpx, {framework}; core = set(sys.modules); import {package}; "
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - core}))"
    )
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603  # our own words
    added = set(ran.stdout.split())
    assert {package, "anyfast_transport"} <= added
    assert not added & {*NOT_NEEDED, other}


# Tools


@pytest.fixture
def conversions(monkeypatch):
    """The tools whose schema LlamaIndex was asked for, in order."""
    asked = []
    write = ToolMetadata.to_openai_tool

    def noted(self, *args, **kwargs):
        asked.append(self.name)
        return write(self, *args, **kwargs)

    monkeypatch.setattr(ToolMetadata, "to_openai_tool", noted)
    return asked


def lookup(city: str) -> str:
    """Looks something up."""
    return city


def test_a_tool_is_converted_once_and_anew_when_it_was_changed(conversions):
    answers = InMemory(document=DOCUMENT)
    _, llm = models(answers)
    tool = FunctionTool.from_defaults(fn=lookup)
    for _ in range(3):
        llm.chat_with_tools([tool], user_msg="hi")
    assert conversions == ["lookup"]
    tool.metadata.description = "Looks up a city."
    (sent,) = tools.wire_tools([tool], strict=None)
    assert sent["function"]["description"] == "Looks up a city."
    assert conversions == ["lookup", "lookup"]


def test_a_strict_call_leaves_the_kept_tool_as_it_was(conversions):
    tool = FunctionTool.from_defaults(fn=lookup)
    (plain,), (strict,) = tools.wire_tools([tool], strict=None), tools.wire_tools([tool], strict=True)
    assert strict["function"] == {**plain["function"], "strict": True}
    assert "strict" not in tools.wire_tools([tool], strict=None)[0]["function"]
    assert conversions == ["lookup"]


def test_what_is_kept_of_a_tool_goes_with_it():
    gc.collect()
    kept = len(tools._CONVERTED)
    tool = FunctionTool.from_defaults(fn=lookup)
    tools.wire_tools([tool], strict=None)
    assert len(tools._CONVERTED) == kept + 1
    del tool
    gc.collect()
    assert len(tools._CONVERTED) == kept


# What LangChain asks a model for at each call


def test_a_model_is_dumped_as_its_fields_are_now():
    chat = ChatAnyfast(model="m", api_key="k", base_url=URL)
    assert "temperature" not in chat._serialized["kwargs"]
    chat.temperature = 0.5
    assert chat._serialized["kwargs"]["temperature"] == 0.5
    copy = chat.model_copy(update={"temperature": 0.7})
    assert copy._serialized["kwargs"]["temperature"] == 0.7
    assert chat._serialized["kwargs"]["temperature"] == 0.5
