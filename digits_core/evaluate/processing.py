"""How alike the pictures that a network makes are to those wanted: PSNR, SSIM and mean error, batch by batch."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure as ssim

from digits_core.evaluate.worst import Worst

Json = dict[str, Any]


class Tally:
    """Means over pictures; memory does not depend on their number."""

    def __init__(self) -> None:
        self.entries = 0
        self.sums = dict.fromkeys(("loss", "mae", "psnr", "ssim"), 0.0)
        self.worst = Worst()

    def add(self, found_BCHW: Tensor, truth_BCHW: Tensor) -> None:
        """Count a batch of pictures, 0..1. PSNR is in dB, at most 100 (a perfect picture has no noise at all)."""
        found = found_BCHW.clamp(0, 1)
        error = found - truth_BCHW
        squared_B = error.square().flatten(1).mean(1)
        psnr_B = (-10 * squared_B.clamp(min=1e-10).log10())
        likeness_B = torch.as_tensor(ssim(found, truth_BCHW, data_range=1.0, reduction="none",
                                          kernel_size=min(11, min(found.shape[2:]) // 2 * 2 - 1)))
        values = {"loss": squared_B, "mae": error.abs().flatten(1).mean(1), "psnr": psnr_B, "ssim": likeness_B}
        for name, value_B in values.items():
            self.sums[name] += float(value_B.double().sum())
        self.entries += len(found)
        self.worst.add(psnr_B.cpu().numpy())

    def metrics(self) -> dict[str, float]:
        """``loss`` is the mean squared error; ssim is 1 for equal pictures."""
        return {name: total / max(1, self.entries) for name, total in self.sums.items()}

    def report(self, labels: list[str]) -> Json:
        """Everything for an evaluation file."""
        return {"entries": self.entries, **self.metrics(), "per_class": [], "pictures": self.worst.rows()}


def to_share(pixels: np.ndarray[Any, np.dtype[np.uint8]] | Tensor) -> Tensor:
    """uint8 pictures as float32, 0..1."""
    return torch.as_tensor(pixels).float() / 255
