"""A finished dataset folder as training sees it, and how its pictures become a network's input."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core import files
from digits_core.data.planes import ALL, least_spread
from digits_core.data.records import Records
from digits_core.data.targets import LABEL, TargetSpec
from digits_core.errors import BadData
from digits_core.jobs.store import JobFolder
from digits_core.tasks import model_task
from digits_core.train.options import TrainOptions

Json = dict[str, Any]
HALF = 127.5
"""Taken from pixels, and what then divides them, where they shall be from -1 to 1."""


@dataclass(frozen=True)
class Dataset:
    """What manifest.json says; ``shape`` is (channels, height, width), ``entries`` the pictures of each split."""

    path: Path
    shape: tuple[int, int, int]
    channels: str
    resize_mode: str
    labels: list[str]
    entries: dict[str, int]
    mean_pixel: list[float]
    std_pixel: list[float]
    per_class: tuple[int, ...] = ()
    """Training pictures of each class, as far as the manifest tells."""
    target: TargetSpec = LABEL
    task: str = "classification"
    span: tuple[float, float] | None = None
    """Values of the files that are 0 and 255 here, of pictures in full depth (see digits_core.data.planes)."""
    details: Json = field(default_factory=dict)
    """What the source of its pictures told about the task: colours of classes, columns of a table."""

    @classmethod
    def read(cls, folder: JobFolder) -> "Dataset":
        """The dataset in a job folder. Raises BadData when its build did not finish or its files are damaged."""
        manifest = folder.manifest()
        if manifest.get("complete") is not True:
            raise BadData(f"The dataset {folder.id} is not complete (no whole manifest.json). Build it again.")
        try:
            channels, height, width = (int(side) for side in manifest["shape"])
            dataset = cls(folder.path, (channels, height, width), manifest["channels"], manifest["resize_mode"],
                          [str(label) for label in manifest["labels"]],
                          {name: int(split["entries"]) for name, split in manifest["splits"].items()},
                          [float(value) for value in manifest["mean_pixel"]],
                          [float(value) for value in manifest["std_pixel"]],
                          tuple(int(count) for count in manifest["splits"]["train"].get("per_class", ())),
                          _target(manifest), str(manifest.get("task", "classification")), _span(manifest),
                          dict(manifest.get("details", {})))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadData(f"The manifest of dataset {folder.id} is damaged ({error!r}). Build it again.") from None
        if not dataset.entries.get("train"):
            raise BadData(f"The dataset {folder.id} has no pictures to train on.")
        return dataset

    def records(self, split: str) -> Records:
        """The records of "train", "val" or "test". Raises BadData when they are not what the manifest promises."""
        records = Records(self.path / f"{split}.lmdb")
        if len(records) != self.entries[split]:
            raise BadData(f"The database {records.path} holds {len(records)} records, its manifest says "
                          f"{self.entries[split]}. Build the dataset again.")
        return records

    def class_counts(self) -> list[int]:
        """Training pictures of each class; counted in the database when an older manifest does not tell."""
        if len(self.per_class) == len(self.labels):
            return list(self.per_class)
        return [int(n) for n in np.bincount(self.records("train").labels(), minlength=len(self.labels))]

    def has(self, split: str) -> bool:
        """Whether there are pictures in a split."""
        return self.entries.get(split, 0) > 0

    def split_bytes(self, split: str) -> int:
        """Memory that all pictures of a split take, decoded."""
        return self.entries.get(split, 0) * (int(np.prod(self.shape)) * self.dtype.itemsize + self.target.bytes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of pixels: uint8, in full depth float32."""
        return np.dtype(np.float32 if self.span else np.uint8)

    def mean_image(self) -> NDArray[np.float32]:
        """The mean training picture, (C, H, W), 0..255. Raises BadData when its file is missing or damaged."""
        path = self.path / "mean.npy"
        try:
            mean = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise BadData(f"The mean image {path} cannot be read ({error}). Build the dataset again, or choose to "
                          "subtract the pixel mean.") from None
        if mean.shape != self.shape:
            raise BadData(f"The mean image {path} is {mean.shape} instead of {self.shape}. Build the dataset again.")
        return mean.astype(np.float32)


def _span(manifest: Json) -> tuple[float, float] | None:
    if manifest["channels"] != ALL:
        return None
    low, high = map(float, manifest["span"])
    return low, high


def _target(manifest: Json) -> TargetSpec:
    found = manifest.get("target")
    return TargetSpec(tuple(int(side) for side in found["shape"]), str(np.dtype(found["dtype"]))) if found else LABEL


@dataclass(frozen=True)
class Preprocessing:
    """From a dataset's pixels to the network's input: (pixels - subtract) / divide, cut to ``crop``.

    A network that answers for every pixel learns from crops and is asked about whole pictures.
    """

    dataset: Dataset
    crop: int | None
    mean: str
    dense: bool = False
    outputs: int = 0
    """Values that the network gives."""

    @classmethod
    def of(cls, dataset: Dataset, options: TrainOptions) -> "Preprocessing":
        """What ``options`` ask for. Raises BadData when the crop is larger than the pictures."""
        _, height, width = dataset.shape
        if options.crop is not None and options.crop > min(height, width):
            raise BadData(f"The crop size {options.crop} is larger than the pictures of the dataset ({width} x "
                          f"{height}). Choose {min(height, width)} or less, or none.")
        kind = model_task(dataset.task, options.task)
        if options.mean == "range":
            half = [HALF] * dataset.shape[0]
            dataset = replace(dataset, mean_pixel=half, std_pixel=half)
        return cls(dataset, options.crop, "pixel" if options.mean == "range" else options.mean, kind.dense,
                   options.outputs(len(dataset.labels)))

    @property
    def measured_crop(self) -> int | None:
        """The crop of pictures that are not learned from."""
        return None if self.dense else self.crop

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of what is asked about."""
        channels, height, width = self.dataset.shape
        return (channels, self.measured_crop or height, self.measured_crop or width)

    def subtract(self) -> NDArray[np.float32]:
        """The mean image (C, H, W), the mean pixel (C, 1, 1), or zeros."""
        if self.mean == "image":
            return self.dataset.mean_image()
        values = self.dataset.mean_pixel if self.mean == "pixel" else [0.0] * self.dataset.shape[0]
        return np.asarray(values, np.float32).reshape(-1, 1, 1)

    def divide(self) -> NDArray[np.float32]:
        """The standard deviation of each channel, (C, 1, 1), never as small as noise."""
        least = least_spread(self.dataset.channels)
        return np.maximum(np.asarray(self.dataset.std_pixel, np.float32), np.float32(least)).reshape(-1, 1, 1)

    def write(self, folder: Path) -> None:
        """Leave preprocessing.json, labels.txt and, when it is used, mean.npy: what inference needs."""
        dataset = self.dataset
        files.write_atomic(folder / "preprocessing.json", {
            "v": 1, "channels": dataset.channels, "width": dataset.shape[2], "height": dataset.shape[1],
            "resize_mode": dataset.resize_mode, "crop": self.measured_crop, "mean": self.mean,
            "mean_pixel": dataset.mean_pixel, "std_pixel": dataset.std_pixel, "details": dataset.details,
            **({"span": list(dataset.span)} if dataset.span else {})})
        files.write_atomic(folder / "labels.txt", "".join(f"{label}\n" for label in dataset.labels))
        if self.mean == "image":
            with files.atomic(folder / "mean.npy") as file:
                np.save(file, self.dataset.mean_image())
