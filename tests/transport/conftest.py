"""A gateway of raw sockets on the loopback, so that the tests decide about every byte and every silence."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

STOP_SECONDS = 5.0


class Caller:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, gateway: "RawGateway") -> None:
        self.sock = sock
        self.closed = False
        self._gateway = gateway
        self._received = b""

    def request(self) -> bytes | None:
        """The next request, head and body; None when the client has closed."""
        while b"\r\n\r\n" not in self._received:
            if not self._receive():
                return None
        head, _, rest = self._received.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        size = int(lengths[0].split(b":")[1]) if lengths else 0
        while len(rest) < size and self._receive():
            rest = self._received.partition(b"\r\n\r\n")[2]
        self._received = rest[size:]
        return head + b"\r\n\r\n" + rest[:size]

    def _receive(self) -> bool:
        data = self.sock.recv(65536)
        self._received += data
        if not data:
            self._gateway.hung_up.set()
        return bool(data)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def hold(self) -> None:
        """Says no more, until the client hangs up or the test is over."""
        with contextlib.suppress(OSError):
            while self._receive():
                pass
        self.closed = True

    def close(self) -> None:
        self.closed = True
        self.sock.close()

    def reset(self) -> None:
        """Closes with an RST instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def drip(self, piece: bytes, *, every: float, times: int) -> None:
        """Sends a piece again and again, until the client hangs up."""
        for _ in range(times):
            if self._gateway.over.wait(every):
                return
            self.sock.sendall(piece)


Step = bytes | Callable[[Caller], None]


class RawGateway:
    """Answers each request with the next of its scripted answers; the last one is repeated."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self.hung_up = threading.Event()
        self._answers: list[tuple[Step, ...]] = []
        self._lock = threading.Lock()
        self._callers: list[Caller] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each step is on its way at once
        self.port = self._listener.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        self._start(self._accept)

    def script(self, *answers: tuple[Step, ...]) -> None:
        self._answers = list(answers)

    def stop(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for caller in self._callers:
            with contextlib.suppress(OSError):
                caller.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(STOP_SECONDS)
            assert not thread.is_alive(), "a thread of the raw gateway hangs"

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                caller = Caller(sock, self)
                self._callers.append(caller)
                self.connections += 1
                self._start(lambda caller=caller: self._serve(caller))

    def _serve(self, caller: Caller) -> None:
        with caller.sock, contextlib.suppress(OSError):
            while not caller.closed and (request := caller.request()) is not None:
                for step in self._next(request):
                    if isinstance(step, bytes):
                        caller.send(step)
                    else:
                        step(caller)

    def _next(self, request: bytes) -> tuple[Step, ...]:
        with self._lock:
            self.requests.append(request)
            return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.fixture
def gateway() -> Iterator[RawGateway]:
    gateway = RawGateway()
    yield gateway
    gateway.stop()


@pytest.fixture(autouse=True)
def no_variables_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANYFAST_API_KEY", "ANYFAST_BASE_URL", "ANYFAST_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
