"""The jobs folder: list, publish, edit, trash. Safe for any number of processes at once."""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import filelock

from digits_core import files
from digits_core.errors import BadState, NotFound
from digits_core.jobs import process
from digits_core.jobs.folder import AttemptFolder, JobFolder, JobView
from digits_core.jobs.model import ID_PATTERN, Alive, Attempt, Job, Kind, State, Status, number, status_of

__all__ = ["AttemptFolder", "JobFolder", "JobStore", "JobView"]

Json = dict[str, Any]


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
        """A fresh job id: local time plus four hexadecimal digits. It is reserved: nobody else gets the same.

        Raises DigitsError when the jobs folder cannot be written.
        """
        self.prepare()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
        while not self._reserve(job_id := f"{stamp}-{secrets.token_hex(2)}"):
            continue
        return job_id

    def _reserve(self, job_id: str) -> bool:
        if (self.root / job_id).exists() or (self.trash / job_id).exists():
            return False
        try:
            (self.root / f".new-{job_id}").mkdir()
        except FileExistsError:
            return False
        except OSError as error:
            raise files.named_disk_error(error, self.root / job_id) from error
        return True

    def submit(self, job: Job, fill: Callable[[Path], None] | None = None) -> JobFolder:
        """Publish a job: its folder is built hidden and appears whole, with its first attempt waiting.

        ``fill`` may put more files (an uploaded archive) into the hidden folder first. Raises BadState when there
        is such a job already, and DigitsError when the disk is full or may not be written.
        """
        self.prepare()
        hidden = self.root / f".new-{job.id}-{secrets.token_hex(3)}"
        try:
            (hidden / "attempts" / "0001").mkdir(parents=True)
            files.fsync_folder(hidden / "attempts")
            if fill is not None:
                fill(hidden)
            files.write_once(hidden / "job.json", job.to_json())
            self._publish(hidden, self.root / job.id)
        except OSError as error:
            raise files.named_disk_error(error, self.root / job.id) from error
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
            shutil.rmtree(self.root / f".new-{job.id}", ignore_errors=True)
        return JobFolder(self.root / job.id)

    def is_free(self, job_id: str) -> bool:
        """Whether no job has this id, also none in the trash."""
        return not os.path.lexists(self.root / job_id) and not os.path.lexists(self.trash / job_id)

    def adopt(self, folder: Path, job_id: str) -> JobFolder:
        """Make a whole job folder, hidden on the same disk, a job of this store; it appears at once."""
        try:
            self._publish(folder, self.root / job_id)
        except OSError as error:
            raise files.named_disk_error(error, self.root / job_id) from error
        finally:
            shutil.rmtree(self.root / f".new-{job_id}", ignore_errors=True)
        return JobFolder(self.root / job_id)

    def _publish(self, hidden: Path, target: Path) -> None:
        if os.path.lexists(target):
            raise BadState(f"There is a job {target.name} already.")
        hidden.rename(target)
        files.fsync_folder(self.root)

    def ids(self) -> list[str]:
        """All job ids, newest first."""
        try:
            names = [path.name for path in self.root.iterdir() if ID_PATTERN.fullmatch(path.name)]
        except OSError:
            return []
        return sorted(names, reverse=True)

    def folder(self, job_id: str) -> JobFolder:
        """The folder of a job. Raises NotFound, also for anything that is not a well-formed id."""
        if not isinstance(job_id, str) or not ID_PATTERN.fullmatch(job_id) \
                or not os.path.lexists(self.root / job_id):
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
        """Jobs that need this one. Finished versions, exports and publications are whole by themselves."""
        return [view for view in (self.jobs() if views is None else views) if job_id in view.job.needs
                and not (view.job.kind in (Kind.DATASET, Kind.EXPORT, Kind.PUBLISH)
                        and view.status is Status.DONE)]

    def _view(self, folder: JobFolder) -> JobView:
        notes = folder.notes()
        try:
            job = self._job(folder)
        except ValueError as error:
            stand_in = Job(folder.id, Kind.DATASET, "", folder.id, "", 0.0, {})
            return JobView(stand_in, State(Status.DAMAGED, f"{error}.", "Delete it, or restore job.json from a "
                                           "backup.", "damaged"), folder, None, notes)
        attempt, alive = self._facts(folder)
        return JobView(job, status_of(attempt, alive, self.stall_s), folder, attempt, notes)

    def _facts(self, folder: JobFolder) -> tuple[Attempt | None, Alive]:
        """The newest attempt and its processes, read in an order that no ending worker can fool.

        A worker that writes its result and exits between the two readings would look killed, so the files of a
        dead worker are read once more.
        """
        newest = folder.newest()
        if newest is None:
            return None, Alive()
        attempt = newest.read()
        alive = self._alive(folder, attempt)
        if attempt.result is None and not alive.worker and not alive.starter:
            attempt = newest.read()
            alive = self._alive(folder, attempt) if attempt.launch else alive
        return attempt, alive

    def _job(self, folder: JobFolder) -> Job:
        data = files.read_json(folder.path / "job.json")
        if data is None:
            missing = not (folder.path / "job.json").exists()
            raise ValueError("job.json is missing" if missing else "job.json cannot be read")
        job = Job.from_json(data)
        if job.id != folder.id:
            raise ValueError(f"job.json belongs to another job ({job.id})")
        return job

    def _alive(self, folder: JobFolder, attempt: Attempt) -> Alive:
        if attempt.result is not None:
            return Alive()
        if attempt.launch is None:
            claim = attempt.claim or {}
            claimed = number(claim.get("boot_s"))
            fresh = claimed is None or process.boot_clock() - claimed < self.stall_s
            return Alive(starter=fresh and process.is_alive(claim.get("starter")))
        if not process.is_alive(attempt.launch.get("process")):
            return Alive()
        beat = max(folder.progress().beat_s, number(attempt.launch.get("boot_s")) or 0.0)
        return Alive(worker=True, silent_s=max(0.0, process.boot_clock() - beat))

    def edit_notes(self, job_id: str, **changes: Any) -> None:
        """Replace name, group, notes, tags or priority; durable when this returns, and no other edit is lost."""
        folder = self.folder(job_id)
        with filelock.FileLock(self.locks / "notes.lock"):
            files.write_atomic(folder.path / "notes.json", {**folder.notes(), **changes})

    def move_to_trash(self, job_id: str) -> None:
        """Take a job out of the list at once; nothing is lost yet. It must not be running."""
        folder = self.folder(job_id)
        self.prepare()
        target = self.trash / job_id
        if os.path.lexists(target):
            _remove(target)
        _move(folder.path, target)
        os.utime(target, follow_symlinks=False)  # its age in the trash is its folder's time
        files.fsync_folder(self.root)

    def restore(self, job_id: str) -> None:
        """Bring a job back from the trash. Raises NotFound when it is not there."""
        source = self._in_trash(job_id)
        if os.path.lexists(self.root / job_id):
            raise BadState(f"There is a job {job_id} already; it cannot be restored beside it.")
        _move(source, self.root / job_id)
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
        path = self._in_trash(job_id)
        size = files.folder_bytes(path)
        _remove(path)
        return size

    def _in_trash(self, job_id: str) -> Path:
        if not isinstance(job_id, str) or not ID_PATTERN.fullmatch(job_id) or not os.path.lexists(self.trash / job_id):
            raise NotFound(f"Job {str(job_id)[:40]!r} is not in the trash.")
        return self.trash / job_id

    def sweep(self, max_age_s: float = 3600) -> None:
        """Remove what killed processes left behind an hour ago or more: half-made job folders, unfinished files."""
        for path in [*self.root.glob(".new-*"), *self.root.glob("*-*/.*.tmp"), *self.root.glob("*-*/*/.*.tmp"),
                     *self.root.glob("*-*/attempts/*/.*.tmp")]:
            with suppress(OSError):  # its owner was quicker
                if time.time() - path.lstat().st_mtime > max_age_s:
                    _remove(path)


def _move(source: Path, target: Path) -> None:
    """Rename a job folder. Raises NotFound when another process just moved it."""
    try:
        source.rename(target)
    except FileNotFoundError:
        raise NotFound(f"Job {source.name} is not there any more: somebody else moved it just now.") from None
    except OSError as error:
        raise files.named_disk_error(error, target) from error


def _remove(path: Path) -> None:
    """Remove a folder with all it holds, or a single file or link. Raises BadState when something resists."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadState(f"{path.name} could not be removed completely: {error}.") from error
