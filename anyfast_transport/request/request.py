"""One request: what is sent, and what whoever sends it and reads its answer must know of it. Pure."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import to_json

from anyfast_transport.errors import UnsupportedParameterError
from anyfast_transport.families.table import Family, family_of
from anyfast_transport.lenient_json import without_surrogates
from anyfast_transport.reading import Expected, Reading, offered
from anyfast_transport.request.structured_output import OutputMode
from anyfast_transport.request.thinking import asks_to_think, thinks
from anyfast_transport.settings.connection import Connection

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent for one call.

    Attributes:
        body: The JSON object; not changed once it is here.
        family: The model's row, under what a profile file says.
        reading: How the answer is to be read.
        expected: What the call expects of it; heeded by `Client.ask`.
        repairs: What is not as the caller gave it, because it would be refused: a few words for each. They are in the
            metadata of the answer, too.
        output_mode: How an object is asked for, or None if none is.
        connection: What this call alone says of its connection, or None.
    """

    body: JSON = field(repr=False)  # it may hold a secret, by way of `extra_body`
    family: Family
    reading: Reading
    expected: Expected = field(default_factory=Expected)
    repairs: tuple[str, ...] = ()
    output_mode: OutputMode | None = None
    connection: Connection | None = None

    @classmethod
    def of(cls, body: "Request | Mapping[str, Any]") -> "Request":
        """Takes a body of any making as a request.

        Args:
            body: The JSON object, or a request, which stays as it is.

        Returns:
            A request that knows what can be known from the body.
        """
        if isinstance(body, Request):
            return body
        family = family_of(str(body.get("model")))
        return cls(dict(body), family, reading_of(body, family))

    @property
    def model(self) -> str:
        """The model's id, or "None"."""
        return str(self.body.get("model"))

    @property
    def streams(self) -> bool:
        """Whether the answer comes as a stream."""
        return bool(self.body.get("stream"))

    @property
    def thinks(self) -> bool:
        """Whether the model will think."""
        return thinks(self.family, self.body)

    def rewritten(self, body: JSON, *repairs: str) -> "Request":
        """The same request with another body.

        Args:
            body: The body.
            repairs: What was changed, if the caller should know.

        Returns:
            A new request.
        """
        return replace(self, body=body, repairs=(*self.repairs, *repairs))

    def streamed_inside(self, connection: Connection) -> "Request | None":
        """The request of a call that must be streamed although it is wanted whole: only a stream shows reasoning.

        Args:
            connection: The model's; says whether reasoning has a cap, unless the request has one of its own.

        Returns:
            The request to stream, or None if this one may be sent as it is. Several answers (`n`) cannot be streamed.
        """
        if not (self.connection or connection).caps_reasoning or (self.body.get("n") or 1) > 1:
            return None
        return self.rewritten({**self.body, "stream": True, "stream_options": {"include_usage": True}})

    def written(self) -> tuple["Request", bytes]:
        """The request as it is sent, and its body as JSON.

        Returns:
            This request, or one whose texts were mended: half a surrogate pair is in no JSON, and becomes U+FFFD.

        Raises:
            UnsupportedParameterError: The body holds what cannot be written so.
        """
        with contextlib.suppress(ValueError):
            return self, to_json(self.body)
        try:
            mended = without_surrogates(self.body)
            return self.rewritten(mended, "half a character (a lone surrogate) in a text: now U+FFFD"), to_json(mended)
        except ValueError as error:
            problem = str(error)
        raise UnsupportedParameterError(f"The request cannot be written as JSON: {problem}")


def reading_of(
    body: Mapping[str, Any],
    family: Family,
    *,
    rescues: bool = True,
    splits: bool = True,
    thinking: bool | None = None,
    names: Mapping[str, str] | None = None,
) -> Reading:
    """How the answer to a body is to be read.

    Args:
        body: The request body.
        family: The model's row.
        rescues: Whether calls that come as text may become calls.
        splits: Whether thoughts in tags are taken out of the text.
        thinking: What the caller said; the body does not say it of a model that always thinks.
        names: The wire's name → the tool's own, where they differ.

    Returns:
        What the decoders need to know.
    """
    # Only where thinking was asked for: to wait for a tag that never comes is to show nothing until the end.
    waits = family.template_opens_thought and (thinking is True or asks_to_think(family, body))
    return Reading(
        rescues=rescues,
        splits=splits,
        waits=waits,
        tools=offered(body),
        dialects=family.call_markup,
        messages=body.get("messages") or (),
        names=names or {},
    )
