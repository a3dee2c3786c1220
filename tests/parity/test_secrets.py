"""What may hold a secret is told by nothing, in either framework: neither a field of a model nor one of a call."""

import asyncio
import json
import logging
import pickle
import re
import traceback
import typing
from pathlib import Path

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumps
from langchain_core.tracers.context import collect_runs
from llama_index.core.callbacks import CallbackManager
from llama_index.core.callbacks.base_handler import BaseCallbackHandler as LlamaIndexHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel, Field

import anyfast_transport as af
from anyfast_emulator import Emulator
from anyfast_transport.settings.secrets import secret_fields, secret_names
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM

KEY = "K7q9-the-key-of-a-tenant"


def _passed_on(request):
    """A client of the user's: the gateway's answer, but by no connection that a loop would have to close."""
    with httpx.Client() as client:
        said = client.post(request.url, content=request.content, headers=request.headers)
    kind = {"content-type": said.headers["content-type"]}
    return httpx.Response(said.status_code, headers=kind, content=said.content)


TRANSPORT = httpx.MockTransport(_passed_on)
VALUES = {
    "api_key": KEY,
    "default_headers": {"x-tenant": "hush-default-headers"},
    "extra_headers": {"x-other": "hush-extra-headers"},
    "extra_body": {"user_id": "hush-extra-body"},
    "additional_kwargs": {"logprobs": True, "user_id": "hush-additional-kwargs"},
    "http_client": httpx.Client(headers={"x-tenant": "hush-http-client"}, transport=TRANSPORT),
    "http_async_client": httpx.AsyncClient(headers={"x-tenant": "hush-http-async-client"}, transport=TRANSPORT),
}
"""A secret in each field that may hold one, and in each argument of a call."""

TOLD_ANYWAY = {"response_format", "image_config", "metadata", "tags", "profile", "model_kwargs"}
"""Fields that take anything and are no place for a secret."""


NONE = {"model": "no-such-model"}
"""The gateway refuses it."""


@pytest.fixture(scope="module")
def gateway():
    with Emulator(api_key=KEY) as running:
        yield running


@pytest.fixture
def fields(gateway):
    gateway.reset()
    return {"model": "deepseek-v4-pro", "base_url": gateway.base_url, "max_retries": 0}


@pytest.mark.parametrize("cls", [ChatAnyfast, AnyfastLLM])
def test_whatever_can_hold_a_secret_is_marked(cls):
    own = [base for base in cls.__mro__ if base.__module__.startswith(("anyfast", "langchain_any", "llama_index_any"))]
    fields = {name for base in own for name in vars(base).get("__annotations__", ()) if name in cls.model_fields}
    takes_anything = {name for name in fields if _takes_anything(cls.model_fields[name].annotation)}
    assert takes_anything - TOLD_ANYWAY == set(secret_fields(cls)) & fields
    assert {"api_key", "default_headers", "http_client", "http_async_client", "extra_body"} <= set(secret_fields(cls))
    assert secret_names(cls) <= VALUES.keys()


def _takes_anything(annotation):
    words = str(annotation)
    if any(word in words for word in ("Secret", "Client", "dict[", "Mapping[")):
        return True
    return any(_takes_anything(part) for part in typing.get_args(annotation))


def _frames(error):
    """The error as a logger prints it that knows the locals of each frame, but for those of the tests."""
    said, seen = [], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        stack = traceback.TracebackException.from_exception(error, capture_locals=True, lookup_lines=False).stack
        said += [f"{frame.name}: {frame.locals}" for frame in stack if Path(__file__).name not in frame.filename]
        said += [repr(error), repr(vars(error)), str(pickle.dumps(error))]
        error = error.__cause__ or error.__context__
    return "\n".join(said)


class _Tracer(BaseCallbackHandler):
    def __init__(self):
        self.said = []

    def on_chat_model_start(self, *args, **kwargs):
        self.said.append(repr((args, kwargs)))

    def on_llm_error(self, error, **kwargs):
        self.said.append(repr((error, kwargs)) + _frames(error))


