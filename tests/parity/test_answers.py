"""Parity of answers: the same bytes through both frameworks, and what each makes of them, each way of asking.

What is sent is compared in `test_requests.py`, the objects of structured output in `test_structured_output.py`.
"""

import json
from dataclasses import asdict
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatResponse

from anyfast_transport import StreamInterruptedError
from tests.parity import through
from tests.parity.captures import Delivered
from tests.parity.through import OFFERED, Playback, chunk, document, events

JSON = dict[str, Any]

USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 7,
    "total_tokens": 20,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
HEAD = {"id": "c-1", "created": 1_764_000_000, "model": "recorded-1", "system_fingerprint": "fp", "usage": USAGE}


def call(arguments: str, index: int = 0, name: str = "get_weather", **more: Any) -> JSON:
    function = {"name": name, "arguments": arguments}
    return {"index": index, "id": f"call_{index}", "type": "function", "function": function, **more}


LISBON, CUT = call('{"city": "Lisbon"}'), call('{"city": "Lis')
SIGNED = call('{"city": "Rome"}', 1, extra_content={"google": {"thought_signature": "c2ln"}})
MARKUP = '<tool_call>{"name": "get_weather", "arguments": {"city": "Lisbon"}}</tool_call>'
PIXEL = "data:image/png;base64,iVBORw0KGgo="

ANSWERS: dict[str, tuple[JSON, JSON]] = {
    "text": ({"content": "Hi ü 🙂"}, {"finish_reason": "stop"}),
    "reasoning": ({"reasoning_content": "Hm.", "content": "Hi"}, {"finish_reason": "stop"}),
    "reasoning by another name": ({"reasoning": "Hm.", "content": "Hi"}, {"finish_reason": "stop"}),
    "reasoning in tags": ({"content": "<think>Hm.</think>Hi"}, {"finish_reason": "stop"}),
    "a call": ({"content": None, "tool_calls": [LISBON]}, {"finish_reason": "tool_calls"}),
    "two calls": ({"content": "Well.", "tool_calls": [LISBON, SIGNED]}, {"finish_reason": "tool_calls"}),
    "a call that is no JSON": ({"tool_calls": [call("Lisbon, please")]}, {"finish_reason": "tool_calls"}),
    "a call beside one that is no JSON": (
        {"tool_calls": [LISBON, call("Rome, please", 1)]},
        {"finish_reason": "tool_calls"},
    ),
    "a call with a raw line end": ({"tool_calls": [call('{"city": "Lis\nbon"}')]}, {"finish_reason": "tool_calls"}),
    "a call of another tool": ({"tool_calls": [call("{}", name="other")]}, {"finish_reason": "tool_calls"}),
    "a call as text": ({"content": MARKUP}, {"finish_reason": "stop"}),
    "a cut call": ({"tool_calls": [CUT]}, {"finish_reason": "length"}),
    "cut text": ({"content": "One, two"}, {"finish_reason": "length"}),
    "nothing but reasoning": ({"reasoning_content": "Hm.", "content": ""}, {"finish_reason": "length"}),
    "nothing": ({"content": ""}, {"finish_reason": "stop"}),
    "a filter": ({"content": "I"}, {"finish_reason": "content_filter"}),
    "an unknown end": ({"content": "Hi"}, {"finish_reason": "because"}),
    "a stop sequence": ({"content": "Hi"}, {"finish_reason": "stop", "matched_stop": "END"}),
    "a picture": ({"content": "Here.", "images": [{"type": "image_url", "image_url": {"url": PIXEL}}]}, {}),
    "the server broke off": ({"content": "Hi"}, {"finish_reason": "insufficient_system_resource"}),
}


def whole(message: JSON, end: JSON, **head: Any) -> bytes:
    body = json.loads(document(message, **({"finish": end["finish_reason"]} if end else {})))
    body["choices"][0] |= end
    return json.dumps(body | HEAD | head).encode()


def streamed(message: JSON, end: JSON, **head: Any) -> bytes:
    last = chunk({}, "stop")
    last["choices"][0] |= end
    said = {**HEAD, **head}
    usage = {"choices": [], "usage": said.pop("usage")}
    deltas = [{key: value} for key, value in message.items()]
    return events(*(one | said for one in [chunk({"role": "assistant"}), *map(chunk, deltas), last, usage]))


OF_LANGCHAIN = {"token_usage", "logprobs", "output_version", "ls_provider"}


