"""Completions and deltas → ChatResponses, and the calls that may be executed."""

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.llms.types import (
    ChatResponse,
    CompletionResponse,
    ContentBlock,
    ToolCallBlock,
)
from llama_index.core.llms.llm import ToolSelection
from pydantic_core import to_json

from anyfast_transport.errors import InvalidResponseError
from anyfast_transport.http.async_generators import closing_owned
from anyfast_transport.lenient_json import entries_of, parsed_arguments
from anyfast_transport.response.objects import object_in
from anyfast_transport.types import Choice, Completion, Delta, Fragment, ToolCall, in_order, new_call_id
from llama_index_anyfast.chunks import call_block, response_of, text_block, thinking_block
from llama_index_anyfast.messages import (
    CALLS,
    JSON,
    REASONING,
    decode_image,
    decode_logprobs,
    decode_message,
    decode_usage,
    legacy_call,
)

THINKING_DELTA = "thinking_delta"
"""Key of a streamed response's `additional_kwargs`: its new reasoning, or None. LlamaIndex's agents read it there."""

INVALID_CALLS = "invalid_tool_calls"
"""Key of a response's `additional_kwargs`: call id → why it must not be executed."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What one call makes of its answer.

    Attributes:
        parallel: Whether several calls are kept, or only the first.
        forced: The one tool that the model had to call, as the wire's function, or None. A thinking model is only
            asked for the call, and now and then writes the arguments as its answer.
    """

    parallel: bool = True
    forced: Mapping[str, Any] | None = None

    def read(self, completion: Completion) -> ChatResponse:
        """Reads a whole answer.

        Args:
            completion: The completion.

        Returns:
            The response; of several answers the first is its message, the others are in `additional_kwargs`.

        """
        for choice in completion.choices:
            self._arrange(choice)
        message, *others = (decode_message(completion, choice) for choice in completion.choices)
        invalid = {call.id: call.error for call in completion.choice.tool_calls if call.error}
        return ChatResponse(
            message=message,
            raw=_raw(completion),
            logprobs=decode_logprobs(completion.choice.logprobs),
            additional_kwargs={
                **decode_usage(completion.usage),
                **completion.metadata(),
                **({"choices": others} if others else {}),
                **({INVALID_CALLS: invalid} if invalid else {}),
            },
        )

    def stream(self, items: Generator[Delta | Completion]) -> Generator[ChatResponse, None, None]:
        """Reads a streamed answer, which is closed with what is returned.

        Args:
            items: The transport's stream.

        Yields:
            Responses; each holds everything so far.
        """
        answer = StreamReader(self)
        with closing(items):
            for item in items:
                yield answer.take(item)

    async def astream(self, items: AsyncGenerator[Delta | Completion]) -> AsyncGenerator[ChatResponse, None]:
        """Reads a streamed answer, asynchronously; see `stream`."""
        answer = StreamReader(self)
        async with closing_owned(items) as read:
            async for item in read:
                yield answer.take(item)

    def _arrange(self, choice: Choice) -> None:
        if self.forced and not choice.tool_calls and (arguments := arguments_in(choice.text, self.forced)):
            choice.tool_calls = [ToolCall(new_call_id(), self.forced["name"], arguments)]
            choice.text = ""
        if not self.parallel:
            good = (at for at, call in enumerate(choice.tool_calls) if not call.error)
            del choice.tool_calls[next(good, 0) + 1 :]


def arguments_in(text: str, function: Mapping[str, Any]) -> str | None:
    """The arguments of a call in a text that should have been one; only if they fit.

    Args:
        text: The text.
        function: The tool, as the wire's function.

    Returns:
        The arguments as JSON, or None.
    """
    found = object_in(text)
    schema = function.get("parameters") or {}
    known = schema.get("properties") or {}
    if not found or not known.keys() >= found.keys() or not found.keys() >= set(schema.get("required") or ()):
        return None
    return to_json(found).decode()


