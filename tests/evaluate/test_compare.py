import dataclasses

import numpy as np
import pytest
from scipy.stats import binomtest

from digits_core.errors import BadData
from digits_core.evaluate.compare import compare, mcnemar
from tests.evaluate.made import predictions


def test_mcnemar_by_hand():
    assert mcnemar(1, 5) == pytest.approx(2 * (1 + 6) / 64)  # 2 (C(6,0) + C(6,1)) / 2^6
    assert mcnemar(0, 0) == mcnemar(7, 7) == 1
    assert mcnemar(0, 10) == pytest.approx(2 / 1024)


@pytest.mark.parametrize(("first", "second"), [(3, 9), (25, 11), (400, 300), (0, 3000)])
def test_mcnemar_is_the_binomial_test(first, second):
    assert mcnemar(first, second) == pytest.approx(binomtest(first, first + second).pvalue)


def answers(right: list[int]):
    """Predictions of ten pictures of class 0 that are right where the list says 1."""
    made = predictions(pictures=len(right))
    return dataclasses.replace(made, truth=np.zeros(len(right), np.int32),
                               predicted=np.array([1 - bit for bit in right], np.int32))


def test_a_comparison_by_hand():
    found = compare(answers([1, 1, 1, 1, 1, 1, 0, 0]), answers([1, 0, 0, 0, 0, 0, 1, 0]))
    assert (found["both_right"], found["only_first"], found["only_second"], found["both_wrong"]) == (1, 5, 1, 1)
    assert found["p"] == pytest.approx(0.21875)
    assert (found["accuracy_first"], found["accuracy_second"]) == (0.75, 0.25)
    assert found["difference"]["low"] < 0 < found["difference"]["value"] == 0.5 < found["difference"]["high"]


def test_the_interval_of_a_difference_covers():
    rng, inside = np.random.default_rng(0), 0
    for _ in range(300):
        only_first, only_second, rest = rng.multinomial(150, [0.15, 0.08, 0.77])
        found = compare(answers([1] * only_first + [0] * only_second + [1] * rest),
                        answers([0] * only_first + [1] * only_second + [1] * rest))["difference"]
        inside += found["low"] <= 0.07 <= found["high"]
    assert 0.92 <= inside / 300 <= 0.985


def test_other_pictures_or_labels_cannot_be_compared():
    with pytest.raises(BadData, match="not measured on the same pictures"):
        compare(predictions(pictures=10), predictions(pictures=11))
    with pytest.raises(BadData, match="different labels"):
        compare(predictions(classes=3), predictions(classes=4))
