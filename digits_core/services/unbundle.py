"""Jobs arrive from another server: a bundle is unpacked hidden, distrusted and checked; then each job appears whole."""

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from digits_core import files
from digits_core.errors import BadData, BadState
from digits_core.jobs.folder import JobFolder
from digits_core.jobs.model import ID_PATTERN, Job, Kind
from digits_core.jobs.store import JobView
from digits_core.networks.custom import CUSTOM
from digits_core.safe.archives import Limits, safe_extract
from digits_core.safe.paths import printable
from digits_core.services.access import authorize
from digits_core.services.bundles import FOLDER, HEAD, SCHEMA, SUMS, checksum, launch_facts
from digits_core.services.networks import require_custom
from digits_core.services.uploads import RESERVE
from digits_core.services.workspace import Workspace
from digits_core.tasks import tasks

Json = dict[str, Any]
Told = Callable[[float, str], None]
LIMITS = Limits(members=5_000_000, total=1 << 50, each=1 << 50)
"""A bundle is not compressed, so the disk is what limits it; that is looked at first."""
ORIGIN = "moved.json"
REWRITTEN_BYTES = 5_000_000
"""A larger JSON file keeps the ids of the server it comes from."""


class Moved(NamedTuple):
    """What came of an import: the jobs, the bundle's last one last; those that were here before; new ids by old."""

    jobs: list[JobView]
    known: list[str]
    renamed: dict[str, str]


def unbundle(workspace: Workspace, user: str, path: Path, allow_code: bool = False,
             told: Told = lambda done, phase: None) -> Moved:
    """Bring in the jobs of a bundle; they belong to ``user`` then. ``path`` stays as it is.

    A job keeps its id where that is free; one that is here already is not copied again, so an import that was cut off
    can be repeated. ``told`` gets a share of 0..1 and a phase, and may raise to cancel. Raises BadData or Unsafe for
    what is damaged or hostile, BadState for a custom network without ``allow_code``; nothing is changed then.
    """
    authorize(user, "create")
    if allow_code:
        require_custom(workspace)
    _require_room(workspace, path)
    with _hidden(workspace) as place:
        _unpack(path, place, told)
        head = _head(place / "in")
        _check_sums(place / "in", told)
        jobs = [_job(place / "in", fact) for fact in head["jobs"]]
        _require_consent(place / "in", jobs, allow_code)
        told(1.0, "Checking")
        return _publish(workspace, user, place / "in", jobs, head)


def _require_room(workspace: Workspace, path: Path) -> None:
    if not path.is_file():
        raise BadData(f"There is no bundle {printable(str(path))!r}.")
    need, free = path.stat().st_size + RESERVE, files.free_bytes(workspace.store.root)
    if need > free:
        raise files.DiskFull(f"The bundle needs {need / 1e9:.1f} GB, {free / 1e9:.1f} GB are free in the jobs folder. "
                             "Free some space first (System page: disk by job).")


@contextmanager
def _hidden(workspace: Workspace) -> Iterator[Path]:
    """A folder that nobody lists; what a killed server leaves of it is swept like any half-made job."""
    workspace.store.prepare()
    place = workspace.store.root / f".new-bundle-{secrets.token_hex(6)}"
    place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _unpack(path: Path, place: Path, told: Told) -> None:
    size, seen = max(1, path.stat().st_size), 0.0

    def tick() -> None:
        nonlocal seen
        if time.monotonic() - seen > 1:
            share = files.folder_bytes(place) / size
            os.utime(place)  # it is not left behind: nobody may sweep it
            seen = time.monotonic()
            told(min(0.6, 0.6 * share), "Unpacking")

    safe_extract(path, place / "in", LIMITS, tick, "The bundle")


def _head(place: Path) -> Json:
    """What the bundle says about itself. Raises BadData when that is nothing this version reads."""
    head = files.read_json(place / HEAD)
    if head is None or not isinstance(head.get("schema"), int):
        raise BadData("This is no bundle of jobs: bundle.json is missing or unreadable.")
    if head["schema"] > SCHEMA:
        raise BadData(f"The bundle was made by a newer version of DIGITS (schema {head['schema']}, this one reads up "
                      f"to {SCHEMA}). Update this server first.")
    facts = head.get("jobs")
    ids = [fact.get("id") for fact in facts if isinstance(fact, dict)] if isinstance(facts, list) else []
    if not ids or not all(isinstance(one, str) and ID_PATTERN.fullmatch(one) for one in ids) or \
            len(set(ids)) < len(facts or []):
        raise BadData("bundle.json does not name its jobs.")
    return {**head, "jobs": ids}


