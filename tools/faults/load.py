# ruff: noqa: T201  # what it has to say is printed
"""Many calls at once, in the numbers that are promised; each scene sync and async. `make load`; not for CI.

The gateway is another process, so that files and memory are the callers' own. Every outcome is checked; a scene that
leaves sockets behind, or an outcome that is not what the gateway did, ends with status 1.
"""

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import anyfast_transport as af
from anyfast_transport.http import retries
from tests.faults.fault_faces import KEY
from tests.faults.fault_gateway import TEXT, Gateway, delta, good, hold, reset, slowly, sse, whole
from tools.faults.soak import resources

SHORT_CALLS, SLOW_STREAMS, FAILING, THREADS = 100_000, 1000, 300, 32
REFUSED = (whole(b'{"error":{"message":"no"}}', 400),)
CUT = (sse(*[delta(content=letter) for letter in "Hel"]), reset)
SLOW = slowly(0.2)  # 11 letters in a good two seconds
SCENES = {
    "/calls": [(good,)],
    "/slow": [(SLOW,)],
    "/failing": [REFUSED, (good,), (SLOW,), CUT, (good,), (SLOW,)],
    "/begun": [(sse(*[delta(content=letter) for letter in "Hel"]), hold)],
}


class Retries(logging.Handler):
    """Counts why requests were sent again."""

    def __init__(self):
        super().__init__()
        self.counted = Counter()
        logging.getLogger("anyfast").addHandler(self)
        logging.getLogger("anyfast").setLevel(logging.INFO)

    def emit(self, record):
        self.counted[record.args[2]] += 1

    def since(self, before):
        return self.counted - before


class Stage(Gateway):
    """Treats a request as the scene in its path says; `GET /` tells how many came, and how many are open."""

    def __init__(self):
        super().__init__()
        self._seen = Counter()

    def _next(self, request):
        self.requests.clear()
        if request.startswith(b"GET"):
            return (whole(f"{sum(self._seen.values())} {self.open - 1}".encode()),)
        scene = "/" + request.split(b" ", 2)[1].decode().split("/")[1]
        self._seen[scene] += 1
        return SCENES[scene][self._seen[scene] % len(SCENES[scene])]


