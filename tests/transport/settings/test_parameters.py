"""The fields of a model: their ranges, as a field and for one call, their other names, and names that nobody knows."""

import pytest
from pydantic import ValidationError

from anyfast_transport import Call, ChatParameters, UnsupportedParameterError

PLAIN = "gpt-5-4"

RANGES = {
    "temperature": ([0, 2], [-0.01, 2.01]),
    "top_p": ([0, 1], [-0.01, 1.01]),
    "frequency_penalty": ([-2, 2], [-2.01, 2.01]),
    "presence_penalty": ([-2, 2], [-2.01, 2.01]),
    "n": ([2, 8], [0, -1, 1.5]),
    "max_tokens": ([1, 4096], [0, -1, 1.5, "many"]),
    "top_logprobs": ([0, 20], [-1, 21]),
    "user_id": (["a", "A-b_9", "x" * 512], ["", "x" * 513, "a b", "a@b", "ü", "a\n"]),
    "reasoning_effort": (["none", "minimal", "low", "medium", "high", "xhigh", "max"], ["", "ultra", "HIGH"]),
    "thinking": ([True, False], ["perhaps", 2]),
    "reasoning_replay": (["auto", "always", "never"], ["sometimes"]),
    "on_empty": (["warn", "raise", "keep"], ["cry"]),
    "response_format": ([{"type": "json_object"}], ["json_object"]),
    "stop": (["x", ["x"]], [3, [3]]),
    "extra_body": ([{}, {"a": 1}], ["a", [1]]),
    "model": (["any-id"], [""]),
}
INSIDE = [(name, value) for name, (inside, _) in RANGES.items() for value in inside]
OUTSIDE = [(name, value) for name, (_, outside) in RANGES.items() for value in outside]


@pytest.mark.parametrize(("name", "value"), INSIDE)
def test_inside_its_range_a_value_is_taken(name, value):
    kept = [value] if name == "stop" and isinstance(value, str) else value
    assert getattr(ChatParameters(**{"model": PLAIN, name: value}), name) == kept
    assert Call.of(ChatParameters(model=PLAIN), {name: value}).values[name] == kept


@pytest.mark.parametrize(("name", "value"), OUTSIDE)
def test_outside_its_range_a_value_is_refused_before_anything_is_sent(name, value):
    with pytest.raises(ValidationError, match=name):
        ChatParameters(**{"model": PLAIN, name: value})
    with pytest.raises(UnsupportedParameterError, match=name) as caught:
        Call.of(ChatParameters(model=PLAIN), {name: value})
    assert caught.value.parameter == name


@pytest.mark.parametrize(
    ("alias", "field", "value"),
    [
        ("model_name", "model", "other"),
        ("max_completion_tokens", "max_tokens", 5),
        ("stop_sequences", "stop", ["x"]),
    ],
)
def test_the_other_names_of_a_field(alias, field, value):
    given = {"model": PLAIN, alias: value} if field != "model" else {alias: value}
    assert getattr(ChatParameters(**given), field) == value
    assert Call.of(ChatParameters(model=PLAIN), {alias: value}).values[field] == value


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("temprature", "temperature"),
        ("max_token", "max_tokens"),
        ("reasoning_efort", "reasoning_effort"),
        ("stops", "stop"),
        ("userid", "user_id"),
    ],
)
def test_an_unknown_argument_is_an_error_that_names_the_nearest(wrong, nearest):
    with pytest.raises(UnsupportedParameterError, match=f"{nearest}.*extra_body") as caught:
        Call.of(ChatParameters(model=PLAIN), {wrong: 1})
    assert caught.value.parameter == wrong
    with pytest.raises(TypeError, match=f"{nearest}.*extra_body"):
        ChatParameters(model=PLAIN, **{wrong: 1})


def test_an_argument_like_nothing_known_is_an_error_too():
    with pytest.raises(UnsupportedParameterError, match="unknown argument 'zzzz'"):
        Call.of(ChatParameters(model=PLAIN), {"zzzz": 1})
