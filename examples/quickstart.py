"""Reasoning models at work, and an embedding model that finds what they are asked about: LangChain, then LlamaIndex.

It talks to Anyfast if ANYFAST_API_KEY is set, and else to the emulator, which needs neither a key nor a network.
Each part imports its framework when it begins, so that you do not wait for both before you see anything.
"""

import asyncio
import contextlib
import os
import sys

from anyfast_emulator import Emulator
from anyfast_transport import AnyfastError, Connection, Price, UsageTracker

HANDBOOK = """The lighthouse at Skerry Point was lit for the first time on 4 May 1871.
Its lens weighs three tonnes and turns in a bath of mercury.
The keeper cleans the lens every Monday, before the tide turns.
Visitors may climb the 214 steps from June to September."""

# Yours, for a million tokens: {"deepseek-v4-pro": Price(input=..., output=...)}. With prices the table shows the cost.
PRICES: dict[str, Price] = {}

COLOURED = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
COLOURS = {"thinks": "2", "finds": "33", "calls": "36", "gets": "33", "answers": "1"}


def get_weather(city: str) -> str:
    """Tells the weather in a city, in degrees Celsius."""
    return f"{city}: 21 degrees Celsius, clear sky"


def convert_temperature(celsius: float) -> str:
    """Converts a temperature from Celsius to Fahrenheit."""
    return f"{celsius:g} degrees Celsius are {celsius * 9 / 5 + 32:g} degrees Fahrenheit"


def langchain_part(connection: dict[str, str], tracker: UsageTracker) -> None:
    from langchain.agents import create_agent
    from langchain_core.messages import ToolMessage

    from langchain_anyfast import ChatAnyfast, track_usage

    model = ChatAnyfast(model="deepseek-v4-pro", thinking=True, **connection)
    agent = create_agent(model, [get_weather, convert_temperature])
    question = "What is the weather in Lisbon today, and how many degrees Fahrenheit is that?"
    transcript = Transcript("LangChain: an agent on deepseek-v4-pro, which thinks before each step", question)
    with track_usage(tracker=tracker):
        for message, _ in agent.stream({"messages": [("user", question)]}, stream_mode="messages"):
            if isinstance(message, ToolMessage):
                transcript.show("gets", message.text, begin=True)
                continue
            for block in message.content_blocks:
                if block["type"] == "reasoning":
                    transcript.show("thinks", block["reasoning"])
                elif block["type"] == "tool_call_chunk":
                    transcript.show("calls", block["name"] and f"{block['name']} ", begin=True)
                    transcript.show("calls", block["args"])
                elif block["type"] == "text":
                    transcript.show("answers", block["text"])


def langchain_retrieval(connection: dict[str, str], tracker: UsageTracker) -> None:
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnablePassthrough
    from langchain_core.vectorstores import InMemoryVectorStore

    from langchain_anyfast import AnyfastEmbeddings, ChatAnyfast, track_usage

    question = "When may visitors climb the steps?"
    transcript = Transcript("LangChain: a retrieval chain on doubao-embedding and deepseek-v4-pro", question)
    with track_usage(tracker=tracker):
        embeddings = AnyfastEmbeddings(model="doubao-embedding", **connection)
        store = InMemoryVectorStore.from_texts(HANDBOOK.splitlines(), embeddings)

        def passage(question: str) -> str:
            [found] = store.similarity_search(question, k=1)
            transcript.show("finds", found.page_content)
            return found.page_content

        prompt = ChatPromptTemplate.from_template("Context: {passage}\n\nQuestion: {question}")
        model = ChatAnyfast(model="deepseek-v4-pro", **connection)
        chain = {"passage": passage, "question": RunnablePassthrough()} | prompt | model
        for chunk in chain.stream(question):
            transcript.show("thinks", chunk.additional_kwargs.get("reasoning_content"))
            transcript.show("answers", chunk.text)


async def llama_index_part(connection: dict[str, str], tracker: UsageTracker) -> None:
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCall, ToolCallResult
    from llama_index.core.tools import QueryEngineTool

    from llama_index_anyfast import AnyfastEmbedding, AnyfastLLM, track_usage

    llm = AnyfastLLM(model="qwen3.6-flash", thinking=True, **connection)
    embed_model = AnyfastEmbedding(model="doubao-embedding", **connection)

    with track_usage(tracker=tracker):
        documents = [Document(text=line) for line in HANDBOOK.splitlines()]
        index = VectorStoreIndex.from_documents(documents, embed_model=embed_model)
        question = "How much does the lens weigh?"
        transcript = Transcript("LlamaIndex: a query engine on doubao-embedding and qwen3.6-flash", question)
        answer = await index.as_query_engine(llm=llm, streaming=True).aquery(question)
        async for piece in answer.async_response_gen():
            transcript.show("answers", piece)

        engine = index.as_query_engine(llm=llm)
        handbook = QueryEngineTool.from_defaults(engine, name="handbook", description="Knows all about the lighthouse.")
        question = "Ask the handbook: on which day does the keeper of the lighthouse clean the lens?"
        transcript = Transcript("LlamaIndex: an agent that has this engine as its tool", question)
        run = FunctionAgent(llm=llm, tools=[handbook]).run(question)
        async for event in run.stream_events():
            if isinstance(event, AgentStream):
                transcript.show("thinks", event.thinking_delta)
                transcript.show("answers", event.delta)
            elif isinstance(event, ToolCallResult):
                transcript.show("gets", str(event.tool_output.content), begin=True)
            elif isinstance(event, ToolCall):
                transcript.show("calls", f"{event.tool_name} {event.tool_kwargs}", begin=True)
        await run


class Transcript:
    """Prints what a model does while it does it: a label where something else begins, then piece by piece."""

    def __init__(self, title: str, question: str) -> None:
        self.doing = "is asked"
        print(f"\n\n{title}\n  {self.doing:<9} {question}", end="", flush=True)

    def show(self, doing: str, piece: str | None, *, begin: bool = False) -> None:
        """Prints a piece; `begin` puts it behind a label of its own even if the last one was of the same kind."""
        if not piece:
            return
        if begin or doing != self.doing:
            self.doing = doing
            print(f"\n  {doing:<9} ", end="")
        print(f"\033[{COLOURS[doing]}m{piece}\033[0m" if COLOURED else piece, end="", flush=True)


def main() -> int:
    with contextlib.ExitStack() as stack:
        connection = {}
        try:
            if os.environ.get("ANYFAST_API_KEY"):
                print(f"Talking to Anyfast at {Connection().base_url}.", end="", flush=True)
            else:
                print("Talking to the emulator, which makes its answers up. Set ANYFAST_API_KEY for Anyfast.", end="")
                sys.stdout.flush()
                emulator = stack.enter_context(Emulator(delay=0.015))
                connection = {"base_url": emulator.base_url, "api_key": emulator.api_key}
            tracker = UsageTracker(PRICES)
            langchain_part(connection, tracker)
            langchain_retrieval(connection, tracker)
            asyncio.run(llama_index_part(connection, tracker))
            print(f"\n\nUsage in tokens\n{tracker}")
        except AnyfastError as error:
            print(f"\n\nThat did not work: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\n\nInterrupted.", file=sys.stderr)
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
