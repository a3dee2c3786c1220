"""The command as its user meets it: what it prints where, what it asks first, how it ends, what it never says."""

import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from anyfast_doctor import main
from anyfast_doctor.asking import Asker
from anyfast_doctor.exchanges import Exchange
from anyfast_doctor.table import Bar
from anyfast_emulator import Emulator, Failure
from anyfast_emulator.temperaments import Temperament
from anyfast_transport import ServerError

KEY = "sk-emulator-0123456789abcdef"
ROOT = Path(__file__).parents[2]
FEW = ("--only", "length", "--only", "stream")


@pytest.fixture
def gateway(monkeypatch, tmp_path):
    """Starts an emulated gateway to which the environment points."""
    running = []

    def start(**planted):
        emulator = Emulator(api_key=KEY, temperament=Temperament(**planted)).start()
        running.append(emulator)
        monkeypatch.setenv("ANYFAST_API_KEY", KEY)
        monkeypatch.setenv("ANYFAST_BASE_URL", emulator.base_url)
        return emulator

    monkeypatch.chdir(tmp_path)
    yield start
    for emulator in running:
        emulator.stop()


@pytest.fixture
def command(capsys):
    """Runs the command in process: exit status, stdout, stderr."""

    def run(*arguments):
        status = main(arguments)
        said = capsys.readouterr()
        assert KEY not in said.out + said.err
        return status, said.out, said.err

    return run


def test_the_command_as_a_program(gateway, tmp_path):
    emulator = gateway()
    done = subprocess.run(  # our own command
        [sys.executable, "-W", "error", "-m", "anyfast_doctor", "--yes"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, KEY in done.stdout + done.stderr) == (0, False)
    assert "Model deepseek-v4-flash" in done.stdout
    assert "Fine: everything works" in done.stdout
    chats = [request for request in emulator.requests if "messages" in request]
    assert f"{len(chats)} chat requests" in done.stdout
    assert "at most" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_json_is_all_there_is_on_stdout(gateway, command):
    gateway(stop="ignored")
    status, out, _ = command("--yes", "--json", "--only", "stop", "--model", "qwen3.6-flash")
    report = json.loads(out)
    assert (status, report["verdict"], report["complete"]) == (1, "differs", True)
    assert {line["probe"]: line["status"] for line in report["models"]["qwen3.6-flash"]} == {
        "plain": "works",
        "stop": "differs",
    }
    assert report["profile"] == {"qwen3.6-flash": {"ignores": ["stop"]}}
    assert report["requests"] == 2
    assert report["tokens"] > 0
    asked = report["models"]["qwen3.6-flash"][1]["exchanges"][0]
    assert "messages" not in asked["sent"]
    assert asked["sent"]["stop"] == ["charlie"]


def test_the_differences_are_written_and_can_be_used(gateway, command, monkeypatch):
    gateway(effort_read="top")
    status, _, err = command("--yes", "--only", "effort")
    written = json.loads(Path("anyfast-profile.json").read_text())
    facts = {"effort_path": "reasoning_effort", "second_effort_path": None}
    assert (status, written["models"]) == (1, {"deepseek-v4-flash": facts})
    assert "export ANYFAST_PROFILE=" in err
    assert command("--yes", "--only", "effort", "--profile", "anyfast-profile.json")[0] == 0
    monkeypatch.setenv("ANYFAST_PROFILE", "anyfast-profile.json")
    assert command("--yes", "--only", "effort")[0] == 0


def test_other_models_in_the_file_stay_and_facts_in_force_go_along(gateway, command):
    gateway(stop="ignored")
    before = {"glm-5.2": {"max_output": 5}, "deepseek-v4-flash": {"context_window": 9}}
    Path("mine.json").write_text(json.dumps({"format": 1, "models": before}))
    command("--yes", "--only", "stop", "--profile", "mine.json", "--write", "mine.json")
    after = json.loads(Path("mine.json").read_text())["models"]
    stopless = ["frequency_penalty", "presence_penalty", "stop"]
    assert after == {**before, "deepseek-v4-flash": {"context_window": 9, "ignores": stopless}}


def test_a_file_that_is_no_profile_is_not_overwritten(gateway, command):
    gateway(stop="ignored")
    Path("notes.json").write_text("[1]")
    status, _, err = command("--yes", "--only", "stop", "--write", "notes.json")
    assert (status, Path("notes.json").read_text()) == (1, "[1]")
    assert "notes.json was not written" in err


def test_several_models_and_one_that_is_not_served(gateway, command):
    gateway()
    status, out, _ = command("--yes", *FEW, "--model", "qwen3.6-flash", "--model", "qwen3.6-flahs")
    assert status == 2
    assert "Model qwen3.6-flash\n" in out
    assert "Listed are qwen3.6-flash" in out
    assert "model_not_found" in out.replace("\n", "").replace(" ", "")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("answer", "status", "requests"), [("y\n", 0, 3), ("n\n", 2, 0), ("\n", 2, 0), ("", 2, 0)])
def test_a_terminal_is_asked(gateway, command, monkeypatch, answer, status, requests):
    emulator = gateway()
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    ended, _, err = command(*FEW)
    assert (ended, len(emulator.requests)) == (status, requests)
    assert "deepseek-v4-flash: at most 4 small chat requests" in err
    assert "Go on? [y/N]" in err


def test_without_a_terminal_nothing_is_spent_unasked(gateway, command, monkeypatch):
    emulator = gateway()
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    status, out, err = command()
    assert (status, out, emulator.requests) == (2, "", [])
    assert "--yes" in err


