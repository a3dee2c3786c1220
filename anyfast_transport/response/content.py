"""What a message holds, sorted: text, reasoning, images, and calls that came as text. Pure: it is pushed.

Most pieces hold nothing to be sorted. `ContentReader.plain` says so at the price of three looks for a character, and
such a piece goes past all this.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from anyfast_transport.lenient_json import parsed_arguments
from anyfast_transport.response.images import MarkdownImages
from anyfast_transport.response.think_tags import ThinkTags, lone_close
from anyfast_transport.types import Reading, ToolCall

if TYPE_CHECKING:
    from anyfast_transport.response.text_tool_calls import CallsInText, PlannedCalls
    from anyfast_transport.response.tool_call_markup import Rescued

JSON = dict[str, Any]
REASONING_KEYS = ("reasoning_content", "reasoning", "reasoning_details")


@dataclass(slots=True)
class Sorted:
    """What a piece of a message adds."""

    text: str = ""
    reasoning: str = ""
    images: list[JSON] = field(default_factory=list)
    calls: "Sequence[Rescued]" = ()


def _readers_of_calls(reading: Reading) -> "tuple[CallsInText | None, PlannedCalls | None]":
    """What looks for calls in the text and in the reasoning."""
    if not (reading.rescues and reading.tools):
        return None, None
    # Here, for it takes a tenth of the package's import, and many programs offer no tool.
    from anyfast_transport.response.text_tool_calls import CallsInText, PlannedCalls

    return CallsInText(reading.tools), PlannedCalls(reading.tools)


class ContentReader:
    """Sorts what the messages of one answer hold.

    Args:
        reading: How to read it.
        text: The text that was delivered, in pieces; another may append to it.
        reasoning: The reasoning that was delivered, in pieces; another may append to it.
    """

    def __init__(self, reading: Reading, text: Sequence[str] = (), reasoning: Sequence[str] = ()) -> None:
        self._said, self._thought = text, reasoning
        self._images = MarkdownImages()
        self._tags = ThinkTags(waits=reading.waits) if reading.splits else None
        self._inline = _Inline()
        self._calls, self._planned = _readers_of_calls(reading)
        self._begun, self._idle = self._tags is None, True
        self.waits = bool(self._tags and reading.waits)

    def plain(self, content: str, reasoning: str) -> bool:
        """Whether a piece is just what it seems to be."""
        at_rest = self._idle and (self._begun or not content)
        return at_rest and "<" not in content and "!" not in content and "<" not in reasoning

    def saw_reasoning_field(self) -> None:
        """Told that this server has a field for reasoning, even an empty one: no text of it is thought unawares."""
        self.waits = False
        if self._tags:
            self._tags.saw_reasoning()

    def take(self, content: str, reasoning: str, *, called: bool = False) -> Sorted:
        """Takes the next piece.

        Args:
            content: Its content.
            reasoning: Its reasoning.
            called: Whether the answer has a call that came as a call.

        Returns:
            What it adds.
        """
        text, images = self._images.feed(content)
        thought, text = self._tags.feed(text) if self._tags and text else ("", text)
        reasoning += self._inline.add(thought, [*self._thought, reasoning], ended=bool(text))
        if self._calls and text:
            text = self._calls.feed(text, self._said[-1][-1:] if self._said else "")
        if self._planned and (reasoning or self._planned.busy):
            reasoning = self._planned.feed(reasoning, answered=called or self._answered(text))
        self._begun = self._tags is None or self._tags.over
        parts = (self._images, self._calls, self._planned, self._inline)
        self._idle = not any(part.busy for part in parts if part) and not (self._tags and self._tags.held)
        return Sorted(text, reasoning, images)

    def _answered(self, text: str) -> bool:
        return not text.isspace() if text else any(piece and not piece.isspace() for piece in self._said)

    def flush(self, finish_reason: str | None, native: Sequence[ToolCall]) -> Sorted:
        """Ends the answer.

        Args:
            finish_reason: How it ended.
            native: The calls that came as calls.

        Returns:
            What had been held back, and the calls that came as text.
        """
        text, reasoning, cut = self._images.flush(), "", finish_reason == "length"
        if self._tags:
            first, text = self._tags.feed(text) if text else ("", "")
            thought, rest = self._tags.flush()
            reasoning = self._inline.add(first + thought, self._thought, ended=True)
            text += rest
        if not (self._calls and self._planned):
            return Sorted(text, reasoning)
        text = self._calls.feed(text) + self._calls.flush(cut=cut)
        answered = bool(native or self._calls.calls or self._answered(text))
        reasoning = self._planned.feed(reasoning, answered=answered) + self._planned.flush(cut=cut)
        return Sorted(text, reasoning, calls=_new([*self._calls.calls, *self._planned.calls], native))

    @property
    def held(self) -> Sorted:
        """What is held back, as it stands."""
        text = "".join(part.held for part in (self._calls, self._tags, self._images) if part)
        return Sorted(text, self._inline.held + (self._planned.held if self._planned else ""))


def read_whole(
    content: str, reasoning: str, reading: Reading, finish_reason: str | None, native: Sequence[ToolCall]
) -> Sorted:
    """Sorts a message that came in one piece.

    Args:
        content: Its content.
        reasoning: Its reasoning.
        reading: How to read it.
        finish_reason: How the answer ended.
        native: The calls that came as calls.

    Returns:
        All of it.
    """
    if "<" not in content and "![" not in content and "<" not in reasoning:
        return Sorted(content, reasoning)
    # Nothing is gained by showing the beginning of a whole message early, so a closing tag may come at any place.
    alone = not reasoning and lone_close(content) is not None
    text: list[str] = []
    thought: list[str] = []
    reader = ContentReader(replace(reading, waits=alone), text, thought)
    first = reader.take(content, reasoning, called=bool(native))
    text.append(first.text)
    thought.append(first.reasoning)
    rest = reader.flush(finish_reason, native)
    return Sorted(first.text + rest.text, first.reasoning + rest.reasoning, first.images, rest.calls)


def _new(calls: "Sequence[Rescued]", native: Sequence[ToolCall]) -> "list[Rescued]":
    """Calls that did not come as calls as well, which some servers send beside their text."""
    known = [(call.name, parsed_arguments(call.arguments)) for call in native]
    return [call for call in calls if call.error or (call.name, parsed_arguments(call.arguments)) not in known]


class _Inline:
    """Thoughts in tags, beside reasoning in a field: a server that sends both sends the same twice."""

    def __init__(self) -> None:
        self._doubled: bool | None = None
        self._waiting: list[str] = []

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    @property
    def held(self) -> str:
        return "".join(self._waiting)

    def add(self, thought: str, known: Sequence[str], *, ended: bool) -> str:
        """Takes a thought in tags; returns what of it is not known from the field."""
        if thought and self._doubled is None:
            self._doubled = any(known)
        if not self._doubled:
            return thought
        self._waiting.append(thought)
        if not ended:
            return ""
        whole, self._waiting = self.held, []
        return "" if whole.strip() in "".join(known) else whole
