"""What the observers of others see of a call: `make observe`. Not in the quick suite, which has not these packages."""

import asyncio
import json

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from anyfast_emulator import Answer, Emulator, ToolCall
from llama_index_anyfast import AnyfastLLM

# These are about the observers' own code.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(120)]

USAGE = {"prompt_tokens": 111, "completion_tokens": 77, "total_tokens": 188}
HI = [ChatMessage(role="user", content="Hi")]
SAID = Answer(text="Hello there", reasoning="A greeting.", usage=USAGE)


def _openinference():
    from openinference.instrumentation.llama_index import LlamaIndexInstrumentor

    return LlamaIndexInstrumentor()


def _opentelemetry():
    from opentelemetry.instrumentation.llamaindex import LlamaIndexInstrumentor

    return LlamaIndexInstrumentor()


@pytest.fixture(params=[_openinference, _opentelemetry])
def spans(request):
    """The attributes of all spans, once they have ended."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = request.param()
    instrumentor.instrument(tracer_provider=provider)
    yield lambda: [{**span.attributes, "name": span.name} for span in exporter.get_finished_spans()]
    instrumentor.uninstrument()


@pytest.fixture
def emulator():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def llm(emulator):
    return AnyfastLLM("deepseek-v4-pro", base_url=emulator.base_url, api_key=emulator.api_key, temperature=0.5)


async def _astream(llm):
    async for _ in await llm.astream_chat(HI):
        pass


CALLS = {
    "chat": lambda llm: llm.chat(HI),
    "stream_chat": lambda llm: list(llm.stream_chat(HI)),
    "achat": lambda llm: asyncio.run(llm.achat(HI)),
    "astream_chat": lambda llm: asyncio.run(_astream(llm)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_model_text_and_usage(call, spans, llm, emulator):
    emulator.script(SAID)
    call(llm)
    seen = json.dumps(spans(), default=str)
    assert "deepseek-v4-pro" in seen
    assert "Hello there" in seen
    values = [value for span in spans() for value in span.values()]
    assert 111 in values
    assert 77 in values
    assert emulator.api_key not in seen


def test_an_agent_and_its_reasoning(spans, llm, emulator):
    tool = FunctionTool.from_defaults(lambda place: f"saw {place}", name="look", description="Looks.")
    emulator.script(Answer(reasoning="First I look.", tool_calls=[ToolCall("look", {"place": "Paris"})]), SAID)

    async def run():
        return await FunctionAgent(tools=[tool], llm=llm).run("?")

    assert asyncio.run(run()).response.content == "Hello there"
    seen = json.dumps(spans(), default=str)
    assert "saw Paris" in seen
    assert "First I look." in seen
