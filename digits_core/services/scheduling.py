"""The scheduler of a workspace with all that goes on beside it; server, command line and waiting commands use it."""

from digits_core.jobs.scheduler import Scheduler
from digits_core.notify.outbox import Outbox
from digits_core.services.search_driver import SearchDriver
from digits_core.services.workspace import Workspace


def make_scheduler(workspace: Workspace) -> Scheduler:
    """A scheduler that tells people what happens and drives their searches while it leads."""
    return Scheduler(workspace.store, workspace.settings, watcher=Outbox(workspace.settings),
                     chores=[SearchDriver(workspace)])
