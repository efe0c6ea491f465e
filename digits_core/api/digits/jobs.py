"""DIGITS' routes on jobs of any kind, and its lists."""

from collections.abc import Callable
from typing import Any

from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response

import digits_core
from digits_core.api.answers import StrictJSON
from digits_core.api.digits import tell
from digits_core.api.digits.request import Asked, answer, renamed
from digits_core.errors import BadState, DigitsError, InvalidOptions, NotAllowed, NotFound, Problem
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.safe import complete_path, safe_join
from digits_core.services import jobs
from digits_core.services.info import STATUSES

Json = dict[str, Any]
ALLOWED = ("labels.txt", "mean.png", "mean.npy", "manifest.json", "skipped.csv", "network.json", "network.py",
           "preprocessing.json", "metrics.jsonl")
"""Files of a job that may be fetched, beside its log and its checkpoints."""


def of(asked: Asked, *kinds: Kind) -> JobView:
    """The job that the path names. Raises NotFound, also when it is of another kind."""
    return jobs.of_kind(asked.space, asked.part("job_id"), *(kinds or Kind))


def index(asked: Asked) -> Response:
    """All datasets and models."""
    views = asked.space.store.jobs()
    settings = asked.space.settings
    return StrictJSON({
        "version": digits_core.__version__, "server_name": settings.server_name,
        "jobs_dir": str(settings.jobs_dir.absolute()),
        "datasets": [tell.brief(view) for view in views if view.job.kind is Kind.DATASET],
        "models": [tell.brief(view) for view in views if view.job.kind is Kind.MODEL]})


def completed(asked: Asked) -> Response:
    """The tables of DIGITS' home page."""
    views = [view for view in asked.space.store.jobs() if view.job.kind in tell.TYPES]
    ended = [view for view in views if view.status.is_final]
    rows = {kind: [tell.row(view) for view in ended if view.job.kind is kind] for kind in tell.TYPES}
    figures = sorted({key for row in rows[Kind.MODEL] for key in row if key.endswith(" (val)")})
    return StrictJSON({"running": [tell.row(view) for view in views if not view.status.is_final],
                       "datasets": rows[Kind.DATASET], "models": rows[Kind.MODEL],
                       "pretrained_models": rows[Kind.PRETRAINED], "model_output_fields": figures})


def table_data(asked: Asked) -> Response:
    """One job as in those tables."""
    return StrictJSON({"job": tell.row(of(asked))})


def status(asked: Asked) -> Response:
    """How a job stands; 200 also for one that is not there."""
    try:
        view = of(asked)
    except NotFound:
        return StrictJSON({"error": "Job not found."})
    error = view.state.reason if STATUSES[view.status] == "Error" else None
    return StrictJSON({"error": error, "status": STATUSES[view.status], "name": view.name, "type": tell.job_type(view)})


def show(asked: Asked) -> Response:
    """The page of a job, or what DIGITS told about one of its kind."""
    view = of(asked)
    told = {Kind.DATASET: lambda: tell.dataset(view), Kind.MODEL: lambda: tell.model(asked.space, view),
            Kind.PRETRAINED: lambda: tell.model(asked.space, view)}
    content = told.get(view.job.kind, lambda: tell.brief(view))() if asked.wants_json else {}
    return answer(asked, content, page_of(view))


def page_of(view: JobView) -> str:
    """The address of a job's page."""
    return f"/job?id={view.id}"


def edit(asked: Asked) -> Response:
    """Change name and notes."""
    user = asked.named
    given = {ours: asked.text(theirs) for theirs, ours in (("job_name", "name"), ("job_notes", "notes"))
             if theirs in asked.fields}
    with renamed({"name": "job_name", "notes": "job_notes"}):
        view = jobs.edit(asked.space, user, asked.part("job_id"), **given)
    return PlainTextResponse(f"{tell.job_type(view)} updated.")


def delete(asked: Asked) -> Response:
    """Move a job to the trash."""
    jobs.delete(asked.space, asked.named, asked.part("job_id"))
    return PlainTextResponse("Job deleted.")


def abort(asked: Asked) -> Response:
    """Stop a job; it saves first."""
    user, view = asked.named, of(asked)
    if view.status.is_final:
        raise NotAllowed(f"Job not aborted: '{view.name}' is not running.")
    jobs.stop(asked.space, user, view.id)
    return PlainTextResponse("Job aborted.")


def clone(asked: Asked) -> Response:
    """The form of a new job like this one."""
    view = of(asked)
    pages = {Kind.DATASET: "/datasets", Kind.MODEL: "/models", Kind.INFERENCE: "/inference"}
    if view.job.kind not in pages:
        raise BadState(f"'{view.name}' cannot be cloned.")
    return RedirectResponse(asked.here(f"{pages[view.job.kind]}?clone={view.id}"), 302)


def delete_many(asked: Asked) -> Response:
    """Move jobs to the trash."""
    return _each(asked, jobs.delete, "Jobs deleted.")


def abort_many(asked: Asked) -> Response:
    """Stop jobs."""
    return _each(asked, jobs.stop, "Jobs aborted.")


def group(asked: Asked) -> Response:
    """Put jobs into a group."""
    name = asked.text("group_name")
    return _each(asked, lambda space, user, job_id: jobs.edit(space, user, job_id, group=name), "Jobs regrouped.")


def _each(asked: Asked, action: Callable[..., object], done: str) -> Response:
    user, ids = asked.named, asked.many("job_ids")
    if not ids:
        raise InvalidOptions([Problem("job_ids[]", "This field is required.")])
    if failures := jobs.bulk(action, asked.space, user, ids):
        raise DigitsError(f"{len(failures)} of {len(ids)} could not be: " + " ".join(failures))
    return PlainTextResponse(done)


def file(asked: Asked) -> Response:
    """A file of a job: its log, labels, mean, network, checkpoints; nothing else."""
    view, name = of(asked), asked.part("name")
    newest = view.folder.newest()
    if name == "log.txt" and newest:
        return PlainTextResponse(jobs.log_tail(asked.space, view.id, 20_000_000))
    folder, _, last = name.rpartition("/")
    fits = name in ALLOWED if not folder else folder == "checkpoints" and last.endswith(".safetensors")
    path = safe_join(view.folder.path, name) if fits else view.folder.path
    if not path.is_file():
        raise NotFound(f"There is no file {name[:200]!r} that may be fetched; there are log.txt, "
                       f"{', '.join(ALLOWED)} and checkpoints/*.safetensors, as far as the job has them.")
    return FileResponse(path, filename=path.name)


def complete(asked: Asked) -> Response:
    """Folders and files on the server that begin so."""
    return StrictJSON({"suggestions": complete_path(asked.text("query"), asked.space.settings.data_roots, files=True)})
