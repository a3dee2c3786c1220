"""ChatAnyfast in front of gateways that differ from what is documented."""

import httpx
import pytest
from langchain.agents import create_agent

from anyfast_emulator import Emulator, Temperament
from anyfast_emulator.temperaments import TEMPERAMENTS
from anyfast_transport import AnyfastError, QuotaExceededError
from langchain_anyfast import ChatAnyfast

USUAL = ["deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving", "gemini-2.5-pro", "gemini-3-pro-preview"]
SERVED = [
    (name, model)
    for name, temper in TEMPERAMENTS.items()
    for model in USUAL
    if name != "documented" and model.startswith(temper.serves or "")
]


def get_weather(city: str) -> str:
    """Tells the weather in a city."""
    return f"{city}: 21 degrees"


def convert_temperature(celsius: float) -> str:
    """Converts a temperature from Celsius to Fahrenheit."""
    return f"{celsius * 9 / 5 + 32:g} degrees Fahrenheit"


def chat(emulator, model="deepseek-v4-pro", **fields):
    clients = {"http_client": httpx.Client(transport=emulator.transport), "base_url": "https://emulator.invalid/v1"}
    return ChatAnyfast(model=model, api_key=emulator.api_key, max_retries=0, **clients, **fields)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("temper", "model"), SERVED)
def test_an_agent_reaches_its_end(temper, model, streamed):
    emulator = Emulator(temperament=temper)
    agent = create_agent(chat(emulator, model, thinking=True), [get_weather, convert_temperature])
    asked = {"messages": [("user", "What is the weather in Lisbon, and how many degrees Fahrenheit is that?")]}
    if streamed:
        *_, (_, last) = agent.stream(asked, stream_mode=["messages", "values"])
    else:
        last = agent.invoke(asked)
    messages = last["messages"]
    assert [one.type for one in messages] == ["human", "ai", "tool", "ai", "tool", "ai"]
    assert "69.8" in messages[-1].text
    assert messages[-1].content_blocks[0]["type"] == "reasoning"
    assert messages[-1].usage_metadata["total_tokens"] > 0
    assert messages[-1].response_metadata["finish_reason"] == "stop"
    assert not messages[1].invalid_tool_calls


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "errors", ["openai", "deepseek", "new-api", "google", "string", "flat", "html", "empty", "in_200"]
)
def test_a_refusal_of_any_shape_is_an_error(errors, stream):
    model = chat(
        Emulator(temperament=Temperament(name="planted", errors=errors)), "qwen3.6-flash", extra_body={"top_p": 3}
    )
    with pytest.raises(AnyfastError) as caught:
        list(model.stream("Hello")) if stream else model.invoke("Hello")
    if errors not in ("html", "empty"):
        assert "the valid range of top_p is [0, 1]" in str(caught.value)


@pytest.mark.parametrize("quota", ["token", "user"])
@pytest.mark.parametrize("errors", [None, "new-api", "deepseek"])
def test_credit_that_is_used_up_is_told_as_such(quota, errors):
    emulator = Emulator(temperament=Temperament(name="planted", quota=quota, errors=errors))
    with pytest.raises(QuotaExceededError) as caught:
        chat(emulator).invoke("Hello")
    assert emulator.api_key[:6] not in str(caught.value)
