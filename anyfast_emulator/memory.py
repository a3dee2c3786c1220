"""What the emulator remembers: the reasoning it gave, the prompts it has seen, and the ids it has used."""

import base64
import hashlib
import itertools
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from anyfast_emulator.answers import Answer, ToolCall
from anyfast_emulator.contract import Family
from anyfast_emulator.conversation import text_of
from anyfast_emulator.history import signature_of

Message = Mapping[str, Any]
_PROMPTS_KEPT = 32


class Memory:
    """The memory of one emulator."""

    def __init__(self) -> None:
        self._counter = itertools.count(1)
        self._by_call: dict[str, str] = {}
        self._by_text: dict[str, set[str]] = defaultdict(set)
        self._prompts: dict[Any, deque[str]] = defaultdict(lambda: deque(maxlen=_PROMPTS_KEPT))

    def next_id(self) -> str:
        """Twenty hexadecimal digits, the same in every run."""
        return hashlib.sha256(str(next(self._counter)).encode()).hexdigest()[:20]

    def earlier_prompts(self, key: Any) -> Sequence[str]:
        """The last prompts of one cache, oldest first."""
        return tuple(self._prompts[key])

    def keep_prompt(self, key: Any, prompt: str) -> None:
        """Puts a prompt into a cache."""
        self._prompts[key].append(prompt)

    def reasonings(self, messages: Sequence[Message], index: int) -> frozenset[str]:
        """The reasoning given with an assistant turn; several, "" among them, if those words came more than once."""
        calls = messages[index].get("tool_calls") or ()
        known = [self._by_call[call["id"]] for call in calls if call["id"] in self._by_call]
        return frozenset(known) if calls else frozenset(self._by_text.get(_told(messages[: index + 1]), ()))

    def keep(self, messages: Sequence[Message], said: Answer, family: Family) -> None:
        """Remembers the reasoning of an answer, under its calls or else under the conversation that led to it.

        Args:
            messages: what the answer answers.
            said: the answer.
            family: one that demands its own reasoning recognises it; another's answer leaves a turn without any.
        """
        own = said.reasoning if family.demands_reasoning == "own" else ""
        if not said.tool_calls:
            self._by_text[_told([*messages, {"role": "assistant", "content": said.text}])].add(own)
        elif own:
            self._by_call |= {str(call.id): own for call in said.tool_calls}

    def completed(self, said: Answer, family: Family) -> Answer:
        """The answer with ids, and Gemini's signature, on calls that have none."""
        calls = [self._completed(index, call, family) for index, call in enumerate(said.tool_calls)]
        return replace(said, tool_calls=tuple(calls))

    def _completed(self, index: int, call: ToolCall, family: Family) -> ToolCall:
        if call.id is None:
            call = replace(call, id=self._call_id(index, call.name, family))
        if family.signs_calls and index == 0 and not signature_of({"extra_content": call.extra_content}):
            signature = base64.b64encode(f"emulated {self.next_id()}".encode()).decode()
            call = replace(call, extra_content={"google": {"thought_signature": signature}})
        return call

    def _call_id(self, index: int, name: str, family: Family) -> str:
        return family.call_ids.format(name=name, index=index, id=self.next_id())


def _told(messages: Sequence[Message]) -> str:
    """A conversation's fingerprint, whatever its turns carry beside their text."""
    turns = [[message.get("role"), text_of(message)] for message in messages if isinstance(message, dict)]
    return hashlib.sha256(repr(turns).encode()).hexdigest()
