"""What LlamaIndex's listeners hear of a call."""

import inspect

import pytest
from llama_index.core.base.llms.types import ChatMessage

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


def test_what_a_call_takes_is_said():
    said = inspect.signature(AnyfastLLM.chat).parameters
    assert "messages" in said
    assert AnyfastLLM.chat.__doc__
    assert inspect.iscoroutinefunction(AnyfastLLM.achat)
    assert inspect.iscoroutinefunction(AnyfastLLM.astream_chat)
