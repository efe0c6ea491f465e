"""What a network is made of: every layer with the shape it gives, its parameters and its work, and who feeds whom."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from digits_core.networks.build import count_parameters

Json = dict[str, Any]
INPUT = -1
PASSING = {"size", "dim", "contiguous", "detach", "clone", "to", "float", "type", "register_hook", "is_contiguous",
           "__get__", "__set__"}
"""Functions that change nothing that a reader of the network wants to see."""


def anatomy(network: nn.Module, input_shape: tuple[int, int, int]) -> list[Json]:
    """The layers and functions in the order in which one picture passes them.

    Each with name, type, shape (of its output, without the batch), parameters, flops (two for a multiplication with
    its addition, as torch.utils.flop_counter counts them), and inputs: the rows whose output it takes, -1 for the
    picture. A layer that is used twice is there twice, its parameters once.
    """
    network.eval()
    picture = torch.zeros(1, *input_shape, device=next((p.device for p in network.parameters()), None))
    with torch.no_grad(), Work() as work:
        tracer = Tracer(lambda: work.flops)
        hooks = [hook for name, module in network.named_modules() if is_layer(module)
                 for hook in tracer.watch(name, module)]
        try:
            with tracer:
                tracer.origin[id(picture)] = {INPUT}
                network(picture)
        finally:
            for hook in hooks:
                hook.remove()
    return tracer.rows


def is_layer(module: nn.Module) -> bool:
    """Whether a module is one row: it has no parts, or is one of PyTorch's own that is more than a container."""
    containers = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
    return not list(module.children()) or (type(module).__module__.startswith("torch.nn.")
                                           and not isinstance(module, containers))


def total(network: nn.Module, rows: list[Json]) -> Json:
    """Sums over the network: parameters and flops."""
    return {"parameters": count_parameters(network), "flops": sum(row["flops"] for row in rows)}


class Work(TorchDispatchMode):
    """Counts flops as PyTorch's own counter does, which loads the compiler for it: two seconds of every look."""

    flops = 0
    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # PyTorch's switch: nothing is compiled here, so nothing need be kept from the compiler

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """See TorchDispatchMode."""
        given = kwargs or {}
        if not hasattr(func, "decompose"):  # a branch or a loop as one operation
            return func(*args, **given)
        with self:
            parts = func.decompose(*args, **given)
        if parts is not NotImplemented:
            return parts
        output = func(*args, **given)
        if func.overloadpacket in flop_registry:
            self.flops += flop_registry[func.overloadpacket](*args, **given, out_val=output)
        return output


class Tracer(TorchFunctionMode):
    """Notes layers and the functions between them while a network runs, and which tensor came out of which."""

    def __init__(self, flops: Callable[[], int]) -> None:
        super().__init__()
        self.rows: list[Json] = []
        self.origin: dict[int, set[int]] = {}
        """Of each tensor, by its id, the rows that it came out of."""
        self._flops, self._inside, self._before = flops, 0, 0
        self._kept: list[Any] = []  # an id is a tensor's only as long as the tensor lives
        self._counted: set[int] = set()

    def watch(self, name: str, module: nn.Module) -> list[Any]:
        """Hooks that note every use of one layer."""
        def enter(module: nn.Module, inputs: Any) -> None:
            if not self._inside:
                self._before = self._flops()
            self._inside += 1

        def leave(module: nn.Module, inputs: Any, kwargs: Any, output: Any) -> None:
            if self._inside == 1:
                own = [p for p in module.parameters() if id(p) not in self._counted]
                self._counted.update(map(id, own))
                self._note(name, type(module).__name__, sum(p.numel() for p in own), (inputs, kwargs), output)
            self._inside -= 1  # last: what was asked here is no part of the network

        return [module.register_forward_pre_hook(enter),
                module.register_forward_hook(leave, with_kwargs=True)]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """See TorchFunctionMode."""
        if self._inside:
            return func(*args, **(kwargs or {}))
        self._inside += 1  # what a function calls itself is its own affair
        self._before = self._flops()
        try:
            output = func(*args, **(kwargs or {}))
            name = getattr(func, "__name__", "")
            if name in PASSING:
                self._pass(args, output)
            else:
                self._note("", name.strip("_"), 0, (args, kwargs), output)
        finally:
            self._inside -= 1
        return output

    def _sources(self, inputs: Any) -> set[int]:
        return set().union(*(self.origin.get(id(leaf), set()) for leaf in tree_leaves(inputs)))

    def _pass(self, inputs: Any, output: Any) -> None:
        sources = self._sources(inputs)
        for tensor in (leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)):
            self.origin.setdefault(id(tensor), sources)
            self._kept.append(tensor)

    def _note(self, name: str, kind: str, parameters: int, inputs: Any, output: Any) -> None:
        tensors = [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]
        sources = self._sources(inputs)
        if not tensors or not sources:  # a shape, a constant: the picture did not come this way
            return
        self.rows.append({"name": name or kind, "type": kind, "shape": list(tensors[0].shape[1:]),
                          "parameters": parameters, "flops": int(self._flops() - self._before),
                          "inputs": sorted(sources)})
        for tensor in tensors:
            self.origin[id(tensor)] = {len(self.rows) - 1}
            self._kept.append(tensor)
