"""Generators of any size, and what is said about a network that is none."""

import pytest
import torch
from torch import nn

from digits_core.networks import LATENT
from digits_core.networks.build import build_network
from digits_core.networks.custom import BadNetwork
from digits_core.networks.dcgan import Dcgan, begins
from digits_core.networks.generator_trial import try_generator

SHAPES = [(1, 16, 16), (1, 28, 28), (3, 50, 50), (3, 17, 31), (1, 64, 64), (3, 128, 128)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kinds", [0, 3])
def test_it_makes_judges_and_encodes_pictures_of_any_size(shape: tuple[int, int, int], kinds: int) -> None:
    network = build_network("dcgan_tiny", shape, LATENT + kinds).eval()
    assert isinstance(network, Dcgan)
    made = network.generate(torch.randn(2, LATENT + kinds))
    assert made.shape == (2, *shape) and made.abs().max() <= 1
    assert network.judge(made, torch.eye(3)[:2, :kinds]).shape == (2,)
    assert network.encode(made).shape == (2, LATENT + kinds)
    whole = network(made)
    assert whole.shape == (2, LATENT + kinds + made[0].numel())
    assert torch.allclose(whole[:, LATENT:LATENT + kinds].sum(1), torch.ones(2) * (kinds > 0))
    assert torch.allclose(whole[:, LATENT + kinds:], network.generate(whole[:, :LATENT + kinds]).flatten(1))


@pytest.mark.parametrize("side", range(16, 129))
def test_every_side_begins_at_four_to_seven_or_eight_pixels(side: int) -> None:
    levels, (height, width) = begins((1, side, side))
    assert 4 <= height == width <= 8 and height << levels >= side


def test_the_network_itself_passes_the_trial() -> None:
    try_generator(lambda: build_network("dcgan_tiny", (1, 16, 16), LATENT + 2), (1, 16, 16), LATENT + 2)


def test_what_a_custom_network_lacks_is_named() -> None:
    with pytest.raises(BadNetwork, match="no generator, discriminator, encoder, generate, judge, encode"):
        try_generator(lambda: nn.Linear(2, 2), (1, 16, 16), LATENT)
    other = build_network("dcgan_tiny", (1, 32, 32), LATENT)
    with pytest.raises(BadNetwork, match=r"generate gives \(2, 1, 32, 32\) .* it must give \(2, 1, 16, 16\)"):
        try_generator(lambda: other, (1, 16, 16), LATENT)
