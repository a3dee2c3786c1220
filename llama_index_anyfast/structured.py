"""Structured output for LlamaIndex, by whichever way the model takes.

LlamaIndex's own programs force a tool call, which thinking models refuse. Here the family's row chooses the way, an
answer in text counts as well as a call, and one that is not valid gets a second chance with the validator's words. What
is made of an answer is decided in `anyfast_transport.response.objects`, for both frameworks.
"""

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing, closing
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
from llama_index.core.types import BaseOutputParser, Model, PydanticProgramMode
from pydantic import BaseModel

from anyfast_transport.errors import UnsupportedParameterError
from anyfast_transport.request.structured_output import AnyMethod, Structure
from anyfast_transport.response.objects import (
    Answer,
    GrowingObject,
    ObjectReader,
    Parsed,
    UnfitError,
    Validate,
    validator_of,
)
from anyfast_transport.types import Fragment
from llama_index_anyfast.messages import JSON

dispatcher = get_dispatcher(__name__)

_METHODS: Mapping[PydanticProgramMode, AnyMethod] = {
    PydanticProgramMode.DEFAULT: "auto",
    PydanticProgramMode.FUNCTION: "function_calling",
    PydanticProgramMode.LLM: "prompt",
}
"""What LlamaIndex's modes ask for; the other modes are other packages' programs."""

_CHOSEN_HERE = frozenset({"tools", "tool_choice", "tool_required", "allow_parallel_tool_calls", "response_format"})


class StructuredOutput(FunctionCallingLLM):
    """What `AnyfastLLM` does for `structured_predict` and its kin."""

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
            InvalidObjectError: The answer was not valid, the second one neither. It is a ValueError, too, which
                LlamaIndex's extractors and parsers catch.
        """
        if self.pydantic_program_mode not in _METHODS:
            theirs: Model = super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return theirs
        _announce(output_cls, prompt, prompt_args)
        task = self._task(output_cls, prompt, llm_kwargs, prompt_args)
        response = self.chat(task.messages, **task.kwargs)
        parsed = task.read(response)
        if parsed.problem:
            parsed = task.read(self.chat(task.asked_again(response, parsed), **task.kwargs))
        value = task.given(parsed)
        dispatcher.event(LLMStructuredPredictEndEvent(output=value))
        return value

    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Asks for an object, asynchronously; see `structured_predict`."""
        if self.pydantic_program_mode not in _METHODS:
            theirs: Model = await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return theirs
        _announce(output_cls, prompt, prompt_args)
        task = self._task(output_cls, prompt, llm_kwargs, prompt_args)
        response = await self.achat(task.messages, **task.kwargs)
        parsed = task.read(response)
        if parsed.problem:
            parsed = task.read(await self.achat(task.asked_again(response, parsed), **task.kwargs))
        value = task.given(parsed)
        dispatcher.event(LLMStructuredPredictEndEvent(output=value))
        return value

    # The hooks behind `stream_structured_predict` and `astream_structured_predict`, which make the events.

    def _structured_stream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        if self.pydantic_program_mode not in _METHODS:
            return super()._structured_stream_call(output_cls, prompt, llm_kwargs, **prompt_args)
        return self._objects(self._task(output_cls, prompt, llm_kwargs, prompt_args))

    def _objects(self, task: "_Task[Model]") -> Generator[Model | FlexibleModel, None, None]:
        growing, response = GrowingObject(task.reader), ChatResponse(message=ChatMessage())
        with closing(self.stream_chat(task.messages, **task.kwargs)) as responses:
            for response in responses:
                if (found := growing.take(*task.piece(response))) is not None:
                    yield found
        parsed = task.read(response)
        if parsed.problem:
            parsed = task.read(self.chat(task.asked_again(response, parsed), **task.kwargs))
        yield task.given(parsed)

    async def _structured_astream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        if self.pydantic_program_mode not in _METHODS:
            return await super()._structured_astream_call(output_cls, prompt, llm_kwargs, **prompt_args)
        return self._aobjects(self._task(output_cls, prompt, llm_kwargs, prompt_args))

    async def _aobjects(self, task: "_Task[Model]") -> AsyncGenerator[Model | FlexibleModel, None]:
        growing, response = GrowingObject(task.reader), ChatResponse(message=ChatMessage())
        async with aclosing(await self.astream_chat(task.messages, **task.kwargs)) as responses:
            async for response in responses:
                if (found := growing.take(*task.piece(response))) is not None:
                    yield found
        parsed = task.read(response)
        if parsed.problem:
            parsed = task.read(await self.achat(task.asked_again(response, parsed), **task.kwargs))
        yield task.given(parsed)

    def _task(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: Mapping[str, Any] | None,
        prompt_args: Mapping[str, Any],
    ) -> "_Task[Model]":
        messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
        kwargs = {key: value for key, value in (llm_kwargs or {}).items() if key not in _CHOSEN_HERE}
        structure = _structure_of(output_cls, self._method())
        validate = validator_of(output_cls)
        in_part = _in_part(validate, create_flexible_model(output_cls))
        asks_again = (kwargs.get("on_invalid_call") or getattr(self, "on_invalid_call", "auto")) not in (
            "keep",
            "raise",
        )
        if prompt.output_parser is None:
            reader = ObjectReader(structure.name, validate, in_part, asks_again=asks_again)
            return _Task(reader, messages, {**kwargs, "structure": structure})
        # Its words are in the messages already: a second format beside it would contradict them.
        parsed_by = _validator_of_parser(prompt.output_parser, output_cls, validate)
        reader = ObjectReader(structure.name, parsed_by, in_part, lambda text: text or None, asks_again)
        return _Task(reader, messages, kwargs)

    def _method(self) -> AnyMethod:
        if self.pydantic_program_mode == PydanticProgramMode.DEFAULT and not self.metadata.is_function_calling_model:
            return "text"
        return _METHODS[self.pydantic_program_mode]


