"""Fixtures of the fault suite. What they are made of is in `fault_gateway.py` and `fault_faces.py`."""

import os
import ssl
import subprocess
import warnings

import pytest

from anyfast_transport import AnyfastError
from tests.faults.fault_faces import FACES, KEY, MODES, OURS, TESTED
from tests.faults.fault_gateway import Gateway

WAYS = {"ChatAnyfast": ("invoke", "astream"), "AnyfastLLM": ("ainvoke", "stream")}
"""The ways that each class goes: the rest is the same code, and the suite has to be quick."""

OTHER_WAYS = {"ChatAnyfast": ("ainvoke", "stream"), "AnyfastLLM": ("invoke", "astream")}
"""The ways of every second row of the table of scenarios."""


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


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate of our own making; the file with the key, too."""
    path = tmp_path_factory.mktemp("certificate")
    ca, key = path / "ca.pem", path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(ca), "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost"]
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own command
    except FileNotFoundError:
        pytest.skip("no openssl on this machine")
    return ca, key


@pytest.fixture
def tls_gateway(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    gateway = Gateway(tls=context).start()
    yield gateway
    gateway.stop()


@pytest.fixture
def fresh_clients():
    """The shared clients look at the environment when they are made; here they are made anew, and again behind it."""
    from anyfast_transport.http import connections as pools

    def renew():
        pools.SHARED.close()
        pools.ssl_context.cache_clear()

    renew()
    yield renew
    renew()


@pytest.fixture
def trusted(certificate, fresh_clients, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


@pytest.fixture
def patiently():
    """Tries something with more and more seconds: a machine that does much else comes late to what is looked at."""

    def attempt(work, first=0.1):
        for seconds in (first, 8 * first):
            try:
                return work(seconds)
            except (AssertionError, AnyfastError, pytest.fail.Exception) as failed:
                if "pytest-timeout" in str(failed):
                    raise  # its clock rings once: what hangs would hang for ever the next time
        return work(40 * first)

    return attempt


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """No variables of the user, and no waiting between attempts."""
    for name in ("ANYFAST_API_KEY", "ANYFAST_BASE_URL", "ANYFAST_API_BASE", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    from anyfast_transport.http import retries

    monkeypatch.setattr(retries, "FIRST_DELAY", 0.001)
    with warnings.catch_warnings():
        warnings.simplefilter("error" if set(TESTED) <= set(OURS) else "default")
        yield


def pytest_configure(config):
    config.addinivalue_line("markers", "faces(*names): the faces that a test is about; the two classes unless it says")


def _is_wanted(item):
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    face, mode = parameters.get("face"), parameters.get("mode")
    if "tests/faults" not in item.nodeid or face is None:
        return True
    if marker := item.get_closest_marker("faces"):
        return face in marker.args
    if "FAULTS_AGAINST" in os.environ:
        return True
    ways = OTHER_WAYS if item.callspec.indices.get("case", 0) % 2 else WAYS
    return face in ways and (mode is None or mode in ways[face])


def pytest_collection_modifyitems(config, items):
    kept, left = [], []
    for item in items:
        (kept if _is_wanted(item) else left).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept
