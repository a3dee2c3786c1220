"""What must not grow, counted: nothing at a chunk depends on what came before it. No test here looks at a clock."""

import asyncio
import contextlib

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock, ToolCallBlock

from anyfast_transport.response.stream import StreamDecoder
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM
from tests.performance.streams import DOCUMENT, URL, InMemory, calls, copied, growth, per_step, text

STREAMS = {"text": text, "calls": calls}
LINEAR = 1.05


def decoder(events):
    """The transport alone."""

    def read():
        decoding = StreamDecoder()
        for one in events:
            yield from decoding.feed(one)
        assert decoding.completion.choice.finish_reason

    return read


def lang_chain(events):
    llm = ChatAnyfast(model="m", api_key="k", base_url=URL, http_client=httpx.Client(transport=InMemory(events)))
    return lambda: llm.stream("hi")


def llama_index(events):
    client = httpx.Client(transport=InMemory(events))
    llm = AnyfastLLM(model="m", api_key="k", base_url=URL, http_client=client, context_window=1000)
    return lambda: llm.stream_chat([ChatMessage(content="hi")])


READERS = {"transport": decoder, "LangChain": lang_chain, "LlamaIndex": llama_index}


def reading(reader, kind):
    """A number of chunks → what reads a stream of so many."""

    def of(chunks):
        read = READERS[reader](STREAMS[kind](chunks))
        return lambda: sum(1 for _ in read())

    return of


def a_loop(stream):
    """An async stream, read from beginning to end."""

    async def read():
        async with contextlib.aclosing(await stream()) as items:
            return [item async for item in items]

    return lambda: asyncio.run(read())


def lang_chain_async(events):
    client = httpx.AsyncClient(transport=InMemory(events))
    llm = ChatAnyfast(model="m", api_key="k", base_url=URL, http_async_client=client)

    async def stream():
        return llm.astream("hi")

    return a_loop(stream)


def llama_index_async(events):
    client = httpx.AsyncClient(transport=InMemory(events))
    llm = AnyfastLLM(model="m", api_key="k", base_url=URL, http_async_client=client, context_window=1000)
    return a_loop(lambda: llm.astream_chat([ChatMessage(content="hi")]))


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("reader", READERS)
def test_the_work_grows_with_the_chunks_and_no_faster(reader, kind):
    assert growth(reading(reader, kind), 40) < LINEAR


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("reader", [lang_chain_async, llama_index_async])
def test_the_work_of_an_async_stream_grows_no_faster(reader, kind):
    assert growth(lambda chunks: reader(STREAMS[kind](chunks)), 20) < LINEAR


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("reader", READERS)
def test_an_event_is_decoded_once_and_nothing_of_ours_is_validated(reader, kind):
    found = per_step(reading(reader, kind), 20)
    assert found["from_json"] == 1
    assert found["loads"] == found["raw_decode"] == found["to_json"] == found["dumps"] == 0
    assert found["validate_python"] == (reader == "LlamaIndex")  # its event of each piece


# Some of these calls are the framework's own loop.
@pytest.mark.parametrize(
    ("reader", "kind", "most"),
    [
        ("transport", "text", 60),
        ("transport", "calls", 95),
        ("LangChain", "text", 130),
        ("LangChain", "calls", 190),
        ("LlamaIndex", "text", 135),
        ("LlamaIndex", "calls", 180),
    ],
)
def test_a_chunk_takes_a_bounded_number_of_calls(reader, kind, most):
    assert per_step(reading(reader, kind), 20)[""] <= most


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("reader", ["transport", "LangChain"])
def test_no_chunk_copies_what_came_before(reader, kind):
    size, chunks = 1000, 100
    steps = copied(iter(READERS[reader](STREAMS[kind](chunks, size))()))
    # The last chunks are those of the end, where the whole answer is put together once.
    assert max(steps[chunks // 2 : chunks - 2]) < 20 * size


@pytest.mark.parametrize("kind", STREAMS)
def test_llama_indexs_cumulative_text_is_copied_once_a_chunk(kind):
    size, chunks = 1000, 100
    steps = copied(iter(llama_index(STREAMS[kind](chunks, size))()))
    for at, step in enumerate(steps[: chunks - 2]):
        assert step < (at + 20) * size


# Histories

MESSAGES_OF_A_ROUND = 5


def lang_chain_history(rounds, same_ids):
    history = []
    for at in range(rounds):
        ids = ["call_0", "call_1"] if same_ids else [f"call_{at}_0", f"call_{at}_1"]
        made = [{"name": "find", "args": {"at": at}, "id": one, "type": "tool_call"} for one in ids]
        history += [HumanMessage(f"Question {at}"), AIMessage("", tool_calls=made)]
        history += [ToolMessage("21", tool_call_id=one) for one in ids]
        history.append(AIMessage(f"Answer {at}"))
    llm = ChatAnyfast(
        model="deepseek-v4-pro",
        api_key="k",
        base_url=URL,
        http_client=httpx.Client(transport=InMemory(document=DOCUMENT)),
    )
    return lambda: llm.invoke([*history, HumanMessage("And?")])


def llama_index_history(rounds, same_ids):
    history = []
    for at in range(rounds):
        ids = ["call_0", "call_1"] if same_ids else [f"call_{at}_0", f"call_{at}_1"]
        made = [ToolCallBlock(tool_call_id=one, tool_name="find", tool_kwargs={"at": at}) for one in ids]
        history.append(ChatMessage(role=MessageRole.USER, content=f"Question {at}"))
        history.append(ChatMessage(role=MessageRole.ASSISTANT, blocks=[TextBlock(text=""), *made]))
        history += [
            ChatMessage(role=MessageRole.TOOL, content="21", additional_kwargs={"tool_call_id": one}) for one in ids
        ]
        history.append(ChatMessage(role=MessageRole.ASSISTANT, content=f"Answer {at}"))
    client = httpx.Client(transport=InMemory(document=DOCUMENT))
    llm = AnyfastLLM(model="deepseek-v4-pro", api_key="k", base_url=URL, http_client=client, context_window=1000)
    return lambda: llm.chat([*history, ChatMessage(content="And?")])


@pytest.mark.parametrize("same_ids", [False, True])
@pytest.mark.parametrize("history", [lang_chain_history, llama_index_history])
def test_the_work_grows_with_the_history_and_no_faster(history, same_ids):
    assert growth(lambda rounds: history(rounds, same_ids), 5) < LINEAR


@pytest.mark.parametrize(("history", "most"), [(lang_chain_history, 90), (llama_index_history, 95)])
def test_a_message_of_a_history_takes_a_bounded_number_of_calls(history, most):
    found = per_step(lambda rounds: history(rounds, same_ids=False), 10)
    assert found[""] / MESSAGES_OF_A_ROUND <= most