def _announce(output_cls: type[BaseModel], prompt: PromptTemplate, prompt_args: dict[str, Any]) -> None:
    event = LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
    dispatcher.event(event)


class _Task(Generic[Model]):
    """One object to be asked for: what to send, and what to make of the answer.

    Attributes:
        reader: What reads the object.
        messages: The conversation that asks for it.
        kwargs: The parameters of the call.
    """

    def __init__(self, reader: ObjectReader, messages: list[ChatMessage], kwargs: JSON) -> None:
        self.reader = reader
        self.messages = messages
        self.kwargs = kwargs
        self._known: dict[int, int] = {}

    def read(self, response: ChatResponse) -> Parsed:
        """What is made of an answer."""
        message, facts = response.message, response.additional_kwargs
        return self.reader.read(
            Answer(
                text=message.content or "",
                calls=[(call.tool_name, call.tool_kwargs) for call in _calls(message)],
                finish_reason=facts.get("finish_reason"),
                refusal=str(message.additional_kwargs.get("refusal") or ""),
                request_id=facts.get("request_id"),
            )
        )

    def asked_again(self, response: ChatResponse, parsed: Parsed) -> list[ChatMessage]:
        """The conversation in which to ask once more: the answer goes back with its reasoning."""
        thoughts = [block for block in response.message.blocks if isinstance(block, ThinkingBlock)]
        said, words = parsed.second_question()
        return [
            *self.messages,
            ChatMessage(role=MessageRole.ASSISTANT, blocks=[*thoughts, TextBlock(text=said)]),
            ChatMessage(role=MessageRole.USER, content=words),
        ]

    def given(self, parsed: Parsed) -> Model:
        """The object, or the error."""
        if parsed.error:
            raise parsed.error
        value: Model = parsed.value
        return value

    def piece(self, response: ChatResponse) -> tuple[str, list[Fragment]]:
        """What a response of a stream adds. A call under way has the text of its arguments so far."""
        fragments = []
        for position, call in enumerate(_calls(response.message)):
            if isinstance(so_far := call.tool_kwargs, str):
                known = self._known.get(position)
                name = call.tool_name if known is None else None
                fragments.append(Fragment(position, so_far[known or 0 :], name=name))
                self._known[position] = len(so_far)
        return response.delta or "", fragments


def _calls(message: ChatMessage) -> list[ToolCallBlock]:
    return [block for block in message.blocks if isinstance(block, ToolCallBlock)]


def _structure_of(output_cls: type[BaseModel], method: AnyMethod) -> Structure:
    schema = output_cls.model_json_schema()
    if "$ref" in schema:  # a class that refers to itself
        name = schema.pop("$ref").rpartition("/")[2]
        schema = {**schema["$defs"][name], **schema}
    if schema.get("type") != "object":
        raise UnsupportedParameterError(
            f"{output_cls.__name__} is no JSON object: models are asked for objects. Make it a field of a class.",
            parameter="output_cls",
        )
    name, description = str(schema.pop("title", output_cls.__name__)), str(schema.pop("description", ""))
    return Structure(name, schema, description, method)


def _in_part(validate: Validate, flexible_cls: type[BaseModel]) -> Validate:
    """Makes an instance of the beginning of an object, or of LlamaIndex's flexible copy of its class."""

    def validate_part(found: JSON) -> Any:
        if not found:
            raise UnfitError
        try:
            return validate(found)
        except UnfitError:
            return flexible_cls.model_validate(found)

    return validate_part


def _validator_of_parser(parser: BaseOutputParser, output_cls: type[BaseModel], validate: Validate) -> Any:
    """Reads a text by a prompt's own output parser, whatever it raises at a text that it does not take."""

    def parse(text: Any) -> Any:
        try:
            value = parser.parse(text) if isinstance(text, str) else text
        except Exception as error:  # parsers raise what they like
            raise UnfitError(str(error)) from error
        if isinstance(value, output_cls):
            return value
        if isinstance(value, Mapping):
            return validate(dict(value))
        raise UnfitError(f"The prompt's output parser gives a {type(value).__name__}.")

    return parse
