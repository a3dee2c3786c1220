"""Small deterministic pictures of what the words say: a colour, a shape, a background; "make it blue" changes the last.

A picture carries its own description, so an edit starts from the picture that came back with the request: one that was
lost on the way shows. Pixels are few: `image_size` 1K is 64 on the longer side.
"""

import base64
import math
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from anyfast_emulator.conversation import text_of

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (214, 40, 40),
    "green": (46, 139, 87),
    "blue": (38, 84, 200),
    "yellow": (244, 201, 38),
    "orange": (240, 130, 30),
    "purple": (120, 60, 160),
    "pink": (240, 130, 170),
    "black": (20, 20, 20),
    "white": (250, 250, 250),
    "grey": (130, 130, 130),
}
_SHAPES = ("square", "circle", "triangle")
_OTHER_WORDS = {
    "gray": "grey",
    "violet": "purple",
    "rectangle": "square",
    "box": "square",
    "disc": "circle",
    "ball": "circle",
    "红": "red",
    "绿": "green",
    "蓝": "blue",
    "黄": "yellow",
    "黑": "black",
    "白": "white",
    "方": "square",
    "圆": "circle",
    "三角": "triangle",
}
_WORD = re.compile("|".join([*COLOURS, *_SHAPES, *_OTHER_WORDS]), re.IGNORECASE)
_GROUNDS = (
    re.compile(r"(\w+)\s+(?:back)?ground\b", re.IGNORECASE),
    re.compile(r"\bbackground\s+(?:is\s+|to\s+)?(\w+)", re.IGNORECASE),
    re.compile(r"\bon\s+(?:an?\s+)?(\w+)", re.IGNORECASE),
)
_DATA_URI = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]+)")
_KEY = b"anyfast-emulator\0"
SIDES = {"512": 32, "1K": 64, "2K": 128, "4K": 256}


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is on a picture.

    Args:
        colour: the colour of the shape.
        shape: "square", "circle" or "triangle".
        ground: the colour behind it.
    """

    colour: str = "grey"
    shape: str = "square"
    ground: str = "white"

    def __str__(self) -> str:
        return f"a {self.colour} {self.shape} on {self.ground}"


def read_drawing(text: str, before: Drawing | None = None) -> Drawing:
    """The picture that a text asks for.

    Args:
        text: the prompt.
        before: the picture that it may change; None = a new one.

    Returns:
        What to draw; what the text does not say stays as it was.
    """
    drawn = before or Drawing()
    found = next((f for one in _GROUNDS for f in one.finditer(text) if _named(f.group(1)) in COLOURS), None)
    if found:
        drawn = replace(drawn, ground=_named(found.group(1)))
        text = text[: found.start()] + text[found.end() :]
    names = [_named(one) for one in _WORD.findall(text)]
    colour = next((name for name in reversed(names) if name in COLOURS), drawn.colour)
    shape = next((name for name in reversed(names) if name in _SHAPES), drawn.shape)
    return replace(drawn, colour=colour, shape=shape)


def _named(word: str) -> str:
    return _OTHER_WORDS.get(word.lower(), word.lower())


def last_drawing(messages: Sequence[Mapping[str, Any]]) -> Drawing | None:
    """The picture that came last with a request.

    Args:
        messages: the request's messages.

    Returns:
        What is on it; None if none of ours came.
    """
    for message in reversed(messages):
        for uri in reversed(_DATA_URI.findall(_everything_in(message))):
            if (drawn := described(base64.b64decode(uri))) is not None:
                return drawn
    return None


def _everything_in(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    urls = [part["image_url"].get("url") for part in parts if isinstance(part.get("image_url"), Mapping)]
    return "\n".join([text_of(message), *map(str, urls)])


def described(png: bytes) -> Drawing | None:
    """What a picture of ours says of itself; None for any other."""
    at = png.find(_KEY)
    if at < 0:
        return None
    length = struct.unpack(">I", png[at - 8 : at - 4])[0]
    colour, shape, ground = png[at + len(_KEY) : at + length].decode().split()
    return Drawing(colour, shape, ground)


def size_of(aspect_ratio: str = "1:1", image_size: str = "1K") -> tuple[int, int]:
    """Width and height of a picture, in pixels.

    Args:
        aspect_ratio: as "16:9".
        image_size: "512", "1K", "2K" or "4K".

    Returns:
        The sides; the longer one is that of the size.
    """
    wide, high = (int(one) for one in aspect_ratio.split(":"))
    longest = SIDES[image_size]
    return max(1, round(longest * wide / max(wide, high))), max(1, round(longest * high / max(wide, high)))


def png(drawn: Drawing, width: int, height: int) -> bytes:
    """Draws a picture.

    Args:
        drawn: what is on it.
        width: in pixels.
        height: in pixels.

    Returns:
        A PNG, the same for the same arguments.
    """
    inside, outside = bytes(COLOURS[drawn.colour]), bytes(COLOURS[drawn.ground])
    rows = b"".join(
        b"\0" + b"".join(inside if _covers(drawn.shape, x, y, width, height) else outside for x in range(width))
        for y in range(height)
    )
    said = _KEY + f"{drawn.colour} {drawn.shape} {drawn.ground}".encode()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"tEXt", said), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _covers(shape: str, x: int, y: int, width: int, height: int) -> bool:
    across, down = x + 0.5 - width / 2, y + 0.5 - height / 2
    reach = 0.35 * min(width, height)
    if shape == "circle":
        return math.hypot(across, down) <= reach
    if shape == "triangle":
        return abs(down) <= reach and abs(across) <= (down + reach) / 2
    return max(abs(across), abs(down)) <= reach


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def data_uri(picture: bytes) -> str:
    """A PNG as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"
