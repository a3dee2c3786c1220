"""Probes of what a class sends."""

import warnings
from typing import Any, TypedDict

from answering import TEXT, THOUGHT, WEATHER, call
from gateway import stream, whole
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from pydantic import BaseModel
from rig import NO, PART, YES, Rig, mark, marks, row, tried

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def ask(rig: Rig, *messages: Any, **fields: Any) -> dict[str, Any]:
    """The body that a question makes."""
    rig.script(whole({"content": TEXT}))
    rig.make(**fields).invoke(list(messages) or "hi")
    return rig.body


def part(rig: Rig, block: dict[str, Any], model: str = "qwen3.6-flash") -> dict[str, Any]:
    """What a content block becomes."""
    return ask(rig, HumanMessage([{"type": "text", "text": "?"}, block]), model=model)["messages"][0]["content"][1]


@row("a reasoning block made by hand")
def _(rig: Rig) -> str:
    made = AIMessage([{"type": "reasoning", "reasoning": THOUGHT}, {"type": "text", "text": "a"}])
    sent = ask(rig, HumanMessage("hi"), made, HumanMessage("and?"))["messages"][1]
    return mark(sent.get("reasoning_content") == THOUGHT, "dropped")


@row("content of a turn with nothing but calls")
def _(rig: Rig) -> str:
    made = AIMessage("", tool_calls=[{"name": "weather", "args": {"city": "Paris"}, "id": "c1"}])
    sent = ask(rig, HumanMessage("hi"), made, ToolMessage("sunny", tool_call_id="c1"))["messages"][1]
    content = sent.get("content", "left out")
    return f'{YES} `""`' if content == "" else f"{NO} `{'null' if content is None else content}`"


@row("switch for thinking")
def _(rig: Rig) -> str:
    switches: list[dict[str, Any]] = [
        {"thinking": False},
        {"enable_thinking": False},
        {"reasoning": {"effort": "none"}},
        {"extra_body": {"thinking": {"type": "disabled"}}},
    ]
    for said in switches:
        name = next(iter(said))
        if tried(lambda said=said: ask(rig, **said)["thinking"] == {"type": "disabled"}):
            return f"{YES if name == 'thinking' else PART} `{name}`"
    return f"{NO} none that DeepSeek knows"


@row("parameters are checked for each model")
def _(rig: Rig) -> str:
    said = {"stop": [str(at) for at in range(17)]}
    return refused(rig, "17 stop sequences", **said)


@row("temperature=9")
def _(rig: Rig) -> str:
    return refused(rig, "it", temperature=9)


def refused(rig: Rig, what: str, **fields: Any) -> str:
    try:
        ask(rig, **fields)
    except Exception:  # noqa: BLE001  # a refusal is what is wanted
        return f"{YES} refused"
    return f"{NO} sends {what}"


@row("a mistyped argument")
def _(rig: Rig) -> str:
    try:
        rig.make(temprature=0.5)
    except Exception as error:  # noqa: BLE001  # a refusal is what is wanted
        return f"{YES} names the nearest" if "temperature" in str(error) else f"{YES} refused"
    try:
        ask(rig, temprature=0.5)
    except Exception as error:  # noqa: BLE001  # what is compared may fail in any way
        return f"{NO} {type(error).__name__} at the call"
    return f"{NO} passes"


@row("max_tokens as DeepSeek, as Qwen names it")
def _(rig: Rig) -> str:
    return marks(
        tried(lambda: ask(rig, max_tokens=9)["max_tokens"] == 9),
        tried(lambda: ask(rig, model="qwen3.6-flash", max_tokens=9)["max_completion_tokens"] == 9),
    )


@row("stop for Qwen, which takes a list only")
def _(rig: Rig) -> str:
    return mark(ask(rig, model="qwen3.6-flash", stop="END")["stop"] == ["END"], "sent as a string")


@row("a message with prefix")
def _(rig: Rig) -> str:
    made = AIMessage("Once", additional_kwargs={"prefix": True})
    return mark(ask(rig, HumanMessage("hi"), made)["messages"][-1].get("prefix"), "dropped")


