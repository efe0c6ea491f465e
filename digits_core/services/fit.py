"""Is this dataset fit to train on? Starts the look at its pictures, and reads what it found."""

import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import filelock

from digits_core import files
from digits_core.errors import BadData, InvalidOptions, Problem
from digits_core.jobs import process
from digits_core.jobs.model import Kind, number
from digits_core.jobs.store import JobView
from digits_core.services.access import authorize
from digits_core.services.datasets import manifest
from digits_core.services.jobs import of_kind
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
REPORT, RUN = "fit.json", "fit-run.json"
VERSION = 1
KINDS = ("exact", "near", "leak", "labels")


def start_fit(workspace: Workspace, user: str, job_id: str) -> Json:
    """Begin the look at a finished dataset in a process of its own, unless one runs or is done; see ``fit_state``.

    Anybody with a name may ask: it changes nothing, and its answer is kept for all.
    """
    authorize(user, "create")
    view = of_kind(workspace, job_id, Kind.DATASET)
    manifest(view)
    with filelock.FileLock(workspace.store.locks / "fit.lock"):
        state = fit_state(view)
        if state["state"] in ("none", "failed"):
            _launch(view)
            state = fit_state(view)
    return state


def _launch(view: JobView) -> None:
    from digits_core.data import child  # see datasets.samples

    folder = view.folder.path
    (folder / REPORT).unlink(missing_ok=True)
    started = child.start("digits_core.data.fit", str(folder), stderr=subprocess.DEVNULL, start_new_session=True)
    for pipe in (started.stdin, started.stdout):
        if pipe is not None:
            pipe.close()
    files.write_atomic(folder / RUN, {"process": process.identity(started.pid), "done": 0.0})
    threading.Thread(target=started.wait, daemon=True, name="fit").start()  # so that it never stays a zombie


def fit_state(view: JobView) -> Json:
    """``state``: none, running (with ``done`` from 0 to 1), done or failed (with ``reason``)."""
    run = files.read_json(view.folder.path / RUN)
    is_alive = run is not None and process.is_alive(run.get("process"))
    report = files.read_json(view.folder.path / REPORT)  # after the question for its writer: it may just have ended
    if report is not None and report.get("v") == VERSION:
        reason = report.get("error")
        return {"state": "failed", "reason": str(reason)} if reason else {"state": "done"}
    if run is None:
        return {"state": "none"}
    if is_alive:
        return {"state": "running", "done": number(run.get("done")) or 0.0}
    return {"state": "failed", "reason": "The look at the pictures ended by force: the database may be damaged, or "
                                         "the memory was full."}


def fit_report(view: JobView) -> Json:
    """The finished report (see docs/rest.md). Raises BadData when there is none."""
    report = files.read_json(view.folder.path / REPORT)
    state = fit_state(view)
    if report is None or state["state"] != "done":
        raise BadData(f"'{view.name}' was not examined: {state.get('reason') or 'start the check first.'}")
    return report


def fit(workspace: Workspace, job_id: str, kind: str = "", offset: int = 0, limit: int = 50) -> Json:
    """State and findings for pages and programs: the report with a page of the groups of one kind ("": all).

    Labels of members are class names. Before there is a report: the state only.
    """
    view = of_kind(workspace, job_id, Kind.DATASET)
    facts, state = manifest(view), fit_state(view)
    if kind and kind not in KINDS:
        raise InvalidOptions([Problem("kind", f"Choose one of {', '.join(KINDS)}.")])
    if state["state"] != "done":
        return state
    report = fit_report(view)
    names = dict(enumerate(map(str, facts["labels"])))
    groups = [group for group in report["groups"] if kind in ("", *group["kinds"])]
    page = [{**group, "members": [{**member, "class": names.get(member["label"], str(member["label"]))}
                                  for member in group["members"]]} for group in groups[offset:offset + limit]]
    rows = {"unreadable": facts.get("bad"), "skipped": facts.get("skipped")}
    return {**state, **report, **rows, "total": len(groups), "groups": page}


def wait_for_fit(view: JobView, seen: Callable[[float], None], poll_s: float = 0.1) -> Json:
    """Block until the look is over; ``seen`` is told how far it is. Returns the last state."""
    while (state := fit_state(view))["state"] == "running":
        seen(state["done"])
        time.sleep(poll_s)
    return state
