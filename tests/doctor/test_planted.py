"""Against a gateway as documented every line works; each planted difference is noticed, and no other."""

import pytest

from anyfast_doctor.findings import MENDED
from anyfast_emulator.temperaments import temperament

D, Q, B, G, G3 = (
    "deepseek-v4-flash",
    "qwen3.6-flash",
    "doubao-seed-evolving",
    "gemini-2.5-flash",
    "gemini-3-flash-preview",
)


NEW = ["deepseek-r1", "qwen3-max-thinking", "glm-4.7", "glm-5.3", "kimi-k3", "MiniMax-M3", "gemini-3.5-flash"]


@pytest.mark.parametrize("model", [D, "deepseek-v4-pro", Q, B, G, G3, "gemini-2.0-flash", "kimi-k2.6", "glm-5.2", *NEW])
def test_as_documented_every_line_works(desk, model):
    assert desk().noticed(model) == {}


ON, OFF = {"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}
PRO = "deepseek-v4-pro"
DROPPED = {"frequency_penalty", "presence_penalty"}

# model, what is planted, the one line that notices it, facts for the profile file
MENDED_BY_THE_FILE = [
    (D, {"effort_read": "top"}, "effort", {"effort_path": "reasoning_effort", "second_effort_path": None}),
    (Q, {"greedy": True}, "temperature", {"top_p": {True: 0.95, False: 0.8}}),
    (D, {"thinks": False}, "thinking_unsaid", {"thinks_by_default": False}),
    (D, {"switch_off": "refused"}, "thinking_off", {"thinking": {True: ON}}),
    (D, {"switch_off": "ignored"}, "thinking_off", {"thinking": {True: ON}}),
    (
        Q,
        {"switch_on": "refused"},
        "thinking_on",
        {"thinking": {False: {"enable_thinking": False}, None: {"enable_thinking": False}}},
    ),
    (
        Q,
        {"switch_on": "ignored"},
        "thinking_on",
        {"thinking": {False: {"enable_thinking": False}, None: {"enable_thinking": False}}},
    ),
    (B, {"reasoning_required": True}, "reasoning_back", {"reasoning_replay": "always", "reasoning_placeholder": " "}),
    (D, {"placeholders": frozenset({""})}, "reasoning_back", {"reasoning_placeholder": ""}),
    (D, {"forced_choice": "works"}, "forced_tool", {"forces_tools_while_thinking": True}),
    (B, {"forced_choice": "refused"}, "forced_tool", {"forces_tools_while_thinking": False}),
    (B, {"forced_choice": "ignored"}, "forced_tool", {"forces_tools_while_thinking": False}),
    (D, {"json_object": "refused"}, "json_object", {"json_object": "never"}),
    (D, {"json_object": "ignored"}, "json_object", {"json_object": "never"}),
    (Q, {"json_object": "works"}, "json_object", {"json_object": "always"}),
    (D, {"json_schema": "works"}, "json_schema", {"json_schema": True}),
    (G, {"json_schema": "refused"}, "json_schema", {"json_schema": False}),
    (G, {"json_schema": "ignored"}, "json_schema", {"json_schema": False}),
    (D, {"prefix": "refused"}, "prefix", {"takes_prefix": False}),
    (D, {"prefix": "ignored"}, "prefix", {"takes_prefix": False}),
    (Q, {"stop": "refused"}, "stop", {"refuses": {"stop": "it refuses stop sequences"}}),
    (D, {"stop": "ignored"}, "stop", {"ignores": DROPPED | {"stop"}}),
    (G, {"n": "refused"}, "n", {"refuses": {"n": "it refuses n above 1"}}),
    (G, {"n": "ignored"}, "n", {"ignores": {"n"}}),
    (D, {"n": "works"}, "n", {"refuses": {}}),
    (D, {"length": "max_completion_tokens"}, "length", {"length_parameter": "max_completion_tokens"}),
    (Q, {"length": "max_tokens"}, "length", {"length_parameter": "max_tokens"}),
    (Q, {"images": "refused"}, "image", {"parts": {"text", "video_url"}}),
    (Q, {"images": "ignored"}, "image", {"parts": {"text", "video_url"}}),
    (D, {"images": "ignored"}, "image", {"parts": {"text"}}),
    (PRO, {"images": "works"}, "image", {"parts": {"text", "image_url"}, "flattens_text": False}),
    (B, {"videos": "refused"}, "video", {"parts": {"text", "image_url"}}),
    (B, {"videos": "ignored"}, "video", {"parts": {"text", "image_url"}}),
    # OpenAI's own rule, which an unknown model's row does not have: a refusal teaches it.
    ("gpt-4o", {}, "json_word", {"json_needs_the_word": True}),
]


@pytest.mark.parametrize(("model", "planted", "line", "facts"), MENDED_BY_THE_FILE)
def test_a_difference_that_a_row_can_say_is_noticed_and_mended(desk, model, planted, line, facts):
    found = desk(**planted).noticed(model)
    assert {name: (finding.status, dict(finding.facts)) for name, finding in found.items()} == {
        line: ("differs", facts)
    }
    assert found[line].remedy == MENDED or "The profile file makes" in found[line].remedy
    assert desk(**planted).noticed(model, facts, only=line) == {}


def test_switching_off_that_is_refused_is_found_to_be_the_default(desk):
    facts = {"thinking": {True: {"enable_thinking": True}, False: {}}}
    assert set(desk(switch_off="refused").noticed(Q)) == {"thinking_unsaid", "thinking_off"}
    assert desk(switch_off="refused").noticed(Q)["thinking_off"].facts == facts
    assert desk(switch_off="refused").noticed(Q, facts) == {}


# model, what is planted, the one line that notices it, and a word of its remedy
BEYOND_ROWS = [
    (D, {"effort_read": "none"}, "effort", "thinking=False"),
    (D, {"reasoning_field": "stripped"}, "thinking_on", "agents get worse"),
    (D, {"placeholders": frozenset()}, "reasoning_back", "one model"),
    (D, {"reasoning_reaches": False}, "reasoning_arrives", "support"),
    (Q, {"reasoning_reaches": False}, "reasoning_arrives", "support"),
    (D, {"parallel_calls": False}, "parallel_tools", "one call for each step"),
    (D, {"strict_tools": "refused"}, "strict_tool", "Leave strict unset"),
    (D, {"strict_tools": "ignored"}, "strict_tool", "Validate"),
    (D, {"stream_usage": "never"}, "stream", "without streaming"),
    (D, {"finish_needs_usage": True}, "stream_end", "stream_usage=True"),
    (D, {"request_id_header": False}, "headers", "support"),
    (D, {"models_list": False}, "models", "--model"),
    (D, {"errors": "in_200"}, "errors", "tells it from an answer"),
    (D, {"errors": "empty"}, "errors", "several times"),
    (D, {"errors": "html"}, "errors", "several times"),
    (D, {"embeddings": "openai"}, "embeddings", 'embeddings_path="/v1/embeddings"'),
]


@pytest.mark.parametrize(("model", "planted", "line", "remedy"), BEYOND_ROWS)
def test_a_difference_that_no_row_can_say_is_noticed_with_its_remedy(desk, model, planted, line, remedy):
    found = desk(**planted).noticed(model)
    assert {name: finding.status for name, finding in found.items()} == {line: "does not work"}
    assert remedy in found[line].remedy
    assert found[line].facts == {}


# What the client reads either way, or always says: no difference, but told.
TOLD = [
    (Q, {"thinks": True}, "plain", "it thinks unless"),
    (D, {"reasoning_field": "reasoning"}, "thinking_on", "reasoning in reasoning,"),
    (D, {"reasoning_field": "think_tags"}, "thinking_on", "think tags"),
    (D, {"embeddings": "none"}, "embeddings", "none of doubao-embedding"),
    (D, {"embeddings": "both"}, "embeddings", "/api/v3/embeddings: vectors of 2048 numbers, /v1/embeddings: vectors"),
    (D, {"reasoning_required": False}, "reasoning_back", "missing reasoning is taken"),
    (D, {"placeholders": frozenset({"", " "})}, "reasoning_back", '"" is taken, " " is taken'),
    (D, {"forced_choice": "ignored"}, "forced_tool", "no call came while it thinks"),
    (G3, {}, "tools", "signatures shown"),
    (G3, {"signatures": False}, "tools", "signatures hidden"),
    (PRO, {"images": "ignored"}, "image", "dropped on the way; our row refuses it"),
    (D, {}, "image", "our row leaves it to the gateway"),
    (D, {"images": "works"}, "image", "seen"),
    (D, {"n": "ignored"}, "n", "answered once"),
    (D, {}, "stop", "matched_stop 'charlie'"),
    (D, {"matched_stop": False}, "stop", "no matched_stop"),
    (D, {"keep_alives": False}, "stream", "no keep-alive"),
    (D, {"unknown": "ignored"}, "errors", "unknown parameter: taken"),
    (D, {"errors": "string"}, "errors", "error is a text"),
    (D, {"errors": "flat"}, "errors", "no error object"),
    (D, {"errors": "google"}, "errors", "within a list"),
]


@pytest.mark.parametrize(("model", "planted", "line", "words"), TOLD)
def test_a_difference_that_does_no_harm_is_told_in_words(desk, model, planted, line, words):
    finding = desk(**planted).lines(model, only=line)[line]
    assert (finding.status, words in finding.words) == ("works", True)


KNOWN_KINDS = [
    ("deepseek", D, {"effort", "headers", "prefix", "strict_tool"}),
    ("sglang", D, {"effort"}),
    ("new-api", D, {"effort", "stream_end", "strict_tool"}),
    ("new-api", G3, {"strict_tool"}),
    ("google", G3, {"headers"}),
]


@pytest.mark.parametrize(("kind", "model", "lines"), KNOWN_KINDS)
def test_the_known_kinds_of_gateway(desk, kind, model, lines):
    assert set(desk(temperament(kind)).noticed(model)) == lines