def _check_sums(place: Path, told: Told) -> None:
    """Hold every file against its checksum. Raises BadData for a wrong, a missing or an additional file."""
    try:
        lines = (place / SUMS).read_bytes().decode("utf-8", "surrogateescape").split("\n")
    except OSError:
        raise BadData("The bundle has no SHA256SUMS: it was cut off.") from None
    wanted = dict(map(checksum, filter(None, lines)))
    there = {os.path.relpath(Path(parent) / name, place) for parent, _, names in os.walk(place) for name in names}
    if odd := sorted((there ^ set(wanted)) - {SUMS}):
        raise BadData(f"The bundle is damaged: {printable(odd[0])} is {'not in' if odd[0] in there else 'only in'} "
                      "its list of checksums.")
    total = max(1, sum((place / name).stat().st_size for name in wanted))
    done, seen = 0, 0.0
    for name, digest in wanted.items():
        if _digest(place / name) != digest:
            raise BadData(f"The bundle is damaged: the checksum of {printable(name)} is wrong. Copy it again.")
        done += (place / name).stat().st_size
        if time.monotonic() - seen > 0.5:
            seen = time.monotonic()
            told(0.6 + 0.4 * done / total, "Checking")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _job(place: Path, job_id: str) -> Job:
    """One job of the bundle, with its folder made fit for this machine. Raises BadData when it makes no sense."""
    folder = JobFolder(place / FOLDER / job_id)
    try:
        job = Job.from_json(files.read_json(folder.path / "job.json") or {})
    except ValueError as error:
        raise BadData(f"The job {job_id} of the bundle cannot be used: {error}.") from None
    if job.id != job_id:
        raise BadData(f"The job {job_id} of the bundle calls itself {job.id}.")
    if job.kind not in (Kind.FRAMES, Kind.IMPORT) and job.task not in tasks():
        raise BadData(f"The job '{printable(job.name)}' is of the task {printable(job.task)!r}, which is not known "
                      "here. It needs an extension that is not installed.")
    for parent, folders, names in os.walk(folder.path):
        for name in [*folders, *names]:
            if name.startswith("."):
                raise BadData(f"The job {job_id} of the bundle holds a hidden file {printable(name)!r}.")
        for name in set(names) & {"claim.json", "lock.mdb"}:
            (Path(parent) / name).unlink()
    _settle(folder)
    return job


def _settle(folder: JobFolder) -> None:
    """No attempt of the bundle may look as if a process of this machine worked at it, or as if it were to run now."""
    newest = folder.newest()
    if newest is None:
        raise BadData(f"The job {folder.id} of the bundle has no attempts.")
    for attempt in folder.attempts():
        facts = launch_facts(files.read_json(attempt.launch) or {})
        files.write_atomic(attempt.launch, facts)
        if attempt.number == newest.number and not attempt.result.exists() and not attempt.stop.exists():
            files.write_atomic(attempt.result, {"state": "stopped", "reason": "It was moved before its end.",
                                                "try": "Resume: it goes on from its last checkpoint."})


def _require_consent(place: Path, jobs: list[Job], allow_code: bool) -> None:
    """Raise BadState when a job brings Python code and nobody allowed that."""
    for job in jobs:
        folder = place / FOLDER / job.id
        network = (files.read_json(folder / "network.json") or {}).get("network")
        named = CUSTOM in (network, job.options.get("network")) or job.options.get("allow_code")
        if (named or (folder / "network.py").exists()) and not allow_code:
            raise BadState(f"'{printable(job.name)}' brings its own Python code (a custom network), which would run on "
                           "this server. Import the bundle again and allow that, if you trust whoever made it.")


def _publish(workspace: Workspace, user: str, place: Path, jobs: list[Job], head: Json) -> Moved:
    store = workspace.store
    known = [job.id for job in jobs if _is_here(workspace, job)]
    renamed = {job.id: store.new_id() for job in jobs if job.id not in known and not store.is_free(job.id)}
    views = []
    for job in jobs:
        if job.id not in known:
            target = renamed.get(job.id, job.id)
            folder = place / FOLDER / job.id
            _make_ours(folder, job, user, target, renamed, head)
            store.adopt(folder, target)
        views.append(store.get(renamed.get(job.id, job.id)))
    return Moved(views, known, renamed)


def _is_here(workspace: Workspace, job: Job) -> bool:
    """Whether this very job is among ours: moved before, or made here."""
    if job.id not in workspace.store.ids():
        return False
    view = workspace.store.get(job.id)
    return (view.job.kind, view.job.created, view.job.task) == (job.kind, job.created, job.task)


def _make_ours(folder: Path, job: Job, user: str, job_id: str, renamed: dict[str, str], head: Json) -> None:
    """Write the job as this server's: owner, ids, and where it came from."""
    needs = tuple(renamed.get(need, need) for need in job.needs)
    options = _with_ids(job.options, renamed)
    files.write_atomic(folder / "job.json", replace(job, id=job_id, owner=user, needs=needs, options=options).to_json())
    for path in folder.rglob("*.json") if renamed else ():
        content = files.read_json(path) if path.stat().st_size <= REWRITTEN_BYTES and path.name != "job.json" else None
        if content is not None and (changed := _with_ids(content, renamed)) != content:
            files.write_atomic(path, changed)
    files.write_atomic(folder / ORIGIN, {"v": 1, "id": job.id, "owner": job.owner, "at": time.time(),
                                         "server": str(head.get("server", ""))[:200],
                                         "digits": str(head.get("digits", ""))[:50]})


def _with_ids(value: Any, renamed: dict[str, str]) -> Any:
    if isinstance(value, str):
        return renamed.get(value, value)
    if isinstance(value, list):
        return [_with_ids(one, renamed) for one in value]
    return {key: _with_ids(one, renamed) for key, one in value.items()} if isinstance(value, dict) else value


def origin(view: JobView) -> Json:
    """Where a moved job came from: its id and owner there, the server's name, when; empty for one made here."""
    found = files.read_json(view.folder.path / ORIGIN) or {}
    return {key: found[key] for key in ("id", "owner", "server", "at", "digits") if key in found}
