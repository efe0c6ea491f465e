"""A generator of pictures, the discriminator it learns from, and an encoder that finds what a picture is made from.

Source: Radford 2016, https://arxiv.org/abs/1511.06434. Classes: the generator gets them beside z, as in Mirza 2014
(https://arxiv.org/abs/1411.1784); the discriminator by projection, Miyato 2018 (https://arxiv.org/abs/1802.05637).

Legend of shapes: B batch, C channels, H height, W width, K classes (0: plain), O = LATENT + K, the length of a code.
A code is z, around 0 with a spread of 1, and behind it a weight for each class, 0..1.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from digits_core.networks import LATENT

WEIGHT = 3.0
"""Of a class beside the numbers of z (tried: with 1 classes stay alike, with 10 all pictures of a class are one)."""
Shape = tuple[int, int, int]
SMALLEST = 4
"""Pixels of the shorter side where the generator begins, and the discriminator ends."""


class Dcgan(nn.Module):
    """The contract of networks for generation: ``generate``, ``judge``, ``encode``, and ``forward`` as here."""

    def __init__(self, input_shape: Shape, outputs: int, width: int = 64) -> None:
        super().__init__()
        self.kinds = outputs - LATENT
        self.generator = Generator(input_shape, outputs, width)
        self.discriminator = Discriminator(input_shape, self.kinds, width)
        self.encoder = nn.Sequential(Body(input_shape, width), nn.Linear(flat(input_shape, width), outputs))
        self.apply(initialise)

    def generate(self, code_BO: Tensor) -> Tensor:
        """Pictures (B, C, H, W) from -1 to 1."""
        return self.generator(code_BO)

    def judge(self, image_BCHW: Tensor, kind_BK: Tensor) -> Tensor:
        """Logits (B,): above 0 for what looks real, and like its class."""
        return self.discriminator(image_BCHW, kind_BK)

    def encode(self, image_BCHW: Tensor) -> Tensor:
        """z, and behind it the logits of the classes, (B, O)."""
        return self.encoder(image_BCHW)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Code, and behind it the picture that the generator makes of it, (B, O + C * H * W)."""
        found_BO = self.encode(image_BCHW)
        code_BO = torch.cat([found_BO[:, :LATENT], found_BO[:, LATENT:].softmax(1)], 1)
        return torch.cat([code_BO, self.generate(code_BO).flatten(1)], 1)


class Generator(nn.Module):
    """From a code to a picture: a dense layer, then transposed convolutions that double the size."""

    def __init__(self, input_shape: Shape, outputs: int, width: int) -> None:
        super().__init__()
        channels, self.height, self.width = input_shape
        levels, self.start = begins(input_shape)
        widths = [width << level for level in range(levels)][::-1]
        self.first = nn.Linear(outputs, widths[0] * self.start[0] * self.start[1], bias=False)
        layers: list[nn.Module] = [nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
        for before, after in pairwise(widths):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after),
                       nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1), nn.Tanh())

    def forward(self, code_BO: Tensor) -> Tensor:
        """Pictures; what is larger than they shall be (a side that is no multiple) is cut off evenly."""
        code_BO = torch.cat([code_BO[:, :LATENT], code_BO[:, LATENT:] * WEIGHT], 1)
        image = self.layers(self.first(code_BO).unflatten(1, (-1, *self.start)))
        top, left = (image.shape[2] - self.height) // 2, (image.shape[3] - self.width) // 2
        return image[..., top:top + self.height, left:left + self.width]


class Discriminator(nn.Module):
    """Real or made: one head for all pictures, and one for each class that is added to it."""

    def __init__(self, input_shape: Shape, kinds: int, width: int) -> None:
        super().__init__()
        self.body = Body(input_shape, width)
        self.real = nn.Linear(flat(input_shape, width), 1)
        self.fitting = nn.Linear(kinds, flat(input_shape, width), bias=False) if kinds else None

    def forward(self, image_BCHW: Tensor, kind_BK: Tensor) -> Tensor:
        """Logits (B,)."""
        features = self.body(image_BCHW)
        logits = self.real(features)[:, 0]
        return logits if self.fitting is None else logits + (self.fitting(kind_BK) * features).sum(1)


class Body(nn.Sequential):
    """From a picture to features (B, ``flat``): convolutions that halve the size."""

    def __init__(self, input_shape: Shape, width: int) -> None:
        levels, start = begins(input_shape)
        widths = [input_shape[0], *(width << level for level in range(levels))]
        layers: list[nn.Module] = []
        for level, (before, after) in enumerate(pairwise(widths)):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=level == 0), *([nn.BatchNorm2d(after)] if level else []),
                       nn.LeakyReLU(0.2, inplace=True)]
        super().__init__(*layers, nn.AdaptiveAvgPool2d(start), nn.Flatten())


def begins(input_shape: Shape) -> tuple[int, tuple[int, int]]:
    """How often sizes double, and the size it begins with: its shorter side is 4 to 7.

    >>> begins((1, 28, 28)), begins((3, 64, 64)), begins((3, 50, 50))
    ((2, (7, 7)), (4, (4, 4)), (3, (7, 7)))
    """
    levels = (min(input_shape[1:]) // SMALLEST).bit_length() - 1
    height, width = (-(-side // (1 << levels)) for side in input_shape[1:])
    return levels, (height, width)


def flat(input_shape: Shape, width: int) -> int:
    """Number of features that a Body gives."""
    levels, (height, wide) = begins(input_shape)
    return (width << levels - 1) * height * wide


def initialise(module: nn.Module) -> None:
    """Start weights as in the paper: around 0, with a spread of 0.02."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)


def build(input_shape: Shape, classes: int, width: int = 64) -> nn.Module:
    """See NetworkSpec.build; ``classes`` is the length of a code."""
    return Dcgan(input_shape, classes, width)
