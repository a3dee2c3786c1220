# ruff: noqa: T201  # what it has to say is printed
"""Calls of every kind against a gateway that fails at random, with a ledger on both sides that must balance.

`make soak SECONDS=600`. Each call asks for its own number. The gateway writes down how it treated each request for that
number; the callers write down how each call ended. Then the two are compared: no request that no call accounts for, no
answer twice or for another call, no end other than the gateway's treatment explains.
"""

import asyncio
import contextlib
import gc
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from pathlib import Path

import anyfast_transport as af
from anyfast_transport.http import retries
from tests.faults.fault_faces import KEY
from tests.faults.fault_gateway import DONE, END, Gateway, chunk, close, delta, finish, head, hold, reset, sse, whole

THREADS, TASKS, LOOPS, MAX_RETRIES, TIMEOUT = 4, 25, 2, 2, 30.0
NUMBER = re.compile(rb"call (\d+)\.")

AGAIN = {"500", "429", "closed", "reset"}
"""Treatments after which a call is sent again."""

ENDS = {
    "good": {"answer"},
    "500": {"ServerError"},
    "429": {"RateLimitError"},
    "closed": {"APIConnectionError"},
    "reset": {"APIConnectionError"},
    "quota": {"QuotaExceededError"},
    "cut": {"APIConnectionError", "StreamInterruptedError"},
    "no finish": {"InvalidResponseError", "StreamInterruptedError"},
    "error inside": {"BadRequestError", "StreamInterruptedError"},
    "not json": {"InvalidResponseError", "StreamInterruptedError"},
    "silent": {"APITimeoutError"},
}
WEIGHTS = {"good": 700, "silent": 1}
"""How often; 20 for what is not named."""


def answer(number):
    return f"The answer to call {number}."


