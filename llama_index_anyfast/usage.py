"""Tokens and cost of a run in LlamaIndex, counted by its events."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]  # offered without __all__
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.exception import ExceptionEvent
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatStartEvent,
    LLMCompletionEndEvent,
    LLMCompletionStartEvent,
)
from llama_index.core.instrumentation.events.span import SpanDropEvent  # type: ignore[attr-defined]  # as above
from pydantic import PrivateAttr

from anyfast_transport.usage import usage_of
from anyfast_transport.usage_tracking import UsageTracker, observe

_Response = ChatResponse | CompletionResponse


class UsageEventHandler(BaseEventHandler):
    """Feeds a tracker from every LLM of the process, until it is removed.

    `track_usage` counts one block only. This one is for a program that counts as long as it runs:
    `get_dispatcher().add_event_handler(UsageEventHandler(tracker))`.

    Args:
        tracker: Where the calls are counted, each once.
    """

    _tracker: UsageTracker = PrivateAttr()
    _block_only: bool = PrivateAttr(default=False)

    def __init__(self, tracker: UsageTracker) -> None:
        super().__init__()
        self._tracker = tracker

    @classmethod
    def class_name(cls) -> str:
        """The name that LlamaIndex knows it by."""
        return "UsageEventHandler"

    def handle(self, event: BaseEvent, **_: Any) -> None:
        """Counts a call at its end.

        Args:
            event: Any event of LlamaIndex.
        """
        if isinstance(event, LLMChatStartEvent | LLMCompletionStartEvent):
            if not self._block_only or any(one is self for one in _ACTIVE.get()):
                self._tracker.begin(event.span_id, _asked(event))
        elif isinstance(event, LLMChatEndEvent | LLMCompletionEndEvent):
            self._end(event, event.response)
        elif isinstance(event, SpanDropEvent | ExceptionEvent):
            self._tracker.fail(event.span_id)

    def _end(self, event: BaseEvent, response: _Response | None) -> None:
        metadata = response.additional_kwargs if response else {}
        # Other classes make a chat of a completion, and an event of each.
        if isinstance(event, LLMCompletionEndEvent) and metadata.get("model_provider") != "anyfast":
            self._tracker.drop(event.span_id)
            return
        raw = _object(response.raw if response else None)
        model = str(metadata.get("model_name") or raw.get("model") or "")
        usage, earlier = usage_of(_object(raw.get("usage"))), metadata.get("asked_again") or ()
        self._tracker.end(event.span_id, model, usage, earlier=earlier)


def _asked(event: LLMChatStartEvent | LLMCompletionStartEvent) -> str:
    # A model that was given for one call wins over the field.
    said = (event.additional_kwargs, event.model_dict)
    return str(next((one["model"] for one in said if one.get("model")), event.model_dict.get("model_name") or ""))


def _object(value: Any) -> Mapping[str, Any]:
    """JSON that may have come as a pydantic object, as the OpenAI client's does."""
    value = value.model_dump() if hasattr(value, "model_dump") else value
    return value if isinstance(value, Mapping) else {}


_ACTIVE: ContextVar[Sequence[UsageEventHandler]] = ContextVar("anyfast_usage", default=())
_REGISTERING = threading.Lock()


@contextmanager
def _observed(trackers: Sequence[UsageTracker]) -> Iterator[None]:
    handler = UsageEventHandler(trackers[-1])  # those of the blocks around this one are there already
    handler._block_only = True  # noqa: SLF001  # a setting of ours, which LlamaIndex would show as a field
    root = get_dispatcher()
    with _REGISTERING:
        root.event_handlers = [*root.event_handlers, handler]
    token = _ACTIVE.set((*_ACTIVE.get(), handler))
    try:
        yield
    finally:
        _ACTIVE.reset(token)
        with _REGISTERING:
            root.event_handlers = [one for one in root.event_handlers if one is not handler]


observe("LlamaIndex", _observed)
