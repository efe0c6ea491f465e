"""What happens to a target when its picture is moved by chance: the counterparts of digits_core.train.geometry."""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from digits_core.train.geometry import affine, turned, windows

IGNORED = 255
"""Class of mask pixels that count nowhere: unlabelled ones, and what opens when a mask is turned."""


class Moves(Protocol):
    """Moves targets (B, ...) as geometry moves their pictures; ``size`` is height and width of those before."""

    def rotated(self, target: Tensor, degrees_B: Tensor, scale_B: Tensor, shift_2B: Tensor,
                size: tuple[int, int]) -> Tensor:
        """See geometry.rotated."""
        ...

    def windows(self, target: Tensor, top_B: Tensor, left_B: Tensor, side: int) -> Tensor:
        """See geometry.windows."""
        ...

    def turned(self, target: Tensor, quarters_B: Tensor | None, mirror_B: Tensor | None, upside_B: Tensor | None,
               size: tuple[int, int]) -> Tensor:
        """See geometry.turned."""
        ...


class Still:
    """Of labels and numbers, which stay what they are wherever the picture goes."""

    def rotated(self, target: Tensor, degrees_B: Tensor, scale_B: Tensor, shift_2B: Tensor,
                size: tuple[int, int]) -> Tensor:
        """See Moves."""
        return target

    def windows(self, target: Tensor, top_B: Tensor, left_B: Tensor, side: int) -> Tensor:
        """See Moves."""
        return target

    def turned(self, target: Tensor, quarters_B: Tensor | None, mirror_B: Tensor | None, upside_B: Tensor | None,
               size: tuple[int, int]) -> Tensor:
        """See Moves."""
        return target


class Planes:
    """Of pictures (B, C, H, W) that belong to pictures."""

    mode, fill = "bilinear", 0

    def rotated(self, target: Tensor, degrees_B: Tensor, scale_B: Tensor, shift_2B: Tensor,
                size: tuple[int, int]) -> Tensor:
        """See Moves."""
        grid = affine(target.shape, degrees_B, scale_B, shift_2B)
        moved = functional.grid_sample(target.float() - self.fill, grid, mode=self.mode, align_corners=False)
        moved = moved + self.fill
        return moved if target.is_floating_point() else moved.round().to(target.dtype)

    def windows(self, target: Tensor, top_B: Tensor, left_B: Tensor, side: int) -> Tensor:
        """See Moves."""
        return windows(target, top_B, left_B, side)

    def turned(self, target: Tensor, quarters_B: Tensor | None, mirror_B: Tensor | None, upside_B: Tensor | None,
               size: tuple[int, int]) -> Tensor:
        """See Moves."""
        return turned(target, quarters_B, mirror_B, upside_B)


class Masks(Planes):
    """Of masks (B, H, W): a pixel keeps its class, and what opens is ignored."""

    mode, fill = "nearest", IGNORED

    def rotated(self, target: Tensor, degrees_B: Tensor, scale_B: Tensor, shift_2B: Tensor,
                size: tuple[int, int]) -> Tensor:
        """See Moves."""
        return super().rotated(target[:, None], degrees_B, scale_B, shift_2B, size)[:, 0]

    def windows(self, target: Tensor, top_B: Tensor, left_B: Tensor, side: int) -> Tensor:
        """See Moves."""
        return super().windows(target[:, None], top_B, left_B, side)[:, 0]

    def turned(self, target: Tensor, quarters_B: Tensor | None, mirror_B: Tensor | None, upside_B: Tensor | None,
               size: tuple[int, int]) -> Tensor:
        """See Moves."""
        return super().turned(target[:, None], quarters_B, mirror_B, upside_B, size)[:, 0]


def corners(count: int, top: int, left: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The same corner for every picture of a batch."""
    return (torch.full((count,), top, device=device), torch.full((count,), left, device=device))
