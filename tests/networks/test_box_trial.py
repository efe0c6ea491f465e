"""A custom network for detection is tried before it trains, and what is wrong with it is told with its line."""

import pytest

from digits_core.networks.box_trial import try_detector
from digits_core.networks.build import build_network
from digits_core.networks.custom import BadNetwork

LOSSES = '{"loss": (image.mean((0, 2, 3)) * self.weight).sum() + 0 * target.sum()}'
SOURCE = f'''
import torch
from torch import nn


class Middle(nn.Module):
    """Says one box, in the middle of every picture."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, image, target=None):
        if self.training:
            return {LOSSES}
        return [torch.tensor([[0, 1, 1, 5, 5, 0.5]]) for _ in image]


def build_network(params):
    return Middle(params.input_shape[0])
'''


def tried(source: str) -> None:
    try_detector(lambda: build_network("custom", (1, 8, 12), 3, source), (1, 8, 12), 3)


def test_a_network_that_keeps_the_contract_is_taken() -> None:
    tried(SOURCE)
    tried("SMALLEST = 16\n" + SOURCE)


@pytest.mark.parametrize(("old", "new", "said"), [
    (LOSSES, "image * self.weight[0]", r"In training the network returned a tensor \(2, 1, 8, 12\); with pictures and "
                                       r"boxes \(B, M, 6\) it must"),
    ("[[0, 1, 1, 5, 5, 0.5]]", "[[0, 1, 1, 5, 5]]", r"a list of a tensor \(1, 5\), a tensor \(1, 5\); it must return"),
    ("target.sum()", "missing", "line 15, in forward: NameError"),
    ("nn.Parameter(torch.ones(channels))", "torch.ones(channels)", "nothing to learn")])
def test_a_mistake_is_told(old: str, new: str, said: str) -> None:
    assert old in SOURCE
    with pytest.raises(BadNetwork, match=said):
        tried(SOURCE.replace(old, new))
