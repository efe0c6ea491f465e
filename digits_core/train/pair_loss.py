"""Losses that compare all pictures of a batch with each other. Embeddings (B, D) have length 1, labels are (B,)."""

import torch
from torch import Tensor
from torch.nn import functional

CLOSEST = 1e-12
"""Smallest squared distance: the root has no slope at 0."""


def contrastive(embedding_BD: Tensor, label_B: Tensor, margin: float) -> Tensor:
    """Squared distances of pairs of a class, and squared shortfalls from the margin of all others, half and half.

    Each kind is averaged by itself: among many classes pairs of one class are rare. Source: Hadsell, Chopra and LeCun
    (2006), Dimensionality reduction by learning an invariant mapping.
    """
    squared_BB = (2 - 2 * embedding_BD @ embedding_BD.T).clamp(min=CLOSEST)
    same_BB = label_B[:, None] == label_B
    pairs_BB = torch.ones_like(same_BB).triu(1)
    short_BB = (margin - squared_BB.sqrt()).clamp(min=0) ** 2
    return (_mean(squared_BB, same_BB & pairs_BB) + _mean(short_BB, ~same_BB & pairs_BB)) / 2


def ntxent(embedding_BD: Tensor, label_B: Tensor, temperature: float) -> Tensor:
    """Cross entropy of finding the pictures of one's class among all others of the batch.

    Source: Khosla et al. (2020), https://arxiv.org/abs/2004.11362, equation 2.
    """
    oneself_BB = torch.eye(len(label_B), dtype=torch.bool, device=label_B.device)
    logits_BB = (embedding_BD @ embedding_BD.T / temperature).masked_fill(oneself_BB, -1e9)
    same_BB = (label_B[:, None] == label_B) & ~oneself_BB
    of_own_B = (functional.log_softmax(logits_BB, 1) * same_BB).sum(1) / same_BB.sum(1).clamp(min=1)
    return _mean(-of_own_B, same_BB.any(1))


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Over the chosen ones; 0 where there are none."""
    return (values * chosen).sum() / chosen.sum().clamp(min=1)
