"""Versions of datasets: a new dataset from an older one and a list of changes."""

import time
from typing import Any

from digits_core import files
from digits_core.data.edits import checked, repair
from digits_core.errors import BadState, InvalidOptions, NotFound, Problem
from digits_core.jobs.model import Job, Kind
from digits_core.jobs.store import JobView
from digits_core.services.access import authorize
from digits_core.services.datasets import manifest
from digits_core.services.fit import fit_report
from digits_core.services.jobs import checked_name, of_kind
from digits_core.services.workspace import Workspace

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
    options = {"parent": view.id, "edits": f"job:{EDITS_FILE}", "changes": len(rows), "fixes": list(fixes or [])}
    job = Job(workspace.store.new_id(), Kind.DATASET, view.job.task, checked_name(name or next_name(workspace, view)),
              user, time.time(), options, (view.id,), (group or view.group).strip())
    workspace.store.submit(job, lambda hidden: files.write_atomic(hidden / EDITS_FILE, {"v": 1, "edits": rows}))
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
