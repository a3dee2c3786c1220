"""Everything about reaching the Anyfast gateway; knows no framework.

The bare install: parameters, family facts, request bodies, the stream decoder, errors, and the two clients that both
`langchain_anyfast` and `llama_index_anyfast` stand on.
"""

from anyfast_transport.answer import decode_completion
from anyfast_transport.client import AsyncClient, Client, aclose_shared_connections, close_shared_connections
from anyfast_transport.connection import Connection
from anyfast_transport.errors import (
    AnyfastError,
    AnyfastWarning,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ContextWindowExceededError,
    EmptyAnswerError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    UnsupportedParameterError,
)
from anyfast_transport.families import Family, family_of
from anyfast_transport.parameters import ChatParameters
from anyfast_transport.request import Call, build_body
from anyfast_transport.stream import StreamDecoder
from anyfast_transport.usage import ModelUsage, Price, UsageTracker, track_usage
from anyfast_transport.wire import Choice, Completion, Delta, Message, Usage, usage_of

__version__ = "0.1.0"

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AnyfastError",
    "AnyfastWarning",
    "AsyncClient",
    "AuthenticationError",
    "BadRequestError",
    "Call",
    "ChatParameters",
    "Choice",
    "Client",
    "Completion",
    "Connection",
    "ContextWindowExceededError",
    "Delta",
    "EmptyAnswerError",
    "Family",
    "InvalidResponseError",
    "Message",
    "ModelUsage",
    "NotFoundError",
    "PermissionDeniedError",
    "Price",
    "QuotaExceededError",
    "RateLimitError",
    "ServerError",
    "StreamDecoder",
    "StreamInterruptedError",
    "UnsupportedParameterError",
    "Usage",
    "UsageTracker",
    "__version__",
    "aclose_shared_connections",
    "build_body",
    "close_shared_connections",
    "decode_completion",
    "family_of",
    "track_usage",
    "usage_of",
]
