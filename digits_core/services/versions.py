"""Versions of datasets: a new dataset from an older one and a list of changes."""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.data.edits import checked, repair
from digits_core.data.places import check_places
from digits_core.data.version_options import Addition, Selection
from digits_core.errors import BadState, InvalidOptions, NotFound, Problem
from digits_core.jobs.model import Job, Kind
from digits_core.jobs.store import JobView
from digits_core.options import check
from digits_core.services import resumable
from digits_core.services.access import authorize
from digits_core.services.datasets import manifest
from digits_core.services.fit import fit_report
from digits_core.services.jobs import checked_name, of_kind
from digits_core.services.workspace import Workspace
from digits_core.tasks import task

Json = dict[str, Any]
EDITS_FILE = "edits.json"
MOST_EDITS = 5_000_000


def create_version(workspace: Workspace, user: str, parent: str, name: str = "", edits: object = None,
                   fixes: list[str] | None = None, group: str = "") -> JobView:
    """Queue a new dataset: ``parent`` without, relabelled or moved pictures. The parent stays as it is.

    ``edits``: rows with ``do`` (exclude, relabel, move), ``split``, ``index`` or ``path``, and ``label`` (name or
    number) or ``to``. ``fixes``: repairs of what the fit report found (see digits_core.data.edits.FIXES). Raises
    InvalidOptions with every problem at its field.
    """
    authorize(user, "create")
    view = of_kind(workspace, parent, Kind.DATASET)
    facts = manifest(view)
    rows = repair(fit_report(view)["groups"], fixes) if fixes else []
    if edits:
        rows = [*rows, *_checked(view, facts, edits)]
    if not rows:
        raise InvalidOptions([Problem("edits", "Nothing would change: there is no such finding and no change was "
                                               "given." if fixes else "Say what shall change.")])
    if len(rows) > MOST_EDITS:
        raise InvalidOptions([Problem("edits", f"At most {MOST_EDITS:,} changes make a version.")])
    return _queue(workspace, user, view, name, group, {"changes": len(rows), "fixes": list(fixes or [])}, rows)


def add_pictures(workspace: Workspace, user: str, parent: str, options: Json, name: str = "", group: str = "",
                 upload: Path | None = None) -> JobView:
    """Queue a version with more pictures (see data.version_options.Addition); the parent stays as it is.

    ``upload`` is an archive that the server itself received; it is moved into the job folder and stands for the
    ``archive`` option; so does ``upload:ID`` (see resumable). Raises InvalidOptions with every problem at its field.
    """
    authorize(user, "create")
    if str(options.get("archive", "")).startswith(resumable.PREFIX) and upload is None:
        with resumable.taken(workspace, user, options["archive"]) as finished:
            return add_pictures(workspace, user, parent, options, name, group, finished.data)
    view = of_kind(workspace, parent, Kind.DATASET)
    manifest(view)
    if upload is not None:
        options = {**options, "folder": "", "archive": f"job:upload/{upload.name}"}
    elif str(options.get("archive", "")).startswith("job:"):
        raise InvalidOptions([Problem("archive", "Write the whole path of the archive, from '/' on.")])
    values = check(Addition, options, workspace.settings.data_roots)
    check_places(values, workspace.settings)
    checked = values.model_dump(mode="json")

    def fill(hidden: Path) -> None:
        if upload is not None:
            (hidden / "upload").mkdir()
            shutil.move(upload, hidden / "upload" / upload.name)

    return _queue(workspace, user, view, name, group, {"add": checked, "jpeg_quality": _quality(workspace, view)},
                  fill=fill)


def _quality(workspace: Workspace, view: JobView) -> int:
    """How the first dataset of the line was told to compress JPEGs."""
    oldest = family(workspace, view.id)[0].job.options
    quality = view.job.options.get("jpeg_quality", oldest.get("jpeg_quality"))
    return quality if isinstance(quality, int) else 90


def create_subset(workspace: Workspace, user: str, parent: str, options: Json, name: str = "",
                  group: str = "") -> JobView:
    """Queue a part of a dataset as a dataset of its own (see data.version_options.Selection).

    Raises InvalidOptions with every problem at its field, also when nothing would be left to train on.
    """
    authorize(user, "create")
    view = of_kind(workspace, parent, Kind.DATASET)
    counts = count_subset(workspace, parent, options)
    left = sum(count > 0 for count in counts["train"].values())
    if left < 2:
        raise InvalidOptions([Problem("", f"The selection has training pictures of {left} classes; at least two are "
                                          "needed.")])
    wanted = check(Selection, options)
    return _queue(workspace, user, view, name or f"{view.name[:180]} subset", group,
                  {"select": wanted.model_dump(mode="json")})


