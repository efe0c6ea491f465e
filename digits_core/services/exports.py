"""Services that take models along: make an export that is checked, list them, and pack one into an archive."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import BadState, DigitsError, InvalidOptions, NotFound, Problem
from digits_core.export.options import ARCHIVE, REPORT, ExportOptions
from digits_core.jobs.model import Job, Kind, Status, number
from digits_core.jobs.store import JobView
from digits_core.modelstore import packing
from digits_core.modelstore.archive import file_name, require_room
from digits_core.networks.custom import CUSTOM
from digits_core.options import check
from digits_core.services.access import authorize
from digits_core.services.jobs import checked_name, of_kind, together
from digits_core.services.models import find_checkpoint
from digits_core.services.modelstore import facts, place
from digits_core.services.networks import described, require_custom
from digits_core.services.workspace import Workspace

Json = dict[str, Any]


def create(workspace: Workspace, user: str, model_id: str, options: Json, name: str = "", group: str = "") -> JobView:
    """Check everything and queue an export of a model: files for other programs, each held against PyTorch.

    Raises InvalidOptions with every problem at its field.
    """
    authorize(user, "create")
    view = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
    title, values = together(lambda: checked_name(name.strip() or f"Export of {view.name}"[:200]),
                             lambda: check(ExportOptions, options))
    try:
        row = find_checkpoint(view, values.checkpoint)
    except DigitsError as error:
        raise InvalidOptions([Problem("checkpoint", str(error))]) from None
    needs = (view.id,) if view.status is Status.DONE else ()  # a model in training may be exported too
    dataset = str(view.job.options.get("dataset", ""))
    job = Job(workspace.store.new_id(), Kind.EXPORT, view.job.task, title, user, time.time(),
              {**values.model_dump(mode="json"), "model": view.id, "checkpoint_file": row["file"], "dataset": dataset,
               "allow_code": described(view)["network"] == CUSTOM}, needs, group.strip())
    if job.options["allow_code"]:
        require_custom(workspace)
    about = facts(workspace, view, row)
    workspace.store.submit(job, lambda hidden: files.write_atomic(hidden / "about.json", asdict(about)))
    return workspace.store.get(job.id)


def of_model(workspace: Workspace, model_id: str) -> list[JobView]:
    """Exports of a model, newest first, in whatever state."""
    model = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED).id
    return [view for view in workspace.store.jobs(Kind.EXPORT) if view.job.kind is Kind.EXPORT
            and view.job.options.get("model") == model]


def report(workspace: Workspace, export_id: str) -> Json:
    """What was made and how it compares with PyTorch (see digits_core.export.run); empty until that is known."""
    view = of_kind(workspace, export_id, Kind.EXPORT)
    found = files.read_json(view.folder.path / REPORT) or {}
    rows = found.get("variants")
    return found if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) else {}


def file(workspace: Workspace, user: str, export_id: str, name: str = "model.onnx") -> Path:
    """One file of a finished export, such as model.onnx or model.int8.onnx. Raises NotFound naming those there are."""
    found = {path.relative_to(top).as_posix(): path for top in [_archive(workspace, user, export_id)]
             for path in sorted(top.rglob("*")) if path.is_file()}
    if name not in found:
        raise NotFound(f"The export has no file {name[:60]!r}; there are {', '.join(found)}.")
    return found[name]


def archive(workspace: Workspace, user: str, export_id: str, kind: str = "zip") -> Path:
    """The whole export as one zip, tar.gz, tgz, tar or tar.bz2, named for the download.

    As ``export_model``, whose folder it shares: copy or send it, do not keep the path.
    """
    packing.check_kind(kind)
    top = _archive(workspace, user, export_id)
    view = workspace.store.get(export_id)
    about = files.read_json(view.folder.path / "about.json") or {}
    epoch = number(report(workspace, export_id).get("epoch")) or 0
    name = file_name(str(about.get("name") or view.name), {"epoch": epoch}, kind)
    target = place(workspace, f"{view.id}-export") / name
    whole = [path for path in sorted(top.rglob("*")) if path.is_file()]
    require_room(target, sum(path.stat().st_size for path in whole))
    with files.atomic(target) as out:
        packing.pack(out, kind, [(path.relative_to(top).as_posix(), path) for path in whole])
    return target


def _archive(workspace: Workspace, user: str, export_id: str) -> Path:
    view = of_kind(workspace, export_id, Kind.EXPORT)
    authorize(user, "view", view)
    if view.status is not Status.DONE or not (view.folder.path / ARCHIVE).is_dir():
        raise BadState(f"'{view.name}' has nothing to download: it is {view.status}. {view.state.reason}".strip())
    return view.folder.path / ARCHIVE
