"""What a network is made of: every layer with the shape it gives, its parameters and its work, before any training."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from digits_core.networks.build import count_parameters

Json = dict[str, Any]


def anatomy(network: nn.Module, input_shape: tuple[int, int, int]) -> list[Json]:
    """The layers in the order in which one picture passes them.

    Each with name, type, shape (of its output, without the batch), parameters, and flops (two for a multiplication
    with its addition, as torch.utils.flop_counter counts them). A layer that is used twice is there twice, its
    parameters once.
    """
    rows: list[Json] = []
    counted: set[str] = set()
    hooks = [module.register_forward_hook(_noting(name, rows, counted)) for name, module in network.named_modules()
             if not list(module.children())]
    device = next(network.parameters()).device
    network.eval()
    counter = FlopCounterMode(display=False)
    try:
        with torch.no_grad(), counter:
            network(torch.zeros(1, *input_shape, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    work = {name.partition(".")[2]: sum(counts.values()) for name, counts in counter.get_flop_counts().items()}
    for row in rows:
        row["flops"] = int(work.pop(row["name"], 0))
    return rows


def total(network: nn.Module, rows: list[Json]) -> Json:
    """Sums over the network: parameters and flops."""
    return {"parameters": count_parameters(network), "flops": sum(row["flops"] for row in rows)}


def _noting(name: str, rows: list[Json], counted: set[str]) -> Any:
    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        shape = list(output.shape[1:]) if isinstance(output, Tensor) else []
        parameters = 0 if name in counted else sum(parameter.numel() for parameter in module.parameters())
        counted.add(name)
        rows.append({"name": name, "type": type(module).__name__, "shape": shape, "parameters": parameters})
    return note
