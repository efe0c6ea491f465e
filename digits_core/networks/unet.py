"""U-Net: down by four halvings, up again, and what was seen at each size on the way down is seen on the way up too."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from digits_core.networks.padding import padded

LEVELS = 5


class UNet(nn.Module):
    """Source: https://arxiv.org/abs/1505.04597; its width was 64 (31 M parameters), 32 gives 7.8 M, 16 gives 1.9 M.

    Unlike there, convolutions keep the size (edges of zeros), and batch normalisation follows each: so a training
    needs no special start, and masks are as large as pictures.
    """

    def __init__(self, channels: int, classes: int, width: int = 32) -> None:
        super().__init__()
        widths = [width << level for level in range(LEVELS)]
        self.encoder = nn.ModuleList(double(before, after) for before, after in
                                     zip([channels, *widths], widths, strict=False))
        self.widen = nn.ModuleList(nn.ConvTranspose2d(below, above, 2, stride=2) for above, below in
                                   zip(widths[-2::-1], widths[:0:-1], strict=True))
        self.decoder = nn.ModuleList(double(2 * above, above) for above in widths[-2::-1])
        self.head = nn.Conv2d(width, classes, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Logits (B, classes, H, W)."""
        height, width = image_BCHW.shape[2:]
        x, seen = padded(image_BCHW, 1 << LEVELS - 1), []
        for level, layers in enumerate(self.encoder):
            x = layers(functional.max_pool2d(x, 2) if level else x)
            seen.append(x)
        for widen, layers, beside in zip(self.widen, self.decoder, seen[-2::-1], strict=True):
            x = layers(torch.cat([beside, widen(x)], 1))
        return self.head(x)[..., :height, :width]


def double(before: int, after: int) -> nn.Sequential:
    """Two 3 x 3 convolutions, each normalised and rectified."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True),
        nn.Conv2d(after, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True))


def build(input_shape: tuple[int, int, int], classes: int, width: int = 32) -> nn.Module:
    """See NetworkSpec.build: logits (B, classes, H, W) for pictures of any height and width."""
    return UNet(input_shape[0], classes, width)
