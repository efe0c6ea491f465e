"""Every figure beside scikit-learn's, every interval beside the truth it shall contain."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics
from sklearn.dummy import DummyClassifier

from digits_core.evaluate import curves, intervals
from digits_core.evaluate.report import report
from tests.evaluate.made import predictions

FOUND = predictions()
REPORT = report(FOUND)


def figure(name):
    return REPORT["metrics"][name]["value"]


def test_the_figures_are_those_of_scikit_learn():
    truth, predicted, scores = FOUND.truth, FOUND.predicted, FOUND.scores.astype(np.float64)
    assert figure("accuracy") == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert figure("balanced_accuracy") == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))
    assert figure("loss") == pytest.approx(metrics.log_loss(truth, scores / scores.sum(1, keepdims=True)), rel=1e-5)
    assert REPORT["confusion"]["matrix"] == metrics.confusion_matrix(truth, predicted).tolist()
    wanted = metrics.precision_recall_fscore_support(truth, predicted)
    for name, values in zip(("precision", "recall", "f1", "entries"), wanted, strict=True):
        assert [row[name] for row in REPORT["per_class"]] == pytest.approx(list(values))
    many = predictions(classes=12)
    assert report(many)["metrics"]["top5"]["value"] == pytest.approx(
        metrics.top_k_accuracy_score(many.truth, many.scores, k=5, labels=range(12)))


def test_classes_that_never_occur_are_as_in_scikit_learn():
    part = FOUND.take((FOUND.truth != 2) & (FOUND.predicted != 3))
    made = report(part)
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        wanted = metrics.balanced_accuracy_score(part.truth, part.predicted)
    assert made["metrics"]["balanced_accuracy"]["value"] == pytest.approx(wanted)
    values = metrics.precision_recall_fscore_support(part.truth, part.predicted, labels=range(4), zero_division=0)
    assert [row["f1"] for row in made["per_class"]] == pytest.approx(list(values[2]))
    assert json.dumps(made, allow_nan=False)


def test_the_baseline_is_that_of_a_dummy_classifier():
    dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(FOUND), 1)), FOUND.truth)
    guessed = metrics.accuracy_score(FOUND.truth, dummy.predict(np.zeros((len(FOUND), 1))))
    usual = REPORT["baseline"]
    assert usual["label"] == FOUND.labels[int(dummy.predict(np.zeros((1, 1)))[0])]
    assert usual["accuracy"]["value"] == pytest.approx(guessed)
    assert usual["gain"]["value"] == pytest.approx(figure("accuracy") - guessed)
    assert usual["gain"]["low"] < usual["gain"]["value"] < usual["gain"]["high"]


def test_guessing_gains_nothing_and_two_classes_have_an_area():
    two = predictions(classes=2)
    found = report(two)["metrics"]["auc"]
    assert found["value"] == pytest.approx(metrics.roc_auc_score(two.truth == 1, two.of_class(1)))
    assert "auc" not in REPORT["metrics"]
    assert "auc" not in report(two.take(two.truth == 1))["metrics"]
    usual = int(np.bincount(two.truth).argmax())
    guess = replace(two, predicted=np.full_like(two.predicted, usual))
    gain = report(guess)["baseline"]["gain"]
    assert gain["value"] == 0
    assert gain["low"] < 0 < gain["high"]


@pytest.mark.parametrize("number", range(4))
def test_curves_are_those_of_scikit_learn(number):
    positive, scores = FOUND.truth == number, np.round(FOUND.of_class(number), 2)  # rounded: many equal scores
    found = curves.one_class(positive, scores)
    assert found["auc"]["value"] == pytest.approx(metrics.roc_auc_score(positive, scores))
    assert found["average_precision"]["value"] == pytest.approx(metrics.average_precision_score(positive, scores))
    false, true, _ = metrics.roc_curve(positive, scores, drop_intermediate=False)
    assert found["roc"]["false_positive_rate"] == pytest.approx(false[1:].tolist())
    assert found["roc"]["true_positive_rate"] == pytest.approx(true[1:].tolist())
    precision, recall, _ = metrics.precision_recall_curve(positive, scores)
    assert found["pr"]["precision"] == pytest.approx(precision[:-1][::-1].tolist())
    assert found["pr"]["recall"] == pytest.approx(recall[:-1][::-1].tolist())


def test_a_curve_needs_both_sides():
    assert curves.one_class(np.ones(3, bool), np.ones(3))["auc"] is None
    assert curves.one_class(np.zeros(0, bool), np.zeros(0))["auc"] is None
    assert curves.one_class(np.array([True, False]), np.array([1.0, 0.0]))["auc"]["value"] == 1


def test_the_calibration_error_by_hand():
    part = FOUND.take(np.arange(5))
    confidence, right = part.confidence.astype(float), part.predicted == part.truth
    bins = [math.ceil(value * 15) for value in confidence]
    by_hand = sum(abs(sum(confidence[i] - right[i] for i in range(5) if bins[i] == b)) for b in set(bins)) / 5
    assert report(part)["metrics"]["ece"]["value"] == pytest.approx(by_hand)
    assert sum(row["entries"] for row in REPORT["calibration"]) == 300


def test_the_wilson_interval_by_hand():
    low, high = intervals.wilson(8, 10)  # Newcombe 1998: 0.4902 to 0.9433
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert intervals.wilson(0, 0) == (0, 1)


def covered(measure, truth, rounds=400):
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(rounds):
        low, high = measure(rng)
        inside += low <= truth <= high
    return inside / rounds


def test_intervals_cover():
    def one(rng):
        found = intervals.share(int(rng.binomial(60, 0.9)), 60)
        return found.low, found.high

    def balanced(rng):
        entries = np.array([20, 50, 200])
        found = intervals.mean_of_shares(rng.binomial(entries, [0.7, 0.95, 0.9]), entries)
        return found.low, found.high

    def f1(rng):
        hits, misses, false = rng.multinomial(80, [0.6, 0.25, 0.15])
        low, high = intervals.f1(hits, misses + false)
        return float(low), float(high)

    def auc(rng):
        positive = np.arange(120) < 40
        found = curves.area(positive, rng.normal(size=120) + positive)
        return found.low, found.high

    for measure, truth in ((one, 0.9), (balanced, (0.7 + 0.95 + 0.9) / 3), (f1, 1.2 / 1.6),
                           (auc, 0.5 * (1 + math.erf(1 / 2)))):
        assert 0.92 <= covered(measure, truth) <= 0.985, measure.__name__


@pytest.mark.parametrize("pictures", [60, 800])
@pytest.mark.parametrize("error", [0.0, 0.02, 0.1])
def test_the_interval_of_the_calibration_error_covers(error, pictures):
    def covers(seed):
        rng = np.random.default_rng(seed)
        confidence = rng.uniform(0.5, 1, pictures)
        right = rng.random(pictures) < confidence - error
        bins = np.ceil(confidence * 15).astype(int) - 1
        entries, hits, gaps = (np.bincount(bins, weights, 15) for weights in (None, right, confidence - right))
        found = intervals.sum_of_distances(gaps / pictures, hits, entries)
        return found.low <= error <= found.high

    assert sum(covers(seed) for seed in range(100)) >= 95


def test_the_interval_of_the_calibration_error_becomes_narrow():
    few, many = (intervals.sum_of_distances(np.array([0.1]), np.array([0.8 * n]), np.array([n])) for n in (100, 10_000))
    assert few.low < 0.03 and few.high > 0.17 and 0.09 < many.low < 0.1 < many.high < 0.11


def test_confusions_of_5000_classes_are_listed():
    found = predictions(classes=5000, pictures=2_000, skill=4, largest=10)
    made = report(found)
    assert (len(made["confusion"]["labels"]), made["confusion"]["whole"]) == (50, False)
    assert len(made["confusions"]) == 50
    counts = [row["count"] for row in made["confusions"]]
    assert counts == sorted(counts, reverse=True)


def test_of_two_classes_the_matrix_is_whole():
    made = report(predictions(classes=2))
    assert made["confusion"]["whole"]
    assert np.sum(made["confusion"]["matrix"]) == 300
