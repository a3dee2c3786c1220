"""What follows from answers that the emulator does not give: the probes are fed, and nothing is sent."""

import pytest

from anyfast_doctor.examining import cost, examine, run
from anyfast_doctor.exchanges import Ask, Exchange
from anyfast_doctor.findings import Subject
from anyfast_doctor.gateway import lines_of
from anyfast_doctor.media import red_film, red_picture
from anyfast_doctor.probes import OF_THE_GATEWAY, PROBES
from anyfast_transport import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    Choice,
    Completion,
    InvalidResponseError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    family_of,
)
from anyfast_transport.families.profile_file import parsed_profile, written_profile
from anyfast_transport.response.error_bodies import status_error
from tests.pairs import in_turn

BY_NAME = {probe.name: probe for probe in (*PROBES, *OF_THE_GATEWAY)}
DEEPSEEK, QWEN, NEW = "deepseek-v4-flash", "qwen3.6-flash", "a-model-of-next-year"


def answer(text="", *, reasoning="", finish="stop", usage=(10, 5), more=0, choices=1):
    counts = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    if more:
        counts["completion_tokens_details"] = {"reasoning_tokens": more}
    told = [Choice(index=at, text=text, reasoning=reasoning, finish_reason=finish) for at in range(choices)]
    return Completion(model="m", choices=told, usage=counts)


def refusal(words="no", status=400):
    return status_error(status, {"error": {"message": words, "type": "invalid_request_error"}})


def found(name, model, said):
    """Runs one probe; `said` makes an answer or an error of a body."""
    sent = []

    def send(ask):
        sent.append(ask.body)
        came = said(ask.body or {})
        return Exchange(ask, error=came) if isinstance(came, Exception) else Exchange(ask, came)

    return run(BY_NAME[name], Subject(model, family_of(model)), send), sent


TEMPLATE = {"chat_template_kwargs": {"enable_thinking": True}}


@pytest.mark.parametrize(
    ("model", "probe", "switch", "key"),
    [
        (QWEN, "thinking_on", {"chat_template_kwargs": {"enable_thinking": True}}, True),
        (DEEPSEEK, "thinking_on", {"chat_template_kwargs": {"thinking": True}}, True),
        (NEW, "thinking_on", {"thinking": {"type": "enabled"}}, True),
        (NEW, "thinking_on", {"enable_thinking": True}, True),
    ],
)
def test_another_spelling_of_the_switch_is_found(model, probe, switch, key):
    line, sent = found(
        probe, model, lambda body: answer("391", reasoning="17*23" if switch.items() <= body.items() else "")
    )
    assert line.finding.status == "differs"
    assert line.finding.facts["thinking"][key] == switch
    assert sent[-1].items() >= switch.items()
    again = parsed_profile(written_profile({model: line.finding.facts}), source="")
    assert again == {model: line.finding.facts}


def test_a_switch_off_of_another_spelling_replaces_what_is_sent_unasked_too():
    off = {"chat_template_kwargs": {"enable_thinking": False}}
    line, _ = found("thinking_off", QWEN, lambda body: answer("391", more=0 if off.items() <= body.items() else 50))
    assert line.finding.facts["thinking"] == {True: {"enable_thinking": True}, False: off, None: off}


def test_an_unknown_model_that_no_switch_turns_on_is_left_as_it_is():
    line, sent = found("thinking_on", NEW, lambda _: answer("391"))
    assert (line.finding.status, len(sent)) == ("works", 4)


TOP_ALONE = {"effort_path": "reasoning_effort", "second_effort_path": None}


@pytest.mark.parametrize(
    ("sizes", "status", "facts"),
    [
        ({"thinking": (100, 140)}, "works", {}),
        ({"thinking": (100, 130), "top": (100, 300)}, "differs", TOP_ALONE),
        ({"thinking": (100, 130), "top": (100, 90)}, "does not work", {}),
    ],
)
def test_the_effort_is_read_where_it_makes_a_difference(sizes, status, facts):
    def said(body):
        place = "top" if "reasoning_effort" in body else "thinking"
        level = body.get("reasoning_effort") or body["thinking"]["reasoning_effort"]
        low, high = sizes[place]
        return answer("107", reasoning="…", more=low if level == "low" else high)

    line, _ = found("effort", DEEPSEEK, said)
    assert (line.finding.status, line.finding.facts) == (status, facts)


def test_a_refusal_that_lists_other_levels_corrects_the_row():
    def said(body):
        level = body["thinking"]["reasoning_effort"]
        if level not in ("low", "max"):
            return refusal("Invalid reasoning_effort, expected one of: none, low, high, max. max_tokens is fine.")
        return answer("107", reasoning="…", more={"low": 10}.get(level, 100))

    line, _ = found("effort", DEEPSEEK, said)
    assert line.finding.facts == {"effort_levels": ("low", "high", "max")}


