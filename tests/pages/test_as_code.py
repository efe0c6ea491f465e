"""Forms and jobs as code, JSON that fills forms, jobs that move: as a person does it on the pages."""

import json
import shlex

import pytest

from digits_core.jobs.model import Kind
from digits_core.services import as_code, foreign, made_of, recipes
from tests.data import planted
from tests.pages.conftest import words


def widget(app, kind, ending):
    """The one widget of a kind whose key ends so."""
    found, = [element for element in getattr(app, kind) if element.key and element.key.endswith(ending)]
    return found


def code_of(app):
    return [element.value for element in app.code]


@pytest.fixture
def pasting(visit, finished_job):
    """``pasting(page, text, **query)``: a page after a text was pasted into its form."""
    def paste(page, text, **query):
        app = visit(page, **query)
        widget(app, "button_group", ".code.as").set_value("Paste JSON").run()
        widget(app, "text_area", ".paste").set_value(text).run()
        return widget(app, "button", ".paste.go").click().run()

    return paste


def test_a_form_says_what_it_asks_for_as_it_is_typed(visit, workspace):
    app = visit("datasets.py", new="classification")
    widget(app, "text_input", ".name").set_value("it's").run()
    widget(app, "number_input", ".width").set_value(17).run()
    line, = [code for code in code_of(app) if "create-dataset" in code]
    assert shlex.split(line)[3:] == ["--jobs-dir", str(workspace.store.root), "create-dataset", "classification",
                                     "--name", "it's", "--user", "tester", "--width", "17"]
    widget(app, "button_group", ".code.as").set_value("JSON").run()
    body = {"task": "classification", "name": "it's", "options": {"width": 17}}
    assert json.loads(next(code for code in code_of(app) if "options" in code)) == body
    widget(app, "toggle", ".code.whole").set_value(True).run()
    assert json.loads(next(code for code in code_of(app) if "options" in code))["options"]["height"] == 256
    widget(app, "button_group", ".code.as").set_value("curl").run()
    assert "/api/datasets -H 'X-Digits-User: tester'" in words(app)


def test_pasted_json_fills_the_form_and_makes_the_same_job(pasting, store, tmp_path):
    top = planted.class_folders(tmp_path / "set", 8, 0, 0, 0)
    text = json.dumps({"name": "pets", "group": "g", "task": "classification",
                       "options": {"folder": str(top), "width": 9, "channels": "gray", "stratified": False}})
    app = pasting("datasets.py", text, new="classification")
    assert widget(app, "number_input", ".width").value == 9
    widget(app, "button", ".create").click().run()
    view, = store.jobs(Kind.DATASET)
    assert (view.name, view.group) == ("pets", "g")
    assert json.loads(json.dumps(as_code.body(made_of.asked(view)))) == json.loads(text)


def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(pasting):
    app = pasting("datasets.py", '{"name": "x", "task": "detection", "options": {"height": -1, "widthx": 2}}',
                  new="classification")
    said = app.error[0].value
    assert "widthx" in said and "did you mean" in said and "height" in said
    assert len([element for element in app.markdown if element.value.startswith(":red[")]) == 1
    assert widget(app, "number_input", ".height").value == 256
    assert "widthx" in widget(app, "text_area", ".paste").value
    widget(app, "text_area", ".paste").set_value('{"task": "detection", "options": {}}').run()
    widget(app, "button", ".paste.go").click().run()
    assert "form for classification" in app.error[0].value.replace("\\", "")


def test_a_sweep_and_a_dataset_come_with_pasted_json(pasting, finished_job, store):
    dataset = finished_job("dataset", name="second")
    finished_job("dataset", name="newest")
    app = pasting("models.py", json.dumps({"name": "rates", "dataset": dataset.id, "options": {
        "learning_rate": [0.1, 0.01], "network": "lenet", "epochs": 2}}), new="classification")
    assert widget(app, "selectbox", ".dataset").value == dataset.id
    widget(app, "button", ".create").click().run()
    made = store.jobs(Kind.MODEL)
    assert sorted(view.job.options["learning_rate"] for view in made) == [0.01, 0.1]
    assert {view.job.options["dataset"] for view in made} == {dataset.id}
    app = pasting("models.py", '{"dataset": "20200101-000000-abcd", "options": {}}', new="classification")
    assert "There is no job" in words(app)


@pytest.mark.parametrize("kind", ["dataset", "model", "inference", "frames"])
def test_every_job_says_how_it_is_made_again(kind, visit, finished_job):
    view = finished_job(kind)
    app = visit("job.py", id=view.id, tab="Configuration")
    assert f"{shlex.join(as_code.PROGRAM.split())}" in words(app)


def test_a_model_of_single_files_shows_each_option_by_its_title(visit, workspace, tmp_path):
    (tmp_path / "w.pth").touch()
    view = foreign.import_files(workspace, "tester", "x", {"file": str(tmp_path / "w.pth"), "network": "lenet"})
    rows = visit("job.py", id=view.id, tab="Configuration").dataframe[0].value
    assert dict(zip(rows["option"], rows["value"], strict=True))["Known network"] == "LeNet"


def test_a_job_offers_its_bundle_and_its_recipe(visit, finished_job):
    view = finished_job("model")
    app = visit("job.py", id=view.id)
    app.session_state["job.move"] = True
    app.run()
    assert "With the state to go on training" in [toggle.label for toggle in app.toggle]
    assert not app.exception


def test_a_recipe_is_run_from_the_home_page(visit, workspace, finished_job, store):
    view = finished_job("model", name="net")
    text = recipes.recipe(workspace, "tester", view.id)
    app = visit("home.py")
    app.session_state["import.what"] = "Recipe (.yaml)"
    widget(app, "button", "home.import").click().run()
    for given in ("jobs: []", text):
        widget(app, "text_area", "import.text").set_value(given)
        widget(app, "button", "home.import").click().run()
        widget(app, "button", "home.import").click()  # a whole run closes the dialog: it is opened again with it
        widget(app, "button", "import.run").click().run()
        if given != text:
            assert "no recipe" in app.error[0].value
    assert len(store.jobs(Kind.MODEL)) == 2
