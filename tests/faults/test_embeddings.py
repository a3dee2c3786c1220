"""What goes wrong with embeddings on the wire, and how both classes end, sync and async."""

import asyncio
import json

import pytest

from anyfast_transport import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    InvalidResponseError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)
from langchain_anyfast import AnyfastEmbeddings
from llama_index_anyfast import AnyfastEmbedding
from tests.faults.fault_faces import KEY
from tests.faults.fault_gateway import close, head, hold, whole


def answer(texts, first=0.0):
    data = [{"index": place, "embedding": [first + place, 0.5]} for place in range(len(texts))]
    return json.dumps({"data": data, "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}).encode()


GOOD = answer(["a"])


def refused(status, message="no", **more):
    return whole(json.dumps({"error": {"message": message, **more}}).encode(), status)


def sync_lc(base_url, texts, **fields):
    return AnyfastEmbeddings(model="m", base_url=base_url, api_key=KEY, **fields).embed_documents(texts)


def async_lc(base_url, texts, **fields):
    return asyncio.run(AnyfastEmbeddings(model="m", base_url=base_url, api_key=KEY, **fields).aembed_documents(texts))


def _li(base_url, fields):
    size = fields.pop("batch_size", None)
    fields |= {"embed_batch_size": size} if size else {}
    return AnyfastEmbedding(model="m", base_url=base_url, api_key=KEY, **fields)


def sync_li(base_url, texts, **fields):
    return _li(base_url, fields).get_text_embedding_batch(texts)


def async_li(base_url, texts, **fields):
    return asyncio.run(_li(base_url, fields).aget_text_embedding_batch(texts))


WAYS = [sync_lc, async_lc, sync_li, async_li]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def embed(request, gateway):
    def run(texts, **fields):
        return request.param(gateway.base_url, texts, **{"timeout": 5.0, "max_retries": 0, **fields})

    return run


FAULTS = {
    "cut in the body": ((head(length=len(GOOD)) + GOOD[:20], close), APIConnectionError, "broke off"),
    "cut before the head": ((close,), APIConnectionError, "No connection"),
    "slow": ((head(length=len(GOOD)), hold), APITimeoutError, "took too long"),
    "a page": ((whole(b"<html><title>Welcome</title>", 200, "text/html"),), InvalidResponseError, "embeddings_path="),
    "a 404": (
        (refused(404, "Invalid URL (POST /v1/embeddings)"),),
        Exception,
        "try embeddings_path='/api/v3/embeddings'",
    ),
    "429": ((refused(429, "slow down"),), RateLimitError, "slow down"),
    "401": ((refused(401),), AuthenticationError, "401"),
    "no credit": ((refused(403, "no", code="insufficient_user_quota"),), QuotaExceededError, "403"),
    "502": ((whole(b"<html>", 502, "text/html"),), ServerError, "502"),
    "an error in a 200": ((refused(200, "overloaded"),), InvalidResponseError, "overloaded"),
    "too few": ((whole(b'{"data": []}'),), InvalidResponseError, "0 vectors for 1 texts"),
}


@pytest.mark.parametrize(("steps", "kind", "words"), FAULTS.values(), ids=FAULTS)
def test_each_fault_ends_in_a_typed_error(embed, gateway, steps, kind, words):
    gateway.script(steps)
    with pytest.raises(kind, match=words) as caught:
        embed(["a"], timeout=0.3 if kind is APITimeoutError else 5.0)
    assert KEY not in str(caught.value)
    assert list(caught.value.failed_texts) == [0]
    assert len(gateway.requests) == 1


def test_what_may_pass_is_sent_again_exactly_so_often(embed, gateway):
    gateway.script((refused(429, "slow down"),), (refused(200, "busy", type="rate_limit_error"),), (whole(GOOD),))
    assert embed(["a"], max_retries=2) == [[0.0, 0.5]]
    assert len(gateway.requests) == 3


def by_texts(*faulty):
    """Answers each request by its texts; one with a faulty text is refused."""

    async def step(caller):
        texts = json.loads(caller.gateway.requests[-1].partition(b"\r\n\r\n")[2])["input"]
        wrong = any(text in faulty for text in texts)
        await caller.send(refused(400, "text refused") if wrong else whole(answer(texts, float(texts[0]))))

    return step


def test_one_request_of_several_fails_and_the_others_are_kept(embed, gateway):
    gateway.script((by_texts("6"),))
    with pytest.raises(
        BadRequestError, match=r"text refused.*the request for texts 6 to 8 of 12.*text 6 with 1"
    ) as caught:
        embed([str(place) for place in range(12)], batch_size=3, max_concurrency=1)
    assert list(caught.value.failed_texts) == [6, 7, 8]
    assert caught.value.partial == [[float(at), 0.5] for at in range(6)] + [None] * 6
    assert "The vectors of 6 other texts are in .partial." in str(caught.value)
    assert len(gateway.requests) == 3  # nothing was sent after it, and nothing twice


def test_requests_that_are_under_way_when_one_fails_are_kept(embed, gateway):
    gateway.script((by_texts("0"),))
    with pytest.raises(BadRequestError) as caught:
        embed([str(place) for place in range(40)], batch_size=1, max_concurrency=4)
    assert list(caught.value.failed_texts) == [0]
    assert len(gateway.requests) <= 8
    kept = caught.value.partial or []
    assert sum(vector is not None for vector in kept) == len(gateway.requests) - 1


def test_some_requests_are_under_way_at_once(embed, gateway):
    arrived = []

    async def step(caller):
        texts = json.loads(caller.gateway.requests[-1].partition(b"\r\n\r\n")[2])["input"]
        arrived.append(texts)
        if len(arrived) >= 3:
            caller.gateway.gate.set()
        await caller.gateway.gate.wait()  # nobody is answered before three have asked
        await caller.send(whole(answer(texts, float(texts[0]))))

    gateway.script((step,))
    assert embed([str(place) for place in range(7)], batch_size=1, max_concurrency=3) == [
        [float(n), 0.5] for n in range(7)
    ]
    assert gateway.connections == 3


def test_vectors_of_another_length_than_those_of_another_request_are_told(embed, gateway):
    gateway.script((whole(GOOD),), (whole(b'{"data": [{"index": 0, "embedding": [1.0]}]}'),))
    with pytest.raises(InvalidResponseError, match="vectors of 1 numbers, after such of 2"):
        embed(["a", "b"], batch_size=1, max_concurrency=1)


async def test_a_call_that_is_cancelled_leaves_nothing_running(gateway):
    gateway.script((head(length=9), hold))
    embeddings = AnyfastEmbeddings(model="m", base_url=gateway.base_url, api_key=KEY, batch_size=1)
    call = asyncio.create_task(embeddings.aembed_documents(["a", "b", "c"]))
    assert await asyncio.to_thread(gateway.sees, lambda gateway: len(gateway.requests) == 3, 5)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.to_thread(gateway.sees, lambda gateway: not gateway.open)
