"""Many pictures of one size as one picture: in rows, with a line between them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
GREY = 160


def sheet(pictures: Sequence[Pixels] | NDArray[Any], columns: int) -> Pixels:
    """Pictures (C, H, W) from left to right and top to bottom, ``columns`` in a row; one (C, rows, columns) of all."""
    channels, height, width = pictures[0].shape
    rows = -(-len(pictures) // columns)
    whole = np.full((channels, rows * (height + 1) + 1, columns * (width + 1) + 1), GREY, np.uint8)
    for number, picture in enumerate(pictures):
        top, left = (number // columns) * (height + 1) + 1, (number % columns) * (width + 1) + 1
        whole[:, top:top + height, left:left + width] = picture
    return whole
