"""torchvision's own networks, made to fit any channel count; random weights, nothing is downloaded."""

from collections.abc import Callable
from typing import Any

from torch import nn
from torchvision import models


def alexnet(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """See NetworkSpec.build."""
    return _fitted(models.alexnet, input_shape, classes)


def googlenet(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """See NetworkSpec.build. In training mode it returns (logits, auxiliary logits, auxiliary logits)."""
    return _fitted(models.googlenet, input_shape, classes, aux_logits=True, init_weights=True, transform_input=False)


def vgg16(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """See NetworkSpec.build."""
    return _fitted(models.vgg16, input_shape, classes)


def resnet18(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """See NetworkSpec.build."""
    return _fitted(models.resnet18, input_shape, classes)


def resnet50(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """See NetworkSpec.build."""
    return _fitted(models.resnet50, input_shape, classes)


def mobilenet_v3_small(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """See NetworkSpec.build."""
    return _fitted(models.mobilenet_v3_small, input_shape, classes)


def _fitted(make: Callable[..., nn.Module], input_shape: tuple[int, int, int], classes: int,
            **options: Any) -> nn.Module:
    network = make(weights=None, num_classes=classes, **options)
    if input_shape[0] != 3:
        _replace_first_convolution(network, input_shape[0])
    return network


def _replace_first_convolution(network: nn.Module, channels: int) -> None:
    name, old = next((name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d))
    new = nn.Conv2d(channels, old.out_channels, old.kernel_size, old.stride, old.padding,  # type: ignore[arg-type]
                    bias=old.bias is not None)
    nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
    if new.bias is not None:
        nn.init.zeros_(new.bias)
    parent, _, attribute = name.rpartition(".")
    setattr(network.get_submodule(parent), attribute, new)