def _raw(completion: Completion) -> JSON:
    """The answer as the wire has it; `usage` is where LlamaIndex's token counter looks."""
    entries = entries_of((completion.raw or {}).get("choices")) or [{}] * len(completion.choices)
    return {
        **(completion.raw or {}),
        **completion.more,
        "choices": [_raw_choice(*pair) for pair in zip(entries, completion.choices, strict=True)],
        "id": completion.id,
        "object": "chat.completion",
        "created": completion.created,
        "model": completion.model,
        "system_fingerprint": completion.system_fingerprint,
        "usage": completion.usage,
    }


def _raw_choice(entry: Mapping[str, Any], choice: Choice) -> JSON:
    """An answer as it came, or as it would have come in one piece; what may name the key is masked in the choice."""
    calls = [legacy_call(call.id, call.name, call.arguments) | call.extra for call in choice.tool_calls]
    message = entry.get("message") or {
        "role": "assistant",
        "content": choice.text,
        **({REASONING: choice.reasoning} if choice.reasoning else {}),
        **({CALLS: calls} if calls else {}),
        **({"audio": choice.audio} if choice.audio else {}),
        **choice.extra,
    }
    return {
        "index": choice.index,
        "finish_reason": choice.finish_reason,
        **entry,
        **choice.more,
        "message": {**message, **choice.message_more},
    }


class StreamReader:
    """Reads a streamed answer; each response holds everything so far.

    Args:
        reader: What to make of the whole.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._text = ""
        self._reasoning = ""
        # Blocks that do not grow are those of the response before.
        self._said: list[ContentBlock] = []
        self._thought: list[ContentBlock] = []
        # What stands before the text that grows: images, and the text before them.
        self._closed: list[ContentBlock] = []
        self._open = ""
        self._calls: list[_Growing] = []

    def take(self, item: Delta | Completion) -> ChatResponse:
        """Takes the next item of the transport's stream.

        Args:
            item: A delta, or last of all the completion.

        Returns:
            The response so far. Calls under way hold the text of their arguments so far.
        """
        if isinstance(item, Completion):
            return self._last(item)
        if item.images:
            self._take_parts(item)
        elif item.text:
            self._text += item.text
            self._open += item.text
            self._said = [*self._closed, text_block(self._open)]
        if item.reasoning:
            self._reasoning += item.reasoning
            self._thought = [thinking_block(self._reasoning)]
        for fragment in item.fragments:
            self._grow(fragment)
        known = {THINKING_DELTA: item.reasoning or None}
        return response_of(self._blocks(), self._legacy(), delta=item.text, raw=item.raw, known=known)

    def _last(self, completion: Completion) -> ChatResponse:
        response = self._reader.read(completion)
        choice = completion.choice
        response.delta = (choice.text or choice.refusal or "")[len(self._text) :]
        response.additional_kwargs[THINKING_DELTA] = None
        return response

    def _take_parts(self, item: Delta) -> None:
        self._text += item.text
        for part in in_order(item.text, item.images, item.image_places):
            if isinstance(part, str):
                self._open += part
                continue
            if self._open:
                self._closed.append(text_block(self._open))
                self._open = ""
            if image := decode_image(part):
                self._closed.append(image)
        self._said = [*self._closed, *([text_block(self._open)] if self._open else [])]

    def _grow(self, fragment: Fragment) -> None:
        if fragment.position == len(self._calls):
            self._calls.append(_Growing(fragment.id or ""))
        self._calls[fragment.position].take(fragment)

    def _shown(self) -> Sequence["_Growing"]:
        return self._calls if self._reader.parallel else self._calls[:1]

    def _blocks(self) -> list[ContentBlock]:
        if not self._calls:
            return [*self._thought, *(self._said or [text_block("")])]
        return [*self._thought, *self._said, *[call.block for call in self._shown()]]

    def _legacy(self) -> JSON:
        return {CALLS: [call.legacy for call in self._shown()]} if self._calls else {}


class _Growing:
    """A call under way. Only the call that grows is built anew with each chunk, and nothing is ever parsed here."""

    def __init__(self, call_id: str) -> None:
        self._id = call_id
        self._name = ""
        self._arguments = ""

    def take(self, fragment: Fragment) -> None:
        self._name += fragment.name or ""
        self._arguments += fragment.arguments
        self.block = call_block(self._id, self._name, self._arguments)
        self.legacy = legacy_call(self._id, self._name, self._arguments)


def as_completion(response: ChatResponse) -> CompletionResponse:
    """A chat's response as that of a completion: its text, and what its message and itself know besides.

    Args:
        response: The response; not changed, as LlamaIndex's own conversion would.

    Returns:
        The completion.
    """
    return CompletionResponse(
        text=response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        logprobs=response.logprobs,
        additional_kwargs={**response.message.additional_kwargs, **response.additional_kwargs},
    )


def as_completions(responses: Generator[ChatResponse, None, None]) -> Generator[CompletionResponse, None, None]:
    """The same for a stream, which is closed with this one; LlamaIndex's own conversion leaves it open."""
    with closing(responses):
        for response in responses:
            yield as_completion(response)


