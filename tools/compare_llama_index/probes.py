"""What LlamaIndex users meet, as questions to an LLM class: each is a call, and a look at what came of it.

A probe gives a cell of the table in docs/peers-llama-index.md: True is "yes", a string is itself, an AssertionError
"no", and any other exception "no" with its name. `compare.py` asks other classes the same.
"""

import asyncio
import contextlib
import inspect
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.agent.workflow import AgentStream, FunctionAgent
from llama_index.core.base.llms.types import (
    CacheControl,
    CachePoint,
    ChatMessage,
    TextBlock,
    ThinkingBlock,
)
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from anyfast_emulator import Answer, Emulator, Raw, ToolCall

V4, QWEN, DOUBAO, GEMINI = "deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving", "gemini-3-pro-preview"
HI = [ChatMessage(role="user", content="Hi")]
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
ABOUT = PromptTemplate("Tell me about Ada, aged 36.")
ADA = {"name": "Ada", "age": 36}


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def look(place: str) -> str:
    """Looks at a place."""
    return f"saw {place}"


LOOK = FunctionTool.from_defaults(look)
CALL = ToolCall("look", {"place": "New York"})


@dataclass
class Bench:
    """One class under the probes.

    Attributes:
        create: Makes one, of a model, `base_url`, `api_key` and further fields; told all that it has to be told to be
            used as a chat model that calls tools.
        create_bare: Makes one that is told nothing else.
        body: What puts further fields into the body of each request, as arguments of the class.
        emulator: The gateway.
    """

    create: Callable[..., Any]
    create_bare: Callable[..., Any]
    body: Callable[[dict[str, Any]], dict[str, Any]]
    emulator: Emulator = field(default_factory=lambda: Emulator(strict=False))

    def make(self, model: str = V4, **fields: Any) -> Any:
        where = {"base_url": self.emulator.base_url, "api_key": self.emulator.api_key, "max_retries": 0}
        return self.create(model, **{**where, **fields})

    def sent(self, llm: Any, messages: Any = HI, **kwargs: Any) -> dict[str, Any]:
        """The body of a chat."""
        llm.chat(messages, **kwargs)
        return self.emulator.requests[-1]

    def said(self, answer: Any, model: str = V4, **kwargs: Any) -> Any:
        """The response to a scripted answer."""
        self.emulator.script(answer)
        return self.make(model).chat(HI, **kwargs)


Probe = Callable[[Bench], Any]
PROBES: dict[str, Probe] = {}


def probe(name: str) -> Callable[[Probe], Probe]:
    def take(function: Probe) -> Probe:
        PROBES[name] = function
        return function

    return take


def cell(asked: Probe, bench: Bench) -> str:
    """Asks one probe."""
    bench.emulator.reset()
    bench.emulator.strict = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = asked(bench)
            found = asyncio.run(found) if inspect.iscoroutine(found) else found
    except (AssertionError, KeyError):  # what is looked for is not there
        return "no"
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer
        return f"no: {type(error).__name__}"
    finally:
        bench.emulator.reset()  # a class that fails a probe leaves answers behind
    return found if isinstance(found, str) else "yes"


def thoughts(message: ChatMessage) -> str:
    return "".join(block.content or "" for block in message.blocks if isinstance(block, ThinkingBlock))


async def taken(stream: Any) -> list[Any]:
    return [response async for response in await stream]


