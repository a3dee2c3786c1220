"""What LlamaIndex's listeners hear of a call."""

import inspect

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from pydantic import Field

from llama_index_anyfast import AnyfastLLM
from tests.llama_index.reading import read

HI = [ChatMessage(role="user", content="Hi")]


CALLS = {
    **dict.fromkeys(["chat", "achat", "stream_chat", "astream_chat"], HI),
    **dict.fromkeys(["complete", "acomplete", "stream_complete", "astream_complete"], "Hi"),
}
"""Each method that LlamaIndex's decorators go around → what it is asked."""


@pytest.mark.parametrize("way", CALLS)
async def test_each_way_of_calling_tells_its_beginning_and_its_end_once(way, make, emulator, events):
    emulator.script("Hello there")
    await read(way, getattr(make(), way)(CALLS[way]))
    kind = "Chat" if "chat" in way else "Completion"
    told = [type(event).__name__ for event in events if "InProgress" not in type(event).__name__]
    assert told == [f"LLM{kind}StartEvent", f"LLM{kind}EndEvent"]


class _Spans(BaseSpanHandler):
    names: list = Field(default_factory=list)

    def new_span(self, id_, bound_args, **_):
        self.names.append(id_.partition("-")[0])

    def prepare_to_exit_span(self, id_, bound_args, **_): ...

    def prepare_to_drop_span(self, id_, bound_args, **_): ...


@pytest.mark.parametrize("way", CALLS)
async def test_each_way_of_calling_is_one_span(way, make, emulator):
    emulator.script("Hello there")
    spans = _Spans()
    get_dispatcher().add_span_handler(spans)
    try:
        await read(way, getattr(make(), way)(CALLS[way]))
    finally:
        get_dispatcher().span_handlers.remove(spans)
    assert spans.names == [f"AnyfastLLM.{way}"]


def test_tools_are_one_span_too(make, emulator):
    emulator.script("Hello there")
    spans = _Spans()
    get_dispatcher().add_span_handler(spans)
    try:
        make().chat_with_tools([], "Hi")
    finally:
        get_dispatcher().span_handlers.remove(spans)
    assert spans.names == ["AnyfastLLM.chat"]


def test_what_a_call_takes_is_said():
    said = inspect.signature(AnyfastLLM.chat).parameters
    assert "messages" in said
    assert AnyfastLLM.chat.__doc__
    assert inspect.iscoroutinefunction(AnyfastLLM.achat)
    assert inspect.iscoroutinefunction(AnyfastLLM.astream_chat)
