"""The emulator as a test kit: what it is told to say, and how a test hears that it was not asked for that."""

import asyncio
import itertools
import json
import time

import httpx
import pytest

from anyfast_emulator import Answer, Emulator, Failure, ScriptError

pytest_plugins = ["pytester"]

BODY = {"model": "qwen3.6-flash", "messages": [{"role": "user", "content": "Hello"}]}


def post(emulator, **more):
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    with httpx.Client(transport=emulator.transport, headers=headers) as http:
        return http.post(f"{emulator.base_url}/chat/completions", json=BODY | more)


def test_answers_that_nobody_asked_for_are_an_error():
    with pytest.raises(ScriptError) as caught, Emulator() as emulator:  # noqa: PT012  # it is the end that raises
        emulator.script("one", Failure(429, retry_after=2), Answer("three", reasoning="Hm."))
        post(emulator)
        assert [type(one) for one in emulator.unused] == [Failure, Answer]
    assert str(caught.value).splitlines()[0] == "The emulator's script was not followed (1 used)."
    assert "Scripted and not asked for: Failure(status=429, retry_after=2)\n" in str(caught.value)
    assert str(caught.value).endswith("Scripted and not asked for: Answer(text='three', reasoning='Hm.')")


def test_an_error_on_its_way_is_not_covered_up():
    with pytest.raises(KeyError), Emulator() as emulator:  # noqa: PT012  # as above
        emulator.script("one")
        raise KeyError


def test_nothing_but_the_script_answers_where_that_is_wanted():
    emulator = Emulator(scripted_only=True)
    emulator.script("one", "")
    assert [post(emulator).json()["choices"][0]["message"]["content"] for _ in range(2)] == ["one", ""]
    refused = post(emulator)
    assert refused.status_code == 400  # which no client repeats
    assert refused.json()["error"]["code"] == "emulator_script_at_its_end"
    with pytest.raises(ScriptError, match=r"Asked for and not scripted: qwen3\.6-flash: 'Hello'"):
        emulator.check_script()
    emulator.check_script()


def test_a_script_that_was_followed_is_no_error():
    with Emulator(scripted_only=True) as emulator:
        emulator.script("one")
        post(emulator)
        emulator.check_script()


def test_resetting_forgets_everything_and_serves_on():
    system = {"role": "system", "content": "Be kind. " * 200}
    with Emulator() as emulator:
        emulator.script("one", "two")
        post(emulator, messages=[system, *BODY["messages"]])
        url = emulator.base_url
        emulator.reset()
        assert (emulator.requests, emulator.headers, emulator.unused) == ([], [], ())
        assert emulator.base_url == url
        again = post(emulator, messages=[system, *BODY["messages"]]).json()
        assert again["usage"]["prompt_tokens_details"]["cached_tokens"] == 0


def test_the_last_request():
    emulator = Emulator()
    with pytest.raises(LookupError, match="no chat request yet"):
        _ = emulator.last_request
    post(emulator, temperature=0)
    post(emulator, temperature=1)
    assert emulator.last_request == BODY | {"temperature": 1}


@pytest.fixture
def naps(monkeypatch):
    """The pauses that were asked for, none of which is taken."""
    taken = []

    async def asleep(seconds):
        taken.append(seconds)

    monkeypatch.setattr(time, "sleep", taken.append)
    monkeypatch.setattr(asyncio, "sleep", asleep)
    return taken


@pytest.mark.parametrize("stream", [False, True])
def test_pauses_in_process(naps, stream):
    emulator = Emulator()
    emulator.script(Answer("One two three", pauses={0: 1.5, 2: 0.5}))
    assert "One" in post(emulator, stream=stream).text
    assert [one for one in naps if one] == ([1.5, 0.5] if stream else [1.5])


def test_a_pause_comes_before_its_data_frame():
    with Emulator() as emulator:
        emulator.script(Answer("abcdef", pauses={1: 0.2}, pieces=3))
        headers = {"Authorization": f"Bearer {emulator.api_key}"}
        url = f"{emulator.base_url}/chat/completions"
        with httpx.stream("POST", url, headers=headers, json=BODY | {"stream": True}) as answer:
            arrived = [time.monotonic() for line in answer.iter_lines() if line.startswith("data:")]
    gaps = [after - before for before, after in itertools.pairwise(arrived)]
    assert gaps[0] >= 0.18
    assert gaps.index(max(gaps)) == 0


def test_a_stop_ends_a_pause():
    emulator = Emulator().start()
    emulator.script(Answer("abcdef", pauses={1: 30}))
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    url = f"{emulator.base_url}/chat/completions"
    with httpx.stream("POST", url, headers=headers, json=BODY | {"stream": True}) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b": PING\n\n"
        emulator.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)


@pytest.mark.parametrize(
    ("answer", "texts", "finish"),
    [
        (Answer("abcdef", error=Failure(500, "gone", code="x"), pieces=2), 3, False),
        (Answer("abcdef", error=Failure(500, "gone", code="x"), cut_after=2, pieces=2), 1, False),
    ],
)
def test_an_error_inside_a_stream(answer, texts, finish):
    emulator = Emulator()
    emulator.script(answer, answer)
    streamed = post(emulator, stream=True)
    assert streamed.status_code == 200
    events = [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: {")]
    *chunks, last = events
    assert sum(bool(one["choices"][0]["delta"].get("content")) for one in chunks) == texts
    assert (last["error"]["code"], last["error"]["message"].startswith("gone")) == ("x", True)
    assert streamed.text.endswith("data: [DONE]\n\n")
    assert post(emulator).status_code == 500


TESTS = """
    import json

    import pytest

    def ask(emulator):
        headers = {"Authorization": f"Bearer {emulator.api_key}"}
        body = {"model": "qwen3.6-flash", "messages": [{"role": "user", "content": "Hello"}]}
        reply = emulator.reply("POST", "/v1/chat/completions", headers, json.dumps(body).encode())
        return b"".join(reply.frames)

    def test_used_up(anyfast_emulator):
        anyfast_emulator.script("one")
        assert b"one" in ask(anyfast_emulator)

    def test_left_over(anyfast_emulator):
        anyfast_emulator.script("nobody asked")

    @pytest.fixture
    def gateway(anyfast_emulator):
        return anyfast_emulator

    def test_left_over_by_way_of_another_fixture(gateway):
        gateway.script("nobody asked")

    @pytest.mark.anyfast_emulator(scripted_only=True)
    def test_not_scripted(anyfast_emulator):
        ask(anyfast_emulator)  # a program that swallows the refusal

    @pytest.mark.anyfast_emulator(temperament="new-api")
    def test_told_of_a_temperament(anyfast_emulator):
        assert anyfast_emulator.temperament.name == "new-api"

    def test_fails_by_itself(anyfast_emulator):
        anyfast_emulator.script("nobody asked")
        assert not "its own reason"
"""


def test_the_fixture_fails_the_test_that_does_not_follow_its_script(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(TESTS)
    # -rN: where CI is set, pytest's summary says once more what each failure said.
    result = pytester.runpytest_inprocess("-rN", "--strict-markers", "-p", "anyfast_emulator.pytest_plugin")
    result.assert_outcomes(passed=2, failed=4)  # and no errors: the check is part of the test
    told = result.stdout.str()
    assert told.count("Scripted and not asked for: 'nobody asked'") == 2
    assert told.count("Asked for and not scripted: qwen3.6-flash: 'Hello'") == 1
    assert "anyfast_emulator/script.py" not in told  # whose insides are no news to the test's author
