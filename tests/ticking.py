"""A scheduler that works off what waits right here, for tests that need whole jobs."""

from collections.abc import Callable, Iterator

from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobView
from digits_core.services.workspace import Workspace

Tick = Callable[[JobView], JobView]


def ticking(workspace: Workspace) -> Iterator[Tick]:
    """For fixtures: ``tick(job)`` works off what waits, and gives the job as it is then."""
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)

    def tick(view: JobView) -> JobView:
        scheduler.tick()
        return workspace.store.get(view.id)

    yield tick
    scheduler.close()
