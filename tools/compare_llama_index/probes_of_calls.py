"""The other half of the probes: structured output, what goes wrong, connections, media, secrets. See `probes.py`."""

import asyncio
import contextlib
import copy
import pickle
import warnings
from unittest import mock

import httpx
from llama_index.core import Document, SummaryIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import AudioBlock, ChatMessage, ImageBlock, TextBlock, VideoBlock
from llama_index.core.evaluation import FaithfulnessEvaluator
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import RouterQueryEngine
from llama_index.core.tools import FunctionTool, QueryEngineTool

from anyfast_emulator import Answer, Failure, Raw, ToolCall
from tests.faults.fault_gateway import EVENTS, Gateway, hold, sse
from tools.compare_llama_index.probes import DOUBAO, HI, LOOK, PNG, QWEN, Person, probe, stream_of

ABOUT = PromptTemplate("Tell me about Ada, aged 36.")
ADA = {"name": "Ada", "age": 36}
AS_TEXT = '{"name": "Ada", "age": 36}'


# Structured output, on a gateway that refuses what the models refuse


@probe("structured_predict while DeepSeek V4 thinks")
def _(bench):
    bench.emulator.strict = True
    assert bench.make().structured_predict(Person, ABOUT) == Person(**ADA)


@probe("structured_predict while Qwen thinks")
def _(bench):
    bench.emulator.strict = True
    llm = bench.make(QWEN, **bench.body({"enable_thinking": True}))
    assert llm.structured_predict(Person, ABOUT) == Person(**ADA)


@probe("JSON that comes as fenced text is read")
def _(bench):
    bench.emulator.script(f"Here:\n```json\n{AS_TEXT}\n```")
    assert bench.make().structured_predict(Person, ABOUT) == Person(**ADA)


@probe("an object that is not valid gets a second chance")
def _(bench):
    bench.emulator.script('{"name": "Ada"}', AS_TEXT)
    assert bench.make().structured_predict(Person, ABOUT) == Person(**ADA)


@probe("partial objects while streaming")
def _(bench):
    call = ToolCall("Person", '{"name": "Ada Lovelace, Countess", "age": 36}')
    bench.emulator.script(Answer(tool_calls=[call], pieces=4))
    *partial, last = bench.make().stream_structured_predict(Person, ABOUT)
    assert last == Person(name="Ada Lovelace, Countess", age=36)
    assert any(one.name and one.age is None for one in partial)


@probe("astructured_predict keeps system_prompt")
async def _(bench):
    bench.emulator.script(Answer(tool_calls=[ToolCall("Person", ADA)]))
    assert await bench.make(system_prompt="You know people.").astructured_predict(Person, ABOUT) == Person(**ADA)
    assert "You know people." in str(bench.emulator.requests[0]["messages"][0])


@probe("as_structured_llm and an agent's output_cls")
async def _(bench):
    bench.emulator.strict = True
    bench.emulator.script(Answer(reasoning="Hm.", text="Done."), Answer(reasoning="Hm.", text=AS_TEXT))
    output = await FunctionAgent(tools=[LOOK], llm=bench.make(), output_cls=Person).run("?")
    assert output.get_pydantic_model(Person) == Person(**ADA)
    assert bench.make().as_structured_llm(Person).complete("Ada, aged 36").raw == Person(**ADA)


def _index() -> SummaryIndex:
    return SummaryIndex.from_documents([Document(text="Ada was born in 1815.")])


@probe("a query engine's output_cls")
def _(bench):
    bench.emulator.strict = True
    bench.emulator.script(Answer(reasoning="Hm.", text=AS_TEXT))
    assert _index().as_query_engine(llm=bench.make(), output_cls=Person).query("Who?").response == Person(**ADA)


@probe("a router while DeepSeek V4 thinks")
def _(bench):
    bench.emulator.strict = True
    llm = bench.make()
    engine = _index().as_query_engine(llm=llm)
    tools = [QueryEngineTool.from_defaults(engine, name=name, description=name) for name in ("people", "rivers")]
    bench.emulator.script(
        Answer(reasoning="Hm.", tool_calls=[ToolCall("SingleSelection", {"index": 1, "reason": "It fits."})]),
        "In 1815.",
    )
    assert str(RouterQueryEngine.from_defaults(tools, llm=llm).query("When was Ada born?")) == "In 1815."


