"""Embeds beside OpenAIEmbeddings and OpenAIEmbedding on the same bytes: CPU time a vector, and peak memory.

A gateway on loopback, in a process of its own, answers each request with a thousand vectors of 1,024 numbers: once as
floats, as gateways send them, and once as base64, which OpenAI's own client asks for unless told otherwise. Each class
is measured in a process of its own, alternately, and the medians are told.

python tools/bench/embeddings.py [rounds]     with an interpreter that has ours, langchain-openai and
                                              llama-index-embeddings-openai
"""

import base64
import json
import random
import re
import resource
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from statistics import median

VECTORS, NUMBERS = 1000, 1024
FORMS = ("float", "base64")
MOST = 0.5
"""Ours over theirs: the goal."""

OURS = {"AnyfastEmbeddings": "OpenAIEmbeddings", "AnyfastEmbedding": "OpenAIEmbedding"}


def answer(form: str) -> bytes:
    """An answer as a gateway sends it."""
    numbers = random.Random(1)  # noqa: S311  # the same bytes each time
    data = []
    for at in range(VECTORS):
        vector = [numbers.gauss(0, 0.03) for _ in range(NUMBERS)]
        packed = base64.b64encode(struct.pack(f"<{NUMBERS}f", *vector)).decode()
        data.append({"object": "embedding", "index": at, "embedding": vector if form == "float" else packed})
    usage = {"prompt_tokens": VECTORS, "total_tokens": VECTORS}
    return json.dumps({"object": "list", "data": data, "model": "bench", "usage": usage}).encode()


def serve(port: int) -> None:
    """Answers every request, until it is killed."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    answers = {form: head % len(body) + body for form in FORMS for body in (answer(form),)}
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        caller, _ = listener.accept()
        with caller:
            received = b""
            while data := caller.recv(1 << 20):
                received += data
                start, found, rest = received.partition(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", start.lower())
                if found and length and len(rest) >= int(length[1]):
                    caller.sendall(answers["base64" if b"/base64/" in start else "float"])
                    received = rest[int(length[1]) :]


def embedding(name: str, url: str):  # noqa: ANN201  # whichever function it is
    """How a class embeds a list of texts in one request."""
    said = {"model": "bench", "api_key": "none"}
    if name == "AnyfastEmbeddings":
        from langchain_anyfast import AnyfastEmbeddings

        return AnyfastEmbeddings(base_url=url, batch_size=VECTORS, dimensions=NUMBERS, **said).embed_documents
    if name == "AnyfastEmbedding":
        from llama_index_anyfast import AnyfastEmbedding

        model = AnyfastEmbedding(base_url=url, embed_batch_size=VECTORS, dimensions=NUMBERS, **said)
        return model.get_text_embedding_batch
    if name == "OpenAIEmbeddings":
        from langchain_openai import OpenAIEmbeddings

        # Sends strings, in one request, as one has to in front of such a gateway.
        return OpenAIEmbeddings(
            base_url=url, check_embedding_ctx_length=False, chunk_size=VECTORS, **said
        ).embed_documents
    from llama_index.embeddings.openai import OpenAIEmbedding

    model = OpenAIEmbedding(model_name="bench", api_base=url, api_key="none", embed_batch_size=VECTORS)
    return model.get_text_embedding_batch


def measure(name: str, url: str) -> None:
    """Prints CPU time a vector in microseconds, and peak memory above that of the start in MB."""
    embed, texts = embedding(name, url), [f"text {number}" for number in range(VECTORS)]
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    vectors = embed(texts)  # what comes with the first call is in the memory, not in the time
    assert (len(vectors), len(vectors[0])) == (VECTORS, NUMBERS)  # as in a test
    del vectors
    began = time.process_time()
    embed(texts)
    spent = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base
    sys.stdout.write(f"{spent / VECTORS * 1e6} {peak / 1024}\n")


def main(rounds: int) -> None:
    """Measures all, and prints the table."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gateway = subprocess.Popen([sys.executable, __file__, "serve", str(port)])
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    try:
        _wait_for(port)
        for _ in range(rounds):
            for form in FORMS:
                for name in (*OURS, *OURS.values()):
                    url = f"http://127.0.0.1:{port}/{form}/v1"
                    said = subprocess.check_output([sys.executable, __file__, "measure", name, url], text=True)
                    cpu, memory = map(float, said.split()[-2:])
                    found.setdefault((form, name), []).append((cpu, memory))
    finally:
        gateway.kill()
        gateway.wait()
    sys.stdout.write(table(found))


def table(found: Mapping[tuple[str, str], Sequence[tuple[float, float]]]) -> str:
    """The medians, and ours beside theirs."""
    lines = ["| answer | class | CPU a vector | peak memory | CPU, of its peer's | memory, of its peer's |"]
    lines.append("|---|---|---|---|---|---|")
    for (form, name), measured in found.items():
        cpu, memory = (median(column) for column in zip(*measured, strict=True))
        shares = ["–", "–"]
        if name in OURS:
            peer = [median(column) for column in zip(*found[form, OURS[name]], strict=True)]
            shares = [f"{ours / theirs:.3f}" for ours, theirs in zip((cpu, memory), peer, strict=True)]
        lines.append(f"| {form} | `{name}` | {cpu:,.0f} µs | {memory:.0f} MB | {shares[0]} | {shares[1]} |")
    return "\n".join([*lines, "", f"The goal is at most {MOST}, on the same bytes.", ""])


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the gateway did not start")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
    elif sys.argv[1:2] == ["measure"]:
        measure(sys.argv[2], sys.argv[3])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
