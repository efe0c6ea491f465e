"""torchvision's own networks, made to fit any channel count; random weights, nothing is downloaded."""

from typing import Any

import torch
from torch import nn
from torchvision import models
from torchvision.models import regnet

OPTIONS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": True, "init_weights": True, "transform_input": False},
    # Its auxiliary head ends in a single value per channel, which cannot be normalised when a batch is one picture
    "inception_v3": {"aux_logits": False, "init_weights": True, "transform_input": False},
}


def build(input_shape: tuple[int, int, int], classes: int, name: str) -> nn.Module:
    """See NetworkSpec.build. GoogLeNet returns (logits, auxiliary logits, auxiliary logits) in training mode."""
    if name.startswith("mnasnet"):
        network: nn.Module = MNASNet(float(name.removeprefix("mnasnet").replace("_", ".")), num_classes=classes)
    else:
        network = models.get_model(name, weights=None, num_classes=classes, **OPTIONS.get(name, {}))
    if input_shape[0] != 3:
        replace_first_convolution(network, input_shape[0])
    return network


class MNASNet(models.MNASNet):
    """As torchvision has it, but it also takes weights that do not say which version of torchvision saved them."""

    def _load_from_state_dict(self, *arguments: Any) -> None:
        nn.Module._load_from_state_dict(self, *arguments)


class Widths(regnet.BlockParams):
    """RegNet's widths are worked out with tensors, which must hold numbers even where a network is only sketched."""

    @classmethod
    def from_init_params(cls, *arguments: Any, **words: Any) -> Any:
        """See torchvision."""
        with torch.device("cpu"):
            return super().from_init_params(*arguments, **words)


regnet.BlockParams = Widths


def replace_first_convolution(network: nn.Module, channels: int) -> None:
    """Make a network take pictures of so many channels; its first convolution starts anew."""
    name, old = next((name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d))
    new = nn.Conv2d(channels, old.out_channels, old.kernel_size, old.stride, old.padding,  # type: ignore[arg-type]
                    bias=old.bias is not None)
    nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
    if new.bias is not None:
        nn.init.zeros_(new.bias)
    parent, _, attribute = name.rpartition(".")
    setattr(network.get_submodule(parent), attribute, new)
