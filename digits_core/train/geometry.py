"""Moves of whole batches, each picture its own way. Images are (B, C, H, W); numbers (B,) are on their device."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def windows(image_BCHW: Tensor, top_B: Tensor, left_B: Tensor, size: int) -> Tensor:
    """A square of ``size`` from each picture, with its corner at ``top``, ``left``."""
    every_B = torch.arange(len(top_B), device=image_BCHW.device)
    return image_BCHW.unfold(2, size, 1).unfold(3, size, 1)[every_B, :, top_B, left_B]


def turned(image_BCHW: Tensor, quarters_B: Tensor | None, mirror_B: Tensor | None, upside_B: Tensor | None) -> Tensor:
    """Quarter turns to the left (square pictures, where odd), then mirrored left-right, then up-down; None: no."""
    if quarters_B is not None:
        odd_B, falls_B, swaps_B = quarters_B % 2 == 1, (quarters_B == 1) | (quarters_B == 2), quarters_B >= 2
        if image_BCHW.shape[2] == image_BCHW.shape[3]:
            image_BCHW = _where(odd_B, image_BCHW.transpose(2, 3), image_BCHW)
        upside_B = falls_B if upside_B is None else falls_B ^ upside_B
        mirror_B = swaps_B if mirror_B is None else swaps_B ^ mirror_B
    if mirror_B is not None:
        image_BCHW = _where(mirror_B, image_BCHW.flip(3), image_BCHW)
    if upside_B is not None:
        image_BCHW = _where(upside_B, image_BCHW.flip(2), image_BCHW)
    return image_BCHW


def _where(chosen_B: Tensor, one: Tensor, other: Tensor) -> Tensor:
    return torch.where(chosen_B.view(-1, 1, 1, 1), one, other)


def rotated(image_BCHW: Tensor, degrees_B: Tensor, scale_B: Tensor, shift_2B: Tensor, fill_C11: Tensor) -> Tensor:
    """Turned by any angle and zoomed about the centre, then moved; what opens is filled with ``fill``.

    ``scale`` above 1 makes things larger; ``shift`` (-1..1) moves by that share of what the zoom left over or cut off.
    """
    grid = affine(image_BCHW.shape, degrees_B, scale_B, shift_2B)
    moved = functional.grid_sample(image_BCHW - fill_C11, grid, mode="bilinear", align_corners=False)
    return moved + fill_C11


def affine(shape: Sequence[int], degrees_B: Tensor, scale_B: Tensor, shift_2B: Tensor) -> Tensor:
    """Where each pixel of the moved pictures comes from, for torch's grid_sample; ``shape`` is (B, C, H, W)."""
    height, width = shape[2:]
    radians = degrees_B * (math.pi / 180)
    cosine, sine = radians.cos() / scale_B, radians.sin() / scale_B
    move_2B = shift_2B * (1 - 1 / scale_B).abs()
    # Pixels are square, the sampler's coordinates are not: hence the proportions.
    theta_B23 = torch.stack([cosine, -sine * (height / width), move_2B[0],
                             sine * (width / height), cosine, move_2B[1]], 1).view(-1, 2, 3)
    return functional.affine_grid(theta_B23, list(shape), align_corners=False)
