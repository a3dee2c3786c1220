"""A chat page: reasoning folded, tool calls with what they gave, usage, a picker of models and a switch for thinking.

    pip install '.[langchain,emulator]' -r examples/chat_page/requirements.txt
    python examples/chat_page/app.py

It talks to Anyfast if ANYFAST_API_KEY is set, and else to the emulator.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
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


def get_weather(city: str) -> str:
    """Tells the weather in a city, in degrees Celsius."""
    return f"{city}: {10 + sum(map(ord, city)) % 20} degrees Celsius, clear sky"


def convert_temperature(celsius: float) -> str:
    """Converts a temperature from Celsius to Fahrenheit."""
    return f"{celsius:g} degrees Celsius are {celsius * 9 / 5 + 32:g} degrees Fahrenheit"


class Turn:
    """A question and what came of it: `messages` for the model, `shown` for the page."""

    def __init__(self, question: str) -> None:
        self.messages: list[AnyMessage] = [HumanMessage(question)]
        self.shown: list[gr.ChatMessage] = []
        self.usage: UsageMetadata | None = None
        self.calls: dict[str | None, gr.ChatMessage] = {}

    def show(self, content: str, title: str = "") -> gr.ChatMessage:
        """Begins something new, and folds what was before it. What has a title can be folded."""
        self.fold()
        shown = gr.ChatMessage(content, metadata={"title": title} if title else {})
        self.shown.append(shown)
        return shown

    def fold(self) -> None:
        for message in self.shown:
            message.metadata |= {"status": "done"} if message.metadata else {}

    def grow(self, piece: str, title: str = "") -> None:
        if piece and self.shown and self.shown[-1].metadata.get("title", "") == title:
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


async def answer(
    question: str, history: list[Any], name: str, thinking: bool, turns: list[Turn]
) -> AsyncIterator[tuple[list[gr.ChatMessage], list[Turn]]]:
    """Shows the answer while it comes. The stop button closes this generator, and with it the request."""
    # Undo, retry and edit shorten the history that the page shows.
    turns = [*turns[: sum(message["role"] == "user" for message in history)], (turn := Turn(question))]
    try:
        agent = create_agent(ChatAnyfast(model=name, thinking=thinking), [get_weather, convert_temperature])
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
        chatbot=gr.Chatbot(show_label=False, buttons=["copy_all"], scale=1),
        additional_inputs=[picked, thinks, kept],
        additional_outputs=[kept],
        examples=[["What is the weather in Lisbon, and how much is that in Fahrenheit?"]],
        title="Anyfast chat",
    )

if __name__ == "__main__":
    if not os.environ.get("ANYFAST_API_KEY"):
        print("Talking to the emulator, which makes its answers up. Set ANYFAST_API_KEY for Anyfast.")
        emulator = Emulator(delay=0.02).start()
        os.environ |= {"ANYFAST_API_KEY": emulator.api_key, "ANYFAST_BASE_URL": emulator.base_url}
    page.launch(footer_links=["gradio"])
