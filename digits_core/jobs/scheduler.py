"""Starts what can start, ends what must end. One step is ``tick()``; whoever holds the lease acts."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import filelock

from digits_core import files
from digits_core.jobs import devices, process
from digits_core.jobs.failures import explain_exit
from digits_core.jobs.model import Kind, Status, stopped_by
from digits_core.jobs.runner import Ended, LocalRunner, Runner
from digits_core.jobs.store import AttemptFolder, JobStore, JobView
from digits_core.settings import Settings

log = logging.getLogger("digits.scheduler")


@dataclass(frozen=True)
class Limits:
    """How many workers of each sort may run at the same time."""

    datasets: int = 2
    cpu_trainings: int = 1
    others: int = 2

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that the settings ask for."""
        return cls(settings.dataset_slots, settings.cpu_trainings, settings.inference_slots)


class Decision(NamedTuple):
    """What to do with a waiting job: start it on ``devices`` (empty: CPU), or leave it, and ``why``."""

    view: JobView
    devices: list[str] | None
    why: str = ""


def plan(waiting: list[JobView], live: list[JobView], gpu_ids: list[str], limits: Limits) -> list[Decision]:
    """Which waiting jobs to start now. Pure; the page shows the reasons, the scheduler acts on the rest.

    ``waiting`` is in queue order; ``gpu_ids`` are the UUIDs of all GPUs by index.
    """
    running = [(_pool(view, view.devices), view.devices) for view in live]
    decisions = []
    for view in waiting:
        taken = {uuid for _, used in running for uuid in used}
        chosen, why = choose_devices(view, gpu_ids, taken)
        if chosen is not None:
            pool = _pool(view, chosen)
            room = {"dataset": limits.datasets, "cpu": limits.cpu_trainings, "other": limits.others}.get(pool)
            if room is not None and sum(name == pool for name, _ in running) >= room:
                chosen, why = None, f"Waits for a free place: {room} of {room} in use."
            else:
                running.append((pool, chosen))
        decisions.append(Decision(view, chosen, why))
    return decisions


def _pool(view: JobView, used: list[str]) -> str:
    if view.job.kind is Kind.DATASET:
        return "dataset"
    if view.job.kind is not Kind.MODEL:
        return "other"
    return "gpu" if used else "cpu"


def choose_devices(view: JobView, gpu_ids: list[str], taken: set[str]) -> tuple[list[str] | None, str]:
    """GPUs for a job: [] means CPU, None means it must wait, with the reason.

    Options read: ``device`` (auto, gpu, cpu), ``gpu_count`` (next free ones) or ``gpu_list`` (these indices).
    """
    options = view.job.options
    if view.job.kind is not Kind.MODEL or options.get("device") == "cpu":
        return [], ""
    wanted = [i for i in options.get("gpu_list") or [] if isinstance(i, int)]
    count = len(wanted) or int(options.get("gpu_count") or 1)
    if not gpu_ids and options.get("device") != "gpu":
        return [], ""
    if count > len(gpu_ids) or any(i >= len(gpu_ids) for i in wanted):
        return None, f"Asks for GPU {wanted or count}, and this machine has {len(gpu_ids)}."
    pick = [gpu_ids[i] for i in wanted] or [uuid for uuid in gpu_ids if uuid not in taken][:count]
    if len(pick) < count or taken & set(pick):
        return None, f"Waits for {count} free GPU(s): {len(set(gpu_ids) - taken)} of {len(gpu_ids)} are free."
    return pick, ""


