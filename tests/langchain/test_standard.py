"""LangChain's own suites, whole, once for each model of the gateway's five pages, against the emulator."""

import base64
from typing import Any, Literal

import httpx
import pytest
from langchain_core.messages import AIMessage
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from anyfast_emulator import Emulator
from cassettes.tape import CONFIG, FOLDER
from langchain_anyfast import ChatAnyfast, enable_load

# A model that thinks refuses a forced tool choice: it is asked for in the prompt instead, and the user is told.
pytestmark = pytest.mark.filterwarnings("ignore:.*(forced tool_choice|JSON mode while it thinks)")

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""One pixel: the suite asks the web for its pictures, and these tests ask nobody but loopback."""


@pytest.fixture(autouse=True)
def _no_downloads(monkeypatch):
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "none")
    monkeypatch.setattr(httpx, "get", lambda *_, **__: httpx.Response(200, content=PICTURE))


@pytest.fixture(scope="module", autouse=True)
def emulator():
    with Emulator() as running:
        Standard.emulator = running
        yield running


@pytest.fixture(scope="session")
def vcr_config():
    """The suite's test of streaming is replayed from the project's cassettes, over and over."""
    return {**CONFIG, "allow_playback_repeats": True}


@pytest.fixture(scope="module")
def vcr_cassette_dir():
    return str(FOLDER)


class TestUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self):
        return ChatAnyfast

    @property
    def chat_model_params(self):
        return {"model": "deepseek-v4-pro", "api_key": "test"}

    @property
    def init_from_env_params(self):
        return (
            {"ANYFAST_API_KEY": "key", "ANYFAST_BASE_URL": "https://gateway.example/v1"},
            {"model": "deepseek-v4-pro"},
            {"api_key": "key", "base_url": "https://gateway.example/v1"},
        )

    @pytest.fixture(autouse=True)
    def _loadable(self):
        enable_load()


class Standard(ChatModelIntegrationTests):
    """What is true of every model; each class below says what is true of its own."""

    emulator: Emulator
    model_id: str
    cassettes: str = ""
    thinking: bool | None = None

    @property
    def chat_model_class(self):
        return ChatAnyfast

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": self.model_id,
            "thinking": self.thinking,
            "base_url": self.emulator.base_url,
            "api_key": self.emulator.api_key,
        }

    @property
    def enable_vcr_tests(self):
        return bool(self.cassettes)

    @pytest.fixture
    def default_cassette_name(self):
        return f"{self.cassettes}/stream_time"

    @property
    def supports_json_mode(self):
        return True

    @property
    def supports_anthropic_inputs(self):
        return True

    @property
    def model_override_value(self):
        return "deepseek-v4-flash" if self.model_id != "deepseek-v4-flash" else "deepseek-v4-pro"

    @property
    def supported_usage_metadata_details(self):
        details: list[Literal["reasoning_output", "cache_read_input"]] = ["cache_read_input"]
        if self.thinking:
            details.append("reasoning_output")
        return {"invoke": details, "stream": details}

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        model = ChatAnyfast(**self.chat_model_params, stream_usage=True)
        return _answer(model, "What is the square of 12?", stream=stream)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        model = ChatAnyfast(**self.chat_model_params, stream_usage=True)
        long = "The quick brown fox jumps over the lazy dog. " * 100
        _answer(model, long, stream=stream)
        return _answer(model, long, stream=stream)


def _answer(model: ChatAnyfast, prompt: str, *, stream: bool) -> AIMessage:
    if not stream:
        return model.invoke(prompt)
    first, *rest = model.stream(prompt)
    return sum(rest, first)


class Seeing(Standard):
    """A model that takes pictures, in tool results as well."""

    @property
    def supports_image_inputs(self):
        return True

    @property
    def supports_image_urls(self):
        return True

    @property
    def supports_image_tool_message(self):
        return True


class TestDeepSeekProThinking(Standard):
    model_id = "deepseek-v4-pro"
    cassettes = "deepseek"
    thinking = True


class TestDeepSeekFlash(Standard):
    model_id = "deepseek-v4-flash"
    cassettes = "deepseek_without_thinking"
    thinking = False


class TestQwen(Seeing):
    model_id = "qwen3.6-flash"
    cassettes = "qwen"
    thinking = True


class TestDoubao(Seeing):
    model_id = "doubao-seed-evolving"
    cassettes = "doubao"
    thinking = True


class TestGemini(Seeing):
    model_id = "gemini-2.5-pro"
    cassettes = "gemini"
    thinking = True

    @property
    def supports_pdf_inputs(self):
        return True

    @property
    def supports_pdf_tool_message(self):
        return True

    @property
    def supports_audio_inputs(self):
        return True


# One model of each row that was written or changed since the cassettes were recorded.


class TestDeepSeekVision(Seeing):
    model_id = "deepseek-flash"


class TestDeepSeekR1(Standard):
    model_id = "deepseek-r1"


class TestThinkingOnlyQwen(Seeing):
    model_id = "qwen3-max-thinking"


class TestGLM47(Standard):
    model_id = "glm-4.7"


class TestGLM53(Standard):
    model_id = "glm-5.3"


class TestKimiK3(Seeing):
    model_id = "kimi-k3"


class TestMiniMaxM3(Seeing):
    model_id = "MiniMax-M3"


class TestGemini35Flash(TestGemini):
    model_id = "gemini-3.5-flash"
    cassettes = ""


# The abstract ones are no suites of their own.
del ChatModelIntegrationTests, ChatModelUnitTests
