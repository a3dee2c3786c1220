"""The same cassette through both frameworks, sync and async: what both deliver is what the cassette holds."""

import functools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from vcr.errors import CannotOverwriteExistingCassetteException

from anyfast_transport.request.learning import MEMORY
from cassettes.players import ASYNC_PLAYERS, PLAYERS, Delivered, Turn
from cassettes.record import record
from cassettes.scenarios import SCENARIOS, City, Scenario
from cassettes.tape import EMULATOR, FOLDER, LOADER, RECORDED_FROM, URL, deserialize, tape

# What is refused is learned, and what is sent otherwise than asked is told; both are the scenarios' business.
pytestmark = pytest.mark.filterwarnings("ignore::anyfast_transport.AnyfastWarning")

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
FRAMEWORKS = sorted(PLAYERS)
ERRORS = {
    "errors/wrong_key": ("AuthenticationError", 401, "invalid_api_key"),
    "errors/unknown_model": ("NotFoundError", 503, "model_not_found"),
    "errors/no_credit_left": ("QuotaExceededError", 403, "insufficient_user_quota"),
    "errors/rate_limit_without_a_body": ("RateLimitError", 429, None),
}


@pytest.fixture(autouse=True)
def nothing_learned() -> Iterator[None]:
    MEMORY.forget()
    yield
    MEMORY.forget()


@pytest.fixture(autouse=True)
def no_variables_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANYFAST_API_KEY", "ANYFAST_BASE_URL", "ANYFAST_API_BASE"):
        monkeypatch.delenv(name, raising=False)


# The delay before a retry is real; that of the one scenario with a retry is 0 by its retry-after.
WHERE = {"base_url": URL, "api_key": "none"}


def read(frame: dict[str, Any], turn: Turn) -> None:
    """Adds one chunk, or one whole answer, to a turn: the plainest reading that can be right."""
    for choice in frame.get("choices") or []:
        message = choice.get("delta") or choice.get("message") or {}
        turn.text += message.get("content") or ""
        turn.reasoning += message.get("reasoning_content") or ""
        for call in message.get("tool_calls") or []:
            if call.get("id"):
                turn.calls.append((call["id"], call["function"]["name"], ""))
            at = call.get("index", len(turn.calls) - 1)
            call_id, name, arguments = turn.calls[at]
            turn.calls[at] = call_id, name, arguments + (call["function"].get("arguments") or "")
    usage = frame.get("usage") or {}
    turn.input_tokens = usage.get("prompt_tokens", turn.input_tokens)
    turn.output_tokens = usage.get("completion_tokens", turn.output_tokens)


@functools.cache
def interactions(name: str) -> list[dict[str, Any]]:
    return yaml.load((FOLDER / f"{name}.yaml").read_text(), Loader=LOADER)["interactions"]  # noqa: S506  # a safe one


def kept_turns(name: str) -> list[Turn]:
    """The answers of a cassette, read without our decoder."""
    turns = []
    for interaction in interactions(name):
        response = interaction["response"]
        if response["status"] != 200:
            continue
        turn, body = Turn("", "", [], {}, None, None), response["body"]
        events = [] if isinstance(body, dict) else re.findall(r"^data: ({.*)$", body, re.MULTILINE)
        for frame in [json.loads(event) for event in events] or [body["json"]]:
            read(frame, turn)
        turn.calls = [(call_id, tool, json.loads(arguments)) for call_id, tool, arguments in turn.calls]
        turns.append(turn)
    return turns


def check(scenario: Scenario, delivered: Delivered) -> None:
    if scenario.name in ERRORS:
        assert delivered.error == ERRORS[scenario.name]
    elif scenario.structured:
        assert delivered.object == City(name="Paris", inhabitants=2_100_000)
    else:
        assert delivered.error is None
        facts = [(t.text, t.reasoning, t.calls, t.input_tokens, t.output_tokens) for t in delivered.turns]
        kept = kept_turns(scenario.name)
        assert facts == [(t.text, t.reasoning, t.calls, t.input_tokens, t.output_tokens) for t in kept]


