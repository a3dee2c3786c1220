"""A gateway of raw bytes on the loopback. The soak and the load use it, too."""

import asyncio
import atexit
import contextlib
import functools
import json
import socket
import struct
import threading
import time

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


async def wait(caller):
    """Until the test says `gateway.go_on()`."""
    await caller.gateway.gate.wait()


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


def slowly(pause):
    """Streams the text a letter at a time, with a pause behind each."""

    async def step(caller):
        await caller.send(sse())
        for letter in TEXT:
            await caller.send(chunk(delta(content=letter)))
            await asyncio.sleep(pause)
        await caller.send(chunk(finish()) + chunk(DONE) + END)

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


class EventLoop:
    """The loop of all gateways of a process, in a thread of its own: to start a thread for each test is slow."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        atexit.register(self._stop)

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def _stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


@functools.cache
def event_loop():
    return EventLoop()


class Gateway:
    """Answers each request with the next of its scripted answers; the last one is repeated.

    Attributes:
        greeting: Steps for a connection, before any request.
    """

    def __init__(self, tls=None):
        self.requests, self.greeting = [], ()
        self.connections = self.open = self.sent = self.port = 0
        self.answers = [(good,)]
        self.gate = asyncio.Event()
        self._tls, self._tasks, self._writers, self._server = tls, set(), set(), None

    def script(self, *answers):
        self.answers = list(answers)

    def start(self):
        event_loop().run(self._start())
        return self

    def stop(self):
        event_loop().run(self._stop())

    def go_on(self):
        event_loop().loop.call_soon_threadsafe(self.gate.set)

    def sees(self, condition, within=0.2):
        """Whether something is true soon: in so many turns of 2 ms, however long these take on a busy machine."""
        for _ in range(int(within / 0.002)):
            if condition(self):
                return True
            time.sleep(0.002)
        return condition(self)

    async def _start(self):
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port, backlog=1024, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http{'s' if self._tls else ''}://{'localhost' if self._tls else '127.0.0.1'}:{self.port}/v1"

    async def _stop(self):
        server, self._server = self._server, None
        for sock in server.sockets:
            event_loop().loop.remove_reader(sock)
        # asyncio forgets to close a connection that it accepted just before its server was closed.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accepted(self, reader, writer):
        if self._server is None:  # accepted while it was being stopped
            writer.transport.abort()
            return
        self._writers.add(writer)
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader, writer):
        caller = Caller(self, reader, writer)
        self.connections += 1
        self.open += 1
        try:
            await self._take(self.greeting, caller)
            while not writer.is_closing() and (request := await caller.request()) is not None:
                self.requests.append(request)
                await self._take(self._next(request), caller)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            with contextlib.suppress(OSError):
                writer.close()
                await writer.wait_closed()
            self._writers.discard(writer)

    async def _take(self, steps, caller):
        for step in steps:
            await (caller.send(step) if isinstance(step, bytes) else step(caller))

    def _next(self, _request):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