async def as_acompletions(
    responses: AsyncGenerator[ChatResponse, None],
) -> AsyncGenerator[CompletionResponse, None]:
    """The same for an async stream."""
    async with closing_owned(responses) as read:
        async for response in read:
            yield as_completion(response)


def executable_calls(response: ChatResponse, *, needed: bool, keeps: bool = False) -> list[ToolSelection]:
    """The calls of a response that may be executed.

    While a stream goes on there are none: agents ask at every chunk, and half of an argument is no argument. A call
    that was cut off, or is no JSON, is never a call without arguments. Beside one that may be executed it is left out,
    and so it is when the conversation goes on; alone it is an error, unless it was asked about and answered in text.

    Args:
        response: A whole answer, or a chunk of a stream.
        needed: Whether an answer without calls is an error.
        keeps: Whether calls that must not be executed are left in the message, and are no error.

    Returns:
        The calls.

    Raises:
        InvalidResponseError: No call may be executed, or there is none although one is needed.
    """
    facts = response.additional_kwargs
    if THINKING_DELTA in facts and "model_provider" not in facts:
        return []
    found = [_selection(block, facts) for block in response.message.blocks if isinstance(block, ToolCallBlock)]
    calls = [one for one in found if isinstance(one, ToolSelection)]
    broken = [one for one in found if isinstance(one, InvalidResponseError)]
    said = response.message.content or ""
    answered = keeps or (said and "asked_again" in facts)
    if broken and not calls and (needed or not answered):
        raise broken[0]
    if needed and not calls:
        raise InvalidResponseError(
            f"The model was to call a tool, and called none (finish_reason {facts.get('finish_reason')}). "
            f"It said: {said[:500]!r}",
            request_id=facts.get("request_id"),
        )
    return calls


def _selection(block: ToolCallBlock, facts: Mapping[str, Any]) -> ToolSelection | InvalidResponseError:
    """A call, or why it must not be executed."""
    call_id, arguments = block.tool_call_id or new_call_id(), block.tool_kwargs
    reason = (facts.get(INVALID_CALLS) or {}).get(call_id)
    if isinstance(arguments, str) and not reason:
        parsed = parsed_arguments(arguments)
        arguments, reason = ({}, "the arguments are not a JSON object") if parsed is None else (parsed, None)
    if reason:
        remedy = " Raise max_tokens." if facts.get("finish_reason") == "length" else ""
        return InvalidResponseError(
            f"The call of the tool {block.tool_name!r} cannot be executed: {reason}.{remedy}",
            request_id=facts.get("request_id"),
            body=str(block.tool_kwargs)[:500],
        )
    return ToolSelection(tool_id=call_id, tool_name=block.tool_name, tool_kwargs=arguments)
