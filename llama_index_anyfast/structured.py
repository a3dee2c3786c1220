"""Structured output for LlamaIndex, by whichever way the model takes.

LlamaIndex's own programs force a tool call, which thinking models refuse. Here the family's row chooses the way, an
answer in text counts as well as a call, and one that is not valid gets a second chance with the validator's words.
"""

import warnings
from abc import abstractmethod
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Generic

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]  # core imports it so, too
from llama_index.core.instrumentation.events.llm import LLMStructuredPredictEndEvent, LLMStructuredPredictStartEvent
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.program.utils import FlexibleModel, create_flexible_model
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import Model, PydanticProgramMode
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from anyfast_transport.errors import AnyfastWarning, InvalidResponseError, UnsupportedParameterError
from anyfast_transport.request.call import Call
from anyfast_transport.request.structured_output import Method, Way, schema_instruction, way_to_structure
from anyfast_transport.response.objects import object_in
from llama_index_anyfast.messages import JSON, wire_name

dispatcher = get_dispatcher(__name__)

_METHODS: Mapping[PydanticProgramMode, Method] = {
    PydanticProgramMode.DEFAULT: "auto",
    PydanticProgramMode.FUNCTION: "function_calling",
}
_OURS = frozenset({*_METHODS, PydanticProgramMode.LLM})
"""The other modes are other packages' programs."""

_CHOSEN_HERE = frozenset({"tools", "tool_choice", "tool_required", "allow_parallel_tool_calls", "response_format"})

_NAME_LIMIT = 64
_PARTIAL_GROWTH = 1.05
"""A stream's object is read anew when its text has grown by so much, so that all readings together stay linear."""


class StructuredOutput(FunctionCallingLLM):
    """What `AnyfastLLM` does for `structured_predict` and its kin."""

    @abstractmethod
    def _call(self, kwargs: Mapping[str, Any], *, stream: bool) -> Call:
        """What one call with these keyword arguments asks for."""

    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Asks for an object.

        Args:
            output_cls: Its class.
            prompt: The template of the conversation; not changed.
            llm_kwargs: Parameters of the call; not changed.
            prompt_args: What the template is filled with.

        Returns:
            The object.

        Raises:
            InvalidResponseError: The answer was not valid, the second one neither.
        """
        if self.pydantic_program_mode not in _OURS:
            theirs: Model = super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return theirs
        _announce(output_cls, prompt, prompt_args)
        task = self._task(output_cls, prompt, llm_kwargs, prompt_args)
        answer = task.read(self.chat(task.messages, **task.kwargs))
        if isinstance(answer, list):
            answer = task.read_last(self.chat(answer, **task.kwargs))
        dispatcher.event(LLMStructuredPredictEndEvent(output=answer))
        return answer

    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Asks for an object, asynchronously; see `structured_predict`."""
        if self.pydantic_program_mode not in _OURS:
            theirs: Model = await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return theirs
        _announce(output_cls, prompt, prompt_args)
        task = self._task(output_cls, prompt, llm_kwargs, prompt_args)
        answer = task.read(await self.achat(task.messages, **task.kwargs))
        if isinstance(answer, list):
            answer = task.read_last(await self.achat(answer, **task.kwargs))
        dispatcher.event(LLMStructuredPredictEndEvent(output=answer))
        return answer

    # The hooks behind `stream_structured_predict` and `astream_structured_predict`, which make the events.

    def _structured_stream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        if self.pydantic_program_mode not in _OURS:
            return super()._structured_stream_call(output_cls, prompt, llm_kwargs, **prompt_args)
        return self._objects(self._task(output_cls, prompt, llm_kwargs, prompt_args))

    def _objects(self, task: "_Task[Model]") -> Generator[Model | FlexibleModel, None, None]:
        growing, response = _GrowingObject(task.output_cls), None
        for response in self.stream_chat(task.messages, **task.kwargs):
            yield from growing.take(response)
        answer = task.read(response)
        yield task.read_last(self.chat(answer, **task.kwargs)) if isinstance(answer, list) else answer

    async def _structured_astream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        if self.pydantic_program_mode not in _OURS:
            return await super()._structured_astream_call(output_cls, prompt, llm_kwargs, **prompt_args)
        return self._aobjects(self._task(output_cls, prompt, llm_kwargs, prompt_args))

    async def _aobjects(self, task: "_Task[Model]") -> AsyncGenerator[Model | FlexibleModel, None]:
        growing, response = _GrowingObject(task.output_cls), None
        async with aclosing(await self.astream_chat(task.messages, **task.kwargs)) as responses:
            async for response in responses:
                for partial in growing.take(response):
                    yield partial
        answer = task.read(response)
        yield task.read_last(await self.achat(answer, **task.kwargs)) if isinstance(answer, list) else answer

    def _task(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: Mapping[str, Any] | None,
        prompt_args: Mapping[str, Any],
    ) -> "_Task[Model]":
        messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
        kwargs = {key: value for key, value in (llm_kwargs or {}).items() if key not in _CHOSEN_HERE}
        return _Task(output_cls, messages, kwargs, self._way(kwargs))

    def _way(self, kwargs: Mapping[str, Any]) -> Way:
        if self.pydantic_program_mode == PydanticProgramMode.LLM:
            return "prompt"
        call = self._call(kwargs, stream=False)
        method: Method = (
            _METHODS[self.pydantic_program_mode] if self.metadata.is_function_calling_model else "json_mode"
        )
        way, lowered = way_to_structure(call.family, thinking=call.thinking, method=method)
        if lowered and self.pydantic_program_mode == PydanticProgramMode.FUNCTION:  # only what was asked for by name
            warnings.warn(lowered, AnyfastWarning, stacklevel=2)
        return way


