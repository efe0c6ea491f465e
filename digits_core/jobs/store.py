"""Job folders: the only place that knows file names. Everything is read from disk, nothing is remembered."""

import secrets
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import BadState, NotFound
from digits_core.jobs import process
from digits_core.jobs.model import (
    ID_PATTERN, Alive, Attempt, Job, Kind, Progress, State, Status, status_of,
)

Json = dict[str, Any]


@dataclass(frozen=True)
class AttemptFolder:
    """Paths of one attempt."""

    path: Path

    @property
    def number(self) -> int:
        return int(self.path.name)

    @property
    def claim(self) -> Path:
        return self.path / "claim.json"

    @property
    def launch(self) -> Path:
        return self.path / "launch.json"

    @property
    def stop(self) -> Path:
        return self.path / "stop"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    def read(self) -> Attempt:
        """The facts, as far as they can be read. A stop or result file that is there but torn still counts."""
        return Attempt(self.number, files.read_json(self.claim), _fact(self.launch), _fact(self.stop),
                       _fact(self.result))


def _fact(path: Path) -> Json | None:
    value = files.read_json(path)
    return {} if value is None and path.exists() else value


@dataclass(frozen=True)
class JobFolder:
    """Paths of one job and what its small files say."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def progress_file(self) -> Path:
        return self.path / "progress.json"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def attempts(self) -> list[AttemptFolder]:
        """Oldest first."""
        try:
            names = sorted(p for p in (self.path / "attempts").iterdir() if p.name.isdigit() and p.is_dir())
        except OSError:
            return []
        return [AttemptFolder(p) for p in names]

    def newest(self) -> AttemptFolder | None:
        """The attempt that counts."""
        attempts = self.attempts()
        return attempts[-1] if attempts else None

    def open_attempt(self, number: int) -> AttemptFolder:
        """Make the folder of a new attempt. Raises BadState when somebody else was faster."""
        attempt = AttemptFolder(self.path / "attempts" / f"{number:04d}")
        try:
            attempt.path.mkdir(parents=True)
        except FileExistsError:
            raise BadState("Somebody else resumed this job just now.") from None
        files.fsync_folder(attempt.path.parent)
        return attempt

    def progress(self) -> Progress:
        """The last progress the worker reported."""
        return Progress.from_json(files.read_json(self.progress_file))

    def manifest(self) -> Json:
        """What a finished dataset build says about itself; empty until then."""
        return files.read_json(self.path / "manifest.json") or {}

    def summary(self) -> Json:
        """Final key figures of a job (``result.json`` of its newest finished attempt); empty before."""
        newest = self.newest()
        result = files.read_json(newest.result) if newest else None
        summary = (result or {}).get("summary")
        return summary if isinstance(summary, dict) else {}


@dataclass(frozen=True)
class JobView:
    """One job as every list and page shows it: what was asked, later edits, and the computed state.

    For a damaged job ``job`` is a stand-in that carries only the id.
    """

    job: Job
    state: State
    folder: JobFolder
    attempt: Attempt | None
    notes: Json

    @property
    def id(self) -> str:
        return self.job.id

    @property
    def name(self) -> str:
        return _text(self.notes.get("name")) or self.job.name

    @property
    def group(self) -> str:
        group = self.notes.get("group")
        return group if isinstance(group, str) else self.job.group

    @property
    def status(self) -> Status:
        return self.state.status

    @cached_property
    def progress(self) -> Progress:
        progress = self.folder.progress()
        return replace(progress, done=1.0) if self.status is Status.DONE else progress

    @property
    def started(self) -> float | None:
        """Seconds since 1970 of the newest attempt's launch."""
        return _number((self.attempt.launch or {}).get("started")) if self.attempt else None

    @property
    def ended(self) -> float | None:
        """Seconds since 1970 of its end."""
        return _number((self.attempt.result or {}).get("ended")) if self.attempt else None

    @property
    def devices(self) -> list[str]:
        """GPU UUIDs that the newest attempt runs on; empty: CPU."""
        facts = (self.attempt.launch or self.attempt.claim or {}) if self.attempt else {}
        devices = facts.get("devices")
        return [d for d in devices if isinstance(d, str)] if isinstance(devices, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


class JobStore:
    """All job folders below one folder. Cheap to make; safe to use from any number of processes at once."""

    def __init__(self, root: Path, stall_s: float = 300) -> None:
        self.root = root
        self.stall_s = stall_s
        self.trash = root / ".trash"
        self.locks = root / ".locks"

    def prepare(self) -> None:
        """Make the folders. Raises OSError when the place cannot be written."""
        for folder in (self.root, self.trash, self.locks):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def new_id(self, now: float | None = None) -> str:
        """A fresh job id: local time plus four hexadecimal digits."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
        while (job_id := f"{stamp}-{secrets.token_hex(2)}") and (self.root / job_id).exists():
            continue
        return job_id

    def submit(self, job: Job, fill: Callable[[Path], None] | None = None) -> JobFolder:
        """Publish a job: its folder is built hidden and appears whole, with its first attempt waiting.

        ``fill`` may put more files (an uploaded archive) into the hidden folder first.
        """
        self.prepare()
        hidden = self.root / f".new-{job.id}-{secrets.token_hex(3)}"
        (hidden / "attempts" / "0001").mkdir(parents=True)
        try:
            files.write_once(hidden / "job.json", job.to_json())
            if fill is not None:
                fill(hidden)
            hidden.rename(self.root / job.id)
        except BaseException:
            shutil.rmtree(hidden, ignore_errors=True)
            raise
        files.fsync_folder(self.root)
        return JobFolder(self.root / job.id)

    def ids(self) -> list[str]:
        """All job ids, newest first."""
        try:
            names = [entry.name for entry in self.root.iterdir() if ID_PATTERN.fullmatch(entry.name)]
        except OSError:
            return []
        return sorted(names, reverse=True)

    def folder(self, job_id: str) -> JobFolder:
        """The folder of a job. Raises NotFound, also for anything that is not a well-formed id."""
        if not isinstance(job_id, str) or not ID_PATTERN.fullmatch(job_id) or not (self.root / job_id).exists():
            raise NotFound(f"There is no job {str(job_id)[:40]!r}. It may have been deleted; look in the trash on the "
                           "System page.")
        return JobFolder(self.root / job_id)

    def get(self, job_id: str) -> JobView:
        """One job with its state. Raises NotFound; a folder that cannot be read comes back as damaged."""
        return self._view(self.folder(job_id))

    def jobs(self, kind: Kind | None = None) -> list[JobView]:
        """All jobs, newest first; damaged ones are among them whatever ``kind`` is asked (nobody knows theirs)."""
        views = [self._view(JobFolder(self.root / job_id)) for job_id in self.ids()]
        return [v for v in views if kind is None or v.job.kind == kind or v.status is Status.DAMAGED]

    def dependents(self, job_id: str, views: Iterable[JobView] | None = None) -> list[JobView]:
        """Jobs that need this one."""
        return [view for view in (self.jobs() if views is None else views) if job_id in view.job.needs]

    def _view(self, folder: JobFolder) -> JobView:
        notes = files.read_json(folder.path / "notes.json") or {}
        try:
            job = self._job(folder)
        except ValueError as error:
            stand_in = Job(folder.id, Kind.DATASET, "", folder.id, "", 0.0, {})
            return JobView(stand_in, State(Status.DAMAGED, f"{error}.", "Delete it, or restore job.json from a "
                                           "backup.", "damaged"), folder, None, notes)
        newest = folder.newest()
        attempt = newest.read() if newest else None
        return JobView(job, status_of(attempt, self._alive(folder, attempt), self.stall_s), folder, attempt, notes)

    def _job(self, folder: JobFolder) -> Job:
        data = files.read_json(folder.path / "job.json")
        if data is None:
            missing = not (folder.path / "job.json").exists()
            raise ValueError("job.json is missing" if missing else "job.json cannot be read")
        job = Job.from_json(data)
        if job.id != folder.id:
            raise ValueError(f"job.json belongs to another job ({job.id})")
        return job

    def _alive(self, folder: JobFolder, attempt: Attempt | None) -> Alive:
        if attempt is None or attempt.result is not None:
            return Alive()
        if attempt.launch is None:
            return Alive(starter=process.is_alive((attempt.claim or {}).get("starter")))
        if not process.is_alive(attempt.launch.get("process")):
            return Alive()
        started = _number(attempt.launch.get("boot_s")) or 0.0
        beat = max(folder.progress().beat_s, started)
        return Alive(worker=True, silent_s=max(0.0, process.boot_clock() - beat))

    def edit_notes(self, job_id: str, **changes: Any) -> None:
        """Replace name, group, notes or tags; durable when this returns."""
        folder = self.folder(job_id)
        notes = files.read_json(folder.path / "notes.json") or {}
        files.write_atomic(folder.path / "notes.json", {**notes, **changes})

    def move_to_trash(self, job_id: str) -> None:
        """Take a job out of the list at once; nothing is lost yet. It must not be running."""
        folder = self.folder(job_id)
        self.prepare()
        target = self.trash / job_id
        if target.exists():
            shutil.rmtree(target)
        folder.path.rename(target)
        target.touch()  # its age in the trash is its folder's time
        files.fsync_folder(self.root)

    def restore(self, job_id: str) -> None:
        """Bring a job back from the trash. Raises NotFound when it is not there."""
        if not ID_PATTERN.fullmatch(job_id) or not (self.trash / job_id).is_dir():
            raise NotFound(f"Job {job_id[:40]!r} is not in the trash.")
        (self.trash / job_id).rename(self.root / job_id)
        files.fsync_folder(self.root)

    def trashed(self) -> list[JobView]:
        """Jobs in the trash, newest first."""
        try:
            names = sorted((p.name for p in self.trash.iterdir() if ID_PATTERN.fullmatch(p.name)), reverse=True)
        except OSError:
            return []
        return [self._view(JobFolder(self.trash / name)) for name in names]

    def purge(self, job_id: str) -> int:
        """Remove a job from the trash for good; returns the bytes that became free."""
        if not ID_PATTERN.fullmatch(job_id) or not (self.trash / job_id).is_dir():
            raise NotFound(f"Job {job_id[:40]!r} is not in the trash.")
        size = files.folder_bytes(self.trash / job_id)
        shutil.rmtree(self.trash / job_id)
        return size

    def sweep(self, max_age_s: float = 3600) -> None:
        """Remove what killed processes left behind: half-made job folders older than an hour."""
        for path in self.root.glob(".new-*"):
            if time.time() - path.stat().st_mtime > max_age_s:
                shutil.rmtree(path, ignore_errors=True)
