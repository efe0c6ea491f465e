"""Services that steer a training: finish it now, change its learning rate, let it go on for more epochs."""

import time
from typing import Any

from digits_core.errors import BadState, InvalidOptions, Problem
from digits_core.jobs.folder import AttemptFolder
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.jobs.wishes import LARGEST_FACTOR, wish
from digits_core.services.access import authorize
from digits_core.services.jobs import of_kind
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
MOST_EPOCHS = 100_000


def finish_now(workspace: Workspace, user: str, job_id: str, **why: str) -> JobView:
    """End a running training after its current step: measured, evaluated, done, with everything it has learned.

    ``why`` may name a reason, and the search that gives it up. Raises BadState when it does not run.
    """
    view, attempt = _running(workspace, user, job_id)
    _leave(attempt, user, "finish", **why)
    return workspace.store.get(view.id)


def change_rate(workspace: Workspace, user: str, job_id: str, factor: float) -> JobView:
    """Multiply the learning rate of a running training by ``factor`` from its next step on.

    Factors add up: 0.1 twice is 0.01. The metrics mark it, and a resumed training keeps it.
    """
    view, attempt = _running(workspace, user, job_id)
    if not 0 < factor <= LARGEST_FACTOR:
        raise InvalidOptions([Problem("factor", f"A factor above 0 and at most {LARGEST_FACTOR:g} is needed "
                                                f"(got {factor:g}).")])
    _leave(attempt, user, "rate", factor=factor)
    return workspace.store.get(view.id)


def more_epochs(workspace: Workspace, user: str, job_id: str, epochs: int) -> JobView:
    """Let a training that is done, stopped or failed go on for so many epochs from where it stands.

    It is the same job with the same curves and a new attempt; the learning-rate policy is stretched over the whole
    new length, as if that had been asked for at the start.
    """
    view = of_kind(workspace, job_id, Kind.MODEL)
    authorize(user, "resume", view)
    if not 1 <= epochs <= MOST_EPOCHS:
        raise InvalidOptions([Problem("epochs", f"1 to {MOST_EPOCHS} epochs are possible (got {epochs}).")])
    if view.status not in (Status.DONE, Status.STOPPED, Status.FAILED) or view.attempt is None:
        raise BadState(f"'{view.name}' is {view.status}; more epochs are possible once it has ended.")
    path = _leave(view.folder.attempt(view.attempt.number), user, "epochs", more=epochs)
    try:  # the wish is there before a worker can start
        view.folder.open_attempt(view.attempt.number + 1)
    except BadState:
        path.unlink(missing_ok=True)
        raise
    return workspace.store.get(job_id)


def _running(workspace: Workspace, user: str, job_id: str) -> tuple[JobView, AttemptFolder]:
    view = of_kind(workspace, job_id, Kind.MODEL)
    authorize(user, "stop", view)
    newest = view.folder.newest()
    if not view.status.is_live or newest is None:
        raise BadState(f"'{view.name}' is {view.status}; only a running training can be steered.")
    return view, newest


def _leave(attempt: AttemptFolder, user: str, action: str, **more: Any) -> Any:
    return wish(attempt, {"action": action, "by": user, "at": time.time(), **more})