def count_subset(workspace: Workspace, parent: str, options: Json) -> dict[str, dict[str, int]]:
    """How many pictures of each class a subset would hold, by split. Raises InvalidOptions like create_subset."""
    from digits_core.data import reader, selection  # see datasets.samples

    view = of_kind(workspace, parent, Kind.DATASET)
    facts = manifest(view)
    labels, wanted = list(map(str, facts["labels"])), check(Selection, options)
    classes = selection.class_numbers(wanted, labels)
    return {split: dict(zip([labels[number] for number in classes],
                            reader.count_selected(view.folder.path / f"{split}.lmdb", wanted, classes), strict=True))
            for split in facts["splits"] if split in wanted.splits}


def _queue(workspace: Workspace, user: str, parent: JobView, name: str, group: str, options: Json,
           rows: Sequence[Json] = (), fill: Callable[[Path], None] = lambda hidden: None) -> JobView:
    if not task(parent.job.task).pictures or manifest(parent).get("target"):
        raise BadState("Versions are made of datasets of pictures with one class each.")
    job = Job(workspace.store.new_id(), Kind.DATASET, parent.job.task,
              checked_name(name or next_name(workspace, parent)), user, time.time(),
              {"parent": parent.id, "edits": f"job:{EDITS_FILE}", **options}, (parent.id,),
              (group or parent.group).strip())

    def files_of(hidden: Path) -> None:
        files.write_atomic(hidden / EDITS_FILE, {"v": 1, "edits": list(rows)})
        fill(hidden)

    workspace.store.submit(job, files_of)
    return workspace.store.get(job.id)


def _checked(view: JobView, facts: Json, edits: object) -> list[Json]:
    entries = {split: int(part["entries"]) for split, part in facts["splits"].items()}
    named = {row.get("split") for row in edits if isinstance(row, dict) and "path" in row} \
        if isinstance(edits, list) else set()
    return checked(edits, list(map(str, facts["labels"])), entries, _paths(view, named & set(entries)))


def _paths(view: JobView, splits: set[Any]) -> dict[str, dict[str, int]]:
    """Position of every path, for the splits in which pictures are named by path; of several the first one."""
    from digits_core.data.reader import read_paths  # see datasets.samples

    return {split: {path: place for place, path in reversed(list(enumerate(
        read_paths(view.folder.path / f"{split}.lmdb"))))} for split in splits}


def next_name(workspace: Workspace, parent: JobView) -> str:
    """``pets v2``, or the first number that no version of the same dataset has."""
    base, _, word = parent.name.rpartition(" ")
    stem = base if base and word[:1] == "v" and word[1:].isdigit() else parent.name
    taken = {view.name for view in workspace.store.jobs(Kind.DATASET)}
    return next(name for number in range(2, 10_000_000) if (name := f"{stem[:180]} v{number}") not in taken)


def parent_of(view: JobView) -> str:
    """Id of the dataset that this one is a version of; "" for one that was built from pictures."""
    parent = view.job.options.get("parent")
    return parent if isinstance(parent, str) else ""


def diff(view: JobView) -> Json:
    """What a finished version changed, in all and by class. Raises BadState for a dataset that is no version."""
    found = manifest(view).get("diff")
    if not isinstance(found, dict):
        raise BadState(f"'{view.name}' is no version of another dataset.")
    return found


def family(workspace: Workspace, job_id: str) -> list[JobView]:
    """The dataset, what it was made from, and all versions of these, oldest first."""
    view = of_kind(workspace, job_id, Kind.DATASET)
    views = {other.id: other for other in workspace.store.jobs(Kind.DATASET) if other.job.kind is Kind.DATASET}
    top = view
    while (above := views.get(parent_of(top))) is not None and above.job.created < top.job.created:
        top = above
    found, waiting = {top.id: top}, [top.id]
    while waiting:
        above_id = waiting.pop()
        for other in views.values():
            if parent_of(other) == above_id and other.id not in found:
                found[other.id] = other
                waiting.append(other.id)
    found.setdefault(view.id, view)
    return sorted(found.values(), key=lambda member: member.job.created)


def describe_family(workspace: Workspace, job_id: str) -> list[Json]:
    """The same as plain JSON: id, name, parent, status, created, pictures, and the diff to the parent."""
    rows = []
    for view in family(workspace, job_id):
        facts = view.folder.manifest()
        rows.append({"id": view.id, "name": view.name, "parent": parent_of(view), "status": str(view.status),
                     "created": view.job.created, "pictures": facts.get("used"), "diff": facts.get("diff")})
    return rows


def edits_of(view: JobView) -> list[Json]:
    """The changes a version was asked for. Raises NotFound for a dataset that is no version."""
    rows = (files.read_json(view.folder.path / EDITS_FILE) or {}).get("edits")
    if not isinstance(rows, list):
        raise NotFound(f"'{view.name}' is no version of another dataset.")
    return rows