@pytest.mark.parametrize("name", BY_NAME)
def test_both_frameworks_deliver_what_the_cassette_holds(name):
    delivered = []
    for framework in FRAMEWORKS:
        MEMORY.forget()
        with tape(name) as kept:
            delivered.append(PLAYERS[framework](BY_NAME[name], WHERE))
            assert kept.play_count
        check(BY_NAME[name], delivered[-1])
    assert delivered[0] == delivered[1], "the two differ in their metadata"


@pytest.mark.parametrize("name", BY_NAME)
async def test_both_frameworks_deliver_what_the_cassette_holds_async(name):
    delivered = []
    for framework in FRAMEWORKS:
        MEMORY.forget()
        with tape(name):
            delivered.append(await ASYNC_PLAYERS[framework](BY_NAME[name], WHERE))
        check(BY_NAME[name], delivered[-1])
    assert delivered[0] == delivered[1], "the two differ in their metadata"


def test_there_is_one_cassette_for_each_scenario_and_no_other():
    assert {str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.yaml")} == set(BY_NAME)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_cassette_holds_no_credential_and_says_where_it_comes_from(name):
    text = (FOLDER / f"{name}.yaml").read_text()
    assert not re.search(r"authorization|bearer|sk-|api[-_]key:|cookie", text, re.IGNORECASE)
    assert text.startswith(f"{RECORDED_FROM}: ")
    assert all(one["request"]["headers"] == {} for one in deserialize(text)["interactions"])


@pytest.mark.parametrize("name", ["deepseek/tool_loop_sends_reasoning_back", "errors/overloaded_once_then_an_answer"])
def test_a_new_recording_from_the_emulator_is_the_same_file(name, tmp_path, monkeypatch):
    kept = (FOLDER / f"{name}.yaml").read_text()
    if not kept.startswith(f"{RECORDED_FROM}: {EMULATOR}"):
        pytest.skip("it was recorded from the live gateway")
    for module in ("cassettes.tape", "cassettes.record"):
        monkeypatch.setattr(f"{module}.FOLDER", tmp_path)
    assert record(BY_NAME[name])
    assert (tmp_path / f"{name}.yaml").read_text() == kept


def test_what_a_cassette_does_not_hold_is_not_asked():
    other = Scenario("deepseek/answer", "deepseek-v4-pro", "Something else")
    with tape(other.name) as kept, pytest.raises(CannotOverwriteExistingCassetteException):
        PLAYERS["langchain"](other, WHERE)
    assert kept.play_count == 0


# What the cassettes show of the wire.


def bodies(name: str) -> list[dict[str, Any]]:
    return [interaction["request"]["body"] for interaction in interactions(name)]


def test_deepseek_gets_its_reasoning_back_byte_for_byte():
    name = "deepseek/tool_loop_sends_reasoning_back_streamed"
    sent = bodies(name)[1]["messages"][1]
    assert sent["reasoning_content"] == kept_turns(name)[0].reasoning


def test_gemini_3_gets_its_signature_back_on_the_same_call():
    name = "gemini_3/tool_loop_sends_signatures_back"
    given = interactions(name)[0]["response"]["body"]["json"]
    (call,) = given["choices"][0]["message"]["tool_calls"]
    (back,) = bodies(name)[1]["messages"][1]["tool_calls"]
    assert back["extra_content"] == call["extra_content"]


@pytest.mark.parametrize("family", ["deepseek", "qwen", "doubao", "gemini", "gemini_3"])
def test_parallel_calls_come_apart(family):
    (turn, _) = kept_turns(f"{family}/parallel_tools_stream")
    assert [arguments for _, _, arguments in turn.calls] == [{"city": "Paris"}, {"city": "Rome"}, {"city": "Oslo"}]
