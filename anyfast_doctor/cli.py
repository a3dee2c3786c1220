"""The command `anyfast-doctor`."""

import argparse
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from anyfast_doctor.asking import Asker
from anyfast_doctor.probes import PROBES
from anyfast_doctor.report import EXIT
from anyfast_doctor.table import printable
from anyfast_doctor.visit import USUAL_MODEL, Visit
from anyfast_transport import AnyfastError, Connection, __version__
from anyfast_transport.families.profile_file import PROFILE_VARIABLE, read_profile
from anyfast_transport.settings.connection import BASE_URL_VARIABLES

MOST_AT_ONCE = 100
"""Of one burst: to learn of a limit, not to be one."""

INTERRUPTED = 130
"""What shells know as "ended by Ctrl-C"."""

_ABOUT = """Checks a key and an Anyfast gateway with a few small calls, says what works, and writes what differs from
this package's rows into a profile file. The key is read from ANYFAST_API_KEY. Exit status: 0 fine, 1 something differs
or does not work, 2 unusable or nothing asked."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The command line; that of the process when None.

    Returns:
        0 fine, 1 differs, 2 unusable or nothing asked, 130 interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        connection = _connection(options)
        in_force = read_profile(connection.profile_file) if connection.profile_file else {}
        asker = Asker(connection)
    except ValueError as error:
        return _say(_faults(error))
    except AnyfastError as error:
        return _say(error.message)
    visit = Visit(options, connection, asker)
    with asker:
        try:
            asked = visit.run()
        except KeyboardInterrupt:
            asked, visit.report.complete = True, False
    if not asked:
        return EXIT["unusable"]
    visit.publish(in_force)
    return EXIT[visit.report.verdict] if visit.report.complete else INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="anyfast-doctor", description=_ABOUT)
    parser.add_argument("--base-url", metavar="URL", help="where the gateway is (default: ANYFAST_BASE_URL)")
    parser.add_argument("--model", metavar="ID", action="append", help=f"may be repeated (default: {USUAL_MODEL})")
    parser.add_argument("--only", metavar="LINE", action="append", choices=[one.name for one in PROBES], help=_ONLY)
    parser.add_argument("--burst", metavar="N", type=_burst, default=0, help="also send N small requests at once")
    parser.add_argument("--json", action="store_true", help="print the report as JSON, to be kept or sent")
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask before the calls that cost something")
    parser.add_argument("--write", metavar="PATH", default="anyfast-profile.json", help=_WRITE)
    parser.add_argument("--profile", metavar="PATH", help=f"facts to check instead (default: {PROFILE_VARIABLE})")
    parser.add_argument("--timeout", metavar="SECONDS", type=float, default=120.0, help="for one call (%(default)s)")
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def _burst(text: str) -> int:
    number = int(text)
    if not 0 <= number <= MOST_AT_ONCE:
        raise argparse.ArgumentTypeError(f"from 0 to {MOST_AT_ONCE}")
    return number


_ONLY = "ask this line and what it needs; may be repeated: " + ", ".join(one.name for one in PROBES)
_WRITE = "where to write what differs; not written if nothing does (default: %(default)s)"


def _connection(options: argparse.Namespace) -> Connection:
    said = {"base_url": options.base_url, "profile_file": options.profile, "timeout": options.timeout}
    return Connection(**{name: value for name, value in said.items() if value is not None})


def _faults(error: ValueError) -> str:
    """What pydantic found wrong, or what the environment's base URL is."""
    if not isinstance(error, ValidationError):
        return f"{' or '.join(BASE_URL_VARIABLES)}: {error}"
    return "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors(include_input=False))


def _say(words: str) -> int:
    """Says on stderr why nothing was asked."""
    sys.stderr.write(f"anyfast-doctor: {printable(words)}\n")
    return EXIT["unusable"]
