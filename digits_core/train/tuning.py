"""Which weights learn, and how fast: frozen stages, and a slower backbone before the last layer."""

from typing import Any

from torch import nn

from digits_core.errors import BadData
from digits_core.networks.stages import loose, stages
from digits_core.train.fit_options import FitOptions

Group = dict[str, Any]


class Tuning:
    """The stages of a network, divided into frozen ones, the backbone and the last layer.

    Raises BadData when more stages shall learn than there are.
    """

    def __init__(self, network: nn.Module, options: FitOptions) -> None:
        row = stages(network)
        learning = options.trainable_stages or len(row)
        if learning > len(row):
            raise BadData(f"The network has {len(row)} stages; {learning} cannot be trained. Choose {len(row)} or "
                          "fewer, or 0 for all.")
        self.frozen = [module for stage in row[:len(row) - learning] for module in stage]
        for module in self.frozen:
            module.requires_grad_(False)
        for parameter in loose(network) if self.frozen else ():
            parameter.requires_grad_(False)
        self.last = {id(p) for stage in row[-1:] for module in stage for p in module.parameters()}
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        """Everything that learns, in the order in which the solver counts it."""
        self.rate = options.backbone_rate
        self.words = "; ".join(words for words, told in (
            (f"fine-tuning: the last {learning} of {len(row)} stages learn, the others are frozen", self.frozen),
            (f"all before the last layer learns at {self.rate:g} of the learning rate", self.rate != 1)) if told)
        if self.rate != 1:
            self.parameters = sorted(self.parameters, key=lambda p: id(p) in self.last)

    def groups(self) -> list[Group]:
        """For the solver; ``factor`` is what the learning rate is multiplied with."""
        if self.rate == 1:
            return [{"params": self.parameters, "factor": 1.0}]
        backbone = [p for p in self.parameters if id(p) not in self.last]
        last = [p for p in self.parameters if id(p) in self.last]
        return [{"params": group, "factor": factor} for group, factor in ((backbone, self.rate), (last, 1.0)) if group]

    def train(self, network: nn.Module) -> None:
        """Training mode for everything but the frozen stages, whose statistics must not move either."""
        network.train()
        for module in self.frozen:
            module.eval()
