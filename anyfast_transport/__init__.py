"""Everything about reaching the Anyfast gateway; knows no framework.

The bare install: parameters, family facts, request bodies, the stream decoder, errors, and the two clients that both
`langchain_anyfast` and `llama_index_anyfast` stand on.
"""

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
    InvalidObjectError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    UnsupportedParameterError,
)
from anyfast_transport.families.embedding_models import EmbeddingModel, embedding_model_of
from anyfast_transport.families.table import Family, family_of
from anyfast_transport.http.client import AsyncClient, Client
from anyfast_transport.http.connections import aclose_shared_connections, close_shared_connections
from anyfast_transport.request.build import build_body, build_request
from anyfast_transport.request.call import Call
from anyfast_transport.request.request import Request
from anyfast_transport.response.model_list import ListedModel
from anyfast_transport.response.stream import StreamDecoder
from anyfast_transport.response.whole import decode_completion
from anyfast_transport.settings.connection import Connection
from anyfast_transport.settings.parameters import ChatParameters
from anyfast_transport.types import Choice, Completion, Delta, Message
from anyfast_transport.usage import Usage, usage_of
from anyfast_transport.usage_tracking import ModelUsage, Price, UsageTracker, track_usage

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
    "EmbeddingModel",
    "EmptyAnswerError",
    "Family",
    "InvalidObjectError",
    "InvalidResponseError",
    "ListedModel",
    "Message",
    "ModelUsage",
    "NotFoundError",
    "PermissionDeniedError",
    "Price",
    "QuotaExceededError",
    "RateLimitError",
    "Request",
    "ServerError",
    "StreamDecoder",
    "StreamInterruptedError",
    "UnsupportedParameterError",
    "Usage",
    "UsageTracker",
    "__version__",
    "aclose_shared_connections",
    "build_body",
    "build_request",
    "close_shared_connections",
    "decode_completion",
    "embedding_model_of",
    "family_of",
    "track_usage",
    "usage_of",
]
