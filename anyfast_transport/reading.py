"""What a request says to whoever reads its answer: how it is to be read, and what is expected of it."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Reading:
    """How an answer is to be read; what the request knows of it.

    Attributes:
        rescues: Whether calls that come as text become calls, where tools were offered.
        splits: Whether thoughts in tags are taken out of the text.
        waits: Whether a text may be thought from its beginning, up to a closing tag that nothing opened: the model was
            told to think, and its chat template opens the tag.
        tools: The tools that the request offers, with the schemas of their arguments.
        dialects: The markup in which the model's family writes calls, `Family.call_markup`.
        messages: The messages of the request; a call that stands in their markup is quoted by an answer, not made.
        names: The wire's name → the tool's own, where they differ.
    """

    rescues: bool = True
    splits: bool = True
    waits: bool = False
    tools: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    dialects: AbstractSet[str] = frozenset()
    messages: Sequence[Mapping[str, Any]] = field(default=(), repr=False, compare=False)
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a call expects of its answer, and what becomes of an answer that is otherwise.

    Attributes:
        on_empty: What to do with one that reasoning ate: `"warn"`, `"raise"` or `"keep"`.
        on_invalid_call: What to do with one whose calls cannot be executed: `"ask_again"` once and then raise,
            `"raise"` or `"keep"`.
        must_call: The words that ask for a call where one was forced and the caller cannot go on without; else "".
        called_in_text: Says whether a text is the arguments of that call, which its reader takes for it; None if none
            does.
    """

    on_empty: str = "warn"
    on_invalid_call: str = "keep"
    must_call: str = ""
    called_in_text: Callable[[str], bool] | None = None


def offered(body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The tools that a request lets the model call.

    Args:
        body: The request body.

    Returns:
        Name → JSON schema of the arguments; nothing for `tool_choice: none`.
    """
    if body.get("tool_choice") == "none":
        return {}
    functions = [tool.get("function") for tool in body.get("tools") or () if isinstance(tool, Mapping)]
    return {
        str(function["name"]): function.get("parameters") or {}
        for function in functions
        if isinstance(function, Mapping) and function.get("name")
    }
