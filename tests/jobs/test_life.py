"""Jobs live through random histories of kills, restarts, stops, resumes and damage, and agree with a simple model.

Workers here are records, not processes: ``Puppets`` is a Runner whose workers launch, work, die and end when the
history says so. Every worker claims to be this test process (so it counts as alive) until it is killed.
"""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from digits_core import files
from digits_core.errors import BadState, DigitsError
from digits_core.jobs import process
from digits_core.jobs.folder import AttemptFolder, JobFolder
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.runner import Ended
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import jobs
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.faults import fakes

PLACES = 2
DEAD = {"boot_id": "an-earlier-boot", "pid": 4242, "start_ticks": 1}


@dataclass
class Puppet:
    """One worker: what it was started for, and how far it is."""

    folder: JobFolder
    attempt: AttemptFolder
    stage: str = "started"
    """started -> working -> gone"""


@dataclass
class Puppets:
    """A Runner whose workers do what the history says; ``ended`` are those the scheduler has not collected yet."""

    alive: list[Puppet] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    begun: list[tuple[str, int]] = field(default_factory=list)

    def start(self, folder: JobFolder, attempt: AttemptFolder, devices: list[str]) -> None:
        self.alive.append(Puppet(folder, attempt))

    def reap(self) -> list[Ended]:
        ended, self.ended = self.ended, []
        return ended

    def holds(self, attempt: AttemptFolder) -> bool:
        return any(puppet.attempt.path == attempt.path for puppet in self.alive)

    def launch(self, puppet: Puppet) -> None:
        """What digits_core.jobs.worker.run does first."""
        who = process.identity()
        if not puppet.attempt.path.exists():  # a damaged job may be deleted before its worker launched
            self.leave(puppet, 1)
        elif files.write_once(puppet.attempt.launch, {"process": who, "boot_s": process.boot_clock(), "devices": []}):
            puppet.stage = "working"
            self.begun.append((puppet.folder.id, puppet.attempt.number))
        else:
            self.leave(puppet, 0)

    def leave(self, puppet: Puppet, code: int) -> None:
        """The worker is gone; its launch file now names a process that is dead."""
        self.alive.remove(puppet)
        launch = files.read_json(puppet.attempt.launch)
        if launch and not launch.get("fenced") and puppet.stage == "working":
            files.write_atomic(puppet.attempt.launch, {**launch, "process": DEAD})
        self.ended.append(Ended(puppet.folder, puppet.attempt, code))


