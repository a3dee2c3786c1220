"""Whatever the settings say, a call ends in an answer or in an AnyfastError, and at once."""

import asyncio
import os
import string
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from anyfast_transport import (
    AnyfastError,
    AsyncClient,
    Client,
    Connection,
    UnsupportedParameterError,
    aclose_shared_connections,
    close_shared_connections,
)
from anyfast_transport.settings.connection import normal_base_url

ANSWER = b'{"choices": [{"message": {"content": "Noon."}, "finish_reason": "stop"}]}'
REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER) + ANSWER
BODY = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture(autouse=True)
def _nothing_shared() -> Iterator[None]:
    close_shared_connections()
    yield
    close_shared_connections()


@pytest.fixture
def ends(gateway, monkeypatch):
    """Makes each kind of call under some settings; gives the paths that were asked for."""
    gateway.script((REPLY,))

    def call(fields: Mapping[str, Any], body: Mapping[str, Any] = BODY) -> set[bytes]:
        said = {"base_url": gateway.base_url, "api_key": "key", "timeout": 2.0, "max_retries": 0}
        try:
            connection = Connection(**{**said, **fields})
        except (ValidationError, AnyfastError):
            return set()
        longest = [0]
        for once in (_whole, _streamed, _whole_async, _streamed_async):
            try:
                once(connection, body)
            except AnyfastError as error:
                longest.append(len(error.message))
        assert max(longest) < 3000
        return {request.split()[1] for request in gateway.requests}

    return call


def _whole(connection, body):
    Client(connection).complete(body)


def _streamed(connection, body):
    list(Client(connection).stream({**body, "stream": True}))


def _whole_async(connection, body):
    async def ask() -> None:
        try:
            await AsyncClient(connection).complete(body)
        finally:
            await aclose_shared_connections()

    asyncio.run(ask())


def _streamed_async(connection, body):
    async def ask() -> None:
        try:
            async for _ in AsyncClient(connection).stream({**body, "stream": True}):
                pass
        finally:
            await aclose_shared_connections()

    asyncio.run(ask())


URLS = [
    *(
        "{}?a=b",
        "{}#x",
        "{}?",
        "{}#",
        "{}/chat/completions?",
        "{}/%zz",
        "{}/\u00e9",
        "{}/ x",
        "{}\\x",
        "{};p=1",
        "{}\t",
    ),
    *("{}/\ud83d", "http://[::1", "http://[::1]:99999/v1", "http://\0/v1", "http://127.0.0.1:abc/v1"),
    *("ftp://127.0.0.1/v1", "file:///etc/passwd", "://", "http:///v1", "//127.0.0.1/v1", "javascript:alert(1)"),
    *("http://exa\nmple/v1", "http://xn--/v1", "http://a..b/v1", "http://127.0.0.1:-1/v1", "http://127.0.0.1:0/v1"),
    *("http://\ud83d/v1", "http://user:pw@127.0.0.1/v1", "http://[v1.x]/v1", " ", "", "?", "#", "http://?", "/" * 9),
    *("http://" + "a" * 300 + ".invalid/v1", "{}/" + "a" * 70_000),
]


@pytest.mark.filterwarnings("ignore::anyfast_transport.AnyfastWarning")  # of http
@pytest.mark.parametrize("url", URLS, ids=lambda url: ascii(url)[:40])
def test_any_url(url, ends, gateway):
    paths = ends({"base_url": url.replace("{}", gateway.base_url)})
    assert all(path.endswith(b"/chat/completions") for path in paths)


@pytest.mark.parametrize("url", ["https://a.example/v1?key=1", "https://a.example/v1#x", "https://a.example?x/v1"])
def test_what_would_swallow_the_path_is_refused_with_the_remedy(url):
    with pytest.raises(ValidationError, match="swallow the path: leave it out"):
        Connection(base_url=url)
    assert normal_base_url("https://a.example/v1/chat/completions?") == "https://a.example/v1"


@given(st.text(max_size=30) | st.text(alphabet=string.punctuation + "a1", max_size=30))
@settings(max_examples=300)
def test_any_text_is_a_base_url_or_is_refused(text):
    try:
        found = normal_base_url("https://" + text)
    except ValueError:
        return
    assert httpx.URL(f"{found}/chat/completions").path.endswith("/chat/completions")
    assert normal_base_url(found) == found


