"""What the observers of others see of a call, in both frameworks: `make observe`. It needs packages of theirs.

Each call is exactly one span of a model, with its usage and its text, and no span shows a secret.
"""

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
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM

# These are about the observers' own code.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(180)]

KEY = "K7q9-the-key-of-a-tenant"
USAGE = {"prompt_tokens": 111, "completion_tokens": 77, "total_tokens": 188}
HI = [ChatMessage(role="user", content="Hi")]
SAID = Answer(text="Hello there", reasoning="A greeting.", usage=USAGE)
SECRETS = {
    "api_key": KEY,
    "default_headers": {"x-tenant": "hush-headers"},
    "extra_body": {"user_id": "hush-body"},
}


async def _read(stream):
    return [piece async for piece in stream]


CALLS = {
    "langchain": {
        "invoke": lambda llm, **said: llm.invoke("Hi", **said),
        "stream": lambda llm, **said: list(llm.stream("Hi", **said)),
        "ainvoke": lambda llm, **said: asyncio.run(llm.ainvoke("Hi", **said)),
        "astream": lambda llm, **said: asyncio.run(_read(llm.astream("Hi", **said))),
        "bind": lambda llm, **said: llm.bind(**said).invoke("Hi"),
    },
    "llama_index": {
        "chat": lambda llm, **said: llm.chat(HI, **said),
        "complete": lambda llm, **said: llm.complete("Hi", **said),
        "stream_chat": lambda llm, **said: list(llm.stream_chat(HI, **said)),
        "achat": lambda llm, **said: asyncio.run(llm.achat(HI, **said)),
        "astream_chat": lambda llm, **said: asyncio.run(_astream_chat(llm, **said)),
    },
}
CLASSES = {"langchain": ChatAnyfast, "llama_index": AnyfastLLM}


async def _astream_chat(llm, **said):
    return await _read(await llm.astream_chat(HI, **said))


def _openinference(framework):
    if framework == "langchain":
        from openinference.instrumentation.langchain import LangChainInstrumentor as Instrumentor
    else:
        from openinference.instrumentation.llama_index import LlamaIndexInstrumentor as Instrumentor
    return Instrumentor()


def _opentelemetry(framework):
    if framework == "langchain":
        from opentelemetry.instrumentation.langchain import LangchainInstrumentor as Instrumentor
    else:
        from opentelemetry.instrumentation.llamaindex import LlamaIndexInstrumentor as Instrumentor
    return Instrumentor()


def _is_of_a_model(span):
    """Whether a span counts as a call of a model, by either convention."""
    said = span.attributes or {}
    return said.get("openinference.span.kind") == "LLM" or "gen_ai.request.model" in said or "gen_ai.system" in said


@pytest.fixture(scope="module")
def emulator():
    with Emulator(api_key=KEY) as emulator:
        yield emulator


OBSERVED = [(framework, observer) for framework in CALLS for observer in (_openinference, _opentelemetry)]


@pytest.fixture(scope="module", params=OBSERVED, ids=lambda pair: f"{pair[0]}-{pair[1].__name__}")
def observed(request):
    """A framework and its observer, which takes one tracer for good."""
    framework, observer = request.param
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = observer(framework)
    instrumentor.instrument(tracer_provider=provider)
    yield framework, observer, exporter
    instrumentor.uninstrument()


@pytest.fixture
def framework(observed):
    return observed[0]


@pytest.fixture
def spans(observed):
    """All spans, once they have ended."""
    observed[2].clear()
    return observed[2].get_finished_spans


def _llm(framework, emulator, **fields):
    emulator.reset()
    emulator.script(SAID)
    return CLASSES[framework](model="deepseek-v4-pro", base_url=emulator.base_url, temperature=0.5, **fields)


def _seen(spans):
    return json.dumps([{**(span.attributes or {}), "events": str(span.events)} for span in spans], default=str)


@pytest.mark.parametrize("given", ["fields", "call"])
@pytest.mark.parametrize("way", range(5))
def test_a_call_is_one_span_with_its_text_and_usage_and_no_secret(way, given, spans, observed, emulator):
    framework, observer, _ = observed
    name, call = list(CALLS[framework].items())[way]
    if (name, observer) == ("complete", _opentelemetry):
        pytest.skip("it makes no span of a completion")
    if given == "fields":
        call(_llm(framework, emulator, **SECRETS))
    else:
        call(_llm(framework, emulator, api_key="K8-nobodys"), **SECRETS)
    (one,) = [span for span in spans() if _is_of_a_model(span)]
    seen = _seen(spans())
    assert not [secret for secret in (KEY, "hush-headers", "hush-body") if secret in seen]
    assert "deepseek-v4-pro" in _seen([one])
    assert "Hello there" in _seen([one])
    assert {111, 77} <= {value for value in (one.attributes or {}).values() if isinstance(value, int)}


def test_an_agent_and_its_reasoning(spans, framework, emulator):
    if framework == "langchain":
        pytest.skip("LlamaIndex's convention has a place for reasoning")
    tool = FunctionTool.from_defaults(lambda place: f"saw {place}", name="look", description="Looks.")
    llm = _llm(framework, emulator, **SECRETS)
    emulator.reset()
    emulator.script(Answer(reasoning="First I look.", tool_calls=[ToolCall("look", {"place": "Paris"})]), SAID)

    async def run():
        return await FunctionAgent(tools=[tool], llm=llm).run("?")

    assert asyncio.run(run()).response.content == "Hello there"
    seen = _seen(spans())
    assert "saw Paris" in seen
    assert "First I look." in seen
    assert KEY not in seen


@pytest.mark.parametrize("given", ["fields", "call"])
@pytest.mark.parametrize("framework", CALLS)
def test_mlflow_sees_one_call_and_no_secret(given, framework, emulator, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # it keeps more than it is told to
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    flavour = pytest.importorskip(f"mlflow.{framework}")
    try:
        flavour.autolog()
    except Exception as error:  # noqa: BLE001  # MLflow asks for packages that it does not need here
        pytest.skip(f"MLflow's autolog does not work here: {error}")
    call = next(iter(CALLS[framework].values()))
    try:
        if given == "fields":
            call(_llm(framework, emulator, **SECRETS))
        else:
            call(_llm(framework, emulator, api_key="K8-nobodys"), **SECRETS)
        mlflow.flush_trace_async_logging()
        (trace,) = mlflow.search_traces(return_type="list")
    finally:
        flavour.autolog(disable=True)
    seen = trace.to_json()
    assert not [secret for secret in (KEY, "hush-headers", "hush-body") if secret in seen]
    assert [span.span_type for span in trace.data.spans].count("CHAT_MODEL") == 1
    assert "Hello there" in seen
    assert "111" in seen
