"""Boxes go the same way as their pictures: a counterpart for each move of digits_core.train.geometry.

Boxes are float32 (B, M, 6): class, x0, y0, x1, y1, ignored (0 or 1), in pixels. A row of -1 is padding, class -1 and
ignored 1 is a region without labels. Numbers (B,) are those that the picture was moved with.
"""

import math

import torch
from torch import Tensor

LEAST_SHARE, LEAST_SIDE = 0.3, 1.0
"""A box that has less of its area (or fewer pixels of a side) left inside the picture is ignored from then on."""


class Boxes:
    """Moves of boxes, see digits_core.train.moves.Moves."""

    def rotated(self, target: Tensor, degrees_B: Tensor, scale_B: Tensor, shift_2B: Tensor,
                size: tuple[int, int]) -> Tensor:
        """See Moves."""
        return rotated(target, degrees_B, scale_B, shift_2B, *size)

    def windows(self, target: Tensor, top_B: Tensor, left_B: Tensor, side: int) -> Tensor:
        """See Moves."""
        return windows(target, top_B, left_B, side)

    def turned(self, target: Tensor, quarters_B: Tensor | None, mirror_B: Tensor | None, upside_B: Tensor | None,
               size: tuple[int, int]) -> Tensor:
        """See Moves."""
        return turned(target, quarters_B, mirror_B, upside_B, *size)


def rotated(boxes_BM6: Tensor, degrees_B: Tensor, scale_B: Tensor, shift_2B: Tensor, height: int,
            width: int) -> Tensor:
    """Counterpart of ``geometry.rotated``: the upright box around the turned one, cut at the picture's edges."""
    radians_B11 = degrees_B.view(-1, 1, 1) * (math.pi / 180)
    scale_B11 = scale_B.view(-1, 1, 1)
    half_2 = boxes_BM6.new_tensor([width / 2, height / 2])
    # The sampler asks where a pixel of the result comes from; a box needs the way back.
    move_B12 = (shift_2B * (1 - 1 / scale_B).abs()).T.reshape(-1, 1, 2)
    corners_BM42 = _corners(boxes_BM6)
    from_middle_BM42 = corners_BM42 / half_2 - 1 - move_B12[:, :, None]
    x, y = (from_middle_BM42 * half_2).unbind(-1)
    cosine, sine = radians_B11.cos() * scale_B11, radians_B11.sin() * scale_B11
    moved_BM42 = torch.stack([cosine * x + sine * y, cosine * y - sine * x], -1) + half_2
    edges_BM4 = torch.cat([moved_BM42.amin(2), moved_BM42.amax(2)], -1)
    return _cut(_with_edges(boxes_BM6, edges_BM4), height, width)


def windows(boxes_BM6: Tensor, top_B: Tensor, left_B: Tensor, size: int) -> Tensor:
    """Counterpart of ``geometry.windows``: what of each box lies in the square of ``size`` at ``top``, ``left``."""
    start_B14 = torch.stack([left_B, top_B, left_B, top_B], 1)[:, None].to(boxes_BM6.dtype)
    return _cut(_with_edges(boxes_BM6, boxes_BM6[..., 1:5] - start_B14), size, size)


def turned(boxes_BM6: Tensor, quarters_B: Tensor | None, mirror_B: Tensor | None, upside_B: Tensor | None, height: int,
           width: int) -> Tensor:
    """Counterpart of ``geometry.turned``: quarter turns to the left, then mirrored left-right, then up-down."""
    x0, y0, x1, y1 = boxes_BM6[..., 1:5].unbind(-1)
    if quarters_B is not None:
        odd_B, falls_B, swaps_B = quarters_B % 2 == 1, (quarters_B == 1) | (quarters_B == 2), quarters_B >= 2
        if height == width:
            x0, y0 = _swapped(odd_B, x0, y0)
            x1, y1 = _swapped(odd_B, x1, y1)
        upside_B = falls_B if upside_B is None else falls_B ^ upside_B
        mirror_B = swaps_B if mirror_B is None else swaps_B ^ mirror_B
    if mirror_B is not None:
        x0, x1 = _mirrored(mirror_B, x0, x1, width)
    if upside_B is not None:
        y0, y1 = _mirrored(upside_B, y0, y1, height)
    return _with_edges(boxes_BM6, torch.stack([x0, y0, x1, y1], -1))


def _swapped(chosen_B: Tensor, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    return torch.where(chosen_B[:, None], other, one), torch.where(chosen_B[:, None], one, other)


def _mirrored(chosen_B: Tensor, low: Tensor, high: Tensor, side: int) -> tuple[Tensor, Tensor]:
    return torch.where(chosen_B[:, None], side - high, low), torch.where(chosen_B[:, None], side - low, high)


def _corners(boxes_BM6: Tensor) -> Tensor:
    x0, y0, x1, y1 = boxes_BM6[..., 1:5].unbind(-1)
    return torch.stack([torch.stack(pair, -1) for pair in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))], 2)


def _with_edges(boxes_BM6: Tensor, edges_BM4: Tensor) -> Tensor:
    """The boxes with other edges; padding stays as it is."""
    moved = torch.cat([boxes_BM6[..., :1], edges_BM4, boxes_BM6[..., 5:]], -1)
    return torch.where(padding(boxes_BM6)[..., None], boxes_BM6, moved)


def padding(boxes_BM6: Tensor) -> Tensor:
    """Which rows (B, M) are no boxes at all."""
    return (boxes_BM6[..., 0] < 0) & (boxes_BM6[..., 5] <= 0)


def _cut(boxes_BM6: Tensor, height: int, width: int) -> Tensor:
    """Boxes cut at the picture's edges: with little left they are ignored, with nothing left they become padding."""
    kind, edges, ignored = boxes_BM6[..., :1], boxes_BM6[..., 1:5], boxes_BM6[..., 5]
    limit_4 = edges.new_tensor([width, height, width, height])
    inside = edges.clamp(min=edges.new_zeros(4), max=limit_4)
    (w, h), (old_w, old_h) = ((part[..., 2:] - part[..., :2]).unbind(-1) for part in (inside, edges))
    little = (w * h < LEAST_SHARE * old_w * old_h) | (w.minimum(h) < LEAST_SIDE)
    gone = ((w <= 0) | (h <= 0))[..., None]
    cut = torch.cat([kind, inside, torch.where(little, 1.0, ignored)[..., None]], -1)
    return torch.where(gone | padding(boxes_BM6)[..., None], torch.full_like(cut, -1.0), cut)
