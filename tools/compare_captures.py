"""The recorded answers through ChatAnyfast, AnyfastLLM, ChatOpenAI and OpenAILike: who delivers what was meant.

`make compare-captures` runs this in a virtual environment of its own, and writes docs/captures.md. Every client gets
the same bytes as they were recorded, through an httpx transport; whole answers are asked for whole, streams as streams.
"""

import datetime
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import openai
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_openai import ChatOpenAI
from llama_index.core.base.llms.types import ChatResponse, TextBlock, ThinkingBlock, ToolCallBlock
from llama_index.llms.openai_like import OpenAILike

from anyfast_transport.lenient_json import parsed_arguments
from anyfast_transport.usage import usage_of
from tests.parity import through
from tests.parity.captures import Capture, Delivered, captures, faults

PAGE = Path(__file__).parents[1] / "docs" / "captures.md"
PACKAGES = (
    "anyfast-integrations",
    "langchain-core",
    "langchain-openai",
    "llama-index-core",
    "llama-index-llms-openai-like",
    "openai",
)

_KINDS: tuple[tuple[type[Exception], frozenset[str]], ...] = (
    (openai.AuthenticationError, frozenset({"auth"})),
    (openai.PermissionDeniedError, frozenset({"permission"})),
    (openai.NotFoundError, frozenset({"not_found"})),
    (openai.RateLimitError, frozenset({"rate_limit"})),
    (openai.InternalServerError, frozenset({"server", "overloaded", "timeout_gateway"})),
    (openai.BadRequestError, frozenset({"bad_request"})),
    (openai.UnprocessableEntityError, frozenset({"bad_request"})),
    (openai.APIResponseValidationError, frozenset({"invalid_response"})),
    (openai.APIError, frozenset({"stream_error", "truncated", "invalid_response"})),
)


def kinds_of(error: Exception) -> set[str]:
    """What an exception of the openai package passes for; others are untyped."""
    found = next((kinds for kind, kinds in _KINDS if isinstance(error, kind)), frozenset())
    says_quota = isinstance(error, openai.APIError) and "quota" in str(error.code)
    return {*found, *({"quota"} if says_quota else ())}


def _fields(playback: through.Playback) -> dict[str, Any]:
    transport = playback.fields()["http_client"]
    return {"base_url": through.BASE_URL, "api_key": "no-key-needed", "max_retries": 0, "http_client": transport}


def by_chat_openai(playback: through.Playback, *, streams: bool) -> Delivered:
    """What ChatOpenAI makes of it."""
    fields = {key: value for key, value in _fields(playback).items() if key != "api_base"}
    chat = ChatOpenAI(model="recorded", stream_usage=True, **fields)
    chunks: list[AIMessageChunk] = []
    try:
        if not streams:
            return _from_message(chat.invoke("?"))
        chunks.extend(chat.stream("?"))
    except Exception as error:  # noqa: BLE001  # whatever it raises is what is compared
        so_far = _from_message(through.added_up(chunks)) if chunks else Delivered()
        return Delivered(so_far.text, so_far.reasoning, error=error)
    return _from_message(through.added_up(chunks)) if chunks else Delivered()


def _from_message(message: AIMessage) -> Delivered:
    found = through.from_message(message)
    kept = message.additional_kwargs
    found.reasoning = kept.get("reasoning_content") or kept.get("reasoning") or ""
    return found


def by_openai_like(playback: through.Playback, *, streams: bool) -> Delivered:
    """What OpenAILike makes of it."""
    fields = _fields(playback)
    fields["api_base"] = fields.pop("base_url")
    llm = OpenAILike(
        model="recorded", is_chat_model=True, is_function_calling_model=True, context_window=1000, **fields
    )
    responses: list[ChatResponse] = []
    try:
        if streams:
            responses.extend(llm.stream_chat(through.ASKED))
        else:
            responses.append(llm.chat(through.ASKED))
    except Exception as error:  # noqa: BLE001  # as above
        so_far = _from_responses(responses) if responses else Delivered()
        return Delivered(so_far.text, so_far.reasoning, error=error)
    if not responses:
        return Delivered()
    found = _from_responses(responses)
    found.calls = [(*call[:2], _executed(llm, responses[-1], call), call[3]) for call in found.calls]
    return found


def _executed(llm: OpenAILike, response: ChatResponse, call: tuple[str, str, Any, str]) -> Any:
    """The arguments with which an agent of LlamaIndex would execute a call; None if it would not."""
    try:
        selections = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    except Exception:  # noqa: BLE001  # then nothing is executed
        return None
    return next((one.tool_kwargs for one in selections if (one.tool_id, one.tool_name) == call[:2]), None)


