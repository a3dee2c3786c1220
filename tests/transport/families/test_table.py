"""Which model is of which family, and what each family's row makes of the two fields about thinking."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from anyfast_transport import Call, ChatParameters, UnsupportedParameterError, build_body, family_of
from anyfast_transport.families.table import FAMILIES, PLAIN

IDS = Path(__file__).parents[2] / "families" / "ids.csv"


def must_be(row: dict[str, str]) -> dict[str, Any]:
    """What the list says of an id."""
    return {
        "family": row["family"],
        "thinks": row["thinks"] == "yes",
        "off": row["off"],
        "effort": row["effort"],
        "images": row["images"],
        "context": int(row["context"]) if row["context"] else None,
        "output": int(row["output"]) if row["output"] else None,
    }


def is_(model: str) -> dict[str, Any]:
    """What our rows make of an id."""
    row = family_of(model)
    off = "no" if False not in row.thinking else "lowest level" if row.thinking_off_is_weaker else "yes"
    sees = row.inputs if row.parts is None else row.parts
    return {
        "family": row.name,
        "thinks": row.thinks_by_default,
        "off": off,
        "effort": " ".join(row.effort_levels) or ("any" if row.effort_path else ""),
        "images": "unknown" if sees is None else "yes" if "image_url" in sees else "no",
        "context": row.context_window,
        "output": row.output_limit,
    }


def listed() -> list[dict[str, str]]:
    """The list of real ids, and of some that are made up."""
    with IDS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_id_of_the_list_is_what_it_must_be():
    found = {row["id"]: is_(row["id"]) for row in listed()}
    assert found == {row["id"]: must_be(row) for row in listed()}
    assert len(found) >= 250


def test_every_row_is_reached_by_some_id_of_the_list():
    assert {row.name for row in (*FAMILIES, PLAIN)} == {row["family"] for row in listed()}


def test_no_pattern_and_no_name_is_claimed_twice_and_each_pattern_is_in_lower_case():
    patterns = [pattern for row in FAMILIES for pattern in row.ids]
    assert len(patterns) == len(set(patterns))
    assert patterns == [pattern.lower() for pattern in patterns]
    names = [row.name for row in (*FAMILIES, PLAIN)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "model",
    ["{}", "vendor/{}", "a/b/{}", "zai-org:{}", "coding-{}", "alicloud-{}", "{}:free", "{}-20251231"],
)
def test_what_aggregators_add_to_an_id_changes_no_family(model):
    for plain in ("glm-5.3", "deepseek-v4-pro", "qwen3-max-thinking", "kimi-k3", "doubao-seed-2.1-pro", "minimax-m3"):
        assert family_of(model.format(plain)) is family_of(plain)
        assert family_of(model.format(plain).upper()) is family_of(plain)


@pytest.mark.parametrize(
    ("model", "plain"),
    [
        ("glm-4-7", "glm-4.7"),
        ("glm-5p3-flash", "glm-5.3-flash"),
        ("doubao-seed-1-6-vision-250815", "doubao-seed-1.6-vision"),
        ("deepseek-v4-1-flash", "deepseek-v4.1-flash"),
        ("qwen3-8b", "qwen3-14b"),
        ("gemini-2-5-flash-image", "gemini-2.5-flash-image"),
    ],
)
def test_a_version_may_be_spelled_with_a_dash_or_a_p(model, plain):
    assert family_of(model) is family_of(plain)


WINDOWS = {
    "deepseek-v4-flash": (1_000_000, 384_000),
    "deepseek-v4-flash-vision": (1_000_000, 384_000),
    "deepseek-chat": (128_000, None),
    "qwen3.6-flash": (1_000_000, 65_536),
    "qwen3-max": (262_144, 65_536),
    "doubao-seed-evolving": (262_144, 262_144),
    "gemini-3-pro-preview": (1_048_576, 65_536),
    "gemini-2.5-pro": (1_048_576, 65_536),
    "gemini-2.0-flash": (1_048_576, 8_192),
    "kimi-k2.6": (262_144, None),
    "glm-5.2": (1_000_000, 131_072),
    "MiniMax-M2.7": (204_800, 131_072),
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


def effort(level: str, **switch: str) -> dict[str, Any]:
    """DeepSeek's effort, in both places."""
    return {"thinking": {**switch, "reasoning_effort": level}, "reasoning_effort": level}


