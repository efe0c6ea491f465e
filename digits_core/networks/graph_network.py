"""Builds a described network (digits_core.networks.graph); none of it is code of somebody else."""

from typing import Any

import torch
from torch import Tensor, nn

from digits_core.errors import BadData
from digits_core.networks.graph import PICTURE, Graph, for_classes
from digits_core.networks.graph_layers import module

LARGEST = 2**28
"""Values that one layer may make of one picture: 1 GB."""


class Block(nn.Module):
    """Layers by their names."""


def build(graph: Graph, input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """The network with random weights for pictures (channels, height, width).

    Raises BadData naming the layer that does not fit the ones before it.
    """
    graph = for_classes(graph, classes)
    network = GraphNetwork(graph)
    with torch.device("meta"):
        found = {PICTURE: torch.empty(1, *input_shape)}
    for part in graph.layers:
        inputs = [found[name] for name in part.inputs]
        try:
            with torch.device("meta"), torch.no_grad():
                found[part.name] = module(part, [x.shape for x in inputs]).eval()(*inputs)
            network.put(part.name, module(part, [x.shape for x in inputs]))
        except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
            shapes = ", ".join(" x ".join(map(str, x.shape[1:])) for x in inputs)
            raise BadData(f"The layer {part.name[:100]!r} cannot take {shapes}: {' '.join(str(error).split())[:200]}."
                          ) from None
        if not 0 < found[part.name].numel() <= LARGEST:
            raise BadData(f"The layer {part.name[:100]!r} makes {found[part.name].numel():,} values of one picture; "
                          f"1 to {LARGEST:,} are possible.")
    return network


class GraphNetwork(nn.Module):
    """Layers in Caffe's names; those with one name before a slash are a block, which is what freezing counts."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph, self.paths = graph, paths([part.name for part in graph.layers])
        self.layers = Block()
        last = {name: part.name for part in graph.layers for name in part.inputs}
        self.over: dict[str, list[str]] = {}
        """Whose outputs nobody needs after a layer."""
        for name, user in last.items():
            if name != graph.output:
                self.over.setdefault(user, []).append(name)

    def put(self, name: str, layer: nn.Module) -> None:
        """Give a layer its place."""
        block, _, rest = self.paths[name].partition(".")
        if not rest:
            self.layers.add_module(block, layer)
            return
        if block not in self.layers._modules:
            self.layers.add_module(block, Block())
        self.layers.get_submodule(block).add_module(rest, layer)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Logits (B, classes), of a dense network (B, classes, H, W)."""
        found: dict[str, Tensor] = {PICTURE: image_BCHW}
        for part in self.graph.layers:
            layer = self.layers.get_submodule(self.paths[part.name])
            found[part.name] = layer(*[found[name] for name in part.inputs])
            for name in self.over.get(part.name, ()):
                del found[name]
        logits = found[self.graph.output]
        return logits if self.graph.dense else logits.flatten(1)


def paths(names: list[str]) -> dict[str, str]:
    """Where each layer is inside ``layers``: "conv1", "inception_3a.1x1"; no two the same."""
    whole = {_word(name) for name in names if "/" not in name}
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        block, _, rest = name.partition("/")
        apart = bool(block and rest) and _word(block) not in whole
        path = ".".join(map(_word, (block, rest))) if apart else _word(name)
        while path in taken:
            path += "_"
        taken.add(path)
        found[name] = path
    return found


def _word(text: str) -> str:
    word: Any = text.replace(".", "_").replace("/", "_") or "_"
    return f"{word}_" if hasattr(Block(), word) else word
