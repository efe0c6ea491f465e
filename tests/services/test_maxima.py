"""Max activations as a job: asked for on every way, made in a worker, kept when it is stopped."""

import io
import json
import zipfile

import pytest
from PIL import Image
from typer.testing import CliRunner

from digits_core.cli import app
from digits_core.errors import InvalidOptions
from digits_core.infer import maximise
from digits_core.jobs.context import Stopped
from digits_core.jobs.model import Status
from digits_core.services import jobs, maxima
from tests.infer.model_folders import make_model
from tests.infer.sharing import shared_workspace

QUICK = {"steps": 3, "units": "0-3"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    yield from shared_workspace(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def model(workspace):
    return make_model(workspace.store, side=28, name="digits")


def test_a_run_makes_one_picture_a_unit(workspace, model, run):
    view = run(maxima.create(workspace, "tester", model.id, "", {**QUICK, "layer": "conv2"}))
    assert view.status is Status.DONE, view.state.reason
    assert view.name == "digits: conv2 0-3"
    assert view.folder.summary() == {"layer": "conv2", "pictures": 4, "steps": 3}
    page = maxima.made(workspace, view.id)
    assert [(row["unit"], row["label"]) for row in page.rows] == [(0, ""), (1, ""), (2, ""), (3, "")]
    assert Image.open(io.BytesIO(maxima.picture(workspace, view.id, 2))).size == (28, 28)
    assert Image.open(io.BytesIO(maxima.picture(workspace, view.id, 2, 140))).size == (140, 140)
    with zipfile.ZipFile(io.BytesIO(b"".join(maxima.archive(workspace, view.id)))) as found:
        assert found.namelist() == [*(f"conv2-{unit:04d}.png" for unit in range(4)), "maxima.json"]
        assert json.loads(found.read("maxima.json"))["units"] == page.rows
    assert [job.id for job in maxima.of_model(workspace, model.id)][:1] == [view.id]


def test_units_of_the_output_have_the_names_of_the_classes(workspace, model, run):
    view = run(maxima.create(workspace, "tester", model.id, "mine", {"steps": 2, "units": "9,2"}))
    assert [row["label"] for row in maxima.made(workspace, view.id).rows] == ["zwei", "=neun"]
    assert maxima.made(workspace, view.id, 1, 1).rows[0]["unit"] == 9
    assert maxima.made(workspace, view.id).total == 2


def test_a_stopped_run_keeps_its_finished_units_and_makes_the_others_when_resumed(workspace, model, run, monkeypatch):
    calls = []

    def climb(self, unit, told):
        calls.append(unit)
        if len(calls) == 3:
            raise Stopped
        return real(self, unit, told)

    real = maximise.Ascent.run
    monkeypatch.setattr(maximise.Ascent, "run", climb)
    view = run(maxima.create(workspace, "tester", model.id, "", QUICK))
    assert view.status is Status.STOPPED
    assert [row["unit"] for row in maxima.made(workspace, view.id).rows] == [0, 1]
    jobs.resume(workspace, "tester", view.id)
    view = run(view)
    assert view.status is Status.DONE, view.state.reason
    assert calls == [0, 1, 2, 2, 3]
    assert maxima.made(workspace, view.id).total == 4


@pytest.mark.parametrize(("options", "field"), [
    ({"layer": "conv9"}, "layer"), ({"units": "10-12"}, "units"), ({"units": "x"}, "units"), ({"steps": 0}, "steps"),
    ({"checkpoint": "7"}, "checkpoint"), ({"colour": 1}, "colour")])
def test_what_is_wrong_is_said_at_its_field(workspace, model, options, field):
    with pytest.raises(InvalidOptions) as found:
        maxima.create(workspace, "tester", model.id, "", options)
    assert [problem.field for problem in found.value.problems] == [field]


def test_weights_without_a_picture(workspace, model):
    found = maxima.weights(workspace, "", model.id)
    assert found["parameters"] == 431_080
    assert found["units"]["conv1"] == 20
    assert found["layers"][0]["picture"]
    with pytest.raises(InvalidOptions):
        maxima.weights(workspace, "", model.id, colormap="pink")


@pytest.mark.slow
def test_the_command_line_writes_pictures(workspace, model, tmp_path):
    def said(*words, code=0):
        found = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False, env={
            "DIGITS_JOBS_DIR": str(workspace.settings.jobs_dir), "DIGITS_USER": "tester"})
        assert found.exit_code == code, found.output
        return found.output

    words = said("weights", model.id, "--to", tmp_path / "weights")
    assert "conv2 50" in words and (tmp_path / "weights" / "000-conv1-weights.png").is_file()
    assert "needs --wait" in said("max-activations", model.id, "--to", tmp_path / "units", code=2)
    said("max-activations", model.id, "--layer", "output", "--units", "3", "--steps", "2", "--wait", "--json",
         "--to", tmp_path / "units")
    assert [path.name for path in (tmp_path / "units").iterdir()] == ["output-0003.png"]
