"""Every recorded answer is delivered as it was meant, in both frameworks, however its bytes arrive."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from tests.parity.captures import FOLDER, Capture, arrivals, at_random, captures, faults
from tests.parity.through import STREAMED, STREAMED_ASYNC, WHOLE, WHOLE_ASYNC, Playback, kinds_of

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the captures are not beside the repository")

NAMES = [capture.name for capture in captures()]
BY_NAME = {capture.name: capture for capture in captures()}


@pytest.mark.parametrize("name", NAMES)
def test_delivered_as_meant(name):
    capture = BY_NAME[name]
    ways = STREAMED if capture.streamed else {**WHOLE, **STREAMED}
    for at, (how, changed, pieces) in enumerate(arrivals(capture), NAMES.index(name)):
        # How bytes arrive is the decoder's business, which all ways share.
        for way in ways if how == "one byte at a time" else [list(ways)[at % len(ways)]]:
            playback = Playback(pieces, changed.status, changed.headers)
            assert not faults(changed, ways[way](playback), kinds_of), f"{way}, {how}"


@pytest.mark.parametrize("name", NAMES)
async def test_delivered_as_meant_async(name):
    capture = BY_NAME[name]
    ways = STREAMED_ASYNC if capture.streamed else {**WHOLE_ASYNC, **STREAMED_ASYNC}
    for how, changed, pieces in arrivals(capture):
        if how != ("one byte at a time", "gzip")[NAMES.index(name) % 2]:
            continue  # the decoder is the same, and so is what is done to its bytes
        for way, ask in ways.items():
            playback = Playback(pieces, changed.status, changed.headers)
            assert not faults(changed, await ask(playback), kinds_of), f"{way}, {how}"


# --- the same with other words, names and ids ---------------------------------------------------------------------

_OTHER_WORDS = str.maketrans({"e": "é", "a": "語", "o": "🙂", "i": "j", "的": "e", " ": "  "})
"""A character at a time, since words are cut anywhere."""

_SAID = ("content", "reasoning_content", "reasoning", "text", "refusal", "transcript")


def _renamed(value: Any, key: str = "") -> Any:
    """A payload, or an expectation, in which words, tool names and ids are other ones."""
    if isinstance(value, dict):
        return {inner: item if inner == "args" else _renamed(item, inner) for inner, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, key) for item in value]
    if not isinstance(value, str) or not value:
        return value
    if key in _SAID:
        return value.translate(_OTHER_WORDS)
    return {"id": f"{value}:x", "name": f"{value}_2"}.get(key, value)


def _changed(capture: Capture) -> Capture:
    if not capture.streamed:
        body = json.dumps(_renamed(json.loads(capture.body))).encode()
        return replace(capture, body=body, expected=_renamed(capture.expected))
    lines = [_changed_line(line) for line in re.split(rb"(?<=\n)", capture.body)]
    return replace(capture, body=b"".join(lines), expected=_renamed(capture.expected))


def _changed_line(line: bytes) -> bytes:
    field, data = line[:5], line[5:].strip()
    if field != b"data:" or not data.startswith(b"{"):
        return line
    return b"data: " + json.dumps(_renamed(json.loads(data))).encode() + line[len(line.rstrip()) :]


@pytest.mark.parametrize("name", NAMES)
def test_with_other_words_names_ids_and_pieces(name):
    capture = BY_NAME[name]
    told = capture.expected
    if told["outcome"] == "error" or told.get("alternatives") or b"data: \n" in capture.body:
        pytest.skip("its words matter")
    changed = _changed(capture)
    for ways in (STREAMED,) if capture.streamed else (WHOLE, STREAMED):
        way = list(ways)[NAMES.index(name) % len(ways)]
        playback = Playback(at_random(changed.body, len(name)), changed.status, changed.headers)
        assert not faults(changed, ways[way](playback), kinds_of), way
