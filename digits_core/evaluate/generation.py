"""How like real pictures made ones are, without any learned weights; batch by batch, memory does not depend on them.

Pictures are seen through a small convolutional network with fixed random weights (64 features each). Random features
tell sets of pictures apart, also such as the usual network has never seen (Naeem 2020,
https://arxiv.org/abs/2002.09797, section 3.3). Between the two clouds of features is the Frechet distance of normal
distributions (Heusel 2017, https://arxiv.org/abs/1706.08500), here on the scale of the spread of the real ones and
for each feature, and its root: 0 are equal clouds, 1 is as far off as one standard deviation. It is no FID: numbers of
other programs, or of pictures of another size, cannot be compared with it.
"""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from digits_core.evaluate.worst import Worst

Json = dict[str, Any]
Matrix = NDArray[np.float64]
FEATURES = 64
BINS = 32
SEED = 20_150_601


class Eye:
    """A fixed network: pictures (B, C, H, W) from -1 to 1 in, features (B, 64) out."""

    def __init__(self, channels: int, device: torch.device) -> None:
        chance = torch.Generator().manual_seed(SEED)
        widths = (channels, 32, 64, 64)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
        self.network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(),
                                     nn.Linear(widths[-1] * 4, FEATURES, bias=False))
        for parameter in self.network.parameters():
            spread = (2 / parameter[0].numel()) ** 0.5
            parameter.data = torch.randn(parameter.shape, generator=chance) * spread
        self.network.to(device).requires_grad_(False)

    def __call__(self, image_BCHW: Tensor) -> Matrix:
        """Features (B, 64)."""
        return self.network(image_BCHW.float()).double().cpu().numpy()


class Cloud:
    """The mean and the spread of features, one batch after the other."""

    def __init__(self) -> None:
        self.count, self.sum_F, self.square_FF = 0, np.zeros(FEATURES), np.zeros((FEATURES, FEATURES))

    def add(self, features_BF: Matrix) -> None:
        """Count a batch."""
        self.count += len(features_BF)
        self.sum_F += features_BF.sum(0)
        self.square_FF += features_BF.T @ features_BF

    def moments(self) -> tuple[Matrix, Matrix]:
        """Mean (F,) and covariance (F, F)."""
        mean_F = self.sum_F / max(1, self.count)
        return mean_F, self.square_FF / max(1, self.count) - np.outer(mean_F, mean_F)


def distance(real: Cloud, made: Cloud) -> float:
    """Root of the Frechet distance for each feature, on the scale of the real ones' spread; see above."""
    (one_F, one_FF), (two_F, two_FF) = real.moments(), made.moments()
    scale_F = 1 / np.sqrt(np.maximum(np.diag(one_FF), 1e-12))
    one_FF, two_FF = (matrix * np.outer(scale_F, scale_F) for matrix in (one_FF, two_FF))
    root_FF = _root(one_FF)
    between = np.trace(one_FF) + np.trace(two_FF) - 2 * np.trace(_root(root_FF @ two_FF @ root_FF))
    squared = (((one_F - two_F) * scale_F) ** 2).sum() + between
    return math.sqrt(max(0.0, float(squared)) / FEATURES)


def _root(matrix_FF: Matrix) -> Matrix:
    """The square root of a symmetric matrix without negative eigenvalues, but for rounding."""
    values_F, vectors_FF = np.linalg.eigh(np.nan_to_num((matrix_FF + matrix_FF.T) / 2, posinf=0, neginf=0))
    return (vectors_FF * np.sqrt(np.maximum(values_F, 0))) @ vectors_FF.T


class Tally:
    """Real pictures, as many made ones, and what the encoder and the generator give back of the real ones."""

    def __init__(self, channels: int, device: torch.device) -> None:
        self.eye = Eye(channels, device)
        self.real, self.made = (Cloud(), Cloud()), Cloud()
        """The real ones in two halves: how far these are apart is what chance alone makes of the distance."""
        self.pixels = np.zeros((2, BINS))
        self.sums = {"psnr": 0.0, "accuracy": 0.0}
        self.worst = Worst()
        self.kinds = 0

    def add(self, real_BCHW: Tensor, made_BCHW: Tensor, back_BCHW: Tensor) -> None:
        """Count a batch of pictures from -1 to 1: real, made, and given back."""
        features_BF = self.eye(real_BCHW)
        first = self.real[0].count + self.real[1].count
        for half in (0, 1):
            self.real[half].add(features_BF[(first + half) % 2::2])
        self.made.add(self.eye(made_BCHW))
        for row, image_BCHW in enumerate((real_BCHW, made_BCHW)):
            self.pixels[row] += torch.histc(image_BCHW.float().cpu(), BINS, -1, 1).double().numpy()
        squared_B = (real_BCHW - back_BCHW).float().square().flatten(1).mean(1) / 4
        psnr_B = -10 * squared_B.clamp(min=1e-10).log10()
        self.sums["psnr"] += float(psnr_B.double().sum())
        self.worst.add(psnr_B.cpu().numpy())

    def add_kinds(self, right: int, of: int) -> None:
        """Count pictures whose class the encoder found, of so many."""
        self.kinds += of
        self.sums["accuracy"] += right

    def metrics(self) -> dict[str, float]:
        """``likeness`` is 1 / (1 + distance); ``psnr`` in dB; ``chi_square_distance`` of grey values is 0..1.

        ``accuracy`` is the share of real pictures whose class the encoder finds; it was told those of made ones only.
        """
        whole = Cloud()
        for half in self.real:
            whole.count, whole.sum_F, whole.square_FF = (whole.count + half.count, whole.sum_F + half.sum_F,
                                                         whole.square_FF + half.square_FF)
        apart, entries = distance(whole, self.made), max(1, whole.count)
        found = {"likeness": 1 / (1 + apart), "psnr": self.sums["psnr"] / entries, "frechet_distance": apart,
                 "chi_square_distance": chi_square(*self.pixels)}
        return {**found, "accuracy": self.sums["accuracy"] / self.kinds} if self.kinds else found

    def report(self, labels: list[str]) -> Json:
        """Everything for an evaluation file; ``frechet_distance_real`` is between the halves of the real pictures."""
        return {"entries": self.made.count, **self.metrics(), "per_class": [], "pictures": self.worst.rows(),
                "frechet_distance_real": distance(*self.real)}


def to_pixels(image_BCHW: Tensor) -> NDArray[np.uint8]:
    """Pictures from -1 to 1 as pixels (B, C, H, W)."""
    return ((image_BCHW.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu().numpy()


def chi_square(one_N: Matrix, two_N: Matrix) -> float:
    """How far two histograms are apart: 0 are equal, 1 have nothing in common.

    >>> chi_square(np.array([1., 1.]), np.array([3., 3.])), chi_square(np.array([1., 0.]), np.array([0., 1.]))
    (0.0, 1.0)
    """
    one_N, two_N = one_N / max(1.0, one_N.sum()), two_N / max(1.0, two_N.sum())
    return float(((one_N - two_N) ** 2 / np.maximum(one_N + two_N, 1e-12)).sum() / 2)
