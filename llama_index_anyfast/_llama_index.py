"""Every name of LlamaIndex's that it does not document and that this package rests on; a test misses each of them."""

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
