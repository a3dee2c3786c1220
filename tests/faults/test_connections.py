"""Making a connection, and using it again: TLS, proxies, names with many addresses, answers that are left over."""

import asyncio
import socket

import httpx
import pytest

import anyfast_transport as af
from anyfast_transport.http import connections as pools
from anyfast_transport.http import deadline, network_hooks
from anyfast_transport.settings import connection
from tests.faults.fault_faces import KEY
from tests.faults.fault_gateway import (
    END,
    EVENTS,
    JSON,
    TEXT,
    close,
    drip,
    good,
    hold,
    part,
    sse,
    whole,
)

TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"
STALE = JSON.replace(TEXT.encode(), b"of another call")


def https(gateway):
    return gateway.base_url.replace("http:", "https:")


# TLS


@pytest.mark.parametrize(
    ("greeting", "error"),
    [
        ((hold,), "APITimeoutError"),
        ((drip(b"\x16\x03\x03\x40\x00x"),), "APITimeoutError"),
        ((b"HTTP/1.1 400 X\r\n\r\n", hold), "APIConnectionError"),
        ((close,), "APIConnectionError"),
    ],
    ids=["silence", "a drip", "plain http", "closed"],
)
def test_a_handshake_that_comes_to_nothing(greeting, error, mode, face, gateway, llm, patiently):
    gateway.greeting = greeting

    def call(timeout):
        with pytest.raises(getattr(af, error)) as caught:
            face.run(mode, llm(base_url=https(gateway), timeout=timeout, max_retries=1))
        assert type(caught.value).__name__ == error
        assert gateway.sees(lambda g: g.open == 0)

    patiently(call)


def test_a_certificate_that_nobody_signed(mode, face, llm, tls_gateway, fresh_clients):
    with pytest.raises(af.APIConnectionError, match=r"(?i)certificate"):
        face.run(mode, llm(base_url=tls_gateway.base_url, max_retries=0))
    assert not tls_gateway.requests


def test_the_ca_variables_are_honoured(mode, face, llm, tls_gateway, trusted):
    assert face.run(mode, llm(base_url=tls_gateway.base_url)) == TEXT


def test_a_certificate_for_another_host(mode, face, llm, tls_gateway, trusted):
    url = tls_gateway.base_url.replace("localhost", "127.0.0.1")
    with pytest.raises(af.APIConnectionError, match=r"(?i)certificate"):
        face.run(mode, llm(base_url=url, max_retries=0))


def test_who_leaves_an_answer_over_tls_leaves_nothing(face, llm, tls_gateway, trusted):
    tls_gateway.script((sse(*EVENTS[:3]), hold))
    for _ in face.stream(llm(base_url=tls_gateway.base_url)):
        break
    assert tls_gateway.sees(lambda g: g.open == 0)

    async def run():
        texts = face.astream(llm(base_url=tls_gateway.base_url))
        await anext(texts)
        await texts.aclose()
        assert await asyncio.to_thread(tls_gateway.sees, lambda g: g.open == 0)

    asyncio.run(run())


def test_an_answer_that_is_cut_over_tls(mode, face, llm, tls_gateway, trusted):
    tls_gateway.script((part, close))
    with pytest.raises((af.APIConnectionError, af.StreamInterruptedError)):
        face.run(mode, llm(base_url=tls_gateway.base_url))


# Proxies


@pytest.fixture
def through_proxy(gateway, llm, monkeypatch, fresh_clients):
    """A model of a gateway beyond; the gateway here is the proxy."""
    for scheme in ("HTTP", "HTTPS"):
        monkeypatch.setenv(f"{scheme}_PROXY", f"http://me:hush-hush@127.0.0.1:{gateway.port}")
    return lambda **fields: llm(**{"base_url": "https://gateway.example/v1", "max_retries": 1, **fields})


