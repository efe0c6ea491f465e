"""Character-level networks for texts: input (B, 1, 1, length) with the numbers of characters, 0 a blank.

Source: Zhang, Zhao, LeCun, https://arxiv.org/abs/1509.01626, with two changes: characters are embedded (their one-hot
code times the first weights is the same thing), and convolutions are padded, so that short texts work too.
"""

import torch
from torch import Tensor, nn

CHARACTERS = 256
KERNELS = ((7, True), (7, True), (3, False), (3, False), (3, False), (3, True))
"""Width of each convolution, and whether the best of three places goes on behind it."""


class CharCNN(nn.Module):
    """Six convolutions and three dense layers; ``features`` is 256 (small) in the paper, 1024 (large)."""

    def __init__(self, length: int, classes: int, features: int, hidden: int, embedding: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(CHARACTERS, embedding, padding_idx=0)
        layers: list[nn.Module] = []
        channels = embedding
        for kernel, pooled in KERNELS:
            layers += [nn.Conv1d(channels, features, kernel, padding=kernel // 2), nn.ReLU()]
            if pooled:
                layers.append(nn.MaxPool1d(3, ceil_mode=True))
                length = -(-length // 3)
            channels = features
        self.convolutions = nn.Sequential(*layers)
        self.dense = nn.Sequential(
            nn.Flatten(), nn.Linear(features * length, hidden), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(hidden, classes))

    def forward(self, text_B11L: Tensor) -> Tensor:
        """Logits (B, classes)."""
        return self.dense(self.convolutions(embedded(self.embedding, text_B11L)))


class SmallCharCNN(nn.Module):
    """Three convolutions, their best answer over the whole text, one dense layer: minutes on a CPU."""

    def __init__(self, classes: int, features: int, embedding: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(CHARACTERS, embedding, padding_idx=0)
        self.convolutions = nn.Sequential(
            nn.Conv1d(embedding, features, 7, padding=3), nn.ReLU(), nn.MaxPool1d(3, ceil_mode=True),
            nn.Conv1d(features, features, 5, padding=2), nn.ReLU(), nn.MaxPool1d(3, ceil_mode=True),
            nn.Conv1d(features, features, 3, padding=1), nn.ReLU())
        self.dropout = nn.Dropout(0.3)
        self.dense = nn.Linear(features, classes)

    def forward(self, text_B11L: Tensor) -> Tensor:
        """Logits (B, classes)."""
        return self.dense(self.dropout(self.convolutions(embedded(self.embedding, text_B11L)).amax(2)))


def embedded(embedding: nn.Embedding, text_B11L: Tensor) -> Tensor:
    """(B, embedding, length)."""
    numbers_BL = text_B11L.flatten(1).round().clamp(0, CHARACTERS - 1).to(torch.long)
    return embedding(numbers_BL).transpose(1, 2)


def build(input_shape: tuple[int, int, int], classes: int, small: bool = False) -> nn.Module:
    """See NetworkSpec.build."""
    if small:
        return SmallCharCNN(classes, 96, 32)
    return CharCNN(input_shape[2], classes, 256, 1024, 64)
