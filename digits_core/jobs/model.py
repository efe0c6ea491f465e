"""What a job is and what state it is in: values and one pure function, no files, no processes."""

import math
import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

SCHEMA = 1
ID_PATTERN = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{4}")
LAST_SECOND = 253_402_300_799
"""The end of the year 9999: later than that no calendar can show."""

YEAR_S = 365 * 86_400
"""A remaining time beyond this is no estimate."""

Json = dict[str, Any]


class Kind(StrEnum):
    """What a job makes."""

    DATASET = "dataset"
    MODEL = "model"
    PRETRAINED = "pretrained"
    INFERENCE = "inference"
    FRAMES = "frames"
    EXPORT = "export"
    PUBLISH = "publish"
    IMPORT = "import"


class Status(StrEnum):
    """What a person needs to know about a job; computed, never stored."""

    WAITING = "waiting"
    RUNNING = "running"
    STALLED = "stalled"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    DAMAGED = "damaged"

    @property
    def is_final(self) -> bool:
        """Nothing will happen any more unless somebody asks for it."""
        return self in (Status.DONE, Status.FAILED, Status.STOPPED, Status.DAMAGED)

    @property
    def is_live(self) -> bool:
        """A worker process exists."""
        return self in (Status.RUNNING, Status.STALLED)


@dataclass(frozen=True)
class Job:
    """What was asked for; ``job.json``, written once by the submitter.

    ``created`` is seconds since 1970; ``needs`` are ids of jobs that must be done first;
    ``options`` are the checked options of the task as plain JSON values.
    """

    id: str
    kind: Kind
    task: str
    name: str
    owner: str
    created: float
    options: Json
    needs: tuple[str, ...] = ()
    group: str = ""
    v: int = SCHEMA

    def to_json(self) -> Json:
        """The content of job.json."""
        return {**asdict(self), "needs": list(self.needs)}

    @classmethod
    def from_json(cls, data: Json) -> "Job":
        """A job from job.json of this or an older schema.

        Raises ValueError in plain words when it is from a newer version, incomplete or of the wrong shape.
        """
        version = data.get("v")
        if not isinstance(version, int) or version < 1:
            raise ValueError("job.json has no schema version")
        if version > SCHEMA:
            raise ValueError(f"made by a newer version of DIGITS (schema {version}, this one reads up to {SCHEMA})")
        if not isinstance(data.get("needs", []), list):
            raise ValueError("job.json holds needs that are no list")
        try:
            job = cls(**{**{k: data[k] for k in cls.__dataclass_fields__ if k in data},
                         "kind": Kind(data["kind"]), "needs": tuple(data.get("needs", ()))})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"job.json is incomplete: {error}") from error
        job._check()
        return job

    def _check(self) -> None:
        texts = (self.id, self.task, self.name, self.owner, self.group, *self.needs)
        if not all(isinstance(text, str) for text in texts) or not ID_PATTERN.fullmatch(self.id):
            raise ValueError("job.json holds a text field that is no text, or an id of the wrong form")
        if not all(ID_PATTERN.fullmatch(need) for need in self.needs):
            raise ValueError("job.json needs something that is no job id")
        if not isinstance(self.options, dict) or seconds(self.created) is None:
            raise ValueError("job.json holds options or a time of the wrong type")


def number(value: object) -> float | None:
    """A finite float from a value of a file that anybody may have damaged; None for everything else."""
    if type(value) is float and -1e300 <= value <= 1e300:  # nearly always, and millions of times
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300 or math.isnan(value):
        return None
    return float(value)


def seconds(value: object) -> float | None:
    """Seconds since 1970 that a calendar can show; None for everything else."""
    found = number(value)
    return found if found is not None and 0 <= found <= LAST_SECOND else None


@dataclass(frozen=True)
class Attempt:
    """The facts about one try to run a job; each is the content of a file, None while that is not there."""

    number: int
    claim: Json | None = None
    """Scheduler: which process starts it, on which devices."""
    launch: Json | None = None
    """Worker: boot id, pid, start ticks, host, devices, versions."""
    stop: Json | None = None
    """Services: who asked it to stop, when, and why."""
    result: Json | None = None
    """Worker: state, reason, what to try, ended, peak memory."""

    @property
    def is_fenced(self) -> bool:
        """A scheduler barred its worker from launching, because that worker's starter had died; not tried yet."""
        return self.launch is not None and self.launch.get("fenced") is True


