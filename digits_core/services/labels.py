"""Wrong labels that an evaluation found become a new version of the dataset."""

from typing import Any

from digits_core.errors import InvalidOptions, NotFound, Problem
from digits_core.infer.record_inputs import parsed
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.services import evaluation, versions
from digits_core.services.jobs import of_kind
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
DEEDS = ("relabel", "exclude")


def dataset_of(workspace: Workspace, row: Json) -> JobView | None:
    """The dataset a picture of an evaluation lies in; None when it came from elsewhere or the dataset is gone."""
    record = parsed(str(row.get("source", "")))
    if record is None:
        return None
    try:
        return of_kind(workspace, record.dataset, Kind.DATASET)
    except (NotFound, InvalidOptions):
        return None


def edit(row: Json, do: str) -> Json:
    """The change of a picture of an evaluation: left out, or given the suggested (else the predicted) class."""
    where = {"do": do, "split": row["split"], "index": row["index"]}
    return where if do == "exclude" else {**where, "label": row.get("suggested", row["predicted"])}


def fix_labels(workspace: Workspace, user: str, job_id: str, do: str, split: str = "", first: int = 0,
               name: str = "") -> JobView:
    """Queue a version of the evaluated dataset without, or with the suggested class for, what is probably wrong.

    ``first``: only the so many most suspicious labels; 0: all of them. Raises InvalidOptions when nothing is
    suspicious, NotFound without an evaluation on records of a dataset.
    """
    if do not in DEEDS:
        raise InvalidOptions([Problem("do", f"must be one of {', '.join(DEEDS)} (got {do[:40]!r})")])
    if first < 0:
        raise InvalidOptions([Problem("first", "A number from 0 is needed; 0 means all.")])
    count = evaluation.issues(workspace, job_id, split)
    wanted = min(first, count) if first else count
    if not wanted:
        raise InvalidOptions([Problem("do", "No label is probably wrong: there is nothing to change.")])
    rows: list[Json] = []
    while len(rows) < wanted:
        size = min(1000, wanted - len(rows))
        rows += evaluation.pictures(workspace, job_id, split, "suspects", offset=len(rows), limit=size).rows
    parent = dataset_of(workspace, rows[0])
    if parent is None:
        raise NotFound("The pictures of this evaluation are not in a dataset (any more), so no version can be made.")
    return versions.create_version(workspace, user, parent.id, name, [edit(row, do) for row in rows])
