"""What the emulator was told to say, and whether it came to say it."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, cast

from anyfast_emulator.answers import Failure, Raw, Scripted
from anyfast_emulator.refusals import RefusedError


class ScriptError(AssertionError):
    """The script and the requests do not fit: answers are left, or requests found none."""


class Script:
    """The answers that come next, in order.

    Args:
        exclusive: a request without a scripted answer is an error.
    """

    def __init__(self, *, exclusive: bool = False) -> None:
        self._exclusive = exclusive
        self._answers: deque[Scripted] = deque()
        self._given = 0
        self._missed: list[str] = []

    @property
    def unused(self) -> tuple[Scripted, ...]:
        """The answers that are left."""
        return tuple(self._answers)

    def extend(self, answers: Iterable[Scripted]) -> None:
        """Adds answers behind those that are left."""
        self._answers.extend(answers)

    def next(self, request: Mapping[str, Any]) -> Scripted | None:
        """The next answer; None if the model is to make one.

        Raises:
            RefusedError: nothing but the script may answer, and it is at its end.
        """
        if self._answers:
            self._given += 1
            return self._answers.popleft()
        if self._exclusive:
            self._missed.append(f"{request['model']}: {_asked(request)}")
            words = f"The emulator's script has no answer for this request; it has given {self._given} so far."
            raise RefusedError(words, code="emulator_script_at_its_end", by_gateway=True)
        return None

    def next_failure(self) -> Failure | Raw | None:
        """The next answer if it is one to any request; the others are a chat model's, and stay."""
        if not self._answers or not isinstance(self._answers[0], (Failure, Raw)):
            return None
        self._given += 1
        return cast("Failure | Raw", self._answers.popleft())

    def check(self) -> None:
        """Forgets the script, which must have been followed to its end.

        Raises:
            ScriptError: naming what is left, and the requests that found nothing.
        """
        __tracebackhide__ = True  # pytest shows the test, not this
        faults = [f"Scripted and not asked for: {_brief(one)}" for one in self._answers]
        faults += [f"Asked for and not scripted: {one}" for one in self._missed]
        given = self._given
        self.clear()
        if faults:
            raise ScriptError("\n".join([f"The emulator's script was not followed ({given} used).", *faults]))

    def clear(self) -> None:
        """Forgets everything."""
        self._answers.clear()
        self._missed.clear()
        self._given = 0


def _brief(answer: Scripted) -> str:
    """An answer as it was scripted, without the fields that were left alone."""
    if isinstance(answer, str):
        return repr(answer)
    default = type(answer)()
    said = [(one.name, getattr(answer, one.name)) for one in fields(answer)]
    given = ", ".join(f"{name}={value!r}" for name, value in said if value != getattr(default, name))
    return f"{type(answer).__name__}({given})"


def _asked(request: Mapping[str, Any]) -> str:
    last = request["messages"][-1]
    return repr(last if not isinstance(last, Mapping) else last.get("content"))[:200]
