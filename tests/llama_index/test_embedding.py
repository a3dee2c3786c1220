"""AnyfastEmbedding: what LlamaIndex builds on embeddings."""

import copy
import multiprocessing
import pickle
import threading

import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.node_parser import SemanticSplitterNodeParser, SentenceSplitter
from llama_index.core.rate_limiter import TokenBucketRateLimiter
from llama_index.core.schema import TextNode
from llama_index.core.storage.kvstore import SimpleKVStore

from anyfast_emulator import Failure
from anyfast_transport import AnyfastWarning, RateLimitError
from llama_index_anyfast import AnyfastEmbedding, AnyfastLLM, track_usage

PASSAGES = [
    "The light of Skerry Point was lit for the first time on 4 May 1871.",
    "The lens weighs three tonnes and turns in a bath of mercury.",
    "The keeper cleans the lens every Monday, before the tide turns.",
    "Visitors may climb the tower from June to September.",
    "In fog the keeper rings the bell once a minute.",
    "Dogs wait at the gate.",
]
QUESTION = "How heavy is the lens?"


@pytest.fixture
def embed(emulator):
    def make(model="text-embedding-v4", **fields):
        said = {"base_url": emulator.base_url, "api_key": emulator.api_key, "max_retries": 0}
        return AnyfastEmbedding(model=model, **{**said, **fields})

    return make


def sizes(emulator):
    return sorted(len(request["input"]) for request in emulator.requests)


async def test_a_query_and_a_text_have_vectors_every_way(emulator, embed):
    model = embed("doubao-embedding")
    vector = model.get_query_embedding(QUESTION)
    assert vector == await model.aget_query_embedding(QUESTION) == model.get_text_embedding(QUESTION)
    assert vector == await model.aget_text_embedding(QUESTION) == model.get_text_embedding_batch([QUESTION])[0]
    assert len(vector) == 2048
    assert {type(number) for number in vector} == {float}
    assert emulator.last_request == {"model": "doubao-embedding", "input": [QUESTION], "encoding_format": "float"}


@pytest.mark.parametrize(("given", "expected"), [(None, [3, 10, 10]), (6, [5, 6, 6, 6]), (500, [3, 10, 10])])
async def test_texts_are_sent_in_requests_of_the_right_size_and_come_back_in_order(emulator, embed, given, expected):
    texts = [f"{number} and more words" for number in range(23)]
    model = embed(**({} if given is None else {"embed_batch_size": given}))
    vectors = model.get_text_embedding_batch(texts)
    assert sizes(emulator) == expected
    assert vectors == await model.aget_text_embedding_batch(texts)
    assert vectors[7] == model.get_text_embedding(texts[7])


def test_the_batch_size_is_the_models_unless_given(embed):
    assert embed().embed_batch_size == 10
    assert embed("doubao-embedding").embed_batch_size == 256
    assert embed("text-embedding-v4", embed_batch_size=4).embed_batch_size == 4


@pytest.mark.parametrize("name", ["model", "model_name"])
def test_the_model_has_both_names(emulator, name):
    model = AnyfastEmbedding(**{name: "text-embedding-v4"}, base_url=emulator.base_url, api_key=emulator.api_key)
    assert (model.model, model.model_name) == ("text-embedding-v4", "text-embedding-v4")
    model.model = "text-embedding-v3"
    model.get_query_embedding("a")
    assert emulator.last_request["model"] == "text-embedding-v3"
    assert model.to_payload()["model_name"] == "text-embedding-v3"


def test_an_unknown_argument_is_told():
    with pytest.raises(TypeError, match="write embed_batch_size= instead"):
        AnyfastEmbedding(model="text-embedding-v4", batch_size=3)


async def test_a_progress_bar_runs_to_its_end(embed, capsys):
    model = embed()
    model.get_text_embedding_batch(PASSAGES * 4, show_progress=True)
    assert "24/24" in capsys.readouterr().err
    await model.aget_text_embedding_batch(PASSAGES * 4, show_progress=True)
    assert "24/24" in capsys.readouterr().err


async def test_an_index_finds_what_is_near_and_answers(emulator, embed):
    llm = AnyfastLLM(model="qwen3.6-flash", base_url=emulator.base_url, api_key=emulator.api_key)
    documents = [Document(text=passage) for passage in PASSAGES]
    index = VectorStoreIndex.from_documents(documents, embed_model=embed("doubao-embedding"))
    assert index.as_retriever(similarity_top_k=1).retrieve(QUESTION)[0].text == PASSAGES[1]
    assert (await index.as_retriever(similarity_top_k=1).aretrieve(QUESTION))[0].text == PASSAGES[1]
    assert "three tonnes" in str(index.as_query_engine(llm=llm, similarity_top_k=1).query(QUESTION))


async def test_a_pipeline_with_a_cache_embeds_once(emulator, embed):
    documents = [Document(text=passage, id_=str(number)) for number, passage in enumerate(PASSAGES)]
    pipeline = IngestionPipeline(transformations=[SentenceSplitter(), embed()], cache=IngestionCache())
    first = pipeline.run(documents=documents)
    again = await pipeline.arun(documents=documents)
    assert [node.embedding for node in first] == [node.embedding for node in again]
    assert sizes(emulator) == [6]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_pipeline_runs_in_workers(emulator, embed, monkeypatch):
    forking = multiprocessing.get_context("fork")  # pickles as LlamaIndex's own "spawn", and imports nothing anew
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: forking)
    monkeypatch.setenv("ANYFAST_API_KEY", emulator.api_key)  # a pickle takes no key along
    pipeline = IngestionPipeline(transformations=[embed()], disable_cache=True)
    nodes = pipeline.run(nodes=[TextNode(text=passage) for passage in PASSAGES], num_workers=2)
    assert all(len(node.embedding) == 1024 for node in nodes)
    assert sum(sizes(emulator)) == len(PASSAGES)


