"""The learner of detection: the network itself makes its losses from boxes."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from digits_core.evaluate import detection
from digits_core.evaluate.predictions import Keeper
from digits_core.train.batch import Batch
from digits_core.train.hardware import Hardware
from digits_core.train.learner import NetworkLearner
from digits_core.train.options import TrainOptions

TOGETHER = 16
"""Pictures that are measured at once: what a detector keeps of one is many times the picture."""


class Detector(NetworkLearner):
    """Learner of boxes; the contract of its networks stands in digits_core.networks.detectors."""

    def __init__(self, network: nn.Module, classes: int, options: TrainOptions, hardware: Hardware,
                 counts: Sequence[int] = (), details: dict[str, Any] | None = None) -> None:
        super().__init__(network, classes, options, hardware, counts, details)
        self.measured = self._shown()  # lists of boxes cannot be gathered from several GPUs

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The sum of the network's own losses."""
        parts = self.model(batch.image_BCHW, batch.target)
        total = sum(part.float().mean() for part in parts.values())  # a number for each GPU
        assert isinstance(total, Tensor)
        return total, total

    @torch.inference_mode()
    def tally(self, batches: Iterable[Batch], keeper: Keeper | None = None) -> detection.Tally:
        """See Learner."""
        self.measured.eval()
        tally = detection.Tally(self.classes)
        for batch in (piece for whole in batches for piece in whole.pieces(-(-len(whole.target) // TOGETHER))):
            for found_N6, wanted_M6 in zip(self.answers(batch), batch.target.cpu().numpy(), strict=True):
                tally.add(found_N6.float().cpu().numpy(), wanted_M6)
        return tally