def _from_responses(responses: list[ChatResponse]) -> Delivered:
    message = responses[-1].message
    blocks = message.blocks
    thought = "".join(block.content or "" for block in blocks if isinstance(block, ThinkingBlock))
    raws = [raw for response in responses if (raw := _plain(response.raw))]
    finishes = [choice.get("finish_reason") for raw in raws for choice in raw.get("choices") or ()]
    usage = next((usage_of(raw["usage"]) for raw in reversed(raws) if raw.get("usage")), None)
    return Delivered(
        text="".join(block.text for block in blocks if isinstance(block, TextBlock)),
        reasoning=thought or "".join(_thinking_delta(response) for response in responses),
        calls=[_call(block) for block in blocks if isinstance(block, ToolCallBlock)],
        finish_reason=next((one for one in reversed(finishes) if one), None),
        usage=usage
        and {
            "input": usage.input,
            "output": usage.output,
            "total": usage.total,
            "cached": usage.cached,
            "reasoning": usage.reasoning,
        },
        signatures=through.signatures_in(message.additional_kwargs),
    )


def _plain(raw: Any) -> dict[str, Any]:
    return raw if isinstance(raw, dict) else raw.model_dump() if raw is not None else {}


def _thinking_delta(response: ChatResponse) -> str:
    return response.additional_kwargs.get("thinking_delta") or ""


def _call(block: ToolCallBlock) -> tuple[str, str, Any, str]:
    raw = block.tool_kwargs
    args = parsed_arguments(raw) if isinstance(raw, str) else raw
    return str(block.tool_call_id or ""), block.tool_name, args, raw if isinstance(raw, str) else ""


def _ours(whole: str, streamed: str) -> Callable[..., Delivered]:
    def ask(playback: through.Playback, *, streams: bool) -> Delivered:
        return through.STREAMED[streamed](playback) if streams else through.WHOLE[whole](playback)

    return ask


CLIENTS: dict[str, tuple[Callable[..., Delivered], Callable[[Exception], set[str]]]] = {
    "ChatAnyfast": (_ours("ChatAnyfast.invoke", "ChatAnyfast.stream"), through.kinds_of),
    "AnyfastLLM": (_ours("AnyfastLLM.chat", "AnyfastLLM.stream_chat"), through.kinds_of),
    "ChatOpenAI": (by_chat_openai, kinds_of),
    "OpenAILike": (by_openai_like, kinds_of),
}


def verdicts(capture: Capture) -> dict[str, list[str]]:
    """Client → what is wrong in what it delivers."""
    found = {}
    for name, (ask, kinds) in CLIENTS.items():
        playback = through.Playback([capture.body], capture.status, capture.headers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found[name] = faults(capture, ask(playback, streams=capture.streamed), kinds)
    return found


def page(found: dict[str, dict[str, list[str]]]) -> Iterator[str]:
    """The lines of docs/captures.md."""
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    yield "# Recorded answers, and who delivers what was meant"
    yield ""
    yield "Generated by `make compare-captures`; not run in CI, and not to be edited by hand."
    yield ""
    yield f"- Date: {datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}. Versions: {versions}."
    yield (
        f"- {len(found)} answers of DeepSeek, Qwen, Doubao, Gemini and gateways, recorded by others and published in "
        "their repositories; none is of Anyfast's own gateway."
    )
    yield (
        "- Each client gets the bytes as they were recorded, and is right about an answer if text, reasoning, tool "
        "calls, finish reason, usage, signatures and errors are all as an independent reading of the same bytes has "
        "them. Peers run with chat and tools switched on, usage in streams, and no retries."
    )
    yield (
        "- Tool arguments that are cut count as right if nothing could execute them. An exception counts if it is one "
        "of the client's own of a fitting kind and shows the server's words."
    )
    yield ""
    yield "| answers with … | of | " + " | ".join(CLIENTS) + " |"
    yield "|---|---|" + "---|" * len(CLIENTS)
    by_name = {capture.name: capture for capture in captures()}
    groups = sorted({group for name in found for group in by_name[name].groups})
    for group in [None, *groups]:
        names = [name for name in found if group is None or group in by_name[name].groups]
        right = [sum(not found[name][client] for name in names) for client in CLIENTS]
        title = "**anything**" if group is None else group
        yield f"| {title} | {len(names)} | " + " | ".join(str(one) for one in right) + " |"


def main() -> int:
    """Compares, and writes the page.

    Returns:
        The exit status: 0, or 1 where one of our own is wrong.
    """
    if not captures():
        print("No captures: put them into shared/captures beside the repository, or name them in ANYFAST_CAPTURES.")  # noqa: T201  # a script speaks
        return 1
    found = {capture.name: verdicts(capture) for capture in captures()}
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(page(found)) + "\n", encoding="utf-8")
    wrong = [(name, client, said) for name, by in found.items() for client, said in by.items() if said]
    for name, client, said in wrong:
        print(f"{client}: {name}: {said[0][:200]}")  # noqa: T201  # a script speaks
    return int(any(client in ("ChatAnyfast", "AnyfastLLM") for _, client, _ in wrong))


if __name__ == "__main__":
    sys.exit(main())
