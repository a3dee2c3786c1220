"""AnyfastLLM, a LlamaIndex LLM for the Anyfast gateway."""

import functools
import warnings
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from typing import Any, Self, Unpack

from llama_index.core.base.llms.generic_utils import prompt_to_messages
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools.types import BaseTool
from pydantic import Field

from anyfast_transport.errors import AnyfastWarning
from anyfast_transport.families.profile_file import family_with
from anyfast_transport.http.client import AsyncClient, Client
from anyfast_transport.http.connections import SharesConnections
from anyfast_transport.http.listing import ListsModels
from anyfast_transport.lenient_json import merged
from anyfast_transport.request.call import Call
from anyfast_transport.settings.connection import Connection
from anyfast_transport.settings.parameters import ChatParameters
from anyfast_transport.settings.secrets import Hidden, MayHoldSecret, secret_names, without_secrets
from llama_index_anyfast._llama_index import without_span
from llama_index_anyfast.arguments import AnyfastLLMArguments
from llama_index_anyfast.messages import JSON, encode_messages, naming_the_block
from llama_index_anyfast.observed import keeping_secrets, observed, observed_astream, observed_stream
from llama_index_anyfast.portable import Portable
from llama_index_anyfast.responses import (
    Reader,
    arguments_in,
    as_acompletions,
    as_completion,
    as_completions,
    executable_calls,
)
from llama_index_anyfast.structured import StructuredOutput
from llama_index_anyfast.tools import wire_tools

ASSUMED_CONTEXT_WINDOW = 128_000
"""Tokens, for a model of which nothing is known; few models of today have less."""

USUAL_OUTPUT = 4_096
"""Tokens that query engines leave free for the answer, unless `max_tokens` says otherwise."""

_OURS_ALONE = frozenset({"allow_parallel_tool_calls", "in_agent"})
"""Keyword arguments of `chat` that say what to make of the answer, and are not for the gateway."""


