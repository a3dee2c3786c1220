"""Feeds the decoder whatever atheris thinks of: no bytes make anything but an answer or an AnyfastError.

Each input is read as a whole answer, as a stream in one piece, and as the same stream in pieces that the input itself
chooses; the two streams must come to the same. Run by `make fuzz`, for SECONDS seconds.
"""

import hashlib
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import atheris
import yaml

with atheris.instrument_imports(include=["anyfast_transport"]):
    from anyfast_transport import AnyfastError, StreamDecoder, decode_completion
    from anyfast_transport.lenient_json import read_json
    from anyfast_transport.reading import Expected, Reading
    from anyfast_transport.response.error_bodies import status_error
    from anyfast_transport.response.verdicts import check
    from anyfast_transport.types import Completion, ToolCall
    from anyfast_transport.usage import usage_of

FOLDER = Path(__file__).parent
_TOOLS = {"get_weather": {"type": "object", "properties": {"city": {"type": "string"}}}, "f": {}}
_MARKUP = frozenset({"dsml", "tool_call", "function"})
_PAGE = ({"role": "user", "content": '<tool_call>{"name": "f"}</tool_call>'},)
READINGS = (
    Reading(),
    Reading(tools=_TOOLS, dialects=_MARKUP),
    Reading(tools=_TOOLS, dialects=_MARKUP, messages=_PAGE, waits=True),
)
"""How an answer may be read; the length of the input chooses."""

ODD = (
    b'data: {"choices":[{"delta":{"content":"<think>a</think>b<tool_call>{\\"name\\": \\"f\\"}</tool_call>"}}]}\n\n',
    b'data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{}{}"}}]},"index":0}]}\r\n\r\n',
    b'data: {"error":{"code":429,"message":"busy"}}\n\ndata: [DONE]\n\n',
    b'data: {"choices":[{"delta":{"reasoning_details":[{"text":"a"}],"images":[{"image_url":{"url":"u"}}]}}]}\n\n',
    '{"code":"x","message":"{\\"error\\":{\\"message\\":\\"额度已用尽\\"}}"}'.encode(),
    b"<html><title>502</title></html>",
)
"""Shapes that the cassettes do not have."""


def decoded(pieces: Sequence[bytes], reading: Reading) -> tuple[Completion, str | None]:
    """A stream in pieces.

    Args:
        pieces: The pieces.
        reading: How it is read.

    Returns:
        The completion so far, and the error that it ended with.
    """
    decoder, text, reasoning = StreamDecoder(reading=reading), "", ""
    try:
        for piece in pieces:
            for delta in decoder.feed(piece):
                text, reasoning = text + delta.text, reasoning + delta.reasoning
        for delta in decoder.finish():
            text, reasoning = text + delta.text, reasoning + delta.reasoning
    except AnyfastError as error:
        return decoder.completion, type(error).__name__
    choice = decoder.completion.choice
    if text != choice.text or reasoning != choice.reasoning:
        raise AssertionError("the deltas do not add up to the answer")
    return decoder.completion, None


def _without_made_ids(calls: Sequence[ToolCall]) -> list[tuple[str, str, str | None]]:
    return [(call.name, call.arguments, call.error) for call in calls]


def _facts(completion: Completion) -> object:
    choice = completion.choice
    calls = _without_made_ids(choice.tool_calls)
    return choice.text, choice.reasoning, calls, choice.finish_reason, choice.images, choice.refusal, completion.usage


def _reading(data: bytes) -> Reading:
    return READINGS[len(data) % len(READINGS)]


def _whole(data: bytes) -> None:
    completion = decode_completion(data, reading=_reading(data))
    check(completion, Expected(on_empty="keep"))
    usage_of(completion.usage)
    for choice in completion.choices:
        completion.metadata(choice)
        for call in choice.tool_calls:
            call.parsed()


def _refusal(data: bytes) -> None:
    try:
        body = read_json(data)
    except ValueError:
        body = data.decode("utf-8", "replace")
    status_error(400 + len(data) % 200, body)


