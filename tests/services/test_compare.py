"""Comparing trainings: what differs, which runs are shown, best values, colours, damaged files."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from digits_core.errors import InvalidOptions
from digits_core.jobs.store import JobView
from digits_core.services import compare
from digits_core.services.measured import is_better_high, measure, smooth, thin
from digits_core.services.workspace import Workspace

FinishedJob = Callable[..., JobView]


@pytest.fixture
def runs(finished_job: FinishedJob) -> list[JobView]:
    dataset = finished_job("dataset", name="pets")
    return [finished_job("model", name=f"run {i}", needs=(dataset.id,), group="g" if i < 2 else "",
                         options={"learning_rate": rate, "solver": solver, "momentum": momentum})
            for i, (rate, solver, momentum) in enumerate([(0.1, "momentum", 0.9), (0.01, "momentum", 0.5),
                                                          (0.01, "adam", 0.7)])]


def ids(views: list[Any]) -> list[str]:
    return [view.id for view in views]


def test_settings_that_differ_are_found_with_all_their_values(workspace: Workspace, runs: list[JobView]) -> None:
    found = compare.compare(workspace, ids(runs))
    assert found.differing == {"learning_rate": ("0.01", "0.1"), "solver": ("adam", "momentum"),
                               "momentum": ("0.5", "0.9", "–")}, "adam has no momentum, so its value does not count"
    assert found.titles["learning_rate"] == "Base learning rate"
    assert found.metrics == ("val/accuracy", "val/loss", "train/loss", "val/top5")


def test_a_curve_shows_only_if_all_its_values_are_ticked(workspace: Workspace, runs: list[JobView]) -> None:
    found = compare.compare(workspace, ids(runs))
    first, second, third = ids(runs)
    assert ids(compare.shown(found, {})) == [first, second, third]
    assert ids(compare.shown(found, {"learning_rate": ["0.1"]})) == [second, third]
    assert ids(compare.shown(found, {"learning_rate": ["0.1"], "solver": ["adam"]})) == [second]
    assert ids(compare.shown(found, {"solver": ["adam", "momentum"]})) == []
    assert ids(compare.shown(found, {"no such setting": ["x"]}, hidden=[second])) == [first, third]


def test_colours_follow_from_the_id_alone(workspace: Workspace, runs: list[JobView]) -> None:
    together = {run.id: run.color for run in compare.compare(workspace, ids(runs)).runs}
    for view in runs:
        (alone,) = compare.compare(workspace, [view.id]).runs
        assert alone.color == together[view.id]
    assert compare.color("20261120-101500-0001") == compare.color("20261120-101500-0001")
    assert len({compare.color(f"20261120-1015{i:02d}-{i:04x}") for i in range(60)}) > 40


def test_best_and_final_values_know_what_is_better(workspace: Workspace, runs: list[JobView]) -> None:
    rows = [(0.2, 0.9), (0.9, 0.3), (0.5, 0.6)]
    runs[1].folder.metrics.write_text("".join(json.dumps(
        {"t": i, "step": i, "epoch": i, "val/accuracy": accuracy, "val/loss": loss}) + "\n"
        for i, (accuracy, loss) in enumerate(rows, 1)))
    found = compare.compare(workspace, ids(runs))
    row = compare.table(found)[1]
    assert (row["best"], row["final"]) == ({"val/accuracy": 0.9, "val/loss": 0.3}, {"val/accuracy": 0.5,
                                                                                   "val/loss": 0.6})
    assert compare.winners(found)["val/accuracy"] == {"id": runs[1].id, "name": "run 1", "value": 0.9, "epoch": 2.0}
    assert set(row["settings"]) == set(found.differing)
    assert "epochs" in compare.table(found, all_settings=True)[1]["settings"]
    assert is_better_high("val/top5") and not is_better_high("train/loss")


def test_groups_all_and_missing_runs(workspace: Workspace, runs: list[JobView], finished_job: FinishedJob) -> None:
    assert set(ids(compare.compare(workspace, group="g").runs)) == set(ids(runs[:2]))
    assert set(ids(compare.compare(workspace).runs)) == set(ids(runs))
    assert ids(compare.compare(workspace, [runs[0].id, "20200101-000000-aaaa", runs[0].id]).runs) == [runs[0].id]
    with pytest.raises(InvalidOptions, match="is a dataset, not a training"):
        compare.compare(workspace, [runs[0].job.needs[0]])


@pytest.mark.parametrize("damage", [b"", b"\xff{[", b'{"epoch": "x", "step": 1, "train/loss": 1}\n',
                                    b'{"epoch": 1, "step": 1, "train/loss": "nan"}\n[1]\n7\n', None])
def test_damaged_measurements_leave_a_run_without_curves(workspace: Workspace, runs: list[JobView],
                                                         damage: bytes | None) -> None:
    path = runs[0].folder.metrics
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    assert compare.describe(compare.compare(workspace, ids(runs)), curves=True)["runs"][0]["best"] == {}


def test_nothing_at_all_compares_to_nothing(workspace: Workspace) -> None:
    assert compare.describe(compare.compare(workspace)) == {"runs": [], "best": {}, "differing": {}}


def test_values_become_short_words() -> None:
    assert [compare.word(v) for v in (None, "", True, 0.1, 3, [1.5, 2.0])] == ["–", "–", "yes", "0.1", "3", "1.5, 2"]
    assert compare.word("class Net:\n    pass").startswith("text ")


def test_long_runs_are_thinned_without_losing_their_peaks(tmp_path: Any) -> None:
    values = [0.0] * 10_000
    values[4321] = 1.0
    kept = thin(values, 400)
    assert len(kept) <= 402 and {0, 4321, 9999} <= set(kept)
    assert measure(tmp_path / "no file") == {}


def test_smoothing_has_no_bias_at_the_start_and_none_at_all_when_off() -> None:
    assert smooth([2.0, 2.0, 2.0], 0.9) == pytest.approx([2.0, 2.0, 2.0])
    assert smooth([1.0, 5.0], 0) == [1.0, 5.0]
    assert 1 < smooth([1.0, 5.0], 0.5)[1] < 5