def stream_of(*deltas: dict[str, Any], finish: str | None = "tool_calls") -> Raw:
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta} for delta in deltas]
    choices += [{"index": 0, "delta": {}, "finish_reason": finish}] if finish else []
    events = [
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [one]} for one in choices
    ]
    return Raw(b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n")


def streamed_calls(bench: Bench, *entries: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    bench.emulator.script(stream_of(*({"tool_calls": one} for one in entries)))
    llm = bench.make()
    *_, last = llm.stream_chat_with_tools([LOOK], "?", allow_parallel_tool_calls=True)
    return [(one.tool_name, one.tool_kwargs) for one in llm.get_tool_calls_from_response(last)]


def entry(index: int | None, call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    made = {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    made["function"] = {key: value for key, value in made["function"].items() if value is not None}  # type: ignore[union-attr]  # a dict
    return {key: value for key, value in made.items() if value is not None}


A, B = '{"place": "A"}', '{"place": "B"}'
TWO = [("look", {"place": "A"}), ("look", {"place": "B"})]


# The model and its numbers


@probe("unknown model name")
def _(bench):
    llm = bench.make("model-of-tomorrow")
    assert llm.metadata.context_window > 0
    assert llm.chat(HI).message.content


@probe("default endpoint is chat")
def _(bench):
    bench.create_bare(V4, base_url=bench.emulator.base_url, api_key=bench.emulator.api_key).complete("Hi")
    assert bench.emulator.requests


@probe("context_window / num_output of DeepSeek V4")
def _(bench):
    facts = bench.create_bare(V4, base_url=bench.emulator.base_url, api_key="k").metadata
    found = f"{facts.context_window:,} / {facts.num_output:,}"
    return found if facts.context_window == 1_000_000 and 0 < facts.num_output < 500_000 else f"no: {found}"


@probe("is_function_calling by default")
def _(bench):
    facts = bench.create_bare(V4, base_url=bench.emulator.base_url, api_key="k").metadata
    assert facts.is_function_calling_model


@probe("max_tokens is not sent unless given")
def _(bench):
    assert not {"max_tokens", "max_completion_tokens"} & bench.sent(bench.make()).keys()


@probe("temperature can be omitted")
def _(bench):
    assert "temperature" not in bench.sent(bench.make())


# Reasoning


@probe("reasoning → ThinkingBlock")
def _(bench):
    assert thoughts(bench.said(Answer(text="Hi", reasoning="A\n\nB")).message) == "A\n\nB"


@probe("reasoning, sync stream")
def _(bench):
    bench.emulator.script(stream_of({"content": None, "reasoning_content": "A"}, {"content": "Hi"}, finish="stop"))
    *_, last = bench.make().stream_chat(HI)
    assert thoughts(last.message) == "A"


@probe("reasoning, async stream")
async def _(bench):
    bench.emulator.script(stream_of({"content": None, "reasoning_content": "A"}, {"content": "Hi"}, finish="stop"))
    assert thoughts((await taken(bench.make().astream_chat(HI)))[-1].message) == "A"


@probe("thinking_delta visible to agents")
async def _(bench):
    bench.emulator.script(Answer(text="Hi", reasoning="A, then B"))
    handler = FunctionAgent(tools=[LOOK], llm=bench.make()).run("?")
    deltas = [event.thinking_delta async for event in handler.stream_events() if isinstance(event, AgentStream)]
    await handler
    assert "".join(filter(None, deltas)) == "A, then B"


async def agent(bench: Bench, model: str = V4, **fields: Any) -> None:
    bench.emulator.strict = True
    bench.emulator.script(Answer(reasoning="First.", tool_calls=[CALL]), Answer(reasoning="Then.", text="Done."))
    output = await FunctionAgent(tools=[LOOK], llm=bench.make(model), **fields).run("?")
    assert output.response.content == "Done."


@probe("reasoning passed back in a DeepSeek V4 tool loop")
async def _(bench):
    await agent(bench, streaming=True)
    await agent(bench, streaming=False)


@probe("initial_tool_choice of an agent on DeepSeek V4")
async def _(bench):
    await agent(bench, initial_tool_choice="look")


@probe("Gemini thought_signature round trip")
async def _(bench):
    await agent(bench, GEMINI, streaming=True)
    await agent(bench, GEMINI, streaming=False)


@probe("thinking is a parameter")
def _(bench):
    assert bench.sent(bench.make(thinking=False))["thinking"] == {"type": "disabled"}
    assert bench.sent(bench.make(), thinking=False)["thinking"] == {"type": "disabled"}


@probe("reasoning_effort of DeepSeek V4, max included")
def _(bench):
    assert '"reasoning_effort": "max"' in json.dumps(bench.sent(bench.make(reasoning_effort="max")))


# Parameters


@probe("extra_body of field and call are merged")
def _(bench):
    body = bench.sent(bench.make(**bench.body({"a": 1})), extra_body={"b": 2})
    assert (body.get("a"), body.get("b")) == (1, 2)


@probe("max_tokens and temperature of the call win")
def _(bench):
    body = bench.sent(bench.make(temperature=0.5, max_tokens=100), temperature=0.9, max_tokens=200)
    assert (body["temperature"], body["max_tokens"]) == (0.9, 200)


@probe("max_tokens under Qwen's own name")
def _(bench):
    assert bench.sent(bench.make(QWEN, max_tokens=2000))["max_completion_tokens"] == 2000


@probe("stop as the list that Qwen demands")
def _(bench):
    assert bench.sent(bench.make(QWEN), stop="x")["stop"] == ["x"]


@probe("a mistyped argument is an error")
def _(bench):
    for ask in (lambda: bench.make(temprature=1), lambda: bench.make().chat(HI, temprature=1)):
        taken_anyway = False
        with contextlib.suppress(Exception):
            ask()
            taken_anyway = True
        assert not taken_anyway


@probe("name, prefix and user_id")
def _(bench):
    asked = [
        ChatMessage(role="user", content="Hi", additional_kwargs={"name": "Ada"}),
        ChatMessage(role="assistant", content="{", additional_kwargs={"prefix": True}),
    ]
    body = bench.sent(bench.make(), asked, user_id="u-1")
    assert (body["messages"][0].get("name"), body["messages"][1].get("prefix"), body.get("user_id")) == (
        *("Ada", True, "u-1"),
    )


@probe("CachePoint is no error")
def _(bench):
    point = CachePoint(cache_control=CacheControl(type="ephemeral"))
    assert bench.sent(bench.make(), [ChatMessage(role="user", blocks=[TextBlock(text="Hi"), point])])


# Numbers and facts of an answer


@probe("usage, not streamed")
def _(bench):
    facts = bench.said(Answer(text="Hi", usage={"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}))
    assert facts.additional_kwargs["total_tokens"] == 12


@probe("usage, streamed, exact without being asked for")
def _(bench):
    counter = TokenCountingHandler()
    bench.emulator.script(Answer(text="Hi", usage={"prompt_tokens": 111, "completion_tokens": 77, "total_tokens": 188}))
    list(bench.make(callback_manager=CallbackManager([counter])).stream_chat(HI))
    assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (111, 77)


@probe("tokens are counted where a stream is left early")
def _(bench):
    counter = TokenCountingHandler()
    for _response in bench.make(callback_manager=CallbackManager([counter])).stream_chat(HI):
        break
    assert counter.total_llm_token_count


@probe("reasoning and cached tokens surfaced")
def _(bench):
    details = {"completion_tokens_details": {"reasoning_tokens": 4}, "prompt_tokens_details": {"cached_tokens": 3}}
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12, **details}
    response = bench.said(Answer(text="Hi", reasoning="Hm", usage=usage))
    assert response.message.blocks[0].num_tokens == 4
    assert response.additional_kwargs["cached_tokens"] == 3


@probe("finish_reason and matched_stop surfaced")
def _(bench):
    facts = bench.said(Answer(text="Hi", matched_stop="x")).additional_kwargs
    assert (facts.get("finish_reason"), facts.get("matched_stop")) == ("stop", "x")


@probe("n > 1: all answers")
def _(bench):
    bench.emulator.script(Answer(text="One"))
    response = bench.make("gemini-2.5-pro").chat(HI, n=2)
    assert len(bench.emulator.requests) == 1
    assert len(response.additional_kwargs["choices"]) == 1


@probe("logprobs without top_logprobs")
def _(bench):
    assert bench.make().chat(HI, logprobs=True).logprobs


# Tools


@probe("strict, tool_choice and parallel_tool_calls are sent only if said")
def _(bench):
    bench.make().chat_with_tools([LOOK], "?")
    body = bench.emulator.requests[-1]
    assert not {"tool_choice", "parallel_tool_calls"} & body.keys()
    assert "strict" not in body["tools"][0]["function"]
    bench.make().chat_with_tools([LOOK], "?", strict=True)
    assert bench.emulator.requests[-1]["tools"][0]["function"]["strict"] is True


@probe("tool_choice: auto, none, required, named")
def _(bench):
    llm, found = bench.make("gemini-2.5-pro"), []
    for choice in ("none", "required", "look"):
        llm.chat_with_tools([LOOK], "?", tool_choice=choice)
        found.append(bench.emulator.requests[-1]["tool_choice"])
    assert found == ["none", "required", {"type": "function", "function": {"name": "look"}}]


@probe("an agent without tools sends none")
async def _(bench):
    await FunctionAgent(tools=[], llm=bench.make()).run("Hi")
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & bench.emulator.requests[-1].keys()


@probe("streamed calls: several in one chunk")
def _(bench):
    assert streamed_calls(bench, [entry(0, "a", "look", A), entry(1, "b", "look", B)]) == TWO


@probe("streamed calls: index repeated or missing")
def _(bench):
    assert streamed_calls(bench, [entry(0, "a", "look", A)], [entry(0, "b", "look", B)]) == TWO
    assert streamed_calls(bench, [entry(None, "a", "look", A)], [entry(None, "b", "look", B)]) == TWO


@probe("streamed calls: name and id repeated")
def _(bench):
    pieces = [entry(0, "a", "look", '{"place"')], [entry(0, "a", "look", ': "A"}')], [entry(1, "b", "look", B)]
    assert streamed_calls(bench, *pieces) == TWO


@probe("streamed calls: interleaved")
def _(bench):
    first = [entry(0, "a", "look", '{"place"')], [entry(1, "b", "look", '{"place"')]
    rest = [entry(0, None, None, ': "A"}')], [entry(1, None, None, ': "B"}')]
    assert streamed_calls(bench, *first, *rest) == TWO


@probe("ids of calls are never empty")
def _(bench):
    bench.emulator.script(stream_of({"tool_calls": [entry(0, None, "look", A)]}))
    llm = bench.make()
    *_, last = llm.stream_chat_with_tools([LOOK], "?")
    assert llm.get_tool_calls_from_response(last)[0].tool_id


@probe("truncated arguments never execute")
async def _(bench):
    ran = []
    tool = FunctionTool.from_defaults(lambda place="": ran.append(place), name="look", description="?")
    half = ToolCall("look", '{"place": "New Y')
    bench.emulator.script(Answer(tool_calls=[half], finish_reason="length"), "Done.")
    try:
        await FunctionAgent(tools=[tool], llm=bench.make(), streaming=True).run("?")
    except Exception:
        if not bench.emulator.requests:  # it is no refusal of those arguments
            raise
    assert ran == []


@probe("a streamed 20 kB argument in a FunctionAgent")
async def _(bench):
    arguments = json.dumps({"place": "x" * 20_000})
    pieces = ({"tool_calls": [entry(0, None, None, arguments[at : at + 100])]} for at in range(0, len(arguments), 100))
    bench.emulator.script(stream_of({"tool_calls": [entry(0, "a", "look", "")]}, *pieces), "Done.")
    llm, spent = bench.make(), 0.0
    async for response in await llm.astream_chat_with_tools([LOOK], "?"):
        begun = time.process_time()
        calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        spent += time.process_time() - begun
    assert calls[0].tool_kwargs == {"place": "x" * 20_000}
    return "linear" if spent < 0.05 else "no: parsed anew with each chunk"
