"""Runs every probe against one class, and prints its column as JSON.

python probe.py CLASS EMULATOR_URL EMULATOR_KEY
"""

import contextlib
import importlib.metadata
import io
import json
import logging
import os
import sys
import warnings

import answering
import asking
import connecting
from rig import KEY, NO, PEERS, PROBES, Rig, limited, serving


def column(peer: str, emulator: tuple[str, str]) -> dict[str, object]:
    """The cells of one class."""
    cells: dict[str, str] = {}
    with serving() as gateway:
        rig = Rig(peer, gateway, emulator)
        for name, probe in PROBES.items():
            gateway.turn += 1
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                try:
                    cells[name] = limited(lambda probe=probe: probe(rig), seconds=60)
                except Exception as error:  # noqa: BLE001  # what is compared may fail in any way
                    cells[name] = f"{NO} {type(error).__name__}"
    versions = {name: importlib.metadata.version(name) for name in (PEERS[peer][0], "langchain-core", "langchain")}
    return {"peer": peer, "versions": versions, "cells": cells}


def main() -> None:
    """Prints the column, or asks once (`--ask URL`) for the probe of proxies."""
    warnings.simplefilter("ignore")
    logging.disable()
    # A network that is not there must not be waited for: nothing but loopback is asked.
    os.environ.setdefault("LANGSMITH_TRACING", "false")
    peer, first, second = sys.argv[1:4]
    if first == "--ask":
        Rig(peer, None, ("", "")).make(base_url=second).invoke("hi")  # type: ignore[arg-type]  # it asks elsewhere
        return
    print(json.dumps(column(peer, (first, second)), ensure_ascii=False))  # noqa: T201  # its output


if __name__ == "__main__":
    assert all((answering, asking, connecting, KEY))  # imported for their probes
    main()
    sys.stdout.flush()
    os._exit(0)  # some clients leave threads behind that wait for an hour
