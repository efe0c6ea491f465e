"""The Compare page: filters, address, show and hide, many runs."""

import json

import pytest

from digits_core import files
from digits_core.services import compare, measured
from digits_core.ui import compare_panels, tables
from tests.pages.conftest import words


@pytest.fixture
def runs(finished_job):
    dataset = finished_job("dataset", name="pets")
    return [finished_job("model", name=f"run {i}", needs=(dataset.id,), options={"learning_rate": rate, "seed": i})
            for i, rate in enumerate([0.1, 0.01])]


def charts(app):
    """Names of the runs of each chart."""
    return [[trace.get("text", "")[3:].split("</b>")[0] for trace in json.loads(chart.proto.spec)["data"]]
            for chart in app.get("plotly_chart")]


def test_unticking_a_value_hides_its_curves_and_the_address_remembers(visit, runs):
    app = visit("compare.py", runs=",".join(view.id for view in runs))
    assert charts(app)[:3] == [["run 0", "run 1"]] * 3, "one chart a metric"
    app.multiselect(key="compare.ticks.learning_rate").set_value(["0.1"]).run()
    assert charts(app)[:3] == [["run 0"]] * 3
    again = visit("compare.py", runs=",".join(view.id for view in runs), off=app.query_params["off"])
    assert charts(again)[:3] == [["run 0"]] * 3
    app.button(key="compare.all").click().run()
    assert charts(app)[0] == ["run 0", "run 1"]


def test_another_set_of_runs_starts_with_everything_ticked(visit, runs):
    app = visit("compare.py", runs=",".join(view.id for view in runs))
    app.multiselect(key="compare.ticks.learning_rate").set_value(["0.1"]).run()
    app.selectbox(key="compare.source").set_value("\0all").run()
    assert "runs" not in app.query_params and "off" not in app.query_params
    assert sorted(charts(app)[0]) == ["run 0", "run 1"]


def test_hover_tells_the_settings_and_curves_keep_their_colour(visit, runs):
    app = visit("compare.py")
    traces = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    by_id = {trace["name"]: trace for trace in traces}
    for view, rate in zip(runs, ("0.1", "0.01"), strict=True):
        assert by_id[view.id]["line"]["color"] == compare.color(view.id)
        assert f"learning_rate: {rate}" in by_id[view.id]["text"]


def test_show_and_hide_all_runs_of_the_table(visit, runs):
    app = visit("compare.py")
    table = app.dataframe[0].value
    assert sorted(table["name"]) == ["run 0", "run 1"] and "learning_rate" in table
    assert "epochs" not in table, "only what differs"
    app.button(key="compare.hide_all").click().run()
    assert app.dataframe[0].value["show"].tolist() == ["Show", "Show"]
    assert "No run has all its values ticked" in words(app)
    app.button(key="compare.show_all").click().run()
    assert app.dataframe[0].value["show"].tolist() == ["Hide", "Hide"]


def test_selected_trainings_go_from_the_list_to_the_comparison(visit, runs, monkeypatch):
    monkeypatch.setattr(tables, "grouped", lambda views, row, key, group=True: [view.id for view in views])
    app = visit("models.py")
    app.button(key="bulk.compare").click().run()
    assert app.title[0].value == "Compare"
    assert set(app.query_params["runs"].split(",")) == {view.id for view in runs}


@pytest.mark.parametrize("query", [{"runs": "nope,../x"}, {"off": "{[", "hide": "x"}, {"off": '{"a": 3}', "x": "Mars"},
                                   {"metrics": "none", "group": "nobody"}])
def test_an_address_of_nonsense_still_opens(visit, runs, query):
    assert visit("compare.py", **query).title


def test_the_form_makes_a_sweep_and_says_how_many_before(visit, finished_job, store):
    finished_job("dataset", name="pets")
    app = visit("models.py", new="classification")
    prefix = "model.classification.new"
    app.text_input(key=f"{prefix}.name").set_value("pets").run()
    app.multiselect(key=f"{prefix}.sweep").set_value(["learning_rate", "solver"]).run()
    app.text_input(key=f"{prefix}.sweep.learning_rate").set_value("0.1, 0.01")
    app.multiselect(key=f"{prefix}.sweep.solver").set_value(["sgd", "adam"]).run()
    assert "4 trainings" in words(app) and "Create 4 models" in words(app)
    app.button(key=f"{prefix}.create").click().run()
    assert len(store.jobs("model")) == 4
    assert app.title[0].value == "Compare"
    home = visit("home.py").dataframe[0].value
    assert set(home["name"]) == {"pets"}
    assert "learning_rate:0.01 solver:adam" in home["sweep"].tolist()


def test_a_second_look_reads_no_measurements_again_and_a_grown_file_alone(visit, runs, monkeypatch):
    looked = []
    monkeypatch.setattr(compare_panels, "measure", lambda path: looked.append(path) or measured.measure(path))
    app = visit("compare.py")
    assert sorted(looked) == sorted(view.folder.metrics for view in runs)
    looked.clear()
    app.run()
    assert looked == []
    files.append_jsonl(runs[0].folder.metrics, {"t": 9.0, "step": 99, "epoch": 9.0, "train/loss": 0.5})
    app.run()
    assert looked == [runs[0].folder.metrics]


def test_drawing_the_page_looks_at_every_job_once(visit, runs, store, monkeypatch):
    looked = []
    view_of = type(store)._view
    monkeypatch.setattr(type(store), "_view", lambda self, folder: looked.append(folder.id) or view_of(self, folder))
    visit("compare.py")
    assert all(looked.count(view.id) == 1 for view in runs)


def test_the_form_draws_random_trainings(visit, finished_job, store):
    finished_job("dataset", name="pets")
    app = visit("models.py", new="classification")
    prefix = "model.classification.new"
    app.text_input(key=f"{prefix}.name").set_value("pets").run()
    app.multiselect(key=f"{prefix}.sweep").set_value(["learning_rate"]).run()
    app.text_input(key=f"{prefix}.sweep.learning_rate").set_value("0.1, 0.001").run()
    app.segmented_control(key=f"{prefix}.sweep.how").set_value("At random").run()
    app.number_input(key=f"{prefix}.sweep.draws").set_value(5).run()
    assert "5 trainings" in words(app)
    app.button(key=f"{prefix}.create").click().run()
    assert len({view.job.options["learning_rate"] for view in store.jobs("model")}) == 5
