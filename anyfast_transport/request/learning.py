"""What a model at a gateway does not take, learned from the refusal that says so. No I/O.

A gateway routes one model id to servers of different vintages, so no table knows every parameter and form that is
refused. A refusal that names one of `FORMS` in words of its own is answered, once for a call, by the request without
it. If that goes through, and the user gave nothing that is lost by it, it is remembered for this key and model at this
base_url as long as the process lives.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from anyfast_transport.errors import AnyfastError, BadRequestError, ContextWindowExceededError
from anyfast_transport.request.changes import warn
from anyfast_transport.request.quotations import Quotations
from anyfast_transport.request.refused_features import FORMS
from anyfast_transport.request.request import Request
from anyfast_transport.request.rewriting import JSON, Lesson, effort_of
from anyfast_transport.request.thinking import EFFORTS, nearest_effort

_OF_THINKING = re.compile("think|reasoning mode|思考", re.IGNORECASE)


def lesson_of(error: AnyfastError, request: Request) -> Lesson | None:
    """What a refusal teaches about the request that was refused.

    Args:
        error: What the request ended with.
        request: The request.

    Returns:
        The lesson; None if the error is no refusal of a form that could be left out.
    """
    if not isinstance(error, BadRequestError) or isinstance(error, ContextWindowExceededError):
        return None
    named = _named_parameter(error.body)
    root = re.split(r"[.\[]", named)[0]
    # A refusal that names its parameter is about no other; a null is wrong in any of them.
    is_named = root in request.body.keys() - {"messages", "tools"}
    text, quotations = f"{named} {error.message}", Quotations(request.body)
    for name, form in FORMS.items():
        if form.is_meant(text, quotations) and (not is_named or root in form.parameters or name == "null"):
            lesson = _lesson(name, request, text)
            if _rewritten(request, lesson) is not None:
                return lesson
    return None


def _named_parameter(body: Any) -> str:
    body = body[0] if isinstance(body, list) and body else body
    inner = body.get("error") if isinstance(body, Mapping) else None
    found = inner.get("param") if isinstance(inner, Mapping) else None
    return found if isinstance(found, str) else ""


def _lesson(name: str, request: Request, text: str) -> Lesson:
    thinking = request.thinks if _OF_THINKING.search(text) else None
    if name not in ("effort", "thinking_off"):
        return Lesson(name, thinking)
    effort = effort_of(request.body, request.family)
    levels = (level for level in EFFORTS[1:] if level != effort and re.search(rf"\b{level}\b", text))
    return Lesson(name, thinking, effort, tuple(levels))


def _rewritten(request: Request, lesson: Lesson) -> JSON | None:
    if lesson.thinking is not None and lesson.thinking != request.thinks:
        return None
    return FORMS[lesson.form].rewritten(request.body, lesson)


def _said(lesson: Lesson) -> str:
    if not lesson.effort:
        return FORMS[lesson.form].said
    instead = f"sent as {nearest_effort(lesson.effort, lesson.levels)!r}" if lesson.levels else "left out"
    return f"reasoning_effort {lesson.effort!r} {instead}"


def without_refused(request: Request, lessons: Sequence[Lesson]) -> Request:
    """A request without what is known to be refused.

    Args:
        request: The request.
        lessons: What is known.

    Returns:
        The request that is sent, with its repairs.
    """
    for lesson in lessons:
        body = _rewritten(request, lesson)
        if body is not None:
            request = request.rewritten(body, f"{_said(lesson)}, since this model refuses it")
    return request


def is_kept(lesson: Lesson, request: Request) -> bool:
    """Whether a lesson holds for later calls, too.

    Args:
        lesson: What was learned.
        request: The request that was refused.

    Returns:
        False where a message would lose authority, or the user something that he gave: each call has to be refused.
    """
    kept = FORMS[lesson.form].kept
    return kept == "always" or (kept == "for_objects" and request.way is not None)


_MOST = 4096
"""Keys and models of which something is remembered; beyond that the oldest is forgotten, which costs one refusal."""


class Memory:
    """What was learned, by key, base_url and model. Safe for threads."""

    def __init__(self) -> None:
        self._lessons: dict[tuple[int, str], tuple[Lesson, ...]] = {}
        self._lock = threading.Lock()

    def lessons(self, tenant: int, model: str) -> tuple[Lesson, ...]:
        """What is known of a model, in the order in which it was learned."""
        return self._lessons.get((tenant, model), ())

    def keep(self, tenant: int, model: str, lesson: Lesson) -> None:
        """Keeps a lesson.

        Args:
            tenant: Whose key it is, and where the model is.
            model: Its id.
            lesson: What it does not take.
        """
        with self._lock:
            known = self._lessons.get((tenant, model), ())
            if lesson not in known:
                self._lessons[tenant, model] = (*known, lesson)
            while len(self._lessons) > _MOST:
                del self._lessons[next(iter(self._lessons))]

    def forget(self) -> None:
        """Forgets everything, as a new process does."""
        with self._lock:
            self._lessons.clear()


MEMORY = Memory()
"""What this process has learned."""


class Draft:
    """The request of one call, and what is learned while it is sent.

    Args:
        request: The request as it was built.
        host: Where it goes, for the user.
        learns: Whether refusals are learned from.
        memory: What is known already.
        after: That of the request before this one in the same call, whose lesson holds on, and was its one lesson.

    Attributes:
        request: The request as it is sent.
        learned: What was learned in this call: one lesson at most.
    """

    def __init__(
        self,
        request: Request,
        host: str,
        *,
        learns: bool,
        memory: Memory = MEMORY,
        after: "Draft | None" = None,
    ) -> None:
        self._memory, self._host, self._model = memory, host, request.model
        self._tenant: int | None = None
        self.learned: tuple[Lesson, ...] = after.learned if after else ()
        self._learns, self._may_learn = learns, learns and not self.learned
        self._pending: tuple[Lesson, AnyfastError, Request] | None = None
        self.request = without_refused(request, self.learned)

    def recall(self, tenant: int) -> bool:
        """Leaves out what earlier calls of the same tenant learned.

        Args:
            tenant: Whose key it is, and where the model is.

        Returns:
            Whether `request` is another now.
        """
        before = self.request
        if self._learns and tenant != self._tenant:
            self._tenant = tenant
            self.request = without_refused(before, self._memory.lessons(tenant, self._model))
        return self.request is not before

    def revise(self, error: AnyfastError) -> bool:
        """Looks whether a refusal can be answered by another request.

        Args:
            error: What the attempt ended with.

        Returns:
            Whether `request` is another now, to be sent at once. True only once.
        """
        lesson = lesson_of(error, self.request) if self._may_learn else None
        if lesson is None:
            return False
        self._may_learn, self._pending, self.learned = False, (lesson, error, self.request), (lesson,)
        self.request = without_refused(self.request, [lesson])
        return True

    def went_through(self) -> None:
        """Remembers what the refusal taught, now that the revised request was taken, and tells the user."""
        if self._pending is None or self._tenant is None:
            return
        (lesson, error, refused), self._pending = self._pending, None
        kept = is_kept(lesson, refused)
        if kept:
            self._memory.keep(self._tenant, self._model, lesson)
        warn(
            f"{self._model} at {self._host} refused a part of the request: {_said(lesson)}, "
            f"{'now and for the rest of this process' if kept else 'for this call'}. "
            f"learn_from_refusals=False switches that off. The refusal: {error.message[:300]}"
        )
