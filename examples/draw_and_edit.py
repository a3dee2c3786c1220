"""A picture that a model makes, changed twice in one conversation; each is saved, and shown in a terminal that can.

`python examples/draw_and_edit.py "a fox in the snow" "make it night" "as a woodcut"` draws what you say.
"""

import base64
import os
import sys
from pathlib import Path

from gateway import run
from langchain_core.messages import HumanMessage

from langchain_anyfast import ChatAnyfast

STEPS = ("Draw a red square.", "Now make it blue.", "And a circle on a black background.")
SHOWS_PICTURES = sys.stdout.isatty() and os.environ.get("TERM_PROGRAM") in {"iTerm.app", "WezTerm", "vscode"}


def show(picture: bytes) -> None:
    """Writes the picture into the terminal: iTerm2's inline images, which others know too."""
    if SHOWS_PICTURES:
        print(f"\033]1337;File=inline=1;height=8:{base64.b64encode(picture).decode()}\a")


def main() -> None:
    painter = ChatAnyfast(model="gemini-3-pro-image-preview", image_config={"aspect_ratio": "16:9"})
    conversation = []
    for number, step in enumerate(sys.argv[1:] or STEPS, 1):
        conversation.append(HumanMessage(step))
        answer = painter.invoke(conversation)
        conversation.append(answer)  # the picture goes back with it, so that the next step changes that one
        print(f"{step}\n  {answer.text.strip()}")
        for block in answer.content_blocks:
            if block["type"] == "image":
                path = Path(f"picture-{number}.{block['mime_type'].partition('/')[2]}")
                path.write_bytes(base64.b64decode(block["base64"]))
                print(f"  saved as {path.resolve()}")
                show(path.read_bytes())


if __name__ == "__main__":
    run(main)
