"""Why this label? Where in the picture the evidence is, by three methods of captum."""

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from digits_core.errors import BadData
from digits_core.infer.layers import normalised, private_copy
from digits_core.infer.predictor import Pixels, Predictor
from digits_core.infer.tiles import overlay

Json = dict[str, Any]
STEPS, AT_ONCE = 32, 8
WINDOWS = 6
"""The window of occlusion is a sixth of the picture's side and moves by half of itself."""


def explain(predictor: Predictor, pixels: Pixels, label: int, methods: list[str]) -> list[Json]:
    """For each method {"method", "picture"}: a PNG in base64; what speaks for ``label`` is coloured."""
    return [{"method": method, "picture": base64.b64encode(overlay(pixels, heat(predictor, pixels, label, method))
                                                           ).decode()} for method in methods]


def heat(predictor: Predictor, pixels: Pixels, label: int, method: str) -> NDArray[np.float32]:
    """Where the evidence for a class is, (H, W): 0 nowhere, 1 most."""
    network = private_copy(predictor.network)
    image_BCHW = normalised(predictor, pixels).requires_grad_(True)
    with torch.enable_grad():
        found_HW = METHODS[method](network, image_BCHW, label).detach().clamp(min=0).cpu().numpy()
    top = found_HW.max()
    scaled: NDArray[np.float32] = (found_HW / top if top > 0 else found_HW).astype(np.float32)
    return scaled


def _grad_cam(network: nn.Module, image_BCHW: Tensor, label: int) -> Tensor:
    """Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391, at the last layer that still has a place."""
    layer = last_spatial(network, image_BCHW)
    found = LayerGradCam(network, layer).attribute(image_BCHW, target=label, relu_attributions=True)
    return functional.interpolate(found, image_BCHW.shape[2:], mode="bilinear", align_corners=False)[0, 0]


def _integrated_gradients(network: nn.Module, image_BCHW: Tensor, label: int) -> Tensor:
    """Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365, from the mean picture in 32 steps."""
    found = IntegratedGradients(network).attribute(image_BCHW, target=label, n_steps=STEPS,
                                                   internal_batch_size=AT_ONCE)
    return found[0].abs().sum(0).float()


def _occlusion(network: nn.Module, image_BCHW: Tensor, label: int) -> Tensor:
    """Zeiler, Fergus 2014, https://arxiv.org/abs/1311.2901: how much is lost when a window is covered."""
    channels, *size = image_BCHW.shape[1:]
    window = [max(1, side // WINDOWS) for side in size]
    with torch.no_grad():
        found = Occlusion(network).attribute(image_BCHW, (channels, *window), target=label,
                                             strides=(channels, *(max(1, side // 2) for side in window)),
                                             perturbations_per_eval=AT_ONCE)
    return found[0].sum(0).float()


METHODS: dict[str, Callable[[nn.Module, Tensor, int], Tensor]] = {
    "grad-cam": _grad_cam, "integrated-gradients": _integrated_gradients, "occlusion": _occlusion}


def last_spatial(network: nn.Module, image_BCHW: Tensor) -> nn.Module:
    """The last module whose output is still a picture. Raises BadData when there is none."""
    found: list[nn.Module] = []

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
            found.append(module)

    hooks = [module.register_forward_hook(note) for module in network.modules()]
    with torch.no_grad():
        network(image_BCHW)
    for hook in hooks:
        hook.remove()
    if not found:
        raise BadData("Grad-CAM needs a layer whose output is a picture, and this network has none.")
    return found[-1]
