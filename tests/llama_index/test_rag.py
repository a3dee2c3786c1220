"""The parts of LlamaIndex that sit on an LLM, over documents, without a network."""

import asyncio
import json
from typing import Literal

import pytest
from llama_index.core import Document, MockEmbedding, Settings, SummaryIndex, VectorStoreIndex
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.evaluation import FaithfulnessEvaluator
from llama_index.core.extractors import KeywordExtractor
from llama_index.core.indices.property_graph import SchemaLLMPathExtractor
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.query_engine import RouterQueryEngine
from llama_index.core.schema import TextNode
from llama_index.core.tools import QueryEngineTool
from pydantic import BaseModel

from anyfast_emulator import Answer, Failure, ToolCall
from anyfast_transport import AnyfastWarning, EmptyAnswerError, QuotaExceededError

DOCUMENTS = [Document(text="Ada Lovelace was born in 1815."), Document(text="Alan Turing was born in 1912.")]


@pytest.fixture
def index(monkeypatch) -> VectorStoreIndex:
    monkeypatch.setattr(Settings, "_llm", None)
    return VectorStoreIndex.from_documents(DOCUMENTS, embed_model=MockEmbedding(embed_dim=8))


@pytest.mark.parametrize(
    ("mode", "calls"),
    [("compact", 1), ("refine", 2), ("tree_summarize", 1), ("simple_summarize", 1), ("accumulate", 2)],
)
def test_query_engines(mode, calls, index, make, emulator):
    engine = index.as_query_engine(llm=make(), response_mode=mode)
    emulator.script(*[Answer(reasoning="Hm.", text="In 1815.")] * calls)
    assert "In 1815." in str(engine.query("When was Ada born?"))
    assert "was born in" in str(emulator.requests[0]["messages"])


def test_a_streaming_query_engine(index, make, emulator):
    emulator.script(Answer(reasoning="Hm.", text="In 1815."))
    engine = index.as_query_engine(llm=make(), streaming=True)
    assert "".join(engine.query("When was Ada born?").response_gen) == "In 1815."


async def test_an_async_query_engine(index, make, emulator):
    emulator.script("In 1815.")
    assert str(await index.as_query_engine(llm=make()).aquery("When was Ada born?")) == "In 1815."


def test_settings_serve_everything(index, make, emulator):
    Settings.llm = make()
    emulator.script("In 1815.")
    assert str(index.as_query_engine().query("When was Ada born?")) == "In 1815."


class Born(BaseModel):
    """Who was born when."""

    name: str
    year: int


@pytest.mark.parametrize("thinking", [True, False])
def test_a_query_engine_that_answers_with_an_object(thinking, index, make, emulator):
    told = {"name": "Ada", "year": 1815}
    said = Answer(text='{"name": "Ada", "year": 1815}') if thinking else Answer(tool_calls=[ToolCall("Born", told)])
    emulator.script(said)
    engine = index.as_query_engine(llm=make(thinking=thinking), output_cls=Born)
    assert engine.query("When was Ada born?").response == Born(**told)


ERRORS = {
    "no credit": (Failure(402, "You have no credit."), {}, QuotaExceededError),
    "nothing but thoughts": (Answer(reasoning="Hm", finish_reason="length"), {"on_empty": "raise"}, EmptyAnswerError),
}


@pytest.mark.parametrize("output_cls", [None, Born])
@pytest.mark.parametrize(("answer", "fields", "error"), ERRORS.values(), ids=ERRORS)
def test_errors_do_not_become_empty_response(answer, fields, error, output_cls, index, make, emulator):
    emulator.script(answer)
    with pytest.raises(error):
        index.as_query_engine(llm=make(**fields), output_cls=output_cls).query("When was Ada born?")


def test_an_object_that_is_none_is_left_to_the_engine(index, make, emulator):
    """It takes a ValueError for "nothing in this piece", and has its own words where no piece had anything."""
    emulator.script("I do not know.", "I really do not.")
    response = index.as_query_engine(llm=make(), output_cls=Born).query("When was Ada born?")
    assert response.response == "Empty Response"


