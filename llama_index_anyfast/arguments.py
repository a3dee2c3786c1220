"""The arguments of AnyfastLLM as types, for checkers and editors."""

from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.types import BaseOutputParser, PydanticProgramMode

from anyfast_transport.settings.arguments import ConnectionArguments, ParameterArguments


class AnyfastLLMArguments(ParameterArguments, ConnectionArguments, total=False):
    """Those of both classes, LlamaIndex's own, and ours alone."""

    context_window: int | None
    additional_kwargs: dict[str, Any] | None
    is_function_calling_model: bool
    callback_manager: CallbackManager | None
    rate_limiter: Any
    system_prompt: str | None
    messages_to_prompt: Callable[[Sequence[ChatMessage]], str] | None
    completion_to_prompt: Callable[[str], str] | None
    output_parser: BaseOutputParser | None
    pydantic_program_mode: PydanticProgramMode
    query_wrapper_prompt: BasePromptTemplate | None
