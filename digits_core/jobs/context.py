"""What a worker's code gets to talk to the outside: log, progress, metrics, and whether to stop."""

import logging
import os
import threading
import time
from pathlib import Path
from typing import Any, Protocol

from digits_core import files
from digits_core.jobs import devices, process
from digits_core.jobs.model import Job
from digits_core.jobs.store import AttemptFolder, JobFolder, JobStore

Json = dict[str, Any]
LOG_CAP = 20_000_000


class Stopped(BaseException):
    """Somebody asked the job to stop. A BaseException, so that no ``except Exception`` eats it."""


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
                 device_ids: list[str]) -> None:
        self.job, self.folder, self.store, self.devices = job, folder, store, device_ids
        self.attempt = attempt
        self.terminated = False
        self._next = folder.path / "attempts" / f"{attempt.number + 1:04d}"
        self._start = time.monotonic()
        self._first: tuple[float, float] | None = None
        self._written = 0.0
        self._phase = ""
        rows, _ = files.read_jsonl(folder.metrics)
        self._worked = max((row["t"] for row in rows if isinstance(row.get("t"), int | float)), default=0.0)

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
        if self._first is None:
            self._first = (now, done)
        if now - self._written < 0.5 and phase == self._phase and done < 1:
            return
        started, start = self._first
        eta = (1 - done) / (done - start) * (now - started) if done > start else None
        self._written, self._phase = now, phase
        files.write_atomic(self.folder.progress_file, {
            "done": min(1.0, max(0.0, done)), "phase": phase, "rate": rate, "unit": unit, "eta_s": eta,
            "epoch": epoch, "beat_s": process.boot_clock(), "extra": extra})

    def metrics(self, row: Json) -> None:
        """See Context."""
        files.append_jsonl(self.folder.metrics, {"t": round(self.worked_s(), 3), **row})

    def check_stop(self) -> None:
        """See Context."""
        if self.terminated or self.attempt.stop.exists() or self._next.exists():
            raise Stopped


class Watch(threading.Thread):
    """Samples the hardware into hardware.jsonl and keeps the log below its cap, beside the work."""

    def __init__(self, context: WorkerContext, every_s: float = 2.0) -> None:
        super().__init__(daemon=True, name="watch")
        self.context = context
        self.every_s = every_s
        self.ended = threading.Event()

    def run(self) -> None:
        """Until ``ended`` is set. A failing sample is logged once a kind and never disturbs the work."""
        while not self.ended.wait(self.every_s):
            try:
                cap_log(self.context.attempt.log, LOG_CAP)
                files.append_jsonl(self.context.folder.path / "hardware.jsonl", self.sample())
            except Exception as error:  # watching must never end a training
                logging.getLogger("digits").warning("hardware sample failed: %s", error)
                self.every_s = min(60.0, self.every_s * 2)

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
    files.write_atomic(log.with_name("log.1.txt"), files.tail(log, cap // 2))
    os.truncate(log, 0)
