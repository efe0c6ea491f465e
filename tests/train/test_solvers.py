"""Every solver does what its name says, with the options it was given."""

import pytest
import torch
from torch import nn

from digits_core.train.options import SOLVERS as NAMES
from digits_core.train.options import ClassifierOptions
from digits_core.train.solvers import SOLVERS, build_solver


def after(steps: int, solver: str, **options: float) -> list[float]:
    """Where a weight that starts at 1 with a gradient of 1 is after each step."""
    weight = nn.Parameter(torch.ones(1))
    made = build_solver([weight], ClassifierOptions(solver=solver, **{"learning_rate": 0.1, "weight_decay": 0,
                                                                      **options}))
    places = []
    for _ in range(steps):
        weight.grad = torch.ones(1)
        made.step()
        places.append(float(weight.detach()))
    return places


def test_every_solver_of_the_form_can_be_built() -> None:
    assert SOLVERS.keys() == NAMES.keys()


@pytest.mark.parametrize(("solver", "options", "expected"), [
    ("sgd", {}, [0.9, 0.8]),
    ("sgd", {"momentum": 0.5}, [0.9, 0.8]),
    ("sgd", {"weight_decay": 1.0}, [0.8, 0.62]),
    ("momentum", {"momentum": 0.5}, [0.9, 0.75]),
    ("nesterov", {"momentum": 0.5}, [0.85, 0.675]),
    ("nesterov", {"momentum": 0.0}, [0.9, 0.8]),
    ("adam", {}, [0.9, 0.8]),
    ("adamw", {"weight_decay": 1.0}, [0.8, 0.62]),
    ("rmsprop", {"rms_decay": 0.75}, [0.8, 0.8 - 0.1 / (0.4375 ** 0.5)]),
    ("adagrad", {}, [0.9, 0.9 - 0.1 / 2 ** 0.5]),
])
def test_steps_computed_by_hand(solver: str, options: dict, expected: list[float]) -> None:
    assert after(2, solver, **options) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("solver", NAMES)
def test_the_learning_rate_and_weight_decay_are_honoured(solver: str) -> None:
    assert after(1, solver, learning_rate=0.2) != after(1, solver, learning_rate=0.1)
    made = build_solver([nn.Parameter(torch.ones(1))], ClassifierOptions(solver=solver, weight_decay=0.25))
    assert made.param_groups[0]["weight_decay"] == 0.25
