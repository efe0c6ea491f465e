"""The built-in demo: real handwritten digits that come with scikit-learn, a dataset of them, and a network on it."""

import time
from pathlib import Path

import filelock

from digits_core.data.download import download_data
from digits_core.jobs.model import Job, Kind, Status
from digits_core.jobs.store import JobView
from digits_core.options import check
from digits_core.services.access import check_user_name
from digits_core.services.workspace import Workspace
from digits_core.tasks import task as get_task

DATASET = {"method": "folder", "channels": "gray", "width": 28, "height": 28, "resize_mode": "squash",
           "val_percent": 25.0, "encoding": "png"}
MODEL = {"network": "lenet", "epochs": 30, "solver": "momentum", "learning_rate": 0.01, "lr_policy": "step",
         "batch_size": 64, "mean": "pixel", "seed": 1, "device": "auto"}


def start_demo(workspace: Workspace, user: str = "") -> tuple[JobView, JobView]:
    """Put the demo's dataset and model into the queue; returns both. Again: the ones that are there already.

    Without a user the jobs belong to nobody, and anybody with a name may change them.
    """
    if user:
        check_user_name(user)
    folder = workspace.store.root / ".demo" / "digits"
    with filelock.FileLock(workspace.store.locks / "demo.lock", timeout=120):
        if not folder.exists():  # it appears whole
            download_data("digits", folder)
        dataset = _found(workspace, Kind.DATASET, folder) or _dataset(workspace, user, folder)
        model = _found(workspace, Kind.MODEL, folder, dataset.id) or _model(workspace, user, dataset)
    return dataset, model


def _found(workspace: Workspace, kind: Kind, folder: Path, dataset: str = "") -> JobView | None:
    for view in workspace.store.jobs(kind):
        options = view.job.options
        if view.status in (Status.FAILED, Status.STOPPED, Status.DAMAGED):
            continue
        if options.get("dataset") == dataset if dataset else options.get("folder") == str(folder):
            return view
    return None


def _dataset(workspace: Workspace, user: str, folder: Path) -> JobView:
    options = check(get_task("classification").dataset_options, {**DATASET, "folder": str(folder)})
    return _submit(workspace, Kind.DATASET, "Handwritten digits", user, options.model_dump(mode="json"), ())


def _model(workspace: Workspace, user: str, dataset: JobView) -> JobView:
    options = check(get_task("classification").model_options, dict(MODEL)).model_dump(mode="json")
    return _submit(workspace, Kind.MODEL, "LeNet on handwritten digits", user, {**options, "dataset": dataset.id},
                   (dataset.id,))


def _submit(workspace: Workspace, kind: Kind, name: str, user: str, options: dict[str, object],
            needs: tuple[str, ...]) -> JobView:
    job = Job(workspace.store.new_id(), kind, "classification", name, user, time.time(), options, needs)
    workspace.store.submit(job)
    return workspace.store.get(job.id)
