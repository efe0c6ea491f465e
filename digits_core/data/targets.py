"""What is to be learned about a picture, where it is more than a label: packed in its record, an array in a batch."""

import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Target(NamedTuple):
    """What is to be learned about a picture, packed, where it is more than a label: a mask, boxes, numbers."""

    data: bytes
    dtype: str
    shape: tuple[int, ...]

    @classmethod
    def pack(cls, array: NDArray[Any]) -> "Target":
        """From an array of any shape."""
        return cls(zlib.compress(array.tobytes(), 1), str(array.dtype), array.shape)

    def array(self) -> NDArray[Any]:
        """The array that was packed."""
        return np.frombuffer(zlib.decompress(self.data), self.dtype).reshape(self.shape)


class TargetSpec(NamedTuple):
    """Shape and dtype of the targets of a dataset in a batch, without the batch's own dimension.

    Targets that are shorter along the first dimension (fewer boxes) are filled up with -1.
    """

    shape: tuple[int, ...] = ()
    dtype: str = "int64"

    def empty(self, count: int) -> NDArray[Any]:
        """Room for the targets of so many pictures."""
        return np.full((count, *self.shape), -1 if self.dtype != "uint8" else 255, self.dtype)

    def made_up(self, count: int, shape: tuple[int, ...]) -> NDArray[Any]:
        """Targets of the first class for so many pictures of ``shape`` (C, H, W), to try a network with."""
        if self.dtype == "uint8" or len(self.shape) == 3:  # places in the picture: as many as that has, cropped or not
            return np.zeros((count, *self.shape[:-2], *shape[1:]), self.dtype)
        return np.zeros((count, *self.shape), self.dtype)

    @property
    def bytes(self) -> int:
        """Of one target."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


LABEL = TargetSpec()
"""A class number: the target of every dataset whose records hold no other."""
