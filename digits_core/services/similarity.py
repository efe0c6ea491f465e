"""Services on embeddings: two pictures compared, and a training's map of the pictures it was measured with."""

import math
from typing import Any

import numpy as np

from digits_core.errors import BadData, InvalidOptions, NotFound, Problem
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.services.embeddings import MapPage
from digits_core.services.inference import Image, classify
from digits_core.services.jobs import of_kind
from digits_core.services.models import evaluation
from digits_core.services.workspace import Workspace
from digits_core.tasks import task, tasks

Json = dict[str, Any]


def compare_pictures(workspace: Workspace, user: str, model_id: str, first: Image, second: Image,
                     checkpoint: str = "best") -> Json:
    """How far apart a model places two pictures: {"distance", "threshold", "same", "first", "second"}.

    ``first`` and ``second`` are its answers (see infer.neighbours). ``same`` tells whether they are taken to be of one
    class; it and the threshold are None where the checkpoint was not measured. Raises InvalidOptions for a model that
    does not place pictures.
    """
    if not task(of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED).job.task).embeds:
        able = [kind.title for kind in tasks().values() if kind.embeds]
        raise InvalidOptions([Problem("model", f"Only models of these tasks compare pictures: {', '.join(able)}.")])
    answers = classify(workspace, user, model_id, [first, second], checkpoint)
    for answer in answers:
        if answer.get("error"):
            raise BadData(f"{answer['image']} {answer['error']}.")
    distance = math.dist(*(answer["embedding"] for answer in answers))
    threshold = answers[0].get("threshold")
    return {"distance": distance, "threshold": threshold, "same": None if threshold is None else distance < threshold,
            "first": answers[0], "second": answers[1]}


def measured_map(view: JobView, split: str = "val") -> MapPage:
    """Where the best checkpoint places pictures of a split; rows are their positions. Raises NotFound without one."""
    report = evaluation(view, split)
    rows = report.get("points")
    if not rows:
        raise NotFound(f"'{view.name}' has no map of its {split} pictures.")
    found = np.array(rows, np.float64)
    return MapPage([str(row["label"]) for row in report["per_class"]], found[:, 0].astype(np.int64),
                   found[:, 1:3].astype(np.float32), found[:, 3].astype(np.int32), found[:, 4].astype(np.int32),
                   int(report["entries"]))
