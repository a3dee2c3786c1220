"""The suite that LlamaIndex lacks: what any chat LLM owes to its callers, for one model of each family."""

import asyncio
import copy
import gc
import json
import pickle

import pytest
from llama_index.core import Settings
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage, TextBlock, ThinkingBlock, ToolCallBlock
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.tools import FunctionTool

from anyfast_emulator import Answer, Failure, ToolCall
from anyfast_transport import AnyfastError, AnyfastWarning, UnsupportedParameterError
from llama_index_anyfast import AnyfastLLM
from llama_index_anyfast.llm import _assumed_window

USAGE = {"prompt_tokens": 111, "completion_tokens": 77, "total_tokens": 188}


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


ADD = FunctionTool.from_defaults(add)
CALL_ADD = ToolCall("add", {"a": 2, "b": 3})


async def complete(llm, *args, **kwargs):
    return [llm.complete(*args, **kwargs)]


async def acomplete(llm, *args, **kwargs):
    return [await llm.acomplete(*args, **kwargs)]


async def stream_complete(llm, *args, **kwargs):
    return list(llm.stream_complete(*args, **kwargs))


async def astream_complete(llm, *args, **kwargs):
    return [response async for response in await llm.astream_complete(*args, **kwargs)]


COMPLETES = [complete, acomplete, stream_complete, astream_complete]


