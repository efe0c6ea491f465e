"""Job folders made by hand: every file of the contract, without a build, a training or torch."""

import hashlib
import io
import json
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from digits_core import files
from digits_core.jobs.model import Job, Kind
from digits_core.jobs.store import JobStore, JobView

Json = dict[str, Any]
LABELS = ["cat", "dog"]
OPTIONS: dict[str, Json] = {
    "dataset": {"method": "folder", "folder": "/data/pets", "channels": "gray", "width": 8, "height": 8,
                "resize_mode": "squash", "encoding": "png", "val_percent": 25.0, "test_percent": 0.0, "seed": 0},
    "model": {"network": "lenet", "epochs": 2, "batch_size": 4, "solver": "sgd", "learning_rate": 0.01, "seed": 1,
              "device": "cpu", "mean": "pixel", "lr_policy": "step"},
    "inference": {"checkpoint": "best", "top": 5},
    "pretrained": {"archive": "job:upload/model.zip"},
    "publish": {"publish_as": "pets", "published": "pets", "anyway": "",
                "checkpoint_file": "epoch_0002.000.safetensors"},
    "frames": {"videos": "/data/gate.mp4", "frames_by": "rate", "frame_rate": 1.0, "frames_most": 100},
    "import": {"bundle": "job:upload", "allow_code": False},
    "export": {"checkpoint": "best", "formats": ["onnx"], "checkpoint_file": "epoch_0002.000.safetensors"},
}


def finished(store: JobStore, kind: str | Kind = "model", name: str = "", owner: str = "tester", group: str = "",
             needs: tuple[str, ...] = (), job_id: str = "", options: Json | None = None) -> JobView:
    """Make a done job of ``kind``. Without ``needs`` its dataset, or its model, is made first."""
    kind = Kind(kind)
    before = {Kind.MODEL: Kind.DATASET, Kind.INFERENCE: Kind.MODEL, Kind.PUBLISH: Kind.MODEL, Kind.EXPORT: Kind.MODEL}
    if not needs and kind in before:
        needs = (finished(store, before[kind], owner=owner).id,)
    values = {**OPTIONS[kind], **({str(before[kind]): needs[0]} if kind in before else {}), **(options or {})}
    job_id = job_id or store.new_id()
    store.submit(Job(job_id, kind, "classification", name or f"a {kind}", owner, time.time(), values, needs, group))
    folder = store.folder(job_id).path
    summary = WRITERS[kind](folder)
    end(folder, summary)
    return store.get(job_id)


def end(folder: Path, summary: Json) -> None:
    """Give the first attempt its facts: claimed, launched and done by processes that are long gone."""
    attempt = folder / "attempts" / "0001"
    who = {"boot_id": "an-older-boot", "pid": 4242, "start_ticks": 1}
    files.write_once(attempt / "claim.json", {"starter": who, "devices": [], "at": time.time() - 60})
    files.write_once(attempt / "launch.json", {"process": who, "host": "test", "started": time.time() - 60,
                                               "boot_s": 1.0, "devices": [], "python": "3.11", "digits": "1.0"})
    (attempt / "log.txt").write_text("2026-11-20 10:15:00 [INFO] started\n2026-11-20 10:16:00 [INFO] done\n")
    files.write_atomic(folder / "progress.json", {"done": 1.0, "phase": "done", "rate": 100.0, "unit": "images",
                                                  "eta_s": 0.0, "epoch": 2.0, "beat_s": 1.0, "extra": {}})
    files.append_jsonl(folder / "hardware.jsonl", {"t": 2.0, "cpu": 99.0, "memory": 10**8, "gpus": []})
    files.write_once(attempt / "result.json", {"state": "done", "summary": summary, "ended": time.time(),
                                               "peak_memory": 10**8})


def _dataset(folder: Path) -> Json:
    (folder / "labels.txt").write_text("\n".join(LABELS) + "\n")
    mean = np.full((1, 8, 8), 120, np.float32)
    np.save(folder / "mean.npy", mean)
    Image.fromarray(mean[0].astype(np.uint8)).save(folder / "mean.png")
    (folder / "skipped.csv").write_text("path,split,class,reason\nbad.png,train,cat,The file is empty.\n")
    splits = {"train": [3, 3], "val": [1, 1]}
    for split in splits:
        (folder / f"{split}.lmdb").mkdir()
        (folder / f"{split}.lmdb" / "data.mdb").write_bytes(b"\0" * 8192)
    files.write_atomic(folder / "manifest.json", {
        "v": 1, "complete": True, "task": "classification", "shape": [1, 8, 8], "channels": "gray",
        "resize_mode": "squash", "encoding": "png", "labels": LABELS,
        "splits": {name: {"entries": sum(n), "per_class": n, "bytes": 8192} for name, n in splits.items()},
        "found": 9, "used": 8, "skipped": 1, "mean_pixel": [120.0], "std_pixel": [60.0], "bytes": 16384,
        "notes": [{"kind": "orientation", "count": 1}], "seed": 0, "source": {"folder": "/data/pets"}})
    return {"classes": 2, "pictures": 8, "train": 6, "val": 2, "test": 0, "skipped": 1, "bytes": 16384}


def _model(folder: Path) -> Json:
    _network(folder)
    for epoch in (1.0, 2.0):
        _checkpoint(folder, epoch, best=epoch == 2.0)
        files.append_jsonl(folder / "metrics.jsonl", {"t": epoch, "step": int(epoch) * 2, "epoch": epoch, "lr": 0.01,
                                                      "train/loss": 1 / epoch})
        files.append_jsonl(folder / "metrics.jsonl", {"t": epoch, "step": int(epoch) * 2, "epoch": epoch,
                                                      "val/loss": 1 / epoch, "val/accuracy": 0.5, "val/top5": 1.0})
    (folder / "checkpoints" / "last.state").write_bytes(weights())
    files.write_atomic(_made(folder / "evaluation") / "val.json", report())
    return {"accuracy": 0.5, "top5": 1.0, "best_epoch": 2.0, "epochs": 2, "network": "lenet", "parameters": 4}


