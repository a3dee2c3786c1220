"""Puts prompts through examples/ray_batch.py on a local Ray cluster, kills it on the way, and counts. `make ray`.

The gateway is the emulator behind a door that takes its time and refuses now and then; it counts what it is asked and
what it answers, so a row that was paid for twice is seen. Nothing here is a test of the live service. Linux only: it
finds the worker to kill in /proc.
"""

import asyncio
import contextlib
import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.dataset as pads
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from anyfast_emulator import Emulator
from anyfast_emulator.emulator import KEY

SCRIPT = Path(__file__).parents[1] / "examples" / "ray_batch.py"
ROWS = int(os.environ.get("ROWS", "10000"))
WORKERS, CONCURRENCY, ROWS_PER_FILE, BLOCKS_AT_ONCE = 2, 16, 32, 2
REFUSED = 997  # each row with such a number is refused for ever
BUSY = 0.02  # of all requests meet a 429 or a 500, which pass when they are sent again


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


class Gateway:
    """The emulator, slow and now and then busy."""

    def __init__(self) -> None:
        self.emulator, self.asked, self.answered = Emulator(), Counter(), Counter()
        self.chance = random.Random(8)  # noqa: S311  # weather, not secrets

    async def __call__(self, request: Request) -> Response:
        try:
            body = await request.body()
        except ClientDisconnect:  # killed while it spoke
            return Response()
        row = int(json.loads(body)["messages"][-1]["content"].rpartition(" ")[2])
        self.asked[row] += 1
        await asyncio.sleep(self.chance.expovariate(1 / 0.1))
        if row % REFUSED == 0:
            return JSONResponse({"error": {"message": "This row is refused.", "type": "invalid_request_error"}}, 400)
        if self.chance.random() < BUSY:
            busy = self.chance.choice((429, 500))
            return JSONResponse({"error": {"message": "Busy."}}, busy, {"retry-after": "0"} if busy == 429 else {})
        reply = self.emulator.reply(request.method, request.url.path, request.headers, body)
        self.answered[row] += 1
        return Response(b"".join(reply.frames), reply.status, dict(reply.headers))

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        app = Starlette(routes=[Route("/v1/chat/completions", self.__call__, methods=["POST"])])
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join()

    def wait_for(self, share: float, driver: subprocess.Popen) -> None:
        while len(self.answered) < share * ROWS:
            if driver.poll() is not None:
                raise SystemExit(f"The run ended early, with {driver.returncode}.")
            time.sleep(0.05)

    def paid_twice(self) -> int:
        return sum(count - 1 for count in self.answered.values())


@contextlib.contextmanager
def cluster() -> Iterator[None]:
    """One machine, which outlives the runs, as a real cluster does."""
    os.environ |= {"ANYFAST_API_KEY": KEY, "RAY_AUTH_MODE": "disabled"}
    import ray  # which reads the environment when it is imported

    with ray.init(address="local", logging_level=logging.ERROR, log_to_driver=False) as made:
        os.environ["RAY_ADDRESS"] = made.address_info["gcs_address"]
        yield


def start(place: Path, base_url: str) -> subprocess.Popen:
    files = (place / "prompts.jsonl", place / "answers")
    limits = ("--workers", WORKERS, "--concurrency", CONCURRENCY, "--rows-per-file", ROWS_PER_FILE)
    command = (SCRIPT, *files, "--model", "deepseek-v4-flash", "--base-url", base_url, *limits)
    return subprocess.Popen([sys.executable, *map(str, command)])  # our script


def a_worker() -> int:
    """The process of a worker, of which Ray writes what it does into the command line."""
    parents, found = {}, []
    for one in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(one.name)] = int((one / "stat").read_text().rpartition(")")[2].split()[1])
            if b"MapWorker" in (one / "cmdline").read_bytes():
                found.append(int(one.name))
    return next(pid for pid in found if os.getpid() in ancestors(pid, parents))


def ancestors(pid: int, parents: dict[int, int]) -> Iterator[int]:
    while pid := parents.get(pid, 0):
        yield pid


def trial(place: Path, gateway: Gateway) -> None:
    began = time.monotonic()

    def told(event: str) -> None:
        counts = f"{len(gateway.answered):,} rows answered, {len(output(place)):,} written"
        say(f"\n=== after {time.monotonic() - began:.0f} s: {event}; {counts}, {gateway.paid_twice():,} paid twice")

    with gateway.serving() as base_url:
        driver = start(place, base_url)
        gateway.wait_for(0.3, driver)
        driver.kill()
        driver.wait()
        told("killed the driver")
        driver = start(place, base_url)
        gateway.wait_for(0.6, driver)
        os.kill(a_worker(), signal.SIGKILL)
        told("killed a worker")
        gateway.wait_for(0.8, driver)
        driver.kill()
        driver.wait()
        told("killed the driver")
        for _ in range(2):  # to the end, and once more for the rows that failed
            told(f"a run ended with status {(status := start(place, base_url).wait())}")
            assert status == 3


def output(place: Path) -> list[dict[str, str]]:
    return pads.dataset(place / "answers", format="parquet").to_table(columns=["id", "text", "error_type"]).to_pylist()


def check(rows: list[dict[str, str]], gateway: Gateway) -> None:
    answers = {row["id"]: row["text"] for row in rows if row["error_type"] is None}
    failed = [row["id"] for row in rows if row["error_type"]]
    of_a_worker = BLOCKS_AT_ONCE * ROWS_PER_FILE
    limit = of_a_worker + 2 * WORKERS * of_a_worker
    say(f"\nrows in the output  {len(rows):,}, with {len({row['id'] for row in rows}):,} ids")
    say(f"answered, failed    {len(answers):,}, {len(failed):,}")
    say(f"requests, answers   {gateway.asked.total():,}, {gateway.answered.total():,}")
    say(f"rows paid twice     {gateway.paid_twice():,}, and {limit} is what the three kills may cost")
    assert len(rows) == len({row["id"] for row in rows}) == ROWS
    assert answers == {f"row-{row}": f"row {row}" for row in range(1, ROWS + 1) if row % REFUSED}
    assert sorted(failed) == sorted(f"row-{row}" for row in range(REFUSED, ROWS + 1, REFUSED))
    assert gateway.paid_twice() <= limit


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place, gateway = Path(folder), Gateway()
        prompts = ({"id": f"row-{row}", "prompt": f"Repeat: row {row}"} for row in range(1, ROWS + 1))
        (place / "prompts.jsonl").write_text("".join(json.dumps(prompt) + "\n" for prompt in prompts))
        with cluster():
            trial(place, gateway)
        check(output(place), gateway)


if __name__ == "__main__":
    main()
