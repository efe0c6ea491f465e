"""An autoencoder: every picture goes through a few numbers and comes out again, as in DIGITS' example.

New model for image processing on a dataset whose pictures shall come out themselves, tab Custom, "Take a file"; without
subtracting a mean. ``code=50`` is how many numbers stand for a picture.
"""

import math

from torch import nn


def build_network(params):
    """784-300-50-300-784 for pictures of 28 x 28; more for larger ones."""
    shape, code = params.input_shape, int(params.options.get("code", 50))
    size = math.prod(shape)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(size, 300), nn.ReLU(), nn.Linear(300, code), nn.ReLU(),
        nn.Linear(code, 300), nn.ReLU(), nn.Linear(300, size), nn.Sigmoid(), nn.Unflatten(1, shape))
