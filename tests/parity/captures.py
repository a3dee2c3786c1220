"""Recorded exchanges beside the repository, what a perfect client makes of each, and who is right about them.

The recordings are under their sources' licences, so they are no part of this project: they are looked for in the folder
that ANYFAST_CAPTURES names, else in `shared/captures` beside the repository.
"""

import functools
import gzip
import itertools
import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from anyfast_transport.lenient_json import parsed_arguments

FOLDER = Path(os.environ.get("ANYFAST_CAPTURES") or Path(__file__).parents[3] / "shared" / "captures")


@dataclass(frozen=True)
class Capture:
    """One recorded answer, and what is expected of it."""

    name: str
    family: str
    model: str
    body: bytes
    status: int
    streamed: bool
    expected: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def groups(self) -> list[str]:
        return self.expected["groups"]


@functools.cache
def captures() -> tuple[Capture, ...]:
    """Every capture that its expectation does not mark as skipped, in the order of their names."""
    files = {path.stem: path for path in FOLDER.glob("*/*.json") if path.parent.name != "expected"}
    found = []
    for path in sorted((FOLDER / "expected").glob("*.json")):
        expected = json.loads(path.read_text(encoding="utf-8"))
        if "skip" in expected:
            continue
        raw = json.loads(files[expected.get("derived_from") or path.stem].read_text(encoding="utf-8"))
        expected = amended(expected, raw["response_body"])
        found.append(
            Capture(
                path.stem,
                raw["family"],
                raw["model"],
                raw["response_body"].encode(),
                raw["status"],
                bool(raw["stream"]),
                expected,
                _headers(raw),
            )
        )
    return tuple(found)


def amended(expected: dict[str, Any], body: str) -> dict[str, Any]:
    """An expectation, where we have good reason to differ from it.

    Its author left three things in whole answers alone: a legacy `function_call`, which is a tool call; thinking parts
    in a content list, which are reasoning; and the transcript of sound, which is the text.
    """
    try:
        message = json.loads(body)["choices"][0]["message"]
    except (ValueError, LookupError, TypeError):
        return expected
    amends: dict[str, Any] = {}
    function, audio = message.get("function_call") or {}, message.get("audio") or {}
    if name := function.get("name"):
        text = function["arguments"]
        amends["tool_calls"] = [{"id": None, "name": name, "args": parsed_arguments(text), "raw_args": text}]
    if words := audio.get("transcript"):
        amends["text"] = words
    content = message.get("content")
    thoughts = [part["thinking"] for part in content if "thinking" in part] if isinstance(content, list) else []
    if thoughts:
        amends["reasoning"] = "".join(one["text"] for parts in thoughts for one in parts)
    return {**expected, **amends}


def _headers(raw: dict[str, Any]) -> dict[str, str]:
    """What of the recorded headers a client may look at; the recorded bodies are text, whatever was around them."""
    recorded = {name.lower(): value for name, value in (raw["response_headers"] or {}).items()}
    kept = {name: value for name, value in recorded.items() if name in ("content-type", "retry-after")}
    return {"content-type": "text/event-stream" if raw["stream"] else "application/json", **kept}


# --- how the bytes arrive -----------------------------------------------------------------------------------------


_MANY = 4_000


def in_one(data: bytes) -> list[bytes]:
    return [data]


def byte_by_byte(data: bytes) -> list[bytes]:
    """One byte at a time; two or three in the longest ones, which would be most of what these tests cost."""
    step = 1 + len(data) // _MANY
    return [data[at : at + step] for at in range(0, len(data), step)]