class LLMContract:
    """Every chat LLM. Subclasses name the model."""

    model: str
    thinking: bool | None

    @pytest.fixture
    def llm(self, make) -> AnyfastLLM:
        return make(self.model, thinking=self.thinking)

    @pytest.fixture
    def answer(self) -> Answer:
        return Answer(text="The sum is 5.", reasoning="2 and 3 …" if self.thinking else "", usage=USAGE, pieces=3)

    @pytest.mark.parametrize("how", COMPLETES)
    @pytest.mark.parametrize("given", [(("Hi",), {}), ((), {"prompt": "Hi"}), (("Hi", True), {})])
    async def test_complete(self, how, given, llm, emulator, answer):
        emulator.script(answer)
        args, kwargs = given
        responses = await how(llm, *args, **kwargs)
        assert responses[-1].text == answer.text
        assert responses[-1].raw["usage"] == USAGE
        assert emulator.requests[0]["messages"] == [{"role": "user", "content": "Hi"}]
        if "stream" in how.__name__:
            assert "".join(response.delta for response in responses) == answer.text

    @pytest.mark.parametrize("how", COMPLETES)
    async def test_complete_without_a_prompt_is_a_value_error(self, how, llm, emulator):
        with pytest.raises(ValueError, match="No prompt"):
            await how(llm)
        assert emulator.requests == []

    async def test_chat(self, ask, llm, emulator, answer, user):
        emulator.script(answer)
        last = (await ask(llm, [user("2 + 3?")]))[-1]
        assert last.message.role.value == "assistant"
        assert last.message.content == answer.text
        expected = [ThinkingBlock] * bool(answer.reasoning) + [TextBlock]
        assert [type(block) for block in last.message.blocks] == expected
        if answer.reasoning:
            assert last.message.blocks[0].content == answer.reasoning
        assert last.raw["usage"] == USAGE
        assert last.additional_kwargs["finish_reason"] == "stop"
        assert last.additional_kwargs["model_provider"] == "anyfast"
        assert last.additional_kwargs["total_tokens"] == 188
        json.dumps(last.raw)
        json.dumps(last.additional_kwargs)

    @pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
    async def test_a_stream_accumulates(self, way, ask_all, llm, emulator, answer, user):
        emulator.script(answer)
        responses = await ask_all[way](llm, [user()])
        text = reasoning = ""
        for response in responses:
            text += response.delta
            reasoning += response.additional_kwargs["thinking_delta"] or ""
            assert response.message.content == text
            assert _thoughts(response) == reasoning
        assert (text, reasoning) == (answer.text, answer.reasoning)

    async def test_all_four_ways_give_the_same_message(self, ask_all, llm, emulator, answer, user):
        emulator.script(*[answer] * 4)
        messages = [(await ask(llm, [user()]))[-1].message for ask in ask_all.values()]
        assert all(message == messages[0] for message in messages)

    async def test_chat_with_tools(self, llm, emulator):
        emulator.script(*[Answer(tool_calls=[CALL_ADD], reasoning="Let me add.")] * 4)
        for response in await _with_tools(llm, [ADD], user_msg="2 + 3?"):
            [call] = llm.get_tool_calls_from_response(response)
            assert (call.tool_name, call.tool_kwargs) == ("add", {"a": 2, "b": 3})
            assert call.tool_id
            [block] = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
            assert block.tool_kwargs == {"a": 2, "b": 3}
            [legacy] = response.message.additional_kwargs["tool_calls"]
            assert legacy["function"]["name"] == "add"

    async def test_predict_and_call(self, llm, emulator):
        emulator.script(*[Answer(tool_calls=[CALL_ADD])] * 2)
        for response in (llm.predict_and_call([ADD], "2 + 3?"), await llm.apredict_and_call([ADD], "2 + 3?")):
            assert response.response == "5"

    async def test_parallel_calls(self, llm, emulator):
        two = Answer(tool_calls=[CALL_ADD, ToolCall("add", {"a": 4, "b": 5})])
        emulator.script(*[two] * 8)
        for response in await _with_tools(llm, [ADD], user_msg="?", allow_parallel_tool_calls=True):
            calls = llm.get_tool_calls_from_response(response)
            assert [call.tool_kwargs for call in calls] == [{"a": 2, "b": 3}, {"a": 4, "b": 5}]
            assert len({call.tool_id for call in calls}) == 2
        for response in await _with_tools(llm, [ADD], user_msg="?", allow_parallel_tool_calls=False):
            assert len(llm.get_tool_calls_from_response(response)) == 1
            assert len(response.message.additional_kwargs["tool_calls"]) == 1
        assert all("parallel_tool_calls" not in body for body in emulator.requests)

    async def test_an_error_is_typed_and_not_swallowed(self, ask, llm, emulator, user):
        emulator.script(Failure(400, "No."))
        with pytest.raises(AnyfastError) as raised:
            await ask(llm, [user()])
        assert not isinstance(raised.value, ValueError | TypeError)

    async def test_tokens_are_counted_exactly_and_once(self, llm, emulator, answer, ask_all, user):
        counter = TokenCountingHandler()
        llm.callback_manager = CallbackManager([counter])
        emulator.script(*[answer] * 8)
        for ask in ask_all.values():
            await ask(llm, [user()])
        for how in COMPLETES:
            await how(llm, "Hi")
        assert len(counter.llm_token_counts) == 8
        assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (8 * 111, 8 * 77)

    async def test_one_start_and_one_end_event_for_each_call(self, llm, emulator, events, ask_all, user):
        for ask in ask_all.values():
            await ask(llm, [user()])
        for how in COMPLETES:
            await how(llm, "Hi")
        names = [type(event).__name__ for event in events]
        for name in ("LLMChatStartEvent", "LLMChatEndEvent", "LLMCompletionStartEvent", "LLMCompletionEndEvent"):
            assert names.count(name) == 4
        assert emulator.api_key not in repr(events)
        assert len(emulator.requests) == 8

    async def test_nothing_given_is_changed(self, llm, emulator, ask, user):
        messages = [ChatMessage(role="system", content="Be brief."), user()]
        before = copy.deepcopy(messages)
        await ask(llm, messages)
        llm.chat_with_tools([ADD], user_msg="2 + 3?", chat_history=messages)
        assert messages == before

    async def test_what_was_not_said_is_not_sent(self, llm, emulator, ask, user):
        await ask(llm, [user()])
        unsaid = {"tools", "tool_choice", "parallel_tool_calls", "temperature", "max_tokens", "stop", "n"}
        assert not unsaid & emulator.requests[0].keys()

    async def test_the_call_beats_the_field(self, make, emulator, ask, user):
        llm = make(
            self.model, thinking=self.thinking, temperature=0.2, additional_kwargs={"metadata": {"a": 1, "b": 1}}
        )
        await ask(llm, [user()], temperature=0.9, additional_kwargs={"metadata": {"b": 2}}, extra_body={"seed": 3})
        body = emulator.requests[0]
        assert (body["temperature"], body["metadata"], body["seed"]) == (0.9, {"a": 1, "b": 2}, 3)
        await ask(llm, [user()])
        assert emulator.requests[1]["temperature"] == 0.2

    async def test_an_unknown_argument_of_a_call_names_the_nearest(self, llm, emulator, ask, user):
        with pytest.raises(UnsupportedParameterError, match="did you mean 'temperature'"):
            await ask(llm, [user()], temprature=1)
        assert emulator.requests == []

    def test_metadata(self, llm):
        metadata = llm.metadata
        assert metadata.is_chat_model
        assert metadata.is_function_calling_model
        assert metadata.model_name == self.model
        assert metadata.context_window >= 256_000
        assert 0 < metadata.num_output < metadata.context_window

    async def test_copies_and_pickles_still_speak(self, llm, emulator, monkeypatch):
        llm.complete("Hi")  # after use as well as before
        monkeypatch.setenv("ANYFAST_API_KEY", emulator.api_key)
        for twin in (
            pickle.loads(pickle.dumps(llm)),  # noqa: S301 it was made here
            copy.deepcopy(llm),
            copy.copy(llm),
            AnyfastLLM.from_dict(llm.to_dict()),
            AnyfastLLM.from_json(llm.to_json()),
        ):
            assert twin.complete("Hi").text
            assert (await twin.acomplete("Hi")).text
            assert twin.to_dict() == llm.to_dict()

    def test_the_key_is_nowhere(self, llm, emulator):
        llm.complete("Hi")
        shown = [repr(llm), str(llm), repr(llm.to_dict()), llm.to_json(), llm.model_dump_json(), repr(llm.to_payload())]
        assert not any(emulator.api_key in text for text in shown)
        assert emulator.api_key.encode() not in pickle.dumps(llm)


