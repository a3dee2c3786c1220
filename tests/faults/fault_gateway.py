"""A gateway of raw bytes on the loopback, and the faces that it is met through."""

import asyncio
import contextlib
import json
import os
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

KEY = "K7" + "q9Zx" * 11
"""Long enough to be cut short, and like no key of anyone."""

TEXT, REASONING = "Hello there", "Let me see"


def delta(**fields):
    return b"data: %s\n\n" % json.dumps({"id": "c1", "model": "m", "choices": [{"index": 0, "delta": fields}]}).encode()


def finish(reason="stop"):
    return b"data: %s\n\n" % json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}).encode()


DONE = b"data: [DONE]\n\n"
EVENTS = (delta(reasoning_content=REASONING), delta(content="Hello "), delta(content="there"), finish(), DONE)
MESSAGE = {"role": "assistant", "content": TEXT, "reasoning_content": REASONING}
JSON = json.dumps(
    {"id": "c1", "model": "m", "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}], "usage": None}
).encode()


def head(status=200, kind="application/json", *lines, length=None):
    framing = [] if length is None else [f"content-length: {length}"]
    return "\r\n".join([f"HTTP/1.1 {status} X", f"content-type: {kind}", *framing, *lines, "", ""]).encode()


def whole(body=JSON, status=200, kind="application/json", *lines):
    return head(status, kind, *lines, length=len(body)) + body


def sse(*events, lines=()):
    """Events in chunked coding; without a `DONE` at the end of the chunks the connection stays open."""
    return head(200, "text/event-stream", "transfer-encoding: chunked", *lines) + b"".join(map(chunk, events))


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


END = b"0\r\n\r\n"


class Caller:
    """The gateway's end of one connection."""

    def __init__(self, gateway, reader, writer):
        self.gateway, self.reader, self.writer = gateway, reader, writer
        self.streams = False

    async def request(self):
        try:
            start = await self.reader.readuntil(b"\r\n\r\n")
            lengths = [line for line in start.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            body = await self.reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)
        except (asyncio.IncompleteReadError, OSError):
            return None
        self.streams = b'"stream":true' in body.replace(b" ", b"")
        return start + body

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    @property
    def gone(self):
        return self.reader.at_eof() or self.writer.is_closing()


# Steps of an answer. Bytes are sent as they are; these are called with the caller.


async def good(caller):
    await caller.send(sse(*EVENTS) + END if caller.streams else whole())


async def part(caller):
    """The beginning of a good answer: text and reasoning, or half of a JSON body."""
    if caller.streams:
        await caller.send(sse(*EVENTS[:3]))
    else:
        await caller.send(head(length=len(JSON)) + JSON[:-20])


async def bare(caller):
    """The head of a good answer, and nothing else."""
    await caller.send(sse() if caller.streams else head(length=len(JSON)))


async def hold(caller):
    """Says no more until the client hangs up."""
    with contextlib.suppress(OSError):
        while await caller.reader.read(65536):
            pass


async def close(caller):
    caller.writer.close()


async def reset(caller):
    sock = caller.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    caller.writer.close()


def drip(piece, every=0.01):
    """Sends a piece again and again until the client hangs up."""

    async def step(caller):
        while not caller.gone:
            await caller.send(piece)
            await asyncio.sleep(every)

    return step


def flood(piece, times):
    async def step(caller):
        for _ in range(times):
            if caller.gone:
                return
            caller.gateway.sent += len(piece)
            await caller.send(piece)

    return step


def both(for_whole, for_stream):
    """One step for calls that stream, another for those that do not."""

    async def step(caller):
        one = for_stream if caller.streams else for_whole
        await (caller.send(one) if isinstance(one, bytes) else one(caller))

    return step


class Gateway:
    """Answers each request with the next of its scripted answers; the last one is repeated."""

    def __init__(self):
        self.requests, self.hangups = [], []
        self.connections = self.open = self.sent = self.port = 0
        self.answers = [(good,)]
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def script(self, *answers):
        self.answers = list(answers)

    def start(self):
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def stop(self):
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(5)
        assert not self._thread.is_alive()

    def sees(self, condition, within=0.2):
        """Whether something is true soon."""
        end = time.monotonic() + within
        while not condition(self):
            if time.monotonic() > end:
                return False
            time.sleep(0.002)
        return True

    async def _run(self):
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._tasks, self._writers = set(), set()
        server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        self._ready.set()
        await self._over.wait()
        await self._turns()
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._turns()

    async def _turns(self):
        """Asyncio needs some to make a transport of what it has accepted, and to close one."""
        for _ in range(5):
            await asyncio.sleep(0.001)

    def _accepted(self, reader, writer):
        self._writers.add(writer)
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader, writer):
        caller = Caller(self, reader, writer)
        self.connections += 1
        self.open += 1
        try:
            while not writer.is_closing() and (request := await caller.request()) is not None:
                self.requests.append(request)
                for step in self._next(request):
                    await (caller.send(step) if isinstance(step, bytes) else step(caller))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self.hangups.append(time.monotonic())
            with contextlib.suppress(OSError):
                writer.close()
                await writer.wait_closed()
            self._writers.discard(writer)

    def _next(self, _request):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass
class Face:
    """One of the classes that users hold, with its four ways to ask.

    `ask` and `aask` give the text of a whole answer; `stream` and `astream` yield texts.
    """

    name: str
    make: object
    ask: object
    aask: object
    stream: object
    astream: object
    typed: tuple = field(default=())

    async def _texts(self, llm):
        return [text async for text in self.astream(llm)]

    def run(self, mode, llm):
        """One call, to its end."""
        match mode:
            case "invoke":
                return self.ask(llm)
            case "ainvoke":
                return asyncio.run(self.aask(llm))
            case "stream":
                return "".join(self.stream(llm))
            case "astream":
                return "".join(asyncio.run(self._texts(llm)))


def _transport():
    import anyfast_transport as af

    def body(stream):
        return {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": stream}

    def stream(connection):
        for item in (generator := af.Client(connection).stream(body(True))):
            if isinstance(item, af.Delta):
                yield item.text
        generator.close()

    async def aask(connection):
        return (await af.AsyncClient(connection).complete(body(False))).choice.text

    async def astream(connection):
        async with contextlib.aclosing(af.AsyncClient(connection).stream(body(True))) as items:
            async for item in items:
                if isinstance(item, af.Delta):
                    yield item.text

    return Face(
        "transport",
        af.Connection,
        lambda connection: af.Client(connection).complete(body(False)).choice.text,
        aask,
        stream,
        astream,
        (af.AnyfastError,),
    )


def _langchain(name, make, typed):
    async def aask(llm):
        return (await llm.ainvoke("hi")).text

    def stream(llm):
        return (chunk.text for chunk in llm.stream("hi"))

    async def astream(llm):
        async with contextlib.aclosing(llm.astream("hi")) as chunks:
            async for chunk in chunks:
                yield chunk.text

    return Face(name, make, lambda llm: llm.invoke("hi").text, aask, stream, astream, typed)


def _llama_index(name, make, typed):
    from llama_index.core.llms import ChatMessage

    ask = [ChatMessage(role="user", content="hi")]

    async def aask(llm):
        return (await llm.achat(ask)).message.content or ""

    def stream(llm):
        return (response.delta or "" for response in llm.stream_chat(ask))

    async def astream(llm):
        async with contextlib.aclosing(await llm.astream_chat(ask)) as responses:
            async for response in responses:
                yield response.delta or ""

    return Face(name, make, lambda llm: llm.chat(ask).message.content or "", aask, stream, astream, typed)


def _chat_anyfast():
    from anyfast_transport import AnyfastError
    from langchain_anyfast import ChatAnyfast

    return _langchain("ChatAnyfast", lambda **fields: ChatAnyfast(model="m", **fields), (AnyfastError,))


def _anyfast_llm():
    from anyfast_transport import AnyfastError
    from llama_index_anyfast import AnyfastLLM

    return _llama_index(
        "AnyfastLLM", lambda **fields: AnyfastLLM(model="m", context_window=8000, **fields), (AnyfastError,)
    )


def _chat_openai():
    import openai
    from langchain_core.exceptions import ModelError
    from langchain_openai import ChatOpenAI

    return _langchain("ChatOpenAI", lambda **fields: ChatOpenAI(model="m", **fields), (openai.OpenAIError, ModelError))


def _openai_like():
    import openai
    from llama_index.llms.openai_like import OpenAILike

    def make(base_url, **fields):
        return OpenAILike(model="m", is_chat_model=True, context_window=8000, api_base=base_url, **fields)

    return _llama_index("OpenAILike", make, (openai.OpenAIError,))


FACES = {
    "transport": _transport,
    "ChatAnyfast": _chat_anyfast,
    "AnyfastLLM": _anyfast_llm,
    "ChatOpenAI": _chat_openai,
    "OpenAILike": _openai_like,
}
OURS = ("transport", "ChatAnyfast", "AnyfastLLM")
TESTED = tuple(filter(None, os.environ.get("FAULTS_AGAINST", "").split(","))) or OURS
"""FAULTS_AGAINST=ChatOpenAI,OpenAILike turns the suite on other classes; see compare.py."""

MODES = ("invoke", "ainvoke", "stream", "astream")
