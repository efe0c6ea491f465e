"""The figures of an evaluation are those of scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as reference

from digits_core.evaluate.classification import Tally, rank


@pytest.fixture
def logits() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(200, 7)).astype(np.float32)


@pytest.fixture
def truth() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 6, 200)  # class 6 never occurs


def shares(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64))
    return powers / powers.sum(1, keepdims=True)


def test_accuracy_top5_and_loss_are_scikit_learns(logits: np.ndarray, truth: np.ndarray) -> None:
    tally = Tally(7)
    for start in range(0, 200, 33):
        tally.add_logits(logits[start:start + 33], truth[start:start + 33])
    found = tally.metrics()
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(truth, logits.argmax(1)))
    assert found["top5"] == pytest.approx(reference.top_k_accuracy_score(truth, logits, k=5, labels=range(7)))
    assert found["loss"] == pytest.approx(reference.log_loss(truth, shares(logits), labels=range(7)))


def test_probabilities_and_logits_give_the_same_report(logits: np.ndarray, truth: np.ndarray) -> None:
    one, other = Tally(7), Tally(7)
    one.add_logits(logits, truth)
    other.add_probabilities(shares(logits), truth)
    names = [str(i) for i in range(7)]
    assert one.metrics() == pytest.approx(other.metrics())
    assert one.report(names)["confusion"] == other.report(names)["confusion"]


def test_confusion_and_classes_are_scikit_learns(logits: np.ndarray, truth: np.ndarray) -> None:
    tally = Tally(7)
    tally.add_logits(logits, truth)
    report = tally.report([f"class {i}" for i in range(7)])
    predicted = logits.argmax(1)
    assert report["confusion"] == reference.confusion_matrix(truth, predicted, labels=range(7)).tolist()
    precision, recall, f1, entries = reference.precision_recall_fscore_support(
        truth, predicted, labels=range(7), zero_division=0)
    for i, row in enumerate(report["per_class"]):
        assert row["label"] == f"class {i}"
        assert (row["precision"], row["recall"], row["f1"], row["entries"]) == pytest.approx(
            (precision[i], recall[i], f1[i], entries[i]))


def test_with_few_classes_the_top_five_are_all() -> None:
    tally = Tally(3)
    tally.add_logits(np.eye(3, dtype=np.float32), np.array([2, 0, 1]))
    assert tally.metrics()["top5"] == 1.0
    assert tally.metrics()["accuracy"] == 0.0


def test_equal_scores_are_ranked_like_argmax() -> None:
    assert rank(np.zeros((3, 8), np.float32), np.array([0, 4, 7])).tolist() == [0, 4, 7]


def test_infinite_logits_give_a_loss_that_is_no_number() -> None:
    tally = Tally(2)
    tally.add_logits(np.array([[np.inf, 0.0]], np.float32), np.array([0]))
    assert np.isnan(tally.metrics()["loss"])


def test_nothing_counted_is_zero() -> None:
    assert Tally(4).metrics() == {"loss": 0.0, "accuracy": 0.0, "top5": 0.0}