@dataclass(frozen=True)
class Alive:
    """What the operating system says about an attempt's processes."""

    starter: bool = False
    """The scheduler that claimed it still lives (matters until the worker wrote its launch)."""
    worker: bool = False
    silent_s: float = 0.0
    """Seconds since the worker's last sign of life, on a clock that no one can set."""


@dataclass(frozen=True)
class State:
    """Status with the sentence that explains it and what to try next (both may be empty)."""

    status: Status
    reason: str = ""
    try_next: str = ""
    code: str = ""
    """A short word for programs: killed, out-of-memory, nan, disk-full, needs, never-started ..."""


KILLED = State(
    Status.FAILED, "The process ended without a word: something killed it, or the machine went down.",
    "Resume: it goes on from its last checkpoint, or begins again. If it happens again, look at the end of the log; "
    "running out of memory is the usual cause, in a training a smaller batch size helps.", "killed")


def status_of(attempt: Attempt | None, alive: Alive, stall_s: float) -> State:
    """The one place that decides what state a job is in, from the facts of its newest attempt."""
    if attempt is None:
        return State(Status.DAMAGED, "The folder has no attempts.", "Resume to run it, or delete it.", "damaged")
    if attempt.result is not None:
        return _ended(attempt.result)
    if attempt.launch is not None and not attempt.is_fenced:
        if not alive.worker:
            return State(Status.STOPPED, stopped_by(attempt.stop), code="stopped") if attempt.stop else KILLED
        if alive.silent_s > stall_s:
            return State(Status.STALLED, f"No sign of life for {_silence(alive.silent_s)}.",
                         "It may recover. If not, stop it and resume.")
        return State(Status.RUNNING)
    if attempt.claim is not None and alive.starter and not attempt.is_fenced:
        return State(Status.RUNNING, "Starting.")
    if attempt.stop is not None:
        return State(Status.STOPPED, stopped_by(attempt.stop), code="stopped")
    return State(Status.WAITING)


def _silence(spent_s: float) -> str:
    return f"{spent_s / 60:.0f} minutes" if spent_s >= 120 else f"{spent_s:.0f} seconds"


def stopped_by(stop: Json | None) -> str:
    """The sentence for a stop file; without one the process was told to end from outside."""
    if stop is None:
        return "Stopped: the machine shuts down, or somebody ended the process."
    return f"Stopped by {stop.get('by') or 'somebody'}" + (f": {stop['why']}" if stop.get("why") else ".")


def _ended(result: Json) -> State:
    state = result.get("state")
    if state not in (Status.DONE, Status.FAILED, Status.STOPPED):
        return State(Status.DAMAGED, "result.json holds no known state.", "Resume to run it again.", "damaged")
    reason = result.get("reason") or ("" if state == Status.DONE else "The worker left no reason.")
    return State(Status(state), str(reason), str(result.get("try", "")), str(result.get("code", "")))


@dataclass(frozen=True)
class Progress:
    """How far a running job is; ``progress.json``, replaced by the worker at most twice a second."""

    done: float = 0.0
    """Share that is finished, 0..1."""
    phase: str = ""
    rate: float | None = None
    unit: str = "images"
    eta_s: float | None = None
    epoch: float | None = None
    beat_s: float = 0.0
    """Boot-clock seconds of the last sign of life."""
    extra: Json = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Json | None) -> "Progress":
        """Progress from a file that may be missing, older or damaged: unreadable fields keep their defaults."""
        data = data or {}
        phase, unit, extra = data.get("phase"), data.get("unit"), data.get("extra")
        return cls(
            done=min(1.0, max(0.0, number(data.get("done")) or 0.0)), phase=phase if isinstance(phase, str) else "",
            rate=number(data.get("rate")), unit=unit if isinstance(unit, str) else "images",
            eta_s=_at_most(number(data.get("eta_s")), YEAR_S), epoch=number(data.get("epoch")),
            beat_s=number(data.get("beat_s")) or 0.0, extra=extra if isinstance(extra, dict) else {})


def _at_most(value: float | None, limit: float) -> float | None:
    return value if value is not None and 0 <= value <= limit else None
