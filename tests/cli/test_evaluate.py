"""What the command line says of a trained model, and the wrong labels it mends."""

import json

import pytest
from typer.testing import CliRunner

from digits_core.cli import app
from digits_core.services import evaluation
from tests.cli.conftest import last_json
from tests.evaluate import judged
from tests.infer.model_folders import picture
from tests.infer.sharing import shared_workspace
from tests.train import drawn


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    yield from shared_workspace(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def model(workspace):
    return judged.model(workspace.store, judged.dataset(workspace.store))


@pytest.fixture
def said(workspace):
    def run(*words, code=0):
        found = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False, env={
            "DIGITS_JOBS_DIR": str(workspace.settings.jobs_dir), "DIGITS_USER": "tester",
            "DIGITS_INFERENCE_DEVICE": "cpu"})
        assert found.exit_code == code, found.stderr
        return found.stdout
    return run


def test_the_report_for_people_and_for_scripts(said, workspace, model):
    assert "24 pictures" in said("evaluation", model.id) and "accuracy" in said("evaluation", model.id)
    found = json.loads(said("evaluation", model.id, "--split", "test", "--json"))
    assert found["metrics"] == evaluation.report(workspace, model.id, "test")["metrics"]


def test_pictures_curves_and_comparison(said, workspace, model):
    words = said("evaluation", model.id, "--split", "train", "--show", "suspects", "--limit", 3)
    assert words.count("probably") == len(judged.SEEN)
    found = json.loads(said("evaluation", model.id, "--show", "cell", "--truth", "cat", "--json"))
    assert found["total"] == 8
    curves = json.loads(said("evaluation", model.id, "--show", "curves", "--predicted", "dog", "--json"))
    assert curves["label"] == "dog"
    assert json.loads(said("evaluation", model.id, "--compare", model.id, "--json"))["p"] == 1


def test_wrong_labels_become_a_version(said, workspace, model):
    made = last_json(said("fix-labels", model.id, "--do", "exclude", "--split", "train", "--first", 1, "--json"))
    assert made["kind"] == "dataset" and workspace.store.get(made["id"]).job.options["changes"] == 1
    said("fix-labels", model.id, "--do", "exclude", "--split", "test", code=2)


@pytest.mark.slow
def test_layers_and_explanations_are_written_as_pictures(said, model, tmp_path):
    (tmp_path / "one.png").write_bytes(picture(1))
    said("classify", tmp_path / "one.png", "--model", model.id, "--layers", tmp_path / "out",
         "--explain", "grad-cam,occlusion")
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert any("grad-cam" in name for name in written) and any(name.endswith(".json") for name in written)


@pytest.mark.slow
def test_a_training_can_be_tried_out(said, workspace):
    data = drawn.dataset(workspace.store)
    words = said("try-out", "--dataset", data.id, "--batch-size", 8, "--mean", "pixel", "--find-rate")
    assert "An epoch: " in words and "Disk: " in words and "Learning rate: " in words


def test_a_model_is_tested_on_a_dataset(said, workspace, model):
    data = model.job.options["dataset"]
    batch = last_json(said("classify-many", "--model", model.id, "--dataset", data, "--split", "val", "--wait",
                           "--json"))
    found = json.loads(said("evaluation", batch["id"], "--json"))
    assert found["entries"] == 24
    assert found["confusion"] == evaluation.report(workspace, model.id, "val")["confusion"]


@pytest.mark.slow
def test_the_layers_of_a_network_are_shown(said, workspace):
    words = said("layers", "--dataset", drawn.dataset(workspace.store).id, "--network", "lenet")
    assert "conv2" in words and "52,573 parameters" in words
