"""The learner of multi-label classification."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from digits_core.evaluate import multilabel
from digits_core.evaluate.predictions import Keeper
from digits_core.tasks.multilabel import ModelOptions
from digits_core.train.batch import Batch
from digits_core.train.hardware import Hardware
from digits_core.train.learner import NetworkLearner
from digits_core.train.learner import Tally as AnyTally
from digits_core.train.loader import Loader
from digits_core.train.loss import AUXILIARY_WEIGHT

HEAVIEST = 100.0


class MultiLabeller(NetworkLearner):
    """Learner of labels that exclude each other not; ``details`` holds the "share" of pictures with each."""

    def __init__(self, network: nn.Module, classes: int, options: ModelOptions, hardware: Hardware,
                 counts: Sequence[int] = (), details: dict[str, Any] | None = None) -> None:
        super().__init__(network, classes, options, hardware, counts, details)
        weights = positive_weights(options.positive_weights, (details or {}).get("share", [0.5] * classes))
        self.weight_K = None if weights is None else torch.tensor(weights, device=hardware.device)
        self.thresholds: NDArray[np.float32] | None = None
        """Found on validation pictures when these were measured for the last time."""

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The plain cross entropy of every label, to compare with validation, and the weighted one."""
        outputs = self.model(batch.image_BCHW)
        main, *others = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = self._weighted(main, batch.target)
        extra = [self._weighted(other, batch.target) for other in others if other is not None]
        plain = functional.binary_cross_entropy_with_logits(main.detach().float(), batch.target)
        return plain, loss + AUXILIARY_WEIGHT * sum(extra) if extra else loss

    def _weighted(self, logits_BK: Tensor, target_BK: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(logits_BK.float(), target_BK, pos_weight=self.weight_K)

    @torch.inference_mode()
    def tally(self, batches: Iterable[Batch], keeper: Keeper | None = None) -> multilabel.Tally:
        """See Learner."""
        self.measured.eval()
        tally = multilabel.Tally(self.thresholds)
        for batch in batches:
            tally.add(self.answers(batch).cpu().numpy(), batch.target.cpu().numpy())
        return tally

    def reference(self, loader: Loader, measured: AnyTally | None) -> dict[str, NDArray[Any]]:
        """The ``threshold`` (K,) of each label; test pictures are judged by them too."""
        if not isinstance(measured, multilabel.Tally):
            return {}
        self.thresholds = measured.thresholds
        return {"threshold": self.thresholds}


def positive_weights(kind: str, shares: Sequence[float]) -> list[float] | None:
    """How much more a picture with a label counts than one without it; None: all alike.

    >>> positive_weights("inverse", [0.5, 0.1])
    [1.0, 9.0]
    """
    if kind == "none":
        return None
    share = np.clip(np.asarray(shares, np.float64), 1e-6, 1)
    ratio = (1 - share) / share
    return [float(value) for value in np.clip(np.sqrt(ratio) if kind == "sqrt" else ratio, 1 / HEAVIEST, HEAVIEST)]