async def test_a_semantic_splitter_parts_what_is_far(embed):
    text = "The lens is heavy. The lens weighs three tonnes. The lens turns. Dogs wait outside. Dogs bark. Dogs sleep."
    border = text.index("Dogs wait")
    splitter = SemanticSplitterNodeParser(embed_model=embed(), buffer_size=0, breakpoint_percentile_threshold=80)
    nodes = await splitter.aget_nodes_from_documents([Document(text=text)])
    assert [node.text.strip() for node in nodes] == [text[:border].strip(), text[border:]]


async def test_what_is_in_the_cache_is_not_sent(emulator, embed):
    model = embed(embeddings_cache=SimpleKVStore())
    first = model.get_text_embedding_batch(PASSAGES[:3])
    assert model.get_text_embedding_batch(PASSAGES)[:3] == first
    assert (await model.aget_text_embedding_batch([*PASSAGES, "more"]))[:3] == first
    assert sizes(emulator) == [1, 3, 3]


async def test_what_was_embedded_before_a_failure_is_kept_in_the_cache(emulator, embed):
    model = embed(embeddings_cache=SimpleKVStore(), embed_batch_size=2, max_concurrency=1)
    model.get_text_embedding(PASSAGES[0])
    emulator.script(Failure(429, "slow down"))
    with pytest.raises(
        RateLimitError, match="Places are counted among the 5 texts that were not in the cache"
    ) as caught:
        await model.aget_text_embedding_batch(PASSAGES)
    assert caught.value.failed_texts == [1, 2]
    assert [vector is None for vector in caught.value.partial] == [False, True, True, True, True, True]
    emulator.requests.clear()
    model.embed_batch_size = 3
    emulator.script(Failure(429, "slow down"))
    with pytest.raises(RateLimitError):
        model.get_text_embedding_batch(PASSAGES)
    assert len(model.get_text_embedding_batch(PASSAGES)) == 6
    assert sizes(emulator) == [2, 3, 3]


def test_each_request_has_its_events(embed, events):
    handler = LlamaDebugHandler(print_trace_on_end=False)
    model = embed(callback_manager=CallbackManager([handler]))
    vectors = model.get_text_embedding_batch([f"text {number}" for number in range(12)])
    ends = [event for event in events if event.class_name() == "EmbeddingEndEvent"]
    assert sorted(len(event.chunks) for event in ends) == [2, 10]
    [first, second] = sorted(ends, key=lambda event: -len(event.chunks))
    assert first.embeddings + second.embeddings == vectors
    pairs = handler.get_event_pairs(CBEventType.EMBEDDING)
    assert sorted(len(end.payload["chunks"]) for _, end in pairs) == [2, 10]


def test_a_rate_limiter_is_asked_before_each_request(embed):
    class Counting(TokenBucketRateLimiter):
        def acquire(self, num_tokens=0):
            asked.append(threading.current_thread())

    asked = []
    embed(rate_limiter=Counting(requests_per_minute=1000)).get_text_embedding_batch(["a"] * 25)
    assert len(asked) == 3


async def test_an_empty_text_ends_no_ingestion(embed):
    with pytest.warns(AnyfastWarning, match="text 1 of 3"):
        vectors = await embed().aget_text_embedding_batch(["a", "", "b"])
    assert len(vectors) == 3


def test_usage_is_counted_beside_that_of_chats(emulator, embed):
    llm = AnyfastLLM(model="qwen3.6-flash", base_url=emulator.base_url, api_key=emulator.api_key)
    with track_usage() as tracker:
        VectorStoreIndex([TextNode(text="a")], embed_model=embed()).as_query_engine(llm=llm).query("a")
    assert (tracker.models["text-embedding-v4"].calls, tracker.models["qwen3.6-flash"].calls) == (2, 1)


async def test_the_list_of_models_is_that_of_the_class(emulator, embed):
    listed = embed().list_models()
    assert listed == await embed().alist_models()
    assert "doubao-embedding" in {model.id for model in listed}
    llm = AnyfastLLM(model="qwen3.6-flash", base_url=emulator.base_url, api_key=emulator.api_key)
    assert "deepseek-v4-pro" in {model.id for model in await llm.alist_models()}
    assert not {model.id for model in listed} & {model.id for model in llm.list_models()}


def test_copies_pickles_and_dumps_show_no_secret(embed):
    model = embed(api_key="hidden-word", extra_body={"token": "hidden-word"}, dimensions=64)
    shown = [repr(model), str(model.to_dict()), model.to_json(), repr(pickle.dumps(model)), str(model.to_payload())]
    assert not [text for text in shown if "hidden-word" in text]
    assert AnyfastEmbedding.from_dict(model.to_dict()).dimensions == 64
    assert pickle.loads(pickle.dumps(model)).dimensions == 64  # noqa: S301  # our own pickle
    assert copy.deepcopy(model).model == "text-embedding-v4"
