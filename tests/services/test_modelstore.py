import os
import shutil
import time

import pytest

from digits_core.errors import BadData, InvalidOptions, NotAllowed, NotFound
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import inference, modelstore
from digits_core.services.workspace import Workspace
from tests.infer.model_folders import make_model, picture
from tests.infer.sharing import shared_workspace

IMAGES = [(f"{n}.png", picture(n)) for n in range(4)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    yield from shared_workspace(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def elsewhere(tmp_path):
    yield from shared_workspace(tmp_path / "elsewhere")


def imported(workspace, path, name="imported"):
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    view = modelstore.import_model(workspace, "tester", name, path)
    scheduler.tick()
    scheduler.close()
    return workspace.store.get(view.id)


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "crop", "mean"), [("gray", None, "image"), ("color", 8, "image"),
                                                        ("color", None, "pixel")])
def test_a_model_predicts_the_same_after_a_journey(workspace, elsewhere, tmp_path, channels, crop, mean):
    model = make_model(workspace.store, channels=channels, crop=crop, mean=mean)
    path = modelstore.export_model(workspace, "tester", model.id)
    shutil.copy(path, tmp_path / "mail.zip")
    there = imported(elsewhere, tmp_path / "mail.zip")
    assert there.status is Status.DONE, there.state.reason
    before = inference.classify(workspace, "", model.id, IMAGES, top=10)
    after = inference.classify(elsewhere, "", there.id, IMAGES, top=10)
    assert [row["predictions"] for row in before] == [row["predictions"] for row in after]


def test_an_imported_model_can_be_exported_again_with_the_same_weights(workspace, tmp_path):
    model = make_model(workspace.store)
    shutil.copy(modelstore.export_model(workspace, "tester", model.id), tmp_path / "1.zip")
    first = imported(workspace, tmp_path / "1.zip")
    shutil.copy(modelstore.export_model(workspace, "tester", first.id), tmp_path / "2.zip")
    second = imported(workspace, tmp_path / "2.zip")
    sums = [view.folder.checkpoints / "epoch_0002.000.safetensors" for view in (model, first, second)]
    assert len({path.read_bytes() for path in sums}) == 1
    assert (second.folder.path / "evaluation" / "val.json").exists()


def test_each_checkpoint_can_be_exported_under_a_name_for_people(workspace):
    model = make_model(workspace.store, name="Größe 3")
    assert modelstore.export_model(workspace, "tester", model.id).name == "Größe_3_epoch_2.zip"
    assert modelstore.export_model(workspace, "tester", model.id, "1").name == "Größe_3_epoch_1.zip"
    with pytest.raises(NotFound):
        modelstore.export_model(workspace, "tester", model.id, "9")


def test_old_exports_are_cleared_away(workspace):
    model = make_model(workspace.store)
    old = modelstore.export_model(workspace, "tester", model.id, "1").parent
    os.utime(old, (time.time() - 7200,) * 2)
    new = modelstore.export_model(workspace, "tester", model.id)
    assert new.exists()
    assert not old.exists()


def test_imports_are_listed_in_every_state(workspace, tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"no archive")
    view = imported(workspace, tmp_path / "bad.zip", "bad")
    listed = modelstore.list_pretrained(workspace)
    assert {one.id: one.status for one in listed}[view.id] is Status.FAILED
    assert {one.job.kind for one in listed} == {Kind.PRETRAINED}


def test_an_import_needs_a_file_a_name_and_a_user(workspace, tmp_path):
    path = tmp_path / "a.zip"
    with pytest.raises(BadData):
        modelstore.import_model(workspace, "tester", "x", path)
    path.write_bytes(b"x")
    with pytest.raises(NotAllowed):
        modelstore.import_model(workspace, "", "x", path)
    with pytest.raises(InvalidOptions):
        modelstore.import_model(workspace, "tester", "", path)
    assert path.exists()


def test_another_jobs_folder_needs_nothing_of_the_first(elsewhere):
    assert isinstance(elsewhere, Workspace)
    assert modelstore.list_pretrained(elsewhere) == []
