"""Start weights from an earlier model: whatever fits by name and shape."""

from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import nn

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
    fitting = {name for name, tensor in own.items() if name in found and found[name].shape == tensor.shape}
    if not fitting:
        raise BadData(f"No weight of model {options.start_model} fits the network {options.network}. Choose the same "
                      "network as that model, or start from scratch.")
    with torch.no_grad():
        for name in fitting:
            own[name].copy_(found[name])
    facts = {"model": options.start_model, "epoch": row["epoch"], "loaded": len(fitting), "of": len(found),
             "new": len(own) - len(fitting)}
    context.log(f"started from {options.start_model}, epoch {row['epoch']:g}: {facts['loaded']} of {facts['of']} "
                f"tensors loaded, {facts['new']} new")
    return facts
