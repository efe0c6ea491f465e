from digits_core.infer import tally
from digits_core.infer.tally import Tally


def test_latencies_are_of_the_last_quarter_of_an_hour(monkeypatch):
    found, clock = Tally(), [0.0]
    monkeypatch.setattr(tally.time, "monotonic", lambda: clock[0])
    found.asked(1, 9.0)
    clock[0] = tally.WINDOW_S + 1
    for number in range(1, 101):
        found.asked(2, number / 1000)
    facts = found.facts()
    assert (facts["p50_ms"], facts["p95_ms"], facts["recent"]) == (50.0, 95.0, 100)
    assert (facts["requests"], facts["pictures"]) == (101, 201)


def test_failures_are_counted_apart():
    found = Tally()
    found.asked(3, 1.0, failed=True)
    facts = found.facts()
    assert (facts["failed"], facts["requests"], facts["p50_ms"]) == (1, 0, None)


def test_runs_are_counted_by_their_size():
    found = Tally()
    for size in (1, 4, 4):
        found.ran(size, 0.5)
    assert found.facts()["batches"] == [[1, 1, 0.5], [4, 2, 1.0]]
