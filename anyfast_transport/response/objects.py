"""Structured output: the object in an answer, held to its schema, asked for once more, read while it grows. Pure."""

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from anyfast_transport.errors import InvalidObjectError, InvalidResponseError
from anyfast_transport.lenient_json import parsed_arguments
from anyfast_transport.types import Fragment

EXCERPT = 500
"""Characters of an answer that an error repeats."""


def object_in(text: str) -> dict[str, Any] | None:
    """Finds the object in an answer that should be nothing else.

    Args:
        text: The answer; code fences and words around the object are forgiven.

    Returns:
        The object, or None if there is none. What is inside of a brace that never closes is a part of a cut object, and
        is not taken for the whole.
    """
    whole = parsed_arguments(text) if text.strip() else None
    if whole is not None:
        return whole
    at = text.find("{")
    while at >= 0 and (end := _end_of_braces(text, at)):
        found = parsed_arguments(text[at:end])
        if found is not None:
            return found
        at = text.find("{", end)
    return None


_QUOTES_AND_BRACES = re.compile(r'"(?:[^"\\]|\\.)*"|[{}"]', re.DOTALL)


def _end_of_braces(text: str, start: int) -> int | None:
    """Where the brace at `start` is closed, or None if it never is; braces in strings do not count."""
    depth = 0
    for found in _QUOTES_AND_BRACES.finditer(text, start):
        if found.group() == '"':  # a string that never ends
            return None
        depth += {"{": 1, "}": -1}.get(found.group(), 0)
        if depth == 0:
            return found.end()
    return None


class UnfitError(Exception):
    """An object that its schema does not allow; the words are for the model."""


Validate = Callable[[dict[str, Any]], Any]
"""Makes what the user wants of an object, or raises an UnfitError."""


def validator_of(cls: type[BaseModel]) -> Validate:
    """Holds objects to a pydantic class.

    Args:
        cls: The class.

    Returns:
        What makes an instance of an object.
    """
    return functools.partial(_instance, cls)  # which can be pickled


def _instance(cls: type[BaseModel], found: dict[str, Any]) -> Any:
    try:
        # As JSON, since a strict class takes a date or a tuple only from there.
        return cls.model_validate_json(to_json(found))
    except ValidationError as error:
        errors = cast("list[Mapping[str, Any]]", error.errors(include_url=False, include_input=False))
        raise UnfitError(problems(errors)) from None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer holds, whichever framework it was given to.

    Attributes:
        text: Its text.
        calls: The name and the arguments of each tool call; arguments that are no object are the text as it came.
        finish_reason: Why it ended.
        refusal: The model's words of refusal, or "".
        request_id: The gateway's id of the request, or None.
    """

    text: str
    calls: Sequence[tuple[str, Mapping[str, Any] | str]] = ()
    finish_reason: str | None = None
    refusal: str = ""
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was made of an answer.

    Attributes:
        value: The object, as the user wants it; None if there is none that is valid.
        error: Why there is none.
        said: What the model gave as its object, as text.
        problem: What is wrong with it, in words for the model, if asking again may help; else "".
    """

    value: Any = None
    error: InvalidResponseError | None = None
    said: str = ""
    problem: str = ""

    def second_question(self) -> tuple[str, str]:
        """What asks once more for the object: two messages behind the conversation.

        Returns:
            The answer as the model's text, also where it was a tool call, since a call would need a result; and the
            user's words.
        """
        return self.said or "(nothing)", f"This is not valid. {self.problem} Answer again, correctly."