@keeping_secrets
class AnyfastLLM(Portable, ChatParameters, Connection, SharesConnections, ListsModels, StructuredOutput):
    """The models of the Anyfast gateway, reasoning included.

    Every parameter can also be given for one call, and the call wins. An unknown one is an error.

    Args:
        model: Any model id that the gateway serves.
        thinking: On, off, or the model's own default (None).
        temperature: Sampling temperature, 0 to 2; not sent unless given.
        max_tokens: Longest answer in tokens.
        context_window: Overrides the known one.
        additional_kwargs: Merged into the request body last; LlamaIndex's name for `extra_body`.
        api_key: The gateway's key; from the environment variable ANYFAST_API_KEY unless given.
        base_url: Where the gateway is; `api_base` is the same.

    Examples:
        `pip install "anyfast-integrations[llama-index]"`

        ```python
        from llama_index_anyfast import AnyfastLLM

        llm = AnyfastLLM(model="deepseek-v4-pro", thinking=True)
        print(llm.complete("What is the capital of France?"))
        ```
    """

    context_window: int | None = Field(default=None, gt=0)
    """Tokens, prompt and answer together; the known one of the model's family unless given."""

    additional_kwargs: MayHoldSecret[dict[str, Any] | None] = None
    """LlamaIndex's name for `extra_body`: merged into the request body last, over `extra_body`."""

    is_function_calling_model: bool = True
    """Whether the model calls tools; False makes LlamaIndex choose its text-only ways."""

    def __init__(self, model: str | None = None, **arguments: Unpack[AnyfastLLMArguments]) -> None:
        given: dict[str, Any] = {**arguments} if model is None else {"model": model, **arguments}
        super().__init__(**given)

    @classmethod
    def class_name(cls) -> str:
        """The id that LlamaIndex writes into dumps."""
        return "AnyfastLLM"

    # What LlamaIndex asks about the model

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex's engines need to know; offline, and for any model."""
        known = family_with(self.model, self.profile_file)
        window = self.context_window or known.context_window or _assumed_window(self.model)
        longest = min(window // 4, known.output_limit or window)
        return LLMMetadata(
            context_window=window,
            num_output=max(1, min(self.max_tokens or USUAL_OUTPUT, longest)),
            is_chat_model=True,
            is_function_calling_model=self.is_function_calling_model,
            model_name=self.model,
            system_role=MessageRole.SYSTEM,
        )

    def to_payload(self) -> JSON:
        """What events and traces may know of this LLM: nothing secret."""
        said = {name: getattr(self, name) for name in ("model", "temperature", "max_tokens", "thinking")}
        return {**super().to_payload(), **said}

    # One call

    @without_span
    def _call(self, kwargs: Mapping[str, Any], *, stream: bool) -> Call:
        overrides = {key: value for key, value in kwargs.items() if key not in _OURS_ALONE | {"additional_kwargs"}}
        overrides["extra_body"] = self._extra_body(kwargs)
        call = Call.of(self, overrides, stream=stream, in_agent=bool(kwargs.get("in_agent")))
        if function := _forced(call):
            call.called_in_text = lambda text: arguments_in(text, function) is not None
        return call

    def _extra_body(self, kwargs: Mapping[str, Any]) -> Hidden | None:
        """What is merged into the body over `extra_body`; hidden, for tracers print the locals of frames."""
        own = {key: value for key, value in (self.additional_kwargs or {}).items() if key not in kwargs}
        for name in ("extra_body", "additional_kwargs"):
            own = merged(own, kwargs.get(name) or {})
        return Hidden("extra_body", own) if own else None

    def keeping(self, arguments: Mapping[str, Any]) -> tuple[Self, JSON]:
        """What of a call's arguments may hold a secret, as fields of a copy, which are told nowhere.

        Args:
            arguments: Keyword arguments of a call.

        Returns:
            This LLM, or a copy with these fields, and the other arguments.
        """
        said, secret = without_secrets(type(self), arguments), secret_names(type(self)) & arguments.keys()
        if not secret:
            return self, said
        bodies = [arguments.get(name) or {} for name in ("extra_body", "additional_kwargs")]
        rest = {name: arguments[name] for name in secret - {"extra_body", "additional_kwargs"}}
        spoken_to = Call.of(self, rest).connection or self
        return spoken_to.model_copy(  # type: ignore[return-value]  # it is a copy of this
            update={"additional_kwargs": functools.reduce(merged, bodies, self.additional_kwargs or {})}
        ), said

    def _reader(self, call: Call, kwargs: Mapping[str, Any]) -> Reader:
        """What will read the answer."""
        return Reader(
            parallel=kwargs.get("allow_parallel_tool_calls", True),
            forced=_forced(call),
        )

    # The undecorated `_chat` & co. serve both kinds of endpoint, so that each call makes one event and is counted once.

    def _chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        call = self._call(kwargs, stream=False)
        with naming_the_block():
            completion = Client(self).ask(call, encode_messages(messages))
        return self._reader(call, kwargs).read(completion)

    async def _achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        call = self._call(kwargs, stream=False)
        with naming_the_block():
            completion = await AsyncClient(self).ask(call, encode_messages(messages))
        return self._reader(call, kwargs).read(completion)

    def _stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Generator[ChatResponse, None, None]:
        call = self._call(kwargs, stream=True)
        with naming_the_block():
            items = Client(self).ask_stream(call, encode_messages(messages))
        return self._reader(call, kwargs).stream(items)

    async def _astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> AsyncGenerator[ChatResponse, None]:
        call = self._call(kwargs, stream=True)
        with naming_the_block():
            items = AsyncClient(self).ask_stream(call, encode_messages(messages))
        return self._reader(call, kwargs).astream(items)

    @observed(llm_chat_callback())
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answers a conversation.

        Args:
            messages: The conversation.
            **kwargs: Any field of this class, for this call alone; `tools` and `tool_choice` in OpenAI's shape.

        Returns:
            The answer; where the model has thought, its first block is a ThinkingBlock.

        Raises:
            AnyfastError: Every end but an answer; see `anyfast_transport.errors`.
        """
        return self._chat(messages, **kwargs)

    @observed(llm_chat_callback())
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answers a conversation, asynchronously; see `chat`."""
        return await self._achat(messages, **kwargs)

    @observed_stream(llm_chat_callback())
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Answers a conversation piece by piece.

        Args:
            messages: The conversation.
            **kwargs: As in `chat`.

        Returns:
            A generator of responses. Each holds everything so far in `message`, the new text in `delta`, and the new
            reasoning in `additional_kwargs["thinking_delta"]`; the last one has usage and metadata. Closing it ends the
            request.

        Raises:
            AnyfastError: While it is read, every end but an answer; a cut-off stream is a StreamInterruptedError.
        """
        return self._stream_chat(messages, **kwargs)

    @observed_astream(llm_chat_callback())
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """Answers piece by piece, asynchronously; await it for the generator, and see `stream_chat`."""
        return await self._astream_chat(messages, **kwargs)

    @observed(llm_completion_callback())
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answers a prompt, which becomes one user message.

        Args:
            prompt: The prompt.
            formatted: Whether it is formatted already, so that `completion_to_prompt` is left out.
            **kwargs: As in `chat`.

        Returns:
            The answer.

        Raises:
            AnyfastError: Every end but an answer; see `anyfast_transport.errors`.
        """
        return as_completion(self._chat(self._asked(prompt, formatted), **kwargs))

    @observed(llm_completion_callback())
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answers a prompt, asynchronously; see `complete`."""
        return as_completion(await self._achat(self._asked(prompt, formatted), **kwargs))

    @observed_stream(llm_completion_callback())
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """Answers a prompt piece by piece; see `complete` and `stream_chat`."""
        return as_completions(self._stream_chat(self._asked(prompt, formatted), **kwargs))

    @observed_astream(llm_completion_callback())
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """Answers piece by piece, asynchronously; await it for the generator, and see `stream_complete`."""
        return as_acompletions(await self._astream_chat(self._asked(prompt, formatted), **kwargs))

    def _asked(self, prompt: str, formatted: bool) -> list[ChatMessage]:
        said = prompt if formatted or not self.completion_to_prompt else self.completion_to_prompt(prompt)
        return prompt_to_messages(said)

    # Tools

    @without_span
    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,  # noqa: ARG002  # LlamaIndex passes it; there is nothing to print
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: str | Mapping[str, Any] | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> JSON:
        messages = list(chat_history or [])
        if user_msg is not None:
            messages.append(
                ChatMessage(role=MessageRole.USER, content=user_msg) if isinstance(user_msg, str) else user_msg
            )
        prepared: JSON = {"messages": messages, **kwargs}
        if not tools:
            return prepared
        prepared |= {"tools": wire_tools(tools, strict=strict), "in_agent": True}
        if tool_choice or tool_required:
            prepared["tool_choice"] = tool_choice or "required"
        if not allow_parallel_tool_calls:
            prepared["allow_parallel_tool_calls"] = False
        return prepared

    def get_tool_calls_from_response(
        self,
        response: ChatResponse,
        error_on_no_tool_call: bool = True,
        **kwargs: Any,  # noqa: ARG002  # part of the signature that LlamaIndex calls
    ) -> list[ToolSelection]:
        """The calls that may be executed; none while a stream goes on.

        Args:
            response: A whole answer, or a chunk of a stream.
            error_on_no_tool_call: Whether an answer without calls is an error.
            kwargs: Ignored.

        Returns:
            The calls.

        Raises:
            InvalidResponseError: No call can be executed (and `on_invalid_call` is not `"keep"`), or there is none
                although one is needed.
        """
        return executable_calls(response, needed=error_on_no_tool_call, keeps=self.on_invalid_call == "keep")


def _forced(call: Call) -> JSON | None:
    """The one tool that the model has to call, as the wire's function."""
    forced = len(call.tools) == 1 and call.tool_choice not in (None, False, "auto", "none")
    return call.tools[0].get("function") if forced else None


@functools.cache
def _assumed_window(model: str) -> int:
    """Cached, so that it warns once for each model."""
    warnings.warn(
        f"The context window of {model} is not known: {ASSUMED_CONTEXT_WINDOW:,} tokens are assumed. "
        "context_window= says otherwise.",
        AnyfastWarning,
        stacklevel=3,
    )
    return ASSUMED_CONTEXT_WINDOW
