"""Reasoning that arrives inside the content, between tags. Pure: it is pushed, and holds back what a tag may begin.

new-api's ThinkingToContent puts `<think>` there, Google's OpenAI endpoint `<thought>`, and a server without a reasoning
parser lets through what the model wrote: where the chat template has opened the tag in the prompt, only its end.

Texts talk about tags, too. An opening tag counts at the very beginning, if a closing one follows or the answer was cut;
a lone closing one where it was waited for, if it begins a line outside of a fence.
"""

import re

from anyfast_transport.response.markdown import Place

TAGS = ("think", "thought")
"""new-api relay (ThinkingToContent) and every open model; Google's OpenAI-compatible endpoint (recorded)."""

LONGEST_WAIT = 8192
"""Characters that are held back, at most, for a closing tag. Then what an opening tag began is taken for a thought, and
anything else for text."""

_MOST_BLOCKS = 8
"""Thoughts in tags at the beginning of one answer, one behind the other."""

_OPEN = tuple(f"<{tag}>" for tag in TAGS)
_CLOSE = {f"<{tag}>": f"</{tag}>" for tag in TAGS}
_ANY_OPEN = re.compile("|".join(_OPEN))
_CLOSES_LINE = re.compile("|".join(f"</{tag}>" for tag in TAGS))
_IN_A_SENTENCE = frozenset(" \t.,;:!?)]}'\"`”’»」、，。；：！？）")
"""What stands behind a closing tag that a text only talks of."""


def held_back(text: str, awaited: str) -> int:
    """How many characters at the end of a text may be the beginning of something.

    Args:
        text: What has come.
        awaited: What may be coming.

    Returns:
        Their number; 0 if nothing needs to wait.
    """
    at = text.rfind(awaited[0], max(0, len(text) - len(awaited) + 1))
    return len(text) - at if at >= 0 and awaited.startswith(text[at:]) else 0


