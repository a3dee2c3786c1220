"""ChatAnyfast: LangChain's hooks, each a few lines over the transport."""

import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Self, Unpack, get_args

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, ensure_config
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from pydantic import BaseModel, PrivateAttr, model_validator
from pydantic_core import to_json

from anyfast_transport import (
    AsyncClient,
    ChatParameters,
    Client,
    Connection,
    __version__,
)
from anyfast_transport.families.profile_file import family_with
from anyfast_transport.families.token_estimate import prompt_tokens, text_tokens
from anyfast_transport.http.api_key import digest_of_secrets
from anyfast_transport.http.async_generators import closing_owned
from anyfast_transport.http.connections import SharesConnections
from anyfast_transport.http.listing import ListsModels
from anyfast_transport.request.call import Call
from anyfast_transport.request.structured_output import Method, Structure
from anyfast_transport.request.tool_choice import wire_tool_choice
from anyfast_transport.settings.secrets import hidden, secret_names, without_secrets
from anyfast_transport.types import Completion, Delta
from langchain_anyfast.arguments import ChatAnyfastArguments
from langchain_anyfast.chunks import chunk_of
from langchain_anyfast.dumps import Dump
from langchain_anyfast.errors import model_errors
from langchain_anyfast.events import Event, EventWriter
from langchain_anyfast.hidden_arguments import Binding, hiding_arguments
from langchain_anyfast.messages import decode_message, encode_messages, generation_info, known
from langchain_anyfast.profiles import profile_of
from langchain_anyfast.structured import StructuredOutput, reader_of

Tool = Mapping[str, Any] | type | Callable[..., Any] | BaseTool

_OURS_ALONE = frozenset({"stream", "stream_usage"})
"""Keyword arguments of a call that are not for the gateway; LangChain itself has heard `stream`."""


