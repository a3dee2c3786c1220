"""Objects for LangChain, by whichever way the model takes: read, validated, asked for once more if they are not valid.

It is a runnable of its own, since LangChain's parsers see an answer only, and to ask again takes the question. What is
made of an answer is decided in `anyfast_transport.response.objects`, for both frameworks.
"""

import functools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.config import patch_config
from langchain_core.runnables.utils import AddableDict, ConfigurableFieldSpec
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel, ConfigDict
from pydantic.v1 import ValidationError as ValidationErrorV1

from anyfast_transport.response.objects import (
    Answer,
    GrowingObject,
    ObjectReader,
    Parsed,
    UnfitError,
    problems,
    validator_of,
)
from anyfast_transport.types import Fragment
from langchain_anyfast.errors import as_error_of_an_object
from langchain_anyfast.json_schema import validator_of_schema
from langchain_anyfast.messages import REASONING


def reader_of(schema: Any, name: str, *, asks_again: bool) -> ObjectReader:
    """What reads the objects of a schema.

    Args:
        schema: What the user gave: a pydantic class (v1 or v2), a TypedDict, a JSON schema or an OpenAI tool.
        name: The name of the tool that stands for the schema.
        asks_again: Whether an answer without a valid object is to be asked for once more.

    Returns:
        A reader. It makes instances of a class, and leaves what it reads for another schema as it is.
    """
    if not (isinstance(schema, type) and is_basemodel_subclass(schema)):
        valid = validator_of_schema(convert_to_json_schema(schema))
        return ObjectReader(name, valid, in_part=_as_it_is, asks_again=asks_again)
    cls: Any = schema
    validate = validator_of(cls) if issubclass(cls, BaseModel) else functools.partial(_instance_of_v1, cls)
    return ObjectReader(name, validate, asks_again=asks_again)


def _as_it_is(found: dict[str, Any]) -> Any:
    return found


def _instance_of_v1(cls: Any, found: dict[str, Any]) -> Any:
    try:
        return cls.parse_obj(found)
    except ValidationErrorV1 as error:
        raise UnfitError(problems(cast("list[dict[str, Any]]", error.errors()))) from None


def answer_of(message: AIMessage) -> Answer:
    """What a message holds, in the terms of what reads objects."""
    invalid = [(call["name"] or "", call["args"] or "") for call in message.invalid_tool_calls]
    return Answer(
        text=message.text,
        calls=[*((call["name"], call["args"]) for call in message.tool_calls), *invalid],
        finish_reason=message.response_metadata.get("finish_reason"),
        refusal=str(message.additional_kwargs.get("refusal") or ""),
        request_id=message.response_metadata.get("request_id"),
    )


class RawAndParsed(AddableDict):
    """A piece of a stream with `include_raw`: pieces of `raw` add up, of all else the last one counts."""

    def __add__(self, other: AddableDict) -> "RawAndParsed":
        raws = [piece["raw"] for piece in (self, other) if piece.get("raw") is not None]
        raw = {"raw": functools.reduce(_joined, raws)} if raws else {}
        return RawAndParsed({**self, **other, **raw})

    def __radd__(self, other: AddableDict) -> "RawAndParsed":
        return RawAndParsed(other) + self


def _sum_of(chunks: Sequence[AIMessageChunk]) -> AIMessage:
    first, *rest = chunks
    return first.__add__(rest) if rest else first  # a chunk takes a list of them


