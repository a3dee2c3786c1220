"""What all tests of AnyfastLLM share: an emulated gateway, and models that speak to it."""

from collections.abc import Callable, Iterator

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers.base import BaseEventHandler

from anyfast_emulator import Emulator
from llama_index_anyfast import AnyfastLLM


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No variable of the machine reaches a test, and another vendor's key must never be used."""
    for name in ("ANYFAST_API_KEY", "ANYFAST_BASE_URL", "ANYFAST_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")


@pytest.fixture(scope="session")
def gateway() -> Iterator[Emulator]:
    """One server for all tests: starting one for each would be most of what they cost."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(gateway: Emulator) -> Iterator[Emulator]:
    """The gateway as if it had just been started; a test uses up what it scripts."""
    gateway.reset()
    yield gateway
    gateway.check_script()


@pytest.fixture
def make(emulator: Emulator) -> Callable[..., AnyfastLLM]:
    def made(model: str = "deepseek-v4-pro", **fields) -> AnyfastLLM:
        return AnyfastLLM(
            model=model, **{"base_url": emulator.base_url, "api_key": emulator.api_key, "max_retries": 0, **fields}
        )

    return made


@pytest.fixture
def events() -> Iterator[list]:
    """The events of LlamaIndex's instrumentation, as they come."""
    seen: list = []

    class Listener(BaseEventHandler):
        @classmethod
        def class_name(cls) -> str:
            return "Listener"

        def handle(self, event, **kwargs):
            seen.append(event)

    root, listener = get_dispatcher(), Listener()
    root.add_event_handler(listener)
    yield seen
    root.event_handlers.remove(listener)


async def _chat(llm, messages, **kwargs) -> list[ChatResponse]:
    return [llm.chat(messages, **kwargs)]


async def _achat(llm, messages, **kwargs) -> list[ChatResponse]:
    return [await llm.achat(messages, **kwargs)]


async def _stream(llm, messages, **kwargs) -> list[ChatResponse]:
    return list(llm.stream_chat(messages, **kwargs))


async def _astream(llm, messages, **kwargs) -> list[ChatResponse]:
    return [response async for response in await llm.astream_chat(messages, **kwargs)]


CHATS = {"chat": _chat, "achat": _achat, "stream_chat": _stream, "astream_chat": _astream}


@pytest.fixture(params=CHATS)
def ask(request):
    """The four ways to chat, each as a coroutine that gives a list of responses."""
    return CHATS[request.param]


@pytest.fixture
def ask_all():
    """All four at once, for tests that compare them."""
    return CHATS


@pytest.fixture
def user() -> Callable[..., ChatMessage]:
    return lambda text="Hi", **kwargs: ChatMessage(role="user", content=text, **kwargs)
