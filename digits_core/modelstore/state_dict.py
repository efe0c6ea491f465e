"""Weights that other programs saved, under the names and types that our networks have."""

import re
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from digits_core.errors import BadData
from digits_core.infer.predictor import mismatches
from digits_core.jobs import child
from digits_core.networks.build import build_network
from digits_core.networks.stages import stages
from digits_core.train.start import without_prefix

WITHIN_S = 1800
SHOWN = 12

OLD_NAMES = ((re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)"), r"\1\2"),
             (re.compile(r"\.mlp\.linear_1\."), ".mlp.0."), (re.compile(r"\.mlp\.linear_2\."), ".mlp.3."))
"""Names in torchvision's published files that its networks have no more: DenseNet's layers, ViT's dense layers."""
LEFT_OUT = "AuxLogits."
"""Inception's auxiliary head, which our build of it does not have."""


def convert(path: Path, target: Path) -> dict[str, Tensor]:
    """The tensors of a file from anywhere, read by a process of its own. Raises BadData with what is wrong with it."""
    try:
        answer = child.ask("digits_core.modelstore.convert", {"file": str(path), "target": str(target)}, WITHIN_S, [],
                           user_code=True)
    except child.NoAnswer as error:
        raise BadData(f"{path.name} could not be read: {error}.") from None
    if "error" in answer:
        raise BadData(f"{path.name} was not taken. {answer['error']}")
    return safetensors.torch.load_file(target)


def sketch(network: str, input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A network without memory for its weights."""
    with torch.device("meta"):
        return build_network(network, input_shape, classes)


def renamed(tensors: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the names of today, without a prefix that wrapping gave them."""
    found = without_prefix(tensors, own)
    for pattern, new in OLD_NAMES:
        found = {pattern.sub(new, name): tensor for name, tensor in found.items()}
    return {name: tensor for name, tensor in found.items() if name in own or not name.startswith(LEFT_OUT)}


def channels_and_classes(network: nn.Module, tensors: dict[str, Tensor]) -> tuple[int, int]:
    """What the weights were made for, from the first convolution and the last layer. Raises BadData without these."""
    first = next(name for name, tensor in network.state_dict().items() if tensor.dim() == 4)
    names = {id(p): name for name, p in network.named_parameters()}
    last = next(names[id(p)] for module in reversed(stages(network)[-1]) for p in module.parameters())
    for name in (first, last):
        if name not in tensors:
            known = ", ".join(sorted(tensors)[:3])
            raise BadData(f"The weights are of another network: {name} is missing; there are {known[:200]} ... Choose "
                          "the network they belong to.")
    return (tensors[first].shape[1] if tensors[first].dim() == 4 else 3), tensors[last].shape[0]


def fitted(tensors: dict[str, Tensor], own: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """Exactly the tensors of a network, in its types. Raises BadData listing every one that does not fit."""
    found = {key: tensor.to(own[key].dtype) if key in own and tensor.is_floating_point() else tensor
             for key, tensor in tensors.items()}
    for key, tensor in own.items():
        if key.endswith("num_batches_tracked") and key not in found:  # files of 2017 do not count batches
            found[key] = torch.zeros(tensor.shape, dtype=tensor.dtype)
    problems = mismatches(own, found)
    if problems:
        more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise BadData(f"{len(problems)} tensors of {name} do not fit ({len(own)} are needed): "
                      f"{'; '.join(problems[:SHOWN])}{more}.")
    return found
