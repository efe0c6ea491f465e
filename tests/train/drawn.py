"""Datasets and model jobs made by hand, and a Context that writes no more than the contract asks for."""

import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np

from digits_core import files
from digits_core.data.pictures import to_png
from digits_core.data.records import Record, RecordWriter, pack_record
from digits_core.jobs.context import Stopped
from digits_core.jobs.model import Job, Kind
from digits_core.jobs.store import JobFolder, JobStore, JobView

Json = dict[str, Any]
SMALL: Json = {"network": "lenet", "epochs": 2, "batch_size": 8, "seed": 7, "device": "cpu", "learning_rate": 0.02,
               "loading": "memory", "mean": "pixel"}


def dataset(store: JobStore, shape: tuple[int, int, int] = (1, 12, 12), train: int = 40, val: int = 12, test: int = 0,
            classes: int = 3, job_id: str = "") -> JobView:
    """A done dataset job: noise with a bright bar whose place tells the class."""
    job_id = job_id or store.new_id()
    store.submit(Job(job_id, Kind.DATASET, "classification", "drawn", "tester", time.time(), {}))
    folder = store.folder(job_id)
    rng = np.random.default_rng(5)
    splits = {name: _pictures(rng, count, shape, classes) for name, count in
              (("train", train), ("val", val), ("test", test)) if count}
    for name, (pixels, truth) in splits.items():
        write_records(folder.path / f"{name}.lmdb", pixels, truth)
    describe(folder, splits, [f"class {i}" for i in range(classes)])
    return store.get(job_id)


def _pictures(rng: np.random.Generator, count: int, shape: tuple[int, int, int],
              classes: int) -> tuple[np.ndarray, np.ndarray]:
    pixels = rng.integers(0, 100, (count, *shape), np.uint8)
    truth = rng.permutation(np.arange(count) % classes)
    band = shape[2] // classes
    for picture, label in zip(pixels, truth, strict=True):
        picture[:, :, label * band:(label + 1) * band] += 120
    return pixels, truth


def write_records(path: Path, pixels: np.ndarray, truth: np.ndarray) -> None:
    """An LMDB of PNG records."""
    shape = tuple(int(side) for side in pixels.shape[1:])
    with RecordWriter(path) as writer:
        for number, (picture, label) in enumerate(zip(pixels, truth, strict=True)):
            writer.put(pack_record(Record(int(label), f"{number}.png", to_png(picture), "png", shape)))


def describe(folder: JobFolder, splits: dict[str, tuple[np.ndarray, np.ndarray]], labels: list[str]) -> None:
    """labels.txt, mean.npy and manifest.json of a dataset whose databases are written, and the end of its job."""
    pixels = splits["train"][0]
    (folder.path / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
    np.save(folder.path / "mean.npy", pixels.mean(0).astype(np.float32))
    counts = {name: {"entries": len(truth), "per_class": np.bincount(truth, minlength=len(labels)).tolist(),
                     "bytes": int(px.nbytes)} for name, (px, truth) in splits.items()}
    total = sum(len(truth) for _, truth in splits.values())
    files.write_atomic(folder.path / "manifest.json", {
        "v": 1, "complete": True, "task": "classification", "shape": list(pixels.shape[1:]),
        "channels": "gray" if pixels.shape[1] == 1 else "color", "resize_mode": "squash", "encoding": "png",
        "labels": labels, "splits": counts, "found": total, "used": total, "skipped": 0,
        "mean_pixel": pixels.mean((0, 2, 3)).tolist(), "std_pixel": pixels.std((0, 2, 3)).tolist(), "bytes": 0,
        "notes": [], "seed": 0, "source": {}})
    attempt = folder.attempts()[0]
    files.write_once(attempt.launch, {"process": {"boot_id": "older", "pid": 1, "start_ticks": 1}})
    files.write_once(attempt.result, {"state": "done", "summary": {}, "ended": time.time()})


def model(store: JobStore, view: JobView, job_id: str = "", kind: str = "classification", **options: Any) -> JobView:
    """A queued training on a dataset."""
    job_id = job_id or store.new_id()
    store.submit(Job(job_id, Kind.MODEL, kind, "a model", "tester", time.time(),
                     {**SMALL, **options, "dataset": view.id}, (view.id,)))
    return store.get(job_id)


class Recorder:
    """A Context for trainings in this process. ``stop_at``: the check for a stop that raises, counted from 1."""

    def __init__(self, store: JobStore, job_id: str, stop_at: int | None = None) -> None:
        self.store, self.folder, self.job = store, store.folder(job_id), store.get(job_id).job
        self.devices: list[str] = []
        self.stop_at, self.checks = stop_at, 0
        self.lines: list[str] = []
        self.phases: list[Json] = []

    def log(self, message: str) -> None:
        """See Context."""
        self.lines.append(message)

    def progress(self, done: float, phase: str, rate: float | None = None, unit: str = "images",
                 epoch: float | None = None, **extra: Any) -> None:
        """See Context."""
        self.phases.append({"done": done, "phase": phase, "rate": rate, "unit": unit, "epoch": epoch, **extra})

    def metrics(self, row: Json) -> None:
        """See Context."""
        files.append_jsonl(self.folder.metrics, {"t": time.monotonic(), **row})

    def check_stop(self) -> None:
        """See Context."""
        self.checks += 1
        if self.checks == self.stop_at:
            raise Stopped


def rows(view: JobView) -> list[Json]:
    """All metrics of a model without their time."""
    return [{name: value for name, value in row.items() if name != "t"}
            for row in files.read_jsonl(view.folder.metrics)[0]]


def fingerprint(view: JobView) -> str:
    """sha256 of everything in the last state: model, solver, and where the training stood."""
    return hashlib.sha256((view.folder.checkpoints / "last.state").read_bytes()).hexdigest()


def dropout_lenet(input_shape: tuple[int, int, int], classes: int) -> Any:
    """LeNet with a dropout in the middle, as TensorFlow's example has it."""
    from torch import nn

    from digits_core.networks.lenet import LeNet

    network = LeNet(input_shape, classes)
    network.dense1 = nn.Sequential(network.dense1, nn.Dropout(0.5))
    return network


def run_with_dropout(context: Any) -> Json:
    """The training that real workers run in tests (see DIGITS_HANDLER_MODEL)."""
    from dataclasses import replace

    from digits_core.networks import NETWORKS
    from digits_core.train.run import run

    NETWORKS["lenet"] = replace(NETWORKS["lenet"], build="tests.train.drawn:dropout_lenet")
    return run(context)
