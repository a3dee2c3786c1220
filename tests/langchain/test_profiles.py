"""What LangChain knows of a model without asking it: its profile, and how long a conversation is."""

import json
import os
from pathlib import Path

import pytest
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool

from anyfast_transport.families.token_estimate import prompt_tokens

PROFILES = {
    # What the pages and guides say of each model: window, longest answer, efforts, and what it takes beside text.
    "deepseek-v4-pro": (1_000_000, 384_000, ["low", "medium", "high", "max"], ""),
    "deepseek-v4-flash": (1_000_000, 384_000, ["low", "medium", "high", "max"], "image image_url image_tool"),
    "gemini-3.5-flash": (
        1_048_576,
        65_536,
        ["minimal", "low", "medium", "high"],
        "image image_url image_tool video audio pdf pdf_tool",
    ),
    "glm-5.3": (1_048_576, 131_072, ["low", "high", "max"], ""),
    "kimi-k3": (1_048_576, 1_048_576, ["low", "high", "max"], "image image_url image_tool video"),
    "qwen3.6-flash": (1_000_000, 65_536, None, "image image_url image_tool video"),
    "doubao-seed-evolving": (
        262_144,
        262_144,
        ["minimal", "low", "medium", "high"],
        "image image_url image_tool video",
    ),
    "gemini-2.5-pro": (
        1_048_576,
        65_536,
        ["low", "medium", "high"],
        "image image_url image_tool video audio pdf pdf_tool",
    ),
    "gemini-3-pro-preview": (
        1_048_576,
        65_536,
        ["low", "medium", "high"],
        "image image_url image_tool video audio pdf pdf_tool",
    ),
    "glm-5.2": (1_000_000, 131_072, ["minimal", "low", "medium", "high", "xhigh", "max"], ""),
    "kimi-k2.6": (262_144, None, None, "image image_url image_tool video"),
}
INPUTS = {"image", "image_url", "image_tool", "video", "audio", "pdf", "pdf_tool"}


@pytest.mark.parametrize(("model", "said"), PROFILES.items())
def test_the_profile_of_a_documented_model(chat, model, said):
    window, longest, efforts, takes = said
    profile = chat(model).profile
    assert profile["max_input_tokens"] == window
    assert profile.get("max_output_tokens") == longest
    assert profile.get("reasoning_effort_levels") == efforts
    keys = {name: f"{name}_message" if name.endswith("_tool") else f"{name}_inputs" for name in INPUTS}
    assert {name for name, key in keys.items() if profile[key]} == set(takes.split())
    assert profile["reasoning_output"] is True
    # create_agent sends a schema to models that say so, and a tool to all others.
    assert profile["structured_output"] is model.startswith("gemini")
    assert profile.keys() <= ModelProfile.__annotations__.keys()


def test_a_profile_says_the_default_effort_where_later_system_messages_go_and_whether_pictures_are_made(chat):
    said = {model: chat(model).profile for model in ("glm-5.3", "qwen3.6-flash", "gemini-3-pro-image")}
    assert said["glm-5.3"]["reasoning_effort_default"] == "max"
    assert "reasoning_effort_default" not in said["qwen3.6-flash"]
    assert said["glm-5.3"]["mid_conversation_system_messages"] is True
    assert said["qwen3.6-flash"]["mid_conversation_system_messages"] is False
    assert {model: profile["image_outputs"] for model, profile in said.items()} == {
        "glm-5.3": False,
        "qwen3.6-flash": False,
        "gemini-3-pro-image": True,
    }
    assert "tool_calling" not in said["gemini-3-pro-image"]
    assert (said["glm-5.3"]["attachment"], said["qwen3.6-flash"]["attachment"]) == (False, True)


def test_of_what_a_row_does_not_know_a_profile_says_nothing(chat):
    profile = chat("qwen4-max").profile
    assert not profile.keys() & {"max_input_tokens", "max_output_tokens", "image_inputs", "attachment"}
    assert (profile["reasoning_output"], profile["reasoning_effort_levels"]) == (True, ["low", "medium", "xhigh"])


def test_a_model_that_no_row_knows_has_an_empty_profile(chat):
    assert chat("some-model-of-tomorrow").profile == {}


def test_a_user_knows_better(chat):
    assert chat(profile={"max_input_tokens": 9}).profile == {"max_input_tokens": 9}


# How long a conversation is ------------------------------------------------------------------------------------------


@tool
def weather(city: str) -> str:
    """Tells the weather in a city."""
    return city


def test_everything_that_is_sent_counts(chat):
    llm, question = chat(), HumanMessage("What is the weather in Paris?")
    call = AIMessage("", tool_calls=[{"name": "weather", "args": {"city": "Paris"}, "id": "1"}])
    thinking = AIMessage(**{**call.model_dump(), "additional_kwargs": {"reasoning_content": "To the tool, then."}})
    growing = [
        [question],
        [SystemMessage("Be brief."), question],
        [SystemMessage("Be brief."), question, call],
        [SystemMessage("Be brief."), question, thinking],
        [SystemMessage("Be brief."), question, thinking, ToolMessage("sunny", tool_call_id="1")],
    ]
    counts = [llm.get_num_tokens_from_messages(messages) for messages in growing]
    assert counts == sorted(set(counts))
    assert llm.get_num_tokens_from_messages(growing[0], [weather]) > counts[0] + 30
    picture = HumanMessage([{"type": "image", "url": "https://example.com/a.png"}])
    assert 200 < chat("qwen3.6-flash").get_num_tokens_from_messages([picture]) < 2000
    assert llm.get_num_tokens("") == 0
    assert chat(custom_get_token_ids=lambda text: list(range(len(text)))).get_num_tokens("abc") == 3


CAPTURES = Path(os.environ.get("ANYFAST_CAPTURES") or Path(__file__).resolve().parents[3] / "shared" / "captures")
UNLIKE = {
    # Recorded exchanges whose usage counts what the request does not show.
    "ds-v4flash-json-object": "JSON mode adds words of its own",
    "ds-v4flash-tool-choice-named": "of two tools only the named one is put into the prompt",
    "doubao-character-temperature": "a model for role play, with a template of its own",
    "doubao-character-text": "as above",
    "gemini25flash-openrouter-video-usage": "a video of one second; how long it is cannot be seen",
}
FAMILIES = ("deepseek-v4-flash", "qwen-turbo", "qwen-plus", "doubao-seed", "gemini-2.5-pro", "glm-4.7")


def recorded():
    for path in sorted(CAPTURES.glob("*/*.json")):
        capture = json.loads(path.read_text())
        said = CAPTURES / "expected" / f"{capture.get('name')}.json"
        request = capture.get("request")
        if not isinstance(request, dict) or not said.exists():
            continue
        body = request.get("body", request)
        usage = json.loads(said.read_text()).get("usage") or {}
        model = str(body.get("model") or "").rpartition("/")[2]
        if model.startswith(FAMILIES) and usage.get("input") and capture["name"] not in UNLIKE:
            yield pytest.param(body, usage["input"], id=capture["name"])


@pytest.mark.skipif(not CAPTURES.exists(), reason="the recordings are no part of the project")
@pytest.mark.parametrize(("body", "counted"), list(recorded()))
def test_the_estimate_is_within_15_percent_of_what_was_counted(body, counted):
    thinking = body.get("thinking")
    effort = body.get("reasoning_effort") or (thinking.get("reasoning_effort") if isinstance(thinking, dict) else None)
    estimate = prompt_tokens(body["model"], body["messages"], body.get("tools") or (), effort=effort)
    assert abs(estimate - counted) <= max(0.15 * counted, 5)
