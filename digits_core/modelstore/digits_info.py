"""``info.json`` of DIGITS' archives and stores, held against the files that it names. No torch here."""

from pathlib import Path
from typing import Any, Literal, NamedTuple

from digits_core.errors import BadData

Json = dict[str, Any]
Mode = Literal["squash", "crop", "fill", "half"]
FRAMEWORKS = ("pytorch", "caffe")
REQUIRED = ("snapshot file", "framework", "name")
DEFINITIONS = ("deploy file", "model file", "network file")
"""Where the network is; the first that is there counts."""
MODES: dict[str, Mode] = {"squash": "squash", "crop": "crop", "fill": "fill", "half_crop": "half", "half": "half"}
ELSEWHERE = {"torch": "Torch 7 (.t7) cannot be read without running it: train the network again here, or save its "
                      "weights as a PyTorch state dict and upload that.",
             "tensorflow": "TensorFlow's checkpoints are not read: save the weights as a PyTorch state dict and upload "
                           "that with a network definition."}


class DigitsInfo(NamedTuple):
    """What was understood; every file is there, and in the folder."""

    framework: str
    snapshot: Path
    model: Path
    labels: Path | None
    mean: Path | None
    width: int
    height: int
    channels: int
    resize_mode: Mode
    mean_subtraction: Literal["auto", "none", "image", "pixel"]
    """auto: nobody said it; what files there are tells."""
    origin: Json


def read(info: Json, folder: Path) -> DigitsInfo:
    """The checked content of info.json. Raises BadData for a missing key or file, or a framework that is not read."""
    for key in REQUIRED:
        if not isinstance(info.get(key), str) or not info[key]:
            raise BadData(f"Missing Key '{key}' in info.json.")
    framework = info["framework"].lower()
    if framework not in FRAMEWORKS:
        raise BadData(f"Models of {info['framework'][:40]} are not read. " + ELSEWHERE.get(
            framework, f"Known are {', '.join(FRAMEWORKS)}."))
    named = [key for key in DEFINITIONS if info.get(key)]
    if not named:
        raise BadData("Missing model definition in info.json ('model file' or 'network file').")
    height, width, channels = _dimensions(info.get("image dimensions"))
    mean = str(info.get("mean subtraction") or "auto").lower()
    definition = next((key for key in named if _inside(folder, str(info[key]))), named[0])
    return DigitsInfo(
        framework, _required(folder, info, "snapshot file"), _required(folder, info, definition),
        _optional(folder, info, "labels file"), None if mean == "none" else _optional(folder, info, "mean file"),
        width, height, channels,
        MODES.get(str(info.get("image resize mode") or "squash"), "squash"),
        mean if mean in ("image", "pixel", "auto") else "none",  # type: ignore[arg-type]
        {"v": 1, **{key: str(info[name])[:5000] for key, name in (
            ("name", "name"), ("job", "job id"), ("dataset", "dataset_id"), ("version", "digits version"),
            ("notes", "note")) if info.get(name)}})


def _dimensions(given: Any) -> tuple[int, int, int]:
    """Height, width and channels; 0 where info.json does not say."""
    numbers = [value for value in given if isinstance(value, int)] if isinstance(given, list) else []
    if len(numbers) != 3:
        return 0, 0, 0
    if not all(0 < value <= 10_000 for value in numbers):
        raise BadData(f"'image dimensions' in info.json are {numbers}; height, width and channels are expected.")
    return numbers[0], numbers[1], numbers[2]


def _optional(folder: Path, info: Json, key: str) -> Path | None:
    return _required(folder, info, key) if info.get(key) else None


def _required(folder: Path, info: Json, key: str) -> Path:
    path = _inside(folder, str(info[key]))
    if path is None:
        raise BadData(f"{str(info[key])[:100]!r}, which info.json names as its {key}, is not among the files.")
    return path


def _inside(folder: Path, name: str) -> Path | None:
    """The file of this name, which must be one of the folder's own."""
    plain = Path(name).name == name and "\0" not in name and len(name) <= 200
    return folder / name if plain and (folder / name).is_file() and not (folder / name).is_symlink() else None
