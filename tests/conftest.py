"""What keeps the whole suite quick. Nothing that a test asserts hangs on it."""

import gc

import hypothesis
import pytest

# The same examples each time, as many as find what a broken line does, however slow the machine is; no files left.
hypothesis.settings.register_profile("anyfast", deadline=None, max_examples=50, derandomize=True, database=None)
hypothesis.settings.load_profile("anyfast")


def pytest_collection_finish():
    """What was imported and collected stays to the end: a collection of garbage need not look at it again."""
    gc.collect()
    gc.freeze()


# pytest-recording, which langchain-tests brings, sets up five fixtures for every test; one suite has cassettes of its.


@pytest.fixture
def block_network():
    """No test asks for it: those that must not reach a network have nothing that leads there."""


@pytest.fixture
def vcr(request):
    return request.getfixturevalue("vcr") if request.node.get_closest_marker("vcr") else None
