"""A scenario through each framework, and what it delivers there, in terms of neither."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, TextBlock, ThinkingBlock, ToolCallBlock
from llama_index.core.prompts import PromptTemplate

from anyfast_transport import AnyfastError
from cassettes.scenarios import RESULT, City, Scenario
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM

_STEPS = 4
"""No loop here is longer."""


@dataclass
class Turn:
    """One answer of the model."""

    text: str
    reasoning: str
    calls: list[tuple[str, str, dict[str, Any]]]
    metadata: dict[str, Any]
    input_tokens: int | None
    output_tokens: int | None


@dataclass
class Delivered:
    """What a scenario came to: its turns, its object, or its error."""

    turns: list[Turn] = field(default_factory=list)
    object: City | None = None
    error: tuple[str, int | None, str | int | None] | None = None


def _failed(error: AnyfastError) -> Delivered:
    kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "anyfast_transport.errors"]
    return Delivered(error=(kinds[0], getattr(error, "status_code", None), getattr(error, "code", None)))


def _shared(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata that both frameworks have under one name."""
    names = ("finish_reason", "matched_stop", "model_name", "model_provider", "system_fingerprint", "id", "request_id")
    return {name: metadata.get(name) for name in (*names, "created", "retries", "repairs")}


# LangChain


def _chat(scenario: Scenario, where: Mapping[str, Any]) -> Any:
    model = ChatAnyfast(model=scenario.model, **{**where, **scenario.fields})
    if scenario.structured:
        return model.with_structured_output(City)
    return model.bind_tools(scenario.tools) if scenario.tools else model


def _turn(message: AIMessage) -> Turn:
    calls = [(str(call["id"]), call["name"], call["args"]) for call in message.tool_calls]
    usage = message.usage_metadata or {}
    reasoning = message.additional_kwargs.get("reasoning_content", "")
    said = (usage.get("input_tokens"), usage.get("output_tokens"))
    return Turn(message.text, reasoning, calls, _shared(message.response_metadata), *said)


def langchain(scenario: Scenario, where: Mapping[str, Any]) -> Delivered:
    """Plays a scenario through ChatAnyfast.

    Args:
        scenario: What to play.
        where: base_url and key.

    Returns:
        What it delivers.
    """
    model, messages = _chat(scenario, where), _asked(scenario)
    try:
        if scenario.structured:
            return Delivered(object=model.invoke(messages))
        delivered = Delivered()
        for _ in range(_STEPS):
            message = reduce(add, model.stream(messages)) if scenario.stream else model.invoke(messages)
            if not _went_on(delivered, messages, message):
                break
    except AnyfastError as error:
        return _failed(error)
    return delivered


async def langchain_async(scenario: Scenario, where: Mapping[str, Any]) -> Delivered:
    """The same, asynchronously."""
    model, messages = _chat(scenario, where), _asked(scenario)
    try:
        if scenario.structured:
            return Delivered(object=await model.ainvoke(messages))
        delivered = Delivered()
        for _ in range(_STEPS):
            message = await _streamed(model, messages) if scenario.stream else await model.ainvoke(messages)
            if not _went_on(delivered, messages, message):
                break
    except AnyfastError as error:
        return _failed(error)
    return delivered


async def _streamed(model: Any, messages: list[BaseMessage]) -> Any:
    return reduce(add, [chunk async for chunk in model.astream(messages)])


def _asked(scenario: Scenario) -> list[BaseMessage]:
    return [HumanMessage(scenario.prompt)]


def _went_on(delivered: Delivered, messages: list[BaseMessage], message: AIMessage) -> bool:
    delivered.turns.append(_turn(message))
    messages += [message, *(ToolMessage(RESULT, tool_call_id=call["id"]) for call in message.tool_calls)]
    return bool(message.tool_calls)


# LlamaIndex


def _llm(scenario: Scenario, where: Mapping[str, Any]) -> AnyfastLLM:
    return AnyfastLLM(model=scenario.model, **{**where, **scenario.fields})


def _turn_of(response: ChatResponse) -> Turn:
    blocks, facts = response.message.blocks, response.additional_kwargs
    return Turn(
        "".join(block.text for block in blocks if isinstance(block, TextBlock)),
        "".join(block.content or "" for block in blocks if isinstance(block, ThinkingBlock)),
        [(str(b.tool_call_id), b.tool_name, _object(b.tool_kwargs)) for b in blocks if isinstance(b, ToolCallBlock)],
        _shared(facts),
        facts.get("prompt_tokens"),
        facts.get("completion_tokens"),
    )


def _object(arguments: Any) -> Any:
    return json.loads(arguments) if isinstance(arguments, str) else arguments


def llama_index(scenario: Scenario, where: Mapping[str, Any]) -> Delivered:
    """Plays a scenario through AnyfastLLM; see `langchain`."""
    llm, messages = _llm(scenario, where), [ChatMessage(role="user", content=scenario.prompt)]
    tools = {"tools": list(scenario.tools)} if scenario.tools else {}
    try:
        if scenario.structured:
            return Delivered(object=llm.structured_predict(City, _prompt(scenario)))
        delivered = Delivered()
        for _ in range(_STEPS):
            if scenario.stream:
                *_, response = llm.stream_chat(messages, **tools)
            else:
                response = llm.chat(messages, **tools)
            if not _carried_on(delivered, messages, response):
                break
    except AnyfastError as error:
        return _failed(error)
    return delivered


async def llama_index_async(scenario: Scenario, where: Mapping[str, Any]) -> Delivered:
    """The same, asynchronously."""
    llm, messages = _llm(scenario, where), [ChatMessage(role="user", content=scenario.prompt)]
    tools = {"tools": list(scenario.tools)} if scenario.tools else {}
    try:
        if scenario.structured:
            return Delivered(object=await llm.astructured_predict(City, _prompt(scenario)))
        delivered = Delivered()
        for _ in range(_STEPS):
            if scenario.stream:
                responses = [response async for response in await llm.astream_chat(messages, **tools)]
                response = responses[-1]
            else:
                response = await llm.achat(messages, **tools)
            if not _carried_on(delivered, messages, response):
                break
    except AnyfastError as error:
        return _failed(error)
    return delivered


def _prompt(scenario: Scenario) -> PromptTemplate:
    return PromptTemplate(scenario.prompt)


def _carried_on(delivered: Delivered, messages: list[ChatMessage], response: ChatResponse) -> bool:
    turn = _turn_of(response)
    delivered.turns.append(turn)
    messages.append(response.message)
    messages += [
        ChatMessage(role="tool", content=RESULT, additional_kwargs={"tool_call_id": call_id})
        for call_id, _, _ in turn.calls
    ]
    return bool(turn.calls)


Player = Callable[[Scenario, Mapping[str, Any]], Delivered]
AsyncPlayer = Callable[[Scenario, Mapping[str, Any]], Awaitable[Delivered]]
PLAYERS: Mapping[str, Player] = {"langchain": langchain, "llama_index": llama_index}
ASYNC_PLAYERS: Mapping[str, AsyncPlayer] = {"langchain": langchain_async, "llama_index": llama_index_async}
