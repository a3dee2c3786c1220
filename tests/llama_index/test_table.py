"""The probes of the table in docs/peers-llama-index.md, on our own class: the page says what they find."""

import pytest

from tools.compare_llama_index.compare import OURS, rows
from tools.compare_llama_index.probes import PROBES, cell


@pytest.fixture(scope="module")
def bench():
    with OURS.emulator:
        yield OURS


@pytest.mark.parametrize("asked", PROBES)
def test_the_page_says_what_the_probe_finds(asked, bench):
    found = cell(PROBES[asked], bench)
    assert not found.startswith("no")
    assert rows()[asked] == found
