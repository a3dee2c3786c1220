"""The faces that the gateway is met through: the classes that users hold, ours and, for the comparison, others."""

import asyncio
import contextlib
import os
from dataclasses import dataclass, field

KEY = "K7" + "q9Zx" * 11
"""Long enough to be cut short, and like no key of anyone."""


@dataclass
class Face:
    """One of the classes that users hold, with its four ways to ask.

    `ask` and `aask` give the text of a whole answer; `stream` and `astream` yield texts.
    """

    name: str
    make: object
    ask: object
    aask: object
    stream: object
    astream: object
    typed: tuple = field(default=())

    async def _texts(self, llm):
        return [text async for text in self.astream(llm)]

    def run(self, mode, llm):
        """One call, to its end."""
        match mode:
            case "invoke":
                return self.ask(llm)
            case "ainvoke":
                return asyncio.run(self.aask(llm))
            case "stream":
                return "".join(self.stream(llm))
            case "astream":
                return "".join(asyncio.run(self._texts(llm)))


def _transport():
    import anyfast_transport as af

    def body(stream):
        return {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": stream}

    def stream(connection):
        for item in (generator := af.Client(connection).stream(body(True))):
            if isinstance(item, af.Delta):
                yield item.text
        generator.close()

    async def aask(connection):
        return (await af.AsyncClient(connection).complete(body(False))).choice.text

    async def astream(connection):
        async with contextlib.aclosing(af.AsyncClient(connection).stream(body(True))) as items:
            async for item in items:
                if isinstance(item, af.Delta):
                    yield item.text

    return Face(
        "transport",
        af.Connection,
        lambda connection: af.Client(connection).complete(body(False)).choice.text,
        aask,
        stream,
        astream,
        (af.AnyfastError,),
    )


def _langchain(name, make, typed):
    async def aask(llm):
        return (await llm.ainvoke("hi")).text

    def stream(llm):
        return (chunk.text for chunk in llm.stream("hi"))

    async def astream(llm):
        async with contextlib.aclosing(llm.astream("hi")) as chunks:
            async for chunk in chunks:
                yield chunk.text

    return Face(name, make, lambda llm: llm.invoke("hi").text, aask, stream, astream, typed)


def _llama_index(name, make, typed):
    from llama_index.core.llms import ChatMessage

    ask = [ChatMessage(role="user", content="hi")]

    async def aask(llm):
        return (await llm.achat(ask)).message.content or ""

    def stream(llm):
        return (response.delta or "" for response in llm.stream_chat(ask))

    async def astream(llm):
        async with contextlib.aclosing(await llm.astream_chat(ask)) as responses:
            async for response in responses:
                yield response.delta or ""

    return Face(name, make, lambda llm: llm.chat(ask).message.content or "", aask, stream, astream, typed)


def _chat_anyfast():
    from anyfast_transport import AnyfastError
    from langchain_anyfast import ChatAnyfast

    return _langchain("ChatAnyfast", lambda **fields: ChatAnyfast(model="m", **fields), (AnyfastError,))


def _anyfast_llm():
    from anyfast_transport import AnyfastError
    from llama_index_anyfast import AnyfastLLM

    return _llama_index(
        "AnyfastLLM", lambda **fields: AnyfastLLM(model="m", context_window=8000, **fields), (AnyfastError,)
    )


def _chat_openai():
    import openai
    from langchain_core.exceptions import ModelError
    from langchain_openai import ChatOpenAI

    return _langchain("ChatOpenAI", lambda **fields: ChatOpenAI(model="m", **fields), (openai.OpenAIError, ModelError))


def _openai_like():
    import openai
    from llama_index.llms.openai_like import OpenAILike

    def make(base_url, **fields):
        return OpenAILike(model="m", is_chat_model=True, context_window=8000, api_base=base_url, **fields)

    return _llama_index("OpenAILike", make, (openai.OpenAIError,))


FACES = {
    "transport": _transport,
    "ChatAnyfast": _chat_anyfast,
    "AnyfastLLM": _anyfast_llm,
    "ChatOpenAI": _chat_openai,
    "OpenAILike": _openai_like,
}
OURS = ("transport", "ChatAnyfast", "AnyfastLLM")
TESTED = tuple(filter(None, os.environ.get("FAULTS_AGAINST", "").split(","))) or OURS
"""FAULTS_AGAINST=ChatOpenAI,OpenAILike turns the suite on other classes; see compare.py."""

MODES = ("invoke", "ainvoke", "stream", "astream")
