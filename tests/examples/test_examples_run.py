"""The examples, run as a newcomer runs them, in this process: what they print, and what they send."""

import base64
import io
import re
import runpy
import struct
import sys
import zlib
from pathlib import Path

import pytest

from anyfast_emulator import Failure

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGE = EXAMPLES.parent / "docs" / "examples.md"
NAMES = (
    "thinking_agent",
    "structured_extraction",
    "multimodal",
    "streaming_chat",
    "model_switch",
    "fallback",
    "rag_citations",
    "workflow_handoff",
    "draw_and_edit",
)

# LlamaIndex's agents look at every attribute of a pydantic object, deprecated ones too.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:inspect")


@pytest.fixture(autouse=True)
def _newcomer(monkeypatch):
    for variable in ("ANYFAST_API_KEY", "ANYFAST_BASE_URL", "ANYFAST_API_BASE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.syspath_prepend(EXAMPLES)


@pytest.fixture
def emulator(anyfast_emulator, monkeypatch):
    """One that the test can look into; else the example starts its own."""
    monkeypatch.setenv("ANYFAST_API_KEY", anyfast_emulator.api_key)
    monkeypatch.setenv("ANYFAST_BASE_URL", anyfast_emulator.base_url)
    return anyfast_emulator


@pytest.fixture
def run(monkeypatch, capsys):
    def run(name, *arguments, stdin=""):
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_thinking_agent_thinks_before_each_step(run):
    out = run("thinking_agent")
    assert out.startswith("Talking to the emulator")
    doing = [line.split()[0] for line in out.splitlines()[2:]]
    assert doing == ["asks", "thinks", "calls", "gets", "thinks", "calls", "gets", "thinks", "answers"]
    assert "find_order {'customer': 'Ada Lovelace'}" in out
    assert "track_parcel {'parcel': 4711}" in out
    assert re.search(r"^answers .*Lyon.*Thursday", out, re.MULTILINE)


def test_thinking_agent_sends_its_reasoning_back(run, emulator):
    out = run("thinking_agent")
    assert out.startswith("Talking to Anyfast at http://127.0.0.1")
    thoughts = re.findall(r"^thinks +(.*)$", out, re.MULTILINE)
    turns = [one["reasoning_content"] for one in emulator.requests[-1]["messages"] if one["role"] == "assistant"]
    assert turns == thoughts[:2]


def test_structured_extraction_goes_each_familys_way_to_the_same_order(run):
    out = run("structured_extraction")
    assert re.findall(r"^(\S+), by (\w+)$", out, re.MULTILINE) == [
        ("deepseek-v4-pro", "json_mode"),
        ("qwen3.6-flash", "asked_tool"),
        ("doubao-seed-2.1-pro", "forced_tool"),
    ]
    orders = re.findall(r"^  says +(.*)$", out, re.MULTILINE)
    order = (
        "Order(customer='Ada Lovelace', city='Turin', quantity=3, ordered=datetime.date(2026, 11, 20), "
        "shipping='express', total=148.5, currency='EUR')"
    )
    assert orders == [order] * 3
    assert out.count("  thinks  The user asks") == 3


def pixels(png):
    """Width, height and the middle row of a PNG of three bytes a pixel."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    at, found = 8, {}
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        data = png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + data)
        found[kind] = data
        at += 12 + size
    rows = zlib.decompress(found[b"IDAT"])
    start = (height // 2) * (width * 3 + 1) + 1
    return width, height, rows[start : start + width * 3]


def test_multimodal_sends_a_picture_and_a_video(run, emulator):
    out = run("multimodal")
    bodies = emulator.requests
    assert [body["model"] for body in bodies] == ["qwen3.6-flash", "doubao-seed-2.1-pro"] * 2
    picture, video = (bodies[at]["messages"][0]["content"][1] for at in (0, 2))
    head, data = picture["image_url"]["url"].split(",")
    width, height, row = pixels(base64.b64decode(data))
    assert (head, width, height) == ("data:image/png;base64", 120, 80)
    assert [row[at * 3 : at * 3 + 3].hex() for at in (20, 60, 100)] == ["c82030", "ffffff", "2040a0"]
    assert video["video_url"]["url"].endswith(".mp4")
    assert video["video_url"]["fps"] == 1
    assert out.count("deepseek-v4-pro (DeepSeek V4) takes no") == 2


def test_multimodal_takes_ones_own(run, emulator, tmp_path):
    (tmp_path / "mine.jpg").write_bytes(b"a photo")
    run("multimodal", str(tmp_path / "mine.jpg"), "https://example.com/film.mp4")
    picture, video = (emulator.requests[at]["messages"][0]["content"][1] for at in (0, 2))
    assert picture["image_url"]["url"] == "data:image/jpeg;base64," + base64.b64encode(b"a photo").decode()
    assert video["video_url"]["url"] == "https://example.com/film.mp4"


def test_streaming_chat_answers_a_pipe_and_remembers(run, emulator):
    out = run("streaming_chat", stdin="Hello\n\nTell me about lighthouses\n")
    assert re.search(r"you    Hello\nThe user asks: .*\nmodel  Hello! I am an emulated model\.", out)
    assert "model  This is an emulated answer on lighthouses." in out
    roles = [message["role"] for message in emulator.requests[-1]["messages"]]
    assert roles == ["user", "assistant", "user"]


def test_streaming_chat_goes_on_after_what_may_pass(run, emulator):
    emulator.script(*[Failure(429, "Slow down.", retry_after=0)] * 3)
    out = run("streaming_chat", "qwen3.6-flash", stdin="Hello\nAre you there?\n")
    assert "That did not work, ask again: 429: Slow down." in out
    assert "model  This is an emulated answer" in out
    assert [message["role"] for message in emulator.requests[-1]["messages"]] == ["user"]


def test_model_switch_carries_one_conversation_through_four_families(run, emulator):
    out = run("model_switch")
    asked = re.findall(r"^(\S+) is asked", out, re.MULTILINE)
    assert [name.split("-")[0] for name in asked] == ["deepseek", "gemini", "qwen3.6", "doubao", "deepseek"]
    assert [body["model"] for body in emulator.requests] == [name for name in asked for _ in range(2)]
    assert "placeholder stands in for its thought signature" in out
    assert re.findall(r"^  calls   (\w+)", out, re.MULTILINE) == [
        "get_weather",
        "get_weather",
        "convert_temperature",
        "get_weather",
        "convert_temperature",
    ]
    assert "8 degrees Celsius are 46.4 degrees Fahrenheit" in out.splitlines()[-1]
    last = [one for one in emulator.requests[-1]["messages"] if one["role"] == "assistant"]
    assert len(last) == 9
    assert all(one["reasoning_content"] for one in last)


def test_fallback_lets_another_family_answer(run, emulator):
    out = run("fallback")
    assert "NotFoundError: 503: No available channel for model deepseek-v3-retired" in out
    assert re.search(r"^This is an emulated answer on lighthouse\. +\(qwen3\.6-flash\)$", out, re.MULTILINE)
    assert "  qwen3.6-flash: get_weather\n  tool: Lisbon: 21 degrees, clear sky\n" in out
    assert re.search(r"^  qwen3\.6-flash: Here is what I found: Lisbon: 21 degrees", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("failure", "name"),
    [
        (Failure(429, "Slow down."), "RateLimitError"),
        (Failure(403, "Insufficient credit.", code="insufficient_user_quota"), "QuotaExceededError"),
        (Failure(502, "The upstream is down."), "ServerError"),
    ],
)
def test_fallback_goes_past_what_the_second_cannot(run, emulator, failure, name):
    emulator.script(failure)  # the first model is refused before the script is asked
    out = run("fallback")
    assert f"  {name}: {failure.status}: {failure.message}" in out
    assert re.search(r"^This is an emulated answer on lighthouse\. +\(doubao-seed-2\.1-pro\)$", out, re.MULTILINE)


def test_fallback_does_not_hide_a_mistake(run, emulator):
    emulator.script(Failure(400, "No."))
    with pytest.raises(SystemExit, match="That did not work: 400: No"):
        run("fallback")


def test_rag_citations_names_the_passage(run):
    out = run("rag_citations")
    cited = re.findall(r"^  \[(\d+)\] (\S+): (.*)$", out, re.MULTILINE)
    assert [(name, text) for _, name, text in cited] == [
        ("light.md", "The lens weighs three tonnes and turns in a bath of mercury."),
        ("keeper.md", "The keeper cleans the lens every Monday, before the tide turns."),
        ("visitors.md", "Visitors may climb the tower from June to September."),
    ]
    for number, _, text in cited:
        assert f"  {text[:-1]} [{number}]." in out


def test_workflow_hands_over_to_the_other_family(run, emulator):
    out = run("workflow_handoff")
    assert [body["model"] for body in emulator.requests] == ["qwen3.6-flash"] * 2 + ["deepseek-v4-pro"] * 2
    assert re.findall(r"^ +calls +(\w+)", out, re.MULTILINE) == ["find_order", "handoff", "crane_for"]
    assert "crane_for {'tonnes': 3}" in out
    lens, crane = "Ada Lovelace has ordered a lighthouse lens of 3 tonnes", "For 3 tonnes take the yellow crane"
    assert f"gets    {crane}\n" in out
    assert out.endswith(f"engineer  says    Here is what I found: {lens}; {crane}\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_key_is_named_plainly(run, emulator, monkeypatch, name):
    monkeypatch.setenv("ANYFAST_API_KEY", "not-the-key")
    with pytest.raises(SystemExit) as caught:
        run(name, stdin="Hello\n")
    said = str(caught.value)
    assert "That did not work: 401: Invalid API key" in said
    assert "ANYFAST_API_KEY" in said
    assert "not-the-key" not in said


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_short_and_documented(name):
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert text.startswith('"""')
    assert text.count("\n") < 60
    assert f"](../examples/{name}.py)" in PAGE.read_text(encoding="utf-8")


def test_what_the_page_quotes_is_what_the_examples_print(run):
    printed = (
        "".join(run(name, stdin="Hello\n") for name in NAMES) + "That did not work: 401: Invalid API key provided."
    )
    blocks = re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    quoted = [part.strip() for block in blocks for line in block.splitlines() for part in line.split("…")]
    assert [part for part in quoted if part not in printed] == []
    assert len(blocks) > len(NAMES)


def test_draw_and_edit_saves_each_picture_and_changes_the_last(run, emulator, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    out = run("draw_and_edit")
    assert re.findall(r"Here is (.*)\.", out) == [
        "a red square on white",
        "a blue square on white",
        "a blue circle on black",
    ]
    saved = [pixels(path.read_bytes()) for path in sorted(tmp_path.glob("picture-*.png"))]
    assert [(width, height) for width, height, _ in saved] == [(64, 36)] * 3
    assert [row[96:99].hex() for _, _, row in saved] == ["d62828", "2654c8", "2654c8"]
    sizes = [len(re.findall("data:image/png", str(body["messages"]))) for body in emulator.requests]
    assert sizes == [0, 1, 2]
