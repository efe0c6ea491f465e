"""Figures of embeddings whose answers are known."""

import numpy as np
import pytest

from digits_core.evaluate.similarity import Tally, best_threshold, evenly, flattened, neighbours, paired


def at(*degrees: float) -> np.ndarray:
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], 1).astype(np.float32)


def tallied(degrees: list[float], labels: list[int]) -> Tally:
    tally = Tally()
    for start in range(0, len(labels), 2):
        tally.add(at(*degrees[start:start + 2]), np.array(labels[start:start + 2], np.int64))
    return tally


def test_two_tight_classes_are_told_apart() -> None:
    metrics = tallied([0, 2, 4, 90, 92, 94], [0, 0, 0, 1, 1, 1]).metrics()
    assert (metrics["accuracy"], metrics["pair_accuracy"]) == (1.0, 1.0)
    chords = 2 * np.sin(np.deg2rad([1, 1, 2]))
    assert metrics["same_distance"] == pytest.approx(chords.mean(), rel=1e-3)
    assert metrics["separation"] == pytest.approx(metrics["other_distance"] - metrics["same_distance"])


def test_the_nearest_neighbour_decides_and_the_gap_says_how_clearly() -> None:
    predicted, gap = neighbours(at(0, 10, 12, 50), np.array([0, 0, 1, 1]))
    assert predicted.tolist() == [0, 1, 0, 1]
    assert (gap > 0).tolist() == [True, False, False, True]


def test_the_worst_pictures_come_first_with_their_positions() -> None:
    report = tallied([0, 10, 12, 50, 200, 210], [0, 0, 1, 1, 2, 2]).report(["a", "b", "c"])
    assert report["entries"] == 6 and report["accuracy"] == pytest.approx(4 / 6)
    assert [place for place, _ in report["pictures"]][:2] == [2, 1]
    assert [row["recall"] for row in report["per_class"]] == [0.5, 0.5, 1.0]
    assert len(report["points"]) == 6


def test_a_picture_that_is_alone_in_its_class_is_not_judged() -> None:
    report = tallied([0, 2, 90, 92, 180], [0, 0, 1, 1, 2]).report(["a", "b", "c"])
    assert (report["entries"], report["accuracy"], report["per_class"][2]["entries"]) == (4, 1.0, 0)


def test_the_threshold_lies_between_both_kinds_of_pairs() -> None:
    threshold, share = best_threshold(paired(at(0, 5, 60, 65), np.array([0, 0, 1, 1])))
    assert share == 1.0
    assert 2 * np.sin(np.deg2rad(2.5)) < threshold < 2 * np.sin(np.deg2rad(27.5))


@pytest.mark.parametrize("labels", [[], [0], [0, 1], [0, 0, 0]])
def test_sets_too_small_to_judge_give_numbers_all_the_same(labels: list[int]) -> None:
    metrics = tallied([10.0 * number for number in range(len(labels))], labels).metrics()
    assert all(np.isfinite(value) for value in metrics.values())


def test_the_map_keeps_distances_of_a_plane_in_space() -> None:
    plane = np.random.default_rng(0).normal(size=(30, 2))
    turned = plane @ np.linalg.qr(np.random.default_rng(1).normal(size=(7, 7)))[0][:2]
    flat = flattened(turned)
    assert np.linalg.norm(flat[0] - flat[9]) == pytest.approx(np.linalg.norm(plane[0] - plane[9]))


def test_some_are_chosen_evenly() -> None:
    assert evenly(10, 3).tolist() == [0, 4, 9]
    assert evenly(2, 5).tolist() == [0, 1]
