"""The arguments of both classes as types, for checkers and editors, whom pydantic tells no alias.

A test holds them to the fields: the same names, and their aliases; `api_key` takes a `str`, too.
"""

from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any, Literal, TypedDict

import httpx
from pydantic import SecretStr

from anyfast_transport.settings.parameters import Effort


class ParameterArguments(TypedDict, total=False):
    """Those of `ChatParameters`, but for `model`, which the classes name themselves."""

    model_name: str
    thinking: bool | None
    reasoning_effort: Effort | None
    reasoning_replay: Literal["auto", "always", "never"]
    temperature: float | None
    top_p: float | None
    n: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    seed: int | None
    logprobs: bool | None
    top_logprobs: int | None
    max_tokens: int | None
    max_completion_tokens: int | None
    stop: str | list[str] | None
    stop_sequences: str | list[str] | None
    response_format: dict[str, Any] | None
    user_id: str | None
    image_config: dict[str, str] | None
    extra_body: dict[str, Any] | None
    rescue_tool_calls: bool
    split_think_tags: bool
    on_empty: Literal["warn", "raise", "keep"]
    on_invalid_call: Literal["auto", "ask_again", "raise", "keep"]


class ConnectionArguments(TypedDict, total=False):
    """Those of `Connection`."""

    api_key: str | SecretStr | Callable[[], str] | None
    base_url: str | None
    api_base: str | None
    timeout: float | httpx.Timeout | None
    first_token_timeout: float | None
    total_timeout: float | None
    max_reasoning_seconds: float | None
    max_reasoning_chars: int | None
    max_retries: int
    learn_from_refusals: bool
    profile_file: str | PathLike[str] | None
    default_headers: Mapping[str, str] | None
    secret_headers: tuple[str, ...]
    http_client: httpx.Client | None
    http_async_client: httpx.AsyncClient | None
