"""Services that work on any job: list, edit, stop, resume, delete, restore, wait."""

import time
from collections.abc import Callable
from typing import Any

from digits_core import files
from digits_core.errors import BadState, DigitsError, InUse, InvalidOptions, NotFound, Problem
from digits_core.jobs.model import Kind, Status, number
from digits_core.jobs.store import JobView
from digits_core.services.access import authorize
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
EDITABLE = ("name", "notes", "group", "tags", "priority")
LONGEST = {"name": 200, "notes": 100_000, "group": 200}
NAME_RULE = "A name is required: 1 to 200 characters, no line breaks."


def describe(view: JobView) -> Json:
    """One job as plain JSON, the shape that REST and ``--json`` answer with."""
    progress = view.progress
    return {
        "id": view.id, "kind": str(view.job.kind), "task": view.job.task, "name": view.name, "group": view.group,
        "owner": view.job.owner, "created": view.job.created, "status": str(view.status),
        "reason": view.state.reason, "try": view.state.try_next, "code": view.state.code,
        "progress": progress.done, "phase": progress.phase, "rate": progress.rate, "unit": progress.unit,
        "eta_s": progress.eta_s if view.status.is_live else None, "epoch": progress.epoch,
        "started": view.started, "ended": view.ended, "needs": list(view.job.needs), "options": view.job.options,
        "attempts": len(view.folder.attempts()), "metrics": view.folder.summary(),
        "notes": view.notes.get("notes", ""), "tags": view.notes.get("tags", []),
    }


def metrics(workspace: Workspace, job_id: str, offset: int = 0) -> tuple[list[Json], int]:
    """Rows of metrics.jsonl from a byte offset on, and the next offset."""
    return files.read_jsonl(workspace.store.folder(job_id).metrics, offset)


def log_tail(workspace: Workspace, job_id: str, size: int = 64_000) -> str:
    """The end of the newest attempt's log."""
    newest = workspace.store.folder(job_id).newest()
    return files.tail(newest.log, size) if newest else ""


def edit(workspace: Workspace, user: str, job_id: str, **changes: Any) -> JobView:
    """Change name, notes, group, tags or queue priority; saved for good when this returns."""
    view = workspace.store.get(job_id)
    authorize(user, "edit", view)
    problems = [problem for field, value in changes.items() for problem in _edit_problems(field, value)]
    if problems:
        raise InvalidOptions(problems)
    if "name" in changes:
        changes["name"] = changes["name"].strip()
    workspace.store.edit_notes(job_id, **changes)
    return workspace.store.get(job_id)


def _edit_problems(field: str, value: object) -> list[Problem]:
    if field not in EDITABLE:
        return [Problem(field, "This cannot be edited.")]
    if field == "tags":
        fits = isinstance(value, list | tuple) and all(isinstance(tag, str) and 0 < len(tag) <= 100 for tag in value)
        return [] if fits else [Problem(field, "Tags are a list of short texts.")]
    if field == "priority":
        return [] if number(value) is not None else [Problem(field, "The priority is a number; higher starts first.")]
    if not isinstance(value, str) or len(value) > LONGEST[field]:
        return [Problem(field, f"A text of at most {LONGEST[field]} characters is needed here.")]
    return [] if field != "name" or is_name(value) else [Problem("name", NAME_RULE)]


def stop(workspace: Workspace, user: str, job_id: str, why: str = "") -> JobView:
    """Ask a waiting or running job to stop; it saves first. Stopping twice, or a finished job, changes nothing."""
    view = workspace.store.get(job_id)
    authorize(user, "stop", view)
    _ask_to_stop(view, user, why)
    return workspace.store.get(job_id)


def _ask_to_stop(view: JobView, by: str, why: str) -> None:
    attempt = view.folder.newest() if _works(view) else None
    while attempt is not None:
        files.write_once(attempt.stop, {"by": by, "why": why, "at": time.time()})
        newest = view.folder.newest()  # the scheduler may have replaced an attempt that never started
        attempt = None if newest == attempt else newest


def stop_all(workspace: Workspace) -> list[JobView]:
    """Let every running job save and stop, whosever it is, and wait for that; those that did not are given back.

    For a server that ends and that nothing outlives. What waits goes on waiting.
    """
    running = [view for view in workspace.store.jobs() if view.status.is_live]
    for view in running:
        _ask_to_stop(view, "the server", "it was told to end. Resume goes on from here.")
    deadline = time.monotonic() + workspace.settings.grace_s
    while running and time.monotonic() < deadline:
        time.sleep(0.05)
        running = [view for view in running if workspace.store.get(view.id).status.is_live]
    return running


