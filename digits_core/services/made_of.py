"""What a job was made of, as it would be asked for again."""

from typing import Any

from digits_core import views
from digits_core.data.version_options import Addition, Selection
from digits_core.data.video_options import FramesJobOptions
from digits_core.export.options import ExportOptions
from digits_core.infer.options import MAXIMA, VIDEO, AscentOptions, BatchOptions, VideoOptions
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.modelstore.upload_options import FilesOptions
from digits_core.options import Options, fitting
from digits_core.services.as_code import Asked
from digits_core.services.versions import edits_of
from digits_core.tasks import tasks

Json = dict[str, Any]
MOST_EDITS = 100
"""Edits that a page still shows as JSON."""


def asked(view: JobView) -> Asked | None:
    """What made this job; None for one that came as an archive, is damaged, or of a kind that nothing asks for."""
    head = {"name": view.name, "group": view.group}
    options = {name: _here(view, value) for name, value in view.job.options.items()}
    if not view.job.task:
        return None
    if view.job.kind is Kind.DATASET:
        return _version(view, head, options) if "parent" in options else _dataset(view, head, options)
    if view.job.kind is Kind.MODEL:
        task = tasks().get(view.job.task)
        dataset = options.pop("dataset", "")
        return Asked("model", task.model_options, {"dataset": dataset, **head},
                     fitting(task.model_options, options)) if task else None
    if view.job.kind is Kind.FRAMES:
        return Asked("frames", FramesJobOptions, head, fitting(FramesJobOptions, options))
    if view.job.kind is Kind.EXPORT:
        return Asked("export", ExportOptions, {"model": options.get("model", ""), **head},
                     fitting(ExportOptions, options))
    return _inference(view, head, options) if view.job.kind is Kind.INFERENCE else _pretrained(view, head, options)


def _here(view: JobView, value: Any) -> Any:
    """A file that was uploaded for the job, by its path in the job's folder."""
    if isinstance(value, str) and value.startswith("job:"):
        return str(view.folder.path / value.removeprefix("job:"))
    return value


def _dataset(view: JobView, head: Json, options: Json) -> Asked | None:
    name = str(options.pop("extension", "") or view.job.task)
    task = tasks().get(name)
    return Asked("dataset", task.dataset_options, {"task": name, **head},
                 fitting(task.dataset_options, options)) if task else None


def _version(view: JobView, head: Json, options: Json) -> Asked:
    head = {"dataset": options["parent"], **head}
    if isinstance(options.get("add"), dict):
        added = {name: _here(view, value) for name, value in options["add"].items()}
        return Asked("addition", Addition, head, added)
    if isinstance(options.get("select"), dict):
        return Asked("subset", Selection, head, options["select"])
    rows = edits_of(view)
    return Asked("version", Options, {**head, "file": options["edits"],
                                      "edits": rows if len(rows) <= MOST_EDITS else ["as in the file"]})


def _inference(view: JobView, head: Json, options: Json) -> Asked:
    head = {"model": options.pop("model", ""), **head}
    method = options.get("method")
    for name in ("checkpoint_file", "allow_code", *(("method",) if method in (VIDEO, MAXIMA) else ())):
        options.pop(name, None)
    if method == MAXIMA:
        return Asked("maxima", AscentOptions, head, options)
    if method != VIDEO:
        return Asked("batch", BatchOptions, head, fitting(BatchOptions, options))
    drawn, task = options.pop("view_options", {}), tasks().get(view.job.task)
    own = views.own_view(task.view if task else "").ViewOptions
    return Asked("video", VideoOptions, head, options, view_options=(own, drawn))


def _pretrained(view: JobView, head: Json, options: Json) -> Asked | None:
    if set(options) == {"network", "weights"}:
        return Asked("published", Options, {**options, **head})
    if isinstance(options.get("files"), dict):
        files = {name: _here(view, value) for name, value in options["files"].items()}
        return Asked("files", FilesOptions, {"file": files.get("file", ""), **head}, files)
    return None
