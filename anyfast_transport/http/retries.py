"""Whether to send a request again, and after how long. Pure: no clock, no sleep."""

import email.utils
import math
import random
import time
from collections.abc import Callable, Mapping

from anyfast_transport.errors import AnyfastError, APIStatusError

FIRST_DELAY = 0.5
LONGEST_DELAY = 8.0
LONGEST_RETRY_AFTER = 60.0
"""Seconds. A gateway that asks for more is not waited for: the error is raised at once and says how long."""


def delay_before_retry(
    error: AnyfastError, *, retries_done: int, max_retries: int, jitter: Callable[[], float] = random.random
) -> float | None:
    """Decides about one failed attempt.

    Args:
        error: What the attempt ended with.
        retries_done: Requests already sent again for this call.
        max_retries: How many may be.
        jitter: Gives a number from 0 to 1.

    Returns:
        Seconds to wait before sending again, or None to give up.
    """
    if not error.retryable or getattr(error, "begun", False) or retries_done >= max_retries:
        return None
    asked = error.retry_after if isinstance(error, APIStatusError) else None
    if asked is not None:
        return asked if asked <= LONGEST_RETRY_AFTER else None
    return jitter() * min(FIRST_DELAY * float(2**retries_done), LONGEST_DELAY)


def retry_after(headers: Mapping[str, str], *, now: Callable[[], float] = time.time) -> float | None:
    """Reads how long the gateway asks to wait.

    Args:
        headers: Response headers, looked up in lower case.
        now: The clock, in seconds since 1970.

    Returns:
        Seconds from `retry-after-ms`, or `retry-after` as seconds or as an HTTP date; None if there is no such
        header, or nothing sensible in it.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    return seconds if seconds is not None else _seconds_until(value, now)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _seconds_until(value: str | None, now: Callable[[], float]) -> float | None:
    try:
        seconds = email.utils.parsedate_to_datetime(value or "").timestamp() - now()
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if seconds > 0 else None
