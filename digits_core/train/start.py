"""Start weights from an earlier model: whatever fits by name and shape."""

from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from digits_core.errors import BadData
from digits_core.jobs.context import Context
from digits_core.train.checkpoints import find_checkpoint, read_weights
from digits_core.train.options import TrainOptions

Json = dict[str, Any]


def load_start(network: nn.Module, options: TrainOptions, context: Context) -> Json:
    """Copy the weights of ``options.start_model`` into ``network``; says how many fitted, in numbers for the record.

    Raises NotFound or BadData when the checkpoint is gone or damaged, and when nothing of it fits.
    """
    if not options.start_model:
        return {}
    folder = context.store.folder(options.start_model).checkpoints
    row = find_checkpoint(folder, options.start_checkpoint)
    try:
        found = safetensors.torch.load(read_weights(folder, row))
    except safetensors.SafetensorError as error:
        raise BadData(f"The weights {row['file']} are no safetensors file: {error}.") from None
    own = network.state_dict()
    found = _renamed(found, own)
    fitting = [name for name, tensor in own.items() if name in found and found[name].shape == tensor.shape]
    if not fitting:
        raise BadData(f"No weight of model {options.start_model} fits the network {options.network}. Choose the same "
                      "network as that model, or start from scratch.")
    with torch.no_grad():
        for name in fitting:
            own[name].copy_(found[name])
    facts = {"model": options.start_model, "epoch": row["epoch"], "loaded": len(fitting), "of": len(found),
             "new": len(own) - len(fitting), "tensors": _report(own, found, fitting)}
    context.log(f"started from {options.start_model}, epoch {row['epoch']:g}: {facts['loaded']} of {facts['of']} "
                f"tensors loaded, {facts['new']} new")
    for line in (line for line in facts["tensors"] if line["state"] != "loaded"):
        context.log(f"  {line['state']}: {line['name']} {line['why']}")
    return facts


def _renamed(found: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights without the prefix (module., backbone. ...) that wrapping gave all their names, where that fits."""
    prefixes = {"", *(f"{name.split('.')[0]}." for name in found)}

    def fits(prefix: str) -> int:
        return sum(name.removeprefix(prefix) in own for name in found if name.startswith(prefix))

    best = max(sorted(prefixes), key=fits)
    return {name.removeprefix(best): tensor for name, tensor in found.items()}


def _report(own: dict[str, Tensor], found: dict[str, Tensor], fitting: list[str]) -> list[Json]:
    """Every tensor of the network, and those of the earlier model that found no place, with the reason."""
    lines = []
    for name, tensor in own.items():
        state, why = ("loaded", "") if name in fitting else ("new", "not in the earlier model")
        if name in found and name not in fitting:
            why = f"another size: {_size(found[name])} there, {_size(tensor)} here"
        lines.append({"name": name, "state": state, "size": _size(tensor), "why": why})
    return lines + [{"name": name, "state": "unused", "size": _size(tensor), "why": "not in this network"}
                    for name, tensor in found.items() if name not in own]


def _size(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "1"
