"""What a message holds, sorted: text, reasoning, images, and calls that came as text. Pure: it is pushed.

Most pieces hold nothing to be sorted. `ContentReader.plain` says so at the price of three looks for a character, and
such a piece goes past all this.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from anyfast_transport.lenient_json import parsed_arguments
from anyfast_transport.reading import Reading
from anyfast_transport.response.endings import is_no_end
from anyfast_transport.response.images import MarkdownImages
from anyfast_transport.response.text_tool_calls import CallsInText
from anyfast_transport.response.think_tags import ThinkTags
from anyfast_transport.response.tool_call_markup import Rescued
from anyfast_transport.types import Part, ToolCall

REASONING_KEYS = ("reasoning_content", "reasoning", "reasoning_details")


@dataclass(slots=True)
class Sorted:
    """What a piece of a message adds."""

    text: str = ""
    reasoning: str = ""
    images: list[Part] = field(default_factory=list)
    image_places: list[int] = field(default_factory=list)
    calls: Sequence[Rescued] = ()


class ContentReader:
    """Sorts what the messages of one answer hold.

    Args:
        reading: How to read it.
        reasoning: The reasoning that was delivered, in pieces; another may append to it.
    """

    def __init__(self, reading: Reading, reasoning: Sequence[str] = ()) -> None:
        self._thought = reasoning
        self._images = MarkdownImages()
        self._tags = ThinkTags(waits=reading.waits) if reading.splits else None
        self._inline = _Inline()
        # In the text alone: in its reasoning a model only plans.
        looks = reading.rescues and reading.tools and reading.dialects
        self._calls = CallsInText(reading) if looks else None
        self._begun, self._idle = self._tags is None, True
        self.waits = bool(self._tags and reading.waits)

    def plain(self, content: str) -> bool:
        """Whether a piece of content is just what it seems to be."""
        if not self._idle or not (self._begun or not content) or "<" in content or "!" in content:
            return False
        if self._calls:
            self._calls.passed(content)
        return True

    def saw_reasoning_field(self) -> None:
        """Told that this server has a field for reasoning, even an empty one: no text of it is thought unawares."""
        self.waits = False
        if self._tags:
            self._tags.saw_reasoning()

    def take(self, content: Sequence[str | Part], reasoning: str) -> Sorted:
        """Takes the next piece.

        Args:
            content: Its content: texts and images in their order.
            reasoning: Its reasoning.

        Returns:
            What it adds.
        """
        found = Sorted(reasoning=reasoning)
        for piece in content:
            for part in self._images.feed(piece) if isinstance(piece, str) else (piece,):
                if isinstance(part, str):
                    self._take_text(part, found)
                else:
                    found.images.append(part)
                    found.image_places.append(len(found.text))
        self._begun = self._tags is None or self._tags.over
        self._idle = not any(part.busy for part in (self._images, self._calls, self._tags, self._inline) if part)
        return found

    def _take_text(self, text: str, found: Sorted) -> None:
        thought, text = self._tags.feed(text) if self._tags and text else ("", text)
        found.reasoning += self._inline.add(thought, self._thought, found.reasoning, ended=bool(text))
        found.text += self._calls.feed(text) if self._calls and text else text

    def flush(self, finish_reason: str | None, native: Sequence[ToolCall], *, interrupted: bool = False) -> Sorted:
        """Ends the answer.

        Args:
            finish_reason: How it ended.
            native: The calls that came as calls.
            interrupted: Whether it ended before the model was done: then what is held back is no call.

        Returns:
            What had been held back, and the calls that came as text.
        """
        text, cut = self._images.flush(), interrupted or finish_reason == "length"
        reasoning = ""
        if self._tags:
            first, text = self._tags.feed(text) if text else ("", "")
            thought, rest = self._tags.flush(cut=cut)
            reasoning = self._inline.add(first + thought, self._thought, "", ended=True)
            text += rest
        if self._calls is None:
            return Sorted(text, reasoning)
        text = self._calls.feed(text)
        text += self._calls.give_up() if interrupted else self._calls.flush(cut=cut)
        return Sorted(text, reasoning, calls=_new(self._calls.calls, native))

    @property
    def held(self) -> Sorted:
        """What is held back, as it stands."""
        thought, text = self._tags.held if self._tags else ("", "")
        text = (self._calls.held if self._calls else "") + text + self._images.held
        return Sorted(text, self._inline.held + thought)


def read_whole(
    content: Sequence[str | Part],
    reasoning: str,
    reading: Reading,
    finish_reason: str | None,
    native: Sequence[ToolCall],
) -> Sorted:
    """Sorts a message that came in one piece.

    Args:
        content: Its content: texts and images in their order.
        reasoning: Its reasoning.
        reading: How to read it.
        finish_reason: How the answer ended.
        native: The calls that came as calls.

    Returns:
        All of it.
    """
    if all(isinstance(piece, str) and "<" not in piece and "![" not in piece for piece in content):
        return Sorted("".join(map(str, content)), reasoning)
    reader = ContentReader(reading, [reasoning])
    first = reader.take(content, "")
    rest = reader.flush(finish_reason, native, interrupted=is_no_end(finish_reason))
    first.text, first.reasoning = first.text + rest.text, reasoning + first.reasoning + rest.reasoning
    first.calls = rest.calls
    return first


def _new(calls: Sequence[Rescued], native: Sequence[ToolCall]) -> list[Rescued]:
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

    def add(self, thought: str, known: Sequence[str], new: str, *, ended: bool) -> str:
        """Takes a thought in tags; returns what of it is not known from the field, in what was known or is new."""
        if thought and self._doubled is None:
            self._doubled = bool(new) or any(known)
        if not self._doubled:
            return thought
        self._waiting.append(thought)
        if not ended:
            return ""
        whole, self._waiting = self.held, []
        return "" if not whole or whole.strip() in "".join([*known, new]) else whole
