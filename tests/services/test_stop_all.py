"""A server that nothing outlives: its jobs save and stop with it, and go on later."""

from collections.abc import Callable

import pytest

from digits_core.jobs.model import Status
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobView
from digits_core.services import jobs
from digits_core.services.workspace import Workspace
from tests.faults import fakes
from tests.serving import serving

Until = Callable[..., object]


def test_running_jobs_stop_and_waiting_ones_stay(
        workspace: Workspace, scheduler: Scheduler, fake_job: Callable[..., JobView], until: Until) -> None:
    running = [fake_job(owner=owner, wait_for="/never").id for owner in ("ann", "bob")]
    waiting = fake_job(wait_for="/never").id

    def state(job_id: str) -> Status:
        return workspace.store.get(job_id).status

    until(lambda: scheduler.tick() or all(state(one) is Status.RUNNING for one in running))
    patient = Workspace.open(workspace.settings.model_copy(update={"grace_s": 60}))
    assert jobs.stop_all(patient) == []
    assert [state(one) for one in [*running, waiting]] == [Status.STOPPED, Status.STOPPED, Status.WAITING]
    assert "the server: it was told to end" in workspace.store.get(running[0]).state.reason
    assert jobs.resume(workspace, "ann", running[0]).status is Status.WAITING


def test_a_job_that_does_not_hear_keeps_nobody_waiting(
        workspace: Workspace, scheduler: Scheduler, fake_job: Callable[..., JobView], until: Until) -> None:
    deaf = fake_job(deaf=True, wait_for="/never")
    until(lambda: scheduler.tick() or fakes.starts(deaf))
    assert [view.id for view in jobs.stop_all(workspace)] == [deaf.id]


@pytest.mark.slow
@pytest.mark.parametrize(("setting", "expected"), [("1", Status.STOPPED), ("0", Status.RUNNING)])
def test_what_sigterm_to_the_server_means_for_its_jobs(
        setting: str, expected: Status, workspace: Workspace, fake_job: Callable[..., JobView], until: Until) -> None:
    job = fake_job(wait_for="/never")

    def state() -> Status:
        return workspace.store.get(job.id).status

    with serving(workspace.settings.jobs_dir, DIGITS_STOP_JOBS=setting) as server:
        until(lambda: fakes.starts(job), 60)
        server.stop()
        assert state() is expected
