"""What a worker's code gets to talk to the outside: log, progress, metrics, and whether to stop."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from digits_core import files
from digits_core.jobs import devices, process
from digits_core.jobs.model import YEAR_S, Job, number
from digits_core.jobs.store import AttemptFolder, JobFolder, JobStore

Json = dict[str, Any]
LOG_CAP = 20_000_000


class Stopped(BaseException):
    """Somebody asked the job to stop. A BaseException, so that no ``except Exception`` eats it."""


@dataclass
class Termination:
    """Whether SIGTERM came. A plain flag: a lock would hang when a second signal interrupts the first's handler."""

    came: bool = False


class Context(Protocol):
    """The worker's side of a job folder; tests use a recorder with the same five methods."""

    job: Job
    folder: JobFolder
    store: JobStore
    devices: list[str]
    """UUIDs of the GPUs this attempt holds; empty: CPU."""

    def log(self, message: str) -> None:
        """Add a line to the job's log."""
        ...

    def progress(self, done: float, phase: str, rate: float | None = None, unit: str = "images",
                 epoch: float | None = None, **extra: Any) -> None:
        """Report the finished share 0..1 (the remaining time is worked out here); at most 2 a second are written."""
        ...

    def metrics(self, row: Json) -> None:
        """Append one durable row to metrics.jsonl; ``t`` (seconds of work so far) is added."""
        ...

    def check_stop(self) -> None:
        """Raise Stopped when somebody asked for it, or when a newer attempt has taken over. Call once a batch."""
        ...


class WorkerContext:
    """The Context of a real worker."""

    def __init__(self, job: Job, folder: JobFolder, store: JobStore, attempt: AttemptFolder,
                 device_ids: list[str], terminated: "Termination | None" = None) -> None:
        self.job, self.folder, self.store, self.devices = job, folder, store, device_ids
        self.attempt = attempt
        self.terminated = terminated or Termination()
        self._next = folder.attempt(attempt.number + 1).path
        self._start = time.monotonic()
        self._first: tuple[float, float] | None = None
        self._written = 0.0
        self._phase = ""
        self._worked = max(_last_t(folder.metrics), _last_t(folder.path / "hardware.jsonl"))

    def log(self, message: str) -> None:
        """See Context."""
        logging.getLogger("digits").info(message)

    def worked_s(self) -> float:
        """Seconds of work on this job over all attempts."""
        return self._worked + time.monotonic() - self._start

    def progress(self, done: float, phase: str, rate: float | None = None, unit: str = "images",
                 epoch: float | None = None, **extra: Any) -> None:
        """See Context."""
        now = time.monotonic()
        if self._first is None or phase != self._phase:  # a new phase runs at another speed
            self._first = (now, done)
        if now - self._written < 0.5 and phase == self._phase and done < 1:
            return
        self._fence()
        started, start = self._first
        eta = (1 - done) / (done - start) * (now - started) if done > start else None
        self._written, self._phase = now, phase
        files.write_atomic(self.folder.progress_file, {
            "done": min(1.0, max(0.0, done)), "phase": phase, "rate": number(rate), "unit": unit, "eta_s": number(eta),
            "epoch": number(epoch), "beat_s": process.boot_clock(), "extra": extra})

    def metrics(self, row: Json) -> None:
        """See Context."""
        self._fence()
        files.append_jsonl(self.folder.metrics, {"t": round(self.worked_s(), 3), **row})

    def check_stop(self) -> None:
        """See Context."""
        if self.terminated.came or os.path.lexists(self.attempt.stop):
            raise Stopped
        self._fence()

    @property
    def is_fenced(self) -> bool:
        """A newer attempt owns the job's files from the moment its folder exists."""
        return self._next.exists()

    def _fence(self) -> None:
        if self.is_fenced:
            raise Stopped


def _last_t(path: Path) -> float:
    """The largest ``t`` among the newest rows of a file of rows (it never falls, so the end is enough)."""
    rows = map(files.as_object, files.tail(path).encode().split(b"\n"))
    times = (number(row.get("t")) for row in rows if row)
    return max((t for t in times if t is not None and t < YEAR_S * 100), default=0.0)


class Watch(threading.Thread):
    """Samples the hardware into hardware.jsonl and keeps the log below its cap, beside the work."""

    def __init__(self, context: WorkerContext, every_s: float = 2.0) -> None:
        super().__init__(daemon=True, name="watch")
        self.context = context
        self.every_s = every_s
        self.ended = threading.Event()
        self._named: set[str] = set()

    def run(self) -> None:
        """Until ``ended`` is set or a newer attempt took over. What fails is logged once and disturbs nothing."""
        while not self.ended.wait(self.every_s):
            self._try("capping the log", lambda: cap_log(self.context.attempt.log, LOG_CAP))
            if self.context.is_fenced:
                return
            self._try("a hardware sample", lambda: files.append_jsonl(
                self.context.folder.path / "hardware.jsonl", self.sample()))

    def _try(self, what: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # watching must never end a training
            if type(error).__name__ not in self._named:
                self._named.add(type(error).__name__)
                logging.getLogger("digits").warning("%s failed: %s", what, error)

    def sample(self) -> Json:
        """CPU in percent of one processor, memory in bytes, and the same for each GPU of the job."""
        use = devices.usage(os.getpid())
        cards = [gpu for gpu in devices.gpus() if gpu.uuid in self.context.devices] if self.context.devices else []
        return {"t": round(self.context.worked_s(), 1), "cpu": use.cpu_percent if use else None,
                "memory": use.memory if use else None,
                "gpus": [{"uuid": g.uuid, "index": g.index, "name": g.name, "memory": g.memory_used,
                          "total": g.memory_total, "utilisation": g.utilisation, "temperature": g.temperature}
                         for g in cards]}


def cap_log(log: Path, cap: int) -> None:
    """When the log is longer than ``cap`` bytes keep its newest half in log.1.txt and start it again.

    Writers hold it open for appending, so cutting it to nothing is safe for them.
    """
    if not log.exists() or log.stat().st_size <= cap:
        return
    try:
        files.write_atomic(log.with_name("log.1.txt"), files.tail(log, cap // 2))
    finally:  # on a full disk the log goes all the same: it may be what filled it
        os.truncate(log, 0)
