"""The ResNet of the CIFAR-10 experiments: 20 layers for small pictures, with shortcuts that have no weights.

Source: He et al. 2015, https://arxiv.org/abs/1512.03385, section 4.2 (option A for the shortcuts).
"""

from torch import Tensor, nn
from torch.nn import functional

WIDTHS, BLOCKS = (16, 32, 64), 3


class Block(nn.Module):
    """Two 3 x 3 convolutions and the picture itself added; ``stride`` 2 halves the sides."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.stride, self.grown = stride, width - before

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Feature maps in, feature maps out."""
        y_BCHW = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x_BCHW)))))
        if self.stride > 1:
            x_BCHW = functional.pad(x_BCHW[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, 0, self.grown))
        return self.relu(y_BCHW + x_BCHW)


class ResNet20(nn.Module):
    """Nine blocks in three stages, then the mean of each map and one dense layer."""

    def __init__(self, input_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(input_shape[0], WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.relu = nn.ReLU()
        self.layer1 = stage(WIDTHS[0], WIDTHS[0], 1)
        self.layer2 = stage(WIDTHS[0], WIDTHS[1], 2)
        self.layer3 = stage(WIDTHS[1], WIDTHS[2], 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(WIDTHS[-1], classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Logits (B, classes)."""
        x_BCHW = self.relu(self.bn1(self.conv1(x_BCHW)))
        x_BCHW = self.layer3(self.layer2(self.layer1(x_BCHW)))
        logits: Tensor = self.fc(self.avgpool(x_BCHW).flatten(1))
        return logits


def stage(before: int, width: int, stride: int) -> nn.Sequential:
    """Three blocks of one width."""
    return nn.Sequential(Block(before, width, stride), *(Block(width, width, 1) for _ in range(BLOCKS - 1)))


def build(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """See NetworkSpec.build; 269,722 parameters for colour pictures of 10 classes."""
    return ResNet20(input_shape, classes)
