"""The learners of tasks whose network gives numbers or pictures."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from digits_core.evaluate import processing, regression
from digits_core.evaluate.predictions import Keeper
from digits_core.train.batch import Batch
from digits_core.train.hardware import Hardware
from digits_core.train.learner import NetworkLearner
from digits_core.train.options import TrainOptions


class Regressor(NetworkLearner):
    """Learner of pictures to numbers. The network gives them on the scale of the training's spread.

    ``details`` holds "mean" and "std" (K,) of the columns: a network learns numbers around 0 best.
    """

    def __init__(self, network: nn.Module, classes: int, options: TrainOptions, hardware: Hardware,
                 counts: Sequence[int] = (), details: dict[str, Any] | None = None) -> None:
        super().__init__(network, classes, options, hardware, counts, details)
        known = details or {}
        self.mean_K, self.std_K = (torch.tensor(known.get(name, [usual] * classes), device=hardware.device)
                                   for name, usual in (("mean", 0.0), ("std", 1.0)))

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The mean squared error."""
        outputs, wanted = self.model(batch.image_BCHW), (batch.target - self.mean_K) / self.std_K
        main, *others = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = functional.mse_loss(main, wanted)
        extra = [functional.mse_loss(other, wanted) for other in others if other is not None]
        return loss, loss + 0.3 * sum(extra) if extra else loss

    @torch.inference_mode()
    def tally(self, batches: Iterable[Batch], keeper: Keeper | None = None) -> regression.Tally:
        """See Learner."""
        self.measured.eval()
        tally = regression.Tally(self.std_K.cpu().numpy())
        for batch in batches:
            tally.add((self.answers(batch) * self.std_K + self.mean_K).cpu().numpy(), batch.target.cpu().numpy())
        return tally


class Processor(NetworkLearner):
    """Learner of pictures to pictures of the same size, 0..1."""

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The mean squared error, or the mean absolute one, which keeps edges sharper."""
        wanted = processing.to_share(batch.target)
        loss = functional.l1_loss if getattr(self.options, "pixel_loss", "mse") == "l1" else functional.mse_loss
        found = loss(self.model(batch.image_BCHW), wanted)
        return found, found

    @torch.inference_mode()
    def tally(self, batches: Iterable[Batch], keeper: Keeper | None = None) -> processing.Tally:
        """See Learner."""
        self.measured.eval()
        tally = processing.Tally()
        for batch in batches:
            tally.add(self.answers(batch), processing.to_share(batch.target))
        return tally
