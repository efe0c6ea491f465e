"""Services that ask about the frames of a video, as a job."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from digits_core import views
from digits_core.errors import DigitsError, InvalidOptions, NotFound, Problem
from digits_core.infer.course import FILM, csv_lines
from digits_core.infer.options import UPLOADED_VIDEO, VIDEO, VideoOptions
from digits_core.infer.results import Results
from digits_core.jobs.model import Job, Kind, Status
from digits_core.jobs.store import JobView
from digits_core.options import check
from digits_core.services.access import authorize
from digits_core.services.inference import put_uploads
from digits_core.services.jobs import checked_name, of_kind, together
from digits_core.services.models import find_checkpoint, labels
from digits_core.services.workspace import Workspace
from digits_core.tasks import task

Json = dict[str, Any]


def create(workspace: Workspace, user: str, model_id: str, name: str, options: Json, group: str = "",
           upload: tuple[str, Path | bytes] | None = None, view_options: Json | None = None) -> JobView:
    """Check everything and queue a job that asks about the frames of a video and draws the answers into a new one.

    ``upload`` is a video as (client's file name, temporary file or bytes); it is moved into the job. ``view_options``
    are those of the task's own view: how answers are drawn. Raises InvalidOptions with every problem at its field.
    """
    authorize(user, "create")
    options = {key: value for key, value in options.items() if value != UPLOADED_VIDEO}
    if upload is not None:
        options["video"] = UPLOADED_VIDEO
    name, values = together(lambda: checked_name(name),
                            lambda: check(VideoOptions, options, workspace.settings.data_roots))
    try:
        model = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
        row = find_checkpoint(model, values.checkpoint)
    except DigitsError as error:
        raise InvalidOptions([Problem("model", str(error))]) from None
    if not task(model.job.task).pictures:
        raise InvalidOptions([Problem("model", f"'{model.name}' answers about texts; a video has none.")])
    drawn = check(views.own_view(task(model.job.task).view).ViewOptions, view_options or {})
    needs = (model.id,) if model.status is Status.DONE else ()  # a model in training may be asked too
    job = Job(workspace.store.new_id(), Kind.INFERENCE, model.job.task, name, user, time.time(),
              {**values.model_dump(mode="json"), "method": VIDEO, "model": model.id, "checkpoint_file": row["file"],
               "view_options": drawn.model_dump(mode="json")}, needs, group.strip())
    workspace.store.submit(job, lambda hidden: put_uploads(hidden, [upload] if upload else []))
    return workspace.store.get(job.id)


def is_video(view: JobView) -> bool:
    """Whether a job asks about a video's frames."""
    return view.job.kind is Kind.INFERENCE and view.job.options.get("method") == VIDEO


def require(workspace: Workspace, job_id: str) -> None:
    """Raise NotFound when there is no such job, or when it is about no video."""
    _job(workspace, job_id)


def film(workspace: Workspace, job_id: str) -> Path:
    """The annotated video (H.264 in mp4). Raises NotFound until it is whole."""
    path = _job(workspace, job_id).folder.path / FILM
    if not path.is_file():
        raise NotFound("The annotated video is not there (yet).")
    return path


def csv(workspace: Workspace, job_id: str) -> Iterator[bytes]:
    """The frames so far as CSV in pieces, see ``course.csv_lines``."""
    view = _job(workspace, job_id)
    own, options = task(view.job.task).view, view.job.options
    followed = own and hasattr(views.own_view(own), "figures")
    names = labels(of_kind(workspace, str(options["model"]), Kind.MODEL, Kind.PRETRAINED)) if followed else []
    return csv_lines(Results(view.folder.path), names, lambda row: views.figures(own, row, options["view_options"]),
                     int(options["top"]) if task(view.job.task).names_labels else 0)


def _job(workspace: Workspace, job_id: str) -> JobView:
    view = of_kind(workspace, job_id, Kind.INFERENCE)
    if not is_video(view):
        raise NotFound(f"'{view.name}' asks about pictures, not about a video.")
    return view
