"""Whether each top-level parameter of a body keeps to the family's page."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from anyfast_emulator.contract import RANGES, Family
from anyfast_emulator.refusals import RefusedError
from anyfast_emulator.thinking import google_config, is_thinking, reads_effort, switched, thinking_config

Body = Mapping[str, Any]
_USER_ID = re.compile(r"[a-zA-Z0-9\-_]{0,512}")  # Anyfast deepseek-v4-pro page
_FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
ASPECT_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:4", "4:1", "1:8", "8:1")
_TYPES: Mapping[str, type] = {
    "stream": bool,
    "parallel_tool_calls": bool,
    "logprobs": bool,
    "enable_thinking": bool,
    "enable_search": bool,
    "seed": int,
    "thinking_budget": int,
    "metadata": dict,
    "chat_template_kwargs": dict,
    "extra_body": dict,
    "prompt_cache_key": str,
    "user": str,
    "reasoning_effort": str,
}


def check_parameters(body: Body, family: Family) -> None:
    """Refuses a body whose parameters break the family's page.

    Args:
        body: the request's JSON object, messages aside.
        family: the row that the model belongs to.

    Raises:
        RefusedError: naming the parameter.
    """
    _check_switch(body, family)
    for name, value in body.items():
        _check_known(name, value, family)
        _check_type(name, value)
        if (span := family.ranges.get(name) or RANGES.get(name) or family.lengths.get(name)) is not None:
            _check_range(name, value, span, whole=name in family.lengths or name == "top_logprobs")
        if name in _CHECKS:
            _CHECKS[name](value, body, family)


def _check_switch(body: Body, family: Family) -> None:
    said = switched(body, family)
    if said is False and family.refuses_off and family.temper.switch_off == "works":
        raise RefusedError(family.refuses_off, family.switch)
    if said is not None and (family.temper.switch_on if said else family.temper.switch_off) == "refused":
        raise RefusedError(f"{family.switch or 'thinking'}: this value is not supported by this model.", family.switch)


def _check_known(name: str, value: Any, family: Family) -> None:
    if name not in family.accepted:
        raise RefusedError(f"Unrecognized request argument supplied: {name}", name)
    if value is None and name not in family.nullable:
        raise RefusedError(f"Invalid type for '{name}': null is not accepted, leave the parameter out.", name)


def _check_type(name: str, value: Any) -> None:
    expected = _TYPES.get(name)
    if expected is None:
        return
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise RefusedError(f"Invalid type for '{name}': expected {expected.__name__}.", name)


def _check_range(name: str, value: Any, span: tuple[float, float], *, whole: bool) -> None:
    numeric = isinstance(value, int) if whole else isinstance(value, int | float)
    if isinstance(value, bool) or not numeric:
        raise RefusedError(f"Invalid type for '{name}': expected {'integer' if whole else 'number'}.", name)
    low, high = span
    if not low <= value <= high:
        raise RefusedError(f"Invalid {name} value, the valid range of {name} is [{low}, {high}]", name)


def _check_n(value: Any, _: Body, family: Family) -> None:
    if family.refuses_n and value != 1:
        raise RefusedError(family.refuses_n, "n")
    _check_range("n", value, (1, 128), whole=True)


def _check_stop(value: Any, _: Body, family: Family) -> None:
    if family.temper.stop == "refused":
        raise RefusedError("Unsupported parameter: 'stop' is not supported with this model.", "stop")
    if isinstance(value, str) and not family.stop_list_only:
        return
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        expected = "an array of strings" if family.stop_list_only else "a string or an array of strings"
        raise RefusedError(f"Invalid type for 'stop': expected {expected}.", "stop")
    if family.stop_limit is not None and len(value) > family.stop_limit:
        raise RefusedError(f"Invalid stop: at most {family.stop_limit} sequences are supported.", "stop")


def _check_stream_options(value: Any, body: Body, _: Family) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("include_usage", False), bool):
        raise RefusedError("Invalid type for 'stream_options': expected {include_usage: bool}.", "stream_options")
    if body.get("stream") is not True:
        raise RefusedError("stream_options should be set along with stream = true", "stream_options")


def _check_user_id(value: Any, _: Body, __: Family) -> None:
    if not isinstance(value, str) or not _USER_ID.fullmatch(value) or not value:
        raise RefusedError("Invalid user_id: expected ^[a-zA-Z0-9\\-_]+$, at most 512 characters.", "user_id")


def _check_thinking(value: Any, body: Body, family: Family) -> None:
    if not isinstance(value, dict | None):
        raise RefusedError("Invalid type for 'thinking': expected an object.", "thinking")
    value = value or {}
    if value.get("type", family.switch_types[0]) not in family.switch_types:
        raise RefusedError(f"Invalid thinking type: {value['type']!r}", "thinking")
    if "reasoning_effort" in value and reads_effort(family, "nested"):
        _check_level(value["reasoning_effort"], family, "thinking")
    effort = body.get("reasoning_effort", "minimal")
    if not family.effort_beside_off and value.get("type") == "disabled" and effort != "minimal":
        words = f"Invalid combination of reasoning_effort and thinking type: {effort} + disabled."
        raise RefusedError(words, "reasoning_effort")


def _check_effort(value: Any, _: Body, family: Family) -> None:
    if reads_effort(family, "top"):
        _check_level(value, family, "reasoning_effort")


def _check_level(value: Any, family: Family, param: str) -> None:
    if family.efforts and value not in family.efforts:
        words = f"Invalid reasoning_effort: {value!r}, expected one of {', '.join(family.efforts)}."
        raise RefusedError(words, param)


def _check_extra_body(_: Any, body: Body, family: Family) -> None:
    if family.accent != "gemini":
        return
    _check_image_config(google_config(body, "image_config"), family)
    config = thinking_config(body)
    if not config:
        return
    if not family.thinks:  # lobehub#7686
        raise RefusedError("Unable to submit request because thinking is not supported by this model.", "extra_body")
    spellings = [key for key in ("thinking_budget", "thinking_level") if key in config]
    if len(spellings) + ("reasoning_effort" in body) > 1:
        raise RefusedError("Expected one of thinking_budget, thinking_level and reasoning_effort.", "extra_body")


def _check_image_config(config: Mapping[str, Any], family: Family) -> None:
    if config and not family.draws:
        raise RefusedError("Aspect ratio is not enabled for this model.", "extra_body")
    # ai.google.dev/gemini-api/docs/image-generation
    for key, taken in (("aspect_ratio", ASPECT_RATIOS), ("image_size", family.draws)):
        if key in config and config[key] not in taken:
            raise RefusedError(
                f"Invalid value at 'generation_config.image_config.{key}': {config[key]!r}", "extra_body"
            )


def _check_response_format(value: Any, body: Body, family: Family) -> None:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in family.formats:
        raise RefusedError(family.refuses_format.format(kind=kind), "response_format.type")
    if kind == "json_schema" and not isinstance((value.get("json_schema") or {}).get("schema"), dict):
        raise RefusedError("Missing required parameter: 'response_format.json_schema.schema'.", "response_format")
    if kind != "json_object":
        return
    if family.refuses_json and is_thinking(body, family) and family.temper.json_object is None:
        raise RefusedError(family.refuses_json, "response_format")
    if family.json_word and "json" not in _all_text(body).lower():
        words = "Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'."
        raise RefusedError(words, "messages")


def _all_text(body: Body) -> str:
    return " ".join(str(message.get("content")) for message in body.get("messages", []) if isinstance(message, dict))


def _check_tools(value: Any, _: Body, family: Family) -> None:
    if not isinstance(value, list) or not value:
        raise RefusedError("Invalid 'tools': expected a non-empty array.", "tools")
    if family.tool_limit is not None and len(value) > family.tool_limit:
        raise RefusedError(f"Invalid 'tools': at most {family.tool_limit} functions are supported.", "tools")
    names = [_function_name(tool, f"tools[{index}]") for index, tool in enumerate(value)]
    if family.temper.strict_tools == "refused" and any("strict" in tool["function"] for tool in value):
        raise RefusedError("Invalid 'tools': unknown field `strict`.", "tools")
    if len(set(names)) != len(names):
        raise RefusedError("Tool names must be unique.", "tools")


def _function_name(tool: Any, where: str) -> str:
    if not isinstance(tool, dict) or tool.get("type") != "function" or not isinstance(tool.get("function"), dict):
        raise RefusedError(f"Invalid '{where}': only functions are supported.", "tools")
    function = tool["function"]
    name = function.get("name")
    if not isinstance(name, str) or not _FUNCTION_NAME.fullmatch(name):
        raise RefusedError(f"Invalid '{where}.function.name': expected ^[a-zA-Z0-9_-]{{1,64}}$.", "tools")
    for key, kind in (("description", str), ("parameters", dict), ("strict", bool)):
        if key in function and not isinstance(function[key], kind):
            raise RefusedError(f"Invalid '{where}.function.{key}': expected {kind.__name__}.", "tools")
    return name


def _check_tool_choice(value: Any, body: Body, family: Family) -> None:
    tools = body.get("tools")
    if not isinstance(tools, list):
        raise RefusedError("When using `tool_choice`, `tools` must be set.", "tool_choice")
    forced = value not in ("none", "auto")
    if forced and value != "required":
        _check_named(value, tools)
    if forced and family.refuses_forced and is_thinking(body, family):
        raise RefusedError(family.refuses_forced, "tool_choice")


def _check_named(value: Any, tools: list[Any]) -> None:
    function = value.get("function") if isinstance(value, dict) and value.get("type") == "function" else None
    if not isinstance(function, dict):
        raise RefusedError("Invalid tool_choice: expected none, auto, required or a function.", "tool_choice")
    offered = [_function_name(tool, "tools") for tool in tools]
    if function.get("name") not in offered:
        raise RefusedError(f"Tool choice '{function.get('name')}' not found in 'tools'.", "tool_choice")


def _check_top_logprobs(_: Any, body: Body, __: Family) -> None:
    if body.get("logprobs") is not True:
        raise RefusedError("top_logprobs needs logprobs = true", "top_logprobs")


_CHECKS: Mapping[str, Callable[[Any, Body, Family], None]] = {
    "n": _check_n,
    "stop": _check_stop,
    "stream_options": _check_stream_options,
    "user_id": _check_user_id,
    "thinking": _check_thinking,
    "reasoning_effort": _check_effort,
    "extra_body": _check_extra_body,
    "response_format": _check_response_format,
    "tools": _check_tools,
    "tool_choice": _check_tool_choice,
    "top_logprobs": _check_top_logprobs,
}
