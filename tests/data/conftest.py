"""A builder of datasets: submits the job and runs the worker right here."""

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digits_core.data.records import Records
from digits_core.data.skipped import read_skipped
from digits_core.jobs.model import Job, Kind, Status
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobView
from digits_core.services.workspace import Workspace
from digits_core.tasks.classification import DatasetOptions

Build = Callable[..., JobView]
SMALL = {"width": 8, "height": 6}


def submit(workspace: Workspace, fill: Any = None, **options: Any) -> str:
    """Queue a build of these options (unchecked, so that the worker's own checks are seen); returns its id."""
    values = DatasetOptions(**{**SMALL, **options}).model_dump(mode="json")
    job = Job(workspace.store.new_id(), Kind.DATASET, "classification", "set", "me", time.time(), values)
    workspace.store.submit(job, fill)
    return job.id


@pytest.fixture
def build(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Build:
    """``build(folder=..., width=...)`` runs a whole build and gives the job; sizes are small unless said."""
    monkeypatch.setenv("DIGITS_PRIVATE_HOSTS", "127.0.0.1")

    def run(fill: Any = None, **options: Any) -> JobView:
        job_id = submit(workspace, fill, **options)
        scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
        scheduler.tick()
        scheduler.close()
        return workspace.store.get(job_id)

    return run


def reasons(view: JobView) -> dict[str, str]:
    """Why each skipped picture was skipped."""
    return {row.path: row.reason for row in read_skipped(view.folder.path / "skipped.csv")}


def check_sums(view: JobView) -> dict[str, object]:
    """Everything the manifest says, held against the files; returns it."""
    assert view.status is Status.DONE, view.state
    facts = view.folder.manifest()
    assert facts["found"] == facts["used"] + facts["skipped"] == facts["used"] + len(list(csv_rows(view)))
    assert facts["used"] == sum(part["entries"] for part in facts["splits"].values())
    for name, part in facts["splits"].items():
        records = Records(view.folder.path / f"{name}.lmdb")
        assert len(records) == part["entries"] == sum(part["per_class"])
        assert np.bincount(records.labels(), minlength=len(facts["labels"])).tolist() == part["per_class"]
    assert (view.folder.path / "labels.txt").read_text("utf-8").splitlines() == facts["labels"]
    assert not (view.folder.path / ".staging").exists()
    return facts


def csv_rows(view: JobView) -> list[list[str]]:
    """The rows of skipped.csv with exact names."""
    with (view.folder.path / "skipped.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.reader(file))[1:]


def write_list(path: Path, lines: list[str]) -> str:
    """A text file of these lines; returns its path."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)
