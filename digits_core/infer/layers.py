"""What happens inside a network: weights and activations of every layer for one picture (VIS-01)."""

import base64
import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from digits_core.infer.options import OUTPUT
from digits_core.infer.predictor import Pixels, Predictor
from digits_core.infer.tiles import statistics, tiled

Json = dict[str, Any]
FUNCTIONS = {"relu": "ReLU", "relu_": "ReLU", "max_pool2d": "MaxPool2d", "_max_pool2d": "MaxPool2d",
             "avg_pool2d": "AvgPool2d", "adaptive_avg_pool2d": "AdaptiveAvgPool2d", "softmax": "Softmax",
             "sigmoid": "Sigmoid", "tanh": "Tanh", "gelu": "GELU", "silu": "SiLU", "cat": "Concat"}
"""Functions that networks call without a module of their own, and what people call them."""
LINEAR = (nn.Linear, nn.Bilinear)


class _Recorder(TorchFunctionMode):
    """Collects an entry for every layer in the order of the calculation.

    A mode and hooks belong to the thread and the copy of the network that use them: others are not disturbed.
    """

    def __init__(self, colormap: str | None, activations: bool = True) -> None:
        super().__init__()
        self.colormap, self.activations = colormap, activations
        self.entries, self.inside = list[Json](), 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        kind = FUNCTIONS.get(getattr(function, "__name__", ""))
        if self.activations and kind and not self.inside and isinstance(result, Tensor) and result.ndim > 1:
            self.activation(f"{kind.lower()} {sum(entry['type'] == kind for entry in self.entries) + 1}", kind, result)
        return result

    def watch(self, network: nn.Module) -> None:
        """Record every module that has no modules inside, and the weights it holds."""
        for name, module in network.named_modules():
            if not list(module.children()):
                module.register_forward_pre_hook(lambda module, inputs: self._enter())
                module.register_forward_hook(self._left(name or type(module).__name__))

    def _enter(self) -> None:
        self.inside += 1

    def _left(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            self.inside -= 1
            self._weights(name, module)
            if isinstance(output, Tensor) and self.activations:
                self.activation(name, type(module).__name__, output)

        return hook

    def _weights(self, name: str, module: nn.Module) -> None:
        own = dict(module.named_parameters(recurse=False))
        weight = own.get("weight", next(iter(own.values()), None))
        if weight is None or any(entry["name"] == name and entry["kind"] == "weights" for entry in self.entries):
            return
        data = weight.detach().float().cpu().numpy()
        self.entries.append({"name": name, "kind": "weights", "type": type(module).__name__,
                             "parameters": sum(part.numel() for part in own.values()), "units": units(module),
                             **statistics(data),
                             "picture": "" if isinstance(module, LINEAR) else self._picture(data)})

    def activation(self, name: str, kind: str, output: Tensor) -> None:
        """Note the output of a layer for the one picture."""
        data = output.detach()[0].float().cpu().numpy()
        self.entries.append({"name": name, "kind": "activation", "type": kind, "parameters": 0, **statistics(data),
                             "picture": self._picture(data, kind != "Softmax")})

    def _picture(self, data: Any, normalise: bool = True) -> str:
        if self.colormap is None or not np.isfinite(data).all():
            return ""
        return base64.b64encode(tiled(data, self.colormap, normalise)).decode()


def layers(predictor: Predictor, pixels: Pixels, colormap: str = "jet") -> list[Json]:
    """The input, then weights and activation of every layer in the order of the calculation, softmax at the end.

    Each is {"name", "kind" (input, weights, activation), "type", "parameters", "shape", "mean", "std", "histogram",
    "picture"}: ``shape`` without the batch, ``picture`` a PNG in base64, "" where none is shown (dense weights).
    """
    network = private_copy(predictor.network)
    recorder = _Recorder(colormap)
    recorder.watch(network)
    image_BCHW = normalised(predictor, pixels)
    data = image_BCHW[0].cpu().numpy()
    recorder.entries.append({"name": "data", "kind": "input", "type": "Input", "parameters": 0, **statistics(data),
                             "picture": base64.b64encode(tiled(data, "")).decode()})
    with torch.no_grad(), recorder:
        network(image_BCHW).softmax(1)
    return recorder.entries


def weights(predictor: Predictor, colormap: str | None = "jet") -> Json:
    """What every layer has learned, no picture needed: ``layers`` as above, and the ``units`` that can be excited.

    ``units`` has the number of units of each convolution and dense layer, and of the output, by name. Without a
    ``colormap`` no pictures of weights are made.
    """
    network = private_copy(predictor.network)
    recorder = _Recorder(colormap, activations=False)
    recorder.watch(network)
    with torch.no_grad():
        network(torch.zeros(1, *predictor.model.network.input_shape, device=predictor.device))
    found = {entry["name"]: entry["units"] for entry in recorder.entries if entry["units"]}
    return {"layers": recorder.entries, "units": {**found, OUTPUT: predictor.model.network.classes} if
            OUTPUT not in found else found}


def units(module: nn.Module) -> int:
    """Channels of a convolution, numbers of a dense layer; 0 for everything else."""
    found = (getattr(module, name, 0) for name in ("out_channels", "out_features"))
    return next((number for number in found if isinstance(number, int) and number > 0), 0)


def normalised(predictor: Predictor, pixels: Pixels) -> Tensor:
    """One picture as the network's input."""
    image_BCHW = torch.from_numpy(pixels[None].copy()).to(predictor.device).float()
    normal: Tensor = (image_BCHW - predictor.mean) / predictor.std
    return normal


def private_copy(network: nn.Module) -> nn.Module:
    """Modules of one's own to hang hooks on, over the same weights: other threads go on classifying with theirs."""
    shared = [*network.parameters(), *network.buffers()]
    return copy.deepcopy(network, {id(tensor): tensor for tensor in shared})