def _announce(output_cls: type[BaseModel], prompt: PromptTemplate, prompt_args: dict[str, Any]) -> None:
    event = LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
    dispatcher.event(event)


class _Task(Generic[Model]):
    """One object to be asked for: what to send, and what to make of the answer.

    Attributes:
        output_cls: The object's class.
        messages: The conversation that asks for it.
        kwargs: The parameters of the call.
    """

    def __init__(self, output_cls: type[Model], messages: Sequence[ChatMessage], kwargs: JSON, way: Way) -> None:
        self.output_cls = output_cls
        schema = _schema_of(output_cls)
        name = wire_name(str(schema.pop("title", output_cls.__name__)))[:_NAME_LIMIT]
        if way in ("forced_tool", "asked_tool"):
            function = {
                "name": name,
                "description": schema.pop("description", f"Takes a {name}."),
                "parameters": schema,
            }
            self.kwargs = {**kwargs, "tools": [{"type": "function", "function": function}]}
            self.kwargs |= {"tool_choice": name} if way == "forced_tool" else {}
            asked = f"You must call the tool `{name}`. Do not answer in text." if way == "asked_tool" else ""
        else:
            self.kwargs = {**kwargs, **({"response_format": {"type": "json_object"}} if way == "json_mode" else {})}
            asked = schema_instruction(schema)
        self.messages = _instructed(messages, asked) if asked else list(messages)

    def read(self, response: ChatResponse | None) -> Model | list[ChatMessage]:
        """Reads the first answer.

        Returns:
            The object; or the conversation in which to ask again, if there is none that is valid.

        Raises:
            InvalidResponseError: The answer was cut off, as it would be again.
        """
        try:
            return self._object(response)
        except _UnfitError as unfit:
            if response is None or response.additional_kwargs.get("finish_reason") == "length":
                raise self._failure(response, unfit) from None
            return [*self.messages, *_second_chance(response.message, str(unfit))]

    def read_last(self, response: ChatResponse) -> Model:
        """Reads the second answer.

        Returns:
            The object.

        Raises:
            InvalidResponseError: There is none that is valid.
        """
        try:
            return self._object(response)
        except _UnfitError as unfit:
            raise self._failure(response, unfit) from None

    def _object(self, response: ChatResponse | None) -> Model:
        found = _arguments(response.message) if response else None
        if not isinstance(found, dict):
            raise _UnfitError("The answer holds no JSON object.")
        try:
            # As JSON, since a strict class takes a date or a tuple only from there.
            return self.output_cls.model_validate_json(to_json(found))
        except ValidationError as error:
            raise _UnfitError(_words(error)) from None

    def _failure(self, response: ChatResponse | None, unfit: "_UnfitError") -> InvalidResponseError:
        facts = response.additional_kwargs if response else {}
        cut = " It was cut off: raise max_tokens." if facts.get("finish_reason") == "length" else ""
        said = _said(response.message)[:500] if response else ""
        return InvalidResponseError(
            f"No valid {self.output_cls.__name__} in the answer.{cut} {unfit} The model said: {said!r}",
            request_id=facts.get("request_id"),
            body=said,
        )


