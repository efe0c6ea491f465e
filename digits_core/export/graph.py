"""A checkpoint as one module: what an exported graph takes goes in, what the task answers comes out.

Legend of shapes: B batch, C channels, H height, W width.
"""

from pkgutil import resolve_name
from typing import Any

import torch
from torch import Tensor, nn

from digits_core.infer.answers import Answerer
from digits_core.infer.model_files import CheckpointFile
from digits_core.infer.model_folder import ModelFolder, centre
from digits_core.infer.predictor import load_network, normalisation, read_weights
from digits_core.infer.signature import signature
from digits_core.tasks import task


class Graph(nn.Module):
    """See digits_core.infer.signature for what goes in and comes out. Runs the source of a custom network."""

    mean: Tensor
    std: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(self, model: ModelFolder, row: CheckpointFile) -> None:
        """Raises BadData as digits_core.infer.predictor.Predictor does."""
        super().__init__()
        self.network = load_network(model, read_weights(model.weights(row), row.sha256, row.bytes), row.file).eval()
        self.answerer: Answerer = resolve_name(task(model.network.task).answerer)()
        self.text, self.crop = signature(model).input.name == "text", model.preprocessing.crop
        mean, std = normalisation(model)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        own = model.preprocessing.details if signature(model).output.name == "values" else {}
        self.register_buffer("scale", torch.tensor(own.get("std", [1.0]), dtype=torch.float32))
        self.register_buffer("shift", torch.tensor(own.get("mean", [0.0]), dtype=torch.float32))
        self.own = bool(own)

    def forward(self, given: Tensor) -> Any:
        """From pictures (B, H, W, C) or texts (B, L) to the task's output."""
        found = self.answerer.tensor(self.network((self.pixels(given) - self.mean) / self.std))
        return found * self.scale + self.shift if self.own else found

    def pixels(self, given: Tensor) -> Tensor:
        """(B, C, H, W), cropped."""
        if self.text:
            return given[:, None, None].float()
        return cropped(given.permute(0, 3, 1, 2), self.crop).float()


def cropped(image_BCHW: Tensor, crop: int | None) -> Tensor:
    """See digits_core.infer.model_folder.centre."""
    return centre(image_BCHW, crop)  # type: ignore[type-var]
