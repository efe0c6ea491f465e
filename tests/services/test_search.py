"""Searches: trials are made one after the other, none lost and none doubled, the hopeless ended, and all of it told."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from digits_core import files
from digits_core.errors import BadState, DigitsError, InvalidOptions, NotAllowed, NotFound
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobView
from digits_core.jobs.wishes import Wishes
from digits_core.search.record import SearchFolder
from digits_core.services import jobs, search, search_driver
from digits_core.services.scheduling import make_scheduler
from digits_core.services.search_driver import SearchDriver
from digits_core.services.workspace import Workspace
from tests.train import drawn

Json = dict[str, Any]
OPTIONS: Json = {"network": "lenet", "learning_rate": "0.0001..0.1", "batch_size": [4, 8], "epochs": 3}


class Played:
    """A search whose workers are played by hand: steps of the driver, and rows of metrics."""

    def __init__(self, workspace: Workspace, dataset: str, **words: Any) -> None:
        self.workspace, self.store = workspace, workspace.store
        how = {"trials": 6, "at_once": 2, "search_seed": 7, **words}
        self.id = search.create_search(workspace, "tester", "pets", dataset, OPTIONS, how)["id"]

    def step(self, times: int = 1) -> Json:
        """A step of a driver that knows nothing from before: every step is one after a restart."""
        for _ in range(times):
            SearchDriver(self.workspace)._drive(SearchFolder(self.store, self.id))
        return self.told()

    def told(self) -> Json:
        return search.describe(self.workspace, self.id)

    def trials(self) -> list[JobView]:
        return sorted(self.store.jobs(Kind.MODEL), key=lambda view: self.number(view))

    def number(self, view: JobView) -> int:
        found = search.of_job(self.workspace, view.id)
        assert found is not None and found["id"] == self.id
        return int(found["number"])

    def end(self, number: int, values: list[float], state: str = "done", **result: Any) -> None:
        """Let a trial's training have measured these and be over."""
        view = self.trials()[number - 1]
        for epoch, value in enumerate(values, 1):
            files.append_jsonl(view.folder.metrics, {"t": 1.0, "step": epoch, "epoch": epoch, "val/accuracy": value,
                                                     "val/loss": 1 - value})
        attempt = view.folder.attempts()[-1]
        files.write_once(attempt.launch, {"process": {"boot_id": "older", "pid": 1, "start_ticks": 1}})
        files.write_once(attempt.result, {"state": state, "summary": {}, "ended": time.time(), **result})


@pytest.fixture
def played(workspace: Workspace, finished_job: Callable[..., JobView]) -> Callable[..., Played]:
    return lambda **words: Played(workspace, finished_job("dataset").id, **words)


def test_trials_are_ordinary_trainings_of_one_group_a_few_at_once(played: Callable[..., Played]) -> None:
    made = played()
    assert made.told()["state"] == "running" and made.told()["counts"] == {}
    made.step(3)
    first, second = made.trials()
    assert {view.group for view in (first, second)} == {"pets"} and first.name.startswith("pets learning_rate:0.0")
    assert 0.0001 <= first.job.options["learning_rate"] <= 0.1 and first.job.options["batch_size"] in (4, 8)
    assert first.job.options["seed"] == second.job.options["seed"] == 7
    for number in range(1, 7):
        made.end(number, [0.5, 0.5 + number / 100])
        made.step(2)
    told = made.told()
    assert (told["state"], told["counts"], len(made.trials())) == ("done", {"done": 6}, 6)
    assert told["best"]["number"] == 6 and told["best"]["best"] == 0.56 and told["best"]["epoch"] == 2
    assert [point["best"] for point in told["curve"]] == [0.51, 0.52, 0.53, 0.54, 0.55, 0.56]
    assert set(told["importance"]) == {"learning_rate", "batch_size"}
    assert search.searches(made.workspace)[0]["id"] == made.id and "rows" not in search.searches(made.workspace)[0]


class Crash(BaseException):
    """The server is killed here."""