# What goes wrong


@probe("max_retries=3 means 4 requests")
def _(bench):
    bench.emulator.script(*[Failure(500)] * 40)
    with mock.patch("time.sleep"), contextlib.suppress(Exception):
        bench.make(max_retries=3).chat(HI)
    sent = len(bench.emulator.requests)
    return "yes" if sent == 4 else f"no: {sent}"


@probe("Retry-After is honoured")
def _(bench):
    bench.emulator.script(Failure(429, retry_after=7), "Hi")
    with mock.patch("time.sleep") as sleep:
        bench.make(max_retries=1).chat(HI)
    assert any(6.9 < float(call.args[0]) < 7.6 for call in sleep.call_args_list)


_ACCIDENTS = (ValueError, TypeError, LookupError, AttributeError, AssertionError)
"""What is not an error of the class's own."""


def _error(ask) -> Exception:
    try:
        ask()
    except _ACCIDENTS:
        raise AssertionError from None
    except Exception as error:  # noqa: BLE001  # any other will do
        return error
    raise AssertionError


@probe("a 200 with an error inside is a typed error")
def _(bench):
    bench.emulator.script(Raw(b'{"error": {"message": "no credit", "code": "insufficient_quota"}}'))
    return f"yes: {type(_error(lambda: bench.make().chat(HI))).__name__}"


@probe("a 200 with HTML, or without choices, is a typed error")
def _(bench):
    for body in (b"<html></html>", b'{"choices": null}', b'{"choices": []}'):
        bench.emulator.script(Raw(body))
        _error(lambda: bench.make().chat(HI))


@probe("a stream without an end, or empty, is an error")
def _(bench):
    for broken in (stream_of({"content": "Hi"}, finish=None), Raw(b"data: [DONE]\n\n")):
        bench.emulator.script(broken)
        _error(lambda: list(bench.make().stream_chat(HI)))


@probe("an error never becomes “Empty Response”")
def _(bench):
    bench.emulator.script(Raw(b'{"error": {"message": "no credit", "code": "insufficient_quota"}}'))
    _error(lambda: _index().as_query_engine(llm=bench.make()).query("When?"))


@probe("an answer that reasoning ate is not silent")
def _(bench):
    bench.emulator.script(Answer(reasoning="Hm", finish_reason="length"))
    raised = []
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            bench.make().chat(HI)
        except Exception as error:  # noqa: BLE001  # any is as good as a warning
            raised.append(error)
    assert seen or raised


# Connections


@probe("connections are used again")
def _(bench):
    llm = bench.make()
    llm.chat(HI)
    before = bench.emulator.connections
    for _time in range(5):
        llm.chat(HI)
    assert bench.emulator.connections == before


@probe("10 calls in 10 event loops: requests sent")
def _(bench):
    llm = bench.make(max_retries=2)
    for _time in range(10):
        asyncio.run(llm.achat(HI))
    sent = len(bench.emulator.requests)
    return "10" if sent == 10 else f"no: {sent}"


@probe("5 evaluations inside a running loop: requests sent")
async def _(bench):
    evaluator = FaithfulnessEvaluator(llm=bench.make(max_retries=2))
    bench.emulator.script(*["YES"] * 20)
    for _time in range(5):
        evaluator.evaluate(response="In 1815.", contexts=["Ada was born in 1815."])
    sent = len(bench.emulator.requests)
    return "5" if sent == 5 else f"no: {sent}"


@probe("leaving a stream early ends the request")
def _(bench):
    gateway = Gateway().start()
    gateway.script((sse(*EVENTS[:3]), hold))
    try:
        stream = bench.make(base_url=gateway.base_url).stream_chat(HI)
        next(stream)
        stream.close()
        assert gateway.sees(lambda seen: seen.open == 0, within=0.2)
    finally:
        gateway.stop()


@probe("close() and context manager")
def _(bench):
    with bench.make() as llm:
        llm.chat(HI)


@probe("timeouts for connecting and reading apart")
def _(bench):
    assert bench.make(timeout=httpx.Timeout(5, read=600)).chat(HI).message.content


@probe("own HTTP client")
def _(bench):
    seen = []
    with httpx.Client(event_hooks={"request": [seen.append]}) as client:
        bench.make(http_client=client).chat(HI)
    assert seen


