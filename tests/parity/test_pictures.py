"""Pictures that a model makes, through both frameworks: drawn, changed, kept, sent back, and what goes wrong."""

import base64
import contextlib
import json
import tracemalloc
import warnings

import httpx
import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, messages_from_dict, messages_to_dict
from langgraph.checkpoint.memory import InMemorySaver
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage, ImageBlock
from llama_index.core.tools import FunctionTool

from anyfast_emulator import Answer, Emulator, ToolCall
from anyfast_emulator.drawing import Drawing, data_uri, png
from anyfast_emulator.temperaments import Temperament
from anyfast_transport import AnyfastError, AnyfastWarning, StreamInterruptedError
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM

MODEL = "gemini-3-pro-image-preview"
STEPS = ("Draw a red square.", "Make it blue.", "And a circle on a black background.")
DRAWN = [
    png(drawn, 64, 64)
    for drawn in (Drawing("red", "square"), Drawing("blue", "square"), Drawing("blue", "circle", "black"))
]


def at(emulator, kind, model=MODEL, **fields):
    return kind(model=model, base_url=emulator.base_url, api_key=emulator.api_key, max_retries=0, **fields)


def of_message(message):
    return [base64.b64decode(block["base64"]) for block in message.content_blocks if block["type"] == "image"]


def of_blocks(message):
    return [block.resolve_image().read() for block in message.blocks if isinstance(block, ImageBlock)]


async def langchain_answer(llm, messages, way):
    if way == "invoke":
        return llm.invoke(messages)
    if way == "ainvoke":
        return await llm.ainvoke(messages)
    pieces = list(llm.stream(messages)) if way == "stream" else [piece async for piece in llm.astream(messages)]
    return sum(pieces[1:], pieces[0])


async def llama_answer(llm, messages, way):
    if way == "invoke":
        return llm.chat(messages).message
    if way == "ainvoke":
        return (await llm.achat(messages)).message
    if way == "stream":
        return list(llm.stream_chat(messages))[-1].message
    return [piece async for piece in await llm.astream_chat(messages)][-1].message


WAYS = ("invoke", "ainvoke", "stream", "astream")
FORMS = dict(zip(WAYS, ("line", "field", "pieces", "line"), strict=True))


@pytest.mark.parametrize("way", WAYS)
async def test_three_edits_give_the_picture_that_was_asked_for_byte_for_byte(way):
    with Emulator(temperament=Temperament(pictures=FORMS[way])) as emulator:
        llm, other, messages, turns, seen = at(emulator, ChatAnyfast), at(emulator, AnyfastLLM), [], [], []
        for step in STEPS:
            messages.append(HumanMessage(step))
            answer = await langchain_answer(llm, messages, way)
            messages += messages_from_dict(json.loads(json.dumps(messages_to_dict([answer]))))
            turns.append(ChatMessage(role="user", content=step))
            turn = await llama_answer(other, turns, way)
            turns.append(ChatMessage.model_validate(json.loads(turn.model_dump_json())))
            seen.append((of_message(answer), of_blocks(turn)))
            assert answer.usage_metadata["output_token_details"]["image"] == 1120
        assert seen == [([picture], [picture]) for picture in DRAWN]
        sent = [json.dumps(body["messages"]).count("data:image/png") for body in emulator.requests]
        assert sent == [0, 0, 1, 1, 2, 2]


