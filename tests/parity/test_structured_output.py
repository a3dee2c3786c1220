"""Structured output: one table of answers, through both frameworks, each way of asking."""

import json
import pickle
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from langchain_core.exceptions import OutputParserException
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel

from anyfast_emulator import Emulator
from anyfast_emulator.answers import Answer, ToolCall
from anyfast_transport import AnyfastWarning
from anyfast_transport.response.objects import GrowingObject, ObjectReader, validator_of
from anyfast_transport.types import Fragment
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM
from tests.parity.objects import BILL, BOLT, CASES, STREAMED_ONLY, WHOLE_ONLY, Bill, Case, Order

PROMPT = PromptTemplate("What is ordered?")
Ask = Callable[[Any, type[BaseModel]], AsyncIterator[Any]]


async def _invoke(model: ChatAnyfast, cls: type[BaseModel]) -> AsyncIterator[Any]:
    yield model.with_structured_output(cls).invoke(PROMPT.template)


async def _ainvoke(model: ChatAnyfast, cls: type[BaseModel]) -> AsyncIterator[Any]:
    yield await model.with_structured_output(cls).ainvoke(PROMPT.template)


async def _stream(model: ChatAnyfast, cls: type[BaseModel]) -> AsyncIterator[Any]:
    for value in model.with_structured_output(cls).stream(PROMPT.template):
        yield value


async def _astream(model: ChatAnyfast, cls: type[BaseModel]) -> AsyncIterator[Any]:
    async for value in model.with_structured_output(cls).astream(PROMPT.template):
        yield value


async def _predict(llm: AnyfastLLM, cls: type[BaseModel]) -> AsyncIterator[Any]:
    yield llm.structured_predict(cls, PROMPT)


async def _apredict(llm: AnyfastLLM, cls: type[BaseModel]) -> AsyncIterator[Any]:
    yield await llm.astructured_predict(cls, PROMPT)


async def _stream_predict(llm: AnyfastLLM, cls: type[BaseModel]) -> AsyncIterator[Any]:
    for value in llm.stream_structured_predict(cls, PROMPT):
        yield value


async def _astream_predict(llm: AnyfastLLM, cls: type[BaseModel]) -> AsyncIterator[Any]:
    async for value in await llm.astream_structured_predict(cls, PROMPT):
        yield value


WHOLE: dict[str, tuple[type, Ask]] = {
    "invoke": (ChatAnyfast, _invoke),
    "ainvoke": (ChatAnyfast, _ainvoke),
    "structured_predict": (AnyfastLLM, _predict),
    "astructured_predict": (AnyfastLLM, _apredict),
}
STREAMED: dict[str, tuple[type, Ask]] = {
    "stream": (ChatAnyfast, _stream),
    "astream": (ChatAnyfast, _astream),
    "stream_structured_predict": (AnyfastLLM, _stream_predict),
    "astream_structured_predict": (AnyfastLLM, _astream_predict),
}


async def asked(way: tuple[type, Ask], emulator: Emulator, cls: type[BaseModel] = Order, **fields: Any) -> list[Any]:
    kind, ask = way
    model = kind(
        model="deepseek-v4-pro",
        base_url="https://emulator.invalid/v1",
        api_key=emulator.api_key,
        max_retries=0,
        http_client=httpx.Client(transport=emulator.transport),
        http_async_client=httpx.AsyncClient(transport=emulator.transport),
        on_empty="keep",
        **fields,
    )
    return [value async for value in ask(model, cls)]


ROWS = [
    # Thinking where it is asked for sync: each case in each way, and thinking and not, but not each mixture of these.
    pytest.param(case, way, not asking.startswith("a"), id=f"{name}, {asking}")
    for name, case in (CASES | WHOLE_ONLY).items()
    for asking, way in (({} if name in STREAMED_ONLY else WHOLE) | ({} if name in WHOLE_ONLY else STREAMED)).items()
]


@pytest.mark.parametrize(("case", "way", "thinking"), ROWS)
async def test_what_becomes_of_an_answer(case: Case, way, thinking):
    emulator = Emulator()
    emulator.script(*case.answers)
    if case.error is None:
        seen = await asked(way, emulator, thinking=thinking)
        assert seen[-1] == Order(**BOLT)
    else:
        with pytest.raises(case.error, match=case.words) as caught:
            await asked(way, emulator, thinking=thinking)
        assert isinstance(caught.value, ValueError) == (caught.value.__class__.__name__ == "InvalidObjectError")
    assert len(emulator.requests) == len(case.answers)
    emulator.check_script()
    for first, second in zip(emulator.requests, emulator.requests[1:], strict=False):
        *before, answer, question = second["messages"]
        assert before == first["messages"]
        assert (answer["role"], question["role"], "tool_calls" in answer) == ("assistant", "user", False)
        assert question["content"].startswith("This is not valid. ")


@pytest.mark.parametrize("called", [True, False], ids=["a call", "text"])
@pytest.mark.parametrize("way", STREAMED.values(), ids=STREAMED)
async def test_half_of_a_value_never_passes_for_the_whole(way, called):
    emulator, said = Emulator(), json.dumps(BILL)
    call = [ToolCall("Bill", said)] if called else []
    emulator.script(Answer("" if called else said, tool_calls=call, pieces=1))
    seen = await asked(way, emulator, Bill, thinking=not called)
    whole = Bill.model_validate(BILL)
    assert seen[-1] == whole
    for shown in seen:
        for name, value in shown:
            if name == "sums" and value is not None:
                assert value == BILL["sums"][: len(value)]
            elif name == "note" and value is not None:
                assert BILL["note"].startswith(value)
            elif isinstance(shown, Bill):
                assert value == getattr(whole, name)


@pytest.mark.parametrize("at", range(1, len(json.dumps(BILL))))
def test_wherever_a_stream_is_cut_the_object_so_far_is_true(at):
    said, growing = json.dumps({"note": "a", **BILL}), GrowingObject(ObjectReader("Bill", validator_of(Bill)))
    for piece in (said[:at], said[at:]):
        found = growing.take("", [Fragment(0, piece, name="Bill" if piece is not said[at:] else None)])
        assert found is None or found.model_copy(update={"sums": 0, "note": 0}) == Bill.model_validate(BILL).model_copy(
            update={"sums": 0, "note": 0}
        )


@pytest.mark.parametrize("wanted", ["keep", "raise"])
@pytest.mark.parametrize("way", (WHOLE | STREAMED).values(), ids=WHOLE | STREAMED)
async def test_who_wants_no_second_question_gets_none(way, wanted):
    emulator = Emulator()
    emulator.script("No.")
    with pytest.raises(ValueError, match="no JSON object"):
        await asked(way, emulator, on_invalid_call=wanted)
    assert len(emulator.requests) == 1


def test_the_error_in_langchain_is_that_of_its_parsers_too():
    emulator = Emulator()
    emulator.script("No.", "Never.")
    model = ChatAnyfast(
        model="deepseek-v4-pro",
        base_url="https://emulator.invalid/v1",
        api_key=emulator.api_key,
        http_client=httpx.Client(transport=emulator.transport),
    )
    with pytest.raises(OutputParserException) as caught:
        model.with_structured_output(Order).invoke("?")
    copied = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  # our own bytes
    assert (type(copied), str(copied), copied.llm_output) == (type(caught.value), str(caught.value), "Never.")
    with warnings.catch_warnings(action="error", category=AnyfastWarning):
        pickle.dumps(model.with_structured_output(Order).reader)
