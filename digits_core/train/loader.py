"""Batches ready for the network: pixels from a source, augmented and normalised on the device."""

import itertools
import os
from collections.abc import Generator, Iterator

import numpy as np

from digits_core.jobs.context import Context
from digits_core.train.augment import Transform
from digits_core.train.augment_options import MixOptions
from digits_core.train.batch import Batch
from digits_core.train.dataset import Dataset
from digits_core.train.hardware import Hardware
from digits_core.train.mixing import mixed
from digits_core.train.options import TrainOptions
from digits_core.train.plan import STEP, Plan, mix
from digits_core.train.sources import Packed, Positions, Source, Streamed, fits_in_memory, pack

LARGEST = 1 << 20
"""Values in a batch for measuring, at least: small pictures go through the network in larger batches."""


class Loader:
    """The splits of a dataset as batches."""

    def __init__(self, dataset: Dataset, options: TrainOptions, context: Context) -> None:
        self.dataset, self.options, self.context = dataset, options, context
        wanted = sum(dataset.split_bytes(split) for split in ("train", "val"))
        self.in_memory = options.loading == "memory" or (options.loading == "auto" and fits_in_memory(wanted))
        self.kept_bytes = wanted if self.in_memory else 0
        self._packed: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._sources: dict[str, Source] = {}

    def prepare(self) -> None:
        """Decode what is kept in memory. Before anything touches a GPU: it is done in forked processes."""
        words = "kept in memory" if self.in_memory else f"read by {self.options.workers} processes as they are needed"
        self.context.log(f"{self.dataset.entries['train']} pictures to train on, {words}")
        for split in ("train", "val"):
            if self.in_memory and self.dataset.has(split):
                self._packed[split] = pack(self.dataset.records(split), self.dataset.shape, self.dataset.dtype,
                                           self.dataset.target, self._tick)

    def _tick(self, share: float) -> None:
        self.context.check_stop()
        self.context.progress(0.0, "reading pictures", share=round(share, 2))

    def labels(self) -> Positions:
        """The class of every training picture. Only between ``prepare`` and ``attach``."""
        packed = self._packed.get("train")
        return packed[1] if packed else self.dataset.records("train").labels()

    def attach(self, transform: Transform, plan: Plan, hardware: Hardware) -> None:
        """Say where batches go; needed before the first is asked for."""
        self.transform, self.plan, self.hardware = transform, plan, hardware

    def train(self, step: int) -> Generator[Batch, None, None]:
        """All batches of the training that follow ``step``, over all its epochs."""
        groups = self._source("train").batches(self._groups(step))
        for number, (pixels, target) in enumerate(groups, step):
            seed = mix(self.plan.seed, STEP, number)
            share, last = self.plan.share(number)
            image, target = self.transform.random(pixels, target, seed)
            pair = mixed(image, self.options, seed) if isinstance(self.options, MixOptions) else None
            if pair is None:
                yield Batch(image, target, share, last, seed)
            else:
                yield Batch(pair.image_BCHW, target, share, last, seed, target[pair.partner_B], pair.share)

    def _groups(self, step: int) -> Iterator[Positions]:
        epoch, first = self.plan.place(step)
        size = self.plan.batch_size
        for number in itertools.count(epoch):
            if number * self.plan.steps_per_epoch >= self.plan.total:
                return
            order = self.plan.order(number)
            for start in range(first * size, len(order), size):
                yield order[start:start + size]
            first = 0

    def measure(self, split: str, places: Positions | None = None) -> Iterator[Batch]:
        """A split in its own order, or these of its pictures, once, without chance."""
        order = np.arange(self.dataset.entries[split]) if places is None else places
        size = max(self.plan.batch_size, min(1000, LARGEST // int(np.prod(self.dataset.shape))))
        groups = (order[start:start + size] for start in range(0, len(order), size))
        for pixels, target in self._source(split).batches(groups):
            yield Batch(*self.transform.plain(pixels, target))

    def _source(self, split: str) -> Source:
        if split not in self._sources:
            if split in self._packed:
                self._sources[split] = Packed(*self._packed.pop(split), self.hardware.device)
            else:
                workers = min(self.options.workers, os.cpu_count() or 1) if self.options.workers else 0
                self._sources[split] = Streamed(self.dataset.records(split), self.dataset.target, workers,
                                                self.hardware.device)
        return self._sources[split]