class Soaking(Gateway):
    """Treats each request as chance has it, and writes it down."""

    def __init__(self):
        super().__init__()
        self.ledger = defaultdict(list)
        self._chance = random.Random(20261120)  # noqa: S311  # chance, not secrecy
        self._names, self._weights = zip(*((name, WEIGHTS.get(name, 20)) for name in ENDS), strict=True)

    def _next(self, request):
        self.requests.clear()
        if request.startswith(b"GET"):
            return (whole(json.dumps(self.ledger).encode()), close)
        number = int(NUMBER.search(request).group(1))
        (name,) = self._chance.choices(self._names, self._weights)
        self.ledger[number].append(name)
        return self._steps(name, answer(number), b'"stream":true' in request)

    def _steps(self, name, text, streams):
        body = json.dumps(
            {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
        ).encode()
        events = [delta(content=word) for word in re.split(r"(?<= )", text)]
        refusal = b'{"error":{"message":"no","code":"%s"}}'
        error = b'{"error":{"message":"no","code":400}}'
        whole_or_stream = {
            "good": ((whole(body),), (sse(*events, finish(), DONE) + END,)),
            "cut": ((head(length=len(body)) + body[:-5], close), (sse(*events[:2]), reset)),
            "no finish": ((whole(body[:-5]),), (sse(*events) + END,)),
            "error inside": ((whole(error),), (sse(*events[:2], b"data: " + error + b"\n\n") + END,)),
            "not json": ((whole(b"oops"),), (sse(b"data: oops\n\n") + END,)),
            "silent": ((hold,), (sse(*events[:1]), chunk(b": PING\n\n"), hold)),
        }
        both = {
            "500": (whole(refusal % b"500", 500),),
            "429": (whole(refusal % b"429", 429, "application/json", "retry-after-ms: 2"),),
            "closed": (close,),
            "reset": (reset,),
            "quota": (whole(refusal % b"insufficient_user_quota", 403),),
        }
        return both.get(name) or whole_or_stream[name][streams]


class Callers:
    """Makes calls until the time is over, and writes down how they end."""

    def __init__(self, base_url, seconds):
        from langchain_anyfast import ChatAnyfast
        from llama_index_anyfast import AnyfastLLM

        fields = {"base_url": base_url, "api_key": KEY, "timeout": TIMEOUT, "max_retries": MAX_RETRIES}
        self.chat, self.llm = ChatAnyfast(model="m", **fields), AnyfastLLM(model="m", context_window=8000, **fields)
        self.transport = af.Connection(**fields)
        self.over = time.monotonic() + seconds
        self.ends = {}
        self._numbers = iter(range(1 << 60))
        self._lock = threading.Lock()
        self._chance = random.Random(6)  # noqa: S311  # chance, not secrecy

    def _next(self):
        with self._lock:
            return next(self._numbers), self._chance.random()

    def run(self):
        work = [self._sync] * THREADS + [lambda: asyncio.run(self._loop())] * LOOPS
        threads = [threading.Thread(target=one) for one in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asyncio.run(self._silence())

    async def _silence(self):
        """The tidying up that a process does at its end."""
        af.close_shared_connections()
        await af.aclose_shared_connections()

    def _sync(self):
        while (started := time.monotonic()) < self.over:
            number, luck = self._next()
            try:
                end = self._one(f"call {number}.", luck)
            except af.AnyfastError as error:
                end = type(error).__name__
            self.ends[number] = end, time.monotonic() - started

    def _one(self, prompt, luck):
        if luck < 0.3:
            return self.chat.invoke(prompt).text
        if luck < 0.5:
            return self.llm.complete(prompt).text
        if luck < 0.6:
            for _ in self.chat.stream(prompt):
                break
            return "left"
        if luck < 0.8:
            return "".join(response.delta or "" for response in self.llm.stream_complete(prompt))
        return "".join(chunk_.text for chunk_ in self.chat.stream(prompt))

    async def _loop(self):
        await asyncio.gather(*(self._async() for _ in range(TASKS)))

    async def _async(self):
        while (started := time.monotonic()) < self.over:
            number, luck = self._next()
            try:
                end = await self._aone(f"call {number}.", luck)
            except af.AnyfastError as error:
                end = type(error).__name__
            self.ends[number] = end, time.monotonic() - started

    async def _aone(self, prompt, luck):
        if luck < 0.3:
            return (await self.chat.ainvoke(prompt)).text
        if luck < 0.5:
            return (await self.llm.acomplete(prompt)).text
        if luck < 0.65:
            return await self._cancelled(self.chat.ainvoke(prompt), luck)
        if luck < 0.8:
            return "".join([r.delta or "" async for r in await self.llm.astream_complete(prompt)])
        return "".join([chunk_.text async for chunk_ in self.chat.astream(prompt)])

    async def _cancelled(self, call, luck):
        """Half of these are cancelled, some of them twice."""
        task = asyncio.ensure_future(call)
        await asyncio.sleep(luck / 100)
        if luck < 0.58:
            for _ in range(1 + (luck < 0.54)):
                task.cancel()
                await asyncio.sleep(0)
        with contextlib.suppress(asyncio.CancelledError):
            return (await task).text
        return "left"


def balance(ends, ledger):
    """What does not add up, in words; and what was counted."""
    wrong = [f"{number}: requests that no call made" for number in ledger if number not in ends]
    counted = Counter()
    for number, (end, seconds) in ends.items():
        treated = ledger.get(number, [])
        counted["requests"] += len(treated)
        name = end if end == "left" or end in af.__all__ else "answer"
        counted[name] += 1
        if name == "answer" and end != answer(number):
            wrong.append(f"{number}: got {end!r}")
        if len(treated) > 1 + MAX_RETRIES or not set(treated[:-1]) <= AGAIN:
            wrong.append(f"{number}: sent again after {treated}")
        if name == "left" or (seconds >= TIMEOUT and (name == "APITimeoutError" or treated[-1] in AGAIN)):
            continue  # its clock can end a call anywhere, between two attempts too, on a machine that does much else
        if not treated or name not in ENDS[treated[-1]]:
            wrong.append(f"{number}: ended with {name} after {treated}")
        elif treated[-1] in AGAIN and len(treated) <= MAX_RETRIES:
            wrong.append(f"{number}: gave up after {treated}")
    return wrong, counted


def resources():
    """Resident KiB, open files, threads."""
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    return resident, len(os.listdir("/proc/self/fd")), threading.active_count()  # noqa: PTH208  # names are enough


def main(seconds):
    retries.FIRST_DELAY = 0.01
    with subprocess.Popen(  # this very file
        [sys.executable, "-m", "tools.faults.soak", "serve"], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    ) as server:
        base_url = server.stdout.readline().strip()
        Callers(base_url, 3).run()
        with urllib.request.urlopen(f"{base_url}/ledger") as answered:  # noqa: S310  # our own server
            warm = json.load(answered)
        before, callers = resources(), Callers(base_url, seconds)
        callers._numbers = iter(range(10**6, 1 << 60))
        callers.run()
        after = resources()
        time.sleep(1)
        with urllib.request.urlopen(f"{base_url}/ledger") as answered:  # noqa: S310  # our own server
            ledger = {int(number): names for number, names in json.load(answered).items() if number not in warm}
        server.stdin.close()
    wrong, counted = balance(callers.ends, ledger)
    print(f"{seconds:.0f} s, {len(callers.ends):,} calls, {counted.pop('requests'):,} requests")
    print(*(f"  {name:24}{times:>9,}" for name, times in counted.most_common()), sep="\n")
    # The callers' own ledger is most of what grows.
    own = sum(sys.getsizeof(end) + 80 for end, _ in callers.ends.values()) // 1024 + sys.getsizeof(callers.ends) // 1024
    for what, one, other in zip(("resident KiB", "open files", "threads"), before, after, strict=True):
        print(f"  {what:16}{one:>9,} → {other:,}")
    print(f"  of the memory, the callers' ledger: {own:,} KiB")
    print(*(wrong[:20] or ["The ledger balances."]), sep="\n")
    return bool(wrong) or after[1] > before[1] + 5


def serve():
    gateway = Soaking().start()
    print(gateway.base_url, flush=True)
    sys.stdin.read()
    gateway.stop()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        sys.exit(main(float(sys.argv[1]) if sys.argv[1:] else 600.0))