class TestDeepSeekThinking(LLMContract):
    model, thinking = "deepseek-v4-pro", True


class TestDeepSeekNotThinking(LLMContract):
    model, thinking = "deepseek-v4-flash", False


class TestQwen(LLMContract):
    model, thinking = "qwen3.6-flash", True


class TestDoubao(LLMContract):
    model, thinking = "doubao-seed-evolving", True


class TestGemini(LLMContract):
    model, thinking = "gemini-2.5-pro", True


def _thoughts(response) -> str:
    return "".join(block.content for block in response.message.blocks if isinstance(block, ThinkingBlock))


async def _with_tools(llm, tools, **kwargs) -> list:
    """The last response of each of the four ways to chat with tools."""
    return [
        llm.chat_with_tools(tools, **kwargs),
        await llm.achat_with_tools(tools, **kwargs),
        list(llm.stream_chat_with_tools(tools, **kwargs))[-1],
        [response async for response in await llm.astream_chat_with_tools(tools, **kwargs)][-1],
    ]


def test_class():
    assert BaseLLM.__name__ in [cls.__name__ for cls in AnyfastLLM.__mro__]
    assert AnyfastLLM.class_name() == AnyfastLLM.__name__


def test_the_class_documents_itself_as_llamaindex_wants():
    assert "Examples:" in AnyfastLLM.__doc__
    assert '`pip install "anyfast-integrations[llama-index]"`' in AnyfastLLM.__doc__
    assert "```python" in AnyfastLLM.__doc__


def test_an_unknown_model_warns_once_and_works(make, emulator, user):
    _assumed_window.cache_clear()  # it warns once for each model in a process, and other tests ask this one, too
    llm = make("gpt-4o")
    with pytest.warns(AnyfastWarning, match="context window of gpt-4o"):
        metadata = llm.metadata
    assert (metadata.context_window, metadata.num_output) == (128_000, 4_096)
    assert llm.chat([user()]).message.content  # asks for the metadata, too, and a warning would be an error here


@pytest.mark.parametrize(
    ("fields", "window", "output"),
    [
        ({}, 1_000_000, 4_096),
        ({"max_tokens": 100}, 1_000_000, 100),
        ({"max_tokens": 60_000, "context_window": 10_000}, 10_000, 2_500),
        ({"context_window": 1}, 1, 1),
    ],
)
def test_metadata_never_promises_more_than_the_window_bears(fields, window, output, make):
    metadata = make(**fields).metadata
    assert (metadata.context_window, metadata.num_output) == (window, output)


def test_payload_says_what_traces_want(make):
    payload = make(temperature=0.5, max_tokens=9, thinking=False).to_payload()
    said = {"class_name": "AnyfastLLM", "model": "deepseek-v4-pro", "temperature": 0.5, "max_tokens": 9}
    assert payload.items() >= {**said, "thinking": False}.items()


