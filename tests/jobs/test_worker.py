"""The worker: launches once, works, and always leaves a result that says what happened."""

import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from digits_core import files
from digits_core.jobs import context as context_module
from digits_core.jobs import devices, worker
from digits_core.jobs.context import Stopped, Watch, WorkerContext, cap_log
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.store import JobStore, JobView
from tests.faults import fakes

FakeJob = Callable[..., JobView]


@pytest.fixture(autouse=True)
def _old_signal_handler() -> Any:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def run(view: JobView) -> dict[str, Any]:
    InlineRunner().start(view.folder, view.folder.attempt(1), [])
    return files.read_json(view.folder.attempt(1).result) or {}


def context_of(store: JobStore, view: JobView, number: int = 1) -> WorkerContext:
    return WorkerContext(view.job, view.folder, store, view.folder.attempt(number), [])


def test_a_job_that_ends_well_leaves_its_summary(fake_job: FakeJob) -> None:
    view = fake_job(steps=3)
    result = run(view)
    assert (result["state"], result["summary"]) == ("done", {"steps": 3})
    assert result["peak_memory"] > 1_000_000 and abs(result["ended"] - time.time()) < 60
    launch = files.read_json(view.folder.attempt(1).launch)
    assert launch["process"]["pid"] == os.getpid() and launch["devices"] == [] and launch["python"]


def test_a_second_worker_of_the_same_attempt_leaves_without_a_trace(fake_job: FakeJob) -> None:
    view = fake_job(steps=1)
    run(view)
    before = {path: path.read_bytes() for path in view.folder.path.rglob("*") if path.is_file()}
    run(view)
    assert {path: path.read_bytes() for path in view.folder.path.rglob("*") if path.is_file()} == before
    assert fakes.starts(view) == 1


def test_a_worker_that_comes_after_its_attempt_was_closed_does_nothing(fake_job: FakeJob) -> None:
    view = fake_job()
    files.write_once(view.folder.attempt(1).result, {"state": "failed", "reason": "Given up."})
    run(view)
    assert fakes.starts(view) == 0 and not view.folder.attempt(1).launch.exists()


def test_a_fenced_worker_does_nothing(fake_job: FakeJob) -> None:
    view = fake_job()
    files.write_once(view.folder.attempt(1).launch, {"fenced": True})
    assert run(view) == {} and fakes.starts(view) == 0


def test_a_damaged_job_fails_in_words(fake_job: FakeJob) -> None:
    view = fake_job()
    (view.folder.path / "job.json").write_text("garbage")
    assert run(view)["reason"] == "The job is damaged: job.json has no schema version."


def test_a_summary_that_is_no_json_fails_in_words(fake_job: FakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fakes, "run", lambda context: {"accuracy": float("nan")})
    result = run(fake_job())
    assert result["state"] == "failed" and "summary cannot be written" in result["reason"]