class ThinkTags:
    """Takes the thoughts out of the beginning of a content; a text that talks about tags is left alone.

    Args:
        waits: Whether the text may be thought from its first character on, until a closing tag comes.
    """

    def __init__(self, *, waits: bool = False) -> None:
        self._take = self._at_start
        self._waits = waits
        self._held = ""
        self._close = ""
        self._looked_at = 0
        self._blocks = 0
        self._thought = False
        self._lone = LoneClose()

    @property
    def over(self) -> bool:
        """Whether what comes now is text and nothing else."""
        return self._take == self._in_text

    @property
    def busy(self) -> bool:
        """Whether something is held back."""
        return bool(self._held)

    @property
    def held(self) -> tuple[str, str]:
        """What is held back, as reasoning and as text, as it would be if the answer were cut here."""
        if self._take == self._opened:
            return self._held.lstrip().partition(">")[2], ""
        return (self._held, "") if self._take == self._in_thought else ("", self._held)

    def saw_reasoning(self) -> None:
        """Told that this server sends reasoning in a field of its own: then a text is not thought unless it says so."""
        self._waits = False

    def feed(self, content: str) -> tuple[str, str]:
        """Takes the next piece of the content.

        Args:
            content: The piece.

        Returns:
            What of it is reasoning, and what is text; the reasoning comes first.
        """
        return self._take(content)

    def flush(self, *, cut: bool) -> tuple[str, str]:
        """Ends the content.

        Args:
            cut: Whether it ended before the model was done.

        Returns:
            What had been held back: reasoning if its tag was open, else text.
        """
        if self._take == self._waiting and (found := self._lone.find(self._held, ended=True)):
            return self._after_lone(found)
        if self._take == self._in_thought or (self._take == self._opened and cut):
            rest = self.held[0].rstrip()
            self._held = ""
            return rest if self._thought else rest.lstrip(), ""
        return self._becomes_text()

    def _at_start(self, content: str) -> tuple[str, str]:
        # White space behind a thought is the template's.
        self._held = (self._held + content).lstrip() if self._blocks else self._held + content
        text = self._held.lstrip()
        if len(self._held) - len(text) > LONGEST_WAIT or (text and self._blocks == _MOST_BLOCKS):
            return self._becomes_text()
        if opened := next((tag for tag in _OPEN if text.startswith(tag)), None):
            self._close, self._take, self._looked_at, self._thought = _CLOSE[opened], self._opened, 0, False
            return self._opened("")
        if not text or any(tag.startswith(text) for tag in _OPEN):
            return "", ""
        if self._waits:
            self._take = self._waiting
            return self._waiting("")
        return self._becomes_text()

    def _becomes_text(self) -> tuple[str, str]:
        rest, self._held, self._take = self._held, "", self._in_text
        return "", rest

    def _opened(self, content: str) -> tuple[str, str]:
        """Behind an opening tag, of which it is not known yet whether the text only talks."""
        self._held += content
        end = self._held.find(self._close, self._looked_at)
        self._looked_at = max(0, len(self._held) - len(self._close))
        if end >= 0 or len(self._held) > LONGEST_WAIT:
            self._held, self._take = self._held.lstrip().partition(">")[2], self._in_thought
            return self._in_thought("")
        return "", ""

    def _in_thought(self, content: str) -> tuple[str, str]:
        content = self._held + content
        thought, found, text = content.partition(self._close)
        if not self._thought:
            thought = thought.lstrip()
        if found:
            self._held, self._take, self._waits = "", self._at_start, False
            self._blocks += 1
            # A second block may follow at once; the white space in between is the template's.
            more, text = self._at_start(text)
            return thought.rstrip() + more, text
        # White space at the end waits, too: before the closing tag it is the template's.
        keep = held_back(thought, self._close)
        keep = len(thought) - len(thought[: len(thought) - keep].rstrip())
        self._held = thought[len(thought) - keep :]
        self._thought = self._thought or keep < len(thought)
        return thought[: len(thought) - keep], ""

    def _waiting(self, content: str) -> tuple[str, str]:
        self._held += content
        if not self._waits:
            return self._becomes_text()
        if found := self._lone.find(self._held):
            return self._after_lone(found)
        if len(self._held) > LONGEST_WAIT or self._lone.is_none:
            return self._becomes_text()
        return "", ""

    def _after_lone(self, found: tuple[int, int]) -> tuple[str, str]:
        thought, rest = self._held[: found[0]].strip(), self._held[found[1] :]
        self._held, self._take, self._waits = "", self._at_start, False
        self._blocks += 1
        more, text = self._at_start(rest)
        return thought + more, text

    def _in_text(self, content: str) -> tuple[str, str]:
        return "", content


class LoneClose:
    """Looks for a closing tag that nothing opened, in a text that grows: what stands before it is thought.

    Attributes:
        is_none: Whether the text has an opening tag, so that no closing one is alone.
    """

    def __init__(self) -> None:
        self._place = Place()
        self._line = 0
        self.is_none = False

    def find(self, text: str, *, ended: bool = False) -> tuple[int, int] | None:
        """Looks on in the text.

        Args:
            text: All of the text so far.
            ended: Whether no more will come.

        Returns:
            Where the tag begins and ends; None if there is none yet.
        """
        while not self.is_none and self._line <= LONGEST_WAIT:
            end = text.find("\n", self._line)
            line_end = len(text) if end < 0 else end
            tag = None if self._place.in_fence else _CLOSES_LINE.match(text, self._line)
            known = tag is not None and tag.end() <= LONGEST_WAIT and (tag.end() < len(text) or ended)
            if tag and known and text[tag.end() : tag.end() + 1] not in _IN_A_SENTENCE:
                return tag.span()
            if end < 0:
                return None
            self.is_none = _ANY_OPEN.search(text, self._line, line_end) is not None
            self._place.feed(text[self._line : line_end + 1])
            self._line = line_end + 1
        return None
