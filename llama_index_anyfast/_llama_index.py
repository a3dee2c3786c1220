"""LlamaIndex's undocumented names that this package relies on; a test fails when one is gone."""

from collections.abc import Callable
from typing import Any, TypeVar

from llama_index.core.instrumentation import (  # type: ignore[attr-defined]  # core imports it so, too
    DISPATCHER_SPAN_DECORATED_ATTR,
)

Method = TypeVar("Method", bound=Callable[..., Any])


def without_span(method: Method) -> Method:
    """Keeps LlamaIndex from making a span of a method that is a step of a call: it would be counted as a call."""
    vars(method)[DISPATCHER_SPAN_DECORATED_ATTR] = True
    return method


OVERRIDDEN = frozenset({"_prepare_chat_with_tools", "_structured_astream_call", "_structured_stream_call"})
"""Methods of ours that LlamaIndex calls by these names."""

CALLED = frozenset({"_extend_messages"})
"""Methods of LlamaIndex's that ours call."""
