"""Made-up weights that pretend to be torchvision's, small enough for a test."""

import hashlib
from pathlib import Path

import pytest
import torch
from torch import Tensor

from digits_core.networks.build import build_network
from digits_core.networks.torchvision_data import ROWS

NETWORK, CLASSES = "squeezenet1_1", 1000


def state(network: str = NETWORK, shape: tuple[int, int, int] = (3, 64, 64),
          classes: int = CLASSES) -> dict[str, Tensor]:
    """Random weights under our names."""
    torch.manual_seed(0)
    return build_network(network, shape, classes).state_dict()


def publish(monkeypatch: pytest.MonkeyPatch, folder: Path, tensors: dict[str, Tensor] | None = None,
            network: str = NETWORK) -> Path:
    """Write a file of weights and make the registry believe that torchvision published it."""
    folder.mkdir(exist_ok=True)
    path = folder / "made.pth"
    torch.save(tensors or state(network), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    path = path.rename(folder / f"{network}-{digest}.pth")
    row = {**ROWS[network]["weights"][0], "tag": "IMAGENET1K_V1", "sha256": digest, "bytes": path.stat().st_size,
           "url": f"https://download.pytorch.org/models/{path.name}"}
    other = {**row, "tag": "IMAGENET1K_V2", "url": "https://download.pytorch.org/models/other-00000000.pth"}
    monkeypatch.setitem(ROWS, network, {**ROWS[network], "weights": [row, other]})
    return path
