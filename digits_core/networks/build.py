"""From a name of the list to a network that takes pictures of any size."""

import difflib
import functools
import math
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

from torch import nn
from torch.nn import functional

from digits_core.errors import DigitsError
from digits_core.networks import NETWORKS, graph, graph_network
from digits_core.networks.custom import CUSTOM
from digits_core.networks.usercode import Shape, maker

SMALLEST = {"mlp": 1, "lenet": 16, "resnet20": 8, "alexnet": 64, "vgg16": 32, "inception_v3": 128}
OTHERS = 64
"""Smallest side a network can take, in pixels: batch normalisation needs more than one value per channel, so the last
feature map must be 2 x 2 or larger (a batch may hold a single picture)."""


def build_network(name: str, input_shape: Shape, classes: int, source: str = "", values: str = "") -> nn.Module:
    """A network with random weights for float32 (B, C, H, W) input of ``input_shape`` = (C, H, W).

    Pictures smaller than the network can take are enlarged inside, and all scaled for a network of a fixed size.
    Returns logits (B, classes), in training mode perhaps a tuple with auxiliary logits behind. The name "custom" runs
    the user's ``source`` with ``values``, see usercode. Raises DigitsError when there is no such network, BadNetwork
    when the source does not work. The name "caffe" builds what ``values`` describe, see graph.
    """
    if name == CUSTOM:
        make, smallest = maker(source, values)
        size = enlarged(input_shape[1:], smallest)
    elif name == graph.CAFFE:
        known = graph.read(values)
        make = functools.partial(graph_network.build, known)
        size = input_shape[1:] if known.dense else known.size
    elif name in NETWORKS:
        spec = NETWORKS[name]
        make = functools.partial(resolve_name(spec.build), **spec.arguments)
        smallest = SMALLEST.get(name, OTHERS) if "classification" in spec.tasks else 1  # others must keep the size
        size = (spec.fixed, spec.fixed) if spec.fixed else enlarged(input_shape[1:], smallest)
    else:
        raise DigitsError(unknown(name))
    network = make((input_shape[0], size[0], size[1]), classes)
    if size != input_shape[1:]:
        # A hook and no wrapper: weights keep their names, whatever size the pictures have.
        network.register_forward_pre_hook(enlarge_to(size))
    return network


def unknown(name: str) -> str:
    """What to say about a name that is no network's."""
    close = difflib.get_close_matches(name, NETWORKS, 3)
    return f"There is no network {name[:60]!r}; " + (
        f"did you mean {' or '.join(close)}?" if close else "`python -m digits_core networks` lists them.")


def enlarged(size: tuple[int, ...], smallest: int) -> tuple[int, ...]:
    """Height and width, scaled together until the shorter side is ``smallest``.

    A side is never made more than four times longer than that, so that a very long picture stays affordable.
    """
    factor = max(1.0, smallest / min(size))
    return tuple(max(smallest, min(math.ceil(side * factor), max(side, 4 * smallest))) for side in size)


def enlarge_to(size: tuple[int, ...]) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
    """A forward pre-hook that scales a batch to ``size``."""
    def hook(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (functional.interpolate(inputs[0], size=size, mode="bilinear", align_corners=False), *inputs[1:])

    return hook


def count_parameters(network: nn.Module) -> int:
    """Numbers that training can change."""
    return sum(parameter.numel() for parameter in network.parameters())
