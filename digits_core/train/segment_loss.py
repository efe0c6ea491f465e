"""What a segmentation learns from: cross entropy of the pixels, and the overlap of the classes (soft Dice).

Every figure is first a mean over one picture, then over the pictures. So a batch that is divided into pieces of whole
pictures gives the same gradient as the batch at once, up to rounding, whatever share of each picture is ignored (batch
normalisation inside the network still sees the pieces only). Ignored pixels (255) count nowhere; a picture of nothing
else gives 0.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from digits_core.data.masks import IGNORED

AUXILIARY_WEIGHT = 0.5
"""Share of an auxiliary head's loss. Source: torchvision's references/segmentation/train.py."""
SMOOTH = 1.0
"""Pixels added to both sides of Dice's fraction: classes of a few pixels give no steep gradients."""


class SegmentLoss:
    """Computes what to learn from, and the plain cross entropy that people compare with validation.

    ``weights`` of the classes multiply the losses of their pixels and nothing else; ``dice`` adds 1 - soft Dice.
    """

    def __init__(self, dice: bool, smoothing: float = 0.0, weights: Sequence[float] | None = None,
                 device: torch.device | None = None) -> None:
        self.dice, self.smoothing = dice, smoothing
        self.weight_K = None if weights is None else torch.tensor(weights, dtype=torch.float32, device=device)

    def __call__(self, outputs: Tensor | tuple[Tensor, ...], mask_BHW: Tensor) -> tuple[Tensor, Tensor]:
        """The loss to show and the loss to learn from, both a mean over the batch.

        ``outputs`` are logits (B, K, H, W), with those of auxiliary heads behind; ``mask_BHW`` is uint8.
        """
        main, *others = outputs if isinstance(outputs, tuple) else (outputs,)
        plain = cross_entropy(main, mask_BHW).mean()
        shaped = self.dice or self.smoothing or self.weight_K is not None
        total = self._total(main, mask_BHW) if shaped else plain
        for logits in others:
            total = total + AUXILIARY_WEIGHT * self._total(logits, mask_BHW)
        return plain, total

    def _total(self, logits_BKHW: Tensor, mask_BHW: Tensor) -> Tensor:
        loss_B = cross_entropy(logits_BKHW, mask_BHW, self.weight_K, self.smoothing)
        if self.dice:
            loss_B = loss_B + 1 - soft_dice(logits_BKHW, mask_BHW)
        return loss_B.mean()


def cross_entropy(logits_BKHW: Tensor, mask_BHW: Tensor, weight_K: Tensor | None = None,
                  smoothing: float = 0.0) -> Tensor:
    """Mean over the pixels that count, for each picture (B,)."""
    loss_BHW = functional.cross_entropy(logits_BKHW.float(), mask_BHW.long(), weight_K, ignore_index=IGNORED,
                                        reduction="none", label_smoothing=smoothing)
    counted_B = (mask_BHW != IGNORED).flatten(1).sum(1)
    return loss_BHW.flatten(1).sum(1) / counted_B.clamp(min=1)


def soft_dice(logits_BKHW: Tensor, mask_BHW: Tensor) -> Tensor:
    """Twice the common probability over the sum of both, a mean over the classes in each picture (B,); 1 without any.

    Source: https://arxiv.org/abs/1606.04797, with plain sums in the denominator. Classes that are not in a picture are
    left out: what is wrongly given to them is missing at the others.
    """
    counts_BHW = mask_BHW != IGNORED
    truth_BHWK = functional.one_hot(torch.where(counts_BHW, mask_BHW, 0).long(), logits_BKHW.shape[1])
    truth_BKN = (truth_BHWK * counts_BHW[..., None]).movedim(3, 1).flatten(2).float()
    shares_BKN = (logits_BKHW.float().softmax(1) * counts_BHW[:, None]).flatten(2)
    pixels_BK = truth_BKN.sum(2)
    dice_BK = (2 * (truth_BKN * shares_BKN).sum(2) + SMOOTH) / (pixels_BK + shares_BKN.sum(2) + SMOOTH)
    there_BK = (pixels_BK > 0).float()
    return torch.where(there_BK.sum(1) > 0, (dice_BK * there_BK).sum(1) / there_BK.sum(1).clamp(min=1), 1.0)
