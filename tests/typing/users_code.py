"""What users write: a type checker must take each line, but for those marked `# wrong`. It is read, and never run."""

from collections.abc import AsyncGenerator, Generator
from typing import assert_type

import httpx
from langchain_core.messages import AIMessage, AIMessageChunk
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel, SecretStr

from langchain_anyfast import ChatAnyfast
from llama_index_anyfast import AnyfastLLM


class Person(BaseModel):
    """Somebody."""

    name: str


# What both classes take

llm = AnyfastLLM("deepseek-v4-pro", thinking=True, api_key="...", base_url=None, timeout=httpx.Timeout(5), stop="END")
llm = AnyfastLLM(model="deepseek-v4-pro", reasoning_effort="high", api_key=SecretStr("..."), context_window=1000)
llm = AnyfastLLM(model_name="m", max_completion_tokens=5, api_base="http://localhost", stop_sequences=["a", "b"])
llm = AnyfastLLM("m", additional_kwargs={"top_k": 1}, system_prompt="Be brief.", is_function_calling_model=False)
chat = ChatAnyfast(model="deepseek-v4-pro", thinking=None, api_key="...", timeout=5, stop=["END"], streaming=True)
chat = ChatAnyfast(model_name="m", max_completion_tokens=5, api_base="http://localhost", stop_sequences="a", tags=["x"])
chat = ChatAnyfast(model="m", api_key=lambda: "...", default_headers={"X-Team": "a"}, on_invalid_call="keep")

# What they do not take

AnyfastLLM(modle="m")  # wrong
AnyfastLLM("m", temperature="hot")  # wrong
AnyfastLLM("m", thinking={"type": "enabled"})  # wrong
AnyfastLLM("m", reasoning_effort="huge")  # wrong
AnyfastLLM("m", request_timeout=5)  # wrong
AnyfastLLM("m", api_key=5)  # wrong
ChatAnyfast(modle="m")  # wrong
ChatAnyfast("m")  # wrong
ChatAnyfast(model="m", max_tokens="5")  # wrong
ChatAnyfast(model="m", thinking={"type": "enabled"})  # wrong
ChatAnyfast(model="m", on_empty="ignore")  # wrong
ChatAnyfast(model="m", request_timeout=5)  # wrong

# What LlamaIndex's calls give

messages = [ChatMessage(role="user", content="Hi")]
assert_type(llm.chat(messages, max_tokens=5), ChatResponse)
assert_type(llm.complete("Hi"), CompletionResponse)
assert_type(llm.stream_chat(messages), Generator[ChatResponse, None, None])
assert_type(llm.stream_complete("Hi"), Generator[CompletionResponse, None, None])
assert_type(llm.structured_predict(Person, PromptTemplate("?")), Person)
assert_type(llm.model, str)
assert_type(llm.thinking, bool | None)
llm.chat("Hi")  # wrong
llm.chat([{"role": "user", "content": "Hi"}])  # wrong
llm.complete(messages)  # wrong
text = llm.chat(messages).text  # wrong
llm.temperature = "hot"  # wrong


async def ask_llama_index() -> None:
    assert_type(await llm.achat(messages), ChatResponse)
    assert_type(await llm.acomplete("Hi"), CompletionResponse)
    assert_type(await llm.astream_chat(messages), AsyncGenerator[ChatResponse, None])
    assert_type(await llm.astream_complete("Hi"), AsyncGenerator[CompletionResponse, None])
    assert_type(await llm.astructured_predict(Person, PromptTemplate("?")), Person)


# What LangChain's calls give

assert_type(chat.invoke("Hi"), AIMessage)
for chunk in chat.stream("Hi"):
    assert_type(chunk, AIMessageChunk)
assert_type(chat.bind_tools([Person]).invoke("Hi"), AIMessage)
assert_type(chat.max_retries, int)
chat.with_structured_output(Person, method="json")  # wrong
chat.invoke(5)  # wrong


async def ask_langchain() -> None:
    assert_type(await chat.ainvoke("Hi"), AIMessage)
    async for chunk in chat.astream("Hi"):
        assert_type(chunk, AIMessageChunk)
