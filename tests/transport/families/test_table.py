"""Which model is of which family, and what each family's row makes of the two fields about thinking."""

import dataclasses
from typing import Any

import pytest

from anyfast_transport import Call, ChatParameters, UnsupportedParameterError, build_body, family_of
from anyfast_transport.families.table import FAMILIES, PLAIN

FAMILY_OF = {
    # The enums of the reference pages that this client is written for.
    "deepseek-v4-flash": "DeepSeek V4",
    "deepseek-v4-pro": "DeepSeek V4",
    "qwen3.6-flash": "Qwen 3.6",
    "doubao-seed-evolving": "Doubao Seed",
    "gemini-3.1-pro-preview": "Gemini 3",
    "gemini-3.1-flash-image-preview": "Gemini 3",
    "gemini-3.1-flash-lite-preview": "Gemini 3",
    "gemini-3-pro-preview": "Gemini 3",
    "gemini-3-pro-image-preview": "Gemini 3",
    "gemini-3-flash-preview": "Gemini 3",
    "gemini-2.5-pro": "Gemini 2.5",
    "gemini-2.5-flash": "Gemini 2.5",
    "gemini-2.5-flash-lite": "Gemini 2.5",
    "gemini-2.0-flash": "Gemini 2.0",
    # What its other pages name.
    "gemini-2.5-flash-all": "Gemini 2.5",
    "gemini-3-pro-image": "Gemini 3",
    "gemini-3.1-flash-image": "Gemini 3",
    "doubao-seed-2.1-pro": "Doubao Seed",
    "doubao-seed-2.1-turbo": "Doubao Seed",
    "doubao-seed-2.0-pro": "Doubao Seed",
    "doubao-seed-2.0-code": "Doubao Seed",
    "doubao-seed-2.0-lite": "Doubao Seed",
    "doubao-seed-2.0-mini": "Doubao Seed",
    "doubao-seed-1-8-251228": "Doubao Seed",
    "doubao-seed-1-6-251015": "Doubao Seed",
    "doubao-seed-1-6-lite-251015": "Doubao Seed",
    "doubao-seed-1-6-flash-250828": "Doubao Seed",
    "doubao-seed-1-6-vision-250815": "Doubao Seed",
    "kimi-k2.6": "Kimi",
    "glm-5.2": "GLM",
    "glm-4-7-251222": "GLM",
    "MiniMax-M2.7": "MiniMax",
    "grok-3": "Grok",
    "grok-4-1-fast-non-reasoning": "Grok",
    "qwen2-vl-72b-instruct": "Qwen 2 VL",
    "qwen3.5-397b-a17b": "Qwen 3",
    "qwen3-coder": "Qwen without thinking",
    "qwen3-coder-480b-a35b-instruct": "Qwen without thinking",
    "deepseek-v3": "DeepSeek V3",
    "deepseek-v3.2": "DeepSeek V3",
    "claude-sonnet-4-6": "OpenAI",
    "claude-sonnet-4-5-20250929": "OpenAI",
    "claude-opus-4-6": "OpenAI",
    "claude-haiku-4-5-20251001": "OpenAI",
    "gpt-5.5": "OpenAI",
    "gpt-5.2": "OpenAI",
    "gpt-5-4": "OpenAI",
    "gpt-5-3-codex": "OpenAI",
    "gpt-5": "OpenAI",
    "gpt-4o": "OpenAI",
    "gpt-4o-mini": "OpenAI",
    "gpt-4-1": "OpenAI",
    "gpt-4": "OpenAI",
    # Neighbours of a prefix: the longest one wins.
    "deepseek-v4-flash-vision": "DeepSeek V4 vision",
    "deepseek-v4-pro-vision": "DeepSeek V4 vision",
    "deepseek-chat": "DeepSeek V3",
    "deepseek-reasoner": "DeepSeek V4",
    "qwen3.6-plus": "Qwen 3.6",
    "qwen3-max": "Qwen 3",
    "qwen-plus": "Qwen 3",
    "qwen-turbo": "Qwen 3",
    "qwen-max": "Qwen 3",
    "qwen2.5-72b-instruct": "Qwen without thinking",
    # How an id may be written.
    "MiniMax/MiniMax-M2.7": "MiniMax",
    "deepseek-ai/DeepSeek-V4-Pro": "DeepSeek V4",
    "openrouter/google/gemini-2.5-pro": "Gemini 2.5",
    "Qwen3.6-Flash": "Qwen 3.6",
    "DOUBAO-SEED-EVOLVING": "Doubao Seed",
    # Nobody's: a name in the middle makes no family.
    "my-deepseek": "OpenAI",
    "deepseek/unheard-of": "OpenAI",
    "": "OpenAI",
    "a-model-of-next-year": "OpenAI",
}


@pytest.mark.parametrize(("model", "name"), FAMILY_OF.items())
def test_a_model_is_of_the_family_of_its_longest_prefix(model, name):
    assert family_of(model).name == name


def test_every_row_is_reached_by_some_model_of_the_table():
    assert {row.name for row in FAMILIES} | {PLAIN.name} == set(FAMILY_OF.values())


