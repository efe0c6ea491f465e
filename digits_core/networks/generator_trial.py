"""Tries a custom network for image generation; the contract stands in digits_core.networks.dcgan."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from digits_core.networks import LATENT
from digits_core.networks.custom import BadNetwork
from digits_core.networks.usercode import Shape, lines_named

PARTS = ("generator", "discriminator", "encoder")
DEEDS = ("generate", "judge", "encode")


def try_generator(make: Callable[[], nn.Module], input_shape: Shape, classes: int) -> None:
    """Everything a training asks of the network, once. Raises BadNetwork when it does not fit."""
    network: Any = make()
    size = 2
    missing = [name for name in PARTS if not isinstance(getattr(network, name, None), nn.Module)]
    missing += [name for name in DEEDS if not callable(getattr(network, name, None))]
    if missing:
        raise BadNetwork(f"The network has no {', '.join(missing)}. It needs the parts {', '.join(PARTS)}, each an "
                         f"nn.Module, and the methods {', '.join(DEEDS)}.")
    code_BO, image_BCHW = torch.randn(size, classes), torch.randn(size, *input_shape)
    with lines_named():
        made = [("generate", network.train().generate(code_BO), (size, *input_shape)),
                ("judge", network.judge(image_BCHW, code_BO[:, LATENT:]), (size,)),
                ("encode", network.encode(image_BCHW), (size, classes))]
        for name, found, wanted in made:
            _check(name, found, wanted)
            found.sum().backward()
        with torch.no_grad():
            _check("forward", network.eval()(image_BCHW), (size, classes + image_BCHW[0].numel()))


def _check(name: str, found: Any, wanted: tuple[int, ...]) -> None:
    if not isinstance(found, Tensor) or found.shape != wanted:
        told = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise BadNetwork(f"{name} gives {told} for {wanted[0]} pictures; it must give {wanted}.")