@pytest.mark.parametrize("at", ["before the row", "before the job", "after the job"])
def test_a_kill_at_any_moment_loses_and_doubles_no_trial(played: Callable[..., Played], at: str,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    whole, made = played(trials=4, at_once=1), played(trials=4, at_once=1)
    whole.trials = lambda: trials_of(whole)  # type: ignore[method-assign]
    made.trials = lambda: trials_of(made)  # type: ignore[method-assign]
    add, create = SearchFolder.add, search_driver.create_model

    def crashing_add(self: SearchFolder, row: Json) -> None:
        if ("values" in row) == (at == "before the row"):
            raise Crash
        add(self, row)

    def crashing_create(*given: Any) -> JobView:
        raise Crash if at == "before the job" else AssertionError

    for number in range(1, 5):
        with monkeypatch.context() as patch:
            if at == "before the job":
                patch.setattr(search_driver, "create_model", crashing_create)
            else:
                patch.setattr(SearchFolder, "add", crashing_add)
            with pytest.raises(Crash):
                SearchDriver(made.workspace, every_s=0)._step(SearchFolder(made.store, made.id))
        for each in (made, whole):
            each.step(2)
            each.end(number, [0.4 + number / 10])
    assert create is search_driver.create_model
    assert [row["values"] for row in made.told()["rows"]] == [row["values"] for row in whole.told()["rows"]]
    assert len(made.trials()) == 4 and len({view.id for view in made.trials()}) == 4
    assert made.told()["state"] == "done"


def trials_of(made: Played) -> list[JobView]:
    return [made.store.get(row["id"]) for row in made.told()["rows"]]


def test_a_torn_line_of_the_list_doubles_nothing(played: Callable[..., Played]) -> None:
    made = played(at_once=1)
    made.step()
    file = SearchFolder(made.store, made.id).rows_file
    file.write_bytes(file.read_bytes()[:-9])
    made.step(2)
    assert len(made.trials()) == 1 and made.told()["counts"] == {"waiting": 1}
    file.write_bytes(b"")
    made.step()
    assert made.told()["counts"] == {"waiting": 1}


def test_the_hopeless_end_early_with_the_reason_and_are_asked_once(played: Callable[..., Played],
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    made = played(at_once=6, prune_startup=3)
    made.step()
    for number in range(1, 5):
        made.end(number, [0.5, 0.8, 0.9])
    slow = made.trials()[4]
    attempt = slow.folder.attempts()[-1]
    monkeypatch.setattr("digits_core.jobs.process.is_alive", lambda who: who == {"pid": "played"})
    files.write_once(attempt.launch, {"process": {"pid": "played"}, "boot_s": 1e12})
    files.append_jsonl(slow.folder.metrics, {"t": 1.0, "step": 1, "epoch": 1.0, "val/accuracy": 0.1})
    assert made.step()["rows"][4]["state"] == "running"
    files.append_jsonl(slow.folder.metrics, {"t": 2.0, "step": 2, "epoch": 2.0, "val/accuracy": 0.2})
    row = made.step(3)["rows"][4]
    assert row["state"] == "ending"
    assert row["reason"] == "worse than the median of the others at epoch 2 (accuracy 0.2, the others 0.8)"
    ((_, wish),) = Wishes(slow.folder).new()
    assert (wish["action"], wish["by"], wish["search"]) == ("finish", "its search", made.id)
    files.write_once(attempt.result, {"state": "done", "ended": time.time(), "summary": {"ended": "Finished early"}})
    assert made.step()["rows"][4]["state"] == "pruned"


def test_a_stopped_search_begins_nothing_and_goes_on_where_it_was(played: Callable[..., Played]) -> None:
    made = played()
    made.step()
    told = search.stop_search(made.workspace, "tester", made.id)
    assert told["state"] == "stopped" and told["counts"] == {"stopped": 2} and told["reason"] == "Stopped by tester."
    jobs.resume(made.workspace, "tester", made.trials()[0].id)
    jobs.stop(made.workspace, "tester", made.trials()[0].id)
    assert made.step()["counts"] == {"stopped": 2}
    told = search.resume_search(made.workspace, "tester", made.id)
    assert told["state"] == "running" and told["counts"] == {"stopped": 1, "waiting": 1}
    made.step(2)
    assert made.told()["counts"] == {"stopped": 1, "waiting": 2}
    told = search.stop_search(made.workspace, "tester", made.id, "stay")
    assert told["counts"] == {"stopped": 1, "waiting": 2}


def test_a_search_that_is_done_goes_on_with_more_trials(played: Callable[..., Played]) -> None:
    made = played(trials=2)
    made.step()
    for number in (1, 2):
        made.end(number, [0.5])
    assert made.step(2)["state"] == "done"
    with pytest.raises(InvalidOptions, match="2 trials were begun"):
        search.resume_search(made.workspace, "tester", made.id, 1)
    assert search.resume_search(made.workspace, "tester", made.id, 3)["trials"] == 3
    assert made.step(3)["counts"] == {"done": 2, "waiting": 1}


def test_a_deleted_or_killed_trial_does_not_stop_the_search_but_five_failures_do(played: Callable[..., Played]) -> None:
    made = played(trials=10, at_once=1)
    made.step()
    gone = made.trials()[0].id
    jobs.stop(made.workspace, "tester", gone)
    jobs.delete(made.workspace, "tester", gone)
    jobs.purge(made.workspace, "tester", gone)
    made.step(2)
    assert made.told()["counts"] == {"deleted": 1, "waiting": 1}
    made.trials = lambda: trials_of_known(made)  # type: ignore[method-assign]
    for number in range(2, 7):
        made.end(number, [0.5], "failed", reason="The disk is odd.", code="killed")
        made.step(2)
    told = made.told()
    assert told["state"] == "stopped" and told["counts"] == {"deleted": 1, "failed": 5}
    assert "5 trials in a row failed" in told["reason"] and "The disk is odd." in told["reason"]
    search.resume_search(made.workspace, "tester", made.id)
    assert made.step(2)["counts"] == {"deleted": 1, "failed": 5, "waiting": 1}


def trials_of_known(made: Played) -> list[Any]:
    rows = made.told()["rows"]
    return [made.store.get(row["id"]) if row["state"] != "deleted" else None for row in rows]


def test_a_search_whose_dataset_is_gone_says_so(played: Callable[..., Played]) -> None:
    made = played()
    jobs.delete(made.workspace, "tester", SearchFolder(made.store, made.id).read().dataset)
    told = made.step(2)
    assert told["state"] == "stopped" and "There is no job" in told["reason"]


@pytest.mark.parametrize(("options", "how", "field"), [
    ({"epochs": 3}, {}, "method"), ({"learning_rate": "0.1..2000"}, {}, "learning_rate"),
    ({"learning_rate": "5..1"}, {}, "learning_rate"), ({"learning_rate": "0.1..0.2"}, {"method": "grid"},
                                                       "learning_rate"),
    ({"batch_size": [4, 0]}, {}, "batch_size"), ({"batch_size": [4, 8]}, {"trials": 0}, "trials"),
    ({"batch_size": [4, 8], "val_interval": 0}, {}, "val_interval"), ({"batch_size": [4, 8]}, {"way": 1}, "way")])
def test_what_cannot_be_searched_is_said_and_makes_nothing(workspace: Workspace, options: Json, how: Json, field: str,
                                                           finished_job: Callable[..., JobView]) -> None:
    with pytest.raises(InvalidOptions) as raised:
        search.create_search(workspace, "tester", "pets", finished_job("dataset").id, options, how)
    assert list(raised.value.by_field()) == [field]
    assert search.searches(workspace) == []


def test_only_its_owner_changes_a_search(played: Callable[..., Played]) -> None:
    made = played()
    for action in (search.stop_search, search.resume_search, search.delete_search):
        with pytest.raises(DigitsError) as raised:
            action(made.workspace, "ann", made.id)
        assert isinstance(raised.value, NotAllowed | BadState)
    with pytest.raises(BadState, match="Stop it first"):
        search.delete_search(made.workspace, "tester", made.id)
    search.stop_search(made.workspace, "tester", made.id)
    search.delete_search(made.workspace, "tester", made.id)
    with pytest.raises(NotFound):
        made.told()
    with pytest.raises(NotFound):
        search.describe(made.workspace, "../../etc")


def bars(workspace: Workspace, trials: int) -> Callable[[], Json]:
    """A search with real trainings; what it tells."""
    options = {**drawn.SMALL, "learning_rate": "0.001..0.1", "batch_size": [4, 8], "epochs": 1}
    how = {"trials": trials, "search_seed": 1}
    made = search.create_search(workspace, "tester", "bars", drawn.dataset(workspace.store).id, options, how)
    return lambda: search.describe(workspace, made["id"])


def assert_whole(workspace: Workspace, told: Json, trials: int) -> None:
    assert told["counts"] == {"done": trials} and len(workspace.store.jobs(Kind.MODEL)) == trials
    best = workspace.store.get(told["best"]["id"])
    assert best.status is Status.DONE and best.folder.summary()["accuracy"] == told["best"]["best"]


def test_the_leading_scheduler_drives_a_search_to_its_end_whoever_leads(workspace: Workspace) -> None:
    told = bars(workspace, 3)
    for _ in range(4):  # every step is of a new server
        scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), list,
                              chores=[SearchDriver(workspace)])
        scheduler.tick()
        scheduler.close()
    assert told()["state"] == "done"
    assert_whole(workspace, told(), 3)


@pytest.mark.slow
def test_a_search_survives_a_new_server_while_its_trials_run(workspace: Workspace, until: Callable[..., object],
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    told = bars(workspace, 3)

    def lead(condition: Callable[[], bool]) -> None:
        scheduler = make_scheduler(workspace)
        until(lambda: scheduler.tick() or condition(), 120)
        scheduler.close()

    lead(lambda: "running" in told()["counts"])
    lead(lambda: told()["state"] == "done")
    assert_whole(workspace, told(), 3)
