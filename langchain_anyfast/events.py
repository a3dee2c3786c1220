"""One streamed answer as LangChain's v3 events, without its bridge: thoughts end before the text begins."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from anyfast_transport.response.citations import citations_in
from anyfast_transport.types import Completion, Delta, Fragment, ToolCall, in_order
from langchain_anyfast.content_blocks import image_block, refusal_block, sound_blocks
from langchain_anyfast.messages import additional_kwargs, response_metadata, usage_metadata

Block = dict[str, Any]
Event = dict[str, Any]
"""`MessagesData` of LangChain's protocol, a package that this one does not depend on."""


@dataclass(slots=True)
class _Growing:
    """A block of text or reasoning that is open."""

    index: int
    pieces: list[str] = field(default_factory=list)


class EventWriter:
    """Writes the events of one answer.

    Text stays open to the end, since calls and text may be woven into each other. Calls are finished at the end, too:
    only the finish_reason tells whether one was cut off.
    """

    def __init__(self) -> None:
        self._begun = False
        self._indexes = 0
        self._growing: dict[str, _Growing] = {}
        self._calls: list[int] = []

    def take(self, delta: Delta) -> Iterator[Event]:
        """The events of one piece.

        Args:
            delta: The piece.

        Yields:
            Its events, and `message-start` before the first of them.
        """
        yield from self._begin(delta.raw.get("model"))
        if delta.reasoning:
            yield from self._grow("reasoning", delta.reasoning)
        if delta.text or delta.images or delta.fragments:
            yield from self._close("reasoning")
        for part in in_order(delta.text, delta.images, delta.image_places):
            if isinstance(part, str):
                yield from self._grow("text", part)
            else:
                yield from self._close("text")
                yield from self._whole(image_block(part))
        for fragment in delta.fragments:
            yield from self._call(fragment)

    def end(self, completion: Completion) -> Iterator[Event]:
        """The events of the end.

        Args:
            completion: The whole answer.

        Yields:
            What finishes the open blocks and the message; its usage and metadata are those of `invoke`.
        """
        choice = completion.choice
        yield from self._begin(completion.model or None)
        sources = citations_in(metadata := response_metadata(completion, choice))
        for kind in tuple(self._growing):
            yield from self._close(kind, {"annotations": sources} if kind == "text" and sources else {})
        for block in sound_blocks(choice.audio):
            yield from self._whole(block)
        if choice.refusal:
            yield from self._whole(refusal_block(choice.refusal))
        for index, call in zip(self._calls, choice.tool_calls, strict=True):
            yield _event("content-block-finish", index=index, content=_finished(call))
        last: Block = {"metadata": metadata}
        if usage := usage_metadata(completion.usage):
            last["usage"] = usage
        if kept := additional_kwargs(choice):
            last["additional_kwargs"] = kept
        yield _event("message-finish", **last)

    def _begin(self, model: Any) -> Iterator[Event]:
        if self._begun:
            return
        self._begun = True
        metadata = {"provider": "anyfast", **({"model": model} if isinstance(model, str) and model else {})}
        yield _event("message-start", role="ai", id="", metadata=metadata)  # LangChain gives it an id of its own

    def _next_index(self) -> int:
        self._indexes += 1
        return self._indexes - 1

    def _grow(self, kind: str, piece: str) -> Iterator[Event]:
        block = self._growing.get(kind)
        if block is None:
            block = self._growing[kind] = _Growing(self._next_index())
            yield _event("content-block-start", index=block.index, content={"type": kind, kind: ""})
        block.pieces.append(piece)
        yield _event("content-block-delta", index=block.index, delta={"type": f"{kind}-delta", kind: piece})

    def _close(self, kind: str, more: Mapping[str, Any] = MappingProxyType({})) -> Iterator[Event]:
        block = self._growing.pop(kind, None)
        if block is not None:
            content = {"type": kind, kind: "".join(block.pieces), **more}
            yield _event("content-block-finish", index=block.index, content=content)

    def _whole(self, block: Mapping[str, Any]) -> Iterator[Event]:
        index = self._next_index()
        # What is heavy is said once, at the finish.
        yield _event("content-block-start", index=index, content={k: v for k, v in block.items() if k != "base64"})
        yield _event("content-block-finish", index=index, content=dict(block))

    def _call(self, fragment: Fragment) -> Iterator[Event]:
        if fragment.position == len(self._calls):
            index = self._next_index()
            self._calls.append(index)
            head = {"id": fragment.id, "name": fragment.name, "args": "", "index": fragment.position}
            yield _event("content-block-start", index=index, content={"type": "tool_call_chunk", **head})
        if fragment.arguments:
            delta = {"type": "tool-call-delta", "args": fragment.arguments}
            yield _event("content-block-delta", index=self._calls[fragment.position], delta=delta)


def _finished(call: ToolCall) -> Block:
    block: Block
    if call.error:
        block = {"type": "invalid_tool_call", "args": call.arguments, "error": call.error}
    else:
        block = {"type": "tool_call", "args": call.parsed()}
    return {**block, "id": call.id, "name": call.name}


def _event(name: str, **fields: Any) -> Event:
    return {"event": name, **fields}