# Media


def _parts(bench, model, *blocks):
    message = ChatMessage(role="user", blocks=[TextBlock(text="?"), *blocks])
    return [part["type"] for part in bench.sent(bench.make(model), [message])["messages"][0]["content"][1:]]


@probe("images in: url and bytes")
def _(bench):
    blocks = ImageBlock(url="https://example.com/a.png"), ImageBlock(image=PNG)
    assert _parts(bench, QWEN, *blocks) == ["image_url"] * 2


@probe("images in a tool's result")
async def _(bench):
    tool = FunctionTool.from_defaults(lambda: [ImageBlock(image=PNG)], name="look", description="?")
    bench.emulator.script(Answer(tool_calls=[ToolCall("look")]), "A cat.")
    await FunctionAgent(tools=[tool], llm=bench.make(DOUBAO)).run("?")
    assert "image_url" in str(bench.emulator.requests[1]["messages"])


@probe("images out (Gemini)")
def _(bench):
    text = "Look: ![image](data:image/png;base64,iVBORw0KGgo=)"
    message = bench.said(Answer(text=text), "gemini-3-pro-image-preview").message
    assert any(isinstance(block, ImageBlock) for block in message.blocks)


@probe("video in, with fps")
def _(bench):
    message = ChatMessage(role="user", blocks=[VideoBlock(url="https://example.com/a.mp4", fps=2)])
    [part] = bench.sent(bench.make(QWEN), [message])["messages"][0]["content"]
    assert part == {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4", "fps": 2}}


@probe("audio in (Gemini)")
def _(bench):
    assert _parts(bench, "gemini-2.5-pro", AudioBlock(audio=b"RIFF\0", format="wav")) == ["input_audio"]


@probe("what a model does not take is an error before sending")
def _(bench):
    message = ChatMessage(role="user", blocks=[ImageBlock(url="https://example.com/a.png")])
    with contextlib.suppress(Exception):
        bench.make().chat([message])
    assert not bench.emulator.requests


# Secrets, copies, events


@probe("key kept out of repr, to_dict, to_json and pickles")
def _(bench):
    llm = bench.make()
    shown = f"{llm!r} {llm} {llm.to_dict()} {llm.to_json()} {llm.model_dump()}"
    assert bench.emulator.api_key not in shown
    assert bench.emulator.api_key.encode() not in pickle.dumps(llm)


@probe("pickle and from_dict give one that speaks")
def _(bench):
    llm = bench.make()
    llm.chat(HI)
    with mock.patch.dict("os.environ", {"ANYFAST_API_KEY": bench.emulator.api_key}):
        twins = pickle.loads(pickle.dumps(llm)), type(llm).from_dict(llm.to_dict())  # noqa: S301  # made here
        assert all(twin.chat(HI).message.content for twin in twins)


@probe("deepcopy after use")
def _(bench):
    llm = bench.make()
    llm.chat(HI)
    assert copy.deepcopy(llm).chat(HI).message.content


@probe("another vendor's key is never sent")
def _(bench):
    seen = []
    with (
        mock.patch.dict("os.environ", {"OPENAI_API_KEY": "key-of-another-vendor"}),
        httpx.Client(event_hooks={"request": [seen.append]}) as client,
        contextlib.suppress(Exception),
    ):
        bench.make(api_key=None, http_client=client).chat(HI)
    assert not [one for one in seen if "another-vendor" in one.headers.get("authorization", "")]


@probe("one LLM event for each call")
def _(bench):
    from llama_index.core.callbacks import CallbackManager, TokenCountingHandler

    counter = TokenCountingHandler()
    llm = bench.make(callback_manager=CallbackManager([counter]))
    llm.complete("Hi")
    llm.chat(HI)
    list(llm.stream_complete("Hi"))
    assert len(counter.llm_token_counts) == 3


@probe("events know model, temperature and max_tokens")
def _(bench):
    assert {"model", "temperature", "max_tokens"} <= bench.make(temperature=0.5, max_tokens=9).to_payload().keys()


@probe("nothing that is given is changed")
def _(bench):
    history = list(HI)
    bench.make().chat_with_tools([LOOK], user_msg="?", chat_history=history)
    assert history == HI
