"""Which tools the model calls, and with what."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from anyfast_emulator import words
from anyfast_emulator.answers import ToolCall
from anyfast_emulator.conversation import Conversation, Offered
from anyfast_emulator.filling import Filling

_REQUEST = re.compile(
    r"must (?:be )?call|must use (?:the|one|exactly|a) (?:[\w` ]+ )?(?:tool|function)|respond (?:only )?by calling"
    r"|call exactly one|必须调用",
    re.IGNORECASE,
)
_AGENTS = re.compile(r"'([^']+)': ['\"]")  # those that LlamaIndex's tool for handing off describes
_AT_ONCE = re.compile(r"at once|in parallel|simultaneously|同时|\bboth\b", re.IGNORECASE)


def pick_calls(talk: Conversation, choice: Any) -> list[ToolCall]:
    """The calls of the next step, or none if it is time to answer.

    Args:
        talk: the conversation so far.
        choice: the request's `tool_choice`; None = auto.

    Returns:
        One call; several if the prompt asks for several things at once.
    """
    if not talk.tools or choice == "none":
        return []
    if (forced := _forced(talk, choice)) is not None:
        return [_call(forced, talk)]
    related = _related(talk)
    called = {name for name, _ in talk.called}
    fresh = [tool for tool in related if tool.name not in called]
    if not fresh:
        return []
    if several := _fillings(fresh[0], talk):
        return [_call(fresh[0], talk, filling) for filling in several]
    at_once = len(fresh) > 1 and not called and _AT_ONCE.search(talk.prompt)
    return [_call(tool, talk) for tool in (fresh if at_once else fresh[:1])]


def _forced(talk: Conversation, choice: Any) -> Offered | None:
    """The tool that has to be called, by the request or by an instruction in words."""
    if isinstance(choice, Mapping):
        name = choice["function"]["name"]
        return next((tool for tool in talk.tools if tool.name == name), talk.tools[0])
    if choice == "required":
        return _best(talk)
    if talk.reply_format or not (request := _REQUEST.search(talk.instructions)):
        return None
    opening, ending = talk.instructions[: request.start()], talk.instructions[request.start() :]
    sentence = re.split(r"[.\n]\s", opening)[-1] + re.split(r"[.\n](?:\s|$)", ending)[0]
    named = [tool for tool in talk.tools if re.search(rf"\b{re.escape(tool.name)}\b", sentence)]
    called = {name for name, _ in talk.called}
    if len(named) == 1:
        return named[0] if named[0].name not in called else None
    return _best(talk) if any(tool.name not in called for tool in talk.tools) else None


def _best(talk: Conversation) -> Offered:
    called = [name for name, _ in talk.called]
    fresh = [tool for tool in talk.tools if tool.name not in called] or talk.tools
    return max(fresh, key=lambda tool: _score(tool, talk))  # max keeps the first of equals


def _related(talk: Conversation) -> list[Offered]:
    """The tools that the prompt is about: those that can be filled first, then in the order it speaks of them."""
    scored = [(tool, _score(tool, talk)) for tool in talk.tools]
    scored = [(tool, score) for tool, score in scored if score > 0]
    top = max((score for _, score in scored), default=0)
    near = [tool for tool, score in scored if score * 6 >= top]
    return sorted(near, key=lambda tool: (not _fillable(tool, talk), _place(tool, talk)))


def _score(tool: Offered, talk: Conversation) -> int:
    said = words.stems(talk.prompt)
    score = 20 if re.search(rf"\b{re.escape(tool.name)}\b", talk.prompt) else 0
    score += 3 * len(words.stems(tool.name.replace("_", " ")).keys() & said.keys())
    score += 2 * len(words.stems(_parameter_words(tool)).keys() & said.keys())
    return score + len(words.stems(tool.description).keys() & said.keys())


def _parameter_words(tool: Offered) -> str:
    properties = tool.schema.get("properties", {})
    options = [str(one) for inner in properties.values() if isinstance(inner, dict) for one in inner.get("enum", ())]
    return " ".join([*properties, *options]).replace("_", " ")


def _fillable(tool: Offered, talk: Conversation) -> bool:
    """Whether the numbers that the tool requires are known yet."""
    properties = tool.schema.get("properties", {})
    kinds = [properties.get(key, {}).get("type") for key in tool.schema.get("required", ())]
    wanted = sum(kind in ("integer", "number") for kind in kinds)
    known = words.numbers(talk.prompt) + [number for one in talk.results for number in words.numbers(one)]
    return wanted <= len(known)


def _place(tool: Offered, talk: Conversation) -> int:
    said = words.stems(talk.prompt)
    own = words.stems(f"{tool.name.replace('_', ' ')} {_parameter_words(tool)}").keys() & said.keys()
    rest = words.stems(tool.description).keys() & said.keys()
    return min((said[stem] for stem in own or rest), default=len(talk.prompt))


def _fillings(tool: Offered, talk: Conversation) -> list[str]:
    """The list of names that a tool with one string argument has to be called for, one by one."""
    required = tool.schema.get("required", [])
    properties = tool.schema.get("properties", {})
    if len(required) != 1 or "enum" in properties.get(required[0], {}):
        return []
    return words.listed_names(talk.prompt) if properties.get(required[0], {}).get("type") == "string" else []


def _call(tool: Offered, talk: Conversation, filling: str | None = None) -> ToolCall:
    own: Sequence[Mapping[str, Any]] = [arguments for name, arguments in talk.called if name != tool.name]
    offered = [one.name for one in talk.tools]
    arguments = Filling(talk.prompt, talk.results, own, offered).fill({"type": "object", **tool.schema})
    if filling is not None:
        arguments[tool.schema["required"][0]] = filling
    if "to_agent" in arguments and (agents := _AGENTS.findall(tool.description)):
        arguments["to_agent"] = next((one for one in agents if one.lower() in talk.prompt.lower()), agents[0])
    return ToolCall(tool.name, json.dumps(arguments, ensure_ascii=False))


def loosened(call: ToolCall, talk: Conversation) -> ToolCall:
    """A call of a strict function by a model that does not hear of `strict`: the prompt's word beats the enum."""
    tool = next(one for one in talk.tools if one.name == call.name)
    arguments = json.loads(str(call.arguments))
    enums = [key for key, inner in tool.schema.get("properties", {}).items() if "enum" in inner]
    said = {key: word for key in enums if (word := words.said_value(talk.prompt, key))}
    return ToolCall(call.name, json.dumps(arguments | said, ensure_ascii=False)) if tool.strict and said else call
