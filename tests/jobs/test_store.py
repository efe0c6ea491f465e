"""Job folders: made whole, read whatever they hold, moved to the trash and back."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from digits_core import files
from digits_core.errors import BadState, DigitsError, NotFound
from digits_core.jobs import process
from digits_core.jobs.folder import AttemptFolder, JobFolder
from digits_core.jobs.model import Job, Kind, Status
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobStore, JobView
from digits_core.settings import Settings
from tests.faults import fakes

FinishedJob = Callable[..., JobView]


def job(store: JobStore, **changes: Any) -> Job:
    values: dict[str, Any] = {"id": store.new_id(), "kind": Kind.MODEL, "task": "classification", "name": "x",
                              "owner": "ann", "created": time.time(), "options": {}}
    return Job(**{**values, **changes})


@pytest.mark.parametrize("kind", list(Kind))
def test_a_finished_job_of_each_kind_is_read_as_done(kind: Kind, finished_job: FinishedJob) -> None:
    view = finished_job(kind)
    assert (view.status, view.job.kind, view.progress.done) == (Status.DONE, kind, 1.0)


def test_a_submitted_job_appears_whole_with_its_first_attempt(store: JobStore) -> None:
    asked = job(store, name="ü 'x'\"")

    def fill(hidden: Path) -> None:
        assert store.ids() == [] and store.jobs() == []
        (hidden / "upload.zip").write_bytes(b"zip")

    folder = store.submit(asked, fill)
    assert store.get(asked.id).job == asked and store.get(asked.id).status == "waiting"
    assert (folder.path / "upload.zip").read_bytes() == b"zip"
    assert [path.name for path in store.root.iterdir() if path.name.startswith(".new")] == []


def test_a_submission_that_fails_leaves_nothing(store: JobStore) -> None:
    def fill(hidden: Path) -> None:
        raise KeyError("upload vanished")

    with pytest.raises(KeyError):
        store.submit(job(store), fill)
    assert store.ids() == [] and not list(store.root.glob(".new*"))


def test_a_job_cannot_be_published_over_another(store: JobStore) -> None:
    asked = job(store)
    store.submit(asked)
    with pytest.raises(BadState, match="already"):
        store.submit(asked)
    assert store.ids() == [asked.id]


def test_ids_differ_whatever_the_clock_does_and_however_many_ask(store: JobStore) -> None:
    found: list[str] = []

    def ask() -> None:
        found.extend(store.new_id(1.8e9) for _ in range(100))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found += [store.new_id(1.8e9 - jump) for jump in (-86_400, 0, 3600, 86_400, 400 * 86_400)]
    assert len(set(found)) == len(found) == 805


def test_an_id_of_the_trash_is_not_given_again(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = job(store)
    store.submit(first)
    store.move_to_trash(first.id)
    suffixes = iter([first.id[-4:], "beef"])
    monkeypatch.setattr("secrets.token_hex", lambda size: next(suffixes))
    stamp = time.mktime(time.strptime(first.id[:15], "%Y%m%d-%H%M%S"))
    assert store.new_id(stamp) == first.id[:15] + "-beef"


@pytest.mark.parametrize("job_id", ["", "..", ".", "../x", ".locks", ".trash", "20261120-101500-3f9a/..", "x" * 5000,
                                    "20261120-101500-3f9a\n", "20261120-101500-3f9a\0", "２0261120-101500-3f9a",
                                    "20261120-101500-3F9A", None, 5, ["a"], "20261120-101500-3f9a"])
def test_what_is_no_job_is_not_found_and_never_leaves_the_folder(store: JobStore, job_id: Any) -> None:
    for ask in (store.get, store.folder, store.restore, store.purge, store.move_to_trash):
        with pytest.raises(NotFound) as caught:
            ask(job_id)
        assert len(str(caught.value)) < 300


def test_a_damaged_job_is_listed_with_its_reason_among_all_kinds(store: JobStore, finished_job: FinishedJob) -> None:
    view = finished_job("model")
    (view.folder.path / "job.json").write_text('{"v": 7}')
    for kind in (None, *Kind):
        assert view.id in [found.id for found in store.jobs(kind)]
    assert store.get(view.id).state.reason == \
        "made by a newer version of DIGITS (schema 7, this one reads up to 1)."


def test_a_folder_with_another_job_s_file_is_damaged(store: JobStore, finished_job: FinishedJob) -> None:
    view, other = finished_job("pretrained"), finished_job("pretrained")
    (view.folder.path / "job.json").write_bytes((other.folder.path / "job.json").read_bytes())
    assert store.get(view.id).state.reason == f"job.json belongs to another job ({other.id})."


def test_files_links_and_odd_names_beside_the_jobs_are_no_jobs_or_damaged_ones(store: JobStore) -> None:
    (store.root / "readme.txt").touch()
    (store.root / "20261120-101500-3f9a").touch()
    (store.root / "20261120-101500-3f9b").symlink_to("nowhere")
    (store.root / "20261120-101500-3f9c").mkdir()
    assert [view.status for view in store.jobs()] == ["damaged"] * 3
    for view in store.jobs():
        store.move_to_trash(view.id)
        store.purge(view.id)
    assert store.jobs() == store.trashed() == []


def test_a_worker_that_ends_while_it_is_looked_at_is_not_taken_for_killed(
        store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    view = fakes.submit(store)
    attempt = view.folder.attempt(1)
    files.write_once(attempt.launch, {"process": {"boot_id": "x", "pid": 5, "start_ticks": 5}})

    def dies_now(who: object) -> bool:
        files.write_once(attempt.result, {"state": "done"})  # its last act, between our two looks
        return False

    monkeypatch.setattr(process, "is_alive", dies_now)
    assert store.get(view.id).status == "done"


def test_a_start_that_takes_for_ever_is_given_up(store: JobStore) -> None:
    view = fakes.submit(store)
    claim = {"starter": process.identity(), "devices": [], "boot_s": process.boot_clock()}
    files.write_atomic(view.folder.attempt(1).claim, claim)
    assert store.get(view.id).status == "running"
    files.write_atomic(view.folder.attempt(1).claim, {**claim, "boot_s": claim["boot_s"] - 1000})
    assert store.get(view.id).status == "waiting"


def test_silence_is_measured_on_a_clock_that_nobody_can_set(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    view = fakes.submit(store)
    files.write_once(view.folder.attempt(1).launch, {"process": process.identity(), "boot_s": process.boot_clock()})
    for jump in (-400 * 86_400, 86_400, 400 * 86_400):
        monkeypatch.setattr(time, "time", lambda jump=jump: 1.8e9 + jump)
        assert store.get(view.id).status == "running"
    files.write_atomic(view.folder.progress_file, {"beat_s": process.boot_clock() - 1000})
    late = process.boot_clock() + 301
    monkeypatch.setattr(process, "boot_clock", lambda: late)
    state = store.get(view.id).state
    assert (state.status, state.reason) == ("stalled", "No sign of life for 5 minutes.")


# --- attempts

def test_attempts_are_in_order_and_odd_names_do_not_count(store: JobStore) -> None:
    folder = fakes.submit(store).folder
    for name in ("0002", "0010", "10000", "x", "²²²²", "0003x", "1"):
        (folder.path / "attempts" / name).mkdir()
    (folder.path / "attempts" / "0011").touch()
    assert [attempt.number for attempt in folder.attempts()] == [1, 2, 10, 10000]


def test_of_many_who_open_an_attempt_one_succeeds(store: JobStore) -> None:
    folder = fakes.submit(store).folder
    folder.open_attempt(2)
    with pytest.raises(BadState, match="Somebody else resumed this job just now"):
        folder.open_attempt(2)


def test_an_attempt_that_cannot_be_made_says_where(store: JobStore) -> None:
    folder = fakes.submit(store).folder
    folder.attempt(1).path.rmdir()
    (folder.path / "attempts").rmdir()
    (folder.path / "attempts").touch()
    with pytest.raises(BadState, match="attempts"):
        folder.open_attempt(1)


# --- notes and trash

def test_no_edit_of_the_notes_is_lost(store: JobStore) -> None:
    view = fakes.submit(store)
    keys = ["notes", "group", "name", "owner_hint", "more"]
    threads = [threading.Thread(target=lambda key=key: [store.edit_notes(view.id, **{key: str(n)}) for n in range(5)])
               for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get(view.id).notes == dict.fromkeys(keys, "4")


def test_notes_of_a_wrong_type_are_left_out(store: JobStore) -> None:
    view = fakes.submit(store)
    (view.folder.path / "notes.json").write_text(
        '{"name": 5, "group": null, "notes": "kept", "tags": ["a", 1], "priority": "high"}')
    seen = store.get(view.id)
    assert (seen.name, seen.group, seen.notes) == ("fake", "", {"notes": "kept"})


def test_a_deleted_job_can_be_restored_byte_for_byte(store: JobStore, finished_job: FinishedJob) -> None:
    view = finished_job("model")

    def content() -> dict[str, bytes]:
        return {str(path.relative_to(view.folder.path)): path.read_bytes()
                for path in view.folder.path.rglob("*") if path.is_file()}

    before = content()
    store.move_to_trash(view.id)
    assert view.id not in store.ids() and [found.id for found in store.trashed()] == [view.id]
    store.restore(view.id)
    assert content() == before and store.trashed() == []


def test_a_job_is_never_restored_over_another(store: JobStore, finished_job: FinishedJob) -> None:
    view = finished_job("pretrained")
    store.move_to_trash(view.id)
    (store.root / view.id).mkdir()
    with pytest.raises(BadState, match="cannot be restored beside it"):
        store.restore(view.id)


def test_purging_frees_the_disk(store: JobStore, finished_job: FinishedJob) -> None:
    view = finished_job("dataset")
    store.move_to_trash(view.id)
    assert store.purge(view.id) >= 16_384
    with pytest.raises(NotFound):
        store.restore(view.id)


def test_two_who_move_the_same_job_get_words(store: JobStore, finished_job: FinishedJob,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    view = finished_job("pretrained")
    real = JobStore.prepare
    monkeypatch.setattr(JobStore, "prepare", lambda self: (real(self), view.folder.path.rename(self.trash / "taken")))
    with pytest.raises(NotFound, match="somebody else moved it"):
        store.move_to_trash(view.id)


def test_leftovers_of_killed_processes_are_swept_after_an_hour_and_nothing_else(
        store: JobStore, finished_job: FinishedJob) -> None:
    view = finished_job("model")
    old = [store.root / ".new-20200101-000000-aaaa-beef", view.folder.path / ".progress.json.aaaa.tmp",
           view.folder.checkpoints / ".epoch.aaaa.tmp", view.folder.attempt(1).path / ".result.json.aaaa.tmp"]
    young = store.root / ".new-20200101-000000-bbbb-beef"
    for path in (*old, young):
        path.mkdir() if path.name.startswith(".new") else path.touch()
    for path in old:
        os.utime(path, (time.time() - 4000, time.time() - 4000))
    before = {path for path in store.root.rglob("*")}
    store.sweep()
    assert before - {path for path in store.root.rglob("*")} == set(old)


def test_a_folder_that_may_only_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = JobStore(tmp_path / "jobs")
    asked = job(store)
    monkeypatch.setattr(Path, "rename", lambda *a: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
    with pytest.raises(files.NotWritable, match="read-only"):
        store.submit(asked)


# --- many jobs

def test_a_thousand_jobs_fifty_of_them_damaged_are_listed_quickly(store: JobStore, settings: Settings) -> None:
    for number in range(1000):
        folder = JobFolder(store.root / f"20261120-{number:06d}-aaaa")
        attempt = AttemptFolder(folder.path / "attempts" / "0001")
        attempt.path.mkdir(parents=True)
        asked = Job(folder.id, Kind.MODEL, "classification", f"job {number}", "ann", 1.8e9, {"epochs": 30})
        (folder.path / "job.json").write_bytes(files.to_bytes(asked.to_json()) if number % 20 else b"\0garbage")
        attempt.launch.write_text('{"process": {"boot_id": "x", "pid": 5, "start_ticks": 5}}')
        attempt.result.write_text('{"state": "done", "summary": {"accuracy": 0.5}}')

    def seconds(act: Callable[[], object]) -> float:
        return min(timed(act) for _ in range(3))

    def timed(act: Callable[[], object]) -> float:
        start = time.process_time()
        act()
        return time.process_time() - start

    def plain() -> None:
        for path in store.root.glob("*/*.json"):
            path.read_bytes()
        for path in store.root.glob("*/attempts/*/*.json"):
            path.read_bytes()

    scheduler = Scheduler(store, settings, gpu_ids=list)
    for path in store.root.glob("2*/attempts"):
        os.utime(path, (1.7e9, 1.7e9))
    views = store.jobs()
    scheduler.tick()
    listing, tick, reading = seconds(store.jobs), seconds(scheduler.tick), seconds(plain)
    scheduler.close()
    assert [view.status for view in views].count(Status.DAMAGED) == 50 and len(views) == 1000
    assert listing < 10 * reading, (listing, reading)
    assert tick < 0.5 * listing, (tick, listing)
    print(f"\n1000 jobs: list {listing * 1000:.0f} ms, tick {tick * 1000:.0f} ms, reading {reading * 1000:.0f} ms")


def test_every_error_of_the_store_is_one_a_person_can_act_on() -> None:
    assert all(issubclass(kind, DigitsError) for kind in (NotFound, BadState, files.DiskFull, files.NotWritable))
