"""Arguments of other classes: what to write here instead, or nothing at all."""

import re

import pytest

from anyfast_transport import Call, ChatParameters, Connection, UnsupportedParameterError
from anyfast_transport.settings import hints
from anyfast_transport.settings.embedding_parameters import EmbeddingParameters
from anyfast_transport.settings.names import accepted_names, unknown_argument


class Both(ChatParameters, Connection):
    """What both frameworks' classes inherit."""


KNOWN = accepted_names(Both)

SAID = {
    "request_timeout": "write timeout= instead.",
    "model_kwargs": "write extra_body= instead.",
    "openai_api_key": "write api_key= instead.",
    "openai_api_base": "write base_url= instead.",
    "max_output_tokens": "write max_tokens= instead.",
    "async_http_client": "write http_async_client= instead.",
    "reasoning": "write reasoning_effort= instead.",
    "user": "write user_id= instead.",
    "organization": "leave it out",
    "openai_proxy": "http_client=httpx.Client(proxy=...)",
    "verify": "http_client=httpx.Client(verify=...)",
    "service_tier": "write extra_body={'service_tier': ...}.",
    "logit_bias": "write extra_body={'logit_bias': ...}.",
    "top_k": "write extra_body={'top_k': ...}.",
    "max_concurrency": "config={'max_concurrency': ...}",
    "enable_thinking": "write thinking=True or thinking=False.",
    "image_documents": "ImageBlock",
    "use_responses_api": "/chat/completions",
}


@pytest.mark.parametrize(("name", "words"), SAID.items())
def test_what_to_write_instead(name, words):
    with pytest.raises(TypeError, match=re.escape(words)):
        Both(model="m", **{name: 1})
    with pytest.raises(UnsupportedParameterError, match=re.escape(words)) as caught:
        Call.of(Both(model="m"), {name: 1})
    assert caught.value.parameter == name
    assert "did you mean" not in str(caught.value)


SLIPS = {
    "modle": "model",
    "temprature": "temperature",
    "max_token": "max_tokens",
    "maxtokens": "max_tokens",
    "api_keys": "api_key",
    "baseurl": "base_url",
    "timeouts": "timeout",
    "stops": "stop",
    "userid": "user_id",
    "reasoning_efort": "reasoning_effort",
}


@pytest.mark.parametrize(("slip", "meant"), SLIPS.items())
def test_a_slip_names_what_was_meant(slip, meant):
    assert f"did you mean '{meant}'" in unknown_argument(slip, KNOWN)


@pytest.mark.parametrize("name", ["documents", "kwargs", "retrieval", "language", "token_limit", "response_mode", "x"])
def test_no_hint_is_better_than_a_wrong_one(name):
    assert unknown_argument(name, KNOWN).startswith(f"unknown argument {name!r}. What the gateway knows")


def test_each_hint_names_what_there_is_and_hides_nothing():
    assert not hints._OURS.keys() & hints._OTHERWISE.keys()
    of_one_framework = {"context_window", "stream_usage", "batch_size", "embed_batch_size"}
    of_embeddings = EmbeddingParameters.model_fields.keys()
    assert set(hints._OURS.values()) - of_one_framework - of_embeddings <= KNOWN.keys()
    assert not (hints._OURS.keys() | hints._OTHERWISE.keys()) & KNOWN.keys()


SWITCHES = [{"type": "enabled"}, {"type": "disabled"}, {"type": "adaptive", "effort": "high"}, "enabled", "auto"]


@pytest.mark.parametrize("value", SWITCHES, ids=str)
def test_the_vendors_switch_says_what_to_write(value):
    with pytest.raises(ValueError, match="write thinking=True or thinking=False"):
        Both(model="m", thinking=value)
    with pytest.raises(UnsupportedParameterError, match="write thinking=True or thinking=False"):
        Call.of(Both(model="m"), {"thinking": value})


def test_a_class_is_no_response_format():
    with pytest.raises(UnsupportedParameterError, match=r"with_structured_output\(Both\).*structured_predict"):
        Call.of(Both(model="m"), {"response_format": Both})


@pytest.mark.parametrize("tools", [[print], print, "clock", {"type": "function"}, [{"type": "function"}, int]], ids=str)
def test_tools_of_another_shape_say_who_takes_them(tools):
    with pytest.raises(UnsupportedParameterError, match=r"bind_tools.*chat_with_tools"):
        Call.of(Both(model="m"), {"tools": tools})


@pytest.mark.parametrize("value", [None, "", "  "])
@pytest.mark.parametrize("name", ["base_url", "api_base"])
def test_no_base_url_is_what_the_environment_says(monkeypatch, name, value):
    monkeypatch.delenv("ANYFAST_BASE_URL", raising=False)
    monkeypatch.delenv("ANYFAST_API_BASE", raising=False)
    assert Both(model="m", **{name: value}).base_url == "https://www.anyfast.ai/v1"
    monkeypatch.setenv("ANYFAST_API_BASE", "https://gateway.invalid")
    assert Both(model="m", **{name: value}).base_url == "https://gateway.invalid/v1"
    monkeypatch.setenv("ANYFAST_BASE_URL", " ")
    assert Both(model="m", **{name: value}).base_url == "https://gateway.invalid/v1"
    assert Call.of(Both(model="m", base_url="https://mine.invalid"), {name: value}).connection is None


ASSIGNED = {
    "temperature": (9, "less than or equal to 2"),
    "max_tokens": (0, "greater than or equal to 1"),
    "reasoning_effort": ("huge", "Input should be"),
    "thinking": ({"type": "enabled"}, "write thinking=True"),
    "timeout": (-1, "greater than 0"),
    "base_url": ("https://user:word@gateway.invalid", "api_key"),
}


@pytest.mark.parametrize(("name", "row"), ASSIGNED.items(), ids=ASSIGNED)
def test_an_assigned_field_is_checked_as_a_given_one(name, row):
    value, words = row
    model = Both(model="m")
    before = getattr(model, name)
    with pytest.raises(ValueError, match=words):
        setattr(model, name, value)
    assert getattr(model, name) == before


def test_an_assigned_field_is_read_as_a_given_one():
    model = Both(model="m")
    model.stop, model.base_url, model.api_key = "END", "gateway.invalid", "word"
    assert (model.stop, model.base_url) == (["END"], "https://gateway.invalid/v1")
    assert "word" not in repr(model)
    with pytest.raises(TypeError, match="write timeout= instead"):
        model.request_timeout = 5
