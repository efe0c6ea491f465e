"""What a model folder says about itself, checked field by field before anybody believes it. No torch here."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from digits_core.data import pictures
from digits_core.errors import BadData

Json = dict[str, Any]
Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Side = Annotated[int, Field(ge=1, le=10_000)]
Channels = Annotated[int, Field(ge=1, le=64)]
SMALL_FILE = 64_000_000
CHECKPOINT = re.compile(r"epoch_[0-9]{1,8}(\.[0-9]{1,6})?\.safetensors")


class ModelPart(BaseModel):
    """Base of the JSON files of a model: a schema version, and no NaN."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)
    v: Literal[1]


class NetworkFile(ModelPart):
    """network.json: what to build. ``input_shape`` is (channels, height, width) after the crop."""

    network: str
    task: Literal["classification"]
    input_shape: tuple[Channels, Side, Side]
    classes: int = Field(ge=1, le=1_000_000)
    parameters: int = Field(default=0, ge=0)


class Preprocessing(ModelPart):
    """preprocessing.json: from a picture to the network's input."""

    channels: Literal["gray", "color"]
    width: Side
    height: Side
    resize_mode: Literal["squash", "crop", "fill", "half"]
    crop: Side | None = None
    mean: Literal["none", "image", "pixel"] = "none"
    mean_pixel: list[float] = []
    std_pixel: list[float] = []


class CheckpointFile(ModelPart):
    """A checkpoint's json: which weights, of which epoch, and their sha256."""

    epoch: float = Field(ge=0)
    step: int = Field(default=0, ge=0)
    file: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=1)
    metrics: dict[str, float] = {}
    best: bool = False
    time: float = 0.0


Part = TypeVar("Part", bound=ModelPart)
Planes = TypeVar("Planes", bound=np.ndarray[Any, Any])


@dataclass(frozen=True)
class ModelFolder:
    """A model's small files, read and found to agree with each other."""

    path: Path
    network: NetworkFile
    labels: tuple[str, ...]
    preprocessing: Preprocessing

    @classmethod
    def read(cls, path: Path) -> "ModelFolder":
        """The model in ``path``. Raises BadData naming the file and what is wrong with it."""
        network = read_part(path / "network.json", NetworkFile)
        model = cls(path, network, read_labels(path / "labels.txt"),
                    read_part(path / "preprocessing.json", Preprocessing))
        for problem in model._contradictions():
            raise BadData(problem)
        return model

    def _contradictions(self) -> list[str]:
        shape, steps = self.network.input_shape, self.preprocessing
        colours = 1 if steps.channels == "gray" else 3
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

    def weights(self, row: CheckpointFile) -> Path:
        """Where a checkpoint's weights lie."""
        return self.path / "checkpoints" / row.file

    def prepare(self, source: bytes | Path, name: str) -> Pixels:
        """Pixels (channels, height, width) as the network gets to see them: decoded, resized, cropped in the centre.

        Raises BadData when the picture cannot be read.
        """
        steps = self.preprocessing
        image = pictures.decode(source, name).image
        pixels = pictures.prepare(image, steps.channels, steps.width, steps.height, steps.resize_mode)
        return centre(pixels, steps.crop)

    def whole_mean(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """mean.npy (channels, height, width), as large as the resized picture. Raises BadData when it is unusable."""
        steps = self.preprocessing
        return read_mean(self.path / "mean.npy", (self.network.input_shape[0], steps.height, steps.width))

    def mean_image(self) -> np.ndarray[Any, np.dtype[np.float32]] | None:
        """The mean image, cropped like a picture; None unless the model subtracts it."""
        if self.preprocessing.mean != "image":
            return None
        return centre(self.whole_mean(), self.preprocessing.crop)

    def stamp(self, file: str) -> tuple[object, ...]:
        """Changes when anything changes that a prediction of this checkpoint depends on."""
        weights = self.path / "checkpoints" / file
        names = [self.path / name for name in ("network.json", "labels.txt", "preprocessing.json", "mean.npy")]
        return tuple(_stamp(path) for path in [*names, weights, weights.with_suffix(".json")])


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def centre(pixels: Planes, crop: int | None) -> Planes:
    """The square of side ``crop`` in the middle of (..., height, width); everything when None."""
    if crop is None:
        return pixels
    top, left = (pixels.shape[-2] - crop) // 2, (pixels.shape[-1] - crop) // 2
    cropped: Planes = pixels[..., top:top + crop, left:left + crop]  # type: ignore[assignment]
    return cropped


def read_part(path: Path, kind: type[Part]) -> Part:
    """One of a model's JSON files. Raises BadData in words when it is missing, damaged, or newer than this program."""
    return to_part(_json(path), path.name, kind)


def to_part(data: Json, name: str, kind: type[Part]) -> Part:
    """What ``read_part`` makes of the content of a file called ``name``."""
    version = data.get("v")
    if isinstance(version, int) and version > 1:
        raise BadData(f"{name} was made by a newer version of DIGITS (schema {version}; this one reads 1). "
                      "Update DIGITS, or export it again from an older one.")
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadData(f"{name} is damaged: {'.'.join(map(str, first['loc'])) or 'content'}: "
                      f"{first['msg']}.") from error


def _json(path: Path) -> Json:
    try:
        value = json.loads(_bytes(path))
    except (ValueError, RecursionError) as error:
        raise BadData(f"{path.name} is damaged: it is not JSON.") from error
    if not isinstance(value, dict):
        raise BadData(f"{path.name} is damaged: it holds no object.")
    return value


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise BadData(f"{path.name} is missing, so the model cannot be used.")
    if path.stat().st_size > SMALL_FILE:
        raise BadData(f"{path.name} is damaged: {path.stat().st_size / 1e6:.0f} MB is far too long.")
    return path.read_bytes()


def read_labels(path: Path) -> tuple[str, ...]:
    """The class names, one a line. Raises BadData when there are none or they are not UTF-8."""
    try:
        lines = _bytes(path).decode().split("\n")
    except UnicodeDecodeError as error:
        raise BadData(f"{path.name} is damaged: it is not UTF-8 text.") from error
    labels = tuple(line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines))
    if not labels:
        raise BadData(f"{path.name} is empty: the model has no classes.")
    return labels


def read_mean(path: Path, shape: tuple[int, int, int]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The mean image. Raises BadData unless it is float32 of this shape with finite values; never unpickles."""
    if not path.is_file():
        raise BadData(f"{path.name} is missing, so the model cannot be used.")
    try:
        mean = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped: a lying header allocates nothing
    except (ValueError, OSError, EOFError) as error:
        raise BadData(f"{path.name} is damaged: it is not an array of numbers.") from error
    if not isinstance(mean, np.ndarray) or mean.dtype != np.float32 or mean.shape != shape:
        raise BadData(f"{path.name} has the wrong shape: {shape} of float32 is needed.")
    values = np.array(mean)
    if not np.isfinite(values).all():
        raise BadData(f"{path.name} is damaged: it holds values that are not numbers.")
    return values


def sha256_of(path: Path) -> str:
    """The checksum of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
