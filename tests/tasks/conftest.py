"""One workspace, with its inference process, for the tests of a module; and a scheduler that works right here."""

from collections.abc import Callable, Iterator

import pytest

from digits_core.jobs.model import Status
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobView
from digits_core.services.workspace import Workspace
from tests.infer.sharing import shared_workspace

Tick = Callable[[JobView], JobView]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    yield from shared_workspace(tmp_path_factory.mktemp("tasks"))


@pytest.fixture(scope="module")
def tick(workspace: Workspace) -> Iterator[Tick]:
    """``tick(job)`` works off what waits, and gives the job as it is then."""
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)

    def run(view: JobView) -> JobView:
        scheduler.tick()
        return workspace.store.get(view.id)

    yield run
    scheduler.close()


@pytest.fixture(scope="module")
def done(tick: Tick) -> Tick:
    """The same, of a job that must end well."""
    def run(view: JobView) -> JobView:
        found = tick(view)
        assert found.status is Status.DONE, found.state.reason
        return found

    return run
