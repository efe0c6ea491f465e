"""A task's side of training: it owns the network and the solver, and knows what a step is."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from digits_core.evaluate import classification
from digits_core.evaluate.predictions import Keeper
from digits_core.train.average import Average
from digits_core.train.batch import Batch
from digits_core.train.hardware import Hardware
from digits_core.train.loss import Loss, class_weights
from digits_core.train.options import ClassifierOptions, TrainOptions
from digits_core.train.solvers import build_solver
from digits_core.train.tuning import Tuning

if TYPE_CHECKING:
    from digits_core.train.loader import Loader


class Tally(Protocol):
    """Everything there is to know about a network's answers."""

    def metrics(self) -> dict[str, float]:
        """The figures to watch; shares are 0..1."""
        ...

    def report(self, labels: list[str]) -> dict[str, Any]:
        """Everything for an evaluation file; ``labels`` are the names of the outputs in order."""
        ...


class Learner(Protocol):
    """What the loop needs of a task. A learner owns networks *and* solvers."""

    pieces: int
    """In how many parts a batch is computed: 1, or more where the memory of the GPU was too small."""
    measured_pieces: int
    """The same for measuring, whose batches are larger; never less than ``pieces``."""
    about: str
    """What is special about it, for the log; may be empty."""

    def step(self, batch: Batch, lr: float) -> dict[str, Tensor]:
        """Learn from one batch. The metrics stay on the device; "loss" is among them, a mean over the batch."""
        ...

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Measure without learning; no weight and no statistic changes. Every value is on the usual scale, 0..1."""
        ...

    def tally(self, batches: Iterable[Batch], keeper: Keeper | None = None) -> Tally:
        """The same in full. ``keeper`` is given every single answer."""
        ...

    def keeper(self, labels: list[str], entries: int) -> Keeper | None:
        """What keeps every answer to so many pictures, where the task has such a thing."""
        ...

    def reference(self, loader: "Loader", measured: Tally | None) -> dict[str, NDArray[Any]]:
        """What answers with the weights that are loaded need beside them; ``measured`` is their validation."""
        ...

    def samples(self) -> NDArray[np.uint8] | None:
        """A sheet (C, H, W) of pictures that it makes by now, always of the same kind; None where it makes none."""
        ...

    def weights(self) -> dict[str, Tensor]:
        """What inference needs, under the network's own names; what ``evaluate`` measures."""
        ...

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Measure with these weights from now on."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Everything needed to go on bit by bit, half-summed gradients included."""
        ...

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Become what ``state_dict`` described. Raises KeyError or RuntimeError when it is of another network."""
        ...


class NetworkLearner:
    """Learner with one network and one solver; a task adds what its loss is and how its answers are counted.

    ``classes`` are the network's outputs, ``counts`` what the training pictures hold of each, ``details`` what the
    dataset's source told about the task.
    """

    def __init__(self, network: nn.Module, classes: int, options: TrainOptions, hardware: Hardware,
                 counts: Sequence[int] = (), details: dict[str, Any] | None = None) -> None:
        self.hardware, self.classes, self.options, self.clip_norm = hardware, classes, options, options.clip_norm
        # channels_last: 1.5 times as fast with LeNet on a CPU (measured), and what GPUs want.
        self.network = network.to(hardware.device).to(memory_format=torch.channels_last)
        self.average = Average(self.network, options.ema) if options.ema else None
        self.model = self._spread(self.network)
        self.measured = self._spread(self.average.network) if self.average else self.model
        self.tuning = Tuning(self.network, options)
        self.tuning.train(self.network)
        self.about = self.tuning.words
        self.solver = build_solver(self.groups(), options)
        self.scaler = torch.amp.GradScaler(hardware.device.type, enabled=hardware.needs_scaler)
        self.pieces = self.measured_pieces = 1

    def groups(self) -> list[dict[str, Any]]:
        """What the solver moves: groups with a "factor" on the learning rate, in the order of tuning.parameters."""
        return self.tuning.groups()

    def _spread(self, network: nn.Module) -> nn.Module:
        count = self.hardware.count
        return nn.DataParallel(network, list(range(count))) if count > 1 else network

    def step(self, batch: Batch, lr: float) -> dict[str, Tensor]:
        """See Learner."""
        if not self.network.training:
            self.tuning.train(self.network)
        loss = self._sum_gradients(batch)
        if batch.last:
            self._move(lr)
        return {"loss": loss}

    def _sum_gradients(self, batch: Batch) -> Tensor:
        """Add the batch's gradient; where the memory is too small, again in twice as many pieces."""
        while True:
            before: list[Tensor | None] = []
            try:
                before = [None if p.grad is None else p.grad.clone() for p in self.tuning.parameters]
                return self._backward(batch)
            except torch.OutOfMemoryError:
                if self.pieces >= len(batch.target):
                    raise
            # Outside of the handler: the exception no longer holds on to what filled the memory.
            for parameter, gradient in zip(self.tuning.parameters, before, strict=False):
                parameter.grad = gradient
            self.pieces *= 2
            self._make_room()

    def _make_room(self) -> None:
        if self.hardware.count:
            torch.cuda.empty_cache()

    def _backward(self, batch: Batch) -> Tensor:
        self.hardware.seed(batch.seed)
        losses = []
        for piece in batch.pieces(self.pieces) if self.pieces > 1 else (batch,):
            with self.hardware.autocast():
                loss, total = self.losses(piece)
            self.scaler.scale(total if piece.share == 1 else total * piece.share).backward()
            losses.append(loss.detach() * (piece.share / batch.share) if self.pieces > 1 else loss.detach())
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum(0)

    def _move(self, lr: float) -> None:
        """One step of the solver with the gradient that is summed."""
        for group in self.solver.param_groups:
            group["lr"] = lr * group["factor"]
        if self.clip_norm:
            self.scaler.unscale_(self.solver)
            nn.utils.clip_grad_norm_(self.tuning.parameters, self.clip_norm)
        self.scaler.step(self.solver)
        self.scaler.update()
        self.solver.zero_grad()
        if self.average:
            self.average.update()

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """See Learner."""
        return self.tally(batches).metrics()

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss to show (or a row of several) and the loss to learn from, all means over the batch."""
        raise NotImplementedError

    def tally(self, batches: Iterable[Batch], keeper: Keeper | None = None) -> Tally:
        """See Learner."""
        raise NotImplementedError

    def keeper(self, labels: list[str], entries: int) -> Keeper | None:
        """See Learner."""
        return None

    def reference(self, loader: "Loader", measured: Tally | None) -> dict[str, NDArray[Any]]:
        """See Learner."""
        return {}

    def samples(self) -> NDArray[np.uint8] | None:
        """See Learner."""
        return None

    def answers(self, batch: Batch) -> Any:
        """What the network says about a batch; where the memory is too small, asked in twice as many pieces.

        A tensor (B, ...) in float32, or a list with an entry for each picture.
        """
        self.measured_pieces = max(self.pieces, self.measured_pieces)
        while True:
            try:
                found = [self.measured(piece.image_BCHW) for piece in batch.pieces(self.measured_pieces)]
                if isinstance(found[0], Tensor):
                    return torch.cat(found).float()
                return [answer for part in found for answer in part]
            except torch.OutOfMemoryError:
                if self.measured_pieces >= len(batch.target):
                    raise
            # Outside of the handler, as above.
            self.measured_pieces *= 2
            self._make_room()

    def _shown(self) -> nn.Module:
        return self.average.network if self.average else self.network

    def weights(self) -> dict[str, Tensor]:
        """See Learner."""
        return _on_cpu(self._shown().state_dict())

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """See Learner."""
        self._shown().load_state_dict(weights)

    def state_dict(self) -> dict[str, Tensor]:
        """See Learner."""
        state: dict[str, Any] = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        for index, values in self.solver.state_dict()["state"].items():
            state |= {f"solver.{index}.{key}": value for key, value in values.items() if value is not None}
        for name, parameter in self.network.named_parameters():
            if parameter.grad is not None:
                state[f"gradient.{name}"] = parameter.grad
        for key, value in self.scaler.state_dict().items():
            state[f"scaler.{key}"] = torch.tensor(value, dtype=torch.float64)
        if self.average:
            state |= {f"average.{name}": tensor for name, tensor in self.average.state_dict().items()}
        return _on_cpu({**state, "pieces": torch.tensor(self.pieces)})

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """See Learner."""
        self.network.load_state_dict(_below(state, "network."))
        values: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _below(state, "solver.").items():
            index, _, key = name.partition(".")
            values.setdefault(int(index), {})[key] = _like(self.tuning.parameters[int(index)], tensor)
        self.solver.load_state_dict({**self.solver.state_dict(), "state": values})
        gradients = _below(state, "gradient.")
        for name, parameter in self.network.named_parameters():
            parameter.grad = _like(parameter, gradients[name]) if name in gradients else None
        scaling = _below(state, "scaler.")
        if self.scaler.is_enabled() and scaling:
            self.scaler.load_state_dict({key: type(value)(scaling[key].item())
                                         for key, value in self.scaler.state_dict().items()})
        if self.average:
            self.average.load_state_dict(_below(state, "average."))
        self.pieces = int(state.get("pieces", torch.tensor(1)))


class Classifier(NetworkLearner):
    """Learner of image classification."""

    def __init__(self, network: nn.Module, classes: int, options: ClassifierOptions, hardware: Hardware,
                 counts: Sequence[int] = (), details: dict[str, Any] | None = None) -> None:
        super().__init__(network, classes, options, hardware, counts, details)
        self.loss = Loss(options, class_weights(options.class_weights, list(counts)), hardware.device)

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See NetworkLearner."""
        return self.loss(self.model(batch.image_BCHW), batch)

    @torch.inference_mode()
    def tally(self, batches: Iterable[Batch], keeper: Keeper | None = None) -> classification.Tally:
        """See Learner; in float32, as inference answers."""
        self.measured.eval()
        tally = classification.Tally(self.classes)
        for batch in batches:
            logits_BK, truth_B = self.answers(batch).cpu().numpy(), batch.target.cpu().numpy()
            tally.add_logits(logits_BK, truth_B)
            if keeper is not None:
                keeper.add_logits(logits_BK, truth_B)
        return tally

    def keeper(self, labels: list[str], entries: int) -> Keeper:
        """See Learner."""
        return Keeper(labels, entries)


def _on_cpu(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}


def _below(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _like(parameter: Tensor, tensor: Tensor) -> Tensor:
    """A copy in the parameter's own memory layout: fused solvers go through both in the order of memory."""
    if tensor.shape != parameter.shape:
        return tensor.clone()
    return torch.empty_like(parameter).copy_(tensor).detach()
