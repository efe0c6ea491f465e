"""The files of a model folder, each checked field by field before anybody believes it. No torch here."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from digits_core.errors import BadData
from digits_core.networks.custom import BadNetwork, check_source
from digits_core.tasks import tasks

Json = dict[str, Any]
Side = Annotated[int, Field(ge=1, le=10_000)]
Channels = Annotated[int, Field(ge=1, le=64)]
SMALL_FILE = 64_000_000
RESIZE_MODES = r"^(squash|crop|fill|half|pad( [1-9][0-9]{0,3}x[1-9][0-9]{0,3})?)$"
"""See digits_core.data.pictures."""


class ModelPart(BaseModel):
    """Base of the JSON files of a model: a schema version, and no NaN."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)
    v: Literal[1]


class NetworkFile(ModelPart):
    """network.json: what to build. ``input_shape`` is (channels, height, width) after the crop."""

    network: str
    task: str = Field(pattern="|".join(tasks()))
    input_shape: tuple[Channels, Side, Side]
    classes: int = Field(ge=1, le=1_000_000)
    outputs: int = Field(default=0, ge=0, le=1_000_000)
    """Values that the network gives; 0: one for each class."""
    parameters: int = Field(default=0, ge=0)
    values: str = ""
    """What a custom network was given beside its source, which is network.py."""


class Preprocessing(ModelPart):
    """preprocessing.json: from a picture to the network's input."""

    channels: Literal["gray", "color", "all", "text"]
    width: Side
    height: Side
    resize_mode: str = Field(pattern=RESIZE_MODES)
    crop: Side | None = None
    mean: Literal["none", "image", "pixel"] = "none"
    mean_pixel: list[float] = []
    std_pixel: list[float] = []
    span: tuple[float, float] | None = None
    """Of channels "all": values of the files that become 0 and 255."""
    details: dict[str, Any] = {}
    """What the dataset told about its task."""


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


def read_source(path: Path) -> str:
    """The source of a custom network. Raises BadData when it is missing or no text; it is not run."""
    try:
        source = _bytes(path).decode()
        check_source(source)
    except UnicodeDecodeError as error:
        raise BadData(f"{path.name} is damaged: it is not UTF-8 text.") from error
    except BadNetwork as error:
        raise BadData(f"{path.name} is damaged: {error}") from error
    return source


def read_mean(path: Path, shape: tuple[int, int, int]) -> NDArray[np.float32]:
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
