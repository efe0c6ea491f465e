"""Find jobs: the one filter behind tables, REST and the command line."""

from collections.abc import Sequence

from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.services.workspace import Workspace


def find(workspace: Workspace, kind: str = "", statuses: Sequence[str] = (), group: str | None = None,
         search: str = "", owner: str = "") -> list[JobView]:
    """Jobs, newest first; every argument that is given must fit.

    ``search`` is looked for in name, id, group, owner and notes, small and capital letters alike.
    """
    views = workspace.store.jobs(Kind(kind) if kind else None)
    return [view for view in views if _fits(view, statuses, group, search.strip().casefold(), owner)]


def _fits(view: JobView, statuses: Sequence[str], group: str | None, search: str, owner: str) -> bool:
    if statuses and view.status not in statuses:
        return False
    if group is not None and view.group != group:
        return False
    if owner and view.job.owner != owner:
        return False
    return not search or search in "\n".join(map(str, (
        view.name, view.id, view.group, view.job.owner, view.notes.get("notes", "")))).casefold()


KINDS = tuple(str(kind) for kind in Kind)
STATUSES = tuple(str(status) for status in Status)
