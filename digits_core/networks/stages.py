"""A network as a row of stages, from input to output, whatever its author named them: what fine-tuning freezes."""

from torch import nn

NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)
APART = ("features", "classifier", "backbone", "head", "layers", "encoder", "blocks")
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
        if name.lower().startswith(AUXILIARY) or not any(True for _ in child.parameters()):
            continue
        blocks += _blocks(child) if name in APART and any(True for _ in child.children()) else [child]
    return blocks


def loose(network: nn.Module) -> list[nn.Parameter]:
    """Weights that belong to no stage because their container was taken apart, as the position codes of a ViT.

    They act on the input, so they are frozen with the first stage. Auxiliary heads are not among them.
    """
    inside = {id(p) for stage in stages(network) for module in stage for p in module.parameters()}
    return [p for name, p in network.named_parameters()
            if id(p) not in inside and not name.lower().startswith(AUXILIARY)]