def test_a_thread_with_pictures_goes_through_a_checkpoint(anyfast_emulator):
    agent = create_agent(at(anyfast_emulator, ChatAnyfast), [], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    for step, picture in zip(STEPS, DRAWN, strict=True):
        *_, last = agent.invoke({"messages": [("user", step)]}, config)["messages"]
        assert of_message(last) == [picture]


@pytest.mark.parametrize("model", ["deepseek-v4-pro", "qwen3.6-flash"])
def test_an_image_model_is_a_tool_of_an_agent_on_another_family(model, anyfast_emulator):
    painter = at(anyfast_emulator, ChatAnyfast)

    def draw(what: str) -> list:
        """Draws a picture."""
        return painter.invoke(f"Draw {what}").content_blocks

    anyfast_emulator.script(
        Answer(tool_calls=[ToolCall("draw", {"what": "a red square"})]),
        Answer("Here you are.", pictures=[data_uri(DRAWN[0])]),
        Answer("Done."),
    )
    agent = create_agent(at(anyfast_emulator, ChatAnyfast, model, thinking=False), [draw])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        messages = agent.invoke({"messages": [("user", "a red square, please")]})["messages"]
    assert messages[-1].text == "Done."
    assert any(block.get("base64") for block in messages[-2].content)  # kept for the user
    sees = model == "qwen3.6-flash"
    assert ("data:image/png" in json.dumps(anyfast_emulator.last_request)) == sees
    assert len([one for one in told if issubclass(one.category, AnyfastWarning)]) == (0 if sees else 1)


@pytest.mark.parametrize("kind", [ChatAnyfast, AnyfastLLM])
def test_pictures_that_go_back_cost_twice_their_bytes(kind):
    """Once in the messages of the wire, once in the body: a thread of edits holds tens of megabytes."""
    sent = []

    def answer(request):
        sent.append(len(request.content))
        choice = {"index": 0, "message": {"content": "ok"}, "finish_reason": "stop"}
        return httpx.Response(200, json={"choices": [choice]})

    pictures = [base64.b64encode(bytes([number]) * 300_000).decode() for number in range(10)]
    if kind is ChatAnyfast:
        parts = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{one}"}} for one in pictures]
        turns = [AIMessage([part], response_metadata={"model_provider": "anyfast"}) for part in parts]
        messages = [HumanMessage("more") if at % 2 else turns[at // 2] for at in range(20)]
    else:
        blocks = [ImageBlock.model_construct(image=one.encode(), image_mimetype="image/png") for one in pictures]
        turns = [ChatMessage(role="assistant", blocks=[block]) for block in blocks]
        messages = [ChatMessage(role="user", content="more") if at % 2 else turns[at // 2] for at in range(20)]
    client = httpx.Client(transport=httpx.MockTransport(answer))
    llm = kind(model=MODEL, base_url="http://127.0.0.1:9/v1", api_key="a-key", http_client=client)
    ask = llm.invoke if kind is ChatAnyfast else llm.chat
    ask(messages)
    tracemalloc.start()
    try:
        ask(messages)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sent[-1] > 4_000_000
    assert peak <= 2.5 * sent[-1]


# LlamaIndex's agents look at every attribute of a pydantic object, deprecated ones too.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:inspect")
@pytest.mark.parametrize("model", ["deepseek-v4-pro", "qwen3.6-flash"])
async def test_an_image_model_is_a_tool_of_llama_indexs_agent_on_another_family(model, anyfast_emulator):
    painter = at(anyfast_emulator, AnyfastLLM)

    def draw(what: str) -> list:
        """Draws a picture."""
        return painter.chat([ChatMessage(role="user", content=f"Draw {what}")]).message.blocks

    anyfast_emulator.script(
        Answer(tool_calls=[ToolCall("draw", {"what": "a red square"})]),
        Answer("Here you are.", pictures=[data_uri(DRAWN[0])]),
        Answer("Done."),
    )
    llm = at(anyfast_emulator, AnyfastLLM, model, thinking=False)
    agent = FunctionAgent(tools=[FunctionTool.from_defaults(draw)], llm=llm, streaming=False)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        answer = await agent.run("a red square, please")
    assert answer.response.content == "Done."
    assert any(isinstance(block, ImageBlock) for block in answer.tool_calls[0].tool_output.blocks)
    sees = model == "qwen3.6-flash"
    assert ("data:image/png" in json.dumps(anyfast_emulator.last_request)) == sees
    assert len([one for one in told if issubclass(one.category, AnyfastWarning)]) == (0 if sees else 1)


PICTURE = "data:image/png;base64," + base64.b64encode(b"\x89PNG" + bytes(3000)).decode()


@pytest.mark.parametrize("kind", [ChatAnyfast, AnyfastLLM])
@pytest.mark.filterwarnings("ignore::anyfast_transport.AnyfastWarning")
def test_a_picture_that_is_cut_off_is_a_typed_error_with_the_text_before_it(kind):
    with Emulator(temperament=Temperament(pictures="pieces")) as emulator:
        emulator.script(Answer("Here it is.", pictures=[PICTURE], cut_after=9))
        llm = at(emulator, kind)
        with pytest.raises(StreamInterruptedError) as caught:
            list(llm.stream("Draw.") if kind is ChatAnyfast else llm.stream_chat([ChatMessage(content="Draw.")]))
        assert caught.value.partial.choice.text.startswith("Here it is.")
        assert caught.value.partial.choice.images == []


@pytest.mark.parametrize("uri", ["data:image/png;base64,***", "data:image/png;base64,", "data:image/png,red"])
@pytest.mark.filterwarnings("ignore::anyfast_transport.AnyfastWarning")
def test_broken_base64_ends_in_an_answer_or_a_typed_error(uri, anyfast_emulator):
    anyfast_emulator.script(*[Answer("Here it is.", pictures=[uri])] * 2)
    for ask in (
        lambda: at(anyfast_emulator, ChatAnyfast).invoke("Draw.").content_blocks,
        lambda: at(anyfast_emulator, AnyfastLLM).chat([ChatMessage(content="Draw.")]).message.blocks,
    ):
        with contextlib.suppress(AnyfastError):
            assert ask()


def test_an_answer_that_a_filter_stopped_says_so(anyfast_emulator):
    anyfast_emulator.script(Answer("I cannot draw that.", finish_reason="content_filter"))
    answer = at(anyfast_emulator, ChatAnyfast).invoke("Draw something evil.")
    assert (answer.text, answer.response_metadata["finish_reason"]) == ("I cannot draw that.", "content_filter")