@pytest.mark.parametrize(
    ("argument", "nearest"),
    [("temprature", "temperature"), ("max_token", "max_tokens"), ("sytem_prompt", "system_prompt")],
)
def test_an_unknown_field_is_an_error_that_names_the_nearest(argument, nearest):
    with pytest.raises(TypeError, match=f"did you mean '{nearest}'"):
        AnyfastLLM(model="deepseek-v4-pro", **{argument: 1})


def test_llamaindex_fields_and_spellings_pass():
    llm = AnyfastLLM(
        "deepseek-v4-pro",
        api_base="gateway.example",
        system_prompt="Be brief.",
        callback_manager=None,
        messages_to_prompt=None,
        completion_to_prompt=None,
        rate_limiter=None,
        max_completion_tokens=5,
        stop_sequences=["x"],
        additional_kwargs={"a": 1},
        is_function_calling_model=False,
    )
    assert (llm.base_url, llm.max_tokens, llm.stop) == ("https://gateway.example/v1", 5, ["x"])
    assert not llm.metadata.is_function_calling_model
    assert AnyfastLLM(model_name="qwen3.6-flash").model == "qwen3.6-flash"


def test_no_other_vendors_key_is_used(emulator, user):
    with pytest.raises(AnyfastError, match="ANYFAST_API_KEY"):
        AnyfastLLM("deepseek-v4-pro", base_url=emulator.base_url).chat([user()])
    assert emulator.requests == []


def test_completion_to_prompt_is_used_unless_the_prompt_is_formatted(make, emulator):
    llm = make(completion_to_prompt=lambda prompt: f"<{prompt}>")
    llm.complete("Hi")
    llm.complete("Hi", formatted=True)
    assert [body["messages"][0]["content"] for body in emulator.requests] == ["<Hi>", "Hi"]


def test_settings(make, emulator, monkeypatch):
    monkeypatch.setattr(Settings, "_llm", None)
    llm = make()
    Settings.llm = llm
    assert Settings.llm is llm


def test_several_answers(make, emulator, user):
    emulator.script("One")
    response = make("gemini-2.5-pro").chat([user()], n=2)
    assert response.message.content == "One"
    assert [other.content for other in response.additional_kwargs["choices"]] == ["One"]


def test_several_answers_cannot_be_streamed(make, user):
    with pytest.raises(UnsupportedParameterError, match="n above 1"):
        make("gemini-2.5-pro").stream_chat([user()], n=2)


def test_a_copy_keeps_the_clients_and_a_pickle_does_not(make):
    import httpx

    with httpx.Client() as client:
        llm = make(http_client=client, default_headers={"x-secret": "sk-header"})
        assert copy.deepcopy(llm).http_client is client
        twin = pickle.loads(pickle.dumps(llm))  # noqa: S301 it was made here
        assert (twin.http_client, twin.default_headers, twin.api_key) == (None, None, None)
        assert llm.http_client is client  # LlamaIndex's own pickling takes it off the living object
        assert b"sk-header" not in pickle.dumps(llm)
        assert "sk-header" not in repr(llm) + llm.to_json()


def test_a_timeout_of_httpx_is_dumped_as_seconds(make):
    import httpx

    llm = make(timeout=httpx.Timeout(5, read=9))
    assert AnyfastLLM.from_json(llm.to_json()).timeout == 9


class TestEndingEarly:
    """A stream that its reader leaves: the gateway must stop, for each token is paid."""

    @pytest.fixture
    def closed(self, monkeypatch):
        """Says whether the transport's stream was closed before the end of its answer."""
        import httpx

        seen: list[bool] = []
        for name in ("close", "aclose"):
            original = getattr(httpx.Response, name)

            def spy(response, original=original):
                seen.append(response.is_stream_consumed)
                return original(response)

            monkeypatch.setattr(httpx.Response, name, spy)
        return seen

    def test_break(self, make, emulator, user, closed):
        emulator.script(Answer(text="word " * 5000, pieces=5))
        gc.disable()
        try:
            for _ in make().stream_chat([user()]):
                break
            assert closed
        finally:
            gc.enable()

    async def test_aclose(self, make, emulator, user, closed):
        emulator.script(Answer(text="word " * 5000, pieces=5))
        stream = await make().astream_chat([user()])
        await anext(stream)
        gc.disable()
        try:
            await stream.aclose()
            for _ in range(10):
                await asyncio.sleep(0)
            assert closed
        finally:
            gc.enable()