def _langchain(fields, arguments, bound):
    """All that LangChain and whoever listens to it are told of three calls, one of them refused."""
    cache, tracer = InMemoryCache(), _Tracer()
    llm = ChatAnyfast(**fields)
    config = {"callbacks": [tracer]}
    told = {}
    with collect_runs() as runs:
        if bound:
            binding = llm.bind(stop=["x"]).bind(**arguments)
            told |= {"binding": repr(binding), "its dump": dumps(binding), "its pickle": repr(pickle.dumps(binding))}
            told["its model_dump"] = repr(binding.model_dump())
            llm.bind_tools([], **arguments).invoke("hi", config)
            errors = _refused(
                lambda: binding.invoke("hi", config, **NONE), lambda: list(binding.stream("hi", config, **NONE))
            )
        else:
            llm.model_copy(update={"cache": cache}).invoke("hi", config, **arguments)
            list(llm.stream("hi", config, **arguments))
            asyncio.run(llm.ainvoke("hi", config, **arguments))
            errors = _refused(
                lambda: llm.invoke("hi", config, **NONE, **arguments),
                lambda: list(llm.stream("hi", config, **NONE, **arguments)),
                lambda: asyncio.run(llm.ainvoke("hi", config, **NONE, **arguments)),
                lambda: llm.invoke("hi", config, temperature=9, **arguments),
                lambda: llm.batch(["hi"], config, **NONE, **arguments),
            )
    return {
        **told,
        "errors": errors,
        "callbacks": "\n".join(tracer.said),
        "traces": "\n".join(repr(run.model_dump()) for run in runs.traced_runs),
        "cache": repr(list(cache._cache)),
        "repr": repr(llm) + str(llm),
        "dumps": dumps(llm),
        "model_dump": repr(llm.model_dump()) + llm.model_dump_json(),
        "asdict": repr(llm.asdict()),
        "pickle": repr(pickle.dumps(llm)),
    }


class Thing(BaseModel):
    """A thing."""

    name: str


class _Spans(BaseSpanHandler):
    said: list = Field(default_factory=list)

    def new_span(self, id_, bound_args, instance=None, **kwargs):
        self.said.append(f"{id_} {bound_args.arguments} {instance!r} {kwargs}")

    def prepare_to_exit_span(self, id_, bound_args, instance=None, result=None, **kwargs):
        self.said.append(f"{id_} {bound_args.arguments} {result!r} {kwargs}")

    def prepare_to_drop_span(self, id_, bound_args, instance=None, err=None, **kwargs):
        self.said.append(f"{id_} {bound_args.arguments} {kwargs}" + (_frames(err) if err else ""))


class _Events(BaseEventHandler):
    said: list = Field(default_factory=list)

    def handle(self, event, **_):
        self.said.append(repr(event) + repr(event.model_dump()))


class _Callbacks(LlamaIndexHandler):
    def __init__(self):
        super().__init__([], [])
        self.said = []

    def on_event_start(self, event_type, payload=None, **kwargs):
        self.said.append(repr(payload))

    def on_event_end(self, event_type, payload=None, **kwargs):
        self.said.append(repr(payload))

    def start_trace(self, trace_id=None): ...

    def end_trace(self, trace_id=None, trace_map=None): ...


def _llama_index(fields, arguments, bound):
    """The same of LlamaIndex, where `bound` are the arguments of an object that is asked for."""
    spans, events, callbacks = _Spans(), _Events(), _Callbacks()
    root = get_dispatcher()
    root.add_span_handler(spans)
    root.add_event_handler(events)
    llm = AnyfastLLM(callback_manager=CallbackManager([callbacks]), **fields)
    messages = [ChatMessage("hi")]
    try:
        if bound:
            arguments = {**arguments, **NONE}
            said = [Thing, PromptTemplate("hi"), arguments]
            errors = _refused(
                lambda: llm.structured_predict(*said),
                lambda: llm.structured_predict(said[0], said[1], llm_kwargs=arguments),
                lambda: asyncio.run(llm.astructured_predict(*said)),
                lambda: list(llm.stream_structured_predict(*said)),
            )
        else:
            llm.complete("hi", **arguments)
            list(llm.stream_chat(messages, **arguments))
            asyncio.run(llm.achat(messages, **arguments))
            llm.chat_with_tools([], "hi", **arguments)
            errors = _refused(
                lambda: llm.chat(messages, **NONE, **arguments),
                lambda: list(llm.stream_chat(messages, **NONE, **arguments)),
                lambda: asyncio.run(llm.achat(messages, **NONE, **arguments)),
                lambda: llm.chat(messages, temperature=9, **arguments),
            )
    finally:
        root.span_handlers.remove(spans)
        root.event_handlers.remove(events)
    return {
        "errors": errors,
        "spans": "\n".join(spans.said),
        "events": "\n".join(events.said),
        "callbacks": "\n".join(callbacks.said),
        "repr": repr(llm) + str(llm),
        "to_dict": repr(llm.to_dict()) + llm.to_json() + json.dumps(llm.dict()),
        "model_dump": repr(llm.model_dump()) + llm.model_dump_json() + repr(llm.to_payload()),
        "pickle": repr(pickle.dumps(llm)),
    }


def _refused(*calls):
    said = []
    for call in calls:
        with pytest.raises((af.AnyfastError, ValueError)) as caught:
            call()
        said.append(_frames(caught.value))
    return "\n".join(said)


