"""What is recorded: for each family the same behaviours, and the errors of the gateway."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field

from anyfast_emulator.answers import Failure, Scripted

JSON = dict[str, Any]


class City(BaseModel):
    """A city."""

    name: str = Field(description="The city's name")
    inhabitants: int = Field(description="How many people live there")


WEATHER: JSON = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
RESULT = "22 degrees, sunny"
"""What the tool answers, whatever the city."""


@dataclass(frozen=True)
class Scenario:
    """One cassette.

    Attributes:
        name: `<family>/<behaviour in words>`.
        model: The model.
        prompt: What the user says.
        fields: Fields of the model.
        tools: Tools offered; each call is answered with `RESULT` until the model answers in text.
        stream: Whether the answers are streamed.
        structured: Whether the answer is a `City`.
        scripted: What the emulator is told to answer; such a cassette cannot be recorded from the live gateway.
        key: The key, where it is not the recorder's.
    """

    name: str
    model: str
    prompt: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[JSON] = ()
    stream: bool = False
    structured: bool = False
    scripted: Sequence[Scripted] = ()
    key: str | None = None


_SUM = "What is the square of 12?"
_ONE_CITY = "What is the weather in Paris? Use the tool."
_THREE_CITIES = "What is the weather in Paris, Rome and Oslo? Call get_weather for each of them, in parallel."
_A_CITY = "Paris has 2100000 inhabitants."
_STORY = "Write a story about a cat."
"""The prompt of langchain-tests' `test_stream_time`, which replays `stream_time`."""

FAMILIES: Mapping[str, tuple[str, bool | None]] = {
    "deepseek": ("deepseek-v4-pro", True),
    "deepseek_without_thinking": ("deepseek-v4-flash", False),
    "qwen": ("qwen3.6-flash", True),
    "doubao": ("doubao-seed-evolving", True),
    "gemini": ("gemini-2.5-pro", True),
}
"""Folder → model, and whether it thinks."""

_BACK = {"deepseek": "reasoning_back", "gemini_3": "signatures_back"}
"""What a family wants to see again in a tool loop."""


def _of(family: str, model: str, thinking: bool | None) -> list[Scenario]:
    fields = {} if thinking is None else {"thinking": thinking}
    loop = f"tool_loop_sends_{_BACK[family]}" if family in _BACK else "tool_loop"
    return [
        Scenario(f"{family}/answer", model, _SUM, fields),
        Scenario(f"{family}/stream", model, _SUM, fields, stream=True),
        Scenario(f"{family}/{loop}", model, _ONE_CITY, fields, tools=[WEATHER]),
        Scenario(f"{family}/{loop}_streamed", model, _ONE_CITY, fields, tools=[WEATHER], stream=True),
        Scenario(f"{family}/parallel_tools_stream", model, _THREE_CITIES, fields, tools=[WEATHER], stream=True),
        Scenario(f"{family}/structured_output", model, _A_CITY, fields, structured=True),
        Scenario(f"{family}/length_cuts_the_answer", model, _SUM, {**fields, "max_tokens": 8}),
        Scenario(f"{family}/stream_time", model, _STORY, fields, stream=True),
    ]


_ERRORS = [
    Scenario("errors/wrong_key", "deepseek-v4-pro", "Hi", key="none"),
    Scenario("errors/unknown_model", "a-model-of-nobody", "Hi"),
    Scenario(
        "errors/no_credit_left",
        "qwen3.6-flash",
        "Hi",
        scripted=[Failure(403, "用户额度不足", code="insufficient_user_quota", type="new_api_error")],
    ),
    Scenario(
        "errors/rate_limit_without_a_body",
        "qwen3.6-flash",
        "Hi",
        {"max_retries": 0},
        scripted=[Failure(429, body="")],
    ),
    Scenario(
        "errors/overloaded_once_then_an_answer",
        "doubao-seed-evolving",
        "Hi",
        {"max_retries": 1},
        scripted=[Failure(503, "upstream overloaded", retry_after=0)],
    ),
    Scenario(
        "errors/stream_options_refused_then_an_answer",
        "gpt-4o",
        "Hi",
        {"max_retries": 0},
        stream=True,
        scripted=[Failure(400, "Unrecognized request argument supplied: stream_options", code="unknown_parameter")],
    ),
]

SCENARIOS: Sequence[Scenario] = [
    *(scenario for family, (model, thinking) in FAMILIES.items() for scenario in _of(family, model, thinking)),
    *_of("gemini_3", "gemini-3-pro-preview", None),
    *_ERRORS,
]
