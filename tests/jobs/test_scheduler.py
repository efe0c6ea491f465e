"""The scheduler with real worker processes: everything starts once, ends with words, and outlives its starter."""

import itertools
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from digits_core import files
from digits_core.jobs import process
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.runner import LocalRunner
from digits_core.jobs.scheduler import Scheduler, waiting_reasons
from digits_core.jobs.store import JobStore, JobView
from digits_core.services import jobs as services
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.faults import fakes
from tests.faults.serve import scheduler_process

Until = Callable[..., Any]
FakeJob = Callable[..., JobView]


@pytest.fixture
def tick_until(scheduler: Scheduler, until: Until) -> Until:
    """``tick_until(condition)`` runs steps of the scheduler until the condition holds."""
    def wait(condition: Callable[[], Any], timeout: float = 30) -> Any:
        def step() -> Any:
            scheduler.tick()
            return condition()
        return until(step, timeout)
    return wait


@pytest.fixture
def over(store: JobStore, tick_until: Until) -> Callable[..., list[JobView]]:
    """``over(*views)`` runs the scheduler until these jobs are over and have their result, and gives them anew."""
    def wait(*views: JobView) -> list[JobView]:
        tick_until(lambda: all(store.get(view.id).status.is_final and store.get(view.id).attempt.result is not None
                               for view in views))
        return [store.get(view.id) for view in views]
    return wait


# --- order, places, dependencies

def test_a_model_waits_for_its_dataset(store: JobStore, fake_job: FakeJob, over: Any, tmp_path: Path,
                                       tick_until: Until, settings: Settings) -> None:
    dataset = fake_job(kind=Kind.DATASET, name="pets", wait_for=str(tmp_path / "go"))
    model = fake_job(needs=(dataset.id,))
    tick_until(lambda: store.get(dataset.id).folder.progress().phase)
    assert store.get(model.id).status == "waiting"
    assert waiting_reasons(store, settings, [])[model.id] == "Its dataset 'pets' is running."
    (tmp_path / "go").touch()
    assert [view.status for view in over(dataset, model)] == ["done", "done"]
    assert store.get(dataset.id).ended <= store.get(model.id).started