@dataclass(frozen=True, slots=True)
class ObjectReader:
    """Reads an object out of answers, whichever way it was asked for: as the arguments of a call, or as JSON in text.

    Attributes:
        name: The object's name, and that of the tool that stands for it.
        validate: Holds it to its schema.
        in_part: The same for an object of which only the beginning is there; `validate` unless given.
        in_text: Finds what is to be held to the schema in a text; None if there is nothing.
        asks_again: Whether an answer without a valid object is to be asked for once more.
    """

    name: str
    validate: Validate
    in_part: Validate | None = None
    in_text: Callable[[str], Any] = object_in
    asks_again: bool = True

    def read(self, answer: Answer) -> Parsed:
        """Reads a whole answer.

        Args:
            answer: The answer.

        Returns:
            The object, or what is wrong. To ask again does not help where a filter withheld the answer, the model
            refused, or `length` cut it.
        """
        if answer.refusal or answer.finish_reason == "content_filter":
            said = f"The model refused to answer: {answer.refusal}" if answer.refusal else _WITHHELD
            return Parsed(error=InvalidResponseError(said, request_id=answer.request_id), said=answer.text)
        arguments = next((arguments for name, arguments in answer.calls if name == self.name), None)
        found = dict(arguments) if isinstance(arguments, Mapping) else self.in_text(answer.text)
        said = str(arguments or answer.text or _as_text(answer.calls)) if found is None else _written(found)
        if found is None:
            return self._failed(answer, said, "There is no JSON object.")
        try:
            return Parsed(self.validate(found), said=said)
        except UnfitError as unfit:
            return self._failed(answer, said, str(unfit))

    def _failed(self, answer: Answer, said: str, problem: str) -> Parsed:
        cut = answer.finish_reason == "length"
        remedy = " It was cut off by the token limit: raise max_tokens." if cut else ""
        error = InvalidObjectError(
            f"The answer holds no valid {self.name}. {problem}{remedy} The model said: {said[:EXCERPT]!r}",
            request_id=answer.request_id,
            body=said[:EXCERPT],
        )
        return Parsed(error=error, said=said, problem=problem if self.asks_again and not cut else "")

    def so_far(self, text: str) -> Any:
        """Reads what has come of an object.

        Args:
            text: The beginning of its JSON.

        Returns:
            The object so far, or None. What stands at the very end may go on: a number is left out, and so is a string
            of which the class makes something else (a date, a member of an enum, a number).
        """
        text = _without_number_at_end(text)
        known, shown = _object(text, strings=False), _object(text)
        if shown == known:
            return self._in_part(known)
        value = self._in_part(shown)
        return value if type(value) is type(self._in_part(_object(text + _GOES_ON))) else self._in_part(known)

    def _in_part(self, found: dict[str, Any] | None) -> Any:
        try:
            return (self.in_part or self.validate)(found) if found is not None else None
        except UnfitError:
            return None


_WITHHELD = "The answer was withheld by a content filter."

_GOES_ON = "\u2026"
"""Stands for what a string may go on with: nothing takes it that takes only some strings."""

_OF_NUMBERS = "0123456789.eE+-"


def _without_number_at_end(text: str) -> str:
    """A text without the number at its very end, which may go on."""
    before = text.rstrip(_OF_NUMBERS)
    return before if before.rstrip()[-1:] in (":", ",", "[") else text


def _object(text: str, *, strings: bool = True) -> dict[str, Any] | None:
    try:
        found = from_json(text, allow_partial="trailing-strings" if strings else True)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _written(found: Any) -> str:
    return found if isinstance(found, str) else to_json(found).decode()


def _as_text(calls: Iterable[tuple[str, Mapping[str, Any] | str]]) -> str:
    return " ".join(_written(arguments) for _, arguments in calls)


_GROWTH = 1.05
"""A stream's object is read anew when its text has grown by so much, so that all readings together stay linear."""


@dataclass(slots=True)
class GrowingObject:
    """The object of a stream while it grows.

    Attributes:
        reader: What reads it.
    """

    reader: ObjectReader
    _text: list[str] = field(default_factory=list)
    _names: dict[int, str] = field(default_factory=dict)
    _arguments: list[str] = field(default_factory=list)
    _size: int = 0
    _read_at: float = 0.0
    _last: Any = None

    def take(self, text: str, fragments: Iterable[Fragment] = ()) -> Any:
        """Takes the next piece of an answer.

        Args:
            text: The new text.
            fragments: The new pieces of its calls.

        Returns:
            The object so far, if there is one and it is another than before; else None.
        """
        known = len(self._text), len(self._arguments)
        if text:
            self._text.append(text)
        for fragment in fragments:
            name = self._names.get(fragment.position, "") + (fragment.name or "")
            self._names[fragment.position] = name
            if name == self.reader.name and fragment.arguments:
                self._arguments.append(fragment.arguments)
        return self._look() if known != (len(self._text), len(self._arguments)) else None

    def _look(self) -> Any:
        pieces = self._arguments or self._text
        self._size += len(pieces[-1])
        if self._size < self._read_at:
            return None
        self._read_at = self._size * _GROWTH
        said = "".join(pieces)
        start = said.find("{")
        return self.changed(self.reader.so_far(said[start:])) if start >= 0 else None

    def changed(self, found: Any) -> Any:
        """The object, unless it is what was given last, or none."""
        if found is None or found == self._last:
            return None
        self._last = found
        return found


def problems(errors: Iterable[Mapping[str, Any]]) -> str:
    """A validator's errors as words for the model.

    Args:
        errors: Each with a path, `loc`, and words, `msg`, as pydantic's `errors()` have them.

    Returns:
        A sentence for each.
    """
    return " ".join(f"{'.'.join(map(str, one['loc'])) or 'The object'}: {one['msg']}." for one in errors)
