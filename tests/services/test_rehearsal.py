"""A training is tried out in a real process: what it tells is true, and it leaves nothing behind."""

import filelock
import pytest

from digits_core.errors import BadData, BadState, InvalidOptions, NotFound
from digits_core.services.rehearsal import describe, rehearse
from tests.train import drawn


@pytest.fixture
def data(workspace):
    return drawn.dataset(workspace.store, train=40, val=12)


def test_it_tells_time_memory_disk_and_a_rate_and_writes_nothing(workspace, data):
    before = sorted(workspace.store.root.rglob("*"))
    found = rehearse(workspace, "tester", data.id, {**drawn.SMALL, "epochs": 4, "keep": 1}, find_rate=True)
    assert [path for path in sorted(workspace.store.root.rglob("*")) if path not in before] in (
        [], [workspace.store.locks / "rehearsal.lock"])
    assert (found["batch_size"], found["steps_per_epoch"]) == (8, 5)
    assert found["seconds"] == pytest.approx(4 * found["seconds_per_epoch"] + found["reading_s"])
    assert found["images_per_s"] == pytest.approx(40 / found["seconds_per_epoch"])
    weights = 4 * 52_573
    assert weights * 3 < found["disk"] < weights * 10 and found["memory"] > 50_000_000 and found["gpu_memory"] == 0
    rates = [lr for lr, _ in found["curve"]]
    assert rates == sorted(rates) and len(rates) > 20
    assert set(describe(found)) == {"An epoch", "All epochs", "Memory", "Disk", "On", "Learning rate"}


@pytest.mark.slow
def test_more_checkpoints_and_pictures_take_more(workspace, data):
    few, many = (rehearse(workspace, "tester", data.id, {**drawn.SMALL, "epochs": 8, "keep": keep}) for keep in (1, 0))
    assert many["disk"] - few["disk"] == pytest.approx(7 * 4 * 52_573, rel=0.05)
    assert "curve" not in few and "Learning rate" not in describe(few)


def test_what_does_not_suit_is_said_before_anything_starts(workspace, data, monkeypatch):
    monkeypatch.setattr("digits_core.jobs.child.ask", None)
    with pytest.raises(InvalidOptions, match="grey"):
        rehearse(workspace, "tester", data.id, {"hsv": True})
    with pytest.raises(NotFound):
        rehearse(workspace, "tester", "20200101-000000-abcd", {})
    with pytest.raises(BadState, match="no free GPU"):
        rehearse(workspace, "tester", data.id, {"device": "gpu"})
    with filelock.FileLock(workspace.store.locks / "rehearsal.lock"), pytest.raises(BadState, match="just now"):
        rehearse(workspace, "tester", data.id, {"device": "cpu"})


def test_a_failing_try_says_why(workspace, data):
    with pytest.raises(BadData, match="crop size 99 is larger"):
        rehearse(workspace, "tester", data.id, {**drawn.SMALL, "crop": 99})