def test_reasoning_that_is_refused_is_left_out():
    line, _ = found("reasoning_arrives", DEEPSEEK, lambda _: refusal("unknown field reasoning_content"))
    assert line.finding.facts == {"reasoning_replay": "never", "reasoning_placeholder": None}


def test_a_placeholder_that_is_refused_where_none_is_needed_is_left_out():
    def said(body):
        return refusal() if "reasoning_content" in body["messages"][1] else answer("Fine.")

    line, _ = found("reasoning_back", DEEPSEEK, said)
    assert line.finding.facts == {"reasoning_placeholder": None}


def test_a_later_system_message_that_is_refused():
    line, _ = found("system", DEEPSEEK, lambda _: refusal("System message must be at the beginning."))
    assert line.finding.facts == {"system_first": True}
    line, _ = found("system", QWEN, lambda _: refusal("System message must be at the beginning."))
    assert line.finding.status == "works"


def test_a_picture_is_seen_by_its_colour_or_by_its_tokens():
    assert found("image", QWEN, lambda _: answer("Red."))[0].finding.status == "works"
    assert len(found("image", QWEN, lambda _: answer("Red."))[1]) == 1

    def counted(body):
        return answer("Blue?", usage=(90 if isinstance(body["messages"][0]["content"], list) else 20, 5))

    assert found("image", QWEN, counted)[0].finding.status == "works"
    assert found("image", QWEN, lambda _: answer("I see none."))[0].finding.facts == {"parts": {"text", "video_url"}}


def test_the_picture_and_the_film_are_small():
    assert red_picture().startswith(b"\x89PNG")
    assert red_film()[4:8] == b"ftyp"
    assert len(red_picture()) + len(red_film()) < 2_000


NOT_THE_PROBES_BUSINESS = [
    (RateLimitError("429: slow down", status_code=429), "Wait a little"),
    (ServerError("500: oh", status_code=500), "again later"),
    (APITimeoutError("too long"), "--timeout"),
    (PermissionDeniedError("403: no", status_code=403), "again later"),
    (InvalidResponseError("no choices"), "again later"),
]


@pytest.mark.parametrize(
    ("name", "failure"),
    in_turn(
        [one.name for one in PROBES if one.name not in ("plain", "stream_end", "video", "n")], NOT_THE_PROBES_BUSINESS
    ),
)
def test_a_call_that_fails_is_no_difference(name, failure):
    error, remedy = failure
    line, sent = found(name, DEEPSEEK, lambda _: error)
    if line.finding.status != "not asked":
        assert (line.finding.status, line.finding.facts, len(sent)) == ("does not work", {}, 1)
        assert remedy in line.finding.remedy
        assert error.message in line.finding.words


@pytest.mark.parametrize("error", [AuthenticationError("401", status_code=401), QuotaExceededError("403: 额度不足")])
def test_a_key_that_ends_on_the_way_ends_everything(error):
    asked = []

    def send(ask):
        asked.append(ask)
        return Exchange(ask, answer("Hello!")) if len(asked) == 1 else Exchange(ask, error=error)

    lines = list(examine(Subject(DEEPSEEK, family_of(DEEPSEEK)), PROBES, send))
    assert [line.finding.status for line in lines] == ["works", "unusable"]
    assert "console" in lines[-1].finding.remedy


@pytest.mark.parametrize(
    "said", [answer(""), refusal(), ServerError("500", status_code=500), APIConnectionError("reset")]
)
def test_a_model_that_does_not_answer_at_all_is_unusable(said):
    line, _ = found("plain", DEEPSEEK, lambda _: said)
    assert line.finding.status == "unusable"
    assert line.finding.remedy


LISTS = [
    (b'{"data": [{"id": "a"}, {"id": "b", "supported_endpoint_types": ["mj-x"]}]}', ["works", "works"]),
    (b"[1]", ["unusable"]),
    (b"<html></html>", ["unusable"]),
    (b'{"data": null}', ["unusable"]),
]


@pytest.mark.parametrize(("raw", "statuses"), LISTS)
def test_the_list_of_models(raw, statuses):
    lines = lines_of(Exchange(Ask(path="models"), headers={"x-request-id": "1"}, raw=raw), ["a"])
    assert [line.finding.status for line in lines][:2] == statuses


def test_what_models_cost_at_most_is_the_sum_of_what_they_are_asked():
    deepseek, gemini = cost(family_of(DEEPSEEK), PROBES), cost(family_of("gemini-3-flash-preview"), PROBES)
    assert gemini < deepseek
    assert deepseek[0] == sum(one.calls for one in PROBES if not one.skipped(family_of(DEEPSEEK)))


def test_the_names_of_the_lines_are_unique():
    assert len(BY_NAME) == len(PROBES) + len(OF_THE_GATEWAY)
