"""The way through the probes. Pure: whoever calls it sends."""

from collections.abc import Callable, Iterator, Sequence

from anyfast_doctor.exchanges import Ask, Exchange
from anyfast_doctor.findings import Finding, Line, Probe, Status, Subject, fails
from anyfast_doctor.gateway import hindrance
from anyfast_transport import APITimeoutError, AuthenticationError, QuotaExceededError, RateLimitError
from anyfast_transport.families.table import Family

Send = Callable[[Ask], Exchange]


def _nothing(_: Probe) -> None:
    """Hears which probe comes next where nobody else does."""


def examine(
    subject: Subject, probes: Sequence[Probe], send: Send, announce: Callable[[Probe], None] = _nothing
) -> Iterator[Line]:
    """Asks one probe after the other; what one finds, the next ones go by.

    Args:
        subject: The model.
        probes: The table.
        send: Makes a request.
        announce: Hears of each probe before it is asked.

    Yields:
        A line for each probe, until one says that nothing can be asked.
    """
    for probe in probes:
        announce(probe)
        line = run(probe, subject, send)
        yield line
        if line.finding.status is Status.UNUSABLE:
            return
        subject = subject.knowing(line.finding.facts)


def run(probe: Probe, subject: Subject, send: Send) -> Line:
    """Asks one probe.

    Args:
        probe: The probe.
        subject: The model, as far as it is known.
        send: Makes a request.

    Returns:
        Its line.
    """
    reason = probe.skipped(subject.family)
    if reason:
        return Line(probe.name, probe.title, Finding(Status.SKIPPED, reason))
    probing, exchanges = probe.run(subject), []
    try:
        ask = next(probing)
        while True:
            exchange = send(ask)
            exchanges.append(exchange)
            if (finding := _ended_otherwise(exchange)) is not None:
                probing.close()
                return Line(probe.name, probe.title, finding, tuple(exchanges))
            ask = probing.send(exchange)
    except StopIteration as done:
        return Line(probe.name, probe.title, done.value, tuple(exchanges))


def _ended_otherwise(exchange: Exchange) -> Finding | None:
    """The finding of an exchange that says nothing about what the probe wanted to know."""
    if isinstance(exchange.error, (AuthenticationError, QuotaExceededError)):
        return hindrance(exchange)
    if exchange.answered or exchange.refused or exchange.ask.errs:
        return None
    return fails(exchange.words, _remedy(exchange))


def _remedy(exchange: Exchange) -> str:
    if isinstance(exchange.error, RateLimitError):
        return "Wait a little, and run the doctor again."
    if isinstance(exchange.error, APITimeoutError):
        return "Give it longer: --timeout."
    return "Run the doctor again later; if it stays so, report it: see docs/live-check.md."


def cost(family: Family, probes: Sequence[Probe]) -> tuple[int, int]:
    """What the probes cost at most, about.

    Args:
        family: The model's row.
        probes: The table.

    Returns:
        Requests, and tokens.
    """
    asked = [probe for probe in probes if not probe.skipped(family)]
    return sum(probe.calls for probe in asked), sum(probe.tokens for probe in asked)
