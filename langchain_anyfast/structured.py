"""Objects for LangChain, by whichever way the model takes: read, validated, asked for once more if they are not valid.

It is a runnable of its own, since LangChain's parsers see an answer only, and to ask again takes the question.
"""

import functools
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core import exceptions as core
from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.config import patch_config
from langchain_core.runnables.utils import ConfigurableFieldSpec
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import ConfigDict, ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1
from pydantic_core import from_json, to_json

from anyfast_transport.json_schema import errors_in
from anyfast_transport.response.objects import object_in, problems, repair_request
from langchain_anyfast.messages import REASONING

_GROWTH = 1.05
"""A stream's object is read anew when its text has grown by so much, so that all readings together stay linear."""

_CUT_NUMBER = re.compile(r"[:,\[]\s*-?[\d.eE+-]*\Z")
_TAIL = 64
"""How far back a number may have begun that is cut by the end of what has come."""

_REFUSED: type[Exception] = getattr(core, "ModelRefusalError", OutputParserException)
"""langchain-core has it from 1.7.5 on."""


@dataclass(slots=True)
class Reading:
    """What was made of an answer.

    Attributes:
        raw: The answer.
        parsed: The object; None if there is none that is valid.
        error: Why there is none.
        problem: What the validator said, if asking again may help; "" if not.
    """

    raw: AIMessage
    parsed: Any = None
    error: Exception | None = None
    problem: str = ""


class _UnfitError(Exception):
    """An object that its schema does not allow, and why."""


class ObjectReader:
    """Reads an object out of answers, whichever way it was asked for: as the arguments of a call, or as JSON in text.

    Args:
        schema: What the user gave: a pydantic class (v1 or v2), a TypedDict, a JSON schema or an OpenAI tool.
        tool: The name of the tool that stands for the schema.
    """

    def __init__(self, schema: Any, tool: str) -> None:
        self.tool = tool
        self._class: Any = schema if isinstance(schema, type) and is_basemodel_subclass(schema) else None
        self._schema: Mapping[str, Any] = {} if self._class else convert_to_json_schema(schema)

    def read(self, message: AIMessage) -> Reading:
        """Reads a whole answer.

        Args:
            message: The answer.

        Returns:
            The object, or what is wrong.
        """
        if error := _refusal(message):
            return Reading(message, error=error)
        found = self._arguments(message)
        found = object_in(message.text) if found is None else found
        if found is None:
            said = message.text
            return self._failed(message, f"The answer holds no JSON object: {said!r}", said, "There is no JSON object.")
        try:
            return Reading(message, parsed=self.validated(found))
        except (ValidationError, ValidationErrorV1) as error:
            return self._failed(message, f"The answer is not valid: {error}", _json(found), _words(error), error)
        except _UnfitError as error:
            return self._failed(message, f"The answer is not valid: {error}", _json(found), str(error))

    def _failed(
        self, message: AIMessage, words: str, said: str, problem: str, cause: Exception | None = None
    ) -> Reading:
        cut = message.response_metadata.get("finish_reason") == "length"
        if cut:
            words += "\nIt was cut off by the token limit: raise max_tokens."
        error = OutputParserException(words, llm_output=said)
        error.__cause__ = cause
        # What was cut off would be cut off again.
        return Reading(message, error=error, problem="" if cut else problem)

    def _arguments(self, message: AIMessage) -> dict[str, Any] | None:
        return next((call["args"] for call in message.tool_calls if call["name"] == self.tool), None)

    def validated(self, found: dict[str, Any]) -> Any:
        """Makes what the user wants of an object.

        Args:
            found: The object.

        Returns:
            An instance of the schema's class; the object itself for a TypedDict or a JSON schema.

        Raises:
            ValidationError: The class does not take it. (Or pydantic v1's error of that name.)
            _UnfitError: The schema does not allow it.
        """
        if self._class is None:
            if errors := errors_in(found, self._schema):
                raise _UnfitError(problems(errors))
            return found
        validate = getattr(self._class, "model_validate_json", None)
        # As JSON, since a strict class takes a date or a tuple only from there.
        return validate(_json(found)) if validate else self._class.parse_obj(found)

    def so_far(self, text: str) -> Any:
        """Reads what has come of an object.

        Args:
            text: The beginning of its JSON.

        Returns:
            The object so far, or an instance as soon as it would be valid; None if there is none. A number at the very
            end may go on, and is left out.
        """
        text = text[: -_TAIL or None] + _CUT_NUMBER.sub("", text[-_TAIL:])
        try:
            found = from_json(text, allow_partial="trailing-strings")
        except ValueError:
            return None
        if not isinstance(found, dict):
            return None
        try:
            return found if self._class is None else self.validated(found)
        except (ValidationError, ValidationErrorV1):
            return None