@pytest.mark.parametrize(
    ("steps", "error", "says"),
    [
        ((whole(b"", 407),), "APIConnectionError", "407"),
        ((whole(b"<html>no</html>", 403, "text/html"), close), "APIConnectionError", "403"),
        ((close,), "APIConnectionError", "gateway.example"),
        ((hold,), "APITimeoutError", "timeout="),
        ((b"HTTP/1.1 200 X\r\n", drip(b"x: y\r\n")), "APITimeoutError", "timeout="),
        ((TUNNEL, close), "APIConnectionError", "gateway.example"),
        ((TUNNEL, hold), "APITimeoutError", "timeout="),
    ],
    ids=["407", "403", "closed", "silent", "drips", "closed in the handshake", "silent in the handshake"],
)
def test_a_proxy_that_makes_no_tunnel(steps, error, says, mode, face, gateway, through_proxy, patiently):
    gateway.script(steps)

    def call(timeout):
        with pytest.raises(getattr(af, error)) as caught:
            face.run(mode, through_proxy(timeout=timeout))
        assert type(caught.value).__name__ == error
        assert says in str(caught.value)
        assert "hush-hush" not in str(caught.value)
        assert gateway.sees(lambda g: g.open == 0)

    patiently(call)
    assert not any(KEY.encode() in request for request in gateway.requests), "the proxy sees no key"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_tunnel_that_fails_is_in_nobodys_way(asynchronous, face, gateway, through_proxy):
    """Httpcore would count it as a connection at work, for good."""
    gateway.script((TUNNEL, close))

    async def fail():
        for _ in range(4):
            with pytest.raises(af.APIConnectionError) as caught:
                await face.aask(model) if asynchronous else face.ask(model)
            assert not isinstance(caught.value, af.APITimeoutError)

    model = through_proxy(timeout=5.0, max_retries=0)
    asyncio.run(fail())
    assert len(gateway.requests) == 4


def test_plain_http_goes_through_the_proxy(mode, face, gateway, through_proxy):
    connection.warn_of_plain_http.cache_clear()
    with pytest.warns(af.AnyfastWarning, match="http://"):
        model = through_proxy(base_url="http://gateway.example/v1")
    assert face.run(mode, model) == TEXT
    assert gateway.requests[0].startswith(b"POST http://gateway.example/v1/chat/completions")


@pytest.mark.parametrize("proxy", ["gopher://u:hush-hush@x", "http://[::1", "socks5://u:hush-hush@127.0.0.1:1"])
def test_proxy_variables_that_make_no_sense(proxy, mode, face, llm, monkeypatch, fresh_clients):
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(af.APIConnectionError, match="proxy") as caught:
        face.run(mode, llm(max_retries=0))
    assert "hush-hush" not in str(caught.value)


# Answers that belong to another call


@pytest.mark.parametrize(
    "left_over", [whole(STALE), STALE, whole(STALE)[:-20]], ids=["an answer", "no head", "half of one"]
)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_answer_that_is_left_over_is_nobodys(left_over, asynchronous, face, gateway, llm):
    """Desynchronised proxies do that, and servers whose Content-Length is too small."""
    gateway.script((whole() + left_over,), (good,))
    model = llm()

    async def twice():
        for _ in range(2):
            assert (await face.aask(model) if asynchronous else face.ask(model)) == TEXT

    asyncio.run(twice())
    assert gateway.connections == 2


def test_the_next_request_may_go_on_the_same_connection(face, gateway, llm):
    """That the guard above does not stop what is right: also behind a refusal, and a stream that was drained."""
    gateway.script((whole(b'{"error":{"message":"no"}}', 400),), (sse(*EVENTS) + END,), (good,))
    with pytest.raises(af.BadRequestError):
        face.run("invoke", llm())
    assert face.run("stream", llm()) == TEXT
    assert face.run("invoke", llm()) == TEXT
    assert gateway.connections == 1
    pools.SHARED.close()


# Requests that are not taken


def test_a_gateway_that_does_not_read(mode, face, gateway, llm, patiently, monkeypatch):
    """A request of megabytes fills the sockets, and then there is nobody."""
    monkeypatch.setattr(af.Request, "written", lambda request: (request, b" " * 8_000_000))

    async def stop_reading(caller):
        caller.writer.transport.pause_reading()
        await asyncio.Event().wait()

    gateway.greeting = (stop_reading,)

    def call(timeout):
        with pytest.raises(af.APITimeoutError, match="take the request"):
            face.run(mode, llm(timeout=timeout, max_retries=0))

    patiently(call, 0.15)


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding"])
def test_headers_that_frame_the_request_are_not_the_users(name, mode, face, gateway, llm):
    with pytest.raises(af.UnsupportedParameterError, match="default_headers"):
        face.run(mode, llm(default_headers={name: "5"}))
    assert not gateway.connections


