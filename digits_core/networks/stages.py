"""A network as a row of stages, from input to output, whatever its author named them: what fine-tuning freezes."""

from torch import nn

NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)
APART = ("features", "classifier", "backbone", "head")
"""Containers that are rows of stages themselves."""
AUXILIARY = "aux"


def stages(network: nn.Module) -> list[list[nn.Module]]:
    """Blocks with weights in the order of their definition; a normalisation belongs to the block before it.

    Auxiliary heads are no stages: they learn whatever else is frozen.
    """
    found: list[list[nn.Module]] = []
    for module in _blocks(network):
        if isinstance(module, NORMS) and found:
            found[-1].append(module)
        else:
            found.append([module])
    return found


def _blocks(network: nn.Module) -> list[nn.Module]:
    blocks = []
    for name, child in network.named_children():
        if name.startswith(AUXILIARY) or not any(True for _ in child.parameters()):
            continue
        blocks += _blocks(child) if name in APART and any(True for _ in child.children()) else [child]
    return blocks
