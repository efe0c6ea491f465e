"""LeNet as DIGITS ships it: two convolutions, two pools, two dense layers, and one ReLU."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class LeNet(nn.Module):
    """431,080 parameters for 28 x 28 x 1 and 10 classes. Source: http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf."""

    def __init__(self, input_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, *size = input_shape
        height, width = (((side - 4) // 2 - 4) // 2 for side in size)
        self.conv1 = nn.Conv2d(channels, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.dense1 = nn.Linear(50 * height * width, 500)
        self.dense2 = nn.Linear(500, classes)
        for layer in (self.conv1, self.conv2, self.dense1, self.dense2):
            xavier(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Logits (B, classes)."""
        x = functional.max_pool2d(self.conv1(image_BCHW), 2)
        x = functional.max_pool2d(self.conv2(x), 2)
        if x.requires_grad and x.is_contiguous(memory_format=torch.channels_last):
            x.register_hook(channels_last)
        return self.dense2(functional.relu(self.dense1(x.flatten(1))))


def channels_last(gradient: Tensor) -> Tensor:
    """The gradient of a flattened picture in the layout of the picture: else the pool before it copies it twice."""
    return gradient.contiguous(memory_format=torch.channels_last)


def xavier(weight: Tensor) -> None:
    """Caffe's "xavier" filler: uniform within sqrt(3 / inputs of a unit)."""
    limit = math.sqrt(3 / weight[0].numel())
    nn.init.uniform_(weight, -limit, limit)


def build(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """See NetworkSpec.build."""
    return LeNet(input_shape, classes)
