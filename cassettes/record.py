"""Records the cassettes anew: from the emulator, or from the live gateway if ANYFAST_API_KEY is set.

Run by `make record`; words after it choose the cassettes whose names hold one of them.
"""

import os
import sys
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from anyfast_emulator import Emulator
from anyfast_transport import AnyfastWarning
from anyfast_transport.request.learning import MEMORY
from cassettes.players import PLAYERS
from cassettes.scenarios import SCENARIOS, Scenario
from cassettes.tape import FOLDER, LIVE, URL, source, tape


def record(scenario: Scenario) -> bool:
    """Records one cassette, through both frameworks: what both send alike is asked once.

    Args:
        scenario: What to record.

    Returns:
        Whether it could be: the live gateway cannot be told to fail.
    """
    if source() == LIVE:
        if not scenario.scripted:
            _play(scenario, {"api_key": scenario.key or os.environ["ANYFAST_API_KEY"]})
        return not scenario.scripted
    emulator = Emulator()
    emulator.script(*scenario.scripted)
    # The gateway's URL leads to the emulator, by one of httpx's own transports: vcrpy records above no others.
    with httpx.Client(transport=httpx.MockTransport(emulator.transport.handle_request)) as client:
        _play(scenario, {"api_key": scenario.key or emulator.api_key, "http_client": client})
    return True


def _play(scenario: Scenario, where: Mapping[str, Any]) -> None:
    path = FOLDER / f"{scenario.name}.yaml"
    path.unlink(missing_ok=True)
    for player in PLAYERS.values():
        MEMORY.forget()
        with tape(scenario.name, record=True):
            player(scenario, {"base_url": URL, **where})


def main(words: Iterable[str]) -> None:
    """Records those whose names hold one of the words, or all."""
    warnings.simplefilter("ignore", AnyfastWarning)
    chosen = list(words)
    for scenario in SCENARIOS:
        if not chosen or any(word in scenario.name for word in chosen):
            said = f"recorded from {source()}" if record(scenario) else "left as it is: only the emulator can be told"
            sys.stdout.write(f"{scenario.name}: {said}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
