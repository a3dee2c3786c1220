"""The gateway's JSON as types. Unknown fields are kept: answers hold on to the raw object they came from."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict, TypeVar

from anyfast_transport.lenient_json import parsed_arguments, written
from anyfast_transport.usage import usage_of

CALL_EXTRAS = "tool_call_extras"
"""Key of `additional_kwargs`: call id → what the server put on that call, to be sent back with it."""

MESSAGE_EXTRA = "extra_content"
"""Key of `additional_kwargs`: what the server put on the message, to be sent back with it."""

ASKED_ABOUT = "asked_about"
"""Key of `additional_kwargs`: what of a streamed message is of an answer that was asked about, and is not sent back.
That is the length of its `text` and its `reasoning`, and the ids of its `calls`."""


class Message(TypedDict, total=False):
    """One message of a request, in OpenAI's shape with the gateway's fields."""

    role: str
    content: Any
    name: str
    prefix: bool
    reasoning_content: str
    tool_calls: list[dict[str, Any]]
    tool_call_id: str


def new_call_id() -> str:
    """An id for a call that came without one, unique in any conversation."""
    return f"call_{uuid.uuid4().hex[:24]}"


@dataclass(slots=True)
class ToolCall:
    """One tool call of an answer.

    Attributes:
        id: Never empty: made here if the server gave none.
        name: The tool's name.
        arguments: The raw JSON text, as the model wrote it.
        extra: What else the server put on the call, to be sent back with it (Gemini's `extra_content`).
        error: Why the call must not be executed, or None.
    """

    id: str
    name: str
    arguments: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    error: str | None = None

    def parsed(self) -> dict[str, Any]:
        """The arguments as an object; `{}` where there are none, and for a call that has an `error`."""
        value = parsed_arguments(self.arguments)
        return value if value is not None and self.error is None else {}


@dataclass(slots=True)
class Fragment:
    """One piece of a call, told which call it belongs to.

    Attributes:
        position: Which call of the answer, from 0.
        arguments: The new characters of the arguments.
        id: The call's id, in its first fragment only.
        name: The tool's name, in its first fragment only.
    """

    position: int
    arguments: str
    id: str | None = None
    name: str | None = None


Named = TypeVar("Named", ToolCall, Fragment)


def under_own_names(calls: list[Named], names: Mapping[str, str]) -> list[Named]:
    """Calls, or pieces of them, under the names that their tools have for the caller.

    Args:
        calls: The calls; changed in place.
        names: The wire's name → the tool's own, where they differ.

    Returns:
        The same list.
    """
    for call in calls if names else ():
        call.name = names.get(call.name or "", call.name)
    return calls


Part = dict[str, Any]


def in_order(text: str, images: Sequence[Part], places: Sequence[int]) -> list[str | Part]:
    """Text and images as they stood in the answer.

    Args:
        text: The text.
        images: The images.
        places: How many characters of the text stand before each; an image without a place stands at the end.

    Returns:
        Texts, none of them empty, and images.
    """
    parts: list[str | Part] = []
    at = 0
    for number, image in enumerate(images):
        place = places[number] if number < len(places) else len(text)
        parts += [text[at:place], image] if place > at else [image]
        at = max(at, place)
    return [*parts, text[at:]] if at < len(text) else parts


@dataclass(slots=True)
class Choice:
    """One answer, whole or so far.

    Attributes:
        index: Which of the `n` answers.
        text: What is meant for the reader.
        reasoning: What the model thought, byte for byte.
        tool_calls: Its calls; one that must not be executed has an `error`.
        finish_reason: Why it ended: stop, length, tool_calls, content_filter, insufficient_system_resource, or another
            word, as it came; None while it goes on.
        matched_stop: The stop sequence that was met, the id of the end token, or None.
        images: Image parts (`image_url` objects) that the model made.
        image_places: How many characters of the text stand before each image.
        refusal: The model's words of refusal, or None.
        logprobs: As they came, or None.
        extra: Fields of the message that must go back with it (`extra_content`, `reasoning_details`).
        asked_about: What of it is of an answer that was asked about; see `ASKED_ABOUT`.
        audio: The sound of the answer as it came (`id`, `data`, `transcript`, …) with its `format`, or None; its
            transcript is the text where there is no other.
        more: Fields of the entry of `choices` that have no place here.
        message_more: Fields of the message that have no place here: annotations, citations, whatever comes next.
    """

    index: int = 0
    text: str = ""
    reasoning: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    finish_reason: str | None = None
    matched_stop: str | int | None = None
    images: list[dict[str, Any]] = field(default_factory=list)
    image_places: list[int] = field(default_factory=list)
    refusal: str | None = None
    logprobs: Any = None
    extra: dict[str, Any] = field(default_factory=dict)
    asked_about: dict[str, Any] = field(default_factory=dict)
    audio: dict[str, Any] | None = None
    more: dict[str, Any] = field(default_factory=dict)
    message_more: dict[str, Any] = field(default_factory=dict)

    def kept(self) -> dict[str, Any]:
        """What must survive on a framework's message until it goes back, and what else it held: `additional_kwargs`."""
        kept: dict[str, Any] = dict(self.message_more)
        if self.audio:
            kept["audio"] = self.audio
        if extras := {call.id: call.extra for call in self.tool_calls if call.extra}:
            kept[CALL_EXTRAS] = extras
        if self.extra.get(MESSAGE_EXTRA):
            kept[MESSAGE_EXTRA] = self.extra[MESSAGE_EXTRA]
        if self.refusal:
            kept["refusal"] = self.refusal
        if self.asked_about:
            kept[ASKED_ABOUT] = self.asked_about
        return kept

    @property
    def is_empty(self) -> bool:
        """Neither text nor call nor image nor sound nor refusal: nothing that answers."""
        return not (self.text or self.tool_calls or self.images or self.audio or self.refusal)


@dataclass(slots=True)
class Completion:
    """A completion, whole or so far.

    Attributes:
        id: The gateway's id of the completion, or "".
        model: The model that answered, which may be spelled otherwise than the one asked for.
        created: Seconds since 1970, or None.
        system_fingerprint: As it came, or None.
        choices: The answers; one unless `n` was given.
        usage: The raw usage object, the last that came, or None.
        request_id: The gateway's id of the request, or None.
        retries: Requests that were sent again for this call.
        repairs: What was not sent as the caller gave it, because it would be refused; a few words for each.
        output_mode: How an object was asked for (`structured_output.OutputMode`), or None if none was.
        asked_again: For each answer of the call that was asked about once more: the `question`, the `usage` of that
            answer, which was billed too, and its `request_id`.
        more: Fields of the answer that have no place here: search results, service tier, whatever comes next.
        raw: The answer as it came, if it came in one piece.
    """

    id: str = ""
    model: str = ""
    created: int | None = None
    system_fingerprint: str | None = None
    choices: list[Choice] = field(default_factory=list)
    usage: dict[str, Any] | None = None
    request_id: str | None = None
    retries: int = 0
    repairs: Sequence[str] = ()
    output_mode: str | None = None
    asked_again: Sequence[Mapping[str, Any]] = ()
    more: dict[str, Any] = field(default_factory=dict)
    raw: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        """Text of the first answer."""
        return self.choice.text

    @property
    def reasoning(self) -> str:
        """Reasoning of the first answer."""
        return self.choice.reasoning

    @property
    def holds_answer(self) -> bool:
        """Whether any part of an answer is there, or was billed."""
        usage = usage_of(self.usage)
        said = any(choice.reasoning or not choice.is_empty for choice in self.choices)
        return said or bool(usage and usage.output)

    @property
    def choice(self) -> Choice:
        """The first answer."""
        return self.choices[0]

    def metadata(self, choice: Choice | None = None) -> dict[str, Any]:
        """What else is known about an answer, under the names of `response_metadata`.

        Args:
            choice: One of the answers; the first unless given.

        Returns:
            Only what is known: no key holds None, but for `matched_stop` where the answer had one of null. Fields that
            have no place of their own are there under the names that they came with.
        """
        choice = choice or self.choice
        known = {
            "finish_reason": choice.finish_reason,
            "matched_stop": choice.matched_stop,
            "model_name": self.model or None,
            "model_provider": "anyfast",
            "system_fingerprint": self.system_fingerprint,
            "id": self.id or None,
            "created": self.created,
            "request_id": self.request_id,
            "logprobs": choice.logprobs,
            "retries": self.retries or None,
            "repairs": list(self.repairs) or None,
            "asked_again": list(self.asked_again) or None,
            "structured_output": {"way": self.output_mode, "repaired": bool(self.asked_again)}
            if self.output_mode
            else None,
        }
        more = {**self.more, **choice.more, **choice.message_more}
        return {**more, **{key: value for key, value in known.items() if value is not None}}


@dataclass(slots=True)
class Delta:
    """What one event of a stream adds to the first answer.

    Attributes:
        text: New text.
        reasoning: New reasoning.
        fragments: New pieces of tool calls, each told which call it belongs to.
        images: Image parts that came with it.
        logprobs: As they came, or None.
        raw: The event as it came.
        image_places: How many characters of `text` stand before each image.
        images_before: How many images came before this event.
    """

    text: str = ""
    reasoning: str = ""
    fragments: list[Fragment] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    logprobs: Any = None
    raw: Mapping[str, Any] = field(default_factory=dict)
    image_places: list[int] = field(default_factory=list)
    images_before: int = 0


def wire_call(
    call_id: str | None, name: str, arguments: Mapping[str, Any] | str, extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A call as it goes back to the gateway, on the assistant turn that made it.

    Args:
        call_id: Its id, if it has one; `request/tool_results.py` gives every call one that fits the conversation.
        name: The tool's name.
        arguments: The arguments as an object, or as the text that the model wrote.
        extra: What the server had put on the call.

    Returns:
        An entry of `tool_calls`.
    """
    text = arguments if isinstance(arguments, str) else written(arguments)
    function = {"name": name, "arguments": text or "{}"}
    return {"id": call_id or "", "type": "function", "function": function, **(extra or {})}


def as_parts(content: Any) -> list[Part]:
    """Content as a list of parts.

    Args:
        content: A string, a list of parts and strings, one part, or null.

    Returns:
        The parts; none for null and the empty string.
    """
    if isinstance(content, Mapping):
        return [dict(content)]
    if not isinstance(content, list):
        return [{"type": "text", "text": str(content)}] if content not in (None, "") else []
    parts = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
    return [part for part in parts if isinstance(part, dict)]


def text_of(parts: Sequence[Part], between: str = "\n") -> str:
    """The text of the parts that are text.

    Args:
        parts: The parts.
        between: What stands between two of them.

    Returns:
        The text, or "".
    """
    return between.join(str(part.get("text") or "") for part in parts if part.get("type") == "text")
