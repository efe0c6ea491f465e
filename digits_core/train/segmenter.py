"""The learner of segmentations."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from digits_core.evaluate import segmentation
from digits_core.evaluate.predictions import Keeper
from digits_core.tasks.segmentation import ModelOptions
from digits_core.train.batch import Batch
from digits_core.train.hardware import Hardware
from digits_core.train.learner import NetworkLearner
from digits_core.train.loss import class_weights
from digits_core.train.segment_loss import SegmentLoss, cross_entropy


class Segmenter(NetworkLearner):
    """Learner of masks; ``counts`` are the training pixels of each class."""

    def __init__(self, network: nn.Module, classes: int, options: ModelOptions, hardware: Hardware,
                 counts: Sequence[int] = (), details: dict[str, Any] | None = None) -> None:
        super().__init__(network, classes, options, hardware, counts, details)
        self.loss = SegmentLoss(options.segment_loss == "cross_entropy_dice", options.label_smoothing,
                                class_weights(options.class_weights, list(counts)), hardware.device)

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See NetworkLearner."""
        return self.loss(self.model(batch.image_BCHW), batch.target)

    @torch.inference_mode()
    def tally(self, batches: Iterable[Batch], keeper: Keeper | None = None) -> segmentation.Tally:
        """See Learner."""
        self.measured.eval()
        tally = segmentation.Tally(self.classes)
        for batch in batches:
            logits_BKHW = self.answers(batch)  # K times as large as masks: they stay on the device
            loss_B = cross_entropy(logits_BKHW, batch.target)
            tally.add(logits_BKHW.argmax(1).to(torch.uint8).cpu().numpy(), batch.target.cpu().numpy(),
                      loss_B.double().cpu().numpy())
        return tally
