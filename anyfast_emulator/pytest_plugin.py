"""The pytest fixture `anyfast_emulator`. Imports nothing but pytest until it is used."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from anyfast_emulator import Emulator


@pytest.fixture
def anyfast_emulator() -> "Iterator[Emulator]":
    """A started emulator on loopback, fresh for each test."""
    from anyfast_emulator import Emulator

    with Emulator() as emulator:
        yield emulator
