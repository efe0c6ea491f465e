"""Mixup and CutMix: pictures of a batch, blended or pieced together in pairs."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from digits_core.train.augment_options import MixOptions

MIX = 4
"""What random numbers are for, beside INIT, ORDER and STEP of plan.py."""


class Mixed(NamedTuple):
    """Pictures, the position of each one's partner in the batch, and the share (0..1) that is the picture itself."""

    image_BCHW: Tensor
    partner_B: Tensor
    share: float


def mixed(image_BCHW: Tensor, options: MixOptions, seed: int) -> Mixed | None:
    """One share for the batch, a partner for each picture; None when the options ask for neither.

    Sources: https://arxiv.org/abs/1710.09412 and https://arxiv.org/abs/1905.04899.
    """
    if not (options.mixup or options.cutmix):
        return None
    chance = np.random.default_rng([seed, MIX])
    cut = options.cutmix > 0 and (options.mixup == 0 or chance.random() < 0.5)
    alpha = options.cutmix if cut else options.mixup
    share = float(chance.beta(alpha, alpha))
    partner_B = torch.from_numpy(chance.permutation(len(image_BCHW))).to(image_BCHW.device, non_blocking=True)
    if not cut:
        return Mixed(image_BCHW.lerp(image_BCHW[partner_B], 1 - share), partner_B, share)
    height, width = image_BCHW.shape[2:]
    top, bottom = _side(height, share, int(chance.integers(height)))
    left, right = _side(width, share, int(chance.integers(width)))
    image_BCHW = image_BCHW.clone()
    image_BCHW[:, :, top:bottom, left:right] = image_BCHW[partner_B, :, top:bottom, left:right]
    return Mixed(image_BCHW, partner_B, 1 - (bottom - top) * (right - left) / (height * width))


def _side(length: int, share: float, centre: int) -> tuple[int, int]:
    """Where a piece with the area ``1 - share`` begins and ends, cut off at the border."""
    half = length * float(np.sqrt(1 - share)) / 2
    return max(0, int(centre - half)), min(length, int(centre + half))