@pytest.mark.parametrize("url", ["http://[::1", "http://a:b/v1", "://", "https://a.example/v1?x=1"])
def test_a_base_url_of_the_environment_is_a_typed_error_that_names_the_variable(url, monkeypatch):
    monkeypatch.setenv("ANYFAST_API_BASE", url)
    monkeypatch.delenv("ANYFAST_BASE_URL", raising=False)
    with pytest.raises(UnsupportedParameterError, match="ANYFAST_API_BASE"):
        Connection()


PROXIES = [
    *(
        "http://127.0.0.1:99999",
        "http://127.0.0.1:-1",
        "http://127.0.0.1:abc",
        "http://",
        "://",
        "socks5://127.0.0.1:1",
    ),
    *("socks9://x", "http://a b:1", "http://user:p@ss@127.0.0.1:1", "http://[::1", "ftp://x", "http://127.0.0.1:0"),
    *("http://\u2603:1", "http://\ud83d", "http://a..b:1", "http://us\ner:x@127.0.0.1:1", "http://127.0.0.1:1?x"),
]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "all_proxy"])
@pytest.mark.parametrize("proxy", PROXIES, ids=lambda proxy: ascii(proxy))
def test_any_proxy_variable(proxy, variable, ends, monkeypatch):
    try:
        monkeypatch.setenv(variable, proxy)
    except UnicodeError:
        return  # it can be in no environment
    ends({})


@pytest.mark.parametrize(
    ("variable", "value"),
    [("NO_PROXY", "[,*"), ("NO_PROXY", "\u2603"), ("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", os.devnull)],
)
def test_any_other_variable_that_httpx_reads(variable, value, ends, monkeypatch):
    monkeypatch.setenv(variable, value)
    ends({})


HEADERS = [
    *(
        {"a b": "x"},
        {"": "x"},
        {"a": "\n"},
        {"a": "\u00e9"},
        {"\u00e9": "a"},
        {"a:": "b"},
        {"a\n": "b"},
        {"a": 1},
        {1: "a"},
    ),
    *(
        {"a": None},
        {"host": ""},
        {"authorization": "x"},
        {"connection": "close"},
        {"accept-encoding": "br"},
        {"a": b"x"},
    ),
    *(
        {"expect": "100-continue"},
        {"upgrade": "h2c"},
        {"a": "x" * 70_000},
        {"a": "\ud83d"},
        {"\ud83d": "a"},
        {"a\0": "b"},
    ),
    *({"Content-Length ": "5"}, {"A": "1", "a": "2"}, {"transfer-encoding": "chunked"}),
]


@pytest.mark.parametrize("headers", HEADERS, ids=lambda headers: ascii(headers)[:40])
def test_any_header(headers, ends):
    ends({"default_headers": headers})


NUMBERS = [0, -1, float("nan"), float("inf"), 1e-9, 1e300, 10**30, "x", "5", True, None, [], {}]
TIMEOUTS = [httpx.Timeout(1e-9), httpx.Timeout(None), httpx.Timeout(5, connect=-1), httpx.Timeout(float("nan"))]


@pytest.mark.parametrize(
    "name", ["timeout", "total_timeout", "first_token_timeout", "max_reasoning_seconds", "max_retries"]
)
@pytest.mark.parametrize("value", NUMBERS, ids=repr)
def test_any_number(name, value, ends):
    ends({name: value})


@pytest.mark.parametrize("timeout", TIMEOUTS, ids=repr)
def test_any_timeout_of_httpx(timeout, ends):
    ends({"timeout": timeout})


@pytest.mark.parametrize(
    "path", ["", "/", ".", os.devnull, "/nonexistent", "a\0b", "\ud83d", "~nobody/x", 5, b"/x"], ids=ascii
)
def test_any_profile_file(path, ends):
    ends({"profile_file": path})


KEYS = [
    "",
    " ",
    "a\nb",
    "\u00e9",
    "\ud83d",
    "x" * 70_000,
    b"x",
    5,
    lambda: None,
    lambda: 5,
    lambda: 1 / 0,
    lambda: "a b",
]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ascii(key)[:20])
def test_any_key(key, ends):
    ends({"api_key": key})


@pytest.mark.parametrize(
    "model", ["", "\0", "a\nb", "\ud83d", "x" * 70_000, None, 5, "../x", [], {}], ids=lambda m: ascii(m)[:20]
)
def test_any_model_id(model, ends):
    ends({}, {**BODY, "model": model})
