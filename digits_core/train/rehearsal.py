"""A few real steps of a training before it is started: how long it takes, what it needs, which learning rate suits.

A process of its own, see digits_core.jobs.child. It writes nothing into any job.
"""

import itertools
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import torch

from digits_core.errors import BadData
from digits_core.jobs import confine
from digits_core.jobs.child import answer
from digits_core.jobs.devices import cpu_count
from digits_core.jobs.store import JobStore
from digits_core.networks import usual_batch_size
from digits_core.networks.build import build_network
from digits_core.networks.custom import CUSTOM
from digits_core.options import check
from digits_core.tasks import model_task
from digits_core.train.augment import Transform, moves
from digits_core.train.batch import Batch
from digits_core.train.batch_size import Probe, find
from digits_core.train.dataset import Dataset, Preprocessing
from digits_core.train.hardware import choose_hardware
from digits_core.train.learner import Learner
from digits_core.train.plan import INIT, STEP, Plan, mix
from digits_core.train.range_test import STEPS, RangeTest, rate
from digits_core.train.sources import fits_in_memory
from digits_core.train.start import load_start

Json = dict[str, Any]
BATCHES = 16
"""Different batches that are used; they are decoded once and then repeated."""
WARM, MEASURED_S, MEASURED = 3, 6.0, 30
"""Steps that do not count, and how long and how many steps are measured."""
FINDING_S = 90.0


