"""`python -m anyfast_emulator` serves the emulator until it is interrupted."""

import argparse
import sys
import threading

from anyfast_emulator.emulator import KEY, Emulator
from anyfast_emulator.temperaments import DOCUMENTED, TEMPERAMENTS


def main(arguments: list[str] | None = None) -> None:
    """Serves until Ctrl-C.

    Args:
        arguments: the command line; that of the process when None.
    """
    parser = argparse.ArgumentParser(prog="python -m anyfast_emulator", description="The Anyfast gateway on your desk.")
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="0 for a free one (default: %(default)s)")
    parser.add_argument("--key", default=KEY, help="the key to accept (default: %(default)s)")
    parser.add_argument("--delay", type=float, default=0.02, help="seconds between frames (default: %(default)s)")
    parser.add_argument(
        "--temperament",
        choices=TEMPERAMENTS,
        default=DOCUMENTED.name,
        help="what kind of gateway it plays (default: %(default)s)",
    )
    chosen = parser.parse_args(arguments)
    emulator = Emulator(
        api_key=chosen.key,
        delay=chosen.delay,
        host=chosen.host,
        port=chosen.port,
        temperament=chosen.temperament,
    )
    with emulator:
        variables = f"ANYFAST_BASE_URL={emulator.base_url} ANYFAST_API_KEY={emulator.api_key}"
        sys.stdout.write(f"base URL  {emulator.base_url}\nkey       {emulator.api_key}\n")
        sys.stdout.write(f"export {variables}\nCtrl-C ends it.\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.stdout.write("\n")


if __name__ == "__main__":
    main()
