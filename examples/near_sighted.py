"""A network for image processing whose every pixel sees 20 pixels around it, and no further.

New model for image processing, tab Custom, "Take a file". What it learns from small pictures holds in large ones ("Do
not resize"), because it cannot count on what lies beyond; a U-Net can.
"""

from torch import nn

STEPS = (1, 2, 4, 8, 4, 1)


def build_network(params):
    """Convolutions of 3 x 3 with growing gaps; ``width=32`` is the number of features between them."""
    channels, width = params.input_shape[0], int(params.options.get("width", 32))
    layers = []
    for number, step in enumerate(STEPS):
        layers += [nn.Conv2d(width if number else channels, width, 3, padding=step, dilation=step,
                             padding_mode="replicate", bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(width, channels, 1), nn.Sigmoid())