def body(stream=True):
    return {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": stream}


def connection(base_url, scene):
    return af.Connection(base_url=base_url.replace("/v1", scene), api_key=KEY, timeout=120.0)


def streamed(to):
    """One streamed call, and how it ended."""
    try:
        return "".join(item.text for item in af.Client(to).stream(body()) if isinstance(item, af.Delta))
    except af.AnyfastError as error:
        return type(error).__name__


async def astreamed(to):
    try:
        return "".join([item.text async for item in af.AsyncClient(to).stream(body()) if isinstance(item, af.Delta)])
    except af.AnyfastError as error:
        return type(error).__name__


def in_threads(work, times, threads):
    with ThreadPoolExecutor(threads) as pool:
        return Counter(pool.map(lambda _: work(), range(times)))


async def at_once(work, times):
    return Counter(await asyncio.gather(*(work() for _ in range(times))))


def short_calls(to):
    client = af.Client(to)

    def several():
        return Counter(client.complete(body(stream=False)).choice.text for _ in range(SHORT_CALLS // THREADS))

    with ThreadPoolExecutor(THREADS) as pool:
        return sum((ends.result() for ends in [pool.submit(several) for _ in range(THREADS)]), Counter())


async def ashort_calls(to):
    client, ends = af.AsyncClient(to), Counter()

    async def several():
        for _ in range(SHORT_CALLS // THREADS):
            ends[(await client.complete(body(stream=False))).choice.text] += 1

    await asyncio.gather(*(several() for _ in range(THREADS)))
    return ends


def leavers(to):
    for _ in range(1000):
        with contextlib.closing(af.Client(to).stream(body())) as items:
            next(items)
    return Counter(left=1000)


async def aleavers(to):
    async def leave():
        async with contextlib.aclosing(af.AsyncClient(to).stream(body())) as items:
            await anext(items)

    for _ in range(10):
        await asyncio.gather(*(leave() for _ in range(100)))
    return Counter(left=1000)


def thirds(times):
    """Of six requests one is refused and one cut off; the others are answered."""
    return Counter({TEXT: times * 2 // 3, "BadRequestError": times // 6, "StreamInterruptedError": times // 6})


def restarted(to, *, asynchronous):
    """Calls go on and on; the server goes away under way and comes back, and so do the answers."""
    port, ends, over = int(to.base_url.rsplit(":", 1)[1].split("/")[0]), Counter(), threading.Event()

    def call():
        while not over.is_set():
            ends[streamed(to)] += 1

    async def acalls():
        async def one():
            while not over.is_set():
                ends[await astreamed(to)] += 1

        await asyncio.gather(*(one() for _ in range(16)))

    threads = [threading.Thread(target=lambda: asyncio.run(acalls()))]
    threads = threads if asynchronous else [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        with serving(port):
            time.sleep(1.0)
            before = ends[TEXT]
            time.sleep(0.5)
        wrong = ends[TEXT] == before
        ends["no answer from the server that came back"] += wrong
    over.set()
    for thread in threads:
        thread.join()
    return ends


@contextlib.contextmanager
def serving(port=0):
    with subprocess.Popen(  # this very file
        [sys.executable, "-m", "tools.faults.load", "serve", str(port)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    ) as server:
        yield server.stdout.readline().strip()
        server.stdin.close()


def told(base_url):
    with urllib.request.urlopen(base_url.replace("/v1", "/")) as answered:  # noqa: S310  # our own server
        return tuple(map(int, answered.read().split()))


def settled(base_url, before):
    """Sockets and memory, once the connections have been given back."""
    af.close_shared_connections()
    for _ in range(100):
        if told(base_url)[1] == 0 and resources()[1] <= before[1]:
            break
        time.sleep(0.02)
    return resources(), told(base_url)


def scenes():
    """Name, path, how it is done, and how often which end is right."""
    for name, work, awork, path, right in (
        (f"{FAILING} streams at once, a third fails", streamed, astreamed, "/failing", thirds(FAILING)),
        (f"{SLOW_STREAMS:,} slow streams at once", streamed, astreamed, "/slow", Counter({TEXT: SLOW_STREAMS})),
    ):
        times = right.total()
        yield name, "sync", path, right, lambda to, w=work, n=times: in_threads(lambda: w(to), n, n)
        yield name, "async", path, right, lambda to, w=awork, n=times: asyncio.run(at_once(lambda: w(to), n))
    name, right = f"{SHORT_CALLS:,} short calls", Counter({TEXT: SHORT_CALLS})
    yield name, "sync", "/calls", right, short_calls
    yield name, "async", "/calls", right, lambda to: asyncio.run(ashort_calls(to))
    name, right = "1,000 streams left early", Counter(left=1000)
    yield name, "sync", "/begun", right, leavers
    yield name, "async", "/begun", right, lambda to: asyncio.run(aleavers(to))


def main():
    retries.FIRST_DELAY = 0.01
    failed, retried = False, Retries()
    print(f"{'':36}{'':6}{'seconds':>8}  {'files':>11}  {'resident MiB':>13}  {'requests':>8}  open  sent again")
    with serving() as base_url:
        for path in ("/calls", "/slow"):  # what is loaded at the first call is no leak
            streamed(connection(base_url, path))
            asyncio.run(astreamed(connection(base_url, path)))
        for name, way, path, right, work in scenes():
            af.close_shared_connections()
            before, (seen, _), started = resources(), told(base_url), time.monotonic()
            again = retried.counted.copy()
            ends = work(connection(base_url, path))
            seconds = time.monotonic() - started
            after, (now, still_open) = settled(base_url, before)
            again = retried.since(again)
            wrong = +(ends - right) or now - seen > right.total() + again.total() or after[1] > before[1] or still_open
            failed |= bool(wrong)
            memory = f"{before[0] // 1024:,} → {after[0] // 1024:,}"
            print(f"{name:36}{way:6}{seconds:8.1f}  {before[1]:4} → {after[1]:4}  {memory:>13}", end="")
            print(
                f"  {now - seen:8,}  {still_open:4}  {dict(again) or 0}{f'  WRONG: {dict(ends)}' if wrong else ''}",
                flush=True,
            )
    with serving() as base_url:
        pass  # a free port
    for way in ("sync", "async"):
        before = resources()
        ends = restarted(connection(base_url, "/calls"), asynchronous=way == "async")
        af.close_shared_connections()
        after = resources()
        odd = set(+ends) - {TEXT, "APIConnectionError", "StreamInterruptedError"}
        failed |= bool(odd) or after[1] > before[1]
        print(
            f"{'a server restarted three times':36}{way:6}{'':8}  {before[1]:4} → {after[1]:4}  {dict(+ends)}",
            flush=True,
        )
    print("Something is wrong." if failed else "Every outcome is right, and nothing is left.")
    return failed


def serve(port):
    gateway = Stage()
    gateway.port = port
    gateway.start()
    print(gateway.base_url, flush=True)
    sys.stdin.read()
    os._exit(0)  # as a server goes that is killed


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
    else:
        sys.exit(main())
