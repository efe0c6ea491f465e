"""The layers of a described network (digits_core.networks.graph) as modules that compute what Caffe computes.

Legend of shapes: B batch, C channels, H height, W width.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from digits_core.networks import graph as described

Shape = Sequence[int]
"""Of one input, with the batch."""
TINY = 1e-12


def module(part: Any, shapes: list[Shape]) -> nn.Module:
    """The layer for inputs of these shapes."""
    made: nn.Module = MAKERS[type(part)](part, shapes)
    return made


def _convolution(part: described.Convolution, shapes: list[Shape]) -> nn.Module:
    channels = shapes[0][1]
    if not part.transposed:
        return nn.Conv2d(channels, part.outputs, part.kernel, part.stride, part.pad, part.dilation, part.groups,
                         part.bias)
    layer = nn.ConvTranspose2d(channels, part.outputs, part.kernel, part.stride, part.pad, 0, part.groups, part.bias,
                               part.dilation)
    if channels == part.outputs:
        bilinear(layer)
    return layer


def bilinear(layer: nn.ConvTranspose2d) -> None:
    """Let an enlarging layer start as bilinear interpolation, each channel by itself."""
    rows = []
    for side in layer.kernel_size:
        half = (side + 1) // 2
        centre = half - 1 if side % 2 else half - 0.5
        rows.append(1 - (torch.arange(side) - centre).abs() / half)
    with torch.no_grad():
        layer.weight.zero_()
        inside = layer.out_channels // layer.groups
        layer.weight[torch.arange(layer.in_channels), torch.arange(layer.in_channels) % inside] = torch.outer(*rows)
        if layer.bias is not None:
            layer.bias.zero_()


def _dense(part: described.Dense, shapes: list[Shape]) -> nn.Module:
    return FlatLinear(torch.Size(shapes[0][1:]).numel(), part.outputs, part.bias)


class FlatLinear(nn.Linear):
    """A dense layer that takes pictures as rows of values."""

    def forward(self, input: Tensor) -> Tensor:
        """(B, ...) to (B, outputs)."""
        return super().forward(input.flatten(1))


class Pool(nn.Module):
    """See graph.Pool; what is added at the edges never wins, and counts as 0 in an average."""

    def __init__(self, part: described.Pool) -> None:
        super().__init__()
        self.part = part

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, h, w)."""
        part, largest = self.part, self.part.how == "largest"
        if part.whole:
            return (functional.adaptive_max_pool2d if largest else functional.adaptive_avg_pool2d)(x_BCHW, 1)
        pad = part.pad
        for side, kernel, stride in zip(x_BCHW.shape[2:], part.kernel, part.stride, strict=True):
            if part.up and stride > kernel and pad == (0, 0) and -((kernel - side) // stride) * stride >= side:
                raise ValueError("its last window would lie outside of the picture")
        if 2 * pad[0] > part.kernel[0] or 2 * pad[1] > part.kernel[1]:  # more than PyTorch takes
            x_BCHW = functional.pad(x_BCHW, (pad[1], pad[1], pad[0], pad[0]), value=float("-inf") if largest else 0.0)
            pad = (0, 0)
        if largest:
            return functional.max_pool2d(x_BCHW, part.kernel, part.stride, pad, ceil_mode=part.up)
        return functional.avg_pool2d(x_BCHW, part.kernel, part.stride, pad, ceil_mode=part.up, count_include_pad=True)


class Within(nn.Module):
    """Local response normalisation over the neighbourhood of a pixel, each channel by itself."""

    def __init__(self, part: described.Response) -> None:
        super().__init__()
        self.part = part

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        around = functional.avg_pool2d(x_BCHW.square(), self.part.size, 1, self.part.size // 2)
        return x_BCHW * (1 + self.part.alpha * around).pow(-self.part.beta)


class Affine(nn.Module):
    """A factor and a summand for each channel."""

    def __init__(self, part: described.Affine, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels)) if part.scale else None
        self.bias = nn.Parameter(torch.zeros(channels)) if part.bias else None

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, ...) to the same."""
        shape = (-1, *[1] * (x_BCHW.dim() - 2))
        found = x_BCHW if self.weight is None else x_BCHW * self.weight.view(shape)
        return found if self.bias is None else found + self.bias.view(shape)


class Function(nn.Module):
    """A layer without weights that is one calculation; ``part`` says which."""

    def __init__(self, part: Any) -> None:
        super().__init__()
        self.part = part

    def forward(self, *inputs: Tensor) -> Tensor:
        """One or more tensors (B, ...) to one."""
        found: Tensor = CALCULATIONS[type(self.part)](self.part, *inputs)
        return found


def _power(part: described.Power, x: Tensor) -> Tensor:
    scaled = x * part.scale + part.shift if (part.scale, part.shift) != (1.0, 0.0) else x
    return scaled if part.power == 1.0 else scaled.pow(part.power)


def _combine(part: described.Combine, *inputs: Tensor) -> Tensor:
    factors = part.factors or [1.0] * len(inputs)
    found = inputs[0] if part.how != "sum" or factors[0] == 1.0 else inputs[0] * factors[0]
    for x, factor in zip(inputs[1:], factors[1:], strict=True):
        if part.how == "sum":
            found = found + (x if factor == 1.0 else x * factor)
        elif part.how == "product":  # of fewer axes: a factor for each channel
            found = found * x.view(*x.shape, *[1] * (found.dim() - x.dim()))
        else:
            found = torch.maximum(found, x)
    return found


def _crop(part: described.Crop, x: Tensor, like: Tensor) -> Tensor:
    axes = range(part.axis % x.dim(), x.dim())
    offsets = part.offsets or [0]
    for number, axis in enumerate(axes):
        offset = offsets[number] if len(offsets) > 1 else offsets[0]
        if offset + like.shape[axis] > x.shape[axis]:
            raise ValueError(f"its input of {tuple(x.shape[1:])} is too small to be cut to {tuple(like.shape[1:])}")
        x = x.narrow(axis, offset, like.shape[axis])
    return x


def _slice(part: described.Slice, x: Tensor) -> Tensor:
    stop = part.stop or x.shape[part.axis]
    if not part.start < stop <= x.shape[part.axis]:
        raise ValueError(f"there is nothing from {part.start} to {stop}")
    return x.narrow(part.axis, part.start, stop - part.start)


def _even(part: described.Even, x: Tensor) -> Tensor:
    length, rest = divmod(x.shape[part.axis], part.parts)
    if rest or part.index >= part.parts:
        raise ValueError(f"{x.shape[part.axis]} channels do not make {part.parts} equal parts")
    return x.narrow(part.axis, part.index * length, length)


def _reshape(part: described.Reshape, x: Tensor) -> Tensor:
    return x.reshape(x.shape[0], *[x.shape[at + 1] if side == 0 else side for at, side in enumerate(part.sides)])


def _resize(part: described.Resize, x_BCHW: Tensor) -> Tensor:
    size = part.size or tuple((side - 1) * part.zoom + 1 for side in x_BCHW.shape[2:])
    return functional.interpolate(x_BCHW, size=size, mode="bilinear", align_corners=True)


CALCULATIONS: dict[type, Any] = {
    described.Power: _power, described.Combine: _combine, described.Crop: _crop, described.Slice: _slice,
    described.Even: _even, described.Reshape: _reshape, described.Resize: _resize,
    described.Concat: lambda part, *inputs: torch.cat(inputs, part.axis),
    described.Flip: lambda part, x: x.flip(1),
    described.Softmax: lambda part, x: x.softmax(part.axis)}


class Abs(nn.Module):
    """The distance from 0."""

    def forward(self, x: Tensor) -> Tensor:
        """Of any shape."""
        return x.abs()


ACTIVATIONS: dict[str, Any] = {
    "relu": lambda part, channels: nn.LeakyReLU(part.slope) if part.slope else nn.ReLU(),
    "prelu": lambda part, channels: nn.PReLU(1 if part.shared else channels),
    "elu": lambda part, channels: nn.ELU(part.slope or 1.0), "sigmoid": lambda part, channels: nn.Sigmoid(),
    "tanh": lambda part, channels: nn.Tanh(), "abs": lambda part, channels: Abs(),
    "softplus": lambda part, channels: nn.Softplus()}
MAKERS: dict[type, Any] = {
    **{kind: lambda part, shapes: Function(part) for kind in CALCULATIONS},
    described.Convolution: _convolution, described.Dense: _dense,
    described.Pool: lambda part, shapes: Pool(part),
    described.Response: lambda part, shapes: Within(part) if part.within else nn.LocalResponseNorm(
        part.size, part.alpha, part.beta, part.k),
    described.BatchNorm: lambda part, shapes: nn.BatchNorm2d(shapes[0][1], part.eps, part.momentum, part.affine),
    described.Affine: lambda part, shapes: Affine(part, shapes[0][1]),
    described.Activation: lambda part, shapes: ACTIVATIONS[part.how](part, shapes[0][1]),
    described.Dropout: lambda part, shapes: nn.Dropout(part.share)}
