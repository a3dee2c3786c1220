"""AnyfastEmbeddings: LangChain's own suites for two models, and what is built on embeddings."""

import copy
import pickle

import httpx
import pytest
from langchain.agents import create_agent
from langchain.embeddings import init_embeddings
from langchain_core.documents import Document
from langchain_core.exceptions import ModelNotFoundError, ModelRateLimitError
from langchain_core.stores import InMemoryByteStore
from langchain_core.tools import create_retriever_tool
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from anyfast_emulator import Emulator, Failure
from anyfast_transport import AnyfastError, AnyfastWarning, BadRequestError, NotFoundError, RateLimitError
from langchain_anyfast import AnyfastEmbeddings, ChatAnyfast, register, track_usage

PASSAGES = [
    "The light of Skerry Point was lit for the first time on 4 May 1871.",
    "The lens weighs three tonnes and turns in a bath of mercury.",
    "The keeper cleans the lens every Monday, before the tide turns.",
    "Visitors may climb the tower from June to September.",
    "In fog the keeper rings the bell once a minute.",
    "Dogs wait at the gate.",
]


class Unit(EmbeddingsUnitTests):
    model_id: str

    @property
    def embeddings_class(self):
        return AnyfastEmbeddings

    @property
    def embedding_model_params(self):
        return {"model": self.model_id, "api_key": "test"}

    @property
    def init_from_env_params(self):
        environment = {"ANYFAST_API_KEY": "key", "ANYFAST_BASE_URL": "https://gateway.example/v1"}
        return environment, {"model": self.model_id}, {"api_key": "key", "base_url": "https://gateway.example/v1"}


class Integration(EmbeddingsIntegrationTests):
    model_id: str
    emulator: Emulator

    @pytest.fixture(autouse=True)
    def _running(self, emulator):
        type(self).emulator = emulator

    @property
    def embeddings_class(self):
        return AnyfastEmbeddings

    @property
    def embedding_model_params(self):
        return of(self.emulator, self.model_id)


class TestUnitDoubao(Unit):
    model_id = "doubao-embedding"


class TestUnitQwen(Unit):
    model_id = "text-embedding-v4"


class TestDoubao(Integration):
    model_id = "doubao-embedding"


class TestQwen(Integration):
    model_id = "text-embedding-v4"


def of(emulator, model="text-embedding-v4"):
    return {
        "model": model,
        "base_url": "https://emulator.invalid/v1",
        "api_key": emulator.api_key,
        "http_client": httpx.Client(transport=emulator.transport),
        "http_async_client": httpx.AsyncClient(transport=emulator.transport),
        "max_retries": 0,
    }


@pytest.fixture
def make(emulator):
    return lambda model="text-embedding-v4", **fields: AnyfastEmbeddings(**{**of(emulator, model), **fields})


@pytest.fixture
def embeddings(make):
    return make()


async def test_texts_are_sent_in_requests_of_the_rows_size_and_come_back_in_order(emulator, make):
    texts = [f"{number} and more words" for number in range(23)]
    one_by_one = [make().embed_query(text) for text in texts]
    emulator.requests.clear()
    assert make().embed_documents(texts) == one_by_one == await make().aembed_documents(texts)
    assert sorted(len(request["input"]) for request in emulator.requests) == [3, 3, 10, 10, 10, 10]
    assert emulator.requests[0].keys() == {"model", "input", "encoding_format"}


@pytest.mark.parametrize("max_concurrency", [1, 4])
async def test_a_request_that_is_refused_for_its_many_texts_is_parted(emulator, make, tmp_path, max_concurrency):
    wrong = tmp_path / "profile.json"
    wrong.write_text('{"format": 1, "models": {}, "embedding_models": {"text-embedding-v4": {"max_texts": 25}}}')
    texts, rest = [f"{number} and more words" for number in range(30)], {"max_concurrency": max_concurrency}
    with pytest.warns(AnyfastWarning, match="refuses 25 texts in a request.*batch_size=10"):
        vectors = make(profile_file=wrong, **rest).embed_documents(texts)
    with pytest.warns(AnyfastWarning, match="batch_size=10"):
        assert await make(profile_file=wrong, **rest).aembed_documents(texts) == vectors
    assert vectors == make().embed_documents(texts)
    assert sorted(len(request["input"]) for request in emulator.requests[:5]) == [5, 5, 10, 10, 25]
    with pytest.raises(BadRequestError, match="should not be larger than 10"):
        make(profile_file=wrong, learn_from_refusals=False).embed_documents(texts)


def test_no_texts_make_no_request(emulator, embeddings):
    assert embeddings.embed_documents([]) == []
    assert not emulator.requests


def test_texts_may_come_in_any_iterable(embeddings):
    assert embeddings.embed_documents(text for text in PASSAGES) == embeddings.embed_documents(tuple(PASSAGES))


def test_dimensions_are_asked_for(make):
    assert len(make(dimensions=256).embed_query("a")) == 256


def test_each_model_is_asked_at_its_path(make):
    assert len(make("doubao-embedding").embed_query("a")) == 2048
    assert len(make("doubao-embedding", embeddings_path="/v1/embeddings").embed_query("a")) == 2048
    with pytest.raises(NotFoundError, match=r"does not exist.*try embeddings_path='/v1/embeddings'"):
        make(embeddings_path="/api/v3/embeddings").embed_query("a")


