"""What finds boxes, in words that an exported graph knows."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import torch
from torch import Tensor
from torchvision import ops
from torchvision.ops import boxes


@contextmanager
def traceable() -> Iterator[None]:
    """Within it torchvision looks for overlapping boxes in one way, whatever their number, and every sort is plain."""
    with mock.patch.object(boxes, "batched_nms", _batched_nms), mock.patch.object(ops, "batched_nms", _batched_nms), \
            mock.patch.object(Tensor, "sort", _sort):
        yield


def _sort(values: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> tuple[Tensor, Tensor]:
    """There is no stable sort in ONNX; ONNX Runtime's keeps the order of equal ones all the same."""
    found = torch.sort(values, dim=dim, descending=descending)
    return found.values, found.indices


def _batched_nms(box_N4: Tensor, score_N: Tensor, kind_N: Tensor, overlap: float) -> Tensor:
    """As torchvision's: each class is moved to a place of its own. There may be no box at all."""
    farthest = torch.cat([box_N4.flatten(), box_N4.new_zeros(1)]).max()
    away_N = kind_N.to(box_N4.dtype) * (farthest + 1)
    return ops.nms(box_N4 + away_N[:, None], score_N, overlap)
