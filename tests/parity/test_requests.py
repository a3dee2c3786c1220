"""The same conversation through both frameworks sends the same JSON."""

import pytest
from langchain_core import messages as lc
from llama_index.core.base.llms import types as li
from llama_index.core.tools import FunctionTool

import langchain_anyfast
import llama_index_anyfast
from anyfast_emulator import Answer, Emulator, Failure, ToolCall
from anyfast_transport import AuthenticationError, ServerError, UnsupportedParameterError
from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM

MODELS = ("deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-evolving", "gemini-2.5-pro", "gemini-3-pro-preview")
PICTURE = "https://example.com/photo.jpg"
FILM = "https://example.com/film.mp4"


@pytest.fixture(scope="module")
def emulator():
    with Emulator() as running:
        yield running


def both(emulator, **said):
    said |= {"base_url": emulator.base_url, "api_key": emulator.api_key}
    return ChatAnyfast(**said), AnyfastLLM(**said)


def li_text(role, text, **more):
    return li.ChatMessage(role=role, content=text, additional_kwargs=more)


PLAIN = (
    [
        lc.SystemMessage("Be brief."),
        lc.HumanMessage("Hello"),
        lc.AIMessage("Hello!"),
        lc.HumanMessage("Who are you?"),
    ],
    [
        li_text("system", "Be brief."),
        li_text("user", "Hello"),
        li_text("assistant", "Hello!"),
        li_text("user", "Who are you?"),
    ],
)
REASONED = (
    [
        lc.HumanMessage("Hello"),
        lc.AIMessage("Hello!", additional_kwargs={"reasoning_content": " They say\nhello. "}),
        lc.HumanMessage("Who are you?"),
    ],
    [
        li_text("user", "Hello"),
        li.ChatMessage(
            role="assistant", blocks=[li.ThinkingBlock(content=" They say\nhello. "), li.TextBlock(text="Hello!")]
        ),
        li_text("user", "Who are you?"),
    ],
)
TOOL_LOOP = (
    [
        lc.HumanMessage("What is the weather in 巴黎?"),
        lc.AIMessage(
            "",
            additional_kwargs={
                "reasoning_content": "A tool knows.",
                "tool_call_extras": {"call_1": {"extra_content": {"google": {"thought_signature": "c2ln"}}}},
            },
            tool_calls=[{"name": "get_weather", "args": {"city": "巴黎"}, "id": "call_1"}],
        ),
        lc.ToolMessage("18 degrees", tool_call_id="call_1", name="get_weather"),
    ],
    [
        li_text("user", "What is the weather in 巴黎?"),
        li.ChatMessage(
            role="assistant",
            blocks=[
                li.ThinkingBlock(content="A tool knows."),
                li.ToolCallBlock(tool_call_id="call_1", tool_name="get_weather", tool_kwargs={"city": "巴黎"}),
            ],
            additional_kwargs={
                "tool_call_extras": {"call_1": {"extra_content": {"google": {"thought_signature": "c2ln"}}}}
            },
        ),
        li_text("tool", "18 degrees", tool_call_id="call_1"),
    ],
)
PARTS = (
    [
        lc.HumanMessage(
            [
                {"type": "text", "text": "What is this?"},
                {"type": "image", "url": PICTURE, "extras": {"detail": "low"}},
                {"type": "video", "url": FILM, "extras": {"fps": 2}},
            ]
        )
    ],
    [
        li.ChatMessage(
            role="user",
            blocks=[
                li.TextBlock(text="What is this?"),
                li.ImageBlock(url=PICTURE, detail="low"),
                li.VideoBlock(url=FILM, fps=2),
            ],
        )
    ],
)
NAMED = (
    [lc.HumanMessage("Hello", name="ada"), lc.AIMessage("{", additional_kwargs={"prefix": True})],
    [li_text("user", "Hello", name="ada"), li_text("assistant", "{", prefix=True)],
)


def sent_by_both(emulator, conversation, models, **call):
    ours, theirs = conversation
    emulator.requests.clear()
    models[0].invoke(ours, **call)
    models[1].chat(theirs, **call)
    list(models[0].stream(ours, **call))
    list(models[1].stream_chat(theirs, **call))
    return emulator.requests


