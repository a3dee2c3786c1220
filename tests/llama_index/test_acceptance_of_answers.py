"""The acceptance list, 10 to 18: what is made of answers, and what is left of a call. See `test_acceptance.py`."""

import asyncio
import base64
import contextlib
import copy
import gc
import json
import logging
import pickle
import threading

import pytest
from llama_index.core import Document, SummaryIndex
from llama_index.core.agent.workflow import AgentStream, CodeActAgent, FunctionAgent, ReActAgent
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    VideoBlock,
)
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.evaluation import FaithfulnessEvaluator
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from anyfast_emulator import Answer, Raw, ToolCall
from anyfast_transport import AnyfastError, AnyfastWarning, EmptyAnswerError, UnsupportedParameterError
from llama_index_anyfast import AnyfastLLM
from tests.faults.fault_gateway import EVENTS, Gateway, hold, sse

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
USAGE = {"prompt_tokens": 111, "completion_tokens": 77, "total_tokens": 188}
ADA = '{"name": "Ada", "age": 36}'


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def look(place: str) -> str:
    """Looks at a place."""
    return f"saw {place}"


LOOK = FunctionTool.from_defaults(look)

BROKEN = {
    "an error inside a 200": Raw(b'{"error": {"message": "slow down", "code": 429}}'),
    "a page": Raw(b"<html></html>"),
    "choices are null": Raw(b'{"choices": null}'),
    "no choice": Raw(b'{"choices": []}'),
    "an error event": Raw(b'data: {"error": {"message": "slow down", "code": 429}}\n\n'),
    "no finish_reason": Raw(b'data: {"choices": [{"delta": {"content": "Hi"}}]}\n\ndata: [DONE]\n\n'),
    "an empty stream": Raw(b"data: [DONE]\n\n"),
    "a cut connection": Answer(text="Hello, world", cut_after=1),
}


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_10_what_is_broken_is_a_typed_error_and_no_empty_response(answer, streaming, make, emulator):
    emulator.script(answer)
    index = SummaryIndex.from_documents([Document(text="Ada was born in 1815.")])
    engine = index.as_query_engine(llm=make(), streaming=streaming)
    with pytest.raises(AnyfastError) as raised:
        list(getattr(engine.query("When?"), "response_gen", ()))
    assert not isinstance(raised.value, ValueError | TypeError)
    assert emulator.api_key not in f"{raised.value!r} {raised.value}"


def test_11_one_loop_after_the_other(make, emulator, user):
    llm = make()
    for _ in range(10):
        asyncio.run(llm.achat([user()]))
    assert len(emulator.requests) == 10


def test_11_eight_threads_with_loops_of_their_own(make, emulator, user):
    llm, failed = make(), []

    def work() -> None:
        try:
            for _ in range(3):
                asyncio.run(llm.achat([user()]))
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test wants to see it
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (failed, len(emulator.requests)) == ([], 24)


async def test_11_a_sync_facade_inside_a_running_loop(make, emulator):
    evaluator = FaithfulnessEvaluator(llm=make())
    emulator.script(*["YES"] * 5)
    for _ in range(5):
        assert evaluator.evaluate(response="In 1815.", contexts=["Ada was born in 1815."]).passing
    assert len(emulator.requests) == 5


def _breaks(llm, messages) -> None:
    for _ in llm.stream_chat(messages):
        break


def _closes(llm, messages) -> None:
    stream = llm.stream_chat(messages)
    next(stream)
    stream.close()


def _acloses(llm, messages) -> None:
    async def run() -> None:
        stream = await llm.astream_chat(messages)
        await anext(stream)
        await stream.aclose()

    asyncio.run(run())


def _is_cancelled(llm, messages) -> None:
    async def run() -> None:
        begun = asyncio.Event()

        async def read() -> None:
            async for _ in await llm.astream_chat(messages):
                begun.set()

        task = asyncio.create_task(read())
        await begun.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())


@pytest.mark.parametrize("leave", [_breaks, _closes, _acloses, _is_cancelled])
def test_12_the_server_sees_a_reader_leave_at_once(leave, user):
    gateway = Gateway().start()
    gateway.script((sse(*EVENTS[:3]), hold))
    gc.disable()
    try:
        leave(AnyfastLLM("deepseek-v4-pro", base_url=gateway.base_url, api_key="k"), [user()])
        assert gateway.requests
        assert gateway.sees(lambda seen: seen.open == 0, within=0.2)
    finally:
        gc.enable()
        gateway.stop()


