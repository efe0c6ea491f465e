"""Models: created with everything checked, and their checkpoints found by best, last or epoch."""

from collections.abc import Callable
from typing import Any

import pytest

from digits_core import files
from digits_core.errors import InvalidOptions, NotAllowed, NotFound
from digits_core.jobs.store import JobView
from digits_core.services import models
from digits_core.services.workspace import Workspace
from tests.faults.folders import weights

FinishedJob = Callable[..., JobView]


def test_a_model_waits_in_the_queue_with_its_checked_options_and_a_recorded_seed(
        workspace: Workspace, finished_job: FinishedJob) -> None:
    dataset = finished_job("dataset")
    view = models.create_model(workspace, "ann", " lenet ", dataset.id, {"epochs": "3", "lr_policy": "exp"}, " g ")
    options = view.job.options
    assert (view.status, view.name, view.group, view.job.owner) == ("waiting", "lenet", "g", "ann")
    assert view.job.needs == (dataset.id,) and options["dataset"] == dataset.id
    assert (options["epochs"], options["lr_gamma"], options["network"]) == (3, 0.95, "lenet")
    assert isinstance(options["seed"], int)


@pytest.mark.parametrize(("dataset", "options", "fields"), [
    ("20200101-000000-aaaa", {}, ["dataset"]), ("../x", {}, ["dataset"]),
    (None, {"epochs": 0, "learning_rate": -1, "colour": 5}, ["epochs", "learning_rate", "colour"]),
    (None, {"network": "resnet999"}, ["network"]), (None, {"start_model": "20200101-000000-aaaa"}, ["start_model"]),
    (None, {"learning_rate": float("nan")}, ["learning_rate"])])
def test_problems_are_reported_at_their_fields_and_no_job_is_made(
        workspace: Workspace, finished_job: FinishedJob, dataset: str | None, options: dict[str, Any],
        fields: list[str]) -> None:
    made = finished_job("dataset").id
    with pytest.raises(InvalidOptions) as caught:
        models.create_model(workspace, "ann", "x", dataset or made, options)
    assert sorted(caught.value.by_field()) == sorted(fields)
    assert workspace.store.ids() == [made]


def test_a_model_is_not_a_dataset_and_a_failed_dataset_is_none(workspace: Workspace, finished_job: FinishedJob) -> None:
    model = finished_job("model")
    with pytest.raises(InvalidOptions, match="is a model, not a dataset"):
        models.create_model(workspace, "ann", "x", model.id, {})
    dataset = finished_job("dataset", name="pets")
    files.write_atomic(dataset.folder.attempt(1).result, {"state": "failed", "reason": "No pictures."})
    with pytest.raises(InvalidOptions, match=r"'pets' .*failed: No pictures"):
        models.create_model(workspace, "ann", "x", dataset.id, {})


def test_nobody_creates_a_model_without_a_name(workspace: Workspace, finished_job: FinishedJob) -> None:
    with pytest.raises(NotAllowed):
        models.create_model(workspace, "", "x", finished_job("dataset").id, {})


def test_a_model_that_starts_from_another_needs_it(workspace: Workspace, finished_job: FinishedJob) -> None:
    start = finished_job("pretrained")
    dataset = finished_job("dataset")
    view = models.create_model(workspace, "ann", "x", dataset.id, {"start_model": start.id, "seed": 5})
    assert view.job.needs == (dataset.id, start.id) and view.job.options["seed"] == 5


@pytest.mark.parametrize(("which", "epoch"), [("best", 2.0), ("last", 2.0), ("1", 1.0), ("1.0", 1.0), ("2", 2.0)])
def test_a_checkpoint_is_found_by_best_last_or_epoch(finished_job: FinishedJob, which: str, epoch: float) -> None:
    view = finished_job("model")
    assert models.find_checkpoint(view, which)["epoch"] == epoch
    assert models.checkpoint_path(view, which).read_bytes() == weights()


@pytest.mark.parametrize("which", ["7", "", "../../x", "nan", "best "])
def test_a_checkpoint_that_is_not_there_names_the_ones_that_are(finished_job: FinishedJob, which: str) -> None:
    with pytest.raises(NotFound, match=r"there are: best, last, 1, 2\."):
        models.find_checkpoint(finished_job("model"), which)


def test_a_checkpoint_without_its_weights_or_outside_its_folder_does_not_count(finished_job: FinishedJob) -> None:
    view = finished_job("model")
    (view.folder.checkpoints / "epoch_0002.000.safetensors").unlink()
    row = files.read_json(view.folder.checkpoints / "epoch_0001.000.json")
    for number, changes in enumerate([{"file": "../network.json"}, {"file": "/etc/passwd"}, {"file": ""}, {"file": 5},
                                      {"file": ".."}, {"metrics": 5}, {"epoch": "x"}, {"epoch": 10**400},
                                      {"file": "a\0b"}]):
        files.write_atomic(view.folder.checkpoints / f"epoch_9{number}.json", {**row, **changes})
    assert [row["epoch"] for row in models.checkpoints(view)] == [1.0]
    assert models.find_checkpoint(view, "best")["epoch"] == 1.0


def test_a_model_without_checkpoints_says_so(finished_job: FinishedJob) -> None:
    with pytest.raises(NotFound, match="has no checkpoint yet"):
        models.find_checkpoint(finished_job("dataset"))


def test_the_evaluation_is_empty_until_there_is_one_and_of_known_splits_only(finished_job: FinishedJob) -> None:
    view = finished_job("model")
    assert models.evaluation(view)["accuracy"] == 0.5 and models.evaluation(view, "test") == {}
    with pytest.raises(NotFound):
        models.evaluation(view, "../network")
