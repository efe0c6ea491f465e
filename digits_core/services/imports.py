"""Imports of large bundles as jobs: with progress, and stopped and resumed like any other."""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import DigitsError, InvalidOptions, Problem
from digits_core.jobs.context import Context
from digits_core.jobs.model import Job, Kind
from digits_core.jobs.store import JobView
from digits_core.options import JobOptions, check, option
from digits_core.safe import safe_path
from digits_core.services import resumable
from digits_core.services.access import authorize
from digits_core.services.jobs import checked_name, of_kind, together
from digits_core.services.networks import require_custom
from digits_core.services.unbundle import unbundle
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings

Json = dict[str, Any]
UPLOADED, UPLOAD = "job:upload", "upload/bundle.tar"
REPORT = "imported.json"


class ImportOptions(JobOptions):
    """Which bundle, and what it may bring."""

    bundle: str = option("", title="Bundle", kind="path", help="On the server; the file stays where it is.")
    allow_code: bool = option(False, title="It may bring a custom network, whose Python code then runs on this server",
                              help="Only for bundles of people you trust.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """A file that is missing or forbidden."""
        try:
            if self.bundle == UPLOADED:
                return []
            if self.bundle.strip() and (path := safe_path(self.bundle, roots)).is_file():
                return _no_tar(path)
        except DigitsError as error:
            return [Problem("bundle", str(error))]
        return [Problem("bundle", "Upload a bundle, or give the path of one (a .tar file).")]


def _no_tar(path: Path) -> list[Problem]:
    with path.open("rb") as file:  # its first header alone: the rest is for a process that may crash
        is_tar = file.read(512)[257:262] == b"ustar"
    return [] if is_tar else [Problem("bundle", "This is no bundle: a job's page gives one out as a .tar file (Move).")]


def create(workspace: Workspace, user: str, name: str, options: Json, group: str = "", upload: Path | None = None
           ) -> JobView:
    """Queue the import of a bundle, see ``ImportOptions``; what is wrong with the file is the job's reason.

    ``upload`` is a bundle that the server itself received and stands for the option ``bundle``; so does ``upload:ID``
    (see resumable). It is moved into the job. Raises InvalidOptions with every problem at its field, BadState where no
    code may come.
    """
    authorize(user, "create")
    given = str(options.get("bundle", ""))
    if given.startswith(resumable.PREFIX) and upload is None:
        with resumable.taken(workspace, user, given) as finished:
            return create(workspace, user, name, options, group, finished.data)
    options = {**options, "bundle": UPLOADED if upload else "" if given == UPLOADED else given}
    name, values = together(lambda: checked_name(name),
                            lambda: check(ImportOptions, options, workspace.settings.data_roots))
    if upload is not None and (wrong := _no_tar(upload)):
        raise InvalidOptions(wrong)
    if values.allow_code:
        require_custom(workspace)

    def fill(hidden: Path) -> None:
        if upload is not None:
            (hidden / UPLOAD).parent.mkdir()
            shutil.move(upload, hidden / UPLOAD)

    job = Job(workspace.store.new_id(), Kind.IMPORT, "import", name, user, time.time(), values.model_dump(mode="json"),
              (), group.strip())
    workspace.store.submit(job, fill)
    return workspace.store.get(job.id)


def run(context: Context) -> Json:
    """The worker: the jobs of the bundle appear when all of it is checked. Resumed, it begins again; what came stays.

    Their ids are written to imported.json; an uploaded bundle is removed then.
    """
    options, folder = ImportOptions.model_validate(context.job.options), context.folder.path
    uploaded, workspace = options.bundle == UPLOADED, Workspace(Settings.load(), context.store)
    path = folder / UPLOAD if uploaded else safe_path(options.bundle, workspace.settings.data_roots)
    size, started = path.stat().st_size / 1e6 if path.exists() else 0.0, time.monotonic()

    def told(done: float, phase: str) -> None:
        context.check_stop()
        context.progress(done, phase, done * size / max(1e-3, time.monotonic() - started), "MB")

    moved = unbundle(workspace, context.job.owner, path, options.allow_code, told)
    files.write_atomic(folder / REPORT, {"v": 1, "jobs": [view.id for view in moved.jobs], "known": moved.known,
                                         "renamed": moved.renamed})
    for view in moved.jobs:
        context.log(f"{view.job.kind} {view.id} {view.name!r}{' was here' if view.id in moved.known else ''}")
    if uploaded:
        shutil.rmtree((folder / UPLOAD).parent, ignore_errors=True)
    return {"jobs": len(moved.jobs), "known": len(moved.known)}


def report(workspace: Workspace, job_id: str) -> Json:
    """What came of an import: ids of its "jobs", those "known" before, new ids by old in "renamed"; {} until then."""
    found = files.read_json(of_kind(workspace, job_id, Kind.IMPORT).folder.path / REPORT) or {}
    return {key: found[key] for key in ("jobs", "known", "renamed") if key in found}