def at_random(data: bytes, seed: int = 7) -> list[bytes]:
    rolls = random.Random(seed)  # noqa: S311  # no secret: it decides where bytes are cut
    cuts = sorted({0, len(data), *(rolls.randrange(len(data) + 1) for _ in range(len(data) // 40 + 3))})
    return [data[a:b] for a, b in itertools.pairwise(cuts)]


def inside_characters(data: bytes) -> list[bytes]:
    """Cut behind the first byte of every character that has several."""
    cuts = [0, *(at + 1 for at, byte in enumerate(data) if byte >= 0xC0), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(cuts) if a < b]


def _lines(capture: Capture, end: bytes) -> Capture:
    return replace(capture, body=capture.body.replace(b"\r\n", b"\n").replace(b"\n", end))


def _commented(capture: Capture) -> Capture:
    body = b": PING\n\n" + capture.body.replace(b"\n\n", b"\n\n: keep-alive\n\n")
    return replace(capture, body=body) if capture.status == 200 else capture


def _zipped(capture: Capture) -> Capture:
    return replace(
        capture, body=gzip.compress(capture.body, mtime=0), headers={**capture.headers, "content-encoding": "gzip"}
    )


WAYS: dict[str, tuple[Callable[[Capture], Capture], Callable[[bytes], list[bytes]]]] = {
    "as recorded": (lambda one: one, in_one),
    "one byte at a time": (lambda one: one, byte_by_byte),
    "at random": (lambda one: one, at_random),
    "inside characters": (lambda one: one, inside_characters),
    "CRLF": (lambda one: _lines(one, b"\r\n"), at_random),
    "CR": (lambda one: _lines(one, b"\r"), at_random),
    "comments": (_commented, at_random),
    "gzip": (_zipped, at_random),
}
"""Name → what is done to a capture, and how its body is cut. Only events have lines and comments to be changed."""


def arrivals(capture: Capture) -> Iterator[tuple[str, Capture, list[bytes]]]:
    for name, (change, cut) in WAYS.items():
        if name in ("CRLF", "CR", "comments") and not capture.streamed:
            continue
        changed = change(capture)
        yield name, changed, cut(changed.body)


# --- what was delivered, and whether it is right ------------------------------------------------------------------


@dataclass
class Delivered:
    """What a client made of an answer.

    `calls` holds (id, name, arguments or None for one that must not be executed, raw text of the arguments).
    """

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, str, Any, str]] = field(default_factory=list)
    finish_reason: str | None = None
    usage: dict[str, int | None] | None = None
    images: int = 0
    signatures: set[str] = field(default_factory=set)
    error: Exception | None = None


def faults(capture: Capture, got: Delivered, kind_of: Callable[[Exception], set[str]]) -> list[str]:
    """What is wrong, by the rules of the captures' README.

    Args:
        capture: The capture.
        got: What a client delivered.
        kind_of: The kinds of error that an exception may pass for; none for an untyped one.

    Returns:
        One line for each fault; nothing if all is right.
    """
    expected = capture.expected
    outcomes = {expected["outcome"], *_accepted(expected, "outcome")}
    if got.error is None:
        return _answer_faults(expected, got) if "ok" in outcomes else [f"no error, but {expected['outcome']}"]
    if outcomes == {"ok"}:
        return [f"an error: {got.error!r}"]
    return _error_faults(expected, got, kind_of(got.error))


def _accepted(expected: dict[str, Any], name: str) -> list[Any]:
    return [value for one in expected["lenient"] if one["field"] == name for value in _listed(one.get("accept"))]


def _listed(accept: Any) -> list[Any]:
    return accept if isinstance(accept, list) else []


def _waived(expected: dict[str, Any], name: str) -> bool:
    return any(one["field"] == name and not isinstance(one.get("accept"), list) for one in expected["lenient"])


def _answer_faults(expected: dict[str, Any], got: Delivered) -> list[str]:
    told = [(expected["text"], expected["reasoning"])]
    told += [(one["text"], one.get("reasoning", "")) for one in expected.get("alternatives", ())]
    found = [] if (got.text, got.reasoning) in told else [f"text and reasoning {(got.text, got.reasoning)!r}"]
    found += [] if _waived(expected, "tool_calls") else _call_faults(expected["tool_calls"], got.calls)
    if got.finish_reason not in (expected["finish_reason"], *_accepted(expected, "finish_reason")):
        found.append(f"finish_reason {got.finish_reason!r}")
    found += _usage_faults(expected, got.usage)
    if got.images != expected["images"] and not _waived(expected, "images"):
        found.append(f"{got.images} images")
    if missing := _signatures(expected["signatures"]) - got.signatures:
        found.append(f"signatures lost: {missing}")
    return found


def _call_faults(expected: list[dict[str, Any]], got: list[tuple[str, str, Any, str]]) -> list[str]:
    if len(expected) != len(got):
        return [f"{len(got)} calls instead of {len(expected)}"]
    found = []
    for call, (call_id, name, args, raw) in zip(expected, got, strict=True):
        if (call["name"], call["args"]) != (name, args) or call_id != (call["id"] or call_id) or not call_id:
            found.append(f"call {(call_id, name, args)}")
        # ChatAnyfast's streams append what keeps LangChain from completing the arguments and running the tool.
        if call["args"] is None and not raw.startswith(call["raw_args"]):
            found.append(f"raw arguments {raw!r}")
    if len({call[0] for call in got}) < len({json.dumps(call) for call in expected}):
        found.append("ids not unique")
    return found


def _usage_faults(expected: dict[str, Any], got: dict[str, int | None] | None) -> list[str]:
    if _waived(expected, "usage"):
        return []
    wanted = expected["usage"]
    if wanted is None or got is None:
        return [] if wanted is got else [f"usage {got}"]
    wrong = {
        key: got.get(key)
        for key, value in wanted.items()
        if got.get(key) not in (value, *_accepted(expected, f"usage.{key}"))
    }
    return [f"usage {wrong}"] if wrong else []


def _signatures(tree: Any) -> set[str]:
    """Every thought signature in an expectation; those of `reasoning_details` are informative only."""
    if isinstance(tree, dict):
        found = [_signatures(value) for key, value in tree.items() if key not in ("reasoning_details", "thought")]
        return set().union(*found)
    return {tree} if isinstance(tree, str) else set()


def _error_faults(expected: dict[str, Any], got: Delivered, kinds: set[str]) -> list[str]:
    wanted = expected["error"] or {"kind": "truncated"}
    allowed = {wanted["kind"], *_accepted(expected, "error.kind")}
    if expected["outcome"] == "truncated" or "truncated" in _accepted(expected, "outcome"):
        allowed |= {"truncated", "stream_error", "invalid_response"}
    found = [] if kinds & allowed else [f"{got.error!r} is none of {sorted(allowed)}"]
    if (words := wanted.get("message_contains")) and words not in str(got.error):
        found.append(f"{words!r} is not in {str(got.error)!r}")
    if expected["outcome"] == "truncated" and (got.text, got.reasoning) != (expected["text"], expected["reasoning"]):
        found.append(f"partial text and reasoning {(got.text, got.reasoning)!r}")
    return found