def facts(answer: AIMessage | ChatResponse) -> JSON:
    """What else is known of an answer, under the names that api.md has for both."""
    if isinstance(answer, AIMessage):
        return {key: value for key, value in answer.response_metadata.items() if key not in OF_LANGCHAIN}
    shown = {"thinking_delta", "invalid_tool_calls", "choices", "logprobs", "service_tier"}
    counted = {"prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens", "cached_tokens"}
    return {key: value for key, value in answer.additional_kwargs.items() if key not in shown | counted}


def told(delivered: Delivered) -> JSON:
    """What can be compared; errors by their kind, their words, and what had arrived."""
    said = asdict(delivered) | {"error": None}
    if (error := delivered.error) is not None:
        kind = next(base.__name__ for base in type(error).__mro__ if base.__module__ == "anyfast_transport.errors")
        said["error"] = (kind, str(error), getattr(error, "request_id", None), getattr(error, "status_code", None))
    # Ids that are made here are new ones each time. Streamed to LangChain, arguments that are no JSON end in a bracket
    # that keeps it from reading them as if they were whole.
    said["calls"] = [(name, arguments, text.rstrip('"]}')) for _, name, arguments, text in delivered.calls]
    return said


BODIES = {
    **{f"{name}, whole": (whole(*answer), False) for name, answer in ANSWERS.items()},
    **{f"{name}, streamed": (streamed(*answer), True) for name, answer in ANSWERS.items()},
    "an error in a document": (b'{"error": {"message": "No credit", "code": "insufficient_quota"}}', False),
    "an error event": (events(chunk({"content": "Hi"}), {"error": {"message": "Busy", "code": 503}}), True),
    "a cut stream": (events(chunk({"content": "Hi"}), done=False), True),
    "an HTML page": (b"<html>no</html>", False),
    "no choices": (b'{"id": "1"}', False),
    "a document where a stream was asked for": (whole(*ANSWERS["two calls"]), True),
    "a stream where a document was asked for": (streamed(*ANSWERS["two calls"]), False),
    "nothing at all": (b"", True),
}


@pytest.mark.parametrize(("body", "stream"), BODIES.values(), ids=BODIES)
async def test_both_frameworks_say_the_same(body, stream):
    ways, aways = (through.STREAMED, through.STREAMED_ASYNC) if stream else (through.WHOLE, through.WHOLE_ASYNC)
    headers = {"x-request-id": "r-1"}
    answers = {name: told(ask(Playback([body], headers=headers), OFFERED)) for name, ask in ways.items()}
    answers |= {name: told(await ask(Playback([body], headers=headers), OFFERED)) for name, ask in aways.items()}
    first, *others = answers.values()
    assert others == [first] * 3


@pytest.mark.parametrize(("message", "end"), ANSWERS.values(), ids=ANSWERS)
def test_both_frameworks_know_the_same_of_an_answer(message, end):
    for body, ask_langchain, ask_llama_index in (
        (whole(message, end), through._invoke, through._chat),
        (streamed(message, end), through._stream, through._stream_chat),
    ):
        found = []
        for ask in (ask_langchain, ask_llama_index):
            try:
                found.append(facts(ask(Playback([body], headers={"x-request-id": "r-1"}), OFFERED, {})))
            except StreamInterruptedError as error:
                found.append({"interrupted": str(error)})
        assert found[0] == found[1]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 429, 500, 503])
def test_both_frameworks_refuse_alike(status):
    body = json.dumps({"error": {"message": f"No: {status}", "type": "t", "code": "c"}}).encode()
    found = [
        told(ask(Playback([body], status, {"x-request-id": "r-1"})))
        for ask in (*through.WHOLE.values(), *through.STREAMED.values())
    ]
    assert found == [found[0]] * 4
    assert found[0]["error"][3] == status


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_refusal_is_kept_by_both_and_is_the_text_where_the_framework_has_no_field_for_it(stream):
    answer: tuple[JSON, JSON] = {"content": None, "refusal": "I will not."}, {"finish_reason": "stop"}
    playback = Playback([(streamed if stream else whole)(*answer)])
    message = (through._stream if stream else through._invoke)(playback, {}, {})
    response = (through._stream_chat if stream else through._chat)(playback, {}, {})
    assert (message.text, message.additional_kwargs["refusal"]) == ("", "I will not.")
    assert (response.message.content, response.message.additional_kwargs["refusal"]) == ("I will not.", "I will not.")
