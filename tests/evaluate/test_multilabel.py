"""Figures of labels that exclude each other not, against scikit-learn's and by hand."""

import numpy as np
import pytest
from sklearn import metrics as reference

from digits_core.evaluate.multilabel import Tally, average_precision, best_threshold


def tallied(seed: int = 0, thresholds: np.ndarray | None = None) -> tuple[Tally, np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    truth = chance.random((60, 4)) < [0.5, 0.2, 0.7, 0.1]
    logits = (truth * 2 - 1 + chance.normal(0, 1.5, truth.shape)).astype(np.float32)
    tally = Tally(thresholds)
    for start in range(0, 60, 25):
        tally.add(logits[start:start + 25], truth[start:start + 25].astype(np.float32))
    return tally, truth, 1 / (1 + np.exp(-logits))


def test_figures_are_those_of_scikit_learn() -> None:
    tally, truth, share = tallied(thresholds=np.full(4, 0.5, np.float32))
    found, said = tally.metrics(), share >= 0.5
    assert found["map"] == pytest.approx(reference.average_precision_score(truth, share, average="macro"))
    assert found["macro_f1"] == pytest.approx(reference.f1_score(truth, said, average="macro"))
    assert found["micro_f1"] == pytest.approx(reference.f1_score(truth, said, average="micro"))
    assert found["exact"] == pytest.approx(reference.accuracy_score(truth, said))
    assert found["loss"] == pytest.approx(np.mean([reference.log_loss(truth[:, k], share[:, k]) for k in range(4)]))
    rows = tally.report(["a", "b", "c", "d"])["per_class"]
    assert [row["recall"] for row in rows] == pytest.approx(reference.recall_score(truth, said, average=None))
    assert [row["precision"] for row in rows] == pytest.approx(
        reference.precision_score(truth, said, average=None, zero_division=0))


def test_no_threshold_gives_a_better_f1_than_the_one_that_is_found() -> None:
    tally, truth, share = tallied(3)
    for k, row in enumerate(tally.report(["a", "b", "c", "d"])["per_class"]):
        others = [reference.f1_score(truth[:, k], share[:, k] >= value) for value in np.linspace(0, 1, 101)]
        assert row["f1"] >= max(others) - 1e-9


def test_equal_answers_are_one_threshold() -> None:
    assert best_threshold(np.array([True, True, False]), np.array([0.8, 0.8, 0.2])) == pytest.approx(0.5)
    assert average_precision(np.array([True, False]), np.array([0.4, 0.4])) == pytest.approx(0.5)


def test_a_label_that_nobody_has_counts_nowhere() -> None:
    tally = Tally()
    tally.add(np.array([[4.0, -4.0], [-4.0, -4.0]]), np.array([[1.0, 0.0], [0.0, 0.0]]))
    found = tally.metrics()
    assert (found["map"], found["macro_f1"], found["exact"]) == (1.0, 1.0, 1.0)
    assert tally.report(["a", "b"])["per_class"][1]["average_precision"] is None
    assert tally.thresholds[1] == 0.5
