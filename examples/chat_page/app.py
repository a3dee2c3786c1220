"""A chat page: reasoning folded, tool calls with what they gave, pictures both ways, usage, a picker of models.

    pip install '.[langchain,emulator]' -r examples/chat_page/requirements.txt
    python examples/chat_page/app.py

It talks to Anyfast if ANYFAST_API_KEY is set, and else to the emulator.
"""

import base64
import json
import mimetypes
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from textwrap import shorten
from typing import Any

import gradio as gr
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, HumanMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata, add_usage

from anyfast_emulator import Emulator
from anyfast_transport import AnyfastError
from langchain_anyfast import ChatAnyfast

MODELS = ["deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-2.1-pro", "gemini-3-flash-preview", "kimi-k2.6", "glm-5.2"]
MODELS += ["gemini-3-pro-image-preview"]


def get_weather(city: str) -> str:
    """Tells the weather in a city, in degrees Celsius."""
    return f"{city}: {10 + sum(map(ord, city)) % 20} degrees Celsius, clear sky"


def convert_temperature(celsius: float) -> str:
    """Converts a temperature from Celsius to Fahrenheit."""
    return f"{celsius:g} degrees Celsius are {celsius * 9 / 5 + 32:g} degrees Fahrenheit"


def picture_block(path: str) -> dict[str, Any]:
    """A file of the user's, for the model."""
    data = base64.b64encode(Path(path).read_bytes()).decode()
    return {"type": "image", "base64": data, "mime_type": mimetypes.guess_type(path)[0] or "image/png"}


class Turn:
    """A question and what came of it: `messages` for the model, `shown` for the page."""

    def __init__(self, question: dict[str, Any]) -> None:
        text, pictures = question["text"], [picture_block(path) for path in question["files"]]
        said = [*([{"type": "text", "text": text}] if text else []), *pictures]
        self.messages: list[AnyMessage] = [HumanMessage(said if pictures else text)]
        self.entries = len(said)  # so many the page's history has of it
        self.shown: list[gr.ChatMessage] = []
        self.usage: UsageMetadata | None = None
        self.calls: dict[str | None, gr.ChatMessage] = {}

    def show(self, content: str | dict[str, str], title: str = "") -> gr.ChatMessage:
        """Begins something new, and folds what was before it. What has a title can be folded."""
        self.fold()
        shown = gr.ChatMessage(content, metadata={"title": title} if title else {})
        self.shown.append(shown)
        return shown

    def fold(self) -> None:
        for message in self.shown:
            message.metadata |= {"status": "done"} if message.metadata else {}

    def grow(self, piece: str, title: str = "") -> None:
        last = self.shown[-1] if self.shown else None
        if piece and last and isinstance(last.content, str) and last.metadata.get("title", "") == title:
            self.shown[-1].content += piece
        elif piece:
            self.show(piece, title)

    def keep(self, message: AnyMessage) -> None:
        """Takes a whole message: its calls and results are shown, its usage is added up."""
        self.messages.append(message)
        if isinstance(message, ToolMessage):
            self.calls[message.tool_call_id].content += f"\n\n{message.text}"
        elif isinstance(message, AIMessage):
            self.usage = add_usage(self.usage, message.usage_metadata)
            for block in message.content_blocks:
                if block["type"] == "image" and "base64" in block:
                    with tempfile.NamedTemporaryFile(suffix=".png", delete=False) as file:
                        file.write(base64.b64decode(block["base64"]))
                    self.show({"path": file.name, "mime_type": block["mime_type"]})
            for call in message.tool_calls:
                arguments = json.dumps(call["args"], ensure_ascii=False)
                self.calls[call["id"]] = self.show(f"```json\n{arguments}\n```", f"Tool: {call['name']}")
                self.calls[call["id"]].metadata["log"] = shorten(arguments, 60)

    def end(self, model: str) -> None:
        self.fold()
        if used := self.usage:
            thought = used.get("output_token_details", {}).get("reasoning", 0)
            told = f"{used['input_tokens']} tokens in, {used['output_tokens']} out, {thought} of them reasoning"
            self.shown.append(gr.ChatMessage(f"<small>{model}: {told}</small>"))


def earlier(turns: list[Turn], history: list[Any]) -> list[Turn]:
    """The turns that the page still shows: undo, retry and edit shorten its history."""
    asked = sum(message["role"] == "user" for message in history)
    return [turn for at, turn in enumerate(turns) if sum(one.entries for one in turns[: at + 1]) <= asked]


def agent_of(name: str, thinking: bool) -> Any:
    """An agent with tools; a model that makes pictures has neither tools nor a switch for thinking."""
    model = ChatAnyfast(model=name)
    if (model.profile or {}).get("image_outputs"):
        return create_agent(model, [])
    return create_agent(ChatAnyfast(model=name, thinking=thinking), [get_weather, convert_temperature])


async def answer(
    question: dict[str, Any], history: list[Any], name: str, thinking: bool, turns: list[Turn]
) -> AsyncIterator[tuple[list[gr.ChatMessage], list[Turn]]]:
    """Shows the answer while it comes. The stop button closes this generator, and with it the request."""
    turns = [*earlier(turns, history), (turn := Turn(question))]
    try:
        agent = agent_of(name, thinking)
        conversation = {"messages": [message for one in turns for message in one.messages]}
        async with aclosing(agent.astream(conversation, stream_mode=["messages", "updates"])) as events:
            async for mode, event in events:
                if mode == "updates":
                    for message in [one for update in event.values() for one in update["messages"]]:
                        turn.keep(message)
                elif isinstance(event[0], AIMessageChunk):
                    turn.grow(event[0].additional_kwargs.get("reasoning_content", ""), "Thinking")
                    turn.grow(event[0].text)
                yield turn.shown, turns
    except AnyfastError as error:
        turn.show(f"**That did not work.** {error}")
    turn.end(name)
    yield turn.shown, turns


with gr.Blocks(title="Anyfast chat", analytics_enabled=False, fill_height=True) as page:
    with gr.Sidebar():
        picked = gr.Dropdown(MODELS, label="Model", allow_custom_value=True)
        thinks = gr.Checkbox(True, label="Thinking")
    kept = gr.State([])
    gr.ChatInterface(
        answer,
        multimodal=True,
        textbox=gr.MultimodalTextbox(file_types=["image"], file_count="multiple", show_label=False, stop_btn=True),
        chatbot=gr.Chatbot(show_label=False, buttons=["copy_all"], scale=1),
        additional_inputs=[picked, thinks, kept],
        additional_outputs=[kept],
        examples=[[{"text": "What is the weather in Lisbon, and how much is that in Fahrenheit?"}]],
        title="Anyfast chat",
    )

if __name__ == "__main__":
    if not os.environ.get("ANYFAST_API_KEY"):
        print("Talking to the emulator, which makes its answers up. Set ANYFAST_API_KEY for Anyfast.")
        emulator = Emulator(delay=0.02).start()
        os.environ |= {"ANYFAST_API_KEY": emulator.api_key, "ANYFAST_BASE_URL": emulator.base_url}
    page.launch(footer_links=["gradio"])
