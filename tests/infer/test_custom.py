"""A custom network from training to classification: its code runs in a process that answers for it alone."""

import pytest

from digits_core.errors import BadData, NotAllowed
from digits_core.infer import client
from digits_core.infer.client import current
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.predictor import Predictor
from digits_core.jobs import confine
from digits_core.jobs.model import Status
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import exports, inference, maxima, models, modelstore, networks
from digits_core.services.workspace import Workspace
from tests.infer.model_folders import picture
from tests.infer.sharing import shared_workspace
from tests.networks.test_usercode import LINEAR
from tests.train import drawn

OPTIONS = {**drawn.SMALL, "network": "custom", "network_source": LINEAR, "network_values": "width=16", "epochs": 6}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    yield from shared_workspace(tmp_path_factory.mktemp("custom"))


def run(workspace):
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    scheduler.tick()
    scheduler.close()


@pytest.fixture(scope="module")
def model(workspace):
    data = drawn.dataset(workspace.store, train=60, val=30)
    view = models.create_model(workspace, "tester", "mine", data.id, OPTIONS)
    run(workspace)
    return workspace.store.get(view.id)


def test_it_trains_and_leaves_its_source(workspace, model):
    assert model.status is Status.DONE, model.attempt.result
    assert (model.folder.path / "network.py").read_text() == LINEAR
    assert networks.described(model) == {"network": "custom", "network_source": LINEAR, "network_values": "width=16"}
    assert networks.source(workspace, model.id) == LINEAR
    assert models.evaluation(model)["accuracy"] > 0.6


def test_it_answers_in_a_process_of_its_own(workspace, model):
    first = inference.classify(workspace, "tester", model.id, [("a.png", picture(1))])
    assert len(first[0]["predictions"]) == 3
    own = current(workspace.settings.jobs_dir, model.id)
    assert own is not None and current(workspace.settings.jobs_dir) is None
    looked = inference.look(workspace, "tester", model.id, ("a.png", picture(1)))
    assert looked["row"]["predictions"] == first[0]["predictions"]
    assert current(workspace.settings.jobs_dir, model.id)["process"] == own["process"]


def test_the_shared_process_refuses_its_code(model):
    folder = ModelFolder.read(model.folder.path)
    row = folder.checkpoint(models.find_checkpoint(model)["file"])
    with pytest.raises(NotAllowed, match="its own code"):
        Predictor(folder, row)
    assert Predictor(folder, row, user_code=True).network


def test_it_is_not_run_where_that_is_switched_off(workspace, model):
    off = Workspace(workspace.settings.model_copy(update={"custom_networks": "off"}), workspace.store)
    with pytest.raises(NotAllowed, match="switched off"):
        inference.classify(off, "tester", model.id, [("a.png", picture(1))])
    with pytest.raises(NotAllowed):
        modelstore.import_model(off, "tester", "again", model.folder.path / "labels.txt", allow_code=True)


@pytest.mark.slow
def test_it_is_exported_by_a_worker_that_is_confined(workspace, model):
    view = exports.create(workspace, "tester", model.id, {"pictures": 5})
    assert confine.brings_code(view.folder.path)
    run(workspace)
    assert workspace.store.get(view.id).status is Status.DONE, workspace.store.get(view.id).state.reason
    assert exports.file(workspace, "tester", view.id, "network.py").read_text() == LINEAR
    off = Workspace(workspace.settings.model_copy(update={"custom_networks": "off"}), workspace.store)
    with pytest.raises(NotAllowed, match="switched off"):
        exports.create(off, "tester", model.id, {})


def test_no_more_processes_than_models_are_kept(workspace, model, monkeypatch):
    few = workspace.settings.model_copy(update={"inference_models": 1})
    client.ensure(few, model.id)
    started = []
    monkeypatch.setattr(client, "_start", lambda settings, own: started.append(own) or {})
    client.ensure(few, "20200101-000000-abcd")
    assert started == ["20200101-000000-abcd"] and current(few.jobs_dir, model.id) is None


def test_its_units_can_be_excited(workspace, model):
    view = maxima.create(workspace, "tester", model.id, "", {"layer": "output", "units": "0", "steps": 8})
    run(workspace)
    assert workspace.store.get(view.id).status is Status.DONE, workspace.store.get(view.id).attempt.result
    assert maxima.made(workspace, view.id).total == 1


@pytest.fixture(scope="module")
def archive(workspace, model, tmp_path_factory):
    path = modelstore.export_model(workspace, "tester", model.id)
    copy = tmp_path_factory.mktemp("archive") / path.name
    copy.write_bytes(path.read_bytes())
    return copy


@pytest.fixture
def imported(workspace, archive, tmp_path):
    def bring(**more):
        path = tmp_path / "upload.zip"
        path.write_bytes(archive.read_bytes())
        view = modelstore.import_model(workspace, "tester", "again", path, **more)
        run(workspace)
        return workspace.store.get(view.id)
    return bring


def test_an_archive_with_code_is_refused_unless_that_is_allowed(workspace, imported):
    view = imported()
    assert view.status is Status.FAILED and "its own Python code" in view.attempt.result["reason"]
    assert not (view.folder.path / "network.py").exists()


def test_an_allowed_archive_is_a_model_like_any_other(workspace, model, imported):
    view = imported(allow_code=True)
    assert view.status is Status.DONE, view.attempt.result
    images = [("a.png", picture(1)), ("b.png", picture(2))]
    assert [row["predictions"] for row in inference.classify(workspace, "tester", view.id, images)] == [
        row["predictions"] for row in inference.classify(workspace, "tester", model.id, images)]
    assert networks.described(view) == networks.described(model)


def test_a_training_can_start_from_it(workspace, model):
    data = str(model.job.options["dataset"])
    view = models.create_model(workspace, "tester", "on", data, {**OPTIONS, "epochs": 1, "start_model": model.id})
    run(workspace)
    view = workspace.store.get(view.id)
    assert view.status is Status.DONE and models.start_report(view)["loaded"] == 4


def test_a_damaged_source_is_said(workspace, model):
    source = model.folder.path / "network.py"
    source.write_text("def (")
    try:
        with pytest.raises(BadData, match="line 1"):
            inference.classify(workspace, "tester", model.id, [("a.png", picture(1))])
    finally:
        source.write_text(LINEAR)
