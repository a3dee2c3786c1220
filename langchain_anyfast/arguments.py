"""The arguments of ChatAnyfast as types, for checkers and editors."""

from collections.abc import Callable
from typing import Any, Literal

from langchain_core.caches import BaseCache
from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.rate_limiters import BaseRateLimiter

from anyfast_transport.settings.arguments import ConnectionArguments, ParameterArguments


class ChatAnyfastArguments(ParameterArguments, ConnectionArguments, total=False):
    """Those of both classes, LangChain's own, and ours alone."""

    streaming: bool
    stream_usage: bool
    name: str | None
    cache: BaseCache | bool | None
    verbose: bool
    callbacks: list[BaseCallbackHandler] | BaseCallbackManager | None
    tags: list[str] | None
    metadata: dict[str, Any] | None
    custom_get_token_ids: Callable[[str], list[int]] | None
    rate_limiter: BaseRateLimiter | None
    disable_streaming: bool | Literal["tool_calling"]
    output_version: str | None
    profile: ModelProfile | None
