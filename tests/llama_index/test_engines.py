"""More of what sits on an LLM: extractors, graphs, pipelines, selectors, and the fields that LlamaIndex gives it."""

import asyncio

import pytest
from llama_index.core import Document, MockEmbedding, PropertyGraphIndex, Settings, SummaryIndex
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.evaluation import CorrectnessEvaluator
from llama_index.core.extractors import PydanticProgramExtractor, SummaryExtractor, TitleExtractor
from llama_index.core.indices.property_graph import SimpleLLMPathExtractor
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.output_parsers import PydanticOutputParser
from llama_index.core.program import FunctionCallingProgram, LLMTextCompletionProgram
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.rate_limiter import TokenBucketRateLimiter
from llama_index.core.schema import TextNode
from llama_index.core.tools import QueryEngineTool
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel

from anyfast_emulator import Answer, ToolCall
from anyfast_emulator.contract import MODELS as SERVED
from llama_index_anyfast import AnyfastLLM

pytestmark = pytest.mark.filterwarnings("ignore:.*refuses a forced tool_choice")

TEXT = "Ada was born in 1815."
NODES = [TextNode(text=TEXT), TextNode(text="Alan was born in 1912.")]


class Born(BaseModel):
    """Who was born when."""

    name: str
    year: int


ADA = {"name": "Ada", "year": 1815}
AS_TEXT = Answer(reasoning="Hm.", text='{"name": "Ada", "year": 1815}')
AS_CALL = Answer(reasoning="Hm.", tool_calls=[ToolCall("Born", ADA)])


@pytest.fixture(autouse=True)
def settings(monkeypatch, make):
    """Nobody asks OpenAI for a default."""
    monkeypatch.setattr(Settings, "_llm", make())
    monkeypatch.setattr(Settings, "_embed_model", MockEmbedding(embed_dim=8))


@pytest.mark.parametrize("model", sorted(SERVED))
@pytest.mark.filterwarnings("ignore:The context window of")
def test_every_documented_model_has_sane_numbers(model):
    metadata = AnyfastLLM(model, api_key="k").metadata
    assert (metadata.is_chat_model, metadata.model_name) == (True, model)
    assert metadata.context_window >= 16_000
    assert 256 <= metadata.num_output <= metadata.context_window // 4


@pytest.mark.parametrize("asked", [AS_TEXT, AS_CALL], ids=["as text", "as a call"])
async def test_an_extractor_of_objects_asks_once_inside_a_running_loop(asked, make, emulator):
    emulator.script(asked, asked)
    program = FunctionCallingProgram.from_defaults(Born, "About: {input}", llm=make())
    found = PydanticProgramExtractor(program=program, input_key="input", show_progress=False).extract(NODES)
    assert found == [ADA, ADA]
    assert len(emulator.requests) == 2


async def test_title_and_summary_extractors_ask_once_inside_a_running_loop(make, emulator):
    emulator.script(*[Answer(reasoning="Hm.", text="Births")] * 4)
    assert SummaryExtractor(llm=make(), show_progress=False).extract(NODES)[0]["section_summary"] == "Births"
    TitleExtractor(llm=make(), nodes=1, show_progress=False).extract(NODES[:1])
    assert len(emulator.requests) == 4


async def test_a_property_graph_asks_once_in_a_worker_thread(make, emulator):
    emulator.script(Answer(reasoning="Hm.", text="(Ada, was born in, 1815)"))
    extractor = SimpleLLMPathExtractor(llm=make(), num_workers=1)
    index = await asyncio.to_thread(  # it runs a loop of its own, which it cannot inside of another
        PropertyGraphIndex, NODES[:1], llm=make(), kg_extractors=[extractor], embed_kg_nodes=False
    )
    [triplet] = index.property_graph_store.get_triplets(entity_names=["Ada"])
    assert (triplet[1].label, triplet[2].name) == ("Was born in", "1815")
    assert len(emulator.requests) == 1