def test_a_full_disk_is_the_reason_and_a_result_is_left_as_soon_as_there_is_room(
        fake_job: FakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    real, tries = files.write_once, []

    def no_room_twice(path: Path, content: Any) -> bool:
        if path.name == "result.json" and len(tries) < 2:
            tries.append(path)
            raise files.DiskFull("The disk is full.")
        return real(path, content)

    def work(context: Any) -> None:
        raise files.DiskFull("The disk is full: last.state could not be written.")

    monkeypatch.setattr(fakes, "run", work)
    monkeypatch.setattr(files, "write_once", no_room_twice)
    monkeypatch.setattr(worker.time, "sleep", lambda seconds: None)
    result = run(fake_job())
    assert (result["code"], len(tries)) == ("disk-full", 2) and "last.state" in result["reason"]


def test_a_worker_that_never_gets_room_for_its_result_says_so_by_its_exit_code(
        fake_job: FakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    from digits_core.jobs.failures import explain_exit

    real = files.write_once

    def no_room(path: Path, content: Any) -> bool:
        if path.name == "result.json":
            raise files.DiskFull("The disk is full.")
        return real(path, content)

    monkeypatch.setattr(files, "write_once", no_room)
    with pytest.raises(SystemExit) as caught:
        view = fake_job(steps=0)
        worker._leave(view.folder.attempt(1), {}, wait_s=0)
    assert explain_exit(caught.value.code).code == "disk-full"


def test_sigterm_ends_a_job_as_stopped_also_when_its_loaders_die_of_it(
        fake_job: FakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(context: WorkerContext) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise RuntimeError("DataLoader worker (pid 5) is killed by signal: Terminated")

    monkeypatch.setattr(fakes, "run", work)
    result = run(fake_job())
    assert (result["state"], result["code"]) == ("stopped", "stopped")
    assert "the machine shuts down" in result["reason"]


def test_a_gpu_that_another_process_holds_is_a_reason_in_words(fake_job: FakeJob, store: JobStore,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    real = devices.lease
    monkeypatch.setattr(devices, "lease", lambda locks, uuid, timeout_s=0: real(locks, uuid, 0))
    held = real(store.locks, "GPU-a")
    view = fake_job()
    worker.run(view.folder, view.folder.attempt(1), ["GPU-a"])
    assert "GPU GPU-a is still held by another process" in store.get(view.id).state.reason
    held.release()


# --- context

def test_the_time_of_the_rows_never_goes_back_over_attempts(store: JobStore, fake_job: FakeJob) -> None:
    view = fake_job()
    hardware = view.folder.path / "hardware.jsonl"
    view.folder.metrics.write_text('{"t": 100.0}\n{"t": 200.0}\n{"t": NaN}\n{"t": 1e300}\n{"t": "x"}\n{"t": 999')
    hardware.write_text('{"t": 250.0}\n')
    context = context_of(store, view)
    context.metrics({"step": 1})
    assert 250 <= files.read_jsonl(view.folder.metrics)[0][-1]["t"] < 260


def test_progress_is_written_at_most_twice_a_second_but_every_phase_and_the_end_are(
        store: JobStore, fake_job: FakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    view, writes = fake_job(), []
    real = files.write_atomic
    monkeypatch.setattr(files, "write_atomic", lambda path, content: (writes.append(content), real(path, content)))
    context = context_of(store, view)
    for number in range(1000):
        context.progress(number / 1000, "training")
    context.progress(0.5, "evaluating")
    context.progress(1.0, "evaluating", rate=float("inf"), epoch=float("nan"))
    assert len(writes) <= 4
    progress = view.folder.progress()
    assert (progress.done, progress.phase, progress.rate, progress.epoch) == (1.0, "evaluating", None, None)


@pytest.mark.parametrize("how", ["stop", "stop as a folder", "stop as a dangling link", "next attempt", "SIGTERM"])
def test_a_worker_looks_up_from_its_work(store: JobStore, fake_job: FakeJob, how: str) -> None:
    view = fake_job()
    context, stop = context_of(store, view), view.folder.attempt(1).stop
    context.check_stop()
    if how == "stop":
        files.write_once(stop, {"by": "ann", "why": ""})
    elif how == "stop as a folder":
        stop.mkdir()
    elif how == "stop as a dangling link":
        stop.symlink_to("nowhere")
    elif how == "next attempt":
        view.folder.open_attempt(2)
    else:
        context.terminated.came = True
    with pytest.raises(Stopped):
        context.check_stop()


def test_a_fenced_worker_writes_nothing_more(store: JobStore, fake_job: FakeJob) -> None:
    view = fake_job()
    context = context_of(store, view)
    view.folder.open_attempt(2)
    with pytest.raises(Stopped):
        context.metrics({"step": 1})
    with pytest.raises(Stopped):
        context.progress(0.5, "x")
    assert not view.folder.metrics.exists() and not view.folder.progress_file.exists()


def test_the_watch_notes_the_hardware_and_never_disturbs_the_work(
        store: JobStore, fake_job: FakeJob, until: Callable[..., Any], monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture) -> None:
    view = fake_job()
    context = context_of(store, view)
    watch = Watch(context, every_s=0.01)
    broken = [True]
    real = Watch.sample

    def sample(self: Watch) -> dict[str, Any]:
        if broken[0]:
            raise RuntimeError("driver went away")
        return real(self)

    monkeypatch.setattr(Watch, "sample", sample)
    with caplog.at_level(logging.WARNING, "digits"):
        watch.start()
        until(lambda: caplog.records)
        broken[0] = False
        rows = until(lambda: files.read_jsonl(view.folder.path / "hardware.jsonl")[0])
    view.folder.open_attempt(2)
    watch.join(5)
    assert not watch.is_alive()
    assert rows[0]["memory"] > 1_000_000 and rows[0]["gpus"] == []
    assert len([record for record in caplog.records if "driver went away" in record.message]) == 1


def test_a_flood_of_log_stays_below_its_cap_and_keeps_the_newest(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with log.open("ab", buffering=0) as file:  # the way a worker holds it
        for number in range(20):
            file.write(b"".join(b"line %d of %d\n" % (line, number) for line in range(1000)))
            cap_log(log, 50_000)
            assert log.stat().st_size <= 50_000
        file.write(b"the end\n")
    assert files.tail(log).endswith("the end\n") and "\0" not in files.tail(log)
    kept = (tmp_path / "log.1.txt").read_text()
    assert kept.startswith("line ") and len(kept) <= 25_000


@pytest.mark.parametrize("flood", [b"x" * 200_000, b"\xff\x00\x1b[31m" * 50_000], ids=["no newline", "binary"])
def test_a_log_of_any_bytes_is_capped(tmp_path: Path, flood: bytes) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(flood)
    cap_log(log, 10_000)
    assert log.stat().st_size == 0 and len(files.tail(tmp_path / "log.1.txt", 10**6)) <= 5_000


def test_on_a_full_disk_the_log_goes_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"x" * 100)

    def full(path: Path, content: Any) -> None:
        raise files.DiskFull("The disk is full.")

    monkeypatch.setattr(context_module.files, "write_atomic", full)
    with pytest.raises(files.DiskFull):
        cap_log(log, 10)
    assert log.stat().st_size == 0
