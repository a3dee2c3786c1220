"""Probes of what a class makes of an answer."""

from typing import Any

from gateway import USAGE, answers, frames, stream, whole
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import HumanMessage, ToolMessage
from rig import NO, PART, YES, Rig, blocks, mark, marks, row, run, summed, tried

THOUGHT, TEXT = "I think.", "Hello."
ARGS = '{"city": "Paris"}'


def call(**more: Any) -> dict[str, Any]:
    """A tool call of the wire."""
    return {"index": 0, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": ARGS}, **more}


WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
REASONED = [{"reasoning_content": ""}, {"reasoning_content": THOUGHT}, {"content": TEXT}]
CALLED = [
    {"reasoning_content": THOUGHT},
    {"tool_calls": [{**call(), "function": {"name": "weather", "arguments": '{"city"'}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": ': "Paris"}'}}]},
]
TOGETHER = [{**CALLED[1], "content": TEXT}, CALLED[2]]


def v3(rig: Rig) -> Any:
    return rig.make().stream_events("hi", version="v3").output


def in_blocks(rig: Rig, deltas: list[Any], *, v1: bool) -> Any:
    rig.script(stream(*deltas))
    return blocks(summed(rig.make(output_version="v1").stream("hi")) if v1 else v3(rig))


@row("reasoning, invoke")
def _(rig: Rig) -> str:
    rig.script(whole({"content": TEXT, "reasoning_content": THOUGHT}))
    return mark(rig.make().invoke("hi").additional_kwargs.get("reasoning_content") == THOUGHT)


@row("reasoning, stream")
def _(rig: Rig) -> str:
    rig.script(stream(*REASONED))
    return mark(summed(rig.make().stream("hi")).additional_kwargs.get("reasoning_content") == THOUGHT)


@row("as content_blocks (v0, v1, v3)")
def _(rig: Rig) -> str:
    wanted = [("reasoning", THOUGHT), ("text", TEXT)]
    rig.script(stream(*REASONED))
    return marks(
        tried(lambda: blocks(summed(rig.make().stream("hi"))) == wanted),
        tried(lambda: in_blocks(rig, REASONED, v1=True) == wanted),
        tried(lambda: in_blocks(rig, REASONED, v1=False) == wanted),
    )


@row("stream: reasoning and tool call (v1, v3)")
def _(rig: Rig) -> str:
    wanted = [("reasoning", THOUGHT), ("tool_call", {"city": "Paris"})]
    return marks(*(tried(lambda v1=v1: in_blocks(rig, CALLED, v1=v1) == wanted) for v1 in (True, False)))


@row("text and tool call in one delta (v1, v3)")
def _(rig: Rig) -> str:
    wanted = [("text", TEXT), ("tool_call", {"city": "Paris"})]
    return marks(*(tried(lambda v1=v1: in_blocks(rig, TOGETHER, v1=v1) == wanted) for v1 in (True, False)))


@row("reasoning goes back in a tool loop (invoke, v1, stream, v3)")
def _(rig: Rig) -> str:
    said = whole({"reasoning_content": THOUGHT, "tool_calls": [call()]}, "tool_calls")
    streamed = stream(*CALLED, finish="tool_calls")
    ways = [
        (said, lambda: rig.make().invoke("hi")),
        (said, lambda: rig.make(output_version="v1").invoke("hi")),
        (streamed, lambda: summed(rig.make().stream("hi"))),
        (streamed, lambda: v3(rig)),
    ]

    def goes_back(answer: Any, ask: Any) -> bool:
        rig.script(answer)
        first = ask()
        rig.script(whole({"content": TEXT}))
        llm = rig.make().bind_tools([WEATHER])
        llm.invoke([HumanMessage("hi"), first, ToolMessage("sunny", tool_call_id="c1")])
        return rig.body["messages"][1].get("reasoning_content") == THOUGHT

    return marks(*(tried(lambda w=way: goes_back(*w)) for way in ways))


@row("usage: cache_read, reasoning")
def _(rig: Rig) -> str:
    rig.script(whole({"content": TEXT}))
    usage = rig.make().invoke("hi").usage_metadata
    return marks(
        usage["input_token_details"].get("cache_read") == 4, usage["output_token_details"].get("reasoning") == 3
    )


@row("the gateway's own usage (invoke, stream)")
def _(rig: Rig) -> str:
    more = {"usage": {**USAGE, "prompt_tokens_details": {"image_tokens": 7}}}
    rig.script(whole({"content": TEXT}, **more))
    invoked = rig.make().invoke("hi")
    rig.script(stream({"content": TEXT}, every=more))
    streamed = summed(rig.make().stream("hi"))
    return marks(*("image_tokens" in str(one.response_metadata) for one in (invoked, streamed)))


@row("usage of a stream by default")
def _(rig: Rig) -> str:
    rig.script(stream({"content": TEXT}))
    list(rig.make().stream("hi"))
    return mark(rig.body.get("stream_options", {}).get("include_usage"), "not asked for")


@row("usage callback, one invoke and one stream")
def _(rig: Rig) -> str:
    def counted(how: str) -> int:
        with get_usage_metadata_callback() as counter:
            if how == "invoke":
                rig.script(whole({"content": TEXT}))
                rig.make().invoke("hi")
            else:
                rig.script(stream({"content": TEXT}))
                list(rig.make().stream("hi"))
                if "stream_options" not in rig.body:  # a gateway gives it to those who ask
                    return 0
        return sum(usage["total_tokens"] for usage in counter.usage_metadata.values()) // 15

    found = counted("invoke") + counted("stream")
    return mark(found == 2, f"counts {found} of 2")


@row("cumulative usage on each chunk")
def _(rig: Rig) -> str:
    rig.script(stream(*[{"content": "a"}] * 3, every={"usage": USAGE}))
    found = summed(rig.make().stream("hi")).usage_metadata["input_tokens"]
    return mark(found == 10, f"{found} instead of 10")


@row("finish_reason said twice")
def _(rig: Rig) -> str:
    rig.script(stream({"content": "a"}, twice=True))
    found = summed(rig.make().stream("hi")).response_metadata.get("finish_reason")
    return mark(found == "stop", f"`{found}`")


@row("system_fingerprint (invoke, stream)")
def _(rig: Rig) -> str:
    return in_metadata(rig, "system_fingerprint", "fp")


@row("matched_stop (invoke, stream)")
def _(rig: Rig) -> str:
    choice = {"index": 0, "finish_reason": "stop", "matched_stop": "END"}
    invoked = tried(
        lambda: (
            rig.script(whole({}, choices=[{**choice, "message": {"role": "assistant", "content": "a"}}])),
            rig.make().invoke("hi").response_metadata["matched_stop"] == "END",
        )[1]
    )
    rig.script(
        frames(
            {"id": "1", "choices": [{"index": 0, "delta": {"content": "a"}}]},
            {"id": "1", "choices": [{**choice, "delta": {}}]},
        )
    )
    return marks(invoked, tried(lambda: summed(rig.make().stream("hi")).response_metadata["matched_stop"] == "END"))


@row("created (invoke, stream)")
def _(rig: Rig) -> str:
    return in_metadata(rig, "created", 1)


def in_metadata(rig: Rig, key: str, value: Any) -> str:
    def said(ask: Any, answer: Any) -> bool:
        rig.script(answer)
        return ask().response_metadata.get(key) == value

    llm = rig.make()
    return marks(
        tried(lambda: said(lambda: llm.invoke("hi"), whole({"content": "a"}))),
        tried(lambda: said(lambda: summed(llm.stream("hi")), stream({"content": "a"}))),
    )


@row("n > 1, invoke: reasoning of each, usage once")
def _(rig: Rig) -> str:
    rig.script(answers([{"content": "a", "reasoning_content": "1"}, {"content": "b", "reasoning_content": "2"}]))
    found = [one.message for one in rig.make("qwen3.6-flash", n=2).generate([[HumanMessage("hi")]]).generations[0]]
    thoughts = [one.additional_kwargs.get("reasoning_content") for one in found] == ["1", "2"]
    return marks(thoughts, sum((one.usage_metadata or {}).get("total_tokens", 0) for one in found) == 15)


@row("n > 1, stream")
def _(rig: Rig) -> str:
    both = [
        {"id": "1", "choices": [{"index": at, "delta": {"content": text}}]} for at, text in enumerate(["one", "two"])
    ]
    end = {"id": "1", "choices": [{"index": at, "delta": {}, "finish_reason": "stop"} for at in (0, 1)]}
    rig.script(frames(*both, end))
    try:
        text = summed(rig.make("qwen3.6-flash", n=2).stream("hi")).text
    except Exception as error:  # noqa: BLE001  # a refusal is what is wanted
        return f"{YES} refused" if not rig.gateway.bodies else f"{NO} {type(error).__name__}"
    return mark(text in {"one", "two"}, f"`{text}`")


@row("logprobs (field, in the metadata)")
def _(rig: Rig) -> str:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a"}}
    rig.script(
        whole(
            {},
            choices=[
                {
                    **choice,
                    "logprobs": {"content": [{"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": []}]},
                }
            ],
        )
    )
    field = tried(lambda: rig.make(logprobs=True).invoke("hi") and rig.body["logprobs"] is True)
    return marks(field, tried(lambda: "logprobs" in rig.make().invoke("hi").response_metadata))


@row("images that the model makes")
def _(rig: Rig) -> str:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    rig.script(whole({"content": "", "images": [image]}))
    found = [block["type"] for block in rig.make("gemini-2.5-flash-image").invoke("hi").content_blocks]
    return mark("image" in found, "dropped" if not found else f"`{found[0]}`")


@row("tool_calls without type, without index")
def _(rig: Rig) -> str:
    def found(*left_out: str) -> bool:
        rig.script(
            stream({"tool_calls": [{k: v for k, v in call().items() if k not in left_out}]}, finish="tool_calls")
        )
        return summed(rig.make().stream("hi")).tool_calls[0]["args"] == {"city": "Paris"}

    return marks(tried(lambda: found("type")), tried(lambda: found("index")))


@row("a stream that is cut off")
def _(rig: Rig) -> str:
    rig.script(frames({"id": "1", "choices": [{"index": 0, "delta": {"content": "a"}}]}, done=False))
    try:
        list(rig.make().stream("hi"))
    except Exception as error:  # noqa: BLE001  # that is what is wanted
        return f"{YES} {type(error).__name__}"
    return f"{NO} passes for a success"


@row("native async")
def _(rig: Rig) -> str:
    rig.script(whole({"content": TEXT}))
    base = "BaseChatModel"
    return mark(run(rig.make().ainvoke("hi")).text == TEXT and rig.cls._agenerate.__qualname__.split(".")[0] != base)


@row("v3 events: native")
def _(rig: Rig) -> str:
    return mark(hasattr(rig.cls, "_stream_chat_model_events"), "bridge")


@row("v3 events: reasoning ends before text begins, the server's id survives")
def _(rig: Rig) -> str:
    rig.script(stream(*REASONED))
    found = rig.make().stream_events("hi", version="v3")
    kinds = [(e["event"], e.get("content", {}).get("type")) for e in found]
    order = tried(
        lambda: kinds.index(("content-block-finish", "reasoning")) < kinds.index(("content-block-start", "text"))
    )
    return marks(order, found.output.id == "chatcmpl-1")


@row("content_filter or refusal, structured")
def _(rig: Rig) -> str:
    schema = {"title": "Person", "description": "p", "type": "object", "properties": {"name": {"type": "string"}}}
    rig.script(whole({"content": ""}, "content_filter"))
    try:
        found = rig.make().with_structured_output(schema).invoke("hi")
    except Exception as error:  # noqa: BLE001  # that is what is wanted
        return (
            f"{YES} {type(error).__name__}"
            if "filter" in str(error).lower() + type(error).__name__.lower()
            else f"{PART} {type(error).__name__}"
        )
    return f"{NO} `{found}`"