def _network(folder: Path) -> None:
    files.write_atomic(folder / "network.json", {"v": 1, "network": "lenet", "task": "classification",
                                                 "input_shape": [1, 8, 8], "classes": 2, "parameters": 4})
    files.write_atomic(folder / "preprocessing.json", {
        "v": 1, "channels": "gray", "width": 8, "height": 8, "resize_mode": "squash", "crop": None, "mean": "pixel",
        "mean_pixel": [120.0], "std_pixel": [60.0]})
    (folder / "labels.txt").write_text("\n".join(LABELS) + "\n")


def _checkpoint(folder: Path, epoch: float, best: bool) -> None:
    name = f"epoch_{epoch:08.3f}"
    content = weights()
    (_made(folder / "checkpoints") / f"{name}.safetensors").write_bytes(content)
    files.write_atomic(folder / "checkpoints" / f"{name}.json", {
        "v": 1, "epoch": epoch, "step": int(epoch) * 2, "file": f"{name}.safetensors",
        "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content),
        "metrics": {"val/loss": 1 / epoch, "val/accuracy": 0.5}, "best": best, "time": time.time()})


def weights() -> bytes:
    """A whole safetensors file with one tensor of four numbers, written without the library."""
    header = json.dumps({"weight": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + np.arange(4, dtype=np.float32).tobytes()


def report() -> Json:
    """An evaluation of two pictures, one of them right."""
    return {"v": 1, "split": "val", "checkpoint_epoch": 2.0, "entries": 2, "loss": 0.5, "accuracy": 0.5, "top5": 1.0,
            "confusion": [[1, 0], [1, 0]],
            "per_class": [{"label": "cat", "entries": 1, "precision": 0.5, "recall": 1.0, "f1": 0.667},
                          {"label": "dog", "entries": 1, "precision": 0.0, "recall": 0.0, "f1": 0.0}]}


def _inference(folder: Path) -> Json:
    (folder / "predictions.csv").write_text("image,label,probability\na.png,cat,0.9\nb.png,dog,0.6\n")
    for name, label in (("a.png", "cat"), ("b.png", "dog")):
        files.append_jsonl(folder / "predictions.jsonl", {
            "image": name, "predictions": [{"label": label, "probability": 0.9}]})
    files.write_atomic(folder / "summary.json", {"v": 1, "pictures": 2, "failed": 0, "accuracy": 0.5,
                                                 "confusion": [[1, 0], [1, 0]], "per_class": report()["per_class"]})
    return {"pictures": 2, "failed": 0, "accuracy": 0.5}


def _pretrained(folder: Path) -> Json:
    _network(folder)
    _checkpoint(folder, 2.0, best=True)
    return {"network": "lenet", "parameters": 4, "accuracy": 0.5}


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def picture() -> bytes:
    """A small grey PNG."""
    buffer = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(buffer, "PNG")
    return buffer.getvalue()


def _frames(folder: Path) -> Json:
    name = _made(_made(folder / "frames") / "gate.mp4") / "gate_frame_000000.jpg"
    Image.new("L", (8, 8)).save(name, "JPEG")
    files.append_jsonl(folder / "videos.jsonl", {"video": "gate.mp4", "pictures": 1, "frames": 25, "seconds": 1.0,
                                                 "width": 8, "height": 8, "damaged": 0})
    return {"videos": 1, "failed": 0, "pictures": 1}


def _publish(folder: Path) -> Json:
    files.write_atomic(folder / "gate.json", {"v": 1, "rows": []})
    return {"published": "pets", "version": 1, "pins": 0, "wrong": 0}


def _export(folder: Path) -> Json:
    row = {"name": "ONNX fp32", "format": "onnx", "precision": "fp32", "file": "model.onnx", "bytes": 9, "sha256": "0",
           "batch": "any", "difference": 1e-7, "agreement": 1.0, "metric": 0.5, "p50_ms": 0.2, "p95_ms": 0.3,
           "reason": ""}
    files.write_atomic(folder / "export.json", {
        "v": 1, "model": "", "epoch": 2.0, "source": "9 drawn entries", "pictures": 9, "threads": 1,
        "measure": {"name": "accuracy", "title": "Accuracy", "share": True}, "variants": [row],
        "reference": {"metric": 0.5, "bytes": 9, "p50_ms": 0.4, "p95_ms": 0.5},
        "input": {"name": "image", "dtype": "uint8", "shape": [-1, 8, 8, 1]},
        "output": {"name": "probabilities", "dtype": "float32", "shape": [-1, 2]}})
    files.write_atomic(folder / "about.json", {"name": "a model", "task": "classification", "job": "x"})
    (_made(folder / "archive") / "model.onnx").write_bytes(b"no graph.")
    return {"variants": 1, "bytes": 9, "agreement": 1.0, "epoch": 2.0, "p50_ms": 0.2}


def _import(folder: Path) -> Json:
    files.write_atomic(folder / "imported.json", {"v": 1, "jobs": [folder.name], "known": [], "renamed": {}})
    return {"jobs": 1, "known": 0}


WRITERS = {Kind.DATASET: _dataset, Kind.MODEL: _model, Kind.INFERENCE: _inference, Kind.PRETRAINED: _pretrained,
           Kind.FRAMES: _frames, Kind.PUBLISH: _publish, Kind.EXPORT: _export,
           Kind.IMPORT: _import}
