"""A layer of one's own: LeNet behind a layer that blanks a quarter of every training picture.

New model, tab Custom, "Take a file". The value ``share=0.25`` says how much of a picture is hidden. The network learns
not to count on any one place (compare https://arxiv.org/abs/1708.04552); when it is used, nothing is hidden: look at
the activations of a picture on the Inference page.
"""

import torch
from torch import nn


class Occlusion(nn.Module):
    """Sets a rectangle of each picture to zero, the mean, at a random place; in training only."""

    def __init__(self, share):
        super().__init__()
        self.side = share ** 0.5

    def forward(self, x_BCHW):
        """Pictures in, pictures out."""
        if not self.training:
            return x_BCHW
        batch, _, height, width = x_BCHW.shape
        tall, wide = max(1, round(self.side * height)), max(1, round(self.side * width))
        top, left = (torch.randint(0, most + 1, (batch, 1), device=x_BCHW.device)
                     for most in (height - tall, width - wide))
        rows, columns = (torch.arange(size, device=x_BCHW.device) for size in (height, width))
        hidden_BH = (rows >= top) & (rows < top + tall)
        hidden_BW = (columns >= left) & (columns < left + wide)
        return x_BCHW.masked_fill((hidden_BH[:, :, None] & hidden_BW[:, None, :])[:, None], 0)


def build_network(params):
    """LeNet for pictures of any size, with the layer before it."""
    channels, height, width = params.input_shape
    after = ((height - 4) // 2 - 4) // 2 * (((width - 4) // 2 - 4) // 2)
    return nn.Sequential(
        Occlusion(params.options.get("share", 0.25)),
        nn.Conv2d(channels, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(50 * after, 500), nn.ReLU(), nn.Linear(500, params.classes))
