"""ChatAnyfast: LangChain's hooks, each a few lines over the transport."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from pydantic import BaseModel, model_validator

from anyfast_transport import (
    AsyncClient,
    ChatParameters,
    Client,
    Connection,
    __version__,
    aclose_shared_connections,
    close_shared_connections,
    family_of,
)
from anyfast_transport.request import Call, build_body, wire_tool_choice
from anyfast_transport.stream import settle
from anyfast_transport.structured import Method, Structure
from anyfast_transport.wire import Completion, Delta
from langchain_anyfast.errors import model_errors
from langchain_anyfast.messages import decode_delta, decode_message, encode_messages, last_chunk
from langchain_anyfast.structured import StructureParser, class_of

Tool = Mapping[str, Any] | type | Callable[..., Any] | BaseTool


class ChatAnyfast(ChatParameters, Connection, BaseChatModel):
    """DOCSTRING"""

    streaming: bool = False
    """Whether `invoke` streams inside. Set explicitly, it also decides whether callbacks may ask for streaming."""

    stream_usage: bool = True
    """Whether a stream ends with its usage. Without it some gateways drop the last frame of an answer, with its
    finish_reason, so switch it off only knowingly."""

    @property
    def model_name(self) -> str:
        """The model, under the name that tracers look for."""
        return self.model

    @property
    def _llm_type(self) -> str:
        return "anyfast-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        said = {name: getattr(self, name) for name in ChatParameters.model_fields}
        return {"base_url": self.base_url, **{name: value for name, value in said.items() if value is not None}}

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Fields that are secret, and the environment variables that hold them."""
        return {"api_key": "ANYFAST_API_KEY"}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Whether `dumpd` writes this object; `load` needs `allowed_objects` or `enable_load()`."""
        return True

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

    def _resolve_model_profile(self) -> ModelProfile | None:
        family = family_of(self.model)
        if family.context_window is None:
            return None
        profile = ModelProfile(
            max_input_tokens=family.context_window,
            reasoning_output=True in family.thinking,
            tool_calling=True,
            # Only what the gateway documents: otherwise create_agent would send a schema that is refused.
            structured_output=False,
            image_inputs=family.parts is None or "image_url" in family.parts,
            video_inputs=family.parts is not None and "video_url" in family.parts,
        )
        if family.output_limit is not None:
            profile["max_output_tokens"] = family.output_limit
        return profile

    def _call(self, stop: list[str] | None, kwargs: Mapping[str, Any], *, stream: bool) -> Call:
        """What one call asks for; `stream` among the kwargs has already been heard by LangChain."""
        said = {name: value for name, value in kwargs.items() if name not in {"stream", "stream_usage"}}
        if stop is not None:
            said["stop"] = stop
        usage = kwargs.get("stream_usage")
        return Call.of(self, said, stream=stream, include_usage=self.stream_usage if usage is None else usage)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002  # LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        with model_errors():
            call = self._call(stop, kwargs, stream=False)
            completion = Client(self).complete(build_body(call, encode_messages(messages)))
            settle(completion, call.values["on_empty"])
        return _result(completion)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002  # LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        with model_errors():
            call = self._call(stop, kwargs, stream=False)
            completion = await AsyncClient(self).complete(build_body(call, encode_messages(messages)))
            settle(completion, call.values["on_empty"])
        return _result(completion)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with model_errors():
            call = self._call(stop, kwargs, stream=True)
            for item in Client(self).stream(build_body(call, encode_messages(messages))):
                chunk = _chunk(item, call)
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
        with model_errors():
            call = self._call(stop, kwargs, stream=True)
            async for item in AsyncClient(self).stream(build_body(call, encode_messages(messages))):
                chunk = _chunk(item, call)
                if run_manager:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk

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
        offered = [convert_to_openai_tool(tool, strict=strict) for tool in tools]
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
            A runnable. An answer without a valid object raises OutputParserException, unless `include_raw`.
        """
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
        parser = StructureParser(name_of_tool=structure.name, schema_class=class_of(schema))
        if not include_raw:
            return model | parser
        parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
        failed = RunnablePassthrough.assign(parsed=lambda _: None)
        return RunnableMap(raw=model) | parsed.with_fallbacks([failed], exception_key="parsing_error")

    def close(self) -> None:
        """Closes the connections that sync calls of this process share; the next call opens new ones."""
        close_shared_connections()

    async def aclose(self) -> None:
        """Closes the connections that calls of the running event loop share; the next call opens new ones."""
        await aclose_shared_connections()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _result(completion: Completion) -> ChatResult:
    generations = [ChatGeneration(message=decode_message(completion, choice)) for choice in completion.choices]
    output = {"token_usage": completion.usage or {}, "model_name": completion.model}
    return ChatResult(generations=generations, llm_output=output if len(generations) > 1 else {})


def _chunk(item: Delta | Completion, call: Call) -> ChatGenerationChunk:
    message: AIMessageChunk
    if isinstance(item, Delta):
        message = decode_delta(item)
    else:
        settle(item, call.values["on_empty"])
        message = last_chunk(item)
    return ChatGenerationChunk(message=message)
