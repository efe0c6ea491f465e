"""How many pictures to a step, found by doing some: what fits into a GPU, or what a processor is fastest with.

The answer is written down in the job's folder before training begins; a resumed training reads it there.
"""

import gc
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from digits_core import files
from digits_core.data.targets import TargetSpec
from digits_core.jobs.model import number
from digits_core.train.batch import Batch
from digits_core.train.hardware import Hardware
from digits_core.train.learner import Learner

Json = dict[str, Any]
FILE = "batch_size.json"
SIZES = tuple(2 ** power for power in range(3, 11))
STEPS_PER_EPOCH = 20
"""At least so many steps an epoch, or the smallest size: fewer teach little."""
SHARE = 0.8
"""Of the free memory of a GPU; the rest is for measuring, fragments and what else runs there."""
NEARLY = 0.92
"""Of the highest speed: a smaller batch that is nearly as fast learns more in an epoch."""
TRIED_S, SLOW_S = 0.4, 4.0
"""Seconds that a size is tried on a processor, and seconds of one step from which on no larger size is tried."""


class Probe:
    """Does steps with made-up pictures on a network of its own, which is gone afterwards."""

    def __init__(self, make: Callable[[], Learner], shape: tuple[int, ...], target: TargetSpec,
                 hardware: Hardware) -> None:
        self.make, self.shape, self.target, self.hardware = make, shape, target, hardware
        self.learner: Learner | None = None

    def batch(self, size: int) -> Batch:
        """Noise; neither time nor memory depends on what is on a picture."""
        chance = torch.Generator().manual_seed(size)
        image = torch.randn((size, *self.shape), generator=chance).to(
            self.hardware.device, memory_format=torch.channels_last)
        target = torch.from_numpy(self.target.made_up(size, self.shape)).to(self.hardware.device)
        return Batch(image, target, seed=size)

    def free(self) -> int:
        """Bytes of the GPU that can be used."""
        self.close()
        return int(torch.cuda.mem_get_info(self.hardware.device)[0])

    def needed(self, size: int) -> int | None:
        """Bytes of the GPU that training with batches of this size needs at most; None: more than there are."""
        try:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.hardware.device)
            self.step(size)
            if self.learner is None or self.learner.pieces > 1:
                return None
            return int(torch.cuda.max_memory_reserved(self.hardware.device))
        except torch.OutOfMemoryError:
            return None

    def seconds(self, size: int) -> float:
        """What a step takes, the best of some."""
        self.step(size)
        best, end = float("inf"), time.monotonic() + TRIED_S
        while True:
            start = time.perf_counter()
            self.step(size, 1)
            best = min(best, time.perf_counter() - start)
            if time.monotonic() > end:
                return best

    def step(self, size: int, times: int = 2) -> None:
        """Forward, backward and a move of the weights; the second time with all that the solver remembers."""
        self.learner = self.learner or self.make()
        batch = self.batch(size)
        for _ in range(times):
            self.learner.step(batch, 1e-6)["loss"].item()

    def close(self) -> None:
        """Give everything back."""
        self.learner = None
        gc.collect()
        if self.hardware.count:
            torch.cuda.empty_cache()


def sizes_for(entries: int) -> list[int]:
    """Powers of two that leave enough steps an epoch, smallest first."""
    return [size for size in SIZES if size * STEPS_PER_EPOCH <= entries] or [min(SIZES[0], entries)]


def largest_fitting(sizes: Sequence[int], needed: Callable[[int], int | None], limit: float) -> Json:
    """The largest size that needs no more than ``limit`` bytes; the smallest when none does."""
    tried: list[Json] = []
    best = sizes[0]
    for size in sizes:
        amount = needed(size)
        tried.append({"size": size, "bytes": amount})
        if amount is None or amount > limit:
            break
        best = size
    return {"batch_size": best, "limit_bytes": int(limit), "tried": tried}


def fastest(sizes: Sequence[int], seconds: Callable[[int], float]) -> Json:
    """The smallest size that is nearly as fast as the fastest, in pictures a second."""
    tried: list[Json] = []
    for size in sizes:
        taken = seconds(size)
        tried.append({"size": size, "images_per_s": size / taken})
        if taken > SLOW_S:
            break
    best = max(row["images_per_s"] for row in tried)
    size = next(row["size"] for row in tried if row["images_per_s"] >= NEARLY * best)
    return {"batch_size": size, "tried": tried}


def find(probe: Probe, entries: int, kept: int = 0) -> Json:
    """The size for so many training pictures on this hardware, and how it was found.

    ``kept`` are bytes of pictures that will lie in the memory of the GPU, if they fill no more than half of it.
    """
    sizes = sizes_for(entries)
    try:
        if probe.hardware.count:
            free = probe.free()
            found = largest_fitting(sizes, probe.needed, SHARE * (free - min(kept, free // 2)))
        else:
            found = fastest(sizes, probe.seconds)
    finally:
        probe.close()
    return {"v": 1, **found, "device": probe.hardware.describe()}


def recorded(folder: Path, probe: Probe, entries: int, kept: int = 0) -> Json:
    """The same, once for a job: what stands in its folder counts, so that a resumed training is the same training."""
    path = folder / FILE
    known = files.read_json(path) or {}
    if (number(known.get("batch_size")) or 0) >= 1:
        return {**known, "batch_size": int(known["batch_size"])}
    found = find(probe, entries, kept)
    files.write_atomic(path, found)
    return found


def words(found: Json) -> str:
    """What was found, for the log."""
    last = found["tried"][-1] if found.get("tried") else {}
    how = "the largest that fits into the memory of the GPU" if "bytes" in last else \
        "the smallest that is nearly as fast as the fastest"
    return f"batch size {found['batch_size']} was found by trying: {how} ({found.get('device', '')})"
