"""The pictures that an export is checked with: of the dataset it was trained on, else drawn ones. No torch here."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digits_core import files
from digits_core.infer.model_folder import ModelFolder, Prepared
from digits_core.infer.record_inputs import RecordSource, opened, read_record
from digits_core.infer.signature import given, signature

SPLITS = ("val", "test", "train")
LARGEST = 400_000_000
"""Bytes of all pictures together."""


class Samples(NamedTuple):
    """Entries as the graph takes them, with what is known about each; ``source`` tells people where they come from."""

    entries: list[NDArray[Any]]
    sizes: list[tuple[int, int]]
    truths: list[str]
    """The label of each; empty where none is known."""
    targets: list[NDArray[Any] | None]
    source: str


def samples(jobs_dir: Path, dataset: str, model: ModelFolder, count: int) -> Samples:
    """So many pictures, spread evenly over the first split that the dataset has; drawn ones without a dataset."""
    room = max(1, LARGEST // signature(model).input.bytes)
    for split in SPLITS if dataset else ():
        if (jobs_dir / dataset / f"{split}.lmdb").is_dir():
            return _of_dataset(jobs_dir, dataset, split, model, min(count, room))
    return _drawn(model, min(count, room))


def _of_dataset(jobs_dir: Path, dataset: str, split: str, model: ModelFolder, count: int) -> Samples:
    records = opened(jobs_dir, dataset, split)
    labels = [str(label) for label in (files.read_json(jobs_dir / dataset / "manifest.json") or {}).get("labels", [])]
    places = np.unique(np.linspace(0, len(records) - 1, min(count, len(records))).round().astype(int)).tolist()
    prepared, truths, targets = list[Prepared](), list[str](), list[NDArray[Any] | None]()
    for place in places:
        record = records.read(place)
        data = read_record(jobs_dir, RecordSource(dataset, split, place))
        prepared.append(model.resized(data, f"{place}.png"))
        truths.append(labels[record.label] if 0 <= record.label < len(labels) else "")
        targets.append(record.target.array() if record.target is not None else None)
    name = {"val": "validation", "test": "test", "train": "training"}[split]
    return Samples([given(model, one.pixels) for one in prepared], [one.size for one in prepared], truths, targets,
                   f"{len(places)} {name} entries of the dataset")


def _drawn(model: ModelFolder, count: int) -> Samples:
    """Soft shapes with noise on them; of texts any characters."""
    port, chance = signature(model).input, np.random.default_rng(0)
    alphabet = len(str(model.preprocessing.details.get("alphabet", "")))
    if port.name == "text":
        entries = [chance.integers(0, alphabet + 1, port.shape[1:]).astype(port.dtype) for _ in range(count)]
    else:
        entries = [_soft(chance, port.shape[1:]).astype(port.dtype) for _ in range(count)]
    size = (port.shape[2], port.shape[1]) if port.name == "image" else (port.shape[1], 1)
    return Samples(entries, [size] * count, [""] * count, [None] * count,
                   f"{count} drawn entries: the dataset is not here")


def _soft(chance: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    high, wide, channels = shape
    coarse = chance.uniform(0, 255, (5, 5, channels))
    rows, columns = np.linspace(0, 3.999, high), np.linspace(0, 3.999, wide)
    top, left = rows.astype(int), columns.astype(int)
    down, right = (rows - top)[:, None, None], (columns - left)[None, :, None]
    upper = coarse[top][:, left] * (1 - right) + coarse[top][:, left + 1] * right
    lower = coarse[top + 1][:, left] * (1 - right) + coarse[top + 1][:, left + 1] * right
    picture: NDArray[Any] = upper * (1 - down) + lower * down + chance.normal(0, 12, shape)
    return picture.clip(0, 255)