def test_no_prefix_is_claimed_twice_and_each_is_in_lower_case():
    prefixes = [prefix for row in FAMILIES for prefix in row.prefixes]
    assert len(prefixes) == len(set(prefixes))
    assert prefixes == [prefix.lower() for prefix in prefixes]


WINDOWS = {
    "deepseek-v4-flash": (1_000_000, 384_000),
    "deepseek-v4-flash-vision": (1_000_000, 384_000),
    "deepseek-chat": (128_000, None),
    "qwen3.6-flash": (1_000_000, 65_536),
    "qwen3-max": (None, None),
    "doubao-seed-evolving": (262_144, 262_144),
    "gemini-3-pro-preview": (1_048_576, 65_536),
    "gemini-2.5-pro": (1_048_576, 65_536),
    "gemini-2.0-flash": (1_048_576, 8_192),
    "kimi-k2.6": (262_144, None),
    "glm-5.2": (1_000_000, 131_072),
    "MiniMax-M2.7": (204_800, None),
    "gpt-4o": (None, None),
}


@pytest.mark.parametrize(("model", "expected"), WINDOWS.items())
def test_the_known_sizes_of_a_family(model, expected):
    assert (family_of(model).context_window, family_of(model).output_limit) == expected


def test_a_row_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        family_of("deepseek-v4-flash").max_output = 1


def fragment(model: str, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    """What the body says beside model and messages, and what the user is told."""
    told: list[str] = []
    call = Call.of(ChatParameters(model=model, **fields), {})
    body = build_body(call, [{"role": "user", "content": "Hi"}], warn=told.append)
    assert body.pop("model") == model
    assert body.pop("messages")[-1] == {"role": "user", "content": "Hi"}
    return body, told


ON, OFF = {"type": "enabled"}, {"type": "disabled"}
SHOWN = {"extra_body": {"google": {"thinking_config": {"include_thoughts": True}}}}

# (thinking, effort) → fragment, and how often the user is told that something was changed.
DEEPSEEK = {
    (None, None): ({}, 0),
    (True, None): ({"thinking": ON}, 0),
    (False, None): ({"thinking": OFF}, 0),
    (None, "minimal"): ({"thinking": {"reasoning_effort": "low"}}, 1),
    (None, "low"): ({"thinking": {"reasoning_effort": "low"}}, 0),
    (None, "medium"): ({"thinking": {"reasoning_effort": "medium"}}, 0),
    (None, "high"): ({"thinking": {"reasoning_effort": "high"}}, 0),
    (None, "max"): ({"thinking": {"reasoning_effort": "max"}}, 0),
    (True, "max"): ({"thinking": {"type": "enabled", "reasoning_effort": "max"}}, 0),
    (True, "minimal"): ({"thinking": {"type": "enabled", "reasoning_effort": "low"}}, 1),
    (False, "high"): ({"thinking": OFF}, 0),
}
QWEN = {
    (None, None): ({"enable_thinking": False}, 0),
    (True, None): ({"enable_thinking": True}, 0),
    (False, None): ({"enable_thinking": False}, 0),
    (True, "high"): ({"enable_thinking": True}, 1),
    (False, "high"): ({"enable_thinking": False}, 0),
}
DOUBAO = {
    (None, None): ({}, 0),
    (True, None): ({"thinking": ON}, 0),
    (False, None): ({"thinking": OFF}, 0),
    (None, "minimal"): ({"reasoning_effort": "minimal"}, 0),
    (None, "low"): ({"reasoning_effort": "low"}, 0),
    (None, "medium"): ({"reasoning_effort": "medium"}, 0),
    (None, "high"): ({"reasoning_effort": "high"}, 0),
    (None, "max"): ({"reasoning_effort": "high"}, 1),
    (True, "low"): ({"thinking": ON, "reasoning_effort": "low"}, 0),
    (False, "low"): ({"thinking": OFF}, 0),
}
GEMINI_3 = {
    (None, None): ({}, 0),
    (True, None): (SHOWN, 0),
    (False, None): ({"reasoning_effort": "low"}, 1),
    (None, "minimal"): ({"reasoning_effort": "low"}, 1),
    (None, "low"): ({"reasoning_effort": "low"}, 0),
    (None, "medium"): ({"reasoning_effort": "medium"}, 0),
    (None, "high"): ({"reasoning_effort": "high"}, 0),
    (None, "max"): ({"reasoning_effort": "high"}, 1),
    (True, "high"): ({**SHOWN, "reasoning_effort": "high"}, 0),
    (False, "high"): ({"reasoning_effort": "low"}, 1),
}
GEMINI_25 = {
    **GEMINI_3,
    (False, None): ({"reasoning_effort": "none"}, 0),
    (False, "high"): ({"reasoning_effort": "none"}, 0),
}
GLM = {
    (None, None): ({}, 0),
    (True, None): ({}, 0),
    (False, None): ({"reasoning_effort": "none"}, 0),
    (None, "minimal"): ({"reasoning_effort": "minimal"}, 0),
    (True, "max"): ({"reasoning_effort": "max"}, 0),
    (False, "max"): ({"reasoning_effort": "none"}, 0),
}
SPELLED = {
    "deepseek-v4-pro": DEEPSEEK,
    "deepseek-v4-flash-vision": DEEPSEEK,
    "deepseek-chat": {
        (None, None): ({}, 0),
        (True, None): ({"thinking": ON}, 0),
        (False, None): ({"thinking": OFF}, 0),
        (True, "high"): ({"thinking": {"type": "enabled", "reasoning_effort": "high"}}, 0),
        (None, "high"): ({}, 0),
    },
    "qwen3.6-flash": QWEN,
    "qwen3-max": QWEN,
    "qwen3-coder": {(None, None): ({}, 0), (False, None): ({}, 0)},
    "doubao-seed-evolving": DOUBAO,
    "gemini-3-pro-preview": GEMINI_3,
    "gemini-2.5-pro": GEMINI_25,
    "gemini-2.0-flash": {(None, None): ({}, 0), (False, None): ({}, 0), (None, "high"): ({}, 1)},
    "kimi-k2.6": {
        (None, None): ({}, 0),
        (True, None): ({"thinking": ON}, 0),
        (False, None): ({"thinking": OFF}, 0),
        (None, "high"): ({}, 1),
    },
    "glm-5.2": GLM,
    "MiniMax-M2.7": {(None, None): ({}, 0), (True, None): ({}, 0), (None, "high"): ({}, 1)},
    "grok-3": {(None, None): ({}, 0), (None, "high"): ({}, 1)},
    "gpt-5-4": {
        (None, None): ({}, 0),
        (None, "minimal"): ({"reasoning_effort": "minimal"}, 0),
        (None, "max"): ({"reasoning_effort": "max"}, 0),
    },
}
CELLS = [
    pytest.param(model, *cell, *expected, id="-".join(map(str, (model, *cell))))
    for model, cells in SPELLED.items()
    for cell, expected in cells.items()
]


@pytest.mark.parametrize(("model", "thinking", "effort", "expected", "times_told"), CELLS)
def test_thinking_and_effort_are_spelled_as_the_family_wants_it(model, thinking, effort, expected, times_told):
    body, told = fragment(model, thinking=thinking, reasoning_effort=effort)
    assert body == expected
    assert len(told) == times_told
    assert all(model in line for line in told)


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("gpt-5-4", True),
        ("gpt-5-4", False),
        ("grok-3", True),
        ("grok-3", False),
        ("qwen3-coder", True),
        ("gemini-2.0-flash", True),
        ("MiniMax-M2.7", False),
    ],
)
def test_a_switch_that_nobody_documents_is_an_error_that_names_extra_body(model, thinking):
    with pytest.raises(UnsupportedParameterError, match="extra_body") as caught:
        fragment(model, thinking=thinking)
    assert (caught.value.parameter, caught.value.model) == ("thinking", model)
    assert model in caught.value.message


