"""What is due when, and random numbers that depend on the step alone."""

import pytest

from digits_core.train.options import ClassifierOptions
from digits_core.train.plan import Plan, mix


def plan(entries: int = 37, batch_size: int = 8, **options: object) -> Plan:
    return Plan(ClassifierOptions(**{"epochs": 4, **options}), entries, batch_size, seed=1)


def due(made: Plan, what: str) -> list[int]:
    return [step for step in range(1, made.total + 1) if getattr(made, what)(step)]


def test_the_last_partial_batch_counts() -> None:
    assert plan().steps_per_epoch == 5
    assert plan().total == 20


@pytest.mark.parametrize(("interval", "expected"), [
    (1, [5, 10, 15, 20]), (0.5, [3, 5, 8, 10, 13, 15, 18, 20]), (2, [10, 20]), (3, [15, 20]), (0, [20]), (99, [20]),
    (0.4, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]), (0.001, list(range(1, 21))), (0.33, [2, 3, 5, 7, 8, 10, 12, 13, 15,
                                                                                      17, 18, 20])])
def test_checkpoints_are_due_at_multiples_of_the_interval_and_at_the_end(interval: float, expected: list[int]) -> None:
    assert due(plan(snapshot_interval=interval), "checkpoint_due") == expected


def test_validation_is_due_at_its_interval_and_never_when_zero() -> None:
    assert due(plan(val_interval=1.5), "validation_due") == [8, 15, 20]
    assert due(plan(val_interval=0), "validation_due") == []


def test_everything_that_ends_an_epoch_is_saved() -> None:
    assert due(plan(val_interval=0, snapshot_interval=0), "save_due") == [5, 10, 15, 20]


def test_there_are_about_twenty_rows_an_epoch() -> None:
    assert len(due(plan(64_000, 64, epochs=1), "row_due")) == 20
    assert len(due(plan(6_400_000, 64, epochs=1), "row_due")) == 200


def test_an_order_is_a_permutation_that_depends_on_seed_and_epoch_only() -> None:
    orders = [plan().order(epoch).tolist() for epoch in (0, 1)]
    assert all(sorted(order) == list(range(37)) for order in orders)
    assert orders[0] != orders[1]
    assert orders == [plan().order(epoch).tolist() for epoch in (0, 1)]
    assert plan(shuffle=False).order(3).tolist() == list(range(37))


def test_summed_batches_weigh_by_their_pictures() -> None:
    made = plan(accumulation=2)  # 8 8 | 8 8 | 5 in each epoch
    assert [made.share(step) for step in range(5)] == [(0.5, False), (0.5, True)] * 2 + [(1.0, True)]
    assert made.share(5) == (0.5, False)
    made = plan(accumulation=3)  # 8 8 8 | 8 5
    assert [made.share(step)[0] for step in (3, 4)] == pytest.approx([8 / 13, 5 / 13])


def test_seeds_differ_in_every_part() -> None:
    seeds = {mix(seed, what, step) for seed in range(20) for what in (1, 2, 3) for step in range(200)}
    assert len(seeds) == 20 * 3 * 200
    assert all(0 <= seed < 2**63 for seed in seeds)
