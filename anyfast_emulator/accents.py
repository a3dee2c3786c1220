"""How each upstream words an answer, whole and frame by frame."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anyfast_emulator.answers import Answer, ToolCall
from anyfast_emulator.contract import Family

USAGE_ON_FINISH = frozenset({"deepseek", "google"})  # the others send it in a frame of its own
_END_TOKEN = 1  # DeepSeek-V4's EOS id, its usual matched_stop
_NO_DELTA = {"role": None, "content": None, "reasoning_content": None, "tool_calls": None}


def choice(index: int, said: Answer, family: Family) -> dict[str, Any]:
    """One choice of an answer that is not streamed.

    Args:
        index: the choice's number.
        said: the answer.
        family: whose accent.

    Returns:
        The JSON object, log probabilities aside.
    """
    message: dict[str, Any] = {"role": "assistant", "content": said.text}
    if family.frames == "google" and not said.text:  # recorded from gemini-2.5-pro: no `content` key
        del message["content"]
    message |= _pictures(said, family)
    if said.reasoning:
        message[_reasoning_key(family)] = said.reasoning
    if said.tool_calls:
        message["tool_calls"] = [_whole_call(at, call, family) for at, call in enumerate(said.tool_calls)]
    if family.frames == "sglang":  # recorded from Azure: every field is there
        message = _NO_DELTA | message
    return {"index": index, "message": message, "finish_reason": said.finish or None} | matched_stop(said, family)


def _pictures(said: Answer, family: Family) -> dict[str, Any]:
    """The fields of a whole message that its pictures are in."""
    if not said.pictures:
        return {}
    if family.temper.pictures == "field":
        return {"images": [_image(uri) for uri in said.pictures]}
    return {"content": "".join([said.text, *map(_markdown, said.pictures)])}


def _markdown(uri: str) -> str:
    return f"\n![image]({uri})"


def _image(uri: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": uri}}


def _picture_deltas(said: Answer, family: Family) -> Iterator[dict[str, Any]]:
    for uri in said.pictures:
        if family.temper.pictures == "field":
            yield {"content": "", "images": [_image(uri)]}
        else:
            size = 100 if family.temper.pictures == "pieces" else len(uri) * 2
            yield from ({"content": piece} for piece in pieces(_markdown(uri), size))


def _reasoning_key(family: Family) -> str:
    return "reasoning" if family.temper.reasoning_field == "reasoning" else "reasoning_content"


def _whole_call(at: int, call: ToolCall, family: Family) -> dict[str, Any]:
    written = _named(call, written_arguments(call))
    if family.frames in ("deepseek", "qwen"):  # an extra index, as recorded from both
        written["index"] = at
    return written | ({"id": ""} if family.frames == "google" else {})  # recorded from gemini-2.5-pro


def _named(call: ToolCall, arguments: str) -> dict[str, Any]:
    named = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}
    return named | ({"extra_content": call.extra_content} if call.extra_content else {})


def written_arguments(call: ToolCall) -> str:
    """A call's arguments as JSON text."""
    return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False)


def matched_stop(said: Answer | None, family: Family) -> dict[str, Any]:
    """SGLang's field, which Anyfast documents for DeepSeek: what ended the answer."""
    if family.frames not in ("deepseek", "sglang") or not family.temper.matched_stop:
        return {}
    if said is None or said.finish in ("length", ""):
        return {"matched_stop": None}
    return {"matched_stop": _END_TOKEN if said.matched_stop is None else said.matched_stop}


def finishes(said: Answer, accent: str) -> Sequence[str]:
    """The finish reasons of a stream, one frame each."""
    if not said.finish or said.finish != "tool_calls":
        return (said.finish,) if said.finish else ()
    # new-api closes a converted Gemini tool turn twice; Google itself says "stop" (python-genai#2868)
    return {"gemini": ("tool_calls", "stop"), "google": ("stop",)}.get(accent, ("tool_calls",))


def last_delta(accent: str) -> dict[str, Any]:
    """The delta beside a finish reason."""
    spelled: Mapping[str, dict[str, Any]] = {
        "deepseek": {"content": "", "reasoning_content": None},
        "sglang": _NO_DELTA,
        "google": {"role": "assistant"},
        "qwen": {},
    }
    return spelled.get(accent, {"content": ""})


def deltas(said: Answer, family: Family) -> Iterator[dict[str, Any]]:
    """The deltas of a streamed answer, its finish aside.

    Args:
        said: the answer.
        family: whose accent.

    Returns:
        Each delta as a JSON object.
    """
    accent = family.frames
    text = _google_deltas(said) if accent == "google" else _deltas(said, accent, _reasoning_key(family))
    for at, delta in enumerate(itertools.chain(text, _picture_deltas(said, family))):
        yield _NO_DELTA | delta if accent == "sglang" and at else delta


def _deltas(said: Answer, accent: str, reasoning_key: str) -> Iterator[dict[str, Any]]:
    quiet = accent in ("deepseek", "qwen")  # these send null for the field that is not growing
    thinks = bool(said.reasoning)
    yield _first_delta(accent, {"content": None, reasoning_key: ""} if quiet and thinks else {"content": ""})
    role = {"role": "assistant"} if accent == "glm" else {}  # GLM repeats it on every frame
    for piece in pieces(said.reasoning, said.pieces):
        yield role | {reasoning_key: piece} | ({"content": None} if quiet else {})
    for piece in pieces(said.text, said.pieces):
        yield role | {"content": piece} | ({reasoning_key: None} if quiet and thinks else {})
    calls = _gemini_calls(said) if accent == "gemini" else _calls(said, accent)
    yield from (role | delta for delta in calls)


def _first_delta(accent: str, fields: dict[str, Any]) -> dict[str, Any]:
    return (_NO_DELTA if accent == "sglang" else {}) | {"role": "assistant"} | fields


def _calls(said: Answer, accent: str) -> Iterator[dict[str, Any]]:
    # DashScope repeats an empty id and the type, others leave both out
    more = {"id": "", "type": "function"} if accent == "qwen" else {}
    for index, call in enumerate(said.tool_calls):
        yield {"tool_calls": [{"index": index} | _named(call, "")]}
        for piece in pieces(written_arguments(call), said.pieces):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}} | more]}


def _gemini_calls(said: Answer) -> Iterator[dict[str, Any]]:
    if not said.tool_calls:
        return
    # new-api relayconvert: all calls at once without arguments, then the arguments with a null type
    opened = [{"index": index} | _named(call, "") for index, call in enumerate(said.tool_calls)]
    yield {"content": "", "tool_calls": opened}
    arguments = [{"arguments": written_arguments(call)} for call in said.tool_calls]
    yield {"tool_calls": [{"index": index, "type": None, "function": one} for index, one in enumerate(arguments)]}


def _google_deltas(said: Answer) -> Iterator[dict[str, Any]]:
    # recorded from gemini-2.5-flash: no opening frame, each call whole and without an index
    for piece in pieces(said.text, said.pieces):
        yield {"role": "assistant", "content": piece}
    for call in said.tool_calls:
        yield {"role": "assistant", "tool_calls": [_named(call, written_arguments(call))]}


def pieces(text: str, size: int) -> Iterator[str]:
    """A text in pieces of so many characters."""
    for at in range(0, len(text), max(size, 1)):
        yield text[at : at + max(size, 1)]
