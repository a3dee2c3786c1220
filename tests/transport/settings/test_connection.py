"""Where the gateway is: what people paste as its URL, and what goes out in the clear."""

import pytest
from pydantic import ValidationError

from anyfast_transport import AnyfastWarning, Connection
from anyfast_transport.settings.connection import DEFAULT_BASE_URL, warn_of_plain_http
from tests.pairs import in_turn


@pytest.mark.parametrize(
    "base_url", ["http://[::1", "http://127.0.0.1:99999/v1", "http://127.0.0.1:port/v1", "https://:@/v1"]
)
def test_an_address_that_is_none_is_told_at_once(base_url):
    with pytest.raises(ValidationError, match="base_url"):
        Connection(base_url=base_url)


PASTED = [
    ("https://www.anyfast.ai/v1", "https://www.anyfast.ai/v1"),
    ("https://www.anyfast.ai/v1/", "https://www.anyfast.ai/v1"),
    ("https://www.anyfast.ai", "https://www.anyfast.ai/v1"),
    ("https://www.anyfast.ai/", "https://www.anyfast.ai/v1"),
    ("www.anyfast.com.cn", "https://www.anyfast.com.cn/v1"),
    ("localhost:8000", "http://localhost:8000/v1"),
    ("127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
    (" https://www.anyfast.ai/v1/chat/completions \n", "https://www.anyfast.ai/v1"),
    ("https://www.anyfast.ai/v1/chat/completions/", "https://www.anyfast.ai/v1"),
    ("https://ark.example/api/v3", "https://ark.example/api/v3"),
]


@pytest.mark.parametrize(
    ("pasted", "name"), in_turn(PASTED, ["base_url", "api_base", "ANYFAST_BASE_URL", "ANYFAST_API_BASE"])
)
def test_what_people_paste_as_the_base_url(pasted, name, monkeypatch):
    given, expected = pasted
    if name.isupper():
        monkeypatch.setenv(name, given)
        assert Connection().base_url == expected
    else:
        assert Connection(**{name: given}).base_url == expected


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "localhost.example.com"])
def test_a_key_that_goes_out_in_the_clear_is_warned_of(host):
    warn_of_plain_http.cache_clear()
    with pytest.warns(AnyfastWarning, match=host):
        Connection(base_url=f"http://{host}/v1")


@pytest.mark.parametrize("base_url", ["https://10.0.0.1/v1", "http://[::1]:8000/v1", "http://a.localhost/v1"])
def test_other_ways_are_not(base_url):
    assert Connection(base_url=base_url).base_url == base_url


def test_unsaid_it_is_the_global_host():
    assert Connection().base_url == DEFAULT_BASE_URL
