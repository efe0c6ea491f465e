"""An exponential moving average of a network's weights: what is measured and saved instead of the last ones."""

import copy

import torch
from torch import Tensor, nn


class Average:
    """A second network whose weights follow the first one's, slowly. ``decay`` is what stays at each step.

    The first steps count more (decay at most (1 + n) / (10 + n)), so that random start weights are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.source, self.decay, self.updates = network, decay, 0
        self.network = copy.deepcopy(network).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self) -> None:
        """After each step of the solver. Whole numbers (counters of normalisations) are taken as they are."""
        self.updates += 1
        keep = min(self.decay, (1 + self.updates) / (10 + self.updates))
        new = self.source.state_dict()
        for name, old in self.network.state_dict().items():
            if old.is_floating_point():
                old.lerp_(new[name], 1 - keep)
            else:
                old.copy_(new[name])

    def state_dict(self) -> dict[str, Tensor]:
        """Weights and how often they were updated."""
        return {**{f"weights.{name}": tensor for name, tensor in self.network.state_dict().items()},
                "updates": torch.tensor(self.updates)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Become what ``state_dict`` gave; nothing (a state without it): start at the network as it is."""
        weights = {name.removeprefix("weights."): tensor for name, tensor in state.items() if name != "updates"}
        self.network.load_state_dict(weights or self.source.state_dict())
        self.updates = int(state["updates"]) if "updates" in state else 0
