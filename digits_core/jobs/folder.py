"""The files of one job: the only place that knows their names. Everything is read from disk, nothing is remembered."""

import os
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import BadState
from digits_core.jobs import process
from digits_core.jobs.model import Attempt, Job, Progress, State, Status, number, seconds

Json = dict[str, Any]
ATTEMPT = re.compile("[0-9]{4,8}")


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

    @property
    def resumed(self) -> Path:
        """Step and epoch at which a training went on in this attempt."""
        return self.path / "resumed.json"

    def read(self) -> Attempt:
        """The facts, as far as they can be read. A stop or result file that is there but torn still counts."""
        return Attempt(self.number, files.read_json(self.claim), _fact(self.launch), _fact(self.stop),
                       _fact(self.result))


def _fits(key: str, value: object) -> bool:
    if key == "tags":
        return isinstance(value, list) and all(isinstance(tag, str) for tag in value)
    return number(value) is not None if key == "priority" else isinstance(value, str)


def _fact(path: Path) -> Json | None:
    value = files.read_json(path)
    return {} if value is None and os.path.lexists(path) else value


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

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    def attempts(self) -> list[AttemptFolder]:
        """Oldest first."""
        try:
            numbers = sorted(int(p.name) for p in (self.path / "attempts").iterdir() if ATTEMPT.fullmatch(p.name))
        except OSError:
            return []
        return [found for found in map(self.attempt, numbers) if found.path.is_dir()]

    def attempt(self, number: int) -> AttemptFolder:
        """The folder of one attempt, whether it exists or not."""
        return AttemptFolder(self.path / "attempts" / f"{number:04d}")

    def newest(self) -> AttemptFolder | None:
        """The attempt that counts."""
        attempts = self.attempts()
        return attempts[-1] if attempts else None

    def has_worker(self) -> bool:
        """Whether the worker of the newest attempt lives and has left no result."""
        newest = self.newest()
        facts = newest.read() if newest else None
        return bool(facts and facts.launch and facts.result is None and process.is_alive(facts.launch.get("process")))

    def open_attempt(self, number: int) -> AttemptFolder:
        """Make the folder of a new attempt. Raises BadState when somebody else was faster, or it cannot be made."""
        attempt = self.attempt(number)
        try:
            attempt.path.mkdir(parents=True)
            files.fsync_folder(attempt.path.parent)
        except FileExistsError:
            raise BadState("Somebody else resumed this job just now, or a file stands where the folder "
                           f"{attempt.path} should be. Look again in a moment.") from None
        except OSError as error:
            raise BadState(f"The folder {attempt.path} cannot be made: {error.strerror}.") from error
        return attempt

    def progress(self) -> Progress:
        """The last progress the worker reported."""
        return Progress.from_json(files.read_json(self.progress_file))

    def manifest(self) -> Json:
        """What a finished dataset build says about itself; empty until then."""
        return files.read_json(self.path / "manifest.json") or {}

    def notes(self) -> Json:
        """Name, group, notes, tags and priority as edited later; fields of a wrong type are left out."""
        notes = files.read_json(self.path / "notes.json") or {}
        return {key: value for key, value in notes.items() if _fits(key, value)}

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
        return str(self.notes.get("name") or self.job.name)

    @property
    def group(self) -> str:
        return str(self.notes.get("group", self.job.group))

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
        return seconds((self.attempt.launch or {}).get("started")) if self.attempt else None

    @property
    def ended(self) -> float | None:
        """Seconds since 1970 of its end."""
        return seconds((self.attempt.result or {}).get("ended")) if self.attempt else None

    @property
    def devices(self) -> list[str]:
        """GPU UUIDs that the newest attempt runs on; empty: CPU."""
        facts = (self.attempt.launch or self.attempt.claim or {}) if self.attempt else {}
        devices = facts.get("devices")
        return [d for d in devices if isinstance(d, str)] if isinstance(devices, list) else []
