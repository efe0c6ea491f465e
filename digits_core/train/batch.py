"""What the loader hands to a learner."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Pictures ready for the network, on its device.

    ``target`` (B, ...) is what is to be learned: labels, masks, boxes, numbers (see data.targets.TargetSpec).
    ``share`` weighs the batch in the gradient it is summed into and ``last`` tells that this gradient is complete;
    ``seed`` decides every random number of the step. Where pairs were mixed, ``partner_label_B`` are the labels of
    the partners and ``own_share`` (0..1) is what counts of the pictures' own.
    """

    image_BCHW: Tensor
    target: Tensor
    share: float = 1.0
    last: bool = True
    seed: int = 0
    partner_label_B: Tensor | None = None
    own_share: float = 1.0

    def pieces(self, count: int) -> Iterator["Batch"]:
        """The batch in up to ``count`` parts, weighed by their pictures."""
        total = len(self.target)
        size = -(-total // count)
        for start in range(0, total, size):
            part = slice(start, start + size)
            target = self.target[part]
            yield self._replace(
                image_BCHW=self.image_BCHW[part], target=target, share=self.share * len(target) / total,
                partner_label_B=None if self.partner_label_B is None else self.partner_label_B[part])
