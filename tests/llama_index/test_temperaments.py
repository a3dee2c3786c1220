"""AnyfastLLM in front of gateways that differ from what is documented."""

import httpx
import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ThinkingBlock

from anyfast_emulator import Emulator
from anyfast_emulator.temperaments import TEMPERAMENTS
from llama_index_anyfast import AnyfastLLM

USUAL = ["deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving", "gemini-2.5-pro", "gemini-3-pro-preview"]
SERVED = [
    (name, model)
    for name, temper in TEMPERAMENTS.items()
    for model in USUAL
    if name != "documented" and model.startswith(temper.serves or "")
]

# LlamaIndex's agents look at every attribute of a pydantic object, deprecated ones too.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:inspect")


def get_weather(city: str) -> str:
    """Tells the weather in a city."""
    return f"{city}: 21 degrees"


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(("temper", "model"), SERVED)
async def test_an_agent_reaches_its_end(temper, model, streaming):
    emulator = Emulator(temperament=temper)
    clients = {"http_async_client": httpx.AsyncClient(transport=emulator.transport)}
    where = {"base_url": "https://emulator.invalid/v1", "api_key": emulator.api_key, "max_retries": 0}
    llm = AnyfastLLM(model=model, thinking=True, **where, **clients)
    agent = FunctionAgent(llm=llm, tools=[get_weather], streaming=streaming)
    answer = await agent.run("What is the weather in Lisbon?")
    assert "21 degrees" in str(answer)
    assert isinstance(answer.response.blocks[0], ThinkingBlock)
    assert [one.tool_kwargs for one in answer.tool_calls] == [{"city": "Lisbon"}]
