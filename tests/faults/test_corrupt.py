"""A job folder with any one file broken in any way never breaks a list, a service or another job."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from digits_core.errors import DigitsError
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.scheduler import Scheduler, waiting_reasons
from digits_core.jobs.store import JobView
from digits_core.services import jobs, models
from digits_core.services.workspace import Workspace
from tests.faults.corrupt import WAYS, damages

FinishedJob = Callable[..., JobView]


def reads(workspace: Workspace, job_id: str) -> Iterator[Callable[[], Any]]:
    """Everything that a page or a route reads about one job."""
    view = workspace.store.get(job_id)
    yield lambda: strict(jobs.describe(view))
    yield lambda: strict(jobs.metrics(workspace, job_id)[0])
    yield lambda: jobs.log_tail(workspace, job_id)
    yield lambda: strict(models.checkpoints(view))
    yield lambda: strict(models.evaluation(view))
    for which in ("best", "last", "1", "2.0", "nonsense"):
        yield lambda which=which: models.find_checkpoint(view, which)
        yield lambda which=which: models.checkpoint_path(view, which)
    yield lambda: workspace.store.dependents(job_id)
    yield lambda: jobs.of_kind(workspace, job_id, Kind.MODEL)
    yield lambda: jobs.of_kind(workspace, job_id, Kind.DATASET)


def strict(value: Any) -> str:
    """What REST would send: no NaN, no infinity."""
    return json.dumps(value, allow_nan=False)


@pytest.mark.parametrize("kind", list(Kind))
def test_no_broken_file_breaks_a_read_or_another_job(kind: Kind, workspace: Workspace,
                                                     finished_job: FinishedJob) -> None:
    bystander, view = finished_job(kind), finished_job(kind)
    before = jobs.describe(bystander)
    for damage in damages(view.folder.path):
        with damage:
            seen = {other.id: other for other in workspace.store.jobs()}
            assert jobs.describe(seen[bystander.id]) == before, damage
            assert seen[view.id].status.is_final, damage
            assert seen[view.id].status is Status.DONE or seen[view.id].state.reason, damage
            for read in reads(workspace, view.id):
                try:
                    read()
                except DigitsError as error:
                    assert str(error), damage
    assert workspace.store.get(view.id).status is Status.DONE


def changes(workspace: Workspace, job_id: str) -> Iterator[Callable[[], Any]]:
    """Everything a person can do to a job, in an order that makes sense."""
    yield lambda: jobs.edit(workspace, "tester", job_id, name="new", notes="x", tags=["a"], priority=1)
    yield lambda: jobs.stop(workspace, "tester", job_id)
    yield lambda: jobs.resume(workspace, "tester", job_id)
    yield lambda: jobs.stop(workspace, "tester", job_id)
    yield lambda: jobs.delete(workspace, "tester", job_id, wait_s=0)
    yield lambda: workspace.store.trashed()
    yield lambda: jobs.restore(workspace, "tester", job_id)
    yield lambda: jobs.delete(workspace, "tester", job_id, wait_s=0)
    yield lambda: jobs.purge(workspace, "tester", job_id)


@pytest.mark.parametrize("way", list(WAYS))
def test_a_broken_job_can_be_edited_resumed_deleted_restored_and_purged(
        way: str, workspace: Workspace, finished_job: FinishedJob, scheduler: Scheduler) -> None:
    for index, name in enumerate(["job.json", "notes.json", "progress.json", "attempts/0001/launch.json",
                                  "attempts/0001/claim.json", "attempts/0001/result.json"]):
        view = finished_job("pretrained", name=f"{index}")
        workspace.store.edit_notes(view.id, notes="before")
        WAYS[way](view.folder.path / name)
        for change in changes(workspace, view.id):
            try:
                change()
            except DigitsError as error:
                assert str(error), (way, name)
        with pytest.raises(DigitsError):
            workspace.store.get(view.id)
        with pytest.raises(DigitsError):
            jobs.purge(workspace, "tester", view.id)
    assert workspace.store.jobs() == [] and workspace.store.trashed() == []


def test_the_scheduler_goes_on_beside_every_kind_of_broken_job(
        workspace: Workspace, finished_job: FinishedJob, fake_job: FinishedJob, scheduler: Scheduler,
        until: Callable[..., Any]) -> None:
    for way in WAYS.values():
        for name in ("job.json", "attempts/0001/result.json", "attempts/0001/launch.json"):
            way(finished_job("pretrained").folder.path / name)
    view = fake_job(steps=1)

    def done() -> bool:
        scheduler.tick()
        return workspace.store.get(view.id).status is Status.DONE

    until(done)
    assert waiting_reasons(workspace.store, workspace.settings, []) == {}
    assert len(workspace.store.jobs()) == 3 * len(WAYS) + 1


@pytest.mark.parametrize("where", ["attempts", "attempts/0001", "checkpoints", "evaluation"])
@pytest.mark.parametrize("how", ["a file", "gone", "odd names"])
def test_a_broken_folder_inside_a_job_breaks_nothing(where: str, how: str, workspace: Workspace,
                                                     finished_job: FinishedJob) -> None:
    import shutil

    view = finished_job("model")
    folder = view.folder.path / where
    if how == "odd names":
        for name in ("²", "0001x", "-1", "99999999999999999999", "x.json", "epoch_.json"):
            (folder / name).mkdir()
    else:
        shutil.rmtree(folder)
    if how == "a file":
        folder.touch()
    for read in [*reads(workspace, view.id), *changes(workspace, view.id)]:
        try:
            read()
        except DigitsError as error:
            assert str(error)
    assert view.id not in workspace.store.ids()