@row("HumanMessage.name")
def _(rig: Rig) -> str:
    return mark(ask(rig, HumanMessage("hi", name="ada"))["messages"][0].get("name") == "ada", "dropped")


@row("video block (url, base64)")
def _(rig: Rig) -> str:
    url, data = {"url": "https://example.com/a.mp4"}, {"base64": "AAAA", "mime_type": "video/mp4"}
    return marks(
        *(tried(lambda more=more: part(rig, {"type": "video", **more})["type"] == "video_url") for more in (url, data))
    )


@row("video block: extras.fps")
def _(rig: Rig) -> str:
    block = {"type": "video", "url": "https://example.com/a.mp4", "extras": {"fps": 1}}
    return mark(tried(lambda: part(rig, block)["video_url"]["fps"] == 1))


@row("raw video_url part")
def _(rig: Rig) -> str:
    raw = {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}
    return mark(tried(lambda: part(rig, raw) == raw))


@row("image block (url, base64, extras.detail)")
def _(rig: Rig) -> str:
    url = {"type": "image", "url": "https://example.com/a.png"}
    return marks(
        tried(lambda: part(rig, url)["image_url"]["url"] == url["url"]),
        tried(
            lambda: PIXEL in part(rig, {"type": "image", "base64": PIXEL, "mime_type": "image/png"})["image_url"]["url"]
        ),
        tried(lambda: part(rig, {**url, "extras": {"detail": "low"}})["image_url"]["detail"] == "low"),
    )


@row("audio, file (base64), text-plain block")
def _(rig: Rig) -> str:
    gemini = "gemini-2.5-pro"
    return marks(
        tried(lambda: part(rig, {"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"}, gemini)["input_audio"]),
        tried(
            lambda: part(
                rig, {"type": "file", "base64": "AAAA", "mime_type": "application/pdf", "filename": "a.pdf"}, gemini
            )["file"]
        ),
        tried(
            lambda: part(rig, {"type": "text-plain", "text": "abc", "mime_type": "text/plain"}, gemini)["text"] == "abc"
        ),
    )


@row("what a model does not take is refused before sending")
def _(rig: Rig) -> str:
    rig.script(whole({"content": TEXT}))
    try:
        rig.make().invoke([HumanMessage([{"type": "image", "url": "https://example.com/a.png"}])])
    except Exception as error:  # noqa: BLE001  # a refusal is what is wanted
        return mark(not rig.gateway.bodies, type(error).__name__)
    return f"{NO} sent"


@row("ToolMessage with an image")
def _(rig: Rig) -> str:
    made = AIMessage("", tool_calls=[{"name": "weather", "args": {}, "id": "c1"}])
    picture = ToolMessage([{"type": "image", "url": "https://example.com/a.png"}], tool_call_id="c1")
    sent = ask(rig, HumanMessage("hi"), made, picture, model="qwen3.6-flash")["messages"]
    said = [one["content"] for one in sent[2:] if isinstance(one["content"], list)]
    kinds = {str(one.get("type")) for content in said for one in content}
    return mark("image_url" in kinds, "as a JSON string" if not kinds else f"`{', '.join(sorted(kinds))}`")


def bound(rig: Rig, *tools: Any, **how: Any) -> dict[str, Any]:
    """The body of a model with tools."""
    fields = how.pop("fields", {})
    rig.script(whole({"content": TEXT}))
    rig.make(**fields).bind_tools(list(tools), **how).invoke("hi")
    return rig.body


@row("tools: strict")
def _(rig: Rig) -> str:
    def look(city: str) -> str:
        """Looks at a city."""
        return city

    return mark(tried(lambda: bound(rig, look, strict=True)["tools"][0]["function"]["strict"]), "dropped")


@row("parallel_tool_calls=False")
def _(rig: Rig) -> str:
    return mark(
        tried(lambda: bound(rig, WEATHER, parallel_tool_calls=False)["parallel_tool_calls"] is False), "dropped"
    )