async def _stream_to_its_end(stream) -> None:
    async for _ in await stream:
        pass


KINDS = {
    "chat": lambda llm, messages: llm.chat(messages),
    "stream_chat": lambda llm, messages: list(llm.stream_chat(messages)),
    "achat": lambda llm, messages: asyncio.run(llm.achat(messages)),
    "astream_chat": lambda llm, messages: asyncio.run(_stream_to_its_end(llm.astream_chat(messages))),
    "complete": lambda llm, _: llm.complete("Hi"),
    "stream_complete": lambda llm, _: list(llm.stream_complete("Hi")),
    "acomplete": lambda llm, _: asyncio.run(llm.acomplete("Hi")),
    "astream_complete": lambda llm, _: asyncio.run(_stream_to_its_end(llm.astream_complete("Hi"))),
    "chat_with_tools": lambda llm, _: llm.chat_with_tools([LOOK], "Hi"),
    "structured_predict": lambda llm, _: llm.structured_predict(Person, PromptTemplate("?")),
}


@pytest.mark.parametrize("call", KINDS.values(), ids=KINDS)
def test_13_tokens_are_counted_exactly_and_once(call, make, emulator, user):
    counter = TokenCountingHandler()
    emulator.script(Answer(text=ADA, reasoning="Hm.", usage=USAGE))
    call(make(callback_manager=CallbackManager([counter])), [user()])
    assert [(one.prompt_token_count, one.completion_token_count) for one in counter.llm_token_counts] == [(111, 77)]


LEFT = {
    "stream_chat": lambda llm, messages: llm.stream_chat(messages),
    "stream_complete": lambda llm, _: llm.stream_complete("Hi"),
}
LEFT_ASYNC = {
    "astream_chat": lambda llm, messages: llm.astream_chat(messages),
    "astream_complete": lambda llm, _: llm.astream_complete("Hi"),
}


def _check_left(counter, events, emulator) -> None:
    [counted] = counter.llm_token_counts
    assert "Once upon a time" in counted.completion
    assert counted.completion_token_count >= 4
    assert counted.prompt_token_count >= 1
    names = [type(event).__name__ for event in events]
    assert sum(name in ("LLMChatEndEvent", "LLMCompletionEndEvent") for name in names) == 1
    assert "ExceptionEvent" not in names
    assert len(emulator.requests) == 1


TALE = Answer(text="Once upon a time there was a king. " * 20, pieces=20)


@pytest.mark.parametrize("stream", LEFT.values(), ids=LEFT)
def test_13_a_stream_that_is_left_ends_its_event_with_what_came(stream, make, emulator, user, events):
    counter = TokenCountingHandler()
    emulator.script(TALE)
    for response in stream(make(callback_manager=CallbackManager([counter]), thinking=False), [user()]):
        if "king" in str(response):
            break
    _check_left(counter, events, emulator)


@pytest.mark.parametrize("stream", LEFT_ASYNC.values(), ids=LEFT_ASYNC)
async def test_13_an_async_stream_that_is_left_does_so_too(stream, make, emulator, user, events):
    counter = TokenCountingHandler()
    emulator.script(TALE)
    responses = await stream(make(callback_manager=CallbackManager([counter]), thinking=False), [user()])
    async with contextlib.aclosing(responses):
        async for response in responses:
            if "king" in str(response):
                break
    _check_left(counter, events, emulator)


async def test_13_reasoning_tokens_are_on_their_block(ask, make, emulator, user):
    emulator.script(
        Answer(text="Hi", reasoning="Hm", usage={**USAGE, "completion_tokens_details": {"reasoning_tokens": 9}})
    )
    assert (await ask(make(), [user()]))[-1].message.blocks[0].num_tokens == 9


SECRET = "secret-header-value"


def test_14_the_key_is_nowhere(make, emulator, user, events, caplog):
    caplog.set_level(logging.DEBUG)
    llm = make(default_headers={"x-secret": SECRET})
    llm.chat([user()])
    with pytest.raises(AnyfastError) as raised:
        llm.chat([user()], model="no-such-model")
    shown = [repr(llm), str(llm), repr(llm.to_dict()), llm.to_json(), repr(llm.model_dump()), llm.model_dump_json()]
    shown += [repr(llm.to_payload()), repr(copy.deepcopy(llm)), repr(events), caplog.text, repr(raised.value)]
    for secret in (emulator.api_key, SECRET):
        assert not [text for text in shown if secret in text]
        assert secret.encode() not in pickle.dumps(llm)