class Scheduler:
    """Call ``tick()`` again and again. Any number may run on one jobs folder; the one with the lease acts."""

    def __init__(self, store: JobStore, settings: Settings, runner: Runner | None = None,
                 gpu_ids: Callable[[], list[str]] = lambda: [gpu.uuid for gpu in devices.gpus()],
                 clock: Callable[[], float] = time.monotonic) -> None:
        store.prepare()
        self.store, self.settings = store, settings
        self.runner = runner or LocalRunner()
        self.gpu_ids, self.clock = gpu_ids, clock
        self._lease = filelock.FileLock(store.locks / "scheduler.lock", thread_local=False)
        self._ended: dict[str, int] = {}
        self._stop_seen: dict[str, float] = {}

    def lead(self) -> bool:
        """Whether this scheduler holds the lease; takes it when it is free."""
        if not self._lease.is_locked:
            try:
                self._lease.acquire(timeout=0)
            except filelock.Timeout:
                return False
            self.store.sweep()
            log.info("this process schedules the jobs of %s", self.store.root)
        return True

    def tick(self) -> None:
        """One step: collect the dead, end what must stop, start what can start."""
        for ended in self.runner.reap():
            self._bury(ended)
        if not self.lead():
            return
        views = self._unfinished()
        for view in views:
            self._close_dead(view)
            self._end_stopped(view)
        live = [view for view in views if view.status.is_live]
        waiting = [view for view in reversed(views) if view.status is Status.WAITING and self._ready(view)]
        if waiting:
            for decision in plan(queue_order(waiting), live, self.gpu_ids(), Limits.of(self.settings)):
                if decision.devices is not None:
                    self._start(decision.view, decision.devices)

    def close(self) -> None:
        """Give the lease back; workers go on."""
        self.runner.reap()
        self._lease.release()

    def _unfinished(self) -> list[JobView]:
        """Views of all jobs that are not known to be over (a resume adds an attempt, which changes its folder)."""
        views = []
        for job_id in self.store.ids():
            try:
                changed = (self.store.root / job_id / "attempts").stat().st_mtime_ns
            except OSError:
                continue
            if self._ended.get(job_id) == changed:
                continue
            view = self.store.get(job_id)
            if view.status.is_final and view.attempt and view.attempt.result is not None:
                self._ended[job_id] = changed
            else:
                views.append(view)
        return views

    def _close_dead(self, view: JobView) -> None:
        """A worker that died without a result gets one, and what it left running is killed."""
        attempt = view.folder.newest()
        if view.status.is_final and view.attempt and view.attempt.launch and attempt:
            process.kill_leftovers(view.attempt.launch.get("process"))
            _close(attempt, view.status, view.state.reason, view.state.try_next, view.state.code)

    def _bury(self, ended: Ended) -> None:
        """Our own child is gone: its exit code says more than its absence."""
        launch = files.read_json(ended.attempt.launch) or {}
        process.kill_leftovers(launch.get("process"))
        stop = files.read_json(ended.attempt.stop)
        if stop is not None:
            _close(ended.attempt, Status.STOPPED, stopped_by(stop), "", "stopped")
        elif ended.attempt.path.exists():
            _close(ended.attempt, Status.FAILED, *explain_exit(ended.code))

    def _end_stopped(self, view: JobView) -> None:
        """Stop: the worker looks by itself; after the grace period SIGTERM, after a second one SIGKILL."""
        if not view.status.is_live or view.attempt is None or view.attempt.stop is None or not view.attempt.launch:
            self._stop_seen.pop(view.id, None)
            return
        waited = self.clock() - self._stop_seen.setdefault(view.id, self.clock())
        who = view.attempt.launch.get("process")
        if waited > self.settings.grace_s + 5:
            process.signal_group(who, signal.SIGKILL)
        elif waited > self.settings.grace_s:
            process.signal_group(who, signal.SIGTERM)

    def _ready(self, view: JobView) -> bool:
        """Whether everything it needs is done; a need that failed ends the job with that reason."""
        for need in view.job.needs:
            blocker, final = missing_need(self.store, need)
            if blocker and final:
                self._refuse(view, blocker, "needs")
            if blocker:
                return False
        return True

    def _refuse(self, view: JobView, reason: str, code: str) -> None:
        attempt = view.folder.newest()
        if attempt and not attempt.claim.exists():
            _close(attempt, Status.FAILED, reason, "Mend or resume that job first, then resume this one.", code)

    def _start(self, view: JobView, device_ids: list[str]) -> None:
        folder = view.folder
        attempt = folder.newest()
        if attempt is None:
            return
        if attempt.claim.exists():  # its scheduler died before the worker launched: fence that try off
            if not files.write_once(attempt.launch, {"fenced": True}):
                return
            attempt = folder.open_attempt(attempt.number + 1)
        claim = {"starter": process.identity(), "devices": device_ids, "at": time.time()}
        if not files.write_once(attempt.claim, claim):
            return
        try:
            self.runner.start(folder, attempt, device_ids)
        except OSError as error:
            _close(attempt, Status.FAILED, f"The worker could not be started: {error}.",
                   "Check the machine's limits (processes, memory), then resume.", "never-started")


def _close(attempt: AttemptFolder, state: Status, reason: str, try_next: str, code: str) -> None:
    """Leave the result that no worker will write."""
    if attempt.path.exists():
        files.write_once(attempt.result, {"state": state, "reason": reason, "try": try_next, "code": code,
                                          "ended": time.time()})


def missing_need(store: JobStore, need: str) -> tuple[str, bool]:
    """What keeps a needed job from being usable ("" when it is done), and whether that is final."""
    if not (store.root / need).exists():
        return f"The job it needs ({need}) was deleted.", True
    view = store.get(need)
    if view.status is Status.DONE:
        return "", False
    text = f"Its {view.job.kind} '{view.name}' {'is' if not view.status.is_final else 'has'} {view.status}"
    return (f"{text}: {view.state.reason}" if view.state.reason else f"{text}."), view.status.is_final


def queue_order(waiting: list[JobView]) -> list[JobView]:
    """Highest ``priority`` in the notes first, then oldest first."""
    def key(view: JobView) -> float:
        priority = view.notes.get("priority", 0)
        return -priority if isinstance(priority, int | float) else 0.0

    return sorted(waiting, key=key)


def waiting_reasons(store: JobStore, settings: Settings, gpu_ids: list[str]) -> dict[str, str]:
    """Why each waiting job waits, in queue order, for the page."""
    views = store.jobs()
    reasons: dict[str, str] = {}
    ready = []
    for view in queue_order([v for v in reversed(views) if v.status is Status.WAITING]):
        blockers = [text for text, _ in (missing_need(store, need) for need in view.job.needs) if text]
        reasons[view.id] = blockers[0] if blockers else ""
        if not blockers:
            ready.append(view)
    live = [view for view in views if view.status.is_live]
    decisions = plan(ready, live, gpu_ids, Limits.of(settings))
    reasons.update({d.view.id: d.why or "Starts in a moment." for d in decisions})
    return reasons


class SchedulerThread(threading.Thread):
    """Runs a scheduler inside the server."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__(daemon=True, name="scheduler")
        self.scheduler = scheduler
        self.ended = threading.Event()

    def run(self) -> None:
        """Until ``ended`` is set; one failing step is logged and the next one tries again."""
        while not self.ended.wait(self.scheduler.settings.poll_s):
            try:
                self.scheduler.tick()
            except Exception:
                log.exception("a scheduler step failed")
        self.scheduler.close()


def free_gpus(store: JobStore, gpu_ids: list[str]) -> list[str]:
    """GPUs that no running job holds."""
    taken = {uuid for view in store.jobs() if view.status.is_live for uuid in view.devices}
    return [uuid for uuid in gpu_ids if uuid not in taken]

