"""Services on models that travel: export one as an archive, import one, list what was imported."""

import json
import shutil
import time
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import BadData
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.model import Job, Kind
from digits_core.jobs.store import JobView
from digits_core.modelstore import archive, packing
from digits_core.modelstore.purpose import guess_task
from digits_core.networks.custom import CUSTOM
from digits_core.safe.archives import peek
from digits_core.services.access import authorize
from digits_core.services.info import info
from digits_core.services.jobs import checked_name, of_kind
from digits_core.services.models import find_checkpoint
from digits_core.services.networks import require_custom
from digits_core.services.workspace import Workspace
from digits_core.tasks import tasks

Json = dict[str, Any]
KEEP_S = 3600
HEAD_LIMIT = 1_000_000


def export_model(workspace: Workspace, user: str, model_id: str, checkpoint: str = "best", kind: str = "zip") -> Path:
    """An archive of a model at a checkpoint (best, last or an epoch), named for the download: what DIGITS itself needs.

    ``kind`` is one of packing.KINDS. services.exports makes one that also runs without DIGITS. The file lies in the
    jobs folder's ``.exports`` and is removed by a later export when it is older than an hour; copy or send it, do not
    keep the path.
    """
    view = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
    authorize(user, "view", view)
    packing.check_kind(kind)
    row = find_checkpoint(view, checkpoint)
    target = place(workspace, f"{view.id}-{str(row.get('sha256'))[:12]}") / archive.file_name(view.name, row, kind)
    archive.write(ModelFolder.read(view.folder.path), row, facts(workspace, view, row), target, kind)
    return target


def make_pretrained(workspace: Workspace, user: str, model_id: str, checkpoint: str = "best", name: str = "",
                    group: str = "") -> JobView:
    """Queue a job that makes a pretrained model of a checkpoint: a copy that stays when the training is deleted."""
    view = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
    authorize(user, "create")
    row = find_checkpoint(view, checkpoint)
    options = {"model": view.id, "checkpoint_file": str(row["file"]), "facts": asdict(facts(workspace, view, row)),
               "allow_code": is_custom(view)}
    job = Job(workspace.store.new_id(), Kind.PRETRAINED, view.job.task, checked_name(name or view.name), user,
              time.time(), options, (), group.strip())
    workspace.store.submit(job)
    return workspace.store.get(job.id)


def is_custom(view: JobView) -> bool:
    """Whether a model brings its own Python code."""
    return (files.read_json(view.folder.path / "network.json") or {}).get("network") == CUSTOM


def place(workspace: Workspace, name: str) -> Path:
    """A folder for an archive that is about to be downloaded; those of others go when they are older than an hour."""
    exports = workspace.store.root / ".exports"
    _remove_old(exports)
    folder = exports / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def facts(workspace: Workspace, view: JobView, row: Json) -> archive.Facts:
    """What an archive says of a model at a checkpoint beyond the model's own files."""
    prepared = files.read_json(view.folder.path / "preprocessing.json") or {}
    dataset = str(view.job.options.get("dataset", ""))
    known = dataset and (workspace.store.root / dataset).exists()
    return archive.Facts(name=view.name, task=view.job.task, job=view.id, trained=view.ended,
                         dataset=workspace.store.get(dataset).name if known else "",
                         notes=str(view.notes.get("notes") or ""), info=info(view, prepared, row))


def _remove_old(exports: Path) -> None:
    for folder in exports.glob("*-*") if exports.exists() else ():
        if time.time() - folder.stat().st_mtime > KEEP_S:
            shutil.rmtree(folder, ignore_errors=True)


def task_of(archive: Path) -> str:
    """The task that an archive names, or that the network of one of DIGITS' is probably for.

    That of a damaged one says the job that unpacks it.
    """
    try:
        with zipfile.ZipFile(archive) as members, members.open("model.json") as head:
            named = str(json.loads(head.read(HEAD_LIMIT))["task"])
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError, RuntimeError, NotImplementedError,
            zlib.error):
        named = ""
    return named if named in tasks() else guess_task(peek(archive, ".prototxt"))


def import_model(workspace: Workspace, user: str, name: str, upload: Path, group: str = "",
                 allow_code: bool = False) -> JobView:
    """Put the import of a model archive into the queue; ``upload`` is moved into the job folder.

    An archive with a custom network is refused unless ``allow_code``: its Python code will run on this server.

    The archive is checked by the job; what is wrong with it is the job's reason. The imported model (kind
    ``pretrained``) can classify, be exported, and be the start of a training.
    """
    authorize(user, "create")
    if allow_code:
        require_custom(workspace)
    if not upload.is_file():
        raise BadData("No archive was given. Choose a model archive (.zip, .tar.gz) that DIGITS exported.")
    job = Job(workspace.store.new_id(), Kind.PRETRAINED, task_of(upload), checked_name(name), user, time.time(),
              {"archive": "job:upload/model.zip", "allow_code": allow_code}, (), group.strip())

    def fill(hidden: Path) -> None:
        (hidden / "upload").mkdir()
        shutil.move(upload, hidden / "upload" / "model.zip")

    workspace.store.submit(job, fill)
    return workspace.store.get(job.id)


def origin(view: JobView) -> Json:
    """What an imported model's archive or store told about where it comes from; empty when nothing."""
    return files.read_json(view.folder.path / "origin.json") or {}


def list_pretrained(workspace: Workspace) -> list[JobView]:
    """Imported models, newest first, in whatever state; only those that are done can be used."""
    return [view for view in workspace.store.jobs(Kind.PRETRAINED) if view.job.kind is Kind.PRETRAINED]
