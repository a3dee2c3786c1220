"""What a request changes of what was given: collected while it is built, and reported when it is done."""

import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from anyfast_transport.errors import AnyfastWarning

Note = Callable[[str], None]
"""Hears of one change, in a few words."""


def ignore(_: str) -> None:
    """Hears of changes where nobody else does."""


def warn(words: str) -> None:
    """Warns the user; Python shows the same warning of the same line once."""
    warnings.warn(words, AnyfastWarning, stacklevel=2)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is sent otherwise, or not at all.

    Attributes:
        words: What was changed.
        repairs: Whether it was in the conversation, where an upstream would refuse it. Else the call asked for it, and
            the user is warned.
    """

    words: str
    repairs: bool


@dataclass(slots=True)
class Changes:
    """What was changed in one request, in the order in which it was."""

    made: list[Change] = field(default_factory=list)

    def warned(self, words: str) -> None:
        """Takes note of what the call asked for and does not get."""
        self.made.append(Change(words, repairs=False))

    def repaired(self, words: str) -> None:
        """Takes note of what an upstream would refuse."""
        self.made.append(Change(words, repairs=True))

    @property
    def warnings(self) -> list[str]:
        """What the user is warned of."""
        return [change.words for change in self.made if not change.repairs]

    @property
    def repairs(self) -> tuple[str, ...]:
        """What was repaired, each with how often."""
        counted = Counter(change.words for change in self.made if change.repairs)
        return tuple(words if times == 1 else f"{words} (×{times})" for words, times in counted.items())
