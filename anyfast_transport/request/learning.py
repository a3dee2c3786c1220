"""What a model behind a gateway does not take, learned from the refusal that says so. No I/O.

A gateway routes one model id to servers of different vintages, so no table knows every parameter and form that is
refused. A refusal that names one of `FEATURES` in words of its own is answered, once for a call, by the request without
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
from anyfast_transport.request.refused_features import FEATURES
from anyfast_transport.request.request import Request
from anyfast_transport.request.rewriting import JSON, RefusedFeature, effort_of
from anyfast_transport.request.thinking import EFFORTS, nearest_effort

_OF_THINKING = re.compile("think|reasoning mode|思考", re.IGNORECASE)


def refused_feature_of(error: AnyfastError, request: Request) -> RefusedFeature | None:
    """What a refusal teaches about the request that was refused.

    Args:
        error: What the request ended with.
        request: The request.

    Returns:
        The refused feature; None if the error is no refusal of a form that could be left out.
    """
    if not isinstance(error, BadRequestError) or isinstance(error, ContextWindowExceededError):
        return None
    named = _named_parameter(error.body)
    root = re.split(r"[.\[]", named)[0]
    # A refusal that names its parameter is about no other; a null is wrong in any of them.
    is_named = root in request.body.keys() - {"messages", "tools"}
    text, quotations = f"{named} {error.message}", Quotations(request.body)
    for name, feature in FEATURES.items():
        if feature.is_meant(text, quotations) and (not is_named or root in feature.parameters or name == "null"):
            refused_feature = _refused_feature(name, request, text)
            if _rewritten(request, refused_feature) is not None:
                return refused_feature
    return None


def _named_parameter(body: Any) -> str:
    body = body[0] if isinstance(body, list) and body else body
    inner = body.get("error") if isinstance(body, Mapping) else None
    found = inner.get("param") if isinstance(inner, Mapping) else None
    return found if isinstance(found, str) else ""


def _refused_feature(name: str, request: Request, text: str) -> RefusedFeature:
    thinking = request.thinks if _OF_THINKING.search(text) else None
    if name not in ("effort", "thinking_off"):
        return RefusedFeature(name, thinking)
    effort = effort_of(request.body, request.family)
    levels = (level for level in EFFORTS[1:] if level != effort and re.search(rf"\b{level}\b", text))
    return RefusedFeature(name, thinking, effort, tuple(levels))


def _rewritten(request: Request, refused_feature: RefusedFeature) -> JSON | None:
    if refused_feature.thinking is not None and refused_feature.thinking != request.thinks:
        return None
    return FEATURES[refused_feature.name].rewritten(request.body, refused_feature)


def _said(refused_feature: RefusedFeature) -> str:
    if not refused_feature.effort:
        return FEATURES[refused_feature.name].said
    instead = (
        f"sent as {nearest_effort(refused_feature.effort, refused_feature.levels)!r}"
        if refused_feature.levels
        else "left out"
    )
    return f"reasoning_effort {refused_feature.effort!r} {instead}"


def without_refused(request: Request, refused_features: Sequence[RefusedFeature]) -> Request:
    """A request without what is known to be refused.

    Args:
        request: The request.
        refused_features: What is known.

    Returns:
        The request that is sent, with its repairs.
    """
    for refused_feature in refused_features:
        body = _rewritten(request, refused_feature)
        if body is not None:
            request = request.rewritten(body, f"{_said(refused_feature)}, since this model refuses it")
    return request


def is_kept(refused_feature: RefusedFeature, request: Request) -> bool:
    """Whether a refused feature holds for later calls, too.

    Args:
        refused_feature: What was learned.
        request: The request that was refused.

    Returns:
        False where a message would lose authority, or the user something that he gave: each call has to be refused.
    """
    kept = FEATURES[refused_feature.name].kept
    return kept == "always" or (kept == "for_objects" and request.output_mode is not None)


_MOST = 4096
"""Keys and models of which something is remembered; beyond that the oldest is forgotten, which costs one refusal."""


class Memory:
    """What was learned, by key, base_url and model. Safe for threads."""

    def __init__(self) -> None:
        self._refused_features: dict[tuple[int, str], tuple[RefusedFeature, ...]] = {}
        self._lock = threading.Lock()

    def refused_features(self, tenant: int, model: str) -> tuple[RefusedFeature, ...]:
        """What is known of a model, in the order in which it was learned."""
        return self._refused_features.get((tenant, model), ())

    def keep(self, tenant: int, model: str, refused_feature: RefusedFeature) -> None:
        """Keeps a refused feature.

        Args:
            tenant: Whose key it is, and where the model is.
            model: Its id.
            refused_feature: What it does not take.
        """
        with self._lock:
            known = self._refused_features.get((tenant, model), ())
            if refused_feature not in known:
                self._refused_features[tenant, model] = (*known, refused_feature)
            while len(self._refused_features) > _MOST:
                del self._refused_features[next(iter(self._refused_features))]

    def forget(self) -> None:
        """Forgets everything, as a new process does."""
        with self._lock:
            self._refused_features.clear()


MEMORY = Memory()
"""What this process has learned."""


class LearningRequest:
    """The request of one call, and what is learned while it is sent.

    Args:
        request: The request as it was built.
        host: Where it goes, for the user.
        learns: Whether refusals are learned from.
        memory: What is known already.
        after: That of the request before this one in the same call; what it learned holds on, and nothing is added.

    Attributes:
        request: The request as it is sent.
        learned: What was learned in this call: one refused feature at most.
    """

    def __init__(
        self,
        request: Request,
        host: str,
        *,
        learns: bool,
        memory: Memory = MEMORY,
        after: "LearningRequest | None" = None,
    ) -> None:
        self._memory, self._host, self._model = memory, host, request.model
        self._tenant: int | None = None
        self.learned: tuple[RefusedFeature, ...] = after.learned if after else ()
        self._learns, self._may_learn = learns, learns and not self.learned
        self._pending: tuple[RefusedFeature, AnyfastError, Request] | None = None
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
            self.request = without_refused(before, self._memory.refused_features(tenant, self._model))
        return self.request is not before

    def revise(self, error: AnyfastError) -> bool:
        """Looks whether a refusal can be answered by another request.

        Args:
            error: What the attempt ended with.

        Returns:
            Whether `request` is another now, to be sent at once. True only once.
        """
        refused_feature = refused_feature_of(error, self.request) if self._may_learn else None
        if refused_feature is None:
            return False
        self._may_learn, self._pending, self.learned = False, (refused_feature, error, self.request), (refused_feature,)
        self.request = without_refused(self.request, [refused_feature])
        return True

    def went_through(self) -> None:
        """Remembers what the refusal taught, now that the revised request was taken, and tells the user."""
        if self._pending is None or self._tenant is None:
            return
        (refused_feature, error, refused), self._pending = self._pending, None
        kept = is_kept(refused_feature, refused)
        if kept:
            self._memory.keep(self._tenant, self._model, refused_feature)
        warn(
            f"{self._model} at {self._host} refused a part of the request: {_said(refused_feature)}, "
            f"{'now and for the rest of this process' if kept else 'for this call'}. "
            f"learn_from_refusals=False switches that off. The refusal: {error.message[:300]}"
        )
