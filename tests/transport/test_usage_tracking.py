"""Tokens and cost, added up."""

import threading

import pytest

from anyfast_transport import ModelUsage, Price, Usage, UsageTracker

PRICE = Price(input=2.0, output=10.0, cached_input=0.5)
CALL = Usage(input=1000, output=200, total=1200, cached=400, reasoning=150)


@pytest.mark.parametrize(
    ("price", "usage", "cost"),
    [
        (PRICE, CALL, (600 * 2.0 + 400 * 0.5 + 200 * 10.0) / 1e6),
        (Price(2.0, 10.0), CALL, (1000 * 2.0 + 200 * 10.0) / 1e6),  # no price for what is cached: as any other
        (PRICE, Usage(1000, 200, 1200), (1000 * 2.0 + 200 * 10.0) / 1e6),
        (PRICE, Usage(35, 12, 109), (35 * 2.0 + 74 * 10.0) / 1e6),  # Gemini's unseen thoughts are paid for
        (PRICE, Usage(35, 12, 0), (35 * 2.0 + 12 * 10.0) / 1e6),
        (Price(0, 0), CALL, 0.0),  # free is a price
    ],
)
def test_a_price(price, usage, cost):
    assert price.of(usage) == pytest.approx(cost, abs=1e-12)


def test_calls_add_up_by_model():
    tracker = UsageTracker({"deepseek-v4-pro": PRICE})
    tracker.add("deepseek-v4-pro", CALL)
    tracker.add("deepseek-v4-pro", Usage(10, 5, 15))
    tracker.add("qwen3.6-flash", Usage(7, 3, 10, reasoning=0))
    assert tracker.models == {
        "deepseek-v4-pro": ModelUsage(
            calls=2, input=1010, cached=400, output=205, reasoning=150, total=1215, priced=pytest.approx(0.00347)
        ),
        "qwen3.6-flash": ModelUsage(calls=1, unpriced=1, input=7, output=3, reasoning=0, total=10),
    }
    assert tracker.total.calls == 3
    assert tracker.total.total == 1225
    assert tracker.models["deepseek-v4-pro"].cost == pytest.approx(0.00347)
    assert tracker.cost is None  # for one of the models has no price
    assert tracker.total.priced == pytest.approx(0.00347)


def test_what_was_never_told_is_not_zero():
    tracker = UsageTracker()
    tracker.add("m", Usage(10, 5, 15))
    assert (tracker.total.cached, tracker.total.reasoning) == (None, None)
    tracker.add("m", Usage(10, 5, 15, cached=0, reasoning=4))
    assert (tracker.total.cached, tracker.total.reasoning) == (0, 4)


def test_a_cost_is_not_known_where_usage_is_missing():
    tracker = UsageTracker({"m": PRICE})
    assert tracker.cost == 0.0  # nothing was called
    tracker.add("m", CALL)
    tracker.add("m", None)
    assert (tracker.total.calls, tracker.total.unmetered, tracker.cost) == (2, 1, None)


@pytest.mark.parametrize("model", ["doubao-seed-2.1-pro-260628", "", "doubao-seed-evolving"])
def test_a_price_is_found_by_the_name_that_was_asked_for(model):
    tracker = UsageTracker({"doubao-seed-evolving": PRICE})
    tracker.begin(1, "doubao-seed-evolving")
    tracker.end(1, model, CALL)
    assert list(tracker.models) == [model or "doubao-seed-evolving"]
    assert tracker.cost is not None


def test_a_call_is_counted_once_however_it_is_reported():
    tracker = UsageTracker()
    tracker.begin("a", "m")
    tracker.begin("a", "m")
    tracker.end("a", "m", CALL)
    tracker.end("a", "m", CALL)
    tracker.fail("a")
    tracker.end("never begun", "m", CALL)
    tracker.begin("b", "m")
    tracker.drop("b")
    tracker.end("b", "m", CALL)
    tracker.begin("c", "m")
    tracker.fail("c")
    tracker.end("c", "m", CALL)
    assert (tracker.total.calls, tracker.total.failed) == (1, 1)


def test_many_threads_lose_nothing():
    tracker = UsageTracker({"m": PRICE})

    def count():
        for at in range(500):
            key = (threading.get_ident(), at)
            tracker.begin(key, "m")
            tracker.end(key, "m", CALL)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tracker.total.calls, tracker.total.input) == (4000, 4_000_000)


def test_the_table():
    tracker = UsageTracker({"deepseek-v4-pro": PRICE})
    tracker.add("deepseek-v4-pro", CALL)
    tracker.add("gemini-2.5-pro", Usage(35, 12, 109))
    tracker.add("gemini-2.5-pro", None)
    tracker.begin(1, "qwen3.6-flash")
    tracker.fail(1)
    assert str(tracker).splitlines() == [
        "                 calls    in  of it cached  out  of it reasoning      cost",
        "deepseek-v4-pro      1  1000           400  200              150  0.003400",
        "gemini-2.5-pro       2    35             –   12                –   unknown",
        "qwen3.6-flash        0     0             –    0                –  0.000000",
        "together             3  1035           400  212              150   unknown",
        "No price for gemini-2.5-pro: the cost is not known.",
        "Calls that came without usage, and are not in these tokens: 1 of gemini-2.5-pro.",
        "Calls that failed or were left, whose tokens are not known: 1 of qwen3.6-flash.",
    ]


def test_without_prices_the_table_has_no_cost():
    tracker = UsageTracker()
    tracker.add("m", CALL)
    assert "cost" not in str(tracker)
    assert "No price" not in str(tracker)


def test_a_reset():
    tracker = UsageTracker()
    tracker.begin(1, "m")
    tracker.add("m", CALL)
    tracker.reset()
    assert tracker.models == {}
    tracker.end(1, "m", CALL)
    assert tracker.total.calls == 1
