"""Finished models with random LeNet weights, made by hand in a moment, and pictures for them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from PIL import Image

from digits_core import files
from digits_core.infer.model_files import sha256_of
from digits_core.jobs.model import Job, Kind
from digits_core.jobs.store import JobStore, JobView
from digits_core.networks.build import build_network
from tests.faults.folders import end

Json = dict[str, Any]
LABELS = ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "=neun"]


def make_model(store: JobStore, seed: int = 0, name: str = "a model", network: str = "lenet", channels: str = "gray",
               side: int = 12, crop: int | None = None, mean: str = "image", epochs: tuple[float, ...] = (1.0, 2.0),
               labels: list[str] = LABELS, task: str = "classification", details: Json | None = None) -> JobView:
    """A done model job whose newest checkpoint is the best; ``seed`` decides about the weights."""
    depth = 1 if channels == "gray" else 3
    job = Job(store.new_id(), Kind.MODEL, task, name, "tester", 1_700_000_000.0,
              {"network": network, "epochs": 2})
    folder = store.submit(job).path
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
    files.write_atomic(folder / "preprocessing.json", {
        "v": 1, "channels": channels, "width": side, "height": side, "resize_mode": "squash", "crop": crop,
        "mean": mean, "mean_pixel": [100.0] * depth, "std_pixel": [50.0] * depth,
        "details": details or {}})
    if mean == "image":
        pixels = np.random.default_rng(seed).uniform(0, 255, (depth, side, side)).astype(np.float32)
        np.save(folder / "mean.npy", pixels)
    shape = (depth, crop or side, crop or side)
    files.write_atomic(folder / "network.json", {"v": 1, "network": network, "task": task,
                                                 "input_shape": shape, "classes": len(labels), "parameters": 1})
    for epoch in epochs:
        add_checkpoint(folder, epoch, seed + int(epoch), best=epoch == epochs[-1])
    (folder / "evaluation").mkdir()
    files.write_atomic(folder / "evaluation" / "val.json", report(epochs[-1], labels))
    end(folder, {"accuracy": 0.5, "best_epoch": epochs[-1], "network": network})
    return store.get(job.id)


def add_checkpoint(folder: Path, epoch: float, seed: int, best: bool) -> Path:
    """Write weights drawn from ``seed`` and then their json; returns the weights."""
    about = files.read_json(folder / "network.json") or {}
    torch.manual_seed(seed)
    network = build_network(about["network"], tuple(about["input_shape"]), about["classes"])
    (folder / "checkpoints").mkdir(exist_ok=True)
    path = folder / "checkpoints" / f"epoch_{epoch:08.3f}.safetensors"
    safetensors.torch.save_file(network.state_dict(), path)
    files.write_atomic(path.with_suffix(".json"), {
        "v": 1, "epoch": epoch, "step": int(epoch) * 10, "file": path.name, "sha256": sha256_of(path),
        "bytes": path.stat().st_size, "metrics": {"val/loss": 1.5, "val/accuracy": 0.5, "val/top5": 0.9},
        "best": best, "time": 1_700_000_000.0 + epoch})
    return path


def report(epoch: float, labels: list[str]) -> Json:
    """An evaluation in which nothing was right."""
    classes = len(labels)
    return {"v": 1, "split": "val", "checkpoint_epoch": epoch, "entries": 0, "loss": 2.0, "accuracy": 0.0, "top5": 0.0,
            "confusion": [[0] * classes for _ in labels],
            "per_class": [{"label": label, "entries": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0}
                          for label in labels]}


def picture(seed: int = 0, side: int = 20, mode: str = "RGB") -> bytes:
    """A PNG of noise."""
    shape = (side, side, 3) if mode == "RGB" else (side, side)
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
