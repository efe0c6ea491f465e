"""A network of dense layers, for vectors and very small pictures."""

from math import prod

from torch import nn


def build(input_shape: tuple[int, int, int], classes: int, hidden: int = 512) -> nn.Module:
    """See NetworkSpec.build."""
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(input_shape), hidden), nn.ReLU(), nn.Dropout(0.2),
                         nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(0.2), nn.Linear(hidden, classes))