def test_a_job_that_waits_for_space_on_the_disk_says_so(store: JobStore, settings: Settings, fake_job: FakeJob,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    view = fake_job()
    assert waiting_reasons(store, settings, [])[view.id] == "Starts in a moment."
    monkeypatch.setattr("digits_core.jobs.plan.LEAST_FREE", 10**18)
    assert waiting_reasons(store, settings, [])[view.id].startswith("The disk is full")


def test_a_model_ends_with_the_reason_its_dataset_failed_for(fake_job: FakeJob, over: Any) -> None:
    dataset = fake_job(kind=Kind.DATASET, name="pets", fail="no pictures")
    model = fake_job(needs=(dataset.id,))
    inference = fake_job(kind=Kind.INFERENCE, needs=(model.id,))
    _, failed, last = over(dataset, model, inference)
    assert failed.status == last.status == "failed"
    assert failed.state.reason.startswith("Its dataset 'pets' has failed: ") and "no pictures" in failed.state.reason
    assert failed.state.code == "needs" and fakes.starts(failed) == 0


def test_a_model_whose_dataset_was_deleted_says_so(store: JobStore, fake_job: FakeJob, over: Any) -> None:
    model = fake_job(needs=("20200101-000000-0000",))
    assert over(model)[0].state.reason == "The job it needs (20200101-000000-0000) was deleted."


def test_higher_priority_starts_first_then_the_older_one(store: JobStore, fake_job: FakeJob, over: Any) -> None:
    views = [fake_job(name=name, kind=Kind.INFERENCE, priority=priority, steps=1)
             for name, priority in [("a", 0), ("b", 0), ("c", 9), ("d", -1), ("e", 0), ("f", 9)]]
    order = sorted(over(*views), key=lambda view: files.read_json(view.folder.newest().claim)["boot_s"])
    assert [view.name for view in order] == ["c", "f", "a", "b", "e", "d"]


def test_no_more_jobs_run_than_there_are_places(store: JobStore, fake_job: FakeJob, tick_until: Until,
                                                tmp_path: Path, over: Any) -> None:
    views = [fake_job(wait_for=str(tmp_path / "go")) for _ in range(5)]
    tick_until(lambda: sum(fakes.starts(view) for view in views) == 2)
    for _ in range(5):
        tick_until(lambda: True)
    assert sorted(store.get(view.id).status for view in views) == ["running"] * 2 + ["waiting"] * 3
    (tmp_path / "go").touch()
    assert {view.status for view in over(*views)} == {Status.DONE}


def test_gpus_are_leased_by_the_workers_that_use_them(store: JobStore, settings: Settings, fake_job: FakeJob,
                                                      until: Until, tmp_path: Path) -> None:
    scheduler = Scheduler(store, settings, gpu_ids=lambda: ["GPU-a", "GPU-b"])
    views = [fake_job(device="gpu", wait_for=str(tmp_path / "go"), steps=1) for _ in range(3)]

    def step(condition: Callable[[], Any]) -> Any:
        scheduler.tick()
        return condition()

    until(lambda: step(lambda: sum(fakes.starts(view) for view in views) == 2))
    running = [store.get(view.id) for view in views if store.get(view.id).status == "running"]
    assert sorted(uuid for view in running for uuid in view.devices) == ["GPU-a", "GPU-b"]
    assert waiting_reasons(store, settings, ["GPU-a", "GPU-b"])[views[2].id] == \
        "Waits for 1 free GPU(s): 0 of 2 are free."
    (tmp_path / "go").touch()
    until(lambda: step(lambda: all(store.get(view.id).status == "done" for view in views)))
    scheduler.close()


# --- ends

@pytest.mark.parametrize(("options", "words", "code"), [
    ({"signal": 9}, "killed (signal 9)", "killed"), ({"signal": 11}, "segmentation fault", "crash"),
    ({"signal": 7}, "bus error", "bus-error"), ({"signal": 6}, "abort", "abort"),
    ({"exit": 3}, "ended with code 3 before it could say why", "exit"),
    ({"fail": "CUDA out of memory. Tried"}, "GPU ran out of memory", "gpu-out-of-memory"),
    ({"fail": "odd thing"}, "Unexpected error: ValueError: odd thing", "unexpected")], ids=str)
def test_every_way_to_die_has_its_sentence_and_what_to_try(fake_job: FakeJob, over: Any, options: dict[str, Any],
                                                           words: str, code: str) -> None:
    view = over(fake_job(**options))[0]
    assert view.status == "failed" and words in view.state.reason and view.state.code == code and view.state.try_next


def test_a_worker_that_dies_in_the_middle_of_a_step_keeps_its_exit_code(
        store: JobStore, scheduler: Scheduler, fake_job: FakeJob, tick_until: Until, until: Until, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    view = fake_job(wait_for=str(tmp_path / "go"))
    tick_until(lambda: view.folder.progress().phase)
    who = store.get(view.id).attempt.launch["process"]
    real = JobStore.get

    def dies_first(self: JobStore, job_id: str) -> JobView:
        if process.signal_group(who, signal.SIGBUS):
            until(lambda: not process.is_alive(who))
        return real(self, job_id)

    monkeypatch.setattr(JobStore, "get", dies_first)
    scheduler.tick()
    assert store.get(view.id).state.code == "bus-error"


def test_a_worker_that_looks_dead_before_its_exit_code_is_there_keeps_it(
        store: JobStore, scheduler: Scheduler, fake_job: FakeJob, over: Any, tick_until: Until,
        monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel takes the threads of a process down one by one; its parent learns last."""
    view = fake_job(exit=3)
    real = scheduler.runner.reap
    with monkeypatch.context() as late:
        late.setattr(scheduler.runner, "reap", list)
        tick_until(lambda: store.get(view.id).status.is_final)
        scheduler.tick()
    assert scheduler.runner.reap == real and store.get(view.id).attempt.result is None
    assert over(view)[0].state.code == "exit"


def test_a_worker_that_cannot_even_be_imported_is_failed_and_never_running_for_ever(
        store: JobStore, fake_job: FakeJob, over: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "filelock.py").write_text("raise ImportError('broken installation')")
    monkeypatch.setattr("digits_core.jobs.runner.ROOT", tmp_path)  # first in the worker's PYTHONPATH
    view = over(fake_job())[0]
    assert view.status == "failed" and "before it could say why" in view.state.reason
    assert view.attempt.launch is None
    assert view.attempt.result is not None


def test_a_handler_that_cannot_be_imported_is_named(fake_job: FakeJob, over: Any,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITS_HANDLER_MODEL", "no_such_package.train:run")
    assert "A Python package is missing or broken" in over(fake_job())[0].state.reason


def test_when_no_process_can_be_started_the_job_fails_with_words_and_the_queue_goes_on(
        store: JobStore, fake_job: FakeJob, over: Any, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = fake_job(), fake_job()
    real = LocalRunner.start
    calls = itertools.count()

    def start(self: LocalRunner, *arguments: Any) -> None:
        if next(calls) == 0:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        real(self, *arguments)

    monkeypatch.setattr(LocalRunner, "start", start)
    failed, done = over(first, second)
    assert failed.state.reason == "The worker could not be started: Resource temporarily unavailable."
    assert (failed.state.code, done.status) == ("never-started", "done")


def test_one_job_that_cannot_be_handled_does_not_stop_the_others(store: JobStore, fake_job: FakeJob, over: Any) -> None:
    odd = [fake_job(gpu_count="many", gpu_list="all"), fake_job(needs=("20200101-000000-0000",))]
    (store.root / "20200101-000000-aaaa").touch()
    (store.root / "20200101-000000-bbbb").symlink_to("nowhere")
    (store.root / "20200101-000000-cccc" / "attempts").mkdir(parents=True)
    notes = odd[0].folder.path / "notes.json"
    notes.write_text('{"priority": "high", "tags": 5, "name": null}')
    assert over(fake_job(), odd[0])[0].status == "done"


def test_children_that_a_killed_worker_left_are_killed(store: JobStore, fake_job: FakeJob, tick_until: Until,
                                                       over: Any, until: Until, tmp_path: Path) -> None:
    view = fake_job(child=True, wait_for=str(tmp_path / "go"))
    tick_until(lambda: store.get(view.id).folder.progress().phase)
    child = files.read_json(view.folder.path / "child.json")["pid"]
    os.kill(store.get(view.id).attempt.launch["process"]["pid"], signal.SIGKILL)
    assert over(view)[0].status == "failed"
    until(lambda: process.start_ticks(child) is None)


# --- stop, resume, delete

def begun(store: JobStore, view: JobView) -> Callable[[], Any]:
    return lambda: store.get(view.id).folder.progress().phase


def test_a_running_job_is_stopped_by_its_file(workspace: Workspace, fake_job: FakeJob, tick_until: Until,
                                              over: Any, tmp_path: Path) -> None:
    view = fake_job(wait_for=str(tmp_path / "go"))
    tick_until(begun(workspace.store, view))
    services.stop(workspace, "tester", view.id, "enough")
    services.stop(workspace, "tester", view.id, "again")
    stopped = over(view)[0]
    assert (stopped.status, stopped.state.reason) == ("stopped", "Stopped by tester: enough")
    services.stop(workspace, "tester", view.id)
    assert workspace.store.get(view.id).state.reason == "Stopped by tester: enough"


def test_a_waiting_job_is_stopped_at_once_and_never_starts(workspace: Workspace, fake_job: FakeJob,
                                                           scheduler: Scheduler) -> None:
    view = fake_job()
    assert services.stop(workspace, "tester", view.id).status == "stopped"
    for _ in range(3):
        scheduler.tick()
    seen = workspace.store.get(view.id)
    assert (seen.status, seen.attempt.claim, fakes.starts(view)) == ("stopped", None, 0)
    assert seen.ended is not None


def test_a_job_stopped_while_it_starts_does_no_work(workspace: Workspace, fake_job: FakeJob, scheduler: Scheduler,
                                                    over: Any) -> None:
    view = fake_job()
    scheduler.tick()
    services.stop(workspace, "tester", view.id)
    assert over(view)[0].status == "stopped"
    assert len(files.read_jsonl(view.folder.metrics)[0]) <= 1


def test_a_deaf_job_is_killed_after_the_grace_period_with_all_its_children(
        workspace: Workspace, fake_job: FakeJob, tick_until: Until, over: Any, tmp_path: Path, until: Until) -> None:
    view = fake_job(deaf=True, child=True, wait_for=str(tmp_path / "go"))
    tick_until(begun(workspace.store, view))
    child = files.read_json(view.folder.path / "child.json")["pid"]
    began = time.monotonic()
    services.stop(workspace, "tester", view.id)
    assert over(view)[0].status == "stopped"
    assert time.monotonic() - began > workspace.settings.grace_s
    until(lambda: process.start_ticks(child) is None)


def test_a_frozen_worker_is_stalled_not_dead_and_comes_back(
        settings: Settings, fake_job: FakeJob, scheduler: Scheduler, tick_until: Until, tmp_path: Path,
        store: JobStore, over: Any) -> None:
    view = fake_job(wait_for=str(tmp_path / "go"))
    tick_until(begun(store, view))
    impatient = JobStore(settings.jobs_dir, stall_s=1.0)
    pid = store.get(view.id).attempt.launch["process"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    tick_until(lambda: impatient.get(view.id).status == "stalled")
    assert process.is_alive(store.get(view.id).attempt.launch["process"])
    os.kill(pid, signal.SIGCONT)
    tick_until(lambda: impatient.get(view.id).status == "running")
    (tmp_path / "go").touch()
    done = over(view)[0]
    assert (done.status, fakes.starts(view)) == ("done", 1)


def test_a_frozen_worker_can_be_stopped(workspace: Workspace, fake_job: FakeJob, tick_until: Until, over: Any,
                                        tmp_path: Path) -> None:
    view = fake_job(wait_for=str(tmp_path / "go"))
    tick_until(begun(workspace.store, view))
    os.kill(workspace.store.get(view.id).attempt.launch["process"]["pid"], signal.SIGSTOP)
    services.stop(workspace, "tester", view.id)
    assert over(view)[0].status == "stopped"


def test_a_stop_never_signals_a_stranger_with_the_worker_s_number(
        workspace: Workspace, fake_job: FakeJob, scheduler: Scheduler) -> None:
    view = fake_job()
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        who = process.identity(stranger.pid)
        files.write_once(view.folder.attempt(1).claim, {"starter": who, "devices": []})
        files.write_once(view.folder.attempt(1).launch, {"process": {**who, "start_ticks": 1, "mark": "ours"}})
        services.stop(workspace, "tester", view.id)
        for _ in range(5):
            scheduler.tick()
        assert stranger.poll() is None and process.is_alive(who)
        stranger.kill()
    assert workspace.store.get(view.id).state.code == "killed"


def test_a_stopped_job_goes_on_where_it_was(workspace: Workspace, fake_job: FakeJob, tick_until: Until,
                                            over: Any, tmp_path: Path) -> None:
    view = fake_job(steps=300, step_s=0.02)
    tick_until(lambda: len(files.read_jsonl(view.folder.metrics)[0]) > 3)
    services.stop(workspace, "tester", view.id)
    over(view)
    (view.folder.path / "job.json").write_text((view.folder.path / "job.json").read_text().replace("0.02", "0.0"))
    resumed = services.resume(workspace, "tester", view.id)
    assert (resumed.status, resumed.attempt.number) == ("waiting", 2)
    assert over(view)[0].status == "done"
    rows = files.read_jsonl(view.folder.metrics)[0]
    assert [row["step"] for row in rows] == list(range(1, 301))
    assert all(before["t"] <= after["t"] for before, after in itertools.pairwise(rows))


def test_deleting_a_running_job_stops_it_first(workspace: Workspace, fake_job: FakeJob, tick_until: Until,
                                               tmp_path: Path, until: Until) -> None:
    view = fake_job(wait_for=str(tmp_path / "go"))
    tick_until(begun(workspace.store, view))
    who = workspace.store.get(view.id).attempt.launch["process"]
    services.delete(workspace, "tester", view.id)
    until(lambda: not process.is_alive(who))
    assert workspace.store.jobs() == []
    assert services.restore(workspace, "tester", view.id).state.reason == "Stopped by tester: deleted"


def test_a_newer_attempt_fences_off_the_older_worker(workspace: Workspace, fake_job: FakeJob, tick_until: Until,
                                                     over: Any, tmp_path: Path, until: Until) -> None:
    view = fake_job(wait_for=str(tmp_path / "go"), steps=5)
    tick_until(begun(workspace.store, view))
    old = workspace.store.get(view.id)
    os.kill(old.attempt.launch["process"]["pid"], signal.SIGSTOP)
    files.write_once(view.folder.attempt(1).result, {"state": "failed", "reason": "Declared dead."})
    services.resume(workspace, "tester", view.id)
    (tmp_path / "go").touch()
    done = over(view)[0]
    os.kill(old.attempt.launch["process"]["pid"], signal.SIGCONT)
    until(lambda: not process.is_alive(old.attempt.launch["process"]))
    assert (done.status, done.attempt.number) == ("done", 2)
    assert [row["step"] for row in files.read_jsonl(view.folder.metrics)[0]] == [1, 2, 3, 4, 5]


# --- several schedulers

def everything_started_once(store: JobStore, views: list[JobView]) -> None:
    assert {view.id: store.get(view.id).status for view in views} == dict.fromkeys((v.id for v in views), "done")
    assert {view.id: fakes.starts(view) for view in views} == dict.fromkeys((view.id for view in views), 1)
    assert all(len(files.read_jsonl(view.folder.metrics)[0]) == 1 for view in views)


@pytest.mark.parametrize(("schedulers", "jobs"), [(2, 20), pytest.param(4, 200, marks=pytest.mark.slow)])
def test_several_schedulers_start_each_job_exactly_once(store: JobStore, fake_job: FakeJob, until: Until,
                                                        schedulers: int, jobs: int) -> None:
    from contextlib import ExitStack

    views = [fake_job(steps=1) for _ in range(jobs)]
    with ExitStack() as stack:
        for _ in range(schedulers):
            stack.enter_context(scheduler_process(store.root))
        until(lambda: all(view.folder.attempt(1).result.exists() for view in views), timeout=240)
    everything_started_once(store, views)


def test_killing_the_leader_hands_over_and_nothing_is_lost_or_started_twice(
        store: JobStore, fake_job: FakeJob, until: Until) -> None:
    views = [fake_job(steps=1, step_s=0.1) for _ in range(30)]
    with scheduler_process(store.root) as leader:
        assert leader.stdout.readline() == "leads\n"
        with scheduler_process(store.root) as second:
            until(lambda: sum(fakes.starts(view) for view in views) > 8)
            leader.kill()
            assert second.stdout.readline() == "leads\n"
            until(lambda: all(store.get(view.id).status.is_final for view in views), timeout=120)
    everything_started_once(store, views)


def test_a_leader_that_dies_between_claim_and_launch_costs_no_job(store: JobStore, fake_job: FakeJob,
                                                                  until: Until) -> None:
    views = [fake_job(steps=1) for _ in range(5)]
    with scheduler_process(store.root, die_after=2) as dying:
        dying.wait(30)
    claimed = [view for view in views if view.folder.attempt(1).claim.exists()]
    assert len(claimed) == 2
    with scheduler_process(store.root):
        until(lambda: all(store.get(view.id).status.is_final for view in views))
    everything_started_once(store, views)
    assert [store.get(view.id).attempt.number for view in claimed] in ([1, 2], [2, 1])


def test_a_leader_that_dies_while_it_fences_costs_no_job(store: JobStore, fake_job: FakeJob, over: Any) -> None:
    view = fake_job(steps=1)
    dead = {"boot_id": "earlier", "pid": 5, "start_ticks": 5}
    files.write_once(view.folder.attempt(1).claim, {"starter": dead, "devices": []})
    files.write_once(view.folder.attempt(1).launch, {"fenced": True})
    assert store.get(view.id).status == "waiting"
    assert over(view)[0].status == "done"
    everything_started_once(store, [view])


def test_a_stop_that_meets_the_fence_is_not_lost(workspace: Workspace, fake_job: FakeJob, scheduler: Scheduler,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    from digits_core.jobs.folder import JobFolder

    view = fake_job()
    dead = {"boot_id": "earlier", "pid": 5, "start_ticks": 5}
    files.write_once(view.folder.attempt(1).claim, {"starter": dead, "devices": []})
    real = JobFolder.open_attempt

    def stop_first(self: JobFolder, number: int) -> Any:
        files.write_once(self.attempt(1).stop, {"by": "tester", "why": ""})
        return real(self, number)

    monkeypatch.setattr(JobFolder, "open_attempt", stop_first)
    for _ in range(3):
        scheduler.tick()
    assert (workspace.store.get(view.id).status, fakes.starts(view)) == ("stopped", 0)


def test_a_killed_server_costs_no_running_job_a_row(store: JobStore, fake_job: FakeJob, until: Until) -> None:
    views = [fake_job(steps=60, step_s=0.05) for _ in range(2)]
    with scheduler_process(store.root) as server:
        until(lambda: all(len(files.read_jsonl(view.folder.metrics)[0]) > 5 for view in views))
        server.kill()
        server.wait()
    assert [store.get(view.id).status for view in views] == ["running", "running"]
    with scheduler_process(store.root) as second:
        assert second.stdout.readline() == "leads\n"
        until(lambda: all(store.get(view.id).status.is_final for view in views))
    for view in views:
        assert (store.get(view.id).status, fakes.starts(view)) == ("done", 1)
        assert [row["step"] for row in files.read_jsonl(view.folder.metrics)[0]] == list(range(1, 61))


def test_a_worker_killed_while_no_server_ran_is_found_by_the_next_one(store: JobStore, fake_job: FakeJob,
                                                                      until: Until, tmp_path: Path, over: Any) -> None:
    view = fake_job(wait_for=str(tmp_path / "go"), child=True)
    with scheduler_process(store.root) as server:
        until(begun(store, view))
        server.kill()
    os.kill(store.get(view.id).attempt.launch["process"]["pid"], signal.SIGKILL)
    child = files.read_json(view.folder.path / "child.json")["pid"]
    until(lambda: store.get(view.id).status == "failed")
    assert over(view)[0].state.code == "killed"
    until(lambda: process.start_ticks(child) is None)
