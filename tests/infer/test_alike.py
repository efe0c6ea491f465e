"""How far two answers are apart: what people would call the same is, and what they would not is not."""

import numpy as np
import pytest

from digits_core.infer.agreement import Close, SameBoxes, SameClasses, SameLabel, SamePlace, SameSet

ONE = np.array([0.7, 0.2, 0.1], np.float32)
BOX = np.array([[0, 10, 10, 30, 40, 0.9], [1, 50, 50, 60, 60, 0.05]], np.float32)


@pytest.mark.parametrize(("kind", "other", "agreement"), [
    (SameLabel(), [0.4, 0.35, 0.25], 1.0), (SameLabel(), [0.3, 0.6, 0.1], 0.0),
    (SameSet(), [0.6, 0.6, 0.1], 2 / 3), (SameClasses(), [0.7, 0.2, 0.3], 2 / 3),
    (SamePlace(), [1.4, 0.4, 0.2], 1.0), (SamePlace(), [-0.7, 0.2, 0.1], 0.0), (Close(), [0.75, 0.2, 0.5], 2 / 3)])
def test_each_kind_of_answer_has_its_own_agreement(kind, other, agreement):
    assert kind.agreement(ONE, np.array(other, np.float32)) == pytest.approx(agreement)
    assert kind.agreement(ONE, ONE[:2]) == 0


def test_differences_are_shares_of_the_usual_range():
    wide = Close()
    wide.span = 255.0
    assert wide.difference(np.zeros(3), np.array([0, 51, 0])) == pytest.approx(0.2)
    assert Close().difference(ONE, ONE[:2]) == float("inf")
    assert SameClasses().difference(ONE, ONE) is None


@pytest.mark.parametrize(("other", "agreement", "difference"), [
    (BOX, 1.0, 0.0), (BOX[:1], 1.0, 0.0), (np.add(BOX, [0, 0.3, 0, 0, 0, -0.1]), 1.0, 0.1), (BOX[1:], 0.0, None),
    (np.add(BOX, [1, 0, 0, 0, 0, 0]), 0.0, None), (np.add(BOX, [0, 9, 0, 9, 0, 0]), 0.0, None)])
def test_boxes_agree_when_each_that_anybody_sees_has_a_twin(other, agreement, difference):
    assert SameBoxes().agreement(BOX, other) == agreement
    assert SameBoxes().difference(BOX, other) == pytest.approx(difference, abs=1e-6)


def test_two_boxes_in_one_place_have_a_twin_each():
    both = np.concatenate([BOX[:1], np.add(BOX[:1], [0, 0.2, 0, 0, 0, -0.5])])
    assert (SameBoxes().agreement(both, both[::-1]), SameBoxes().difference(both, both[::-1])) == (1.0, 0.0)


def test_a_score_on_the_other_side_of_the_threshold_is_no_other_answer():
    box = np.array([[0, 10, 10, 30, 40, 0.3001]], np.float32)
    other = np.subtract(box, [0, 0, 0, 0, 0, 0.0002])
    assert (SameBoxes().agreement(box, other), SameBoxes().agreement(other, box)) == (1.0, 1.0)
    assert SameBoxes().difference(box, other) == pytest.approx(0.0002, abs=1e-6)
    assert SameBoxes().agreement(box, other[:0]) == 0.0


def test_nobody_seeing_anything_is_full_agreement():
    assert SameBoxes().agreement(BOX[1:], BOX[:0]) == 1.0
    assert SameBoxes().difference(BOX[1:], BOX[:0]) is None
