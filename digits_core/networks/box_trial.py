"""Tries a custom network for detection; the contract stands in digits_core.networks.detectors."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from digits_core.networks.custom import BadNetwork
from digits_core.networks.usercode import Shape, lines_named


def try_detector(make: Callable[[], nn.Module], input_shape: Shape, classes: int) -> None:
    """One step of learning and one look on made-up pictures. Raises BadNetwork when the network does not fit."""
    network, (_, height, width) = make(), input_shape
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise BadNetwork("The network has nothing to learn: none of its parameters asks for a gradient.")
    box, nothing = [0.0, width / 4, height / 4, width * 3 / 4, height * 3 / 4, 0.0], [-1.0] * 6
    target_BM6 = torch.tensor([[box, nothing], [nothing, nothing]])
    with lines_named():
        _loss(network.train()(torch.randn(2, *input_shape), target_BM6)).backward()
        with torch.no_grad():
            _check(network.eval()(torch.randn(2, *input_shape)))


def _loss(found: Any) -> Tensor:
    if not isinstance(found, dict) or not found or not all(
            isinstance(part, Tensor) and part.shape == () for part in found.values()):
        raise BadNetwork(f"In training the network returned {_told(found)}; with pictures and boxes (B, M, 6) it must "
                         "return a dict of losses, each a tensor with one number.")
    return torch.stack([part.float() for part in found.values()]).sum()


def _check(found: Any) -> None:
    if not isinstance(found, list) or len(found) != 2 or not all(
            isinstance(part, Tensor) and part.dim() == 2 and part.shape[1] == 6 for part in found):
        raise BadNetwork(f"For 2 pictures the network returned {_told(found)}; it must return a list with a tensor "
                         "(N, 6) for each picture: class, left, top, right, bottom, score.")


def _told(found: Any) -> str:
    if isinstance(found, Tensor):
        return f"a tensor {tuple(found.shape)}"
    if isinstance(found, list | tuple | dict):
        parts = list(found.values() if isinstance(found, dict) else found)
        return f"a {type(found).__name__} of {', '.join(map(_told, parts[:3])) or 'nothing'}"
    return type(found).__name__
