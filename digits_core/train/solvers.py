"""The solvers of the form as PyTorch optimizers."""

from collections.abc import Callable, Iterable
from typing import Any

from torch import nn, optim

from digits_core.train.options import TrainOptions

Build = Callable[[Any, TrainOptions], optim.Optimizer]


def build_solver(parameters: Iterable[nn.Parameter] | list[dict[str, Any]], options: TrainOptions) -> optim.Optimizer:
    """The optimizer that ``options.solver`` names, with its options; fused kernels where PyTorch has them.

    ``parameters`` may come in groups, as PyTorch's optimizers take them.
    """
    return SOLVERS[options.solver](list(parameters), options)


def _sgd(momentum: bool, nesterov: bool = False) -> Build:
    def build(parameters: Any, options: TrainOptions) -> optim.Optimizer:
        share = options.momentum if momentum else 0.0
        return optim.SGD(parameters, momentum=share, nesterov=nesterov and share > 0, fused=True, **_common(options))

    return build


def _common(options: TrainOptions) -> dict[str, Any]:
    return {"lr": options.learning_rate, "weight_decay": options.weight_decay}


SOLVERS: dict[str, Build] = {
    "sgd": _sgd(momentum=False),
    "momentum": _sgd(momentum=True),
    "nesterov": _sgd(momentum=True, nesterov=True),
    "adam": lambda parameters, o: optim.Adam(parameters, fused=True, **_common(o)),
    "adamw": lambda parameters, o: optim.AdamW(parameters, fused=True, **_common(o)),
    "rmsprop": lambda parameters, o: optim.RMSprop(parameters, alpha=o.rms_decay, **_common(o)),
    "adagrad": lambda parameters, o: optim.Adagrad(parameters, **_common(o)),
    "adadelta": lambda parameters, o: optim.Adadelta(parameters, **_common(o)),
}
