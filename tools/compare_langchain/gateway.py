"""A gateway that says what it is told, to any client, and remembers what it was asked: for comparing clients alone.

It judges nothing, unlike the emulator: what a client sends is looked at by the probes.
"""

import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JSON = dict[str, Any]
Said = tuple[int, dict[str, str], Any]
"""Status, headers and body; a body may be a list of pieces, each with the seconds before it."""


def whole(message: JSON, finish: str = "stop", **more: Any) -> Said:
    """One answer that is not streamed."""
    return answers([message], finish, **more)


def answers(messages: list[JSON], finish: str = "stop", **more: Any) -> Said:
    """Several answers, n > 1."""
    choices = [
        {"index": at, "message": {"role": "assistant", "content": "", **message}, "finish_reason": finish}
        for at, message in enumerate(messages)
    ]
    return ok({**_HEAD, "object": "chat.completion", "choices": choices, "usage": USAGE, **more})


def stream(*deltas: JSON, finish: str = "stop", every: JSON | None = None, twice: bool = False) -> Said:
    """A streamed answer; `every` is put into each event, `twice` says the finish again."""
    events = [_event(delta, None, every) for delta in deltas]
    events += [_event({}, finish, every)] * (2 if twice else 1)
    events.append({**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": USAGE, **(every or {})})
    return frames(*events)


def frames(*events: JSON, done: bool = True) -> Said:
    """Events as they are."""
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    return 200, {"content-type": "text/event-stream"}, body + (b"data: [DONE]\n\n" if done else b"")


def _event(delta: JSON, finish: str | None, every: JSON | None) -> JSON:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {**_HEAD, "object": "chat.completion.chunk", "choices": [choice], **(every or {})}


def ok(body: JSON) -> Said:
    """A 200 with JSON."""
    return 200, {"content-type": "application/json", "x-oneapi-request-id": "req-1"}, json.dumps(body).encode()


def failure(status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> Said:
    """A refusal, in the shape of OpenAI and new-api."""
    error = {"message": message, "type": "upstream_error", "code": "bad_response_status_code", **more}
    said = {"content-type": "application/json", "x-request-id": "req-1", **(headers or {})}
    return status, said, json.dumps({"error": error}).encode()


_HEAD = {"id": "chatcmpl-1", "created": 1, "model": "deepseek-v4-pro", "system_fingerprint": "fp"}
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}


class Gateway:
    """What is said next, and what was asked.

    Attributes:
        root: Where it listens.
        turn: Number of the probe that is running.
        bodies: The request bodies, oldest first.
        headers: The request headers.
        peers: The ports from which requests came: one for each connection.
    """

    def __init__(self) -> None:
        self.root, self.turn = "", 0
        self.said: deque[Said] = deque()
        self.bodies: list[JSON] = []
        self.headers: list[dict[str, str]] = []
        self.peers: list[int] = []

    @property
    def base_url(self) -> str:
        """Where it listens; another path for each turn."""
        return f"{self.root}/turn-{self.turn}/v1"

    def script(self, *said: Said) -> None:
        """Forgets everything, and says these next; the last one for ever."""
        self.said = deque(said)
        self.bodies, self.headers, self.peers = [], [], []

    def next(self) -> Said:
        """What is said to the next request."""
        return self.said.popleft() if len(self.said) > 1 else self.said[0]


@contextmanager
def serving() -> Iterator[Gateway]:
    """Serves on loopback."""
    gateway = Gateway()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.path.startswith("/turn-") and not self.path.startswith(f"/turn-{gateway.turn}/"):
                self.send_error(404)  # a client that still repeats what an earlier probe asked
                return
            gateway.bodies.append(json.loads(body or b"{}"))
            gateway.headers.append({key.lower(): value for key, value in self.headers.items()})
            gateway.peers.append(self.client_address[1])
            status, headers, body = gateway.next()
            self.send_response(status)
            slow = isinstance(body, list)
            length = {"connection": "close"} if slow else {"content-length": str(len(body))}
            for name, value in {**headers, **length}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # a client may leave
                for delay, piece in body if slow else [(0, body)]:
                    time.sleep(delay)
                    self.wfile.write(piece)
                    self.wfile.flush()
            self.close_connection = slow

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    gateway.root = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield gateway
    finally:
        server.shutdown()
