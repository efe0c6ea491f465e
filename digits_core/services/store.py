"""Services on model stores: what they offer, reading them again, bringing a model here."""

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from digits_core.errors import BadData, NotFound
from digits_core.jobs.model import Job, Kind, Status
from digits_core.jobs.store import JobView
from digits_core.modelstore.catalogue import Entry
from digits_core.modelstore.shelves import Shelf, Shelves
from digits_core.modelstore.team import HERE, TeamStore
from digits_core.services.access import authorize
from digits_core.services.jobs import checked_name
from digits_core.services.networks import require_custom
from digits_core.services.workspace import Workspace
from digits_core.tasks import tasks

Json = dict[str, Any]


def stores(workspace: Workspace) -> list[Json]:
    """Every configured store as it was last read; asks no network, so it answers at once.

    Each has address, message, state (ready, reading, unreachable, unread), reason, age_s (None: never read) and its
    models: what ``Entry`` tells, with "license_text" and "picture" (whether there are some), and the "job" that
    imports or has imported it ("" when none).
    """
    shelves, jobs = Shelves(workspace.settings), imports(workspace)
    return [_told(shelves, shelves.shelf(address), jobs) for address in workspace.settings.model_stores]


def _told(shelves: Shelves, shelf: Shelf, jobs: dict[str, JobView]) -> Json:
    reading = shelves.is_being_read(shelf.address)
    state = "reading" if reading else "unreachable" if shelf.error else "ready" if shelf.read else "unread"
    return {"address": shelf.address, "message": shelf.message, "state": state, "reason": shelf.error,
            "age_s": time.time() - shelf.read if shelf.read else None,
            "models": [_model(shelves, entry, jobs) for entry in shelf.entries]}


def _model(shelves: Shelves, entry: Entry, jobs: dict[str, JobView]) -> Json:
    job = jobs.get(entry.id)
    folder = shelves.folder(entry.store)
    return {**entry.to_json(), "license_text": (folder / f"{entry.id}.txt").exists(),
            "picture": (folder / f"{entry.id}.png").exists(), "job": job.id if job else "",
            "ready": job is not None and job.status is Status.DONE}


def imports(workspace: Workspace) -> dict[str, JobView]:
    """The newest import of each entry that has not failed."""
    return {str(view.job.options["entry"].get("id")): view
            for view in reversed(workspace.store.jobs(Kind.PRETRAINED))
            if isinstance(view.job.options.get("entry"), dict)
            and view.status not in (Status.FAILED, Status.STOPPED, Status.DAMAGED)}


def refresh(workspace: Workspace, addresses: Iterable[str] | None = None) -> None:
    """Read the stores again, all at the same time, and wait until that is done (or they are given up)."""
    shelves = Shelves(workspace.settings)
    chosen = list(workspace.settings.model_stores if addresses is None else addresses)
    if chosen:
        with ThreadPoolExecutor(len(chosen)) as pool:
            list(pool.map(shelves.renew, chosen))


def wake(workspace: Workspace, every: bool = False) -> bool:
    """Have the stores whose lists are a day old (or all) read in the background; whether there are such."""
    shelves, now = Shelves(workspace.settings), time.time()
    due = [address for address in workspace.settings.model_stores if every or shelves.shelf(address).is_due(now)]
    if due:
        threading.Thread(target=refresh, args=(workspace, due), daemon=True, name="model stores").start()
    return bool(due)


def find(workspace: Workspace, entry_id: str) -> Entry:
    """A model of a store, or a published one of our own, by its id. Raises NotFound as DIGITS did."""
    shelves = Shelves(workspace.settings)
    listed = [entry for address in workspace.settings.model_stores for entry in shelves.shelf(address).entries]
    own = [version.entry for version in TeamStore(workspace.settings.team_folder).versions()]
    for entry in (*listed, *own):
        if entry.id == entry_id:
            return entry
    raise NotFound("Unable to find requested model. Update the model list: the store may have changed.")


def license_text(workspace: Workspace, entry_id: str) -> str:
    """The licence of a model of a store; empty when it brings none."""
    entry = find(workspace, entry_id)
    return _beside(workspace, entry, ".txt", "license.txt").decode(errors="replace")


def preview(workspace: Workspace, entry_id: str) -> bytes:
    """A small PNG that shows what the model is about. Raises NotFound when it brings none."""
    entry = find(workspace, entry_id)
    if not (found := _beside(workspace, entry, ".png", entry.preview)):
        raise NotFound("This model has no picture.")
    return found


def _beside(workspace: Workspace, entry: Entry, ending: str, name: str) -> bytes:
    if entry.store != HERE:
        return Shelves(workspace.settings).beside(entry, ending)
    try:
        return (workspace.settings.team_folder / entry.folder / name).read_bytes() if name else b""
    except OSError:
        return b""


def import_entry(workspace: Workspace, user: str, entry_id: str, name: str = "", group: str = "",
                 allow_code: bool = False) -> JobView:
    """Queue a job that fetches a model of a store and installs it; without a name it keeps its own.

    The job gets exactly the files with the checksums that were listed. Raises NotFound for an unknown model, BadData
    for one that cannot be imported. ``allow_code`` as in ``import_model``.
    """
    authorize(user, "create")
    if allow_code:
        require_custom(workspace)
    entry = find(workspace, entry_id)
    if entry.problem:
        raise BadData(f"'{entry.name}' cannot be imported: {entry.problem}")
    kind = entry.task if entry.task in tasks() else "classification"
    job = Job(workspace.store.new_id(), Kind.PRETRAINED, kind, checked_name(name or entry.name), user, time.time(),
              {"store": entry.store, "entry": entry.to_json(), "allow_code": allow_code}, (), group.strip())
    workspace.store.submit(job)
    return workspace.store.get(job.id)
