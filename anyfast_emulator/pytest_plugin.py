"""The pytest fixture `anyfast_emulator`. Imports nothing but pytest until it is used."""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from anyfast_emulator import Emulator

_STARTED = pytest.StashKey["Emulator"]()
_MARKER = """anyfast_emulator(**arguments): arguments of the Emulator that the fixture of this name starts, \
such as temperament="new-api" or scripted_only=True"""


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def anyfast_emulator(request: pytest.FixtureRequest) -> "Iterator[Emulator]":
    """A started emulator on loopback, fresh for each test, which fails if it leaves scripted answers unused."""
    from anyfast_emulator import Emulator

    marker = request.node.get_closest_marker("anyfast_emulator")
    emulator = Emulator(**(marker.kwargs if marker else {}))
    request.node.stash[_STARTED] = emulator
    emulator.start()
    yield emulator
    emulator.stop()


# A check in the fixture's teardown would be an error beside a test that has passed, or beside one that has failed.
@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Checks the script when the test itself is through."""
    __tracebackhide__ = True
    yield
    emulator = item.stash.get(_STARTED, None)
    if emulator is not None:
        emulator.check_script()
