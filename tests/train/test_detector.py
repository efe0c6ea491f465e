"""The learner of boxes: it learns from what its network says it lost, measures whole, and goes on bit by bit."""

from typing import Any

import numpy as np
import pytest
import torch

from digits_core.evaluate.detection import Tally
from digits_core.networks.build import build_network
from digits_core.tasks.detection import ModelOptions
from digits_core.train.batch import Batch
from digits_core.train.detector import TOGETHER, Detector
from digits_core.train.hardware import Hardware

PAD = [-1.0] * 6


def learner(**options: Any) -> Detector:
    torch.manual_seed(0)
    return Detector(build_network("detectnet_small", (1, 32, 32), 2), 2, ModelOptions(solver="adam", **options),
                    Hardware(torch.device("cpu")))


def batch(size: int = 6, **words: Any) -> Batch:
    """Bright squares, in every second picture a wide one; none in the last picture."""
    image, rows = torch.zeros(size, 1, 32, 32), []
    for number in range(size):
        width = 8 + 8 * (number % 2)
        x, y = 2 + number % 5, 4 + 2 * (number % 7)
        image[number, 0, y:y + 8, x:x + width] = 1
        rows.append([[float(number % 2), x, y, x + width, y + 8, 0], PAD])
    image[-1], rows[-1] = 0, [PAD, PAD]
    return Batch(image - 0.1, torch.tensor(rows), **words)


def test_a_step_learns_and_measuring_changes_nothing() -> None:
    made = learner()
    losses = [float(made.step(batch(), 0.002)["loss"]) for _ in range(8)]
    assert losses[-1] < losses[0]
    before = made.weights()
    assert set(made.evaluate([batch()])) == {"map50", "map", "precision", "recall", "f1", "detectnet_map"}
    assert all(torch.equal(before[name], tensor) for name, tensor in made.weights().items())


def test_many_pictures_are_measured_as_few_are() -> None:
    made, pictures = learner(), batch(2 * TOGETHER + 3)
    for _ in range(30):
        made.step(batch(12), 0.003)
    found, by_hand = made.tally([pictures]), Tally(2)
    with torch.no_grad():
        for image, target in zip(pictures.image_BCHW, pictures.target.numpy(), strict=True):
            by_hand.add(made.network.eval()(image[None])[0].numpy(), target)
    assert found.pictures == len(pictures.target)
    assert found.metrics() == pytest.approx(by_hand.metrics(), abs=0.02)


@pytest.mark.parametrize("options", [{}, {"ema": 0.9}])
def test_a_state_makes_another_learner_go_on_with_the_same_bits(options: dict[str, Any]) -> None:
    one, other = learner(**options), learner(**options)
    one.step(batch(), 0.002)
    one.step(batch()._replace(share=0.5, last=False), 0.002)
    other.load_state_dict({name: tensor.clone() for name, tensor in one.state_dict().items()})
    losses = [float(made.step(batch()._replace(share=0.5, seed=5), 0.002)["loss"]) for made in (one, other)]
    assert losses[0] == losses[1]
    states = one.state_dict(), other.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert one.evaluate([batch()]) == other.evaluate([batch()])


def test_what_is_measured_is_the_average_where_one_is_kept() -> None:
    made = learner(ema=0.99)
    for _ in range(3):
        made.step(batch(), 0.01)
    with torch.no_grad():
        kept = made.average.network.eval()(batch().image_BCHW)  # type: ignore[union-attr]
        asked = made.answers(batch())
    assert all(np.array_equal(one, other) for one, other in zip(kept, asked, strict=True))
