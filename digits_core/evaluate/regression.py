"""How far numbers are from the truth: errors and R2 of every column, collected batch by batch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core.evaluate.worst import Worst

Json = dict[str, Any]
Floats = NDArray[np.floating[Any]]


class Tally:
    """Sums that grow with every batch; memory does not depend on the number of pictures.

    ``scale`` (K,) is the spread of each column in training: errors of columns are weighed by it where they are put
    together, so that a column in large units does not drown the others.
    """

    def __init__(self, scale: Floats) -> None:
        self.scale = np.asarray(scale, np.float64)
        self.entries = 0
        self.absolute, self.squared, self.sums, self.squares = (np.zeros(len(scale)) for _ in range(4))
        self.worst = Worst()

    def add(self, found_BK: Floats, truth_BK: Floats) -> None:
        """Count a batch, both in the dataset's own units."""
        truth, error = truth_BK.astype(np.float64), found_BK.astype(np.float64) - truth_BK
        self.absolute += np.abs(error).sum(0)
        self.squared += (error ** 2).sum(0)
        self.sums += truth.sum(0)
        self.squares += (truth ** 2).sum(0)
        self.worst.add(-np.abs(error / self.scale).mean(1))
        self.entries += len(truth)

    def metrics(self) -> dict[str, float]:
        """``r2`` and ``rmse`` are means over the columns; ``loss`` is the mean squared error in units of the scale."""
        count = max(1, self.entries)
        return {"loss": float((self.squared / count / self.scale ** 2).mean()), "r2": float(self._r2().mean()),
                "mae": float((self.absolute / count).mean()), "rmse": float(np.sqrt(self.squared / count).mean())}

    def _r2(self) -> Floats:
        """1 is perfect, 0 is as good as always saying the mean. Source: scikit-learn's r2_score."""
        spread = self.squares - self.sums ** 2 / max(1, self.entries)
        return np.where(spread > 1e-12, 1 - self.squared / np.maximum(spread, 1e-12), (self.squared < 1e-12) * 1.0)

    def report(self, labels: list[str]) -> Json:
        """Everything for an evaluation file."""
        count = max(1, self.entries)
        rows = zip(labels, self._r2(), self.absolute / count, np.sqrt(self.squared / count), strict=True)
        return {"entries": self.entries, **self.metrics(), "pictures": self.worst.rows(),
                "per_class": [{"label": label, "r2": float(r2), "mae": float(mae), "rmse": float(rmse)}
                              for label, r2, mae, rmse in rows]}