async def test_evaluators_ask_once_inside_a_running_loop(make, emulator):
    emulator.script(Answer(reasoning="A 1, or a 5?", text="4.5\nClose."))
    result = CorrectnessEvaluator(llm=make()).evaluate(query="When?", response="1815", reference="In 1815.")
    assert (result.score, len(emulator.requests)) == (4.5, 1)


def test_sub_questions(make, emulator):
    """Without a generator LlamaIndex asks for another package."""
    llm = make()
    engine = SummaryIndex(NODES).as_query_engine(llm=llm)
    tools = [QueryEngineTool.from_defaults(engine, name="births", description="Who was born when.")]
    questions = '```json\n{"items": [{"sub_question": "When was Ada born?", "tool_name": "births"}]}\n```'
    emulator.script(
        *(Answer(reasoning="Hm.", text=text) for text in (questions, "In 1815.", "Ada was born in 1815.")),
    )
    generator = LLMQuestionGenerator.from_defaults(llm=llm)
    asked = SubQuestionQueryEngine.from_defaults(tools, llm=llm, question_gen=generator, use_async=False, verbose=False)
    assert str(asked.query("Tell me of Ada.")) == TEXT


@pytest.mark.timeout(180)  # each process imports LlamaIndex anew
def test_a_pipeline_of_two_spawned_processes(make, emulator, monkeypatch):
    """The key is not in what is sent to the processes; they read it from the environment."""
    monkeypatch.setenv("ANYFAST_API_KEY", emulator.api_key)
    emulator.script(*[Answer(reasoning="Hm.", text="Births")] * 2)
    pipeline = IngestionPipeline(transformations=[SummaryExtractor(llm=make(), show_progress=False)])
    nodes = pipeline.run(nodes=NODES, num_workers=2)
    assert [node.metadata["section_summary"] for node in nodes] == ["Births"] * 2
    assert len(emulator.requests) == 2


async def test_system_prompt_output_parser_and_callbacks(make, emulator):
    counter = TokenCountingHandler()
    parser = PydanticOutputParser(Born)
    llm = make(system_prompt="You know births.", output_parser=parser, callback_manager=CallbackManager([counter]))
    emulator.script(AS_TEXT, AS_TEXT)
    assert llm.predict(PromptTemplate("About Ada")) == str(Born(**ADA))
    assert await llm.apredict(PromptTemplate("About Ada")) == str(Born(**ADA))
    for body in emulator.requests:
        assert body["messages"][0] == {"role": "system", "content": "You know births."}
        assert "1815" not in str(body["messages"])
        assert "schema" in str(body["messages"][1])
    assert len(counter.llm_token_counts) == 2


def test_a_rate_limiter_is_asked_before_each_call(make, emulator):
    limiter = TokenBucketRateLimiter(requests_per_minute=6000)
    asked = []
    object.__setattr__(limiter, "acquire", lambda num_tokens=0: asked.append(num_tokens))
    llm = make(rate_limiter=limiter)
    llm.complete("Hi")
    list(llm.stream_chat([ChatMessage(role="user", content="Hi")]))
    assert len(asked) == 2


def test_text_programs_read_the_object_beside_the_thoughts(make, emulator):
    emulator.script(Answer(reasoning="{not this}", text='{"name": "Ada", "year": 1815}'))
    program = LLMTextCompletionProgram.from_defaults(
        output_cls=Born, prompt_template_str="About {who}", llm=make(pydantic_program_mode=PydanticProgramMode.LLM)
    )
    assert program(who="Ada") == Born(**ADA)


def test_documents_of_a_llm_in_settings(emulator):
    emulator.script(Answer(reasoning="Hm.", text="In 1815."))
    index = SummaryIndex.from_documents([Document(text=TEXT)])
    assert str(index.as_query_engine().query("When?")) == "In 1815."