class StructuredOutput(RunnableSerializable[LanguageModelInput, Any]):
    """What `with_structured_output` returns: a model, and what makes an object of its answer."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: Runnable[LanguageModelInput, AIMessage]
    """The model, asked for the object."""

    reader: Any
    """An `ObjectReader`."""

    include_raw: bool = False
    """Whether the answer is `{"raw": …, "parsed": …, "parsing_error": …}`."""

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """What of the model can be configured."""
        return self.model.config_specs

    def invoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Asks for the object.

        Args:
            input: The conversation.
            config: LangChain's.
            **kwargs: Any field of the model, for this call.

        Returns:
            The object, or with `include_raw` the answer beside it.

        Raises:
            InvalidObjectError: The answer was not valid, the second one neither. It is an OutputParserException, too.
        """
        return self._call_with_config(self._ask, input, config, **kwargs)

    async def ainvoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Asks for the object, asynchronously; see `invoke`."""
        return await self._acall_with_config(self._aask, input, config, **kwargs)

    def _ask(
        self, said: LanguageModelInput, run_manager: CallbackManagerForChainRun, config: RunnableConfig, **kwargs: Any
    ) -> Any:
        config = patch_config(config, callbacks=run_manager.get_child())
        message = self.model.invoke(said, config, **kwargs)
        parsed = self._read(message)
        if again := self._again(said, message, parsed):
            message = _repaired(self.model.invoke(again, config, **kwargs))
            parsed = self._read(message)
        return self._given(message, parsed)

    async def _aask(
        self,
        said: LanguageModelInput,
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> Any:
        config = patch_config(config, callbacks=run_manager.get_child())
        message = await self.model.ainvoke(said, config, **kwargs)
        parsed = self._read(message)
        if again := self._again(said, message, parsed):
            message = _repaired(await self.model.ainvoke(again, config, **kwargs))
            parsed = self._read(message)
        return self._given(message, parsed)

    def _read(self, message: AIMessage) -> Parsed:
        parsed: Parsed = self.reader.read(answer_of(message))
        if parsed.error:
            as_error_of_an_object(parsed.error, message, parsed.said)
        return parsed

    def _again(self, said: LanguageModelInput, message: AIMessage, parsed: Parsed) -> list[BaseMessage] | None:
        """The conversation in which to ask once more, if that may help: the answer goes back with its reasoning."""
        if not parsed.problem:
            return None
        answer, words = parsed.second_question()
        reasoning = message.additional_kwargs.get(REASONING)
        kept = {REASONING: reasoning} if reasoning else {}
        return [*_messages(said), AIMessage(answer, additional_kwargs=kept), HumanMessage(words)]

    def _given(self, message: AIMessage, parsed: Parsed) -> Any:
        if self.include_raw:
            return {"raw": message, "parsed": parsed.value, "parsing_error": parsed.error}
        if parsed.error:
            raise parsed.error
        return parsed.value

    def stream(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:  # noqa: A002
        """Streams the object while it grows; the last one is valid.

        Args:
            input: The conversation.
            config: LangChain's.
            **kwargs: Any field of the model, for this call.

        Yields:
            Objects, or instances as soon as they would be valid. With `include_raw` dicts that add up: `raw` comes in
            pieces, `parsed` as it grows, `parsing_error` last.

        Raises:
            InvalidObjectError: At the end, if the answer was not valid, the second one neither. With `include_raw` it
                is not asked for a second time: pieces of two answers would not add up.
        """
        yield from self.transform(iter([input]), config, **kwargs)

    async def astream(
        self,
        input: LanguageModelInput,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Streams the object while it grows, asynchronously; see `stream`."""

        async def only() -> AsyncIterator[LanguageModelInput]:
            yield input

        async for value in self.atransform(only(), config, **kwargs):
            yield value

    def transform(
        self,
        input: Iterator[LanguageModelInput],  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Streams the object to a conversation that is streamed itself; see `stream`."""
        yield from self._transform_stream_with_config(input, self._objects, config, **kwargs)

    async def atransform(
        self,
        input: AsyncIterator[LanguageModelInput],  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Streams the object to a conversation that is streamed itself, asynchronously; see `stream`."""
        async for value in self._atransform_stream_with_config(input, self._aobjects, config, **kwargs):
            yield value

    def _objects(
        self,
        inputs: Iterator[LanguageModelInput],
        run_manager: CallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> Iterator[Any]:
        config, growing = patch_config(config, callbacks=run_manager.get_child()), GrowingObject(self.reader)
        said, seen = functools.reduce(_joined, inputs), []
        with closing(cast("Any", self.model.stream(said, config, **kwargs))) as chunks:
            for chunk in chunks:
                seen.append(chunk)
                yield from self._piece(chunk, growing)
        message = _sum_of(seen)
        parsed = self._read(message)
        if not self.include_raw and (again := self._again(said, message, parsed)):
            parsed = self._read(_repaired(self.model.invoke(again, config, **kwargs)))
        yield from self._end(parsed, growing)

    async def _aobjects(
        self,
        inputs: AsyncIterator[LanguageModelInput],
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        config, growing = patch_config(config, callbacks=run_manager.get_child()), GrowingObject(self.reader)
        said, seen = functools.reduce(_joined, [piece async for piece in inputs]), []
        async with aclosing(cast("Any", self.model.astream(said, config, **kwargs))) as chunks:
            async for chunk in chunks:
                seen.append(chunk)
                for value in self._piece(chunk, growing):
                    yield value
        message = _sum_of(seen)
        parsed = self._read(message)
        if not self.include_raw and (again := self._again(said, message, parsed)):
            parsed = self._read(_repaired(await self.model.ainvoke(again, config, **kwargs)))
        for value in self._end(parsed, growing):
            yield value

    def _piece(self, chunk: AIMessageChunk, growing: GrowingObject) -> Iterator[Any]:
        # A model that may not stream gives its whole message, which has no chunks of calls.
        fragments = [
            Fragment(part["index"] or 0, part["args"] or "", name=part["name"])
            for part in getattr(chunk, "tool_call_chunks", ())
        ]
        found = growing.take(str(chunk.text), fragments)
        if self.include_raw:
            yield RawAndParsed({"raw": chunk})
        if found is not None:
            yield RawAndParsed({"parsed": found}) if self.include_raw else found

    def _end(self, parsed: Parsed, growing: GrowingObject) -> Iterator[Any]:
        if self.include_raw:
            yield RawAndParsed({"parsed": parsed.value, "parsing_error": parsed.error})
        elif parsed.error:
            raise parsed.error
        elif (found := growing.changed(parsed.value)) is not None:
            yield found


def _joined(one: Any, other: Any) -> Any:
    """What LangChain makes of an input that comes in pieces: their sum, or the last."""
    try:
        return one + other
    except TypeError:
        return other


def _messages(said: LanguageModelInput) -> Sequence[BaseMessage]:
    if isinstance(said, PromptValue):
        return said.to_messages()
    return [HumanMessage(said)] if isinstance(said, str) else convert_to_messages(said)


def _repaired(message: AIMessage) -> AIMessage:
    known = message.response_metadata.get("structured_output") or {}
    metadata = {**message.response_metadata, "structured_output": {**known, "repaired": True}}
    return message.model_copy(update={"response_metadata": metadata})
