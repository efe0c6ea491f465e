"""Where pictures and labels lie in the folders that people download: VOC, KITTI, COCO, YOLO, and plain pairs."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from digits_core.data import yolo
from digits_core.data.boxfiles import walk
from digits_core.data.folders import is_picture, only_child, subfolders
from digits_core.errors import BadData
from digits_core.safe.paths import inside, printable, read_regular

PAIRS = (("jpegimages", "annotations"), ("image_2", "label_2"), ("images", "labels"), ("images", "annotations"),
         ("img", "labels"), ("images", "label"), ("image", "label"))
"""Names of the folders of pictures and of labels that stand beside each other, in small letters."""
SPLITS = {"train": "train", "training": "train", "train2017": "train", "train2014": "train", "val": "val",
          "valid": "val", "validation": "val", "val2017": "val", "val2014": "val", "test": "test", "testing": "test",
          "test2017": "test"}
ORDER = ("train", "val", "test")


class Place(NamedTuple):
    """One split of a data set."""

    images: Path
    labels: Path
    """A folder of label files, or the JSON file of COCO."""
    listed: Path | None = None
    """A text file with the names of the pictures that belong to this split; None: all."""
    names_near: tuple[Path, ...] = ()
    """Where a list of class names may lie."""


def find(top: Path, roots: Sequence[Path] = ()) -> dict[str, Place]:
    """The splits below ``top``, at least "train". Raises BadData when a place leads out of ``roots`` or is missing."""
    top = only_child(top)
    found = _yolo(top) or _voc(top) or _by_folder(top) or _pair(top) or {"train": Place(top, top, None, (top,))}
    if "train" not in found:
        raise BadData(f"The folder {printable(str(top))!r} has pictures for {', '.join(found)} and none for training: "
                      "there is no folder \"train\".")
    for split, place in found.items():
        for path in (place.images, place.labels):
            if not inside(os.path.realpath(path), roots):
                raise BadData(f"{printable(str(path))!r} ({split}) is outside the folders that this server may read.")
            if not path.exists():
                raise BadData(f"{printable(str(path))!r} is missing; it should hold the {split} pictures or labels.")
    return {split: found[split] for split in ORDER if split in found}


def _yolo(top: Path) -> dict[str, Place]:
    """What a data.yaml says: its train, val and test are folders of pictures."""
    path = next((top / name for name in yolo.YAML_FILES if (top / name).is_file()), None)
    if path is None:
        return {}
    keys = yolo.read_yaml(read_regular(str(path), limit=1_000_000), path.name)
    found = {}
    for key in ("train", "val", "valid", "test"):
        if isinstance(keys.get(key), str):
            images = _yolo_images(top, str(keys.get("path") or ""), keys[key], path.name, key == "test")
            if images is not None:
                found[SPLITS[key]] = Place(images, _yolo_labels(images), None, (path,))
    return found


def _yolo_images(top: Path, base: str, text: str, name: str, optional: bool) -> Path | None:
    """The folder that a data.yaml means: relative to its "path", to itself, or, as Roboflow writes it, one too high."""
    starts = [top / base / text, top / text, top / text.removeprefix("../")]
    folder = next((place for place in starts if place.is_dir()), None)
    if folder is None and any(place.is_file() for place in starts):
        raise BadData(f"{name}: {printable(text)!r} is a list of files; folders of pictures are read. Name the folder.")
    if folder is None and not optional:
        raise BadData(f"{name}: there is no folder {printable(text)!r} beside it.")
    return folder


def _yolo_labels(images: Path) -> Path:
    """``a/images/b`` is labelled in ``a/labels/b``; without "images" the labels lie beside the pictures."""
    parts = list(images.parts)
    for place in range(len(parts) - 1, 0, -1):
        if parts[place].lower() == "images":
            other = Path(*parts[:place], "labels", *parts[place + 1:])
            return other if other.is_dir() else images
    return images


def _voc(top: Path) -> dict[str, Place]:
    """JPEGImages and Annotations, divided by the lists in ImageSets/Main."""
    lists = top / "ImageSets" / "Main"
    if not ((top / "JPEGImages").is_dir() and (top / "Annotations").is_dir() and lists.is_dir()):
        return {}
    names = {"train": "train", "val": "val", "test": "test"}
    if not (lists / "train.txt").is_file():
        names = {"train": "trainval", "test": "test"}
    return {split: Place(top / "JPEGImages", top / "Annotations", lists / f"{name}.txt")
            for split, name in names.items() if (lists / f"{name}.txt").is_file()}


def _by_folder(top: Path) -> dict[str, Place]:
    """train, val and test beside each other, each with pictures and labels; COCO's labels lie in "annotations"."""
    found = {}
    for name in subfolders(top):
        split = SPLITS.get(name.lower())
        if split and split not in found:
            inner = _pair(top / name).get("train")
            found[split] = inner or Place(top / name, _json_for(top / "annotations", name) or top / name, None,
                                          (top / name, top))
    return found if "train" in found else {}


def _pair(top: Path) -> dict[str, Place]:
    """A folder of pictures beside one of labels, either of them perhaps divided into train, val and test."""
    inner = {name.lower(): top / name for name in subfolders(top)}
    pair = next((pair for pair in PAIRS if pair[0] in inner and pair[1] in inner), None)
    if pair is None:
        return {}
    images, labels = inner[pair[0]], inner[pair[1]]
    found = {}
    for name in subfolders(images):
        if split := SPLITS.get(name.lower()):
            mine = labels / name if (labels / name).is_dir() else _json_for(labels, name) or labels
            found[split] = Place(images / name, mine, None, (labels, top))
    beside = any(is_picture(path.name) for path in images.iterdir())
    if "train" in found and not beside:
        return found
    return {"train": Place(images, _json_for(labels, "train") or labels, None, (labels, top))}


def _json_for(folder: Path, split: str) -> Path | None:
    """COCO's file for a split: the one named after it ("instances_train2017.json"), among several instances_*."""
    if not folder.is_dir():
        return None
    files = [Path(file.path) for file in walk(folder, [".json"])]
    fitting = [path for path in files if split.lower() in path.stem.lower()]
    instances = [path for path in fitting if path.stem.startswith("instances")]
    found = instances or fitting or files
    return found[0] if len(found) == 1 else None
