"""The worker process: launches once, works, and always leaves a result."""

from collections.abc import Callable

from digits_core.jobs.model import Status
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobStore, JobView
from tests.faults.fakes import starts

Until = Callable[..., object]
FakeJob = Callable[..., JobView]


def run(scheduler: Scheduler, store: JobStore, view: JobView, until: Until) -> JobView:
    def over() -> bool:
        scheduler.tick()
        return store.get(view.id).status.is_final

    until(over)
    return store.get(view.id)


def test_a_worker_process_runs_the_job_and_leaves_its_summary(
        scheduler: Scheduler, store: JobStore, fake_job: FakeJob, until: Until) -> None:
    view = run(scheduler, store, fake_job(steps=3), until)
    assert (view.status, view.folder.summary(), starts(view)) == (Status.DONE, {"steps": 3}, 1)
