"""Idempotency keys: a create that is sent again (a lost answer, an impatient script) makes no second job.

The key's record holds the id that its job has or will have, so even a server that dies in between makes one job.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile

from digits_core import files
from digits_core.api.forms import reference_of, stored
from digits_core.errors import BadState, DigitsError, InUse
from digits_core.jobs.store import JobStore, JobView
from digits_core.services.workspace import Workspace

Create = Callable[[Workspace], JobView]
Take = Callable[[Workspace, list[tuple[str, Path]]], JobView]


def once(workspace: Workspace, user: str, key: str, asked: Any, create: Create) -> JobView:
    """The job that ``create`` makes, or the one that the same user's same key made before.

    ``asked`` is the request as plain values. Raises BadState when the key was used for another request. A request
    that is refused frees its key.
    """
    if not key:
        return create(workspace)
    job_id = reserve(workspace, user, key, asked)
    if _exists(workspace.store, job_id):
        return workspace.store.get(job_id)
    return _create(workspace, _record(workspace, user, key), job_id, create)


def once_sent(workspace: Workspace, user: str, key: str, asked: list[Any], sent: Sequence[UploadFile],
              create: Take) -> JobView:
    """The same for a job that takes uploads: ``create`` gets their names and files.

    They are not touched when the job is there already, so ``upload:ID`` may be used up by then.
    """
    def take(place: Workspace) -> JobView:
        with stored(workspace, user, sent) as kept:
            return create(place, kept)

    return once(workspace, user, key, [*asked, [(reference_of(one) or one.filename, one.size) for one in sent]], take)


def reserve(workspace: Workspace, user: str, key: str, asked: Any) -> str:
    """The id that belongs to a key: a new one the first time. Raises BadState when another request used the key."""
    record = _record(workspace, user, key)
    content = {"v": 1, "id": workspace.store.new_id(), "asked": _digest(asked)}
    if not files.write_once(record, content):
        content = files.read_json(record) or {}
    if content.get("asked") != _digest(asked):
        raise BadState("This Idempotency-Key was used for another request. Take a new key for a new job.")
    return str(content["id"])


@contextmanager
def reserved(workspace: Workspace, user: str, key: str, asked: Any) -> Iterator[Workspace]:
    """A workspace in which whatever is made gets the id of this key; a request that is refused frees it."""
    if not key:
        yield workspace
        return
    try:
        yield workspace.reserved(reserve(workspace, user, key, asked))
    except DigitsError as error:
        if not isinstance(error, BadState):
            _record(workspace, user, key).unlink(missing_ok=True)
        raise


def _create(workspace: Workspace, record: Path, job_id: str, create: Create) -> JobView:
    try:
        return create(workspace.reserved(job_id))
    except (OSError, DigitsError) as error:
        if _exists(workspace.store, job_id):  # a twin of this request was faster: its folder took the name, or its
            return workspace.store.get(job_id)  # upload
        if isinstance(error, DigitsError) and not isinstance(error, BadState | InUse):
            record.unlink(missing_ok=True)
        raise


def _exists(store: JobStore, job_id: str) -> bool:
    return (store.root / job_id).exists() or (store.trash / job_id).exists()


def _record(workspace: Workspace, user: str, key: str) -> Path:
    folder = workspace.store.root / ".idempotency"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{_digest([user, key])}.json"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