@hiding_arguments
class ChatAnyfast(ChatParameters, Connection, SharesConnections, ListsModels, BaseChatModel):
    """The models of the Anyfast gateway in LangChain: DeepSeek, Qwen, Doubao, Gemini and more, reasoning included.

    Setup:
        Install the package with its LangChain extra, and set the environment variable `ANYFAST_API_KEY`.

        ```bash
        pip install "anyfast-integrations[langchain]"
        export ANYFAST_API_KEY="..."
        ```

    Key init args — completion params:

    - `model`: Any model id that the gateway serves.
    - `thinking`: On, off, or the model's own default (None); spelled as the model's family wants it.
    - `reasoning_effort`: `"minimal"`, `"low"`, `"medium"`, `"high"` or `"max"`.
    - `temperature`: Sampling temperature, 0 to 2.
    - `max_tokens`: Longest answer in tokens; sent under the family's name for it.
    - `stop`: Sequences that end the answer.
    - `extra_body`: Anything else that the gateway knows, merged into the request body last.

    Key init args — client params:

    - `api_key`: The gateway's key; from `ANYFAST_API_KEY` unless given.
    - `base_url`: Where the gateway is; from `ANYFAST_BASE_URL` unless given.
    - `timeout`: Seconds without data after which a call ends with an APITimeoutError. 600 by default.
    - `max_retries`: Exactly that many more requests after one that may pass when repeated. 2 by default.

    Every field can also be given for one call (`model.invoke(messages, thinking=False)`) or bound, and the call wins.

    Instantiate:
        ```python
        from langchain_anyfast import ChatAnyfast

        model = ChatAnyfast(model="deepseek-v4-pro", thinking=True, reasoning_effort="high")
        ```

    Invoke:
        ```python
        messages = [
            ("system", "You translate English to French."),
            ("human", "I love programming."),
        ]
        answer = model.invoke(messages)
        answer.text
        ```

        What the model thought is in `answer.additional_kwargs["reasoning_content"]`, and is the first of
        `answer.content_blocks`. On the next call it goes back by itself, where the family wants it back.

    Stream:
        ```python
        for chunk in model.stream(messages):
            print(chunk.text, end="")
        ```

        ```python
        stream = model.stream(messages)
        full = next(stream)
        for chunk in stream:
            full += chunk
        full
        ```

    Async:
        ```python
        import asyncio

        asyncio.run(model.ainvoke(messages))
        ```

    Tool calling:
        ```python
        def get_weather(city: str) -> str:
            '''The weather in a city.'''
            return "sunny"


        answer = model.bind_tools([get_weather]).invoke("What is the weather in Paris?")
        answer.tool_calls
        ```

    Structured output:
        ```python
        from pydantic import BaseModel


        class Joke(BaseModel):
            '''A joke.'''

            setup: str
            punchline: str


        model.with_structured_output(Joke).invoke("Tell me a joke about cats.")
        ```

        It works with thinking on: the way to the object is chosen by the family. See `with_structured_output`.

    JSON mode:
        ```python
        model.invoke("Answer in JSON with the key 'number': what is 6 * 7?", response_format={"type": "json_object"})
        ```

    Image input:
        ```python
        from langchain_core.messages import HumanMessage

        seeing = ChatAnyfast(model="qwen3.6-flash")
        picture = {"type": "image", "url": "https://example.com/photo.jpg"}
        seeing.invoke([HumanMessage([{"type": "text", "text": "What is this?"}, picture])])
        ```

    Video input:
        ```python
        film = {"type": "video", "url": "https://example.com/film.mp4", "extras": {"fps": 1}}
        seeing.invoke([HumanMessage([{"type": "text", "text": "What happens?"}, film])])
        ```

    Token usage:
        ```python
        model.invoke(messages).usage_metadata
        ```

        Cached prompt tokens are in `input_token_details["cache_read"]`, those of reasoning in
        `output_token_details["reasoning"]`; the gateway's own object is in `response_metadata["token_usage"]`.

    Logprobs:
        ```python
        model.invoke(messages, logprobs=True).response_metadata["logprobs"]
        ```

    Response metadata:
        ```python
        model.invoke(messages).response_metadata
        ```

        Its keys: `finish_reason`, `matched_stop`, `model_name` (the model that answered), `model_provider`,
        `system_fingerprint`, `id`, `created`, `request_id`, `token_usage`, and `retries` where there were any.

    Errors are `anyfast_transport.AnyfastError`s and langchain_core's `ModelError`s at once.
    """

    streaming: bool = False
    """Whether `invoke` streams inside. Set explicitly, it also decides whether callbacks may ask for streaming."""

    stream_usage: bool = True
    """Whether a stream ends with its usage. Without it some gateways drop the last frame of an answer, with its
    finish_reason, so switch it off only knowingly."""

    if TYPE_CHECKING:

        def __init__(self, *, model: str = ..., **arguments: Unpack[ChatAnyfastArguments]) -> None: ...

    _dump: Dump = PrivateAttr(default_factory=Dump)

    @property
    def model_name(self) -> str:
        """The model, under the name that tracers look for."""
        return self.model

    @property
    def _llm_type(self) -> str:
        return "anyfast-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        said = {name: getattr(self, name) for name in (*ChatParameters.model_fields, "profile_file")}
        said = {name: value for name, value in without_secrets(type(self), said).items() if value is not None}
        return {"base_url": self.base_url, **said}

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        return super()._get_invocation_params(stop, **without_secrets(type(self), kwargs))

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        said = super()._get_llm_string(stop, **without_secrets(type(self), kwargs))
        return said + to_json(self._identifying_params, fallback=str).decode() + self._digest_of_secrets(kwargs)

    def _digest_of_secrets(self, kwargs: Mapping[str, Any]) -> str:
        """Tells calls apart in a cache by what is not told: the key, headers, extra_body."""
        secret = {name: value for name, value in kwargs.items() if name in secret_names(type(self))}
        with model_errors():
            call = Call.of(self, secret)
            return digest_of_secrets(call.connection or self, call.values.get("extra_body"), sorted(secret))

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Fields that are secret, and the environment variables that hold them."""
        return {"api_key": "ANYFAST_API_KEY"}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Whether `dumpd` writes this object; `load` needs `allowed_objects` or `enable_load()`."""
        return True

    @property
    def _serialized(self) -> dict[str, Any]:
        # LangChain caches it for good, but fields may be set, and copies take it along: answers of one would pass for
        # another's.
        return self._dump.of(self)

    @model_validator(mode="after")
    def _set_anyfast_version(self) -> Self:
        self._add_version("anyfast-integrations", __version__)
        return self

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = "anyfast"
        params["ls_model_name"] = kwargs.get("model") or self.model
        length = kwargs.get("max_tokens") or kwargs.get("max_completion_tokens") or self.max_tokens
        if length is not None:
            params["ls_max_tokens"] = length
        if stops := stop or self.stop:
            params["ls_stop"] = stops
        return params

    def _resolve_model_profile(self) -> ModelProfile:
        return profile_of(self.model, self.profile_file)

    def get_num_tokens(self, text: str) -> int:
        """Estimates the tokens of a text, offline; see `anyfast_transport.tokens`.

        Args:
            text: The text.

        Returns:
            How many there are, about.
        """
        return super().get_num_tokens(text) if self.custom_get_token_ids else text_tokens(text)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Tool] | None = None) -> int:
        """Estimates the tokens of a prompt, offline, as the gateway's usage would count them.

        Args:
            messages: The conversation; media count by a fixed figure, since their size cannot be seen.
            tools: The tools that go with it.

        Returns:
            How many there are, about.
        """
        if self.custom_get_token_ids:
            return super().get_num_tokens_from_messages(messages, tools)
        wire = encode_messages(messages)
        if family_with(self.model, self.profile_file).reasoning_replay == "never":
            wire = [{**one, "reasoning_content": ""} for one in wire]
        offered = [convert_to_openai_tool(tool) for tool in tools or ()]
        return prompt_tokens(self.model, wire, offered, effort=self.reasoning_effort)

    def _asked(self, stop: list[str] | None, kwargs: Mapping[str, Any], *, stream: bool) -> Call:
        """What one call asks for."""
        said = {name: value for name, value in kwargs.items() if name not in _OURS_ALONE}
        if stop is not None:
            said["stop"] = stop
        usage = kwargs.get("stream_usage")
        return Call.of(
            self,
            said,
            stream=stream,
            include_usage=self.stream_usage if usage is None else usage,
            # From the config, since `invoke` that streams hands no run manager on.
            in_agent="langgraph_node" in ensure_config().get("metadata", {}),
        )

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None]) -> dict[str, Any]:
        outputs = [output for output in llm_outputs if output]  # a cache gives none
        usage: Any = functools.reduce(_added, (output.get("token_usage") for output in outputs), {})
        return {**outputs[-1], "token_usage": usage} if outputs else {}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002  # LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        with model_errors():
            call = self._asked(stop, kwargs, stream=False)
            completion = Client(self).ask(call, encode_messages(messages))
        return _result(completion)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002  # LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        with model_errors():
            call = self._asked(stop, kwargs, stream=False)
            completion = await AsyncClient(self).ask(call, encode_messages(messages))
        return _result(completion)

    def _items(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any]
    ) -> Generator[Delta | Completion]:
        """The pieces of a streamed answer, and last the whole of it."""
        with model_errors():
            call = self._asked(stop, kwargs, stream=True)
            yield from Client(self).ask_stream(call, encode_messages(messages))

    async def _aitems(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any]
    ) -> AsyncGenerator[Delta | Completion]:
        with model_errors():
            call = self._asked(stop, kwargs, stream=True)
            asked = AsyncClient(self).ask_stream(call, encode_messages(messages))
            async with closing_owned(asked) as items:
                async for item in items:
                    yield item

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with closing(self._items(messages, stop, kwargs)) as items:
            for item in items:
                chunk = chunk_of(item)
                if run_manager:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async with closing_owned(self._aitems(messages, stop, kwargs)) as items:
            async for item in items:
                chunk = chunk_of(item)
                if run_manager:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk

    def _stream_chat_model_events(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[Event]:
        """LangChain looks for it by name, and bridges `_stream` otherwise."""
        writer = EventWriter()
        with closing(self._items(messages, stop, kwargs)) as items:
            for item in items:
                if run_manager:
                    chunk = chunk_of(item)
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield from writer.take(item) if isinstance(item, Delta) else writer.end(item)

    async def _astream_chat_model_events(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Event]:
        writer = EventWriter()
        async with closing_owned(self._aitems(messages, stop, kwargs)) as items:
            async for item in items:
                if run_manager:
                    chunk = chunk_of(item)
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                for event in writer.take(item) if isinstance(item, Delta) else writer.end(item):
                    yield event

    def bind(self, **kwargs: Any) -> Binding:
        """Binds arguments of calls.

        Args:
            **kwargs: Any field of this class, and what else a call takes. What may hold a secret is in no repr, dump or
                pickle of the binding: bind it again after loading.

        Returns:
            A runnable that calls the model with them.
        """
        return Binding(bound=self, kwargs=hidden(type(self), kwargs), config={})

    def bind_tools(
        self,
        tools: Sequence[Tool],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offers tools to the model.

        Args:
            tools: Tools, functions, pydantic classes, or schemas. None at all puts nothing on the wire.
            tool_choice: `"auto"`, `"none"`, `"any"` or `"required"` (also True), a tool's name, or OpenAI's object.
                A model that refuses a forced choice while it thinks is asked in the prompt instead, with a warning.
            strict: Whether the schemas bind the model, where the upstream knows that.
            parallel_tool_calls: Whether it may call several tools at once; sent only if given.
            **kwargs: Any field of this class, for these calls.

        Returns:
            A runnable that calls the model with the tools.

        Raises:
            UnsupportedParameterError: `tool_choice` names none of the tools.
        """
        offered = [_offered(tool, strict) for tool in tools]
        with model_errors():
            wire_tool_choice(tool_choice, offered, model=self.model)
        said = {"tools": offered or None, "tool_choice": tool_choice, "parallel_tool_calls": parallel_tool_calls}
        return self.bind(**{name: value for name, value in said.items() if value is not None}, **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        method: Method = "auto",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """A runnable that answers with an object, thinking or not.

        Args:
            schema: A pydantic class (v1 or v2), a TypedDict, a JSON schema, or an OpenAI tool.
            method: `"auto"` takes the way that works for the model and its thinking: a forced tool call, a tool call
                that the prompt asks for, or JSON mode. A method that the model would refuse is lowered, with a warning.
            include_raw: Whether to answer with `{"raw": message, "parsed": object, "parsing_error": error or None}`.
            strict: Whether the schema binds the model, where the upstream knows that.
            **kwargs: Any field of this class, for these calls (`thinking=False`, say).

        Returns:
            A runnable. An answer without a valid object is asked for once more, with the validator's words, unless the
            token limit cut it off, the model refused, or `on_invalid_call` is "keep" or "raise"; a second one raises
            InvalidObjectError, or is told in `parsing_error`. Which way it went is in
            `response_metadata["structured_output"]` of the message.

        Raises:
            ValueError: A method that there is not.
        """
        if method not in get_args(Method):
            raise ValueError(f"method={method!r} is none of {', '.join(map(repr, get_args(Method)))}.")
        tool = convert_to_openai_tool(schema)["function"]
        structure = Structure(
            name=tool["name"],
            schema=tool.get("parameters") or {},
            description=tool.get("description") or "",
            method=method,
            strict=strict,
        )
        model = self.bind(
            structure=structure,
            ls_structured_output_format={
                "kwargs": {"method": method, "strict": strict},
                "schema": convert_to_json_schema(schema),
            },
            **kwargs,
        )
        asks_again = (kwargs.get("on_invalid_call") or self.on_invalid_call) not in ("keep", "raise")
        reader = reader_of(schema, structure.name, asks_again=asks_again)
        return StructuredOutput(model=model, reader=reader, include_raw=include_raw)


def _offered(tool: Tool, strict: bool | None) -> dict[str, Any]:
    """A tool in OpenAI's shape; LangChain forgets `strict` where the tool has that shape already."""
    offered = convert_to_openai_tool(tool, strict=strict)
    if strict is None or "function" not in offered:
        return offered
    return {**offered, "function": {**offered["function"], "strict": strict}}


def _result(completion: Completion) -> ChatResult:
    """An answer as LangChain's result, with the keys that its own classes for OpenAI's API have."""
    generations = [
        ChatGeneration(
            message=decode_message(completion, choice),
            generation_info=generation_info(choice),
        )
        for choice in completion.choices
    ]
    output = known(
        token_usage=completion.usage,
        model_name=completion.model or None,
        model_provider="anyfast",
        system_fingerprint=completion.system_fingerprint,
    )
    return ChatResult(generations=generations, llm_output=output)


def _added(one: Any, other: Any) -> Any:
    """Two usage objects of the wire, added up; what is no number is the later one's."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return {**one, **{key: _added(one.get(key), value) for key, value in other.items()}}
    numbers = isinstance(one, (int, float)) and isinstance(other, (int, float))
    return one + other if numbers else one if other is None else other
