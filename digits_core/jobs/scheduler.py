"""Starts what can start, ends what must end. One step is ``tick()``; whoever holds the lease acts."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import filelock

from digits_core import files
from digits_core.errors import BadState, NotFound
from digits_core.jobs import devices, process
from digits_core.jobs.failures import explain_exit
from digits_core.jobs.model import State, Status, stopped_by
from digits_core.jobs.plan import (
    Decision,
    Limits,
    choose_devices,
    free_gpus,
    missing_need,
    plan,
    queue_order,
    waiting_reasons,
)
from digits_core.jobs.runner import Ended, LocalRunner, Runner
from digits_core.jobs.store import AttemptFolder, JobStore, JobView
from digits_core.settings import Settings

__all__ = ["Decision", "Limits", "Scheduler", "SchedulerThread", "choose_devices", "free_gpus", "missing_need", "plan",
           "queue_order", "waiting_reasons"]

Json = dict[str, Any]
log = logging.getLogger("digits.scheduler")
RACY_S = 2.0
"""A folder whose time is younger than this may change again without a new time."""


class Watcher(Protocol):
    """Somebody who wants to see every job that the leading scheduler looks at."""

    def see(self, view: JobView) -> None:
        """Called again and again; must be quick."""
        ...

    def close(self) -> None:
        """The scheduler ends."""
        ...


class Scheduler:
    """Call ``tick()`` again and again. Any number may run on one jobs folder; the one with the lease acts."""

    def __init__(self, store: JobStore, settings: Settings, runner: Runner | None = None,
                 gpu_ids: Callable[[], list[str]] = devices.gpu_ids,
                 clock: Callable[[], float] = time.monotonic, watcher: Watcher | None = None,
                 chores: Sequence[Callable[[], None]] = ()) -> None:
        """``chores`` are done in each step of the leading scheduler; they must be quick."""
        store.prepare()
        self.store, self.settings = store, settings
        self.runner = runner or LocalRunner()
        self.gpu_ids, self.clock, self.watcher, self.chores = gpu_ids, clock, watcher, chores
        self._lease = filelock.FileLock(store.locks / "scheduler.lock", thread_local=False)
        self._unburied: list[Ended] = []
        self._over: dict[str, int] = {}
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
        """One step: collect the dead, end what must stop, start what can start.

        A job that cannot be handled (its files cannot be written, somebody moved it) is logged; the others go on.
        """
        leads = self.lead()
        for chore in self.chores if leads else ():
            chore()
        views = self._unfinished() if leads else []
        self._bury_children()  # after the look: a child that died before it has its exit code by now
        for view in views:
            with self._alone(view.id):
                self._close_dead(view)
                self._end_stopped(view)
        live = [view for view in views if view.status.is_live]
        waiting = [view for view in views if view.status is Status.WAITING and self._ready(view)]
        if waiting:
            for decision in plan(queue_order(waiting), live, self.gpu_ids(), Limits.of(self.settings)):
                if decision.devices is not None:
                    with self._alone(decision.view.id):
                        self._start(decision.view, decision.devices)

    def close(self) -> None:
        """Give the lease back; workers go on."""
        self._bury_children()
        if self.watcher:
            self.watcher.close()
        self._lease.release()

    @contextmanager
    def _alone(self, job_id: str) -> Iterator[None]:
        """What goes wrong with one job stays with that job; the next step tries again."""
        try:
            yield
        except NotFound:
            return  # deleted meanwhile
        except Exception:
            log.exception("the scheduler cannot handle job %s now", job_id)

    def _unfinished(self) -> list[JobView]:
        """Views of all jobs that are not known to be over (a resume adds an attempt, which changes its folder)."""
        views = []
        for job_id in self.store.ids():
            with self._alone(job_id):
                changed = self._changed(job_id)
                if changed and self._over.get(job_id) == changed:
                    continue
                view = self.store.get(job_id)
                with self._alone(job_id):  # what goes wrong with telling keeps no job from running
                    if self.watcher:
                        self.watcher.see(view)
                if not view.status.is_final or not view.attempt or view.attempt.result is None:
                    views.append(view)
                elif abs(time.time() - changed / 1e9) > RACY_S:
                    self._over[job_id] = changed
        return views

    def _changed(self, job_id: str) -> int:
        try:
            return (self.store.root / job_id / "attempts").stat().st_mtime_ns
        except OSError:
            return 0

    def _close_dead(self, view: JobView) -> None:
        """A job that is over without a result gets one, and what its worker left running is killed.

        Not while its worker is a child of ours that has yet to hand in its exit code: that says more.
        """
        if view.status.is_final and view.attempt is not None and view.attempt.result is None:
            attempt = view.folder.attempt(view.attempt.number)
            if not self.runner.holds(attempt):
                process.kill_leftovers((view.attempt.launch or {}).get("process"))
                _close(attempt, view.state)

    def _bury_children(self) -> None:
        """Our own children that are gone: their exit codes say more than their absence."""
        self._unburied += self.runner.reap()
        for ended in list(self._unburied):
            with self._alone(ended.folder.id):
                self._bury(ended)
                self._unburied.remove(ended)

    def _bury(self, ended: Ended) -> None:
        process.kill_leftovers((files.read_json(ended.attempt.launch) or {}).get("process"))
        stop = files.read_json(ended.attempt.stop)
        if stop is not None:
            _close(ended.attempt, State(Status.STOPPED, stopped_by(stop), "", "stopped"))
        else:
            _close(ended.attempt, State(Status.FAILED, *explain_exit(ended.code)))

    def _end_stopped(self, view: JobView) -> None:
        """Stop: the worker looks by itself; after the grace period SIGTERM, after a second one SIGKILL."""
        if not view.status.is_live or view.attempt is None or view.attempt.stop is None or not view.attempt.launch:
            self._stop_seen.pop(view.id, None)
            return
        waited = self.clock() - self._stop_seen.setdefault(view.id, self.clock())
        who = view.attempt.launch.get("process")
        if waited > self.settings.grace_s + min(5.0, self.settings.grace_s):
            process.signal_group(who, signal.SIGKILL)
        elif waited > self.settings.grace_s:
            process.signal_group(who, signal.SIGTERM)

    def _ready(self, view: JobView) -> bool:
        """Whether everything it needs is done; a need that failed ends the job with that reason."""
        for need in view.job.needs:
            blocker, final = missing_need(self.store, need)
            if blocker and final:
                with self._alone(view.id):
                    self._refuse(view, blocker)
            if blocker:
                return False
        return True

    def _refuse(self, view: JobView, reason: str) -> None:
        attempt = _attempt(view)
        if attempt and (not attempt.claim.exists() or files.write_once(attempt.launch, {"fenced": True})):
            _close(attempt, State(Status.FAILED, reason, "Mend or resume that job first, then resume this one.",
                                  "needs"))

    def _start(self, view: JobView, device_ids: list[str]) -> None:
        attempt = _attempt(view)
        if attempt is not None and attempt.claim.exists():
            attempt = self._fence(view, attempt)
        claim = {"starter": process.identity(), "devices": device_ids, "at": time.time(),
                 "boot_s": process.boot_clock()}
        if attempt is None or not files.write_once(attempt.claim, claim):
            return
        if attempt.number > 1:
            before = files.read_json(view.folder.attempt(attempt.number - 1).launch) or {}
            process.kill_leftovers(before.get("process"))
        try:
            self.runner.start(view.folder, attempt, device_ids)
        except OSError as error:
            _close(attempt, State(Status.FAILED, f"The worker could not be started: {error.strerror or error}.",
                                  "Check the machine's limits (processes, memory), then resume.", "never-started"))

    def _fence(self, view: JobView, attempt: AttemptFolder) -> AttemptFolder | None:
        """A fresh attempt instead of one whose starter died; None when its worker did launch after all.

        Of the worker and this fence exactly one writes the launch file, so the job starts once. A stop that
        arrives meanwhile is carried over (services.stop looks again after writing, which covers the other order).
        """
        fenced = files.write_once(attempt.launch, {"fenced": True})
        if not fenced and not (files.read_json(attempt.launch) or {}).get("fenced"):
            return None
        try:
            fresh = view.folder.open_attempt(attempt.number + 1)
        except BadState:
            return None  # another scheduler or a resume was faster
        stop = files.read_json(attempt.stop)
        if stop is not None:
            files.write_once(fresh.stop, stop)
            return None
        return fresh


def _attempt(view: JobView) -> AttemptFolder | None:
    """The attempt that the view's status speaks of; a newer one is none of this step's business."""
    return view.folder.attempt(view.attempt.number) if view.attempt else None


def _close(attempt: AttemptFolder, state: State) -> None:
    """Leave the result that no worker will write."""
    if attempt.path.exists():
        files.write_once(attempt.result, {"state": state.status, "reason": state.reason, "try": state.try_next,
                                          "code": state.code, "ended": time.time()})


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
