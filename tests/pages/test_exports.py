"""Downloading a model on its page: the dialog, the job it becomes, the list of what was made."""

from digits_core.jobs.model import Kind
from digits_core.services import exports
from tests.infer.model_folders import make_model
from tests.pages.conftest import words


def test_the_dialog_offers_everything_and_the_weights_alone(visit, store):
    model = make_model(store)
    app = visit("job.py", id=model.id, tab="Checkpoints")
    app.button(key="model.download").click().run()  # a dialog's own runs need a browser
    assert "needs no DIGITS" in words(app) and "Make and check" in words(app)


def test_an_export_is_asked_for_on_the_page_of_its_model(visit, store):
    model = make_model(store)
    app, prefix = visit("job.py", id=model.id, tab="Exports"), f"export.new.{model.id}."
    app.button_group(key=f"{prefix}.precisions").set_value(["fp32", "int8"])
    app.text_input(key=f"{prefix}.checkpoint").set_value("9")
    app.button(key=f"{prefix}.create").click().run()
    assert "has no checkpoint of epoch 9" in words(app) and not store.jobs(Kind.EXPORT)
    app.text_input(key=f"{prefix}.checkpoint").set_value("1")
    app.button(key=f"{prefix}.create").click().run()
    view, = (view for view in store.jobs(Kind.EXPORT) if view.job.kind is Kind.EXPORT)
    assert view.job.options["precisions"] == ["fp32", "int8"] and view.job.options["checkpoint"] == "1"
    assert view.name in words(app)


def test_what_was_made_is_listed_with_its_model_and_can_be_cloned(visit, store, workspace):
    model = make_model(store)
    assert "Nothing was exported yet" in words(visit("job.py", id=model.id, tab="Exports"))
    view = exports.create(workspace, "tester", model.id, {"precisions": ["fp16"], "drop": 7})
    assert "ONNX fp32, ONNX fp16; checkpoint best" in words(visit("job.py", id=model.id, tab="Exports"))
    app = visit("job.py", id=view.id)
    app.button(key="job.clone").click().run()
    assert app.number_input(key=f"export.new.{model.id}.{view.id}.drop").value == 7


def test_a_finished_export_shows_its_check_and_one_that_failed_why(visit, finished_job):
    view = finished_job("export")
    app = visit("job.py", id=view.id)
    assert "Files that agree 1 of 1" in words(app)
    table = app.dataframe[0].value
    assert list(table["name"]) == ["PyTorch", "ONNX fp32"] and list(table["agreement"][1:]) == [100.0]
    assert table["file"][1] == f"/api/exports/{view.id}/files/model.onnx"
