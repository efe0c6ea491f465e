"""Services that show what a network has learned without any picture: its weights, and what excites its units most."""

import json
import tempfile
import time
import zipfile
from collections.abc import Iterator
from typing import Any, NamedTuple

from digits_core.errors import DigitsError, InvalidOptions, NotFound, Problem
from digits_core.infer.client import InferenceClient
from digits_core.infer.maxima import Maxima, file_name
from digits_core.infer.options import COLORMAPS, MAXIMA, AscentOptions, chosen_units
from digits_core.infer.tiles import repeated
from digits_core.jobs.model import Job, Kind, Status
from digits_core.jobs.store import JobView
from digits_core.networks.custom import CUSTOM
from digits_core.options import check
from digits_core.services.access import authorize
from digits_core.services.jobs import checked_name, of_kind
from digits_core.services.models import find_checkpoint
from digits_core.services.networks import described
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
PIECE = 1 << 20


class MaximaPage(NamedTuple):
    """Some finished units of a job, and how many are finished in all; see Maxima.rows for a row."""

    rows: list[Json]
    total: int


def weights(workspace: Workspace, user: str, model_id: str, checkpoint: str = "best",
            colormap: str | None = "jet") -> Json:
    """What every layer has learned: {"parameters", "layers", "units"}, in the order of the calculation.

    ``layers`` as those of ``inference.look`` of kind weights; without a ``colormap`` their pictures are "". ``units``:
    how many units each layer has for which ``create`` can make pictures, by name.
    """
    view = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
    authorize(user, "predict", view)
    if colormap is not None and colormap not in COLORMAPS:
        raise InvalidOptions([Problem("colormap", f"must be one of {', '.join(COLORMAPS)} (got {colormap[:40]!r})")])
    file = str(find_checkpoint(view, checkpoint)["file"])
    return InferenceClient(workspace.settings).weights(view.id, file, colormap)


def create(workspace: Workspace, user: str, model_id: str, name: str, options: Json, group: str = "") -> JobView:
    """Check everything and queue a job that makes, for units of a layer, the picture that excites each most.

    Raises InvalidOptions with every problem at its field.
    """
    authorize(user, "create")
    view = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
    values = check(AscentOptions, options).model_dump(mode="json")
    try:
        row = find_checkpoint(view, values["checkpoint"])
    except DigitsError as error:
        raise InvalidOptions([Problem("checkpoint", str(error))]) from None
    there = weights(workspace, user, model_id, values["checkpoint"], None)["units"]
    if values["layer"] not in there:
        raise InvalidOptions([Problem("layer", f"The network has {', '.join(there)}.")])
    try:
        chosen_units(values["units"], there[values["layer"]])
    except ValueError as error:
        raise InvalidOptions([Problem("units", str(error))]) from None
    needs = (view.id,) if view.status is Status.DONE else ()  # a model in training may be asked too
    named = name.strip() or f"{view.name}: {values['layer']} {values['units']}"[:200]
    job = Job(workspace.store.new_id(), Kind.INFERENCE, view.job.task, checked_name(named), user, time.time(),
              {**values, "method": MAXIMA, "model": view.id, "checkpoint_file": row["file"],
               "allow_code": described(view)["network"] == CUSTOM}, needs, group.strip())
    workspace.store.submit(job)
    return workspace.store.get(job.id)


def made(workspace: Workspace, job_id: str, offset: int = 0, limit: int = 50) -> MaximaPage:
    """Finished units of a job, in their order; more come while it runs."""
    rows = _maxima(workspace, job_id).rows()
    return MaximaPage(rows[max(0, offset):max(0, offset) + max(0, limit)], len(rows))


def picture(workspace: Workspace, job_id: str, unit: int, least: int = 0) -> bytes:
    """The PNG of a unit; its pixels are repeated until it is at least ``least`` pixels wide."""
    return repeated(_maxima(workspace, job_id).png(unit), least)


def archive(workspace: Workspace, job_id: str) -> Iterator[bytes]:
    """A zip of all pictures so far, and their rows as maxima.json, in pieces."""
    return _zipped(_maxima(workspace, job_id), str(workspace.store.get(job_id).job.options.get("layer")))


def _zipped(found: Maxima, layer: str) -> Iterator[bytes]:
    rows = found.rows()
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w") as target:
            for row in rows:
                target.writestr(file_name(layer, row["unit"]), found.png(row["unit"]))
            target.writestr("maxima.json", json.dumps({"layer": layer, "units": rows}, indent=1))
        file.seek(0)
        yield from iter(lambda: file.read(PIECE), b"")


def of_model(workspace: Workspace, model_id: str) -> list[JobView]:
    """Jobs that make or made such pictures for a model, newest first."""
    return [view for view in workspace.store.jobs(Kind.INFERENCE) if is_maxima(view)
            and view.job.options.get("model") == model_id]


def is_maxima(view: JobView) -> bool:
    """Whether a job makes pictures for units, instead of classifying pictures."""
    return view.job.kind is Kind.INFERENCE and view.job.options.get("method") == MAXIMA


def _maxima(workspace: Workspace, job_id: str) -> Maxima:
    view = of_kind(workspace, job_id, Kind.INFERENCE)
    if not is_maxima(view):
        raise NotFound(f"'{view.name}' classifies pictures; it makes none for units.")
    return Maxima(view.folder.path)