class Life(RuleBasedStateMachine):
    """Rules are what can happen; invariants are what must hold after each."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="life-"))
        self.settings = Settings(jobs_dir=self.home / "jobs", cpu_trainings=PLACES, grace_s=0)
        self.workspace = Workspace.open(self.settings)
        self.puppets = Puppets()
        self.scheduler = self._scheduler()
        self.ids: list[str] = []
        self.trash: list[str] = []
        self.damaged: set[str] = set()
        self.finals: dict[tuple[str, int], Status] = {}

    def teardown(self) -> None:
        self.scheduler.close()
        shutil.rmtree(self.home)

    def _scheduler(self) -> Scheduler:
        return Scheduler(self.workspace.store, self.settings, self.puppets, gpu_ids=list,
                         clock=lambda: 0.0)  # no grace period ends: it would kill this process, which poses as workers

    def _pick(self, index: int) -> str:
        return self.ids[index % len(self.ids)]

    @rule(needed=st.booleans(), index=st.integers(0, 9))
    def create(self, needed: bool, index: int) -> None:
        needs = (self._pick(index),) if needed and self.ids else ()
        self.ids.append(fakes.submit(self.workspace.store, Kind.MODEL, needs=needs).id)

    @rule(times=st.integers(1, 3))
    def tick(self, times: int) -> None:
        for _ in range(times):
            self.scheduler.tick()

    @precondition(lambda self: self.puppets.alive)
    @rule(index=st.integers(0, 9))
    def a_worker_goes_on(self, index: int) -> None:
        puppet = self.puppets.alive[index % len(self.puppets.alive)]
        if puppet.stage == "started":
            self.puppets.launch(puppet)
        elif puppet.attempt.stop.exists():
            files.write_once(puppet.attempt.result, {"state": "stopped", "reason": "Stopped."})
            self.puppets.leave(puppet, 0)

    @precondition(lambda self: self.puppets.alive)
    @rule(index=st.integers(0, 9), state=st.sampled_from(["done", "failed"]))
    def a_worker_ends(self, index: int, state: str) -> None:
        puppet = self.puppets.alive[index % len(self.puppets.alive)]
        if puppet.stage == "working":
            files.write_once(puppet.attempt.result, {"state": state, "reason": "So it ended."})
            self.puppets.leave(puppet, 0)

    @precondition(lambda self: self.puppets.alive)
    @rule(index=st.integers(0, 9))
    def a_worker_is_killed(self, index: int) -> None:
        self.puppets.leave(self.puppets.alive[index % len(self.puppets.alive)], -9)

    @rule()
    def the_server_is_killed_and_started_again(self) -> None:
        self.scheduler._lease.release()
        self.puppets.ended.clear()  # nobody is left to collect them
        for job_id in self.ids:
            for attempt in self.workspace.store.folder(job_id).attempts():
                if (claim := files.read_json(attempt.claim)) is not None:
                    files.write_atomic(attempt.claim, {**claim, "starter": DEAD})
        self.scheduler = self._scheduler()

    @precondition(lambda self: self.ids)
    @rule(index=st.integers(0, 9))
    def stop(self, index: int) -> None:
        jobs.stop(self.workspace, "tester", self._pick(index))

    @precondition(lambda self: self.ids)
    @rule(index=st.integers(0, 9))
    def resume(self, index: int) -> None:
        job_id = self._pick(index)
        before = self.workspace.store.get(job_id).status
        try:
            after = jobs.resume(self.workspace, "tester", job_id).status
        except BadState:
            assert before in (Status.DONE, Status.DAMAGED)
        else:
            assert after is (before if before is Status.RUNNING else Status.WAITING)

    @precondition(lambda self: self.ids)
    @rule(index=st.integers(0, 9))
    def delete(self, index: int) -> None:
        job_id = self._pick(index)
        try:
            jobs.delete(self.workspace, "tester", job_id, wait_s=0)
        except DigitsError:
            return  # it runs, or others need it
        self.ids.remove(job_id)
        self.trash.append(job_id)

    @precondition(lambda self: self.trash)
    @rule(index=st.integers(0, 9))
    def restore(self, index: int) -> None:
        job_id = self.trash.pop(index % len(self.trash))
        jobs.restore(self.workspace, "tester", job_id)
        self.ids.append(job_id)

    @precondition(lambda self: self.ids)
    @rule(index=st.integers(0, 9), name=st.sampled_from(["job.json", "notes.json", "progress.json"]))
    def corrupt(self, index: int, name: str) -> None:
        job_id = self._pick(index)
        (self.workspace.store.root / job_id / name).write_bytes(b'{"v": 1, "half')
        if name == "job.json":
            self.damaged.add(job_id)

    @invariant()
    def every_job_is_listed_with_one_state(self) -> None:
        views = {view.id: view for view in self.workspace.store.jobs()}
        assert sorted(views) == sorted(self.ids)
        for job_id, view in views.items():
            assert (view.status is Status.DAMAGED) == (job_id in self.damaged)
            assert view.state.reason or not view.status.is_final or view.status is Status.DONE
        assert sorted(view.id for view in self.workspace.store.trashed()) == sorted(self.trash)

    @invariant()
    def an_end_never_changes(self) -> None:
        for view in self.workspace.store.jobs():
            if view.attempt is None or view.attempt.result is None:
                continue
            key = (view.id, view.attempt.number)
            assert self.finals.setdefault(key, view.status) is view.status

    @invariant()
    def no_attempt_is_begun_twice_and_no_more_run_than_there_are_places(self) -> None:
        assert len(self.puppets.begun) == len(set(self.puppets.begun))
        working = [puppet.folder.id for puppet in self.puppets.alive if puppet.stage == "working"
                   and puppet.folder.id not in self.damaged]
        assert len(working) == len(set(working))

    @invariant()
    def what_needs_another_job_begins_after_that_is_done(self) -> None:
        done = {view.id for view in self.workspace.store.jobs() if view.status is Status.DONE} | self.damaged
        for job_id, _ in self.puppets.begun:
            if job_id in self.ids and job_id not in self.damaged:
                needs = self.workspace.store.get(job_id).job.needs
                assert set(needs) <= done | set(self.trash), (job_id, needs)

    def settle(self) -> None:
        """Let everything end: no job may wait or run for ever."""
        for _ in range(60):
            self.scheduler.tick()
            for puppet in list(self.puppets.alive):
                if puppet.stage == "started":
                    self.puppets.launch(puppet)
                else:
                    files.write_once(puppet.attempt.result, {"state": "done"})
                    self.puppets.leave(puppet, 0)
            if all(view.status.is_final for view in self.workspace.store.jobs()):
                return
        raise AssertionError([(view.id, view.state) for view in self.workspace.store.jobs()])


class SettlingLife(Life):
    """The same, and at the end of every history all jobs come to an end of their own."""

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            super().teardown()


def histories(examples: int) -> None:
    """Try so many random histories; the same ones every time, and the first broken one as it is."""
    run_state_machine_as_test(SettlingLife, settings=hypothesis_settings(
        max_examples=examples, stateful_step_count=40, deadline=None, derandomize=True, database=None,
        report_multiple_bugs=False, phases=[Phase.explicit, Phase.generate]))


@pytest.mark.parametrize("examples", [12, pytest.param(600, marks=pytest.mark.slow)])
def test_any_history_of_kills_stops_and_damage_keeps_the_rules(examples: int) -> None:
    histories(examples)


def test_the_histories_catch_a_scheduler_that_forgets_what_a_job_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scheduler, "_ready", lambda self, view: True)
    with pytest.raises(AssertionError):
        histories(40)