@pytest.mark.parametrize("thinking", [None, True, False])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("conversation", [PLAIN, REASONED, TOOL_LOOP], ids=["plain", "reasoned", "tool loop"])
@pytest.mark.filterwarnings("ignore:.*cannot stop thinking")
def test_the_same_conversation_sends_the_same_json(emulator, conversation, model, thinking):
    whole, also_whole, streamed, also_streamed = sent_by_both(
        emulator, conversation, both(emulator, model=model, thinking=thinking)
    )
    assert whole == also_whole
    assert streamed == also_streamed
    assert streamed == {**whole, "stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize(
    ("conversation", "model"), [(PARTS, "qwen3.6-flash"), (PARTS, "doubao-seed-evolving"), (NAMED, "deepseek-v4-pro")]
)
def test_parts_names_and_prefixes_too(emulator, conversation, model):
    whole, also_whole, streamed, also_streamed = sent_by_both(emulator, conversation, both(emulator, model=model))
    assert whole == also_whole
    assert streamed == also_streamed


@pytest.mark.parametrize(
    "said",
    [
        {"temperature": 0.2, "top_p": 0.9, "max_tokens": 50, "stop": ["END"]},
        {"thinking": True, "reasoning_effort": "high"},
        {"extra_body": {"metadata": {"a": "b"}}},
        {"model": "qwen3.6-flash", "max_tokens": 7},
    ],
)
def test_parameters_too_as_fields_and_for_one_call(emulator, said):
    fields = both(emulator, **{"model": "doubao-seed-evolving", **said})
    bare = both(emulator, model="doubao-seed-evolving")
    sent = sent_by_both(emulator, PLAIN, fields)[:2] + sent_by_both(emulator, PLAIN, bare, **said)[:2]
    assert sent[0] == sent[1] == sent[2] == sent[3]


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"18 degrees in {city}"


@pytest.mark.parametrize("model", MODELS)
def test_what_an_answer_leaves_behind_goes_back_the_same(emulator, model):
    chat, llm = both(emulator, model=model, thinking=True)
    signature = {"google": {"thought_signature": "c2ln"}} if model.startswith("gemini-3") else None
    call = ToolCall("get_weather", {"city": "Paris"}, id="call_7", extra_content=signature)
    answer = Answer(reasoning="A tool\nknows. ", tool_calls=[call])
    sent = []
    emulator.requests.clear()
    emulator.script(answer, "18", answer, "18")
    question = "What is the weather in Paris?"

    first = chat.bind_tools([get_weather]).invoke(question)
    chat.invoke([lc.HumanMessage(question), first, lc.ToolMessage("18", tool_call_id="call_7")])
    sent.append(emulator.requests[-1])

    tool = FunctionTool.from_defaults(get_weather)
    second = llm.chat_with_tools([tool], user_msg=question)
    llm.chat([li_text("user", question), second.message, li_text("tool", "18", tool_call_id="call_7")])
    sent.append(emulator.requests[-1])

    assert sent[0]["messages"][1]["tool_calls"] == sent[1]["messages"][1]["tool_calls"]
    assert sent[0] == sent[1]


@pytest.mark.parametrize("which", [0, 1], ids=["LangChain", "LlamaIndex"])
def test_what_is_said_of_the_connection_holds_for_one_call(emulator, which):
    model = both(emulator, model="qwen3.6-flash", max_retries=2)[which]
    ask = (lambda **said: model.invoke("Hello", **said)) if which == 0 else (lambda **said: model.complete("x", **said))
    emulator.requests.clear()
    emulator.script(Failure(500), Failure(500))
    with pytest.raises(ServerError):
        ask(max_retries=0)
    assert len(emulator.requests) == 1
    ask(max_retries=1, timeout=5)
    assert len(emulator.requests) == 3
    with pytest.raises(AuthenticationError):
        ask(api_key="another")
    with pytest.raises(UnsupportedParameterError, match="max_retries"):
        ask(max_retries=-1)
    assert "timeout" not in emulator.requests[-1]


def test_one_block_counts_both(emulator):
    """`track_usage` is the same function wherever it is imported from."""
    assert langchain_anyfast.track_usage is llama_index_anyfast.track_usage
    chat, llm = both(emulator, model="deepseek-v4-pro")
    with llama_index_anyfast.track_usage() as tracker:
        chat.invoke("Hello")
        llm.complete("Hello")
    used = tracker.models["deepseek-v4-pro"]
    assert (used.calls, used.unmetered, used.failed) == (2, 0, 0)