class Rehearsal:
    """A training's parts, without a job. Raises a DigitsError when the options do not suit the dataset."""

    def __init__(self, jobs_dir: Path, dataset: str, values: Json, gpus: int) -> None:
        self.store = JobStore(jobs_dir)
        folder = self.store.folder(dataset)
        self.dataset, self.task = Dataset.read(folder), model_task(self.store.get(dataset).job.task, values["task"])
        self.options = check(self.task.model_options, values)
        self.hardware = choose_hardware(gpus, self.options.precision)
        self.preprocessing = Preprocessing.of(self.dataset, self.options)
        entries = self.dataset.entries["train"]
        size = min(self.options.batch_size or usual_batch_size(self.options.network), entries)
        self.plan = Plan(self.options, entries, size, self.options.seed or 0)
        if self.options.auto_batch:
            self.plan = replace(self.plan, batch_size=self._found())

    def _found(self) -> int:
        """The batch size that a training would find for itself."""
        probe = Probe(self.learner, self.preprocessing.input_shape, self.dataset.target, self.hardware)
        return int(find(probe, self.dataset.entries["train"], self._pictures())["batch_size"])

    def read(self) -> None:
        """Decode some batches to try the network on."""
        start = time.perf_counter()
        self.raw = list(self._raw())
        self.decode_s = (time.perf_counter() - start) / sum(len(target) for _, target in self.raw)

    def log(self, message: str) -> None:
        """What a start from another model tells; nobody reads it here."""

    def learner(self) -> Learner:
        """A fresh one, with the training's own start weights."""
        torch.manual_seed(mix(self.plan.seed, INIT))
        outputs = self.preprocessing.outputs
        network = build_network(self.options.network, self.preprocessing.input_shape, outputs,
                                self.options.network_source, self.options.network_values)
        load_start(network, self.options, self)  # type: ignore[arg-type]
        made: Learner = resolve_name(self.task.learner)(
            network, outputs, self.options, self.hardware, self.dataset.class_counts(), self.dataset.details)
        return made

    def _raw(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        records, size = self.dataset.records("train"), self.plan.batch_size
        order = self.plan.order(0)
        for start in range(0, min(len(order), BATCHES * size), size):
            yield records.batch([int(place) for place in order[start:start + size]], self.dataset.target)

    def batches(self) -> Iterator[Batch]:
        """Augmented and normalised as in training, again and again."""
        transform = Transform(self.preprocessing, self.options, self.hardware.device, moves(self.task))
        for number, pair in enumerate(itertools.cycle(self.raw)):
            seed = mix(self.plan.seed, STEP, number)
            pixels, target = (torch.from_numpy(array).to(self.hardware.device) for array in pair)
            yield Batch(*transform.random(pixels, target, seed), seed=seed)

    def estimate(self) -> Json:
        """Seconds, bytes of memory and bytes on disk that the training will take."""
        learner, batches = self.learner(), self.batches()
        for _ in range(WARM):
            learner.step(next(batches), 1e-6)["loss"].item()
        times: list[float] = []
        while len(times) < MEASURED and sum(times) < MEASURED_S:
            start = time.perf_counter()
            learner.step(next(batches), 1e-6)["loss"].item()
            times.append(time.perf_counter() - start)
        start = time.perf_counter()
        learner.evaluate([next(batches)])
        measure_s = (time.perf_counter() - start) / self.plan.batch_size
        return {**self._time(float(np.median(times)), measure_s), **self._needs(learner),
                "device": self.hardware.describe(), "batch_size": self.plan.batch_size,
                "steps_per_epoch": self.plan.steps_per_epoch}

    def _time(self, step_s: float, measure_s: float) -> Json:
        entries, options = self.dataset.entries, self.options
        interval = options.val_interval
        measuring = measure_s * entries.get("val", 0) / interval if interval else 0.0
        in_memory = self._in_memory()
        reading = self.decode_s * entries["train"] / (cpu_count() if in_memory else max(1, options.workers))
        learning = step_s * self.plan.steps_per_epoch
        epoch = (learning if in_memory else max(learning, reading)) + measuring
        return {"seconds_per_epoch": epoch, "reading_s": reading if in_memory else 0.0,
                "seconds": epoch * options.epochs + (reading if in_memory else 0.0),
                "images_per_s": entries["train"] / epoch}

    def _in_memory(self) -> bool:
        wanted = sum(self.dataset.split_bytes(split) for split in ("train", "val"))
        return self.options.loading == "memory" or (self.options.loading == "auto" and fits_in_memory(wanted))

    def _pictures(self) -> int:
        """Bytes of pictures that are kept in memory."""
        return sum(self.dataset.split_bytes(split) for split in ("train", "val")) if self._in_memory() else 0

    def _needs(self, learner: Learner) -> Json:
        pictures = self._pictures()
        memory = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + pictures
        weights, state = (sum(tensor.nbytes for tensor in found.values())
                          for found in (learner.weights(), learner.state_dict()))
        snapshots = self.options.epochs / (self.options.snapshot_interval or self.options.epochs)
        kept = min(self.options.keep or snapshots, snapshots) + 2
        gpu = torch.cuda.max_memory_allocated() if self.hardware.count else 0
        return {"memory": memory, "gpu_memory": gpu, "disk": int(weights * kept + 2 * state)}

    def find_rate(self) -> Json:
        """The range test: every rate with its smoothed loss, and the rate to start with."""
        learner, batches, test = self.learner(), self.batches(), RangeTest()
        end = time.monotonic() + FINDING_S
        for step in range(STEPS):
            loss = float(learner.step(next(batches), rate(step))["loss"])
            if not test.add(rate(step), loss) or time.monotonic() > end:
                break
        return {"curve": test.points, "suggested": test.suggestion()}


def tried(asked: Json) -> Json:
    """The answer to {"jobs_dir", "dataset", "options", "gpus", "want": "time" or "rate"}."""
    try:
        made = Rehearsal(Path(asked["jobs_dir"]), asked["dataset"], asked["options"], asked["gpus"])
        if made.options.network == CUSTOM:
            confine.limit(small_files=True)
        made.read()
        return {**made.estimate(), **(made.find_rate() if asked["want"] == "rate" else {})}
    except torch.OutOfMemoryError:
        raise BadData("The memory of the GPU is too small for a batch of this size. Choose a smaller batch "
                      "size.") from None


if __name__ == "__main__":
    answer(tried)
