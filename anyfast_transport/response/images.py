"""Images that arrive inside the content, as markdown data URIs of megabytes. Pure, and linear in their length.

new-api appends what Gemini draws as `![image](data:image/png;base64,...)`, mostly in one event of one line.
"""

from anyfast_transport.types import Part

_OPEN = "!["
_LINK = "](data:image/"
_LONGEST_ALT = 200
"""Characters between the brackets, at most."""

_SLICE = 4096
"""Characters that are looked at together: each image among them copies what is behind it."""


class MarkdownImages:
    """Takes the images out of a content; a link to an image elsewhere stays text, as it may be a citation."""

    def __init__(self) -> None:
        self._held = ""
        self._url: list[str] | None = None
        self._opening = ""

    @property
    def busy(self) -> bool:
        """Whether something is held back."""
        return bool(self._held) or self._url is not None

    @property
    def held(self) -> str:
        """What is held back."""
        return self._held if self._url is None else "".join([self._opening, *self._url])

    def feed(self, content: str) -> list[str | Part]:
        """Takes the next piece of the content.

        Args:
            content: The piece.

        Returns:
            What of it is text, and between it the images that it completes, as `image_url` parts.
        """
        found: list[str | Part] = []
        pieces = [content[at : at + _SLICE] for at in range(0, len(content), _SLICE)]
        for piece in pieces if len(pieces) > 1 else [content]:
            self._take(piece, found)
        return found

    def flush(self) -> str:
        """Ends the content.

        Returns:
            What had been held back, as text.
        """
        rest = self.held
        self._held, self._url = "", None
        return rest

    def _take(self, content: str, found: list[str | Part]) -> None:
        content, self._held = self._held + content if self._held else content, ""
        while content:
            if self._url is None:
                before, content = self._up_to_image(content)
                if before:
                    found.append(before)
            else:
                content = self._through_image(content, self._url, found)

    def _through_image(self, content: str, url: list[str], found: list[str | Part]) -> str:
        """Takes what belongs to the image that is open, and returns what is behind it."""
        end = content.find(")")
        if end < 0:
            url.append(content)
            return ""
        url.append(content[:end])
        found.append({"type": "image_url", "image_url": {"url": "".join(url)}})
        self._url = None
        return content[end + 1 :]

    def _up_to_image(self, content: str) -> tuple[str, str]:
        """The text before the next image, and what is behind its opening, or nothing."""
        at = content.find(_OPEN)
        while at >= 0:
            alt_end = content.find("]", at, at + _LONGEST_ALT)
            link = content[alt_end : alt_end + len(_LINK)] if alt_end >= 0 else ""
            if link == _LINK:
                start = alt_end + len("](")
                self._opening, self._url = content[at:start], []
                return content[:at], content[start:]
            if self._may_go_on(content, at, alt_end, link):
                self._held = content[at:]
                return content[:at], ""
            at = content.find(_OPEN, at + 1)
        if content.endswith("!"):
            self._held = "!"
            return content[:-1], ""
        return content, ""

    @staticmethod
    def _may_go_on(content: str, at: int, alt_end: int, link: str) -> bool:
        if alt_end < 0:
            return len(content) - at < _LONGEST_ALT
        return alt_end + len(link) == len(content) and _LINK.startswith(link)
