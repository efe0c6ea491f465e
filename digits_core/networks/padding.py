"""Any height and width for networks that halve their input several times: the edges repeat, and are cut off again."""

from torch import Tensor
from torch.nn import functional

SMALLEST = 32
"""Sides are at least this: one picture must give batch normalisation more than one value at the lowest level."""


def padded(image_BCHW: Tensor, multiple: int) -> Tensor:
    """The pictures with both sides a multiple of ``multiple`` and at least 32, by repeating their last row and column.

    What is added lies at the right and at the bottom, so ``result[..., :H, :W]`` is what there was.
    """
    height, width = image_BCHW.shape[2:]
    right, bottom = (max(-(-side // multiple) * multiple, SMALLEST) - side for side in (width, height))
    if not right and not bottom:
        return image_BCHW
    return functional.pad(image_BCHW, (0, right, 0, bottom), mode="replicate")
