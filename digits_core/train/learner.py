"""The classifier's side of training: it owns the network and the solver, and knows what a step is."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from digits_core.evaluate.classification import Tally
from digits_core.evaluate.predictions import Keeper
from digits_core.train.hardware import Hardware
from digits_core.train.options import TrainOptions
from digits_core.train.solvers import build_solver

AUXILIARY_WEIGHT = 0.3
"""Share of each auxiliary head's loss. Source: GoogLeNet, https://arxiv.org/abs/1409.4842, section 5."""


class Batch(NamedTuple):
    """Pictures ready for the network, on its device.

    ``share`` weighs the batch in the gradient it is summed into and ``last`` tells that this gradient is complete;
    ``seed`` decides every random number of the step.
    """

    image_BCHW: Tensor
    label_B: Tensor
    share: float = 1.0
    last: bool = True
    seed: int = 0


class Learner(Protocol):
    """What the loop needs of a task. A learner owns networks *and* solvers."""

    def step(self, batch: Batch, lr: float) -> dict[str, Tensor]:
        """Learn from one batch. The metrics stay on the device; "loss" is among them, a mean over the batch."""
        ...

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Measure without learning; no weight and no statistic changes. Every value is on the usual scale, 0..1."""
        ...

    def weights(self) -> dict[str, Tensor]:
        """What inference needs, under the network's own names."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Everything needed to go on bit by bit, half-summed gradients included."""
        ...

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Become what ``state_dict`` described. Raises KeyError or RuntimeError when it is of another network."""
        ...


class Classifier:
    """Learner of image classification: cross entropy, auxiliary heads where the network has them."""

    def __init__(self, network: nn.Module, classes: int, options: TrainOptions, hardware: Hardware) -> None:
        self.hardware, self.classes = hardware, classes
        # channels_last: 1.5 times as fast with LeNet on a CPU (measured), and what GPUs want.
        self.network = network.to(hardware.device).to(memory_format=torch.channels_last)
        self.model = nn.DataParallel(self.network, list(range(hardware.count))) if hardware.count > 1 else self.network
        self.solver = build_solver(self.network.parameters(), options)
        self.scaler = torch.amp.GradScaler(hardware.device.type, enabled=hardware.needs_scaler)

    def step(self, batch: Batch, lr: float) -> dict[str, Tensor]:
        """See Learner."""
        if not self.network.training:
            self.network.train()
        self.hardware.seed(batch.seed)
        with self.hardware.autocast():
            loss, total = self._losses(self.model(batch.image_BCHW), batch.label_B)
        self.scaler.scale(total if batch.share == 1 else total * batch.share).backward()
        if batch.last:
            for group in self.solver.param_groups:
                group["lr"] = lr
            self.scaler.step(self.solver)
            self.scaler.update()
            self.solver.zero_grad()
        return {"loss": loss.detach()}

    def _losses(self, outputs: Tensor | tuple[Tensor, ...], label_B: Tensor) -> tuple[Tensor, Tensor]:
        """The loss people compare with validation, and the one to learn from."""
        main, *others = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = functional.cross_entropy(main, label_B)
        extra = [functional.cross_entropy(logits, label_B) for logits in others if logits is not None]
        return loss, loss + AUXILIARY_WEIGHT * sum(extra) if extra else loss

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """See Learner."""
        return self.tally(batches).metrics()

    @torch.inference_mode()
    def tally(self, batches: Iterable[Batch], keeper: Keeper | None = None) -> Tally:
        """Everything there is to know about the network's answers; in float32, as inference gives them.

        ``keeper`` is given every single answer.
        """
        self.network.eval()
        tally = Tally(self.classes)
        for batch in batches:
            logits_BK, truth_B = self.model(batch.image_BCHW).float().cpu().numpy(), batch.label_B.cpu().numpy()
            tally.add_logits(logits_BK, truth_B)
            if keeper is not None:
                keeper.add_logits(logits_BK, truth_B)
        return tally

    def weights(self) -> dict[str, Tensor]:
        """See Learner."""
        return {name: tensor.detach().cpu().contiguous() for name, tensor in self.network.state_dict().items()}

    def state_dict(self) -> dict[str, Tensor]:
        """See Learner."""
        state = {f"network.{name}": tensor for name, tensor in self.weights().items()}
        for index, values in self.solver.state_dict()["state"].items():
            state |= {f"solver.{index}.{key}": value for key, value in values.items() if value is not None}
        for name, parameter in self.network.named_parameters():
            if parameter.grad is not None:
                state[f"gradient.{name}"] = parameter.grad
        for key, value in self.scaler.state_dict().items():
            state[f"scaler.{key}"] = torch.tensor(value, dtype=torch.float64)
        return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """See Learner."""
        self.network.load_state_dict(_below(state, "network."))
        parameters = dict(self.network.named_parameters())
        values: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _below(state, "solver.").items():
            index, _, key = name.partition(".")
            values.setdefault(int(index), {})[key] = _like(list(parameters.values())[int(index)], tensor)
        self.solver.load_state_dict({**self.solver.state_dict(), "state": values})
        gradients = _below(state, "gradient.")
        for name, parameter in parameters.items():
            parameter.grad = _like(parameter, gradients[name]) if name in gradients else None
        scaling = _below(state, "scaler.")
        if self.scaler.is_enabled() and scaling:
            self.scaler.load_state_dict({key: type(value)(scaling[key].item())
                                         for key, value in self.scaler.state_dict().items()})


def _below(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _like(parameter: Tensor, tensor: Tensor) -> Tensor:
    """A copy in the parameter's own memory layout: fused solvers go through both in the order of memory."""
    if tensor.shape != parameter.shape:
        return tensor.clone()
    return torch.empty_like(parameter).copy_(tensor).detach()
