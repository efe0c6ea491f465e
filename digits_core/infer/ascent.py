"""What a unit of a network looks for: a picture that excites it most, made by gradient ascent (BR-01).

Erhan et al. 2009, "Visualizing Higher-Layer Features of a Deep Network". The regularisers: decay and blur of Yosinski
et al. 2015, https://arxiv.org/abs/1506.06579, jitter of Olah et al. 2017,
https://distill.pub/2017/feature-visualization.

Legend of shapes: B batch (of one), C channels, H height, W width.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from digits_core.errors import BadData
from digits_core.infer.layers import private_copy
from digits_core.infer.options import OUTPUT, AscentOptions
from digits_core.infer.predictor import Pixels, Predictor

NOISE = 10.0
"""Standard deviation of the grey values around the mean picture that the ascent starts from."""
BLUR_EVERY = 4
GREY = 127.5


class Maximum(NamedTuple):
    """A picture (C, H, W) for one unit, and the unit's activation on it and on the mean picture."""

    pixels: Pixels
    activation: float
    before: float


class Ascent:
    """Makes pictures for units of one layer. A picture depends on its unit and the options, not on those before it."""

    def __init__(self, predictor: Predictor, options: AscentOptions) -> None:
        """Raises BadData when the network has no such layer."""
        self.predictor, self.options = predictor, options
        self.network = private_copy(predictor.network)
        modules = dict(self.network.named_modules())
        if options.layer not in modules and options.layer != OUTPUT:
            raise BadData(f"The network has no layer {options.layer!r}.")
        layer = modules.get(options.layer, self.network)
        self._channels_first = hasattr(layer, "out_channels")
        self._seen: list[Tensor] = []
        layer.register_forward_hook(self._note)
        shape = (1, *predictor.model.network.input_shape)
        mean = predictor.mean.expand(shape)
        self.ground_BCHW = mean if bool(mean.any()) else torch.full(shape, GREY, device=predictor.device)

    def run(self, unit: int, told: Callable[[int], None] = lambda step: None) -> Maximum:
        """The picture for ``unit``; ``told`` gets the number of each step before it is taken."""
        options = self.options
        randomness = torch.Generator().manual_seed(options.seed * 1_000_003 + unit)
        noise_BCHW = torch.randn(self.ground_BCHW.shape, generator=randomness).to(self.ground_BCHW) * NOISE
        picture_BCHW = (self.ground_BCHW + noise_BCHW).clamp(0, 255).requires_grad_(True)
        solver = torch.optim.Adam([picture_BCHW], options.rate, eps=1e-20)  # some units answer with very small numbers
        for step in range(options.steps):
            told(step)
            with torch.enable_grad():
                loss = -self._activation(self._moved(picture_BCHW, randomness), unit)
                picture_BCHW.grad, = torch.autograd.grad(loss, picture_BCHW)  # the weights are others' too
            solver.step()
            self._regularise(picture_BCHW, step)
        pixels_CHW = picture_BCHW.detach()[0].round().to(torch.uint8)
        with torch.no_grad():
            reached = float(self._activation(pixels_CHW[None].to(self.ground_BCHW), unit))
            return Maximum(pixels_CHW.cpu().numpy(), reached, float(self._activation(self.ground_BCHW, unit)))

    def _moved(self, picture_BCHW: Tensor, randomness: torch.Generator) -> Tensor:
        """Jitter: what only works at one place of the pixel grid is no pattern that the unit looks for."""
        most = [round(side * self.options.jitter / 100) for side in picture_BCHW.shape[2:]]
        by = [int(torch.randint(-far, far + 1, (), generator=randomness)) for far in most]
        return picture_BCHW.roll(by, (2, 3))

    @torch.no_grad()
    def _regularise(self, picture_BCHW: Tensor, step: int) -> None:
        options = self.options
        picture_BCHW.lerp_(self.ground_BCHW, options.decay)
        if options.blur and step % BLUR_EVERY == 0 and step < options.steps * 3 // 4:
            picture_BCHW.copy_(blurred(picture_BCHW, options.blur))
        picture_BCHW.clamp_(0, 255)

    def _activation(self, picture_BCHW: Tensor, unit: int) -> Tensor:
        self._seen.clear()
        self.network((picture_BCHW - self.predictor.mean) / self.predictor.std)
        if not self._seen:
            raise BadData(f"The layer {self.options.layer!r} takes no part when the network classifies.")
        values = self._seen[-1].select(1 if self._channels_first else -1, unit)[0]
        value = values.mean() if self.options.aim == "mean" else values[tuple(side // 2 for side in values.shape)]
        if not bool(value.isfinite()):
            raise BadData(f"Unit {unit} of {self.options.layer!r} gives a value that is not a number (NaN). Choose an "
                          "earlier checkpoint.")
        return value

    def _note(self, module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        self._seen.append(output)
        return output.clone()  # a layer behind it may change its input in place


def blurred(picture_BCHW: Tensor, sigma: float) -> Tensor:
    """The picture after a Gaussian of ``sigma`` pixels; at its border the last pixel goes on."""
    radius, channels = max(1, round(2.5 * sigma)), picture_BCHW.shape[1]
    row = torch.exp(-0.5 * (torch.arange(-radius, radius + 1).to(picture_BCHW) / sigma) ** 2)
    row = (row / row.sum()).expand(channels, 1, 1, -1)
    padded = functional.pad(picture_BCHW, [radius] * 4, "replicate")
    return functional.conv2d(functional.conv2d(padded, row, groups=channels), row.mT, groups=channels)
