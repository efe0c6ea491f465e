"""Splits are exact, seeded and by class; nothing is lost and nothing is in two of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digits_core.data.split import by_class, choose, shuffled, sizes, split

LABELS = st.lists(st.integers(0, 5), max_size=200).map(lambda values: np.array(values, np.int64))
SHARES = st.fixed_dictionaries({"val": st.floats(0, 49), "test": st.floats(0, 49)})


@given(LABELS, SHARES, st.integers(0, 2**31 - 1), st.booleans())
def test_every_picture_lands_in_exactly_one_split(
        labels: np.ndarray, shares: dict[str, float], seed: int, stratified: bool) -> None:
    parts = split(labels, shares, seed, stratified)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(len(labels)))


@given(LABELS, SHARES, st.integers(0, 2**31 - 1))
def test_every_class_keeps_its_share_and_trains(labels: np.ndarray, shares: dict[str, float], seed: int) -> None:
    parts = split(labels, shares, seed)
    for label in np.unique(labels):
        count = int((labels == label).sum())
        found = {name: int((labels[part] == label).sum()) for name, part in parts.items()}
        assert found["train"] >= 1
        for name, share in shares.items():
            assert found[name] <= max(1, round(count * share / 100))
            if share > 0 and count >= 3:
                assert found[name] >= 1
        if count > 4:
            assert all(abs(found[name] - count * share / 100) <= 1 for name, share in shares.items())


@given(LABELS, SHARES, st.integers(0, 2**31 - 1))
def test_the_same_seed_gives_the_same_split(labels: np.ndarray, shares: dict[str, float], seed: int) -> None:
    first, again = split(labels, shares, seed), split(labels, shares, seed)
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_another_seed_gives_another_split() -> None:
    labels = np.repeat([0, 1], 50)
    assert not np.array_equal(split(labels, {"val": 25}, 0)["val"], split(labels, {"val": 25}, 1)["val"])


def test_each_split_is_shuffled_over_its_classes() -> None:
    labels = np.repeat(np.arange(4), 25)
    assert np.count_nonzero(np.diff(labels[split(labels, {"val": 25}, 0)["train"]])) > 20


def test_not_stratified_counts_over_all_classes() -> None:
    parts = split(np.repeat([0, 1], [98, 2]), {"val": 25, "test": 10}, 0, stratified=False)
    assert [len(part) for part in parts.values()] == [65, 25, 10]


@given(LABELS, st.integers(1, 8), st.one_of(st.none(), st.integers(1, 30)), st.integers(0, 1000))
def test_minimum_and_maximum_account_for_every_picture(
        labels: np.ndarray, minimum: int, maximum: int | None, seed: int) -> None:
    chosen = choose(labels, minimum, maximum, seed)
    assert sorted(np.concatenate(chosen).tolist()) == list(range(len(labels)))
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        kept = int((labels[chosen.kept] == label).sum())
        assert kept == (0 if count < minimum else count if maximum is None else min(count, maximum))


def test_the_maximum_is_a_random_choice_not_the_first_ones() -> None:
    kept = choose(np.zeros(1000, np.int64), 1, 100, 0).kept
    assert kept.max() > 800 and len(set(kept.tolist())) == 100


@pytest.mark.parametrize(("count", "percents", "expected"), [
    (100, [25, 10], [25, 10]), (4, [25, 0], [1, 0]), (2, [25, 25], [1, 0]), (1, [25, 25], [0, 0]), (0, [25], [0]),
    (3, [49, 49], [1, 1]), (10, [0, 0], [0, 0]), (7, [25], [2])])
def test_sizes_of_shares(count: int, percents: list[float], expected: list[int]) -> None:
    assert sizes(count, percents) == expected


def test_positions_by_class_and_a_seeded_order() -> None:
    assert [part.tolist() for part in by_class(np.array([2, 0, 2, 1]))] == [[1], [3], [0, 2]]
    assert sorted(shuffled(50, 1).tolist()) == list(range(50)) and not np.array_equal(shuffled(50, 1), shuffled(50, 2))
