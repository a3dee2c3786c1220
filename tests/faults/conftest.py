"""Fixtures of the fault suite. What they are made of is in `fault_gateway.py`, which the soak uses, too."""

import sys
import warnings
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode has no path to the tests' own modules

from fault_gateway import FACES, KEY, MODES, OURS, TESTED, Gateway


@pytest.fixture(scope="session", params=TESTED)
def face(request):
    return FACES[request.param]()


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


@pytest.fixture
def gateway():
    gateway = Gateway().start()
    yield gateway
    gateway.stop()


@pytest.fixture
def llm(face, gateway):
    """Makes a model that speaks to the gateway and is quick to give up."""

    def make(**fields):
        return face.make(**{"base_url": gateway.base_url, "api_key": KEY, "timeout": 5.0, **fields})

    return make


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """No variables of the user, and no waiting between attempts."""
    for name in ("ANYFAST_API_KEY", "ANYFAST_BASE_URL", "ANYFAST_API_BASE", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    from anyfast_transport import retries

    monkeypatch.setattr(retries, "FIRST_DELAY", 0.001)
    with warnings.catch_warnings():
        warnings.simplefilter("error" if set(TESTED) <= set(OURS) else "default")
        yield


WAYS = {"ChatAnyfast": {"invoke", "astream"}, "AnyfastLLM": {"ainvoke", "stream"}}
"""Beyond the table of scenarios, which goes every way through every class, each class goes two ways and the transport
all four: the rest is the same code, and the suite has to be quick."""


def pytest_collection_modifyitems(config, items):
    kept, left = [], []
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        ways = WAYS.get(parameters.get("face")) if "test_scenarios" not in item.nodeid else None
        doubled = ways and "tests/faults" in item.nodeid and parameters.get("mode", next(iter(ways))) not in ways
        (left if doubled else kept).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept
