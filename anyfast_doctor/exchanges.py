"""What a probe asks, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anyfast_transport import AnyfastError, BadRequestError, Completion, Usage, usage_of
from anyfast_transport.lenient_json import read_json
from anyfast_transport.types import ToolCall

JSON = dict[str, Any]

CHAT = "chat/completions"
_WORDS = 160


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    Attributes:
        body: The JSON to post; None is a GET.
        path: Behind the base URL; one with a slash in front, from the root of the gateway.
        errs: Whether an error is what is asked for, so that any of them is for the probe to judge.
    """

    body: JSON | None = None
    path: str = CHAT
    errs: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, and how it ended.

    Attributes:
        ask: The request.
        completion: The answer, if there is one.
        error: How it ended otherwise, or None.
        headers: Headers of the last response, names in lower case.
        raw: The beginning of its body, as it came.
        seconds: How long it took.
    """

    ask: Ask
    completion: Completion | None = None
    error: AnyfastError | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    seconds: float = 0.0

    @property
    def refused(self) -> bool:
        """Whether the request itself was refused."""
        return isinstance(self.error, BadRequestError)

    @property
    def answered(self) -> bool:
        """Whether there is an answer."""
        return self.error is None

    @property
    def words(self) -> str:
        """The error's words, in one short line; "" if there is none."""
        said = " ".join(self.error.message.split()) if self.error else ""
        return said if len(said) <= _WORDS else said[:_WORDS] + "…"

    @property
    def text(self) -> str:
        """The answer's text."""
        return self.completion.text if self.completion and self.completion.choices else ""

    @property
    def reasoning(self) -> str:
        """The answer's reasoning."""
        return self.completion.reasoning if self.completion and self.completion.choices else ""

    @property
    def calls(self) -> Sequence[ToolCall]:
        """The answer's tool calls."""
        return self.completion.choice.tool_calls if self.completion and self.completion.choices else ()

    @property
    def finish(self) -> str | None:
        """The answer's finish reason."""
        return self.completion.choice.finish_reason if self.completion and self.completion.choices else None

    @property
    def usage(self) -> Usage | None:
        """The answer's usage."""
        return usage_of(self.completion.usage) if self.completion else None

    @property
    def document(self) -> Any:
        """The body as JSON, or None if it is none."""
        try:
            return read_json(self.raw.strip())
        except ValueError:
            return None

    @property
    def message(self) -> Mapping[str, Any]:
        """The first answer's message as it came; empty for a stream."""
        document = self.document
        choices = document.get("choices") if isinstance(document, Mapping) else None
        first = choices[0] if isinstance(choices, list) and choices else None
        message = first.get("message") if isinstance(first, Mapping) else None
        return message if isinstance(message, Mapping) else {}

    @property
    def thought(self) -> bool:
        """Whether the model has thought: its reasoning is there, is counted, or is in the total alone (Gemini)."""
        usage = self.usage
        hidden = usage is not None and usage.total > usage.input + usage.output
        return bool(self.reasoning or (usage and usage.reasoning) or hidden)

    @property
    def thought_size(self) -> int:
        """How much it has thought: tokens where they are counted, else characters."""
        usage = self.usage
        if usage is None:
            return len(self.reasoning)
        return usage.reasoning or max(usage.total - usage.input - usage.output, 0) or len(self.reasoning)