def test_14_copies_still_speak_after_use_and_no_other_vendors_key_is_used(make, emulator, user, monkeypatch):
    llm = make()
    llm.chat([user()])
    assert copy.deepcopy(llm).chat([user()]).message.content
    pickled = pickle.dumps(llm)
    with pytest.raises(AnyfastError, match="ANYFAST_API_KEY"):
        pickle.loads(pickled).chat([user()])  # noqa: S301  # it was made here; OPENAI_API_KEY is set
    monkeypatch.setenv("ANYFAST_API_KEY", emulator.api_key)
    assert pickle.loads(pickled).chat([user()]).message.content  # noqa: S301  # as above
    assert {one["authorization"] for one in emulator.headers} == {"[key]"}


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def test_15_images_and_videos_by_url_bytes_and_path(make, emulator, tmp_path):
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    blocks = [
        ImageBlock(url="https://example.com/Cat%20a.png", detail="low"),
        ImageBlock(image=PNG),
        ImageBlock(path=path),
        VideoBlock(url="https://example.com/v.mp4", fps=2),
        VideoBlock(video=b"\0\0\0\x18ftypmp42" + b"\0" * 20),
    ]
    make("qwen3.6-flash").chat([ChatMessage(role="user", blocks=[TextBlock(text="What?"), *blocks])])
    _, linked, inline, file, film, clip = emulator.requests[0]["messages"][0]["content"]
    assert linked == {"type": "image_url", "image_url": {"url": "https://example.com/Cat%20a.png", "detail": "low"}}
    assert inline["image_url"]["url"] == file["image_url"]["url"] == _uri("image/png", PNG)
    assert film == {"type": "video_url", "video_url": {"url": "https://example.com/v.mp4", "fps": 2}}
    assert clip["video_url"]["url"].startswith("data:video/mp4;base64,")


async def test_15_media_of_a_tools_result_reach_the_model(make, emulator):
    def photograph() -> list:
        """Takes a picture."""
        return [TextBlock(text="A picture:"), ImageBlock(image=PNG)]

    emulator.script(Answer(tool_calls=[ToolCall("photograph")]), "A cat.")
    tool = FunctionTool.from_defaults(photograph)
    await FunctionAgent(tools=[tool], llm=make("doubao-seed-evolving")).run("What do you see?")
    result, seen = emulator.requests[1]["messages"][-2:]
    assert (result["role"], result["content"]) == ("tool", "A picture:")
    told, picture = seen["content"]
    assert (seen["role"], told["type"]) == ("user", "text")  # which call it is from
    assert picture["image_url"]["url"] == _uri("image/png", PNG)


async def test_15_images_that_gemini_makes_are_blocks(ask, make, emulator, user):
    emulator.script(Answer(text=f"Look: ![image]({_uri('image/png', PNG)})", pieces=1000))
    message = (await ask(make("gemini-3-pro-image-preview"), [user()]))[-1].message
    [image] = [block for block in message.blocks if isinstance(block, ImageBlock)]
    assert image.resolve_image().read() == PNG


REFUSED = {
    "deepseek-v4-pro": [ImageBlock(url="https://example.com/a.png"), VideoBlock(url="https://example.com/a.mp4")],
    "qwen3.6-flash": [AudioBlock(audio=b"RIFF\0", format="wav"), DocumentBlock(data=b"%PDF-1.4")],
    "doubao-seed-evolving": [AudioBlock(url="https://example.com/a.wav"), ImageBlock()],
}


@pytest.mark.parametrize("model", REFUSED)
def test_15_what_cannot_be_sent_is_an_error_that_names_the_block(model, make, emulator):
    for block in REFUSED[model]:
        with pytest.raises(UnsupportedParameterError, match=type(block).__name__):
            make(model).chat([ChatMessage(role="user", blocks=[block])])
    assert emulator.requests == []


