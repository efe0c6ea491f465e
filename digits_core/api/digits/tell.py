"""Jobs as DIGITS told them: the keys and words that scripts read."""

import time
from collections.abc import Iterable
from typing import Any

from digits_core import files
from digits_core.errors import BadData
from digits_core.jobs.model import Kind, Status, number
from digits_core.jobs.store import JobView
from digits_core.services.info import FRAMEWORK, STATUSES, info
from digits_core.services.models import checkpoints
from digits_core.services.workspace import Workspace
from digits_core.tasks import measures, tasks

Json = dict[str, Any]
NEW = "Initialized"
"""The status of what was made just now."""
TYPES = {Kind.DATASET: ("Image Classification Dataset", "Generic Dataset"),
         Kind.MODEL: ("Image Classification Model", "Generic Image Model"),
         Kind.PRETRAINED: ("Pretrained Model",) * 2}
"""By kind: what is classified, and everything else."""
COLOURS = {"Waiting": "warning", "Running": "info", "Done": "success", "Aborted": "danger", "Error": "danger"}
SPLITS = ("train", "val", "test")


def classified(view: JobView) -> bool:
    """Whether every entry is of one class: DIGITS had jobs of their own for that, the others were "generic"."""
    kind = tasks().get(view.job.task)
    return kind is not None and not kind.target and not kind.datasets


def job_type(view: JobView) -> str:
    """What DIGITS called a job of this kind."""
    return TYPES[view.job.kind][not classified(view)] if view.job.kind in TYPES else f"{view.job.kind} job".capitalize()


def brief(view: JobView) -> Json:
    """A job in a list."""
    return {"id": view.id, "name": view.name, "status": STATUSES[view.status]}


def dataset(view: JobView) -> Json:
    """A dataset with what its splits hold; numbers are null until it is done."""
    facts = view.folder.manifest() if view.status is Status.DONE else {}
    told = {**brief(view), "directory": str(view.folder.path.absolute())}
    return {**told, **(_classes(view, facts) if classified(view) else _generic(view, facts))}


def _count(facts: Json, split: str) -> int | None:
    return facts["splits"].get(split, {}).get("entries", 0) if facts else None


def _splits(facts: Json) -> Iterable[str]:
    return [split for split in SPLITS if split in facts.get("splits", SPLITS[:2])]


def _classes(view: JobView, facts: Json) -> Json:
    channels, height, width = facts.get("shape", (None, None, None))
    options = view.job.options
    entries = {"image_width": width or options.get("width"), "image_height": height or options.get("height"),
               "image_channels": channels or {"gray": 1, "color": 3}.get(str(options.get("channels"))),
               "backend": "lmdb", "encoding": options.get("encoding", "png"), "compression": "none"}
    return {
        "ParseFolderTasks": [{"name": f"Parse Folder ({'/'.join(_splits(facts))})",
                              "label_count": len(facts["labels"]) if facts else None,
                              **{f"{split}_count": _count(facts, split) for split in SPLITS}}],
        "CreateDbTasks": [{"name": f"Create DB ({split})", "entries": _count(facts, split), **entries}
                          for split in _splits(facts)]}


def _generic(view: JobView, facts: Json) -> Json:
    """Features and labels lie in one database here, so both paths are its."""
    places = {split: str(view.folder.path.absolute() / f"{split}.lmdb") for split in SPLITS}
    channels, height, width = facts.get("shape", (None, None, None))
    return {
        "create_db_tasks": [
            {"name": f"Create {split}_db DB", "stage": f"{split}_db", "entry_count": _count(facts, split),
             "feature_db_path": places[split], "label_db_path": places[split]} for split in SPLITS],
        "feature_dims": [height, width, channels] if facts else None}


def model(space: Workspace, view: JobView) -> Json:
    """A model as in its archive, and what its page told: folder, epochs with a checkpoint.

    Raises BadData for a damaged one.
    """
    try:
        told = info(view, prepared(space, view))
    except (KeyError, TypeError, ValueError) as error:
        raise BadData(f"The files of '{view.name}' are damaged: {type(error).__name__}.") from None
    return {**told, "directory": str(view.folder.path.absolute()),
            "snapshots": [int(row["epoch"]) if float(row["epoch"]).is_integer() else row["epoch"]
                          for row in checkpoints(view)]}


def prepared(space: Workspace, view: JobView) -> Json:
    """How pictures come to a model's network: as it says itself, else as its dataset is, else as that was asked for."""
    source = space.store.get(str(view.job.options["dataset"])) if _has_dataset(space, view) else view
    options, network = source.job.options, files.read_json(view.folder.path / "network.json") or {}
    channels = {"gray": 1}.get(str(options.get("channels")), 3)
    shape = network.get("input_shape") or [channels, options.get("height") or 0, options.get("width") or 0]
    return {"shape": shape, "resize_mode": options.get("resize_mode", "squash"), **source.folder.manifest(),
            **(files.read_json(view.folder.path / "preprocessing.json") or {})}


def _has_dataset(space: Workspace, view: JobView) -> bool:
    return (space.store.root / str(view.job.options.get("dataset") or "-") / "job.json").is_file()


def row(view: JobView) -> Json:
    """A job in the tables of DIGITS' home page; figures of a training are those of its best checkpoint."""
    word = STATUSES[view.status]
    end = view.ended or (time.time() if view.status.is_live else view.started)
    known: dict[Kind, Json] = {
        Kind.DATASET: {"type": "dataset", "backend": "lmdb"},
        Kind.MODEL: {"type": "model", "framework": FRAMEWORK, "dataset_id": str(view.job.options.get("dataset", ""))},
        Kind.PRETRAINED: {"type": "pretrained_model", "framework": FRAMEWORK, "username": view.job.owner,
                          "has_labels": (view.folder.path / "labels.txt").is_file()}}
    return {**brief(view), "group": view.group, "status_css": COLOURS[word], "submitted": view.job.created,
            "elapsed": round(max(0.0, end - view.started), 1) if end and view.started else 0,
            "progress": round(100 * view.progress.done), **known.get(view.job.kind, {"type": str(view.job.kind)}),
            **_figures(view)}


def _figures(view: JobView) -> Json:
    if view.job.kind is not Kind.MODEL:
        return {}
    found = view.folder.summary()
    return {f"{measure.name} (val)": found[measure.name] for measure in measures(view.job.task)
            if number(found.get(measure.name)) is not None}
