"""Early stopping and steering: what is asked of a training while it runs, and what is left of it."""

import time

import pytest
import safetensors.torch
import torch

from digits_core.errors import BadState, InvalidOptions
from digits_core.jobs.context import Stopped
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobStore, JobView
from digits_core.jobs.wishes import wish
from digits_core.services import steering
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from digits_core.train import journal
from digits_core.train.patience import exhausted
from digits_core.train.run import run
from tests.faults.waiting import until
from tests.train import drawn, killing
from tests.train.drawn import Recorder
from tests.train.test_learner import Frugal


class Steered(Recorder):
    """A Recorder that leaves wishes at given checks for a stop."""

    def __init__(self, store: JobStore, view: JobView, wishes: dict[int, dict], stop_at: int | None = None) -> None:
        super().__init__(store, view.id, stop_at)
        self.wishes = wishes

    def check_stop(self) -> None:
        super().check_stop()
        if self.checks in self.wishes:
            wish(self.folder.attempts()[-1], {"by": "ann", "at": time.time(), **self.wishes[self.checks]})


def measured(view: JobView) -> list[dict]:
    return [row for row in drawn.rows(view) if "event" not in row]


def events(view: JobView) -> list[tuple]:
    return [(row["step"], row["event"]) for row in drawn.rows(view) if "event" in row]


def weights(view: JobView, step: int) -> dict[str, torch.Tensor]:
    row = next(row for row in killing.checked_checkpoints(view) if row["step"] == step)
    return safetensors.torch.load_file(view.folder.checkpoints / row["file"])


@pytest.mark.parametrize(("values", "patience", "least", "ends"), [
    ([0.5, 0.6, 0.7, 0.6, 0.65], 2, 0.0, 5), ([0.5, 0.5, 0.5], 2, 0.0, 3), ([0.5, 0.505, 0.509], 2, 0.01, 3),
    ([0.5, 0.6, 0.7], 2, 0.0, None), ([0.9] * 9, 0, 0.0, None)])
def test_patience_ends_at_the_right_epoch(values: list[float], patience: float, least: float,
                                          ends: int | None) -> None:
    pairs = list(enumerate(values, 1))
    given_up = [n for n in range(1, len(pairs) + 1) if exhausted(pairs[:n], patience, least) is not None]
    assert given_up[:1] == ([] if ends is None else [ends])


