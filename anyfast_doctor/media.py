"""Probes of images and videos: refused, seen, or taken and dropped (dify#3771)."""

import base64
import struct
import zlib
from importlib import resources

from anyfast_doctor.exchanges import Exchange
from anyfast_doctor.findings import Probing, Subject, differs, works
from anyfast_transport.families.table import Family

_EVERY = frozenset({"text", "image_url", "video_url", "input_audio", "file"})
_SIDE = 64
_FEW_TOKENS = 8
"""What a count may differ by for other reasons than a picture."""


def red_picture() -> bytes:
    """A red square as PNG."""
    row = b"\0" + b"\xdc\x14\x14" * _SIDE

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row * _SIDE)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def red_film() -> bytes:
    """Two seconds of red as MP4."""
    return resources.files("anyfast_doctor").joinpath("red.mp4").read_bytes()


def image(subject: Subject) -> Probing:
    """Whether an image is seen."""
    return _probing(subject, "image_url", "picture", "image/png", red_picture())


def video(subject: Subject) -> Probing:
    """Whether a video is seen."""
    return _probing(subject, "video_url", "film", "video/mp4", red_film())


def _probing(subject: Subject, kind: str, name: str, mime: str, data: bytes) -> Probing:
    family = subject.family
    parts = _known(family)
    words = f"What colour is this {name}? One word."
    url = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    content = [{"type": "text", "text": words}, {"type": kind, kind: {"url": url}}]
    exchange = yield subject.ask([{"role": "user", "content": content}], think=False, limit=256)
    seen = exchange.answered
    if seen and "red" not in exchange.text.lower().replace(".", " ").split():
        without = yield subject.ask(words, think=False, limit=256)
        seen = _prompt(exchange) > _prompt(without) + _FEW_TOKENS
    said = "refused" if exchange.refused else "seen" if seen else "taken, and dropped on the way"
    if kind not in parts:
        if not seen:
            return works(f"{said}; our row refuses it before sending")
        return differs(said, parts=parts | {"text", kind}, flattens_text=False)
    if seen:
        return works(f"{said}: {exchange.text.strip()[:40]!r}")
    words = f"{said}: {exchange.words}" if exchange.refused else said
    if exchange.refused and family.parts is None and family.inputs is not None:
        return works(f"{words}; its page and its vendor disagree, so our row leaves it to the gateway")
    return differs(words, "The profile file makes it an error before sending.", parts=parts - {kind})


def _prompt(exchange: Exchange) -> int:
    return exchange.usage.input if exchange.usage else 0


def no_video(family: Family) -> str:
    """Why no video is asked about; a row that takes any kind is taken at its word, an unknown model is not."""
    known = _known(family) if family.ids else frozenset()
    return "" if "video_url" in known else "no page of this family documents video_url"


def _known(family: Family) -> frozenset[str]:
    """What its models take, as far as the row knows; a row that knows nothing refuses nothing."""
    return next((known for known in (family.parts, family.inputs) if known is not None), _EVERY)
