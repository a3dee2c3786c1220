"""What every probe has at hand: the class under test, a gateway that says what it is told, and the marks of a cell."""

import asyncio
import importlib
import threading
from collections.abc import Callable
from typing import Any

from gateway import Gateway, serving

YES, NO, PART = "✔", "✘", "~"
KEY = "sk-compare-langchain"

PEERS: dict[str, tuple[str, str, str]] = {
    # Name: distribution, module, name of the argument for the URL.
    "ChatAnyfast": ("anyfast-integrations", "langchain_anyfast", "base_url"),
    "ChatOpenAI": ("langchain-openai", "langchain_openai", "base_url"),
    "ChatDeepSeek": ("langchain-deepseek", "langchain_deepseek", "api_base"),
    "ChatOpenRouter": ("langchain-openrouter", "langchain_openrouter", "base_url"),
    "ChatQwen": ("langchain-qwq", "langchain_qwq", "base_url"),
}


class Rig:
    """One class under test.

    Attributes:
        peer: Its name.
        gateway: What it asks.
    """

    def __init__(self, peer: str, gateway: Gateway, emulator: tuple[str, str]) -> None:
        self.peer, self.gateway, self.emulator = peer, gateway, emulator
        _, module, self._url = PEERS[peer]
        self.cls = getattr(importlib.import_module(module), peer)

    def make(self, model: str = "deepseek-v4-pro", base_url: str | None = None, **fields: Any) -> Any:
        """A model that asks the gateway."""
        said = {"model": model, self._url: base_url or self.gateway.base_url, "api_key": KEY, "max_retries": 0}
        return self.cls(**(said | fields))

    def script(self, *said: Any) -> None:
        """What the gateway says next."""
        self.gateway.script(*said)

    @property
    def body(self) -> dict[str, Any]:
        """What was asked last."""
        return self.gateway.bodies[-1]


Probe = Callable[[Rig], str]
PROBES: dict[str, Probe] = {}


def row(name: str) -> Callable[[Probe], Probe]:
    """Registers a probe as a row of the table."""

    def register(probe: Probe) -> Probe:
        PROBES[name] = probe
        return probe

    return register


def mark(good: object, otherwise: str = "") -> str:
    """A cell: yes, or no with a word."""
    return YES if good else f"{NO} {otherwise}".rstrip()


def marks(*good: object) -> str:
    """A cell of several."""
    return " ".join(YES if one else NO for one in good)


def tried(do: Callable[[], Any]) -> bool:
    """Whether something holds; an error is a no."""
    try:
        return bool(do())
    except Exception:  # noqa: BLE001  # what is compared may fail in any way
        return False


def limited(do: Callable[[], Any], *, seconds: float) -> Any:
    """Does something that may never return: a TimeoutError then, while a thread goes on."""
    found: list[Any] = []
    failed: list[BaseException] = []

    def attempt() -> None:
        try:
            found.append(do())
        except BaseException as error:  # noqa: BLE001  # handed on
            failed.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(f"nothing in {seconds} s")
    return found[0]


def summed(chunks: Any) -> Any:
    """The sum of a stream."""
    first, *rest = list(chunks)
    return sum(rest, first)


def blocks(message: Any) -> list[tuple[Any, Any]]:
    """The kinds of a message's content blocks, and what is in them."""
    found = message.content_blocks
    return [(b["type"], b.get("reasoning") or b.get("text") or b.get("args")) for b in found]


def run(coroutine: Any) -> Any:
    """A coroutine in a loop of its own."""
    return asyncio.run(coroutine)


__all__ = [
    "KEY",
    "NO",
    "PART",
    "PEERS",
    "PROBES",
    "YES",
    "Rig",
    "blocks",
    "limited",
    "mark",
    "marks",
    "row",
    "run",
    "serving",
    "summed",
    "tried",
]