@pytest.mark.filterwarnings("ignore:.*refuses a forced tool_choice")
async def test_16_nothing_given_is_changed(make, emulator, ask, user):
    messages, history = [ChatMessage(role="system", content="Be brief."), user()], [user("Earlier")]
    prompt, kwargs = ChatPromptTemplate([user("About {who}")]), {"temperature": 0.5, "tool_required": True}
    given = (messages, history, prompt.message_templates, prompt.output_parser, kwargs, LOOK.metadata)
    before = copy.deepcopy(given)
    llm = make(system_prompt="You know people.")
    emulator.script("Hi", Answer(tool_calls=[ToolCall("look", {"place": "Paris"})]), *[Answer(text=ADA)] * 2)
    await ask(llm, messages)
    llm.predict_and_call([LOOK], "Look", chat_history=history, tool_required=True)
    llm.structured_predict(Person, prompt, llm_kwargs=kwargs, who="Ada")
    await llm.astructured_predict(Person, prompt, llm_kwargs=kwargs, who="Ada")
    assert given == before
    assert [body["messages"][0]["content"][:16] for body in emulator.requests[2:]] == ["You know people."] * 2


@pytest.mark.parametrize("model", ["deepseek-v4-pro", "doubao-seed-evolving", "gemini-2.5-pro"])
async def test_17_what_means_nothing_is_not_sent(model, ask, make, emulator, user):
    llm = make(model)
    await ask(llm, [user()])
    await FunctionAgent(tools=[], llm=llm).run("Hi")
    llm.chat_with_tools([LOOK], "Hi", tool_choice="auto")
    streaming = {"stream", "stream_options"}
    sent = [body.keys() - streaming for body in emulator.requests]
    assert sent == [{"model", "messages"}, {"model", "messages"}, {"model", "messages", "tools"}]
    assert emulator.requests[2]["tools"][0]["function"].keys() == {"name", "description", "parameters"}


async def _complete(llm, *args, **kwargs):
    return llm.complete(*args, **kwargs).text


async def _stream_complete(llm, *args, **kwargs):
    return "".join(one.delta for one in llm.stream_complete(*args, **kwargs))


@pytest.mark.parametrize("complete", [_complete, _stream_complete])
async def test_18_prompts_by_position_and_by_name(complete, make, emulator):
    llm = make(thinking=False)
    emulator.script("Hi", "Hi")
    assert await complete(llm, "Hello") == "Hi"
    assert await complete(llm, prompt="Hello") == "Hi"
    assert [body["messages"] for body in emulator.requests] == [[{"role": "user", "content": "Hello"}]] * 2
    with pytest.raises(TypeError):
        await complete(llm, "Hello", prompt="Hello")
    with pytest.raises(ValueError, match="No prompt"):
        await complete(llm)


def test_18_class_and_payload(make, emulator):
    assert BaseLLM.__name__ in [cls.__name__ for cls in AnyfastLLM.__mro__]
    payload = make(temperature=0.5).to_payload()
    assert payload.items() >= {"model": "deepseek-v4-pro", "temperature": 0.5, "class_name": "AnyfastLLM"}.items()
    assert emulator.api_key not in json.dumps(payload)


AGENTS = {
    "FunctionAgent": (lambda llm: FunctionAgent(tools=[LOOK], llm=llm), "Done."),
    "ReActAgent": (lambda llm: ReActAgent(tools=[LOOK], llm=llm), "Thought: I can answer.\nAnswer: Done."),
    "CodeActAgent": (lambda llm: CodeActAgent(code_execute_fn=lambda code: code, llm=llm), "Done."),
}


@pytest.mark.parametrize(("agent", "said"), AGENTS.values(), ids=AGENTS)
async def test_18_agents_show_reasoning_as_it_comes(agent, said, make, emulator):
    emulator.script(Answer(reasoning="First this, then that.", text=said, pieces=2))
    handler = agent(make()).run("?")
    deltas = [event.thinking_delta async for event in handler.stream_events() if isinstance(event, AgentStream)]
    assert (await handler).response.content == "Done."
    assert "".join(filter(None, deltas)) == "First this, then that."
    assert None in deltas


@pytest.mark.parametrize("streaming", [True, False])
async def test_18_a_reasoning_only_answer_is_not_silent(streaming, make, emulator):
    eaten = Answer(reasoning="Hm, hm.", finish_reason="length")
    emulator.script(eaten, eaten)
    with pytest.warns(AnyfastWarning, match="spent it all on reasoning"):
        output = await FunctionAgent(tools=[LOOK], llm=make(), streaming=streaming).run("?")
    assert output.response.blocks[0].content == "Hm, hm."
    with pytest.raises(EmptyAnswerError):
        await FunctionAgent(tools=[LOOK], llm=make(on_empty="raise"), streaming=streaming).run("?")
