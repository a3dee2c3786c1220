"""The gateway's JSON as types. Unknown fields are kept: answers hold on to the raw object they came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from anyfast_transport.tool_calls import Fragment, ToolCall

CALL_EXTRAS = "tool_call_extras"
"""Key of `additional_kwargs`: call id → what the server put on that call, to be sent back with it."""

MESSAGE_EXTRA = "extra_content"
"""Key of `additional_kwargs`: what the server put on the message, to be sent back with it."""


class Message(TypedDict, total=False):
    """One message of a request, in OpenAI's shape with the gateway's fields."""

    role: str
    content: Any
    name: str
    prefix: bool
    reasoning_content: str
    tool_calls: list[dict[str, Any]]
    tool_call_id: str


@dataclass(slots=True, frozen=True)
class Usage:
    """Tokens of one call; None is "not given", which is not 0.

    Attributes:
        input: Tokens of the prompt, cached ones included.
        output: Tokens of the answer, reasoning included where the upstream counts it there.
        total: As given: never added up here, since hidden thoughts make it larger than the two.
        cached: Prompt tokens read from the cache.
        reasoning: Tokens spent thinking.
    """

    input: int
    output: int
    total: int
    cached: int | None = None
    reasoning: int | None = None


def usage_of(raw: Mapping[str, Any] | None) -> Usage | None:
    """Reads usage in any of its shapes.

    Args:
        raw: The `usage` object as it came, or None.

    Returns:
        The counts, or None if there are none.
    """
    if not raw:
        return None
    prompt, answer = _count(raw, "prompt_tokens", "input_tokens"), _count(raw, "completion_tokens", "output_tokens")
    if prompt is None and answer is None:
        return None
    prompt_details, answer_details = _object(raw, "prompt_tokens_details"), _object(raw, "completion_tokens_details")
    cached = _count(prompt_details, "cached_tokens")
    reasoning = _count(answer_details, "reasoning_tokens")
    total = _count(raw, "total_tokens")
    return Usage(
        input=prompt or 0,
        output=answer or 0,
        total=(prompt or 0) + (answer or 0) if total is None else total,
        cached=_count(raw, "prompt_cache_hit_tokens") if cached is None else cached,
        reasoning=_count(raw, "reasoning_tokens") if reasoning is None else reasoning,
    )


def _object(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, Mapping) else {}


def _count(raw: Mapping[str, Any], *keys: str) -> int | None:
    for key in keys:
        if isinstance(value := raw.get(key), int):
            return value
    return None


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
        refusal: The model's words of refusal, or None.
        logprobs: As they came, or None.
        extra: Fields of the message that must go back with it (`extra_content`, `reasoning_details`).
    """

    index: int = 0
    text: str = ""
    reasoning: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    finish_reason: str | None = None
    matched_stop: str | int | None = None
    images: list[dict[str, Any]] = field(default_factory=list)
    refusal: str | None = None
    logprobs: Any = None
    extra: dict[str, Any] = field(default_factory=dict)

    def kept(self) -> dict[str, Any]:
        """What must survive on a framework's message until it goes back, and a refusal: its `additional_kwargs`."""
        kept: dict[str, Any] = {}
        if extras := {call.id: call.extra for call in self.tool_calls if call.extra}:
            kept[CALL_EXTRAS] = extras
        if self.extra.get(MESSAGE_EXTRA):
            kept[MESSAGE_EXTRA] = self.extra[MESSAGE_EXTRA]
        if self.refusal:
            kept["refusal"] = self.refusal
        return kept

    @property
    def is_empty(self) -> bool:
        """Neither text nor call nor image nor refusal: nothing that answers."""
        return not (self.text or self.tool_calls or self.images or self.refusal)


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
        way: How an object was asked for (`structured.Way`), or None if none was; set by who asked.
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
    way: str | None = None

    @property
    def text(self) -> str:
        """Text of the first answer."""
        return self.choice.text

    @property
    def reasoning(self) -> str:
        """Reasoning of the first answer."""
        return self.choice.reasoning

    @property
    def choice(self) -> Choice:
        """The first answer."""
        return self.choices[0]

    def metadata(self, choice: Choice | None = None) -> dict[str, Any]:
        """What else is known about an answer, under the names of `response_metadata`.

        Args:
            choice: One of the answers; the first unless given.

        Returns:
            Only what is known: no key holds None, but for `matched_stop` where the answer had one of null.
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
            "structured_output": {"way": self.way, "repaired": False} if self.way else None,
        }
        return {key: value for key, value in known.items() if value is not None}


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
    """

    text: str = ""
    reasoning: str = ""
    fragments: list[Fragment] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    logprobs: Any = None
    raw: Mapping[str, Any] = field(default_factory=dict)
