"""What people do to jobs: edit, stop, resume, delete, restore, all at once, twice, and at the same time."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from digits_core import files
from digits_core.errors import BadState, DigitsError, InUse, InvalidOptions, NotFound
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobView
from digits_core.services import jobs
from digits_core.services.workspace import Workspace

MakeJob = Callable[..., JobView]


def failed(view: JobView) -> JobView:
    files.write_once(view.folder.newest().result, {"state": "failed", "reason": "No."})
    return view


def test_an_edit_is_there_when_it_returns(workspace: Workspace, finished_job: MakeJob) -> None:
    view = finished_job("pretrained", name="old")
    jobs.edit(workspace, "tester", view.id, name="  new ", notes="two\nlines", tags=["a"], group="g", priority=3)
    shown = jobs.describe(workspace.store.get(view.id))
    assert (shown["name"], shown["notes"], shown["tags"], shown["group"]) == ("new", "two\nlines", ["a"], "g")


@pytest.mark.parametrize("changes", [
    {"name": "  "}, {"name": "x" * 201}, {"name": "a\nb"}, {"name": "\ud800"}, {"name": 5}, {"status": "done"},
    {"owner": "me"}, {"tags": "abc"}, {"tags": [1]}, {"tags": [""]}, {"priority": "high"}, {"priority": float("nan")},
    {"priority": True}, {"notes": 5}, {"notes": "x" * 100_001}, {"group": "x" * 201}], ids=lambda c: next(iter(c)))
def test_an_edit_that_is_wrong_is_refused_at_its_field(workspace: Workspace, finished_job: MakeJob,
                                                       changes: dict[str, Any]) -> None:
    view = finished_job("pretrained")
    with pytest.raises(InvalidOptions) as caught:
        jobs.edit(workspace, "tester", view.id, **changes)
    assert list(caught.value.by_field()) == list(changes)
    assert workspace.store.get(view.id).notes == {}


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\tb", "\udfff"])
def test_a_job_needs_a_name_on_one_line(name: str) -> None:
    with pytest.raises(InvalidOptions):
        jobs.checked_name(name)
    assert jobs.checked_name(" ü 'x' <b> ") == "ü 'x' <b>"


def test_a_finished_job_cannot_be_stopped_or_resumed(workspace: Workspace, finished_job: MakeJob) -> None:
    view = finished_job("pretrained")
    assert jobs.stop(workspace, "tester", view.id).status == "done"
    with pytest.raises(BadState, match="nothing to resume"):
        jobs.resume(workspace, "tester", view.id)
    assert len(view.folder.attempts()) == 1 and not view.folder.attempt(1).stop.exists()


def test_resuming_a_failed_job_opens_its_second_attempt_and_keeps_the_first(workspace: Workspace,
                                                                            fake_job: MakeJob) -> None:
    view = failed(fake_job())
    again = jobs.resume(workspace, "tester", view.id)
    assert (again.status, again.attempt.number) == ("waiting", 2)
    assert jobs.resume(workspace, "tester", view.id).attempt.number == 2
    assert view.folder.attempt(1).result.exists()


def test_of_many_who_resume_at_once_one_attempt_comes(workspace: Workspace, fake_job: MakeJob) -> None:
    view = failed(fake_job())
    barrier, outcomes = threading.Barrier(12), []

    def press() -> None:
        barrier.wait()
        try:
            outcomes.append(jobs.resume(workspace, "tester", view.id).attempt.number)
        except BadState as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=press) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(view.folder.attempts()) == 2 and 2 in outcomes and len(outcomes) == 12


def test_a_resume_that_looked_before_another_one_opens_nothing(workspace: Workspace, fake_job: MakeJob,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    view = failed(fake_job())

    def meanwhile(*arguments: Any) -> None:
        if len(view.folder.attempts()) == 1:
            view.folder.open_attempt(2)

    monkeypatch.setattr(jobs, "authorize", meanwhile)
    with pytest.raises(BadState, match="Somebody else resumed"):
        jobs.resume(workspace, "tester", view.id)
    assert len(view.folder.attempts()) == 2


def test_a_damaged_job_is_not_resumed_and_says_why(workspace: Workspace, finished_job: MakeJob) -> None:
    view = finished_job("pretrained")
    (view.folder.path / "job.json").unlink()
    with pytest.raises(BadState, match=r"job\.json is missing"):
        jobs.resume(workspace, "tester", view.id)


def test_a_dataset_that_models_need_cannot_be_deleted_and_they_are_named(workspace: Workspace,
                                                                         finished_job: MakeJob) -> None:
    dataset = finished_job("dataset", name="pets")
    model = finished_job("model", name="first", needs=(dataset.id,))
    with pytest.raises(InUse, match=r"Cannot delete 'pets': it is needed by 'first'. Delete that"):
        jobs.delete(workspace, "tester", dataset.id)
    jobs.delete(workspace, "tester", model.id)
    jobs.delete(workspace, "tester", dataset.id)
    assert [view.name for view in workspace.store.trashed()] in (["first", "pets"], ["pets", "first"])


def test_a_waiting_job_is_deleted_without_a_scheduler(workspace: Workspace, fake_job: MakeJob) -> None:
    view = fake_job()
    jobs.delete(workspace, "tester", view.id, wait_s=0)
    with pytest.raises(NotFound, match="It may have been deleted; look in the trash"):
        workspace.store.get(view.id)
    assert jobs.restore(workspace, "tester", view.id).status == "stopped"
    assert jobs.resume(workspace, "tester", view.id).status == "waiting"


def test_a_job_that_does_not_stop_is_not_deleted(workspace: Workspace, fake_job: MakeJob) -> None:
    from digits_core.jobs import process

    view = fake_job()
    files.write_once(view.folder.attempt(1).launch, {"process": process.identity(), "boot_s": process.boot_clock()})
    with pytest.raises(BadState, match="has not stopped yet"):
        jobs.delete(workspace, "tester", view.id, wait_s=0)
    assert workspace.store.get(view.id).status == "running"


def test_a_damaged_job_whose_worker_lives_is_stopped_before_it_is_deleted(
        workspace: Workspace, fake_job: MakeJob, scheduler: Scheduler, until: Callable[..., Any],
        tmp_path: Any) -> None:
    view = fake_job(wait_for=str(tmp_path / "never"))
    scheduler.tick()
    until(lambda: view.folder.progress().phase)
    who = workspace.store.get(view.id).attempt.launch["process"]
    (view.folder.path / "job.json").write_text("garbage")
    jobs.delete(workspace, "tester", view.id)
    from digits_core.jobs import process

    until(lambda: not process.is_alive(who))


def test_deleting_twice_and_purging_twice_get_words(workspace: Workspace, finished_job: MakeJob) -> None:
    view = finished_job("pretrained")
    jobs.delete(workspace, "tester", view.id)
    with pytest.raises(NotFound):
        jobs.delete(workspace, "tester", view.id)
    assert jobs.purge(workspace, "tester", view.id) > 0
    with pytest.raises(NotFound, match="not in the trash"):
        jobs.purge(workspace, "tester", view.id)


def test_one_action_on_many_jobs_goes_on_after_each_that_fails(workspace: Workspace, finished_job: MakeJob) -> None:
    mine, hers = finished_job("pretrained", name="mine"), finished_job("pretrained", owner="ann", name="hers")
    problems = jobs.bulk(jobs.delete, workspace, "tester", [hers.id, "nonsense", mine.id])
    assert len(problems) == 2 and "'hers' belongs to ann" in problems[0] and "nonsense" in problems[1]
    assert [view.id for view in workspace.store.jobs()] == [hers.id]


def test_waiting_for_a_job_ends_with_it(workspace: Workspace, fake_job: MakeJob, scheduler: Scheduler) -> None:
    seen: list[Status] = []
    view = jobs.wait(workspace, fake_job(steps=2).id, scheduler.tick, 0.02, lambda view: seen.append(view.status))
    assert view.status == "done" and seen[-1] == "done" and set(seen) <= {"waiting", "running", "done"}


def test_a_job_of_another_kind_is_not_found(workspace: Workspace, finished_job: MakeJob) -> None:
    view = finished_job("pretrained", name="imported")
    with pytest.raises(NotFound, match="'imported' is a pretrained, not a dataset or model"):
        jobs.of_kind(workspace, view.id, Kind.DATASET, Kind.MODEL)


def test_what_is_described_is_strict_json_and_complete(workspace: Workspace, finished_job: MakeJob) -> None:
    import json

    shown = jobs.describe(finished_job("model", name="x"))
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    assert {"id", "status", "metrics", "progress", "reason", "try", "needs", "options"} <= set(shown)


@pytest.mark.parametrize("job_id", ["", "../..", "20200101-000000-aaaa"])
def test_every_service_says_not_found_for_what_is_no_job(workspace: Workspace, job_id: str) -> None:
    for ask in (lambda: jobs.metrics(workspace, job_id), lambda: jobs.log_tail(workspace, job_id),
                *(lambda act=act: act(workspace, "tester", job_id)
                  for act in (jobs.edit, jobs.stop, jobs.resume, jobs.delete, jobs.restore, jobs.purge))):
        with pytest.raises(NotFound):
            ask()


def test_a_page_that_comes_after_offset_gets_only_what_is_new(workspace: Workspace, finished_job: MakeJob) -> None:
    view = finished_job("model")
    rows, offset = jobs.metrics(workspace, view.id)
    assert len(rows) == 4 and jobs.metrics(workspace, view.id, offset) == ([], offset)
    assert all(issubclass(kind, DigitsError) for kind in (BadState, InUse))