@pytest.mark.parametrize("model", ["gpt-5-4", "grok-3", "MiniMax-M2.7"])
def test_the_way_out_that_the_error_names_works(model):
    body, told = fragment(model, extra_body={"thinking": {"budget_tokens": 2000}})
    assert body == {"thinking": {"budget_tokens": 2000}}
    assert told == []


THINKS = [
    ("deepseek-v4-pro", {}, True),
    ("deepseek-v4-pro", {"thinking": True}, True),
    ("deepseek-v4-pro", {"thinking": False}, False),
    ("deepseek-v4-pro", {"extra_body": {"thinking": {"type": "disabled"}}}, False),
    ("deepseek-v4-pro", {"thinking": False, "extra_body": {"thinking": {"type": "enabled"}}}, True),
    ("deepseek-chat", {}, False),
    ("deepseek-chat", {"thinking": True}, True),
    ("qwen3.6-flash", {}, False),
    ("qwen3.6-flash", {"thinking": True}, True),
    ("qwen3.6-flash", {"extra_body": {"enable_thinking": True}}, True),
    ("doubao-seed-evolving", {}, True),
    ("doubao-seed-evolving", {"reasoning_effort": "minimal"}, False),
    ("doubao-seed-evolving", {"reasoning_effort": "low"}, True),
    ("doubao-seed-evolving", {"thinking": False}, False),
    ("gemini-3-pro-preview", {}, True),
    ("gemini-3-pro-preview", {"thinking": False}, True),
    ("gemini-2.5-pro", {}, True),
    ("gemini-2.5-pro", {"thinking": False}, False),
    ("gemini-2.0-flash", {}, False),
    ("kimi-k2.6", {}, True),
    ("kimi-k2.6", {"thinking": False}, False),
    ("glm-5.2", {}, True),
    ("glm-5.2", {"reasoning_effort": "minimal"}, False),
    ("glm-5.2", {"thinking": False}, False),
    ("MiniMax-M2.7", {}, True),
    ("grok-3", {}, False),
    ("gpt-5-4", {}, False),
]


@pytest.mark.parametrize(("model", "fields", "expected"), THINKS)
def test_whether_a_call_thinks_is_read_from_what_it_will_say(model, fields, expected):
    assert Call.of(ChatParameters(model=model, **fields), {}).thinking is expected
