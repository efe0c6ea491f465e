"""Charts of many runs stay small and keep every curve."""

from pathlib import Path

from digits_core.services import compare
from digits_core.services.compare import Run
from digits_core.services.measured import Series
from digits_core.ui import compare_charts
from digits_core.ui.compare_charts import Look

LOOK = Look("Epoch", 0.0, False, False)


def run(number: int, points: int = 400) -> Run:
    x = tuple(float(i) for i in range(points))
    series = Series(x, x, x, tuple(1 / (1 + i) for i in x), 0.1, 0.1, 1.0)
    job_id = f"20261120-101500-{number:04x}"
    return Run(job_id, f"run {number}", "", "done", compare.color(job_id), {"learning_rate": f"0.{number}"},
               {"val/loss": series}, Path("metrics.jsonl"))


def test_five_hundred_runs_make_a_chart_of_few_traces_with_every_run_in_it():
    runs = [run(i) for i in range(500)]
    figure = compare_charts.curves(runs, "val/loss", LOOK, ["learning_rate"])
    assert len(figure.data) <= 3 * compare.HUES
    assert sum(len(trace.x) for trace in figure.data) < 1.2 * compare_charts.POINTS_IN_ALL
    told = {tuple(words) for trace in figure.data for words in trace.customdata}
    assert told == {(f"run {i}", f"0.{i}") for i in range(500)}
    assert "learning_rate: %{customdata[1]}" in figure.data[0].hovertemplate


def test_many_long_runs_make_no_longer_a_message_than_many_short_ones():
    short, long = (len(compare_charts.curves([run(i, points) for i in range(200)], "val/loss", LOOK, ["learning_rate"])
                       .to_json()) for points in (70, 4000))
    assert long < 1.3 * short


def test_few_runs_have_a_trace_each_in_their_own_colour():
    runs = [run(1), run(2)]
    figure = compare_charts.curves(runs, "val/loss", LOOK, [])
    assert [trace.line.color for trace in figure.data] == [compare.color(each.id) for each in runs]
    assert "<" not in compare_charts.about(run(1), []).replace("<b>", "").replace("</b>", "")


def test_parallel_coordinates_need_something_to_tell_apart():
    runs = (run(1), run(2))
    differing = compare.Comparison(runs, {"learning_rate": ("0.1", "0.2")}, {}, ("val/loss",))
    assert len(compare_charts.parallel(differing, runs, "val/loss").data[0].dimensions) == 2
    assert compare_charts.parallel(differing, runs[:1], "val/loss") is None