def test_early_stopping_ends_the_run_done_with_its_reason(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {5: 0.3, 10: 0.6, 15: 0.6, 20: 0.5, 25: 0.9}
    original = journal.Journal.val_row
    monkeypatch.setattr(journal.Journal, "val_row", lambda self, metrics: original(
        self, {**metrics, "accuracy": scores[self.step]}))
    view = drawn.model(store, drawn.dataset(store), epochs=9, patience=2, snapshot_interval=0)
    summary = run(Recorder(store, view.id))
    assert (summary["epochs"], summary["best_epoch"]) == (4, 2.0)
    assert summary["ended"] == "Stopped early at epoch 4: val/accuracy did not improve for 2 epochs."
    assert [row["step"] for row in killing.checked_checkpoints(view)][-1] == 20
    assert run(Recorder(store, view.id)) == summary


def test_finish_now_keeps_what_was_learned_and_is_evaluated(store: JobStore) -> None:
    view = drawn.model(store, drawn.dataset(store), epochs=50)
    summary = run(Steered(store, view, {14: {"action": "finish"}}))
    assert summary["ended"].startswith("Finished early by ann at epoch ")
    last = measured(view)[-1]["step"]
    assert summary["epochs"] == last / 5
    assert (view.folder.path / "evaluation" / "val.json").is_file()
    assert killing.checked_checkpoints(view)[-1]["step"] == last
    assert "val/accuracy" in killing.checked_checkpoints(view)[-1]["metrics"]


def test_finish_before_the_first_step_takes_one(store: JobStore) -> None:
    view = drawn.model(store, drawn.dataset(store), epochs=50)
    assert run(Steered(store, view, {1: {"action": "finish"}}))["epochs"] == 0.2


def go_on(store: JobStore, view: JobView, more: int) -> dict:
    newest = view.folder.attempts()[-1]
    wish(newest, {"action": "epochs", "more": more, "by": "ann"})
    view.folder.open_attempt(newest.number + 1)
    return run(Recorder(store, view.id))


@pytest.mark.parametrize("options", [{}, {"ema": 0.9, "solver": "adam", "balanced": True}])
def test_one_and_one_more_epoch_are_two_to_the_last_bit(store: JobStore, options: dict) -> None:
    data, options = drawn.dataset(store), {"lr_policy": "fixed", "keep": 0, **options}
    whole = drawn.model(store, data, epochs=2, **options)
    run(Recorder(store, whole.id))
    view = drawn.model(store, data, epochs=1, **options)
    run(Recorder(store, view.id))
    summary = go_on(store, view, 1)
    assert summary["epochs"] == 2
    assert measured(view) == measured(whole)
    assert events(view) == [(5, "epochs")]
    for step in (5, 10):
        one, other = weights(whole, step), weights(view, step)
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_more_epochs_after_an_early_stop_and_a_finish_go_on(store: JobStore) -> None:
    view = drawn.model(store, drawn.dataset(store), epochs=30, patience=1, min_delta=1)
    assert run(Recorder(store, view.id))["epochs"] == 2  # nothing gains more than 1: patience ends after epoch 2
    summary = go_on(store, view, 3)
    assert (summary["epochs"], "ended" in summary) == (3, True)
    assert "Stopped early at epoch 3" in summary["ended"]


def test_a_changed_rate_is_marked_and_survives_a_stop(store: JobStore) -> None:
    data, options = drawn.dataset(store), {"epochs": 3, "lr_policy": "fixed"}
    whole = drawn.model(store, data, **options)
    run(Steered(store, whole, {12: {"action": "rate", "factor": 0.1}, 15: {"action": "rate", "factor": 0.5}}))
    rates = [row["lr"] for row in measured(whole) if "lr" in row]
    first, second = (step for step, _ in events(whole))
    assert [event for _, event in events(whole)] == ["rate", "rate"]
    assert rates[:first] == [0.02] * first
    assert rates[first:second] == pytest.approx([0.002] * (second - first))
    assert rates[second:] == pytest.approx([0.001] * (15 - second))
    view = drawn.model(store, data, **options)
    with pytest.raises(Stopped):
        run(Steered(store, view, {12: {"action": "rate", "factor": 0.1}, 15: {"action": "rate", "factor": 0.5}}, 17))
    run(Recorder(store, view.id))
    assert (drawn.fingerprint(view), drawn.rows(view)) == (drawn.fingerprint(whole), drawn.rows(whole))


@pytest.mark.parametrize("content", [{}, {"action": "fly"}, {"action": "rate", "factor": "x"}, {"action": "rate"},
                                     {"action": "epochs", "more": None}, {"action": "rate", "factor": -1}])
def test_wishes_that_make_no_sense_change_nothing(store: JobStore, content: dict) -> None:
    view = drawn.model(store, drawn.dataset(store))
    run(Steered(store, view, {6: content}))
    assert (events(view), measured(view)[-1]["step"]) == ([], 10)


def test_too_little_memory_is_told_and_training_goes_on(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from digits_core.train import learner

    original, most = learner.Classifier._backward, 4

    def small(self: learner.Classifier, batch: learner.Batch) -> torch.Tensor:
        if len(batch.target) // self.pieces > most:
            raise torch.OutOfMemoryError("CUDA out of memory (a test)")
        return original(self, batch)

    monkeypatch.setattr(learner.Classifier, "_backward", small)
    view = drawn.model(store, drawn.dataset(store))
    context = Recorder(store, view.id)
    summary = run(context)
    assert summary["epochs"] == 2
    assert events(view) == [(1, "memory")]
    assert any("each is now computed in 2 pieces" in line for line in context.lines)


def test_too_little_memory_for_measuring_is_told_and_the_results_are_the_same(store: JobStore,
                                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    from digits_core.train import learner

    data = drawn.dataset(store)
    whole, poor = drawn.model(store, data), drawn.model(store, data)
    summary = run(Recorder(store, whole.id))
    original = learner.Classifier.answers

    def small(self: learner.Classifier, batch: learner.Batch) -> torch.Tensor:
        self.measured = Frugal(self, 5)  # type: ignore[assignment]
        return original(self, batch)

    monkeypatch.setattr(learner.Classifier, "answers", small)
    context = Recorder(store, poor.id)
    assert run(context)["accuracy"] == summary["accuracy"]
    assert events(poor) == [(5, "memory")]
    assert any("measured in 4 pieces" in line for line in context.lines)


@pytest.fixture
def workspace(store: JobStore) -> Workspace:
    store.prepare()
    return Workspace(Settings(jobs_dir=store.root), store)


@pytest.fixture
def one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.slow
def test_a_real_worker_is_steered_finished_and_goes_on(store: JobStore, workspace: Workspace,
                                                       one_thread_each: None) -> None:
    view = drawn.model(store, drawn.dataset(store), epochs=100_000, lr_policy="fixed", keep=1)
    with pytest.raises(BadState, match="only a running training"):
        steering.finish_now(workspace, "tester", view.id)
    worker = killing.start(view)
    try:
        change_while_it_runs(store, workspace, view)
        killing.kill(worker)
        reached = drawn.rows(view)[-1]["step"]
        worker = killing.start(view)
        until(lambda: drawn.rows(view)[-1]["step"] > reached, timeout=120)
        assert [row["lr"] for row in drawn.rows(view) if "lr" in row][-1] == pytest.approx(0.01)
        steering.finish_now(workspace, "tester", view.id)
        assert worker.wait(timeout=120) == 0
    finally:
        killing.kill(worker)
    done = store.get(view.id)
    assert done.status is Status.DONE, done.state
    assert done.state.reason.startswith("Finished early by tester")
    assert [row["lr"] for row in drawn.rows(view) if "lr" in row][-1] == pytest.approx(0.01)
    epochs = done.folder.summary()["epochs"]
    steering.more_epochs(workspace, "tester", view.id, 2)
    assert store.get(view.id).status is Status.WAITING
    killing.finish(view)
    assert store.get(view.id).folder.summary()["epochs"] == pytest.approx(epochs + 2)


def change_while_it_runs(store: JobStore, workspace: Workspace, view: JobView) -> None:
    until(lambda: len(drawn.rows(view)) > 3, timeout=120)
    with pytest.raises(InvalidOptions, match="factor above 0"):
        steering.change_rate(workspace, "tester", view.id, 0)
    with pytest.raises(BadState, match="once it has ended"):
        steering.more_epochs(workspace, "tester", view.id, 3)
    steering.change_rate(workspace, "tester", view.id, 0.5)
    until(lambda: any(row.get("event") == "rate" for row in drawn.rows(view)), timeout=60)