@row("tool_choice: any, required, a name, a dict, True (not thinking)")
def _(rig: Rig) -> str:
    named = {"type": "function", "function": {"name": "weather"}}
    off = {"thinking": False} if rig.peer == "ChatAnyfast" else {}

    def forced(choice: Any) -> bool:
        sent = bound(rig, WEATHER, tool_choice=choice, fields=off)["tool_choice"]
        return sent in ("required", "any", named)

    return marks(*(tried(lambda c=c: forced(c)) for c in ("any", "required", "weather", named, True)))


@row("a forced tool_choice while DeepSeek thinks")
def _(rig: Rig) -> str:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        sent = bound(rig, WEATHER, tool_choice="any").get("tool_choice")
    if sent in (None, "auto"):
        return f"{YES} asked for in the prompt, with a warning" if told else f"{PART} dropped silently"
    return f"{NO} sent"


@row("bind_tools([])")
def _(rig: Rig) -> str:
    return mark("tools" not in bound(rig), "sends `tools: []`")


@row("a tool_choice that no tool has")
def _(rig: Rig) -> str:
    try:
        rig.make().bind_tools([WEATHER], tool_choice="wether")
    except Exception:  # noqa: BLE001  # a refusal is what is wanted
        return f"{YES} told at once"
    return f"{NO} passes"


class Human(BaseModel):
    """Somebody."""

    name: str
    age: int


class Person(TypedDict):
    """Somebody."""

    name: str
    age: int


SAID = '{"name": "Ada", "age": 36}'


@row("structured output: the way by default, on DeepSeek that thinks")
def _(rig: Rig) -> str:
    rig.script(whole({"content": SAID, "tool_calls": []}))
    tried(lambda: rig.make().with_structured_output(Person).invoke("hi"))
    sent = rig.body
    kind = (sent.get("response_format") or {}).get("type")
    refused = kind == "json_schema" or sent.get("tool_choice") not in (None, "auto")
    return f"{NO if refused else YES} {kind or 'forced tool call'}" + (", which it refuses" if refused else "")


@row("json_mode with a TypedDict, partial objects")
def _(rig: Rig) -> str:
    rig.script(whole({"content": SAID}))
    llm = (
        rig.make().with_structured_output(Person, method="json_mode")
        if tried(lambda: rig.make().with_structured_output(Person, method="json_mode"))
        else None
    )
    good = tried(lambda: llm.invoke("in JSON") == {"name": "Ada", "age": 36})
    rig.script(stream(*[{"content": one} for one in SAID]))
    return marks(good, tried(lambda: len(list(llm.stream("in JSON"))) > 2))


@row("structured output: an answer that is not valid")
def _(rig: Rig) -> str:
    def said(arguments: str) -> Any:
        made = {**call(), "function": {"name": "Human", "arguments": arguments}}
        return whole({"content": "", "tool_calls": [made]}, "tool_calls")

    rig.script(said('{"name": "Ada", "age": "old"}'), said(SAID))
    how = {} if rig.peer == "ChatAnyfast" else {"method": "function_calling"}
    try:
        found = rig.make().with_structured_output(Human, **how).invoke("hi")
    except Exception as error:  # noqa: BLE001  # what is compared may fail in any way
        return f"{NO} {type(error).__name__}"
    return f"{YES} asked for once more" if found.age == 36 else NO


@row("per-call model")
def _(rig: Rig) -> str:
    rig.script(whole({"content": TEXT}))
    rig.make().invoke("hi", model="deepseek-v4-flash")
    return mark(rig.body["model"] == "deepseek-v4-flash")


@row("create_agent on DeepSeek that thinks (tool loop, response_format)")
def _(rig: Rig) -> str:
    url, key = rig.emulator

    def weather(city: str) -> str:
        """Tells the weather in a city."""
        return f"{city}: sunny"

    def asked(*tools: Any, **how: Any) -> dict[str, Any]:
        llm = rig.make(base_url=url, api_key=key)
        return create_agent(llm, list(tools), **how).invoke(
            {"messages": [("user", "Weather? city: Paris, name: Ada, age: 36")]}
        )

    def loops() -> bool:
        return len(asked(weather)["messages"]) >= 4

    return marks(tried(loops), tried(lambda: asked(response_format=Human)["structured_response"]))
