"""Measurements as lines."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from digits_core import files
from digits_core.ui import curves
from digits_core.ui.curves import Line, thin

numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(st.lists(numbers, min_size=1, max_size=5000), st.integers(20, 300))
def test_thinning_keeps_ends_and_extremes(values, points):
    line = thin(Line([float(i) for i in range(len(values))], values), points)
    assert len(line.x) == len(line.y) <= max(points + 4, min(points, len(values)))
    assert (line.x[0], line.x[-1]) == (0.0, float(len(values) - 1))
    assert (min(line.y), max(line.y)) == (min(values), max(values))
    assert line.x == sorted(set(line.x))


def test_short_lines_stay_as_they_are():
    line = Line([1.0, 2.0], [3.0, 4.0])
    assert thin(line) is line


def test_lines_come_from_whole_rows_only(finished_job):
    view = finished_job("model")
    with view.folder.metrics.open("a") as file:
        file.write(json.dumps({"epoch": "two", "train/loss": 1}) + "\n[1, 2]\nnot json\n")
        file.write(json.dumps({"epoch": 3, "train/loss": "high", "val/loss": 0.25}) + "\n" + '{"epoch": 4, "val/lo')
    lines = curves.lines(view)
    assert lines["train/loss"].x == [1.0, 2.0]
    assert lines["val/loss"] == Line([1.0, 2.0, 3.0], [1.0, 0.5, 0.25])


def test_best_is_the_first_highest():
    assert curves.best(Line([1.0, 2.0, 3.0], [0.5, 0.9, 0.9])) == (2.0, 0.9)
    assert curves.best(None) is None


def test_hardware_history_is_short_and_ends_with_now(finished_job):
    view = finished_job("model")
    rows = [{"t": i, "cpu": math.sin(i), "memory": i} for i in range(5000)]
    (view.folder.path / "hardware.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    samples = curves.hardware(view)
    assert len(samples) <= 130
    assert samples[-1]["t"] == 4999


def test_a_missing_file_is_no_line(finished_job):
    view = finished_job("dataset")
    assert curves.lines(view) == {}
    assert curves.resumed_at(view) == []


def test_resumes_are_exactly_where_the_trainer_went_on(finished_job):
    view = finished_job("model")
    logs = {2: "[INFO] going on at epoch 1.5 (step 3)\n", 3: "killed before it could go on", 4: "it says elsewhere"}
    for number, log in logs.items():
        view.folder.open_attempt(number).log.write_text(log)
    files.write_once(view.folder.attempt(4).resumed, {"step": 7, "epoch": 3.5})
    assert curves.resumed_at(view) == [1.5, 3.5]