FRAMEWORKS = {"langchain": _langchain, "llama_index": _llama_index}


@pytest.mark.parametrize("given", ["field", "call", "bound"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_no_teller_tells_a_secret(framework, given, fields, caplog):
    cls = {"langchain": ChatAnyfast, "llama_index": AnyfastLLM}[framework]
    names = secret_fields(cls) if given == "field" else secret_names(cls)
    secrets = {name: VALUES[name] for name in names}
    fields, arguments = (fields | secrets, {}) if given == "field" else (fields, secrets)
    with caplog.at_level(logging.DEBUG):
        told = await asyncio.to_thread(FRAMEWORKS[framework], fields, arguments, given == "bound")
    told["logs"] = caplog.text
    leaks = {who: set(re.findall(f"{KEY}|hush[a-z-]*", said)) for who, said in told.items()}
    assert not any(leaks.values()), leaks
    assert all(told.values())


@pytest.mark.parametrize("cls", [ChatAnyfast, AnyfastLLM])
def test_what_is_given_for_one_call_is_sent_with_it_alone(cls, fields, gateway):
    llm = cls(**fields, api_key=KEY, default_headers={"x-a": "1", "x-b": "1"}, extra_body={"user_id": "field"})
    ask = llm.invoke if cls is ChatAnyfast else llm.complete
    ask("hi", extra_headers={"x-b": "2"}, extra_body={"user_id": "call"})
    ask("hi", default_headers={"x-c": "3"})
    ask("hi")
    assert [(one.get("x-a"), one.get("x-b"), one.get("x-c")) for one in gateway.headers] == [
        ("1", "2", None),
        (None, None, "3"),
        ("1", "1", None),
    ]
    assert [body["user_id"] for body in gateway.requests] == ["call", "field", "field"]


def test_a_cache_tells_models_apart_by_what_is_secret(fields, gateway):
    cache = InMemoryCache()

    def asked(call=None, /, **more):
        before = len(gateway.requests)
        ChatAnyfast(**fields, cache=cache, **{"api_key": KEY, **more}).invoke("hi", **(call or {}))
        return len(gateway.requests) - before

    first = {"default_headers": {"X-Tenant": "a"}}
    assert asked(**first) == 1
    assert asked(default_headers={"x-tenant": "a"}) == 0, "names of headers have no case"
    assert asked(default_headers={"x-tenant": "b"}) == 1
    assert asked({"extra_headers": {"x-tenant": "b"}}, **first) == 1
    assert asked({"api_key": KEY}, **first) == 1
    with pytest.raises(af.AuthenticationError):  # another key does not get the answer out of the cache
        asked(api_key=lambda: "K8-another-tenant", **first)
    keys = [key for _, key in cache._cache]
    assert len(keys) == len(set(keys)) == 4


@pytest.mark.parametrize("cls", [ChatAnyfast, AnyfastLLM])
def test_the_first_call_after_a_pickle_says_what_it_lost(cls, fields, gateway, monkeypatch):
    monkeypatch.delenv("ANYFAST_API_KEY", raising=False)
    llm = cls(**fields, api_key=KEY, default_headers={"x-tenant": "a"}, extra_body={"user_id": "u"})
    name = "invoke" if cls is ChatAnyfast else "complete"
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(llm))))  # noqa: S301  # our own
    with (
        pytest.warns(af.AnyfastWarning, match="default_headers and extra_body"),
        pytest.raises(af.AuthenticationError, match="no pickle takes a key along"),
    ):
        getattr(again, name)("hi")
    monkeypatch.setenv("ANYFAST_API_KEY", KEY)
    getattr(again, name)("hi")  # said once
    whole = pickle.loads(pickle.dumps(llm))  # noqa: S301  # our own
    whole = whole.model_copy(update={"default_headers": {"x-tenant": "a"}, "extra_body": {"user_id": "u"}})
    getattr(whole, name)("hi")  # nothing to say
    assert gateway.headers[-1]["x-tenant"] == "a"


def test_a_pickled_binding_says_what_it_lost(fields, monkeypatch):
    monkeypatch.setenv("ANYFAST_API_KEY", KEY)
    llm = ChatAnyfast(**fields)
    with pytest.raises(af.AuthenticationError, match="bind it again"):
        pickle.loads(pickle.dumps(llm.bind(api_key=KEY))).invoke("hi")  # noqa: S301  # our own
    with pytest.warns(af.AnyfastWarning, match="extra_headers"):
        pickle.loads(pickle.dumps(llm.bind(extra_headers={"x": "y"}))).invoke("hi")  # noqa: S301  # our own
