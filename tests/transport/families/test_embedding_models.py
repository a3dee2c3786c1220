"""The rows of embedding models: which id reaches which row, and what each says."""

import pytest

from anyfast_transport import UnsupportedParameterError, embedding_model_of
from anyfast_transport.families.embedding_models import ARK_PATH, EMBEDDING_MODELS, OPENAI_PATH, is_embedding_model
from anyfast_transport.families.profile_file import embedding_model_with, family_with

# id → path, most texts a request, most tokens a text, numbers in a vector, whether `dimensions` is taken
FACTS = {
    "doubao-embedding": (ARK_PATH, 256, 4096, None, None),
    "doubao-embedding-large-text-250515": (ARK_PATH, 256, 4096, None, None),
    "doubao-embedding-vision-251215": (OPENAI_PATH, 1, None, None, None),
    "text-embedding-v4": (OPENAI_PATH, 10, 8192, 1024, True),
    "text-embedding-v3": (OPENAI_PATH, 10, 8192, 1024, True),
    "text-embedding-v2": (OPENAI_PATH, 25, 2048, 1536, False),
    "text-embedding-v1": (OPENAI_PATH, 25, 2048, 1536, False),
    "Qwen/Qwen3-Embedding-8B": (OPENAI_PATH, None, 32_768, None, True),
    "gemini-embedding-001": (OPENAI_PATH, 100, 2048, 3072, True),
    "gemini-embedding-2-preview": (OPENAI_PATH, 100, None, 3072, True),
    "text-embedding-3-small": (OPENAI_PATH, 2048, 8192, 1536, True),
    "text-embedding-3-large": (OPENAI_PATH, 2048, 8192, 3072, True),
    "text-embedding-ada-002": (OPENAI_PATH, 2048, 8192, 1536, False),
    "BAAI/bge-m3": (OPENAI_PATH, 64, 8192, 1024, None),
    "bge-large-zh-v1.5": (OPENAI_PATH, 64, 512, 1024, None),
    "nobody-knows-it": (OPENAI_PATH, None, None, None, None),
}


@pytest.mark.parametrize("model", FACTS)
def test_each_id_reaches_its_row(model):
    row = embedding_model_of(model)
    assert (row.path, row.max_texts, row.max_tokens, row.dimensions, row.takes_dimensions) == FACTS[model]


def test_every_row_is_reached():
    assert {embedding_model_of(model).name for model in FACTS} >= {row.name for row in EMBEDDING_MODELS}


@pytest.mark.parametrize(
    ("model", "is_one"), [("doubao-embedding", True), ("jina-embeddings-v4", True), ("gpt-4o", False), ("bge-m3", True)]
)
def test_an_embedding_model_is_told_by_its_row_or_its_name(model, is_one):
    assert is_embedding_model(model) is is_one


@pytest.fixture
def profile(tmp_path):
    def write(text):
        path = tmp_path / "profile.json"
        path.write_text(text)
        return str(path)

    return write


def test_a_profile_file_lies_over_a_row(profile):
    path = profile('{"format": 1, "models": {}, "embedding_models": {"doubao-emb": {"path": "/v1/embeddings"}}}')
    row = embedding_model_with("doubao-embedding", path)
    assert (row.path, row.max_texts) == (OPENAI_PATH, 256)
    assert embedding_model_with("text-embedding-v4", path) is embedding_model_of("text-embedding-v4")
    assert family_with("deepseek-v4-pro", path).name == "DeepSeek V4"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ('{"pth": "/x"}', "did you mean 'path'"),
        ('{"path": "x"}', "wrong path"),
        ('{"max_texts": 0}', "wrong max_texts"),
        ("[]", "object of facts"),
    ],
)
def test_a_wrong_fact_is_told(profile, facts, words):
    path = profile(
        '{"format": 1, "models": {}, "embedding_models": {"text-embedding-v4": FACTS}}'.replace("FACTS", facts)
    )
    with pytest.raises(UnsupportedParameterError, match=words):
        embedding_model_with("text-embedding-v4", path)
