"""A builder of datasets: submits the job and runs the worker right here."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from digits_core.jobs.model import Job, Kind
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
