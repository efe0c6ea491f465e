"""A training that was stopped or killed anywhere ends with the same bits as one that was left alone."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from digits_core.jobs.context import Stopped
from digits_core.jobs.store import JobStore, JobView
from digits_core.networks import NETWORKS
from digits_core.train.run import run
from tests.faults.waiting import until
from tests.train import drawn, killing
from tests.train.drawn import Recorder

EVERYTHING = {"flip": "both", "turns": "rotall", "rotation": 20, "rescale": 0.1, "noise": 0.05, "contrast": 0.5,
              "mixup": 0.2, "cutmix": 1.0, "crop": 10, "solver": "momentum", "lr_policy": "cosine", "accumulation": 2,
              "learning_rate": 0.005, "mean": "image", "val_interval": 0.5, "snapshot_interval": 0.75,
              "label_smoothing": 0.1, "class_weights": "inverse", "balanced": True, "ema": 0.9, "clip_norm": 1.0,
              "patience": 50, "trainable_stages": 3, "backbone_rate": 0.5}
"""Shuffle, augmentation, momentum, schedule, half-summed gradients, averages; dropout comes with the network."""

LOADING = {"memory": {"loading": "memory"}, "stream, 0 workers": {"loading": "stream", "workers": 0},
           "stream, 2 workers": {"loading": "stream", "workers": 2}}


@pytest.fixture(autouse=True)
def dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    """LeNet has dropout in these tests."""
    monkeypatch.setitem(NETWORKS, "lenet", replace(NETWORKS["lenet"], build="tests.train.drawn:dropout_lenet"))


def ended(store: JobStore, view: JobView) -> tuple[str, list[dict]]:
    run(Recorder(store, view.id))
    return drawn.fingerprint(view), drawn.rows(view)


def stopped(store: JobStore, view: JobView, at: int) -> Recorder:
    context = Recorder(store, view.id, at)
    with pytest.raises(Stopped):
        run(context)
    return context


def stop_at_many_moments(store: JobStore, loading: str, every: int) -> None:
    data = drawn.dataset(store, train=37)
    options = EVERYTHING | LOADING[loading]
    whole = drawn.model(store, data, **options)
    context = Recorder(store, whole.id)
    run(context)
    expected = drawn.fingerprint(whole), drawn.rows(whole)
    for moment in range(2, context.checks - 3, every):  # the last ones are in the final evaluation
        view = drawn.model(store, data, **options)
        stopped(store, view, moment)
        assert ended(store, view) == expected, f"stopped at check {moment}"


@pytest.mark.parametrize("loading", [*list(LOADING)[:2], pytest.param("stream, 2 workers", marks=pytest.mark.slow)])
def test_a_run_stopped_in_between_ends_with_the_same_bits(store: JobStore, loading: str) -> None:
    stop_at_many_moments(store, loading, every=7)


@pytest.mark.slow
@pytest.mark.parametrize("loading", LOADING)
def test_a_run_stopped_at_any_moment_ends_with_the_same_bits(store: JobStore, loading: str) -> None:
    stop_at_many_moments(store, loading, every=1)


def test_a_run_stopped_at_every_single_step_ends_with_the_same_bits(store: JobStore) -> None:
    data = drawn.dataset(store, train=37)
    expected = ended(store, drawn.model(store, data, **EVERYTHING))
    view, stops = drawn.model(store, data, **EVERYTHING), 0
    while stops < 100:
        try:
            run(Recorder(store, view.id, stop_at=5))
            break
        except Stopped:
            stops += 1
    assert stops >= 5
    assert (drawn.fingerprint(view), drawn.rows(view)) == expected


def test_all_ways_of_loading_give_the_same_bits(store: JobStore) -> None:
    data = drawn.dataset(store, train=37)
    results = [ended(store, drawn.model(store, data, **EVERYTHING, **how)) for how in LOADING.values()]
    assert results[0] == results[1] == results[2]


def test_a_finished_run_can_be_run_again_and_stays_the_same(store: JobStore) -> None:
    view = drawn.model(store, drawn.dataset(store), **EVERYTHING)
    assert ended(store, view) == ended(store, view)


def test_another_seed_gives_another_run(store: JobStore) -> None:
    data = drawn.dataset(store)
    assert ended(store, drawn.model(store, data, seed=1)) != ended(store, drawn.model(store, data, seed=2))


def test_a_damaged_state_is_replaced_by_the_one_before(store: JobStore) -> None:
    data = drawn.dataset(store, train=37)
    expected = ended(store, drawn.model(store, data, **EVERYTHING))
    view = drawn.model(store, data, **EVERYTHING)
    stopped(store, view, 14)
    path = view.folder.checkpoints / "last.state"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    context = Recorder(store, view.id)
    run(context)
    assert any("last.state: its digest is wrong" in line for line in context.lines)
    assert (drawn.fingerprint(view), drawn.rows(view)) == expected


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"garbage" * 999])
def test_without_any_usable_state_it_goes_on_from_the_newest_checkpoint(store: JobStore, content: bytes) -> None:
    view = drawn.model(store, drawn.dataset(store), epochs=3, loading="memory")
    stopped(store, view, 14)
    for name in ("last.state", "previous.state"):
        (view.folder.checkpoints / name).write_bytes(content)
    context = Recorder(store, view.id)
    run(context)
    assert any("Going on from the weights of epoch" in line for line in context.lines)
    assert max(row["step"] for row in drawn.rows(view)) == 15


def test_a_stop_leaves_a_checkpoint_to_try_out(store: JobStore) -> None:
    view = drawn.model(store, drawn.dataset(store))
    stopped(store, view, 5)
    newest = killing.checked_checkpoints(view)[-1]
    assert (newest["step"], newest["epoch"], newest["metrics"]) == (2, 0.4, {})


def kill_and_go_on(store: JobStore, kills: int, make: Callable[[], JobView]) -> None:
    view, chance = make(), random.Random(3)
    for _ in range(kills):
        worker = killing.start(view)
        goal = len(drawn.rows(view)) + chance.randrange(1, 12)
        until(lambda goal=goal, worker=worker: len(drawn.rows(view)) >= goal or worker.poll() is not None,
              timeout=120, every_s=chance.uniform(0.001, 0.02))
        killing.kill(worker)
        killing.assert_nothing_acknowledged_is_lost(view)
    killing.finish(view)
    whole = make()
    assert ended(store, whole) == (drawn.fingerprint(view), drawn.rows(view))


@pytest.fixture
def real_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes train with the dropout of these tests, and with as many threads."""
    monkeypatch.setenv("DIGITS_HANDLER_MODEL", "tests.train.drawn:run_with_dropout")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.slow
def test_a_worker_killed_at_random_moments_loses_nothing(store: JobStore, real_workers: None) -> None:
    data = drawn.dataset(store, train=37)
    kill_and_go_on(store, 5, lambda: drawn.model(store, data, epochs=9, **EVERYTHING))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("loading", "kills"), [("memory", 30), ("stream, 0 workers", 5), ("stream, 2 workers", 10)])
def test_a_worker_killed_many_times_loses_nothing(store: JobStore, loading: str, kills: int,
                                                  real_workers: None) -> None:
    data = drawn.dataset(store, train=37)
    kill_and_go_on(store, kills, lambda: drawn.model(store, data, epochs=2 * kills, **EVERYTHING, **LOADING[loading]))