def _streamed(data: bytes) -> None:
    size = 1 + (data[-1] if data else 0) % 7
    whole, error = decoded([data], _reading(data))
    cut, error_of_cut = decoded([data[at : at + size] for at in range(0, len(data), size)], _reading(data))
    if error != error_of_cut or (error is None and repr(_facts(whole)) != repr(_facts(cut))):
        raise AssertionError(f"another answer in pieces of {size}: {error} and {error_of_cut}")


WAYS: Sequence[Callable[[bytes], None]] = (_whole, _streamed, _refusal)


KEYS = """choices delta message content reasoning_content reasoning reasoning_details text tool_calls id index type
function name arguments finish_reason matched_stop extra_content images image_url url usage prompt_tokens
completion_tokens_details reasoning_tokens error code status model created logprobs refusal role""".split()  # noqa: SIM905  # readable as it is
WORDS = (
    *("", "f", "get_weather", "stop", "length", "tool_calls", "{", "}", "{}", "{}{}", '{"city": "Paris"}', "<think>"),
    *("</think>", "<tool_call>", "</tool_call>", "<｜DSML｜", "![a](data:image/png;base64,AAAA)", "\ud800", "a", "思"),
)


def _value(choose: atheris.FuzzedDataProvider, depth: int) -> object:
    kind = choose.ConsumeIntInRange(0, 7 if depth else 4)
    if kind < 3:  # most of what is sent is text
        return choose.PickValueInList(list(WORDS))
    if kind < 5:  # and the rest of the scalars
        return choose.PickValueInList([None, True, 0, 1, -1, 200, 429, 1.5, [], {}])
    if kind == 5:  # lists, and objects otherwise
        return [_value(choose, depth - 1) for _ in range(choose.ConsumeIntInRange(0, 3))]
    keys = [choose.PickValueInList(KEYS) for _ in range(choose.ConsumeIntInRange(0, 4))]
    return {key: _value(choose, depth - 1) for key in keys}


def told(data: bytes) -> bytes:
    """A stream of the wire's own words, which bytes as they are seldom come to.

    Args:
        data: What atheris made: choices.

    Returns:
        Events, each with one choice.
    """
    choose, events = atheris.FuzzedDataProvider(data), []
    while choose.remaining_bytes() and len(events) < 8:  # enough to run into each other
        delta = {choose.PickValueInList(KEYS): _value(choose, 4) for _ in range(3)}
        choice = {choose.PickValueInList(["delta", "delta", "message"]): delta}
        choice |= {choose.PickValueInList(KEYS): _value(choose, 1) for _ in range(choose.ConsumeIntInRange(0, 2))}
        events.append({"choices": [choice], choose.PickValueInList(KEYS): _value(choose, 2)})
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def test_one_input(data: bytes) -> None:
    """Tries one input every way; one that begins with a high byte as choices, any other as it is.

    Args:
        data: What atheris made.
    """
    if data[:1] >= b"\x80":
        data = told(data[1:])
        data = data.removeprefix(b"data: ") if len(data) % 2 and data.count(b"\n\n") == 1 else data
    for way in WAYS:
        try:
            way(data)
        except AnyfastError as error:
            str(error)


def seeds() -> Iterator[bytes]:
    """What to begin with: the answers of the cassettes, and some that are odder."""
    yield from ODD
    for path in sorted((FOLDER.parent / "cassettes").rglob("*.yaml")):
        for interaction in yaml.safe_load(path.read_text(encoding="utf-8"))["interactions"]:
            body = interaction["response"]["body"]
            yield (json.dumps(body["json"]) if isinstance(body, dict) else body).encode()


def main() -> None:
    """Fuzzes for SECONDS seconds; what breaks is kept in `fuzz/findings`, what is new to it in `fuzz/corpus`."""
    warnings.simplefilter("ignore")
    findings, corpus = FOLDER / "findings", FOLDER / "corpus"
    for folder in (findings, corpus):
        folder.mkdir(exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    for number in range(16):
        (corpus / f"choices-{number}").write_bytes(bytes([128 + number]) + hashlib.sha512(bytes([number])).digest() * 4)
    seconds = os.environ.get("SECONDS", "60")
    options = [f"-max_total_time={seconds}", "-max_len=8192", f"-dict={FOLDER / 'wire.dict'}"]
    options += [f"-artifact_prefix={findings}/", "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, *sys.argv[1:], str(corpus)], test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