def _works(view: JobView) -> bool:
    """Whether a job waits, runs, or is damaged beside a worker that does not know it yet."""
    return not view.status.is_final or (view.status is Status.DAMAGED and view.folder.has_worker())


def resume(workspace: Workspace, user: str, job_id: str) -> JobView:
    """Run a failed or stopped job again, from its last checkpoint where it has one."""
    view = workspace.store.get(job_id)
    authorize(user, "resume", view)
    if view.status in (Status.WAITING, Status.RUNNING):
        return view
    if view.status is Status.STALLED:
        raise BadState("The job is stalled, not ended. Stop it first, then resume it.")
    if view.status is Status.DONE:
        raise BadState("The job is done; there is nothing to resume. Clone it to run it again.")
    if view.attempt is None and not view.job.task:
        raise BadState(f"The job is damaged and cannot run: {view.state.reason}")
    view.folder.open_attempt(view.attempt.number + 1 if view.attempt else 1)  # the attempt that was looked at
    return workspace.store.get(job_id)


def delete(workspace: Workspace, user: str, job_id: str, wait_s: float = 60) -> None:
    """Move a job to the trash, stopping it first. Raises InUse, with their names, while other jobs need it."""
    view = workspace.store.get(job_id)
    authorize(user, "delete", view)
    users = workspace.store.dependents(job_id)
    if users:
        names = ", ".join(f"'{user_view.name}'" for user_view in users)
        first = "Delete that first." if len(users) == 1 else "Delete those first."
        raise InUse(f"Cannot delete '{view.name}': it is needed by {names}. {first}")
    if _works(view):
        stop(workspace, user, job_id, "deleted")
        deadline = time.monotonic() + wait_s
        while _works(workspace.store.get(job_id)):
            if time.monotonic() > deadline:
                raise BadState(f"'{view.name}' has not stopped yet. It was asked to; delete it again in a moment.")
            time.sleep(0.1)
    workspace.store.move_to_trash(job_id)


def restore(workspace: Workspace, user: str, job_id: str) -> JobView:
    """Bring a deleted job back."""
    authorize(user, "restore", _trashed(workspace, job_id))
    workspace.store.restore(job_id)
    return workspace.store.get(job_id)


def purge(workspace: Workspace, user: str, job_id: str) -> int:
    """Remove a deleted job for good; returns the bytes that became free."""
    authorize(user, "delete", _trashed(workspace, job_id))
    return workspace.store.purge(job_id)


def _trashed(workspace: Workspace, job_id: str) -> JobView:
    for view in workspace.store.trashed():
        if view.id == job_id:
            return view
    raise NotFound(f"Job {job_id[:40]!r} is not in the trash.")


def bulk(action: Callable[[Workspace, str, str], object], workspace: Workspace, user: str,
         job_ids: list[str]) -> list[str]:
    """Do one action to many jobs; returns what went wrong, one sentence a job, and goes on after each."""
    failures = []
    for job_id in job_ids:
        try:
            action(workspace, user, job_id)
        except DigitsError as error:
            failures.append(str(error))
    return failures


def wait(workspace: Workspace, job_id: str, tick: Callable[[], None], poll_s: float = 0.2,
         seen: Callable[[JobView], None] = lambda view: None) -> JobView:
    """Block until a job is over, calling ``tick`` (a scheduler's step) and ``seen`` in between."""
    while True:
        tick()
        view = workspace.store.get(job_id)
        seen(view)
        if view.status.is_final:
            return view
        time.sleep(poll_s)


def checked_name(name: str) -> str:
    """A job name without its outer blanks. Raises InvalidOptions when it is empty or too long."""
    name = name.strip()
    if not is_name(name):
        raise InvalidOptions([Problem("name", NAME_RULE)])
    return name


def together(*checks: Callable[[], Any]) -> list[Any]:
    """What each check gives. Raises InvalidOptions with the problems of all that fail, not of the first one only."""
    found, problems = [], []
    for one in checks:
        try:
            found.append(one())
        except InvalidOptions as error:
            problems += error.problems
    if problems:
        raise InvalidOptions(problems)
    return found


def is_name(name: str) -> bool:
    """Whether a text can name a job."""
    return 0 < len(name.strip()) <= LONGEST["name"] and not any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in name)


def of_kind(workspace: Workspace, job_id: str, *kinds: Kind) -> JobView:
    """A job that must be of one of these kinds. Raises NotFound otherwise."""
    view = workspace.store.get(job_id)
    if view.job.kind not in kinds:
        raise NotFound(f"'{view.name}' is a {view.job.kind}, not a {' or '.join(kinds)}.")
    return view