async def test_an_empty_text_is_sent_as_a_blank_with_one_warning(embeddings):
    with pytest.warns(AnyfastWarning, match="empty texts are sent as one blank: texts 1, 3 of 4") as caught:
        vectors = await embeddings.aembed_documents(["a", "", "b", ""])
    assert len(caught) == 1
    assert vectors[1] == vectors[3] == embeddings.embed_query(" ")


def test_errors_are_langchains_as_well(emulator, make):
    with pytest.raises(ModelNotFoundError, match=r"Nearest on its list: doubao-embedding") as caught:
        make("doubao-embeding").embed_query("a")
    assert isinstance(caught.value, NotFoundError)
    emulator.script(Failure(429, "slow down"))
    with pytest.raises(ModelRateLimitError) as caught:
        make().embed_documents(["a"])
    assert isinstance(caught.value, RateLimitError)


async def test_the_list_of_models_is_that_of_the_class(emulator, make, chat):
    listed = make().list_models()
    assert listed == await make().alist_models()
    assert {model.id for model in listed} >= {"doubao-embedding", "text-embedding-v4"}
    [found] = [model for model in listed if model.id == "text-embedding-v4"]
    assert (found.owner, found.embedding.max_texts, found.family) == ("ali", 10, None)
    chats = chat().list_models()
    assert chats == await chat().alist_models()
    assert not {model.id for model in chats} & {model.id for model in listed}
    assert next(model for model in chats if model.id == "deepseek-v4-pro").family.name == "DeepSeek V4"


def test_usage_counts_each_request(make):
    with track_usage() as tracker:
        make().embed_documents([f"text {number}" for number in range(12)])
    used = tracker.models["text-embedding-v4"]
    assert (used.calls, used.input > 12, used.output, used.total) == (2, True, 0, used.input)


def test_usage_counts_a_request_that_failed(emulator, make):
    emulator.script(Failure(500))
    with track_usage() as tracker, pytest.raises(Exception, match="500"):
        make().embed_query("a")
    assert (tracker.total.calls, tracker.total.failed) == (0, 1)


def test_no_secret_is_shown_or_taken_along(make):
    embeddings = make(api_key="hidden-word", extra_body={"token": "hidden-word"})
    shown = [repr(embeddings), str(embeddings), embeddings.model_dump_json(), repr(pickle.dumps(embeddings))]
    assert not [text for text in shown if "hidden-word" in text]
    assert pickle.loads(pickle.dumps(embeddings)).model == "text-embedding-v4"  # noqa: S301  # our own pickle
    assert copy.deepcopy(embeddings) == embeddings


def test_no_frame_of_an_error_shows_a_secret(emulator, make):
    emulator.script(Failure(400, "no"))
    embeddings = make(api_key="hidden-word", extra_body={"token": "hidden-word"})
    with pytest.raises(AnyfastError) as caught:
        embeddings.embed_documents(["a"])
    frames = [entry.frame.f_locals for entry in caught.traceback[1:]]
    assert not [name for frame in frames for name, value in frame.items() if "hidden-word" in repr(value)]
    emulator.reset()


def test_an_unknown_argument_is_told():
    with pytest.raises(TypeError, match="write batch_size= instead"):
        AnyfastEmbeddings(model="text-embedding-v4", chunk_size=3)
    with pytest.raises(TypeError, match="texts are sent as strings"):
        AnyfastEmbeddings(model="text-embedding-v4", check_embedding_ctx_length=False)
    with pytest.raises(ValueError, match="base_url names the host"):
        AnyfastEmbeddings(model="text-embedding-v4", embeddings_path="https://elsewhere.example/embeddings")


async def test_a_vector_store_finds_what_is_near(embeddings):
    store = await InMemoryVectorStore.afrom_texts(PASSAGES, embeddings)
    for question, passage in (("How heavy is the lens?", 1), ("May visitors climb it in July?", 3)):
        assert store.similarity_search(question, k=1)[0].page_content == PASSAGES[passage]
        assert (await store.asimilarity_search(question, k=1))[0].page_content == PASSAGES[passage]


def test_a_cache_spares_requests(emulator, embeddings):
    cached = pytest.importorskip("langchain_classic.embeddings").CacheBackedEmbeddings
    store = cached.from_bytes_store(
        embeddings, InMemoryByteStore(), namespace=embeddings.model, query_embedding_cache=True, key_encoder="blake2b"
    )
    assert store.embed_documents(PASSAGES) == store.embed_documents(PASSAGES)
    assert store.embed_query("Which tower?") == store.embed_query("Which tower?")
    assert len(emulator.requests) == 2


def test_an_agent_looks_up_what_it_is_asked(embeddings, chat):
    store = InMemoryVectorStore(embeddings)
    store.add_documents([Document(passage) for passage in PASSAGES])
    handbook = create_retriever_tool(store.as_retriever(search_kwargs={"k": 1}), "handbook", "Knows the lighthouse.")
    agent = create_agent(chat("deepseek-v4-pro"), [handbook])
    messages = agent.invoke({"messages": [("user", "Ask the handbook: how much does the lens weigh?")]})["messages"]
    assert messages[-2].text == PASSAGES[1]
    assert "three tonnes" in messages[-1].text


def test_init_embeddings_finds_the_class():
    register()
    assert isinstance(init_embeddings("anyfast:text-embedding-v4", api_key="test"), AnyfastEmbeddings)


def test_a_chat_model_names_the_nearest_ids(emulator, chat):
    with pytest.raises(NotFoundError, match="Nearest on its list: deepseek-v4-pro"):
        chat("deepseek-v4-por").invoke("Hello")
    assert len(emulator.requests) == 1
    assert ChatAnyfast._endpoint == "chat"