def _json(found: Any) -> str:
    return to_json(found).decode()


def _words(error: ValidationError | ValidationErrorV1) -> str:
    if isinstance(error, ValidationError):
        return problems(cast("list[dict[str, Any]]", error.errors(include_url=False, include_input=False)))
    return problems(cast("list[dict[str, Any]]", error.errors()))


def _refusal(message: AIMessage) -> Exception | None:
    """Why there can be no object, if the model or the gateway's filter refused to answer."""
    said = message.additional_kwargs.get("refusal")
    if not said and message.response_metadata.get("finish_reason") != "content_filter":
        return None
    words = f"The model refused to answer: {said}" if said else "The answer was withheld by a content filter."
    if _REFUSED is OutputParserException:
        return OutputParserException(words, llm_output=message.text)
    return _REFUSED(words, raw_message=message)  # type: ignore[call-arg]  # not in the oldest core


@dataclass(slots=True)
class _Growing:
    """The object of a stream while it grows."""

    reader: ObjectReader
    chunks: list[AIMessageChunk] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _names: dict[Any, str] = field(default_factory=dict)
    _arguments: list[str] = field(default_factory=list)
    _size: int = 0
    _read_at: float = 0.0
    _last: Any = None

    def take(self, chunk: AIMessageChunk) -> Any:
        """Takes the next piece; the object so far if it is another than before, else None."""
        self.chunks.append(chunk)
        grown = len(self._text), len(self._arguments)
        self._text += [text] if (text := str(chunk.text)) else []
        for part in getattr(chunk, "tool_call_chunks", ()):  # a model that may not stream gives its whole message
            name = self._names.get(part["index"], "") + (part["name"] or "")
            self._names[part["index"]] = name
            if name == self.reader.tool and part["args"]:
                self._arguments.append(part["args"])
        return self._look() if grown != (len(self._text), len(self._arguments)) else None

    def _look(self) -> Any:
        pieces = self._arguments or self._text
        self._size += len(pieces[-1])
        if self._size < self._read_at:
            return None
        self._read_at = self._size * _GROWTH
        text = "".join(pieces)
        start = text.find("{")
        found = self.reader.so_far(text[start:]) if start >= 0 else None
        return self.changed(found)

    def changed(self, found: Any) -> Any:
        """The object, unless it is what was given last."""
        if found is None or found == self._last:
            return None
        self._last = found
        return found

    def whole(self) -> AIMessage:
        """The answer that all pieces are."""
        first, *rest = self.chunks
        if not rest:
            return first
        return first.__add__(rest)  # a chunk takes a list of them


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
            OutputParserException: The answer was not valid, the second one neither.
        """
        return self._call_with_config(self._ask, input, config, **kwargs)

    async def ainvoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Asks for the object, asynchronously; see `invoke`."""
        return await self._acall_with_config(self._aask, input, config, **kwargs)

    def _ask(
        self, said: LanguageModelInput, run_manager: CallbackManagerForChainRun, config: RunnableConfig, **kwargs: Any
    ) -> Any:
        config = patch_config(config, callbacks=run_manager.get_child())
        reading = self.reader.read(self.model.invoke(said, config, **kwargs))
        if reading.problem:
            again = self.model.invoke(repair_messages(said, reading), config, **kwargs)
            reading = self.reader.read(_repaired(again))
        return self._given(reading)

    async def _aask(
        self,
        said: LanguageModelInput,
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> Any:
        config = patch_config(config, callbacks=run_manager.get_child())
        reading = self.reader.read(await self.model.ainvoke(said, config, **kwargs))
        if reading.problem:
            again = await self.model.ainvoke(repair_messages(said, reading), config, **kwargs)
            reading = self.reader.read(_repaired(again))
        return self._given(reading)

    def _given(self, reading: Reading) -> Any:
        if self.include_raw:
            return {"raw": reading.raw, "parsed": reading.parsed, "parsing_error": reading.error}
        if reading.error:
            raise reading.error
        return reading.parsed

    def stream(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:  # noqa: A002
        """Streams the object while it grows; the last one is valid.

        Args:
            input: The conversation.
            config: LangChain's.
            **kwargs: Any field of the model, for this call.

        Yields:
            Objects, or instances as soon as they would be valid. With `include_raw`, `raw` comes in pieces, `parsed` as
            it grows, `parsing_error` last.

        Raises:
            OutputParserException: At the end, if the answer was not valid, the second one neither. With `include_raw`
                it is not asked for a second time: pieces of two answers would not add up.
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
        config, growing = patch_config(config, callbacks=run_manager.get_child()), _Growing(self.reader)
        said = functools.reduce(_joined, inputs)
        with closing(cast("Any", self.model.stream(said, config, **kwargs))) as chunks:
            for chunk in chunks:
                yield from self._piece(chunk, growing.take(chunk))
        reading = self.reader.read(growing.whole())
        if reading.problem and not self.include_raw:
            again = self.model.invoke(repair_messages(said, reading), config, **kwargs)
            reading = self.reader.read(_repaired(again))
        yield from self._end(reading, growing)

    async def _aobjects(
        self,
        inputs: AsyncIterator[LanguageModelInput],
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        config, growing = patch_config(config, callbacks=run_manager.get_child()), _Growing(self.reader)
        said = functools.reduce(_joined, [piece async for piece in inputs])
        async with aclosing(cast("Any", self.model.astream(said, config, **kwargs))) as chunks:
            async for chunk in chunks:
                for value in self._piece(chunk, growing.take(chunk)):
                    yield value
        reading = self.reader.read(growing.whole())
        if reading.problem and not self.include_raw:
            again = await self.model.ainvoke(repair_messages(said, reading), config, **kwargs)
            reading = self.reader.read(_repaired(again))
        for value in self._end(reading, growing):
            yield value

    def _piece(self, chunk: AIMessageChunk, found: Any) -> Iterator[Any]:
        if self.include_raw:
            yield {"raw": chunk}
        if found is not None:
            yield {"parsed": found} if self.include_raw else found

    def _end(self, reading: Reading, growing: _Growing) -> Iterator[Any]:
        if self.include_raw:
            yield {"parsed": reading.parsed, "parsing_error": reading.error}
        elif reading.error:
            raise reading.error
        elif (found := growing.changed(reading.parsed)) is not None:
            yield found


def repair_messages(said: LanguageModelInput, reading: Reading) -> list[BaseMessage]:
    """The conversation in which to ask once more.

    Args:
        said: The conversation that was answered.
        reading: What was made of the answer.

    Returns:
        The conversation, the answer as text with its reasoning, and the validator's words.
    """
    message = reading.raw
    reasoning = message.additional_kwargs.get(REASONING)
    calls = " ".join(_json(call["args"]) for call in message.tool_calls)
    answer = getattr(reading.error, "llm_output", None) or message.text or calls or "(nothing)"
    return [
        *_messages(said),
        AIMessage(str(answer), additional_kwargs={REASONING: reasoning} if reasoning else {}),
        HumanMessage(repair_request(reading.problem)),
    ]


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
    told = message.response_metadata.get("structured_output") or {}
    metadata = {**message.response_metadata, "structured_output": {**told, "repaired": True}}
    return message.model_copy(update={"response_metadata": metadata})