def test_a_graph_is_built_without_the_piece_that_has_no_object(make, emulator):
    triplet = {
        "subject": {"type": "PERSON", "name": "Ada"},
        "relation": {"type": "BORN_IN"},
        "object": {"type": "YEAR", "name": "1815"},
    }
    emulator.script("Nothing.", "Nothing at all.", json.dumps({"triplets": [triplet]}))
    extractor = SchemaLLMPathExtractor(
        llm=make(),
        possible_entities=Literal["PERSON", "YEAR"],
        possible_relations=Literal["BORN_IN"],
        kg_validation_schema=[("PERSON", "BORN_IN", "YEAR")],
        num_workers=1,
    )
    blank, told = extractor([TextNode(text="Page 7"), TextNode(text="Ada was born in 1815.")], show_progress=False)
    assert [len(node.metadata["nodes"]) for node in (blank, told)] == [0, 2]


def test_no_credit_ends_the_building_of_a_graph(make, emulator):
    emulator.script(Failure(402, "You have no credit."))
    extractor = SchemaLLMPathExtractor(llm=make(), num_workers=1)
    with pytest.raises(QuotaExceededError):
        extractor([TextNode(text="Ada was born in 1815.")], show_progress=False)


def test_a_router_query_engine(index, make, emulator):
    llm = make()
    engines = [
        QueryEngineTool.from_defaults(one.as_query_engine(llm=llm), name=name, description=name)
        for one, name in ((index, "facts"), (SummaryIndex.from_documents(DOCUMENTS), "summaries"))
    ]
    chosen = ToolCall("SingleSelection", {"index": 1, "reason": "A fact."})
    emulator.script(Answer(reasoning="Hm.", tool_calls=[chosen]), "In 1815.")
    with pytest.warns(AnyfastWarning, match="refuses a forced tool_choice"):
        assert str(RouterQueryEngine.from_defaults(engines, llm=llm).query("When was Ada born?")) == "In 1815."


@pytest.mark.parametrize(
    ("mode", "calls"), [("simple", 2), ("context", 2), ("condense_question", 3), ("condense_plus_context", 3)]
)
def test_chat_engines(mode, calls, index, make, emulator):
    # Not the default memory, which leaves its SQLite connection open.
    memory = ChatMemoryBuffer.from_defaults(token_limit=10_000)
    engine = index.as_chat_engine(chat_mode=mode, llm=make(), memory=memory)
    emulator.script(*[Answer(reasoning="Hm.", text="In 1815.")] * calls)
    assert str(engine.chat("When was Ada born?")) == "In 1815."
    assert str(engine.chat("Are you sure?")) == "In 1815."


def test_a_streaming_chat_engine_goes_on_with_its_history(make, emulator):
    engine = SimpleChatEngine.from_defaults(llm=make(), memory=ChatMemoryBuffer.from_defaults(token_limit=10_000))
    emulator.script(*[Answer(reasoning="Hm.", text="In 1815.")] * 2)
    for _ in range(2):
        assert "".join(engine.stream_chat("When was Ada born?").response_gen) == "In 1815."
    assert len(emulator.requests[1]["messages"]) == 3


def test_extractors_ask_once(make, emulator):
    """They run a loop of their own for each call, which made other integrations pay twice."""
    emulator.script(*["Ada, birth"] * 2)
    nodes = [TextNode(text=document.text) for document in DOCUMENTS]
    found = KeywordExtractor(llm=make(), show_progress=False).process_nodes(nodes)
    assert [node.metadata["excerpt_keywords"] for node in found] == ["Ada, birth"] * 2
    assert len(emulator.requests) == 2


def test_evaluators(make, emulator):
    emulator.script(Answer(reasoning="Some say yes.", text="NO"))
    evaluator = FaithfulnessEvaluator(llm=make())
    result = evaluator.evaluate(response="In 1915.", contexts=["Ada was born in 1815."])
    assert not result.passing


def test_many_event_loops_one_after_the_other(make, emulator):
    llm = make()
    for _ in range(10):
        assert asyncio.run(llm.acomplete("Hi")).text
    assert len(emulator.requests) == 10
