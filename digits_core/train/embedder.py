"""The learner of embeddings: pictures of one class come to lie close together."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from digits_core.data import pictures, planes
from digits_core.data.records import Records
from digits_core.evaluate import similarity
from digits_core.evaluate.predictions import Keeper
from digits_core.tasks.similarity import ModelOptions
from digits_core.train.batch import Batch
from digits_core.train.hardware import Hardware
from digits_core.train.learner import NetworkLearner
from digits_core.train.learner import Tally as AnyTally
from digits_core.train.loader import Loader
from digits_core.train.loss import AUXILIARY_WEIGHT
from digits_core.train.pair_loss import contrastive, ntxent

GALLERY = 2000
"""Training pictures that answers are compared with, at most."""
THUMB = 48
"""Longer side of their small pictures, in pixels."""
USUAL_BATCH = 64


class Embedder(NetworkLearner):
    """Learner of similarity; ``classes`` are the dimensions."""

    def __init__(self, network: nn.Module, classes: int, options: ModelOptions, hardware: Hardware,
                 counts: Sequence[int] = (), details: dict[str, Any] | None = None) -> None:
        super().__init__(network, classes, options, hardware, counts, details)
        self.pair_loss: Callable[[Tensor, Tensor], Tensor] = (
            functools.partial(contrastive, margin=options.margin) if options.pair_loss == "contrastive" else
            functools.partial(ntxent, temperature=options.temperature))

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See NetworkLearner."""
        outputs = self.model(batch.image_BCHW)
        main, *others = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = self._loss(main, batch.target)
        extra = [self._loss(other, batch.target) for other in others if other is not None]
        return loss, loss + AUXILIARY_WEIGHT * sum(extra) if extra else loss

    def _loss(self, outputs: Tensor, label_B: Tensor) -> Tensor:
        with torch.autocast(outputs.device.type, enabled=False):  # half precision cannot tell small distances
            return self.pair_loss(functional.normalize(outputs.float()), label_B)

    @torch.inference_mode()
    def tally(self, batches: Iterable[Batch], keeper: Keeper | None = None) -> similarity.Tally:
        """See Learner."""
        self.measured.eval()
        tally = similarity.Tally()
        for batch in batches:
            tally.add(functional.normalize(self.answers(batch)).cpu().numpy(), batch.target.cpu().numpy())
        tally.loss = self._measured_loss(tally)
        return tally

    def _measured_loss(self, tally: similarity.Tally) -> float:
        """As in training, over batches put together by chance: in a dataset's order classes may lie together."""
        embedding_ND, label_N = (torch.from_numpy(part) for part in (tally.embedding, tally.label))
        order = torch.from_numpy(np.random.default_rng(0).permutation(len(label_N))[:similarity.MOST])
        parts = order.split(max(2, self.options.batch_size or USUAL_BATCH))
        return float(np.mean([float(self._loss(embedding_ND[part], label_N[part])) for part in parts] or [0.0]))

    @torch.inference_mode()
    def reference(self, loader: Loader, measured: AnyTally | None) -> dict[str, NDArray[Any]]:
        """The gallery: ``embedding`` (N, D), ``label`` (N,) and ``thumb`` uint8 (N, C, h, w) of training pictures.

        With them goes the ``threshold`` (1,): a smaller distance means the same class.
        """
        records = loader.dataset.records("train")
        labels = records.labels()
        places = gallery(labels, GALLERY)
        self.measured.eval()
        embedding_ND = torch.cat([functional.normalize(self.answers(batch)) for batch in
                                  loader.measure("train", places)])
        threshold = measured.found.threshold if isinstance(measured, similarity.Tally) else similarity.USUAL
        return {"embedding": embedding_ND.cpu().numpy().astype(np.float16), "label": labels[places],
                "thumb": thumbs(records, places), "threshold": np.array([threshold], np.float32)}


def gallery(labels: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Positions of at most so many pictures, in turn one of each class, evenly spread over the class."""
    rounds: list[tuple[int, int]] = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        chosen = own[np.linspace(0, len(own) - 1, min(len(own), most)).astype(int)]
        rounds += [(number, int(place)) for number, place in enumerate(np.random.default_rng(0).permutation(chosen))]
    return np.sort([place for _, place in sorted(rounds)[:most]]).astype(np.int64)


def thumbs(records: Records, places: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Small pictures (N, C, h, w) of records."""
    made = []
    for record in records.records(places.tolist()):
        image = pictures.to_image(planes.shown(record.pixels()))
        image.thumbnail((THUMB, THUMB))
        made.append(np.atleast_3d(np.asarray(image)).transpose(2, 0, 1))
    return np.stack(made)