# (thinking, effort) → fragment, and how often the user is told that something was changed.
DEEPSEEK = {
    (None, None): ({}, 0),
    (True, None): ({"thinking": ON}, 0),
    (False, None): ({"thinking": OFF}, 0),
    (None, "minimal"): (effort("low"), 1),
    (None, "low"): (effort("low"), 0),
    (None, "medium"): (effort("medium"), 0),
    (None, "high"): (effort("high"), 0),
    (None, "xhigh"): (effort("high"), 1),
    (None, "max"): (effort("max"), 0),
    (None, "none"): ({"thinking": OFF}, 0),
    (True, "none"): ({"thinking": OFF}, 1),
    (True, "max"): (effort("max", type="enabled"), 0),
    (True, "minimal"): (effort("low", type="enabled"), 1),
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
    (True, None): ({"thinking": ON}, 0),
    (False, None): ({"thinking": OFF}, 0),
    (None, "minimal"): ({"reasoning_effort": "minimal"}, 0),
    (None, "none"): ({"thinking": OFF}, 0),
    (True, "max"): ({"thinking": ON, "reasoning_effort": "max"}, 0),
    (False, "max"): ({"thinking": OFF}, 0),
}
LOW_HIGH_MAX = {
    (None, None): ({}, 0),
    (True, None): ({}, 0),
    (False, None): ({"reasoning_effort": "low"}, 1),
    (None, "none"): ({"reasoning_effort": "low"}, 1),
    (None, "medium"): ({"reasoning_effort": "low"}, 1),
    (None, "max"): ({"reasoning_effort": "max"}, 0),
    (True, "xhigh"): ({"reasoning_effort": "high"}, 1),
}
SPELLED = {
    "deepseek-v4-pro": DEEPSEEK,
    "deepseek-v4-flash-vision": DEEPSEEK,
    "deepseek-chat": {
        (None, None): ({}, 0),
        (True, None): ({"thinking": ON}, 0),
        (False, None): ({"thinking": OFF}, 0),
        (True, "high"): (effort("high", type="enabled"), 0),
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
    "glm-4.7": {
        (None, None): ({}, 0),
        (True, None): ({"thinking": ON}, 0),
        (False, None): ({"thinking": OFF}, 0),
        (None, "high"): ({}, 1),
    },
    "glm-5.3": LOW_HIGH_MAX,
    "glm-6": LOW_HIGH_MAX,
    "kimi-k3": LOW_HIGH_MAX,
    "kimi-k2.7-code": {(None, None): ({}, 0), (True, None): ({}, 0), (None, "high"): ({}, 1)},
    "deepseek-r1": {(None, None): ({}, 0), (True, None): ({}, 0), (None, "high"): ({}, 1)},
    "qwen3-max-thinking": {
        (None, None): ({}, 0),
        (True, None): ({"enable_thinking": True}, 0),
        (None, "high"): ({}, 1),
    },
    "qwen3.8-max": {
        (None, None): ({"enable_thinking": False}, 0),
        (False, "low"): ({"enable_thinking": False}, 0),
        (True, "high"): ({"enable_thinking": True, "reasoning_effort": "medium"}, 1),
        (None, "xhigh"): ({"enable_thinking": True, "reasoning_effort": "xhigh"}, 0),
    },
    "qwen4-max": {(True, None): ({"enable_thinking": True}, 0), (False, None): ({"enable_thinking": False}, 0)},
    "doubao-seed-3": {(True, None): ({"thinking": ON}, 0), (False, None): ({"thinking": OFF}, 0)},
    "gemini-3.5-flash": {
        (None, None): ({}, 0),
        (False, None): ({"reasoning_effort": "minimal"}, 1),
        (None, "minimal"): ({"reasoning_effort": "minimal"}, 0),
    },
    "gemini-2.5-flash-image": {(None, None): ({}, 0), (False, None): ({}, 0), (None, "high"): ({}, 1)},
    "MiniMax-M3": {
        (None, None): ({}, 0),
        (True, None): ({"thinking": {"type": "adaptive"}}, 0),
        (False, None): ({"thinking": OFF}, 0),
    },
    "grok-4.3": {
        (None, None): ({}, 0),
        (False, None): ({"reasoning_effort": "none"}, 0),
        (None, "high"): ({"reasoning_effort": "high"}, 0),
    },
    "grok-4.5": {(False, None): ({"reasoning_effort": "low"}, 1), (None, "none"): ({"reasoning_effort": "low"}, 1)},
    "MiniMax-M2.7": {(None, None): ({}, 0), (True, None): ({}, 0), (None, "high"): ({}, 1)},
    "grok-3": {(None, None): ({}, 0), (None, "high"): ({}, 1)},
    "gpt-5-4": {
        (None, None): ({}, 0),
        (None, "minimal"): ({"reasoning_effort": "minimal"}, 0),
        (None, "max"): ({"reasoning_effort": "max"}, 0),
        (None, "none"): ({"reasoning_effort": "none"}, 0),
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
        ("gemini-2.5-flash-image", True),
        ("MiniMax-M2.7", False),
        ("kimi-k2.7-code", False),
        ("qwen3-235b-a22b-thinking-2507", False),
        ("deepseek-reasoner", False),
        ("grok-4", False),
    ],
)
def test_a_switch_that_nobody_documents_is_an_error_that_names_extra_body(model, thinking):
    with pytest.raises(UnsupportedParameterError, match="extra_body") as caught:
        fragment(model, thinking=thinking)
    assert (caught.value.parameter, caught.value.model) == ("thinking", model)
    assert model in caught.value.message


@pytest.mark.parametrize(
    ("fields", "call", "expected"),
    [
        ({"thinking": True}, {"reasoning_effort": "none"}, {"thinking": OFF}),
        ({"reasoning_effort": "none"}, {"thinking": True}, {"thinking": ON}),
        ({"reasoning_effort": "none"}, {"reasoning_effort": "max"}, effort("max")),
        ({"thinking": True, "reasoning_effort": "max"}, {"reasoning_effort": "none"}, {"thinking": OFF}),
    ],
)
def test_of_a_switch_and_no_effort_at_all_the_calls_wins_over_the_field(fields, call, expected):
    told: list[str] = []
    model = ChatParameters(model="deepseek-v4-pro", **fields)
    body = build_body(Call.of(model, call), [{"role": "user", "content": "Hi"}], warn=told.append)
    assert {name: body[name] for name in body.keys() - {"model", "messages"}} == expected
    assert told == []


@pytest.mark.parametrize("model", ["kimi-k2.7-code", "qwen3.8-max-preview"])
def test_no_effort_at_all_is_an_error_where_thinking_cannot_stop_and_has_no_levels(model):
    with pytest.raises(UnsupportedParameterError, match="always thinks, and has no lower level") as caught:
        fragment(model, reasoning_effort="none")
    assert (caught.value.parameter, caught.value.model) == ("reasoning_effort", model)


@pytest.mark.parametrize("model", ["gpt-5.2", "openai/gpt-5.5"])
def test_a_model_of_the_responses_api_alone_is_an_error_that_says_so(model):
    with pytest.raises(UnsupportedParameterError, match="Responses API alone") as caught:
        fragment(model)
    assert (caught.value.parameter, caught.value.model) == ("model", model)


@pytest.mark.parametrize("fields", [{"temperature": 1.5}, {"top_p": 0.001}])
def test_a_range_that_one_page_narrows_is_that_models_alone(fields):
    (name,) = fields
    with pytest.raises(UnsupportedParameterError, match=f"{name}=.* glm-5.2") as caught:
        fragment("glm-5.2", **fields)
    assert caught.value.parameter == name
    assert fragment("glm-4.7", **fields) == (fields, [])


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
