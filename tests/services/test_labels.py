"""Labels that a model's evaluation finds wrong become a version of the dataset, and the version is right."""

import pytest

from digits_core.errors import InvalidOptions, NotFound
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import datasets, evaluation, labels
from tests.evaluate import judged
from tests.infer.model_folders import make_model
from tests.infer.sharing import shared_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    yield from shared_workspace(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def data(workspace):
    return judged.dataset(workspace.store)


@pytest.fixture(scope="module")
def model(workspace, data):
    return judged.model(workspace.store, data)


def built(workspace, view):
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    scheduler.tick()
    scheduler.close()
    return workspace.store.get(view.id)


def test_the_wrong_labels_are_found_and_corrected_in_a_new_version(workspace, data, model):
    found = evaluation.pictures(workspace, model.id, "train", "suspects", limit=3).rows
    assert {row["index"] for row in found} == set(judged.FLIPPED)
    assert {row["index"] for row in found if row["issue"]} == set(judged.SEEN)
    version = built(workspace, labels.fix_labels(workspace, "tester", model.id, "relabel", "train"))
    assert version.status == "done" and version.name == "bars v2", version.state
    diff = version.folder.manifest()["diff"]
    assert (diff["relabelled"], diff["removed"]) == (2, 0)
    for place in judged.SEEN:
        before, after = (datasets.record(workspace, view.id, "train", place) for view in (data, version))
        assert before["label"] == (after["label"] + 1) % 3 and before["path"] == after["path"]


def test_or_left_out(workspace, data, model):
    version = built(workspace, labels.fix_labels(workspace, "tester", model.id, "exclude", "train", 1, "clean"))
    assert version.name == "clean" and version.folder.manifest()["diff"]["removed"] == 1
    assert version.folder.manifest()["splits"]["train"]["entries"] == 59


def test_a_mistake_gets_the_class_that_the_model_says():
    row = {"split": "val", "index": 4, "predicted": "cat"}
    assert labels.edit(row, "relabel") == {"do": "relabel", "split": "val", "index": 4, "label": "cat"}
    assert labels.edit({**row, "suggested": "dog"}, "relabel")["label"] == "dog"
    assert labels.edit(row, "exclude") == {"do": "exclude", "split": "val", "index": 4}


def test_what_cannot_be_changed_is_said(workspace, model):
    with pytest.raises(InvalidOptions, match="must be one of relabel, exclude"):
        labels.fix_labels(workspace, "tester", model.id, "burn")
    with pytest.raises(InvalidOptions, match="No label is probably wrong"):
        labels.fix_labels(workspace, "tester", model.id, "exclude", "test")
    with pytest.raises(NotFound, match="has no evaluation"):
        labels.fix_labels(workspace, "tester", make_model(workspace.store).id, "exclude")


def test_pictures_of_a_dataset_that_is_gone_cannot_be_changed(workspace):
    assert labels.dataset_of(workspace, {"source": "record:20200101-000000-abcd/val/1"}) is None
    assert labels.dataset_of(workspace, {"source": "/some/where.png"}) is None
