"""Services on models: create a training, read its checkpoints and its report."""

import secrets
import time
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import BadState, DigitsError, InvalidOptions, NotFound, Problem
from digits_core.jobs.checkpoints import find_checkpoint as checkpoint_of
from digits_core.jobs.checkpoints import whole_checkpoints
from digits_core.jobs.model import Job, Kind, number
from digits_core.jobs.store import JobView
from digits_core.networks import body_of
from digits_core.services.access import authorize
from digits_core.services.augmentation import suiting
from digits_core.services.datasets import require_done
from digits_core.services.jobs import checked_name, of_kind, together
from digits_core.services.networks import checked_options, require_working
from digits_core.services.weights import SOURCE, start_of
from digits_core.services.workspace import Workspace
from digits_core.tasks import model_task

Json = dict[str, Any]


def create_model(workspace: Workspace, user: str, name: str, dataset: str, options: Json,
                 group: str = "") -> JobView:
    """Check everything and put a training into the queue; it waits for its dataset when that is still being built.

    Raises InvalidOptions with every problem at its field. A missing seed is drawn here, so that it is recorded.
    """
    authorize(user, "create")
    title, (task, values) = together(lambda: checked_name(name), lambda: planned(workspace, dataset, options))
    values["start_model"] = start_of(workspace, user, values["network"], values["start_model"])
    values["seed"] = secrets.randbelow(2**31) if values["seed"] is None else values["seed"]
    needs = (dataset, *_start(workspace, values))
    job = Job(workspace.store.new_id(), Kind.MODEL, task, title, user, time.time(),
              {**values, "dataset": dataset}, needs, group.strip())
    workspace.store.submit(job)
    return workspace.store.get(job.id)


def planned(workspace: Workspace, dataset: str, options: Json) -> tuple[str, Json]:
    """Task and complete options of a training that is not made yet. Raises as ``create_model`` does."""
    try:
        dataset_view = of_kind(workspace, dataset, Kind.DATASET)
    except NotFound as error:
        raise InvalidOptions([Problem("dataset", str(error))]) from None
    require_done(dataset_view)
    checked = checked_options(workspace, dataset_view, options)
    if problems := suiting(dataset_view, checked):
        raise InvalidOptions(problems)
    require_working(workspace, dataset_view, checked)
    values = checked.model_dump(mode="json")
    if values["start_model"].partition(":")[0] != SOURCE:
        _start(workspace, values)
    return model_task(dataset_view.job.task, checked.task).name, values


def _start(workspace: Workspace, values: Json) -> list[str]:
    if not values["start_model"]:
        return []
    try:
        start = of_kind(workspace, values["start_model"], Kind.MODEL, Kind.PRETRAINED)
        if not _is_coming(start, values["network"]):
            find_checkpoint(start, values["start_checkpoint"])
    except DigitsError as error:
        raise InvalidOptions([Problem("start_model", str(error))]) from None
    return [start.id]


def _is_coming(start: JobView, network: str) -> bool:
    """Whether these weights are still being fetched or read. Raises BadState when they are of another network."""
    known = start.job.options.get("network") or (start.job.options.get("files") or {}).get("network")
    if start.job.kind is not Kind.PRETRAINED or start.status.is_final or not known:
        return False
    if known not in (network, body_of(network)):
        raise BadState(f"'{start.name}' brings weights of {known}, not of {network}.")
    return True


def checkpoints(view: JobView) -> list[Json]:
    """All whole checkpoints, oldest first: epoch, step, file, sha256, bytes, metrics, best."""
    return whole_checkpoints(view.folder.checkpoints)


def find_checkpoint(view: JobView, which: str = "best") -> Json:
    """One checkpoint: "best", "last" or an epoch. Raises NotFound with the epochs there are."""
    return checkpoint_of(view.folder.checkpoints, which, f"'{view.name}'")


def checkpoint_path(view: JobView, which: str = "best") -> Path:
    """The weights file of one checkpoint. Raises NotFound when there is none, or its file is gone."""
    name = Path(str(find_checkpoint(view, which).get("file", ""))).name
    path = view.folder.checkpoints / name
    if not name or not path.is_file():
        raise NotFound(f"The file of checkpoint {which} of '{view.name}' is missing.")
    return path


def labels(view: JobView) -> list[str]:
    """The names of a model's classes, in order; none when its file is missing."""
    path = view.folder.path / "labels.txt"
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def evaluation(view: JobView, split: str = "val") -> Json:
    """The report of the final evaluation on a split; empty until there is one."""
    if split not in ("train", "val", "test"):
        raise NotFound(f"There is no split {split[:40]!r}; there are train, val and test.")
    return files.read_json(view.folder.path / "evaluation" / f"{split}.json") or {}


def start_report(view: JobView) -> Json:
    """Where a model's first weights came from: model, epoch, counts, and under ``tensors`` each with its state.

    A state is loaded, adapted, new or unused, with the reason; empty for a model that began from scratch.
    """
    start = (files.read_json(view.folder.path / "network.json") or {}).get("start")
    if not isinstance(start, dict):
        return {}
    lines = start.get("tensors")
    good = [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
    return {**start, "tensors": [{key: str(line.get(key, "")) for key in ("name", "state", "size", "why")}
                                 for line in good]} if start else {}


def found_batch_size(view: JobView) -> Json:
    """The batch size that a training found for itself, the device, and what it tried; empty for any other."""
    found = files.read_json(view.folder.path / "batch_size.json") or {}
    tried = found.get("tried")
    good = number(found.get("batch_size")) is not None and isinstance(tried, list) \
        and all(isinstance(row, dict) for row in tried)
    return found if good else {}
