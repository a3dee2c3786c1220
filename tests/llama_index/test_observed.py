"""LlamaIndex's events are made where somebody listens, and only there."""

import ast
import inspect

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import NullEventHandler
from llama_index.core.llms import callbacks
from llama_index.core.rate_limiter import TokenBucketRateLimiter

from llama_index_anyfast import AnyfastLLM
from llama_index_anyfast.observed import is_observed
from tests.llama_index.reading import read

HI = [ChatMessage(role="user", content="Hi")]


CALLS = {
    **dict.fromkeys(["chat", "achat", "stream_chat", "astream_chat"], HI),
    **dict.fromkeys(["complete", "acomplete", "stream_complete", "astream_complete"], "Hi"),
}
"""Each method that LlamaIndex's decorators go around → what it is asked."""


async def ask(way, llm):
    return await read(way, getattr(llm, way)(CALLS[way]))


@pytest.mark.parametrize("where", ["root", "llama_index.core.llms.callbacks"])
def test_who_listens_to_events_observes(where, make, events):
    llm = make()
    assert is_observed(llm)  # the fixture listens at the root
    root, here = get_dispatcher(), get_dispatcher(where)
    listener = root.event_handlers[-1]
    root.event_handlers = [one for one in root.event_handlers if one is not listener]
    assert not is_observed(llm)
    here.event_handlers = [*here.event_handlers, listener]
    try:
        assert is_observed(llm)
        llm.chat(HI)
        assert [type(event).__name__ for event in events] == ["LLMChatStartEvent", "LLMChatEndEvent"]
    finally:
        here.event_handlers = [one for one in here.event_handlers if one is not listener]
        root.event_handlers = [*root.event_handlers, listener]


@pytest.mark.parametrize(
    "fields",
    [
        {"callback_manager": CallbackManager([TokenCountingHandler()])},
        {"rate_limiter": TokenBucketRateLimiter(requests_per_minute=6000)},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_callback_and_a_rate_limiter_observe(fields, make):
    assert is_observed(make(**fields))
    assert not is_observed(make())


def test_a_callback_of_the_settings_observes(make):
    from llama_index.core import Settings

    before = Settings.callback_manager
    Settings.callback_manager = CallbackManager([TokenCountingHandler()])
    try:
        assert is_observed(make())
    finally:
        Settings.callback_manager = before


def test_a_handler_that_hears_nothing_does_not_observe(make):
    root = get_dispatcher()
    assert any(type(handler) is NullEventHandler for handler in root.event_handlers)
    assert not is_observed(make())


@pytest.mark.parametrize("way", CALLS)
async def test_a_call_answers_alike_whether_heard_or_not(way, make, emulator, events):
    emulator.script("Hello there", "Hello there")
    heard = await ask(way, make())
    assert events
    root = get_dispatcher()
    root.event_handlers, listening = [NullEventHandler()], root.event_handlers
    try:
        told = len(events)
        unheard = await ask(way, make())
    finally:
        root.event_handlers = listening
    assert len(events) == told
    assert _comparable(unheard) == _comparable(heard)
    first, second = emulator.requests
    assert first == second


def _comparable(answer):
    """Responses without what the emulator makes anew for each answer."""
    responses = answer if isinstance(answer, list) else [answer]
    text = [getattr(one, "text", None) or one.message.content for one in responses]
    return [type(one) for one in responses], text, [one.delta for one in responses]


async def test_no_event_is_made_that_nobody_hears(make, emulator, monkeypatch):
    made = []
    for name in [name for name in vars(callbacks) if name.endswith("Event")]:
        cls = getattr(callbacks, name)
        monkeypatch.setattr(callbacks, name, lambda cls=cls, **said: made.append(cls) or cls(**said))
    emulator.script(*["Hello"] * len(CALLS))
    for way in CALLS:
        await ask(way, make())
    assert not made


def test_the_decorators_ask_a_llm_for_nothing_that_is_not_looked_at():
    """What a new LlamaIndex adds to them must be added to `is_observed`."""
    asked = set()
    for node in ast.walk(ast.parse(inspect.getsource(callbacks))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "_self":
            asked.add(node.attr)
        if isinstance(node, ast.Call) and ast.unparse(node).startswith("getattr(_self, "):
            asked.add(ast.literal_eval(node.args[1]))
    # `to_payload` is only told to who listens.
    assert asked == {"callback_manager", "rate_limiter", "to_payload"}


def test_what_a_call_takes_is_said():
    said = inspect.signature(AnyfastLLM.chat).parameters
    assert "messages" in said
    assert AnyfastLLM.chat.__doc__
    assert inspect.iscoroutinefunction(AnyfastLLM.achat)
    assert inspect.iscoroutinefunction(AnyfastLLM.astream_chat)
