# ruff: noqa: T201  # it prints what it measured
"""A picture of 20 MB in an answer, beside ChatOpenAI on the same bytes: CPU time and peak memory, whole and streamed.

The picture comes as gateways send it: as Markdown in one line, in one event. Each class is measured in a process of its
own, alternately, and the medians are told.

python tools/bench/pictures.py [rounds]     with an interpreter that has ours and langchain-openai
"""

import base64
import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from statistics import median
from typing import Any

import httpx

SIZE = 20_000_000
NAMES, WAYS = ("ChatAnyfast", "ChatOpenAI"), ("whole", "streamed")
PIECE = 64 * 1024


def body(way: str) -> bytes:
    """The answer as it comes over the wire."""
    picture = base64.b64encode(bytes(range(256)) * (SIZE // 256)).decode()
    content = f"Here it is.\n![image](data:image/png;base64,{picture})"
    head = {"id": "1", "created": 1, "model": "bench"}
    if way == "whole":
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        return json.dumps({**head, "object": "chat.completion", "choices": [choice]}).encode()
    frames = [({"role": "assistant", "content": content}, None), ({}, "stop")]
    events = [{"index": 0, "delta": delta, "finish_reason": finish} for delta, finish in frames]
    chunks = [{**head, "object": "chat.completion.chunk", "choices": [event]} for event in events]
    return b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"


class Pieces(httpx.SyncByteStream):
    """A body in the pieces of a network."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __iter__(self) -> Iterator[bytes]:
        yield from (self.data[at : at + PIECE] for at in range(0, len(self.data), PIECE))


def model_of(name: str, way: str) -> Any:
    """The class under measurement, over a transport in memory."""
    data, kind = body(way), "application/json" if way == "whole" else "text/event-stream"
    answer = lambda _: httpx.Response(200, headers={"content-type": kind}, stream=Pieces(data))  # noqa: E731
    said = {"model": "gemini-3-pro-image-preview", "base_url": "http://127.0.0.1:9/v1", "api_key": "bench"}
    client = httpx.Client(transport=httpx.MockTransport(answer))
    if name == "ChatOpenAI":
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(**said, http_client=client)
    from langchain_anyfast import ChatAnyfast

    return ChatAnyfast(**said, http_client=client)


def measure(name: str, way: str) -> None:
    """Prints the CPU seconds of one answer and, of another, the peak bytes."""
    model = model_of(name, way)

    def ask() -> None:
        if way == "whole":
            model.invoke("Draw.")
        else:
            pieces = list(model.stream("Draw."))
            sum(pieces[1:], pieces[0])

    ask()
    begun = time.process_time()
    ask()
    seconds = time.process_time() - begun
    tracemalloc.start()
    ask()
    print(json.dumps([seconds, tracemalloc.get_traced_memory()[1]]))


def main(rounds: int) -> None:
    """Prints a table: the medians of each class, and ours over ChatOpenAI's."""
    print("| answer | CPU, ms | ChatOpenAI | ratio | peak, MB | ChatOpenAI | ratio |\n|---|---|---|---|---|---|---|")
    for way in WAYS:
        found: dict[str, list[list[float]]] = {name: [] for name in NAMES}
        for _ in range(rounds):
            for name in NAMES:
                command = [sys.executable, __file__, name, way]
                told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                found[name].append(json.loads(told.splitlines()[-1]))
        (cpu, peak), (theirs, their_peak) = ([median(one) for one in zip(*found[name], strict=True)] for name in NAMES)
        print(
            f"| {way} | {cpu * 1e3:.0f} | {theirs * 1e3:.0f} | {cpu / theirs:.2f} "
            f"| {peak / 1e6:.0f} | {their_peak / 1e6:.0f} | {peak / their_peak:.2f} |"
        )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        measure(sys.argv[1], sys.argv[2])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
