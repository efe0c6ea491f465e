"""Learning rates computed by hand from DIGITS' formulas."""

import math

import pytest

from digits_core.train.options import POLICY_NAMES, ClassifierOptions, with_policy_defaults
from digits_core.train.schedule import curve, learning_rate


@pytest.mark.parametrize(("policy", "values", "done", "expected"), [
    ("fixed", {}, 0.7, 0.1),
    ("step", {"lr_step": 33, "lr_gamma": 0.1}, 0.32, 0.1),
    ("step", {"lr_step": 33, "lr_gamma": 0.1}, 0.33, 0.01),
    ("step", {"lr_step": 33, "lr_gamma": 0.1}, 0.67, 0.001),
    ("multistep", {"lr_steps": [50, 85], "lr_gamma": 0.5}, 0.49, 0.1),
    ("multistep", {"lr_steps": [50, 85], "lr_gamma": 0.5}, 0.5, 0.05),
    ("multistep", {"lr_steps": [50, 85], "lr_gamma": 0.5}, 0.9, 0.025),
    ("exp", {"lr_gamma": 0.95}, 0.10, 0.1 * 0.95**10),
    ("inv", {"lr_gamma": 0.1, "lr_power": 0.5}, 0.30, 0.1 * 4**-0.5),
    ("poly", {"lr_power": 3}, 0.50, 0.1 * 0.125),
    ("poly", {"lr_power": 3}, 1.0, 0.0),
    ("sigmoid", {"lr_step": 50, "lr_gamma": 0.1}, 0.50, 0.05),
    ("sigmoid", {"lr_step": 50, "lr_gamma": 0.1}, 0.60, 0.1 / (1 + math.e)),
    ("cosine", {}, 0.0, 0.1),
    ("cosine", {}, 0.5, 0.05),
    ("cosine", {}, 1.0, 0.0),
    ("onecycle", {}, 0.0, 0.1 / 25),
    ("onecycle", {}, 0.15, (0.1 / 25 + 0.1) / 2),
    ("onecycle", {}, 0.3, 0.1),
    ("onecycle", {}, 1.0, 0.1 / 250_000),
    ("onecycle", {"warmup_percent": 10}, 0.1, 0.1),
    ("fixed", {"warmup_percent": 10}, 0.05, 0.05),
    ("fixed", {"warmup_percent": 10}, 0.1, 0.1),
    ("cosine", {"warmup_percent": 20}, 0.6, 0.05),
])
def test_the_rate_follows_its_formula(policy: str, values: dict, done: float, expected: float) -> None:
    options = ClassifierOptions(lr_policy=policy, learning_rate=0.1, **values)
    assert learning_rate(options, done) == pytest.approx(expected, abs=1e-12)


def test_warm_up_starts_above_zero() -> None:
    assert learning_rate(ClassifierOptions(lr_policy="fixed", learning_rate=0.1, warmup_percent=10), 0.0) > 0


@pytest.mark.parametrize("policy", POLICY_NAMES)
def test_a_preview_has_101_finite_points(policy: str) -> None:
    points = curve(ClassifierOptions(**with_policy_defaults({"lr_policy": policy})))
    assert [percent for percent, _ in points] == [float(i) for i in range(101)]
    assert all(math.isfinite(rate) and rate >= 0 for _, rate in points)


def test_gamma_and_power_follow_the_policy_unless_given() -> None:
    assert with_policy_defaults({"lr_policy": "exp"})["lr_gamma"] == 0.95
    assert with_policy_defaults({"lr_policy": "inv"})["lr_power"] == 0.5
    assert with_policy_defaults({"lr_policy": "exp", "lr_gamma": 0.9})["lr_gamma"] == 0.9
