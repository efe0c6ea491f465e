"""The learner of labels that exclude each other not."""

import numpy as np
import pytest
import torch

from digits_core.networks.build import build_network
from digits_core.tasks.multilabel import ModelOptions
from digits_core.train.batch import Batch
from digits_core.train.hardware import Hardware
from digits_core.train.multilabeller import MultiLabeller, positive_weights

CPU = Hardware(torch.device("cpu"))


def learner(**options: str) -> MultiLabeller:
    torch.manual_seed(0)
    return MultiLabeller(build_network("lenet", (1, 16, 16), 3), 3, ModelOptions(**options), CPU,
                         details={"share": [0.5, 0.2, 0.1]})


def batch(size: int = 8) -> Batch:
    chance = torch.Generator().manual_seed(1)
    return Batch(torch.randn((size, 1, 16, 16), generator=chance),
                 (torch.rand((size, 3), generator=chance) < 0.4).float())


def test_pictures_with_rare_labels_weigh_more() -> None:
    assert positive_weights("inverse", [0.5, 0.2, 0.1]) == pytest.approx([1, 4, 9])
    assert positive_weights("sqrt", [0.5, 0.2, 0.1]) == pytest.approx([1, 2, 3])
    assert positive_weights("inverse", [0.0, 1.0]) == [100.0, 0.01]
    assert positive_weights("none", [0.5]) is None


def test_the_loss_that_is_shown_is_the_plain_one() -> None:
    plain, weighted = learner(), learner(positive_weights="inverse")
    shown, learned = weighted.losses(batch())
    assert float(shown) == pytest.approx(float(plain.losses(batch())[0]))
    assert float(learned.detach()) > float(shown)
    assert float(shown) == pytest.approx(plain.tally([batch()]).metrics()["loss"], rel=1e-5)


def test_thresholds_of_validation_judge_what_is_measured_afterwards() -> None:
    made = learner()
    measured = made.tally([batch()])
    found = made.reference(None, measured)["threshold"]  # type: ignore[arg-type]
    assert np.array_equal(found, measured.thresholds)
    assert made.tally([batch(5)]).thresholds is found
    assert learner().reference(None, None) == {}  # type: ignore[arg-type]
