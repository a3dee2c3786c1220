"""A picture and a video, looked at by two models; and what a model says that takes text only.

`python examples/multimodal.py photo.jpg https://…/film.mp4` asks about a picture and a video of yours.
"""

import base64
import struct
import sys
import zlib
from mimetypes import guess_type
from pathlib import Path

from gateway import run
from langchain_core.messages import HumanMessage

from anyfast_transport import UnsupportedParameterError
from langchain_anyfast import ChatAnyfast

# The sample of Alibaba Cloud's own documentation of video input. The model fetches it, not this program.
FILM = "https://help-static-aliyun-doc.aliyuncs.com/file-manage-files/zh-CN/20241115/cqqkru/1.mp4"
RED, WHITE, BLUE = b"\xc8\x20\x30", b"\xff\xff\xff", b"\x20\x40\xa0"


def striped_png(*colours: bytes, width: int = 40, height: int = 80) -> bytes:
    """A PNG of upright stripes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"".join(colour * width for colour in colours)) * height
    size = struct.pack(">IIBBBBB", width * len(colours), height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", size), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def main() -> None:
    path = sys.argv[1] if len(sys.argv) > 1 else "stripes.png"
    data = Path(path).read_bytes() if len(sys.argv) > 1 else striped_png(RED, WHITE, BLUE)
    picture = {"type": "image", "base64": base64.b64encode(data).decode(), "mime_type": guess_type(path)[0]}
    video = {"type": "video", "url": sys.argv[2] if len(sys.argv) > 2 else FILM, "extras": {"fps": 1}}
    for block, question in (picture, "Which colours do you see, from left to right?"), (video, "What happens here?"):
        print(question)
        for name in ("qwen3.6-flash", "doubao-seed-2.1-pro", "deepseek-v4-pro"):
            print(f"  {name:<20}", end="", flush=True)
            try:
                message = HumanMessage([{"type": "text", "text": question}, block])
                print(ChatAnyfast(model=name).invoke([message]).text)
            except UnsupportedParameterError as error:
                print(f"(nothing sent) {error}")


if __name__ == "__main__":
    run(main)