class _UnfitError(Exception):
    """An answer that does not do, and why."""


def _schema_of(output_cls: type[BaseModel]) -> JSON:
    schema = output_cls.model_json_schema()
    if "$ref" in schema:  # a class that refers to itself
        name = schema.pop("$ref").rpartition("/")[2]
        schema = {**schema["$defs"][name], **schema}
    if schema.get("type") != "object":
        raise UnsupportedParameterError(
            f"{output_cls.__name__} is no JSON object: models are asked for objects. Make it a field of a class.",
            parameter="output_cls",
        )
    return schema


def _instructed(messages: Sequence[ChatMessage], instruction: str) -> list[ChatMessage]:
    """Adds a paragraph to the system message, or puts one first."""
    first = messages[0] if messages else None
    if first is None or first.role not in (MessageRole.SYSTEM, MessageRole.DEVELOPER):
        return [ChatMessage(role=MessageRole.SYSTEM, content=instruction), *messages]
    text = f"{first.content or ''}\n\n{instruction}".lstrip()
    said = ChatMessage(role=first.role, content=text, additional_kwargs=dict(first.additional_kwargs))
    return [said, *messages[1:]]


def _arguments(message: ChatMessage) -> dict[str, Any] | str | None:
    """The object in an answer: the arguments of its call, or else the JSON in its text."""
    for block in message.blocks:
        if isinstance(block, ToolCallBlock):
            return block.tool_kwargs
    return object_in(message.content or "")


def _said(message: ChatMessage) -> str:
    """What the model gave as its answer, as text."""
    arguments = _arguments(message)
    if message.content or arguments is None:
        return message.content or ""
    return arguments if isinstance(arguments, str) else to_json(arguments).decode()


def _second_chance(message: ChatMessage, problem: str) -> list[ChatMessage]:
    """The answer as text, since a call would need a result, and what is wrong with it."""
    thoughts = [block for block in message.blocks if isinstance(block, ThinkingBlock)]
    return [
        ChatMessage(role=MessageRole.ASSISTANT, blocks=[*thoughts, TextBlock(text=_said(message))]),
        ChatMessage(role=MessageRole.USER, content=f"This is not valid. {problem} Answer again, correctly."),
    ]


def _words(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_input=False)
    return " ".join(f"{'.'.join(map(str, one['loc'])) or 'The object'}: {one['msg']}." for one in problems)


class _GrowingObject:
    """Reads the object of a stream while it grows.

    Args:
        output_cls: The object's class.
    """

    def __init__(self, output_cls: type[BaseModel]) -> None:
        self._output_cls = output_cls
        self._flexible_cls = create_flexible_model(output_cls)
        self._last: Any = None
        self._read_at = 0.0

    def take(self, response: ChatResponse) -> Generator[Any, None, None]:
        """Takes the next response of the stream.

        Args:
            response: Everything so far.

        Yields:
            The object so far if there is more of it: an instance of its class, or of LlamaIndex's flexible copy of it
            while required fields are missing.
        """
        calls = [block.tool_kwargs for block in response.message.blocks if isinstance(block, ToolCallBlock)]
        text = calls[0] if calls else response.message.content
        if not isinstance(text, str) or len(text) < self._read_at:
            return
        self._read_at = len(text) * _PARTIAL_GROWTH
        found = _partial_object(text)
        if not found or found == self._last:
            return
        self._last = found
        try:
            yield self._output_cls.model_validate(found)
        except ValidationError:
            yield self._flexible_cls.model_validate(found)


def _partial_object(text: str) -> dict[str, Any] | None:
    start = text.find("{")
    try:
        value = from_json(text[start:], allow_partial="trailing-strings") if start >= 0 else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
