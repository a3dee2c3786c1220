"""Reasoning that arrives inside the content, between tags. Pure: it is pushed, and holds back what a tag may begin.

new-api's ThinkingToContent puts `<think>` there, Google's OpenAI endpoint `<thought>`, and a server without a reasoning
parser lets through what the model wrote: where the chat template has opened the tag in the prompt, only its end.
"""

import re

TAGS = ("think", "thought")
"""new-api relay (ThinkingToContent) and every open model; Google's OpenAI-compatible endpoint (recorded)."""

LONGEST_WAIT = 8192
"""Characters that are held back, at most, for a closing tag that nothing opened."""

_OPEN = tuple(f"<{tag}>" for tag in TAGS)
_CLOSE = {f"<{tag}>": f"</{tag}>" for tag in TAGS}
_ANY_CLOSE = re.compile("|".join(f"</{tag}>" for tag in TAGS))
_QUOTES = frozenset("`'\"“”‘’«»「」")


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
    """Takes the thoughts out of the beginning of a content; a text that talks about tags later is left alone.

    Args:
        waits: Whether the text may be thought from its first character on, until a closing tag comes.
    """

    def __init__(self, *, waits: bool = False) -> None:
        self._take = self._at_start
        self._waits = waits
        self._held = ""
        self._close = ""
        self._thought = False

    @property
    def over(self) -> bool:
        """Whether what comes now is text and nothing else."""
        return self._take == self._in_text

    @property
    def held(self) -> str:
        """What is held back."""
        return self._held

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

    def flush(self) -> tuple[str, str]:
        """Ends the content.

        Returns:
            What had been held back: reasoning if its tag was open, else text.
        """
        if self._take == self._waiting and (found := lone_close(self._held)):
            return self._after_lone(found)
        rest, self._held = self._held, ""
        if self._take == self._in_thought:
            return rest.rstrip(), ""
        return "", "" if self._close and rest.isspace() else rest

    def _at_start(self, content: str) -> tuple[str, str]:
        self._held += content
        text = self._held.lstrip()
        opened = next((tag for tag in _OPEN if text.startswith(tag)), None)
        if opened:
            self._close, self._held, self._take, self._thought = _CLOSE[opened], "", self._in_thought, False
            return self._in_thought(text[len(opened) :])
        if not text or any(tag.startswith(text) for tag in _OPEN):
            return "", ""
        if self._waits:
            self._take = self._waiting
            return self._waiting("")
        self._take = self._in_text
        text, self._held = (text if self._close else self._held), ""
        return "", text

    def _in_thought(self, content: str) -> tuple[str, str]:
        content = self._held + content
        thought, found, text = content.partition(self._close)
        if not self._thought:
            thought = thought.lstrip()
        if found:
            self._held, self._take, self._waits = "", self._at_start, False
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
        if not self._waits or len(self._held) > LONGEST_WAIT:
            self._take, rest, self._held = self._in_text, self._held, ""
            return "", rest
        found = lone_close(self._held)
        # What stands behind the tag tells whether the text only talks about it.
        if found is None or found.end() == len(self._held):
            return "", ""
        return self._after_lone(found)

    def _after_lone(self, found: re.Match[str]) -> tuple[str, str]:
        thought, rest = self._held[: found.start()].strip(), self._held[found.end() :]
        self._held, self._take, self._waits, self._close = "", self._at_start, False, found.group()
        more, text = self._at_start(rest)
        return thought + more, text

    def _in_text(self, content: str) -> tuple[str, str]:
        return "", content


def lone_close(text: str) -> re.Match[str] | None:
    """Finds a closing tag that nothing opened: what stands before it is thought.

    Args:
        text: The text from its beginning.

    Returns:
        The tag; None if there is none, or if the text talks about tags.
    """
    found = _ANY_CLOSE.search(text)
    if found is None or any(tag in text[: found.start()] for tag in _OPEN):
        return None
    before, after = text[: found.start()][-1:], text[found.end() :][:1]
    quoted = before in _QUOTES and after in _QUOTES
    in_a_sentence = before == " " and ((after.isspace() and after != "\n") or after in {".", ",", ";", ":", ")", "?"})
    return None if quoted or in_a_sentence else found
