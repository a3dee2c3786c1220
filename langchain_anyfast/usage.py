"""Tokens and cost of a run in LangChain, counted by a callback."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.tracers.context import register_configure_hook

from anyfast_transport.usage import Usage
from anyfast_transport.usage_tracking import UsageTracker, observe


class UsageCallbackHandler(BaseCallbackHandler):
    """Feeds trackers from the chat models that it is a callback of, and from what runs inside of them.

    `track_usage` is the shorter way. This one is for a tracker that outlives a block:
    `model.with_config(callbacks=[UsageCallbackHandler(tracker)])`.

    Args:
        *trackers: Where the calls are counted; each counts a call once, however many handlers report it.
    """

    run_inline = True  # in the order of the calls, and before the caller goes on

    def __init__(self, *trackers: UsageTracker) -> None:
        super().__init__()
        self.trackers = trackers

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],  # noqa: ARG002  # part of the signature that LangChain calls
        messages: list[list[BaseMessage]],  # noqa: ARG002
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Takes note of a call."""
        for tracker in self.trackers:
            tracker.begin(run_id, str((metadata or {}).get("ls_model_name") or ""))

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """Counts an answered call."""
        message = _message(response)
        for tracker in self.trackers:
            if _came_from_a_cache(message):
                tracker.drop(run_id)
            else:
                tracker.end(run_id, _model(message), _usage(message), earlier=_asked_again(message))

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:  # noqa: ARG002
        """Counts a call that failed, or a stream that was left."""
        for tracker in self.trackers:
            tracker.fail(run_id)


def _message(response: LLMResult) -> AIMessage | None:
    # Of several answers the first has the usage of all.
    first = next((one for generations in response.generations for one in generations), None)
    message = first.message if isinstance(first, ChatGeneration) else None
    return message if isinstance(message, AIMessage) else None


def _came_from_a_cache(message: AIMessage | None) -> bool:
    # langchain_core marks so what `set_llm_cache` answers ("We zero out cost on cache hits").
    usage: Mapping[str, Any] = (message.usage_metadata if message else None) or {}
    return usage.get("total_cost") == 0


def _model(message: AIMessage | None) -> str:
    return str(message.response_metadata.get("model_name") or "") if message else ""


def _asked_again(message: AIMessage | None) -> Sequence[Mapping[str, Any]]:
    return message.response_metadata.get("asked_again") or () if message else ()


def _usage(message: AIMessage | None) -> Usage | None:
    usage = message.usage_metadata if message else None
    if not usage:
        return None
    return Usage(
        input=usage["input_tokens"],
        output=usage["output_tokens"],
        total=usage["total_tokens"],
        cached=usage.get("input_token_details", {}).get("cache_read"),
        reasoning=usage.get("output_token_details", {}).get("reasoning"),
    )


_ACTIVE: ContextVar[UsageCallbackHandler | None] = ContextVar("anyfast_usage", default=None)


@functools.cache
def _hooked() -> None:
    """Once: each hook stays for good."""
    register_configure_hook(_ACTIVE, inheritable=True)


@contextmanager
def _observed(trackers: Sequence[UsageTracker]) -> Iterator[None]:
    _hooked()
    token = _ACTIVE.set(UsageCallbackHandler(*trackers))
    try:
        yield
    finally:
        _ACTIVE.reset(token)


observe("LangChain", _observed)
