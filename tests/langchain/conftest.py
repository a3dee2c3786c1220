"""What these tests share: an emulator without a socket, and models that ask it."""

import httpx
import pytest

from anyfast_emulator import Emulator
from cassettes.tape import configured
from langchain_anyfast import ChatAnyfast


def pytest_recording_configure(config, vcr):
    """How the project's cassettes are written, for the suite of langchain-tests that replays some."""
    configured(vcr)


@pytest.fixture
def emulator():
    emulator = Emulator()
    yield emulator
    emulator.check_script()  # a test uses up what it scripts


@pytest.fixture
def chat(emulator):
    """Makes models that ask the emulator in process: strict as ever, and no port is opened."""

    def make(model="deepseek-v4-pro", **fields):
        said = {"base_url": "https://emulator.invalid/v1", "api_key": emulator.api_key, "max_retries": 0}
        clients = {
            "http_client": httpx.Client(transport=emulator.transport),
            "http_async_client": httpx.AsyncClient(transport=emulator.transport),
        }
        return ChatAnyfast(model=model, **(said | clients | fields))

    return make