def test_a_header_is_sent_once(mode, face, gateway, llm):
    """The user's word counts, but for the key."""
    face.run(mode, llm(default_headers={"Authorization": "Bearer x", "Accept-Encoding": "identity", "X-Team": "a"}))
    lines = gateway.requests[0].partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    said = {name: value for name, _, value in (line.partition(b": ") for line in lines[1:])}
    assert len(said) == len(lines) - 1
    assert said[b"authorization"] == f"Bearer {KEY}".lower().encode()
    assert said[b"accept-encoding"] == b"identity"
    assert said[b"x-team"] == b"a"


# Names and addresses


@pytest.mark.parametrize("mode", ["invoke", "stream"])
def test_a_name_with_many_dead_addresses(mode, face, llm, monkeypatch, patiently):
    """`socket.create_connection` gives each of them the whole timeout."""
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = [socket.socket() for _ in range(4)]
    for sock in waiting:
        sock.setblocking(False)
        sock.connect_ex(full.getsockname())
    found = socket.getaddrinfo(*full.getsockname(), type=socket.SOCK_STREAM) * 5
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    given = []
    connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", lambda sock, to: given.append(sock.gettimeout()) or connect(sock, to))
    try:
        with pytest.raises(af.APITimeoutError):
            face.run(mode, llm(base_url="http://many.localhost:1/v1", timeout=0.5, max_retries=0))
    finally:
        for sock in (full, *waiting):
            sock.close()
    assert len(given) == 5
    assert sum(given) <= 0.5 + 0.001


@pytest.mark.parametrize("url", ["https://a..b/v1", f"https://{'a' * 70}.example/v1", "ftp://gateway.example/v1"])
def test_a_host_that_cannot_be_one(url, mode, face, llm):
    with pytest.raises(af.APIConnectionError) as caught:
        face.run(mode, llm(base_url=url, max_retries=0))
    assert "header holds" not in str(caught.value)


@pytest.mark.parametrize(("url", "says"), [("https://me:hush-hush@x/v1", "api_key"), ("https:///v1", "host")])
def test_a_base_url_that_cannot_be_one(url, says, face, llm):
    """A user name in it would be sent in place of the key."""
    with pytest.raises(ValueError, match=says) as caught:
        llm(base_url=url)
    assert "hush-hush" not in str(caught.value)


# Clients of the user's own


def test_a_client_that_was_closed(face, llm):
    client = httpx.Client()
    client.close()
    with pytest.raises(af.APIConnectionError, match="closed"):
        face.run("invoke", llm(http_client=client))

    async def run():
        client = httpx.AsyncClient()
        await client.aclose()
        with pytest.raises(af.APIConnectionError, match="closed"):
            await face.aask(llm(http_async_client=client))

    asyncio.run(run())


# Times that no socket takes


@pytest.mark.parametrize("timeout", [float("inf"), 1e12, httpx.Timeout(1e12), httpx.Timeout(None, connect=1e12)])
def test_a_timeout_longer_than_sockets_know(timeout, mode, face, llm):
    assert face.run(mode, llm(timeout=timeout, total_timeout=1e12, first_token_timeout=float("inf"))) == TEXT


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan")])
def test_a_timeout_that_is_none(timeout, face, llm):
    with pytest.raises(ValueError, match="timeout"):
        llm(timeout=timeout)


def test_opening_gets_no_longer_than_the_deadline_leaves():
    info = {"timeout": 10.0}
    token = deadline.CURRENT.set(deadline.Deadline(3.0))
    try:
        for event in ("connection.connect_tcp.started", "connection.start_tls.started", "proxy.start_tls.started"):
            info["timeout"] = 10.0
            asyncio.run(network_hooks.watch_async(event, info))
            assert info["timeout"] <= 3.0
    finally:
        deadline.CURRENT.reset(token)
