"""The range test finds where the loss falls fastest, and says when there is nothing to find."""

import itertools
import math

import pytest

from digits_core.train.range_test import HIGHEST, LOWEST, STEPS, RangeTest, rate


def test_rates_rise_by_a_constant_factor_from_lowest_to_highest():
    rates = [rate(step) for step in range(STEPS)]
    factors = {round(after / before, 9) for before, after in itertools.pairwise(rates)}
    assert len(factors) == 1 and rates[0] == LOWEST and rates[-1] == pytest.approx(HIGHEST)


def run(loss):
    test = RangeTest()
    for step in range(STEPS):
        if not test.add(rate(step), loss(rate(step))):
            break
    return test


def test_the_suggestion_is_where_the_loss_falls_fastest():
    test = run(lambda lr: 1 / (1 + math.exp(3 * math.log10(lr / 1e-3))))
    assert 1e-3 < test.suggestion() < 1e-2  # the smoothed loss is a few steps late
    assert len(test.points) == STEPS


def test_it_ends_when_the_loss_explodes_or_is_no_number():
    exploded = run(lambda lr: 2.0 if lr < 0.1 else 1000.0)
    assert exploded.points[-2][0] < 0.1 <= exploded.points[-1][0]
    assert all(math.isfinite(loss) for _, loss in run(lambda lr: 2.0 if lr < 0.1 else math.nan).points)


def test_a_loss_that_never_falls_has_no_suggestion():
    assert run(lambda lr: 1 + lr).suggestion() is None
    assert RangeTest().suggestion() is None
