"""How vcrpy records and replays here: readable bodies, matched on method, path and JSON body, and nothing secret."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import vcr
import yaml
from vcr.record_mode import RecordMode
from vcr.request import Request

FOLDER = Path(__file__).parent
URL = "https://www.anyfast.ai/v1"
"""The gateway's own URL, under which every request is sent and kept."""

RECORDED_FROM = "recorded from"
EMULATOR, LIVE = "the emulator", "the live gateway"

_KEPT_HEADERS = ("content-type", "retry-after", "x-oneapi-request-id")
_REQUEST_ID = re.compile(r"\b\d{14}([0-9a-zA-Z]{8})\b")
_CREATED = re.compile(r'("created": ?)\d+')
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""A safe loader, in C where there is one."""


class _Readable(yaml.SafeDumper):
    """Text of several lines as it is, everything else on as few lines as YAML allows."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # PyYAML's signature
        """A body that comes twice is written twice."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _text)


def serialize(tape: Mapping[str, Any]) -> str:
    """Writes a cassette as YAML: JSON bodies parsed, the frames of a stream as they came.

    Args:
        tape: The cassette, in vcrpy's form.

    Returns:
        The file's text.
    """
    kept = {RECORDED_FROM: source(), "interactions": [_written(one) for one in tape["interactions"]]}
    return yaml.dump(kept, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=1000)


def deserialize(text: str) -> dict[str, Any]:
    """Reads a cassette back.

    Args:
        text: What `serialize` wrote.

    Returns:
        The cassette, in vcrpy's form.
    """
    tape = yaml.load(text, Loader=LOADER)  # noqa: S506  # a safe one
    return {"interactions": [_read(one) for one in tape["interactions"]], "version": 1}


def source() -> str:
    """Where a recording made now would come from."""
    return LIVE if os.environ.get("ANYFAST_API_KEY") else EMULATOR


def _written(interaction: Mapping[str, Any]) -> dict[str, Any]:
    request, response = interaction["request"], interaction["response"]
    headers = {name.lower(): values[0] for name, values in response["headers"].items()}
    return {
        "request": {"method": request["method"], "uri": request["uri"], "body": json.loads(_decoded(request["body"]))},
        "response": {
            "status": response["status"]["code"],
            "headers": {name: headers[name] for name in _KEPT_HEADERS if name in headers},
            "body": _body(_decoded(response["body"]["string"])),
        },
    }


def _body(text: str) -> Any:
    try:
        parsed = json.loads(text)
    except ValueError:
        return text
    # Blank lines before the JSON are keep-alives, and part of what is to be replayed.
    blank = len(text) - len(text.lstrip("\n"))
    return {"blank lines": blank, "json": parsed} if isinstance(parsed, (dict, list)) else text


def _read(kept: Mapping[str, Any]) -> dict[str, Any]:
    request, response, body = kept["request"], kept["response"], kept["response"]["body"]
    if isinstance(body, dict):
        body = "\n" * body["blank lines"] + json.dumps(body["json"], ensure_ascii=False)
    return {
        "request": {**request, "body": json.dumps(request["body"]), "headers": {}},
        "response": {
            "status": {"code": response["status"], "message": ""},
            "headers": {name: [value] for name, value in response["headers"].items()},
            "body": {"string": body},
        },
    }


def _decoded(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else str(body)


def _same_body(one: Request, other: Request) -> None:
    ours, kept = json.loads(_decoded(one.body)), json.loads(_decoded(other.body))
    assert ours == kept, f"sent: {json.dumps(ours)}\nkept: {json.dumps(kept)}"  # noqa: S101  # vcrpy's way to say no


def _without_headers(request: Request) -> Request:
    """The request without its headers, and so without the key."""
    request.headers = {}
    return request


def _timeless(response: dict[str, Any]) -> dict[str, Any]:
    """The answer without what is another every time, so that a new recording differs where the answer does."""
    text = _CREATED.sub(r"\g<1>1767225600", _decoded(response["body"]["string"]))
    headers = {name: [_same_id(value) for value in values] for name, values in response["headers"].items()}
    return {**response, "headers": headers, "body": {"string": _same_id(text).encode()}}


def _same_id(text: str) -> str:
    return _REQUEST_ID.sub(r"20260101000000\1", text)


def configured(tapes: vcr.VCR) -> vcr.VCR:
    """Teaches vcrpy how this folder is written.

    Args:
        tapes: vcrpy's own object; changed.

    Returns:
        The same object.
    """
    tapes.register_serializer("yaml", _SERIALIZER)
    tapes.register_matcher("json body", _same_body)
    return tapes


class _Serializer:
    serialize = staticmethod(serialize)
    deserialize = staticmethod(deserialize)


_SERIALIZER = _Serializer()

CONFIG: dict[str, Any] = {
    "serializer": "yaml",
    "match_on": ["method", "path", "json body"],
    "before_record_request": _without_headers,
    "before_record_response": _timeless,
    "decode_compressed_response": True,
}
"""vcrpy's settings, for whoever replays."""


def tape(name: str, *, record: bool = False) -> Any:
    """A cassette as a context.

    Args:
        name: `<family>/<behaviour in words>`.
        record: Whether requests that it does not hold are sent, and kept; else they are errors.

    Returns:
        vcrpy's context manager.
    """
    mode = RecordMode.NEW_EPISODES if record else RecordMode.NONE
    return configured(vcr.VCR(**CONFIG)).use_cassette(str(FOLDER / f"{name}.yaml"), record_mode=mode)
