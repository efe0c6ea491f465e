"""What DIGITS tells about a model: the keys of its REST answers and of ``info.json`` in its archives and stores."""

import time
from typing import Any

import digits_core
from digits_core import files
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.services.models import checkpoints

Json = dict[str, Any]
FRAMEWORK = "pytorch"
STATUSES = {Status.WAITING: "Waiting", Status.RUNNING: "Running", Status.STALLED: "Running", Status.DONE: "Done",
            Status.STOPPED: "Aborted", Status.FAILED: "Error", Status.DAMAGED: "Error"}
RESIZE_MODES = {"half": "half_crop"}
"""Where DIGITS has another word than we do."""
NO_SNAPSHOTS = "no snapshots"


def info(view: JobView, prepared: Json, row: Json | None = None) -> Json:
    """A model as DIGITS describes it (its ``get_task_stats``), with file names as our archives have them.

    ``prepared`` says how pictures are brought to the network: a model's preprocessing.json, or before there is one the
    manifest of its dataset. ``row`` is a checkpoint, the newest by default. Dimensions are [height, width, channels].
    """
    row = row or next(reversed(checkpoints(view)), None)
    mean = prepared.get("mean", view.job.options.get("mean", "none"))
    mode = str(prepared.get("resize_mode", "squash")).split(" ")[0]
    return {
        "id": view.id, "job id": view.id, "name": view.name, "status": STATUSES[view.status],
        "dataset_id": str(view.job.options.get("dataset", "")), "username": view.job.owner, "framework": FRAMEWORK,
        "creation time": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(view.job.created)),
        "image dimensions": _dimensions(view, prepared),
        "image resize mode": RESIZE_MODES.get(mode, mode), "mean subtraction": mean,
        "mean file": "mean.npy" if mean == "image" else "", "labels file": "labels.txt",
        "model file": "network.json", "network file": "network.json",
        "snapshot file": str(row["file"]) if row else NO_SNAPSHOTS, "digits version": digits_core.__version__,
    }


def _dimensions(view: JobView, prepared: Json) -> list[int]:
    """Of pictures as they go in, before a crop."""
    shape = prepared.get("shape") or (files.read_json(view.folder.path / "network.json") or {})["input_shape"]
    return [int(prepared.get("height") or shape[1]), int(prepared.get("width") or shape[2]), int(shape[0])]
