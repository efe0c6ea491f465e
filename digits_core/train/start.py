"""Start weights from an earlier model: whatever fits by name and shape, the first layer also for other channels."""

from collections.abc import Callable
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from digits_core.errors import BadData
from digits_core.jobs.checkpoints import find_checkpoint
from digits_core.jobs.context import Context
from digits_core.train.checkpoints import read_weights
from digits_core.train.options import TrainOptions

Json = dict[str, Any]


def load_start(network: nn.Module, options: TrainOptions, context: Context) -> Json:
    """Copy the weights of ``options.start_model`` into ``network``; says how many fitted, in numbers for the record.

    Raises NotFound or BadData when the checkpoint is gone or damaged, and when nothing of it fits.
    """
    if not options.start_model:
        return {}
    folder = context.store.folder(options.start_model).checkpoints
    row = find_checkpoint(folder, options.start_checkpoint, f"The model {options.start_model}")
    try:
        found = safetensors.torch.load(read_weights(folder, row))
    except safetensors.SafetensorError as error:
        raise BadData(f"The weights {row['file']} are no safetensors file: {error}.") from None
    own = network.state_dict()
    adopt: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = getattr(network, "adopt", None)
    if adopt is not None:  # it is built on a classifier, whose weights have other names or shapes there
        found = adopt(found)
    found = without_prefix(found, own)
    first = _adapt_first(found, own)
    fitting = [name for name, tensor in own.items() if name in found and found[name].shape == tensor.shape]
    if not fitting:
        raise BadData(f"No weight of model {options.start_model} fits the network {options.network}. Choose the same "
                      "network as that model, or start from scratch.")
    with torch.no_grad():
        for name in fitting:
            own[name].copy_(found[name])
    facts = {"model": options.start_model, "epoch": row["epoch"], "loaded": len(fitting), "of": len(found),
             "new": len(own) - len(fitting), "adapted": len(first), "tensors": _report(own, found, fitting, first)}
    context.log(f"started from {options.start_model}, epoch {row['epoch']:g}: {facts['loaded']} of {facts['of']} "
                f"tensors loaded{', one of them adapted' if first else ''}, {facts['new']} new")
    for line in (line for line in facts["tensors"] if line["state"] != "loaded"):
        context.log(f"  {line['state']}: {line['name']} {line['why']}")
    return facts


def without_prefix(found: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights without the prefix (module., backbone. ...) that wrapping gave all their names, where that fits."""
    prefixes = {"", *(f"{name.split('.')[0]}." for name in found)}

    def fits(prefix: str) -> int:
        return sum(name.removeprefix(prefix) in own for name in found if name.startswith(prefix))

    best = max(sorted(prefixes), key=fits)
    return {name.removeprefix(best): tensor for name, tensor in found.items()}


def _adapt_first(found: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, str]:
    """Make the first convolution fit pictures of another number of channels; says what was done, by its name.

    Its weights are summed over the old channels and divided evenly among the new ones, so that a grey picture, in
    however many channels, gives what it gave before.
    """
    name = next((name for name, tensor in own.items() if tensor.dim() == 4), "")
    if name not in found or found[name].dim() != 4:
        return {}
    before, after = found[name], own[name]
    if before.shape[1] == after.shape[1] or (before.shape[0], *before.shape[2:]) != (after.shape[0], *after.shape[2:]):
        return {}
    channels = after.shape[1]
    found[name] = (before.sum(1, keepdim=True) / channels).expand(-1, channels, -1, -1)
    done = ["summed over them"] * (before.shape[1] > 1) + [f"divided among {channels}"] * (channels > 1)
    return {name: f"there {before.shape[1]} channel{'s' * (before.shape[1] > 1)}: {', '.join(done)}"}


def _report(own: dict[str, Tensor], found: dict[str, Tensor], fitting: list[str],
            adapted: dict[str, str]) -> list[Json]:
    """Every tensor of the network, and those of the earlier model that found no place, with the reason."""
    lines = []
    for name, tensor in own.items():
        state, why = ("loaded", "") if name in fitting else ("new", "not in the earlier model")
        if name in found and name not in fitting:
            why = f"another size: {_size(found[name])} there, {_size(tensor)} here"
        if name in adapted:
            state, why = "adapted", adapted[name]
        lines.append({"name": name, "state": state, "size": _size(tensor), "why": why})
    return lines + [{"name": name, "state": "unused", "size": _size(tensor), "why": "not in this network"}
                    for name, tensor in found.items() if name not in own]


def _size(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "1"
