"""Where the examples send their requests: to Anyfast if ANYFAST_API_KEY is set, and else to the emulator."""

import asyncio
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from anyfast_emulator import Emulator
from anyfast_transport import AnyfastError, Connection

COLOURED = sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def dim(text: str) -> str:
    """The text as a terminal shows what matters less."""
    return f"\033[2m{text}\033[0m" if COLOURED and text else text


@contextmanager
def gateway() -> Iterator[None]:
    """Serves the emulator, and lets the environment name it, unless a key of yours is there."""
    if os.environ.get("ANYFAST_API_KEY"):
        print(f"Talking to Anyfast at {Connection().base_url}.\n", flush=True)
        yield
        return
    print("Talking to the emulator, which makes its answers up. Set ANYFAST_API_KEY for Anyfast.\n", flush=True)
    with Emulator(delay=0.015 if sys.stdout.isatty() else 0) as emulator:
        place = {"ANYFAST_API_KEY": emulator.api_key, "ANYFAST_BASE_URL": emulator.base_url}
        with mock.patch.dict(os.environ, place):
            yield


def run(main: Callable[[], object]) -> None:
    """Runs an example, sync or async, and says in plain words what goes wrong."""
    try:
        with gateway():
            asyncio.run(main()) if inspect.iscoroutinefunction(main) else main()
    except AnyfastError as error:
        sys.exit(f"\nThat did not work: {error}")
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        sys.exit(130)
