"""Publishing a model in the dialog of its page, and the models that answer on the System page."""

import time

import pytest

from digits_core import files
from digits_core.export.options import ARCHIVE, REPORT
from digits_core.jobs.model import Job, Kind
from digits_core.services import inference
from tests.faults.folders import end
from tests.infer.model_folders import make_model, picture
from tests.pages.conftest import words


@pytest.fixture
def model(store):
    return make_model(store, name="my digits", epochs=(1.0,))


@pytest.fixture
def export(store, model):
    """A finished export, made by hand."""
    job = Job(store.new_id(), Kind.EXPORT, "classification", "an export", "tester", time.time(), {"model": model.id})
    folder = store.submit(job).path
    (folder / ARCHIVE).mkdir()
    for name in ("model.onnx", "labels.txt"):
        (folder / ARCHIVE / name).write_bytes(b"x")
    files.write_atomic(folder / REPORT, {"epoch": 1.0, "variants": [
        {"format": "onnx", "precision": "fp32", "file": "model.onnx", "batch": "any"}],
        "input": {"name": "image", "dtype": "uint8", "shape": [-1, 12, 12, 1]},
        "output": {"name": "probabilities", "dtype": "float32", "shape": [-1, 10]}})
    end(folder, {})
    return store.get(job.id)


def test_a_model_is_exported_before_it_is_published(model, visit):
    app = visit("job.py", id=model.id).button(key="job.elsewhere").click().run()
    assert "Export this model first" in words(app) and f"/v2/models/{model.id}/infer" in words(app)


def test_the_dialog_exports_what_is_not_exported_yet(model, visit, workspace):
    app = visit("job.py", id=model.id).button(key="job.elsewhere").click().run()
    app.button(key="job.elsewhere").click()
    app.button(key="elsewhere.export").click().run()
    made, = workspace.store.jobs(Kind.EXPORT)
    assert made.job.options["model"] == model.id and made.name in words(app)


def test_an_export_is_published_from_the_page_of_its_model(model, export, visit, monkeypatch, tmp_path):
    monkeypatch.setenv("DIGITS_PUBLISH_DIR", str(tmp_path / "models"))
    app, prefix = visit("job.py", id=model.id), f"elsewhere.{model.id}"

    def opened():
        """The dialog stays open as long as its button is clicked with each run."""
        app.button(key="job.elsewhere").click()
        return app

    opened().run()
    app.button_group(key=f"{prefix}.where").set_value("folder")
    app.number_input(key=f"{prefix}.version").set_value(4)
    opened().run()
    app.button(key="elsewhere.go").click()
    opened().run()
    assert "successfully published" in app.success[0].value
    assert (tmp_path / "models" / "my_digits" / "4" / "model.onnx").read_bytes() == b"x"
    app.button(key="elsewhere.go").click()
    opened().run()
    assert "version 4 there already" in app.error[0].value


def test_the_system_page_shows_the_models_that_answer(model, visit, workspace):
    inference.classify(workspace, "", model.id, [("a", picture())])
    app = visit("system.py", tab="Models loaded")
    row = app.dataframe[0].value.iloc[0]
    assert (row["name"], row["requests"], row["device"], row["batch"]) == ("my digits", 1, "cpu", 1.0)
    assert 0 < row["p50"] <= row["p95"]
