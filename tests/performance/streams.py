"""Streamed answers in memory, and what is counted while they are read: calls, never seconds."""

import gc
import json
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator

import httpx

URL = "http://127.0.0.1:1/v1"
HEAD = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "bench", "system_fingerprint": "fp"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def event(delta, finish_reason=None):
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return b"data: " + json.dumps({**HEAD, "choices": [choice], "usage": None}).encode() + b"\n\n"


def last_events(finish_reason):
    usage = b"data: " + json.dumps({**HEAD, "choices": [], "usage": USAGE}).encode() + b"\n\n"
    return [event({"content": ""}, finish_reason), usage, b"data: [DONE]\n\n"]


def text(chunks, size=8):
    """Half of it is reasoning."""
    said = [event({"content": None, "reasoning_content": "r" * size}) for _ in range(chunks // 2)]
    said += [event({"content": "t" * size}) for _ in range(chunks - chunks // 2)]
    return [event({"role": "assistant", "content": ""}), *said, *last_events("stop")]


def calls(chunks, size=8):
    """One call, whose arguments come in pieces."""
    first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "find", "arguments": ""}}
    pieces = ['{"text": "', *["a" * size] * chunks, '"}']
    said = [event({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}) for piece in pieces]
    return [event({"role": "assistant", "tool_calls": [first]}), *said, *last_events("tool_calls")]


class InMemory(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers each request with the same events, one in each piece, or with one document."""

    def __init__(self, events=None, document=None):
        self.events, self.document, self.requests = events, document, 0

    def _answer(self):
        self.requests += 1
        if self.document is not None:
            return httpx.Response(200, json=self.document)
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Pieces(self.events))

    def handle_request(self, request):
        request.read()
        return self._answer()

    async def handle_async_request(self, request):
        await request.aread()
        return self._answer()


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, events):
        self._events = events

    def __iter__(self) -> Iterator[bytes]:
        yield from self._events

    async def __aiter__(self):
        for one in self._events:
            yield one


DOCUMENT = {
    **HEAD,
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
    "usage": USAGE,
}


def counted(work: Callable[[], object]) -> Counter[str]:
    """How often each function was called, Python's and C's, by its name; "" is the sum."""
    found: Counter[str] = Counter()

    def note(frame, what, function):
        if what == "call":
            found[frame.f_code.co_name] += 1
        elif what == "c_call":
            found[function.__name__] += 1

    gc.disable()  # what it finalizes would be counted, too
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
        gc.enable()
    found[""] = found.total()
    return found


def per_step(work: Callable[[int], Callable[[], object]], size: int) -> Counter[str]:
    """What `size` more steps add, after the first `size`."""
    work(4)()  # what is done once is done; a single chunk has no reasoning
    more, fewer = counted(work(2 * size)), counted(work(size))
    return Counter({name: (more[name] - fewer[name]) / size for name in more})


def growth(work: Callable[[int], Callable[[], object]], size: int) -> float:
    """How much more the second half of a doubling costs than the first: 1 is linear, 2 is quadratic."""
    work(4)()
    small, middle, large = (counted(work(n))[""] for n in (size, 2 * size, 4 * size))
    return (large - middle) / (2 * (middle - small))


def copied(steps: Iterator[object]) -> list[int]:
    """The bytes that each step needs beside what it leaves behind, a copy of what came before among them."""
    found = []
    tracemalloc.start()
    try:
        for _ in range(10**9):
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            if next(steps, None) is None:
                return found
            found.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    return found
