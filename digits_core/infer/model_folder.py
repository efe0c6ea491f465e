"""A model folder as one thing: its small files, found to agree with each other. No torch here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits_core.data import pictures, planes, texts
from digits_core.data.planes import ALL, Planes
from digits_core.data.texts import TEXT, Text
from digits_core.errors import BadData
from digits_core.infer import reference
from digits_core.infer.model_files import (
    CheckpointFile,
    NetworkFile,
    Preprocessing,
    read_labels,
    read_mean,
    read_part,
    read_source,
)
from digits_core.networks.custom import CUSTOM
from digits_core.networks.custom import FILE as SOURCE
from digits_core.tasks import task

CHECKPOINT = re.compile(r"epoch_[0-9]{1,8}(\.[0-9]{1,6})?\.safetensors")
Arrays = TypeVar("Arrays", bound=np.ndarray[Any, Any])
LARGEST = 4_000_000
"""Pixels of a picture that is not resized: networks need hundreds of bytes for each."""


class Prepared(NamedTuple):
    """Pixels (C, H, W) of the network's input, uint8 or in full depth float32; the picture's width and height."""

    pixels: NDArray[Any]
    size: tuple[int, int]


@dataclass(frozen=True)
class ModelFolder:
    """A model's small files, read and found to agree with each other."""

    path: Path
    network: NetworkFile
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    source: str = ""
    """Of a custom network; never run where others' models are answered."""
    reference: Mapping[str, NDArray[Any]] = field(default_factory=dict, compare=False)
    """What answers of one checkpoint need beside its network, see ``at``."""

    @classmethod
    def read(cls, path: Path) -> "ModelFolder":
        """The model in ``path``. Raises BadData naming the file and what is wrong with it."""
        network = read_part(path / "network.json", NetworkFile)
        model = cls(path, network, read_labels(path / "labels.txt"),
                    read_part(path / "preprocessing.json", Preprocessing),
                    read_source(path / SOURCE) if network.network == CUSTOM else "")
        for problem in model._contradictions():
            raise BadData(problem)
        return model

    def _contradictions(self) -> list[str]:
        shape, steps = self.network.input_shape, self.preprocessing
        colours = {"color": 3, "all": shape[0]}.get(steps.channels, 1)
        wanted = (colours, steps.crop or steps.height, steps.crop or steps.width)
        found = []
        if len(self.labels) != self.network.classes:
            found.append(f"labels.txt has {len(self.labels)} names, the network has {self.network.classes} classes.")
        if shape != wanted:
            found.append(f"network.json expects pictures of {shape}, but preprocessing.json makes {wanted} "
                         "(channels, height, width).")
        if steps.crop and steps.crop > min(steps.width, steps.height):
            found.append(f"The crop of {steps.crop} is larger than the picture of {steps.width} x {steps.height}.")
        for name, values in (("mean_pixel", steps.mean_pixel), ("std_pixel", steps.std_pixel)):
            if values and len(values) != colours:
                found.append(f"preprocessing.json has {len(values)} numbers in {name}; {colours} are needed.")
        if steps.channels == ALL and (steps.span is None or steps.span[0] >= steps.span[1]):
            found.append("preprocessing.json does not say between which values the pictures lie (span).")
        if steps.channels == TEXT and not isinstance(steps.details.get("alphabet"), str):
            found.append("preprocessing.json does not say which characters count (details, alphabet).")
        if steps.mean == "pixel" and not steps.mean_pixel:
            found.append("preprocessing.json subtracts the mean pixel, but does not say which.")
        return found

    def checkpoint(self, file: str) -> CheckpointFile:
        """The checkpoint whose weights are called ``file``. Raises BadData when it is gone or its json is damaged."""
        if not CHECKPOINT.fullmatch(file):
            raise BadData(f"{file[:60]!r} is not the name of a checkpoint.")
        path = (self.path / "checkpoints" / file).with_suffix(".json")
        if not path.exists():
            raise BadData(f"The checkpoint {file} is gone: only the newest and the best are kept. Choose another.")
        row = read_part(path, CheckpointFile)
        if row.file != file:
            raise BadData(f"{path.name} describes other weights ({row.file[:60]!r}). Choose another checkpoint.")
        return row

    def at(self, row: CheckpointFile) -> "ModelFolder":
        """The model with what belongs to one checkpoint only. Raises BadData when that is damaged."""
        return replace(self, reference=reference.read(self.path, row.sha256))

    def weights(self, row: CheckpointFile) -> Path:
        """Where a checkpoint's weights lie."""
        return self.path / "checkpoints" / row.file

    def sized(self, size: tuple[int, int]) -> "ModelFolder":
        """The model for pictures of this width and height as they are. Raises BadData when it cannot take them."""
        if not task(self.network.task).dense:
            raise BadData("cannot keep its size: this model answers about pictures of one size only")
        if self.preprocessing.mean == "image":
            raise BadData("cannot keep its size: this model subtracts a mean image, which has a size of its own; train "
                          "with the mean pixel, or none")
        if size[0] * size[1] > LARGEST:
            raise BadData(f"is {size[0]} x {size[1]}; without resizing {LARGEST / 1e6:.0f} million pixels are allowed")
        update = {"width": size[0], "height": size[1], "crop": None}
        return replace(self, preprocessing=self.preprocessing.model_copy(update=update))

    def prepare(self, source: bytes | Path, name: str, whole: bool = False) -> Prepared:
        """A picture as the network gets to see it: decoded, resized, cropped in the centre; or ``whole`` as it is.

        Raises BadData when it cannot be read.
        """
        pixels, size = self.resized(source, name, whole)
        return Prepared(pixels if whole else centre(pixels, self.preprocessing.crop), size)

    def resized(self, source: bytes | Path, name: str, whole: bool = False) -> Prepared:
        """The same before the crop: what an exported graph takes, but for the order of its axes."""
        steps, image = self.preprocessing, self.opened(source, name)
        if isinstance(image, Text):
            return Prepared(image.numbers[None, None], image.size)
        if whole:
            steps = self.sized(image.size).preprocessing
        return Prepared(pictures.prepare(image, steps.channels, steps.width, steps.height, steps.resize_mode),
                        image.size)

    def opened(self, source: bytes | Path, name: str) -> Image.Image | Planes | Text:
        """A picture or text as this model reads it, before it is resized. Raises BadData when it cannot be read."""
        steps = self.preprocessing
        if steps.channels == TEXT:
            data = source if isinstance(source, bytes) else source.read_bytes()
            return texts.opened(data, str(steps.details["alphabet"]), steps.width)
        if steps.channels == ALL and steps.span:
            return planes.opened(source, name, steps.span, self.network.input_shape[0])[0]
        return pictures.decode(source, name).image

    def shown(self, source: bytes | Path, name: str) -> Image.Image:
        """The same as something to look at, RGB, in its own size; a text is drawn."""
        image = self.opened(source, name)
        if isinstance(image, Text):
            return pictures.to_image(texts.picture(texts.written(
                image.numbers, str(self.preprocessing.details["alphabet"])))).convert("RGB")
        return (pictures.to_image(image.array) if isinstance(image, Planes) else image).convert("RGB")

    def placement(self, size: tuple[int, int]) -> pictures.Placement:
        """Where the pixels of a picture of this width and height are in the network's input."""
        steps = self.preprocessing
        found = pictures.placement(size, steps.width, steps.height, steps.resize_mode)
        if steps.crop is None:
            return found
        left, top = (steps.width - steps.crop) // 2, (steps.height - steps.crop) // 2
        return found._replace(left=found.left - left, top=found.top - top)

    def whole_mean(self) -> NDArray[np.float32]:
        """mean.npy (channels, height, width), as large as the resized picture. Raises BadData when it is unusable."""
        steps = self.preprocessing
        return read_mean(self.path / "mean.npy", (self.network.input_shape[0], steps.height, steps.width))

    def mean_image(self) -> NDArray[np.float32] | None:
        """The mean image, cropped like a picture; None unless the model subtracts it."""
        if self.preprocessing.mean != "image":
            return None
        return centre(self.whole_mean(), self.preprocessing.crop)

    def stamp(self, file: str) -> tuple[object, ...]:
        """Changes when anything changes that a prediction of this checkpoint depends on."""
        weights = self.path / "checkpoints" / file
        names = [self.path / name for name in ("network.json", SOURCE, "labels.txt", "preprocessing.json", "mean.npy",
                                               reference.FILE)]
        return tuple(_stamp(path) for path in [*names, weights, weights.with_suffix(".json")])


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def centre(pixels: Arrays, crop: int | None) -> Arrays:
    """The square of side ``crop`` in the middle of (..., height, width); everything when None."""
    if crop is None:
        return pixels
    top, left = (pixels.shape[-2] - crop) // 2, (pixels.shape[-1] - crop) // 2
    cropped: Arrays = pixels[..., top:top + crop, left:left + crop]  # type: ignore[assignment]
    return cropped
