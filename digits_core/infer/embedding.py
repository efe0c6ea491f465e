"""What reaches a network's last layer: the features by which it tells pictures apart."""

import base64
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

if TYPE_CHECKING:
    from digits_core.infer.answers import Found
    from digits_core.infer.predictor import Pixels, Predictor


def tap(network: nn.Module) -> Callable[[], Tensor]:
    """Let every layer with weights leave what it gets; the answer of the function is what the last one got.

    It answers for the calculation that the asking thread made last.
    """
    kept = threading.local()

    def keep(module: nn.Module, inputs: tuple[Any, ...]) -> None:  # a plain function: copies of the network share it
        if inputs and isinstance(inputs[0], Tensor):
            kept.features = inputs[0]

    for module in network.modules():
        if not list(module.children()) and next(module.parameters(), None) is not None:
            module.register_forward_pre_hook(keep)
    return lambda: kept.features


def embed(predictor: "Predictor", pictures: "list[Pixels]") -> "tuple[list[Found], list[str]]":
    """What ``predict`` gives, and the features of each picture: 16-bit floats in base64.

    Where a network's answers are embeddings, these are the features.
    """
    step = predictor.batch_size
    found, features = list["Found"](), list[str]()
    for at in range(0, len(pictures), step):
        part = pictures[at:at + step]
        found += predictor.predict(part)
        rows = (np.stack(found[-len(part):]) if predictor.embeds else
                _flat(predictor.last_input())[:len(part)].float().clamp(-6e4, 6e4).cpu().numpy())
        features += [base64.b64encode(row.astype("<f2").tobytes()).decode() for row in rows]
    return found, features


def _flat(features: Tensor) -> Tensor:
    """One row a picture: planes (and tokens) by their mean."""
    if features.ndim > 2 and features[0].numel() > 4096:
        features = features.flatten(2).mean(2) if features.ndim == 4 else features.mean(1)
    return features.flatten(1)
