"""Many small requests at once: what the gateway's rate limit says, where it has one. Only if it is asked for."""

from collections import Counter
from collections.abc import Sequence

from anyfast_doctor.exchanges import Ask, Exchange
from anyfast_doctor.findings import Finding, Subject, fails, works
from anyfast_transport import RateLimitError

LIMIT = 8
NAME, TITLE = "burst", "Many at once"
TOKENS = 40
"""Of one request, about."""


def one_of_many(subject: Subject) -> Ask:
    """The request that is sent many times.

    Args:
        subject: The model.

    Returns:
        The request.
    """
    ask = subject.ask("Say hello.", think=False, limit=LIMIT)
    return Ask(ask.body, errs=True)


def judged(exchanges: Sequence[Exchange]) -> Finding:
    """What many requests at once came to.

    Args:
        exchanges: How they ended, without a retry.

    Returns:
        That all were answered, or how many were not, and what the gateway said about waiting.
    """
    ended = Counter(type(one.error).__name__ for one in exchanges if one.error)
    slowest = max((one.seconds for one in exchanges), default=0.0)
    said = f"{len(exchanges) - ended.total()} of {len(exchanges)} answered, the slowest in {slowest:.1f} s"
    if not ended:
        return works(said)
    others = ", ".join(f"{count} {name}" for name, count in sorted(ended.items()))
    limited = [one.error for one in exchanges if isinstance(one.error, RateLimitError)]
    waits = sorted({error.retry_after for error in limited if error.retry_after is not None})
    wait = (
        f"; wait {', '.join(f'{seconds:g} s' for seconds in waits)}" if waits else "; it does not say how long to wait"
    )
    return fails(f"{said}; {others}{wait if limited else ''}", "Send fewer at once; max_retries waits and tries again.")