def test_no_more_is_asked_than_was_said(gateway, command):
    emulator = gateway(effort_read="none", switch_off="ignored", placeholders=frozenset())
    _, _, err = command("--yes")
    said = int(err.partition("at most ")[2].split()[0])
    assert len(emulator.requests) <= said


# Unusable: each with the remedy in plain words ------------------------------------------------------------------------


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


UNUSABLE = [
    ({"ANYFAST_API_KEY": ""}, {}, "set the environment variable ANYFAST_API_KEY"),
    ({"ANYFAST_API_KEY": "sk-wrong"}, {}, "Make a key in the Anyfast console"),
    ({"ANYFAST_API_KEY": "Bearer sk-x"}, {}, "begins with"),
    ({}, {"quota": "token"}, "Top up"),
    ({}, {"quota": "user"}, "Top up"),
    ({"ANYFAST_BASE_URL": "http://127.0.0.1:{free}/v1"}, {}, "Check base_url, the network and the proxy"),
    ({"ANYFAST_BASE_URL": "{gateway}/console"}, {}, "should end in /v1"),
    ({"ANYFAST_BASE_URL": "http://127.0.0.1:99999"}, {}, "Port out of range"),
    ({"ANYFAST_PROFILE": "nowhere.json"}, {}, "The profile file nowhere.json cannot be read"),
    ({"HTTP_PROXY": "no proxy at all", "NO_PROXY": ""}, {}, "proxy"),
]


@pytest.mark.parametrize(("environment", "planted", "remedy"), UNUSABLE)
def test_what_cannot_be_used_is_told_with_its_remedy(gateway, command, monkeypatch, environment, planted, remedy):
    emulator = gateway(**planted)
    root = emulator.base_url.removesuffix("/v1")
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(free=free_port(), gateway=root))
    status, out, err = command("--yes")
    assert status == 2
    assert remedy in " ".join((out + err).split())
    assert len(emulator.requests) <= 1


def test_a_burst_finds_the_rate_limit(gateway, command):
    emulator = gateway()
    status, out, err = command("--yes", "--only", "plain", "--burst", "5")
    assert (status, len(emulator.requests)) == (0, 6)
    assert "5 of 5 answered" in out
    assert "at most 6 small chat requests" in err
    emulator.script("Hello!", *[Failure(429, retry_after=7)] * 2)
    status, out, _ = command("--yes", "--only", "plain", "--burst", "5")
    assert (status, len(emulator.requests)) == (1, 12)
    assert "3 of 5 answered" in out
    assert "2 RateLimitError; wait 7 s" in " ".join(out.split())
    with pytest.raises(SystemExit):
        command("--burst", "1000")


def test_credit_that_ends_on_the_way_ends_the_visit(gateway, command):
    emulator = gateway()
    emulator.script("Hello!", Failure(403, "用户额度不足", code="insufficient_user_quota"))
    status, out, _ = command("--yes")
    assert (status, len(emulator.requests)) == (2, 2)
    assert "Top up" in out


def test_ctrl_c_prints_what_is_known_so_far(gateway, command, monkeypatch):
    gateway()
    send, sent = Asker.send, []

    def interrupted(self, ask):
        sent.append(ask)
        if len(sent) == 4:
            raise KeyboardInterrupt
        return send(self, ask)

    monkeypatch.setattr(Asker, "send", interrupted)
    status, out, _ = command("--yes", "--json")
    report = json.loads(out)
    assert (status, report["complete"]) == (130, False)
    assert [line["probe"] for line in report["models"]["deepseek-v4-flash"]] == ["plain", "length"]


def test_the_key_is_in_nothing_that_is_printed_or_written(gateway, command):
    emulator = gateway()
    told = f"bad key {KEY}, Bearer {KEY}"
    emulator.script("Hello!", *[Failure(400, told, code=KEY)] * 6)
    status, out, err = command("--yes", "--json", *FEW)
    assert status == 1
    assert "[key]" in out
    assert not any(KEY in path.read_text() for path in Path().iterdir())
    assert "Traceback" not in err


def test_a_gateway_moves_no_cursor(gateway, command):
    gateway().script("Hello!", *[Failure(400, "red \x1b[31m alarm \x07")] * 6)
    _, out, _ = command("--yes", *FEW)
    assert "alarm" in out
    assert out.isascii() or "→" in out
    assert not {"\x1b", "\x07"} & set(out)


def test_the_bar_is_for_terminals_alone():
    terminal, pipe = Terminal(), io.StringIO()
    for out in (terminal, pipe):
        bar = Bar(out, 2)
        bar.step("Stream")
        bar.step("Effort")
        bar.clear()
    assert pipe.getvalue() == ""
    shown = terminal.getvalue().split("\r\033[K")
    assert shown == ["", f"[{'.' * 24}] 0/2 Stream", f"[{'#' * 12}{'.' * 12}] 1/2 Effort", ""]


def test_a_list_of_models_that_fails_is_no_end(gateway, command, monkeypatch):
    gateway()
    send = Asker.send

    def flaky(self, ask):
        failed = ServerError("500: oh", status_code=500)
        return Exchange(ask, error=failed) if ask.path == "models" else send(self, ask)

    monkeypatch.setattr(Asker, "send", flaky)
    status, out, _ = command("--yes", *FEW)
    assert (status, "max_tokens is heeded" in out) == (1, True)


def test_the_default_model_is_one_that_is_listed(gateway, command):
    gateway(serves=("gemini-2.5",))
    _, out, _ = command("--yes", *FEW)
    assert "Model gemini-2.5-pro\n" in out
