"""What is known of each embedding model: one row each, with its sources.

Sources are named as in `table.py`. The pages of the gateway document one path and one model, `doubao-embedding`; all
else here is the vendors', whose limits hold behind a gateway as well.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

OPENAI_PATH = "/v1/embeddings"
"""new-api's router: the path of every embedding model that no page documents otherwise."""

ARK_PATH = "/api/v3/embeddings"
"""Page text-embedding."""


ASSUMED_TEXTS = 10
"""Texts in a request to a model of which nobody says how many it takes. A guess: the least of any vendor here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingModel:
    """The facts of one embedding model, or of several that are alike.

    Attributes:
        name: What messages call it.
        prefixes: Lower-case beginnings of its ids; the longest match wins.
        path: Where it is asked, from the root of the gateway.
        max_texts: Most texts in one request; None where unknown, and then `ASSUMED_TEXTS` unless you say otherwise.
        max_tokens: Most tokens of one text; None where unknown.
        max_request_tokens: Most tokens of all texts of a request together; None where none is documented.
        dimensions: Numbers in a vector unless `dimensions` says otherwise; None where unknown.
        takes_dimensions: Whether it takes `dimensions`; None where nobody says, so that it is sent.
        dimension_choices: The values that it takes; empty takes any from `dimension_range`.
        dimension_range: The least and the greatest value; None where none is documented.
    """

    name: str
    prefixes: tuple[str, ...] = ()
    path: str = OPENAI_PATH
    max_texts: int | None = None
    max_tokens: int | None = None
    max_request_tokens: int | None = None
    dimensions: int | None = None
    takes_dimensions: bool | None = None
    dimension_choices: tuple[int, ...] = ()
    dimension_range: tuple[int, int] | None = None


DOUBAO = EmbeddingModel(
    name="Doubao Embedding",
    prefixes=("doubao-embedding",),
    path=ARK_PATH,  # page text-embedding
    max_texts=256,  # upstream: Doubao-embedding API, "no more than 256 texts"
    max_tokens=4096,  # upstream, likewise
)

DOUBAO_VISION = EmbeddingModel(
    name="Doubao Embedding Vision",
    prefixes=("doubao-embedding-vision",),
    # Upstream asks it at /api/v3/embeddings/multimodal, with content parts. Whether the gateway does is not documented.
    max_texts=1,  # guess: upstream makes one vector of all that is in a request
)

QWEN_V4 = EmbeddingModel(
    name="Qwen text-embedding-v4",
    prefixes=("text-embedding-v4",),
    max_texts=10,  # upstream: text-embedding synchronous API
    max_tokens=8192,  # upstream, likewise
    dimensions=1024,  # upstream, likewise
    takes_dimensions=True,  # upstream, likewise
    dimension_choices=(64, 128, 256, 512, 768, 1024, 1536, 2048),  # upstream, likewise
)

QWEN_V3 = replace(
    QWEN_V4,
    name="Qwen text-embedding-v3",
    prefixes=("text-embedding-v3",),
    # Upstream: text-embedding synchronous API; earlier editions of that page said 6, and 20.
    max_texts=10,
    dimension_choices=(64, 128, 256, 512, 768, 1024),  # upstream, likewise
)

QWEN_OLD = EmbeddingModel(
    name="Qwen text-embedding-v1 and v2",
    prefixes=("text-embedding-v1", "text-embedding-v2"),
    max_texts=25,  # upstream: text-embedding synchronous API
    max_tokens=2048,  # upstream, likewise
    dimensions=1536,  # upstream, likewise
    takes_dimensions=False,  # upstream: `dimensions` is for v3 and v4
)

QWEN3 = EmbeddingModel(
    name="Qwen3 Embedding",
    prefixes=("qwen3-embedding",),
    max_tokens=32_768,  # upstream: the model cards
    takes_dimensions=True,  # upstream, likewise; the most is another in each size
)

GEMINI = EmbeddingModel(
    name="Gemini Embedding",
    prefixes=("gemini-embedding",),
    max_texts=100,  # upstream: "at most 100 requests can be in one batch" (geldata/gel#9032)
    dimensions=3072,  # upstream: developers.googleblog.com, gemini-embedding-available
    takes_dimensions=True,  # new-api passes it on as outputDimensionality
    dimension_range=(128, 3072),  # upstream: models/gemini-embedding-001
)

GEMINI_001 = replace(
    GEMINI,
    name="Gemini Embedding 001",
    prefixes=("gemini-embedding-001",),
    max_tokens=2048,  # upstream: models/gemini-embedding-001
)

OPENAI_SMALL = EmbeddingModel(
    name="OpenAI text-embedding-3-small",
    prefixes=("text-embedding-3-small",),
    max_texts=2048,  # upstream: API reference, embeddings
    max_tokens=8192,  # upstream, likewise
    max_request_tokens=300_000,  # upstream, likewise
    dimensions=1536,  # upstream: guide embeddings
    takes_dimensions=True,  # upstream: text-embedding-3 and later
    dimension_range=(1, 1536),
)

OPENAI_LARGE = replace(
    OPENAI_SMALL,
    name="OpenAI text-embedding-3-large",
    prefixes=("text-embedding-3-large",),
    dimensions=3072,  # upstream: guide embeddings
    dimension_range=(1, 3072),
)

OPENAI_ADA = replace(
    OPENAI_SMALL,
    name="OpenAI text-embedding-ada-002",
    prefixes=("text-embedding-ada-002",),
    takes_dimensions=False,  # upstream: text-embedding-3 and later
    dimension_range=None,
)

BGE_M3 = EmbeddingModel(
    name="BGE-M3",
    prefixes=("bge-m3",),
    max_texts=64,  # recorded of SiliconFlow: n4ze3m/page-assist#371
    max_tokens=8192,  # upstream: docs.siliconflow.cn, create-embeddings
    dimensions=1024,  # upstream: the model card
)

BGE_LARGE = replace(
    BGE_M3,
    name="BGE large v1.5",
    prefixes=("bge-large",),
    max_tokens=512,  # upstream: docs.siliconflow.cn, create-embeddings
)

UNKNOWN = EmbeddingModel(name="an unknown embedding model")
"""A model that no row knows works, too: asked as new-api's router has it, in small requests, with nothing refused."""

EMBEDDING_MODELS = (
    DOUBAO,
    DOUBAO_VISION,
    QWEN_V4,
    QWEN_V3,
    QWEN_OLD,
    QWEN3,
    GEMINI,
    GEMINI_001,
    OPENAI_SMALL,
    OPENAI_LARGE,
    OPENAI_ADA,
    BGE_M3,
    BGE_LARGE,
)

_BY_PREFIX = sorted(((p, row) for row in EMBEDDING_MODELS for p in row.prefixes), key=lambda found: -len(found[0]))


@lru_cache(maxsize=1024)
def embedding_model_of(model: str) -> EmbeddingModel:
    """Finds the row of an embedding model by the longest prefix of its id.

    Args:
        model: Model id as the caller wrote it; a vendor in front (`BAAI/bge-m3`) and case are ignored.

    Returns:
        The row, or `UNKNOWN` for an id that no row knows.
    """
    name = model.rsplit("/", 1)[-1].lower()
    return next((row for prefix, row in _BY_PREFIX if name.startswith(prefix)), UNKNOWN)


def is_embedding_model(model: str) -> bool:
    """Whether an id looks like that of an embedding model: a row knows it, or its name says so.

    Args:
        model: Model id.

    Returns:
        Whether it does.
    """
    return embedding_model_of(model) is not UNKNOWN or "embed" in model.lower()
