"""The loss of a classifier: cross entropy with smoothed labels, weighted classes, mixed pairs and auxiliary heads."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from digits_core.train.batch import Batch
from digits_core.train.fit_options import ClassOptions

AUXILIARY_WEIGHT = 0.3
"""Share of each auxiliary head's loss. Source: GoogLeNet, https://arxiv.org/abs/1409.4842, section 5."""


def class_weights(kind: str, counts: list[int]) -> list[float] | None:
    """A weight for each class, 1 on average over the training pictures; None: all alike.

    >>> [round(weight, 2) for weight in class_weights("inverse", [90, 10])]
    [0.56, 5.0]
    """
    if kind == "none":
        return None
    pictures = np.maximum(np.asarray(counts, np.float64), 1)
    weights = 1 / (pictures if kind == "inverse" else np.sqrt(pictures))
    return [float(weight) for weight in weights * pictures.sum() / (weights * pictures).sum()]


class Loss:
    """Computes what to learn from, and the plain cross entropy that people compare with validation."""

    def __init__(self, options: ClassOptions, weights: list[float] | None, device: torch.device) -> None:
        self.smoothing = options.label_smoothing
        self.weight_K = None if weights is None else torch.tensor(weights, device=device)

    def __call__(self, outputs: Tensor | tuple[Tensor, ...], batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss to show and the loss to learn from, both a mean over the batch."""
        main, *others = outputs if isinstance(outputs, tuple) else (outputs,)
        plain = self._mixed(main, batch, self._plain)
        shaped = self._plain if not self.smoothing and self.weight_K is None else self._shaped
        loss = plain if shaped == self._plain else self._mixed(main, batch, shaped)
        extra = [self._mixed(logits, batch, shaped) for logits in others if logits is not None]
        return plain, loss + AUXILIARY_WEIGHT * sum(extra) if extra else loss

    def _mixed(self, logits_BK: Tensor, batch: Batch, of: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        own = of(logits_BK, batch.target)
        if batch.partner_label_B is None:
            return own
        return own * batch.own_share + of(logits_BK, batch.partner_label_B) * (1 - batch.own_share)

    def _plain(self, logits_BK: Tensor, label_B: Tensor) -> Tensor:
        return functional.cross_entropy(logits_BK, label_B)

    def _shaped(self, logits_BK: Tensor, label_B: Tensor) -> Tensor:
        """Weights are those of the pictures' own classes, and the mean is over pictures: so batches can be divided."""
        losses_B = functional.cross_entropy(logits_BK, label_B, reduction="none", label_smoothing=self.smoothing)
        return (losses_B if self.weight_K is None else losses_B * self.weight_K[label_B]).mean()
